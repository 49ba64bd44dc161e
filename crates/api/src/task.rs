use sbk_model::{
    IdempotencyKey, Label, Lfn, ProductionName, Reason, SiteName, TaskState, Timestamp, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BulkResult, File, JobSummary, Page, PageArgs,
    operation::{number_or_text, operations},
};

/// Hands tasks out: each to one worker, with its inputs, seed and events, until the lease ends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeTasks {
    /// The production.
    pub production: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The most tasks to hand out, 1 to 1,000; 1 when absent. Fewer come when there are fewer, or
    /// when their inputs are more than 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The site that takes them; replicas there come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// Who takes them: a worker, a pilot, a submitter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<Label>,
    /// How long the lease is in seconds, 1 to 2,592,000; a day when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
    /// Whether tasks that have failed are handed out again when no new ones are left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retry_failed: bool,
    /// The client's own name for this call: the same call again gets the same tasks for a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub key: Option<IdempotencyKey>,
}

/// A task that was handed out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TakenTask {
    /// Its number, which the job reports.
    pub task: u32,
    /// Which attempt at it this is, which the job reports.
    pub attempt: u16,
    /// When it goes back if nothing is heard of it.
    pub lease_until: Timestamp,
    /// The seed of its random numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// The number of its first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<i64>,
    /// How many events it makes, or its inputs hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
    /// Its inputs with their replicas, those at the site first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<File>,
}

/// The tasks that were handed out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TakenTasks {
    /// The tasks.
    pub tasks: Vec<TakenTask>,
    /// How many tasks came back since their leases had ended, before these were handed out.
    pub expired: u64,
}

/// Changes the state of tasks.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetTaskState {
    /// The production.
    pub production: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The numbers of the tasks, 1 to 1,000.
    pub tasks: Vec<u32>,
    /// Their new state. Only a job's report makes a task done.
    pub state: TaskState,
    /// The attempt that says so: when another was made meanwhile, the state stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u16>,
    /// The site where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// A new lease in seconds, for tasks that are submitted or run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<u32>,
    /// Why, in a few words that are the same for what is alike; needed for `failed` and
    /// `abandoned`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
}

/// Makes tasks that have failed ready to be handed out again, 1,000 a call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetTasks {
    /// The production.
    pub production: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those that failed for a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_for: Option<Label>,
    /// Why.
    pub reason: Reason,
}

/// Takes tasks back whose leases have ended, 1,000 a call.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpireTasks {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those of a production; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
}

/// How many tasks a step changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskSteps {
    /// Whether nothing is left to do; otherwise it is called again.
    pub done: bool,
    /// How many tasks were changed.
    pub tasks: u64,
}

/// Lists the tasks of a production by number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListTasks {
    /// The production.
    pub production: ProductionName,
    /// Its community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those in a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<TaskState>,
    /// Only those at a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskSummary {
    /// Its number.
    pub task: u32,
    /// Its state.
    pub state: TaskState,
    /// How often it was handed out or reported.
    pub attempts: u16,
    /// The seed of its random numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// The number of its first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_event: Option<i64>,
    /// How many events it makes, or its inputs hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
    /// How many inputs it has.
    pub inputs: u32,
    /// Where it is, or was last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// Who took it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<Label>,
    /// Until when it is handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// Why it is in its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// Shows a task with its inputs and jobs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTask {
    /// The production.
    pub production: ProductionName,
    /// The number of the task.
    #[serde(deserialize_with = "number")]
    pub task: u32,
    /// The production's community; needed when several have a production of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// Takes a number that a path spells as text.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    number_or_text(deserializer)?.ok_or_else(|| serde::de::Error::custom("a number is needed"))
}

/// A task with its inputs and jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// The production.
    pub production: ProductionName,
    /// The task.
    #[serde(flatten)]
    pub summary: TaskSummary,
    /// Its inputs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<Lfn>,
    /// The jobs that have reported for it, by attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobSummary>,
}

operations! {
    TakeTasks = "takeTasks"(production), Post "/productions/{production}/tasks/take", Produce, writes
        -> TakenTasks;
    "Hands tasks of a production out, each to one worker, with inputs, seed and events."
    SetTaskState = "setTaskState"(production, tasks, state), Post "/productions/{production}/tasks/state", Produce, writes
        -> BulkResult;
    "Changes the state of tasks: submitted, running, failed, abandoned, or created again."
    ResetTasks = "resetTasks"(production, reason), Post "/productions/{production}/tasks/reset", Produce, writes
        -> TaskSteps;
    "Makes tasks that have failed ready to be handed out again."
    ExpireTasks = "expireTasks"(), Post "/tasks/expire", Produce, writes -> TaskSteps;
    "Takes tasks back whose leases have ended."
    ListTasks = "listTasks"(production), Get "/productions/{production}/tasks", Read, reads
        -> Page<TaskSummary>, each TaskSummary;
    "Lists the tasks of a production by number, with a state or at a site."
    GetTask = "getTask"(production, task), Get "/productions/{production}/tasks/{task}", Read, reads -> Task;
    "Shows a task with its inputs, and the jobs that have reported for it."
}
