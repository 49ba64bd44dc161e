//! A report on its way into the bookkeeping.

use std::collections::BTreeMap;

use sbk_api::{Code, JobReport, NewDataset, NewFile, OutputReport, Problem, StepReport};
use sbk_metadata::{Document, Entity};
use sbk_model::{Events, JobKey, JobName, JobState, ProductionKey, Size, TermKey, fingerprint};
use sbk_store::job::{Standing, Step, Stored};
use serde::{Deserialize, Serialize};

use super::{
    edges::{self, Edges},
    read::Read,
};
use crate::{
    Context,
    metadata::{self, Community},
};

/// A report that is right in itself.
#[derive(Debug)]
pub struct Draft<'a> {
    /// Where it stands in the call.
    pub at: usize,
    /// The report.
    pub report: &'a JobReport,
    /// The job's key.
    pub key: JobKey,
    /// The key of its production.
    pub production: Option<ProductionKey>,
    /// A hash of what the report says.
    pub digest: i64,
    /// The values of the job's fields, canonical.
    pub document: Document,
    /// What it used and made.
    pub edges: Edges<'a>,
    /// The dataset of its outputs, to be made when it is not there.
    pub dataset: Option<&'a NewDataset>,
}

/// What of a report has no column: kept with the job as JSON.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rest {
    #[serde(skip_serializing_if = "sbk_api::Worker::is_empty")]
    pub worker: sbk_api::Worker,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub seeds: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<sbk_model::Pfn>,
    /// Which part of its task it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<u16>,
    /// The name of the job whose place it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<JobName>,
    /// Outputs that were not registered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputReport>,
    /// Inputs that no edge names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<sbk_model::Lfn>,
}

/// What of a step has no column: kept with the step as JSON.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepRest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<sbk_model::StepName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<sbk_model::Lfn>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<sbk_api::StepFile>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, f64>,
}

/// Options and conditions of a step, which many jobs share.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
}

/// The document as JSON text, `None` when it says nothing.
fn text<T: Default + PartialEq + Serialize>(document: &T) -> Option<String> {
    if *document == T::default() { None } else { serde_json::to_string(document).ok() }
}

fn invalid(field: &str, text: impl Into<String>) -> Problem {
    Problem { field: Some(field.to_owned()), ..Problem::new(Code::Invalid, text) }
}

/// The greatest time in seconds that a job can report: a century.
const MAX_SECONDS: f64 = 3_155_760_000.0;

/// Seconds as whole milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
fn ms(seconds: Option<f64>) -> Option<i64> {
    seconds.map(|seconds| (seconds.clamp(0.0, MAX_SECONDS) * 1000.0).round() as i64)
}

/// Milliseconds as seconds.
#[expect(clippy::cast_precision_loss, reason = "a century in milliseconds is exact")]
pub fn seconds(ms: Option<i64>) -> Option<f64> {
    ms.map(|ms| ms as f64 / 1000.0)
}

fn check_seconds(field: &str, seconds: Option<f64>) -> Result<(), Problem> {
    match seconds {
        Some(seconds) if !(0.0..=MAX_SECONDS).contains(&seconds) => {
            Err(invalid(field, format!("{seconds} is not a time in seconds of 0 or more")))
        }
        _ => Ok(()),
    }
}

/// The most outputs, inputs and steps of one report.
const MAX_FILES: usize = 10_000;
const MAX_STEPS: usize = 100;
/// The greatest length of what a report says without a column of its own, in bytes.
const MAX_REST: usize = 1 << 20;

/// Checks a report against itself and its community's schema.
pub fn draft<'a>(
    cx: &Context<'_>,
    community: &Community,
    at: usize,
    read: &'a Read,
) -> Result<Draft<'a>, Problem> {
    let report = &read.report;
    check(report)?;
    if report.production.is_some() && !cx.access().is_official() {
        let text = "a job of a production is reported by those with the `produce` permission";
        return Err(Problem {
            field: Some("production".into()),
            ..Problem::new(Code::Forbidden, text)
        });
    }
    let document = community
        .schema
        .canonical(Entity::Job, &report.metadata)
        .map_err(|problems| Problem::from(metadata::refuse(&problems)))?;
    let edges = edges::edges(report)?;
    Ok(Draft {
        at,
        report,
        key: JobKey::of(&community.vo, &report.name),
        production: report.production.as_ref().map(|name| ProductionKey::of(&community.vo, name)),
        digest: read.digest.unwrap_or_else(|| digest(report)),
        document,
        edges,
        dataset: read.dataset.as_ref(),
    })
}

