//! Storage elements and sites.

use std::collections::HashMap;

use sbk_api::{Site, StorageElement};
use sbk_model::{SeKey, SeName, TermKey};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Row},
};

/// Declares sites, and returns how many are new.
pub async fn add_sites(session: &mut Session, sites: &[Site]) -> Result<u64, Error> {
    let mut keyed: Vec<_> =
        sites.iter().map(|site| (TermKey::of(site.name.as_str()).0, site.name.as_str())).collect();
    keyed.sort_unstable();
    keyed.dedup();
    session.intern(keyed.iter().map(|(_, name)| *name)).await?;
    let batch = Batch::default()
        .ints("site", keyed.iter().map(|(key, _)| *key))
        .texts("name", keyed.iter().map(|(_, name)| (*name).to_owned()));
    session.insert("site", batch, Conflict::Keep).await
}

/// Inserts storage elements that are new; their sites must be declared.
pub async fn add(session: &mut Session, elements: &[StorageElement]) -> Result<u64, Error> {
    session.insert("storage_element", batch(elements), Conflict::Keep).await
}

/// Sets site and prefix of storage elements.
pub async fn change(session: &mut Session, elements: &[StorageElement]) -> Result<u64, Error> {
    session.update("storage_element", batch(elements), &["se"], &["site", "pfn_prefix"]).await
}

fn batch(elements: &[StorageElement]) -> Batch {
    let site = |e: &StorageElement| e.site.as_ref().map(|site| TermKey::of(site.as_str()).0);
    Batch::default()
        .ints("se", elements.iter().map(|e| SeKey::of(&e.name).0))
        .texts("name", elements.iter().map(|e| e.name.to_string()))
        .with("site", Cells::Int(elements.iter().map(site).collect()))
        .with("pfn_prefix", Cells::Text(elements.iter().map(|e| e.pfn_prefix.clone()).collect()))
}

const COLUMNS: &str = "e.se, e.name, s.name, e.pfn_prefix FROM storage_element e \
                       LEFT JOIN site s ON s.site = e.site";

fn read(row: &Row) -> Result<(SeKey, StorageElement), Error> {
    let bad = |e: sbk_model::Invalid| Error::Internal(e.to_string());
    let element = StorageElement {
        name: row.text(1)?.parse().map_err(bad)?,
        site: row.opt_text(2)?.map(|name| name.parse().map_err(bad)).transpose()?,
        pfn_prefix: row.opt_text(3)?,
    };
    Ok((SeKey(row.int(0)?), element))
}

/// The storage elements of keys.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = SeKey>,
) -> Result<HashMap<SeKey, StorageElement>, Error> {
    let batch = Batch::default().ints("se", keys.into_iter().map(|key| key.0));
    let sql = "SELECT e.se, e.name, s.name, e.pfn_prefix FROM {rows} \
               JOIN storage_element e ON e.se = r.se LEFT JOIN site s ON s.site = e.site";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    rows.iter().map(read).collect()
}

/// The names of those of the keys that are declared, held against removal.
pub async fn hold(
    session: &mut Session,
    keys: impl IntoIterator<Item = SeKey>,
) -> Result<Vec<SeName>, Error> {
    let keys: std::collections::BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let sql = "SELECT e.name FROM {rows} JOIN storage_element e ON e.se = r.se \
               ORDER BY e.se {keyshare e}";
    let rows = session.rows_with(sql, Batch::default().ints("se", keys), vec![]).await?;
    rows.iter()
        .map(|row| {
            row.text(0)?.parse().map_err(|e: sbk_model::Invalid| Error::Internal(e.to_string()))
        })
        .collect()
}

/// Lists storage elements by name, after a name.
pub async fn list(
    session: &mut Session,
    after: &str,
    limit: i64,
) -> Result<Vec<(SeKey, StorageElement)>, Error> {
    let sql = format!("SELECT {COLUMNS} WHERE e.name > ? ORDER BY e.name LIMIT ?");
    let rows = session.rows(&sql, vec![after.into(), limit.into()]).await?;
    rows.iter().map(read).collect()
}

/// Lists sites by name, after a name.
pub async fn list_sites(
    session: &mut Session,
    after: &str,
    limit: i64,
) -> Result<Vec<Site>, Error> {
    let sql = "SELECT s.name FROM site s WHERE s.name > ? ORDER BY s.name LIMIT ?";
    let rows = session.rows(sql, vec![after.into(), limit.into()]).await?;
    rows.iter()
        .map(|row| {
            let name = row.text(0)?;
            let name = name.parse().map_err(|e: sbk_model::Invalid| Error::Internal(e.to_string()));
            Ok(Site { name: name? })
        })
        .collect()
}

/// Locks a storage element against new replicas, and returns whether it exists.
pub async fn lock(session: &mut Session, name: &SeName) -> Result<bool, Error> {
    let sql = "SELECT e.se FROM storage_element e WHERE e.se = ? {update e}";
    Ok(session.row(sql, vec![SeKey::of(name).0.into()]).await?.is_some())
}

/// Whether a storage element has any replica, retired ones included.
pub async fn is_used(session: &mut Session, name: &SeName) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM replica WHERE se = ? LIMIT 1";
    Ok(session.row(sql, vec![SeKey::of(name).0.into()]).await?.is_some())
}

/// Removes a storage element.
pub async fn remove(session: &mut Session, name: &SeName) -> Result<(), Error> {
    let sql = "DELETE FROM storage_element WHERE se = ?";
    session.execute(sql, vec![SeKey::of(name).0.into()]).await?;
    Ok(())
}
