//! Records of runs, fills, luminosity, quality and what communities name.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    DefinitionKind, DefinitionRecord, FillRecord, Outcome, Place, Problem, QualityEntry,
    QualityRecord, Record, RunLuminosity, RunLuminosityRecord, RunRecord, Site,
};
use sbk_metadata::Unit;
use sbk_model::{DirKey, FileKey, RunNumber, TermKey, Vo};
use sbk_store::{
    definition::{self, Kind},
    directory::Lock,
    lineage, luminosity, name_of,
    quality::{self, Said},
    run::{self, Filter, Stored},
    storage,
};
use serde::{Deserialize, Serialize};

use super::{Outcomes, differs, last, restore::added};
use crate::{
    Context, Error,
    file::no_file,
    luminosity as luminosities,
    quality::pass_key,
    run::{check_run, declared, declared_fill, fill_row, no_run, row, with_sections},
};

/// Where an export of these records goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Position {
    Fills(i64, i64),
    Runs(i64, i64),
    Luminosity(i64, i64),
    OfRuns(i64, i64, i64, i64),
    OfFiles(i64, i64, i64),
    Definitions(usize, Option<(i64, String)>),
}

impl Position {
    /// The beginning of the first kind.
    pub const FIRST: Self = Self::Fills(i64::MIN, 0);

    /// The beginning of the kind after this one.
    pub fn next_kind(&self) -> Option<Self> {
        Some(match self {
            Self::Fills(..) => Self::Runs(i64::MIN, 0),
            Self::Runs(..) => Self::Luminosity(i64::MIN, 0),
            Self::Luminosity(..) => Self::OfRuns(i64::MIN, 0, 0, 0),
            Self::OfRuns(..) => Self::OfFiles(i64::MIN, i64::MIN, i64::MIN),
            Self::OfFiles(..) => Self::Definitions(0, None),
            Self::Definitions(kind, _) if kind + 1 < Kind::ALL.len() => {
                Self::Definitions(kind + 1, None)
            }
            Self::Definitions(..) => return None,
        })
    }
}

/// The unit in which luminosities are exported: the one that they are kept in.
const UNIT: &str = "/b";

/// Records of one kind, and where the kind goes on; `None` at its end.
pub async fn step(
    cx: &mut Context<'_>,
    vo: Option<i64>,
    position: &Position,
    limit: i64,
) -> Result<(Vec<Record>, Option<Position>), Error> {
    match position {
        Position::Fills(key, fill) => {
            let found = run::list_fills(&mut cx.session, vo, (*key, *fill), limit).await?;
            let next = last(&found, limit).map(|fill| Position::Fills(fill.vo, fill.fill));
            Ok((fills(cx, found).await?, next))
        }
        Position::Runs(key, number) => {
            let found = runs(cx, vo, (*key, *number), limit).await?;
            let next = last(&found, limit).map(|run| Position::Runs(run.vo, run.run.0.into()));
            Ok((run_records(cx, found).await?, next))
        }
        Position::Luminosity(key, number) => {
            // A run may have thousands of sections.
            let limit = limit.min(200);
            let found = runs(cx, vo, (*key, *number), limit).await?;
            let place = |run: &Stored| Position::Luminosity(run.vo, run.run.0.into());
            let next = last(&found, limit).map(place);
            Ok((luminosity_records(cx, found).await?, next))
        }
        Position::OfRuns(a, b, c, d) => {
            let after = (*a, *b, *c, *d);
            let found = quality::export_runs(&mut cx.session, vo, after, limit).await?;
            let next =
                last(&found, limit).map(|((a, b, c, d), _)| Position::OfRuns(*a, *b, *c, *d));
            Ok((run_qualities(cx, found).await?, next))
        }
        Position::OfFiles(directory, name, moment) => {
            let key = FileKey { directory: DirKey(*directory), name: *name };
            let found = quality::export_files(&mut cx.session, vo, (key, *moment), limit).await?;
            let next = last(&found, limit).map(|(key, _, said)| {
                Position::OfFiles(key.directory.0, key.name, said.changed.micros())
            });
            Ok((file_qualities(cx, found).await?, next))
        }
        Position::Definitions(at, after) => {
            let Some(kind) = Kind::ALL.get(*at).copied() else { return Ok((Vec::new(), None)) };
            let filter = definition::Filter { vo, ..definition::Filter::default() };
            let after = after.as_ref().map(|(vo, name)| (*vo, name.as_str()));
            let found = definition::list(&mut cx.session, kind, &filter, after, limit).await?;
            let next = last(&found, limit)
                .map(|thing| Position::Definitions(*at, Some((thing.vo, thing.name.clone()))));
            Ok((definitions(cx, kind, found).await?, next))
        }
    }
}

