use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
    str::FromStr,
};

use flate2::read::MultiGzDecoder;
use sbk_api::Metadata;
use sbk_model::{Invalid, Timestamp};
use serde_json::Value;

use crate::failure::Failure;

/// The longest line that is read, in bytes.
const MAX_LINE: u64 = 16 << 20;

/// Whether a path stands for the standard input or output.
pub fn is_standard(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether a file is compressed, by its name.
pub fn is_gzip(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// Opens a file to read, `-` for the standard input; a name that ends in `.gz` is decompressed.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if is_standard(path) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| Failure::io(path.display(), &error))?;
    Ok(if is_gzip(path) { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// Reads a whole file, `-` for the standard input.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    open(path)?.read_to_string(&mut text).map_err(|error| Failure::io(path.display(), &error))?;
    Ok(text)
}

/// The lines of a text, numbered from 1, none of them longer than a bound.
pub struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Reads lines from a source.
    pub fn new(source: R) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, source), number: 0 }
    }

    /// The next line that is not blank, with its number.
    pub fn next(&mut self) -> Result<Option<(u64, String)>, Failure> {
        loop {
            let mut line = String::new();
            let read = (&mut self.reader).take(MAX_LINE).read_line(&mut line);
            self.number += 1;
            let place = format!("line {}", self.number);
            match read.map_err(|error| Failure::io(&place, &error))? {
                0 => return Ok(None),
                _ if line.len() as u64 == MAX_LINE && !line.ends_with('\n') => {
                    return Err(Failure::Local(format!("{place} is longer than {MAX_LINE} bytes")));
                }
                _ if line.trim().is_empty() => {}
                _ => return Ok(Some((self.number, line))),
            }
        }
    }
}

/// The names that arguments give; `-` stands for the lines of the standard input.
pub fn names<T>(arguments: &[String]) -> Result<Vec<T>, Failure>
where
    T: FromStr<Err = Invalid>,
{
    let mut names = Vec::new();
    for argument in arguments {
        if argument != "-" {
            names.push(argument.parse()?);
            continue;
        }
        let mut lines = Lines::new(io::stdin());
        while let Some((number, line)) = lines.next()? {
            let name = line.trim_end_matches(['\r', '\n']).parse();
            names.push(name.map_err(|error| Failure::Usage(format!("line {number}: {error}")))?);
        }
    }
    Ok(names)
}

/// A value for a field, written `FIELD=VALUE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    field: String,
    value: Value,
}

impl FromStr for Assignment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (field, value) = text
            .split_once('=')
            .filter(|(field, _)| !field.is_empty())
            .ok_or("write FIELD=VALUE, for instance energy=91.25, or FIELD=null to remove")?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
        Ok(Self { field: field.to_owned(), value })
    }
}

/// The values that assignments give.
pub fn metadata(assignments: Vec<Assignment>) -> Metadata {
    assignments.into_iter().map(|Assignment { field, value }| (field, value)).collect()
}

/// A moment, written as RFC 3339, or as a day, which stands for its beginning in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = text.parse().or_else(|_| format!("{text}T00:00:00Z").parse());
        moment.map(Self).map_err(|_| "write 2026-12-24, or 2026-12-24T12:00:00Z".to_owned())
    }
}

/// A length of time in seconds, written as `90s`, `15m`, `12h`, `30d`, or as bare seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seconds(pub u32);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, unit) = match text.char_indices().next_back() {
            Some((at, 's')) => (&text[..at], 1),
            Some((at, 'm')) => (&text[..at], 60),
            Some((at, 'h')) => (&text[..at], 3600),
            Some((at, 'd')) => (&text[..at], 86_400),
            _ => (text, 1),
        };
        let number: Option<u32> = digits.parse().ok();
        let seconds = number.and_then(|number| number.checked_mul(unit));
        seconds.map(Self).ok_or_else(|| "write for instance 90s, 15m, 12h or 30d".to_owned())
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_json_where_it_can_be_and_else_text() {
        let cases = [
            ("energy=91.25", json!(91.25)),
            ("tag=null", json!(null)),
            ("release=\"12\"", json!("12")),
            ("years=[1994, 1995]", json!([1994, 1995])),
            ("note=a = b", json!("a = b")),
            ("note=", json!("")),
        ];
        for (text, value) in cases {
            assert_eq!(text.parse::<Assignment>().unwrap().value, value, "{text}");
        }
        assert!("=3".parse::<Assignment>().is_err());
        assert!("energy".parse::<Assignment>().is_err());
    }

    #[test]
    fn a_length_of_time_has_a_unit() {
        assert_eq!("30d".parse(), Ok(Seconds(2_592_000)));
        assert_eq!("90".parse(), Ok(Seconds(90)));
        for wrong in ["", "d", "-1s", "1w", "9999999999d", "é"] {
            assert!(wrong.parse::<Seconds>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_is_its_beginning() {
        let day: Moment = "2026-12-24".parse().unwrap();

        assert_eq!("2026-12-24T00:00:00Z".parse(), Ok(day));
        assert!("24.12.2026".parse::<Moment>().is_err());
    }

    #[test]
    fn lines_are_numbered_and_blank_ones_passed_over() {
        let mut lines = Lines::new(&b"a\n\n  \nb"[..]);

        assert_eq!(lines.next().unwrap(), Some((1, "a\n".into())));
        assert_eq!(lines.next().unwrap(), Some((4, "b".into())));
        assert_eq!(lines.next().unwrap(), None);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::new(io::repeat(b'a'));

        assert!(matches!(lines.next(), Err(Failure::Local(text)) if text.contains("line 1")));
    }
}
