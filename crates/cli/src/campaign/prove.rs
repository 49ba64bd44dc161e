//! Proves that the bookkeeping says what was played.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::TryStreamExt;
use sbk_api::{
    Code, GetAncestors, GetDataset, JobSummary, ListJobs, ListOpenEdges, ListQuarantine, PageArgs,
    Standing, SummarizeJobs, VerifyTotals,
};
use sbk_model::JobState;

use super::{
    Outcome,
    plan::{KINDS, MAX_ATTEMPTS, Plan, size},
    play::Game,
    report,
    seen::Seen,
};
use crate::{connection::Connection, failure::Failure, human, progress::Display};

/// How many differences of a kind are told.
const TOLD: usize = 10;

/// How many files are traced back.
const TRACED: u64 = 50;

/// What was played, added up.
#[derive(Debug, Default)]
struct Sums {
    jobs: u64,
    good: u64,
    done: u64,
    events: u64,
    bytes: [u64; 3],
    contradicted: u64,
}

/// A proof in progress.
struct Proof<'a> {
    plan: &'a Plan,
    connection: &'a Connection,
    proved: Vec<String>,
    differences: Vec<String>,
}

/// Compares the bookkeeping with what was played.
pub async fn prove(
    game: &Game<'_>,
    connection: &Connection,
    display: &Display,
) -> Result<Outcome, Failure> {
    let plan = game.plan;
    let sums = sums(plan);
    let mut proof = Proof { plan, connection, proved: Vec::new(), differences: Vec::new() };
    proof.check(
        format!("every answer was right: {}", human::things(sums.jobs, "job", "jobs")),
        game.wrong.iter().take(TOLD).cloned().collect(),
    );
    display.say("jobs".into());
    proof.jobs(&game.seen).await?;
    display.say("counts".into());
    proof.counts(&sums).await?;
    proof.datasets(&sums).await?;
    proof.quarantine(&sums).await?;
    display.say("provenance".into());
    proof.provenance().await?;
    proof.open_edges().await?;
    display.say("totals".into());
    proof.totals().await?;
    Ok(outcome(game, &sums, proof.proved, proof.differences))
}

