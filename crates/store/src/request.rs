//! Requests for samples, and the history of each.

use std::collections::{BTreeSet, HashMap};

use sbk_model::{AuditId, CampaignKey, Priority, RequestKey, RequestName, RequestState, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::Lock,
};

/// A request as it is stored. Names are keys of terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: RequestKey,
    /// Its name.
    pub name: RequestName,
    /// The key of its community.
    pub vo: i64,
    /// The key of who asked for it.
    pub owner: i64,
    /// The key of its campaign.
    pub campaign: Option<CampaignKey>,
    /// The key of the request that it was cloned from.
    pub source: Option<RequestKey>,
    /// The type of the events.
    pub event_type: Option<i64>,
    /// The generator.
    pub generator: Option<i64>,
    /// The simulation conditions.
    pub conditions: Option<i64>,
    /// The release of the software.
    pub software: Option<i64>,
    /// How many events.
    pub events: Option<i64>,
    /// When it is needed.
    pub deadline: Option<Timestamp>,
    /// When it was written.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// The audit entry of its last change.
    pub audit: AuditId,
    /// How urgent it is.
    pub priority: Priority,
    /// How far it is.
    pub state: RequestState,
    /// Whether it is a template.
    pub template: bool,
    /// What else should be known.
    pub remark: Option<String>,
    /// The parameters as JSON.
    pub meta: Option<String>,
}

/// The number that stands for a state in storage.
pub fn state_code(state: RequestState) -> i64 {
    match state {
        RequestState::Draft => 0,
        RequestState::Submitted => 1,
        RequestState::Accepted => 2,
        RequestState::Rejected => 3,
        RequestState::Active => 4,
        RequestState::Done => 5,
        RequestState::Cancelled => 6,
    }
}

pub(crate) fn state_of(code: i64) -> Result<RequestState, Error> {
    let unknown = || Error::Internal("an unknown state of a request".into());
    RequestState::ALL.iter().copied().find(|s| state_code(*s) == code).ok_or_else(unknown)
}

const COLUMNS: &str = "q.request, q.vo, q.owner, q.campaign, q.source, q.event_type, q.generator, \
     q.conditions, q.software, q.events, q.deadline, q.created, q.modified, q.audit, q.priority, \
     q.state, q.template, q.name, q.remark, {doc q.meta}";

fn read(row: &Row) -> Result<Stored, Error> {
    let bad = |error: sbk_model::Invalid| Error::Internal(error.to_string());
    Ok(Stored {
        key: RequestKey(row.int(0)?),
        vo: row.int(1)?,
        owner: row.int(2)?,
        campaign: row.opt_int(3)?.map(CampaignKey),
        source: row.opt_int(4)?.map(RequestKey),
        event_type: row.opt_int(5)?,
        generator: row.opt_int(6)?,
        conditions: row.opt_int(7)?,
        software: row.opt_int(8)?,
        events: row.opt_int(9)?,
        deadline: row.opt_int(10)?.map(Timestamp::from_micros),
        created: Timestamp::from_micros(row.int(11)?),
        modified: Timestamp::from_micros(row.int(12)?),
        audit: AuditId(row.int(13)?),
        priority: Priority::try_from(row.int(14)?).map_err(bad)?,
        state: state_of(row.int(15)?)?,
        template: row.int(16)? != 0,
        name: row.text(17)?.parse().map_err(bad)?,
        remark: row.opt_text(18)?,
        meta: row.opt_text(19)?,
    })
}

/// The requests of keys, by key.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = RequestKey>,
    lock: Lock,
) -> Result<HashMap<RequestKey, Stored>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN request q ON q.request = r.request \
         ORDER BY q.request {}",
        lock.word("q")
    );
    let rows = session.rows_with(&sql, Batch::default().ints("request", keys), vec![]).await?;
    rows.iter().map(|row| read(row).map(|found| (found.key, found))).collect()
}

/// The requests of a name: at most one per community.
pub async fn named(
    session: &mut Session,
    name: &RequestName,
    lock: Lock,
) -> Result<Vec<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM request q WHERE q.name = ? ORDER BY q.request LIMIT 100 {}",
        lock.word("q")
    );
    let rows = session.rows(&sql, vec![name.as_str().into()]).await?;
    rows.iter().map(read).collect()
}

/// The values of requests, column by column.
fn columns(requests: &[Stored]) -> Batch {
    let ints = |f: fn(&Stored) -> i64| requests.iter().map(f).collect::<Vec<_>>();
    let opts = |f: fn(&Stored) -> Option<i64>| Cells::Int(requests.iter().map(f).collect());
    Batch::default()
        .ints("request", ints(|q| q.key.0))
        .with("campaign", opts(|q| q.campaign.map(|key| key.0)))
        .with("event_type", opts(|q| q.event_type))
        .with("generator", opts(|q| q.generator))
        .with("conditions", opts(|q| q.conditions))
        .with("software", opts(|q| q.software))
        .with("events", opts(|q| q.events))
        .with("deadline", opts(|q| q.deadline.map(Timestamp::micros)))
        .ints("modified", ints(|q| q.modified.micros()))
        .ints("audit", ints(|q| q.audit.0))
        .ints("priority", ints(|q| q.priority.get().into()))
        .ints("state", ints(|q| state_code(q.state)))
        .with("remark", Cells::Text(requests.iter().map(|q| q.remark.clone()).collect()))
        .with("meta", Cells::Json(requests.iter().map(|q| q.meta.clone()).collect()))
}

