/// Why bytes are no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end within a value.
    #[error("the message ends within a value")]
    Truncated,
    /// A byte stands where it cannot.
    #[error("byte {at}: {reason}")]
    Malformed {
        /// Where, from 0.
        at: usize,
        /// What is wrong there.
        reason: &'static str,
    },
    /// Lists and dictionaries stand within one another too deeply.
    #[error("byte {at}: values are nested more than {limit} deep")]
    TooDeep {
        /// Where, from 0.
        at: usize,
        /// How deep they may be.
        limit: usize,
    },
    /// There are too many values.
    #[error("the message has more than {limit} values")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

/// Why a value has no form in an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// JSON has no form for a time of day without its date.
    #[error("a time of day cannot be sent as JSON")]
    Time,
    /// JSON's names are texts, numbers, truth values or null.
    #[error("a dictionary has a key that cannot be sent as JSON")]
    Key,
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame does not begin with its length in decimal digits and a colon.
    #[error("a frame does not begin with its length")]
    Length,
    /// A frame is longer than the reader takes.
    #[error("a frame is longer than {limit} bytes")]
    TooLong {
        /// The most bytes.
        limit: usize,
    },
}

/// Why a value and a type do not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SerdeError(pub(crate) String);

impl serde::ser::Error for SerdeError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}

impl serde::de::Error for SerdeError {
    fn custom<T: std::fmt::Display>(reason: T) -> Self {
        Self(reason.to_string())
    }
}
