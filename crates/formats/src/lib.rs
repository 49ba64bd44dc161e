//! Readers of the formats that producers of physics data speak.
//!
//! A reader turns bytes into domain types and says what it could not take. It knows no database,
//! no transport and no clock.

pub mod bulk_block;
mod detect;
pub mod gaudi;
pub mod lhcb;
mod name;
pub mod open_data;
mod text;
mod xml;

pub use detect::{Kind, kind};
pub use name::{WorkflowName, of_file};
pub use text::decode;

/// Why a document cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", self.place())]
pub struct Malformed {
    /// The line where it is wrong, from 1, where that is known.
    pub line: Option<u64>,
    /// What in it is wrong, when that has a name.
    pub field: Option<String>,
    /// Why.
    pub reason: String,
}

impl Malformed {
    fn new(line: impl Into<Option<u64>>, reason: impl Into<String>) -> Self {
        Self { line: line.into(), field: None, reason: reason.into() }
    }

    fn of(line: impl Into<Option<u64>>, field: &str, reason: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::new(line, reason) }
    }

    fn place(&self) -> String {
        let line = self.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let field = self.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        line + &field
    }
}
