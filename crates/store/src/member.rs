//! Which files a dataset lists.

use std::collections::{BTreeSet, HashMap};

use sbk_model::{AuditId, DatasetKey, DatasetName, DirKey, FileKey, FileStatus};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
    file::{self, key_batch},
};

/// A dataset and a file that it lists.
pub type Member = (DatasetKey, FileKey);

fn batch(members: &BTreeSet<Member>) -> Batch {
    Batch::default()
        .ints("dataset", members.iter().map(|(dataset, _)| dataset.0))
        .ints("dir", members.iter().map(|(_, file)| file.directory.0))
        .ints("id", members.iter().map(|(_, file)| file.name))
}

/// Adds files to datasets; returns how many are new.
pub async fn insert(
    session: &mut Session,
    members: &BTreeSet<Member>,
    audit: AuditId,
) -> Result<u64, Error> {
    let batch = batch(members).ints("audit", members.iter().map(|_| audit.0));
    session.insert("member", batch, Conflict::Keep).await
}

/// Takes files out of a dataset; returns how many were in it.
pub async fn remove(
    session: &mut Session,
    dataset: DatasetKey,
    files: &BTreeSet<FileKey>,
) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("dataset", files.iter().map(|_| dataset.0))
        .ints("dir", files.iter().map(|key| key.directory.0))
        .ints("id", files.iter().map(|key| key.name));
    session.delete("member", batch).await
}

/// Takes the retired files out of a dataset for good.
pub async fn remove_retired(session: &mut Session, dataset: DatasetKey) -> Result<u64, Error> {
    let sql = "DELETE FROM member WHERE dataset = ? AND EXISTS (SELECT 1 FROM file f \
               WHERE f.dir = member.dir AND f.id = member.id AND f.status >= 3)";
    session.execute(sql, vec![dataset.0.into()]).await
}

/// Those of the files that a dataset lists.
pub async fn among(
    session: &mut Session,
    dataset: DatasetKey,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<BTreeSet<FileKey>, Error> {
    let members = files.into_iter().map(|file| (dataset, file)).collect();
    let present = present(session, &members).await?;
    Ok(present.into_iter().map(|(_, file)| file).collect())
}

/// Those of the members that there are.
pub async fn present(
    session: &mut Session,
    members: &BTreeSet<Member>,
) -> Result<BTreeSet<Member>, Error> {
    let sql = "SELECT m.dataset, m.dir, m.id FROM {rows} \
               JOIN member m ON m.dataset = r.dataset AND m.dir = r.dir AND m.id = r.id";
    let rows = session.rows_with(sql, batch(members), vec![]).await?;
    rows.iter()
        .map(|row| {
            let file = FileKey { directory: DirKey(row.int(1)?), name: row.int(2)? };
            Ok((DatasetKey(row.int(0)?), file))
        })
        .collect()
}

/// The datasets that list files, by file.
pub async fn datasets_of(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, Vec<(DatasetKey, DatasetName)>>, Error> {
    let sql = "SELECT m.dir, m.id, m.dataset, s.name FROM {rows} \
               JOIN member m ON m.dir = r.dir AND m.id = r.id \
               JOIN dataset s ON s.dataset = m.dataset ORDER BY s.name, s.vo, s.dataset";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    let mut datasets: HashMap<FileKey, Vec<_>> = HashMap::new();
    for row in &rows {
        let key = FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? };
        let name = row.text(3)?.parse().map_err(|e: sbk_model::Invalid| {
            Error::Internal(format!("the stored name of a dataset is not valid: {e}"))
        })?;
        datasets.entry(key).or_default().push((DatasetKey(row.int(2)?), name));
    }
    Ok(datasets)
}

/// One step through the files of a dataset.
#[derive(Debug)]
pub struct Step {
    /// The files in the order of their keys, without those that are retired.
    pub files: Vec<file::Stored>,
    /// The last key that was looked at, when there may be more after it.
    pub next: Option<FileKey>,
}

/// Looks at up to `limit` files of a dataset in the order of their keys, after a key.
///
/// The members are cut to the step before they meet their files: a planner that joins first
/// reads the whole dataset for every step.
pub async fn list(
    session: &mut Session,
    dataset: DatasetKey,
    after: Option<FileKey>,
    limit: i64,
    with_meta: bool,
) -> Result<Step, Error> {
    let mut condition = String::from("m.dataset = ?");
    let mut params = vec![dataset.0.into()];
    if let Some(after) = after {
        let key = (after.directory.0, after.name);
        let (sql, more) = session.dialect().after("m.dir", "m.id", key);
        condition.push_str(" AND ");
        condition.push_str(&sql);
        params.extend(more);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {} FROM (SELECT m.dir, m.id FROM member m WHERE {condition} \
         ORDER BY m.dir, m.id LIMIT ?) AS s JOIN file f ON f.dir = s.dir AND f.id = s.id \
         ORDER BY s.dir, s.id",
        file::columns(with_meta)
    );
    let statement = session.dialect().statement(&sql, params);
    let mut files = session.read_rows(statement, |row| file::read(row, with_meta)).await?;
    let full = i64::try_from(files.len()).is_ok_and(|count| count >= limit);
    let next = files.last().filter(|_| full).map(|last| last.key);
    files.retain(|file| file.status != FileStatus::Retired);
    Ok(Step { files, next })
}

/// Whether a dataset lists any file, retired ones included.
pub async fn exists(session: &mut Session, dataset: DatasetKey) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM member WHERE dataset = ? LIMIT 1";
    Ok(session.row(sql, vec![dataset.0.into()]).await?.is_some())
}
