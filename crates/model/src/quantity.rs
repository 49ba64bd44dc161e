use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident, $field:literal, $max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
            utoipa::ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = i64, minimum = 0)]
        pub struct $name(i64);

        impl $name {
            /// The greatest value.
            pub const MAX: i64 = $max;

            /// The number.
            pub fn get(self) -> i64 {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = Invalid;

            fn try_from(number: i64) -> Result<Self, Invalid> {
                if (0..=Self::MAX).contains(&number) {
                    return Ok(Self(number));
                }
                let reason = format!("is not between 0 and {}", Self::MAX);
                Err(Invalid::new($field, &number.to_string(), reason))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer)
                    .and_then(|number| Self::try_from(number).map_err(de::Error::custom))
            }
        }
    )*};
}

counts! {
    /// The size of a file in bytes, at most 512 TiB: ten thousand of them still fit a total.
    Size, "size", 1 << 49;
    /// A number of events.
    Events, "events", 1 << 49;
}

/// Permission bits of a directory or file as POSIX has them, written in octal: `"0755"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, example = "0755")]
pub struct Mode(u16);

impl Mode {
    /// What a directory has when nothing is said.
    pub const DIRECTORY: Self = Self(0o775);
    /// What a new directory has that a user makes for himself: only its owner may write.
    pub const OWN_DIRECTORY: Self = Self(0o755);

    /// The bits.
    pub fn bits(self) -> u16 {
        self.0
    }

    /// Takes the twelve lowest bits of a stored number.
    pub fn from_bits(bits: u16) -> Self {
        Self(bits & 0o7777)
    }
}

impl FromStr for Mode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let fits = (3..=5).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        match u16::from_str_radix(text, 8) {
            Ok(bits) if fits && bits <= 0o7777 => Ok(Self(bits)),
            _ => Err(Invalid::new("mode", text, "is not octal permission bits such as 0755")),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_neither_negative_nor_absurd() {
        assert!(Size::try_from(-1).is_err());
        assert!(Size::try_from(i64::MAX).is_err());
        assert!(serde_json::from_str::<Size>("18446744073709551616").is_err());
        assert_eq!(serde_json::from_str::<Size>("42").unwrap().get(), 42);
    }

    #[test]
    fn a_mode_is_octal() {
        assert_eq!("755".parse::<Mode>().unwrap().to_string(), "0755");
        assert!("799".parse::<Mode>().is_err());
        assert!("rwx".parse::<Mode>().is_err());
    }
}
