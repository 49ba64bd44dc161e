//! Jobs that have reported, and their steps.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_model::{AuditId, JobKey, JobState, ProductionKey, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::Lock,
};

/// Whether what a job made counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It is the one of its task that counts, or has no task.
    Counts,
    /// It did well, but its task had been done before.
    Surplus,
    /// It counted, until another took its place.
    Superseded,
    /// It did not do well.
    NotGood,
}

impl Standing {
    /// All standings.
    pub const ALL: &[Self] = &[Self::Counts, Self::Surplus, Self::Superseded, Self::NotGood];

    /// The number that stands for it in storage.
    pub fn code(self) -> i64 {
        match self {
            Self::Counts => 0,
            Self::Surplus => 1,
            Self::Superseded => 2,
            Self::NotGood => 3,
        }
    }

    pub(crate) fn of_code(code: i64) -> Result<Self, Error> {
        let unknown = || Error::Internal("an unknown standing of a job".into());
        Self::ALL.iter().copied().find(|s| s.code() == code).ok_or_else(unknown)
    }
}

/// The number that stands for a state in storage.
pub fn state_code(state: JobState) -> i64 {
    match state {
        JobState::Done => 0,
        JobState::Failed => 1,
        JobState::Killed => 2,
        JobState::Lost => 3,
    }
}

pub(crate) fn state_of(code: i64) -> Result<JobState, Error> {
    let unknown = || Error::Internal("an unknown state of a job".into());
    JobState::ALL.iter().copied().find(|s| state_code(*s) == code).ok_or_else(unknown)
}

/// A job as it is stored. Names are keys of terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: JobKey,
    /// Its name.
    pub name: String,
    /// The key of its community.
    pub vo: i64,
    /// The key of its production.
    pub production: Option<ProductionKey>,
    /// The task of the production.
    pub task: Option<i64>,
    /// Which attempt at the task.
    pub attempt: i64,
    /// Its id in DIRAC.
    pub dirac_id: Option<i64>,
    /// What kind of job.
    pub job_type: Option<i64>,
    /// The site where it ran.
    pub site: Option<i64>,
    /// Why it ended so.
    pub reason: Option<i64>,
    /// Who reported it.
    pub owner: i64,
    /// The run that it processed.
    pub run: Option<i64>,
    /// When it was submitted.
    pub submitted: Option<Timestamp>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When its report was taken.
    pub received: Timestamp,
    /// CPU time in milliseconds.
    pub cpu_ms: Option<i64>,
    /// Time from begin to end in milliseconds.
    pub wall_ms: Option<i64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Events read.
    pub events_read: Option<i64>,
    /// Events written.
    pub events_written: Option<i64>,
    /// The number of its first event.
    pub first_event: Option<i64>,
    /// The job whose place it took.
    pub supersedes: Option<JobKey>,
    /// A hash of its report.
    pub digest: i64,
    /// The audit entry of its report.
    pub audit: AuditId,
    /// The exit code of its wrapper.
    pub exit_code: Option<i64>,
    /// How many outputs were registered.
    pub outputs: i64,
    /// How many steps it has.
    pub steps: i64,
    /// How it ended.
    pub state: JobState,
    /// Whether what it made counts.
    pub standing: Standing,
    /// The rest of its report, as JSON.
    pub document: Option<String>,
    /// The values of its fields, as JSON.
    pub meta: Option<String>,
}

/// A step of a job as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The job.
    pub job: JobKey,
    /// Its number, from 1.
    pub step: i64,
    /// The program.
    pub application: i64,
    /// Its version.
    pub version: Option<i64>,
    /// The platform that it was built for.
    pub platform: Option<i64>,
    /// Options and conditions.
    pub configuration: Option<i64>,
    /// CPU time in milliseconds.
    pub cpu_ms: Option<i64>,
    /// Time from begin to end in milliseconds.
    pub wall_ms: Option<i64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Events read.
    pub events_read: Option<i64>,
    /// Events written.
    pub events_written: Option<i64>,
    /// Its exit code.
    pub exit_code: Option<i64>,
    /// The rest of its report, as JSON.
    pub document: Option<String>,
}

