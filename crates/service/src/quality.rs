//! The quality of runs and files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    GetQuality, ListQualityHistory, Page, Qualities, QualityEntry, QualityOf, QualityOrigin,
};
use sbk_model::{FileKey, Lfn, PassName, Quality, RunNumber, TermKey};
use sbk_store::{
    directory::Lock,
    name_of,
    quality::{self, Said},
    section,
};

use crate::{Context, Error, Run, cursor, file::find_named, register::check_count};

mod set;

/// The key of a processing pass; 0 stands for all.
pub fn pass_key(pass: Option<&PassName>) -> i64 {
    pass.map_or(0, |name| TermKey::of(name.as_str()).0)
}

/// What counts of what was said of runs, in a pass or in all (0).
pub async fn of_runs(
    cx: &mut Context<'_>,
    vo: i64,
    runs: impl IntoIterator<Item = RunNumber>,
    pass: i64,
) -> Result<BTreeMap<RunNumber, (Said, QualityOrigin)>, Error> {
    let wanted = runs.into_iter().flat_map(|run| [(run, 0), (run, pass)]);
    let said = quality::of_runs(&mut cx.session, vo, wanted).await?;
    let mut counting: BTreeMap<RunNumber, (Said, QualityOrigin)> = BTreeMap::new();
    // Those of all passes come first; one of the pass that says something takes their place.
    let (of_all, of_pass): (Vec<_>, Vec<_>) =
        said.into_iter().partition(|((_, pass), _)| *pass == 0);
    for ((run, _), said) in of_all {
        counting.insert(run, (said, QualityOrigin::Run));
    }
    for ((run, _), said) in of_pass {
        if said.flag != Quality::Unchecked || !counting.contains_key(&run) {
            counting.insert(run, (said, QualityOrigin::Pass));
        }
    }
    Ok(counting)
}

fn shown(name: String, found: Option<(Said, QualityOrigin)>) -> QualityOf {
    match found {
        Some((said, origin)) => QualityOf {
            name,
            quality: said.flag,
            origin: if said.flag == Quality::Unchecked { QualityOrigin::Nothing } else { origin },
            actor: Some(said.actor),
            changed: Some(said.changed),
            reason: said.reason,
        },
        None => QualityOf {
            name,
            quality: Quality::Unchecked,
            origin: QualityOrigin::Nothing,
            actor: None,
            changed: None,
            reason: None,
        },
    }
}

/// What counts of what was said of files, of their runs in a pass, and of their runs. A file of
/// several runs is as good as the worst of them.
async fn of_files(
    cx: &mut Context<'_>,
    vo: i64,
    files: &BTreeSet<FileKey>,
    pass: i64,
) -> Result<HashMap<FileKey, (Said, QualityOrigin)>, Error> {
    let mut own = quality::of_files(&mut cx.session, files.iter().copied()).await?;
    own.retain(|_, said| said.flag != Quality::Unchecked);
    let others = files.iter().copied().filter(|key| !own.contains_key(key));
    let sections = section::of(&mut cx.session, others).await?;
    let runs: BTreeSet<RunNumber> =
        sections.values().flat_map(|sections| sections.runs().keys().copied()).collect();
    let flags = of_runs(cx, vo, runs, pass).await?;
    let flag = |run: &RunNumber| flags.get(run).map_or(Quality::Unchecked, |found| found.0.flag);
    let mut counting: HashMap<FileKey, (Said, QualityOrigin)> = own
        .into_iter()
        .map(|(key, said)| {
            let passed = said.origin.is_some();
            (key, (said, if passed { QualityOrigin::Passed } else { QualityOrigin::Own }))
        })
        .collect();
    for (key, sections) in sections {
        let worst = sections.runs().keys().max_by_key(|run| flag(run));
        if let Some(found) = worst.and_then(|run| flags.get(run)) {
            counting.insert(key, found.clone());
        }
    }
    Ok(counting)
}

impl Run for GetQuality {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Qualities, Error> {
        check_count("runs", self.runs.len() + self.lfns.len(), 10_000)?;
        let vo = cx.community(&self.vo).await?.key;
        let pass = pass_key(self.processing_pass.as_ref());
        let mut answer = Qualities::default();
        let runs = of_runs(cx, vo, self.runs.iter().copied(), pass).await?;
        for run in &self.runs {
            answer.qualities.push(shown(run.to_string(), runs.get(run).cloned()));
        }
        let mut stored = find_named(cx, self.lfns.iter(), false, Lock::None).await?;
        stored.retain(|_, file| file.vo == vo);
        let files = of_files(cx, vo, &stored.keys().copied().collect(), pass).await?;
        for lfn in &self.lfns {
            if stored.contains_key(&lfn.key()) {
                answer.qualities.push(shown(lfn.to_string(), files.get(&lfn.key()).cloned()));
            } else {
                answer.missing.push(lfn.clone());
            }
        }
        Ok(answer)
    }
}

fn entry(said: Said, pass: Option<PassName>) -> QualityEntry {
    QualityEntry {
        changed: said.changed,
        quality: said.flag,
        processing_pass: pass,
        actor: said.actor,
        reason: said.reason,
        origin: said.origin,
        audit: said.audit.0,
    }
}

impl Run for ListQualityHistory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<QualityEntry>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        let vo = cx.community(&self.vo).await?.key;
        match (self.run, &self.lfn) {
            (Some(run), None) => {
                history_of_run(cx, (vo, run), self.processing_pass.as_ref(), after, limit).await
            }
            (None, Some(lfn)) => of_file(cx, vo, lfn, after.0, limit).await,
            _ => Err(Error::invalid("run", "", "or `lfn` is needed, one of the two")),
        }
    }
}

async fn history_of_run(
    cx: &mut Context<'_>,
    run: (i64, RunNumber),
    pass: Option<&PassName>,
    after: (i64, i64),
    limit: i64,
) -> Result<Page<QualityEntry>, Error> {
    let pass = pass.map(|pass| pass_key(Some(pass)));
    let found = quality::history_of_run(&mut cx.session, run, pass, after, limit).await?;
    let next =
        cursor::next(&found, limit, |(pass, said)| cursor::encode(&(said.changed.micros(), *pass)));
    let keys: Vec<i64> = found.iter().map(|(pass, _)| *pass).filter(|pass| *pass != 0).collect();
    let terms = cx.session.terms(keys).await?;
    let items = found.into_iter().map(|(pass, said)| {
        let pass = (pass != 0).then(|| name_of(&terms, pass)).transpose()?;
        Ok(entry(said, pass))
    });
    Ok(Page { items: items.collect::<Result<_, Error>>()?, next })
}

async fn of_file(
    cx: &mut Context<'_>,
    vo: i64,
    lfn: &Lfn,
    after: i64,
    limit: i64,
) -> Result<Page<QualityEntry>, Error> {
    let found = find_named(cx, [lfn].into_iter(), false, Lock::None).await?;
    if !found.values().any(|file| file.vo == vo) {
        return Err(Error::NotFound(format!("there is no file {lfn}")));
    }
    let found = quality::history_of_file(&mut cx.session, lfn.key(), after, limit).await?;
    let next = cursor::next(&found, limit, |said| cursor::encode(&(said.changed.micros(), 0)));
    let items = found.into_iter().map(|said| entry(said, None)).collect();
    Ok(Page { items, next })
}
