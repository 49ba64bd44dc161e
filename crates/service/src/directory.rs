use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    BulkResult, CreateDirectories, Directory, Entry, GetDirectory, Inheritance, ListDirectory,
    Outcome, Page, SetDirectoryMetadata,
};
use sbk_metadata::{Document, Entity};
use sbk_model::{DirPath, TermKey};
use sbk_store::{
    audit::Touched,
    dialect::Cells,
    directory::{self, Lock, Stored},
    file, name_of, promotion,
    total::{self, Subject},
};

use crate::{
    Context, Error, Note, Run, cursor,
    file::{communities, results},
    metadata,
    register::check_count,
    tree::{self, Wanted},
};

/// The most directories or files that one call of a recursive operation changes.
pub const STEP: i64 = 1000;

/// Says that a directory does not exist.
pub fn no_directory(path: &DirPath) -> Error {
    Error::NotFound(format!("there is no directory {path}"))
}

/// The directory of a path, locked as asked.
pub async fn find(cx: &mut Context<'_>, path: &DirPath, lock: Lock) -> Result<Stored, Error> {
    let found = directory::find_one(&mut cx.session, path, lock).await?;
    let access = cx.access();
    found.filter(|found| access.sees(found.vo)).ok_or_else(|| no_directory(path))
}

/// The directory of a path that the caller may change, locked.
pub async fn find_own(cx: &mut Context<'_>, path: &DirPath) -> Result<Stored, Error> {
    let found = find(cx, path, Lock::Update).await?;
    cx.check_changes_directory(&found)?;
    Ok(found)
}

impl Run for CreateDirectories {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("directories", self.directories.len(), 10_000)?;
        let community = cx.community(&self.vo).await?;
        let mut explicit = BTreeMap::new();
        for new in &self.directories {
            let metadata = community
                .schema
                .canonical(Entity::Directory, &new.metadata)
                .map_err(|problems| metadata::refuse(&problems))?;
            cx.check_gives("owner", new.owner.as_ref().map(AsRef::as_ref))?;
            let implied = Wanted::implied(cx);
            let wanted = Wanted {
                owner: new.owner.clone().unwrap_or(implied.owner),
                group: new.group.clone().unwrap_or(implied.group),
                mode: new.mode.unwrap_or(implied.mode),
                metadata,
                ..implied
            };
            explicit.insert(new.path.clone(), wanted);
        }
        cx.session.intern([self.vo.as_str()]).await?;
        let paths: BTreeSet<_> = explicit.keys().cloned().collect();
        let made = tree::ensure(cx, &community, &paths, &explicit).await?;
        let outcomes = self.directories.iter().map(|new| {
            let new_one = made.contains(&new.path);
            let outcome = if new_one { Outcome::Added } else { Outcome::Unchanged };
            (new.path.as_str(), Ok(outcome))
        });
        let result = results(outcomes, false);
        cx.note(Note {
            count: made.len() as u64,
            touched: made.iter().map(|path| Touched::Directory(path.key())).collect(),
            reason: None,
            detail: serde_json::json!({ "directories": made.len() }),
        });
        Ok(result)
    }
}

impl Run for GetDirectory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Directory, Error> {
        let stored = find(cx, &self.path, Lock::None).await?;
        let terms = cx.session.terms([stored.vo, stored.owner, stored.group]).await?;
        let subject = Subject::Directory(self.path.key());
        Ok(Directory {
            vo: name_of(&terms, stored.vo)?,
            owner: name_of(&terms, stored.owner)?,
            group: name_of(&terms, stored.group)?,
            mode: stored.mode,
            created: stored.created,
            modified: stored.modified,
            metadata: metadata::parse(stored.meta.as_deref())?,
            effective: metadata::parse(stored.effective.as_deref())?,
            totals: total::of_one(&mut cx.session, subject).await?,
            path: stored.path,
        })
    }
}

impl Run for ListDirectory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Entry>, Error> {
        let (after, limit) = cursor::page::<(bool, String)>(&self.page)?;
        // All communities are below the root, of which each sees its own part.
        if !self.path.is_root() {
            find(cx, &self.path, Lock::None).await?;
        }
        let (in_files, after) = after.unwrap_or_default();
        let mut items = Vec::new();
        if !in_files {
            items.extend(directories(cx, &self.path, &after, limit).await?);
        }
        let left = limit - i64::try_from(items.len()).unwrap_or(limit);
        if left > 0 {
            let after = if in_files { after.as_str() } else { "" };
            items.extend(files(cx, self, after, left).await?);
        }
        let next = cursor::next(&items, limit, |entry| match entry {
            Entry::Directory { name, .. } => cursor::encode(&(false, name)),
            Entry::File { name, .. } => cursor::encode(&(true, name)),
        });
        Ok(Page { items, next })
    }
}

