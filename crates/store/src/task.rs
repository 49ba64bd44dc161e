//! The tasks of productions, as job reports move them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{AuditId, JobKey, ProductionKey, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict},
    job::{self, Standing},
};

/// What names a task: its production and its number.
pub type TaskKey = (ProductionKey, i64);

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// It can be handed out.
    Created,
    /// Its job was submitted.
    Submitted,
    /// Its job runs.
    Running,
    /// A job did it.
    Done,
    /// Its last job failed.
    Failed,
    /// It is given up.
    Abandoned,
}

impl TaskState {
    /// All states.
    pub const ALL: &[Self] =
        &[Self::Created, Self::Submitted, Self::Running, Self::Done, Self::Failed, Self::Abandoned];

    /// The number that stands for it in storage.
    pub fn code(self) -> i64 {
        match self {
            Self::Created => 0,
            Self::Submitted => 1,
            Self::Running => 2,
            Self::Done => 3,
            Self::Failed => 4,
            Self::Abandoned => 5,
        }
    }
}

/// A task as a job report finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The number of its state.
    pub state: i64,
    /// How many attempts are known.
    pub attempts: i64,
    /// The job that counts, or the last that reported.
    pub job: Option<JobKey>,
    /// Whether that job counts.
    pub is_done: bool,
}

/// Makes sure that tasks are there, locks them, and returns them.
pub async fn hold(
    session: &mut Session,
    tasks: &BTreeSet<TaskKey>,
    vo: i64,
    now: Timestamp,
    audit: AuditId,
) -> Result<BTreeMap<TaskKey, Held>, Error> {
    if tasks.is_empty() {
        return Ok(BTreeMap::new());
    }
    let held = lock(session, tasks).await?;
    if held.len() == tasks.len() {
        return Ok(held);
    }
    let new: Vec<_> = tasks.iter().filter(|task| !held.contains_key(task)).collect();
    let zeros = || new.iter().map(|_| 0);
    let batch = Batch::default()
        .ints("production", new.iter().map(|(production, _)| production.0))
        .ints("task", new.iter().map(|(_, task)| *task))
        .ints("vo", new.iter().map(|_| vo))
        .ints("created", new.iter().map(|_| now.micros()))
        .ints("modified", new.iter().map(|_| now.micros()))
        .ints("audit", new.iter().map(|_| audit.0))
        .ints("attempts", zeros())
        .ints("state", zeros());
    session.insert("task", batch, Conflict::Keep).await?;
    let held = lock(session, tasks).await?;
    if held.len() < tasks.len() {
        return Err(Error::Contended("a task went away".into()));
    }
    Ok(held)
}

async fn lock(
    session: &mut Session,
    tasks: &BTreeSet<TaskKey>,
) -> Result<BTreeMap<TaskKey, Held>, Error> {
    let sql = "SELECT t.production, t.task, t.state, t.attempts, t.job FROM {rows} \
               JOIN task t ON t.production = r.production AND t.task = r.task \
               ORDER BY t.production, t.task {update t}";
    let rows = session.rows_with(sql, keys(tasks), vec![]).await?;
    rows.iter()
        .map(|row| {
            let state = row.int(2)?;
            let job = row.opt_int(4)?.map(JobKey);
            let is_done = state == TaskState::Done.code() && job.is_some();
            let held = Held { state, attempts: row.int(3)?, job, is_done };
            Ok(((ProductionKey(row.int(0)?), row.int(1)?), held))
        })
        .collect()
}

fn keys(tasks: &BTreeSet<TaskKey>) -> Batch {
    Batch::default()
        .ints("production", tasks.iter().map(|(production, _)| production.0))
        .ints("task", tasks.iter().map(|(_, task)| *task))
}

/// What a job report makes of its task.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The task.
    pub task: TaskKey,
    /// The job that counts, or the last that reported.
    pub job: JobKey,
    /// The new state.
    pub state: TaskState,
    /// How many attempts are known.
    pub attempts: i64,
    /// Where the job ran.
    pub site: Option<i64>,
    /// Why it ended so.
    pub reason: Option<i64>,
}

/// Moves tasks that are held.
pub async fn set(
    session: &mut Session,
    moved: &[Moved],
    now: Timestamp,
    audit: AuditId,
) -> Result<(), Error> {
    let batch = Batch::default()
        .ints("production", moved.iter().map(|m| m.task.0.0))
        .ints("task", moved.iter().map(|m| m.task.1))
        .ints("job", moved.iter().map(|m| m.job.0))
        .ints("state", moved.iter().map(|m| m.state.code()))
        .ints("attempts", moved.iter().map(|m| m.attempts))
        .with("site", Cells::Int(moved.iter().map(|m| m.site).collect()))
        .with("reason", Cells::Int(moved.iter().map(|m| m.reason).collect()))
        .ints("modified", moved.iter().map(|_| now.micros()))
        .ints("audit", moved.iter().map(|_| audit.0));
    let sets = &["job", "state", "attempts", "site", "reason", "modified", "audit"];
    session.update("task", batch, &["production", "task"], sets).await?;
    Ok(())
}

/// The jobs of a task in the order of their attempts.
pub async fn jobs(session: &mut Session, task: TaskKey) -> Result<Vec<job::Stored>, Error> {
    let filter =
        job::Filter { production: Some(task.0), task: Some(task.1), ..job::Filter::default() };
    let mut jobs = job::list(session, &filter, (i64::MIN, i64::MIN), 1000).await?;
    jobs.sort_by_key(|job| (job.attempt, job.key));
    Ok(jobs)
}

impl Held {
    /// Whether a good job of the task counts now, so that another is surplus.
    pub fn standing_of_another(&self) -> Standing {
        if self.is_done { Standing::Surplus } else { Standing::Counts }
    }
}
