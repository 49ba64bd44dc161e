//! Versions of steps and of processing passes.

use sbk_model::{AuditId, RecipeKey, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::Lock,
};

/// What a recipe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A step: a program with its options.
    Step,
    /// A processing pass: steps, one after the other.
    Pass,
}

impl Kind {
    fn code(self) -> i64 {
        match self {
            Self::Step => 0,
            Self::Pass => 1,
        }
    }
}

/// A version as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The key that all versions share.
    pub key: RecipeKey,
    /// Its number, from 1.
    pub version: i64,
    /// The key of its community.
    pub vo: i64,
    /// A hash of what it says.
    pub digest: i64,
    /// When it was declared, or last changed.
    pub created: Timestamp,
    /// The audit entry of that.
    pub audit: AuditId,
    /// Whether something uses it, so that it never changes.
    pub used: bool,
    /// Who declared it.
    pub actor: String,
    /// Its name.
    pub name: String,
    /// What it says, as JSON.
    pub document: String,
}

const COLUMNS: &str = "s.recipe, s.version, s.vo, s.digest, s.created, s.audit, s.used, s.actor, \
     s.name, {doc s.document}";

fn read(row: &Row) -> Result<Stored, Error> {
    Ok(Stored {
        key: RecipeKey(row.int(0)?),
        version: row.int(1)?,
        vo: row.int(2)?,
        digest: row.int(3)?,
        created: Timestamp::from_micros(row.int(4)?),
        audit: AuditId(row.int(5)?),
        used: row.int(6)? != 0,
        actor: row.text(7)?,
        name: row.text(8)?,
        document: row.text(9)?,
    })
}

/// All versions of recipes, in the order of keys and numbers.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = RecipeKey>,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let keys: std::collections::BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN recipe s ON s.recipe = r.recipe \
         ORDER BY s.recipe, s.version {}",
        lock.word("s")
    );
    let rows = session.rows_with(&sql, Batch::default().ints("recipe", keys), vec![]).await?;
    rows.iter().map(read).collect()
}

/// All versions of the recipes of a name, of all communities, oldest first.
pub async fn named(session: &mut Session, kind: Kind, name: &str) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM recipe s WHERE s.kind = ? AND s.name = ? \
         ORDER BY s.recipe, s.version"
    );
    let rows = session.rows(&sql, vec![kind.code().into(), name.into()]).await?;
    rows.iter().map(read).collect()
}

/// The newest versions in the order of their names, after a name and key.
pub async fn newest(
    session: &mut Session,
    kind: Kind,
    vo: Option<i64>,
    after: Option<(&str, i64)>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = "s.kind = ? AND NOT EXISTS (SELECT 1 FROM recipe n \
         WHERE n.recipe = s.recipe AND n.version > s.version)"
        .to_owned();
    let mut params: Vec<Param> = vec![kind.code().into()];
    if let Some(vo) = vo {
        condition.push_str(" AND s.vo = ?");
        params.push(vo.into());
    }
    if let Some((name, key)) = after {
        condition.push_str(" AND s.name >= ? AND (s.name > ? OR s.recipe > ?)");
        params.extend([name.into(), name.into(), key.into()]);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM recipe s WHERE {condition} ORDER BY s.name, s.recipe LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Inserts versions that are new; returns how many are.
pub async fn insert(session: &mut Session, kind: Kind, new: &[Stored]) -> Result<u64, Error> {
    let mut new: Vec<&Stored> = new.iter().collect();
    new.sort_unstable_by_key(|s| (s.key, s.version));
    let batch = Batch::default()
        .ints("recipe", new.iter().map(|s| s.key.0))
        .ints("version", new.iter().map(|s| s.version))
        .ints("vo", new.iter().map(|s| s.vo))
        .ints("digest", new.iter().map(|s| s.digest))
        .ints("created", new.iter().map(|s| s.created.micros()))
        .ints("audit", new.iter().map(|s| s.audit.0))
        .ints("kind", new.iter().map(|_| kind.code()))
        .ints("used", new.iter().map(|s| i64::from(s.used)))
        .texts("actor", new.iter().map(|s| s.actor.clone()))
        .texts("name", new.iter().map(|s| s.name.clone()))
        .with("document", Cells::Json(new.iter().map(|s| Some(s.document.clone())).collect()));
    session.insert("recipe", batch, Conflict::Keep).await
}

/// Replaces what versions say that nothing uses.
pub async fn change(session: &mut Session, changed: &[Stored]) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("recipe", changed.iter().map(|s| s.key.0))
        .ints("version", changed.iter().map(|s| s.version))
        .ints("digest", changed.iter().map(|s| s.digest))
        .ints("created", changed.iter().map(|s| s.created.micros()))
        .ints("audit", changed.iter().map(|s| s.audit.0))
        .texts("actor", changed.iter().map(|s| s.actor.clone()))
        .with("document", Cells::Json(changed.iter().map(|s| Some(s.document.clone())).collect()));
    let sets = &["digest", "created", "audit", "actor", "document"];
    session.update("recipe", batch, &["recipe", "version"], sets).await
}

/// Says that versions are used.
pub async fn mark_used(session: &mut Session, versions: &[(RecipeKey, i64)]) -> Result<u64, Error> {
    let batch = Batch::default()
        .ints("recipe", versions.iter().map(|(key, _)| key.0))
        .ints("version", versions.iter().map(|(_, version)| *version))
        .ints("used", versions.iter().map(|_| 1));
    session.update("recipe", batch, &["recipe", "version"], &["used"]).await
}
