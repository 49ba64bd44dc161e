//! Takes reports: each as a whole or not at all, many in one transaction.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{Code, Problem};
use sbk_metadata::Entity;
use sbk_model::{DatasetKey, JobKey, ProductionKey, ProductionState, TaskState};
use sbk_store::{
    directory::Lock,
    job::{self, Standing, Stored},
    job_total, lineage, production,
    task::{self, Held, TaskKey},
    task_total::{self, Counted},
};

use super::{
    draft::{self, Draft, draft},
    outputs, provenance,
    read::Read,
    replace,
};
use crate::{
    Context, Error, dataset, job as jobs,
    metadata::{self, Community},
    register,
};

/// A report that is kept.
#[derive(Debug, Clone)]
pub struct Taken {
    /// The job.
    pub job: Stored,
    /// Whether it had come before.
    pub repeated: bool,
}

/// What became of each report.
pub type Verdict = Result<Taken, Problem>;

/// Reports on their way, and what became of those that are through.
struct Call<'a> {
    verdicts: BTreeMap<usize, Verdict>,
    /// Reports that are in the call twice, with the place of the first.
    copies: Vec<(usize, usize)>,
    drafts: Vec<Draft<'a>>,
    /// Datasets that were made.
    made: Vec<DatasetKey>,
}

/// What became of the reports of a call.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// One per report.
    pub verdicts: Vec<Verdict>,
    /// Datasets that were made for them.
    pub datasets: Vec<DatasetKey>,
}

/// Takes reports, and says of each what became of it.
pub async fn take(
    cx: &mut Context<'_>,
    community: &Community,
    reports: &[Result<&Read, Problem>],
) -> Result<Outcomes, Error> {
    let mut call = Call::new(cx, community, reports);
    call.settle_repeats(cx).await?;
    call.refuse_contradictions();
    store_names(cx, community, &call.drafts).await?;
    while !call.drafts.is_empty() {
        cx.session.mark().await?;
        let refused = match attempt(cx, community, &call.drafts).await? {
            Attempt::Kept(jobs, made) => {
                call.keep(jobs, made);
                break;
            }
            Attempt::Refused(refused) => refused,
        };
        cx.session.undo().await?;
        call.refuse(refused);
    }
    let datasets = std::mem::take(&mut call.made);
    Ok(Outcomes { verdicts: call.finish(reports.len()), datasets })
}

impl<'a> Call<'a> {
    fn new(cx: &Context<'_>, community: &Community, reports: &[Result<&'a Read, Problem>]) -> Self {
        let mut call = Self {
            verdicts: BTreeMap::new(),
            copies: Vec::new(),
            drafts: Vec::new(),
            made: Vec::new(),
        };
        let mut first: HashMap<(JobKey, i64), usize> = HashMap::new();
        for (at, report) in reports.iter().enumerate() {
            let made = report.clone();
            match made.and_then(|report| draft(cx, community, at, report)) {
                Err(problem) => drop(call.verdicts.insert(at, Err(problem))),
                Ok(draft) => {
                    let before = *first.entry((draft.key, draft.digest)).or_insert(at);
                    if before == at {
                        call.drafts.push(draft);
                    } else {
                        call.copies.push((at, before));
                    }
                }
            }
        }
        call
    }

    /// Refuses reports of jobs of which the call says something else before.
    fn refuse_contradictions(&mut self) {
        let mut seen = HashSet::new();
        for draft in self.drafts.extract_if(.., |draft| !seen.insert(draft.key)) {
            let text = "the job is in this call twice, with different reports";
            self.verdicts.insert(draft.at, Err(Problem::new(Code::Conflict, text)));
        }
    }

    /// Answers reports that have come before, and refuses those that now say something else.
    async fn settle_repeats(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        let keys: Vec<JobKey> = self.drafts.iter().map(|draft| draft.key).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let known = job::find(&mut cx.session, keys, Lock::None).await?;
        if known.is_empty() {
            return Ok(());
        }
        for draft in self.drafts.extract_if(.., |draft| known.contains_key(&draft.key)) {
            let job = known[&draft.key].clone();
            let verdict = if job.digest == draft.digest {
                Ok(Taken { job, repeated: true })
            } else {
                Err(jobs::contradiction(cx, &job, draft.report).await?)
            };
            self.verdicts.insert(draft.at, verdict);
        }
        Ok(())
    }

    fn refuse(&mut self, refused: BTreeMap<usize, Problem>) {
        self.drafts.retain(|draft| !refused.contains_key(&draft.at));
        self.verdicts.extend(refused.into_iter().map(|(at, problem)| (at, Err(problem))));
    }

    fn keep(&mut self, jobs: Vec<Stored>, made: Vec<DatasetKey>) {
        self.made = made;
        for (draft, job) in self.drafts.drain(..).zip(jobs) {
            self.verdicts.insert(draft.at, Ok(Taken { job, repeated: false }));
        }
    }

    fn finish(mut self, count: usize) -> Vec<Verdict> {
        for (at, original) in std::mem::take(&mut self.copies) {
            let verdict = match self.verdicts.get(&original) {
                Some(Ok(taken)) => Ok(Taken { repeated: true, ..taken.clone() }),
                Some(Err(problem)) => Err(problem.clone()),
                None => continue,
            };
            self.verdicts.insert(at, verdict);
        }
        (0..count).map(|at| self.verdicts.remove(&at).unwrap_or_else(lost)).collect()
    }
}

