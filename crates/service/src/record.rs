//! Exports everything as records, and imports them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    BulkResult, Code, CommunityRecord, DatasetRecord, DirectoryRecord, ExportRecords, File,
    FileRecord, ImportRecords, ItemResult, NewDataset, Outcome, Page, Problem, Record, Snapshot,
    SnapshotFileRecord, SnapshotRecord, Values,
};
use sbk_model::{DatasetKey, DatasetName, FileKey, FileStatus, TermKey, Vo};
use sbk_store::{
    community, dataset, directory, directory::Lock, file, name_of, schema, snapshot, storage,
};
use serde::{Deserialize, Serialize};

use crate::{
    Context, Error, Note, Run, cursor,
    file::{With, present},
    metadata,
    register::check_count,
};

mod restore;
mod runs;

/// Where an export goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Position {
    Sites(String),
    Elements(String),
    Communities(String),
    Directories(Option<i64>),
    Datasets(String, i64),
    Files(Option<FileKey>),
    Snapshots(i64, i64),
    SnapshotFiles(i64, i64, Option<FileKey>),
    Runs(runs::Position),
}

impl Position {
    /// The beginning of the kind after this one.
    fn next_kind(&self) -> Option<Self> {
        Some(match self {
            Self::Sites(_) => Self::Elements(String::new()),
            Self::Elements(_) => Self::Communities(String::new()),
            Self::Communities(_) => Self::Directories(None),
            Self::Directories(_) => Self::Datasets(String::new(), i64::MIN),
            Self::Datasets(..) => Self::Files(None),
            Self::Files(_) => Self::Snapshots(i64::MIN, 0),
            Self::Snapshots(..) => Self::SnapshotFiles(i64::MIN, 0, None),
            Self::SnapshotFiles(..) => Self::Runs(runs::Position::FIRST),
            Self::Runs(position) => Self::Runs(position.next_kind()?),
        })
    }
}

/// Records of one kind, and where the kind goes on; `None` at its end.
type Step = (Vec<Record>, Option<Position>);

impl Run for ExportRecords {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Record>, Error> {
        let (after, limit) = cursor::page::<Position>(&self.page)?;
        let mut position = after.unwrap_or(Position::Sites(String::new()));
        loop {
            let (items, more) = step(self, cx, &position, limit).await?;
            let next = more.or_else(|| position.next_kind());
            match next {
                Some(next) if items.is_empty() => position = next,
                next => return Ok(Page { items, next: next.as_ref().map(cursor::encode) }),
            }
        }
    }
}

/// The last of the items, if the step is full.
fn last<T>(items: &[T], limit: i64) -> Option<&T> {
    let full = i64::try_from(items.len()).is_ok_and(|count| count >= limit);
    items.last().filter(|_| full)
}

async fn step(
    call: &ExportRecords,
    cx: &mut Context<'_>,
    position: &Position,
    limit: i64,
) -> Result<Step, Error> {
    let vo = call.vo.as_ref().map(|vo| TermKey::of(vo.as_str()));
    match position {
        Position::Sites(after) => {
            let found = storage::list_sites(&mut cx.session, after, limit).await?;
            let next = last(&found, limit).map(|s| Position::Sites(s.name.to_string()));
            Ok((found.into_iter().map(Record::Site).collect(), next))
        }
        Position::Elements(after) => {
            let found = storage::list(&mut cx.session, after, limit).await?;
            let next = last(&found, limit).map(|(_, e)| Position::Elements(e.name.to_string()));
            Ok((found.into_iter().map(|(_, e)| Record::StorageElement(e)).collect(), next))
        }
        Position::Communities(_) => Ok((communities(call, cx).await?, None)),
        Position::Directories(after) => {
            let found = directory::export(&mut cx.session, vo, *after, limit).await?;
            let next = last(&found, limit).map(|d| Position::Directories(Some(d.path.key().0)));
            Ok((directories(cx, found).await?, next))
        }
        Position::Datasets(name, key) => {
            let after = if name.is_empty() { None } else { Some((name.as_str(), *key)) };
            let asked = crate::query::Asked::datasets(None, call.vo.as_ref());
            let found = crate::query::datasets(cx, &asked, after, limit).await?;
            let next = last(&found, limit).map(|s| Position::Datasets(s.name.to_string(), s.vo));
            Ok((datasets(cx, found).await?, next))
        }
        Position::Files(after) => {
            let vo = vo.map(|key| key.0);
            let found = file::export(&mut cx.session, vo, *after, limit).await?;
            let next = last(&found, limit).map(|f| Position::Files(Some(f.key)));
            Ok((files(cx, found).await?, next))
        }
        Position::Snapshots(key, version) => {
            let found = snapshot::export(&mut cx.session, (*key, *version), limit).await?;
            let next = last(&found, limit).map(|s| Position::Snapshots(s.dataset.0, s.version));
            Ok((snapshots(call, cx, found).await?, next))
        }
        Position::SnapshotFiles(key, version, after) => {
            snapshot_files(call, cx, (*key, *version, *after), limit).await
        }
        Position::Runs(position) => {
            let (records, next) = runs::step(cx, vo.map(|key| key.0), position, limit).await?;
            Ok((records, next.map(Position::Runs)))
        }
    }
}

