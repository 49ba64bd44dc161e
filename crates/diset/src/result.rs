use sbk_wire::Value;

use crate::LinkError;

/// Why a call gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The connection could not be made.
    #[error("cannot connect to {address}: {reason}")]
    Connect {
        /// Where to.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The connection failed.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The service answered with an error.
    #[error("{message}")]
    Refused {
        /// The code; 0 for none.
        errno: i64,
        /// What the service says.
        message: String,
    },
    /// The service answered with something that is no result.
    #[error("the answer is no DIRAC result")]
    NoResult,
    /// What came as a file is not what was sent.
    #[error("the checksum of the file is wrong")]
    Checksum,
}

/// What a result holds: its value, or why there is none.
pub fn outcome(result: Value) -> Result<Value, CallError> {
    match result.get("OK") {
        Some(Value::Bool(true)) => match result {
            Value::Dict(entries) => {
                let value = entries.into_iter().rev().find(|(key, _)| key.text() == Some("Value"));
                Ok(value.map_or(Value::Null, |(_, value)| value))
            }
            _ => Err(CallError::NoResult),
        },
        Some(Value::Bool(false)) => Err(CallError::Refused {
            errno: match result.get("Errno") {
                Some(Value::Int(errno)) => *errno,
                _ => 0,
            },
            message: result.get("Message").and_then(Value::text).unwrap_or("failed").to_owned(),
        }),
        _ => Err(CallError::NoResult),
    }
}
