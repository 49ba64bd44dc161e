//! Hands the tasks of productions out, takes them back, and changes their state.

mod take;

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    BulkResult, Code, ExpireTasks, GetTask, ListTasks, Outcome, Page, Problem, ResetTasks,
    SetTaskState, Task, TaskSteps, TaskSummary,
};
use sbk_model::{FileKey, ProductionKey, ProductionState, TaskState, TermKey, Timestamp};
use sbk_store::{
    Session, Terms,
    directory::Lock,
    file, name_of, production, production_input,
    task::{self, Stored, TaskKey},
    task_total,
};

use crate::{
    Context, Error, Note, Run, cursor,
    file::results,
    job::summaries,
    production::{definition, find},
    register::check_count,
};

/// How many tasks one call takes back or resets.
const STEP: i64 = 1000;
/// The greatest number of an attempt.
const MAX_ATTEMPTS: i64 = 32_000;
/// Why tasks come back of which nothing was heard.
const EXPIRED: &str = "lease expired";
/// The longest lease, in seconds: thirty days.
const MAX_LEASE_SECONDS: u32 = 30 * 86_400;

/// The end of a lease that begins now.
fn lease(cx: &Context<'_>, seconds: u32) -> Result<Timestamp, Error> {
    if !(1..=MAX_LEASE_SECONDS).contains(&seconds) {
        let reason = format!("is not between 1 and {MAX_LEASE_SECONDS}");
        return Err(Error::invalid("lease_seconds", &seconds.to_string(), reason));
    }
    Ok(cx.now.plus_seconds(i64::from(seconds)))
}

/// Writes tasks that are locked, with what that changes in their counts.
async fn write(cx: &mut Context<'_>, old: &[Stored], new: &mut [Stored]) -> Result<(), Error> {
    let mut deltas = task_total::Deltas::default();
    for (old, new) in old.iter().zip(new.iter_mut()) {
        (new.modified, new.audit) = (cx.now, cx.audit);
        deltas.task(old, -1);
        deltas.task(new, 1);
    }
    task::write(&mut cx.session, new).await?;
    Ok(task_total::add(&mut cx.session, &deltas).await?)
}

/// Takes tasks back whose lease has ended: they can be handed out again, but for those that had
/// all their attempts, which have failed. Returns how many.
async fn expire(
    cx: &mut Context<'_>,
    vo: Option<i64>,
    production: Option<ProductionKey>,
) -> Result<u64, Error> {
    let old = task::expired(&mut cx.session, vo, production, cx.now, STEP).await?;
    if old.is_empty() {
        return Ok(0);
    }
    cx.session.intern([EXPIRED]).await?;
    let productions: BTreeSet<ProductionKey> = old.iter().map(|task| task.production).collect();
    let productions = production::find(&mut cx.session, productions, Lock::None).await?;
    let mut most = BTreeMap::new();
    for (key, stored) in &productions {
        most.extend(definition(stored)?.max_attempts.map(|most| (*key, i64::from(most))));
    }
    let mut new = old.clone();
    for task in &mut new {
        let is_last = most.get(&task.production).is_some_and(|most| task.attempts >= *most);
        task.state = if is_last { TaskState::Failed } else { TaskState::Created };
        task.lease_until = None;
        task.reason = Some(TermKey::of(EXPIRED).0);
    }
    write(cx, &old, &mut new).await?;
    Ok(new.len() as u64)
}

impl Run for ExpireTasks {
    async fn run(&self, cx: &mut Context<'_>) -> Result<TaskSteps, Error> {
        let vo = cx.listed_community(self.vo.as_ref())?;
        let production = match (&self.production, &self.vo) {
            (None, _) => None,
            (Some(name), Some(vo)) => Some(ProductionKey::of(vo, name)),
            (Some(_), None) => {
                return Err(Error::invalid("vo", "", "is needed beside `production`"));
            }
        };
        let tasks = expire(cx, vo, production).await?;
        cx.note(Note {
            count: tasks,
            touched: Vec::new(),
            reason: Some(EXPIRED.into()),
            detail: serde_json::json!({ "production": self.production, "tasks": tasks }),
        });
        Ok(TaskSteps { done: tasks < STEP.unsigned_abs(), tasks })
    }
}

