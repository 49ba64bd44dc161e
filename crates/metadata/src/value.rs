//! Typed values of metadata fields.

use std::{cmp::Ordering, fmt};

use sbk_model::Timestamp;
use serde_json::{Number, Value as Json};

/// The value of a metadata field, checked against the field's kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A finite floating-point number; zero has no sign.
    Float(f64),
    /// A decimal number: `unscaled / 10^scale`.
    Decimal {
        /// The number times `10^scale`.
        unscaled: i64,
        /// The number of digits after the point.
        scale: u8,
    },
    /// A text, or a value of an enumeration.
    Text(String),
    /// True or false.
    Bool(bool),
    /// A day, counted from 1970-01-01.
    Date(i32),
    /// A moment.
    DateTime(Timestamp),
    /// Several values of one kind.
    List(Vec<Value>),
}

/// The form in which a value is stored in a typed column.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValue {
    /// A 64-bit integer.
    Int(i64),
    /// A 64-bit floating-point number.
    Float(f64),
    /// A text.
    Text(String),
}

impl Value {
    /// The canonical JSON form: a document holds exactly this.
    ///
    /// A decimal is a text with all its digits after the point, a date is `2026-01-31`, a moment
    /// is RFC 3339 in UTC, and a floating-point number is never written as an integer.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Int(number) => Json::from(*number),
            Self::Float(number) => Number::from_f64(*number).map_or(Json::Null, Json::Number),
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Text(text) => Json::String(text.clone()),
            Self::List(values) => values.iter().map(Self::to_json).collect(),
            Self::Decimal { .. } | Self::Date(_) | Self::DateTime(_) => {
                Json::String(self.to_string())
            }
        }
    }

    /// The form for a typed column; `None` for a list, which has no column.
    ///
    /// A decimal is its unscaled number, a date its days and a moment its microseconds since
    /// 1970, and a truth value 0 or 1.
    pub fn column(&self) -> Option<ColumnValue> {
        Some(match self {
            Self::Int(number) => ColumnValue::Int(*number),
            Self::Decimal { unscaled, .. } => ColumnValue::Int(*unscaled),
            Self::Bool(truth) => ColumnValue::Int(i64::from(*truth)),
            Self::Date(days) => ColumnValue::Int(i64::from(*days)),
            Self::DateTime(moment) => ColumnValue::Int(moment.micros()),
            Self::Float(number) => ColumnValue::Float(*number),
            Self::Text(text) => ColumnValue::Text(text.clone()),
            Self::List(_) => return None,
        })
    }

    /// Compares two values of one kind; `None` where the kinds differ or have no order.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (
                Self::Decimal { unscaled: a, scale: one },
                Self::Decimal { unscaled: b, scale: two },
            ) if one == two => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::DateTime(a), Self::DateTime(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The value itself, or each element of a list.
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(values) => values,
            single => std::slice::from_ref(single),
        }
    }
}

impl fmt::Display for Value {
    /// Writes the value as a person would type it, a text without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{}", Json::from(*number)),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Text(text) => f.write_str(text),
            Self::Date(days) => match civil_date(*days) {
                Some(date) => write!(f, "{date}"),
                None => write!(f, "{days} days since 1970"),
            },
            Self::DateTime(moment) => write!(f, "{moment}"),
            Self::Decimal { unscaled, scale } => write_decimal(f, *unscaled, *scale),
            Self::List(values) => {
                for (at, value) in values.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{value}")?;
                }
                Ok(())
            }
        }
    }
}

/// Writes a decimal number with all its digits after the point.
fn write_decimal(f: &mut fmt::Formatter<'_>, unscaled: i64, scale: u8) -> fmt::Result {
    let sign = if unscaled < 0 { "-" } else { "" };
    let one = 10_u64.pow(u32::from(scale));
    let (whole, fraction) = (unscaled.unsigned_abs() / one, unscaled.unsigned_abs() % one);
    match scale {
        0 => write!(f, "{sign}{whole}"),
        _ => write!(f, "{sign}{whole}.{fraction:0width$}", width = usize::from(scale)),
    }
}

/// The day that dates are counted from.
const FIRST_DAY: jiff::civil::Date = jiff::civil::Date::constant(1970, 1, 1);

/// The calendar date of a day counted from 1970-01-01.
fn civil_date(days: i32) -> Option<jiff::civil::Date> {
    FIRST_DAY.checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// Reads `2026-01-31` as the days since 1970-01-01; the year is 1 to 9999.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    if text.len() != 10 {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    if date.year() < 1 {
        return None;
    }
    let days = FIRST_DAY.until(date).ok()?.get_days();
    Some(days)
}

/// Reads a moment as RFC 3339, or a date as its midnight in UTC.
///
/// A moment without a time zone, one that is finer than a microsecond and one before the year 1
/// are refused.
pub(crate) fn parse_moment(text: &str) -> Option<Timestamp> {
    if let Some(days) = parse_date(text) {
        return Some(midnight(days));
    }
    let moment: jiff::Timestamp = text.parse().ok()?;
    let whole = moment.subsec_nanosecond() % 1000 == 0;
    let since_year_1 = moment.as_second() >= FIRST_SECOND;
    (whole && since_year_1).then(|| Timestamp::from_micros(moment.as_microsecond()))
}

/// The first second of the year 1, since 1970.
const FIRST_SECOND: i64 = -62_135_596_800;

/// The first moment of a day in UTC.
pub(crate) const fn midnight(days: i32) -> Timestamp {
    Timestamp::from_micros(days as i64 * MICROS_PER_DAY)
}

/// Microseconds of a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_keeps_its_digits() {
        let text = |unscaled, scale| Value::Decimal { unscaled, scale }.to_string();

        assert_eq!(text(12_500, 4), "1.2500");
        assert_eq!(text(-5, 2), "-0.05");
        assert_eq!(text(7, 0), "7");
        assert_eq!(text(i64::MIN, 9), "-9223372036.854775808");
    }

    #[test]
    fn dates_survive_their_text() {
        for text in ["1970-01-01", "2026-01-31", "0001-01-01", "9999-12-31", "2024-02-29"] {
            let days = parse_date(text).unwrap();
            assert_eq!(Value::Date(days).to_string(), text);
        }
        assert_eq!(parse_date("2026-02-30"), None);
        assert_eq!(parse_date("20260131"), None);
        assert_eq!(parse_date("1970-01-02"), Some(1));
    }

    #[test]
    fn a_date_is_the_beginning_of_its_day() {
        assert_eq!(parse_moment("2026-01-31"), parse_moment("2026-01-31T01:00:00+01:00"));
        assert_eq!(parse_moment("2026-01-31T12:00:00"), None);
        assert_eq!(parse_moment("2026-01-31T12:00:00.0000001Z"), None);
        assert_eq!(parse_moment("-000005-01-31T12:00:00Z"), None);
        assert_eq!(parse_moment("0001-01-01"), parse_moment("0001-01-01T00:00:00Z"));
    }

    #[test]
    fn a_float_is_written_with_a_point() {
        assert_eq!(Value::Float(5.0).to_json().to_string(), "5.0");
        assert_eq!(Value::Float(5.0).to_string(), "5.0");
    }

    #[test]
    fn columns_hold_numbers_or_text() {
        assert_eq!(Value::Bool(true).column(), Some(ColumnValue::Int(1)));
        assert_eq!(Value::Date(1).column(), Some(ColumnValue::Int(1)));
        assert_eq!(midnight(1).micros(), MICROS_PER_DAY);
        assert_eq!(Value::List(vec![]).column(), None);
    }
}
