//! Directories: a tree by path, each row with the metadata that holds in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_model::{AuditId, DirKey, DirPath, Mode, TermKey, Timestamp, Totals};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    file, replica,
};

/// A directory as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its path.
    pub path: DirPath,
    /// The key of its community.
    pub vo: i64,
    /// The key of its owner.
    pub owner: i64,
    /// The key of its group.
    pub group: i64,
    /// Its permission bits.
    pub mode: Mode,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The values set on it, as JSON.
    pub meta: Option<String>,
    /// The values that hold in it, as JSON.
    pub effective: Option<String>,
}

/// How rows are locked until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Not at all.
    None,
    /// Against removal.
    KeyShare,
    /// Against removal and change.
    Share,
    /// Against all other locks.
    Update,
}

impl Lock {
    pub(crate) fn word(self, table: &str) -> String {
        match self {
            Self::None => String::new(),
            Self::KeyShare => format!("{{keyshare {table}}}"),
            Self::Share => format!("{{share {table}}}"),
            Self::Update => format!("{{update {table}}}"),
        }
    }
}

pub(crate) const COLUMNS: &str = "d.path, d.vo, d.owner, d.owner_group, d.mode, d.created, d.modified, \
                       {doc d.meta}, {doc d.effective}";

/// The path of the root is stored empty, so that a name is always path, `/` and base name.
fn stored_path(row: &Row, at: usize) -> Result<DirPath, Error> {
    let text = row.text(at)?;
    let text = if text.is_empty() { "/" } else { &text };
    text.parse().map_err(|_| Error::Internal(format!("the stored path {text:?} is not valid")))
}

pub(crate) fn read(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        path: stored_path(row, 0)?,
        vo: row.int(1)?,
        owner: row.int(2)?,
        group: row.int(3)?,
        mode: Mode::from_bits(u16::try_from(row.int(4)?).unwrap_or_default()),
        created: Timestamp::from_micros(row.int(5)?),
        modified: Timestamp::from_micros(row.int(6)?),
        meta: row.opt_text(7)?,
        effective: row.opt_text(8)?,
    })
}

/// The directories of keys, by key.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = DirKey>,
    lock: Lock,
) -> Result<HashMap<DirKey, Stored>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let batch = Batch::default().ints("dir", keys);
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN directory d ON d.dir = r.dir ORDER BY d.dir {}",
        lock.word("d")
    );
    let rows = session.rows_with(&sql, batch, vec![]).await?;
    rows.iter().map(|row| read(row).map(|found| (found.path.key(), found))).collect()
}

/// One directory.
pub async fn find_one(
    session: &mut Session,
    path: &DirPath,
    lock: Lock,
) -> Result<Option<Stored>, Error> {
    let found = find(session, [path.key()], lock).await?.remove(&path.key());
    match found {
        Some(stored) if stored.path != *path => {
            Err(Error::Collision(stored.path.to_string(), path.to_string()))
        }
        other => Ok(other),
    }
}

/// Locks directories against removal, and returns those that exist. The fast path of every
/// registration: only keys and paths are read.
pub async fn hold(
    session: &mut Session,
    paths: &BTreeSet<DirPath>,
) -> Result<BTreeSet<DirPath>, Error> {
    let by_key: BTreeMap<i64, &DirPath> = paths.iter().map(|path| (path.key().0, path)).collect();
    let batch = Batch::default().ints("dir", by_key.keys().copied());
    let sql = "SELECT d.dir, d.path FROM {rows} JOIN directory d ON d.dir = r.dir \
               ORDER BY d.dir {keyshare d}";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    let mut held = BTreeSet::new();
    for row in &rows {
        let path = stored_path(row, 1)?;
        match by_key.get(&row.int(0)?) {
            Some(wanted) if **wanted != path => {
                return Err(Error::Collision(path.to_string(), wanted.to_string()));
            }
            _ => drop(held.insert(path)),
        }
    }
    Ok(held)
}

/// Inserts directories that are new, with the columns of their promoted fields; returns how
/// many are new.
pub async fn insert(
    session: &mut Session,
    directories: &[Stored],
    columns: Vec<(String, Cells)>,
    audit: AuditId,
) -> Result<u64, Error> {
    let each = |f: fn(&Stored) -> i64| directories.iter().map(f).collect::<Vec<_>>();
    let parents = directories.iter().map(|d| d.path.parent().map(|path| path.key().0)).collect();
    let mut batch = Batch::default()
        .ints("dir", each(|d| d.path.key().0))
        .with("parent", Cells::Int(parents))
        .texts("path", directories.iter().map(|d| d.path.prefix().to_owned()))
        .ints("vo", each(|d| d.vo))
        .ints("owner", each(|d| d.owner))
        .ints("owner_group", each(|d| d.group))
        .ints("created", each(|d| d.created.micros()))
        .ints("modified", each(|d| d.modified.micros()))
        .ints("audit", directories.iter().map(|_| audit.0))
        .ints("mode", each(|d| i64::from(d.mode.bits())))
        .with("meta", Cells::Json(directories.iter().map(|d| d.meta.clone()).collect()))
        .with("effective", Cells::Json(directories.iter().map(|d| d.effective.clone()).collect()));
    for (name, cells) in columns {
        batch = batch.with(name, cells);
    }
    session.insert("directory", batch, Conflict::Keep).await
}

