//! Selects sections: those of files, of runs, of a mask.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{CombineMasks, ExportMask, Mask, MaskRule, SectionSelection};
use sbk_model::{Quality, RunNumber, RunSections, Vo};
use sbk_store::{
    directory::Lock,
    run::{self, Filter},
    section::{self, Selected},
};

use crate::{
    Context, Error, Run,
    file::find_named,
    gather::Gathered,
    quality,
    query::{self, Asked},
    register::check_count,
};

/// Sections that a call means.
#[derive(Debug, Default)]
pub struct Selection {
    /// The sections, each once.
    pub sections: RunSections,
    /// Those that more than one file has.
    pub repeated: RunSections,
    /// How many files were looked at.
    pub files: u64,
    /// How many of them have no sections.
    pub without: u64,
}

/// The sections that a call means.
pub async fn select(
    cx: &mut Context<'_>,
    vo: &Vo,
    of: &SectionSelection,
) -> Result<Selection, Error> {
    let community = cx.community(vo).await?;
    let mut selection = if let Some(gathered) = files(cx, vo, community.key, of).await? {
        let (files, without) = (gathered.files, gathered.without);
        let (sections, repeated) = gathered.finish();
        Selection { sections, repeated, files, without }
    } else {
        let sections = match &of.mask {
            Some(mask) => mask.clone(),
            None => runs(cx, community.key, of).await?,
        };
        Selection { sections, ..Selection::default() }
    };
    cut(cx, community.key, of, &mut selection).await?;
    Ok(selection)
}

/// Gathers the sections of the files that are meant; nothing when none are.
async fn files(
    cx: &mut Context<'_>,
    vo: &Vo,
    key: i64,
    of: &SectionSelection,
) -> Result<Option<Gathered>, Error> {
    let ways = [of.dataset.is_some(), of.expr.is_some() || of.filter.is_some(), of.lfns.is_some()];
    if ways.into_iter().filter(|given| *given).count() > 1 {
        let reason = "stands beside a query or files; give one of dataset, expr, where and lfns";
        return Err(Error::invalid("of.dataset", "", reason));
    }
    let asked = |text, json| Asked::either(text, json, vo);
    let selected = match of {
        SectionSelection { dataset: Some(name), .. } => {
            let dataset = cx.dataset(name, Some(vo), Lock::None).await?;
            match &dataset.query {
                Some(text) => query::sections(cx, &asked(Some(text), None)).await?,
                None => Selected::Dataset(dataset.key),
            }
        }
        SectionSelection { lfns: Some(lfns), .. } => {
            check_count("of.lfns", lfns.len(), 10_000)?;
            return named(cx, key, lfns).await.map(Some);
        }
        SectionSelection { expr: None, filter: None, .. } => return Ok(None),
        SectionSelection { expr, filter, .. } => {
            query::sections(cx, &asked(expr.as_ref(), filter.as_ref())).await?
        }
    };
    let mut gathered = Gathered::default();
    let bad = |error: sbk_model::Invalid| sbk_store::Error::Internal(error.to_string());
    section::each(&mut cx.session, selected, |text| gathered.add(text).map_err(bad)).await?;
    Ok(Some(gathered))
}

async fn named(cx: &mut Context<'_>, vo: i64, lfns: &[sbk_model::Lfn]) -> Result<Gathered, Error> {
    let mut stored = find_named(cx, lfns.iter(), false, Lock::None).await?;
    stored.retain(|_, file| file.vo == vo);
    if let Some(missing) = lfns.iter().find(|lfn| !stored.contains_key(&lfn.key())) {
        return Err(Error::NotFound(format!("the community has no file {missing}")));
    }
    let sections = section::of(&mut cx.session, stored.keys().copied()).await?;
    let mut gathered = Gathered::default();
    for key in stored.keys() {
        gathered.add(sections.get(key).map(RunSections::pack).as_deref())?;
    }
    Ok(gathered)
}

/// How many runs are read at once.
const STEP: usize = 5000;

