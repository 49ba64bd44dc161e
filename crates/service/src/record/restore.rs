//! Makes entities again from their records.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    CommunityRecord, DatasetRecord, DirectoryRecord, FileRecord, Outcome, Problem, Record,
    SnapshotFileRecord, SnapshotRecord,
};
use sbk_metadata::Entity;
use sbk_model::{DatasetKey, FileKey, FileStatus, SeKey, TermKey, Totals, Vo};
use sbk_store::{
    community, dataset,
    directory::{self, Lock},
    file, member, replica, schema, section, snapshot, storage,
    total::{Deltas, Subject},
};

use super::{ByCommunity, Outcomes, differs, names, runs, same};
use crate::{
    Context, Error,
    file::{With, present},
    metadata::{self, Community},
    promotion::request,
    register::{hold_elements, unknown_element},
    tree::{self, Wanted},
};

/// Makes what the records say, kind by kind, in the order of the kinds.
pub async fn restore(cx: &mut Context<'_>, records: &[Record]) -> Result<Outcomes, Error> {
    let names = names(records);
    cx.session.intern(names.iter().map(String::as_str)).await?;
    let mut outcomes: Outcomes = vec![Ok(Outcome::Unchanged); records.len()];
    let mut deltas = Deltas::default();
    let mut directories = Vec::new();
    let mut files = Vec::new();
    let mut snapshot_files = Vec::new();
    let mut of_runs = Vec::new();
    for (at, record) in records.iter().enumerate() {
        match record {
            Record::Site(site) => {
                let new = storage::add_sites(&mut cx.session, std::slice::from_ref(site)).await?;
                outcomes[at] = Ok(added(new > 0));
            }
            Record::StorageElement(element) => {
                let one = std::slice::from_ref(element);
                let new = storage::add(&mut cx.session, one).await?;
                outcomes[at] = Ok(added(new > 0));
            }
            Record::Community(community) => outcomes[at] = community_record(cx, community).await,
            Record::Directory(directory) => directories.push((at, directory)),
            Record::Dataset(record) => {
                make_directories(cx, &mut directories, &mut outcomes).await?;
                outcomes[at] = dataset_record(cx, record, &mut deltas).await?;
            }
            Record::File(file) => files.push((at, file)),
            Record::Snapshot(record) => outcomes[at] = snapshot_record(cx, record).await?,
            Record::SnapshotFile(record) => snapshot_files.push((at, record)),
            Record::Fill(_)
            | Record::Run(_)
            | Record::RunLuminosity(_)
            | Record::Quality(_)
            | Record::Definition(_) => of_runs.push((at, record)),
        }
    }
    make_directories(cx, &mut directories, &mut outcomes).await?;
    make_files(cx, files, &mut outcomes, &mut deltas).await?;
    make_snapshot_files(cx, snapshot_files, &mut outcomes).await?;
    runs::restore(cx, &of_runs, &mut outcomes).await?;
    cx.count(deltas).await?;
    Ok(outcomes)
}

/// The outcome of something that may be there already.
pub fn added(new: bool) -> Outcome {
    if new { Outcome::Added } else { Outcome::Unchanged }
}

async fn community_record(
    cx: &mut Context<'_>,
    record: &CommunityRecord,
) -> Result<Outcome, Problem> {
    restore_community(cx, record).await.map_err(Problem::from)?
}

async fn restore_community(
    cx: &mut Context<'_>,
    record: &CommunityRecord,
) -> Result<Result<Outcome, Problem>, Error> {
    let new = community::declare(&mut cx.session, &record.vo, record.created).await?;
    let current = schema::current(&mut cx.session, &record.vo).await?;
    match (&record.schema, current) {
        (Some(text), None) => {
            let read = crate::schema::read(text, &record.vo)?;
            let version = schema::Version {
                vo: record.vo.clone(),
                version: i64::from(read.version()),
                document: text.clone(),
                applied: cx.now,
                actor: cx.caller.user.to_string(),
            };
            schema::add(&mut cx.session, &version).await?;
            request(cx, &read, &record.vo).await?;
            cx.service.schemas().forget();
        }
        (Some(text), Some(version)) if *text != version.document => return Ok(Err(differs())),
        _ => {}
    }
    Ok(Ok(added(new)))
}

