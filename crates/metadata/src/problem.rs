//! What is wrong with a value, in words for people.

use std::fmt;

use sbk_model::Invalid;
use serde::{Deserialize, Serialize};

/// Why the value of a field cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// The field's name.
    pub field: String,
    /// The value as given, shortened; empty where a value is missing.
    pub value: String,
    /// What is wrong, as the rest of a sentence that begins with the value.
    pub reason: String,
    /// What was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

/// The reason for which a kind or a rule refuses a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub reason: String,
    pub suggestion: Option<String>,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, suggestion: None }
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl Refusal {
    /// Names the field and the value.
    pub fn about(self, field: &str, value: &serde_json::Value) -> Problem {
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let invalid = Invalid::new(field, &text, self.reason);
        Problem {
            field: invalid.field,
            value: invalid.value,
            reason: invalid.reason,
            suggestion: self.suggestion,
        }
    }
}

impl Problem {
    /// Describes a field as a whole, where no value is at fault.
    pub(crate) fn field(field: &str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { field: field.to_owned(), value: String::new(), reason, suggestion: None }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.field)?;
        if !self.value.is_empty() {
            write!(f, "{:?} ", self.value)?;
        }
        f.write_str(&self.reason)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Problem> for Invalid {
    fn from(problem: Problem) -> Self {
        let reason = match problem.suggestion {
            Some(suggestion) => format!("{}; did you mean `{suggestion}`?", problem.reason),
            None => problem.reason,
        };
        Self { field: problem.field, value: problem.value, reason }
    }
}

/// The candidate that is most like a text, if any is like it at all.
pub(crate) fn nearest<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let text = text.to_lowercase();
    if text.chars().count() > 128 {
        return None;
    }
    (candidates.into_iter())
        .map(|candidate| (likeness(&text, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (two, _)| one.total_cmp(two))
        .map(|(_, candidate)| candidate.to_owned())
}

/// How like two texts are, from 0 to 1; one slip of the hand is like enough even in short texts.
fn likeness(one: &str, two: &str) -> f64 {
    let slips = strsim::osa_distance(one, two);
    let slip = if slips <= 1 && two.chars().count() > 2 { 0.9 } else { 0.0 };
    strsim::jaro_winkler(one, two).max(slip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_and_a_strange_one_is_not() {
        let names = ["energy", "generator"];

        assert_eq!(nearest("enrgy", names).as_deref(), Some("energy"));
        assert_eq!(nearest("xyz", names), None);
        assert_eq!(nearest("GV", ["eV", "GeV"]).as_deref(), Some("GeV"));
    }

    #[test]
    fn a_problem_is_a_sentence() {
        let refusal = Refusal { reason: "is unknown".into(), suggestion: Some("b".into()) };

        let problem = refusal.about("a", &serde_json::json!("c"));

        assert_eq!(problem.to_string(), "a: \"c\" is unknown; did you mean `b`?");
    }
}
