//! Proof of the totals on line.
//!
//! What is kept and what the files say are read by one statement, so that both are of one
//! moment, whatever is written meanwhile. A directory is proved against its own files and the
//! kept totals of the directories right below it: when all directories agree, all totals are
//! right.

use sbk_model::{DirPath, Totals};

use crate::{
    Error, Session,
    dialect::{Batch, Param, Row},
    replica,
};

/// A total with what it should be.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The key of the subject.
    pub key: i64,
    /// Its name or path.
    pub name: String,
    /// What is kept.
    pub kept: Totals,
    /// What the files say.
    pub counted: Totals,
}

const SUMS: &str = "COUNT(*) AS files, COALESCE(SUM(f.size), 0) AS bytes, \
                    COALESCE(SUM(COALESCE(f.events, 0)), 0) AS events";

/// The kept totals of the subjects `q.id` of one kind, as a source named `k`.
fn kept(kind: i64) -> String {
    format!(
        "LEFT JOIN (SELECT t.subject, SUM(t.files) AS files, SUM(t.bytes) AS bytes, \
         SUM(t.events) AS events FROM {{rows}} JOIN total t ON t.subject = r.id \
         AND t.kind = {kind} GROUP BY t.subject) AS k ON k.subject = q.id"
    )
}

fn select(extra_events: &str) -> String {
    let sum = |a: &str, b: &str| format!("CAST(COALESCE({a}, 0) + {b} AS {{int}})");
    format!(
        "SELECT q.id, q.name, {}, {}, {}, {}, {}, {}",
        sum("k.files", "0"),
        sum("k.bytes", "0"),
        sum("k.events", "0"),
        sum("c.files", "0"),
        sum("c.bytes", "0"),
        sum("c.events", extra_events),
    )
}

/// Compares the totals of datasets after a key.
pub async fn datasets(
    session: &mut Session,
    after: i64,
    limit: i64,
) -> Result<Vec<Compared>, Error> {
    let sql = "SELECT s.dataset FROM dataset s WHERE s.dataset > ? AND s.query IS NULL \
               ORDER BY s.dataset LIMIT ?";
    let ids = ids(session, sql, after, limit).await?;
    let sql = format!(
        "{} FROM (SELECT s.dataset AS id, s.name AS name, s.unattributed_events AS more \
            FROM {{rows}} JOIN dataset s ON s.dataset = r.id) AS q {} \
         LEFT JOIN (SELECT m.dataset AS id, {SUMS} FROM {{rows}} \
            JOIN member m ON m.dataset = r.id \
            JOIN file f ON f.dir = m.dir AND f.id = m.id WHERE f.status < 3 \
            GROUP BY m.dataset) AS c ON c.id = q.id ORDER BY q.id",
        select("q.more"),
        kept(1),
    );
    compare(session, &sql, &ids, 3).await
}

/// Compares the totals of directories after a key.
pub async fn directories(
    session: &mut Session,
    after: i64,
    limit: i64,
) -> Result<Vec<Compared>, Error> {
    let sql = "SELECT d.dir FROM directory d WHERE d.dir > ? ORDER BY d.dir LIMIT ?";
    let ids = ids(session, sql, after, limit).await?;
    let sql = format!(
        "{} FROM (SELECT d.dir AS id, d.path AS name FROM {{rows}} \
            JOIN directory d ON d.dir = r.id) AS q {} \
         LEFT JOIN (SELECT u.id, SUM(u.files) AS files, SUM(u.bytes) AS bytes, \
            SUM(u.events) AS events FROM ( \
              SELECT f.dir AS id, {SUMS} FROM {{rows}} JOIN file f ON f.dir = r.id \
              WHERE f.status < 3 GROUP BY f.dir \
              UNION ALL \
              SELECT d.parent AS id, SUM(t.files) AS files, SUM(t.bytes) AS bytes, \
              SUM(t.events) AS events FROM {{rows}} JOIN directory d ON d.parent = r.id \
              JOIN total t ON t.kind = 0 AND t.subject = d.dir GROUP BY d.parent \
            ) AS u GROUP BY u.id) AS c ON c.id = q.id ORDER BY q.id",
        select("0"),
        kept(0),
    );
    compare(session, &sql, &ids, 4).await
}

