//! What became of job reports, summed up over their batches.

use sbk_api::{
    JobCount, JobSummary, OpenEdge, QuarantineState, Quarantined, Relative, ReportAnswer,
    ReportOutcome, ReportResult, WrongJobCount,
};

use crate::{
    cell::Cell,
    failure::Failure,
    human,
    output::{Format, Output, Row},
};

/// How many reports that were not taken are shown to people.
const SHOWN: usize = 20;

/// Adds the answers of a batch to those before.
pub fn add(sum: &mut ReportResult, batch: ReportResult) {
    sum.recorded += batch.recorded;
    sum.repeated += batch.repeated;
    sum.quarantined += batch.quarantined;
    sum.refused += batch.refused;
    sum.results.extend(batch.results);
}

/// Writes what became of reports, and fails where one was not taken.
pub fn show(output: &mut Output, result: &ReportResult) -> Result<(), Failure> {
    match output.format() {
        Format::Human => {
            for line in not_taken(result) {
                eprintln!("{line}");
            }
            output.line(summary(result))?;
            output.flush()?;
        }
        Format::Plain => {
            for answer in &result.results {
                let values: Vec<String> = answer.cells().iter().map(Cell::plain).collect();
                output.line(values.join("\t"))?;
            }
            output.flush()?;
        }
        Format::Json | Format::Ndjson => output.json(result)?,
    }
    if result.refused + result.quarantined == 0 { Ok(()) } else { Err(Failure::Refused) }
}

/// The counts in a sentence.
pub fn summary(result: &ReportResult) -> String {
    let counts = [
        (result.recorded, "recorded"),
        (result.repeated, "repeated"),
        (result.quarantined, "quarantined"),
        (result.refused, "refused"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", human::count(number.into())))
        .collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}

/// A line for each of the first reports that were not taken, and one for the number of the others.
fn not_taken(result: &ReportResult) -> Vec<String> {
    let failed = result.results.iter().filter(|a| a.outcome != ReportOutcome::Recorded);
    let mut lines: Vec<String> = failed
        .take(SHOWN)
        .map(|answer| {
            let job = answer.job.as_ref().map_or("a report", |job| job.as_str());
            let problem = answer.problem.as_ref().map(ToString::to_string).unwrap_or_default();
            match &answer.entry {
                Some(entry) => format!("quarantined as {entry}: {job}: {problem}"),
                None => format!("refused: {job}: {problem}"),
            }
        })
        .collect();
    let others = ((result.refused + result.quarantined) as usize).saturating_sub(lines.len());
    if others > 0 {
        lines.push(format!("and {others} more; --json names all"));
    }
    lines
}

fn outcome_name(outcome: ReportOutcome) -> &'static str {
    match outcome {
        ReportOutcome::Recorded => "recorded",
        ReportOutcome::Quarantined => "quarantined",
        ReportOutcome::Refused => "refused",
    }
}

/// The word for what became of a report in the quarantine.
pub fn state_name(state: QuarantineState) -> &'static str {
    match state {
        QuarantineState::Waiting => "waiting",
        QuarantineState::Taken => "taken",
        QuarantineState::Dismissed => "dismissed",
    }
}

impl Row for ReportAnswer {
    const HEADINGS: &'static [&'static str] =
        &["JOB", "OUTCOME", "STANDING", "OUTPUTS", "ENTRY", "PROBLEM"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::optional(self.job.as_ref()),
            Cell::text(outcome_name(self.outcome)),
            Cell::optional(self.standing),
            Cell::Count(self.outputs.into()),
            Cell::optional(self.entry.as_ref()),
            Cell::optional(self.problem.as_ref()),
        ]
    }
}

impl Row for JobSummary {
    const HEADINGS: &'static [&'static str] =
        &["JOB", "TASK", "STATE", "STANDING", "REASON", "SITE", "EVENTS", "OUTPUTS", "RECEIVED"];

    fn cells(&self) -> Vec<Cell> {
        let task = self.task.map(|task| format!("{task}.{}", self.attempt));
        vec![
            Cell::text(&self.name),
            Cell::optional(task),
            Cell::text(self.state),
            Cell::text(self.standing),
            Cell::optional(self.reason.as_ref()),
            Cell::optional(self.site.as_ref()),
            Cell::count(self.events_written.map(sbk_model::Events::get)),
            Cell::Count(self.outputs.into()),
            Cell::Time(self.received),
        ]
    }
}

