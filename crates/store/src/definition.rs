//! Things that communities name: event types, conditions, software, background frames, sets of
//! metadata.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_model::{AuditId, Timestamp, fingerprint};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
};

/// What kind of thing is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A type of events.
    EventType,
    /// Conditions of data taking or simulation.
    Conditions,
    /// A release of a program.
    Software,
    /// A set of background frames.
    BackgroundFrames,
    /// A set of metadata.
    MetadataSet,
}

impl Kind {
    /// All kinds.
    pub const ALL: &[Self] = &[
        Self::EventType,
        Self::Conditions,
        Self::Software,
        Self::BackgroundFrames,
        Self::MetadataSet,
    ];

    /// The number that stands for it in storage.
    pub fn code(self) -> i64 {
        match self {
            Self::EventType => 0,
            Self::Conditions => 1,
            Self::Software => 2,
            Self::BackgroundFrames => 3,
            Self::MetadataSet => 4,
        }
    }
}

/// The key of a thing: a hash of its community, kind and name.
pub fn key(vo: i64, kind: Kind, name: &str) -> i64 {
    fingerprint("definition", &[&vo.to_string(), &kind.code().to_string(), name])
}

/// A thing as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: i64,
    /// The key of its community.
    pub vo: i64,
    /// When it was declared.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The audit entry of the last change.
    pub audit: AuditId,
    /// Its name.
    pub name: String,
    /// What is known of it, as JSON.
    pub document: String,
}

const COLUMNS: &str =
    "t.definition, t.vo, t.created, t.modified, t.audit, t.name, {doc t.document}";

fn read(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        key: row.int(0)?,
        vo: row.int(1)?,
        created: Timestamp::from_micros(row.int(2)?),
        modified: Timestamp::from_micros(row.int(3)?),
        audit: AuditId(row.int(4)?),
        name: row.text(5)?,
        document: row.text(6)?,
    })
}

/// The things of keys, locked.
pub async fn find(
    session: &mut Session,
    keys: &BTreeSet<i64>,
) -> Result<HashMap<i64, Stored>, Error> {
    let batch = Batch::default().ints("definition", keys.iter().copied());
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN definition t ON t.definition = r.definition \
         ORDER BY t.definition {{update t}}"
    );
    let rows = session.rows_with(&sql, batch, vec![]).await?;
    rows.iter().map(|row| read(row).map(|stored| (stored.key, stored))).collect()
}

fn documents(things: &[Stored]) -> Cells {
    Cells::Json(things.iter().map(|thing| Some(thing.document.clone())).collect())
}

/// Inserts things that are new, in the order of their keys; returns how many are.
pub async fn insert(session: &mut Session, kind: Kind, things: &[Stored]) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("definition", things.iter().map(|thing| thing.key))
        .ints("vo", things.iter().map(|thing| thing.vo))
        .ints("kind", things.iter().map(|_| kind.code()))
        .ints("created", things.iter().map(|thing| thing.created.micros()))
        .ints("modified", things.iter().map(|thing| thing.modified.micros()))
        .ints("audit", things.iter().map(|thing| thing.audit.0))
        .texts("name", things.iter().map(|thing| thing.name.clone()))
        .with("document", documents(things));
    session.insert("definition", batch, Conflict::Keep).await
}

/// Sets what is known of things.
pub async fn change(session: &mut Session, things: &[Stored]) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("definition", things.iter().map(|thing| thing.key))
        .ints("modified", things.iter().map(|thing| thing.modified.micros()))
        .ints("audit", things.iter().map(|thing| thing.audit.0))
        .with("document", documents(things));
    session.update("definition", batch, &["definition"], &["modified", "audit", "document"]).await
}

/// Where a list of things goes on, and what of them is listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of which community.
    pub vo: Option<i64>,
    /// With names that begin with this.
    pub prefix: Option<String>,
    /// At which site.
    pub site: Option<i64>,
}

/// Lists things of a kind by community and name, after one.
pub async fn list(
    session: &mut Session,
    kind: Kind,
    filter: &Filter,
    after: Option<(i64, &str)>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("t.kind = ?");
    let mut params: Vec<Param> = vec![kind.code().into()];
    if let Some(vo) = filter.vo {
        condition.push_str(" AND t.vo = ?");
        params.push(vo.into());
    }
    if let Some(prefix) = &filter.prefix {
        condition.push_str(" AND t.name >= ? AND t.name < ?");
        // No character of a name is greater than the last that there is.
        params.extend([prefix.clone().into(), format!("{prefix}{}", char::MAX).into()]);
    }
    if let Some(site) = filter.site {
        condition.push_str(
            " AND EXISTS (SELECT 1 FROM definition_site d WHERE d.definition = t.definition \
             AND d.site = ?)",
        );
        params.push(site.into());
    }
    if let Some((vo, name)) = after {
        condition.push_str(" AND (t.vo > ? OR (t.vo = ? AND t.name > ?))");
        params.extend([vo.into(), vo.into(), name.into()]);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM definition t WHERE {condition} ORDER BY t.vo, t.name LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Where a thing is: the keys of the site and of the activity that it is there for, 0 for all.
pub type Place = (i64, i64);

/// Where things are.
pub async fn places(
    session: &mut Session,
    keys: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, BTreeSet<Place>>, Error> {
    let batch = Batch::default().ints("definition", keys.iter().copied());
    let sql = "SELECT d.definition, d.site, d.activity FROM {rows} \
               JOIN definition_site d ON d.definition = r.definition";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    let mut places: BTreeMap<i64, BTreeSet<Place>> = BTreeMap::new();
    for row in &rows {
        places.entry(row.int(0)?).or_default().insert((row.int(1)?, row.int(2)?));
    }
    Ok(places)
}

fn place_batch(places: &BTreeSet<(i64, Place)>) -> Batch {
    Batch::default()
        .ints("definition", places.iter().map(|(key, _)| *key))
        .ints("site", places.iter().map(|(_, (site, _))| *site))
        .ints("activity", places.iter().map(|(_, (_, activity))| *activity))
}

/// Says that things are somewhere; returns for how many that is new.
pub async fn add_places(
    session: &mut Session,
    places: &BTreeSet<(i64, Place)>,
    now: Timestamp,
    audit: AuditId,
) -> Result<u64, Error> {
    let batch = place_batch(places)
        .ints("since", places.iter().map(|_| now.micros()))
        .ints("audit", places.iter().map(|_| audit.0));
    session.insert("definition_site", batch, Conflict::Keep).await
}

/// Says that things are not somewhere any more; returns for how many that is new.
pub async fn remove_places(
    session: &mut Session,
    places: &BTreeSet<(i64, Place)>,
) -> Result<u64, Error> {
    session.delete("definition_site", place_batch(places)).await
}
