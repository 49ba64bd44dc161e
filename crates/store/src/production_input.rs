//! The inputs of productions, and which of them lack a good output.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{AuditId, DirKey, FileKey, JobKey, Missing, ProductionKey, TaskState};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict, Param, Row},
    file::key_batch,
    task::{TaskKey, state_of},
};

fn file_key(row: &Row, at: usize) -> Result<FileKey, Error> {
    Ok(FileKey { directory: DirKey(row.int(at)?), name: row.int(at + 1)? })
}

/// Adds inputs that wait for a task, in the order of their keys; returns how many are new.
pub async fn add(
    session: &mut Session,
    production: ProductionKey,
    files: &[FileKey],
    audit: AuditId,
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("production", files.iter().map(|_| production.0))
        .ints("dir", files.iter().map(|file| file.directory.0))
        .ints("id", files.iter().map(|file| file.name))
        .ints("audit", files.iter().map(|_| audit.0));
    session.insert("production_input", batch, Conflict::Keep).await
}

/// An input that waits for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// The file.
    pub file: FileKey,
    /// Its events.
    pub events: i64,
    /// The task of a job of the production that counts and has used it; 0 when that has none.
    pub done_in: Option<i64>,
}

/// The inputs that wait for a task, in the order of their keys.
pub async fn waiting(
    session: &mut Session,
    production: ProductionKey,
    limit: i64,
) -> Result<Vec<Waiting>, Error> {
    let sql = "SELECT i.dir, i.id, f.events, \
               (SELECT MAX(COALESCE(j.task, 0)) FROM used u JOIN job j ON j.job = u.job \
                WHERE u.dir = i.dir AND u.id = i.id AND j.production = ? AND j.standing = 0) \
               FROM production_input i LEFT JOIN file f ON f.dir = i.dir AND f.id = i.id \
               WHERE i.production = ? AND i.task IS NULL ORDER BY i.dir, i.id LIMIT ?";
    let params = vec![production.0.into(), production.0.into(), limit.into()];
    let rows = session.rows(sql, params).await?;
    rows.iter()
        .map(|row| {
            Ok(Waiting {
                file: file_key(row, 0)?,
                events: row.opt_int(2)?.unwrap_or_default(),
                done_in: row.opt_int(3)?,
            })
        })
        .collect()
}

/// Gives inputs to tasks.
pub async fn assign(
    session: &mut Session,
    production: ProductionKey,
    inputs: &[(FileKey, i64)],
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("production", inputs.iter().map(|_| production.0))
        .ints("dir", inputs.iter().map(|(file, _)| file.directory.0))
        .ints("id", inputs.iter().map(|(file, _)| file.name))
        .ints("task", inputs.iter().map(|(_, task)| *task));
    let keys = &["production", "dir", "id"];
    session.update("production_input", batch, keys, &["task"]).await
}

/// The inputs of tasks, in the order of their keys.
pub async fn of_tasks(
    session: &mut Session,
    tasks: impl IntoIterator<Item = TaskKey>,
) -> Result<BTreeMap<TaskKey, Vec<FileKey>>, Error> {
    let tasks: BTreeSet<TaskKey> = tasks.into_iter().collect();
    let batch = Batch::default()
        .ints("production", tasks.iter().map(|(production, _)| production.0))
        .ints("task", tasks.iter().map(|(_, task)| *task));
    let sql = "SELECT i.production, i.task, i.dir, i.id FROM {rows} \
               JOIN production_input i ON i.production = r.production AND i.task = r.task \
               ORDER BY i.production, i.task, i.dir, i.id";
    let mut inputs: BTreeMap<TaskKey, Vec<FileKey>> = BTreeMap::new();
    for row in &session.rows_with(sql, batch, vec![]).await? {
        let key = (ProductionKey(row.int(0)?), row.int(1)?);
        inputs.entry(key).or_default().push(file_key(row, 2)?);
    }
    Ok(inputs)
}

