//! Sends the reports of a campaign.

use std::{
    cell::Cell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use sbk_api::{
    AddFiles, Atomicity, ReportAnswer, ReportFormat, ReportJob, ReportOutcome, Standing,
};
use serde_json::{Value, json};

use super::{
    Way, patiently,
    plan::{Chance, Job, Plan},
    report,
    seen::Seen,
    setup,
};
use crate::{connection::Connection, failure::Failure, progress::Display};

/// The share of generated files that are registered a block later than they are read.
const LATE_INPUTS: f64 = 0.1;

/// One report to send.
#[derive(Debug, Clone, Copy)]
enum Item {
    /// The job's report, for the first time or again.
    Report(Job),
    /// A report that contradicts one that was acknowledged.
    Contradiction(Job),
}

/// A campaign that is being played.
pub struct Game<'a> {
    /// What is played.
    pub plan: &'a Plan,
    /// What was acknowledged of each job.
    pub seen: Seen,
    /// How long each block took, with the number of its reports.
    pub times: Vec<(Duration, usize)>,
    /// Reports that were answered as ones that had come before.
    pub repeated: u64,
    /// Contradictions that were kept apart.
    pub conflicting: u64,
    /// Calls that were made again.
    pub retries: Cell<u64>,
    /// What was answered otherwise than it should.
    pub wrong: Vec<String>,
    way: Way,
    connection: Connection,
    /// What is to be sent in later blocks.
    deferred: BTreeMap<u64, Vec<Item>>,
}

impl<'a> Game<'a> {
    /// Sets a campaign up.
    pub fn new(plan: &'a Plan, way: Way, connection: Connection) -> Self {
        Self {
            plan,
            seen: Seen::new(plan.tasks),
            times: Vec::new(),
            repeated: 0,
            conflicting: 0,
            retries: Cell::new(0),
            wrong: Vec::new(),
            way,
            connection,
            deferred: BTreeMap::new(),
        }
    }

    /// Plays all blocks; or, where the campaign was played before, only notes that it was.
    pub async fn play(&mut self, display: &Display, only_note: bool) -> Result<(), Failure> {
        let mut block = 0;
        // The block after the last registers the late files of the last.
        while block <= self.plan.blocks() || !self.deferred.is_empty() {
            let items = self.items(block);
            if !only_note {
                self.register_inputs(block).await?;
                let begun = Instant::now();
                let number = items.len();
                self.send(items).await?;
                self.times.push((begun.elapsed(), number));
            }
            display.advance(1);
            display.say(format!("{} calls repeated", self.retries.get()));
            block += 1;
        }
        Ok(())
    }

    /// What is sent in a block, in its order.
    fn items(&mut self, block: u64) -> Vec<Item> {
        let mut items = self.deferred.remove(&block).unwrap_or_default();
        for task in self.plan.tasks_of(block) {
            for job in self.plan.attempts(task).into_iter().filter(|job| job.reports()) {
                let due = block + u64::from(job.delay);
                match job.again {
                    Some(true) => {
                        self.put(&mut items, block, due, Item::Report(job));
                        self.put(&mut items, block, due, Item::Report(job));
                    }
                    Some(false) => {
                        self.put(&mut items, block, due, Item::Report(job));
                        self.put(&mut items, block, due + 1, Item::Report(job));
                    }
                    None => self.put(&mut items, block, due, Item::Report(job)),
                }
                if job.contradicted {
                    self.put(&mut items, block, due + 1, Item::Contradiction(job));
                }
            }
        }
        shuffle(&mut items, &mut self.plan.chance("order", block));
        items
    }

    fn put(&mut self, items: &mut Vec<Item>, block: u64, due: u64, item: Item) {
        if due == block {
            items.push(item);
        } else {
            self.deferred.entry(due).or_default().push(item);
        }
    }

