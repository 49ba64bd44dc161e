//! Takes files out of the catalogue, brings them back, and removes them for good.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{
    BulkResult, Code, DatasetLoss, Outcome, Problem, Progress, PurgeFiles, RestoreFiles,
    RetireFiles, Retirement,
};
use sbk_model::{
    DatasetKey, DatasetName, DatasetStatus, FileKey, FileStatus, ReplicaStatus, TermKey, Totals,
};
use sbk_store::{
    audit::{self, Touched},
    dataset, directory,
    directory::Lock,
    file::{self, Stored},
    lineage, member, production_input, replica,
    total::{Deltas, Subject},
};

use crate::{
    Context, Error, Note, Run,
    file::{find_named, results},
    register::check_count,
};

/// How long a retired file can be restored when nothing is said, in seconds.
const GRACE_SECONDS: u32 = 30 * 24 * 3600;

/// The most datasets that an answer names.
const MAX_DATASETS: usize = 1000;

/// Until when what is retired now can be restored.
fn until(cx: &Context<'_>, grace_seconds: Option<u32>) -> sbk_model::Timestamp {
    cx.now.plus_seconds(i64::from(grace_seconds.unwrap_or(GRACE_SECONDS)))
}

/// What files are part of.
#[derive(Debug, Default)]
pub struct Surroundings {
    replicas: Vec<replica::Stored>,
    datasets: HashMap<FileKey, Vec<(DatasetKey, DatasetName)>>,
    /// Files that a frozen dataset lists, with its name.
    pub frozen: HashMap<FileKey, DatasetName>,
    frozen_datasets: HashSet<DatasetKey>,
}

impl Surroundings {
    fn leave_frozen(&mut self) {
        for datasets in self.datasets.values_mut() {
            datasets.retain(|(key, _)| !self.frozen_datasets.contains(key));
        }
    }
}

/// Finds what files are part of, and locks their replicas.
pub async fn surroundings(
    cx: &mut Context<'_>,
    files: &BTreeSet<FileKey>,
) -> Result<Surroundings, Error> {
    let session = &mut cx.session;
    let replicas = replica::of(session, files.iter().copied(), Lock::Update).await?;
    let datasets = member::datasets_of(session, files.iter().copied()).await?;
    let keys: BTreeSet<DatasetKey> = datasets.values().flatten().map(|(key, _)| *key).collect();
    let states = dataset::find(session, keys, Lock::Share).await?;
    let frozen_datasets: HashSet<DatasetKey> =
        states.values().filter(|s| s.status == DatasetStatus::Frozen).map(|s| s.key).collect();
    let frozen = datasets
        .iter()
        .filter_map(|(file, list)| {
            let (_, name) = list.iter().find(|(key, _)| frozen_datasets.contains(key))?;
            Some((*file, name.clone()))
        })
        .collect();
    Ok(Surroundings { replicas, datasets, frozen, frozen_datasets })
}

/// The changes of totals when files come (`+`) or go (`-`), as `counts` says.
pub async fn count(
    cx: &mut Context<'_>,
    files: &[&Stored],
    around: &Surroundings,
    counts: impl Fn(&Stored) -> Totals,
) -> Result<Deltas, Error> {
    let mut deltas = Deltas::default();
    let by_key: HashMap<FileKey, Totals> = files.iter().map(|f| (f.key, counts(f))).collect();
    let paths = directory::paths(&mut cx.session, files.iter().map(|f| f.key.directory.0)).await?;
    let mut below: BTreeMap<&str, Totals> = BTreeMap::new();
    for file in files {
        let count = by_key[&file.key];
        deltas.add(Subject::Vo(TermKey(file.vo)), count)?;
        deltas.hold(file.holder(), count)?;
        let path = paths.get(&file.key.directory.0).map_or("", |path| path);
        let sum = below.entry(path).or_default();
        *sum = sum.checked_add(count).ok_or_else(|| {
            sbk_store::Error::OutOfRange("a total of this call does not fit".into())
        })?;
        for (dataset, _) in around.datasets.get(&file.key).into_iter().flatten() {
            deltas.add(Subject::Dataset(*dataset), count)?;
        }
    }
    for (path, sum) in below {
        let path = if path.is_empty() { "/" } else { path };
        deltas.add_below(&path.parse()?, sum)?;
    }
    for replica in around.replicas.iter().filter(|r| r.status != ReplicaStatus::Retired) {
        if let Some(count) = by_key.get(&replica.file) {
            deltas.add(Subject::Se(replica.se), *count)?;
        }
    }
    Ok(deltas)
}

