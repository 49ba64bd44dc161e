use sbk_api::{
    Change, CompareSnapshots, Difference, FreezeDataset, ListSnapshotFiles, ListSnapshots, Page,
    Snapshot, SnapshotFile,
};
use sbk_model::{DatasetName, DatasetStatus, FileKey, Totals};
use sbk_store::{
    audit::Touched,
    dataset,
    directory::Lock,
    file, member,
    snapshot::{self, Content, Stored},
};

use crate::{
    Context, Error, Note, Run, cursor,
    query::{self, Asked},
};

/// How many files are read and written at a time.
const STEP: i64 = 5000;

fn present(name: &DatasetName, stored: Stored) -> Snapshot {
    Snapshot {
        dataset: name.clone(),
        version: u32::try_from(stored.version).unwrap_or(u32::MAX),
        created: stored.created,
        content_hash: stored.content_hash,
        files: stored.totals.files,
        bytes: stored.totals.bytes,
        events: stored.totals.events,
    }
}

impl Run for FreezeDataset {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Snapshot, Error> {
        let old = cx.dataset(&self.name, self.vo.as_ref(), Lock::Update).await?;
        cx.check_changes_dataset(&old).await?;
        let latest = snapshot::latest(&mut cx.session, old.key).await?;
        if let (DatasetStatus::Frozen, Some(latest)) = (old.status, &latest) {
            cx.note(Note::default());
            return Ok(present(&old.name, latest.clone()));
        }
        if !self.snapshot_only && !old.status.may_become(DatasetStatus::Frozen) {
            let text = format!(
                "the dataset {:?} is {}; only one that is open or closed can be frozen",
                old.name.as_str(),
                old.status
            );
            return Err(Error::Conflict(text));
        }
        let version = latest.map_or(0, |latest| latest.version) + 1;
        let taken = take(cx, &old, version).await?;
        snapshot::add(&mut cx.session, &taken).await?;
        if !self.snapshot_only {
            // A retired file that is restored later must not come back into it.
            member::remove_retired(&mut cx.session, old.key).await?;
            let new = dataset::Stored {
                status: DatasetStatus::Frozen,
                modified: cx.now,
                audit: cx.audit,
                ..old.clone()
            };
            dataset::change(&mut cx.session, &new).await?;
        }
        cx.note(Note {
            count: 1,
            touched: vec![Touched::Dataset(old.key)],
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "dataset": self.name, "version": version, "content_hash": taken.content_hash,
                "frozen": !self.snapshot_only,
            }),
        });
        Ok(present(&old.name, taken))
    }
}

/// Copies the files of a dataset into a snapshot, and hashes them in the order of their keys.
async fn take(
    cx: &mut Context<'_>,
    dataset: &dataset::Stored,
    version: i64,
) -> Result<Stored, Error> {
    let mut hasher = blake3::Hasher::new();
    let mut totals = Totals { events: dataset.unattributed_events, ..Totals::default() };
    let mut after = None;
    loop {
        let member::Step { files: found, next } = next_files(cx, dataset, after).await?;
        let lfns = file::present(&mut cx.session, found.clone()).await?;
        let mut contents = Vec::with_capacity(found.len());
        for (stored, shown) in found.iter().zip(lfns) {
            let fingerprint = stored.fingerprint();
            hasher.update(shown.lfn.as_str().as_bytes());
            hasher.update(&[0]);
            hasher.update(&fingerprint.to_le_bytes());
            totals = totals.checked_add(stored.counts()).unwrap_or(totals);
            let lfn = shown.lfn.to_string();
            contents.push(Content { key: stored.key, lfn, fingerprint });
        }
        snapshot::add_files(&mut cx.session, dataset.key, version, &contents).await?;
        if next.is_none() {
            break;
        }
        after = next;
    }
    Ok(Stored {
        dataset: dataset.key,
        version,
        created: cx.now,
        totals,
        content_hash: hasher.finalize().to_hex().to_string(),
    })
}

async fn next_files(
    cx: &mut Context<'_>,
    dataset: &dataset::Stored,
    after: Option<FileKey>,
) -> Result<member::Step, Error> {
    let Some(text) = &dataset.query else {
        return Ok(member::list(&mut cx.session, dataset.key, after, STEP, false).await?);
    };
    let terms = cx.session.terms([dataset.vo]).await?;
    let vo = sbk_store::name_of(&terms, dataset.vo)?;
    let files = query::files_after(cx, &Asked::files(text, &vo), after, STEP).await?;
    let full = i64::try_from(files.len()).is_ok_and(|count| count >= STEP);
    let next = files.last().filter(|_| full).map(|last| last.key);
    Ok(member::Step { files, next })
}

