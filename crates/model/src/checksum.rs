use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

/// An Adler-32 checksum (RFC 1950), canonically eight lower-case hexadecimal digits.
///
/// Producers often lose leading zeros; they are put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Adler32(pub u32);

impl FromStr for Adler32 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |reason| Invalid::new("checksums.adler32", text, reason);
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.is_empty() || digits.len() > 8 {
            return Err(invalid("is not 1 to 8 hexadecimal digits"));
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid("has a character that is no hexadecimal digit"));
        }
        u32::from_str_radix(digits, 16).map(Self).map_err(|_| invalid("is not hexadecimal"))
    }
}

impl fmt::Display for Adler32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// An MD5 digest (RFC 1321), canonically 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5(pub u128);

impl FromStr for Md5 {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |reason| Invalid::new("checksums.md5", text, reason);
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(invalid("is not 32 hexadecimal digits"));
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| invalid("is not hexadecimal"))
    }
}

impl fmt::Display for Md5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The checksums of a file by algorithm, written as `{"adler32": "0a1b2c3d", "md5": …}`.
///
/// `adler32` and `md5` are checked and normalised; of another algorithm only the name and the
/// length are bounded, and the value is kept in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checksums {
    /// The Adler-32 checksum.
    pub adler32: Option<Adler32>,
    /// The MD5 digest.
    pub md5: Option<Md5>,
    /// Values by the name of another algorithm, for instance `sha256`.
    pub others: BTreeMap<String, String>,
}

impl Checksums {
    /// The most algorithms that one file may have.
    pub const MAX_ALGORITHMS: usize = 8;

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.adler32.is_none() && self.md5.is_none() && self.others.is_empty()
    }

    /// Adds the checksum of an algorithm.
    pub fn insert(&mut self, algorithm: &str, value: &str) -> Result<(), Invalid> {
        match algorithm {
            "adler32" => self.adler32 = Some(value.parse()?),
            "md5" => self.md5 = Some(value.parse()?),
            _ => {
                let field = || format!("checksums.{algorithm}");
                let known = algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                if !known || !(1..=16).contains(&algorithm.len()) {
                    let reason =
                        "is not the name of an algorithm; use for instance adler32, md5 or sha256";
                    return Err(Invalid::new("checksums", algorithm, reason));
                }
                if !(1..=128).contains(&value.len())
                    || !value.bytes().all(|b| b.is_ascii_hexdigit())
                {
                    return Err(Invalid::new(field(), value, "is not 1 to 128 hexadecimal digits"));
                }
                if self.others.len() >= Self::MAX_ALGORITHMS {
                    return Err(Invalid::new("checksums", algorithm, "is one algorithm too many"));
                }
                self.others.insert(algorithm.to_owned(), value.to_ascii_lowercase());
            }
        }
        Ok(())
    }

    /// The checksums as pairs of algorithm and text, `adler32` and `md5` first.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, String)> {
        let adler32 = self.adler32.map(|sum| ("adler32", sum.to_string()));
        let md5 = self.md5.map(|sum| ("md5", sum.to_string()));
        let others = self.others.iter().map(|(name, value)| (name.as_str(), value.clone()));
        adler32.into_iter().chain(md5).chain(others)
    }
}

impl Serialize for Checksums {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.pairs())
    }
}

impl<'de> Deserialize<'de> for Checksums {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Checksums;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("checksums by algorithm")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Checksums, A::Error> {
                let mut sums = Checksums::default();
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    sums.insert(&name, &value).map_err(de::Error::custom)?;
                }
                Ok(sums)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl utoipa::PartialSchema for Checksums {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        BTreeMap::<String, String>::schema()
    }
}

impl utoipa::ToSchema for Checksums {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_leading_zeros_are_put_back() {
        assert_eq!("1a2b".parse::<Adler32>().unwrap().to_string(), "00001a2b");
        assert_eq!("DB44CFB8".parse::<Adler32>().unwrap().to_string(), "db44cfb8");
    }

    #[test]
    fn a_checksum_of_the_wrong_length_is_refused() {
        assert!("123456789".parse::<Adler32>().is_err());
        assert!("".parse::<Adler32>().is_err());
        assert!("+1".parse::<Adler32>().is_err());
        assert!("abc".parse::<Md5>().is_err());
        assert!(serde_json::from_str::<Checksums>(r#"{"md5": "zz"}"#).is_err());
    }

    #[test]
    fn other_algorithms_are_kept() {
        let text = r#"{"adler32":"00000001","sha256":"ab"}"#;

        let sums: Checksums = serde_json::from_str(text).unwrap();

        assert_eq!(serde_json::to_string(&sums).unwrap(), text);
    }
}
