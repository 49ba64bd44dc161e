//! Productions: created, shown, changed, and how far they are.

mod create;
mod extend;
mod missing;
mod range;

use std::collections::{BTreeSet, HashMap};

use sbk_api::{
    ChangeProduction, Done, FailureCount, Failures, GetProduction, GetProgress, ListProductions,
    NewProduction, Outcome, Page, Production, ProductionProgress, SummarizeFailures,
};
use sbk_model::{ProductionKey, ProductionName, RecipeKey, RequestKey, TaskState, TermKey, Vo};
use sbk_store::{
    Session,
    directory::Lock,
    job::Standing,
    job_total, name_of,
    production::{self, Filter, Stored},
    task_total::{self, Counted},
};

pub use create::document;

use crate::{Context, Error, Note, Run, cursor, report::seconds};

/// What a production is, as it was created and changed since.
pub fn definition(stored: &Stored) -> Result<NewProduction, Error> {
    let bad = |error: serde_json::Error| {
        let name = &stored.name;
        sbk_store::Error::Internal(format!("the stored production {name:?} is not valid: {error}"))
    };
    Ok(serde_json::from_str(&stored.document).map_err(bad)?)
}

/// The one production of a name that the caller sees.
pub async fn find(
    cx: &mut Context<'_>,
    name: &ProductionName,
    vo: Option<&Vo>,
) -> Result<Stored, Error> {
    let access = cx.access();
    let key = vo.map(|vo| TermKey::of(vo.as_str()).0);
    let mut found = production::named(&mut cx.session, name.as_str()).await?;
    found.retain(|stored| access.sees(stored.vo) && key.is_none_or(|key| key == stored.vo));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::NotFound(format!("there is no production {:?}", name.as_str()))),
        _ => {
            let text = format!("is needed: several communities have a production {name:?}");
            Err(Error::invalid("vo", "", text))
        }
    }
}

/// The one production of a name that the caller sees, locked against others who change it.
pub async fn lock(
    cx: &mut Context<'_>,
    name: &ProductionName,
    vo: Option<&Vo>,
) -> Result<Stored, Error> {
    let key = find(cx, name, vo).await?.key;
    let found = production::find(&mut cx.session, [key], Lock::Update).await?.remove(&key);
    found.ok_or_else(|| Error::NotFound(format!("the production {:?} went away", name.as_str())))
}

/// How far productions are, declared or not, from the sums that are kept of them: three statements
/// for all of them together. Whoever calls has checked that the caller sees them.
pub async fn progress_of(
    cx: &mut Context<'_>,
    keys: &[ProductionKey],
) -> Result<HashMap<ProductionKey, ProductionProgress>, Error> {
    let declared = production::find(&mut cx.session, keys.iter().copied(), Lock::None).await?;
    let wanted = keys.iter().map(|key| (*key, declared.get(key).and_then(|p| p.events_wanted)));
    Ok(progress(&mut cx.session, &wanted.collect()).await?)
}

/// How far productions are, of which the events wanted are known where they were asked for.
async fn progress(
    session: &mut Session,
    wanted: &HashMap<ProductionKey, Option<i64>>,
) -> Result<HashMap<ProductionKey, ProductionProgress>, sbk_store::Error> {
    let mut all: HashMap<ProductionKey, ProductionProgress> =
        wanted.keys().map(|key| (*key, ProductionProgress::default())).collect();
    for (key, counted, sums) in task_total::of(session, wanted.keys().copied()).await? {
        let Some(progress) = all.get_mut(&key) else { continue };
        add(progress, counted, sums);
    }
    for counts in job_total::of_productions(session, wanted.keys().copied()).await? {
        let Some(progress) = all.get_mut(&counts.production) else { continue };
        progress.jobs += counts.jobs;
        match counts.standing {
            Standing::Counts => progress.events_made += counts.events_written,
            Standing::NotGood => progress.jobs_failed += counts.jobs,
            Standing::Surplus | Standing::Superseded => {}
        }
    }
    for (key, progress) in &mut all {
        if let Some(events) = wanted.get(key).copied().flatten() {
            progress.events_wanted = events;
        }
        progress.percent = percent(progress);
    }
    Ok(all)
}

