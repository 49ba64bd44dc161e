//! Declares and shows runs and fills.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    BulkResult, DeclareFills, DeclareRuns, Fill, GetRun, ListFills, ListRuns, NewFill, NewRun,
    Page, RunSummary,
};
use sbk_metadata::{Unit, check_luminosity_unit, from_inverse_barns};
use sbk_model::{Intervals, Quality, RunNumber, TermKey, Timestamp, Vo};
use sbk_store::{
    directory::Lock,
    name_of,
    run::{self, Filter, Stored},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Context, Error, Run, cursor,
    declare::{Plan, all_new},
    quality,
    register::check_count,
};

/// The unit of answers when none is asked for.
const UNIT: &str = "pb-1";

/// The unit that a caller wants luminosities in.
pub fn unit(asked: Option<&str>) -> Result<Unit, Error> {
    let unit: Unit = asked.unwrap_or(UNIT).parse()?;
    check_luminosity_unit(&unit)?;
    Ok(unit)
}

/// The sections of a run of which nothing was said: it is one section.
pub fn one_section() -> Intervals {
    Intervals::new(vec![(1, 1)]).unwrap_or_default()
}

/// What of a run has no column.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Rest {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    streams: BTreeMap<String, sbk_model::Events>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<String, String>,
}

fn text<T: Default + PartialEq + Serialize>(document: &T) -> Option<String> {
    if *document == T::default() { None } else { serde_json::to_string(document).ok() }
}

fn parsed<T: Default + DeserializeOwned>(text: Option<&str>) -> Result<T, Error> {
    let bad = |error: serde_json::Error| {
        sbk_store::Error::Internal(format!("a stored document is not valid: {error}"))
    };
    Ok(text.map(serde_json::from_str).transpose().map_err(bad)?.unwrap_or_default())
}

/// The most entries of a dictionary, and the most bytes of a name and a value in it.
const MAX_DETAILS: usize = 200;
const MAX_DETAIL: usize = 1024;

fn check_details(field: &str, details: &BTreeMap<String, String>) -> Result<(), Error> {
    if details.len() > MAX_DETAILS {
        let reason = format!("are more than {MAX_DETAILS} entries");
        return Err(Error::invalid(field, &details.len().to_string(), reason));
    }
    match details.iter().find(|(name, text)| name.len().max(text.len()) > MAX_DETAIL) {
        Some((name, _)) => {
            let reason = format!("has a name or text of more than {MAX_DETAIL} bytes");
            Err(Error::invalid(field, name, reason))
        }
        None => Ok(()),
    }
}

fn check_times(
    field: &str,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
) -> Result<(), Error> {
    match (started, ended) {
        (Some(started), Some(ended)) if ended < started => {
            Err(Error::invalid(field, &ended.to_string(), "is before the beginning"))
        }
        _ => Ok(()),
    }
}

/// The most intervals of sections that a run or a file may have.
pub const MAX_INTERVALS: usize = 100_000;

/// Refuses a run that says too much, or contradicts itself.
pub fn check_run(at: usize, run: &NewRun) -> Result<(), Error> {
    check_times(&format!("runs.{at}.ended"), run.started, run.ended)?;
    check_details(&format!("runs.{at}.details"), &run.details)?;
    if run.streams.len() > MAX_DETAILS || run.streams.keys().any(|name| name.len() > MAX_DETAIL) {
        let reason = format!("are more than {MAX_DETAILS}, or have a name that is too long");
        return Err(Error::invalid(&format!("runs.{at}.streams"), "", reason));
    }
    let intervals = run.sections.as_ref().map_or(0, |sections| sections.as_slice().len());
    if intervals > MAX_INTERVALS {
        let reason = format!("are more than {MAX_INTERVALS} intervals");
        return Err(Error::invalid(&format!("runs.{at}.sections"), "", reason));
    }
    Ok(())
}

/// The sections of a run, said or not.
pub fn with_sections(run: &NewRun) -> NewRun {
    let said = run.sections.clone().filter(|sections| !sections.is_empty());
    NewRun { sections: Some(said.unwrap_or_else(one_section)), ..run.clone() }
}

