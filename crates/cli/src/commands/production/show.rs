//! What of productions and tasks is shown to people.

use sbk_api::{
    Completeness, Extension, FailureCount, MissingInput, Pass, Production, ProductionProgress,
    Step, TaskSummary,
};

use crate::{cell::Cell, human, output::Row};

/// What extending a production did, in a sentence.
pub fn extension(step: &Extension) -> String {
    let tasks = human::things(step.tasks, "task", "tasks");
    if step.looked_at == 0 {
        return format!("{tasks} made");
    }
    let files = human::things(step.looked_at, "file", "files");
    let inputs = human::things(step.inputs, "new input", "new inputs");
    format!("{files} looked at, {inputs}, {tasks} made")
}

/// A percentage that people read.
fn percent(progress: &ProductionProgress) -> Cell {
    Cell::text(format_args!("{:.1} %", progress.percent))
}

/// The fields of a production.
pub fn production(production: &Production) -> Vec<(&'static str, Cell)> {
    let definition = &production.definition;
    let input = definition.input.as_ref();
    let per_task = input.map(|input| i64::from(input.files_per_task));
    let ranges = definition.events.as_ref();
    let events_per_task = ranges.and_then(|ranges| i64::try_from(ranges.events_per_task).ok());
    let outputs = definition.outputs.iter().map(|(kind, dataset)| format!("{kind}={dataset}"));
    let mut fields = vec![
        ("production", Cell::text(&definition.name)),
        ("community", Cell::text(&production.vo)),
        ("state", Cell::text(production.state)),
        ("kind", Cell::text(definition.kind)),
        ("pass", Cell::optional(definition.pass.as_ref())),
        ("steps", Cell::list(&definition.steps)),
        ("query", Cell::optional(input.and_then(|input| input.query.as_ref()))),
        ("input dataset", Cell::optional(input.and_then(|input| input.dataset.as_ref()))),
        ("files per task", Cell::count(per_task)),
        ("events per task", Cell::count(events_per_task)),
        ("first event", Cell::optional(ranges.map(|ranges| ranges.first_event))),
        ("seed base", Cell::optional(ranges.map(|ranges| ranges.seed_base))),
        ("outputs", Cell::list(outputs)),
        ("request", Cell::optional(definition.request.as_ref())),
        ("priority", Cell::text(definition.priority)),
        ("attempts at most", Cell::optional(definition.max_attempts)),
        ("comment", Cell::optional(definition.comment.as_ref())),
        ("owner", Cell::text(&production.owner)),
        ("created", Cell::Time(production.created)),
        ("modified", Cell::Time(production.modified)),
    ];
    fields.extend(progress(&production.progress));
    fields
}

/// The fields of a production's progress.
pub fn progress(progress: &ProductionProgress) -> Vec<(&'static str, Cell)> {
    let tasks = &progress.tasks;
    let mut fields = vec![
        ("progress", percent(progress)),
        ("events wanted", Cell::Count(progress.events_wanted)),
        ("events made", Cell::Count(progress.events_made)),
        ("events in flight", Cell::Count(progress.events_in_flight)),
        ("tasks created", Cell::Count(tasks.created)),
        ("tasks submitted", Cell::Count(tasks.submitted)),
        ("tasks running", Cell::Count(tasks.running)),
        ("tasks done", Cell::Count(tasks.done)),
        ("tasks failed", Cell::Count(tasks.failed)),
        ("tasks abandoned", Cell::Count(tasks.abandoned)),
    ];
    if progress.inputs > 0 {
        fields.extend([
            ("inputs", Cell::Count(progress.inputs)),
            ("inputs assigned", Cell::Count(progress.inputs_assigned)),
            ("inputs processed", Cell::Count(progress.inputs_processed)),
        ]);
    }
    fields.extend([
        ("jobs", Cell::Count(progress.jobs)),
        ("jobs failed", Cell::Count(progress.jobs_failed)),
        ("late reports", Cell::Count(progress.late_reports)),
    ]);
    fields
}

