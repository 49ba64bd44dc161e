//! Which step of which job made a file, and what it used.

use std::collections::{BTreeSet, HashMap};

use sbk_model::{AuditId, DirKey, FileKey, JobKey, Lfn, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict, Param, Row},
    file::key_batch,
};

/// One end of an edge: a file and a step of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The file.
    pub file: FileKey,
    /// The job.
    pub job: JobKey,
    /// The step of the job, or a group of outputs with parents of their own.
    pub step: i64,
}

/// Stands for a job that there is not.
const NOBODY: JobKey = JobKey(0);

fn batch(edges: &[Edge]) -> Batch {
    Batch::default()
        .ints("dir", edges.iter().map(|e| e.file.directory.0))
        .ints("id", edges.iter().map(|e| e.file.name))
        .ints("job", edges.iter().map(|e| e.job.0))
        .ints("step", edges.iter().map(|e| e.step))
}

/// Says which files steps used. Returns how many edges are new.
pub async fn add_used(session: &mut Session, mut edges: Vec<Edge>) -> Result<u64, Error> {
    edges.sort_unstable_by_key(|e| (e.job, e.step, e.file));
    session.insert("used", batch(&edges), Conflict::Keep).await
}

/// Says which files steps made. Returns how many edges are new; a file has one maker.
///
/// Meets whoever makes one of the `open` files at the same time, or waits for what is made here:
/// one of the two waits until the other's transaction has ended. For this the open files get a
/// maker that does not exist, for a moment: all rows come in the order of their keys, so that two
/// who cross one another wait and do not block one another for good.
pub async fn add_made(
    session: &mut Session,
    mut edges: Vec<Edge>,
    open: &BTreeSet<FileKey>,
) -> Result<u64, Error> {
    let own: BTreeSet<FileKey> = edges.iter().map(|edge| edge.file).collect();
    let met: Vec<FileKey> = open.difference(&own).copied().collect();
    edges.extend(met.iter().map(|file| Edge { file: *file, job: NOBODY, step: 0 }));
    edges.sort_unstable();
    let new = session.insert("made", batch(&edges), Conflict::Keep).await?;
    let nobodys = met.iter().map(|_| NOBODY.0);
    let left = session.delete("made", key_batch(met.iter().copied()).ints("job", nobodys)).await?;
    Ok(new.saturating_sub(left))
}

fn file_key(row: &Row, at: usize) -> Result<FileKey, Error> {
    Ok(FileKey { directory: DirKey(row.int(at)?), name: row.int(at + 1)? })
}

fn edge(row: &Row) -> Result<Edge, Error> {
    Ok(Edge { file: file_key(row, 0)?, job: JobKey(row.int(2)?), step: row.int(3)? })
}

/// Who made files.
pub async fn makers(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, Edge>, Error> {
    let sql = "SELECT m.dir, m.id, m.job, m.step FROM {rows} \
               JOIN made m ON m.dir = r.dir AND m.id = r.id";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    rows.iter().map(|row| edge(row).map(|edge| (edge.file, edge))).collect()
}

/// Those of the files that something used.
pub async fn among_used(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<BTreeSet<FileKey>, Error> {
    let sql = "SELECT DISTINCT u.dir, u.id FROM {rows} \
               JOIN used u ON u.dir = r.dir AND u.id = r.id";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    rows.iter().map(|row| file_key(row, 0)).collect()
}

/// Those of the files that jobs used that were not reported in one call.
pub async fn among_used_before(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
    call: AuditId,
) -> Result<BTreeSet<FileKey>, Error> {
    let sql = "SELECT r.dir, r.id FROM {rows} WHERE EXISTS \
               (SELECT 1 FROM used u LEFT JOIN job j ON j.job = u.job WHERE u.dir = r.dir \
                AND u.id = r.id AND (j.audit IS NULL OR j.audit <> ?))";
    let rows = session.rows_with(sql, key_batch(files), vec![call.0.into()]).await?;
    rows.iter().map(|row| file_key(row, 0)).collect()
}

/// What the steps of jobs used, in the order of step and file.
pub async fn used_by(
    session: &mut Session,
    jobs: impl IntoIterator<Item = JobKey>,
) -> Result<Vec<Edge>, Error> {
    let sql = "SELECT u.dir, u.id, u.job, u.step FROM {rows} JOIN used u ON u.job = r.job \
               ORDER BY u.job, u.step, u.dir, u.id";
    let rows = session.rows_with(sql, crate::job::key_batch(jobs), vec![]).await?;
    rows.iter().map(edge).collect()
}

/// What the steps of jobs made, in the order of step and file.
pub async fn made_by(
    session: &mut Session,
    jobs: impl IntoIterator<Item = JobKey>,
) -> Result<Vec<Edge>, Error> {
    let sql = "SELECT m.dir, m.id, m.job, m.step FROM {rows} JOIN made m ON m.job = r.job \
               ORDER BY m.job, m.step, m.dir, m.id";
    let rows = session.rows_with(sql, crate::job::key_batch(jobs), vec![]).await?;
    rows.iter().map(edge).collect()
}

/// Forgets who made files.
pub async fn forget_makers(session: &mut Session, files: &[FileKey]) -> Result<u64, Error> {
    session.delete("made", key_batch(files.iter().copied())).await
}

/// In which direction a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what files were made from.
    Up,
    /// To what was made from files.
    Down,
}

/// A step of a walk: from a file to one a generation away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop {
    /// Where the step begins.
    pub from: FileKey,
    /// Where it ends.
    pub to: FileKey,
    /// The job that made the one from the other, or what stands for it when none is known.
    pub job: JobKey,
    /// The step of the job.
    pub step: i64,
}

