use std::{
    cell::Cell,
    fmt,
    io::{self, BufReader, Cursor, Read},
    ops::ControlFlow,
};

use serde::de::{self, Deserializer as _};
use serde_json::{Value, error::Category};

use super::{Item, record};

/// The most bytes of JSON that one record may have.
pub const MAX_RECORD: usize = 64 << 20;

/// How many records a list had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Records that describe a dataset.
    pub datasets: u64,
    /// Records that were skipped.
    pub skipped: u64,
}

impl Summary {
    /// All records.
    pub fn records(self) -> u64 {
        self.datasets + self.skipped
    }
}

/// Why a list of records cannot be read to its end.
///
/// Records number from 1; lines and columns are those of the JSON text.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed.
    #[error("the records cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The text begins with a byte order mark, which JSON forbids (RFC 8259, section 8.1).
    #[error("the text begins with a byte order mark; save it as UTF-8 without one")]
    ByteOrderMark,
    /// The text is JSON, but no list.
    #[error("line {line}, column {column}: this is no JSON list of records")]
    NotAList {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// The text is not JSON, or ends early.
    #[error("record {record}: line {line}, column {column}: {reason}")]
    Malformed {
        /// The record that was being read.
        record: u64,
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A record is longer than [`MAX_RECORD`].
    #[error("record {record} is longer than {MAX_RECORD} bytes")]
    TooLarge {
        /// The record.
        record: u64,
    },
    /// Something follows the list.
    #[error("line {line}, column {column}: something follows the list of records")]
    Trailing {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
}

/// Reads a list of records and gives each to `each`, which may end the reading.
///
/// One record is held at a time. An error leaves the records before it given; a record is given
/// when the whole of it was read.
pub fn read<B>(
    source: impl Read,
    each: impl FnMut(Item) -> ControlFlow<B>,
) -> Result<ControlFlow<B, Summary>, ReadError> {
    read_within(MAX_RECORD, source, each)
}

/// Reads a list of records, none of which may be longer than `limit`.
fn read_within<B>(
    limit: usize,
    mut source: impl Read,
    each: impl FnMut(Item) -> ControlFlow<B>,
) -> Result<ControlFlow<B, Summary>, ReadError> {
    let start = read_start(&mut source)?;
    let taken = Cell::new(0);
    let source = BufReader::new(Cursor::new(start).chain(source));
    let bounded = Bounded { source, limit, taken: &taken };
    let mut json = serde_json::Deserializer::from_reader(bounded);
    let mut list = List { each, summary: Summary::default(), stopped: None, taken: &taken };

    let outcome = json.deserialize_seq(&mut list);

    let List { summary, stopped, .. } = list;
    if let Some(value) = stopped {
        return Ok(ControlFlow::Break(value));
    }
    let record = summary.records() + 1;
    outcome.map_err(|error| explain(error, record))?;
    taken.set(0);
    json.end().map_err(|error| match explain(error, record) {
        ReadError::Malformed { line, column, .. } => ReadError::Trailing { line, column },
        other => other,
    })?;
    Ok(ControlFlow::Continue(summary))
}

/// Reads the first bytes, and refuses the byte order marks of UTF-8 and UTF-16.
fn read_start(source: &mut impl Read) -> Result<Vec<u8>, ReadError> {
    let mut start = Vec::new();
    source.take(3).read_to_end(&mut start)?;
    let marks: [&[u8]; 3] = [b"\xef\xbb\xbf", b"\xfe\xff", b"\xff\xfe"];
    if marks.iter().any(|mark| start.starts_with(mark)) {
        return Err(ReadError::ByteOrderMark);
    }
    Ok(start)
}

/// Says what an error of the JSON parser means here.
fn explain(error: serde_json::Error, record: u64) -> ReadError {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        Category::Io => match io::Error::from(error).downcast::<TooLarge>() {
            Ok(TooLarge) => ReadError::TooLarge { record },
            Err(error) => ReadError::Io(error),
        },
        Category::Data => ReadError::NotAList { line, column },
        Category::Syntax | Category::Eof => {
            let text = error.to_string();
            let place = format!(" at line {line} column {column}");
            let reason = text.strip_suffix(&place).unwrap_or(&text).to_owned();
            ReadError::Malformed { record, line, column, reason }
        }
    }
}

/// A source that fails when more than `limit` bytes are taken before a reset.
struct Bounded<'a, R> {
    source: R,
    limit: usize,
    taken: &'a Cell<usize>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.taken.get();
        if taken >= self.limit {
            return Err(io::Error::other(TooLarge));
        }
        let read = self.source.read(buffer)?;
        self.taken.set(taken.saturating_add(read));
        Ok(read)
    }
}

