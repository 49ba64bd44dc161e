//! DEncode: a byte for the type, then the value.

use jiff::civil::{Date, DateTime, Time};

use crate::{DecodeError, Limits, Value, budget::Budget, number::float_text, value::text_or_bytes};

/// The most characters of a number.
const NUMBER: usize = 64;

/// Writes a value.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'n'),
        Value::Bool(value) => out.extend_from_slice(if *value { b"b1" } else { b"b0" }),
        Value::Int(number) => out.extend_from_slice(format!("i{number}e").as_bytes()),
        Value::Float(number) => out.extend_from_slice(format!("f{}e", float(*number)).as_bytes()),
        Value::Text(text) => write_bytes(text.as_bytes(), out),
        Value::Bytes(bytes) => write_bytes(bytes, out),
        Value::List(items) => write_items(b'l', items, out),
        Value::Tuple(items) => write_items(b't', items, out),
        Value::Dict(entries) => {
            out.push(b'd');
            for (key, value) in entries {
                write(key, out);
                write(value, out);
            }
            out.push(b'e');
        }
        Value::DateTime(moment) => {
            let (date, time) = (moment.date(), moment.time());
            let numbers = [&date_numbers(date)[..], &time_numbers(time)[..]].concat();
            write_moment(b"za", &numbers, true, out);
        }
        Value::Date(date) => write_moment(b"zd", &date_numbers(*date), false, out),
        Value::Time(time) => write_moment(b"zt", &time_numbers(*time), true, out),
    }
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "nan".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() }
    } else {
        float_text(number)
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("s{}:", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
}

fn write_items(tag: u8, items: &[Value], out: &mut Vec<u8>) {
    out.push(tag);
    for item in items {
        write(item, out);
    }
    out.push(b'e');
}

/// Writes the parts of a date or a time as a tuple; the last of those of a time is its zone, which
/// there never is.
fn write_moment(tag: &[u8], numbers: &[i64], with_zone: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(tag);
    out.push(b't');
    for number in numbers {
        out.extend_from_slice(format!("i{number}e").as_bytes());
    }
    if with_zone {
        out.push(b'n');
    }
    out.push(b'e');
}

fn date_numbers(date: Date) -> [i64; 3] {
    [date.year().into(), date.month().into(), date.day().into()]
}

fn time_numbers(time: Time) -> [i64; 4] {
    let micros = time.subsec_nanosecond() / 1000;
    [time.hour().into(), time.minute().into(), time.second().into(), micros.into()]
}

/// Reads a value. What follows it is left alone, as DIRAC does.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<Value, DecodeError> {
    let mut reader = Reader { bytes, at: 0, budget: Budget::new(limits) };
    reader.value(0)
}

fn wrong(at: usize, reason: &'static str) -> DecodeError {
    DecodeError::Malformed { at, reason }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    budget: Budget,
}