async fn communities(call: &ExportRecords, cx: &mut Context<'_>) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for found in community::list(&mut cx.session).await? {
        if call.vo.as_ref().is_some_and(|vo| *vo != found.vo) {
            continue;
        }
        let current = schema::current(&mut cx.session, &found.vo).await?;
        records.push(Record::Community(CommunityRecord {
            vo: found.vo,
            created: found.created,
            schema: current.map(|version| version.document),
        }));
    }
    Ok(records)
}

/// The name and community of a dataset, if it is to be exported.
async fn dataset_name(
    call: &ExportRecords,
    cx: &mut Context<'_>,
    key: DatasetKey,
) -> Result<Option<(Vo, DatasetName)>, Error> {
    let found = dataset::find(&mut cx.session, [key], Lock::None).await?.remove(&key);
    let Some(found) = found else { return Ok(None) };
    let terms = cx.session.terms([found.vo]).await?;
    let vo: Vo = name_of(&terms, found.vo)?;
    let wanted = call.vo.as_ref().is_none_or(|only| *only == vo);
    Ok(wanted.then_some((vo, found.name)))
}

async fn snapshots(
    call: &ExportRecords,
    cx: &mut Context<'_>,
    found: Vec<snapshot::Stored>,
) -> Result<Vec<Record>, Error> {
    let mut records = Vec::new();
    for stored in found {
        if let Some((vo, dataset)) = dataset_name(call, cx, stored.dataset).await? {
            let snapshot = Snapshot {
                dataset,
                version: u32::try_from(stored.version).unwrap_or(u32::MAX),
                created: stored.created,
                content_hash: stored.content_hash,
                files: stored.totals.files,
                bytes: stored.totals.bytes,
                events: stored.totals.events,
            };
            records.push(Record::Snapshot(SnapshotRecord { vo, snapshot }));
        }
    }
    Ok(records)
}

/// The files of the snapshot after a position, or of the one that follows it.
async fn snapshot_files(
    call: &ExportRecords,
    cx: &mut Context<'_>,
    (key, version, after): (i64, i64, Option<FileKey>),
    limit: i64,
) -> Result<Step, Error> {
    let session = &mut cx.session;
    let dataset = DatasetKey(key);
    let found = snapshot::files(session, dataset, version, after, limit).await?;
    if found.is_empty() {
        let next = snapshot::export(session, (key, version), 1).await?;
        let next = next.first().map(|s| Position::SnapshotFiles(s.dataset.0, s.version, None));
        return Ok((Vec::new(), next));
    }
    let next = found.last().map(|c| Position::SnapshotFiles(key, version, Some(c.key)));
    let Some((vo, name)) = dataset_name(call, cx, dataset).await? else {
        return Ok((Vec::new(), next));
    };
    let mut records = Vec::with_capacity(found.len());
    for content in found {
        records.push(Record::SnapshotFile(SnapshotFileRecord {
            vo: vo.clone(),
            dataset: name.clone(),
            version: u32::try_from(version).unwrap_or(u32::MAX),
            lfn: content.lfn.parse()?,
            fingerprint: content.fingerprint,
        }));
    }
    Ok((records, next))
}

async fn directories(
    cx: &mut Context<'_>,
    found: Vec<directory::Stored>,
) -> Result<Vec<Record>, Error> {
    let keys: BTreeSet<i64> = found.iter().flat_map(|d| [d.vo, d.owner, d.group]).collect();
    let terms = cx.session.terms(keys).await?;
    found
        .into_iter()
        .map(|stored| {
            Ok(Record::Directory(DirectoryRecord {
                vo: name_of(&terms, stored.vo)?,
                owner: name_of(&terms, stored.owner)?,
                group: name_of(&terms, stored.group)?,
                mode: stored.mode,
                created: stored.created,
                modified: stored.modified,
                metadata: metadata::parse(stored.meta.as_deref())?,
                path: stored.path,
            }))
        })
        .collect()
}

async fn datasets(cx: &mut Context<'_>, found: Vec<dataset::Stored>) -> Result<Vec<Record>, Error> {
    let shown = dataset::present(&mut cx.session, found).await?;
    let records = shown.into_iter().map(|shown| {
        Record::Dataset(DatasetRecord {
            vo: shown.vo,
            modified: shown.modified,
            dataset: NewDataset {
                name: shown.name,
                kind: shown.kind,
                status: shown.status,
                owner: Some(shown.owner),
                group: Some(shown.group),
                created: Some(shown.created),
                description: shown.description,
                query: shown.query,
                origin: shown.origin,
                declared: shown.declared,
                unattributed_events: Some(shown.unattributed_events).filter(|n| *n != 0),
                parents: shown.parents,
                sites: shown.sites,
                documents: shown.documents,
                metadata: shown.metadata,
            },
        })
    });
    Ok(records.collect())
}