async fn directories(
    cx: &mut Context<'_>,
    parent: &DirPath,
    after: &str,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let vo = cx.only_community()?.map(|vo| TermKey::of(vo.as_str()));
    let found = directory::children(&mut cx.session, parent, vo, after, limit).await?;
    let terms = cx.session.terms(found.iter().map(|d| d.owner)).await?;
    let subjects: Vec<_> = found.iter().map(|d| Subject::Directory(d.path.key())).collect();
    let totals = total::of(&mut cx.session, &subjects).await?;
    found
        .into_iter()
        .map(|stored| {
            Ok(Entry::Directory {
                name: stored.path.base_name().to_owned(),
                owner: name_of(&terms, stored.owner)?,
                mode: stored.mode,
                modified: stored.modified,
                totals: totals.get(&stored.path.key().0).copied().unwrap_or_default(),
            })
        })
        .collect()
}

async fn files(
    cx: &mut Context<'_>,
    call: &ListDirectory,
    after: &str,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let key = call.path.key();
    let found = file::list(&mut cx.session, key, after, call.retired, limit).await?;
    let terms = cx.session.terms(found.iter().map(|f| f.owner)).await?;
    found
        .into_iter()
        .map(|stored| {
            Ok(Entry::File {
                owner: name_of(&terms, stored.owner)?,
                name: stored.name,
                size: stored.size,
                events: stored.events,
                status: stored.status,
                modified: stored.modified,
            })
        })
        .collect()
}

impl Run for SetDirectoryMetadata {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Inheritance, Error> {
        let top = find_own(cx, &self.path).await?;
        let after = self.after.as_deref().map(cursor::decode::<DirPath>).transpose()?;
        let communities = communities(cx, [top.vo]).await?;
        let current = metadata::parse(top.meta.as_deref())?;
        let schema = &communities[&top.vo].schema;
        let own = schema
            .canonical_patch(Entity::Directory, &current, &self.metadata)
            .map_err(|problems| metadata::refuse(&problems))?;
        let changed = own != current;
        if changed {
            set_own(cx, &self.path, &own).await?;
        }
        let found =
            directory::below(&mut cx.session, &self.path, after.as_ref(), STEP, Lock::Update)
                .await?;
        let count = inherit(cx, &found, &self.path, &own).await?;
        let full = found.len() >= usize::try_from(STEP).unwrap_or(usize::MAX);
        let next = found.last().filter(|_| full).map(|last| cursor::encode(&last.path));
        cx.note(Note {
            count: u64::from(changed).max(count),
            touched: vec![Touched::Directory(self.path.key())],
            reason: None,
            detail: serde_json::json!({
                "path": self.path, "metadata": self.metadata, "directories": count,
            }),
        });
        Ok(Inheritance { directories: count, next })
    }
}

async fn set_own(cx: &mut Context<'_>, path: &DirPath, own: &Document) -> Result<(), Error> {
    let columns = vec![
        ("meta".to_owned(), Cells::Json(vec![metadata::text(own)])),
        ("modified".to_owned(), Cells::Int(vec![Some(cx.now.micros())])),
    ];
    let keys = [(path.key().0, 0)];
    Ok(promotion::replace(&mut cx.session, Entity::Directory, &keys, columns).await?)
}

/// Works out what holds in directories that come in the order of their paths, each after the
/// one above it, and stores what differs. Returns how many differ.
async fn inherit(
    cx: &mut Context<'_>,
    found: &[Stored],
    top: &DirPath,
    top_own: &Document,
) -> Result<u64, Error> {
    let above: BTreeSet<_> =
        found.iter().filter_map(|d| d.path.parent()).map(|path| path.key()).collect();
    let known = directory::find(&mut cx.session, above, Lock::Share).await?;
    let mut effective: BTreeMap<DirPath, Document> = BTreeMap::new();
    for stored in known.into_values() {
        effective.insert(stored.path, metadata::parse(stored.effective.as_deref())?);
    }
    let mut changed = Vec::new();
    for stored in found {
        let mut document =
            stored.path.parent().and_then(|p| effective.get(&p).cloned()).unwrap_or_default();
        if stored.path == *top {
            document.extend(top_own.clone());
        } else {
            document.extend(metadata::parse(stored.meta.as_deref())?);
        }
        if document != metadata::parse(stored.effective.as_deref())? {
            changed.push((stored, document.clone()));
        }
        effective.insert(stored.path.clone(), document);
    }
    let communities = communities(cx, changed.iter().map(|(stored, _)| stored.vo)).await?;
    let promoted = cx.promoted().await?;
    let with_schema = changed.iter().map(|(stored, doc)| (&*communities[&stored.vo].schema, doc));
    let mut columns = metadata::columns(&promoted, Entity::Directory, with_schema);
    let texts = changed.iter().map(|(_, document)| metadata::text(document)).collect();
    columns.push(("effective".into(), Cells::Json(texts)));
    let keys: Vec<_> = changed.iter().map(|(stored, _)| (stored.path.key().0, 0)).collect();
    promotion::replace(&mut cx.session, Entity::Directory, &keys, columns).await?;
    Ok(changed.len() as u64)
}

/// Lets the values of a directory reach all below it, for imports.
pub async fn spread(cx: &mut Context<'_>, top: &DirPath, own: &Document) -> Result<(), Error> {
    let mut after = None;
    loop {
        let session = &mut cx.session;
        let found = directory::below(session, top, after.as_ref(), STEP, Lock::Update).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = Some(last.path.clone());
        inherit(cx, &found, top, own).await?;
    }
}
