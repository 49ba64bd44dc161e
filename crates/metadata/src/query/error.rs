//! What is wrong with a query, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ast::{Place, Span};

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QueryError {
    /// What is wrong.
    pub message: String,
    /// Where it is wrong.
    pub place: Place,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl QueryError {
    /// The longest part of a line that a picture shows, in characters.
    const MAX_SHOWN: usize = 120;

    /// Describes what is wrong at a place.
    pub(crate) fn new(message: impl Into<String>, place: Place) -> Self {
        Self { message: message.into(), place, suggestion: None }
    }

    /// Adds what was probably meant.
    pub(crate) fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }

    /// Draws the line of the query with a mark below the part that is wrong.
    ///
    /// `source` is the text that was parsed; for the JSON form it is not looked at.
    pub fn render(&self, source: &str) -> String {
        let help = match &self.suggestion {
            Some(suggestion) => format!("\n  help: did you mean `{suggestion}`?"),
            None => String::new(),
        };
        match &self.place {
            Place::Pointer(pointer) => {
                let pointer = if pointer.is_empty() { "/" } else { pointer };
                format!("error: {}\n  at {pointer}{help}", self.message)
            }
            Place::Span(span) => {
                format!("error: {}\n{}{help}", self.message, picture(source, *span))
            }
        }
    }
}

/// The line with a mark below a span, and its line and column.
fn picture(source: &str, span: Span) -> String {
    let before = source.get(..span.start).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let number = before.matches('\n').count() + 1;
    let line = source.get(line_start..).unwrap_or_default();
    let line = line.split('\n').next().unwrap_or_default();
    let column = before.get(line_start..).unwrap_or_default().chars().count();
    let marked = source.get(span.start..span.end).unwrap_or_default();
    let width = marked.split('\n').next().unwrap_or_default().chars().count().max(1);

    let skipped = column.saturating_sub(QueryError::MAX_SHOWN / 2);
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    let shown: String =
        line.chars().skip(skipped).take(QueryError::MAX_SHOWN).map(printable).collect();
    let width = width.min(QueryError::MAX_SHOWN - (column - skipped));
    format!(
        "  --> line {number}, column {}\n  | {shown}\n  | {}{}",
        column + 1,
        " ".repeat(column - skipped),
        "^".repeat(width)
    )
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.place {
            Place::Span(span) => write!(f, " (at byte {})", span.start)?,
            Place::Pointer(pointer) if pointer.is_empty() => {}
            Place::Pointer(pointer) => write!(f, " (at {pointer})")?,
        }
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for QueryError {}
