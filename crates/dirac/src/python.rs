//! Values as Python names and writes them, since DIRAC's texts hold such.

use sbk_wire::Value;

/// What Python calls the type of a value.
pub fn class(value: &Value) -> &'static str {
    match value {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dict",
        Value::DateTime(_) => "datetime.datetime",
        Value::Date(_) => "datetime.date",
        Value::Time(_) => "datetime.time",
    }
}

/// Whether Python takes a value for true.
pub fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Int(number) => *number != 0,
        Value::Float(number) => *number != 0.0,
        Value::Text(text) => !text.is_empty(),
        Value::Bytes(bytes) => !bytes.is_empty(),
        Value::List(items) | Value::Tuple(items) => !items.is_empty(),
        Value::Dict(entries) => !entries.is_empty(),
        Value::DateTime(_) | Value::Date(_) | Value::Time(_) => true,
    }
}

/// Writes a value as Python's `repr` does.
///
/// Of characters beyond ASCII, those that Unicode calls control characters or blanks are escaped.
pub fn repr(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

/// Writes a value as Python's `str` does: texts as they are, all else as [`repr`].
pub fn string(value: &Value) -> String {
    value.text().map_or_else(|| repr(value), str::to_owned)
}

fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(truth) => out.push_str(if *truth { "True" } else { "False" }),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) => write_text(out, text),
        Value::Bytes(bytes) => {
            out.push('b');
            write_text(out, &bytes.escape_ascii().to_string());
        }
        Value::List(items) => write_items(out, "[", items, "]"),
        Value::Tuple(items) if items.len() == 1 => write_items(out, "(", items, ",)"),
        Value::Tuple(items) => write_items(out, "(", items, ")"),
        Value::Dict(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { ", " });
                write(out, key);
                out.push_str(": ");
                write(out, value);
            }
            out.push('}');
        }
        Value::DateTime(moment) => write_text(out, &moment.to_string()),
        Value::Date(day) => write_text(out, &day.to_string()),
        Value::Time(time) => write_text(out, &time.to_string()),
    }
}

fn write_items(out: &mut String, open: &str, items: &[Value], close: &str) {
    out.push_str(open);
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        write(out, item);
    }
    out.push_str(close);
}

/// Writes a text in the quotes that Python chooses.
pub fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_control() || c.is_whitespace() => {
                let code = u32::from(c);
                let escaped = match code {
                    0..=0xff => format!("\\x{code:02x}"),
                    0x100..=0xffff => format!("\\u{code:04x}"),
                    _ => format!("\\U{code:08x}"),
                };
                out.push_str(&escaped);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// Both languages write the shortest digits that read back; Python's exponents have a sign and two
/// digits.
fn float(number: f64) -> String {
    let text = format!("{number:?}");
    match text.split_once('e') {
        None if number.is_nan() => "nan".into(),
        None => text,
        Some((digits, exponent)) => {
            let (sign, exponent) =
                exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
            format!("{digits}e{sign}{exponent:0>2}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_python_writes_them() {
        let text = |text: &str| repr(&Value::from(text));
        assert_eq!(text("/a/f1"), "'/a/f1'");
        assert_eq!(text("it's"), "\"it's\"");
        assert_eq!(text("it's \"so\""), "'it\\'s \"so\"'");
        assert_eq!(text("a\\\n\u{85}\u{3b1}\u{2028}"), "'a\\\\\\n\\x85\u{3b1}\\u2028'");
        for (number, expected) in
            [(1.0, "1.0"), (1e16, "1e+16"), (1e-5, "1e-05"), (2.5e-7, "2.5e-07"), (0.1, "0.1")]
        {
            assert_eq!(repr(&Value::Float(number)), expected);
        }
        let list = Value::List(vec![Value::Int(1), Value::Null, Value::Bool(true)]);
        assert_eq!(repr(&list), "[1, None, True]");
        assert_eq!(repr(&Value::Tuple(vec![Value::Int(1)])), "(1,)");
        assert_eq!(
            repr(&Value::dict([("a", Value::dict([(">", Value::Int(1))]))])),
            "{'a': {'>': 1}}"
        );
        assert_eq!(string(&Value::from("a")), "a");
    }
}