/// All sections of the declared runs that are meant.
async fn runs(cx: &mut Context<'_>, vo: i64, of: &SectionSelection) -> Result<RunSections, Error> {
    if of.runs.is_none() && of.quality.is_none() {
        let reason = "is empty; give a dataset, a query, files, runs, a quality or a mask";
        return Err(Error::invalid("of", "", reason));
    }
    let filter = Filter {
        vo: Some(vo),
        first: of.runs.map(|(first, _)| first.0.into()),
        last: of.runs.map(|(_, last)| last.0.into()),
        ..Filter::default()
    };
    let mut sections = BTreeMap::new();
    let mut after = (vo, -1);
    loop {
        let limit = i64::try_from(STEP).unwrap_or(i64::MAX);
        let found = run::list(&mut cx.session, &filter, after, limit).await?;
        let full = found.len() == STEP;
        after = found.last().map_or(after, |run| (vo, run.run.0.into()));
        sections.extend(found.into_iter().map(|run| (run.run, run.sections)));
        if !full {
            return Ok(RunSections::new(sections));
        }
    }
}

/// Leaves out what mask, runs and quality do not have.
async fn cut(
    cx: &mut Context<'_>,
    vo: i64,
    of: &SectionSelection,
    selection: &mut Selection,
) -> Result<(), Error> {
    let mut kept = std::mem::take(&mut selection.sections);
    if let Some(mask) = &of.mask {
        kept = kept.intersection(mask);
    }
    if let Some((first, last)) = of.runs {
        kept = only(&kept, |run| (first..=last).contains(&run));
    }
    if let Some(wanted) = &of.quality {
        let pass = quality::pass_key(of.processing_pass.as_ref());
        let numbers: Vec<RunNumber> = kept.runs().keys().copied().collect();
        let mut good = BTreeSet::new();
        for part in numbers.chunks(STEP) {
            let flags = quality::of_runs(cx, vo, part.iter().copied(), pass).await?;
            let flag =
                |run: &RunNumber| flags.get(run).map_or(Quality::Unchecked, |found| found.0.flag);
            good.extend(part.iter().copied().filter(|run| wanted.contains(&flag(run))));
        }
        kept = only(&kept, |run| good.contains(&run));
    }
    selection.repeated = selection.repeated.intersection(&kept);
    selection.sections = kept;
    Ok(())
}

fn only(sections: &RunSections, takes: impl Fn(RunNumber) -> bool) -> RunSections {
    let runs = sections.runs().iter().filter(|(run, _)| takes(**run));
    RunSections::new(runs.map(|(run, sections)| (*run, sections.clone())).collect())
}

/// The most intervals of an answer.
const MAX_ANSWERED: usize = 1_000_000;

fn answer(mask: RunSections) -> Result<Mask, Error> {
    if mask.intervals() > MAX_ANSWERED {
        return Err(Error::TooLarge(format!(
            "the mask has more than {MAX_ANSWERED} intervals; ask for fewer runs at a time"
        )));
    }
    Ok(Mask { runs: mask.runs().len() as u64, sections: mask.count(), mask })
}

impl Run for ExportMask {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Mask, Error> {
        answer(select(cx, &self.vo, &self.of).await?.sections)
    }
}

impl Run for CombineMasks {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Mask, Error> {
        check_count("of", self.of.len(), 100)?;
        let mut combined: Option<RunSections> = None;
        for part in &self.of {
            let next = select(cx, &self.vo, part).await?.sections;
            combined = Some(match (combined, self.rule) {
                (None, _) => next,
                (Some(so_far), MaskRule::Or) => so_far.union(&next),
                (Some(so_far), MaskRule::And) => so_far.intersection(&next),
                (Some(so_far), MaskRule::Sub) => so_far.difference(&next),
                (Some(so_far), MaskRule::Xor) => so_far.symmetric_difference(&next),
            });
        }
        answer(combined.unwrap_or_default())
    }
}