/// Retires files that are locked and not retired; returns those that were, and what it touches.
pub async fn retire(
    cx: &mut Context<'_>,
    stored: &[&Stored],
    grace_seconds: Option<u32>,
) -> Result<(Retirement, HashMap<FileKey, DatasetName>), Error> {
    let keys: BTreeSet<FileKey> = stored.iter().map(|file| file.key).collect();
    let around = surroundings(cx, &keys).await?;
    let going: Vec<&Stored> =
        stored.iter().copied().filter(|f| !around.frozen.contains_key(&f.key)).collect();
    let deltas = count(cx, &going, &around, |file| -file.counts()).await?;
    let until = until(cx, grace_seconds);
    let now = cx.now;
    let going_keys: BTreeSet<FileKey> = going.iter().map(|file| file.key).collect();
    let mut retired: Vec<_> = going.iter().map(|file| (*file).clone().retired(until)).collect();
    retired.sort_by_key(|file| file.key);
    file::set_status(&mut cx.session, &retired, now).await?;
    cx.count(deltas).await?;
    let mut losses: BTreeMap<&DatasetName, u64> = BTreeMap::new();
    for file in &going_keys {
        for (_, name) in around.datasets.get(file).into_iter().flatten() {
            *losses.entry(name).or_default() += 1;
        }
    }
    let touched = Retirement {
        bytes: going.iter().map(|file| file.size.get()).sum(),
        replicas: around.replicas.iter().filter(|r| going_keys.contains(&r.file)).count() as u64,
        datasets: losses
            .into_iter()
            .take(MAX_DATASETS)
            .map(|(dataset, files)| DatasetLoss { dataset: dataset.clone(), files })
            .collect(),
        ..Retirement::default()
    };
    Ok((touched, around.frozen))
}

/// Moves the counts of locked files from their directory to another, and refuses to touch files
/// of frozen datasets.
pub async fn move_counts(
    cx: &mut Context<'_>,
    files: &[Stored],
    from: &sbk_model::DirPath,
    to: &sbk_model::DirPath,
) -> Result<Deltas, Error> {
    let keys: BTreeSet<FileKey> = files.iter().map(|file| file.key).collect();
    let around = surroundings(cx, &keys).await?;
    if let Some((key, dataset)) = around.frozen.iter().next() {
        let name = files.iter().find(|f| f.key == *key).map_or("", |f| f.name.as_str());
        return Err(Error::Conflict(format!("{from}/{name}: {}", frozen(dataset).detail)));
    }
    let mut sum = Totals::default();
    for file in files {
        sum = sum.checked_add(file.counts()).unwrap_or(sum);
    }
    let mut deltas = Deltas::default();
    deltas.add_below(from, -sum)?;
    deltas.add_below(to, sum)?;
    Ok(deltas)
}

/// Says that a frozen dataset keeps a file.
pub fn frozen(name: &DatasetName) -> Problem {
    let text = format!("the frozen dataset {:?} lists it, and never changes", name.as_str());
    Problem::new(Code::Conflict, text)
}

impl Run for RetireFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Retirement, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let found = find_named(cx, self.lfns.iter(), false, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let mut going: Vec<&Stored> =
            stored.values().filter(|file| file.status != FileStatus::Retired).collect();
        going.sort_by_key(|file| file.key);
        let (touched, kept) = retire(cx, &going, self.grace_seconds).await?;
        let mut seen = BTreeSet::new();
        let outcomes = self.lfns.iter().map(|lfn| {
            let key = lfn.key();
            let outcome = match stored.file(key) {
                Err(problem) => Err(problem),
                Ok(file) if file.status == FileStatus::Retired => Ok(Outcome::Unchanged),
                Ok(_) if !seen.insert(key) => Ok(Outcome::Unchanged),
                Ok(_) => kept.get(&key).map_or(Ok(Outcome::Changed), |name| Err(frozen(name))),
            };
            (lfn.as_str(), outcome)
        });
        let bulk = results(outcomes, false);
        let done: Vec<_> = going.iter().filter(|f| !kept.contains_key(&f.key)).collect();
        if self.preview {
            cx.abandon();
        } else {
            cx.note(Note {
                count: done.len() as u64,
                touched: done.iter().map(|file| Touched::File(file.key)).collect(),
                reason: Some(self.reason.to_string()),
                detail: serde_json::json!({ "files": done.len(), "bytes": touched.bytes }),
            });
        }
        Ok(Retirement { bulk, preview: self.preview, ..touched })
    }
}

