//! Replicas: where files are.

use std::collections::{BTreeSet, HashMap};

use sbk_api::Replica;
use sbk_model::{AuditId, DirKey, FileKey, Lfn, ReplicaStatus, SeKey, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Row},
    directory::Lock,
    file::key_batch,
    storage,
};

/// A replica as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The key of its file.
    pub file: FileKey,
    /// The key of its storage element.
    pub se: SeKey,
    /// Its state.
    pub status: ReplicaStatus,
    /// Its physical name, where it is not derived.
    pub pfn: Option<String>,
    /// When it was recorded.
    pub created: Timestamp,
    /// The audit entry of its last change.
    pub audit: AuditId,
}

impl Stored {
    /// The key.
    pub fn key(&self) -> (FileKey, SeKey) {
        (self.file, self.se)
    }
}

fn status_code(status: ReplicaStatus) -> i64 {
    match status {
        ReplicaStatus::Available => 0,
        ReplicaStatus::Copying => 1,
        ReplicaStatus::Staging => 2,
        ReplicaStatus::Bad => 3,
        ReplicaStatus::Retired => 4,
    }
}

/// The number that stands for `retired` in storage.
pub(crate) const RETIRED: i64 = 4;

fn status_of(code: i64) -> ReplicaStatus {
    let status = ReplicaStatus::ALL.iter().copied().find(|s| status_code(*s) == code);
    status.unwrap_or(ReplicaStatus::Bad)
}

fn read(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        file: FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? },
        se: SeKey(row.int(2)?),
        status: status_of(row.int(3)?),
        pfn: row.opt_text(4)?,
        created: Timestamp::from_micros(row.int(5)?),
        audit: AuditId(row.int(6)?),
    })
}

/// The replicas of files, in the order of their keys.
pub async fn of(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT c.dir, c.id, c.se, c.status, c.pfn, c.created, c.audit FROM {{rows}} \
         JOIN replica c ON c.dir = r.dir AND c.id = r.id ORDER BY c.dir, c.id, c.se {}",
        lock.word("c")
    );
    let rows = session.rows_with(&sql, key_batch(files), vec![]).await?;
    rows.iter().map(read).collect()
}

/// A file with its replicas, as far as they are shown.
#[derive(Debug, Clone)]
pub struct OfFile {
    /// The last part of its name.
    pub name: String,
    /// The key of its community.
    pub vo: i64,
    /// Storage element, state and physical name of each replica.
    pub replicas: Vec<(SeKey, ReplicaStatus, Option<String>)>,
}

/// Files with their replicas, by key, in one look.
pub async fn of_files(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, OfFile>, Error> {
    let sql = "SELECT f.dir, f.id, f.name, f.vo, c.se, c.status, c.pfn FROM {rows} \
               JOIN file f ON f.dir = r.dir AND f.id = r.id \
               LEFT JOIN replica c ON c.dir = f.dir AND c.id = f.id";
    let statement = session.dialect().with_rows(sql, key_batch(files), vec![]);
    let mut found: HashMap<FileKey, OfFile> = HashMap::new();
    let read = |row: &Row| {
        let key = FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? };
        let copy = match row.opt_int(4)? {
            Some(se) => Some((SeKey(se), status_of(row.int(5)?), row.opt_text(6)?)),
            None => None,
        };
        Ok((key, row.text(2)?, row.int(3)?, copy))
    };
    for (key, name, vo, copy) in session.read_rows(statement, read).await? {
        let of_file = found.entry(key).or_insert(OfFile { name, vo, replicas: Vec::new() });
        of_file.replicas.extend(copy);
    }
    Ok(found)
}

/// Inserts replicas that are new; returns how many are. They are in the order of their keys.
pub async fn insert(session: &mut Session, replicas: &[Stored]) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("dir", replicas.iter().map(|c| c.file.directory.0))
        .ints("id", replicas.iter().map(|c| c.file.name))
        .ints("se", replicas.iter().map(|c| c.se.0))
        .ints("created", replicas.iter().map(|c| c.created.micros()))
        .ints("audit", replicas.iter().map(|c| c.audit.0))
        .ints("status", replicas.iter().map(|c| status_code(c.status)))
        .with("pfn", Cells::Text(replicas.iter().map(|c| c.pfn.clone()).collect()));
    session.insert("replica", batch, Conflict::Keep).await
}

/// Sets state and physical name of replicas.
pub async fn change(session: &mut Session, replicas: &[Stored]) -> Result<u64, Error> {
    let batch = keys(replicas)
        .ints("status", replicas.iter().map(|c| status_code(c.status)))
        .with("pfn", Cells::Text(replicas.iter().map(|c| c.pfn.clone()).collect()))
        .ints("audit", replicas.iter().map(|c| c.audit.0));
    session.update("replica", batch, &["dir", "id", "se"], &["status", "pfn", "audit"]).await
}

/// Removes replicas.
pub async fn remove(session: &mut Session, replicas: &[Stored]) -> Result<u64, Error> {
    session.delete("replica", keys(replicas)).await
}

fn keys(replicas: &[Stored]) -> Batch {
    Batch::default()
        .ints("dir", replicas.iter().map(|c| c.file.directory.0))
        .ints("id", replicas.iter().map(|c| c.file.name))
        .ints("se", replicas.iter().map(|c| c.se.0))
}

/// The names of files by key.
pub type Lfns<'a> = HashMap<FileKey, &'a Lfn>;

/// Makes replicas as callers see them, by the key of their file, in the order of the names of
/// their storage elements. `lfns` gives the names that physical names are derived from.
pub async fn present(
    session: &mut Session,
    replicas: Vec<Stored>,
    lfns: &Lfns<'_>,
) -> Result<HashMap<FileKey, Vec<Replica>>, Error> {
    let keys: BTreeSet<SeKey> = replicas.iter().map(|replica| replica.se).collect();
    let elements = storage::find(session, keys).await?;
    let mut presented: HashMap<FileKey, Vec<Replica>> = HashMap::new();
    for replica in replicas {
        let element = elements
            .get(&replica.se)
            .ok_or_else(|| Error::Internal("a replica has no storage element".into()))?;
        let derived = || {
            let prefix = element.pfn_prefix.as_ref()?;
            Some(format!("{prefix}{}", lfns.get(&replica.file)?))
        };
        let pfn = replica.pfn.clone().or_else(derived).and_then(|pfn| pfn.parse().ok());
        presented.entry(replica.file).or_default().push(Replica {
            se: element.name.clone(),
            pfn,
            status: replica.status,
        });
    }
    for list in presented.values_mut() {
        list.sort_by(|a, b| a.se.cmp(&b.se));
    }
    Ok(presented)
}
