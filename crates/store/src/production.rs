//! Productions.

use std::collections::{BTreeSet, HashMap};

use sbk_model::{
    AuditId, ProductionKey, ProductionKind, ProductionState, RecipeKey, RequestKey, Timestamp,
};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::Lock,
};

/// A production as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key.
    pub key: ProductionKey,
    /// Its name.
    pub name: String,
    /// The key of its community.
    pub vo: i64,
    /// The key of who created it.
    pub owner: i64,
    /// The request that it serves.
    pub request: Option<RequestKey>,
    /// The version of the processing pass.
    pub pass: Option<(RecipeKey, i64)>,
    /// How urgent it is.
    pub priority: i64,
    /// How many events are wanted, where it makes events.
    pub events_wanted: Option<i64>,
    /// How many of them its tasks cover.
    pub events_planned: i64,
    /// The number of its last task.
    pub tasks: i64,
    /// A hash of what it was created as.
    pub digest: i64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// The audit entry of its last change.
    pub audit: AuditId,
    /// What it does.
    pub kind: ProductionKind,
    /// Its state.
    pub state: ProductionState,
    /// What it is, as JSON.
    pub document: String,
}

/// The number that stands for a state in storage.
pub fn state_code(state: ProductionState) -> i64 {
    match state {
        ProductionState::Active => 0,
        ProductionState::Paused => 1,
        ProductionState::Closed => 2,
        ProductionState::Archived => 3,
    }
}

fn kind_code(kind: ProductionKind) -> i64 {
    match kind {
        ProductionKind::Simulation => 0,
        ProductionKind::Processing => 1,
        ProductionKind::Merging => 2,
        ProductionKind::Selection => 3,
        ProductionKind::Other => 4,
    }
}

const COLUMNS: &str = "p.production, p.name, p.vo, p.owner, p.request, p.pass, p.pass_version, \
     p.priority, p.events_wanted, p.events_planned, p.tasks, p.digest, p.created, p.modified, \
     p.audit, p.kind, p.state, {doc p.document}";

fn read(row: &Row) -> Result<Stored, Error> {
    let (kind, state) = (row.int(15)?, row.int(16)?);
    let unknown = || Error::Internal("an unknown code in production".into());
    let kinds = ProductionKind::ALL.iter().copied();
    let states = ProductionState::ALL.iter().copied();
    Ok(Stored {
        key: ProductionKey(row.int(0)?),
        name: row.text(1)?,
        vo: row.int(2)?,
        owner: row.int(3)?,
        request: row.opt_int(4)?.map(RequestKey),
        pass: row.opt_int(5)?.map(RecipeKey).zip(row.opt_int(6)?),
        priority: row.int(7)?,
        events_wanted: row.opt_int(8)?,
        events_planned: row.int(9)?,
        tasks: row.int(10)?,
        digest: row.int(11)?,
        created: Timestamp::from_micros(row.int(12)?),
        modified: Timestamp::from_micros(row.int(13)?),
        audit: AuditId(row.int(14)?),
        kind: kinds.clone().find(|k| kind_code(*k) == kind).ok_or_else(unknown)?,
        state: states.clone().find(|s| state_code(*s) == state).ok_or_else(unknown)?,
        document: row.text(17)?,
    })
}

/// The productions of keys that are declared, locked as asked.
pub async fn find(
    session: &mut Session,
    keys: impl IntoIterator<Item = ProductionKey>,
    lock: Lock,
) -> Result<HashMap<ProductionKey, Stored>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN production p ON p.production = r.production \
         ORDER BY p.production {}",
        lock.word("p")
    );
    let rows = session.rows_with(&sql, Batch::default().ints("production", keys), vec![]).await?;
    rows.iter().map(|row| read(row).map(|found| (found.key, found))).collect()
}

/// The productions of a name: at most one per community.
pub async fn named(session: &mut Session, name: &str) -> Result<Vec<Stored>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM production p WHERE p.name = ? ORDER BY p.production");
    let rows = session.rows(&sql, vec![name.into()]).await?;
    rows.iter().map(read).collect()
}