impl Run for ResetTasks {
    async fn run(&self, cx: &mut Context<'_>) -> Result<TaskSteps, Error> {
        let stored = find(cx, &self.production, self.vo.as_ref()).await?;
        let cause = self.failed_for.as_ref().map(|label| TermKey::of(label.as_str()).0);
        let old = task::failed(&mut cx.session, stored.key, cause, STEP).await?;
        let mut new = old.clone();
        for task in &mut new {
            task.state = TaskState::Created;
        }
        write(cx, &old, &mut new).await?;
        let tasks = new.len() as u64;
        cx.note(Note {
            count: tasks,
            touched: Vec::new(),
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({
                "production": self.production, "tasks": tasks, "failed_for": self.failed_for,
            }),
        });
        Ok(TaskSteps { done: tasks < STEP.unsigned_abs(), tasks })
    }
}

impl Run for SetTaskState {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("tasks", self.tasks.len(), 1000)?;
        check(self)?;
        let lease = self.lease_seconds.map(|seconds| lease(cx, seconds)).transpose()?;
        let stored = find(cx, &self.production, self.vo.as_ref()).await?;
        let names =
            [self.reason.as_ref().map(AsRef::as_ref), self.site.as_ref().map(AsRef::as_ref)];
        cx.session.intern(names.into_iter().flatten()).await?;
        let keys: BTreeSet<TaskKey> =
            self.tasks.iter().map(|task| (stored.key, i64::from(*task))).collect();
        let known = task::find(&mut cx.session, &keys, Lock::Update).await?;
        let (mut old, mut new) = (Vec::new(), Vec::new());
        let mut outcomes: BTreeMap<i64, Result<Outcome, Problem>> = BTreeMap::new();
        for (key, task) in &known {
            let moved = moved(self, task, stored.state, lease);
            let outcome = moved.map(|moved| {
                if moved == *task {
                    return Outcome::Unchanged;
                }
                old.push(task.clone());
                new.push(moved);
                Outcome::Changed
            });
            outcomes.insert(key.1, outcome);
        }
        write(cx, &old, &mut new).await?;
        let names: Vec<String> = self.tasks.iter().map(ToString::to_string).collect();
        let absent = || Err(Problem::new(Code::NotFound, "there is no such task"));
        let outcomes = self.tasks.iter().zip(&names).map(|(task, name)| {
            let outcome = outcomes.get(&i64::from(*task)).cloned();
            (name.as_str(), outcome.unwrap_or_else(absent))
        });
        let result = results(outcomes, false);
        cx.note(Note {
            count: new.len() as u64,
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "production": self.production, "state": self.state,
                "tasks": new.iter().take(100).map(|task| task.task).collect::<Vec<_>>(),
            }),
        });
        Ok(result)
    }
}

/// Refuses what no task can become.
fn check(call: &SetTaskState) -> Result<(), Error> {
    if call.state == TaskState::Done {
        let reason = "is reached by the report of a job only";
        return Err(Error::invalid("state", "done", reason));
    }
    let needs_reason = matches!(call.state, TaskState::Failed | TaskState::Abandoned);
    if needs_reason && call.reason.is_none() {
        return Err(Error::invalid("reason", "", "is needed for this state"));
    }
    if call.lease_seconds.is_some() && !call.state.is_in_flight() {
        return Err(Error::invalid("lease_seconds", "", "stands with a state that has no lease"));
    }
    Ok(())
}

