//! Files.

use std::collections::{BTreeSet, HashMap};

use sbk_api::{File, Values};
use sbk_model::{
    Adler32, AuditId, Checksums, DirKey, Events, FileKey, FileStatus, FileType, GroupName, Guid,
    Mode, Size, Timestamp, UserName, Vo,
};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::{self, Lock},
    term::names_of,
};

/// A file as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: FileKey,
    /// The last part of its name.
    pub name: String,
    /// The key of its community.
    pub vo: i64,
    /// The key of its owner.
    pub owner: i64,
    /// The key of its group.
    pub group: i64,
    /// Its size in bytes.
    pub size: Size,
    /// Its events.
    pub events: Option<Events>,
    /// The key of its type.
    pub file_type: Option<i64>,
    /// Its state.
    pub status: FileStatus,
    /// The state that it has again when it is retired and restored.
    pub before: FileStatus,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// Until when it can be restored, when it is retired.
    pub until: Option<Timestamp>,
    /// Its Adler-32 checksum.
    pub adler32: Option<Adler32>,
    /// Its MD5 digest as text.
    pub md5: Option<String>,
    /// Its other checksums as JSON.
    pub checksums: Option<String>,
    /// The id that its producer gave it, as text.
    pub guid: Option<String>,
    /// Its permission bits, where they are not the usual ones.
    pub mode: Option<Mode>,
    /// The values of its fields as JSON, when they were read.
    pub meta: Option<String>,
    /// The audit entry of its registration; later entries are found by their subjects.
    pub audit: AuditId,
}

/// The least number that stands for a retired file; what is added to it is its state before.
pub(crate) const RETIRED: i64 = 3;

/// The numbers that stand for a state in storage.
pub fn status_codes(status: FileStatus) -> &'static [i64] {
    match status {
        FileStatus::Good => &[0],
        FileStatus::Bad => &[1],
        FileStatus::Lost => &[2],
        FileStatus::Retired => &[3, 4, 5],
    }
}

/// The state that a number stands for.
pub(crate) fn status_of(code: i64) -> FileStatus {
    let is = |status: &&FileStatus| status_codes(**status).contains(&code);
    FileStatus::ALL.iter().find(is).copied().unwrap_or(FileStatus::Bad)
}

impl Stored {
    /// Whose files it is counted with.
    pub fn holder(&self) -> crate::total::Holder {
        crate::total::Holder { vo: self.vo, owner: self.owner, group: self.group }
    }

    /// The number that stands for the file's state in storage.
    fn status_code(&self) -> i64 {
        let code = |status| status_codes(status).first().copied().unwrap_or_default();
        match self.status {
            FileStatus::Retired if self.before != FileStatus::Retired => {
                RETIRED + code(self.before)
            }
            status => code(status),
        }
    }

    /// The file as it is when it is retired until some moment.
    #[must_use]
    pub fn retired(self, until: Timestamp) -> Self {
        Self { before: self.status, status: FileStatus::Retired, until: Some(until), ..self }
    }

    /// The file as it is when it is restored.
    #[must_use]
    pub fn restored(self) -> Self {
        Self { status: self.before, until: None, ..self }
    }

    /// What the file counts in totals: nothing when it is retired.
    pub fn counts(&self) -> sbk_model::Totals {
        if self.status == FileStatus::Retired {
            return sbk_model::Totals::default();
        }
        sbk_model::Totals {
            files: 1,
            bytes: self.size.get(),
            events: self.events.map_or(0, Events::get),
        }
    }

    /// The checksums.
    pub fn sums(&self) -> Result<Checksums, Error> {
        let mut sums: Checksums = match &self.checksums {
            None => Checksums::default(),
            Some(text) => parse_json(text)?,
        };
        sums.adler32 = self.adler32;
        sums.md5 = self.md5.as_deref().map(str::parse).transpose().map_err(invalid)?;
        Ok(sums)
    }

