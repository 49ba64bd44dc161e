//! Communities (virtual organisations).

use sbk_api::Community;
use sbk_model::{TermKey, Timestamp, Vo};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
    term::name_of,
    total::{self, Subject},
};

/// Declares a community, and returns whether it is new.
pub async fn declare(session: &mut Session, vo: &Vo, created: Timestamp) -> Result<bool, Error> {
    session.intern([vo.as_str()]).await?;
    let batch = Batch::default()
        .ints("vo", [TermKey::of(vo.as_str()).0])
        .ints("created", [created.micros()])
        .ints("schema_version", [0]);
    Ok(session.insert("community", batch, Conflict::Keep).await? > 0)
}

/// Whether a community is declared.
pub async fn exists(session: &mut Session, vo: &Vo) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM community WHERE vo = ?";
    Ok(session.row(sql, vec![TermKey::of(vo.as_str()).0.into()]).await?.is_some())
}

/// All communities by name. There are few: one per experiment.
pub async fn list(session: &mut Session) -> Result<Vec<Community>, Error> {
    let sql = "SELECT c.vo, c.created, c.schema_version FROM community c ORDER BY c.vo LIMIT 10000";
    let rows = session.rows(sql, vec![]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let key = row.int(0)?;
        let terms = session.terms([key]).await?;
        found.push(Community {
            vo: name_of(&terms, key)?,
            created: Timestamp::from_micros(row.int(1)?),
            schema_version: u32::try_from(row.int(2)?).unwrap_or_default(),
            totals: total::of_one(session, Subject::Vo(TermKey(key))).await?,
        });
    }
    found.sort_by(|a, b| a.vo.cmp(&b.vo));
    Ok(found)
}
