//! Campaigns: groups of requests.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_model::{AuditId, CampaignKey, CampaignName, RequestState, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Row},
    directory::Lock,
    request::state_of,
};

/// A campaign as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: CampaignKey,
    /// Its name.
    pub name: CampaignName,
    /// The key of its community.
    pub vo: i64,
    /// The key of who declared it.
    pub owner: i64,
    /// When it was declared.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// The audit entry of its last change.
    pub audit: AuditId,
    /// Whether it takes no more requests.
    pub closed: bool,
    /// What it is for.
    pub description: Option<String>,
}

const COLUMNS: &str = "c.campaign, c.vo, c.owner, c.created, c.modified, c.audit, c.closed, \
                       c.name, c.description";

fn read(row: &Row) -> Result<Stored, Error> {
    let bad = |error: sbk_model::Invalid| Error::Internal(error.to_string());
    Ok(Stored {
        key: CampaignKey(row.int(0)?),
        vo: row.int(1)?,
        owner: row.int(2)?,
        created: Timestamp::from_micros(row.int(3)?),
        modified: Timestamp::from_micros(row.int(4)?),
        audit: AuditId(row.int(5)?),
        closed: row.int(6)? != 0,
        name: row.text(7)?.parse().map_err(bad)?,
        description: row.opt_text(8)?,
    })
}

/// The campaigns of keys, by key.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = CampaignKey>,
    lock: Lock,
) -> Result<HashMap<CampaignKey, Stored>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN campaign c ON c.campaign = r.campaign \
         ORDER BY c.campaign {}",
        lock.word("c")
    );
    let rows = session.rows_with(&sql, Batch::default().ints("campaign", keys), vec![]).await?;
    rows.iter().map(|row| read(row).map(|found| (found.key, found))).collect()
}

/// The campaigns of a name: at most one per community.
pub async fn named(
    session: &mut Session,
    name: &CampaignName,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM campaign c WHERE c.name = ? ORDER BY c.campaign LIMIT 100 {}",
        lock.word("c")
    );
    let rows = session.rows(&sql, vec![name.as_str().into()]).await?;
    rows.iter().map(read).collect()
}

/// Inserts campaigns that are new; returns how many are.
pub async fn insert(session: &mut Session, campaigns: &[Stored]) -> Result<u64, Error> {
    let ints = |f: fn(&Stored) -> i64| campaigns.iter().map(f).collect::<Vec<_>>();
    let descriptions = campaigns.iter().map(|c| c.description.clone()).collect();
    let batch = Batch::default()
        .ints("campaign", ints(|c| c.key.0))
        .ints("vo", ints(|c| c.vo))
        .ints("owner", ints(|c| c.owner))
        .ints("created", ints(|c| c.created.micros()))
        .ints("modified", ints(|c| c.modified.micros()))
        .ints("audit", ints(|c| c.audit.0))
        .ints("closed", ints(|c| c.closed.into()))
        .texts("name", campaigns.iter().map(|c| c.name.to_string()))
        .with("description", Cells::Text(descriptions));
    session.insert("campaign", batch, Conflict::Keep).await
}

/// Writes what may change of a campaign.
pub async fn change(session: &mut Session, campaign: &Stored) -> Result<(), Error> {
    let sql = "UPDATE campaign SET description = ?, closed = ?, modified = ?, audit = ? \
               WHERE campaign = ?";
    let params = vec![
        campaign.description.clone().into(),
        i64::from(campaign.closed).into(),
        campaign.modified.micros().into(),
        campaign.audit.0.into(),
        campaign.key.0.into(),
    ];
    session.execute(sql, params).await?;
    Ok(())
}

/// Lists campaigns by name and community, after one.
pub async fn list(
    session: &mut Session,
    vo: Option<i64>,
    only_open: bool,
    after: (&str, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("(c.name > ? OR (c.name = ? AND c.campaign > ?))");
    let mut params = vec![after.0.into(), after.0.into(), after.1.into()];
    if let Some(vo) = vo {
        condition.push_str(" AND c.vo = ?");
        params.push(vo.into());
    }
    if only_open {
        condition.push_str(" AND c.closed = 0");
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM campaign c WHERE {condition} ORDER BY c.name, c.campaign LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Requests, and the events that they ask for, by state.
pub type Counts = BTreeMap<RequestState, (i64, i64)>;

/// The requests of campaigns by state; templates do not count.
pub async fn counts(
    session: &mut Session,
    campaigns: impl IntoIterator<Item = CampaignKey>,
) -> Result<HashMap<CampaignKey, Counts>, Error> {
    let keys: BTreeSet<i64> = campaigns.into_iter().map(|key| key.0).collect();
    let sql = "SELECT q.campaign, q.state, CAST(COUNT(*) AS {int}), \
               CAST(COALESCE(SUM(q.events), 0) AS {int}) FROM {rows} \
               JOIN request q ON q.campaign = r.campaign WHERE q.template = 0 \
               GROUP BY q.campaign, q.state";
    let rows = session.rows_with(sql, Batch::default().ints("campaign", keys), vec![]).await?;
    let mut found: HashMap<CampaignKey, Counts> = HashMap::new();
    for row in &rows {
        let counts = found.entry(CampaignKey(row.int(0)?)).or_default();
        counts.insert(state_of(row.int(1)?)?, (row.int(2)?, row.int(3)?));
    }
    Ok(found)
}
