//! Snapshots: what a dataset held at one moment.

use std::collections::HashMap;

use sbk_model::{DatasetKey, DirKey, FileKey, Timestamp, Totals};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict, Row},
    file::key_batch,
};

/// A snapshot as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The dataset.
    pub dataset: DatasetKey,
    /// 1 for the first, then 2, and so on.
    pub version: i64,
    /// When it was taken.
    pub created: Timestamp,
    /// What it held.
    pub totals: Totals,
    /// The hash over its files, as hexadecimal text.
    pub content_hash: String,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    /// Its key.
    pub key: FileKey,
    /// Its name.
    pub lfn: String,
    /// A number that changes when size, events or checksums do.
    pub fingerprint: i64,
}

fn read(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        dataset: DatasetKey(row.int(0)?),
        version: row.int(1)?,
        created: Timestamp::from_micros(row.int(2)?),
        totals: Totals { files: row.int(3)?, bytes: row.int(4)?, events: row.int(5)? },
        content_hash: row.text(6)?,
    })
}

/// The snapshots of a dataset after a version, oldest first.
pub async fn list(
    session: &mut Session,
    dataset: DatasetKey,
    after: i64,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let sql = "SELECT dataset, version, created, files, bytes, events, content_hash FROM snapshot \
               WHERE dataset = ? AND version > ? ORDER BY version LIMIT ?";
    let rows = session.rows(sql, vec![dataset.0.into(), after.into(), limit.into()]).await?;
    rows.iter().map(read).collect()
}

/// The newest snapshot of a dataset.
pub async fn latest(session: &mut Session, dataset: DatasetKey) -> Result<Option<Stored>, Error> {
    let sql = "SELECT dataset, version, created, files, bytes, events, content_hash FROM snapshot \
               WHERE dataset = ? ORDER BY version DESC LIMIT 1";
    let row = session.row(sql, vec![dataset.0.into()]).await?;
    row.map(|row| read(&row)).transpose()
}

/// Stores a snapshot; returns whether it is new.
pub async fn add(session: &mut Session, snapshot: &Stored) -> Result<bool, Error> {
    let batch = Batch::default()
        .ints("dataset", [snapshot.dataset.0])
        .ints("version", [snapshot.version])
        .ints("created", [snapshot.created.micros()])
        .ints("files", [snapshot.totals.files])
        .ints("bytes", [snapshot.totals.bytes])
        .ints("events", [snapshot.totals.events])
        .texts("content_hash", [snapshot.content_hash.clone()]);
    Ok(session.insert("snapshot", batch, Conflict::Keep).await? > 0)
}

/// Stores files of a snapshot; returns how many are new.
pub async fn add_files(
    session: &mut Session,
    dataset: DatasetKey,
    version: i64,
    files: &[Content],
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("dataset", files.iter().map(|_| dataset.0))
        .ints("version", files.iter().map(|_| version))
        .ints("dir", files.iter().map(|f| f.key.directory.0))
        .ints("id", files.iter().map(|f| f.key.name))
        .ints("fingerprint", files.iter().map(|f| f.fingerprint))
        .texts("lfn", files.iter().map(|f| f.lfn.clone()));
    session.insert("snapshot_file", batch, Conflict::Keep).await
}

/// The fingerprints of those of the files that a snapshot has.
pub async fn find_files(
    session: &mut Session,
    dataset: DatasetKey,
    version: i64,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, i64>, Error> {
    let sql = "SELECT p.dir, p.id, p.fingerprint FROM {rows} \
               JOIN snapshot_file p ON p.dir = r.dir AND p.id = r.id \
               WHERE p.dataset = ? AND p.version = ?";
    let params = vec![dataset.0.into(), version.into()];
    let rows = session.rows_with(sql, key_batch(files), params).await?;
    rows.iter()
        .map(|row| {
            let key = FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? };
            Ok((key, row.int(2)?))
        })
        .collect()
}

/// The files of a snapshot in the order of their keys, after a key.
pub async fn files(
    session: &mut Session,
    dataset: DatasetKey,
    version: i64,
    after: Option<FileKey>,
    limit: i64,
) -> Result<Vec<Content>, Error> {
    let mut condition = String::from("p.dataset = ? AND p.version = ?");
    let mut params = vec![dataset.0.into(), version.into()];
    if let Some(after) = after {
        let key = (after.directory.0, after.name);
        let (sql, more) = session.dialect().after("p.dir", "p.id", key);
        condition.push_str(" AND ");
        condition.push_str(&sql);
        params.extend(more);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT p.dir, p.id, p.lfn, p.fingerprint FROM snapshot_file p WHERE {condition} \
         ORDER BY p.dir, p.id LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            Ok(Content {
                key: FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? },
                lfn: row.text(2)?,
                fingerprint: row.int(3)?,
            })
        })
        .collect()
}

/// Lists all snapshots by dataset and version, for exports.
pub async fn export(
    session: &mut Session,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let sql = "SELECT dataset, version, created, files, bytes, events, content_hash FROM snapshot \
               WHERE dataset > ? OR (dataset = ? AND version > ?) \
               ORDER BY dataset, version LIMIT ?";
    let params = vec![after.0.into(), after.0.into(), after.1.into(), limit.into()];
    let rows = session.rows(sql, params).await?;
    rows.iter().map(read).collect()
}