/// Makes the directories that were gathered, community by community.
async fn make_directories(
    cx: &mut Context<'_>,
    gathered: &mut Vec<(usize, &DirectoryRecord)>,
    outcomes: &mut Outcomes,
) -> Result<(), Error> {
    let mut by_vo: BTreeMap<&Vo, Vec<(usize, &DirectoryRecord)>> = BTreeMap::new();
    for (at, record) in gathered.drain(..) {
        by_vo.entry(&record.vo).or_default().push((at, record));
    }
    // A directory is made after all those above it that are in the call.
    for (vo, records) in by_vo {
        let community = cx.community(vo).await?;
        let wanted = |record: &DirectoryRecord| Wanted {
            owner: record.owner.clone(),
            group: record.group.clone(),
            mode: record.mode,
            metadata: record.metadata.clone(),
            created: record.created,
            modified: record.modified,
        };
        let explicit: BTreeMap<_, _> =
            records.iter().map(|(_, r)| (r.path.clone(), wanted(r))).collect();
        let keys: Vec<_> = explicit.keys().map(sbk_model::DirPath::key).collect();
        let known = directory::find(&mut cx.session, keys, Lock::None).await?;
        let paths: BTreeSet<_> = explicit.keys().cloned().collect();
        tree::ensure(cx, &community, &paths, &explicit).await?;
        let mut implied = Vec::new();
        for (at, record) in records {
            let Some(old) = known.get(&record.path.key()) else {
                outcomes[at] = Ok(Outcome::Added);
                continue;
            };
            let new = stored_directory(record, old)?;
            if new == *old {
                continue;
            }
            // One that was made because something in it was is given what its record says.
            if old.meta.is_none() || old.meta == new.meta {
                outcomes[at] = Ok(Outcome::Changed);
                implied.push((record, new));
            } else {
                outcomes[at] = Err(differs());
            }
        }
        settle(cx, implied).await?;
    }
    Ok(())
}

fn stored_directory(
    record: &DirectoryRecord,
    old: &directory::Stored,
) -> Result<directory::Stored, Error> {
    // A database may write a document otherwise than we do.
    let same = metadata::parse(old.meta.as_deref())? == record.metadata;
    Ok(directory::Stored {
        owner: TermKey::of(record.owner.as_str()).0,
        group: TermKey::of(record.group.as_str()).0,
        vo: TermKey::of(record.vo.as_str()).0,
        mode: record.mode,
        created: record.created,
        modified: record.modified,
        meta: if same { old.meta.clone() } else { metadata::text(&record.metadata) },
        ..old.clone()
    })
}

/// Gives directories that exist what their records say.
async fn settle(
    cx: &mut Context<'_>,
    directories: Vec<(&DirectoryRecord, directory::Stored)>,
) -> Result<(), Error> {
    let rows: Vec<_> = directories.iter().map(|(_, stored)| stored.clone()).collect();
    directory::restore(&mut cx.session, &rows).await?;
    for (record, _) in directories.iter().filter(|(record, _)| !record.metadata.is_empty()) {
        crate::directory::spread(cx, &record.path, &record.metadata).await?;
    }
    Ok(())
}

async fn dataset_record(
    cx: &mut Context<'_>,
    record: &DatasetRecord,
    deltas: &mut Deltas,
) -> Result<Result<Outcome, Problem>, Error> {
    let new = &record.dataset;
    let key = DatasetKey::of(&record.vo, &new.name);
    let known = dataset::find(&mut cx.session, [key], Lock::Share).await?.remove(&key);
    if let Some(old) = known {
        let shown = dataset::present(&mut cx.session, vec![old]).await?;
        let equal = shown.first().is_some_and(|shown| {
            shown.status == new.status
                && shown.metadata == new.metadata
                && shown.parents == new.parents
                && shown.declared == new.declared
                && shown.description == new.description
                && shown.query == new.query
                && shown.origin == new.origin
        });
        return Ok(if equal { Ok(Outcome::Unchanged) } else { Err(differs()) });
    }
    let community = cx.community(&record.vo).await?;
    let document = match community.schema.canonical(Entity::Dataset, &new.metadata) {
        Ok(document) => document,
        Err(problems) => return Ok(Err(Problem::from(metadata::refuse(&problems)))),
    };
    let stored = match crate::dataset::row(cx, &community, new, key, &document) {
        Ok(row) => dataset::Stored { modified: record.modified, ..row },
        Err(error) => return Ok(Err(Problem::from(error))),
    };
    let promoted = cx.promoted().await?;
    let with_schema = std::iter::once((&*community.schema, &document));
    let columns = metadata::columns(&promoted, Entity::Dataset, with_schema);
    let events = stored.unattributed_events;
    dataset::insert(&mut cx.session, &[stored], columns).await?;
    let parents = new.parents.iter().map(|p| (key, DatasetKey::of(&record.vo, p), p.clone()));
    dataset::add_parents(&mut cx.session, &parents.collect()).await?;
    let sites = new.sites.iter().map(|site| (key, site.clone()));
    dataset::add_sites(&mut cx.session, &sites.collect()).await?;
    deltas.add(Subject::Dataset(key), Totals { events, ..Totals::default() })?;
    Ok(Ok(Outcome::Added))
}

