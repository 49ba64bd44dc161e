//! JSON as Python's `json` writes and reads it, with objects for dates and bytes.
//!
//! It differs from what a JSON library reads: `NaN` and `Infinity` are words, a text may hold lone
//! surrogates (bytes that were not UTF-8), and nesting is bounded here.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use jiff::civil::{Date, DateTime};

use crate::{
    DecodeError, EncodeError, Limits, Value, budget::Budget, number::float_text,
    value::text_or_bytes,
};

/// The key that makes a dictionary stand for something else.
const CLASS: &str = "__dCls";
const DATE_TIME: &str = "%Y-%m-%d %H:%M:%S";
const DATE: &str = "%Y-%m-%d";

/// Writes a value.
pub fn encode(value: &Value) -> Result<String, EncodeError> {
    let mut out = String::new();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut String) -> Result<(), EncodeError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Int(number) => drop(write!(out, "{number}")),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Text(text) => write_text(text, out),
        Value::Bytes(bytes) => write_object("b64", &BASE64.encode(bytes), out),
        Value::List(items) | Value::Tuple(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Dict(entries) => {
            out.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_key(key, out)?;
                out.push_str(": ");
                write(value, out)?;
            }
            out.push('}');
        }
        Value::DateTime(moment) => write_object("dt", &date_time(*moment), out),
        Value::Date(date) => write_object("date", &date_text(*date), out),
        Value::Time(_) => return Err(EncodeError::Time),
    }
    Ok(())
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        float_text(number)
    }
}

/// Writes a key; Python makes a text of what JSON allows no key to be.
fn write_key(key: &Value, out: &mut String) -> Result<(), EncodeError> {
    match key {
        Value::Text(text) => write_text(text, out),
        Value::Null => out.push_str("\"null\""),
        Value::Bool(value) => drop(write!(out, "\"{value}\"")),
        Value::Int(number) => drop(write!(out, "\"{number}\"")),
        Value::Float(number) => drop(write!(out, "\"{}\"", float(*number))),
        _ => return Err(EncodeError::Key),
    }
    Ok(())
}

/// Writes a text in ASCII.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

fn write_object(class: &str, text: &str, out: &mut String) {
    let _ = write!(out, "{{\"{CLASS}\": \"{class}\", \"obj\": \"{text}\"}}");
}

