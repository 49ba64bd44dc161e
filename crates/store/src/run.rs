//! Runs and fills.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{AuditId, Intervals, Quality, RunNumber, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row},
    directory::Lock,
};

/// Where the luminosity of a run is known by section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BySection {
    /// The first section that has one.
    pub first: i64,
    /// The last section that has one.
    pub last: i64,
    /// How many sections have one.
    pub known: i64,
}

/// A run as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Its number.
    pub run: RunNumber,
    /// The key of its community.
    pub vo: i64,
    /// The fill that it was taken in.
    pub fill: Option<i64>,
    /// The key of the name of its data-taking conditions.
    pub conditions: Option<i64>,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Events taken.
    pub events: Option<i64>,
    /// What the accelerator delivered, in inverse barns.
    pub delivered: Option<i64>,
    /// What the experiment recorded, in inverse barns.
    pub recorded: Option<i64>,
    /// Where its luminosity is known by section.
    pub by_section: Option<BySection>,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The audit entry of the last change.
    pub audit: AuditId,
    /// Its luminosity sections.
    pub sections: Intervals,
    /// What else is known, as JSON.
    pub document: Option<String>,
}

const COLUMNS: &str = "t.run, t.vo, t.fill, t.conditions, t.started, t.ended, t.events, \
    t.delivered, t.recorded, t.first_section, t.last_section, t.known_sections, t.modified, \
    t.audit, t.sections, {doc t.document}";

fn number(row: &Row, at: usize) -> Result<RunNumber, Error> {
    let bad = |_| Error::Internal("a stored run has no number".into());
    u32::try_from(row.int(at)?).map(RunNumber).map_err(bad)
}

fn read(row: &Row) -> Result<Stored, Error> {
    let time = |at| Ok::<_, Error>(row.opt_int(at)?.map(Timestamp::from_micros));
    let bad = |error: sbk_model::Invalid| Error::Internal(error.to_string());
    Ok(Stored {
        run: number(row, 0)?,
        vo: row.int(1)?,
        fill: row.opt_int(2)?,
        conditions: row.opt_int(3)?,
        started: time(4)?,
        ended: time(5)?,
        events: row.opt_int(6)?,
        delivered: row.opt_int(7)?,
        recorded: row.opt_int(8)?,
        by_section: match (row.opt_int(9)?, row.opt_int(10)?, row.opt_int(11)?) {
            (Some(first), Some(last), Some(known)) => Some(BySection { first, last, known }),
            _ => None,
        },
        modified: Timestamp::from_micros(row.int(12)?),
        audit: AuditId(row.int(13)?),
        sections: Intervals::unpack(&row.text(14)?).map_err(bad)?,
        document: row.opt_text(15)?,
    })
}

/// A batch of the keys of runs of a community.
pub(crate) fn key_batch(vo: i64, runs: impl IntoIterator<Item = RunNumber>) -> Batch {
    let runs: BTreeSet<RunNumber> = runs.into_iter().collect();
    Batch::default()
        .ints("vo", runs.iter().map(|_| vo))
        .ints("run", runs.iter().map(|run| i64::from(run.0)))
}

/// The runs of numbers, locked as asked.
pub async fn find(
    session: &mut Session,
    vo: i64,
    runs: impl IntoIterator<Item = RunNumber>,
    lock: Lock,
) -> Result<BTreeMap<RunNumber, Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {{rows}} JOIN run t ON t.vo = r.vo AND t.run = r.run \
         ORDER BY t.vo, t.run {}",
        lock.word("t")
    );
    let rows = session.rows_with(&sql, key_batch(vo, runs), vec![]).await?;
    rows.iter().map(|row| read(row).map(|run| (run.run, run))).collect()
}

fn batch(runs: &[Stored]) -> Batch {
    let opts = |f: fn(&Stored) -> Option<i64>| Cells::Int(runs.iter().map(f).collect());
    let times = |f: fn(&Stored) -> Option<Timestamp>| {
        Cells::Int(runs.iter().map(|run| f(run).map(Timestamp::micros)).collect())
    };
    Batch::default()
        .ints("vo", runs.iter().map(|run| run.vo))
        .ints("run", runs.iter().map(|run| i64::from(run.run.0)))
        .with("fill", opts(|run| run.fill))
        .with("conditions", opts(|run| run.conditions))
        .with("started", times(|run| run.started))
        .with("ended", times(|run| run.ended))
        .with("events", opts(|run| run.events))
        .with("delivered", opts(|run| run.delivered))
        .with("recorded", opts(|run| run.recorded))
        .with("first_section", opts(|run| run.by_section.map(|by| by.first)))
        .with("last_section", opts(|run| run.by_section.map(|by| by.last)))
        .with("known_sections", opts(|run| run.by_section.map(|by| by.known)))
        .ints("modified", runs.iter().map(|run| run.modified.micros()))
        .ints("audit", runs.iter().map(|run| run.audit.0))
        .texts("sections", runs.iter().map(|run| run.sections.pack()))
        .with("document", Cells::Json(runs.iter().map(|run| run.document.clone()).collect()))
}

/// Inserts runs that are new, in the order of their numbers; returns how many are.
pub async fn insert(session: &mut Session, runs: &[Stored]) -> Result<u64, Error> {
    session.insert("run", batch(runs), Conflict::Keep).await
}

