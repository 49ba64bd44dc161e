//! The luminosity of runs, and of any selection of sections.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    BulkResult, GetLuminosity, GetRunLuminosity, Luminosity, Outcome, RunLuminosity, SetLuminosity,
};
use sbk_metadata::{Unit, from_inverse_barns, to_inverse_barns};
use sbk_model::{Intervals, RunNumber, RunSections};
use sbk_store::{
    directory::Lock,
    luminosity::{self, BLOCK, Block, Sum},
    run::{self, BySection, Stored},
};

use crate::{
    Context, Error, Note, Run,
    file::results,
    mask::select,
    register::check_count,
    run::{find, no_run, unit},
};

/// The most sections of one call.
const MAX_SECTIONS: usize = 1_000_000;

/// What a call says of the luminosity of a run, in inverse barns.
#[derive(Debug, PartialEq)]
pub struct Said {
    /// Section by section.
    pub blocks: Vec<Block>,
    /// From which to which section.
    pub by_section: Option<BySection>,
    /// What was delivered in the whole run.
    pub delivered: Option<i64>,
    /// What was recorded in the whole run.
    pub recorded: Option<i64>,
}

impl Said {
    /// Reads what a call says.
    pub fn read(at: usize, said: &RunLuminosity, unit: &Unit) -> Result<Self, Error> {
        let field = |name: &str| format!("runs.{at}.{name}");
        let value = |name: &str, number: f64| {
            to_inverse_barns(number, unit)
                .map_err(|error| Error::invalid(&field(name), &error.value, error.reason))
        };
        if said.recorded.is_empty() {
            if !said.delivered.is_empty() {
                let reason = "is absent, but `delivered` is there; give both";
                return Err(Error::invalid(&field("recorded"), "", reason));
            }
            let total = |name, number: Option<f64>| number.map(|n| value(name, n)).transpose();
            let delivered = total("delivered_total", said.delivered_total)?;
            let recorded = total("recorded_total", said.recorded_total)?;
            return Ok(Self { blocks: Vec::new(), by_section: None, delivered, recorded });
        }
        if said.recorded_total.is_some() || said.delivered_total.is_some() {
            let reason = "stands beside the luminosity of sections, which says it";
            return Err(Error::invalid(&field("recorded_total"), "", reason));
        }
        if !said.delivered.is_empty() && said.delivered.len() != said.recorded.len() {
            let reason = format!("are not {} values, as many as `recorded`", said.recorded.len());
            let count = said.delivered.len().to_string();
            return Err(Error::invalid(&field("delivered"), &count, reason));
        }
        let values = |name: &str, list: &[Option<f64>]| -> Result<Vec<Option<i64>>, Error> {
            list.iter().map(|number| number.map(|n| value(name, n)).transpose()).collect()
        };
        let recorded = values("recorded", &said.recorded)?;
        let delivered = values("delivered", &said.delivered)?;
        let holes = || recorded.iter().zip(&delivered).any(|(r, d)| r.is_some() != d.is_some());
        if holes() {
            let reason = "is null for other sections than `recorded`";
            return Err(Error::invalid(&field("delivered"), "", reason));
        }
        let first = said.first.unwrap_or(1);
        let too_much = || Error::invalid(&field("recorded"), "", "sums up to too much");
        Self::of_sections(first, &recorded, &delivered).ok_or_else(too_much)
    }

    /// Lays sections out in blocks; nothing where a sum does not fit.
    fn of_sections(
        first: u32,
        recorded: &[Option<i64>],
        delivered: &[Option<i64>],
    ) -> Option<Self> {
        let known = recorded.iter().flatten().count();
        let begin = recorded.iter().position(Option::is_some);
        let end = recorded.iter().rposition(Option::is_some);
        let section = |at: usize| Some(i64::from(first) + i64::try_from(at).ok()?);
        let (Some(begin), Some(end)) = (begin, end) else {
            return Some(Self {
                blocks: Vec::new(),
                by_section: None,
                delivered: None,
                recorded: None,
            });
        };
        let by_section = BySection {
            first: section(begin)?,
            last: section(end)?,
            known: i64::try_from(known).ok()?,
        };
        let size = i64::from(BLOCK);
        let mut blocks = Vec::new();
        let mut sum = Sum::default();
        for block in by_section.first / size..=by_section.last / size {
            let values = |all: &[Option<i64>]| -> Vec<Option<u64>> {
                let value = |section: i64| {
                    let at = usize::try_from(section - i64::from(first)).ok()?;
                    u64::try_from((*all.get(at)?)?).ok()
                };
                (block * size..(block + 1) * size).map(value).collect()
            };
            let has_delivered = !delivered.is_empty();
            let block = Block {
                block,
                before: sum,
                delivered: if has_delivered { values(delivered) } else { Vec::new() },
                recorded: values(recorded),
            };
            sum = checked(&block)?;
            blocks.push(block);
        }
        let delivered = (!delivered.is_empty()).then_some(sum.delivered);
        Some(Self { blocks, by_section: Some(by_section), delivered, recorded: Some(sum.recorded) })
    }
}