fn add(progress: &mut ProductionProgress, counted: Counted, sums: task_total::Sums) {
    progress.inputs += sums.inputs;
    let state = match counted {
        Counted::Waiting => return,
        Counted::Late => {
            progress.late_reports += sums.tasks;
            return;
        }
        Counted::Tasks(state) => state,
    };
    progress.inputs_assigned += sums.inputs;
    progress.events_wanted += sums.events;
    if state.is_in_flight() {
        progress.events_in_flight += sums.events;
    }
    let tasks = &mut progress.tasks;
    *match state {
        TaskState::Created => &mut tasks.created,
        TaskState::Submitted => &mut tasks.submitted,
        TaskState::Running => &mut tasks.running,
        TaskState::Failed => &mut tasks.failed,
        TaskState::Abandoned => &mut tasks.abandoned,
        TaskState::Done => {
            progress.inputs_processed += sums.inputs;
            &mut tasks.done
        }
    } += sums.tasks;
}

#[expect(clippy::cast_precision_loss, reason = "a percentage needs no more")]
fn percent(progress: &ProductionProgress) -> f64 {
    let t = &progress.tasks;
    let tasks = t.created + t.submitted + t.running + t.done + t.failed + t.abandoned;
    let (part, whole) = if progress.inputs > 0 {
        (progress.inputs_processed, progress.inputs)
    } else if progress.events_wanted > 0 {
        (progress.events_made, progress.events_wanted)
    } else {
        (t.done, tasks)
    };
    if whole > 0 { 100.0 * part as f64 / whole as f64 } else { 0.0 }
}

/// Makes productions as callers see them.
pub async fn present(cx: &mut Context<'_>, found: &[Stored]) -> Result<Vec<Production>, Error> {
    let wanted = found.iter().map(|stored| (stored.key, stored.events_wanted)).collect();
    let mut progress = progress(&mut cx.session, &wanted).await?;
    let terms = cx.session.terms(found.iter().flat_map(|s| [s.vo, s.owner])).await?;
    let shown = found.iter().map(|stored| {
        Ok(Production {
            vo: name_of(&terms, stored.vo)?,
            state: stored.state,
            owner: name_of(&terms, stored.owner)?,
            created: stored.created,
            modified: stored.modified,
            definition: definition(stored)?,
            progress: progress.remove(&stored.key).unwrap_or_default(),
        })
    });
    shown.collect()
}

impl Run for GetProduction {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Production, Error> {
        let stored = find(cx, &self.name, self.vo.as_ref()).await?;
        let mut shown = present(cx, std::slice::from_ref(&stored)).await?;
        shown.pop().ok_or_else(|| Error::NotFound("the production went away".into()))
    }
}

impl Run for GetProgress {
    async fn run(&self, cx: &mut Context<'_>) -> Result<ProductionProgress, Error> {
        let stored = find(cx, &self.name, self.vo.as_ref()).await?;
        let mut progress = progress_of(cx, &[stored.key]).await?;
        Ok(progress.remove(&stored.key).unwrap_or_default())
    }
}

impl Run for ListProductions {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Production>, Error> {
        let (after, limit) = cursor::page::<(String, i64)>(&self.page)?;
        let vo = cx.listed_community(self.vo.as_ref())?;
        let own = self.vo.as_ref().or(cx.caller.vo.as_ref());
        if own.is_none() && (self.request.is_some() || self.pass.is_some()) {
            return Err(Error::invalid("vo", "", "is needed beside `request` and `pass`"));
        }
        let request = own.zip(self.request.as_ref());
        let pass = own.zip(self.pass.as_ref());
        let filter = Filter {
            vo,
            state: self.state,
            request: request.map(|(vo, name)| RequestKey::of(vo, name)),
            pass_version: pass.and_then(|(_, pass)| pass.version.map(i64::from)),
            pass: pass.map(|(vo, pass)| RecipeKey::of_pass(vo, &pass.name)),
        };
        let after = after.as_ref().map(|(name, key)| (name.as_str(), *key));
        let found = production::list(&mut cx.session, &filter, after, limit).await?;
        let next = cursor::next(&found, limit, |s| cursor::encode(&(s.name.as_str(), s.key.0)));
        Ok(Page { items: present(cx, &found).await?, next })
    }
}

