//! Counts of tasks by production and state, kept in the transaction that changes them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{ProductionKey, TaskState};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
    task::{Stored, state_code},
};

/// What is counted of a production.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Counted {
    /// Tasks in a state, with their events and inputs.
    Tasks(TaskState),
    /// Inputs that wait for a task.
    Waiting,
    /// Reports that came after the production was closed.
    Late,
}

impl Counted {
    fn code(self) -> i64 {
        match self {
            Self::Tasks(state) => state_code(state),
            Self::Waiting => 8,
            Self::Late => 9,
        }
    }

    fn of_code(code: i64) -> Result<Self, Error> {
        Ok(match code {
            8 => Self::Waiting,
            9 => Self::Late,
            code => Self::Tasks(crate::task::state_of(code)?),
        })
    }
}

/// Sums over tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many tasks (or late reports).
    pub tasks: i64,
    /// How many events they make.
    pub events: i64,
    /// How many inputs they have.
    pub inputs: i64,
}

/// Changes of counts, collected during a transaction and written at its end.
#[derive(Debug, Clone, Default)]
pub struct Deltas(BTreeMap<(ProductionKey, i64), Sums>);

impl Deltas {
    /// Adds to a count.
    pub fn add(&mut self, production: ProductionKey, counted: Counted, more: Sums) {
        let sums = self.0.entry((production, counted.code())).or_default();
        sums.tasks += more.tasks;
        sums.events = sums.events.saturating_add(more.events);
        sums.inputs += more.inputs;
    }

    /// Counts a task once more (`1`) or once less (`-1`).
    pub fn task(&mut self, task: &Stored, times: i64) {
        let events = times * task.events.unwrap_or_default();
        let sums = Sums { tasks: times, events, inputs: times * task.inputs };
        self.add(task.production, Counted::Tasks(task.state), sums);
    }
}

/// Writes collected changes.
pub async fn add(session: &mut Session, deltas: &Deltas) -> Result<(), Error> {
    let changes: Vec<_> = deltas.0.iter().filter(|(_, sums)| **sums != Sums::default()).collect();
    let slot = session.slot();
    let batch = Batch::default()
        .ints("production", changes.iter().map(|((production, _), _)| production.0))
        .ints("state", changes.iter().map(|((_, code), _)| *code))
        .ints("slot", changes.iter().map(|_| slot))
        .ints("tasks", changes.iter().map(|(_, s)| s.tasks))
        .ints("events", changes.iter().map(|(_, s)| s.events))
        .ints("inputs", changes.iter().map(|(_, s)| s.inputs));
    let (key, sums) = (&["production", "state", "slot"], &["tasks", "events", "inputs"]);
    session.insert("task_total", batch, Conflict::Add { key, sums }).await?;
    Ok(())
}

/// The counts of productions.
pub async fn of(
    session: &mut Session,
    productions: impl IntoIterator<Item = ProductionKey>,
) -> Result<Vec<(ProductionKey, Counted, Sums)>, Error> {
    let keys: BTreeSet<i64> = productions.into_iter().map(|key| key.0).collect();
    let sum = |column: &str| format!("CAST(SUM(t.{column}) AS {{int}})");
    let sql = format!(
        "SELECT t.production, t.state, {}, {}, {} FROM {{rows}} \
         JOIN task_total t ON t.production = r.production GROUP BY t.production, t.state",
        sum("tasks"),
        sum("events"),
        sum("inputs"),
    );
    let rows = session.rows_with(&sql, Batch::default().ints("production", keys), vec![]).await?;
    rows.iter()
        .map(|row| {
            let sums = Sums { tasks: row.int(2)?, events: row.int(3)?, inputs: row.int(4)? };
            Ok((ProductionKey(row.int(0)?), Counted::of_code(row.int(1)?)?, sums))
        })
        .collect()
}
