//! What was said of the quality of runs and files. The last row of a subject counts.

use std::collections::{BTreeMap, HashMap};

use sbk_model::{AuditId, DirKey, FileKey, Quality, RunNumber, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    file,
};

/// The number that stands for a flag in storage.
pub(crate) fn code(flag: Quality) -> i64 {
    match flag {
        Quality::Ok => 0,
        Quality::Unchecked => 1,
        Quality::Maybe => 2,
        Quality::Bad => 3,
    }
}

fn of_code(number: i64) -> Result<Quality, Error> {
    let unknown = || Error::Internal("an unknown flag of quality".into());
    Quality::ALL.iter().copied().find(|flag| code(*flag) == number).ok_or_else(unknown)
}

/// One thing that somebody said.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// The flag.
    pub flag: Quality,
    /// When it was set, and where it stands among the others of its subject.
    pub changed: Timestamp,
    /// The audit entry.
    pub audit: AuditId,
    /// Who set it.
    pub actor: String,
    /// Why.
    pub reason: Option<String>,
    /// The file or run that it was passed on from.
    pub origin: Option<String>,
}

/// A run in a processing pass; 0 stands for all passes.
pub type RunPass = (RunNumber, i64);

fn run_batch(vo: i64, runs: impl IntoIterator<Item = RunPass>) -> Batch {
    let runs: std::collections::BTreeSet<RunPass> = runs.into_iter().collect();
    Batch::default()
        .ints("vo", runs.iter().map(|_| vo))
        .ints("run", runs.iter().map(|(run, _)| i64::from(run.0)))
        .ints("pass", runs.iter().map(|(_, pass)| *pass))
}

fn said(row: &Row, at: usize) -> Result<Said, Error> {
    Ok(Said {
        flag: of_code(row.int(at)?)?,
        changed: Timestamp::from_micros(row.int(at + 1)?),
        audit: AuditId(row.int(at + 2)?),
        actor: row.text(at + 3)?,
        reason: row.opt_text(at + 4)?,
        origin: row.opt_text(at + 5)?,
    })
}

/// The last that was said of runs in passes.
pub async fn of_runs(
    session: &mut Session,
    vo: i64,
    runs: impl IntoIterator<Item = RunPass>,
) -> Result<BTreeMap<RunPass, Said>, Error> {
    let sql = "SELECT q.run, q.pass, q.flag, q.changed, q.audit, q.actor, q.reason, NULL \
               FROM {rows} JOIN run_quality q \
               ON q.vo = r.vo AND q.run = r.run AND q.pass = r.pass \
               WHERE NOT EXISTS (SELECT 1 FROM run_quality n WHERE n.vo = q.vo \
               AND n.run = q.run AND n.pass = q.pass AND n.changed > q.changed)";
    let rows = session.rows_with(sql, run_batch(vo, runs), vec![]).await?;
    let wrong = |_| Error::Internal("a stored run has no number".into());
    rows.iter()
        .map(|row| {
            let run = RunNumber(u32::try_from(row.int(0)?).map_err(wrong)?);
            Ok(((run, row.int(1)?), said(row, 2)?))
        })
        .collect()
}

/// The last that was said of files.
pub async fn of_files(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, Said>, Error> {
    let sql = "SELECT q.dir, q.id, q.flag, q.changed, q.audit, q.actor, q.reason, q.origin \
               FROM {rows} JOIN file_quality q ON q.dir = r.dir AND q.id = r.id \
               WHERE NOT EXISTS (SELECT 1 FROM file_quality n WHERE n.dir = q.dir \
               AND n.id = q.id AND n.changed > q.changed)";
    let rows = session.rows_with(sql, file::key_batch(files), vec![]).await?;
    rows.iter()
        .map(|row| {
            let key = FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? };
            Ok((key, said(row, 2)?))
        })
        .collect()
}

fn said_columns(batch: Batch, all: &[&Said]) -> Batch {
    batch
        .ints("changed", all.iter().map(|said| said.changed.micros()))
        .ints("audit", all.iter().map(|said| said.audit.0))
        .ints("flag", all.iter().map(|said| code(said.flag)))
        .texts("actor", all.iter().map(|said| said.actor.clone()))
        .with("reason", Cells::Text(all.iter().map(|said| said.reason.clone()).collect()))
}

/// Two writers may say something of one subject in the same microsecond; one of them tries again.
fn all_new(rows: usize, new: u64) -> Result<(), Error> {
    if new < rows as u64 {
        return Err(Error::Contended("a flag was set elsewhere".into()));
    }
    Ok(())
}

/// Says something of runs.
pub async fn add_to_runs(
    session: &mut Session,
    vo: i64,
    runs: &BTreeMap<RunPass, Said>,
) -> Result<(), Error> {
    let all: Vec<&Said> = runs.values().collect();
    let batch = said_columns(run_batch(vo, runs.keys().copied()), &all);
    let new = session.insert("run_quality", batch, Conflict::Keep).await?;
    all_new(runs.len(), new)
}

