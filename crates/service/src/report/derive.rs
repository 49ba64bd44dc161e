//! What is derived for a step from the files that it read, as LHCb's bookkeeping does it.
//!
//! - The event type of an output that has none is that of the first input.
//! - The run of a step that names none is that of its inputs, when they share one.
//! - The luminosity of an output that has none is the sum of the inputs'.
//! - The events read are the larger of two sums over the inputs: the events that they hold, and
//!   the events that the jobs which made them had read.
//!
//! Sums and runs are derived only where all inputs are known; a sum over some of them would be
//! wrong and look right. What is derived is no part of the digest by which a repeat is recognised.

use std::collections::{BTreeSet, HashMap};

use sbk_api::{JobReport, OutputReport};
use sbk_metadata::{Entity, Schema};
use sbk_model::{Events, FileKey, JobState, Lfn, RunNumber};
use sbk_store::{directory::Lock, file, job, lineage};
use serde_json::Value;

use super::values;
use crate::{Context, Error, metadata};

/// The fields of files that are derived.
const EVENT_TYPE: &str = "event_type";
const RUN: &str = "run";
const LUMINOSITY: &str = "luminosity";

/// What is known of a file.
#[derive(Debug, Default, Clone)]
struct Fact {
    events: Option<i64>,
    event_type: Option<Value>,
    run: Option<u32>,
    luminosity: Option<f64>,
    /// The events that the job which made it had read.
    events_read: Option<i64>,
}

impl Fact {
    fn describe(&mut self, metadata: &sbk_api::Metadata) {
        self.event_type = metadata.get(EVENT_TYPE).cloned();
        let text = |field: &str| metadata.get(field).map(values::plain);
        self.luminosity = text(LUMINOSITY).and_then(|text| text.parse().ok());
        self.run = text(RUN).and_then(|text| text.parse().ok()).or(self.run);
    }
}

/// What is known of the files that the reports of a call read.
#[derive(Debug, Default)]
pub struct Facts(HashMap<FileKey, Fact>);

impl Facts {
    /// Looks files up.
    pub async fn of(cx: &mut Context<'_>, files: &BTreeSet<Lfn>) -> Result<Self, Error> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        let keys = files.iter().map(Lfn::key);
        let mut stored = file::find(&mut cx.session, keys, true, Lock::None).await?;
        let access = cx.access();
        stored.retain(|_, file| access.sees(file.vo));
        let makers = lineage::makers(&mut cx.session, stored.keys().copied()).await?;
        let jobs: BTreeSet<_> = makers.values().map(|edge| edge.job).collect();
        let jobs = job::find(&mut cx.session, jobs, Lock::None).await?;
        let mut facts = HashMap::new();
        for (key, file) in stored {
            let maker = makers.get(&key).and_then(|edge| jobs.get(&edge.job));
            let run = maker.and_then(|job| job.run).and_then(|run| u32::try_from(run).ok());
            let events_read = maker.and_then(|job| job.events_read);
            let events = file.events.map(Events::get);
            let mut fact = Fact { events, run, events_read, ..Fact::default() };
            fact.describe(&metadata::parse(file.meta.as_deref())?);
            facts.insert(key, fact);
        }
        Ok(Self(facts))
    }

    /// Derives what a report leaves out, and learns what it made: a later report of the call may
    /// have read it.
    pub fn complete(&mut self, report: &mut JobReport, schema: &Schema) {
        let inputs: Vec<&Fact> =
            report.inputs.iter().filter_map(|lfn| self.0.get(&lfn.key())).collect();
        let all = !inputs.is_empty() && inputs.len() == report.inputs.len();
        let first = report.inputs.first().and_then(|lfn| self.0.get(&lfn.key()));
        if let Some(event_type) = first.and_then(|fact| fact.event_type.as_ref()) {
            add(report, schema, EVENT_TYPE, "EventTypeId", &values::plain(event_type));
        }
        if all {
            derive_from_all(report, schema, &inputs);
        }
        if report.state == JobState::Done {
            self.learn(report);
        }
    }

    fn learn(&mut self, report: &JobReport) {
        for OutputReport { file, .. } in &report.outputs {
            let mut fact = Fact {
                events: file.events.map(Events::get),
                run: report.run.map(|run| run.0),
                events_read: report.events_read.map(Events::get),
                ..Fact::default()
            };
            fact.describe(&file.metadata);
            self.0.insert(file.lfn.key(), fact);
        }
    }
}

fn derive_from_all(report: &mut JobReport, schema: &Schema, inputs: &[&Fact]) {
    let runs: BTreeSet<Option<u32>> = inputs.iter().map(|fact| fact.run).collect();
    if let (None, Some(Some(run)), 1) = (report.run, runs.first().copied(), runs.len()) {
        report.run = Some(RunNumber(run));
    }
    if let Some(run) = report.run {
        add(report, schema, RUN, "RunNumber", &run.to_string());
    }
    let luminosity: f64 = inputs.iter().filter_map(|fact| fact.luminosity).sum();
    if luminosity > 0.0 {
        add(report, schema, LUMINOSITY, "Luminosity", &luminosity.to_string());
    }
    let sum = |of: fn(&Fact) -> Option<i64>| {
        inputs.iter().filter_map(|fact| of(fact)).fold(0_i64, i64::saturating_add)
    };
    let held = sum(|fact| fact.events);
    let processed = held.max(sum(|fact| fact.events_read));
    if let (true, Ok(events)) = (processed > 0, Events::try_from(processed)) {
        report.events_read = Some(events);
    }
}

/// Gives a value to the outputs that have none, where the field is declared.
fn add(report: &mut JobReport, schema: &Schema, field: &str, name: &str, value: &str) {
    for output in &mut report.outputs {
        let said = format!("{}:{name}", output.file.lfn);
        let metadata = &mut output.file.metadata;
        if !metadata.contains_key(field) && !report.environment.contains_key(&said) {
            values::put(schema, Entity::File, metadata, field, value);
        }
    }
}