/// Sets all that is known of runs.
pub async fn change(session: &mut Session, runs: &[Stored]) -> Result<u64, Error> {
    let sets = &[
        "fill",
        "conditions",
        "started",
        "ended",
        "events",
        "delivered",
        "recorded",
        "first_section",
        "last_section",
        "known_sections",
        "modified",
        "audit",
        "sections",
        "document",
    ];
    session.update("run", batch(runs), &["vo", "run"], sets).await
}

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of which community.
    pub vo: Option<i64>,
    /// From which number on.
    pub first: Option<i64>,
    /// Up to which number.
    pub last: Option<i64>,
    /// Of which fill.
    pub fill: Option<i64>,
    /// With which conditions.
    pub conditions: Option<i64>,
    /// Begun at or after.
    pub since: Option<Timestamp>,
    /// Begun before.
    pub until: Option<Timestamp>,
    /// With which quality, in a processing pass (0 for all).
    pub quality: Option<(i64, Quality)>,
}

impl Filter {
    fn conditions(&self) -> (String, Vec<Param>) {
        let mut sql = String::from("TRUE");
        let mut params: Vec<Param> = Vec::new();
        for (condition, value) in [
            (" AND t.vo = ?", self.vo),
            (" AND t.run >= ?", self.first),
            (" AND t.run <= ?", self.last),
            (" AND t.fill = ?", self.fill),
            (" AND t.conditions = ?", self.conditions),
            (" AND t.started >= ?", self.since.map(Timestamp::micros)),
            (" AND t.started < ?", self.until.map(Timestamp::micros)),
        ] {
            if let Some(value) = value {
                sql.push_str(condition);
                params.push(value.into());
            }
        }
        if let Some((pass, flag)) = self.quality {
            // What is said of the pass counts before what is said of the run in all passes.
            sql.push_str(" AND COALESCE(");
            if pass != 0 {
                sql.push_str(LAST_FLAG);
                params.push(pass.into());
            }
            sql.push_str(LAST_FLAG);
            sql.push_str("1) = ?");
            params.extend([0.into(), crate::quality::code(flag).into()]);
        }
        (sql, params)
    }
}

/// The last flag of a run in a pass, unless it is that nobody has looked.
const LAST_FLAG: &str = "(SELECT NULLIF(q.flag, 1) FROM run_quality q WHERE q.vo = t.vo \
    AND q.run = t.run AND q.pass = ? ORDER BY q.changed DESC LIMIT 1), ";

/// Lists runs by community and number, after a run.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let (conditions, mut params) = filter.conditions();
    let (position, more) = session.dialect().after("t.vo", "t.run", after);
    params.extend(more);
    params.push(limit.into());
    let sql = format!(
        "SELECT {COLUMNS} FROM run t WHERE {conditions} AND {position} \
         ORDER BY t.vo, t.run LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read).collect()
}

/// A fill as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill {
    /// The key of its community.
    pub vo: i64,
    /// Its number.
    pub fill: i64,
    /// When it began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The audit entry of the last change.
    pub audit: AuditId,
    /// What else is known, as JSON.
    pub document: Option<String>,
}

const FILL_COLUMNS: &str =
    "t.vo, t.fill, t.started, t.ended, t.modified, t.audit, {doc t.document}";

fn read_fill(row: &Row) -> Result<Fill, Error> {
    Ok(Fill {
        vo: row.int(0)?,
        fill: row.int(1)?,
        started: row.opt_int(2)?.map(Timestamp::from_micros),
        ended: row.opt_int(3)?.map(Timestamp::from_micros),
        modified: Timestamp::from_micros(row.int(4)?),
        audit: AuditId(row.int(5)?),
        document: row.opt_text(6)?,
    })
}

/// The fills of numbers, locked.
pub async fn find_fills(
    session: &mut Session,
    vo: i64,
    fills: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Fill>, Error> {
    let batch =
        Batch::default().ints("vo", fills.iter().map(|_| vo)).ints("fill", fills.iter().copied());
    let sql = format!(
        "SELECT {FILL_COLUMNS} FROM {{rows}} JOIN fill t ON t.vo = r.vo AND t.fill = r.fill \
         ORDER BY t.vo, t.fill {{update t}}"
    );
    let rows = session.rows_with(&sql, batch, vec![]).await?;
    rows.iter().map(|row| read_fill(row).map(|fill| (fill.fill, fill))).collect()
}

fn fill_batch(fills: &[Fill]) -> Batch {
    let times = |f: fn(&Fill) -> Option<Timestamp>| {
        Cells::Int(fills.iter().map(|fill| f(fill).map(Timestamp::micros)).collect())
    };
    Batch::default()
        .ints("vo", fills.iter().map(|fill| fill.vo))
        .ints("fill", fills.iter().map(|fill| fill.fill))
        .with("started", times(|fill| fill.started))
        .with("ended", times(|fill| fill.ended))
        .ints("modified", fills.iter().map(|fill| fill.modified.micros()))
        .ints("audit", fills.iter().map(|fill| fill.audit.0))
        .with("document", Cells::Json(fills.iter().map(|fill| fill.document.clone()).collect()))
}

/// Inserts fills that are new, in the order of their numbers; returns how many are.
pub async fn insert_fills(session: &mut Session, fills: &[Fill]) -> Result<u64, Error> {
    session.insert("fill", fill_batch(fills), Conflict::Keep).await
}

/// Sets all that is known of fills.
pub async fn change_fills(session: &mut Session, fills: &[Fill]) -> Result<u64, Error> {
    let sets = &["started", "ended", "modified", "audit", "document"];
    session.update("fill", fill_batch(fills), &["vo", "fill"], sets).await
}

/// Lists fills by community and number, after a fill.
pub async fn list_fills(
    session: &mut Session,
    vo: Option<i64>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Fill>, Error> {
    let (mut condition, mut params) = session.dialect().after("t.vo", "t.fill", after);
    if let Some(vo) = vo {
        condition.push_str(" AND t.vo = ?");
        params.push(vo.into());
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT {FILL_COLUMNS} FROM fill t WHERE {condition} ORDER BY t.vo, t.fill LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(read_fill).collect()
}