/// The productions that serve requests, in the order of requests and names.
pub async fn of_requests(
    session: &mut Session,
    requests: impl IntoIterator<Item = RequestKey>,
) -> Result<Vec<Stored>, Error> {
    let keys: BTreeSet<i64> = requests.into_iter().map(|key| key.0).collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN production p ON p.request = r.request \
         ORDER BY p.request, p.name, p.production"
    );
    let rows = session.rows_with(&sql, Batch::default().ints("request", keys), vec![]).await?;
    rows.iter().map(read).collect()
}

/// Which productions a list holds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Those of a community.
    pub vo: Option<i64>,
    /// Those in a state; those that are not archived when absent.
    pub state: Option<ProductionState>,
    /// Those that serve a request.
    pub request: Option<RequestKey>,
    /// Those of a processing pass.
    pub pass: Option<RecipeKey>,
    /// Those of a version of the pass.
    pub pass_version: Option<i64>,
}

/// Lists productions in the order of their names, after a name and key.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    after: Option<(&str, i64)>,
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let mut condition = String::from("TRUE");
    let mut params: Vec<Param> = Vec::new();
    let (compare, state) = filter.state.map_or(("<", ProductionState::Archived), |s| ("=", s));
    condition = format!("{condition} AND p.state {compare} ?");
    params.push(state_code(state).into());
    for (column, value) in [
        ("p.vo", filter.vo),
        ("p.request", filter.request.map(|key| key.0)),
        ("p.pass", filter.pass.map(|key| key.0)),
        ("p.pass_version", filter.pass_version),
    ] {
        if let Some(value) = value {
            condition = format!("{condition} AND {column} = ?");
            params.push(value.into());
        }
    }
    if let Some((name, key)) = after {
        condition.push_str(" AND p.name >= ? AND (p.name > ? OR p.production > ?)");
        params.extend([name.into(), name.into(), key.into()]);
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM production p WHERE {condition} \
         ORDER BY p.name, p.production LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Inserts a production, and says whether it is new.
pub async fn insert(session: &mut Session, new: &Stored) -> Result<bool, Error> {
    let opt = |number: Option<i64>| Cells::Int(vec![number]);
    let batch = Batch::default()
        .ints("production", [new.key.0])
        .ints("vo", [new.vo])
        .ints("owner", [new.owner])
        .with("request", opt(new.request.map(|key| key.0)))
        .with("pass", opt(new.pass.map(|(key, _)| key.0)))
        .with("pass_version", opt(new.pass.map(|(_, version)| version)))
        .ints("priority", [new.priority])
        .with("events_wanted", opt(new.events_wanted))
        .ints("events_planned", [new.events_planned])
        .ints("tasks", [new.tasks])
        .ints("digest", [new.digest])
        .ints("created", [new.created.micros()])
        .ints("modified", [new.modified.micros()])
        .ints("audit", [new.audit.0])
        .ints("kind", [kind_code(new.kind)])
        .ints("state", [state_code(new.state)])
        .texts("name", [new.name.clone()])
        .with("document", Cells::Json(vec![Some(new.document.clone())]));
    Ok(session.insert("production", batch, Conflict::Keep).await? > 0)
}

/// Writes what of a production can change.
pub async fn change(session: &mut Session, new: &Stored) -> Result<(), Error> {
    let opt = |number: Option<i64>| Cells::Int(vec![number]);
    let batch = Batch::default()
        .ints("production", [new.key.0])
        .with("request", opt(new.request.map(|key| key.0)))
        .ints("priority", [new.priority])
        .with("events_wanted", opt(new.events_wanted))
        .ints("events_planned", [new.events_planned])
        .ints("tasks", [new.tasks])
        .ints("modified", [new.modified.micros()])
        .ints("audit", [new.audit.0])
        .ints("state", [state_code(new.state)])
        .with("document", Cells::Json(vec![Some(new.document.clone())]));
    let sets = &[
        "request",
        "priority",
        "events_wanted",
        "events_planned",
        "tasks",
        "modified",
        "audit",
        "state",
        "document",
    ];
    session.update("production", batch, &["production"], sets).await?;
    Ok(())
}
