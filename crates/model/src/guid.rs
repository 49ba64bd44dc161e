use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

/// The globally unique id that a producer gave a file, in the form of a UUID (RFC 9562),
/// written in upper case as POOL and ROOT do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub u128);

impl FromStr for Guid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            let form = "is not of the form XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX";
            Invalid::new("guid", text, form)
        };
        let dashes = [8, 13, 18, 23];
        let fits = text.len() == 36
            && text.bytes().enumerate().all(|(at, byte)| {
                if dashes.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
            });
        if !fits {
            return Err(invalid());
        }
        u128::from_str_radix(&text.replace('-', ""), 16).map(Self).map_err(|_| invalid())
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032X}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Guid {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for Guid {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_written_in_upper_case() {
        let guid: Guid = "6e1bb6a6-3e3c-11e0-a8c9-003048d2bd1a".parse().unwrap();

        assert_eq!(guid.to_string(), "6E1BB6A6-3E3C-11E0-A8C9-003048D2BD1A");
        assert!("6e1bb6a63e3c11e0a8c9003048d2bd1a".parse::<Guid>().is_err());
    }
}