async fn snapshot_record(
    cx: &mut Context<'_>,
    record: &SnapshotRecord,
) -> Result<Result<Outcome, Problem>, Error> {
    let taken = &record.snapshot;
    let stored = snapshot::Stored {
        dataset: DatasetKey::of(&record.vo, &taken.dataset),
        version: i64::from(taken.version),
        created: taken.created,
        totals: Totals { files: taken.files, bytes: taken.bytes, events: taken.events },
        content_hash: taken.content_hash.clone(),
    };
    if snapshot::add(&mut cx.session, &stored).await? {
        return Ok(Ok(Outcome::Added));
    }
    let before = stored.version - 1;
    let old = snapshot::list(&mut cx.session, stored.dataset, before, 1).await?;
    let is_same = old.first().is_some_and(|old| old.content_hash == stored.content_hash);
    Ok(if is_same { Ok(Outcome::Unchanged) } else { Err(differs()) })
}

/// Adds files to snapshots, snapshot by snapshot.
async fn make_snapshot_files(
    cx: &mut Context<'_>,
    files: Vec<(usize, &SnapshotFileRecord)>,
    outcomes: &mut Outcomes,
) -> Result<(), Error> {
    let mut by_snapshot: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (at, record) in files {
        let snapshot = (DatasetKey::of(&record.vo, &record.dataset), i64::from(record.version));
        by_snapshot.entry(snapshot).or_default().push((at, record));
    }
    for ((dataset, version), records) in by_snapshot {
        let keys = records.iter().map(|(_, record)| record.lfn.key());
        let known = snapshot::find_files(&mut cx.session, dataset, version, keys).await?;
        let mut new = BTreeMap::new();
        for (at, record) in records {
            let key = record.lfn.key();
            outcomes[at] = match known.get(&key) {
                None => {
                    let lfn = record.lfn.to_string();
                    let fingerprint = record.fingerprint;
                    new.insert(key, snapshot::Content { key, lfn, fingerprint });
                    Ok(Outcome::Added)
                }
                Some(old) if *old == record.fingerprint => Ok(Outcome::Unchanged),
                Some(_) => Err(differs()),
            };
        }
        let new: Vec<_> = new.into_values().collect();
        snapshot::add_files(&mut cx.session, dataset, version, &new).await?;
    }
    Ok(())
}

async fn make_files(
    cx: &mut Context<'_>,
    files: Vec<(usize, &FileRecord)>,
    outcomes: &mut Outcomes,
    deltas: &mut Deltas,
) -> Result<(), Error> {
    let elements: BTreeSet<_> =
        files.iter().flat_map(|(_, f)| f.file.replicas.iter().map(|r| &r.se)).collect();
    let declared = hold_elements(cx, elements).await?;
    let mut by_vo: ByCommunity<'_> = BTreeMap::new();
    for (at, record) in files {
        match record.file.replicas.iter().find(|r| !declared.contains(&r.se)) {
            Some(replica) => outcomes[at] = Err(unknown_element(&replica.se)),
            None => by_vo.entry(&record.file.vo).or_default().push((at, record)),
        }
    }
    for (vo, records) in by_vo {
        let community = cx.community(vo).await?;
        make_files_of(cx, &community, records, outcomes, deltas).await?;
    }
    Ok(())
}