/// The paths of keys. What a key stands for never changes, so they are remembered.
pub async fn paths(
    session: &mut Session,
    keys: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, std::sync::Arc<str>>, Error> {
    let (mut known, missing) = session.store.paths(keys);
    if !missing.is_empty() {
        let batch = Batch::default().ints("dir", missing);
        let sql = "SELECT d.dir, d.path FROM {rows} JOIN directory d ON d.dir = r.dir";
        let rows = session.rows_with(sql, batch, vec![]).await?;
        let loaded: Result<HashMap<_, std::sync::Arc<str>>, Error> =
            rows.iter().map(|row| Ok((row.int(0)?, row.text(1)?.into()))).collect();
        let loaded = loaded?;
        session.store.remember_paths(loaded.clone());
        known.extend(loaded);
    }
    Ok(known)
}

/// Lists the directories directly below another by path, all or those of a community, after a
/// base name.
pub async fn children(
    session: &mut Session,
    parent: &DirPath,
    vo: Option<TermKey>,
    after: &str,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let after = format!("{}/{after}", parent.prefix());
    let mut params: Vec<Param> = vec![parent.key().0.into(), after.into()];
    let mut of_vo = "";
    if let Some(vo) = vo {
        of_vo = "AND d.vo = ?";
        params.push(vo.0.into());
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM directory d WHERE d.parent = ? AND d.path > ? {of_vo} \
         ORDER BY d.path LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Lists a directory and all below it by path, after a path; `None` begins with the directory.
///
/// Every directory comes after the one above it.
pub async fn below(
    session: &mut Session,
    top: &DirPath,
    after: Option<&DirPath>,
    limit: i64,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let lock = lock.word("d");
    let mut found = Vec::new();
    if after.is_none() {
        found.extend(find_one(session, top, Lock::None).await?);
    }
    let first = match after {
        Some(after) if after != top => after.prefix().to_owned(),
        _ => format!("{}/", top.prefix()),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM directory d WHERE d.path > ? AND d.path < ? \
         ORDER BY d.path LIMIT ? {lock}"
    );
    // `0` is the character after `/`.
    let end = format!("{}0", top.prefix());
    let rows = session.rows(&sql, vec![first.into(), end.into(), limit.into()]).await?;
    for row in &rows {
        found.push(read(row)?);
    }
    Ok(found)
}

/// Lists a directory and all below it by path from the last to the first, before a path: every
/// directory comes before the one above it.
pub async fn below_backwards(
    session: &mut Session,
    top: &DirPath,
    before: Option<&DirPath>,
    limit: i64,
) -> Result<Vec<DirPath>, Error> {
    let end = match before {
        Some(before) => before.prefix().to_owned(),
        None => format!("{}0", top.prefix()),
    };
    let sql = "SELECT d.path FROM directory d \
               WHERE (d.dir = ? OR d.path >= ?) AND d.path < ? ORDER BY d.path DESC LIMIT ?";
    let first = format!("{}/", top.prefix());
    let params = vec![top.key().0.into(), first.into(), end.into(), limit.into()];
    let rows = session.rows(sql, params).await?;
    rows.iter().map(|row| stored_path(row, 0)).collect()
}

/// Sets owner, group and mode of directories.
pub async fn change(session: &mut Session, directories: &[Stored]) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("dir", directories.iter().map(|d| d.path.key().0))
        .ints("owner", directories.iter().map(|d| d.owner))
        .ints("owner_group", directories.iter().map(|d| d.group))
        .ints("mode", directories.iter().map(|d| i64::from(d.mode.bits())))
        .ints("modified", directories.iter().map(|d| d.modified.micros()));
    let sets = &["owner", "owner_group", "mode", "modified"];
    session.update("directory", batch, &["dir"], sets).await
}

/// Gives directories owner, group, mode, community, times and own values, for imports.
pub async fn restore(session: &mut Session, directories: &[Stored]) -> Result<u64, Error> {
    let ints = |f: fn(&Stored) -> i64| directories.iter().map(f).collect::<Vec<_>>();
    let batch = Batch::default()
        .ints("dir", ints(|d| d.path.key().0))
        .ints("vo", ints(|d| d.vo))
        .ints("owner", ints(|d| d.owner))
        .ints("owner_group", ints(|d| d.group))
        .ints("mode", ints(|d| i64::from(d.mode.bits())))
        .ints("created", ints(|d| d.created.micros()))
        .ints("modified", ints(|d| d.modified.micros()))
        .with("meta", Cells::Json(directories.iter().map(|d| d.meta.clone()).collect()));
    let sets = &["vo", "owner", "owner_group", "mode", "created", "modified", "meta"];
    session.update("directory", batch, &["dir"], sets).await
}

/// Whether a directory has another or a file directly below it, retired files included.
pub async fn has_entries(session: &mut Session, path: &DirPath) -> Result<bool, Error> {
    let key = path.key().0;
    let sql = "SELECT 1 FROM directory WHERE parent = ? LIMIT 1";
    if session.row(sql, vec![key.into()]).await?.is_some() {
        return Ok(true);
    }
    let sql = "SELECT 1 FROM file WHERE dir = ? LIMIT 1";
    Ok(session.row(sql, vec![key.into()]).await?.is_some())
}

/// How many directories are below another, at any depth.
pub async fn count_below(session: &mut Session, top: &DirPath) -> Result<i64, Error> {
    let sql = "SELECT COUNT(*) FROM directory d WHERE d.path > ? AND d.path < ?";
    let row = session.row(sql, range_below(top)).await?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// The paths below a directory lie between these: `0` is the character after `/`.
fn range_below(top: &DirPath) -> Vec<Param> {
    vec![format!("{}/", top.prefix()).into(), format!("{}0", top.prefix()).into()]
}

/// What the files directly in directories sum up to, by the keys of the directories; retired ones
/// count nothing.
pub async fn own_totals(
    session: &mut Session,
    paths: &[DirPath],
) -> Result<HashMap<i64, Totals>, Error> {
    let batch = Batch::default().ints("dir", paths.iter().map(|path| path.key().0));
    let sql = "SELECT f.dir, COUNT(*), CAST(SUM(f.size) AS {int}), \
               CAST(COALESCE(SUM(f.events), 0) AS {int}) \
               FROM {rows} JOIN file f ON f.dir = r.dir WHERE f.status < ? GROUP BY f.dir";
    let rows = session.rows_with(sql, batch, vec![file::RETIRED.into()]).await?;
    rows.iter()
        .map(|row| {
            let totals = Totals { files: row.int(1)?, bytes: row.int(2)?, events: row.int(3)? };
            Ok((row.int(0)?, totals))
        })
        .collect()
}

/// How many replicas storage elements have of what is in a directory, or directly in it, and how
/// many bytes they take; by the keys of the elements. What is retired counts nothing.
pub async fn held(
    session: &mut Session,
    top: &DirPath,
    own: bool,
) -> Result<HashMap<i64, (i64, i64)>, Error> {
    let (condition, more) = if own {
        ("d.dir = ?", vec![])
    } else {
        ("(d.dir = ? OR (d.path > ? AND d.path < ?))", range_below(top))
    };
    let sql = format!(
        "SELECT c.se, COUNT(*), CAST(SUM(f.size) AS {{int}}) FROM directory d \
         JOIN replica c ON c.dir = d.dir JOIN file f ON f.dir = c.dir AND f.id = c.id \
         WHERE {condition} AND f.status < ? AND c.status < ? GROUP BY c.se"
    );
    let mut params: Vec<Param> = vec![top.key().0.into()];
    params.extend(more);
    params.extend([file::RETIRED.into(), replica::RETIRED.into()]);
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(|row| Ok((row.int(0)?, (row.int(1)?, row.int(2)?)))).collect()
}

/// Removes a directory that has no entries.
pub async fn remove(session: &mut Session, path: &DirPath) -> Result<(), Error> {
    let sql = "DELETE FROM directory WHERE dir = ?";
    session.execute(sql, vec![path.key().0.into()]).await?;
    crate::total::remove(session, crate::total::Subject::Directory(path.key())).await
}

/// Lists all directories in the order of their keys, for exports.
pub async fn export(
    session: &mut Session,
    vo: Option<TermKey>,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut params = vec![];
    let mut condition = String::from("TRUE");
    if let Some(vo) = vo {
        condition.push_str(" AND d.vo = ?");
        params.push(vo.0.into());
    }
    if let Some(after) = after {
        condition.push_str(" AND d.dir > ?");
        params.push(after.into());
    }
    params.push(limit.into());
    let sql = format!("SELECT {COLUMNS} FROM directory d WHERE {condition} ORDER BY d.dir LIMIT ?");
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}