const COLUMNS: &str = "j.job, j.name, j.vo, j.production, j.task, j.attempt, j.dirac_id, \
    j.job_type, j.site, j.reason, j.owner, j.run, j.submitted, j.started, j.ended, j.received, \
    j.cpu_ms, j.wall_ms, j.memory, j.events_read, j.events_written, j.first_event, j.supersedes, \
    j.digest, j.audit, j.exit_code, j.outputs, j.state, j.standing, {doc j.document}, \
    {doc j.meta}, j.steps";

fn read(row: &Row) -> Result<Stored, Error> {
    let time = |at| Ok::<_, Error>(row.opt_int(at)?.map(Timestamp::from_micros));
    Ok(Stored {
        key: JobKey(row.int(0)?),
        name: row.text(1)?,
        vo: row.int(2)?,
        production: row.opt_int(3)?.map(ProductionKey),
        task: row.opt_int(4)?,
        attempt: row.int(5)?,
        dirac_id: row.opt_int(6)?,
        job_type: row.opt_int(7)?,
        site: row.opt_int(8)?,
        reason: row.opt_int(9)?,
        owner: row.int(10)?,
        run: row.opt_int(11)?,
        submitted: time(12)?,
        started: time(13)?,
        ended: time(14)?,
        received: Timestamp::from_micros(row.int(15)?),
        cpu_ms: row.opt_int(16)?,
        wall_ms: row.opt_int(17)?,
        memory: row.opt_int(18)?,
        events_read: row.opt_int(19)?,
        events_written: row.opt_int(20)?,
        first_event: row.opt_int(21)?,
        supersedes: row.opt_int(22)?.map(JobKey),
        digest: row.int(23)?,
        audit: AuditId(row.int(24)?),
        exit_code: row.opt_int(25)?,
        outputs: row.int(26)?,
        state: state_of(row.int(27)?)?,
        standing: Standing::of_code(row.int(28)?)?,
        document: row.opt_text(29)?,
        meta: row.opt_text(30)?,
        steps: row.int(31)?,
    })
}

/// A batch of keys, each once and in order.
pub(crate) fn key_batch(keys: impl IntoIterator<Item = JobKey>) -> Batch {
    let keys: BTreeSet<JobKey> = keys.into_iter().collect();
    Batch::default().ints("job", keys.iter().map(|key| key.0))
}

/// The jobs of keys, locked as asked.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = JobKey>,
    lock: Lock,
) -> Result<HashMap<JobKey, Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN job j ON j.job = r.job ORDER BY j.job {}",
        lock.word("j")
    );
    let rows = session.rows_with(&sql, key_batch(keys), vec![]).await?;
    rows.iter().map(|row| read(row).map(|job| (job.key, job))).collect()
}

/// The jobs of a name or a DIRAC id, of one community or all.
pub async fn named(
    session: &mut Session,
    name: Option<&str>,
    dirac_id: Option<i64>,
) -> Result<Vec<Stored>, Error> {
    let (column, value): (_, Param) = match (name, dirac_id) {
        (Some(name), _) => ("name", name.into()),
        (None, id) => ("dirac_id", Param::Int(id)),
    };
    let sql = format!("SELECT {COLUMNS} FROM job j WHERE j.{column} = ? ORDER BY j.job LIMIT 1000");
    let rows = session.rows(&sql, vec![value]).await?;
    rows.iter().map(read).collect()
}

