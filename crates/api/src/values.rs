//! The values of a file's fields as they are answered.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use crate::Metadata;

/// The values of a file's fields: one JSON object.
///
/// What the database holds is passed on as text where nobody looks inside; to take every document
/// apart and to write it again took a seventh of the service's time in a stream.
#[derive(Debug, Clone)]
pub enum Values {
    /// As text, with the fields in the order of their names and no space between tokens.
    Text(Box<RawValue>),
    /// Taken apart.
    Map(Metadata),
}

impl Values {
    /// The values that a stored text holds, which is an object with its fields in order.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn from_text(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self::Text)
    }

    /// The values of a text that a database wrote in its own way, with other spaces and another
    /// order.
    ///
    /// # Errors
    /// The text is no JSON object.
    pub fn from_reordered(text: &str) -> Result<Self, serde_json::Error> {
        let mut fields = serde_json::from_str::<Fields<'_>>(text)?.0;
        fields.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut out = String::with_capacity(text.len());
        for (name, value) in fields {
            out.push(if out.is_empty() { '{' } else { ',' });
            out.push_str(&serde_json::to_string(&name)?);
            out.push(':');
            let value = value.get();
            if value.starts_with(['[', '{']) {
                let inner: serde_json::Value = serde_json::from_str(value)?;
                out.push_str(&inner.to_string());
            } else {
                out.push_str(value);
            }
        }
        if out.is_empty() {
            return Ok(Self::default());
        }
        out.push('}');
        Self::from_text(out)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.get() == "{}",
            Self::Map(map) => map.is_empty(),
        }
    }

    /// The values by field.
    pub fn map(&self) -> Cow<'_, Metadata> {
        match self {
            Self::Text(text) => Cow::Owned(serde_json::from_str(text.get()).unwrap_or_default()),
            Self::Map(map) => Cow::Borrowed(map),
        }
    }
}

impl Default for Values {
    fn default() -> Self {
        Self::Map(Metadata::new())
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.map() == other.map()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Map(map) => map.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Metadata::deserialize(deserializer).map(Self::Map)
    }
}

/// The fields of an object with the texts of their values.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// The name of a field, borrowed where it holds no escape.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_postgresql_is_put_in_order() {
        let text = r#"{"b": [1, "x y"], "run": 5, "aa": {"z": 1}, "a\"b": "{, }"}"#;

        let values = Values::from_reordered(text).unwrap();

        let written = serde_json::to_string(&values).unwrap();
        assert_eq!(written, r#"{"a\"b":"{, }","aa":{"z":1},"b":[1,"x y"],"run":5}"#);
        assert_eq!(values, serde_json::from_str(text).unwrap());
        assert!(Values::from_reordered("{}").unwrap().is_empty());
        assert!(Values::from_reordered("[1]").is_err());
    }
}