fn check(report: &JobReport) -> Result<(), Problem> {
    for (field, count, most) in [
        ("inputs", report.inputs.len(), MAX_FILES),
        ("outputs", report.outputs.len(), MAX_FILES),
        ("steps", report.steps.len(), MAX_STEPS),
    ] {
        if count > most {
            return Err(invalid(field, format!("{count} {field} are more than {most}")));
        }
    }
    match (report.task, &report.production) {
        (Some(0), _) => return Err(invalid("task", "tasks count from 1")),
        (Some(_), None) => {
            return Err(invalid("production", "is needed: a task belongs to a production"));
        }
        _ => {}
    }
    match (report.part, report.task) {
        (Some(0), _) => return Err(invalid("part", "parts count from 1")),
        (Some(_), None) => return Err(invalid("task", "is needed: a part belongs to a task")),
        _ => {}
    }
    if report.attempt == 0 || report.attempt > 32_000 {
        return Err(invalid("attempt", "is not between 1 and 32000"));
    }
    if report.supersedes.as_ref() == Some(&report.name) {
        return Err(invalid("supersedes", "is the job itself"));
    }
    check_seconds("cpu_seconds", report.cpu_seconds)?;
    check_seconds("wall_seconds", report.wall_seconds)?;
    for (at, step) in report.steps.iter().enumerate() {
        check_seconds(&format!("steps.{at}.cpu_seconds"), step.cpu_seconds)?;
        check_seconds(&format!("steps.{at}.wall_seconds"), step.wall_seconds)?;
    }
    match (report.started, report.ended) {
        (Some(started), Some(ended)) if ended < started => {
            Err(invalid("ended", format!("{ended} is before the begin, {started}")))
        }
        _ => Ok(()),
    }
}

/// A hash of what a report says. The order of inputs and outputs says nothing.
fn digest(report: &JobReport) -> i64 {
    let mut sorted = report.clone();
    sorted.inputs.sort_unstable();
    sorted.outputs.sort_by(|a, b| a.file.lfn.cmp(&b.file.lfn));
    fingerprint("report", &[&serde_json::to_string(&sorted).unwrap_or_default()])
}

impl<'a> Draft<'a> {
    /// The outputs that are to be registered when the job counts, by their place in the report.
    pub fn files(&self) -> impl Iterator<Item = (usize, &'a OutputReport)> + use<'a> {
        self.report.outputs.iter().enumerate().filter(|(_, output)| !output.transient)
    }

    /// The events that the job wrote: its own figure, or its last step's.
    fn events_written(&self) -> Option<i64> {
        let last = self.report.steps.iter().rev().find_map(|step| step.events_written);
        self.report.events_written.or(last).map(Events::get)
    }

    fn events_read(&self) -> Option<i64> {
        let first = self.report.steps.iter().find_map(|step| step.events_read);
        self.report.events_read.or(first).map(Events::get)
    }

    /// What has no column.
    fn rest(&self, standing: Standing) -> Option<String> {
        let report = self.report;
        let kept = |output: &&OutputReport| standing != Standing::Counts || output.transient;
        let rest = Rest {
            worker: report.worker.clone(),
            seeds: report.seeds.clone(),
            environment: report.environment.clone(),
            log: report.log.clone(),
            part: report.part,
            supersedes: report.supersedes.clone(),
            outputs: report.outputs.iter().filter(kept).cloned().collect(),
            inputs: self.loose_inputs(standing),
        };
        text(&rest)
    }

    /// The inputs that no edge names.
    fn loose_inputs(&self, standing: Standing) -> Vec<sbk_model::Lfn> {
        if standing != Standing::Counts {
            return Vec::new();
        }
        let named = |lfn: &&sbk_model::Lfn| self.edges.used.iter().any(|(_, used)| used == lfn);
        self.report.inputs.iter().filter(|lfn| !named(lfn)).cloned().collect()
    }

    /// The job's row.
    pub fn row(&self, cx: &Context<'_>, community: &Community, standing: Standing) -> Stored {
        let report = self.report;
        let term = |name: &str| TermKey::of(name).0;
        let registered = if standing == Standing::Counts { self.files().count() } else { 0 };
        Stored {
            key: self.key,
            name: report.name.to_string(),
            vo: community.key,
            production: self.production,
            task: report.task.map(i64::from),
            attempt: i64::from(report.attempt),
            dirac_id: report.dirac_id,
            job_type: report.job_type.as_ref().map(|name| term(name.as_str())),
            site: report.site.as_ref().map(|name| term(name.as_str())),
            reason: report.reason.as_ref().map(|name| term(name.as_str())),
            owner: term(cx.caller.user.as_str()),
            run: report.run.map(|run| i64::from(run.0)),
            submitted: report.submitted,
            started: report.started,
            ended: report.ended,
            received: cx.now,
            cpu_ms: ms(report.cpu_seconds),
            wall_ms: ms(report.wall_seconds),
            memory: report.memory.map(Size::get),
            events_read: self.events_read(),
            events_written: self.events_written(),
            first_event: report.first_event,
            supersedes: report.supersedes.as_ref().map(|name| JobKey::of(&community.vo, name)),
            digest: self.digest,
            audit: cx.audit,
            exit_code: report.exit_code.map(i64::from),
            outputs: i64::try_from(registered).unwrap_or(i64::MAX),
            steps: i64::try_from(report.steps.len()).unwrap_or(i64::MAX),
            state: report.state,
            standing,
            document: self.rest(standing),
            meta: metadata::text(&self.document),
        }
    }

    /// The rows of the job's steps, with the configurations that they refer to.
    pub fn steps(&self) -> Vec<(Step, Option<(i64, String)>)> {
        let steps = self.report.steps.iter().enumerate();
        steps.map(|(at, step)| step_row(self.key, at, step)).collect()
    }

    /// The names that the job's rows refer to.
    pub fn names(&self) -> Vec<&'a str> {
        let report = self.report;
        let mut names: Vec<&str> = Vec::new();
        names.extend(report.job_type.as_ref().map(AsRef::as_ref));
        names.extend(report.site.as_ref().map(AsRef::as_ref));
        names.extend(report.reason.as_ref().map(AsRef::as_ref));
        for step in &report.steps {
            names.push(step.application.as_str());
            names.extend(step.version.as_ref().map(AsRef::as_ref));
            names.extend(step.platform.as_ref().map(AsRef::as_ref));
        }
        names
    }

