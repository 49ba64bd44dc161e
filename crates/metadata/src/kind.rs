//! Kinds of metadata fields, and how a value of each is read.

use std::fmt;

use serde_json::Value as Json;

use crate::{
    Unit, Value,
    number::{Exact, split_quantity},
    problem::{Refusal, nearest},
    value::{parse_date, parse_moment},
};

/// What values a field has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A whole number of 64 bits.
    Int,
    /// A finite floating-point number of 64 bits.
    Float,
    /// A decimal number with a fixed number of digits after the point.
    Decimal {
        /// The digits after the point, at most [`Kind::MAX_SCALE`].
        scale: u8,
    },
    /// A text.
    String,
    /// True or false.
    Bool,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// One of several texts.
    Enum {
        /// The values, in the order in which they are shown.
        values: Vec<String>,
        /// Whether a value that is not listed is accepted.
        open: bool,
    },
    /// Several values of one kind, which is no list.
    List(Box<Kind>),
}

/// The type of the column that a searchable field gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// A 64-bit integer.
    Int,
    /// A 64-bit floating-point number.
    Float,
    /// A text that is compared byte by byte.
    Text,
}

impl Kind {
    /// The most digits after the point of a decimal number.
    pub const MAX_SCALE: u8 = 9;
    /// The greatest length of a text, in bytes.
    pub const MAX_TEXT: usize = 4096;
    /// The most elements of a list.
    pub const MAX_LIST: usize = 256;

