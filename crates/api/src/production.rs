use std::collections::BTreeMap;

use sbk_model::{
    DatasetName, FileType, Label, Lfn, Missing, ProductionKind, ProductionName, ProductionState,
    Reason, RequestName, SiteName, TaskState, Timestamp, UserName, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Done, Page, PageArgs, PassRef, StepRef, operation::operations};

/// The files that a production works on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InputSelection {
    /// The query that finds them. Either this, or `dataset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The dataset that they are in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// How many files one task gets, 1 to 1,000.
    #[serde(default = "one")]
    pub files_per_task: u32,
}

fn one() -> u32 {
    1
}

/// The events that a production makes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventRanges {
    /// How many events are wanted in all.
    pub events: u64,
    /// How many events one task makes; the last one makes what is left.
    pub events_per_task: u64,
    /// The number of the first event.
    #[serde(default = "first")]
    pub first_event: i64,
    /// The seed of a task is this and the number of the task, which counts from 1; all attempts at
    /// a task have its seed. Productions whose events are used together get bases that are further
    /// apart than their tasks are many.
    #[serde(default)]
    pub seed_base: i64,
}

fn first() -> i64 {
    1
}

/// A production as it is created. It has steps, or a pass, or neither; and inputs, or event ranges,
/// or neither, when its tasks are numbered by whoever reports them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProduction {
    /// Its name, unique within its community. Jobs that have reported for it before become its own.
    pub name: ProductionName,
    /// What it does.
    #[serde(default)]
    pub kind: ProductionKind,
    /// The processing pass, `name@version`; the newest version when it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<PassRef>,
    /// Its steps, in place of a pass, each `name@version`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRef>,
    /// The files that it works on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputSelection>,
    /// The events that it makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventRanges>,
    /// The datasets that its outputs join, by file type, where a report names none. They exist.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub outputs: BTreeMap<FileType, DatasetName>,
    /// The request that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestName>,
    /// How urgent it is; more is sooner.
    #[serde(default)]
    pub priority: i32,
    /// How often a task is handed out, 1 to 1,000; without a bound when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u16>,
    /// What is to be said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Creates a production. To create one again that is there as asked for changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProduction {
    /// The community that it belongs to.
    pub vo: Vo,
    /// The production.
    pub production: NewProduction,
}

/// Names a production.
macro_rules! of_production {
    ($($(#[$doc:meta])* $type:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $type {
            /// The production.
            pub name: ProductionName,
            /// Its community; needed when several have a production of the name.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub vo: Option<Vo>,
        }
    )*};
}

of_production! {
    /// Shows a production with its progress.
    GetProduction;
    /// Shows how far a production is.
    GetProgress;
    /// Counts the inputs of a production that have no good output, by reason.
    GetCompleteness;
    /// Counts the jobs of a production that did not do well, by site and reason.
    SummarizeFailures;
}

/// A production with its progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Production {
    /// Its community.
    pub vo: Vo,
    /// Its state.
    pub state: ProductionState,
    /// Who created it.
    pub owner: UserName,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// What it is; steps and pass name their versions.
    pub definition: NewProduction,
    /// How far it is.
    pub progress: ProductionProgress,
}

/// How many tasks of a production are in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskCounts {
    /// Not handed out.
    pub created: i64,
    /// Handed out.
    pub submitted: i64,
    /// Running.
    pub running: i64,
    /// Done.
    pub done: i64,
    /// Failed.
    pub failed: i64,
    /// Given up.
    pub abandoned: i64,
}

/// How far a production is. All of it is kept as sums by those who change it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProductionProgress {
    /// How many events are wanted: what was asked for, or what its inputs hold.
    pub events_wanted: i64,
    /// How many events the jobs that count have written.
    pub events_made: i64,
    /// How many events the tasks that are handed out or run will make.
    pub events_in_flight: i64,
    /// Its tasks by state.
    pub tasks: TaskCounts,
    /// How many inputs it has.
    pub inputs: i64,
    /// How many of them have a task.
    pub inputs_assigned: i64,
    /// How many of them have a task that is done.
    pub inputs_processed: i64,
    /// How many jobs have reported.
    pub jobs: i64,
    /// How many of them did not do well.
    pub jobs_failed: i64,
    /// How many reports came after it was closed. They are recorded like all others.
    pub late_reports: i64,
    /// How far it is in percent: by inputs where it has some, by events where some are wanted, else
    /// by tasks.
    pub percent: f64,
}

