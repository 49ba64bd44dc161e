//! Job reports that could not be taken.

use sbk_model::Timestamp;

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
};

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It waits for somebody to look at it.
    Waiting,
    /// It was taken after all.
    Taken,
    /// Somebody decided that it is not needed.
    Dismissed,
}

impl State {
    /// All states.
    pub const ALL: &[Self] = &[Self::Waiting, Self::Taken, Self::Dismissed];

    /// The number that stands for it in storage.
    pub fn code(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Taken => 1,
            Self::Dismissed => 2,
        }
    }
}

/// A report as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its key: a hash of community, format and body, so that a repeat is the same entry.
    pub entry: i64,
    /// The key of the community.
    pub vo: i64,
    /// When it came first.
    pub received: Timestamp,
    /// When it was last tried.
    pub last_tried: Timestamp,
    /// How often it was tried.
    pub tries: i64,
    /// What became of it.
    pub state: State,
    /// The format that it was said to have.
    pub format: String,
    /// The kind of failure.
    pub code: String,
    /// Who sent it.
    pub actor: String,
    /// The job that it is about, when that could be read.
    pub job: Option<String>,
    /// What in it is wrong.
    pub field: Option<String>,
    /// Why it could not be taken.
    pub reason: String,
    /// The report as it came; absent in lists.
    pub body: Option<String>,
}

const COLUMNS: &str = "q.entry, q.vo, q.received, q.last_tried, q.tries, q.state, q.format, \
                       q.code, q.actor, q.job, q.field, q.reason";

fn read(row: &Row, with_body: bool) -> Result<Stored, Error> {
    let code = row.int(5)?;
    let unknown = || Error::Internal("an unknown state of a report".into());
    Ok(Stored {
        entry: row.int(0)?,
        vo: row.int(1)?,
        received: Timestamp::from_micros(row.int(2)?),
        last_tried: Timestamp::from_micros(row.int(3)?),
        tries: row.int(4)?,
        state: State::ALL.iter().copied().find(|s| s.code() == code).ok_or_else(unknown)?,
        format: row.text(6)?,
        code: row.text(7)?,
        actor: row.text(8)?,
        job: row.opt_text(9)?,
        field: row.opt_text(10)?,
        reason: row.text(11)?,
        body: if with_body { Some(row.text(12)?) } else { None },
    })
}

/// Keeps reports; one that is kept already is tried once more.
pub async fn keep(session: &mut Session, reports: &[Stored]) -> Result<u64, Error> {
    if reports.is_empty() {
        return Ok(0);
    }
    let ints = |f: fn(&Stored) -> i64| reports.iter().map(f).collect::<Vec<_>>();
    let texts = |f: fn(&Stored) -> String| reports.iter().map(f).collect::<Vec<_>>();
    let opts = |f: fn(&Stored) -> Option<String>| Cells::Text(reports.iter().map(f).collect());
    let batch = Batch::default()
        .ints("entry", ints(|r| r.entry))
        .ints("vo", ints(|r| r.vo))
        .ints("received", ints(|r| r.received.micros()))
        .ints("last_tried", ints(|r| r.last_tried.micros()))
        .ints("tries", ints(|_| 0))
        .ints("state", ints(|r| r.state.code()))
        .texts("format", texts(|r| r.format.clone()))
        .texts("code", texts(|r| r.code.clone()))
        .texts("actor", texts(|r| r.actor.clone()))
        .with("job", opts(|r| r.job.clone()))
        .with("field", opts(|r| r.field.clone()))
        .texts("reason", texts(|r| r.reason.clone()))
        .with("body", opts(|r| Some(r.body.clone().unwrap_or_default())));
    session.insert("quarantine", batch, Conflict::Keep).await?;
    let tried = Batch::default()
        .ints("entry", ints(|r| r.entry))
        .ints("last_tried", ints(|r| r.last_tried.micros()))
        .texts("code", texts(|r| r.code.clone()))
        .with("field", opts(|r| r.field.clone()))
        .texts("reason", texts(|r| r.reason.clone()));
    let sets = &["last_tried", "code", "field", "reason"];
    session.update("quarantine", tried, &["entry"], sets).await?;
    let entries = Batch::default().ints("entry", ints(|r| r.entry));
    let (source, params) = session.dialect().rows("r", entries);
    let sql = format!(
        "UPDATE quarantine SET tries = tries + 1, state = CASE WHEN state = 2 THEN 2 ELSE 0 END \
         WHERE entry IN (SELECT r.entry FROM {source})"
    );
    session.execute(&sql, params).await
}

/// Sets what became of a report.
pub async fn set_state(
    session: &mut Session,
    entry: i64,
    state: State,
    now: Timestamp,
) -> Result<u64, Error> {
    let sql = "UPDATE quarantine SET state = ?, last_tried = ? WHERE entry = ?";
    session.execute(sql, vec![state.code().into(), now.micros().into(), entry.into()]).await
}

/// One report with its body, locked.
pub async fn find(session: &mut Session, entry: i64) -> Result<Option<Stored>, Error> {
    let sql = format!("SELECT {COLUMNS}, q.body FROM quarantine q WHERE q.entry = ? {{update q}}");
    let row = session.row(&sql, vec![entry.into()]).await?;
    row.map(|row| read(&row, true)).transpose()
}

/// Lists reports in the order in which they came, after a moment and entry.
pub async fn list(
    session: &mut Session,
    vo: Option<i64>,
    state: Option<State>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let (mut condition, mut params) = session.dialect().after("q.received", "q.entry", after);
    for (column, value) in [("q.vo", vo), ("q.state", state.map(State::code))] {
        if let Some(value) = value {
            condition.push_str(" AND ");
            condition.push_str(column);
            condition.push_str(" = ?");
            params.push(Param::Int(Some(value)));
        }
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM quarantine q WHERE {condition} \
         ORDER BY q.received, q.entry LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(|row| read(row, false)).collect()
}