type Decoded<T> = Result<T, DecodeError>;

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Decoded<Value> {
        self.budget.value()?;
        let at = self.at;
        match self.byte()? {
            b'n' => Ok(Value::Null),
            b'b' => match self.byte()? {
                b'0' => Ok(Value::Bool(false)),
                b'1' => Ok(Value::Bool(true)),
                _ => Err(wrong(at, "a truth value is b0 or b1")),
            },
            b'i' | b'I' => self.int(),
            b'f' => self.float(),
            b's' | b'u' => self.text(),
            b'l' => Ok(Value::List(self.items(at, depth)?)),
            b't' => Ok(Value::Tuple(self.items(at, depth)?)),
            b'd' => self.dict(at, depth),
            b'z' => self.moment(at, depth),
            _ => Err(wrong(at, "no type has this letter")),
        }
    }

    fn byte(&mut self) -> Decoded<u8> {
        let byte = self.bytes.get(self.at).copied().ok_or(DecodeError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    /// The text up to a byte, which is taken, too.
    fn until(&mut self, end: u8, reason: &'static str) -> Decoded<&'a str> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let near = rest.get(..NUMBER).unwrap_or(rest);
        let Some(length) = near.iter().position(|byte| *byte == end) else {
            return Err(if near.len() < NUMBER {
                DecodeError::Truncated
            } else {
                wrong(self.at, reason)
            });
        };
        let text = str::from_utf8(&near[..length]).map_err(|_| wrong(self.at, reason))?;
        self.at += length + 1;
        Ok(text)
    }

    fn int(&mut self) -> Decoded<Value> {
        const REASON: &str = "not a whole number of 64 bits";
        let at = self.at;
        let text = self.until(b'e', REASON)?;
        if text.starts_with('+') {
            return Err(wrong(at, REASON));
        }
        text.parse().map(Value::Int).map_err(|_| wrong(at, REASON))
    }

    fn float(&mut self) -> Decoded<Value> {
        const REASON: &str = "not a number";
        let at = self.at;
        let mut text = self.until(b'e', REASON)?.to_owned();
        // The letter ends the number, and is also before its exponent, which has a sign.
        if let Some(b'+' | b'-') = self.bytes.get(self.at) {
            text.push('e');
            text.push_str(self.until(b'e', REASON)?);
        }
        text.parse().map(Value::Float).map_err(|_| wrong(at, REASON))
    }

    fn text(&mut self) -> Decoded<Value> {
        const REASON: &str = "not the length of a text";
        let at = self.at;
        let digits = self.until(b':', REASON)?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong(at, REASON));
        }
        let length: usize = digits.parse().map_err(|_| wrong(at, REASON))?;
        let end = self.at.checked_add(length).ok_or(DecodeError::Truncated)?;
        let text = self.bytes.get(self.at..end).ok_or(DecodeError::Truncated)?;
        self.at = end;
        Ok(text_or_bytes(text.to_vec()))
    }

    /// Whether the end of a list or dictionary comes next; it is taken then.
    fn ends(&mut self) -> Decoded<bool> {
        let ends = *self.bytes.get(self.at).ok_or(DecodeError::Truncated)? == b'e';
        self.at += usize::from(ends);
        Ok(ends)
    }

    fn items(&mut self, at: usize, depth: usize) -> Decoded<Vec<Value>> {
        let depth = self.budget.deeper(at, depth)?;
        let mut items = Vec::new();
        while !self.ends()? {
            items.push(self.value(depth)?);
        }
        Ok(items)
    }

    fn dict(&mut self, at: usize, depth: usize) -> Decoded<Value> {
        let depth = self.budget.deeper(at, depth)?;
        let mut entries = Vec::new();
        while !self.ends()? {
            let key_at = self.at;
            let key = self.value(depth)?;
            if matches!(key, Value::List(_) | Value::Dict(_)) {
                return Err(wrong(key_at, "a list or dictionary is no key"));
            }
            entries.push((key, self.value(depth)?));
        }
        Ok(Value::Dict(entries))
    }

    fn moment(&mut self, at: usize, depth: usize) -> Decoded<Value> {
        let bad = wrong(at, "not a date or time");
        let kind = self.byte()?;
        let depth = self.budget.deeper(at, depth)?;
        let Value::Tuple(parts) = self.value(depth)? else { return Err(bad) };
        let (parts, zone) = match (kind, parts.split_last()) {
            (b'd', _) => (&parts[..], None),
            (_, Some((zone, rest))) => (rest, Some(zone)),
            (_, None) => return Err(bad),
        };
        if zone.is_some_and(|zone| *zone != Value::Null) {
            return Err(bad);
        }
        let numbers: Option<Vec<i64>> = parts
            .iter()
            .map(|part| if let Value::Int(number) = part { Some(*number) } else { None })
            .collect();
        let made = match (kind, numbers.as_deref()) {
            (b'a', Some([date @ .., hour, minute, second, micro])) => date_of(date)
                .zip(time_of(&[*hour, *minute, *second, *micro]))
                .map(|(date, time)| Value::DateTime(DateTime::from_parts(date, time))),
            (b'd', Some(date)) => date_of(date).map(Value::Date),
            (b't', Some(time)) => time_of(time).map(Value::Time),
            _ => None,
        };
        made.ok_or(bad)
    }
}

fn date_of(numbers: &[i64]) -> Option<Date> {
    let [year, month, day] = numbers else { return None };
    // Python's years begin with 1.
    let year = i16::try_from(*year).ok().filter(|year| *year >= 1)?;
    Date::new(year, i8::try_from(*month).ok()?, i8::try_from(*day).ok()?).ok()
}

fn time_of(numbers: &[i64]) -> Option<Time> {
    let [hour, minute, second, micro] = numbers else { return None };
    let nanos = i32::try_from(*micro).ok()?.checked_mul(1000)?;
    let part = |number: &i64| i8::try_from(*number).ok();
    Time::new(part(hour)?, part(minute)?, part(second)?, nanos).ok()
}