/// The most files that one statement of a walk begins at.
const WALK_BATCH: usize = 2000;

/// All steps of one generation from files.
pub async fn hops(
    session: &mut Session,
    files: &[FileKey],
    direction: Direction,
) -> Result<Vec<Hop>, Error> {
    let sql = match direction {
        Direction::Up => {
            "SELECT m.dir, m.id, u.dir, u.id, m.job, m.step FROM {rows} \
             JOIN made m ON m.dir = r.dir AND m.id = r.id \
             JOIN used u ON u.job = m.job AND u.step = m.step"
        }
        Direction::Down => {
            "SELECT u.dir, u.id, m.dir, m.id, m.job, m.step FROM {rows} \
             JOIN used u ON u.dir = r.dir AND u.id = r.id \
             JOIN made m ON m.job = u.job AND m.step = u.step"
        }
    };
    let mut hops = Vec::new();
    for part in files.chunks(WALK_BATCH) {
        let statement = session.dialect().with_rows(sql, key_batch(part.iter().copied()), vec![]);
        let read = |row: &Row| {
            Ok(Hop {
                from: file_key(row, 0)?,
                to: file_key(row, 2)?,
                job: JobKey(row.int(4)?),
                step: row.int(5)?,
            })
        };
        hops.extend(session.read_rows(statement, read).await?);
    }
    Ok(hops)
}

/// A file that edges lead to and that is not in the catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Absent {
    /// Its key.
    pub key: FileKey,
    /// Its name.
    pub lfn: Lfn,
    /// Since when it has been missing.
    pub since: Timestamp,
}

/// Keeps the names of those of the files that are not in the catalogue; returns their keys.
pub async fn note_absent(
    session: &mut Session,
    files: &[(FileKey, &Lfn)],
    vo: i64,
    now: Timestamp,
) -> Result<BTreeSet<FileKey>, Error> {
    if files.is_empty() {
        return Ok(BTreeSet::new());
    }
    let keys: BTreeSet<FileKey> = files.iter().map(|(key, _)| *key).collect();
    let present = crate::file::among(session, keys.iter().copied()).await?;
    let missing: BTreeSet<FileKey> = keys.difference(&present).copied().collect();
    if missing.is_empty() {
        return Ok(missing);
    }
    let mut rows: Vec<_> = files.iter().filter(|(key, _)| missing.contains(key)).collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    rows.dedup_by_key(|(key, _)| *key);
    add_absent(
        session,
        &rows.iter().map(|(key, lfn)| (*key, (*lfn).clone())).collect::<Vec<_>>(),
        vo,
        now,
    )
    .await?;
    Ok(missing)
}

/// Keeps the names of files that are not in the catalogue.
pub async fn add_absent(
    session: &mut Session,
    files: &[(FileKey, Lfn)],
    vo: i64,
    now: Timestamp,
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("dir", files.iter().map(|(key, _)| key.directory.0))
        .ints("id", files.iter().map(|(key, _)| key.name))
        .ints("vo", files.iter().map(|_| vo))
        .ints("since", files.iter().map(|_| now.micros()))
        .texts("lfn", files.iter().map(|(_, lfn)| lfn.to_string()));
    session.insert("absent_file", batch, Conflict::Keep).await
}

