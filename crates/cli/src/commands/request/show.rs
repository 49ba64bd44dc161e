//! What of a request is shown.

use sbk_api::{Request, RequestChange, RequestSummary, SampleProgress};

use crate::{cell::Cell, human, output::Row};

impl Row for RequestSummary {
    const HEADINGS: &'static [&'static str] = &[
        "REQUEST",
        "STATE",
        "EVENTS",
        "PRIORITY",
        "EVENT TYPE",
        "CAMPAIGN",
        "REQUESTER",
        "DEADLINE",
    ];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::text(if self.template { "template" } else { self.state.as_str() }),
            Cell::count(self.sample.events.map(sbk_model::Events::get)),
            Cell::Count(self.sample.priority.unwrap_or_default().get().into()),
            Cell::optional(self.sample.event_type.as_ref()),
            Cell::optional(self.sample.campaign.as_ref()),
            Cell::text(&self.requester),
            self.sample.deadline.map_or(Cell::Missing, Cell::Time),
        ]
    }
}

impl Row for RequestChange {
    const HEADINGS: &'static [&'static str] = &["TIME", "ACTOR", "FROM", "TO", "REASON", "EDITS"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Time(self.time),
            Cell::text(&self.actor),
            Cell::optional(self.from),
            Cell::text(self.to),
            Cell::optional(self.reason.as_ref()),
            Cell::metadata(&self.edits),
        ]
    }
}

/// How far it is, in words.
pub fn progress(progress: &SampleProgress) -> Vec<(&'static str, Cell)> {
    vec![
        ("events wanted", Cell::Count(progress.wanted)),
        ("events made", Cell::Count(progress.made)),
        ("events in flight", Cell::Count(progress.in_flight)),
        ("events missing", Cell::Count(progress.missing())),
    ]
}

/// A change in one line.
fn change(change: &RequestChange) -> String {
    let done = match change.from {
        None => " wrote it".to_owned(),
        Some(from) if from == change.to => " edited it".to_owned(),
        Some(from) => format!(": {from} -> {}", change.to),
    };
    let edits = if change.edits.is_empty() {
        String::new()
    } else {
        format!(" [{}]", Cell::metadata(&change.edits).human())
    };
    let reason = change.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let time = Cell::Time(change.time).human();
    format!("{time} {}{done}{edits}{reason}", change.actor)
}

/// The fields of a request.
pub fn request(request: &Request) -> Vec<(&'static str, Cell)> {
    let RequestSummary { sample, .. } = &request.summary;
    let summary = &request.summary;
    let state = if summary.template { "template" } else { summary.state.as_str() };
    let mut fields = vec![
        ("name", Cell::text(&summary.name)),
        ("community", Cell::text(&summary.vo)),
        ("state", Cell::text(state)),
        ("requester", Cell::text(&summary.requester)),
        ("event type", Cell::optional(sample.event_type.as_ref())),
        ("generator", Cell::optional(sample.generator.as_ref())),
        ("conditions", Cell::optional(sample.conditions.as_ref())),
        ("release", Cell::optional(sample.release.as_ref())),
        ("priority", Cell::optional(sample.priority)),
        ("deadline", sample.deadline.map_or(Cell::Missing, Cell::Time)),
        ("campaign", Cell::optional(sample.campaign.as_ref())),
        ("cloned from", Cell::optional(summary.cloned_from.as_ref())),
        ("comment", Cell::list(sample.comment.iter().flat_map(|text| text.lines()))),
        ("parameters", Cell::metadata(&sample.parameters)),
    ];
    fields.extend(progress(&request.progress));
    let productions = request.productions.iter().map(|production| {
        format!(
            "{} {}: {} of {} events, {} in flight",
            production.name,
            production.state,
            human::count(production.progress.events_made),
            human::count(production.progress.events_wanted),
            human::count(production.progress.events_in_flight),
        )
    });
    fields.push(("productions", Cell::list(productions)));
    let datasets = request.datasets.iter().map(|dataset| {
        format!(
            "{} {}: {}, {}, {} events",
            dataset.name,
            dataset.status,
            human::things(dataset.files.unwrap_or_default().unsigned_abs(), "file", "files"),
            human::bytes(dataset.bytes.unwrap_or_default()),
            human::count(dataset.events.unwrap_or_default()),
        )
    });
    fields.push(("datasets", Cell::list(datasets)));
    fields.push(("history", Cell::list(request.history.iter().map(change))));
    fields
}