async fn runs(
    cx: &mut Context<'_>,
    vo: Option<i64>,
    after: (i64, i64),
    limit: i64,
) -> Result<Vec<Stored>, Error> {
    let filter = Filter { vo, ..Filter::default() };
    Ok(run::list(&mut cx.session, &filter, after, limit).await?)
}

async fn fills(cx: &mut Context<'_>, found: Vec<run::Fill>) -> Result<Vec<Record>, Error> {
    let keys: BTreeSet<i64> = found.iter().map(|fill| fill.vo).collect();
    let terms = cx.session.terms(keys).await?;
    let records = found.iter().map(|fill| {
        let (vo, modified) = (name_of(&terms, fill.vo)?, fill.modified);
        Ok(Record::Fill(FillRecord { vo, modified, fill: declared_fill(fill)? }))
    });
    records.collect()
}

async fn run_records(cx: &mut Context<'_>, found: Vec<Stored>) -> Result<Vec<Record>, Error> {
    let mut records = Vec::with_capacity(found.len());
    for of_one in found.chunk_by(|a, b| a.vo == b.vo) {
        let Some(key) = of_one.first().map(|run| run.vo) else { continue };
        let terms = cx.session.terms([key]).await?;
        let vo: Vo = name_of(&terms, key)?;
        let by_number: BTreeMap<RunNumber, Stored> =
            of_one.iter().map(|run| (run.run, run.clone())).collect();
        for (number, run) in declared(cx, &by_number).await? {
            let modified = by_number.get(&number).map_or(cx.now, |run| run.modified);
            records.push(Record::Run(RunRecord { vo: vo.clone(), modified, run }));
        }
    }
    Ok(records)
}

async fn luminosity_records(
    cx: &mut Context<'_>,
    found: Vec<Stored>,
) -> Result<Vec<Record>, Error> {
    let keys: BTreeSet<i64> = found.iter().map(|run| run.vo).collect();
    let terms = cx.session.terms(keys).await?;
    let unit: Unit = UNIT.parse()?;
    let mut records = Vec::new();
    for run in found.iter().filter(|run| run.recorded.or(run.delivered).is_some()) {
        let mut luminosity = luminosities::show(cx, run, &unit, true).await?;
        if !luminosity.recorded.is_empty() {
            // The values of the sections say it.
            luminosity.recorded_total = None;
            luminosity.delivered_total = None;
        }
        let vo = name_of(&terms, run.vo)?;
        let unit = UNIT.to_owned();
        records.push(Record::RunLuminosity(RunLuminosityRecord { vo, unit, luminosity }));
    }
    Ok(records)
}

fn entry(said: Said, processing_pass: Option<sbk_model::PassName>) -> QualityEntry {
    QualityEntry {
        changed: said.changed,
        quality: said.flag,
        processing_pass,
        actor: said.actor,
        reason: said.reason,
        origin: said.origin,
        audit: said.audit.0,
    }
}

async fn run_qualities(
    cx: &mut Context<'_>,
    found: Vec<(quality::RunPlace, Said)>,
) -> Result<Vec<Record>, Error> {
    let keys: BTreeSet<i64> =
        found.iter().flat_map(|((vo, _, pass, _), _)| [*vo, *pass]).filter(|k| *k != 0).collect();
    let terms = cx.session.terms(keys).await?;
    let records = found.into_iter().map(|((vo, run, pass, _), said)| {
        let pass = (pass != 0).then(|| name_of(&terms, pass)).transpose()?;
        Ok(Record::Quality(QualityRecord {
            vo: name_of(&terms, vo)?,
            run: u32::try_from(run).ok().map(RunNumber),
            lfn: None,
            entry: entry(said, pass),
        }))
    });
    records.collect()
}

