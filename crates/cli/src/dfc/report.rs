use std::collections::BTreeMap;

use sbk_api::{BulkResult, Outcome};
use sbk_dfc::{Counts, Findings};
use serde::{Deserialize, Serialize};

use super::check::Check;
use crate::{
    failure::Failure,
    human,
    output::{Format, Output},
};

/// How many refused things are shown to people, and how many are kept.
const SHOWN: usize = 20;

/// What is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Directories.
    Directories,
    /// Files.
    Files,
    /// Files with what they were made from.
    Parents,
    /// Datasets.
    Datasets,
    /// Frozen contents of datasets, and their files.
    Snapshots,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Directories => "directories",
            Self::Files => "files",
            Self::Parents => "files with ancestors",
            Self::Datasets => "datasets",
            Self::Snapshots => "frozen contents",
        }
    }
}

/// How many of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// What is new.
    pub added: u64,
    /// What was there and was changed.
    pub changed: u64,
    /// What was there as it should be.
    pub unchanged: u64,
    /// What was refused.
    pub refused: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// How many rows of files were read.
    pub read: u64,
    /// How many replicas the files that were read have.
    pub replicas: u64,
    /// What was done, by kind.
    pub done: BTreeMap<Kind, Done>,
    /// What was refused, each with the reason; the first of them.
    pub refused: Vec<String>,
    /// What is not as it should be in the catalogue.
    pub findings: Findings,
}

/// A report as it is written for programs.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    report: &'a Report,
    source: &'a Counts,
    checks: Vec<Check>,
}

impl Report {
    /// Counts what became of things.
    pub fn count(&mut self, kind: Kind, result: BulkResult) {
        let done = self.done.entry(kind).or_default();
        done.added += u64::from(result.added);
        done.changed += u64::from(result.changed);
        done.unchanged += u64::from(result.unchanged);
        done.refused += u64::from(result.refused);
        for item in result.results {
            if item.outcome == Outcome::Refused && self.refused.len() < SHOWN {
                let why = item.problem.map_or_else(String::new, |problem| problem.to_string());
                self.refused.push(format!("{}: {why}", item.name));
            }
        }
    }

    /// Writes the report, and fails where something is not in the bookkeeping.
    pub fn write(
        &self,
        output: &mut Output,
        source: &Counts,
        checks: Vec<Check>,
    ) -> Result<(), Failure> {
        let refused = self.done.values().any(|done| done.refused > 0);
        let lost = self.findings.0.keys().any(|finding| finding.loses());
        let differs = checks.iter().any(|check| !check.agrees());
        match output.format() {
            Format::Json | Format::Ndjson => {
                output.json(&Whole { report: self, source, checks })?;
            }
            Format::Human | Format::Plain => self.tell(output, &checks)?,
        }
        if refused || lost || differs { Err(Failure::Refused) } else { Ok(()) }
    }

    fn tell(&self, output: &mut Output, checks: &[Check]) -> Result<(), Failure> {
        for (kind, done) in &self.done {
            let Done { added, changed, unchanged, refused } = done;
            let parts = [
                (*added, "added"),
                (*changed, "changed"),
                (*unchanged, "unchanged"),
                (*refused, "refused"),
            ];
            let parts = parts.iter().filter(|(count, _)| *count > 0);
            let parts: Vec<String> =
                parts.map(|(count, what)| format!("{} {what}", human::total(*count))).collect();
            output.line(format_args!("{}: {}", kind.text(), parts.join(", ")))?;
        }
        for text in &self.refused {
            output.line(format_args!("refused: {text}"))?;
        }
        for (finding, found) in &self.findings.0 {
            let count = human::total(found.count);
            let examples = found.examples.join(", ");
            output.line(format_args!("{count} {}: {examples}", finding.text()))?;
        }
        for check in checks {
            let (source, here) = (human::total(check.source), human::total(check.here));
            let verdict = if check.agrees() { "equal" } else { "DIFFERS" };
            output.line(format_args!("{}: {source} there, {here} here, {verdict}", check.what))?;
        }
        output.flush()
    }
}