/// Inserts requests that are new; returns how many are.
pub async fn insert(session: &mut Session, requests: &[Stored]) -> Result<u64, Error> {
    let ints = |f: fn(&Stored) -> i64| requests.iter().map(f).collect::<Vec<_>>();
    let sources = requests.iter().map(|q| q.source.map(|key| key.0)).collect();
    let batch = columns(requests)
        .ints("vo", ints(|q| q.vo))
        .ints("owner", ints(|q| q.owner))
        .with("source", Cells::Int(sources))
        .ints("created", ints(|q| q.created.micros()))
        .ints("template", ints(|q| q.template.into()))
        .texts("name", requests.iter().map(|q| q.name.to_string()));
    session.insert("request", batch, Conflict::Keep).await
}

/// Writes what may change of requests.
pub async fn change(session: &mut Session, requests: &[Stored]) -> Result<(), Error> {
    let sets = &[
        "campaign",
        "event_type",
        "generator",
        "conditions",
        "software",
        "events",
        "deadline",
        "modified",
        "audit",
        "priority",
        "state",
        "remark",
        "meta",
    ];
    session.update("request", columns(requests), &["request"], sets).await?;
    Ok(())
}

/// What a list of requests is limited to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of a community.
    pub vo: Option<i64>,
    /// Only those in a state.
    pub state: Option<RequestState>,
    /// Only those of a requester.
    pub owner: Option<i64>,
    /// Only those of a campaign.
    pub campaign: Option<CampaignKey>,
    /// Only those for a type of events.
    pub event_type: Option<i64>,
    /// Only templates, or only others.
    pub template: bool,
}

/// Lists requests in the order in which they were written, after a moment and key.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let (mut condition, mut params) = session.dialect().after("q.created", "q.request", after);
    let wanted = [
        ("vo", filter.vo),
        ("state", filter.state.map(state_code)),
        ("owner", filter.owner),
        ("campaign", filter.campaign.map(|key| key.0)),
        ("event_type", filter.event_type),
        ("template", Some(filter.template.into())),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            condition = format!("{condition} AND q.{column} = ?");
            params.push(Param::Int(Some(value)));
        }
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM request q WHERE {condition} ORDER BY q.created, q.request LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// A change of a request as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The request.
    pub request: RequestKey,
    /// The audit entry of the change.
    pub audit: AuditId,
    /// When.
    pub time: Timestamp,
    /// The key of who did it.
    pub actor: i64,
    /// The state before.
    pub from: Option<RequestState>,
    /// The state after.
    pub to: RequestState,
    /// Why.
    pub reason: Option<String>,
    /// What was edited, as JSON.
    pub edits: Option<String>,
}

/// Adds changes to the history of requests.
pub async fn remember(session: &mut Session, changes: &[Change]) -> Result<(), Error> {
    let before = changes.iter().map(|c| c.from.map(state_code)).collect();
    let batch = Batch::default()
        .ints("request", changes.iter().map(|c| c.request.0))
        .ints("audit", changes.iter().map(|c| c.audit.0))
        .ints("time", changes.iter().map(|c| c.time.micros()))
        .ints("actor", changes.iter().map(|c| c.actor))
        .with("before_state", Cells::Int(before))
        .ints("after_state", changes.iter().map(|c| state_code(c.to)))
        .with("reason", Cells::Text(changes.iter().map(|c| c.reason.clone()).collect()))
        .with("edits", Cells::Text(changes.iter().map(|c| c.edits.clone()).collect()));
    session.insert("request_history", batch, Conflict::Keep).await?;
    Ok(())
}

fn read_change(row: &Row) -> Result<Change, Error> {
    Ok(Change {
        request: RequestKey(row.int(0)?),
        audit: AuditId(row.int(1)?),
        time: Timestamp::from_micros(row.int(2)?),
        actor: row.int(3)?,
        from: row.opt_int(4)?.map(state_of).transpose()?,
        to: state_of(row.int(5)?)?,
        reason: row.opt_text(6)?,
        edits: row.opt_text(7)?,
    })
}

const CHANGE: &str =
    "h.request, h.audit, h.time, h.actor, h.before_state, h.after_state, h.reason, h.edits";

/// The history of a request, the oldest change first, after an entry.
pub async fn history(
    session: &mut Session,
    request: RequestKey,
    after: AuditId,
    limit: i64,
) -> Result<Vec<Change>, Error> {
    let sql = format!(
        "SELECT {CHANGE} FROM request_history h WHERE h.request = ? AND h.audit > ? \
         ORDER BY h.audit LIMIT ?"
    );
    let params = vec![request.0.into(), after.0.into(), limit.into()];
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read_change).collect()
}

/// The last changes of a request, the oldest first.
pub async fn last_changes(
    session: &mut Session,
    request: RequestKey,
    limit: i64,
) -> Result<Vec<Change>, Error> {
    let sql = format!(
        "SELECT {CHANGE} FROM request_history h WHERE h.request = ? ORDER BY h.audit DESC LIMIT ?"
    );
    let rows = session.rows(&sql, vec![request.0.into(), limit.into()]).await?;
    rows.iter().rev().map(read_change).collect()
}
