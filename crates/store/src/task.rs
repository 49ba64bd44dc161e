//! The tasks of productions: handed out, moved by job reports, counted.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{AuditId, JobKey, ProductionKey, TaskState, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::Lock,
    job,
};

/// What names a task: its production and its number.
pub type TaskKey = (ProductionKey, i64);

/// The number that stands for a state in storage.
pub fn state_code(state: TaskState) -> i64 {
    match state {
        TaskState::Created => 0,
        TaskState::Submitted => 1,
        TaskState::Running => 2,
        TaskState::Done => 3,
        TaskState::Failed => 4,
        TaskState::Abandoned => 5,
    }
}

pub(crate) fn state_of(code: i64) -> Result<TaskState, Error> {
    let unknown = || Error::Internal("an unknown state of a task".into());
    TaskState::ALL.iter().copied().find(|s| state_code(*s) == code).ok_or_else(unknown)
}

/// A task as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its production.
    pub production: ProductionKey,
    /// Its number, from 1.
    pub task: i64,
    /// The key of its community.
    pub vo: i64,
    /// The job that counts, or the last that reported.
    pub job: Option<JobKey>,
    /// The seed of its random numbers.
    pub seed: Option<i64>,
    /// The number of its first event.
    pub first_event: Option<i64>,
    /// How many events it makes, or its inputs hold.
    pub events: Option<i64>,
    /// How many inputs it has.
    pub inputs: i64,
    /// Until when it is handed out.
    pub lease_until: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// The audit entry of its last change.
    pub audit: AuditId,
    /// Where it is, or was last.
    pub site: Option<i64>,
    /// Why it is in its state.
    pub reason: Option<i64>,
    /// How many attempts are known.
    pub attempts: i64,
    /// Its state.
    pub state: TaskState,
    /// Who took it last.
    pub worker: Option<String>,
}

impl Stored {
    /// A task that nobody took yet.
    pub fn new(key: TaskKey, vo: i64, now: Timestamp, audit: AuditId) -> Self {
        Self {
            production: key.0,
            task: key.1,
            vo,
            job: None,
            seed: None,
            first_event: None,
            events: None,
            inputs: 0,
            lease_until: None,
            created: now,
            modified: now,
            audit,
            site: None,
            reason: None,
            attempts: 0,
            state: TaskState::Created,
            worker: None,
        }
    }

    /// What names it.
    pub fn key(&self) -> TaskKey {
        (self.production, self.task)
    }

    /// The job that did it.
    pub fn done_by(&self) -> Option<JobKey> {
        self.job.filter(|_| self.state == TaskState::Done)
    }
}

const COLUMNS: &str = "t.production, t.task, t.vo, t.job, t.seed, t.first_event, t.events, \
     t.inputs, t.lease_until, t.created, t.modified, t.audit, t.site, t.reason, t.attempts, \
     t.state, t.worker";

fn read(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        production: ProductionKey(row.int(0)?),
        task: row.int(1)?,
        vo: row.int(2)?,
        job: row.opt_int(3)?.map(JobKey),
        seed: row.opt_int(4)?,
        first_event: row.opt_int(5)?,
        events: row.opt_int(6)?,
        inputs: row.int(7)?,
        lease_until: row.opt_int(8)?.map(Timestamp::from_micros),
        created: Timestamp::from_micros(row.int(9)?),
        modified: Timestamp::from_micros(row.int(10)?),
        audit: AuditId(row.int(11)?),
        site: row.opt_int(12)?,
        reason: row.opt_int(13)?,
        attempts: row.int(14)?,
        state: state_of(row.int(15)?)?,
        worker: row.opt_text(16)?,
    })
}

