//! The ids that producers gave files.

use std::collections::BTreeSet;

use sbk_model::{DirKey, FileKey, Guid, Lfn, fingerprint};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
    directory,
};

/// A file that has an id.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The id.
    pub guid: Guid,
    /// The key of the file.
    pub file: FileKey,
    /// Its name.
    pub lfn: Lfn,
    /// The key of its community.
    pub vo: i64,
}

/// The files that have one of some ids, retired ones included.
pub async fn find(
    session: &mut Session,
    guids: impl IntoIterator<Item = Guid>,
) -> Result<Vec<Holder>, Error> {
    let batch = Batch::default().texts("guid", guids.into_iter().map(|guid| guid.to_string()));
    if batch.rows() == 0 {
        return Ok(Vec::new());
    }
    let sql = "SELECT f.guid, f.dir, f.id, f.name, f.vo FROM {rows} JOIN file f \
               ON f.guid = r.guid AND f.guid IS NOT NULL";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    let directories: Result<Vec<i64>, Error> = rows.iter().map(|row| row.int(1)).collect();
    let paths = directory::paths(session, directories?).await?;
    let invalid = |error: sbk_model::Invalid| {
        Error::Internal(format!("a stored value is not valid: {error}"))
    };
    rows.iter()
        .map(|row| {
            let directory = row.int(1)?;
            let path = paths.get(&directory).map_or("", |path| path);
            Ok(Holder {
                guid: row.text(0)?.parse().map_err(invalid)?,
                file: FileKey { directory: DirKey(directory), name: row.int(2)? },
                lfn: format!("{path}/{}", row.text(3)?).parse().map_err(invalid)?,
                vo: row.int(4)?,
            })
        })
        .collect()
}

/// Locks ids until the end of the transaction.
pub async fn lock(session: &mut Session, guids: &BTreeSet<Guid>) -> Result<(), Error> {
    let keys: BTreeSet<i64> =
        guids.iter().map(|guid| fingerprint("guid", &[guid.as_str()])).collect();
    let batch = || Batch::default().ints("guid", keys.iter().copied());
    // Who inserts the same key waits for the other.
    let new = session.insert("guid_lock", batch(), Conflict::Keep).await?;
    if new < keys.len() as u64 {
        let sql = "SELECT g.guid FROM {rows} JOIN guid_lock g ON g.guid = r.guid \
                   ORDER BY g.guid {update g}";
        session.rows_with(sql, batch(), vec![]).await?;
    }
    Ok(())
}