/// Says something of files.
pub async fn add_to_files(
    session: &mut Session,
    files: &BTreeMap<FileKey, Said>,
) -> Result<(), Error> {
    let all: Vec<&Said> = files.values().collect();
    let origins = all.iter().map(|said| said.origin.clone()).collect();
    let batch = said_columns(file::key_batch(files.keys().copied()), &all)
        .with("origin", Cells::Text(origins));
    let new = session.insert("file_quality", batch, Conflict::Keep).await?;
    all_new(files.len(), new)
}

/// All that was said of a run, in all passes or one, oldest first, after a moment and pass.
pub async fn history_of_run(
    session: &mut Session,
    (vo, run): (i64, RunNumber),
    pass: Option<i64>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<(i64, Said)>, Error> {
    let (mut condition, mut params) = session.dialect().after("q.changed", "q.pass", after);
    condition.push_str(" AND q.vo = ? AND q.run = ?");
    params.extend([vo.into(), i64::from(run.0).into()]);
    if let Some(pass) = pass {
        condition.push_str(" AND q.pass = ?");
        params.push(pass.into());
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT q.pass, q.flag, q.changed, q.audit, q.actor, q.reason, NULL FROM run_quality q \
         WHERE {condition} ORDER BY q.changed, q.pass LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(|row| Ok((row.int(0)?, said(row, 1)?))).collect()
}

/// All that was said of a file, oldest first, after a moment.
pub async fn history_of_file(
    session: &mut Session,
    file: FileKey,
    after: i64,
    limit: i64,
) -> Result<Vec<Said>, Error> {
    let sql = "SELECT q.flag, q.changed, q.audit, q.actor, q.reason, q.origin FROM file_quality q \
               WHERE q.dir = ? AND q.id = ? AND q.changed > ? ORDER BY q.changed LIMIT ?";
    let params = vec![file.directory.0.into(), file.name.into(), after.into(), limit.into()];
    let rows = session.rows(sql, params).await?;
    rows.iter().map(|row| said(row, 0)).collect()
}

/// Where a flag of a run stands: community, run, pass and moment.
pub type RunPlace = (i64, i64, i64, i64);

/// All that was said of runs, in the order of community, run, pass and moment.
pub async fn export_runs(
    session: &mut Session,
    vo: Option<i64>,
    after: RunPlace,
    limit: i64,
) -> Result<Vec<(RunPlace, Said)>, Error> {
    let mut condition = String::from(
        "(q.vo > ? OR (q.vo = ? AND (q.run > ? OR (q.run = ? AND (q.pass > ? OR \
         (q.pass = ? AND q.changed > ?))))))",
    );
    let (a, b, c, d) = after;
    let mut params: Vec<Param> =
        vec![a.into(), a.into(), b.into(), b.into(), c.into(), c.into(), d.into()];
    if let Some(vo) = vo {
        condition.push_str(" AND q.vo = ?");
        params.push(vo.into());
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT q.vo, q.run, q.pass, q.flag, q.changed, q.audit, q.actor, q.reason, NULL \
         FROM run_quality q WHERE {condition} ORDER BY q.vo, q.run, q.pass, q.changed LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            let said = said(row, 3)?;
            let place = (row.int(0)?, row.int(1)?, row.int(2)?, said.changed.micros());
            Ok((place, said))
        })
        .collect()
}

/// All that was said of files that are there, in the order of their keys and of the moments.
pub async fn export_files(
    session: &mut Session,
    vo: Option<i64>,
    (after, moment): (FileKey, i64),
    limit: i64,
) -> Result<Vec<(FileKey, i64, Said)>, Error> {
    let mut condition =
        String::from("(q.dir > ? OR (q.dir = ? AND (q.id > ? OR (q.id = ? AND q.changed > ?))))");
    let (dir, id) = (after.directory.0, after.name);
    let mut params: Vec<Param> = vec![dir.into(), dir.into(), id.into(), id.into(), moment.into()];
    if let Some(vo) = vo {
        condition.push_str(" AND f.vo = ?");
        params.push(vo.into());
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT q.dir, q.id, f.vo, q.flag, q.changed, q.audit, q.actor, q.reason, q.origin \
         FROM file_quality q JOIN file f ON f.dir = q.dir AND f.id = q.id \
         WHERE {condition} ORDER BY q.dir, q.id, q.changed LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            let key = FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? };
            Ok((key, row.int(2)?, said(row, 3)?))
        })
        .collect()
}

/// Says again what was said of a run; says whether that is new.
pub async fn restore_of_run(
    session: &mut Session,
    vo: i64,
    run: RunPass,
    said: &Said,
) -> Result<bool, Error> {
    let batch = said_columns(run_batch(vo, [run]), &[said]);
    Ok(session.insert("run_quality", batch, Conflict::Keep).await? > 0)
}

/// Says again what was said of a file; says whether that is new.
pub async fn restore_of_file(
    session: &mut Session,
    file: FileKey,
    said: &Said,
) -> Result<bool, Error> {
    let batch = said_columns(file::key_batch([file]), &[said])
        .with("origin", Cells::Text(vec![said.origin.clone()]));
    Ok(session.insert("file_quality", batch, Conflict::Keep).await? > 0)
}
