use std::fmt;

use sbk_api::Metadata;
use sbk_model::Timestamp;
use serde_json::Value;

use crate::human;

/// One value of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// A text.
    Text(String),
    /// Several texts.
    Lines(Vec<String>),
    /// A number of things.
    Count(i64),
    /// A number of bytes.
    Bytes(i64),
    /// A number of things beside the number that was declared, which is another.
    CountOf(i64, i64),
    /// A number of bytes beside the number that was declared, which is another.
    BytesOf(i64, i64),
    /// A moment.
    Time(Timestamp),
    /// Nothing is known.
    Missing,
}

impl Cell {
    /// A text.
    pub fn text(text: impl fmt::Display) -> Self {
        Self::Text(text.to_string())
    }

    /// A text that may be absent.
    pub fn optional(text: Option<impl fmt::Display>) -> Self {
        text.map_or(Self::Missing, Self::text)
    }

    /// Several texts.
    pub fn list(texts: impl IntoIterator<Item = impl fmt::Display>) -> Self {
        let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
        if texts.is_empty() { Self::Missing } else { Self::Lines(texts) }
    }

    /// A number that may be unknown.
    pub fn count(number: Option<i64>) -> Self {
        number.map_or(Self::Missing, Self::Count)
    }

    /// A number of bytes that may be unknown.
    pub fn bytes(number: Option<i64>) -> Self {
        number.map_or(Self::Missing, Self::Bytes)
    }

    /// A number that may be unknown, beside what was declared where that differs.
    pub fn count_of(number: Option<i64>, declared: Option<i64>) -> Self {
        match (number, declared) {
            (Some(number), Some(declared)) if number != declared => Self::CountOf(number, declared),
            _ => Self::count(number),
        }
    }

    /// A number of bytes that may be unknown, beside what was declared where that differs.
    pub fn bytes_of(number: Option<i64>, declared: Option<i64>) -> Self {
        match (number, declared) {
            (Some(number), Some(declared)) if number != declared => Self::BytesOf(number, declared),
            _ => Self::bytes(number),
        }
    }

    /// Metadata values as `field=value`.
    pub fn metadata(metadata: &Metadata) -> Self {
        Self::list(metadata.iter().map(|(field, value)| format!("{field}={}", plain(value))))
    }

    /// The value for people.
    pub fn human(&self) -> String {
        match self {
            Self::Text(text) => one_line(text),
            Self::Lines(texts) => one_line(&texts.join(", ")),
            Self::Count(number) => human::count(*number),
            Self::Bytes(number) => human::bytes(*number),
            Self::CountOf(number, declared) => {
                format!("{} of {}", human::count(*number), human::count(*declared))
            }
            Self::BytesOf(number, declared) => {
                format!("{} of {}", human::bytes(*number), human::bytes(*declared))
            }
            Self::Time(time) => whole_seconds(*time),
            Self::Missing => "-".to_owned(),
        }
    }

    /// The value for people, where there is room for more than one line.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Lines(texts) => texts.iter().map(|text| one_line(text)).collect(),
            other => vec![other.human()],
        }
    }

    /// The value for programs.
    pub fn plain(&self) -> String {
        match self {
            Self::Text(text) => one_line(text),
            Self::Lines(texts) => one_line(&texts.join(", ")),
            Self::Count(number)
            | Self::Bytes(number)
            | Self::CountOf(number, _)
            | Self::BytesOf(number, _) => number.to_string(),
            Self::Time(time) => time.to_string(),
            Self::Missing => String::new(),
        }
    }

    /// Whether the value stands at the right of its column.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Count(_) | Self::Bytes(_) | Self::CountOf(..) | Self::BytesOf(..))
    }
}

/// A JSON value as text: texts without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The text without what would break a line, a column or a terminal.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// A moment without the fraction of its second.
fn whole_seconds(time: Timestamp) -> String {
    Timestamp::from_micros(time.micros().div_euclid(1_000_000) * 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_a_form_for_people_and_one_for_programs() {
        let time = Timestamp::from_micros(1_700_000_000_250_000);
        let cases = [
            (Cell::Bytes(2048), "2.00 KiB", "2048"),
            (Cell::Count(1234), "1,234", "1234"),
            (Cell::count_of(Some(0), Some(1234)), "0 of 1,234", "0"),
            (Cell::count_of(Some(5), Some(5)), "5", "5"),
            (Cell::bytes_of(Some(0), Some(2048)), "0 B of 2.00 KiB", "0"),
            (Cell::Time(time), "2023-11-14T22:13:20Z", "2023-11-14T22:13:20.25Z"),
            (Cell::Missing, "-", ""),
            (Cell::text("a\tb\u{1b}[2J"), "a b [2J", "a b [2J"),
        ];
        for (cell, human, plain) in cases {
            assert_eq!((cell.human().as_str(), cell.plain().as_str()), (human, plain));
        }
    }
}