/// The sum up to the end of a block, if it fits.
fn checked(block: &Block) -> Option<Sum> {
    let add = |sum: i64, values: &[Option<u64>]| {
        values.iter().flatten().try_fold(sum, |sum, value| sum.checked_add_unsigned(*value))
    };
    let known = i64::try_from(block.recorded.iter().flatten().count()).ok()?;
    Some(Sum {
        known: block.before.known + known,
        delivered: add(block.before.delivered, &block.delivered)?,
        recorded: add(block.before.recorded, &block.recorded)?,
    })
}

impl Run for SetLuminosity {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("runs", self.runs.len(), 1000)?;
        let sections: usize = self.runs.iter().map(|run| run.recorded.len()).sum();
        check_count("runs", sections.max(1), MAX_SECTIONS)?;
        let unit = unit(Some(&self.unit))?;
        let community = cx.community(&self.vo).await?;
        let mut said = BTreeMap::new();
        for (at, run) in self.runs.iter().enumerate() {
            if said.insert(run.run, Said::read(at, run, &unit)?).is_some() {
                let reason = "is in this call twice";
                return Err(Error::invalid("runs.run", &run.run.to_string(), reason));
            }
        }
        let numbers = said.keys().copied();
        let stored = run::find(&mut cx.session, community.key, numbers, Lock::Update).await?;
        if let Some(missing) = said.keys().find(|run| !stored.contains_key(run)) {
            return Err(no_run(&self.vo, *missing));
        }
        let known =
            luminosity::of_runs(&mut cx.session, community.key, said.keys().copied()).await?;
        let (mut changed, mut blocks, mut outcomes) =
            (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (number, said) in said {
            let Some(old) = stored.get(&number) else { continue };
            let before = Said {
                blocks: known.get(&number).cloned().unwrap_or_default(),
                by_section: old.by_section,
                delivered: old.delivered,
                recorded: old.recorded,
            };
            let outcome = match (before == said, before.recorded.or(before.delivered)) {
                (true, _) => Outcome::Unchanged,
                (false, None) => Outcome::Added,
                (false, Some(_)) => Outcome::Changed,
            };
            outcomes.insert(number, outcome);
            if outcome == Outcome::Unchanged {
                continue;
            }
            changed.push(Stored {
                delivered: said.delivered,
                recorded: said.recorded,
                by_section: said.by_section,
                modified: cx.now,
                audit: cx.audit,
                ..old.clone()
            });
            blocks.insert(number, said.blocks);
        }
        run::change(&mut cx.session, &changed).await?;
        luminosity::replace(&mut cx.session, community.key, &blocks).await?;
        cx.note(Note {
            count: changed.len() as u64,
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "vo": self.vo,
                "runs": changed.iter().take(100).map(|run| run.run).collect::<Vec<_>>(),
            }),
        });
        let names: Vec<(String, Outcome)> =
            outcomes.into_iter().map(|(run, outcome)| (run.to_string(), outcome)).collect();
        Ok(results(names.iter().map(|(name, outcome)| (name.as_str(), Ok(*outcome))), false))
    }
}

impl Run for GetRunLuminosity {
    async fn run(&self, cx: &mut Context<'_>) -> Result<RunLuminosity, Error> {
        let unit = unit(self.unit.as_deref())?;
        let stored = find(cx, &self.vo, self.run).await?;
        show(cx, &stored, &unit, !self.totals).await
    }
}

/// The luminosity of a run, section by section where asked and known.
pub async fn show(
    cx: &mut Context<'_>,
    stored: &Stored,
    unit: &Unit,
    by_section: bool,
) -> Result<RunLuminosity, Error> {
    let shown = |number: i64| from_inverse_barns(number.into(), unit);
    let mut answer = RunLuminosity {
        run: stored.run,
        first: None,
        recorded: Vec::new(),
        delivered: Vec::new(),
        recorded_total: stored.recorded.map(shown),
        delivered_total: stored.delivered.map(shown),
    };
    let Some(by) = stored.by_section.filter(|_| by_section) else { return Ok(answer) };
    let found = luminosity::of_runs(&mut cx.session, stored.vo, [stored.run]).await?;
    let blocks = found.get(&stored.run).map_or(&[][..], Vec::as_slice);
    let begin = blocks.first().map_or(0, |block| block.block * i64::from(BLOCK));
    let from = usize::try_from(by.first - begin).unwrap_or_default();
    let count = usize::try_from(by.last - by.first + 1).unwrap_or_default();
    let values = |of: fn(&Block) -> &Vec<Option<u64>>| -> Vec<Option<f64>> {
        let all = blocks.iter().flat_map(|block| of(block).iter());
        let shown = |value: &Option<u64>| value.map(|n| from_inverse_barns(n.into(), unit));
        all.skip(from).take(count).map(shown).collect()
    };
    answer.first = u32::try_from(by.first).ok();
    answer.recorded = values(|block| &block.recorded);
    answer.delivered = values(|block| &block.delivered);
    Ok(answer)
}