/// What is said of a report that has no verdict.
pub fn lost() -> Verdict {
    Err(Problem::new(Code::Internal, "the report was not looked at"))
}

/// Stores the names that rows refer to, before anything can be undone.
async fn store_names(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
) -> Result<(), Error> {
    if drafts.is_empty() {
        return Ok(());
    }
    let borrowed: Vec<&Draft<'_>> = drafts.iter().collect();
    let files: Vec<_> = draft::new_files(&borrowed).into_iter().map(|(.., file)| file).collect();
    register::store_names(cx, &community.vo, &files).await?;
    let names: BTreeSet<&str> = drafts.iter().flat_map(Draft::names).collect();
    cx.session.intern(names).await?;
    let productions: BTreeMap<i64, &str> = drafts
        .iter()
        .filter_map(|d| Some((d.production?.0, d.report.production.as_ref()?.as_str())))
        .collect();
    Ok(cx.session.intern_keyed(productions).await?)
}

/// What came of one try to keep all drafts.
enum Attempt {
    /// The jobs, in the order of the drafts, and the datasets that were made for them.
    Kept(Vec<Stored>, Vec<DatasetKey>),
    /// Some cannot be kept, by their place in the call: what was done is to be undone.
    Refused(BTreeMap<usize, Problem>),
}

async fn attempt(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
) -> Result<Attempt, Error> {
    let held = hold_tasks(cx, community, drafts).await?;
    let replaced = match replace::find(cx, community, drafts).await? {
        Ok(replaced) => replaced,
        Err(refused) => return Ok(Attempt::Refused(refused)),
    };
    let standings = standings(drafts, &held, &replaced);
    let counting: Vec<&Draft<'_>> = drafts
        .iter()
        .zip(&standings)
        .filter(|(_, standing)| **standing == Standing::Counts)
        .map(|(draft, _)| draft)
        .collect();
    let mut totals = job_total::Deltas::default();
    if let Err(refused) = replace::retire(cx, &replaced, &counting, &mut totals).await? {
        return Ok(Attempt::Refused(refused));
    }
    let wanted: Vec<_> = counting.iter().filter_map(|d| Some((d.at, d.dataset?))).collect();
    let made = match dataset::make_missing(cx, community, &wanted).await? {
        Ok(made) => made,
        Err(refused) => return Ok(Attempt::Refused(refused)),
    };
    let productions = productions(cx, drafts).await?;
    let deltas = match outputs::register(cx, community, &counting, &productions).await? {
        Ok(deltas) => deltas,
        Err(refused) => return Ok(Attempt::Refused(refused)),
    };
    let rows: Vec<Stored> =
        drafts.iter().zip(&standings).map(|(d, s)| d.row(cx, community, *s)).collect();
    if let Err(refused) = insert_jobs(cx, community, drafts, &rows).await? {
        return Ok(Attempt::Refused(refused));
    }
    if let Err(refused) = provenance::add(cx, community, drafts, &standings).await? {
        return Ok(Attempt::Refused(refused));
    }
    let mut tasks = move_tasks(cx, drafts, &rows, &held).await?;
    count_late(drafts, &productions, &mut tasks);
    task_total::add(&mut cx.session, &tasks).await?;
    for row in &rows {
        totals.add(row, 1);
    }
    job_total::add(&mut cx.session, &totals).await?;
    cx.count(deltas).await?;
    Ok(Attempt::Kept(rows, made))
}

async fn hold_tasks(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
) -> Result<BTreeMap<TaskKey, Held>, Error> {
    let tasks: BTreeSet<TaskKey> = drafts.iter().filter_map(Draft::task).collect();
    Ok(task::hold(&mut cx.session, &tasks, community.key, cx.now, cx.audit).await?)
}

