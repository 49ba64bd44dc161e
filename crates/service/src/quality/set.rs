//! Says what was found of the quality of runs and files, and passes it on.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{Outcome, PassedOn, Problem, QualityChange, SetQuality};
use sbk_model::{FileKey, FileStatus, Lfn, Quality, RunNumber, RunSections};
use sbk_store::{
    audit::Touched,
    directory::Lock,
    file,
    lineage::{self, Direction},
    quality::{self, RunPass, Said},
    section,
};

use super::pass_key;
use crate::{
    Context, Error, Note, Run,
    file::{find_named, no_file, results},
    register::check_count,
};

/// The most files that a flag is passed on to in one call.
const MAX_PASSED: usize = 100_000;

/// The most of them that an answer names.
const MAX_NAMED: usize = 1000;

/// How many files are read at once.
const STEP: usize = 10_000;

fn said(cx: &Context<'_>, call: &SetQuality, old: Option<&Said>, origin: Option<String>) -> Said {
    // What is said later stands later, also where clocks differ.
    let after = old.map_or(i64::MIN, |old| old.changed.micros().saturating_add(1));
    Said {
        flag: call.quality,
        changed: sbk_model::Timestamp::from_micros(cx.now.micros().max(after)),
        audit: cx.audit,
        actor: cx.caller.user.to_string(),
        reason: Some(call.reason.to_string()),
        origin,
    }
}

/// What becomes of a flag that is set by hand.
fn outcome(flag: Quality, old: Option<&Said>) -> Outcome {
    match old {
        None if flag == Quality::Unchecked => Outcome::Unchanged,
        None => Outcome::Added,
        Some(old) if old.flag == flag && old.origin.is_none() => Outcome::Unchanged,
        Some(_) => Outcome::Changed,
    }
}

fn check(call: &SetQuality) -> Result<(), Error> {
    check_count("runs", call.runs.len() + call.lfns.len(), 10_000)?;
    if let Some(pass) = call.processing_pass.as_ref().filter(|_| call.runs.is_empty()) {
        let reason = "is a pass of runs; give `runs`, too";
        return Err(Error::invalid("processing_pass", pass.as_str(), reason));
    }
    if let Some(pass) = call.processing_pass.as_ref().filter(|_| call.descendants) {
        let reason = "stands beside `descendants`: a run's files are of any pass; give the files \
                      of the pass as `lfns`, for instance those that a query finds";
        return Err(Error::invalid("processing_pass", pass.as_str(), reason));
    }
    Ok(())
}

impl Run for SetQuality {
    async fn run(&self, cx: &mut Context<'_>) -> Result<QualityChange, Error> {
        check(self)?;
        let vo = cx.community(&self.vo).await?.key;
        let names =
            self.processing_pass.as_ref().map(AsRef::as_ref).into_iter().chain([self.vo.as_str()]);
        cx.session.intern(names.collect::<Vec<&str>>()).await?;
        let mut outcomes = set_runs(self, cx, vo).await?;
        let mut passed = Passed::default();
        let (mut changed, of_files) = set_files(self, cx, vo).await?;
        outcomes.extend(of_files);
        if outcomes.iter().any(|(_, outcome)| outcome.is_err()) {
            cx.abandon();
            let named = outcomes.iter().map(|(name, outcome)| (name.as_str(), outcome.clone()));
            let bulk = results(named, true);
            return Ok(QualityChange { bulk, preview: self.preview, ..QualityChange::default() });
        }
        if self.descendants {
            passed = pass_on(self, cx, vo).await?;
            changed.extend(passed.changed.keys().copied());
        }
        let named = outcomes.iter().map(|(name, outcome)| (name.as_str(), outcome.clone()));
        let answer = QualityChange {
            bulk: results(named, false),
            preview: self.preview,
            passed_on: passed.changed.len() as u64,
            kept: passed.kept,
            descendants: names_of(cx, self.quality, &passed).await?,
        };
        if self.preview {
            cx.abandon();
            return Ok(answer);
        }
        let bulk = &answer.bulk;
        cx.note(Note {
            count: u64::from(bulk.added + bulk.changed) + answer.passed_on,
            touched: changed.into_iter().map(Touched::File).collect(),
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({
                "vo": self.vo, "quality": self.quality, "processing_pass": self.processing_pass,
                "runs": self.runs.iter().take(100).collect::<Vec<_>>(),
                "files": self.lfns.len(), "passed_on": answer.passed_on,
            }),
        });
        Ok(answer)
    }
}

type Outcomes = Vec<(String, Result<Outcome, Problem>)>;

/// What passing a flag on does.
#[derive(Debug, Default)]
struct Passed {
    /// The files that get the flag, with the one that they had.
    changed: BTreeMap<FileKey, Quality>,
    /// How many keep theirs.
    kept: u64,
}

async fn names_of(
    cx: &mut Context<'_>,
    flag: Quality,
    passed: &Passed,
) -> Result<Vec<PassedOn>, Error> {
    let first: Vec<(FileKey, Quality)> =
        passed.changed.iter().take(MAX_NAMED).map(|(key, old)| (*key, *old)).collect();
    let mut named = lineage::names(&mut cx.session, first.iter().map(|(key, _)| *key)).await?;
    let shown = first
        .into_iter()
        .filter_map(|(key, from)| Some(PassedOn { lfn: named.remove(&key)?.lfn, from, to: flag }));
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by(|a, b| a.lfn.cmp(&b.lfn));
    Ok(shown)
}