    /// A number that changes when size, events or checksums do.
    pub fn fingerprint(&self) -> i64 {
        let text = |value: Option<i64>| value.map_or(String::new(), |v| v.to_string());
        sbk_model::fingerprint(
            "content",
            &[
                &self.size.get().to_string(),
                &text(self.events.map(Events::get)),
                &text(self.adler32.map(|sum| i64::from(sum.0))),
                self.md5.as_deref().unwrap_or_default(),
                self.checksums.as_deref().unwrap_or_default(),
            ],
        )
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` takes")]
fn invalid(error: sbk_model::Invalid) -> Error {
    Error::Internal(format!("a stored value is not valid: {error}"))
}

fn parse_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::Internal(format!("a stored document is not valid: {error}"))
}

/// The columns that [`read`] takes; the document comes last and is left out where not needed.
const COLUMNS: &str = "f.dir, f.id, f.name, f.vo, f.owner, f.owner_group, f.size, f.events, \
                       f.file_type, f.status, f.created, f.modified, f.until_time, f.adler32, \
                       f.md5, {doc f.checksums}, f.guid, f.audit, f.mode";

/// How many columns [`read`] takes.
pub(crate) fn width(with_meta: bool) -> usize {
    if with_meta { 20 } else { 19 }
}

/// The columns of a file as `f`, with or without its document.
pub(crate) fn columns(with_meta: bool) -> String {
    if with_meta { format!("{COLUMNS}, {{doc f.meta}}") } else { COLUMNS.to_owned() }
}

pub(crate) fn read(row: &Row, with_meta: bool) -> Result<Stored, Error> {
    let status = row.int(9)?;
    let adler32 = row.opt_int(13)?.and_then(|sum| u32::try_from(sum).ok()).map(Adler32);
    Ok(Stored {
        key: FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? },
        name: row.text(2)?,
        vo: row.int(3)?,
        owner: row.int(4)?,
        group: row.int(5)?,
        size: Size::try_from(row.int(6)?).map_err(invalid)?,
        events: row.opt_int(7)?.map(Events::try_from).transpose().map_err(invalid)?,
        file_type: row.opt_int(8)?,
        status: status_of(status),
        before: status_of(if status < RETIRED { status } else { status - RETIRED }),
        created: Timestamp::from_micros(row.int(10)?),
        modified: Timestamp::from_micros(row.int(11)?),
        until: row.opt_int(12)?.map(Timestamp::from_micros),
        adler32,
        md5: row.opt_text(14)?,
        checksums: row.opt_text(15)?,
        guid: row.opt_text(16)?,
        audit: AuditId(row.int(17)?),
        mode: row.opt_int(18)?.and_then(|bits| u16::try_from(bits).ok()).map(Mode::from_bits),
        meta: if with_meta { row.opt_text(19)? } else { None },
    })
}

/// A batch of keys, each once and in order, so that two transactions lock in one order.
pub(crate) fn key_batch(keys: impl IntoIterator<Item = FileKey>) -> Batch {
    let keys: BTreeSet<FileKey> = keys.into_iter().collect();
    Batch::default()
        .ints("dir", keys.iter().map(|key| key.directory.0))
        .ints("id", keys.iter().map(|key| key.name))
}

/// The files of keys, by key.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = FileKey>,
    with_meta: bool,
    lock: Lock,
) -> Result<HashMap<FileKey, Stored>, Error> {
    let sql = format!(
        "SELECT {} FROM {{rows}} JOIN file f ON f.dir = r.dir AND f.id = r.id{}",
        columns(with_meta),
        if lock == Lock::None {
            String::new()
        } else {
            format!(" ORDER BY f.dir, f.id {}", lock.word("f"))
        },
    );
    let batch = key_batch(keys);
    if batch.rows() == 0 {
        return Ok(HashMap::new());
    }
    let statement = session.dialect().with_rows(&sql, batch, vec![]);
    let read = |row: &Row| read(row, with_meta).map(|file| (file.key, file));
    Ok(session.read_rows(statement, read).await?.into_iter().collect())
}

/// Those of the keys that are in the catalogue.
pub async fn among(
    session: &mut Session,
    keys: impl IntoIterator<Item = FileKey>,
) -> Result<BTreeSet<FileKey>, Error> {
    let sql = "SELECT f.dir, f.id FROM {rows} JOIN file f ON f.dir = r.dir AND f.id = r.id";
    let rows = session.rows_with(sql, key_batch(keys), vec![]).await?;
    rows.iter()
        .map(|row| Ok(FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? }))
        .collect()
}

/// One file by its key, with its document.
pub async fn find_one(session: &mut Session, key: FileKey) -> Result<Option<Stored>, Error> {
    let sql = format!("SELECT {} FROM file f WHERE f.dir = ? AND f.id = ?", columns(true));
    let row = session.row(&sql, vec![key.directory.0.into(), key.name.into()]).await?;
    row.map(|row| read(&row, true)).transpose()
}

/// Inserts files that are new, with the columns of their promoted fields; returns how many are
/// new. The files are in the order of their keys.
pub async fn insert(
    session: &mut Session,
    files: &[&Stored],
    columns: Vec<(String, Cells)>,
) -> Result<u64, Error> {
    let ints = |f: fn(&Stored) -> i64| files.iter().map(|file| f(file)).collect::<Vec<_>>();
    let opt_ints =
        |f: fn(&Stored) -> Option<i64>| Cells::Int(files.iter().map(|file| f(file)).collect());
    let texts = |f: fn(&Stored) -> &Option<String>| {
        Cells::Text(files.iter().map(|file| f(file).clone()).collect())
    };
    let json = |f: fn(&Stored) -> &Option<String>| {
        Cells::Json(files.iter().map(|file| f(file).clone()).collect())
    };
    let mut batch = Batch::default()
        .ints("dir", ints(|f| f.key.directory.0))
        .ints("id", ints(|f| f.key.name))
        .ints("vo", ints(|f| f.vo))
        .ints("owner", ints(|f| f.owner))
        .ints("owner_group", ints(|f| f.group))
        .ints("size", ints(|f| f.size.get()))
        .with("events", opt_ints(|f| f.events.map(Events::get)))
        .with("file_type", opt_ints(|f| f.file_type))
        .ints("created", ints(|f| f.created.micros()))
        .ints("modified", ints(|f| f.modified.micros()))
        .ints("audit", ints(|f| f.audit.0))
        .with("adler32", opt_ints(|f| f.adler32.map(|sum| i64::from(sum.0))))
        .with("until_time", opt_ints(|f| f.until.map(Timestamp::micros)))
        .ints("status", ints(Stored::status_code))
        .texts("name", files.iter().map(|f| f.name.clone()))
        .with("md5", texts(|f| &f.md5))
        .with("guid", texts(|f| &f.guid))
        .with("mode", opt_ints(|f| f.mode.map(|mode| i64::from(mode.bits()))))
        .with("checksums", json(|f| &f.checksums))
        .with("meta", json(|f| &f.meta));
    for (name, cells) in columns {
        batch = batch.with(name, cells);
    }
    session.insert("file", batch, Conflict::Keep).await
}

/// Writes the state of files, and until when they can be restored. The files are in the order of
/// their keys.
pub async fn set_status(
    session: &mut Session,
    files: &[Stored],
    now: Timestamp,
) -> Result<u64, Error> {
    let until = files.iter().map(|file| file.until.map(Timestamp::micros)).collect();
    let batch = Batch::default()
        .ints("dir", files.iter().map(|file| file.key.directory.0))
        .ints("id", files.iter().map(|file| file.key.name))
        .ints("status", files.iter().map(Stored::status_code))
        .with("until_time", Cells::Int(until))
        .ints("modified", files.iter().map(|_| now.micros()));
    let sets = &["status", "until_time", "modified"];
    session.update("file", batch, &["dir", "id"], sets).await
}

/// Sets owner, group and permission bits of files. The files are in the order of their keys.
pub async fn set_owner(
    session: &mut Session,
    files: &[Stored],
    now: Timestamp,
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("dir", files.iter().map(|f| f.key.directory.0))
        .ints("id", files.iter().map(|f| f.key.name))
        .ints("owner", files.iter().map(|f| f.owner))
        .ints("owner_group", files.iter().map(|f| f.group))
        .with(
            "mode",
            Cells::Int(files.iter().map(|f| f.mode.map(|mode| i64::from(mode.bits()))).collect()),
        )
        .ints("modified", files.iter().map(|_| now.micros()));
    let sets = &["owner", "owner_group", "mode", "modified"];
    session.update("file", batch, &["dir", "id"], sets).await
}

/// Moves files of a directory to another, with all that is known of them.
pub async fn set_directory(
    session: &mut Session,
    files: &[Stored],
    to: DirKey,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(from) = files.first().map(|file| file.key.directory) else { return Ok(()) };
    for table in [
        "file",
        "replica",
        "member",
        "made",
        "used",
        "production_input",
        "further_run",
        "file_quality",
    ] {
        let ids = Batch::default().ints("id", files.iter().map(|file| file.key.name));
        let (source, params) = session.dialect().rows("r", ids);
        let more = if table == "file" { ", modified = ?" } else { "" };
        let sql = format!(
            "UPDATE {table} SET dir = ?{more} WHERE dir = ? AND id IN (SELECT r.id FROM {source})"
        );
        let mut all: Vec<Param> = vec![to.0.into()];
        if table == "file" {
            all.push(now.micros().into());
        }
        all.push(from.0.into());
        all.extend(params);
        session.execute(&sql, all).await?;
    }
    Ok(())
}

/// Removes files for good, with their replicas, memberships, runs and flags.
pub async fn remove(session: &mut Session, keys: &[FileKey]) -> Result<(), Error> {
    for table in ["replica", "member", "further_run", "file_quality", "file"] {
        session.delete(table, key_batch(keys.iter().copied())).await?;
    }
    Ok(())
}

/// The files of a directory in the order of their keys, after a key, locked as asked.
pub async fn in_directory(
    session: &mut Session,
    directory: DirKey,
    after: Option<i64>,
    limit: i64,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {} FROM file f WHERE f.dir = ? AND f.id >= ? ORDER BY f.id LIMIT ? {}",
        columns(true),
        lock.word("f")
    );
    let first = after.map_or(i64::MIN, |key| key.saturating_add(1));
    let rows = session.rows(&sql, vec![directory.0.into(), first.into(), limit.into()]).await?;
    rows.iter().map(|row| read(row, true)).collect()
}

/// The files directly in a directory by name, after a name.
pub async fn list(
    session: &mut Session,
    directory: DirKey,
    after: &str,
    retired: bool,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut params: Vec<Param> = vec![directory.0.into(), after.into()];
    let condition = if retired {
        ""
    } else {
        params.push(RETIRED.into());
        " AND f.status < ?"
    };
    params.push(limit.into());
    let sql = format!(
        "SELECT {} FROM file f WHERE f.dir = ? AND f.name > ?{condition} ORDER BY f.name LIMIT ?",
        columns(false)
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(|row| read(row, false)).collect()
}

/// The retired files whose grace period ended before a moment, locked.
pub async fn expired(
    session: &mut Session,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {} FROM file f WHERE f.until_time < ? ORDER BY f.until_time, f.dir, f.id \
         LIMIT ? {{update f}}",
        columns(false)
    );
    let rows = session.rows(&sql, vec![now.micros().into(), limit.into()]).await?;
    rows.iter().map(|row| read(row, false)).collect()
}

/// All files in the order of their keys, after a key, for exports.
pub async fn export(
    session: &mut Session,
    vo: Option<i64>,
    after: Option<FileKey>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("TRUE");
    let mut params = Vec::new();
    if let Some(vo) = vo {
        condition.push_str(" AND f.vo = ?");
        params.push(vo.into());
    }
    if let Some(after) = after {
        let key = (after.directory.0, after.name);
        let (sql, more) = session.dialect().after("f.dir", "f.id", key);
        condition.push_str(" AND ");
        condition.push_str(&sql);
        params.extend(more);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {} FROM file f WHERE {condition} ORDER BY f.dir, f.id LIMIT ?",
        columns(true)
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(|row| read(row, true)).collect()
}

/// Makes files as callers see them: keys become names. Replicas and datasets are not filled in.
pub async fn present(session: &mut Session, files: Vec<Stored>) -> Result<Vec<File>, Error> {
    let paths = directory::paths(session, files.iter().map(|f| f.key.directory.0)).await?;
    let keys: BTreeSet<i64> = files
        .iter()
        .flat_map(|f| [Some(f.vo), Some(f.owner), Some(f.group), f.file_type])
        .flatten()
        .collect();
    let terms = session.terms(keys).await?;
    let vos = names_of::<Vo>(&terms, files.iter().map(|f| f.vo))?;
    let owners = names_of::<UserName>(&terms, files.iter().map(|f| f.owner))?;
    let groups = names_of::<GroupName>(&terms, files.iter().map(|f| f.group))?;
    let types = names_of::<FileType>(&terms, files.iter().filter_map(|f| f.file_type))?;
    let reorders = session.dialect().reorders_json();
    files
        .into_iter()
        .map(|file| {
            let path = paths.get(&file.key.directory.0).ok_or_else(|| {
                Error::Internal(format!("the file {:?} has no directory", file.name))
            })?;
            Ok(File {
                lfn: format!("{path}/{}", file.name).parse().map_err(invalid)?,
                vo: vos[&file.vo].clone(),
                size: file.size,
                guid: file.guid.as_deref().map(str::parse::<Guid>).transpose().map_err(invalid)?,
                checksums: file.sums()?,
                events: file.events,
                file_type: file.file_type.map(|key| types[&key].clone()),
                status: file.status,
                owner: owners[&file.owner].clone(),
                group: groups[&file.group].clone(),
                mode: file.mode,
                created: file.created,
                modified: file.modified,
                replicas: Vec::new(),
                metadata: match file.meta {
                    Some(text) if reorders => Values::from_reordered(&text),
                    Some(text) => Values::from_text(text),
                    None => Ok(Values::default()),
                }
                .map_err(|error| unreadable(&error))?,
                datasets: Vec::new(),
                sections: sbk_model::RunSections::default(),
            })
        })
        .collect()
}