/// Decides which jobs count: the first good one of a task, in the order of attempts.
fn standings(
    drafts: &[Draft<'_>],
    held: &BTreeMap<TaskKey, Held>,
    replaced: &replace::Replaced,
) -> Vec<Standing> {
    let mut order: Vec<usize> = (0..drafts.len()).collect();
    order.sort_by_key(|at| drafts.get(*at).map(|d| (d.task(), d.report.attempt, d.at)));
    let mut done: BTreeMap<TaskKey, JobKey> =
        held.iter().filter_map(|(key, held)| Some((*key, held.task.done_by()?))).collect();
    let mut standings = vec![Standing::NotGood; drafts.len()];
    for at in order {
        let draft = &drafts[at];
        if !draft.is_good() {
            continue;
        }
        let before = draft.task().and_then(|task| done.get(&task).copied());
        let takes_its_place = before.is_some() && before == replaced.of(draft.key);
        standings[at] = if before.is_some() && !takes_its_place {
            Standing::Surplus
        } else {
            done.extend(draft.task().map(|task| (task, draft.key)));
            Standing::Counts
        };
    }
    standings
}

async fn insert_jobs(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
    rows: &[Stored],
) -> Result<Result<(), BTreeMap<usize, Problem>>, Error> {
    let steps: Vec<_> = drafts.iter().map(Draft::steps).collect();
    let mut refused = BTreeMap::new();
    for ((draft, row), steps) in drafts.iter().zip(rows).zip(&steps) {
        if let Err(problem) = draft::check_length(row, steps) {
            refused.insert(draft.at, problem);
        }
    }
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|at| rows.get(*at).map(|row| row.key));
    let promoted = cx.promoted().await?;
    let documents = order.iter().map(|at| (&*community.schema, &drafts[*at].document));
    let columns = metadata::columns(&promoted, Entity::Job, documents);
    let sorted: Vec<&Stored> = order.iter().map(|at| &rows[*at]).collect();
    let new = job::insert(&mut cx.session, &sorted, columns).await?;
    if new < rows.len() as u64 {
        return Err(sbk_store::Error::Contended("a job was reported elsewhere".into()).into());
    }
    let mut configurations = BTreeMap::new();
    let mut step_rows = Vec::new();
    for (step, configuration) in order.iter().flat_map(|at| steps[*at].iter().cloned()) {
        configurations.extend(configuration);
        step_rows.push(step);
    }
    job::keep_configurations(&mut cx.session, configurations).await?;
    job::insert_steps(&mut cx.session, &step_rows).await?;
    Ok(Ok(()))
}

/// Moves the tasks of the jobs, and gives what that changes in the counts of tasks: a good job does
/// its task, one that is not good fails it, unless others are to be heard first.
async fn move_tasks(
    cx: &mut Context<'_>,
    drafts: &[Draft<'_>],
    rows: &[Stored],
    held: &BTreeMap<TaskKey, Held>,
) -> Result<task_total::Deltas, Error> {
    let mut moved: BTreeMap<TaskKey, task::Stored> = BTreeMap::new();
    for (draft, row) in drafts.iter().zip(rows) {
        let Some((key, held)) = draft.task().and_then(|key| Some((key, held.get(&key)?))) else {
            continue;
        };
        let entry = moved.entry(key).or_insert_with(|| held.task.clone());
        entry.attempts = entry.attempts.max(row.attempt);
        let done = row.standing == Standing::Counts;
        let not_good = row.standing == Standing::NotGood && entry.state != TaskState::Done;
        if done || not_good {
            entry.job = Some(row.key);
        }
        if done || (not_good && fails(entry, held, row.attempt)) {
            entry.state = if done { TaskState::Done } else { TaskState::Failed };
            entry.lease_until = None;
            entry.site = row.site;
            entry.reason = row.reason;
        }
    }
    let mut deltas = task_total::Deltas::default();
    for (key, new) in &mut moved {
        (new.modified, new.audit) = (cx.now, cx.audit);
        if let Some(old) = held.get(key).filter(|held| !held.is_new) {
            deltas.task(&old.task, -1);
        }
        deltas.task(new, 1);
    }
    let moved: Vec<task::Stored> = moved.into_values().collect();
    task::write(&mut cx.session, &moved).await?;
    Ok(deltas)
}

/// Whether a job that did not do well fails its task: not one that is done or given up, nor one
/// that was handed out again, or went back to be, after this attempt.
fn fails(task: &task::Stored, held: &Held, attempt: i64) -> bool {
    match task.state {
        TaskState::Done | TaskState::Abandoned => false,
        TaskState::Created => attempt > held.task.attempts,
        TaskState::Submitted | TaskState::Running => attempt >= held.task.attempts,
        TaskState::Failed => true,
    }
}

/// Counts the reports that come after their production was closed. They are taken like all others.
fn count_late(drafts: &[Draft<'_>], productions: &Productions, tasks: &mut task_total::Deltas) {
    for draft in drafts {
        let declared = draft.production.and_then(|key| productions.get(&key));
        let is_open = |state: ProductionState| state.takes_inputs();
        if let Some(production) = declared.filter(|production| !is_open(production.state)) {
            let one = task_total::Sums { tasks: 1, ..task_total::Sums::default() };
            tasks.add(production.key, Counted::Late, one);
        }
    }
}

/// The productions of a call that are declared.
pub type Productions = HashMap<ProductionKey, production::Stored>;

async fn productions(cx: &mut Context<'_>, drafts: &[Draft<'_>]) -> Result<Productions, Error> {
    let keys: BTreeSet<ProductionKey> = drafts.iter().filter_map(|d| d.production).collect();
    Ok(production::find(&mut cx.session, keys, Lock::None).await?)
}

/// The jobs that made some of the files, other than those of this call.
pub async fn makers(
    cx: &mut Context<'_>,
    files: impl IntoIterator<Item = sbk_model::FileKey>,
) -> Result<HashMap<sbk_model::FileKey, JobKey>, Error> {
    let edges = lineage::makers(&mut cx.session, files).await?;
    Ok(edges.into_iter().map(|(file, edge)| (file, edge.job)).collect())
}