impl Run for RestoreFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let found = find_named(cx, self.lfns.iter(), false, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let mut back: Vec<Stored> = stored
            .values()
            .filter(|file| file.status == FileStatus::Retired)
            .map(|file| file.clone().restored())
            .collect();
        back.sort_by_key(|file| file.key);
        let keys: BTreeSet<FileKey> = back.iter().map(|file| file.key).collect();
        let mut around = surroundings(cx, &keys).await?;
        // A dataset that was frozen meanwhile went on without the files.
        around.leave_frozen();
        let files: Vec<&Stored> = back.iter().collect();
        let deltas = count(cx, &files, &around, Stored::counts).await?;
        let now = cx.now;
        file::set_status(&mut cx.session, &back, now).await?;
        cx.count(deltas).await?;
        let outcomes = self.lfns.iter().map(|lfn| {
            let outcome = match stored.file(lfn.key()) {
                Err(problem) => Err(problem),
                Ok(file) if file.status == FileStatus::Retired => Ok(Outcome::Changed),
                Ok(_) => Ok(Outcome::Unchanged),
            };
            (lfn.as_str(), outcome)
        });
        let result = results(outcomes, false);
        cx.note(Note {
            count: keys.len() as u64,
            touched: keys.into_iter().map(Touched::File).collect(),
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({ "files": result.changed }),
        });
        Ok(result)
    }
}

/// Keeps the names of those of the files that were made from others, that others were made from or
/// that are inputs of productions, so that these can still say them.
pub async fn keep_names(
    cx: &mut Context<'_>,
    files: &[sbk_api::File],
    communities: &HashMap<FileKey, i64>,
) -> Result<(), Error> {
    let keys: Vec<FileKey> = files.iter().map(|file| file.lfn.key()).collect();
    let mut related = lineage::among_used(&mut cx.session, keys.iter().copied()).await?;
    related.extend(production_input::among(&mut cx.session, keys.iter().copied()).await?);
    related.extend(lineage::makers(&mut cx.session, keys).await?.into_keys());
    let mut by_community: BTreeMap<i64, Vec<(FileKey, sbk_model::Lfn)>> = BTreeMap::new();
    for file in files.iter().filter(|file| related.contains(&file.lfn.key())) {
        let key = file.lfn.key();
        let vo = communities.get(&key).copied().unwrap_or_default();
        by_community.entry(vo).or_default().push((key, file.lfn.clone()));
    }
    for (vo, files) in by_community {
        lineage::add_absent(&mut cx.session, &files, vo, cx.now).await?;
    }
    Ok(())
}

impl Run for PurgeFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Progress, Error> {
        let limit = self.limit.unwrap_or(1000);
        check_count("limit", limit as usize, 10_000)?;
        let gone = file::expired(&mut cx.session, cx.now, i64::from(limit)).await?;
        let keys: Vec<FileKey> = gone.iter().map(|file| file.key).collect();
        let links = gone.iter().map(|file| (Touched::File(file.key), file.audit));
        audit::link(&mut cx.session, links.collect::<Vec<_>>()).await?;
        let communities: HashMap<FileKey, i64> =
            gone.iter().map(|file| (file.key, file.vo)).collect();
        let names = file::present(&mut cx.session, gone).await?;
        keep_names(cx, &names, &communities).await?;
        file::remove(&mut cx.session, &keys).await?;
        cx.note(Note {
            count: keys.len() as u64,
            touched: keys.iter().map(|key| Touched::File(*key)).collect(),
            reason: Some("the grace period ended".into()),
            detail: serde_json::json!({
                "files": names.iter().take(100).map(|file| &file.lfn).collect::<Vec<_>>(),
            }),
        });
        let done = keys.len() < limit as usize;
        Ok(Progress { done, files: keys.len() as u64, ..Progress::default() })
    }
}