fn outcome(game: &Game<'_>, sums: &Sums, proved: Vec<String>, differences: Vec<String>) -> Outcome {
    let reports: usize = game.times.iter().map(|(_, reports)| reports).sum();
    let seconds: f64 = game.times.iter().map(|(time, _)| time.as_secs_f64()).sum();
    // The last blocks only have what came late.
    let whole = usize::try_from(game.plan.blocks()).unwrap_or_default().min(game.times.len());
    let tenth = whole.div_ceil(10).max(1);
    let times = game.times.get(..whole).unwrap_or_default();
    let count = |number: usize| u64::try_from(number).unwrap_or_default();
    Outcome {
        tasks: game.plan.tasks,
        jobs: sums.jobs,
        reports: count(reports),
        repeated: game.repeated,
        conflicting: game.conflicting,
        retries: game.retries.get(),
        seconds,
        rate: ratio(reports, seconds),
        first_ms: ms(times.get(..tenth.min(whole)).unwrap_or_default()),
        last_ms: ms(times.get(whole.saturating_sub(tenth)..).unwrap_or_default()),
        proved,
        differences,
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn ratio(number: usize, of: f64) -> f64 {
    if of > 0.0 { number as f64 / of } else { 0.0 }
}

/// Milliseconds a report.
fn ms(times: &[(Duration, usize)]) -> f64 {
    let seconds: f64 = times.iter().map(|(time, _)| time.as_secs_f64()).sum();
    let reports: usize = times.iter().map(|(_, reports)| reports).sum();
    let rate = ratio(reports, seconds);
    if rate > 0.0 { 1000.0 / rate } else { 0.0 }
}

fn sums(plan: &Plan) -> Sums {
    let mut sums = Sums::default();
    for task in 0..plan.tasks {
        let jobs: Vec<_> = plan.attempts(task).into_iter().filter(|job| job.reports()).collect();
        sums.jobs += jobs.len() as u64;
        sums.good += jobs.iter().filter(|job| job.is_good()).count() as u64;
        sums.contradicted += jobs.iter().filter(|job| job.contradicted).count() as u64;
        if jobs.iter().any(|job| job.is_good()) {
            sums.done += 1;
            sums.events += plan.events(task);
            for (kind, bytes) in sums.bytes.iter_mut().enumerate() {
                *bytes += size(task, kind);
            }
        }
    }
    sums
}

impl Proof<'_> {
    fn check(&mut self, what: String, differences: Vec<String>) {
        if differences.is_empty() {
            self.proved.push(what);
        } else {
            self.differences.extend(differences);
        }
    }

    fn equal(&mut self, what: &str, expected: u64, found: i64) {
        let right = u64::try_from(found) == Ok(expected);
        let differs = format!("{what}: {expected} were played, the bookkeeping has {found}");
        let number = i64::try_from(expected).unwrap_or(i64::MAX);
        let text = format!("{what}: {}", human::count(number));
        self.check(text, if right { Vec::new() } else { vec![differs] });
    }

    /// Every job is there once, as it was acknowledged, and of each task one good job counts.
    async fn jobs(&mut self, seen: &Seen) -> Result<(), Failure> {
        let listing = ListJobs {
            vo: Some(self.plan.vo.clone()),
            production: Some(self.plan.production.clone()),
            ..ListJobs::default()
        };
        let mut met = Seen::new(self.plan.tasks);
        let mut counting = Seen::new(self.plan.tasks);
        let mut wrong = Vec::new();
        let mut jobs = self.connection.stream(listing, None);
        while let Some(job) = jobs.try_next().await? {
            let Some((task, attempt)) = report::parse_name(self.plan, job.name.as_str()) else {
                wrong.push(format!("{}: was not played", job.name));
                continue;
            };
            if met.meet(task, attempt) {
                wrong.push(format!("{}: is listed twice", job.name));
            }
            if job.standing == Standing::Counts && counting.meet(task, 1) {
                wrong.push(format!("{}: another job of its task counts, too", job.name));
            }
            wrong.extend(self.job(&job, task, attempt, seen));
            wrong.truncate(TOLD);
        }
        for task in 0..self.plan.tasks {
            for job in self.plan.attempts(task).into_iter().filter(|job| job.reports()) {
                if !met.meet(task, job.attempt) {
                    wrong.push(format!("{}: is missing", report::name(self.plan, job)));
                }
            }
            if counting.meet(task, 1) != self.plan.is_done(task) {
                wrong.push(format!("task {}: its done state is wrong", task + 1));
            }
            wrong.truncate(TOLD);
        }
        self.check("every job is there once, and one good job counts for each task".into(), wrong);
        Ok(())
    }

    /// What is wrong with a job in the list.
    fn job(&self, job: &JobSummary, task: u64, attempt: u8, seen: &Seen) -> Option<String> {
        if attempt == 0 || attempt > MAX_ATTEMPTS {
            return Some(format!("{}: was not played", job.name));
        }
        let jobs = self.plan.attempts(task);
        let Some(played) = jobs.get(usize::from(attempt) - 1).filter(|job| job.reports()) else {
            return Some(format!("{}: was not played", job.name));
        };
        let state = if played.is_good() { JobState::Done } else { JobState::Failed };
        let events = if played.is_good() { self.plan.events(task) } else { 0 };
        let site = job.site.as_ref().map(sbk_model::SiteName::as_str);
        let written = job.events_written.and_then(|events| u64::try_from(events.get()).ok());
        let acknowledged = seen.standing(task, attempt);
        let right = job.state == state
            && site == Some(&*Plan::site(played.site))
            && written == Some(events)
            && acknowledged.is_none_or(|standing| standing == job.standing);
        (!right).then(|| format!("{}: is {job:?}, acknowledged as {acknowledged:?}", job.name))
    }

    /// The kept counts of jobs are those of the plan.
    async fn counts(&mut self, sums: &Sums) -> Result<(), Failure> {
        let operation = SummarizeJobs {
            vo: Some(self.plan.vo.clone()),
            production: Some(self.plan.production.clone()),
        };
        let groups = self.connection.call(operation).await?.groups;
        let of = |standing: Standing| {
            let groups = groups.iter().filter(move |group| group.standing == standing);
            groups.fold((0, 0), |sum, group| (sum.0 + group.jobs, sum.1 + group.events_written))
        };
        let (counting, events) = of(Standing::Counts);
        let (surplus, _) = of(Standing::Surplus);
        let (failed, _) = of(Standing::NotGood);
        self.equal("jobs that count", sums.done, counting);
        self.equal("jobs whose task was done already", sums.good - sums.done, surplus);
        self.equal("jobs that failed", sums.jobs - sums.good, failed);
        self.equal("events", sums.events, events);
        Ok(())
    }

    /// The datasets have each file once.
    async fn datasets(&mut self, sums: &Sums) -> Result<(), Failure> {
        for (kind, bytes) in KINDS.iter().zip(sums.bytes) {
            let name = report::dataset(self.plan, kind);
            let name = name.parse().map_err(Failure::from)?;
            let operation = GetDataset { name, vo: Some(self.plan.vo.clone()) };
            let dataset = self.connection.call(operation).await?;
            let known = |number: Option<i64>| number.unwrap_or(-1);
            self.equal(&format!("files of {}", dataset.name), sums.done, known(dataset.files));
            self.equal(&format!("bytes of {}", dataset.name), bytes, known(dataset.bytes));
            self.equal(&format!("events of {}", dataset.name), sums.events, known(dataset.events));
        }
        Ok(())
    }

    /// Each contradiction is kept apart, once.
    async fn quarantine(&mut self, sums: &Sums) -> Result<(), Failure> {
        let listing = ListQuarantine {
            vo: Some(self.plan.vo.clone()),
            state: None,
            page: PageArgs::default(),
        };
        let mut entries = self.connection.stream(listing, None);
        let mut jobs: BTreeMap<String, u64> = BTreeMap::new();
        while let Some(entry) = entries.try_next().await? {
            let name = entry.job.unwrap_or_default();
            if report::parse_name(self.plan, &name).is_some() {
                *jobs.entry(name).or_default() += 1;
            }
        }
        let number = jobs.values().sum::<u64>();
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        self.equal("contradictions that are kept apart", sums.contradicted, number);
        Ok(())
    }

    /// Files are traced back to what no job made.
    async fn provenance(&mut self) -> Result<(), Failure> {
        let mut chance = self.plan.chance("traced", 0);
        let mut wrong = Vec::new();
        for _ in 0..TRACED.min(self.plan.tasks) {
            let task = chance.below(self.plan.tasks);
            if !self.plan.is_done(task) {
                continue;
            }
            let lfn = self.plan.output(task, "mdst");
            let operation = GetAncestors {
                lfns: vec![lfn.parse().map_err(Failure::from)?],
                depth: Some(10),
                retired: false,
                page: PageArgs { after: None, limit: Some(PageArgs::MAX_LIMIT) },
            };
            let found = self.connection.call(operation).await?.items;
            let found: BTreeSet<String> = found.iter().map(|item| item.lfn.to_string()).collect();
            let expected = self.ancestors(&lfn, task, "mdst");
            if found != expected {
                let text = format!("{lfn}: was made from {found:?}, not from {expected:?}");
                wrong.push(text);
            }
        }
        self.check("files are traced back to what no job made".into(), wrong);
        Ok(())
    }

    /// What a file was made from, by the plan.
    fn ancestors(&self, lfn: &str, task: u64, kind: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut front = vec![(lfn.to_owned(), task, kind)];
        while let Some((_, task, kind)) = front.pop() {
            if !self.plan.is_done(task) {
                continue;
            }
            let before = match kind {
                "mdst" => vec![(self.plan.output(task, "dst"), task, "dst")],
                "dst" => vec![(self.plan.output(task, "sim"), task, "sim")],
                _ => match task % 4 {
                    2 => [task - 2, task - 1]
                        .map(|task| (self.plan.output(task, "dst"), task, "dst"))
                        .to_vec(),
                    3 => [task - 1, task - 2]
                        .map(|task| (self.plan.output(task, "mdst"), task, "mdst"))
                        .to_vec(),
                    _ => {
                        found.extend(self.plan.inputs(task));
                        continue;
                    }
                },
            };
            for (lfn, task, kind) in before {
                if found.insert(lfn.clone()) {
                    front.push((lfn, task, kind));
                }
            }
        }
        found
    }

    /// What is missing is what tasks would have made that were never done.
    async fn open_edges(&mut self) -> Result<(), Failure> {
        let mut expected = BTreeSet::new();
        for task in (0..self.plan.tasks).filter(|task| !Plan::is_first(*task)) {
            if self.plan.attempts(task).into_iter().any(super::plan::Job::reports) {
                let sources =
                    if task % 4 == 2 { [task - 2, task - 1] } else { [task - 1, task - 2] };
                for (source, lfn) in sources.into_iter().zip(self.plan.inputs(task)) {
                    if !self.plan.is_done(source) {
                        expected.insert(lfn);
                    }
                }
            }
        }
        let place = format!("/{}/{}/", self.plan.vo, self.plan.production);
        let listing = ListOpenEdges { vo: Some(self.plan.vo.clone()), page: PageArgs::default() };
        let mut found = BTreeSet::new();
        let mut edges = self.connection.stream(listing, None);
        while let Some(edge) = edges.try_next().await? {
            let lfn = edge.lfn.to_string();
            if lfn.starts_with(&place) {
                found.insert(lfn);
            }
        }
        let differing = expected.symmetric_difference(&found).take(TOLD);
        let wrong = differing.map(|lfn| format!("{lfn}: wrongly open, or not open")).collect();
        let number = expected.len() as u64;
        self.check(format!("{} open", human::things(number, "edge is", "edges are")), wrong);
        Ok(())
    }

    /// The kept totals are those of the files.
    async fn totals(&mut self) -> Result<(), Failure> {
        let mut after = None;
        let mut checked = 0;
        let mut wrong = Vec::new();
        loop {
            let step = match self.connection.call(VerifyTotals { repair: false, after }).await {
                Err(problem) if problem.code == Code::Forbidden => {
                    self.proved.push("totals were not verified: that needs `administer`".into());
                    return Ok(());
                }
                step => step?,
            };
            checked += step.checked;
            wrong.extend(step.wrong.into_iter().map(|total| format!("{total:?}")).take(TOLD));
            after = step.next;
            if after.is_none() {
                break;
            }
        }
        self.check(format!("{} right", human::things(checked, "total is", "totals are")), wrong);
        Ok(())
    }
}
