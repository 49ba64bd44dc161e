//! Counts of jobs by production, site, reason, state and standing, kept in the transaction that
//! changes them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{JobState, ProductionKey};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict, Param, Row},
    job::{Standing, Stored, state_code, state_of},
};

/// What is counted together. 0 stands for no production, site or reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The production.
    pub production: i64,
    /// The community.
    pub vo: i64,
    /// The site.
    pub site: i64,
    /// The reason.
    pub reason: i64,
    /// The number of the state.
    state: i64,
    /// The number of the standing.
    standing: i64,
}

impl Group {
    /// The group of a job.
    pub fn of(job: &Stored) -> Self {
        Self {
            production: job.production.map_or(0, |key| key.0),
            vo: job.vo,
            site: job.site.unwrap_or_default(),
            reason: job.reason.unwrap_or_default(),
            state: state_code(job.state),
            standing: job.standing.code(),
        }
    }

    /// The state.
    pub fn state(&self) -> Result<JobState, Error> {
        state_of(self.state)
    }

    /// The standing.
    pub fn standing(&self) -> Result<Standing, Error> {
        Standing::of_code(self.standing)
    }
}

/// Sums over jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many jobs.
    pub jobs: i64,
    /// Events read.
    pub events_read: i64,
    /// Events written.
    pub events_written: i64,
    /// CPU time in milliseconds.
    pub cpu_ms: i64,
    /// Time from begin to end in milliseconds.
    pub wall_ms: i64,
}

/// Changes of counts, collected during a transaction and written at its end.
#[derive(Debug, Clone, Default)]
pub struct Deltas(BTreeMap<Group, Sums>);

impl Deltas {
    /// Counts a job once more (`1`) or once less (`-1`).
    pub fn add(&mut self, job: &Stored, times: i64) {
        let sums = self.0.entry(Group::of(job)).or_default();
        let value = |number: Option<i64>| times * number.unwrap_or_default();
        sums.jobs += times;
        sums.events_read = sums.events_read.saturating_add(value(job.events_read));
        sums.events_written = sums.events_written.saturating_add(value(job.events_written));
        sums.cpu_ms = sums.cpu_ms.saturating_add(value(job.cpu_ms));
        sums.wall_ms = sums.wall_ms.saturating_add(value(job.wall_ms));
    }
}

impl Deltas {
    /// Adds what brings kept sums to what was counted.
    pub fn correct(&mut self, group: Group, kept: Sums, counted: Sums) {
        let sums = self.0.entry(group).or_default();
        sums.jobs += counted.jobs - kept.jobs;
        sums.events_read += counted.events_read - kept.events_read;
        sums.events_written += counted.events_written - kept.events_written;
        sums.cpu_ms += counted.cpu_ms - kept.cpu_ms;
        sums.wall_ms += counted.wall_ms - kept.wall_ms;
    }
}

/// Writes collected changes.
pub async fn add(session: &mut Session, deltas: &Deltas) -> Result<(), Error> {
    let changes: Vec<_> = deltas.0.iter().filter(|(_, sums)| **sums != Sums::default()).collect();
    let slot = session.slot();
    let group = |f: fn(&Group) -> i64| changes.iter().map(|(g, _)| f(g)).collect::<Vec<_>>();
    let sums = |f: fn(&Sums) -> i64| changes.iter().map(|(_, s)| f(s)).collect::<Vec<_>>();
    let batch = Batch::default()
        .ints("production", group(|g| g.production))
        .ints("vo", group(|g| g.vo))
        .ints("site", group(|g| g.site))
        .ints("reason", group(|g| g.reason))
        .ints("state", group(|g| g.state))
        .ints("standing", group(|g| g.standing))
        .ints("slot", changes.iter().map(|_| slot))
        .ints("jobs", sums(|s| s.jobs))
        .ints("events_read", sums(|s| s.events_read))
        .ints("events_written", sums(|s| s.events_written))
        .ints("cpu_ms", sums(|s| s.cpu_ms))
        .ints("wall_ms", sums(|s| s.wall_ms));
    let key = &["production", "vo", "site", "reason", "state", "standing", "slot"];
    let columns = &["jobs", "events_read", "events_written", "cpu_ms", "wall_ms"];
    session.insert("job_total", batch, Conflict::Add { key, sums: columns }).await?;
    Ok(())
}