/// Inserts jobs that are new, in the order of their keys, with the columns of their promoted
/// fields; returns how many are new.
pub async fn insert(
    session: &mut Session,
    jobs: &[&Stored],
    columns: Vec<(String, Cells)>,
) -> Result<u64, Error> {
    let ints = |f: fn(&Stored) -> i64| jobs.iter().map(|job| f(job)).collect::<Vec<_>>();
    let opts = |f: fn(&Stored) -> Option<i64>| Cells::Int(jobs.iter().map(|job| f(job)).collect());
    let json = |f: fn(&Stored) -> &Option<String>| {
        Cells::Json(jobs.iter().map(|job| f(job).clone()).collect())
    };
    let mut batch = Batch::default()
        .ints("job", ints(|j| j.key.0))
        .ints("vo", ints(|j| j.vo))
        .with("production", opts(|j| j.production.map(|key| key.0)))
        .with("task", opts(|j| j.task))
        .with("dirac_id", opts(|j| j.dirac_id))
        .with("job_type", opts(|j| j.job_type))
        .with("site", opts(|j| j.site))
        .with("reason", opts(|j| j.reason))
        .ints("owner", ints(|j| j.owner))
        .with("run", opts(|j| j.run))
        .with("submitted", opts(|j| j.submitted.map(Timestamp::micros)))
        .with("started", opts(|j| j.started.map(Timestamp::micros)))
        .with("ended", opts(|j| j.ended.map(Timestamp::micros)))
        .ints("received", ints(|j| j.received.micros()))
        .with("cpu_ms", opts(|j| j.cpu_ms))
        .with("wall_ms", opts(|j| j.wall_ms))
        .with("memory", opts(|j| j.memory))
        .with("events_read", opts(|j| j.events_read))
        .with("events_written", opts(|j| j.events_written))
        .with("first_event", opts(|j| j.first_event))
        .with("supersedes", opts(|j| j.supersedes.map(|key| key.0)))
        .ints("digest", ints(|j| j.digest))
        .ints("audit", ints(|j| j.audit.0))
        .with("exit_code", opts(|j| j.exit_code))
        .ints("outputs", ints(|j| j.outputs))
        .ints("steps", ints(|j| j.steps))
        .ints("attempt", ints(|j| j.attempt))
        .ints("state", ints(|j| state_code(j.state)))
        .ints("standing", ints(|j| j.standing.code()))
        .texts("name", jobs.iter().map(|j| j.name.clone()))
        .with("document", json(|j| &j.document))
        .with("meta", json(|j| &j.meta));
    for (name, cells) in columns {
        batch = batch.with(name, cells);
    }
    session.insert("job", batch, Conflict::Keep).await
}

/// Inserts steps, in the order of their jobs.
pub async fn insert_steps(session: &mut Session, steps: &[Step]) -> Result<(), Error> {
    let ints = |f: fn(&Step) -> i64| steps.iter().map(f).collect::<Vec<_>>();
    let opts = |f: fn(&Step) -> Option<i64>| Cells::Int(steps.iter().map(f).collect());
    let batch = Batch::default()
        .ints("job", ints(|s| s.job.0))
        .ints("step", ints(|s| s.step))
        .ints("application", ints(|s| s.application))
        .with("version", opts(|s| s.version))
        .with("platform", opts(|s| s.platform))
        .with("configuration", opts(|s| s.configuration))
        .with("cpu_ms", opts(|s| s.cpu_ms))
        .with("wall_ms", opts(|s| s.wall_ms))
        .with("memory", opts(|s| s.memory))
        .with("events_read", opts(|s| s.events_read))
        .with("events_written", opts(|s| s.events_written))
        .with("exit_code", opts(|s| s.exit_code))
        .with("document", Cells::Json(steps.iter().map(|s| s.document.clone()).collect()));
    session.insert("job_step", batch, Conflict::Keep).await?;
    Ok(())
}

/// The steps of jobs, by job, in order.
pub async fn steps(
    session: &mut Session,
    jobs: impl IntoIterator<Item = JobKey>,
) -> Result<HashMap<JobKey, Vec<Step>>, Error> {
    let sql = "SELECT s.job, s.step, s.application, s.version, s.platform, s.configuration, \
               s.cpu_ms, s.wall_ms, s.memory, s.events_read, s.events_written, s.exit_code, \
               {doc s.document} FROM {rows} JOIN job_step s ON s.job = r.job \
               ORDER BY s.job, s.step";
    let rows = session.rows_with(sql, key_batch(jobs), vec![]).await?;
    let mut steps: HashMap<JobKey, Vec<Step>> = HashMap::new();
    for row in &rows {
        let job = JobKey(row.int(0)?);
        steps.entry(job).or_default().push(Step {
            job,
            step: row.int(1)?,
            application: row.int(2)?,
            version: row.opt_int(3)?,
            platform: row.opt_int(4)?,
            configuration: row.opt_int(5)?,
            cpu_ms: row.opt_int(6)?,
            wall_ms: row.opt_int(7)?,
            memory: row.opt_int(8)?,
            events_read: row.opt_int(9)?,
            events_written: row.opt_int(10)?,
            exit_code: row.opt_int(11)?,
            document: row.opt_text(12)?,
        });
    }
    Ok(steps)
}