async fn make_files_of(
    cx: &mut Context<'_>,
    community: &Community,
    records: Vec<(usize, &FileRecord)>,
    outcomes: &mut Outcomes,
    deltas: &mut Deltas,
) -> Result<(), Error> {
    let keys: Vec<FileKey> = records.iter().map(|(_, r)| r.file.lfn.key()).collect();
    let known = file::find(&mut cx.session, keys, true, Lock::Update).await?;
    let with = With { replicas: true, datasets: true, sections: true };
    let shown = present(&mut cx.session, known.values().cloned().collect(), with).await?;
    let shown: HashMap<FileKey, _> = shown.iter().map(|file| (file.lfn.key(), file)).collect();
    let mut new: BTreeMap<FileKey, (&FileRecord, file::Stored, sbk_metadata::Document)> =
        BTreeMap::new();
    for (at, record) in records {
        let key = record.file.lfn.key();
        outcomes[at] = match shown.get(&key) {
            Some(shown) if same(shown, &record.file) => Ok(Outcome::Unchanged),
            Some(_) => Err(differs()),
            None => match community.schema.canonical(Entity::File, &record.file.metadata.map()) {
                Ok(document) => {
                    new.insert(
                        key,
                        (record, stored_file(cx, community, record, &document), document),
                    );
                    Ok(Outcome::Added)
                }
                Err(problems) => Err(Problem::from(metadata::refuse(&problems))),
            },
        };
    }
    let directories: BTreeSet<_> = new.values().map(|(r, ..)| r.file.lfn.directory()).collect();
    tree::ensure(cx, community, &directories, &BTreeMap::new()).await?;
    let promoted = cx.promoted().await?;
    let documents = new.values().map(|(_, _, document)| (&*community.schema, document));
    let mut columns = metadata::columns(&promoted, Entity::File, documents);
    let sections = || new.iter().map(|(key, (record, ..))| (*key, &record.file.sections));
    columns.extend(section::columns(sections().map(|(_, sections)| Some(sections))));
    let rows: Vec<_> = new.values().map(|(_, stored, _)| stored).collect();
    let inserted = file::insert(&mut cx.session, &rows, columns).await?;
    if inserted < rows.len() as u64 {
        return Err(sbk_store::Error::Contended("a file was made elsewhere".into()).into());
    }
    section::insert_further_runs(&mut cx.session, &sections().collect()).await?;
    attach(cx, community, new.values().map(|(record, stored, _)| (*record, stored)), deltas).await
}

fn stored_file(
    cx: &Context<'_>,
    community: &Community,
    record: &FileRecord,
    document: &sbk_metadata::Document,
) -> file::Stored {
    let shown = &record.file;
    let term = |name: &str| TermKey::of(name).0;
    let others = &shown.checksums.others;
    file::Stored {
        key: shown.lfn.key(),
        name: shown.lfn.split().1.to_owned(),
        vo: community.key,
        owner: term(shown.owner.as_str()),
        group: term(shown.group.as_str()),
        size: shown.size,
        events: shown.events,
        file_type: shown.file_type.as_ref().map(|name| term(name.as_str())),
        status: shown.status,
        before: match shown.status {
            FileStatus::Retired => record.status_before.unwrap_or_default(),
            status => status,
        },
        created: shown.created,
        modified: shown.modified,
        until: record.restorable_until,
        adler32: shown.checksums.adler32,
        md5: shown.checksums.md5.map(|sum| sum.to_string()),
        checksums: if others.is_empty() { None } else { serde_json::to_string(others).ok() },
        guid: shown.guid.map(|guid| guid.to_string()),
        mode: shown.mode,
        meta: metadata::text(document),
        audit: cx.audit,
    }
}

/// Adds replicas and memberships of new files, and counts them.
async fn attach<'a>(
    cx: &mut Context<'_>,
    community: &Community,
    files: impl Iterator<Item = (&'a FileRecord, &'a file::Stored)>,
    deltas: &mut Deltas,
) -> Result<(), Error> {
    let mut replicas = BTreeMap::new();
    let mut members = BTreeSet::new();
    for (record, stored) in files {
        let counts = stored.counts();
        deltas.add(Subject::Vo(TermKey(community.key)), counts)?;
        deltas.hold(stored.holder(), counts)?;
        deltas.add_below(&record.file.lfn.directory(), counts)?;
        for copy in &record.file.replicas {
            let row = replica::Stored {
                file: stored.key,
                se: SeKey::of(&copy.se),
                status: copy.status,
                pfn: copy.pfn.as_ref().map(ToString::to_string),
                created: stored.created,
                audit: cx.audit,
            };
            if copy.status != sbk_model::ReplicaStatus::Retired {
                deltas.add(Subject::Se(row.se), counts)?;
            }
            replicas.insert(row.key(), row);
        }
        for name in &record.file.datasets {
            let dataset = DatasetKey::of(&record.file.vo, name);
            members.insert((dataset, stored.key));
            deltas.add(Subject::Dataset(dataset), counts)?;
        }
    }
    let rows: Vec<_> = replicas.into_values().collect();
    replica::insert(&mut cx.session, &rows).await?;
    member::insert(&mut cx.session, &members, cx.audit).await?;
    Ok(())
}
