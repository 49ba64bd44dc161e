use crate::{DecodeError, EncodeError, Limits, Value, dencode, jencode};

/// The two ways in which DIRAC writes values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// JSON, with objects for dates and bytes. The one that clients use today.
    Json,
    /// DIRAC's own encoding.
    DEncode,
}

impl Encoding {
    /// Writes a value.
    pub fn encode(self, value: &Value) -> Result<Vec<u8>, EncodeError> {
        match self {
            Self::Json => jencode::encode(value).map(String::into_bytes),
            Self::DEncode => Ok(dencode::encode(value)),
        }
    }

    /// Reads a value.
    pub fn decode(self, bytes: &[u8], limits: Limits) -> Result<Value, DecodeError> {
        match self {
            Self::Json => jencode::decode(bytes, limits),
            Self::DEncode => dencode::decode(bytes, limits),
        }
    }
}

/// Reads a message, and says in which encoding it was. All messages are dictionaries, so the first
/// byte decides.
pub fn decode(bytes: &[u8], limits: Limits) -> Result<(Value, Encoding), DecodeError> {
    let encoding = match bytes.first() {
        Some(b'{') => Encoding::Json,
        Some(b'd') => Encoding::DEncode,
        Some(_) => {
            return Err(DecodeError::Malformed { at: 0, reason: "a message is a dictionary" });
        }
        None => return Err(DecodeError::Truncated),
    };
    Ok((encoding.decode(bytes, limits)?, encoding))
}