/// The counts of a production, or of all jobs of a community, by group.
pub async fn of(
    session: &mut Session,
    vo: Option<i64>,
    production: Option<ProductionKey>,
) -> Result<Vec<(Group, Sums)>, Error> {
    let mut condition = String::from("TRUE");
    let mut params: Vec<Param> = Vec::new();
    if let Some(production) = production {
        condition.push_str(" AND t.production = ?");
        params.push(production.0.into());
    }
    if let Some(vo) = vo {
        condition.push_str(" AND t.vo = ?");
        params.push(vo.into());
    }
    let sum = |column: &str| format!("CAST(SUM(t.{column}) AS {{int}})");
    let key = "t.production, t.vo, t.site, t.reason, t.state, t.standing";
    let sql = format!(
        "SELECT {key}, {}, {}, {}, {}, {} FROM job_total t WHERE {condition} GROUP BY {key} \
         HAVING SUM(t.jobs) <> 0 ORDER BY {key}",
        sum("jobs"),
        sum("events_read"),
        sum("events_written"),
        sum("cpu_ms"),
        sum("wall_ms"),
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            let group = Group {
                production: row.int(0)?,
                vo: row.int(1)?,
                site: row.int(2)?,
                reason: row.int(3)?,
                state: row.int(4)?,
                standing: row.int(5)?,
            };
            Ok((group, read_sums(row, 6)?))
        })
        .collect()
}

/// The first production with jobs after a key, 0 standing for none.
pub async fn next_production(session: &mut Session, after: i64) -> Result<Option<i64>, Error> {
    let sql = "SELECT MIN(t.production) FROM job_total t WHERE t.production > ?";
    match session.row(sql, vec![after.into()]).await? {
        Some(row) => row.opt_int(0),
        None => Ok(None),
    }
}

/// The kept and the counted sums of a production by group. Both are of one moment, whatever is
/// written meanwhile.
pub async fn compared(
    session: &mut Session,
    production: i64,
) -> Result<BTreeMap<Group, (Sums, Sums)>, Error> {
    let sum = |column: &str| format!("CAST(COALESCE(SUM({column}), 0) AS {{int}})");
    let sums = |table: &str, jobs: &str| {
        let columns = ["events_read", "events_written", "cpu_ms", "wall_ms"];
        let columns: Vec<_> = columns.iter().map(|c| sum(&format!("{table}.{c}"))).collect();
        format!("CAST({jobs} AS {{int}}), {}", columns.join(", "))
    };
    let of_jobs = if production == 0 { "j.production IS NULL" } else { "j.production = ?" };
    let sql = format!(
        "SELECT 0, t.vo, t.site, t.reason, t.state, t.standing, {} FROM job_total t \
         WHERE t.production = ? GROUP BY t.vo, t.site, t.reason, t.state, t.standing \
         UNION ALL \
         SELECT 1, j.vo, COALESCE(j.site, 0), COALESCE(j.reason, 0), j.state, j.standing, {} \
         FROM job j WHERE {of_jobs} \
         GROUP BY j.vo, COALESCE(j.site, 0), COALESCE(j.reason, 0), j.state, j.standing",
        sums("t", "SUM(t.jobs)"),
        sums("j", "COUNT(*)"),
    );
    let mut params: Vec<Param> = vec![production.into()];
    if production != 0 {
        params.push(production.into());
    }
    let mut found: BTreeMap<Group, (Sums, Sums)> = BTreeMap::new();
    for row in session.rows(&sql, params).await? {
        let group = Group {
            production,
            vo: row.int(1)?,
            site: row.int(2)?,
            reason: row.int(3)?,
            state: row.int(4)?,
            standing: row.int(5)?,
        };
        let (kept, counted) = found.entry(group).or_default();
        *(if row.int(0)? == 0 { kept } else { counted }) = read_sums(&row, 6)?;
    }
    Ok(found)
}

fn read_sums(row: &Row, at: usize) -> Result<Sums, Error> {
    Ok(Sums {
        jobs: row.int(at)?,
        events_read: row.int(at + 1)?,
        events_written: row.int(at + 2)?,
        cpu_ms: row.int(at + 3)?,
        wall_ms: row.int(at + 4)?,
    })
}

/// How many jobs of a production stand alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfProduction {
    /// The production.
    pub production: ProductionKey,
    /// Their standing.
    pub standing: Standing,
    /// How many jobs.
    pub jobs: i64,
    /// Events written.
    pub events_written: i64,
}

/// The counts of productions by standing.
pub async fn of_productions(
    session: &mut Session,
    productions: impl IntoIterator<Item = ProductionKey>,
) -> Result<Vec<OfProduction>, Error> {
    let keys: BTreeSet<i64> = productions.into_iter().map(|key| key.0).collect();
    let sql = "SELECT t.production, t.standing, CAST(SUM(t.jobs) AS {int}), \
               CAST(SUM(t.events_written) AS {int}) FROM {rows} \
               JOIN job_total t ON t.production = r.production GROUP BY t.production, t.standing";
    let rows = session.rows_with(sql, Batch::default().ints("production", keys), vec![]).await?;
    rows.iter()
        .map(|row| {
            Ok(OfProduction {
                production: ProductionKey(row.int(0)?),
                standing: Standing::of_code(row.int(1)?)?,
                jobs: row.int(2)?,
                events_written: row.int(3)?,
            })
        })
        .collect()
}