/// Compares the total of one directory with all files below it, however deep.
pub async fn directory(session: &mut Session, path: &DirPath) -> Result<Vec<Compared>, Error> {
    let sql = format!(
        "{} FROM (SELECT d.dir AS id, d.path AS name FROM {{rows}} \
            JOIN directory d ON d.dir = r.id) AS q {} \
         LEFT JOIN (SELECT r.id AS id, {SUMS} FROM {{rows}} \
            JOIN directory d ON d.dir = r.id OR (d.path >= ? AND d.path < ?) \
            JOIN file f ON f.dir = d.dir WHERE f.status < 3 GROUP BY r.id) AS c ON c.id = q.id",
        select("0"),
        kept(0),
    );
    let batch = Batch::default().ints("id", [path.key().0]);
    let (source, params) = session.dialect().rows("r", batch);
    let mut params: Vec<Param> = std::iter::repeat_n(params, 3).flatten().collect();
    params.push(format!("{}/", path.prefix()).into());
    params.push(format!("{}0", path.prefix()).into());
    let sql = session.dialect().place_rows(&sql, &source);
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// Compares the totals of storage elements after a key.
pub async fn elements(
    session: &mut Session,
    after: i64,
    limit: i64,
) -> Result<Vec<Compared>, Error> {
    let sql = "SELECT e.se FROM storage_element e WHERE e.se > ? ORDER BY e.se LIMIT ?";
    let ids = ids(session, sql, after, limit).await?;
    let sql = format!(
        "{} FROM (SELECT e.se AS id, e.name AS name FROM {{rows}} \
            JOIN storage_element e ON e.se = r.id) AS q {} \
         LEFT JOIN (SELECT p.se AS id, {SUMS} FROM {{rows}} JOIN replica p ON p.se = r.id \
            JOIN file f ON f.dir = p.dir AND f.id = p.id \
            WHERE f.status < 3 AND p.status <> {} GROUP BY p.se) AS c ON c.id = q.id \
         ORDER BY q.id",
        select("0"),
        kept(2),
        replica::RETIRED,
    );
    compare(session, &sql, &ids, 3).await
}

/// Compares the totals of communities after a key.
pub async fn communities(
    session: &mut Session,
    after: i64,
    limit: i64,
) -> Result<Vec<Compared>, Error> {
    let sql = "SELECT c.vo FROM community c WHERE c.vo > ? ORDER BY c.vo LIMIT ?";
    let ids = ids(session, sql, after, limit).await?;
    let sql = format!(
        "{} FROM (SELECT n.id AS id, n.name AS name FROM {{rows}} \
            JOIN term n ON n.id = r.id) AS q {} \
         LEFT JOIN (SELECT f.vo AS id, {SUMS} FROM {{rows}} JOIN file f ON f.vo = r.id \
            WHERE f.status < 3 GROUP BY f.vo) AS c ON c.id = q.id ORDER BY q.id",
        select("0"),
        kept(3),
    );
    compare(session, &sql, &ids, 3).await
}

async fn ids(session: &mut Session, sql: &str, after: i64, limit: i64) -> Result<Vec<i64>, Error> {
    let rows = session.rows(sql, vec![after.into(), limit.into()]).await?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// Runs a comparison whose text names the row source `{rows}` some number of times.
async fn compare(
    session: &mut Session,
    sql: &str,
    ids: &[i64],
    times: usize,
) -> Result<Vec<Compared>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch::default().ints("id", ids.iter().copied());
    let (source, params) = session.dialect().rows("r", batch);
    let params: Vec<Param> = std::iter::repeat_n(params, times).flatten().collect();
    let sql = session.dialect().place_rows(sql, &source);
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Compared, Error> {
    let totals = |at| -> Result<Totals, Error> {
        Ok(Totals { files: row.int(at)?, bytes: row.int(at + 1)?, events: row.int(at + 2)? })
    };
    Ok(Compared { key: row.int(0)?, name: row.text(1)?, kept: totals(2)?, counted: totals(5)? })
}
