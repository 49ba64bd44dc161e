//! Just enough of DER to read names, proxy policies and attribute certificates.
//!
//! Nothing recurses and nothing is allocated: a reader hands out slices of what it was given.

/// Why bytes are not the DER that they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DerError {
    /// The bytes end within an element.
    #[error("the data ends within an element")]
    Truncated,
    /// A length is not in the shortest form, or longer than four bytes.
    #[error("a length is not in DER's form")]
    Length,
    /// An element is of another kind than the one that must stand there.
    #[error("there is tag {found:#04x} where {expected:#04x} must be")]
    Tag {
        /// The tag that must be there.
        expected: u8,
        /// The tag that is there.
        found: u8,
    },
    /// Bytes follow the last element.
    #[error("bytes follow the last element")]
    Trailing,
    /// A value is outside what its kind allows.
    #[error("{0}")]
    Value(&'static str),
}

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One element: its tag, its content, and both as they stand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub tag: u8,
    pub content: &'a [u8],
    pub whole: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Reads the one element that `bytes` consist of, whose tag is `tag`.
    pub fn single(bytes: &'a [u8], tag: u8) -> Result<Element<'a>, DerError> {
        let mut reader = Self::new(bytes);
        let element = reader.take(tag)?;
        reader.end()?;
        Ok(element)
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub fn end(&self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }

    /// The tag of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Takes the next element, whatever it is.
    pub fn any(&mut self) -> Result<Element<'a>, DerError> {
        let (tag, after_tag) = self.rest.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::Value("a tag is longer than a byte"));
        }
        let (length, body) = length(after_tag)?;
        let content = body.get(..length).ok_or(DerError::Truncated)?;
        let rest = body.get(length..).ok_or(DerError::Truncated)?;
        let whole_length = self.rest.len().saturating_sub(rest.len());
        let whole = self.rest.get(..whole_length).ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Element { tag: *tag, content, whole })
    }

    /// Takes the next element, which must have this tag.
    pub fn take(&mut self, tag: u8) -> Result<Element<'a>, DerError> {
        let element = self.any()?;
        if element.tag == tag {
            Ok(element)
        } else {
            Err(DerError::Tag { expected: tag, found: element.tag })
        }
    }

    /// Takes the next element if it has this tag.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, DerError> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// Takes the next element with this tag, and reads within it.
    pub fn enter(&mut self, tag: u8) -> Result<Reader<'a>, DerError> {
        self.take(tag).map(|element| Reader::new(element.content))
    }
}

/// Splits a length from what follows it.
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (first, rest) = bytes.split_first().ok_or(DerError::Truncated)?;
    if *first < 0x80 {
        return Ok((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(DerError::Length);
    }
    let digits = rest.get(..count).ok_or(DerError::Truncated)?;
    let value = digits.iter().fold(0_usize, |sum, digit| (sum << 8) | usize::from(*digit));
    if value < 0x80 || digits.first() == Some(&0) {
        return Err(DerError::Length);
    }
    Ok((value, rest.get(count..).ok_or(DerError::Truncated)?))
}

/// An object identifier in dotted form.
pub(crate) fn dotted(content: &[u8]) -> Result<String, DerError> {
    use std::fmt::Write as _;
    const INVALID: DerError = DerError::Value("an object identifier is not valid");

    let mut text = String::new();
    let mut arc: u64 = 0;
    let mut within = false;
    for byte in content {
        if !within && *byte == 0x80 {
            return Err(INVALID);
        }
        arc = arc.checked_mul(128).ok_or(INVALID)? | u64::from(byte & 0x7f);
        within = byte & 0x80 != 0;
        if within {
            continue;
        }
        let written = if text.is_empty() {
            let first = (arc / 40).min(2);
            write!(text, "{first}.{}", arc - first * 40)
        } else {
            write!(text, ".{arc}")
        };
        written.map_err(|_| INVALID)?;
        arc = 0;
    }
    if within || text.is_empty() { Err(INVALID) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_must_be_in_the_shortest_form() {
        let short = Reader::single(&[OCTET_STRING, 0x81, 0x01, 0x00], OCTET_STRING);
        let padded = Reader::single(&[OCTET_STRING, 0x82, 0x00, 0x80], OCTET_STRING);

        assert_eq!(short.map(|e| e.content.len()), Err(DerError::Length));
        assert_eq!(padded.map(|e| e.content.len()), Err(DerError::Length));
    }

    #[test]
    fn an_indefinite_length_is_refused() {
        let read = Reader::single(&[SEQUENCE, 0x80, 0x00, 0x00], SEQUENCE);

        assert_eq!(read.map(|e| e.content.len()), Err(DerError::Length));
    }

    #[test]
    fn a_length_beyond_the_data_is_refused() {
        let read = Reader::single(&[OCTET_STRING, 0x84, 0xff, 0xff, 0xff, 0xff], OCTET_STRING);

        assert_eq!(read.map(|e| e.content.len()), Err(DerError::Truncated));
    }

    #[test]
    fn object_identifiers_read_as_dotted_numbers() {
        assert_eq!(dotted(&[0x55, 0x04, 0x03]).as_deref(), Ok("2.5.4.3"));
        assert_eq!(
            dotted(&[0x2b, 0x06, 0x01, 0x04, 0x01, 0x9b, 0x50]).as_deref(),
            Ok("1.3.6.1.4.1.3536")
        );
        assert_eq!(dotted(&[0x2a, 0x2a, 0x2a]).as_deref(), Ok("1.2.42.42"));
        assert!(dotted(&[0x2a, 0x80]).is_err());
        assert!(dotted(&[]).is_err());
    }
}