/// A sum of the luminosity of sections of any runs, in inverse barns.
#[derive(Debug, Default)]
struct Total {
    recorded: i128,
    delivered: i128,
    /// Whether what was delivered is not known of a section that is in the sum.
    undelivered: bool,
    known: u64,
    incomplete: BTreeSet<RunNumber>,
}

/// Where a sum up to a section is found.
enum Place {
    Known(Sum),
    Block(i64, u32),
}

/// Where the sum of all sections of a run before a section is found.
fn place(run: &Stored, by: BySection, section: i64) -> Place {
    if section <= by.first {
        return Place::Known(Sum::default());
    }
    if section > by.last {
        return Place::Known(Sum {
            known: by.known,
            delivered: run.delivered.unwrap_or_default(),
            recorded: run.recorded.unwrap_or_default(),
        });
    }
    let size = i64::from(BLOCK);
    Place::Block(section / size, u32::try_from(section % size).unwrap_or_default())
}

/// The ends of intervals: where each begins, and what comes after it.
fn edges(sections: &Intervals) -> impl Iterator<Item = (i64, i64)> {
    sections.as_slice().iter().map(|(first, last)| (i64::from(*first), i64::from(*last) + 1))
}

/// How many runs are looked at together.
const STEP: usize = 2000;

impl Total {
    async fn add(
        &mut self,
        cx: &mut Context<'_>,
        vo: i64,
        part: &[(&RunNumber, &Intervals)],
    ) -> Result<(), Error> {
        let numbers = part.iter().map(|(run, _)| **run);
        let runs = run::find(&mut cx.session, vo, numbers, Lock::None).await?;
        let mut wanted = BTreeSet::new();
        for (number, sections) in part {
            let Some((run, by)) = runs.get(number).and_then(|run| Some((run, run.by_section?)))
            else {
                continue;
            };
            for edge in edges(sections).flat_map(|(first, after)| [first, after]) {
                if let Place::Block(block, _) = place(run, by, edge) {
                    wanted.insert((**number, block));
                }
            }
        }
        let blocks = luminosity::blocks(&mut cx.session, vo, &wanted).await?;
        for (number, sections) in part {
            let known = match runs.get(number) {
                None => 0,
                Some(run) => match run.by_section {
                    Some(by) => self.add_sections(run, by, sections, &blocks),
                    None => self.add_whole(run, sections),
                },
            };
            self.known += known;
            if known < sections.count() {
                self.incomplete.insert(**number);
            }
        }
        Ok(())
    }

    /// Adds sections of a run whose luminosity is known by section; says of how many.
    fn add_sections(
        &mut self,
        run: &Stored,
        by: BySection,
        sections: &Intervals,
        blocks: &BTreeMap<(RunNumber, i64), Block>,
    ) -> u64 {
        let before = |section| match place(run, by, section) {
            Place::Known(sum) => sum,
            Place::Block(block, place) => {
                blocks.get(&(run.run, block)).map_or(Sum::default(), |block| block.before(place))
            }
        };
        let mut known = 0;
        for (first, after) in edges(sections) {
            let sum = before(after) - before(first);
            self.recorded += i128::from(sum.recorded);
            self.delivered += i128::from(sum.delivered);
            known += u64::try_from(sum.known).unwrap_or_default();
        }
        self.undelivered |= known > 0 && run.delivered.is_none();
        known
    }

    /// Adds a run of which only the whole luminosity is known; says of how many sections. Of a
    /// part of it nothing is known.
    fn add_whole(&mut self, run: &Stored, sections: &Intervals) -> u64 {
        let Some(recorded) = run.recorded.filter(|_| sections.covers(&run.sections)) else {
            return 0;
        };
        self.recorded += i128::from(recorded);
        self.delivered += i128::from(run.delivered.unwrap_or_default());
        self.undelivered |= run.delivered.is_none();
        run.sections.count()
    }
}

/// The most runs that an answer names.
const MAX_NAMED: usize = 1000;

async fn total(cx: &mut Context<'_>, vo: i64, sections: &RunSections) -> Result<Total, Error> {
    let runs: Vec<_> = sections.runs().iter().collect();
    let mut total = Total::default();
    for part in runs.chunks(STEP) {
        total.add(cx, vo, part).await?;
    }
    Ok(total)
}

impl Run for GetLuminosity {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Luminosity, Error> {
        let unit = unit(self.unit.as_deref())?;
        let selection = select(cx, &self.vo, &self.of).await?;
        let vo = cx.community(&self.vo).await?.key;
        let total = total(cx, vo, &selection.sections).await?;
        let sections = selection.sections.count();
        let delivered = (!total.undelivered).then(|| from_inverse_barns(total.delivered, &unit));
        Ok(Luminosity {
            recorded: from_inverse_barns(total.recorded, &unit),
            delivered,
            complete: total.incomplete.is_empty() && selection.without == 0,
            runs: selection.sections.runs().len() as u64,
            sections,
            sections_without_luminosity: sections.saturating_sub(total.known),
            incomplete_runs: total.incomplete.into_iter().take(MAX_NAMED).collect(),
            files: selection.files,
            files_without_sections: selection.without,
            overlap: selection.repeated.count(),
            unit: unit.to_string(),
        })
    }
}