    /// The kind's name as a schema writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Decimal { .. } => "decimal",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Enum { .. } => "enum",
            Self::List(_) => "list",
        }
    }

    /// The type of the column of a searchable field; `None` for a list, which is searched in
    /// the document.
    pub fn column_type(&self) -> Option<ColumnType> {
        match self {
            Self::Int | Self::Decimal { .. } | Self::Bool | Self::Date | Self::DateTime => {
                Some(ColumnType::Int)
            }
            Self::Float => Some(ColumnType::Float),
            Self::String | Self::Enum { .. } => Some(ColumnType::Text),
            Self::List(_) => None,
        }
    }

    /// The kind of the values: of a list its elements' kind, otherwise the kind itself.
    pub fn element(&self) -> &Self {
        match self {
            Self::List(element) => element,
            single => single,
        }
    }

    /// Whether values are numbers, which may have a unit.
    pub fn is_numeric(&self) -> bool {
        matches!(self.element(), Self::Int | Self::Float | Self::Decimal { .. })
    }

    /// Whether values are texts.
    pub fn is_text(&self) -> bool {
        matches!(self.element(), Self::String | Self::Enum { .. })
    }

    /// Whether values have an order that `<` and `>` can ask for.
    pub fn is_ordered(&self) -> bool {
        !matches!(self.element(), Self::Bool | Self::Enum { .. })
    }

    /// Whether two kinds hold the same type of values, whatever an enumeration lists.
    pub fn same_type(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Enum { .. }, Self::Enum { .. }) => true,
            (Self::List(one), Self::List(two)) => one.same_type(two),
            _ => self == other,
        }
    }

    /// Reads a value. A number may also be a text with a unit, which is converted to `unit`.
    pub(crate) fn read(&self, json: &Json, unit: Option<&Unit>) -> Result<Value, Refusal> {
        match self {
            Self::Int | Self::Float | Self::Decimal { .. } => self.read_number(json, unit),
            Self::String => read_text(json).map(|text| Value::Text(text.to_owned())),
            Self::Bool => match json {
                Json::Bool(truth) => Ok(Value::Bool(*truth)),
                Json::String(text) if text == "true" => Ok(Value::Bool(true)),
                Json::String(text) if text == "false" => Ok(Value::Bool(false)),
                _ => Err("is neither true nor false".into()),
            },
            Self::Date => (json.as_str().and_then(parse_date).map(Value::Date))
                .ok_or_else(|| "is not a date such as \"2026-01-31\"".into()),
            Self::DateTime => {
                let reason = "is not a moment such as \"2026-01-31T12:00:00Z\", with a time zone \
                              and at most microseconds";
                (json.as_str().and_then(parse_moment).map(Value::DateTime))
                    .ok_or_else(|| reason.into())
            }
            Self::Enum { values, open } => read_enum(json, values, *open),
            Self::List(element) => read_list(json, element, unit),
        }
    }

    /// Reads a number with or without a unit.
    fn read_number(&self, json: &Json, unit: Option<&Unit>) -> Result<Value, Refusal> {
        match (self, json) {
            (Self::Int, Json::Number(number)) if number.is_i64() => {
                return (number.as_i64().map(Value::Int)).ok_or_else(|| self.not_a_number());
            }
            (Self::Float, Json::Number(number)) => {
                return finite(number.as_f64().unwrap_or(f64::NAN));
            }
            _ => {}
        }
        let plain;
        let text = match json {
            Json::Number(number) => {
                plain = number.to_string();
                plain.as_str()
            }
            Json::String(text) if text.len() <= 64 => text.as_str(),
            _ => return Err(self.not_a_number()),
        };
        let (digits, given) = split_quantity(text).ok_or_else(|| self.not_a_number())?;
        let Some(given) = read_unit(given, unit)? else {
            return self.of_number(digits, None);
        };
        let to = unit.unwrap_or(&given);
        let exact = Exact::parse(digits).and_then(|number| given.convert_exact(number, to));
        match (exact, self) {
            (None, Self::Float) => {
                let number = digits.parse().map_err(|_| self.not_a_number())?;
                finite(given.convert_rounded(number, to).unwrap_or(f64::NAN))
            }
            (None, _) => Err(format!("cannot be converted exactly to {to}").into()),
            (exact, _) => self.of_number(digits, exact),
        }
    }

    /// Makes a value of a number that has the field's unit.
    fn of_number(&self, digits: &str, converted: Option<Exact>) -> Result<Value, Refusal> {
        let exact = converted.or_else(|| Exact::parse(digits));
        match self {
            Self::Float => match converted {
                Some(number) => finite(number.to_f64()),
                None => finite(digits.parse().map_err(|_| self.not_a_number())?),
            },
            Self::Decimal { scale } => match exact.and_then(|number| number.scaled(*scale)) {
                Some(unscaled) => Ok(Value::Decimal { unscaled, scale: *scale }),
                None => {
                    Err(format!("has more than {scale} digits after the point, or is too large")
                        .into())
                }
            },
            _ => (exact.and_then(Exact::to_int).map(Value::Int))
                .ok_or_else(|| "is not a whole number of 64 bits".into()),
        }
    }

    fn not_a_number(&self) -> Refusal {
        match self {
            Self::Int => "is not a whole number".into(),
            _ => "is not a number".into(),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal { scale } => write!(f, "decimal with {scale} digits after the point"),
            Self::List(element) => write!(f, "list of {element}"),
            _ => f.write_str(self.name()),
        }
    }
}

/// Reads the unit that follows a number and compares it with the field's.
fn read_unit(given: &str, wanted: Option<&Unit>) -> Result<Option<Unit>, Refusal> {
    if given.is_empty() {
        return Ok(None);
    }
    let Ok(unit) = given.parse::<Unit>() else {
        return Err("is not a number, nor a number with a unit".into());
    };
    match wanted {
        None => Err(format!("has the unit {unit}, but the field has none").into()),
        Some(wanted) if unit.converts_to(wanted) => Ok(Some(unit)),
        Some(wanted) => {
            let reason = format!("has the unit {unit}, which cannot be converted to {wanted}");
            let suggestion = match unit.dimension() {
                Some(_) => None,
                None => nearest(unit.as_str(), wanted.related()),
            };
            Err(Refusal { reason, suggestion })
        }
    }
}

/// Accepts a finite number; zero loses its sign.
fn finite(number: f64) -> Result<Value, Refusal> {
    if number.is_finite() {
        Ok(Value::Float(if number == 0.0 { 0.0 } else { number }))
    } else {
        Err("is too large for a floating-point number".into())
    }
}

/// Accepts a text that every database can hold.
fn read_text(json: &Json) -> Result<&str, Refusal> {
    let text = json.as_str().ok_or_else(|| Refusal::from("is not a text"))?;
    if text.len() > Kind::MAX_TEXT {
        return Err(format!("is longer than {} bytes", Kind::MAX_TEXT).into());
    }
    if text.contains('\0') {
        return Err("has a NUL character".into());
    }
    Ok(text)
}

