//! Values that a foreign format has and our reports have no member for.
//!
//! Where a community declares a field of the value's name, for jobs, files or datasets, the value
//! goes there; else it stays with the job, in its environment. So nothing that a producer says is
//! lost, and nobody has to declare a field to have a report taken.

use sbk_api::{Code, Metadata, Problem};
use sbk_metadata::{Entity, Kind, Schema};
use serde_json::Value;

/// Puts a value under a field, and says whether the community declares it.
pub fn put(
    schema: &Schema,
    entity: Entity,
    metadata: &mut Metadata,
    field: &str,
    text: &str,
) -> bool {
    let Some(declared) = schema.field(entity, field) else { return false };
    let one = value(declared.kind.element(), text);
    let is_list = matches!(declared.kind, Kind::List(_));
    metadata.insert(field.to_owned(), if is_list { Value::Array(vec![one]) } else { one });
    true
}

/// A text as a value of a kind; what does not fit stays a text, which the field then refuses.
fn value(kind: &Kind, text: &str) -> Value {
    let read = match kind {
        Kind::Int => text.parse::<i64>().ok().map(Value::from),
        Kind::Float => text.parse::<f64>().ok().map(Value::from),
        Kind::Bool => match text.to_ascii_lowercase().as_str() {
            "y" | "yes" | "true" | "1" => Some(Value::Bool(true)),
            "n" | "no" | "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    };
    read.unwrap_or_else(|| Value::from(text))
}

/// Reads a value of a report, or says which one is wrong.
pub fn parsed<T>(field: &str, text: &str) -> Result<T, Problem>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.trim().parse().map_err(|error: T::Err| wrong(field, text, error))
}

/// Reads a value that is made of a number.
pub fn counted<T>(field: &str, text: &str) -> Result<T, Problem>
where
    T: TryFrom<i64>,
    T::Error: std::fmt::Display,
{
    let number: i64 = parsed(field, text)?;
    T::try_from(number).map_err(|error| wrong(field, text, error))
}

/// Says that a value of a report is wrong.
pub fn wrong(field: &str, text: &str, error: impl std::fmt::Display) -> Problem {
    let shown: String = text.chars().take(100).collect();
    let detail = format!("{field} {shown:?}: {error}");
    Problem { field: Some(field.to_owned()), ..Problem::new(Code::Invalid, detail) }
}

/// A value of JSON as people would write it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
