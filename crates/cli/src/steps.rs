//! What a check looked at, step by step.

use serde::Serialize;

use crate::{
    failure::Failure,
    output::{Format, Output},
};

/// The widest column of titles; a longer title pushes its line on.
const MAX_WIDTH: usize = 32;

/// One step of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What is looked at.
    pub title: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found.
    pub detail: String,
    /// What to do about it, if something has to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing is wrong.
    Good,
    /// Nothing is wrong, but it is worth knowing.
    Note,
    /// It works, but something of it probably ought to be otherwise.
    Warning,
    /// It does not work.
    Refused,
}

impl Outcome {
    /// The word in front of a line.
    fn mark(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Refused => "refused",
        }
    }
}

impl Step {
    /// A step at which nothing is wrong.
    pub fn good(title: impl Into<String>, detail: impl Into<String>) -> Self {
        let (title, detail) = (title.into(), detail.into());
        Self { title, outcome: Outcome::Good, detail, advice: None }
    }

    /// A step at which nothing is wrong, with something worth knowing.
    pub fn note(
        title: impl Into<String>,
        detail: impl Into<String>,
        advice: Option<String>,
    ) -> Self {
        Self { outcome: Outcome::Note, advice, ..Self::good(title, detail) }
    }

    /// A step that works, with what probably ought to be otherwise.
    pub fn warning(
        title: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Warning, advice: Some(advice.into()), ..Self::good(title, detail) }
    }

    /// A step that does not work.
    pub fn refused(
        title: impl Into<String>,
        detail: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { outcome: Outcome::Refused, ..Self::warning(title, detail, advice) }
    }
}

impl From<sbk_pki::Step> for Step {
    fn from(step: sbk_pki::Step) -> Self {
        let outcome = match step.outcome {
            sbk_pki::Outcome::Good => Outcome::Good,
            sbk_pki::Outcome::Warning => Outcome::Warning,
            sbk_pki::Outcome::Refused => Outcome::Refused,
        };
        Self { title: step.title, outcome, detail: step.detail, advice: step.advice }
    }
}

/// Writes steps a line each: in columns with the advice below for people, with a tab between the
/// values for programs.
pub fn write(output: &mut Output, steps: &[Step]) -> Result<(), Failure> {
    let lengths = steps.iter().map(|step| step.title.chars().count());
    let width = lengths.filter(|length| *length <= MAX_WIDTH).max().unwrap_or_default();
    for step in steps {
        let (mark, advice) = (step.outcome.mark(), step.advice.as_deref());
        let (title, detail) = (clean(&step.title), clean(&step.detail));
        if output.format() == Format::Plain {
            let advice = clean(advice.unwrap_or_default());
            output.line(format_args!("{mark}\t{title}\t{detail}\t{advice}"))?;
            continue;
        }
        output.line(format!("{mark:7}  {title:width$}  {detail}").trim_end())?;
        if let Some(advice) = advice {
            output.line(format_args!("{:7}  {:width$}  -> {}", "", "", clean(advice)))?;
        }
    }
    output.flush()
}

/// The text without what would break a line or a terminal: names in certificates are anybody's.
fn clean(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}
