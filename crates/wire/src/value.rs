use jiff::civil::{Date, DateTime, Time};

/// What may be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep lists and dictionaries may stand within one another.
    pub depth: usize,
    /// How many values there may be, keys of dictionaries included.
    pub values: usize,
}

impl Default for Limits {
    /// 64 levels and two million values.
    fn default() -> Self {
        Self { depth: 64, values: 2_000_000 }
    }
}

/// A value that DIRAC can send.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number. Python's have no bound; those that do not fit are refused.
    Int(i64),
    /// A double; it may be infinite or no number.
    Float(f64),
    /// A text.
    Text(String),
    /// Bytes, or a text that is not UTF-8.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Value>),
    /// A list that Python does not change. JSON makes it a list.
    Tuple(Vec<Value>),
    /// A dictionary in the order in which it was sent; of two values of one key the last counts.
    Dict(Vec<(Value, Value)>),
    /// A date with a time, in UTC by convention.
    DateTime(DateTime),
    /// A date.
    Date(Date),
    /// A time of day.
    Time(Time),
}

impl Value {
    /// A dictionary whose keys are texts.
    pub fn dict<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Dict(
            entries.into_iter().map(|(key, value)| (Self::Text(key.into()), value)).collect(),
        )
    }

    /// The value of a key of a dictionary; `None` where there is none, and where this is no
    /// dictionary.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(entries) = self else { return None };
        entries.iter().rev().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list or a tuple.
    pub fn items(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// A text from bytes; bytes that are not UTF-8 stay bytes, where Python keeps them as lone
/// surrogates.
pub(crate) fn text_or_bytes(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::Text(text),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}