/// What becomes of a task of a production in a state.
fn moved(
    call: &SetTaskState,
    task: &Stored,
    production: ProductionState,
    lease: Option<Timestamp>,
) -> Result<Stored, Problem> {
    let conflict = |text: String| Err(Problem::new(Code::Conflict, text));
    if let Some(attempt) = call.attempt.filter(|attempt| i64::from(*attempt) != task.attempts) {
        return conflict(format!("attempt {} was made after attempt {attempt}", task.attempts));
    }
    if task.state != call.state && !task.state.may_become(call.state) {
        let next: Vec<_> = task.state.next().map(TaskState::as_str).collect();
        let can = if next.is_empty() { "nothing else".into() } else { next.join(" or ") };
        let text = format!("it is {}, and can become {can}; not {}", task.state, call.state);
        return conflict(text);
    }
    let is_taken = task.state == TaskState::Created && call.state.is_in_flight();
    if is_taken && production != ProductionState::Active {
        return conflict(format!("the production is {production}, and hands no tasks out"));
    }
    let mut new = task.clone();
    new.attempts = (task.attempts + i64::from(is_taken)).min(MAX_ATTEMPTS);
    new.state = call.state;
    new.lease_until = if call.state.is_in_flight() { lease.or(task.lease_until) } else { None };
    if let Some(site) = &call.site {
        new.site = Some(TermKey::of(site.as_str()).0);
    }
    if task.state != call.state || call.reason.is_some() {
        new.reason = call.reason.as_ref().map(|label| TermKey::of(label.as_str()).0);
    }
    Ok(new)
}

/// The names that tasks refer to.
async fn terms(session: &mut Session, tasks: &[Stored]) -> Result<Terms, Error> {
    let keys: BTreeSet<i64> = tasks.iter().flat_map(|t| [t.site, t.reason]).flatten().collect();
    Ok(session.terms(keys).await?)
}

/// The number of a task, or of an attempt, as callers see it.
fn count<T: TryFrom<i64>>(number: i64) -> Result<T, Error> {
    let bad = |_| sbk_store::Error::Internal(format!("{number} is no number of a task"));
    Ok(T::try_from(number).map_err(bad)?)
}

fn summary(task: &Stored, terms: &Terms) -> Result<TaskSummary, Error> {
    Ok(TaskSummary {
        task: count(task.task)?,
        state: task.state,
        attempts: count(task.attempts)?,
        seed: task.seed,
        first_event: task.first_event,
        events: task.events,
        inputs: count(task.inputs)?,
        site: task.site.map(|key| name_of(terms, key)).transpose()?,
        worker: task.worker.as_ref().and_then(|name| name.parse().ok()),
        lease_until: task.lease_until,
        reason: task.reason.map(|key| name_of(terms, key)).transpose()?,
        modified: task.modified,
    })
}

impl Run for ListTasks {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<TaskSummary>, Error> {
        let (after, limit) = cursor::page::<i64>(&self.page)?;
        let key = find(cx, &self.production, self.vo.as_ref()).await?.key;
        let site = self.site.as_ref().map(|site| TermKey::of(site.as_str()).0);
        let after = after.unwrap_or(i64::MIN);
        let found = task::list(&mut cx.session, key, self.state, site, after, limit).await?;
        let next = cursor::next(&found, limit, |task| cursor::encode(&task.task));
        let terms = terms(&mut cx.session, &found).await?;
        let items: Result<Vec<_>, _> = found.iter().map(|task| summary(task, &terms)).collect();
        Ok(Page { items: items?, next })
    }
}

impl Run for GetTask {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Task, Error> {
        let production = find(cx, &self.production, self.vo.as_ref()).await?.key;
        let key = (production, i64::from(self.task));
        let found = task::find(&mut cx.session, &BTreeSet::from([key]), Lock::None).await?;
        let absent = || Error::NotFound(format!("the production has no task {}", self.task));
        let task = found.into_values().next().ok_or_else(absent)?;
        let terms = terms(&mut cx.session, std::slice::from_ref(&task)).await?;
        let mut inputs = production_input::of_tasks(&mut cx.session, [key]).await?;
        let inputs: Vec<FileKey> = inputs.remove(&key).unwrap_or_default();
        let files = file::find(&mut cx.session, inputs, false, Lock::None).await?;
        let files = file::present(&mut cx.session, files.into_values().collect()).await?;
        let mut inputs: Vec<_> = files.into_iter().map(|file| file.lfn).collect();
        inputs.sort();
        let jobs = task::jobs(&mut cx.session, key).await?;
        Ok(Task {
            production: self.production.clone(),
            summary: summary(&task, &terms)?,
            inputs,
            jobs: summaries(&mut cx.session, jobs).await?,
        })
    }
}
