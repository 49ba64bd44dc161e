//! What is wrong with a configuration, in words for its administrator.

use std::fmt;

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Probably not meant so.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The section or option.
    pub path: String,
    /// What is wrong.
    pub text: String,
    /// What to do about it.
    pub fix: String,
}

impl Finding {
    /// Something that does not work.
    pub(crate) fn error(
        path: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Error, path: path.into(), text: text.into(), fix: fix.into() }
    }

    /// Something that is probably not meant so.
    pub(crate) fn warning(
        path: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, text, fix) }
    }

    /// Something worth knowing.
    pub(crate) fn note(
        path: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Note, ..Self::error(path, text, fix) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, "{severity}: {}: {}; {}", self.path, self.text, self.fix)
    }
}

/// Advice that names what was probably meant, or else what there is to do.
pub(crate) fn did_you_mean<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    otherwise: &str,
) -> String {
    match nearest(text, candidates) {
        Some(name) => format!("did you mean `{name}`?"),
        None => otherwise.to_owned(),
    }
}

/// The candidate that is most like a text, if any is like it at all.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if text.len() > 128 {
        return None;
    }
    let text = text.to_lowercase();
    (candidates.into_iter())
        .map(|name| (strsim::jaro_winkler(&text, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(one, _), (two, _)| one.total_cmp(two))
        .map(|(_, name)| name)
}