impl Row for JobCount {
    const HEADINGS: &'static [&'static str] = &[
        "PRODUCTION",
        "SITE",
        "STATE",
        "STANDING",
        "REASON",
        "JOBS",
        "EVENTS READ",
        "EVENTS WRITTEN",
        "CPU SECONDS",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::optional(self.production.as_ref()),
            Cell::optional(self.site.as_ref()),
            Cell::text(self.state),
            Cell::text(self.standing),
            Cell::optional(self.reason.as_ref()),
            Cell::Count(self.jobs),
            Cell::Count(self.events_read),
            Cell::Count(self.events_written),
            Cell::text(format_args!("{:.0}", self.cpu_seconds)),
        ]
    }
}

impl Row for WrongJobCount {
    const HEADINGS: &'static [&'static str] = &[
        "PRODUCTION",
        "SITE",
        "STATE",
        "STANDING",
        "REASON",
        "KEPT",
        "COUNTED",
        "EVENTS KEPT",
        "EVENTS COUNTED",
        "REPAIRED",
    ];

    fn cells(&self) -> Vec<Cell> {
        let Self { kept, counted, repaired } = self;
        vec![
            Cell::optional(kept.production.as_ref()),
            Cell::optional(kept.site.as_ref()),
            Cell::text(kept.state),
            Cell::text(kept.standing),
            Cell::optional(kept.reason.as_ref()),
            Cell::Count(kept.jobs),
            Cell::Count(counted.jobs),
            Cell::Count(kept.events_written),
            Cell::Count(counted.events_written),
            Cell::text(repaired),
        ]
    }
}

impl Row for Quarantined {
    const HEADINGS: &'static [&'static str] =
        &["ENTRY", "JOB", "FORMAT", "FIELD", "REASON", "TRIES", "RECEIVED"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.entry),
            Cell::optional(self.job.as_ref()),
            Cell::text(self.format.as_str()),
            Cell::optional(self.problem.field.as_ref()),
            Cell::text(&self.problem.detail),
            Cell::Count(self.tries),
            Cell::Time(self.received),
        ]
    }
}

impl Row for Relative {
    const HEADINGS: &'static [&'static str] = &["LFN", "DEPTH", "STATUS", "OF"];

    fn cells(&self) -> Vec<Cell> {
        let status = self.status.map_or("absent", |status| status.as_str());
        vec![
            Cell::text(&self.lfn),
            Cell::Count(self.depth.into()),
            Cell::text(status),
            Cell::text(&self.of),
        ]
    }
}

impl Row for OpenEdge {
    const HEADINGS: &'static [&'static str] = &["MISSING FILE", "SINCE", "USERS", "JOB"];

    fn cells(&self) -> Vec<Cell> {
        let users = i64::try_from(self.users).unwrap_or(i64::MAX);
        vec![
            Cell::text(&self.lfn),
            Cell::Time(self.since),
            Cell::Count(users),
            Cell::optional(self.job.as_ref()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use sbk_api::{Code, Problem};

    use super::*;

    #[test]
    fn what_was_not_taken_is_explained() {
        let answer = ReportAnswer {
            job: Some("j1".parse().unwrap()),
            outcome: ReportOutcome::Quarantined,
            standing: None,
            received: None,
            outputs: 0,
            entry: Some("0a".into()),
            problem: Some(Problem::new(Code::Conflict, "it was reported otherwise")),
            replicas: None,
            repeated: false,
        };
        let result =
            ReportResult { quarantined: 1, results: vec![answer], ..ReportResult::default() };

        assert_eq!(not_taken(&result), ["quarantined as 0a: j1: it was reported otherwise"]);
        assert_eq!(summary(&result), "1 quarantined");
    }
}