fn date_text(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

/// A date with its time in whole seconds.
fn date_time(moment: DateTime) -> String {
    let (date, time) = (date_text(moment.date()), moment.time());
    format!("{date} {:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// Reads a value, which is all that the bytes hold.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Value, DecodeError> {
    let mut reader = Reader { bytes, at: 0, budget: Budget::new(limits) };
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < bytes.len() {
        return Err(reader.wrong("something follows the value"));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    budget: Budget,
}

type Decoded<T> = Result<T, DecodeError>;

impl Reader<'_> {
    fn wrong(&self, reason: &'static str) -> DecodeError {
        DecodeError::Malformed { at: self.at, reason }
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// The next byte that is no blank; it is not taken.
    fn peek(&mut self) -> Decoded<u8> {
        self.blanks();
        self.bytes.get(self.at).copied().ok_or(DecodeError::Truncated)
    }

    /// Takes a byte, if it comes next.
    fn takes(&mut self, byte: u8) -> Decoded<bool> {
        let comes = self.peek()? == byte;
        self.at += usize::from(comes);
        Ok(comes)
    }

    fn value(&mut self, depth: usize) -> Decoded<Value> {
        self.budget.value()?;
        match self.peek()? {
            b'"' => self.text(),
            b'[' => self.list(depth),
            b'{' => self.dict(depth),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Decoded<Value> {
        let words = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
        ];
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (word, value) in words {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
            if word.as_bytes().starts_with(rest) {
                return Err(DecodeError::Truncated);
            }
        }
        Err(self.wrong("no value begins so"))
    }

    fn number(&mut self) -> Decoded<Value> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.starts_with(b"-Infinity") {
            self.at += "-Infinity".len();
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(|byte| is_part(byte)).count();
        let text = rest.get(..length).and_then(|text| str::from_utf8(text).ok()).unwrap_or("");
        let value = if !is_json_number(text) {
            None
        } else if text.contains(['.', 'e', 'E']) {
            text.parse().ok().map(Value::Float)
        } else {
            text.parse().ok().map(Value::Int)
        };
        let value = value.ok_or_else(|| self.wrong("not a number of 64 bits"))?;
        self.at += length;
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Decoded<Value> {
        let depth = self.budget.deeper(self.at, depth)?;
        self.at += 1;
        let mut items = Vec::new();
        if self.takes(b']')? {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth)?);
            if self.takes(b']')? {
                return Ok(Value::List(items));
            }
            if !self.takes(b',')? {
                return Err(self.wrong("neither , nor ] follows an item"));
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Decoded<Value> {
        let began = self.at;
        let depth = self.budget.deeper(self.at, depth)?;
        self.at += 1;
        let mut entries = Vec::new();
        if !self.takes(b'}')? {
            loop {
                if self.peek()? != b'"' {
                    return Err(self.wrong("a key is a text"));
                }
                self.budget.value()?;
                let key = self.text()?;
                if !self.takes(b':')? {
                    return Err(self.wrong("no : follows a key"));
                }
                entries.push((key, self.value(depth)?));
                if self.takes(b'}')? {
                    break;
                }
                if !self.takes(b',')? {
                    return Err(self.wrong("neither , nor } follows a value"));
                }
            }
        }
        let dict = Value::Dict(entries);
        match dict.get(CLASS) {
            None => Ok(dict),
            Some(class) => object(class, &dict).ok_or(DecodeError::Malformed {
                at: began,
                reason: "not an object for a date, a time or bytes",
            }),
        }
    }

    fn text(&mut self) -> Decoded<Value> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = rest.iter().take_while(|b| !matches!(b, b'"' | b'\\' | ..0x20)).count();
            out.extend_from_slice(rest.get(..plain).unwrap_or_default());
            self.at += plain;
            match rest.get(plain) {
                None => return Err(DecodeError::Truncated),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text_or_bytes(out));
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                Some(_) => return Err(self.wrong("a text has a control character")),
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Decoded<()> {
        let byte = self.bytes.get(self.at).copied().ok_or(DecodeError::Truncated)?;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => return self.unicode(out),
            _ => return Err(self.wrong("no character has this escape")),
        };
        self.at += 1;
        out.push(plain);
        Ok(())
    }

    /// Reads `uXXXX`, and a second one where the first is half of a pair.
    fn unicode(&mut self, out: &mut Vec<u8>) -> Decoded<()> {
        let first = self.unit()?;
        let c = match first {
            // Python keeps a byte that is not UTF-8 so (PEP 383).
            0xdc80..=0xdcff => {
                out.extend(u8::try_from(first - 0xdc00));
                return Ok(());
            }
            0xd800..=0xdbff => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                if !rest.starts_with(b"\\u") {
                    return Err(self.wrong("half of a character"));
                }
                self.at += 1;
                let second = self.unit()?;
                char::decode_utf16([first, second]).next().and_then(Result::ok)
            }
            _ => char::from_u32(first.into()),
        };
        let c = c.ok_or_else(|| self.wrong("half of a character"))?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// Reads the four digits after a `u`, which comes next.
    fn unit(&mut self) -> Decoded<u16> {
        let digits = self.bytes.get(self.at + 1..self.at + 5).ok_or(DecodeError::Truncated)?;
        let mut unit = 0;
        for digit in digits {
            let digit = char::from(*digit).to_digit(16);
            let digit = digit.and_then(|digit| u16::try_from(digit).ok());
            unit = unit << 4 | digit.ok_or_else(|| self.wrong("not four hexadecimal digits"))?;
        }
        self.at += 5;
        Ok(unit)
    }
}

/// Whether a text is a number of JSON: no leading zero, digits around the point.
fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|text| digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
}

/// What a dictionary with a class stands for. Classes of Python itself are refused.
fn object(class: &Value, dict: &Value) -> Option<Value> {
    let text = dict.get("obj")?.text()?;
    match class.text()? {
        "dt" => DateTime::strptime(DATE_TIME, text).ok().map(Value::DateTime),
        "date" => Date::strptime(DATE, text).ok().map(Value::Date),
        "b64" => BASE64.decode(text).ok().map(Value::Bytes),
        _ => None,
    }
}