/// How many inputs lack a good output, by reason.
pub fn completeness(counts: &Completeness) -> Vec<(&'static str, Cell)> {
    let mut fields = vec![
        ("inputs", Cell::Count(counts.inputs)),
        ("with a good output", Cell::Count(counts.good)),
        ("without", Cell::Count(counts.missing)),
    ];
    fields.extend(counts.reasons.iter().map(|c| (c.reason.as_str(), Cell::Count(c.inputs))));
    fields
}

impl Row for Step {
    const HEADINGS: &'static [&'static str] =
        &["STEP", "VERSION", "APPLICATION", "APP VERSION", "USED", "COMMUNITY"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.definition.name),
            Cell::Count(self.summary.version.into()),
            Cell::text(&self.definition.application),
            Cell::optional(self.definition.version.as_ref()),
            Cell::text(if self.summary.used { "yes" } else { "no" }),
            Cell::text(&self.vo),
        ]
    }
}

impl Row for Pass {
    const HEADINGS: &'static [&'static str] = &["PASS", "VERSION", "STEPS", "USED", "COMMUNITY"];

    fn cells(&self) -> Vec<Cell> {
        let steps: Vec<_> = self.definition.steps.iter().map(ToString::to_string).collect();
        vec![
            Cell::text(&self.definition.name),
            Cell::Count(self.summary.version.into()),
            Cell::text(steps.join(", ")),
            Cell::text(if self.summary.used { "yes" } else { "no" }),
            Cell::text(&self.vo),
        ]
    }
}

impl Row for Production {
    const HEADINGS: &'static [&'static str] = &[
        "PRODUCTION",
        "STATE",
        "PROGRESS",
        "TASKS DONE",
        "FAILED",
        "EVENTS",
        "REQUEST",
        "COMMUNITY",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.definition.name),
            Cell::text(self.state),
            percent(&self.progress),
            Cell::Count(self.progress.tasks.done),
            Cell::Count(self.progress.tasks.failed),
            Cell::count_of(Some(self.progress.events_made), Some(self.progress.events_wanted)),
            Cell::optional(self.definition.request.as_ref()),
            Cell::text(&self.vo),
        ]
    }
}

impl Row for TaskSummary {
    const HEADINGS: &'static [&'static str] =
        &["TASK", "STATE", "ATTEMPTS", "EVENTS", "INPUTS", "SITE", "REASON", "MODIFIED"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Count(self.task.into()),
            Cell::text(self.state),
            Cell::Count(self.attempts.into()),
            Cell::count(self.events),
            Cell::Count(self.inputs.into()),
            Cell::optional(self.site.as_ref()),
            Cell::optional(self.reason.as_ref()),
            Cell::Time(self.modified),
        ]
    }
}

impl Row for MissingInput {
    const HEADINGS: &'static [&'static str] =
        &["LFN", "REASON", "TASK", "ATTEMPTS", "SITE", "DETAIL", "JOB"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::optional(self.lfn.as_ref()),
            Cell::text(self.reason),
            Cell::count(self.task.map(i64::from)),
            Cell::count(self.attempts.map(i64::from)),
            Cell::optional(self.site.as_ref()),
            Cell::optional(self.detail.as_ref()),
            Cell::optional(self.job.as_ref()),
        ]
    }

    /// Only the name, ready for another program.
    fn plain(&self) -> Vec<Cell> {
        vec![Cell::optional(self.lfn.as_ref())]
    }
}

impl Row for FailureCount {
    const HEADINGS: &'static [&'static str] =
        &["SITE", "REASON", "JOBS", "OF ALL AT THE SITE", "WALL HOURS"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::optional(self.site.as_ref()),
            Cell::optional(self.reason.as_ref()),
            Cell::Count(self.jobs),
            Cell::Count(self.jobs_at_site),
            Cell::text(format_args!("{:.1}", self.wall_seconds / 3600.0)),
        ]
    }
}
