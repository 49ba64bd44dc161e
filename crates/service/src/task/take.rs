//! Hands tasks out, each to one worker at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{File, TakeTasks, TakenTask, TakenTasks};
use sbk_model::{
    FileKey, IdempotencyKey, ProductionState, SeKey, SiteName, TaskState, TermKey, fingerprint,
};
use sbk_store::{
    directory::Lock,
    file, idempotency, production_input, storage,
    task::{self, Stored, TaskKey},
};

use super::{MAX_ATTEMPTS, count, expire, lease, write};
use crate::{
    Context, Error, Note, Run,
    file::{With, present},
    production::{definition, find},
    register::check_count,
};

/// The most inputs of the tasks of one call, unless the first has more.
const MAX_INPUTS: i64 = 10_000;
/// How long a lease is that says nothing, in seconds.
const LEASE_SECONDS: u32 = 86_400;

impl Run for TakeTasks {
    async fn run(&self, cx: &mut Context<'_>) -> Result<TakenTasks, Error> {
        let ids = self.key.as_ref().map(|key| ids(cx, self, key));
        if let Some(answer) = before(cx, ids).await? {
            return Ok(answer);
        }
        let limit = self.limit.unwrap_or(1);
        check_count("limit", limit as usize, 1000)?;
        let until = lease(cx, self.lease_seconds.unwrap_or(LEASE_SECONDS))?;
        let stored = find(cx, &self.production, self.vo.as_ref()).await?;
        if stored.state != ProductionState::Active {
            let text = format!("the production is {}, and hands no tasks out", stored.state);
            return Err(Error::Conflict(text));
        }
        let expired = expire(cx, None, Some(stored.key)).await?;
        let most = definition(&stored)?.max_attempts.map_or(MAX_ATTEMPTS, i64::from);
        let old = chosen(cx, self, stored.key, i64::from(limit), most).await?;
        cx.session.intern(self.site.as_ref().map(AsRef::as_ref)).await?;
        let mut new = old.clone();
        for task in &mut new {
            task.state = TaskState::Submitted;
            task.attempts += 1;
            task.lease_until = Some(until);
            task.site = self.site.as_ref().map(|site| TermKey::of(site.as_str()).0);
            task.worker = self.worker.as_ref().map(ToString::to_string);
            task.reason = None;
        }
        write(cx, &old, &mut new).await?;
        let answer = TakenTasks { tasks: taken(cx, &new, self.site.as_ref()).await?, expired };
        remember(cx, ids, &answer).await?;
        cx.note(Note {
            count: new.len() as u64 + expired,
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({
                "production": self.production, "site": self.site, "worker": self.worker,
                "tasks": new.iter().take(100).map(|task| task.task).collect::<Vec<_>>(),
                "expired": expired,
            }),
        });
        Ok(answer)
    }
}

/// The keys under which the answer to a call is kept, and its content is known.
fn ids(cx: &Context<'_>, call: &TakeTasks, key: &IdempotencyKey) -> (i64, i64) {
    let production = call.production.as_str();
    let parts = [cx.caller.user.as_str(), "takeTasks", production, key.as_str()];
    let body = serde_json::to_string(call).unwrap_or_default();
    (fingerprint("lease", &parts), fingerprint("request", &[&body]))
}

/// What the same call got before.
async fn before(
    cx: &mut Context<'_>,
    ids: Option<(i64, i64)>,
) -> Result<Option<TakenTasks>, Error> {
    let Some((id, request)) = ids else { return Ok(None) };
    let Some(recorded) = idempotency::find(&mut cx.session, id).await? else { return Ok(None) };
    if recorded.request != request {
        let text = "this key was used for another call; choose a new one";
        return Err(Error::Conflict(text.into()));
    }
    cx.note(Note::default());
    let bad = |error: serde_json::Error| sbk_store::Error::Internal(error.to_string());
    Ok(Some(serde_json::from_str(&recorded.answer).map_err(bad)?))
}

