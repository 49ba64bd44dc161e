use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

/// The globally unique id that a producer gave a file, in the form of a UUID (RFC 9562),
/// written in upper case as POOL and ROOT do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub u128);

/// Where the dashes stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl FromStr for Guid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = || {
            let form = "is not of the form XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX";
            Invalid::new("guid", text, form)
        };
        if text.len() != 36 {
            return Err(invalid());
        }
        let mut number = 0;
        for (at, byte) in text.bytes().enumerate() {
            if DASHES.contains(&at) {
                if byte != b'-' {
                    return Err(invalid());
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or_else(invalid)?;
            number = number << 4 | u128::from(digit);
        }
        Ok(Self(number))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [b'-'; 36];
        let mut rest = self.0;
        for (at, place) in text.iter_mut().enumerate().rev() {
            if !DASHES.contains(&at) {
                *place = b"0123456789ABCDEF"[usize::from(rest.to_le_bytes()[0] & 15)];
                rest >>= 4;
            }
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
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
