//! Lenient access to values whose types the producers do not keep.

use sbk_model::Invalid;
use serde_json::Value;

/// Makes one line of a text: runs of control characters become a space, the ends are trimmed.
pub(super) fn one_line(text: &str) -> String {
    let parts: Vec<&str> = text.split(char::is_control).filter(|part| !part.is_empty()).collect();
    parts.join(" ").trim().to_owned()
}

/// A text that is not empty, or a number as text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(one_line(text)).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text at a JSON pointer.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(as_text)
}

/// The texts at a JSON pointer, which may hold a list or a single text, each once.
pub(super) fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let found = match value.pointer(pointer) {
        Some(Value::Array(values)) => values.iter().filter_map(as_text).collect(),
        Some(value) => as_text(value).into_iter().collect(),
        None => Vec::new(),
    };
    unique(found)
}

/// The values of a list at a JSON pointer; none where there is no list.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The texts in their order, each once.
pub(super) fn unique(texts: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}

/// A whole number that is not negative, which may be written as a text.
pub(super) fn count(field: &str, value: Option<&Value>) -> Result<Option<i64>, Invalid> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) if text.trim().is_empty() => return Ok(None),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    match number {
        Some(number) if number >= 0 => Ok(Some(number)),
        _ => Err(Invalid::new(field, &value.to_string(), "is not a count")),
    }
}

/// A finite number, which may be written as a text.
pub(super) fn float(value: &Value, pointer: &str) -> Option<f64> {
    text(value, pointer)?.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn control_characters_become_one_space() {
        assert_eq!(one_line(" a\r\n\tb  c\n"), "a b  c");
        assert_eq!(one_line("\n \t"), "");
    }

    #[test]
    fn a_count_may_be_a_text_and_is_never_negative() {
        assert_eq!(count("n", Some(&json!("12"))), Ok(Some(12)));
        assert_eq!(count("n", Some(&json!(""))), Ok(None));
        assert_eq!(count("n", Some(&json!(null))), Ok(None));
        assert_eq!(count("n", None), Ok(None));
        for bad in [json!(-1), json!(1.5), json!([1]), json!("many"), json!(u64::MAX)] {
            assert!(count("n", Some(&bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_single_text_counts_as_a_list_of_one() {
        let value = json!({"a": "x", "b": ["x", 2, "x", null, " "], "c": {}});

        assert_eq!(texts(&value, "/a"), ["x"]);
        assert_eq!(texts(&value, "/b"), ["x", "2"]);
        assert!(texts(&value, "/c").is_empty());
    }
}
