//! Datasets.

use std::collections::{BTreeSet, HashMap};

use sbk_api::{Dataset, Declared, Document};
use sbk_model::{
    AuditId, DatasetKey, DatasetKind, DatasetName, DatasetStatus, SiteName, TermKey, Timestamp,
};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Row},
    directory::Lock,
    term::name_of,
    total::{self, Subject},
};

/// A dataset as it is stored, without its parents and sites.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: DatasetKey,
    /// Its name.
    pub name: DatasetName,
    /// The key of its community.
    pub vo: i64,
    /// The key of its owner.
    pub owner: i64,
    /// The key of its group.
    pub group: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// What its producer says that it holds.
    pub declared: Declared,
    /// Events that are known for the dataset as a whole only.
    pub unattributed_events: i64,
    /// Whose it is.
    pub kind: DatasetKind,
    /// Its state.
    pub status: DatasetStatus,
    /// What it is for.
    pub description: Option<String>,
    /// The query that defines its files.
    pub query: Option<String>,
    /// What the system that made it keeps of it, as JSON.
    pub origin: Option<String>,
    /// Its documents as JSON.
    pub documents: Option<String>,
    /// The values of its fields as JSON.
    pub meta: Option<String>,
    /// The audit entry of its last change.
    pub audit: AuditId,
}

/// The number that stands for a state in storage.
pub fn status_code(status: DatasetStatus) -> i64 {
    match status {
        DatasetStatus::Temp => 0,
        DatasetStatus::Prepared => 1,
        DatasetStatus::Open => 2,
        DatasetStatus::Closed => 3,
        DatasetStatus::Bad => 4,
        DatasetStatus::Frozen => 5,
    }
}

/// The number that stands for a kind in storage.
pub fn kind_code(kind: DatasetKind) -> i64 {
    match kind {
        DatasetKind::Official => 0,
        DatasetKind::Personal => 1,
    }
}

/// The columns that [`read`] takes, of a dataset as `s`.
pub(crate) const COLUMNS: &str = "s.dataset, s.name, s.vo, s.owner, s.owner_group, s.created, \
     s.modified, s.declared_files, s.declared_bytes, s.declared_events, s.unattributed_events, \
     s.kind, s.status, s.query, {doc s.documents}, {doc s.meta}, s.audit, \
     s.description, {doc s.origin}";

pub(crate) fn read(row: &Row) -> Result<Stored, Error> {
    let (kind, status) = (row.int(11)?, row.int(12)?);
    let unknown = || Error::Internal("an unknown code in dataset".into());
    Ok(Stored {
        key: DatasetKey(row.int(0)?),
        name: row
            .text(1)?
            .parse()
            .map_err(|e: sbk_model::Invalid| Error::Internal(e.to_string()))?,
        vo: row.int(2)?,
        owner: row.int(3)?,
        group: row.int(4)?,
        created: Timestamp::from_micros(row.int(5)?),
        modified: Timestamp::from_micros(row.int(6)?),
        declared: Declared {
            files: row.opt_int(7)?,
            bytes: row.opt_int(8)?,
            events: row.opt_int(9)?,
        },
        unattributed_events: row.int(10)?,
        kind: DatasetKind::ALL
            .iter()
            .copied()
            .find(|k| kind_code(*k) == kind)
            .ok_or_else(unknown)?,
        status: DatasetStatus::ALL
            .iter()
            .copied()
            .find(|s| status_code(*s) == status)
            .ok_or_else(unknown)?,
        query: row.opt_text(13)?,
        documents: row.opt_text(14)?,
        meta: row.opt_text(15)?,
        audit: AuditId(row.int(16)?),
        description: row.opt_text(17)?,
        origin: row.opt_text(18)?,
    })
}

/// The datasets of keys, by key.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = DatasetKey>,
    lock: Lock,
) -> Result<HashMap<DatasetKey, Stored>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN dataset s ON s.dataset = r.dataset \
         ORDER BY s.dataset {}",
        lock.word("s")
    );
    let rows = session.rows_with(&sql, Batch::default().ints("dataset", keys), vec![]).await?;
    rows.iter().map(|row| read(row).map(|found| (found.key, found))).collect()
}