async fn file_qualities(
    cx: &mut Context<'_>,
    found: Vec<(FileKey, i64, Said)>,
) -> Result<Vec<Record>, Error> {
    let keys: BTreeSet<i64> = found.iter().map(|(_, vo, _)| *vo).collect();
    let terms = cx.session.terms(keys).await?;
    let named = lineage::names(&mut cx.session, found.iter().map(|(key, ..)| *key)).await?;
    let records = found.into_iter().filter_map(|(key, vo, said)| {
        let lfn = named.get(&key)?.lfn.clone();
        let vo = name_of(&terms, vo);
        Some(vo.map(|vo| {
            let entry = entry(said, None);
            Record::Quality(QualityRecord { vo, run: None, lfn: Some(lfn), entry })
        }))
    });
    Ok(records.collect::<Result<_, sbk_store::Error>>()?)
}

fn shown(kind: Kind) -> DefinitionKind {
    match kind {
        Kind::EventType => DefinitionKind::EventType,
        Kind::Conditions => DefinitionKind::Conditions,
        Kind::Software => DefinitionKind::Software,
        Kind::BackgroundFrames => DefinitionKind::BackgroundFrames,
        Kind::MetadataSet => DefinitionKind::MetadataSet,
    }
}

fn stored(kind: DefinitionKind) -> Kind {
    match kind {
        DefinitionKind::EventType => Kind::EventType,
        DefinitionKind::Conditions => Kind::Conditions,
        DefinitionKind::Software => Kind::Software,
        DefinitionKind::BackgroundFrames => Kind::BackgroundFrames,
        DefinitionKind::MetadataSet => Kind::MetadataSet,
    }
}

async fn definitions(
    cx: &mut Context<'_>,
    kind: Kind,
    found: Vec<definition::Stored>,
) -> Result<Vec<Record>, Error> {
    let keys = found.iter().map(|thing| thing.key).collect();
    let places = crate::condition::places(cx, &keys).await?;
    let vos: BTreeSet<i64> = found.iter().map(|thing| thing.vo).collect();
    let terms = cx.session.terms(vos).await?;
    let bad = |error: serde_json::Error| {
        sbk_store::Error::Internal(format!("a stored definition is not valid: {error}"))
    };
    let records = found.into_iter().map(|thing| {
        Ok(Record::Definition(DefinitionRecord {
            vo: name_of(&terms, thing.vo)?,
            kind: shown(kind),
            defined: serde_json::from_str(&thing.document).map_err(bad)?,
            places: places.get(&thing.key).cloned().unwrap_or_default(),
            created: thing.created,
            modified: thing.modified,
            name: thing.name,
        }))
    });
    records.collect()
}

/// Makes what the records say, in their order.
pub async fn restore(
    cx: &mut Context<'_>,
    records: &[(usize, &Record)],
    outcomes: &mut Outcomes,
) -> Result<(), Error> {
    for (at, record) in records {
        let outcome = match record {
            Record::Fill(record) => fill(cx, record).await,
            Record::Run(record) => run_record(cx, *at, record).await,
            Record::RunLuminosity(record) => run_luminosity(cx, *at, record).await,
            Record::Quality(record) => said(cx, record).await,
            Record::Definition(record) => defined(cx, record).await,
            _ => continue,
        };
        outcomes[*at] = match outcome {
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => Err(Problem::from(error)),
            Ok(outcome) => outcome,
        };
    }
    Ok(())
}

type One = Result<Result<Outcome, Problem>, Error>;

/// What becomes of something that is there already, or is new.
fn compared(known: Option<bool>) -> Result<Outcome, Problem> {
    match known {
        None => Ok(Outcome::Added),
        Some(true) => Ok(Outcome::Unchanged),
        Some(false) => Err(differs()),
    }
}

async fn fill(cx: &mut Context<'_>, record: &FillRecord) -> One {
    let vo = cx.community(&record.vo).await?.key;
    let number = i64::from(record.fill.fill);
    let known = run::find_fills(&mut cx.session, vo, &BTreeSet::from([number])).await?;
    let same = known.get(&number).map(declared_fill).transpose()?.map(|old| old == record.fill);
    if same.is_none() {
        let new = run::Fill { modified: record.modified, ..fill_row(cx, vo, &record.fill) };
        run::insert_fills(&mut cx.session, &[new]).await?;
    }
    Ok(compared(same))
}