/// A task that is locked for a job report.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The task.
    pub task: Stored,
    /// Whether it was made just now.
    pub is_new: bool,
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
    let known = find(session, tasks, Lock::Update).await?;
    let new: Vec<Stored> = tasks
        .iter()
        .filter(|key| !known.contains_key(key))
        .map(|key| Stored::new(*key, vo, now, audit))
        .collect();
    let held = |task: Stored, is_new| (task.key(), Held { task, is_new });
    if new.is_empty() {
        return Ok(known.into_values().map(|task| held(task, false)).collect());
    }
    if insert(session, &new).await? == new.len() as u64 {
        let known = known.into_values().map(|task| held(task, false));
        return Ok(known.chain(new.into_iter().map(|task| held(task, true))).collect());
    }
    let found = find(session, tasks, Lock::Update).await?;
    if found.len() < tasks.len() {
        return Err(Error::Contended("a task went away".into()));
    }
    let is_new = |task: &Stored| !known.contains_key(&task.key()) && task.audit == audit;
    Ok(found.into_values().map(|task| (is_new(&task), task)).map(|(n, t)| held(t, n)).collect())
}

/// The tasks of keys, locked as asked.
pub async fn find(
    session: &mut Session,
    tasks: &BTreeSet<TaskKey>,
    lock: Lock,
) -> Result<BTreeMap<TaskKey, Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} \
         JOIN task t ON t.production = r.production AND t.task = r.task \
         ORDER BY t.production, t.task {}",
        lock.word("t")
    );
    let batch = Batch::default()
        .ints("production", tasks.iter().map(|(production, _)| production.0))
        .ints("task", tasks.iter().map(|(_, task)| *task));
    let rows = session.rows_with(&sql, batch, vec![]).await?;
    rows.iter().map(|row| read(row).map(|task| (task.key(), task))).collect()
}

/// Inserts tasks that are new, in the order of their keys; returns how many are.
pub async fn insert(session: &mut Session, tasks: &[Stored]) -> Result<u64, Error> {
    let opts = |f: fn(&Stored) -> Option<i64>| Cells::Int(tasks.iter().map(f).collect());
    let batch = Batch::default()
        .ints("production", tasks.iter().map(|t| t.production.0))
        .ints("task", tasks.iter().map(|t| t.task))
        .ints("vo", tasks.iter().map(|t| t.vo))
        .with("seed", opts(|t| t.seed))
        .with("first_event", opts(|t| t.first_event))
        .with("events", opts(|t| t.events))
        .ints("inputs", tasks.iter().map(|t| t.inputs))
        .ints("created", tasks.iter().map(|t| t.created.micros()))
        .ints("modified", tasks.iter().map(|t| t.modified.micros()))
        .ints("audit", tasks.iter().map(|t| t.audit.0))
        .ints("attempts", tasks.iter().map(|t| t.attempts))
        .ints("state", tasks.iter().map(|t| state_code(t.state)));
    session.insert("task", batch, Conflict::Keep).await
}

/// Says what tasks are to make: their seeds, events and numbers of inputs.
pub async fn plan(session: &mut Session, tasks: &[Stored]) -> Result<u64, Error> {
    let opts = |f: fn(&Stored) -> Option<i64>| Cells::Int(tasks.iter().map(f).collect());
    let batch = Batch::default()
        .ints("production", tasks.iter().map(|t| t.production.0))
        .ints("task", tasks.iter().map(|t| t.task))
        .with("seed", opts(|t| t.seed))
        .with("first_event", opts(|t| t.first_event))
        .with("events", opts(|t| t.events))
        .ints("inputs", tasks.iter().map(|t| t.inputs));
    let sets = &["seed", "first_event", "events", "inputs"];
    session.update("task", batch, &["production", "task"], sets).await
}