impl Run for DeclareRuns {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("runs", self.runs.len(), 10_000)?;
        for (at, run) in self.runs.iter().enumerate() {
            check_run(at, run)?;
        }
        let community = cx.community(&self.vo).await?;
        let conditions = self.runs.iter().filter_map(|run| run.conditions.as_ref());
        let names: BTreeSet<&str> =
            conditions.map(AsRef::as_ref).chain([self.vo.as_str()]).collect();
        cx.session.intern(names).await?;
        let numbers = self.runs.iter().map(|run| run.run);
        let stored = run::find(&mut cx.session, community.key, numbers, Lock::Update).await?;
        let known = declared(cx, &stored).await?;
        let wanted = self.runs.iter().map(|run| (run.run, with_sections(run)));
        let plan = Plan::new(wanted, &known, self.replace);
        if !plan.is_refused() {
            let row = |new: &NewRun| row(cx, community.key, new, stored.get(&new.run));
            let new: Vec<Stored> = plan.new.iter().map(row).collect();
            let changed: Vec<Stored> = plan.changed.iter().map(row).collect();
            all_new(new.len(), run::insert(&mut cx.session, &new).await?)?;
            run::change(&mut cx.session, &changed).await?;
        }
        let span = (plan.new.first().map(|run| run.run), plan.new.last().map(|run| run.run));
        let detail = serde_json::json!({
            "vo": self.vo, "runs": self.runs.len(), "first": span.0, "last": span.1,
            "changed": plan.changed.iter().take(100).map(|run| run.run).collect::<Vec<_>>(),
        });
        Ok(plan.finish(cx, None, detail))
    }
}

/// A run as it is stored.
pub fn row(cx: &Context<'_>, vo: i64, new: &NewRun, old: Option<&Stored>) -> Stored {
    let rest = Rest { streams: new.streams.clone(), details: new.details.clone() };
    Stored {
        run: new.run,
        vo,
        fill: new.fill.map(i64::from),
        conditions: new.conditions.as_ref().map(|name| TermKey::of(name.as_str()).0),
        started: new.started,
        ended: new.ended,
        events: new.events.map(sbk_model::Events::get),
        delivered: old.and_then(|run| run.delivered),
        recorded: old.and_then(|run| run.recorded),
        by_section: old.and_then(|run| run.by_section),
        modified: cx.now,
        audit: cx.audit,
        sections: new.sections.clone().unwrap_or_else(one_section),
        document: text(&rest),
    }
}

/// Runs as they were declared.
pub async fn declared(
    cx: &mut Context<'_>,
    runs: &BTreeMap<RunNumber, Stored>,
) -> Result<BTreeMap<RunNumber, NewRun>, Error> {
    let keys: BTreeSet<i64> = runs.values().filter_map(|run| run.conditions).collect();
    let terms = cx.session.terms(keys).await?;
    let declared = runs.values().map(|run| {
        let rest: Rest = parsed(run.document.as_deref())?;
        let new = NewRun {
            run: run.run,
            fill: run.fill.and_then(|fill| u32::try_from(fill).ok()),
            started: run.started,
            ended: run.ended,
            conditions: run.conditions.map(|key| name_of(&terms, key)).transpose()?,
            events: run.events.and_then(|events| events.try_into().ok()),
            sections: Some(run.sections.clone()),
            streams: rest.streams,
            details: rest.details,
        };
        Ok((run.run, new))
    });
    declared.collect()
}

/// Runs of one community as callers see them.
async fn present(
    cx: &mut Context<'_>,
    vo: i64,
    runs: &[Stored],
    pass: i64,
    unit: &Unit,
) -> Result<Vec<RunSummary>, Error> {
    let terms = cx.session.terms([vo]).await?;
    let name: Vo = name_of(&terms, vo)?;
    let by_number = runs.iter().map(|run| (run.run, run.clone())).collect();
    let mut declared = declared(cx, &by_number).await?;
    let flags = quality::of_runs(cx, vo, by_number.keys().copied(), pass).await?;
    let shown = |number: Option<i64>| number.map(|n| from_inverse_barns(n.into(), unit));
    let summaries = by_number.into_values().filter_map(|run| {
        Some(RunSummary {
            vo: name.clone(),
            unit: unit.to_string(),
            delivered: shown(run.delivered),
            recorded: shown(run.recorded),
            quality: flags.get(&run.run).map_or(Quality::Unchecked, |found| found.0.flag),
            modified: run.modified,
            run: declared.remove(&run.run)?,
        })
    });
    Ok(summaries.collect())
}

impl Run for GetRun {
    async fn run(&self, cx: &mut Context<'_>) -> Result<RunSummary, Error> {
        let unit = unit(self.unit.as_deref())?;
        let stored = find(cx, &self.vo, self.run).await?;
        let mut shown = present(cx, stored.vo, &[stored], 0, &unit).await?;
        shown.pop().ok_or_else(|| no_run(&self.vo, self.run))
    }
}