/// Makes sure that configurations of steps are stored. They never change, so those that are known
/// are not sent again.
pub async fn keep_configurations(
    session: &mut Session,
    configurations: impl IntoIterator<Item = (i64, String)>,
) -> Result<(), Error> {
    let new: BTreeMap<i64, String> = configurations
        .into_iter()
        .filter(|(key, _)| !session.store.has_key(*key) && !session.new_keys.contains(key))
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let texts = new.values().map(|text| Some(text.clone())).collect();
    let batch = Batch::default()
        .ints("configuration", new.keys().copied())
        .with("document", Cells::Json(texts));
    session.insert("step_configuration", batch, Conflict::Keep).await?;
    session.new_keys.extend(new.into_keys());
    Ok(())
}

/// The configurations of keys, as JSON.
pub async fn configurations(
    session: &mut Session,
    keys: &BTreeSet<i64>,
) -> Result<HashMap<i64, String>, Error> {
    let batch = Batch::default().ints("configuration", keys.iter().copied());
    let sql = "SELECT c.configuration, {doc c.document} FROM {rows} \
               JOIN step_configuration c ON c.configuration = r.configuration";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?))).collect()
}

/// Sets the standing of jobs.
pub async fn set_standing(
    session: &mut Session,
    jobs: &[(JobKey, Standing)],
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("job", jobs.iter().map(|(key, _)| key.0))
        .ints("standing", jobs.iter().map(|(_, standing)| standing.code()));
    session.update("job", batch, &["job"], &["standing"]).await
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of which communities.
    pub vo: Option<i64>,
    /// Of which production.
    pub production: Option<ProductionKey>,
    /// Of which task.
    pub task: Option<i64>,
    /// At which site.
    pub site: Option<i64>,
    /// With which reason.
    pub reason: Option<i64>,
    /// In which state.
    pub state: Option<JobState>,
    /// With which standing.
    pub standing: Option<Standing>,
    /// With which id in DIRAC.
    pub dirac_id: Option<i64>,
    /// Received at or after.
    pub since: Option<Timestamp>,
}

impl Filter {
    fn conditions(&self) -> (String, Vec<Param>) {
        let mut sql = String::from("TRUE");
        let mut params = Vec::new();
        let pairs = [
            ("j.vo = ?", self.vo),
            ("j.production = ?", self.production.map(|key| key.0)),
            ("j.task = ?", self.task),
            ("j.site = ?", self.site),
            ("j.reason = ?", self.reason),
            ("j.state = ?", self.state.map(state_code)),
            ("j.standing = ?", self.standing.map(Standing::code)),
            ("j.dirac_id = ?", self.dirac_id),
            ("j.received >= ?", self.since.map(Timestamp::micros)),
        ];
        for (condition, value) in pairs {
            if let Some(value) = value {
                sql.push_str(" AND ");
                sql.push_str(condition);
                params.push(value.into());
            }
        }
        (sql, params)
    }
}

/// Lists jobs in the order in which their reports came, after a moment and key.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let (mut condition, mut params) = filter.conditions();
    let (sql, more) = session.dialect().after("j.received", "j.job", after);
    condition.push_str(" AND ");
    condition.push_str(&sql);
    params.extend(more);
    params.push(limit.into());
    let sql =
        format!("SELECT {COLUMNS} FROM job j WHERE {condition} ORDER BY j.received, j.job LIMIT ?");
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}