    /// Registers the files that no job made and that the tasks of a block read, some of them when
    /// they were read already.
    async fn register_inputs(&mut self, block: u64) -> Result<(), Failure> {
        let mut files = Vec::new();
        for (of, late) in [(Some(block), false), (block.checked_sub(1), true)] {
            let tasks = of.map(|block| self.plan.tasks_of(block)).unwrap_or_default();
            for task in tasks.filter(|task| Plan::is_first(*task)) {
                if self.plan.chance("inputs", task).happens(LATE_INPUTS) == late {
                    files.extend([1, 2].map(|number| self.plan.generated(task, number)));
                }
            }
        }
        for names in files.chunks(1000) {
            let file = |lfn: &String| json!({ "lfn": lfn, "size": 1000, "file_type": "GEN" });
            let files: Result<Vec<_>, _> = names.iter().map(|lfn| setup::read(file(lfn))).collect();
            let operation = AddFiles {
                vo: self.plan.vo.clone(),
                files: files?,
                dataset: None,
                atomicity: Atomicity::All,
                only_new: false,
                unique_guids: false,
            };
            patiently(&self.connection, operation, self.way.patience, &self.retries).await?;
        }
        Ok(())
    }

    /// Sends the reports of a block over several connections, and notes the answers.
    async fn send(&mut self, items: Vec<Item>) -> Result<(), Failure> {
        let batches: Vec<Vec<Item>> =
            items.chunks(self.way.batch.max(1)).map(<[Item]>::to_vec).collect();
        let (plan, way) = (self.plan, self.way);
        let (connection, retries) = (&self.connection, &self.retries);
        let calls = stream::iter(batches).map(|batch| async move {
            let reports = batch.iter().map(|item| document(plan, *item)).collect();
            let (vo, format) = (plan.vo.clone(), ReportFormat::Json);
            let operation = ReportJob { vo, reports, format, name: None, refuse: false };
            let result = patiently(connection, operation, way.patience, retries).await?;
            Ok::<_, Failure>((batch, result.results, result.repeated))
        });
        let answers: Vec<_> = calls.buffer_unordered(way.connections.max(1)).try_collect().await?;
        for (batch, results, repeated) in answers {
            self.repeated += u64::from(repeated);
            for (item, answer) in batch.into_iter().zip(results) {
                self.note(item, &answer);
            }
        }
        Ok(())
    }

    /// Holds an answer against what it should be.
    fn note(&mut self, item: Item, answer: &ReportAnswer) {
        let (job, right) = match item {
            Item::Contradiction(job) => (job, answer.outcome == ReportOutcome::Quarantined),
            Item::Report(job) => (job, self.is_right(job, answer)),
        };
        if !right {
            let name = report::name(self.plan, job);
            self.wrong.push(format!("{name} was answered {answer:?}"));
        }
        match (item, answer.standing) {
            (Item::Contradiction(_), _) => self.conflicting += 1,
            (Item::Report(job), Some(standing)) => self.seen.note(job.task, job.attempt, standing),
            _ => {}
        }
    }

    /// Whether a report was taken as it should, and as before when it came again.
    fn is_right(&self, job: Job, answer: &ReportAnswer) -> bool {
        let expected = match answer.standing {
            Some(Standing::Counts | Standing::Surplus) => job.is_good(),
            Some(Standing::NotGood) => !job.is_good(),
            _ => false,
        };
        let before = self.seen.standing(job.task, job.attempt);
        answer.outcome == ReportOutcome::Recorded
            && expected
            && before.is_none_or(|before| Some(before) == answer.standing)
    }
}

fn document(plan: &Plan, item: Item) -> Value {
    match item {
        Item::Report(job) => report::report(plan, job),
        Item::Contradiction(job) => report::contradiction(plan, job),
    }
}

/// Brings items into an order that follows from chance (Fisher and Yates).
fn shuffle(items: &mut [Item], chance: &mut Chance) {
    for at in (1..items.len()).rev() {
        let other = usize::try_from(chance.below(at as u64 + 1)).unwrap_or_default();
        items.swap(at, other);
    }
}