async fn files(cx: &mut Context<'_>, found: Vec<file::Stored>) -> Result<Vec<Record>, Error> {
    let lasting: Vec<_> = found.iter().map(|file| (file.until, file.before)).collect();
    let with = With { replicas: true, datasets: true, sections: true };
    let shown = present(&mut cx.session, found, with).await?;
    let records = shown.into_iter().zip(lasting).map(|(mut file, (restorable_until, before))| {
        let is_retired = file.status == FileStatus::Retired;
        let status_before = (is_retired && before != FileStatus::Good).then_some(before);
        // Taken apart and written by us, a document is the same from every database.
        file.metadata = Values::Map(file.metadata.map().into_owned());
        Record::File(FileRecord { file, restorable_until, status_before })
    });
    Ok(records.collect())
}

impl Run for ImportRecords {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("records", self.records.len(), 10_000)?;
        let outcomes = restore::restore(cx, &self.records).await?;
        let results = self.records.iter().zip(outcomes).map(|(record, outcome)| {
            let (outcome, problem) = match outcome {
                Ok(outcome) => (outcome, None),
                Err(problem) => (Outcome::Refused, Some(problem)),
            };
            ItemResult { name: label(record), outcome, problem }
        });
        let result = BulkResult::of(results.collect());
        cx.note(Note {
            count: u64::from(result.added + result.changed),
            detail: serde_json::json!({ "added": result.added, "refused": result.refused }),
            reason: Some("import of records".into()),
            ..Note::default()
        });
        Ok(result)
    }
}

/// How a record is called in answers.
fn label(record: &Record) -> String {
    match record {
        Record::Site(site) => site.name.to_string(),
        Record::StorageElement(element) => element.name.to_string(),
        Record::Community(community) => community.vo.to_string(),
        Record::Directory(directory) => directory.path.to_string(),
        Record::Dataset(dataset) => dataset.dataset.name.to_string(),
        Record::File(file) => file.file.lfn.to_string(),
        Record::Snapshot(s) => format!("{} version {}", s.snapshot.dataset, s.snapshot.version),
        Record::SnapshotFile(file) => file.lfn.to_string(),
        Record::Fill(fill) => format!("fill {}", fill.fill.fill),
        Record::Run(run) => format!("run {}", run.run.run),
        Record::RunLuminosity(run) => format!("luminosity of run {}", run.luminosity.run),
        Record::Quality(quality) => match (&quality.lfn, quality.run) {
            (Some(lfn), _) => format!("quality of {lfn}"),
            (None, Some(run)) => format!("quality of run {run}"),
            (None, None) => "quality".to_owned(),
        },
        Record::Definition(definition) => definition.name.clone(),
    }
}

/// Says that something is there with other contents.
fn differs() -> Problem {
    Problem::new(Code::Conflict, "it exists, and differs from the record")
}

/// What became of each record of an import.
type Outcomes = Vec<Result<Outcome, Problem>>;

/// The names that records refer to, so that they are stored before their keys are used.
fn names(records: &[Record]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: &str| {
        names.insert(name.to_owned());
    };
    for record in records {
        match record {
            Record::Directory(d) => {
                [d.vo.as_str(), d.owner.as_str(), d.group.as_str()].into_iter().for_each(&mut add);
            }
            Record::Dataset(d) => {
                add(d.vo.as_str());
                d.dataset.owner.iter().for_each(|owner| add(owner.as_str()));
                d.dataset.group.iter().for_each(|group| add(group.as_str()));
            }
            Record::File(FileRecord { file, .. }) => {
                add(file.vo.as_str());
                add(file.owner.as_str());
                add(file.group.as_str());
                file.file_type.iter().for_each(|kind| add(kind.as_str()));
            }
            Record::Run(run) => run.run.conditions.iter().for_each(|name| add(name.as_str())),
            Record::Quality(said) => {
                said.entry.processing_pass.iter().for_each(|name| add(name.as_str()));
            }
            Record::Definition(definition) => {
                let activities = definition.places.iter().filter_map(|p| p.activity.as_ref());
                activities.for_each(|name| add(name.as_str()));
            }
            _ => {}
        }
    }
    names
}

/// Files by the community that they belong to, with their places in the call.
type ByCommunity<'a> = BTreeMap<&'a Vo, Vec<(usize, &'a FileRecord)>>;

/// Whether a file is as a record says.
fn same(shown: &File, record: &File) -> bool {
    shown == record
}