/// Says it of the runs that are named.
async fn set_runs(call: &SetQuality, cx: &mut Context<'_>, vo: i64) -> Result<Outcomes, Error> {
    let pass = pass_key(call.processing_pass.as_ref());
    let wanted = call.runs.iter().map(|run| (*run, pass));
    let known = quality::of_runs(&mut cx.session, vo, wanted).await?;
    let mut new: BTreeMap<RunPass, Said> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(call.runs.len());
    for run in &call.runs {
        let old = known.get(&(*run, pass));
        let mut outcome = outcome(call.quality, old);
        if outcome != Outcome::Unchanged
            && new.insert((*run, pass), said(cx, call, old, None)).is_some()
        {
            outcome = Outcome::Unchanged;
        }
        outcomes.push((run.to_string(), Ok(outcome)));
    }
    quality::add_to_runs(&mut cx.session, vo, &new).await?;
    Ok(outcomes)
}

/// Says it of the files that are named; gives those whose flag changes.
async fn set_files(
    call: &SetQuality,
    cx: &mut Context<'_>,
    vo: i64,
) -> Result<(BTreeSet<FileKey>, Outcomes), Error> {
    let mut stored = find_named(cx, call.lfns.iter(), false, Lock::Update).await?;
    stored.retain(|_, file| file.vo == vo);
    let known = quality::of_files(&mut cx.session, stored.keys().copied()).await?;
    let mut new: BTreeMap<FileKey, Said> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(call.lfns.len());
    for lfn in &call.lfns {
        let key = lfn.key();
        if !stored.contains_key(&key) {
            outcomes.push((lfn.to_string(), Err(no_file())));
            continue;
        }
        let old = known.get(&key);
        let mut outcome = outcome(call.quality, old);
        if outcome != Outcome::Unchanged && new.insert(key, said(cx, call, old, None)).is_some() {
            outcome = Outcome::Unchanged;
        }
        outcomes.push((lfn.to_string(), Ok(outcome)));
    }
    quality::add_to_files(&mut cx.session, &new).await?;
    Ok((new.into_keys().collect(), outcomes))
}

/// Passes the flag on to what was made from the files, and to the files of the runs.
async fn pass_on(call: &SetQuality, cx: &mut Context<'_>, vo: i64) -> Result<Passed, Error> {
    let named: BTreeSet<FileKey> = call.lfns.iter().map(Lfn::key).collect();
    let mut origins: HashMap<FileKey, String> =
        call.lfns.iter().map(|lfn| (lfn.key(), lfn.to_string())).collect();
    origins.extend(of_runs(cx, vo, &call.runs.iter().copied().collect()).await?);
    descend(cx, &mut origins).await?;
    let targets: Vec<FileKey> = origins
        .keys()
        .copied()
        .filter(|key| !named.contains(key))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut passed = Passed::default();
    for part in targets.chunks(STEP) {
        let mut stored =
            file::find(&mut cx.session, part.iter().copied(), false, Lock::Update).await?;
        stored.retain(|_, file| file.vo == vo && file.status != FileStatus::Retired);
        let known = quality::of_files(&mut cx.session, stored.keys().copied()).await?;
        let mut new = BTreeMap::new();
        for key in stored.into_keys() {
            let old = known.get(&key);
            let flag = old.map_or(Quality::Unchecked, |old| old.flag);
            if flag == call.quality {
                continue;
            }
            if keeps(old, call.quality) {
                passed.kept += 1;
                continue;
            }
            passed.changed.insert(key, flag);
            new.insert(key, said(cx, call, old, origins.get(&key).cloned()));
        }
        quality::add_to_files(&mut cx.session, &new).await?;
    }
    Ok(passed)
}

/// Whether a file keeps what was said of itself, when another flag is passed on to it.
fn keeps(old: Option<&Said>, new: Quality) -> bool {
    old.is_some_and(|old| {
        old.origin.is_none()
            && old.flag != Quality::Unchecked
            && (new == Quality::Unchecked || new < old.flag)
    })
}

fn too_many() -> Error {
    Error::TooLarge(format!(
        "the flag would be passed on to more than {MAX_PASSED} files; name fewer runs or files"
    ))
}

/// The files of runs, each with the run that it is of.
async fn of_runs(
    cx: &mut Context<'_>,
    vo: i64,
    runs: &BTreeSet<RunNumber>,
) -> Result<HashMap<FileKey, String>, Error> {
    let mut origins = HashMap::new();
    let mut after = None;
    while !runs.is_empty() {
        let limit = i64::try_from(STEP).unwrap_or(i64::MAX);
        let found = section::files_of_runs(&mut cx.session, vo, runs, after, limit).await?;
        let sections = section::of(&mut cx.session, found.iter().copied()).await?;
        let run =
            |sections: &RunSections| sections.runs().keys().find(|r| runs.contains(r)).copied();
        origins.extend(
            sections.iter().filter_map(|(key, s)| Some((*key, format!("run {}", run(s)?)))),
        );
        if origins.len() > MAX_PASSED {
            return Err(too_many());
        }
        after = found.last().copied();
        if found.len() < STEP {
            break;
        }
    }
    Ok(origins)
}

/// Adds all that was made from the files, generation by generation, each with where it comes from.
async fn descend(
    cx: &mut Context<'_>,
    origins: &mut HashMap<FileKey, String>,
) -> Result<(), Error> {
    let mut front: Vec<FileKey> = origins.keys().copied().collect();
    while !front.is_empty() {
        front.sort_unstable();
        let mut next = Vec::new();
        for hop in lineage::hops(&mut cx.session, &front, Direction::Down).await? {
            if !origins.contains_key(&hop.to)
                && let Some(origin) = origins.get(&hop.from).cloned()
            {
                origins.insert(hop.to, origin);
                next.push(hop.to);
            }
        }
        if origins.len() > MAX_PASSED {
            return Err(too_many());
        }
        front = next;
    }
    Ok(())
}