/// Lists productions by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListProductions {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those in a state; those that are not archived when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ProductionState>,
    /// Only those that serve a request; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestName>,
    /// Only those of a processing pass, of any version where none is named; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<PassRef>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Changes a production. What is not named stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProduction {
    /// The production.
    pub name: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The new state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ProductionState>,
    /// How many events are wanted in all; not less than its tasks cover already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// The new priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// The request that it serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestName>,
    /// Why.
    pub reason: Reason,
}

/// Makes tasks of a production, in bounded steps: takes what its selection finds and is not among
/// its inputs yet, or goes on with its event ranges. Called again until it is done; to call it when
/// nothing is new changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtendProduction {
    /// The production.
    pub name: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Whether the last inputs make a task although they are fewer than `files_per_task`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flush: bool,
    /// The most files to look at, or tasks to make, in this call: 1 to 10,000; 1,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Where to go on: the `next` of the call before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What one step of extending a production did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Extension {
    /// Whether nothing is left to do.
    pub done: bool,
    /// How many files this call looked at.
    pub looked_at: u64,
    /// How many inputs are new.
    pub inputs: u64,
    /// How many tasks are new.
    pub tasks: u64,
    /// Where to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How many inputs lack a good output for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MissingCount {
    /// The reason.
    pub reason: Missing,
    /// How many.
    pub inputs: i64,
}

/// How complete a production is: an input is done when a file that is good was made from it by a
/// job of the production that counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Completeness {
    /// How many inputs there are.
    pub inputs: i64,
    /// How many of them have a good output.
    pub good: i64,
    /// How many have none.
    pub missing: i64,
    /// Why, in the order of the reasons.
    pub reasons: Vec<MissingCount>,
}

/// Lists the inputs of a production that have no good output, with the reason, in the order of
/// their keys.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListMissingInputs {
    /// The production.
    pub name: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those that lack it for a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Missing>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// An input without a good output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MissingInput {
    /// Its name; absent when the file was removed for good and its name is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lfn: Option<Lfn>,
    /// The state of the file; absent when it was removed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<sbk_model::FileStatus>,
    /// Why it has none.
    pub reason: Missing,
    /// Its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// The state of its task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TaskState>,
    /// How often its task was handed out or reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u16>,
    /// The job of its task that counts, or the last that reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<sbk_model::JobName>,
    /// Where its task was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// Why its task ended so, or came back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Label>,
}

/// How many jobs did not do well at a site for a reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailureCount {
    /// The site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// How many jobs.
    pub jobs: i64,
    /// The time that they took, in seconds.
    pub wall_seconds: f64,
    /// All jobs of the production at the site.
    pub jobs_at_site: i64,
}

/// The jobs of a production that did not do well.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Failures {
    /// How many jobs have reported.
    pub jobs: i64,
    /// How many did not do well.
    pub failed: i64,
    /// By site and reason, the most frequent first.
    pub groups: Vec<FailureCount>,
}

operations! {
    CreateProduction = "createProduction"(production), Post "/productions", Produce, writes -> Done;
    "Creates a production of steps, on an input selection or on event ranges."
    GetProduction = "getProduction"(name), Get "/productions/{name}", Read, reads -> Production;
    "Shows a production with its steps, inputs or event ranges, outputs and progress."
    ListProductions = "listProductions"(), Get "/productions", Read, reads
        -> Page<Production>, each Production;
    "Lists productions with their progress, by state, request or processing pass."
    ChangeProduction = "changeProduction"(name), Patch "/productions/{name}", Produce, writes -> Done;
    "Pauses, closes, archives or extends a production, or changes its priority."
    ExtendProduction = "extendProduction"(name), Post "/productions/{name}/extend", Produce, writes
        -> Extension;
    "Makes tasks of what the selection of a production finds new, or of its event ranges."
    GetProgress = "getProgress"(name), Get "/productions/{name}/progress", Read, reads
        -> ProductionProgress;
    "Shows how far a production is: events wanted, made and in flight, tasks, inputs."
    GetCompleteness = "getCompleteness"(name), Get "/productions/{name}/completeness", Read, reads
        -> Completeness;
    "Counts the inputs of a production that have no good output, by reason."
    ListMissingInputs = "listMissingInputs"(name), Get "/productions/{name}/missing", Read, reads
        -> Page<MissingInput>, each MissingInput;
    "Lists the inputs of a production that have no good output, with the reason."
    SummarizeFailures = "summarizeFailures"(name), Get "/productions/{name}/failures", Read, reads
        -> Failures;
    "Counts the jobs of a production that did not do well, by site and reason."
}
