//! Metadata schemas of communities, every version of them.

use sbk_model::{TermKey, Timestamp, Vo};

use crate::{Error, Session};

/// One version of a community's schema.
#[derive(Debug, Clone)]
pub struct Version {
    /// The community.
    pub vo: Vo,
    /// Its number.
    pub version: i64,
    /// The declarations as a TOML text.
    pub document: String,
    /// When it was applied.
    pub applied: Timestamp,
    /// Who applied it.
    pub actor: String,
}

/// The versions of a community below a number, the newest first.
pub async fn versions(
    session: &mut Session,
    vo: &Vo,
    below: i64,
    limit: i64,
) -> Result<Vec<Version>, Error> {
    let sql = "SELECT version, document, applied, actor FROM schema_version \
               WHERE vo = ? AND version < ? ORDER BY version DESC LIMIT ?";
    let params = vec![TermKey::of(vo.as_str()).0.into(), below.into(), limit.into()];
    let rows = session.rows(sql, params).await?;
    rows.iter()
        .map(|row| {
            Ok(Version {
                vo: vo.clone(),
                version: row.int(0)?,
                document: row.text(1)?,
                applied: Timestamp::from_micros(row.int(2)?),
                actor: row.text(3)?,
            })
        })
        .collect()
}

/// The version in force.
pub async fn current(session: &mut Session, vo: &Vo) -> Result<Option<Version>, Error> {
    Ok(versions(session, vo, i64::MAX, 1).await?.into_iter().next())
}

/// Locks a community against another change of its schema.
pub async fn lock(session: &mut Session, vo: &Vo) -> Result<bool, Error> {
    let sql = "SELECT c.vo FROM community c WHERE c.vo = ? {update c}";
    Ok(session.row(sql, vec![TermKey::of(vo.as_str()).0.into()]).await?.is_some())
}

/// Stores a new version.
pub async fn add(session: &mut Session, version: &Version) -> Result<(), Error> {
    let vo = TermKey::of(version.vo.as_str()).0;
    let sql = "INSERT INTO schema_version (vo, version, document, applied, actor) \
               VALUES (?, ?, ?, ?, ?)";
    let params = vec![
        vo.into(),
        version.version.into(),
        version.document.as_str().into(),
        version.applied.micros().into(),
        version.actor.as_str().into(),
    ];
    session.execute(sql, params).await?;
    let sql = "UPDATE community SET schema_version = ? WHERE vo = ?";
    session.execute(sql, vec![version.version.into(), vo.into()]).await?;
    Ok(())
}