/// Keeps the answer for a repeated call. One that got nothing may ask again.
async fn remember(
    cx: &mut Context<'_>,
    ids: Option<(i64, i64)>,
    answer: &TakenTasks,
) -> Result<(), Error> {
    let Some((id, request)) = ids.filter(|_| !answer.tasks.is_empty()) else { return Ok(()) };
    let answer = serde_json::to_string(answer).unwrap_or_default();
    let recorded = idempotency::Recorded { request, answer };
    if !idempotency::record(&mut cx.session, id, recorded, cx.now).await? {
        return Err(sbk_store::Error::Contended("the same call runs elsewhere".into()).into());
    }
    Ok(())
}

/// Tasks that can be handed out, locked: new ones, then failed ones where they are to be tried
/// again; as many as their inputs allow.
async fn chosen(
    cx: &mut Context<'_>,
    call: &TakeTasks,
    production: sbk_model::ProductionKey,
    limit: i64,
    most_attempts: i64,
) -> Result<Vec<Stored>, Error> {
    let session = &mut cx.session;
    let mut tasks =
        task::take(session, production, TaskState::Created, MAX_ATTEMPTS, limit).await?;
    let left = limit - i64::try_from(tasks.len()).unwrap_or(limit);
    if call.retry_failed && left > 0 {
        let failed = task::take(session, production, TaskState::Failed, most_attempts, left);
        tasks.extend(failed.await?);
    }
    let mut inputs = 0;
    let fitting = tasks.iter().take_while(|task| {
        let is_first = inputs == 0;
        inputs += task.inputs;
        is_first || inputs <= MAX_INPUTS
    });
    let fitting = fitting.count();
    tasks.truncate(fitting);
    tasks.sort_unstable_by_key(Stored::key);
    Ok(tasks)
}

/// Tasks as their takers see them.
async fn taken(
    cx: &mut Context<'_>,
    tasks: &[Stored],
    site: Option<&SiteName>,
) -> Result<Vec<TakenTask>, Error> {
    let mut inputs = inputs(cx, tasks, site).await?;
    let shown = tasks.iter().map(|task| {
        Ok(TakenTask {
            task: count(task.task)?,
            attempt: count(task.attempts)?,
            lease_until: task.lease_until.unwrap_or_default(),
            seed: task.seed,
            first_event: task.first_event,
            events: task.events,
            inputs: inputs.remove(&task.key()).unwrap_or_default(),
        })
    });
    shown.collect()
}

/// The inputs of tasks that are there, with their replicas, those at the site first.
async fn inputs(
    cx: &mut Context<'_>,
    tasks: &[Stored],
    site: Option<&SiteName>,
) -> Result<BTreeMap<TaskKey, Vec<File>>, Error> {
    let with_inputs = tasks.iter().filter(|task| task.inputs > 0).map(Stored::key);
    let keys = production_input::of_tasks(&mut cx.session, with_inputs).await?;
    let all: Vec<FileKey> = keys.values().flatten().copied().collect();
    let stored = file::find(&mut cx.session, all, false, Lock::None).await?;
    let with = With { replicas: true, ..With::default() };
    let files = present(&mut cx.session, stored.into_values().collect(), with).await?;
    let mut files: HashMap<FileKey, File> =
        files.into_iter().map(|file| (file.lfn.key(), file)).collect();
    if let Some(site) = site {
        let near = elements_at(cx, &files, site).await?;
        for file in files.values_mut() {
            file.replicas.sort_by_key(|replica| !near.contains(&SeKey::of(&replica.se)));
        }
    }
    let mut inputs = BTreeMap::new();
    for (task, keys) in keys {
        let mut of_task: Vec<File> = keys.iter().filter_map(|key| files.remove(key)).collect();
        of_task.sort_by(|a, b| a.lfn.cmp(&b.lfn));
        inputs.insert(task, of_task);
    }
    Ok(inputs)
}

/// Those of the storage elements of files that are at a site.
async fn elements_at(
    cx: &mut Context<'_>,
    files: &HashMap<FileKey, File>,
    site: &SiteName,
) -> Result<HashSet<SeKey>, Error> {
    let names: BTreeSet<_> =
        files.values().flat_map(|f| f.replicas.iter().map(|replica| &replica.se)).collect();
    let found = storage::find(&mut cx.session, names.into_iter().map(SeKey::of)).await?;
    let at = found.into_iter().filter(|(_, element)| element.site.as_ref() == Some(site));
    Ok(at.map(|(key, _)| key).collect())
}
