//! Types to values and back.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use sbk_wire::{Encoding, Limits, Value, from_value, to_value};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Inner {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    number: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    Plain,
    With(i64),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Outer {
    #[serde(flatten)]
    inner: Inner,
    choices: Vec<Choice>,
    map: BTreeMap<String, f64>,
}

fn outer() -> Outer {
    Outer {
        inner: Inner { text: Some("é".into()), number: 7 },
        choices: vec![Choice::Plain, Choice::With(-1)],
        map: BTreeMap::from([("a".into(), 0.5)]),
    }
}

#[test]
fn a_type_survives_both_encodings() {
    for encoding in [Encoding::Json, Encoding::DEncode] {
        let bytes = encoding.encode(&to_value(&outer()).unwrap()).unwrap();

        let value = encoding.decode(&bytes, Limits::default()).unwrap();

        assert_eq!(from_value::<Outer>(value).unwrap(), outer());
    }
}

#[test]
fn a_moment_becomes_a_date_with_a_time_and_comes_back_as_text() {
    #[derive(Serialize)]
    struct Timestamp(&'static str);

    let value = to_value(&Timestamp("2026-01-31T12:00:00.5Z")).unwrap();

    assert_eq!(value, Value::DateTime("2026-01-31T12:00:00.5".parse().unwrap()));
    assert_eq!(from_value::<String>(value).unwrap(), "2026-01-31T12:00:00.5Z");
}

#[test]
fn json_that_was_kept_as_text_is_taken_apart() {
    let raw = serde_json::value::RawValue::from_string(r#"{"a":[1,null]}"#.into()).unwrap();

    let value = to_value(&raw).unwrap();

    assert_eq!(value, Value::dict([("a", Value::List(vec![Value::Int(1), Value::Null]))]));
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    assert!(to_value(&u64::MAX).unwrap_err().to_string().contains("2^63"));
    assert!(
        from_value::<Inner>(Value::dict([("number", "x")].map(|(k, v)| (k, Value::from(v)))))
            .is_err()
    );
    assert!(from_value::<Choice>(Value::Int(1)).is_err());
    assert!(from_value::<Vec<i64>>(Value::Bytes(vec![255])).is_err());
}