/// Those of the files that are inputs of a production.
pub async fn among(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<BTreeSet<FileKey>, Error> {
    let sql = "SELECT DISTINCT i.dir, i.id FROM {rows} \
               JOIN production_input i ON i.dir = r.dir AND i.id = r.id";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    rows.iter().map(|row| file_key(row, 0)).collect()
}

/// An input without a good output.
#[derive(Debug, Clone, PartialEq)]
pub struct Lacking {
    /// The file.
    pub file: FileKey,
    /// Why it has none.
    pub reason: Missing,
    /// Its task.
    pub task: Option<i64>,
    /// The state of its task.
    pub state: Option<TaskState>,
    /// How many attempts at its task are known.
    pub attempts: Option<i64>,
    /// The job of its task that counts, or the last that reported.
    pub job: Option<JobKey>,
    /// Where its task was last.
    pub site: Option<i64>,
    /// Why its task is in its state.
    pub detail: Option<i64>,
}

/// The jobs of a production that count and have used an input `i`, with what they made of it.
///
/// Of a job with steps, what a later step made was made from what an earlier one read, too; numbers
/// above those of its steps stand for outputs that name parents of their own.
const MADE_FROM: &str = "used u JOIN job j ON j.job = u.job JOIN made m ON m.job = u.job";
const OF_INPUT: &str = "u.dir = i.dir AND u.id = i.id AND j.production = ? AND j.standing = 0 \
     AND (m.step = u.step OR (m.step > u.step AND m.step <= j.steps))";

/// The inputs `i` of a production without a good output, with their tasks `t`, and the number of
/// the reason. The text has three values, each the production.
fn lacking(columns: &str) -> String {
    format!(
        "SELECT {columns}, CAST(CASE WHEN i.task IS NULL THEN 0 WHEN t.state < 3 THEN t.state + 1 \
         WHEN t.state > 3 THEN t.state ELSE 6 + COALESCE((SELECT MIN(COALESCE(f.status, 4)) \
         FROM {MADE_FROM} LEFT JOIN file f ON f.dir = m.dir AND f.id = m.id WHERE {OF_INPUT}), 0) \
         END AS {{int}}) AS reason FROM production_input i \
         LEFT JOIN task t ON t.production = i.production AND t.task = i.task \
         WHERE NOT EXISTS (SELECT 1 FROM {MADE_FROM} \
         JOIN file f ON f.dir = m.dir AND f.id = m.id WHERE {OF_INPUT} AND f.status = 0) \
         AND i.production = ?"
    )
}

fn reason_of(code: i64) -> Result<Missing, Error> {
    let at = usize::try_from(code).ok();
    let found = at.and_then(|at| Missing::ALL.get(at).copied());
    found.ok_or_else(|| Error::Internal("an unknown reason of a missing output".into()))
}

fn reason_code(reason: Missing) -> i64 {
    let at = Missing::ALL.iter().position(|other| *other == reason);
    at.and_then(|at| i64::try_from(at).ok()).unwrap_or(i64::MAX)
}

/// Counts the inputs of a production without a good output, by reason.
pub async fn count_lacking(
    session: &mut Session,
    production: ProductionKey,
) -> Result<Vec<(Missing, i64)>, Error> {
    let inner = lacking("i.production");
    let sql = format!(
        "SELECT x.reason, COUNT(*) FROM ({inner}) x GROUP BY x.reason \
         ORDER BY x.reason"
    );
    let mut statement = session.dialect().statement(&sql, vec![production.0.into(); 3]);
    // Productions differ by orders of magnitude: a plan for any of them suits none.
    statement.keep = false;
    let rows = session.rows_of(statement).await?;
    rows.iter().map(|row| Ok((reason_of(row.int(0)?)?, row.int(1)?))).collect()
}

/// Lists the inputs of a production without a good output, for one reason or all, in the order of
/// their keys, after a key.
pub async fn list_lacking(
    session: &mut Session,
    production: ProductionKey,
    reason: Option<Missing>,
    after: Option<FileKey>,
    limit: i64,
) -> Result<Vec<Lacking>, Error> {
    let columns = "i.dir, i.id, i.task, t.state, t.attempts, t.job, t.site, t.reason AS detail";
    let mut inner = lacking(columns);
    let mut params: Vec<Param> = vec![production.0.into(); 3];
    if let Some(after) = after {
        let key = (after.directory.0, after.name);
        let (sql, more) = session.dialect().after("i.dir", "i.id", key);
        inner = format!("{inner} AND {sql}");
        params.extend(more);
    }
    let sql = match reason {
        None => format!("{inner} ORDER BY i.dir, i.id LIMIT ?"),
        Some(reason) => {
            params.push(reason_code(reason).into());
            format!("SELECT * FROM ({inner}) x WHERE x.reason = ? ORDER BY x.dir, x.id LIMIT ?")
        }
    };
    params.push(limit.into());
    let mut statement = session.dialect().statement(&sql, params);
    statement.keep = false;
    let rows = session.rows_of(statement).await?;
    rows.iter()
        .map(|row| {
            Ok(Lacking {
                file: file_key(row, 0)?,
                task: row.opt_int(2)?.filter(|task| *task != 0),
                state: row.opt_int(3)?.map(state_of).transpose()?,
                attempts: row.opt_int(4)?,
                job: row.opt_int(5)?.map(JobKey),
                site: row.opt_int(6)?,
                detail: row.opt_int(7)?,
                reason: reason_of(row.int(8)?)?,
            })
        })
        .collect()
}
