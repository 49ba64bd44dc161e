//! Makes the tasks of productions, a bounded step at a time.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{EventRanges, ExtendProduction, Extension, InputSelection};
use sbk_model::{DirKey, FileKey, FileStatus, TaskState, Vo};
use sbk_store::{
    directory::Lock,
    name_of, production,
    production::Stored,
    production_input::{self, Waiting},
    task::{self, TaskKey},
    task_total::{self, Counted, Deltas, Sums},
};

use super::{create, definition, range};
use crate::{Context, Error, Note, Run, cursor, query, register::check_count};

/// How many files a call looks at, or tasks it makes, when it does not say.
const STEP: u32 = 1000;

impl Run for ExtendProduction {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Extension, Error> {
        let limit = self.limit.unwrap_or(STEP);
        check_count("limit", limit as usize, 10_000)?;
        let old = super::lock(cx, &self.name, self.vo.as_ref()).await?;
        if !old.state.takes_inputs() {
            let text = format!("the production is {}, and gets no more tasks", old.state);
            return Err(Error::Conflict(text));
        }
        let definition = definition(&old)?;
        let mut growth = Growth { new: old.clone(), deltas: Deltas::default() };
        let limit = i64::from(limit);
        let extension = match (&definition.input, &definition.events) {
            (Some(input), _) => growth.take_inputs(cx, self, input, limit).await?,
            (None, Some(ranges)) => growth.take_events(cx, ranges, limit).await?,
            (None, None) => {
                let text = "the production has neither inputs nor event ranges; its tasks are \
                            numbered by those who report them";
                return Err(Error::Conflict(text.into()));
            }
        };
        let Growth { mut new, deltas } = growth;
        if new != old {
            (new.modified, new.audit) = (cx.now, cx.audit);
            production::change(&mut cx.session, &new).await?;
        }
        task_total::add(&mut cx.session, &deltas).await?;
        cx.note(Note {
            count: extension.inputs + extension.tasks,
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({
                "production": self.name, "inputs": extension.inputs, "tasks": extension.tasks,
            }),
        });
        Ok(extension)
    }
}

/// A production on its way to more tasks, which is locked.
struct Growth {
    new: Stored,
    deltas: Deltas,
}

impl Growth {
    fn draft(&self, cx: &Context<'_>, number: i64) -> task::Stored {
        task::Stored::new((self.new.key, number), self.new.vo, cx.now, cx.audit)
    }

    /// Goes on with the event ranges. Tasks that have reported already get theirs, too.
    async fn take_events(
        &mut self,
        cx: &mut Context<'_>,
        ranges: &EventRanges,
        limit: i64,
    ) -> Result<Extension, Error> {
        let wanted = self.new.events_wanted.unwrap_or_default();
        let (planned, tasks) = (self.new.events_planned, self.new.tasks);
        let made = range::split(ranges, wanted, planned, tasks, limit);
        let keys: BTreeSet<TaskKey> = made.iter().map(|range| (self.new.key, range.task)).collect();
        let known = task::find(&mut cx.session, &keys, Lock::Update).await?;
        let (mut new, mut old) = (Vec::new(), Vec::new());
        for range in &made {
            let known = known.get(&(self.new.key, range.task));
            let mut task = known.cloned().unwrap_or_else(|| self.draft(cx, range.task));
            if known.is_some() {
                self.deltas.task(&task, -1);
            }
            task.seed = Some(range.seed);
            task.first_event = Some(range.first_event);
            task.events = Some(range.events);
            self.deltas.task(&task, 1);
            if known.is_some() { old.push(task) } else { new.push(task) }
        }
        insert(cx, &new).await?;
        task::plan(&mut cx.session, &old).await?;
        self.new.events_planned += made.iter().map(|range| range.events).sum::<i64>();
        self.new.tasks = made.last().map_or(tasks, |range| range.task);
        Ok(Extension {
            done: self.new.events_planned >= wanted,
            tasks: made.len() as u64,
            ..Extension::default()
        })
    }

