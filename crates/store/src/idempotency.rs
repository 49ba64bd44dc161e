//! Answers to writes that a client may repeat under its own key.

use sbk_model::Timestamp;

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
};

/// An answer that was given before.
#[derive(Debug)]
pub struct Recorded {
    /// A hash of the request that it answered.
    pub request: i64,
    /// The answer as JSON.
    pub answer: String,
}

/// The answer recorded under a key.
pub async fn find(session: &mut Session, key: i64) -> Result<Option<Recorded>, Error> {
    let sql = "SELECT request, answer FROM idempotency WHERE id = ?";
    let row = session.row(sql, vec![key.into()]).await?;
    row.map(|row| Ok(Recorded { request: row.int(0)?, answer: row.text(1)? })).transpose()
}

/// Records an answer, and returns whether the key was free.
pub async fn record(
    session: &mut Session,
    key: i64,
    recorded: Recorded,
    now: Timestamp,
) -> Result<bool, Error> {
    let batch = Batch::default()
        .ints("id", [key])
        .ints("request", [recorded.request])
        .ints("created", [now.micros()])
        .texts("answer", [recorded.answer]);
    Ok(session.insert("idempotency", batch, Conflict::Keep).await? > 0)
}

/// Forgets up to `limit` answers that were recorded before a moment.
pub async fn forget(session: &mut Session, before: Timestamp, limit: i64) -> Result<u64, Error> {
    let sql = "SELECT id FROM idempotency WHERE created < ? ORDER BY created LIMIT ?";
    let rows = session.rows(sql, vec![before.micros().into(), limit.into()]).await?;
    let keys: Result<Vec<i64>, Error> = rows.iter().map(|row| row.int(0)).collect();
    session.delete("idempotency", Batch::default().ints("id", keys?)).await
}
