//! What a job reports when it has ended.

use std::collections::BTreeMap;

use sbk_model::{
    Application, Checksums, DatasetName, Events, FileStatus, FileType, GroupName, Guid, JobName,
    JobState, Label, Lfn, Mode, Pfn, ProductionName, RunNumber, RunSections, SiteName, Size,
    StepName, Timestamp, UserName,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Metadata, NewFile, Replica};

/// All that a job says about itself, in one document. It is taken as a whole or not at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobReport {
    /// The job's name, unique within its community: what makes a repeated report a repeat.
    pub name: JobName,
    /// Its id in DIRAC's workload management.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirac_id: Option<i64>,
    /// What kind of job it was, for instance `MCSimulation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_type: Option<Label>,
    /// The production that it belongs to; it need not be declared yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
    /// The task of the production, from 1; attempts of one task are linked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// Which part of the task it was, from 1, where the steps of a job report one by one. Each
    /// part counts by itself, and none of them moves the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<u16>,
    /// Which attempt at the task it was, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempt: u16,
    /// A job whose results this one replaces: its outputs are retired, its record stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supersedes: Option<JobName>,
    /// How it ended.
    #[serde(default)]
    pub state: JobState,
    /// Why it ended so, in a few words that are the same for what is alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// The exit code of its wrapper.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The site where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// When it was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<Timestamp>,
    /// When it began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// CPU time in seconds, of all cores together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Time from its begin to its end in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// The most memory that it used, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Events read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_read: Option<Events>,
    /// Events written; the last step's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_written: Option<Events>,
    /// The number of the first event that it made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<i64>,
    /// The run whose data it processed, or that it simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunNumber>,
    /// Seeds of random numbers by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seeds: BTreeMap<String, i64>,
    /// Where its log is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Pfn>,
    /// The machine that it ran on.
    #[serde(default, skip_serializing_if = "Worker::is_empty")]
    pub worker: Worker,
    /// Its environment, or what of it is worth keeping.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// What it read. Inputs need not be declared yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Lfn>,
    /// The programs that it ran, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepReport>,
    /// What it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputReport>,
    /// Values of the fields that its community declared for jobs.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

impl JobReport {
    /// The report of a job that did well, and says nothing more.
    pub fn new(name: JobName) -> Self {
        Self {
            name,
            dirac_id: None,
            job_type: None,
            production: None,
            task: None,
            part: None,
            attempt: 1,
            supersedes: None,
            state: JobState::Done,
            reason: None,
            exit_code: None,
            site: None,
            submitted: None,
            started: None,
            ended: None,
            cpu_seconds: None,
            wall_seconds: None,
            memory: None,
            events_read: None,
            events_written: None,
            first_event: None,
            run: None,
            seeds: BTreeMap::new(),
            log: None,
            worker: Worker::default(),
            environment: BTreeMap::new(),
            inputs: Vec::new(),
            steps: Vec::new(),
            outputs: Vec::new(),
            metadata: Metadata::new(),
        }
    }
}

impl StepReport {
    /// A program of which nothing more is known.
    pub fn new(application: Application) -> Self {
        Self {
            application,
            version: None,
            step: None,
            platform: None,
            options: Vec::new(),
            conditions: BTreeMap::new(),
            inputs: None,
            events_read: None,
            events_written: None,
            cpu_seconds: None,
            wall_seconds: None,
            memory: None,
            exit_code: None,
            files: Vec::new(),
            counters: BTreeMap::new(),
        }
    }
}

fn one() -> u16 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde calls")]
fn is_one(attempt: &u16) -> bool {
    *attempt == 1
}

/// The machine that a job ran on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Label>,
    /// The model of its CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_model: Option<Label>,
    /// The power of one of its cores, in `HEPscore23` or HS06.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_power: Option<f64>,
    /// The clock of its CPU in MHz.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_mhz: Option<f64>,
    /// The cache of its CPU in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<Size>,
    /// The cores that the job could use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cores: Option<u32>,
    /// Its memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
}

impl Worker {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One program that a job ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepReport {
    /// The program, for instance `Brunel`.
    pub application: Application,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Label>,
    /// The declared step that it was, with its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// The platform that it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Label>,
    /// Its options: files or texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Tags of conditions databases by the database, for instance `CondDB` and `DDDB`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    /// What it read: inputs of the job, or outputs of steps before. When absent, what the step
    /// before made, or the job's inputs for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<Lfn>>,
    /// Events read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_read: Option<Events>,
    /// Events written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_written: Option<Events>,
    /// CPU time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Time from its begin to its end in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// The most memory that it used, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Its exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The files that the program itself says it opened, by its own names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<StepFile>,
    /// Counters that the program gives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, f64>,
}

/// A file as a program names it in its own summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepFile {
    /// The name as the program writes it, for instance `PFN:00012479_00000543_1.sim`.
    pub name: String,
    /// Its id, when the program gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    /// Whether the program wrote it.
    #[serde(default)]
    pub written: bool,
    /// What became of it: `full`, `part`, `mult`, `fail` or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Label>,
    /// Events read from it or written to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
}

/// A file that a job made.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OutputReport {
    /// The file, with its replicas and metadata, as `addFiles` takes it.
    #[serde(flatten)]
    pub file: NewFile,
    /// The step that made it, from 1; the last when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u16>,
    /// The dataset that it joins; what its production says when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// Whether it was only handed from step to step: it is not registered, and what was made from
    /// it counts as made from what it was made from.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transient: bool,
    /// What it was made from, when that is not all that its step read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parents: Option<Vec<Lfn>>,
    /// The luminosity sections whose events it holds.
    #[serde(default, skip_serializing_if = "RunSections::is_empty")]
    pub sections: RunSections,
}

/// The members of [`OutputReport`], its own and those of [`NewFile`], on one level: flattening them
/// would read each twice.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    lfn: Lfn,
    size: Size,
    guid: Option<Guid>,
    #[serde(default)]
    checksums: Checksums,
    events: Option<Events>,
    file_type: Option<FileType>,
    #[serde(default)]
    status: FileStatus,
    owner: Option<UserName>,
    group: Option<GroupName>,
    mode: Option<Mode>,
    created: Option<Timestamp>,
    #[serde(default)]
    replicas: Vec<Replica>,
    #[serde(default)]
    metadata: Metadata,
    step: Option<u16>,
    dataset: Option<DatasetName>,
    #[serde(default)]
    transient: bool,
    parents: Option<Vec<Lfn>>,
    #[serde(default)]
    sections: RunSections,
}

impl<'de> Deserialize<'de> for OutputReport {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Output::deserialize(deserializer)?;
        Ok(Self {
            file: NewFile {
                lfn: read.lfn,
                size: read.size,
                guid: read.guid,
                checksums: read.checksums,
                events: read.events,
                file_type: read.file_type,
                status: read.status,
                owner: read.owner,
                group: read.group,
                mode: read.mode,
                created: read.created,
                replicas: read.replicas,
                metadata: read.metadata,
            },
            step: read.step,
            dataset: read.dataset,
            transient: read.transient,
            parents: read.parents,
            sections: read.sections,
        })
    }
}

impl From<NewFile> for OutputReport {
    fn from(file: NewFile) -> Self {
        let sections = RunSections::default();
        Self { file, step: None, dataset: None, transient: false, parents: None, sections }
    }
}