    /// How it stands by itself: whether it did well.
    pub fn is_good(&self) -> bool {
        self.report.state == JobState::Done
    }

    /// The task that it is an attempt at; none where it is a part of a task.
    pub fn task(&self) -> Option<sbk_store::task::TaskKey> {
        let task = self.report.task.filter(|_| self.report.part.is_none());
        self.production.zip(task.map(i64::from))
    }
}

fn step_row(job: JobKey, at: usize, step: &StepReport) -> (Step, Option<(i64, String)>) {
    let configuration =
        Configuration { options: step.options.clone(), conditions: step.conditions.clone() };
    let configuration =
        text(&configuration).map(|text| (fingerprint("configuration", &[&text]), text));
    let rest = StepRest {
        step: step.step.clone(),
        inputs: step.inputs.clone(),
        files: step.files.clone(),
        counters: step.counters.clone(),
    };
    let term = |name: &str| TermKey::of(name).0;
    let row = Step {
        job,
        step: i64::try_from(at + 1).unwrap_or(i64::MAX),
        application: term(step.application.as_str()),
        version: step.version.as_ref().map(|name| term(name.as_str())),
        platform: step.platform.as_ref().map(|name| term(name.as_str())),
        configuration: configuration.as_ref().map(|(key, _)| *key),
        cpu_ms: ms(step.cpu_seconds),
        wall_ms: ms(step.wall_seconds),
        memory: step.memory.map(Size::get),
        events_read: step.events_read.map(Events::get),
        events_written: step.events_written.map(Events::get),
        exit_code: step.exit_code.map(i64::from),
        document: text(&rest),
    };
    (row, configuration)
}

/// Refuses a report whose loose parts are too long.
pub fn check_length(row: &Stored, steps: &[(Step, Option<(i64, String)>)]) -> Result<(), Problem> {
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let all = length(&row.document)
        + length(&row.meta)
        + steps
            .iter()
            .map(|(step, c)| length(&step.document) + c.as_ref().map_or(0, |(_, text)| text.len()))
            .sum::<usize>();
    if all <= MAX_REST {
        return Ok(());
    }
    let text = format!("the report's loose parts are {all} bytes long, more than {MAX_REST}");
    Err(Problem::new(Code::TooLarge, text))
}

/// The files of drafts, as the registration takes them.
pub fn new_files<'a>(drafts: &[&Draft<'a>]) -> Vec<(usize, usize, &'a NewFile)> {
    let files = drafts.iter().enumerate().flat_map(|(at, draft)| {
        draft.files().map(move |(output, report)| (at, output, &report.file))
    });
    files.collect()
}
