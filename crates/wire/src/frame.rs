//! Frames: a length in decimal digits, a colon, and as many bytes.

use crate::{DecodeError, Encoding, FrameError, Limits, Value, encoding};

/// What stands before the frame of a keep-alive.
const KEEP_ALIVE: &[u8] = b"dka";

/// The most digits of a length: those of 2⁶³.
const DIGITS: usize = 19;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A message of a call.
    Message(Vec<u8>),
    /// A question whether the other side lives, or the answer to one.
    KeepAlive(Vec<u8>),
}

/// Puts the length before a message.
pub fn frame(message: &[u8]) -> Vec<u8> {
    let mut out = message.len().to_string().into_bytes();
    out.reserve_exact(message.len() + 1);
    out.push(b':');
    out.extend_from_slice(message);
    out
}

/// Finds the frames in bytes that come in any pieces.
#[derive(Debug)]
pub struct FrameReader {
    limit: usize,
    buffer: Vec<u8>,
}

impl FrameReader {
    /// Makes a reader that takes messages of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: Vec::new() }
    }

    /// Takes longer or shorter messages from now on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The most bytes of a message that it takes.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes bytes that came. Call [`FrameReader::next`] until it gives nothing before the next
    /// bytes, so that what is held stays within the limit.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether nothing of a further frame has come.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// How long the message of the next frame is, once its length came. Nothing of the message is
    /// taken.
    pub fn pending(&self) -> Result<Option<usize>, FrameError> {
        match self.head()? {
            Some(head) if head.length > self.limit => {
                Err(FrameError::TooLong { limit: self.limit })
            }
            head => Ok(head.map(|head| head.length)),
        }
    }

    /// The next frame, once all of it came. After an error the connection is of no more use.
    #[expect(clippy::should_implement_trait, reason = "it is no iterator: more may come later")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(head) = self.head()? else { return Ok(None) };
        let Some(end) = head.start.checked_add(head.length).filter(|_| head.length <= self.limit)
        else {
            return Err(FrameError::TooLong { limit: self.limit });
        };
        if self.buffer.len() < end {
            return Ok(None);
        }
        let mut message = self.buffer.split_off(head.start);
        self.buffer = message.split_off(head.length);
        Ok(Some(if head.is_keep_alive {
            Frame::KeepAlive(message)
        } else {
            Frame::Message(message)
        }))
    }

    fn head(&self) -> Result<Option<Head>, FrameError> {
        let shared = self.buffer.len().min(KEEP_ALIVE.len());
        let is_keep_alive = shared > 0 && self.buffer[..shared] == KEEP_ALIVE[..shared];
        if is_keep_alive && shared < KEEP_ALIVE.len() {
            return Ok(None);
        }
        let skip = if is_keep_alive { KEEP_ALIVE.len() } else { 0 };
        let rest = self.buffer.get(skip..).unwrap_or_default();
        let digits = rest.iter().take(DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
        match rest.get(digits) {
            None if digits <= DIGITS => return Ok(None),
            Some(b':') if digits > 0 && digits <= DIGITS => {}
            _ => return Err(FrameError::Length),
        }
        let text = rest.get(..digits).and_then(|text| str::from_utf8(text).ok()).unwrap_or("");
        let length = text.parse().map_err(|_| FrameError::TooLong { limit: self.limit })?;
        Ok(Some(Head { is_keep_alive, start: skip + digits + 1, length }))
    }
}

struct Head {
    is_keep_alive: bool,
    /// Where the message begins.
    start: usize,
    length: usize,
}

/// The contents of the frame of a keep-alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeepAlive {
    /// What the answer repeats.
    pub id: String,
    /// Whether an answer is expected.
    pub is_question: bool,
}

impl KeepAlive {
    /// Reads one, with the encoding that the other side uses.
    pub fn decode(message: &[u8]) -> Result<(Self, Encoding), DecodeError> {
        let (value, encoding) = encoding::decode(message, Limits { depth: 4, values: 32 })?;
        let contents = value.get("Value");
        let id = contents.and_then(|value| value.get("id")).and_then(Value::text);
        let is_question = match contents.and_then(|value| value.get("kaping")) {
            Some(Value::Bool(is_question)) => *is_question,
            _ => false,
        };
        Ok((Self { id: id.unwrap_or_default().to_owned(), is_question }, encoding))
    }

    /// Writes it with its frame.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        let contents = Value::dict([
            ("id", Value::from(self.id.as_str())),
            ("kaping", Value::from(self.is_question)),
        ]);
        let message = Value::dict([("OK", Value::from(true)), ("Value", contents)]);
        let message = encoding.encode(&message).unwrap_or_default();
        [KEEP_ALIVE, &frame(&message)].concat()
    }
}