/// Accepts a value of an enumeration.
fn read_enum(json: &Json, values: &[String], open: bool) -> Result<Value, Refusal> {
    let text = read_text(json)?;
    if !open && !values.iter().any(|value| value == text) {
        return Err(not_listed(text, values));
    }
    Ok(Value::Text(text.to_owned()))
}

/// Says which values there are, shortened, and which of them is nearest.
pub(crate) fn not_listed(text: &str, values: &[String]) -> Refusal {
    let shown = values.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if values.len() > 12 { ", …" } else { "" };
    Refusal {
        reason: format!("is not one of: {shown}{more}"),
        suggestion: nearest(text, values.iter().map(String::as_str)),
    }
}

/// Reads each element of a list.
fn read_list(json: &Json, element: &Kind, unit: Option<&Unit>) -> Result<Value, Refusal> {
    let items = json.as_array().ok_or_else(|| Refusal::from("is not a list"))?;
    if items.len() > Kind::MAX_LIST {
        return Err(format!("has more than {} elements", Kind::MAX_LIST).into());
    }
    let read = |(at, item)| {
        element.read(item, unit).map_err(|refusal| Refusal {
            reason: format!("has the element {at} ({item}) that {}", refusal.reason),
            suggestion: refusal.suggestion,
        })
    };
    items.iter().enumerate().map(read).collect::<Result<_, _>>().map(Value::List)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(kind: &Kind, json: &Json, unit: &str) -> Result<Value, String> {
        let unit = (!unit.is_empty()).then(|| unit.parse::<Unit>().unwrap());
        kind.read(json, unit.as_ref()).map_err(|refusal| refusal.reason)
    }

    #[test]
    fn a_number_with_a_unit_is_converted() {
        assert_eq!(read(&Kind::Float, &json!("91200 MeV"), "GeV"), Ok(Value::Float(91.2)));
        assert_eq!(read(&Kind::Int, &json!("2 GB"), "B"), Ok(Value::Int(2_000_000_000)));
        assert_eq!(read(&Kind::Int, &json!(5.0), ""), Ok(Value::Int(5)));
        assert_eq!(
            read(&Kind::Decimal { scale: 3 }, &json!("1.5 kHz"), "MHz"),
            Err("has more than 3 digits after the point, or is too large".into())
        );
    }

    #[test]
    fn a_whole_field_refuses_a_part() {
        assert!(read(&Kind::Int, &json!("1.5 B"), "kB").is_err());
        assert!(read(&Kind::Int, &json!("1500 B"), "kB").is_err());
        assert!(read(&Kind::Int, &json!(1.5), "").is_err());
    }

    #[test]
    fn a_wrong_unit_names_both() {
        let error = read(&Kind::Float, &json!("5 pb"), "GeV").unwrap_err();
        assert!(error.contains("pb") && error.contains("GeV"), "{error}");

        let error = read(&Kind::Float, &json!("5 GeV"), "").unwrap_err();
        assert!(error.contains("the field has none"), "{error}");
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        assert!(read(&Kind::String, &json!("a".repeat(4097)), "").is_err());
        assert!(read(&Kind::String, &json!("a\0b"), "").is_err());
        assert!(read(&Kind::Float, &json!("1e400"), "").is_err());
        assert!(read(&Kind::List(Box::new(Kind::Int)), &json!(vec![1; 257]), "").is_err());
        assert!(read(&Kind::Int, &json!(u64::MAX), "").is_err());
    }

    #[test]
    fn zero_has_no_sign() {
        let Ok(Value::Float(zero)) = read(&Kind::Float, &json!(-0.0), "") else { panic!() };

        assert!(zero.is_sign_positive());
    }

    #[test]
    fn a_closed_enumeration_suggests_the_nearest_value() {
        let kind = Kind::Enum { values: vec!["QGSP".into(), "QGSP_BERT".into()], open: false };

        let refusal = kind.read(&json!("QGSP_BERTT"), None).unwrap_err();

        assert_eq!(refusal.suggestion.as_deref(), Some("QGSP_BERT"));
    }
}