async fn run_record(cx: &mut Context<'_>, at: usize, record: &RunRecord) -> One {
    check_run(at, &record.run)?;
    let vo = cx.community(&record.vo).await?.key;
    let number = record.run.run;
    let known = run::find(&mut cx.session, vo, [number], Lock::Update).await?;
    let wanted = with_sections(&record.run);
    let same = declared(cx, &known).await?.get(&number).map(|old| *old == wanted);
    if same.is_none() {
        let new = Stored { modified: record.modified, ..row(cx, vo, &wanted, None) };
        run::insert(&mut cx.session, &[new]).await?;
    }
    Ok(compared(same))
}

async fn run_luminosity(cx: &mut Context<'_>, at: usize, record: &RunLuminosityRecord) -> One {
    let vo = cx.community(&record.vo).await?.key;
    let unit = crate::run::unit(Some(&record.unit))?;
    let RunLuminosity { run: number, .. } = record.luminosity;
    let new = luminosities::Said::read(at, &record.luminosity, &unit)?;
    let known = run::find(&mut cx.session, vo, [number], Lock::Update).await?;
    let old = known.get(&number).ok_or_else(|| no_run(&record.vo, number))?;
    let blocks = luminosity::of_runs(&mut cx.session, vo, [number]).await?;
    let same = old.recorded.or(old.delivered).map(|_| {
        (old.by_section, old.delivered, old.recorded)
            == (new.by_section, new.delivered, new.recorded)
            && blocks.get(&number).map_or(&[][..], Vec::as_slice) == new.blocks
    });
    if same.is_none() {
        let (delivered, recorded) = (new.delivered, new.recorded);
        let changed = Stored { delivered, recorded, by_section: new.by_section, ..old.clone() };
        run::change(&mut cx.session, &[changed]).await?;
        let blocks = BTreeMap::from([(number, new.blocks)]);
        luminosity::replace(&mut cx.session, vo, &blocks).await?;
    }
    Ok(compared(same))
}

async fn said(cx: &mut Context<'_>, record: &QualityRecord) -> One {
    let vo = cx.community(&record.vo).await?.key;
    let entry = &record.entry;
    let said = Said {
        flag: entry.quality,
        changed: entry.changed,
        audit: cx.audit,
        actor: entry.actor.clone(),
        reason: entry.reason.clone(),
        origin: entry.origin.clone(),
    };
    let new = match (&record.lfn, record.run) {
        (None, Some(run)) => {
            let run = (run, pass_key(entry.processing_pass.as_ref()));
            quality::restore_of_run(&mut cx.session, vo, run, &said).await?
        }
        (Some(lfn), None) => {
            let names = [lfn].into_iter();
            let found = crate::file::find_named(cx, names, false, Lock::Update).await?;
            if !found.values().any(|file| file.vo == vo) {
                return Ok(Err(no_file()));
            }
            quality::restore_of_file(&mut cx.session, lfn.key(), &said).await?
        }
        _ => return Err(Error::invalid("run", "", "or `lfn` is needed, one of the two")),
    };
    Ok(Ok(added(new)))
}

async fn defined(cx: &mut Context<'_>, record: &DefinitionRecord) -> One {
    let vo = cx.community(&record.vo).await?.key;
    let kind = stored(record.kind);
    crate::condition::check(kind, &record.name, &record.defined)?;
    let key = definition::key(vo, kind, &record.name);
    let known = definition::find(&mut cx.session, &BTreeSet::from([key])).await?;
    let same = known.get(&key).map(|old| {
        serde_json::from_str::<serde_json::Value>(&old.document)
            .is_ok_and(|document| document == record.defined)
    });
    if same.is_none() {
        let new = definition::Stored {
            key,
            vo,
            created: record.created,
            modified: record.modified,
            audit: cx.audit,
            name: record.name.clone(),
            document: record.defined.to_string(),
        };
        definition::insert(&mut cx.session, kind, &[new]).await?;
    }
    let sites: Vec<Site> =
        record.places.iter().map(|place| Site { name: place.site.clone() }).collect();
    storage::add_sites(&mut cx.session, &sites).await?;
    let place = |place: &Place| {
        let activity = place.activity.as_ref().map_or(0, |name| TermKey::of(name.as_str()).0);
        (key, (TermKey::of(place.site.as_str()).0, activity))
    };
    let places: BTreeSet<_> = record.places.iter().map(place).collect();
    let new = definition::add_places(&mut cx.session, &places, cx.now, cx.audit).await?;
    Ok(match compared(same) {
        Ok(Outcome::Unchanged) if new > 0 => Ok(Outcome::Changed),
        outcome => outcome,
    })
}