/// The names of files that are not in the catalogue, by key, where they were kept.
pub async fn absent_names(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, Lfn>, Error> {
    let sql = "SELECT a.dir, a.id, a.lfn FROM {rows} \
               JOIN absent_file a ON a.dir = r.dir AND a.id = r.id";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    rows.iter().map(|row| Ok((file_key(row, 0)?, lfn(row, 2)?))).collect()
}

fn lfn(row: &Row, at: usize) -> Result<Lfn, Error> {
    let bad = |e: sbk_model::Invalid| Error::Internal(format!("a stored name is not valid: {e}"));
    row.text(at)?.parse().map_err(bad)
}

/// Lists the files that edges lead to and that are still missing, in the order of their keys,
/// after a key.
pub async fn open_edges(
    session: &mut Session,
    vo: Option<i64>,
    after: Option<FileKey>,
    limit: i64,
) -> Result<Vec<Absent>, Error> {
    let mut condition =
        String::from("NOT EXISTS (SELECT 1 FROM file f WHERE f.dir = a.dir AND f.id = a.id)");
    let mut params: Vec<Param> = Vec::new();
    if let Some(vo) = vo {
        condition.push_str(" AND a.vo = ?");
        params.push(vo.into());
    }
    if let Some(after) = after {
        let key = (after.directory.0, after.name);
        let (sql, more) = session.dialect().after("a.dir", "a.id", key);
        condition.push_str(" AND ");
        condition.push_str(&sql);
        params.extend(more);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT a.dir, a.id, a.lfn, a.since FROM absent_file a WHERE {condition} \
         ORDER BY a.dir, a.id LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            let since = Timestamp::from_micros(row.int(3)?);
            Ok(Absent { key: file_key(row, 0)?, lfn: lfn(row, 2)?, since })
        })
        .collect()
}

/// A file as a walk shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name.
    pub lfn: Lfn,
    /// The key of its community.
    pub vo: i64,
    /// Its state; `None` when it is not in the catalogue.
    pub status: Option<sbk_model::FileStatus>,
}

/// The names of files, also of those that are not in the catalogue.
pub async fn names(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, Named>, Error> {
    let wanted: BTreeSet<FileKey> = files.into_iter().collect();
    let sql = "SELECT f.dir, f.id, f.name, f.vo, f.status FROM {rows} \
               JOIN file f ON f.dir = r.dir AND f.id = r.id";
    let statement = session.dialect().with_rows(sql, key_batch(wanted.iter().copied()), vec![]);
    let read = |row: &Row| Ok((file_key(row, 0)?, row.text(2)?, row.int(3)?, row.int(4)?));
    let found = session.read_rows(statement, read).await?;
    let directories: BTreeSet<i64> = found.iter().map(|(key, ..)| key.directory.0).collect();
    let paths = crate::directory::paths(session, directories).await?;
    let mut named = HashMap::with_capacity(wanted.len());
    for (key, name, vo, status) in found {
        let path = paths.get(&key.directory.0).map_or("", |path| path);
        let bad = |e: sbk_model::Invalid| Error::Internal(format!("a stored name is wrong: {e}"));
        let lfn = format!("{path}/{name}").parse().map_err(bad)?;
        let status = Some(crate::file::status_of(status));
        named.insert(key, Named { lfn, vo, status });
    }
    let missing: Vec<FileKey> = wanted.into_iter().filter(|key| !named.contains_key(key)).collect();
    if missing.is_empty() {
        return Ok(named);
    }
    let sql = "SELECT a.dir, a.id, a.lfn, a.vo FROM {rows} \
               JOIN absent_file a ON a.dir = r.dir AND a.id = r.id";
    for row in session.rows_with(sql, key_batch(missing), vec![]).await? {
        let absent = Named { lfn: lfn(&row, 2)?, vo: row.int(3)?, status: None };
        named.insert(file_key(&row, 0)?, absent);
    }
    Ok(named)
}

/// How many steps used each of the files, with one of the jobs.
pub async fn users(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, (u64, JobKey)>, Error> {
    let sql = "SELECT u.dir, u.id, COUNT(*), MIN(u.job) FROM {rows} \
               JOIN used u ON u.dir = r.dir AND u.id = r.id GROUP BY u.dir, u.id";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    rows.iter()
        .map(|row| {
            let count = u64::try_from(row.int(2)?).unwrap_or_default();
            Ok((file_key(row, 0)?, (count, JobKey(row.int(3)?))))
        })
        .collect()
}