impl Run for ChangeProduction {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let old = lock(cx, &self.name, self.vo.as_ref()).await?;
        let mut new = old.clone();
        let mut definition = definition(&old)?;
        if let Some(state) = self.state.filter(|state| *state != old.state) {
            check_transition(&old, state)?;
            new.state = state;
        }
        if let Some(events) = self.events {
            new.events_wanted = Some(range::extended(&old, &mut definition, events)?);
        }
        if let Some(priority) = self.priority {
            new.priority = i64::from(priority);
            definition.priority = priority;
        }
        if let Some(request) = &self.request {
            let terms = cx.session.terms([old.vo]).await?;
            new.request = Some(RequestKey::of(&name_of(&terms, old.vo)?, request));
            definition.request = Some(request.clone());
        }
        let changed = new != old;
        if changed {
            new.document = create::document(&definition)?;
            new.modified = cx.now;
            new.audit = cx.audit;
            production::change(&mut cx.session, &new).await?;
        }
        cx.note(Note {
            count: u64::from(changed),
            touched: Vec::new(),
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({
                "production": self.name, "from": old.state, "state": new.state,
                "events": new.events_wanted, "priority": new.priority, "request": self.request,
            }),
        });
        let outcome = if changed { Outcome::Changed } else { Outcome::Unchanged };
        Ok(Done { outcome })
    }
}

fn check_transition(old: &Stored, state: sbk_model::ProductionState) -> Result<(), Error> {
    if old.state.may_become(state) {
        return Ok(());
    }
    let next: Vec<_> = old.state.next().map(sbk_model::ProductionState::as_str).collect();
    Err(Error::Conflict(format!(
        "the production is {}, and can become {}; not {state}",
        old.state,
        next.join(" or "),
    )))
}

impl Run for SummarizeFailures {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Failures, Error> {
        let stored = find(cx, &self.name, self.vo.as_ref()).await?;
        let groups = job_total::of(&mut cx.session, None, Some(stored.key)).await?;
        let some = |key: i64| Some(key).filter(|key| *key != 0);
        let names: BTreeSet<i64> =
            groups.iter().flat_map(|(g, _)| [some(g.site), some(g.reason)]).flatten().collect();
        let terms = cx.session.terms(names).await?;
        let (mut failures, mut sites) = (Failures::default(), HashMap::<i64, i64>::new());
        let mut failed: HashMap<(i64, i64), (i64, i64)> = HashMap::new();
        for (group, sums) in groups {
            failures.jobs += sums.jobs;
            *sites.entry(group.site).or_default() += sums.jobs;
            if group.standing()? == Standing::NotGood {
                failures.failed += sums.jobs;
                let entry = failed.entry((group.site, group.reason)).or_default();
                *entry = (entry.0 + sums.jobs, entry.1 + sums.wall_ms);
            }
        }
        for ((site, reason), (jobs, wall_ms)) in failed {
            failures.groups.push(FailureCount {
                site: some(site).map(|key| name_of(&terms, key)).transpose()?,
                reason: some(reason).map(|key| name_of(&terms, key)).transpose()?,
                jobs,
                wall_seconds: seconds(Some(wall_ms)).unwrap_or_default(),
                jobs_at_site: sites.get(&site).copied().unwrap_or_default(),
            });
        }
        failures
            .groups
            .sort_by(|a, b| (b.jobs, &a.site, &a.reason).cmp(&(a.jobs, &b.site, &b.reason)));
        Ok(failures)
    }
}