    /// Takes what the selection finds, and groups what waits into tasks.
    async fn take_inputs(
        &mut self,
        cx: &mut Context<'_>,
        call: &ExtendProduction,
        input: &InputSelection,
        limit: i64,
    ) -> Result<Extension, Error> {
        let after = call.after.as_deref().map(cursor::decode::<(i64, i64)>).transpose()?;
        let after = after.map(|(dir, name)| FileKey { directory: DirKey(dir), name });
        let terms = cx.session.terms([self.new.vo]).await?;
        let vo: Vo = name_of(&terms, self.new.vo)?;
        let community = cx.community(&vo).await?;
        let asked = create::selection(input, &community)?;
        let found = query::files_after(cx, &asked, after, limit).await?;
        let good = found.iter().filter(|file| file.status == FileStatus::Good);
        let keys: Vec<FileKey> = good.map(|file| file.key).collect();
        let session = &mut cx.session;
        let inputs = production_input::add(session, self.new.key, &keys, cx.audit).await?;
        let waiting = Sums { inputs: i64::try_from(inputs).unwrap_or(i64::MAX), ..Sums::default() };
        self.deltas.add(self.new.key, Counted::Waiting, waiting);
        let scanned = i64::try_from(found.len()).is_ok_and(|count| count < limit);
        let flush = call.flush && scanned;
        let (tasks, grouped) = self.group(cx, input.files_per_task, limit, flush).await?;
        let last = found.last().map(|file| file.key).or(after);
        let position = last.map_or((i64::MAX, i64::MAX), |key| (key.directory.0, key.name));
        let done = scanned && grouped;
        Ok(Extension {
            done,
            looked_at: found.len() as u64,
            inputs,
            tasks,
            next: if done { None } else { Some(cursor::encode(&position)) },
        })
    }

    /// Groups inputs that wait into tasks. Says how many tasks are new, and whether none can be
    /// made any more.
    async fn group(
        &mut self,
        cx: &mut Context<'_>,
        files_per_task: u32,
        limit: i64,
        flush: bool,
    ) -> Result<(u64, bool), Error> {
        let key = self.new.key;
        let most = limit + i64::from(files_per_task);
        let waiting = production_input::waiting(&mut cx.session, key, most).await?;
        let all = i64::try_from(waiting.len()).is_ok_and(|count| count < most);
        let (done, free): (Vec<Waiting>, Vec<Waiting>) =
            waiting.into_iter().partition(|input| input.done_in.is_some());
        let mut assigned = self.adopt(cx, &done).await?;
        // Tasks that have reported by numbers of their own keep these.
        let mut number = task::last(&mut cx.session, key).await?.max(self.new.tasks);
        let mut tasks = Vec::new();
        let size = files_per_task as usize;
        for group in free.chunks(size).filter(|group| group.len() == size || (flush && all)) {
            number += 1;
            let mut task = self.draft(cx, number);
            task.events = Some(group.iter().map(|input| input.events).sum());
            task.inputs = i64::try_from(group.len()).unwrap_or(i64::MAX);
            self.deltas.task(&task, 1);
            assigned.extend(group.iter().map(|input| (input.file, number)));
            tasks.push(task);
        }
        insert(cx, &tasks).await?;
        self.new.tasks = tasks.last().map_or(self.new.tasks, |task| task.task);
        assigned.sort_unstable();
        production_input::assign(&mut cx.session, key, &assigned).await?;
        let count = i64::try_from(assigned.len()).unwrap_or(i64::MAX);
        self.deltas.add(key, Counted::Waiting, Sums { inputs: -count, ..Sums::default() });
        Ok((tasks.len() as u64, all))
    }

    /// Gives inputs that jobs of the production have used already to the tasks of those.
    async fn adopt(
        &mut self,
        cx: &mut Context<'_>,
        done: &[Waiting],
    ) -> Result<Vec<(FileKey, i64)>, Error> {
        let mut by_task: BTreeMap<i64, Vec<&Waiting>> = BTreeMap::new();
        for input in done {
            by_task.entry(input.done_in.unwrap_or_default()).or_default().push(input);
        }
        let keys: BTreeSet<TaskKey> =
            by_task.keys().filter(|task| **task != 0).map(|task| (self.new.key, *task)).collect();
        let mut known = task::find(&mut cx.session, &keys, Lock::Update).await?;
        for (number, inputs) in &by_task {
            let count = i64::try_from(inputs.len()).unwrap_or(i64::MAX);
            let Some(task) = known.get_mut(&(self.new.key, *number)) else {
                let sums = Sums { inputs: count, ..Sums::default() };
                self.deltas.add(self.new.key, Counted::Tasks(TaskState::Done), sums);
                continue;
            };
            self.deltas.task(task, -1);
            let events = inputs.iter().map(|input| input.events).sum::<i64>();
            task.events = Some(task.events.unwrap_or_default() + events);
            task.inputs += count;
            self.deltas.task(task, 1);
        }
        let known: Vec<task::Stored> = known.into_values().collect();
        task::plan(&mut cx.session, &known).await?;
        Ok(done.iter().map(|input| (input.file, input.done_in.unwrap_or_default())).collect())
    }
}

/// Inserts tasks that nobody knows of.
async fn insert(cx: &mut Context<'_>, tasks: &[task::Stored]) -> Result<(), Error> {
    if task::insert(&mut cx.session, tasks).await? < tasks.len() as u64 {
        let text = "a job of the production reported for a new task";
        return Err(sbk_store::Error::Contended(text.into()).into());
    }
    Ok(())
}