impl Run for ListSnapshots {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Snapshot>, Error> {
        let (after, limit) = cursor::page::<i64>(&self.page)?;
        let dataset = cx.dataset(&self.name, self.vo.as_ref(), Lock::None).await?;
        let after = after.unwrap_or_default();
        let found = snapshot::list(&mut cx.session, dataset.key, after, limit).await?;
        let next = cursor::next(&found, limit, |s| cursor::encode(&s.version));
        let items = found.into_iter().map(|s| present(&dataset.name, s)).collect();
        Ok(Page { items, next })
    }
}

/// Refuses a version of which there is no snapshot.
async fn check_version(
    cx: &mut Context<'_>,
    dataset: &dataset::Stored,
    version: u32,
) -> Result<(), Error> {
    let wanted = i64::from(version);
    let found = snapshot::list(&mut cx.session, dataset.key, wanted - 1, 1).await?;
    if found.first().is_none_or(|s| s.version != wanted) {
        let text = format!("there is no snapshot {version} of {:?}", dataset.name.as_str());
        return Err(Error::NotFound(text));
    }
    Ok(())
}

impl Run for ListSnapshotFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<SnapshotFile>, Error> {
        let (after, limit) = cursor::page::<FileKey>(&self.page)?;
        let dataset = cx.dataset(&self.name, self.vo.as_ref(), Lock::None).await?;
        check_version(cx, &dataset, self.version).await?;
        let version = i64::from(self.version);
        let session = &mut cx.session;
        let found = snapshot::files(session, dataset.key, version, after, limit).await?;
        let next = cursor::next(&found, limit, |content| cursor::encode(&content.key));
        let files = found.into_iter().map(|content| Ok(SnapshotFile { lfn: content.lfn.parse()? }));
        Ok(Page { items: files.collect::<Result<_, Error>>()?, next })
    }
}

impl Run for CompareSnapshots {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Difference>, Error> {
        let (after, limit) = cursor::page::<FileKey>(&self.page)?;
        let dataset = cx.dataset(&self.name, self.vo.as_ref(), Lock::None).await?;
        for version in [self.from, self.to] {
            check_version(cx, &dataset, version).await?;
        }
        let mut items = Vec::new();
        let mut position = after;
        let limit_items = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            let step = Step::read(cx, self, &dataset, position).await?;
            for (key, difference) in step.differences {
                items.push(difference);
                if items.len() >= limit_items {
                    return Ok(Page { items, next: Some(cursor::encode(&key)) });
                }
            }
            match step.end {
                Some(end) => position = Some(end),
                None => return Ok(Page { items, next: None }),
            }
        }
    }
}

/// The differences in one range of keys.
struct Step {
    differences: Vec<(FileKey, Difference)>,
    /// The end of the range; `None` when both snapshots end in it.
    end: Option<FileKey>,
}

impl Step {
    /// Merges the next files of two snapshots, both in the order of their keys.
    async fn read(
        cx: &mut Context<'_>,
        call: &CompareSnapshots,
        dataset: &dataset::Stored,
        after: Option<FileKey>,
    ) -> Result<Self, Error> {
        let (from, to) = (i64::from(call.from), i64::from(call.to));
        let session = &mut cx.session;
        let old = snapshot::files(session, dataset.key, from, after, STEP).await?;
        let new = snapshot::files(session, dataset.key, to, after, STEP).await?;
        let full = |list: &[Content]| {
            let full = list.len() >= usize::try_from(STEP).unwrap_or(usize::MAX);
            list.last().filter(|_| full).map(|last| last.key)
        };
        // Both lists are known only up to the smaller of their ends.
        let end = match (full(&old), full(&new)) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let within = |content: &&Content| end.is_none_or(|end| content.key <= end);
        let (mut old, mut new) =
            (old.iter().filter(within).peekable(), new.iter().filter(within).peekable());
        let mut differences = Vec::new();
        loop {
            let (content, change) = match (old.peek(), new.peek()) {
                (Some(a), Some(b)) if a.key == b.key => {
                    let same = a.fingerprint == b.fingerprint;
                    old.next();
                    match new.next() {
                        Some(content) if !same => (content, Change::Changed),
                        _ => continue,
                    }
                }
                (Some(a), b) if b.is_none_or(|b| a.key < b.key) => {
                    let content = *a;
                    old.next();
                    (content, Change::Removed)
                }
                (_, Some(b)) => {
                    let content = *b;
                    new.next();
                    (content, Change::Added)
                }
                _ => break,
            };
            differences.push((content.key, Difference { lfn: content.lfn.parse()?, change }));
        }
        Ok(Self { differences, end })
    }
}