/// Says that a run is not declared.
pub fn no_run(vo: &Vo, run: RunNumber) -> Error {
    Error::NotFound(format!("the community {vo} has no run {run}; declare it first"))
}

/// A declared run of a community that the caller sees.
pub async fn find(cx: &mut Context<'_>, vo: &Vo, number: RunNumber) -> Result<Stored, Error> {
    let community = cx.community(vo).await?;
    let found = run::find(&mut cx.session, community.key, [number], Lock::None).await?;
    found.into_values().next().ok_or_else(|| no_run(vo, number))
}

impl Run for ListRuns {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<RunSummary>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let unit = unit(self.unit.as_deref())?;
        let pass = quality::pass_key(self.processing_pass.as_ref());
        let filter = Filter {
            vo: cx.listed_community(self.vo.as_ref())?,
            first: self.first.map(i64::from),
            last: self.last.map(i64::from),
            fill: self.fill.map(i64::from),
            conditions: self.conditions.as_ref().map(|name| TermKey::of(name.as_str()).0),
            since: self.since,
            until: self.until,
            quality: self.quality.map(|flag| (pass, flag)),
        };
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        let found = run::list(&mut cx.session, &filter, after, limit).await?;
        let next = cursor::next(&found, limit, |run| cursor::encode(&(run.vo, run.run.0)));
        let mut items = Vec::with_capacity(found.len());
        for of_one in found.chunk_by(|a, b| a.vo == b.vo) {
            let vo = of_one.first().map(|run| run.vo).unwrap_or_default();
            items.extend(present(cx, vo, of_one, pass, &unit).await?);
        }
        Ok(Page { items, next })
    }
}

impl Run for DeclareFills {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("fills", self.fills.len(), 10_000)?;
        for (at, fill) in self.fills.iter().enumerate() {
            check_times(&format!("fills.{at}.ended"), fill.started, fill.ended)?;
            check_details(&format!("fills.{at}.details"), &fill.details)?;
        }
        let community = cx.community(&self.vo).await?;
        cx.session.intern([self.vo.as_str()]).await?;
        let numbers = self.fills.iter().map(|fill| i64::from(fill.fill)).collect();
        let stored = run::find_fills(&mut cx.session, community.key, &numbers).await?;
        let known: Result<BTreeMap<u32, NewFill>, Error> =
            stored.values().map(|fill| declared_fill(fill).map(|fill| (fill.fill, fill))).collect();
        let wanted = self.fills.iter().map(|fill| (fill.fill, fill.clone()));
        let plan = Plan::new(wanted, &known?, self.replace);
        if !plan.is_refused() {
            let row = |new: &NewFill| fill_row(cx, community.key, new);
            let new: Vec<_> = plan.new.iter().map(row).collect();
            let changed: Vec<_> = plan.changed.iter().map(row).collect();
            all_new(new.len(), run::insert_fills(&mut cx.session, &new).await?)?;
            run::change_fills(&mut cx.session, &changed).await?;
        }
        let detail = serde_json::json!({
            "vo": self.vo,
            "fills": self.fills.iter().take(100).map(|fill| fill.fill).collect::<Vec<_>>(),
        });
        Ok(plan.finish(cx, None, detail))
    }
}

/// A fill as it is stored.
pub fn fill_row(cx: &Context<'_>, vo: i64, new: &NewFill) -> run::Fill {
    run::Fill {
        vo,
        fill: new.fill.into(),
        started: new.started,
        ended: new.ended,
        modified: cx.now,
        audit: cx.audit,
        document: text(&new.details),
    }
}

/// A fill as it was declared.
pub fn declared_fill(fill: &run::Fill) -> Result<NewFill, Error> {
    Ok(NewFill {
        fill: u32::try_from(fill.fill).unwrap_or(u32::MAX),
        started: fill.started,
        ended: fill.ended,
        details: parsed(fill.document.as_deref())?,
    })
}

impl Run for ListFills {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Fill>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let vo = cx.listed_community(self.vo.as_ref())?;
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        let found = run::list_fills(&mut cx.session, vo, after, limit).await?;
        let next = cursor::next(&found, limit, |fill| cursor::encode(&(fill.vo, fill.fill)));
        let terms = cx.session.terms(found.iter().map(|fill| fill.vo).collect::<Vec<_>>()).await?;
        let items = found.iter().map(|fill| {
            let (vo, modified) = (name_of(&terms, fill.vo)?, fill.modified);
            Ok(Fill { vo, fill: declared_fill(fill)?, modified })
        });
        Ok(Page { items: items.collect::<Result<_, Error>>()?, next })
    }
}
