//! Both encodings, held against what DIRAC 9.1.22 writes and reads.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use jiff::civil::{date, time};
use proptest::prelude::*;
use sbk_wire::{DecodeError, EncodeError, Encoding, Limits, Value, decode};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn int(number: i64) -> Value {
    Value::Int(number)
}

/// Values with what `DEncode.encode` and `JEncode.encode` of DIRAC 9.1.22 make of them.
fn written_by_dirac() -> Vec<(Value, &'static [u8], &'static str)> {
    let moment = date(2026, 1, 31).at(12, 0, 5, 250_000_000);
    vec![
        (Value::Null, b"n", "null"),
        (Value::Bool(true), b"b1", "true"),
        (Value::Bool(false), b"b0", "false"),
        (int(0), b"i0e", "0"),
        (int(-7), b"i-7e", "-7"),
        (int(i64::MAX), b"i9223372036854775807e", "9223372036854775807"),
        (Value::Float(0.1), b"f0.1e", "0.1"),
        (Value::Float(1e16), b"f1e+16e", "1e+16"),
        (Value::Float(1e-5), b"f1e-05e", "1e-05"),
        (Value::Float(-2.5e-100), b"f-2.5e-100e", "-2.5e-100"),
        (Value::Float(f64::INFINITY), b"finfe", "Infinity"),
        (Value::Float(f64::NEG_INFINITY), b"f-infe", "-Infinity"),
        (text(""), b"s0:", "\"\""),
        (
            text("é 😀\n\"\\\u{7f}"),
            "s11:é 😀\n\"\\\u{7f}".as_bytes(),
            r#""\u00e9 \ud83d\ude00\n\"\\\u007f""#,
        ),
        (Value::Bytes(vec![0, 255]), b"s2:\x00\xff", r#"{"__dCls": "b64", "obj": "AP8="}"#),
        (Value::List(vec![int(1), Value::List(vec![int(2)])]), b"li1eli2eee", "[1, [2]]"),
        (
            Value::dict([("a", int(1)), ("b", Value::List(vec![Value::Null]))]),
            b"ds1:ai1es1:blnee",
            r#"{"a": 1, "b": [null]}"#,
        ),
        (
            Value::Date(date(2026, 1, 31)),
            b"zdti2026ei1ei31ee",
            r#"{"__dCls": "date", "obj": "2026-01-31"}"#,
        ),
        (
            Value::DateTime(moment),
            b"zati2026ei1ei31ei12ei0ei5ei250000ene",
            r#"{"__dCls": "dt", "obj": "2026-01-31 12:00:05"}"#,
        ),
    ]
}

#[test]
fn values_are_written_as_dirac_writes_them() {
    for (value, dencode, json) in written_by_dirac() {
        assert_eq!(Encoding::DEncode.encode(&value).unwrap(), dencode, "{value:?}");
        assert_eq!(Encoding::Json.encode(&value).unwrap(), json.as_bytes(), "{value:?}");
    }
}

#[test]
fn what_dirac_writes_is_read() {
    for (value, dencode, json) in written_by_dirac() {
        assert_eq!(Encoding::DEncode.decode(dencode, Limits::default()).unwrap(), value);
        let from_json = Encoding::Json.decode(json.as_bytes(), Limits::default()).unwrap();
        match value {
            // JSON leaves the fraction of a second out.
            Value::DateTime(moment) => {
                let whole = moment.with().subsec_nanosecond(0).build().unwrap();
                assert_eq!(from_json, Value::DateTime(whole));
            }
            value => assert_eq!(from_json, value),
        }
    }
}

#[test]
fn numbers_that_are_none_are_sent() {
    for (encoding, bytes) in [(Encoding::DEncode, &b"fnane"[..]), (Encoding::Json, b"NaN")] {
        assert_eq!(encoding.encode(&Value::Float(f64::NAN)).unwrap(), bytes);
        let read = encoding.decode(bytes, Limits::default()).unwrap();
        assert!(matches!(read, Value::Float(number) if number.is_nan()), "{read:?}");
    }
}

#[test]
fn tuples_and_keys_that_json_lacks_become_what_python_makes_of_them() {
    let tuple = Value::Tuple(vec![int(1), text("a")]);
    let keys = Value::Dict(vec![
        (int(1), int(3)),
        (Value::Null, int(2)),
        (Value::Float(1.5), int(4)),
        (Value::Bool(true), int(5)),
    ]);

    assert_eq!(Encoding::DEncode.encode(&tuple).unwrap(), b"ti1es1:ae");
    assert_eq!(Encoding::Json.encode(&tuple).unwrap(), b"[1, \"a\"]");
    assert_eq!(Encoding::DEncode.encode(&keys).unwrap(), b"di1ei3eni2ef1.5ei4eb1i5ee");
    let json = br#"{"1": 3, "null": 2, "1.5": 4, "true": 5}"#;
    assert_eq!(Encoding::Json.encode(&keys).unwrap(), json);
}

#[test]
fn what_json_cannot_hold_is_refused() {
    let moment = Value::Time(time(23, 59, 59, 7_000));
    let key = Value::Dict(vec![(Value::Tuple(vec![]), Value::Null)]);

    assert_eq!(Encoding::DEncode.encode(&moment).unwrap(), b"ztti23ei59ei59ei7ene");
    assert_eq!(Encoding::Json.encode(&moment), Err(EncodeError::Time));
    assert_eq!(Encoding::Json.encode(&key), Err(EncodeError::Key));
}

#[test]
fn json_is_read_as_python_reads_it() {
    let read = |text: &str| Encoding::Json.decode(text.as_bytes(), Limits::default());
    let good = [
        ("1E5", Value::Float(1e5)),
        ("-0", int(0)),
        (" {} ", Value::Dict(vec![])),
        (r#""\udce9""#, Value::Bytes(vec![0xe9])),
        (
            r#"{"__dCls": "dt", "obj": "2026-1-3 2:0:5"}"#,
            Value::DateTime(date(2026, 1, 3).at(2, 0, 5, 0)),
        ),
    ];
    for (text, value) in good {
        assert_eq!(read(text).unwrap(), value, "{text}");
    }
    assert_eq!(read(r#"{"a": 1, "a": 2}"#).unwrap().get("a"), Some(&int(2)));
    let bad = [
        "",
        "01",
        "[1,]",
        "\"a\tb\"",
        "1.",
        ".5",
        "nul",
        "[1 2]",
        "{1: 2}",
        "{\"a\" 1}",
        "1 2",
        "\"\\x\"",
        "\"\\ud83dx\"",
        "9223372036854775808",
        "\"",
    ];
    for text in bad {
        read(text).unwrap_err();
    }
}

#[test]
fn objects_of_python_are_refused() {
    for text in [
        r#"{"__dCls": "Popen", "__dMod": "subprocess", "args": "true"}"#,
        r#"{"__dCls": "dt"}"#,
        r#"{"__dCls": "b64", "obj": "?"}"#,
        r#"{"__dCls": "date", "obj": "2026-02-30"}"#,
        r#"{"__dCls": 1}"#,
    ] {
        Encoding::Json.decode(text.as_bytes(), Limits::default()).unwrap_err();
    }
}

#[test]
fn hostile_dencode_is_refused() {
    let huge = format!("s{}:a", u64::MAX);
    let bad: [&[u8]; 21] = [
        b"",
        b"x",
        b"i",
        b"i1",
        b"ie",
        b"i+1e",
        b"i1_0e",
        b"i99999999999999999999e",
        b"b2",
        b"b",
        b"s5:abc",
        b"s-1:",
        b"s:",
        b"s1",
        b"f1e+e",
        b"li1e",
        b"dlei1ee",
        b"ds1:ae",
        b"zdti1ee",
        b"zati1ei1ei1ei1ei1ei1ei1ei1ee",
        huge.as_bytes(),
    ];
    for bytes in bad {
        let shown = String::from_utf8_lossy(bytes);
        assert!(Encoding::DEncode.decode(bytes, Limits::default()).is_err(), "{shown}");
    }
}

#[test]
fn a_million_levels_and_too_many_values_are_refused() {
    let limits = Limits { depth: 64, values: 1000 };
    let depths = [
        (Encoding::DEncode, b"l".repeat(1_000_000)),
        (Encoding::DEncode, b"za".repeat(1_000_000)),
        (Encoding::DEncode, b"ds1:a".repeat(1_000_000)),
        (Encoding::Json, b"[".repeat(1_000_000)),
        (Encoding::Json, b"{\"a\":".repeat(1_000_000)),
    ];
    for (encoding, bytes) in depths {
        let error = encoding.decode(&bytes, limits).unwrap_err();
        assert!(matches!(error, DecodeError::TooDeep { limit: 64, .. }), "{error}");
    }
    let many = [
        (Encoding::DEncode, [b"l".to_vec(), b"n".repeat(1000), b"e".to_vec()].concat()),
        (Encoding::Json, [b"[1".to_vec(), b",1".repeat(1000), b"]".to_vec()].concat()),
    ];
    for (encoding, bytes) in many {
        assert_eq!(encoding.decode(&bytes, limits), Err(DecodeError::TooMany { limit: 1000 }));
    }
}

#[test]
fn the_first_byte_says_in_which_encoding_a_message_is() {
    let (json, encoding) = decode(br#"{"OK": true}"#, Limits::default()).unwrap();
    assert_eq!((json.get("OK"), encoding), (Some(&Value::Bool(true)), Encoding::Json));
    let (dencode, encoding) = decode(b"ds2:OKb1s5:Valuelee", Limits::default()).unwrap();
    assert_eq!((dencode.get("Value"), encoding), (Some(&Value::List(vec![])), Encoding::DEncode));
    decode(b"[]", Limits::default()).unwrap_err();
    decode(b"", Limits::default()).unwrap_err();
}

fn any_value() -> impl Strategy<Value = Value> {
    let day = (1i16..=9999, 1i8..=12, 1i8..=28).prop_map(|(y, m, d)| date(y, m, d));
    let hour = (0i8..24, 0i8..60, 0i8..60, 0i32..1_000_000)
        .prop_map(|(h, m, s, micro)| time(h, m, s, micro * 1000));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("a number", |n| !n.is_nan()).prop_map(Value::Float),
        ".*".prop_map(Value::Text),
        proptest::collection::vec(any::<u8>(), 0..20)
            .prop_filter("no UTF-8", |bytes| std::str::from_utf8(bytes).is_err())
            .prop_map(Value::Bytes),
        day.clone().prop_map(Value::Date),
        hour.clone().prop_map(Value::Time),
        (day, hour).prop_map(|(day, hour)| Value::DateTime(day.to_datetime(hour))),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let key = prop_oneof![".*".prop_map(Value::Text), any::<i64>().prop_map(Value::Int)];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::List),
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::Tuple),
            proptest::collection::vec((key, inner), 0..8).prop_map(Value::Dict),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_travels_as_dencode(value in any_value()) {
        let bytes = Encoding::DEncode.encode(&value).unwrap();
        prop_assert_eq!(Encoding::DEncode.decode(&bytes, Limits::default()).unwrap(), value);
        for end in 0..bytes.len() {
            // The mantissa of a number with an exponent is a number.
            let _ = Encoding::DEncode.decode(&bytes[..end], Limits::default());
        }
    }

    #[test]
    fn what_json_holds_comes_back_the_same(value in any_value()) {
        let Ok(bytes) = Encoding::Json.encode(&value) else { return Ok(()) };
        let Ok(read) = Encoding::Json.decode(&bytes, Limits::default()) else {
            // A dictionary of ours may look like one of DIRAC's objects.
            return Ok(());
        };
        prop_assert_eq!(Encoding::Json.encode(&read).unwrap(), bytes);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for encoding in [Encoding::Json, Encoding::DEncode] {
            let _ = encoding.decode(&bytes, Limits::default());
        }
    }
}
