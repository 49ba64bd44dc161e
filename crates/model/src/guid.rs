use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

/// The globally unique id that a producer gave a file: 1 to 36 printable characters of ASCII.
///
/// Nearly always it is a UUID (RFC 9562), whose letters are written in upper case as POOL and ROOT
/// do, so that two spellings are one id. What has another form, as in old catalogues, stays as it
/// is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid {
    bytes: [u8; Self::MAX_LEN],
    length: u8,
}

/// Where the dashes of a UUID stand.
const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Guid {
    /// The greatest length in bytes: that of a UUID.
    pub const MAX_LEN: usize = 36;

    /// The text.
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }
}

/// Whether a text has the form of a UUID, in letters of any case.
fn is_uuid(text: &[u8]) -> bool {
    let fits = |(at, byte): (usize, &u8)| {
        if DASHES.contains(&at) { *byte == b'-' } else { byte.is_ascii_hexdigit() }
    };
    text.len() == Guid::MAX_LEN && text.iter().enumerate().all(fits)
}

impl FromStr for Guid {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let given = text.as_bytes();
        let mut bytes = [0; Self::MAX_LEN];
        let room = match bytes.get_mut(..given.len()) {
            Some(room) if !given.is_empty() => room,
            _ => return Err(Invalid::new("guid", text, "has not 1 to 36 characters")),
        };
        if !given.iter().all(u8::is_ascii_graphic) {
            let reason = "has a character that is no printable one of ASCII";
            return Err(Invalid::new("guid", text, reason));
        }
        room.copy_from_slice(given);
        if is_uuid(given) {
            room.make_ascii_uppercase();
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 36")]
        Ok(Self { bytes, length: given.len() as u8 })
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({:?})", self.as_str())
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
    fn a_uuid_is_written_in_upper_case() {
        let guid: Guid = "6e1bb6a6-3e3c-11e0-a8c9-003048d2bd1a".parse().unwrap();

        assert_eq!(guid.to_string(), "6E1BB6A6-3E3C-11E0-A8C9-003048D2BD1A");
    }

    #[test]
    fn what_is_no_uuid_stays_as_it_is() {
        let guid = |text: &str| text.parse::<Guid>().map(|guid| guid.to_string());

        assert_eq!(guid("1000").unwrap(), "1000");
        assert_eq!(guid("aB").unwrap(), "aB");
        assert!(guid("").is_err());
        assert!(guid("a b").is_err());
        assert!(guid(&"a".repeat(37)).is_err());
    }
}