/// Marks the failure of [`Bounded`].
#[derive(Debug, thiserror::Error)]
#[error("a record is too long")]
struct TooLarge;

/// Visits the list, one record after the other.
struct List<'a, F, B> {
    each: F,
    summary: Summary,
    stopped: Option<B>,
    taken: &'a Cell<usize>,
}

impl<'de, F: FnMut(Item) -> ControlFlow<B>, B> de::Visitor<'de> for &mut List<'_, F, B> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut records: A) -> Result<(), A::Error> {
        while let Some(value) = records.next_element::<Value>()? {
            let item = record::item(&value);
            match item {
                Item::Dataset(_) => self.summary.datasets += 1,
                Item::Skipped { .. } => self.summary.skipped += 1,
            }
            if let ControlFlow::Break(value) = (self.each)(item) {
                self.stopped = Some(value);
                return Err(de::Error::custom("the caller has enough"));
            }
            self.taken.set(0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &[u8]) -> Result<Summary, ReadError> {
        match read(text, |_| ControlFlow::<()>::Continue(()))? {
            ControlFlow::Continue(summary) => Ok(summary),
            ControlFlow::Break(()) => unreachable!("the callback never breaks"),
        }
    }

    #[test]
    fn an_empty_list_has_no_records() {
        assert_eq!(read_all(b" [ ] \n").unwrap(), Summary::default());
    }

    #[test]
    fn an_error_names_the_record_and_the_place() {
        let error = read_all(b"[{},\n {\"title\": tru}]").unwrap_err();

        assert_eq!(error.to_string(), "record 2: line 2, column 15: expected ident");
    }

    #[test]
    fn a_text_that_ends_early_is_an_error_after_the_whole_records() {
        let mut items = 0;

        let outcome = read(&b"[{}, {}, {"[..], |_| {
            items += 1;
            ControlFlow::<()>::Continue(())
        });

        assert!(matches!(outcome, Err(ReadError::Malformed { record: 3, line: 1, .. })));
        assert_eq!(items, 2);
    }

    #[test]
    fn a_byte_order_mark_is_refused_with_advice() {
        let error = read_all(b"\xef\xbb\xbf[]").unwrap_err();

        assert!(matches!(error, ReadError::ByteOrderMark));
        assert!(error.to_string().contains("UTF-8 without"));
    }

    #[test]
    fn what_follows_the_list_is_refused() {
        assert!(matches!(read_all(b"[]\n[]"), Err(ReadError::Trailing { line: 2, column: 1 })));
    }

    #[test]
    fn a_text_that_is_no_list_is_refused() {
        for text in [&b"{}"[..], b"3", b"\"[]\""] {
            assert!(matches!(read_all(text), Err(ReadError::NotAList { .. })), "{text:?}");
        }
        assert!(matches!(read_all(b""), Err(ReadError::Malformed { record: 1, .. })));
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let text = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();

        assert!(matches!(read_all(&text), Err(ReadError::Malformed { record: 1, .. })));
    }

    #[test]
    fn a_record_without_end_is_refused() {
        let endless = b"[\"".chain(io::repeat(b'a'));

        let outcome = read_within(1000, endless, |_| ControlFlow::<()>::Continue(()));

        assert!(matches!(outcome, Err(ReadError::TooLarge { record: 1 })));
    }

    #[test]
    fn a_failing_source_is_told_apart_from_bad_json() {
        struct Failing;
        impl Read for Failing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the tape is torn"))
            }
        }

        let error = read(b"[{}, ".chain(Failing), |_| ControlFlow::<()>::Continue(()));

        assert!(matches!(error, Err(ReadError::Io(_))));
    }

    #[test]
    fn the_caller_may_end_the_reading() {
        let outcome = read(&b"[{}, broken"[..], |_| ControlFlow::Break("enough"));

        assert_eq!(outcome.unwrap(), ControlFlow::Break("enough"));
    }

    #[test]
    fn a_list_may_be_longer_than_the_bound_of_one_record() {
        let text = format!("[{}{{}}]", "{}   ,".repeat(1000));

        let outcome = read_within(20, text.as_bytes(), |_| ControlFlow::<()>::Continue(()));

        assert_eq!(outcome.unwrap(), ControlFlow::Continue(Summary { datasets: 0, skipped: 1001 }));
    }
}