/// Writes where tasks stand, which are locked.
pub async fn write(session: &mut Session, tasks: &[Stored]) -> Result<u64, Error> {
    let opts = |f: fn(&Stored) -> Option<i64>| Cells::Int(tasks.iter().map(f).collect());
    let batch = Batch::default()
        .ints("production", tasks.iter().map(|t| t.production.0))
        .ints("task", tasks.iter().map(|t| t.task))
        .with("job", opts(|t| t.job.map(|key| key.0)))
        .ints("state", tasks.iter().map(|t| state_code(t.state)))
        .ints("attempts", tasks.iter().map(|t| t.attempts))
        .with("lease_until", opts(|t| t.lease_until.map(Timestamp::micros)))
        .with("site", opts(|t| t.site))
        .with("reason", opts(|t| t.reason))
        .with("worker", Cells::Text(tasks.iter().map(|t| t.worker.clone()).collect()))
        .ints("modified", tasks.iter().map(|t| t.modified.micros()))
        .ints("audit", tasks.iter().map(|t| t.audit.0));
    let sets = &[
        "job",
        "state",
        "attempts",
        "lease_until",
        "site",
        "reason",
        "worker",
        "modified",
        "audit",
    ];
    session.update("task", batch, &["production", "task"], sets).await
}

/// Tasks of a production in a state, which had fewer than some attempts, in the order of their
/// numbers. They are locked; those that others hold are left out.
pub async fn take(
    session: &mut Session,
    production: ProductionKey,
    state: TaskState,
    attempts_below: i64,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM task t WHERE t.production = ? AND t.state = ? AND t.attempts < ? \
         ORDER BY t.task LIMIT ? {{skip t}}"
    );
    let params =
        vec![production.0.into(), state_code(state).into(), attempts_below.into(), limit.into()];
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Tasks that have failed, of one reason or all, in the order of their numbers, locked.
pub async fn failed(
    session: &mut Session,
    production: ProductionKey,
    reason: Option<i64>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("t.production = ? AND t.state = ?");
    let mut params: Vec<Param> = vec![production.0.into(), state_code(TaskState::Failed).into()];
    if let Some(reason) = reason {
        condition.push_str(" AND t.reason = ?");
        params.push(reason.into());
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM task t WHERE {condition} ORDER BY t.task LIMIT ? {{update t}}"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Tasks whose lease ended before a moment. They are locked; those that others hold are left out.
pub async fn expired(
    session: &mut Session,
    vo: Option<i64>,
    production: Option<ProductionKey>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("t.lease_until < ?");
    let mut params: Vec<Param> = vec![now.micros().into()];
    for (column, value) in [("t.production", production.map(|key| key.0)), ("t.vo", vo)] {
        if let Some(value) = value {
            condition = format!("{condition} AND {column} = ?");
            params.push(value.into());
        }
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM task t WHERE {condition} \
         ORDER BY t.production, t.lease_until, t.task LIMIT ? {{skip t}}"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Lists tasks of a production by number, after a number.
pub async fn list(
    session: &mut Session,
    production: ProductionKey,
    state: Option<TaskState>,
    site: Option<i64>,
    after: i64,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("t.production = ? AND t.task > ?");
    let mut params: Vec<Param> = vec![production.0.into(), after.into()];
    for (column, value) in [("t.state", state.map(state_code)), ("t.site", site)] {
        if let Some(value) = value {
            condition = format!("{condition} AND {column} = ?");
            params.push(value.into());
        }
    }
    params.push(limit.into());
    let sql = format!("SELECT {COLUMNS} FROM task t WHERE {condition} ORDER BY t.task LIMIT ?");
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// The number of the last task of a production; 0 when it has none.
pub async fn last(session: &mut Session, production: ProductionKey) -> Result<i64, Error> {
    let sql = "SELECT COALESCE(MAX(t.task), 0) FROM task t WHERE t.production = ?";
    session.row(sql, vec![production.0.into()]).await?.map_or(Ok(0), |row| row.int(0))
}

/// The jobs of a task in the order of their attempts.
pub async fn jobs(session: &mut Session, task: TaskKey) -> Result<Vec<job::Stored>, Error> {
    let filter =
        job::Filter { production: Some(task.0), task: Some(task.1), ..job::Filter::default() };
    let mut jobs = job::list(session, &filter, (i64::MIN, i64::MIN), 1000).await?;
    jobs.sort_by_key(|job| (job.attempt, job.key));
    Ok(jobs)
}