/// The datasets of a name: at most one per community.
pub async fn named(
    session: &mut Session,
    name: &DatasetName,
    vo: Option<TermKey>,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let mut params = vec![name.as_str().into()];
    let mut condition = "s.name = ?".to_owned();
    if let Some(vo) = vo {
        condition.push_str(" AND s.vo = ?");
        params.push(vo.0.into());
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM dataset s WHERE {condition} ORDER BY s.vo LIMIT 100 {}",
        lock.word("s")
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Inserts datasets that are new, with the columns of their promoted fields; returns how many
/// are new.
pub async fn insert(
    session: &mut Session,
    datasets: &[Stored],
    columns: Vec<(String, Cells)>,
) -> Result<u64, Error> {
    let ints = |f: fn(&Stored) -> i64| datasets.iter().map(f).collect::<Vec<_>>();
    let opt_ints = |f: fn(&Stored) -> Option<i64>| Cells::Int(datasets.iter().map(f).collect());
    let mut batch = Batch::default()
        .ints("dataset", ints(|s| s.key.0))
        .ints("vo", ints(|s| s.vo))
        .ints("owner", ints(|s| s.owner))
        .ints("owner_group", ints(|s| s.group))
        .ints("created", ints(|s| s.created.micros()))
        .ints("modified", ints(|s| s.modified.micros()))
        .ints("audit", ints(|s| s.audit.0))
        .with("declared_files", opt_ints(|s| s.declared.files))
        .with("declared_bytes", opt_ints(|s| s.declared.bytes))
        .with("declared_events", opt_ints(|s| s.declared.events))
        .ints("unattributed_events", ints(|s| s.unattributed_events))
        .ints("kind", ints(|s| kind_code(s.kind)))
        .ints("status", ints(|s| status_code(s.status)))
        .texts("name", datasets.iter().map(|s| s.name.to_string()))
        .with("query", Cells::Text(datasets.iter().map(|s| s.query.clone()).collect()))
        .with("description", Cells::Text(datasets.iter().map(|s| s.description.clone()).collect()))
        .with("origin", Cells::Json(datasets.iter().map(|s| s.origin.clone()).collect()))
        .with("documents", Cells::Json(datasets.iter().map(|s| s.documents.clone()).collect()))
        .with("meta", Cells::Json(datasets.iter().map(|s| s.meta.clone()).collect()));
    for (name, cells) in columns {
        batch = batch.with(name, cells);
    }
    session.insert("dataset", batch, Conflict::Keep).await
}

/// Sets what may change of a dataset: state, owner, description, what is declared of it, what its
/// origin keeps, and the time and entry of its last change.
pub async fn change(session: &mut Session, dataset: &Stored) -> Result<(), Error> {
    let declared = &dataset.declared;
    let batch = Batch::default()
        .ints("dataset", [dataset.key.0])
        .ints("status", [status_code(dataset.status)])
        .ints("owner", [dataset.owner])
        .ints("modified", [dataset.modified.micros()])
        .ints("audit", [dataset.audit.0])
        .with("declared_files", Cells::Int(vec![declared.files]))
        .with("declared_bytes", Cells::Int(vec![declared.bytes]))
        .with("declared_events", Cells::Int(vec![declared.events]))
        .with("description", Cells::Text(vec![dataset.description.clone()]))
        .with("origin", Cells::Json(vec![dataset.origin.clone()]));
    let changed = [
        "status",
        "owner",
        "modified",
        "audit",
        "declared_files",
        "declared_bytes",
        "declared_events",
        "description",
        "origin",
    ];
    session.update("dataset", batch, &["dataset"], &changed).await?;
    Ok(())
}

/// Removes a dataset that lists no files, with its snapshots.
pub async fn remove(session: &mut Session, key: DatasetKey) -> Result<(), Error> {
    let tables = ["snapshot_file", "snapshot", "dataset_parent", "dataset_site", "dataset"];
    for table in tables {
        let sql = format!("DELETE FROM {table} WHERE dataset = ?");
        session.execute(&sql, vec![key.0.into()]).await?;
    }
    total::remove(session, Subject::Dataset(key)).await
}

/// Adds parents; they need not exist.
pub async fn add_parents(
    session: &mut Session,
    parents: &BTreeSet<(DatasetKey, DatasetKey, DatasetName)>,
) -> Result<(), Error> {
    let batch = Batch::default()
        .ints("dataset", parents.iter().map(|(child, _, _)| child.0))
        .ints("parent", parents.iter().map(|(_, parent, _)| parent.0))
        .texts("parent_name", parents.iter().map(|(_, _, name)| name.to_string()));
    session.insert("dataset_parent", batch, Conflict::Keep).await?;
    Ok(())
}

/// Adds sites, which must be declared.
pub async fn add_sites(
    session: &mut Session,
    sites: &BTreeSet<(DatasetKey, SiteName)>,
) -> Result<(), Error> {
    let batch = Batch::default()
        .ints("dataset", sites.iter().map(|(dataset, _)| dataset.0))
        .ints("site", sites.iter().map(|(_, site)| TermKey::of(site.as_str()).0));
    session.insert("dataset_site", batch, Conflict::Keep).await?;
    Ok(())
}

/// Forgets the parents of a dataset.
pub async fn clear_parents(session: &mut Session, key: DatasetKey) -> Result<(), Error> {
    session.execute("DELETE FROM dataset_parent WHERE dataset = ?", vec![key.0.into()]).await?;
    Ok(())
}

/// Forgets the sites of a dataset.
pub async fn clear_sites(session: &mut Session, key: DatasetKey) -> Result<(), Error> {
    session.execute("DELETE FROM dataset_site WHERE dataset = ?", vec![key.0.into()]).await?;
    Ok(())
}

/// Those of the sites that are not declared.
pub async fn unknown_sites(
    session: &mut Session,
    sites: &BTreeSet<SiteName>,
) -> Result<Vec<SiteName>, Error> {
    let batch =
        Batch::default().ints("site", sites.iter().map(|site| TermKey::of(site.as_str()).0));
    let sql = "SELECT t.name FROM {rows} JOIN site t ON t.site = r.site";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    let known: Result<BTreeSet<String>, Error> = rows.iter().map(|row| row.text(0)).collect();
    let known = known?;
    Ok(sites.iter().filter(|site| !known.contains(site.as_str())).cloned().collect())
}

/// Makes datasets as callers see them: keys become names, and totals, parents and sites are
/// added. Totals of datasets that a query defines are absent.
pub async fn present(session: &mut Session, datasets: Vec<Stored>) -> Result<Vec<Dataset>, Error> {
    let keys: Vec<i64> = datasets.iter().map(|s| s.key.0).collect();
    let terms = session.terms(datasets.iter().flat_map(|s| [s.vo, s.owner, s.group])).await?;
    let subjects: Vec<_> = datasets.iter().map(|s| Subject::Dataset(s.key)).collect();
    let totals = total::of(session, &subjects).await?;
    let mut parents = related(session, &keys, PARENTS).await?;
    let mut sites = related(session, &keys, SITES).await?;
    datasets
        .into_iter()
        .map(|dataset| {
            let key = dataset.key.0;
            let counted = totals.get(&key).copied().unwrap_or_default();
            let explicit = dataset.query.is_none();
            let json = |text: &Option<String>| text.clone().unwrap_or_else(|| "null".into());
            let bad = |e: serde_json::Error| Error::Internal(e.to_string());
            Ok(Dataset {
                vo: name_of(&terms, dataset.vo)?,
                kind: dataset.kind,
                status: dataset.status,
                owner: name_of(&terms, dataset.owner)?,
                group: name_of(&terms, dataset.group)?,
                files: explicit.then_some(counted.files),
                bytes: explicit.then_some(counted.bytes),
                events: explicit.then_some(counted.events),
                unattributed_events: dataset.unattributed_events,
                declared: dataset.declared,
                description: dataset.description,
                query: dataset.query,
                origin: serde_json::from_str(&json(&dataset.origin)).map_err(bad)?,
                parents: parse_all(parents.remove(&key).unwrap_or_default())?,
                sites: parse_all(sites.remove(&key).unwrap_or_default())?,
                documents: serde_json::from_str::<Option<Vec<Document>>>(&json(&dataset.documents))
                    .map_err(bad)?
                    .unwrap_or_default(),
                created: dataset.created,
                modified: dataset.modified,
                metadata: serde_json::from_str::<Option<_>>(&json(&dataset.meta))
                    .map_err(bad)?
                    .unwrap_or_default(),
                name: dataset.name,
            })
        })
        .collect()
}

const PARENTS: &str = "SELECT p.dataset, p.parent_name FROM {rows} \
     JOIN dataset_parent p ON p.dataset = r.dataset ORDER BY p.dataset, p.parent_name";
const SITES: &str = "SELECT p.dataset, t.name FROM {rows} \
     JOIN dataset_site p ON p.dataset = r.dataset JOIN site t ON t.site = p.site \
     ORDER BY p.dataset, t.name";

async fn related(
    session: &mut Session,
    keys: &[i64],
    sql: &str,
) -> Result<HashMap<i64, Vec<String>>, Error> {
    let batch = Batch::default().ints("dataset", keys.iter().copied());
    let rows = session.rows_with(sql, batch, vec![]).await?;
    let mut found: HashMap<i64, Vec<String>> = HashMap::new();
    for row in &rows {
        found.entry(row.int(0)?).or_default().push(row.text(1)?);
    }
    Ok(found)
}

fn parse_all<T>(texts: Vec<String>) -> Result<Vec<T>, Error>
where
    T: std::str::FromStr<Err = sbk_model::Invalid>,
{
    let parse = |text: String| text.parse().map_err(|e: T::Err| Error::Internal(e.to_string()));
    texts.into_iter().map(parse).collect()
}
