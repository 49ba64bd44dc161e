//! Looks around in directories.

use std::collections::{BTreeMap, HashMap, HashSet};

use sbk_api::{
    DirectoryAccess, DirectorySize, DirectorySizes, File, FindDirectories, FoundDirectories,
    ListFiles, ListSubdirectories, MeasureDirectories, Metadata, Page, QueryDirectories,
    StorageUse,
};
use sbk_model::{DirKey, DirPath, SeKey, TermKey};
use sbk_store::{
    Session,
    directory::{self, Lock, Stored},
    file, name_of, storage,
    total::{self, Subject},
};

use crate::{
    Context, Error, Run, cursor,
    directory::find,
    file::{With, present},
    query::{self, Asked},
    register::check_count,
};

/// Makes directories as callers see them.
async fn shown(
    session: &mut Session,
    stored: Vec<Stored>,
    metadata: bool,
) -> Result<Vec<DirectoryAccess>, Error> {
    let keys = stored.iter().flat_map(|d| [d.vo, d.owner, d.group]);
    let terms = session.terms(keys.collect::<Vec<_>>()).await?;
    stored
        .into_iter()
        .map(|stored| {
            Ok(DirectoryAccess {
                vo: name_of(&terms, stored.vo)?,
                owner: name_of(&terms, stored.owner)?,
                group: name_of(&terms, stored.group)?,
                mode: stored.mode,
                created: stored.created,
                modified: stored.modified,
                effective: if metadata {
                    crate::metadata::parse(stored.effective.as_deref())?
                } else {
                    Metadata::new()
                },
                path: stored.path,
            })
        })
        .collect()
}

/// The directories of some paths that the caller sees, by key.
async fn seen(cx: &mut Context<'_>, paths: &[DirPath]) -> Result<HashMap<DirKey, Stored>, Error> {
    let keys = paths.iter().map(DirPath::key);
    let mut found = directory::find(&mut cx.session, keys, Lock::None).await?;
    let access = cx.access();
    found.retain(|_, stored| access.sees(stored.vo));
    Ok(found)
}

impl Run for FindDirectories {
    async fn run(&self, cx: &mut Context<'_>) -> Result<FoundDirectories, Error> {
        check_count("paths", self.paths.len(), 10_000)?;
        let mut known = seen(cx, &self.paths).await?;
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut asked = HashSet::new();
        for path in self.paths.iter().filter(|path| asked.insert(path.key())) {
            match known.remove(&path.key()) {
                Some(stored) if stored.path == *path => found.push(stored),
                _ => missing.push(path.clone()),
            }
        }
        Ok(FoundDirectories { found: shown(&mut cx.session, found, false).await?, missing })
    }
}

impl Run for ListSubdirectories {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<DirectoryAccess>, Error> {
        let (after, limit) = cursor::page::<DirPath>(&self.page)?;
        if !self.path.is_root() {
            find(cx, &self.path, Lock::None).await?;
        }
        let only = cx.only_community()?.map(|vo| TermKey::of(vo.as_str()));
        let session = &mut cx.session;
        let (stored, next) = if self.recursive {
            let from = after.unwrap_or_else(|| self.path.clone());
            let mut found =
                directory::below(session, &self.path, Some(&from), limit, Lock::None).await?;
            let next = cursor::next(&found, limit, |stored| cursor::encode(&stored.path));
            found.retain(|stored| only.is_none_or(|vo| vo.0 == stored.vo));
            (found, next)
        } else {
            let from = after.as_ref().map_or("", |path| path.base_name());
            let found = directory::children(session, &self.path, only, from, limit).await?;
            let next = cursor::next(&found, limit, |stored| cursor::encode(&stored.path));
            (found, next)
        };
        Ok(Page { items: shown(session, stored, false).await?, next })
    }
}

impl Run for QueryDirectories {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<DirectoryAccess>, Error> {
        let (after, limit) = cursor::page::<DirPath>(&self.page)?;
        let root = DirPath::root();
        let top = self.below.as_ref().unwrap_or(&root);
        if !top.is_root() {
            find(cx, top, Lock::None).await?;
        }
        let asked = Asked::directories(&self.selection);
        let found = query::directories(cx, &asked, top, after.as_ref(), limit).await?;
        let next = cursor::next(&found, limit, |stored| cursor::encode(&stored.path));
        Ok(Page { items: shown(&mut cx.session, found, self.metadata).await?, next })
    }
}

impl Run for ListFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<File>, Error> {
        let (after, limit) = cursor::page::<String>(&self.page)?;
        if !self.path.is_root() {
            find(cx, &self.path, Lock::None).await?;
        }
        let after = after.unwrap_or_default();
        let key = self.path.key();
        let mut found = file::list(&mut cx.session, key, &after, self.retired, limit).await?;
        let next = cursor::next(&found, limit, |file| cursor::encode(&file.name));
        let access = cx.access();
        found.retain(|file| access.sees(file.vo));
        let with = With { replicas: self.replicas, ..With::default() };
        Ok(Page { items: present(&mut cx.session, found, with).await?, next })
    }
}

impl Run for MeasureDirectories {
    async fn run(&self, cx: &mut Context<'_>) -> Result<DirectorySizes, Error> {
        check_count("paths", self.paths.len(), 1000)?;
        let mut known = seen(cx, &self.paths).await?;
        let (mut wanted, mut missing) = (Vec::new(), Vec::new());
        let mut asked = HashSet::new();
        for path in self.paths.iter().filter(|path| asked.insert(path.key())) {
            match known.remove(&path.key()) {
                Some(stored) if stored.path == *path => wanted.push(stored.path),
                _ => missing.push(path.clone()),
            }
        }
        let sums = if self.own {
            directory::own_totals(&mut cx.session, &wanted).await?
        } else {
            let subjects: Vec<_> =
                wanted.iter().map(|path| Subject::Directory(path.key())).collect();
            total::of(&mut cx.session, &subjects).await?
        };
        let mut found = Vec::with_capacity(wanted.len());
        for path in wanted {
            let sum = sums.get(&path.key().0).copied().unwrap_or_default();
            let directories = directory::count_below(&mut cx.session, &path).await?;
            let storage = if self.storage { uses(cx, &path, self.own).await? } else { Vec::new() };
            let (files, bytes) = (sum.files, sum.bytes);
            found.push(DirectorySize { path, files, bytes, directories, storage });
        }
        Ok(DirectorySizes { found, missing })
    }
}

/// What the storage elements hold of a directory, in the order of their names.
async fn uses(cx: &mut Context<'_>, path: &DirPath, own: bool) -> Result<Vec<StorageUse>, Error> {
    let held = directory::held(&mut cx.session, path, own).await?;
    let elements = storage::find(&mut cx.session, held.keys().map(|se| SeKey(*se))).await?;
    let mut uses = BTreeMap::new();
    for (se, (files, bytes)) in held {
        let element = elements
            .get(&SeKey(se))
            .ok_or_else(|| sbk_store::Error::Internal("a replica has no storage element".into()))?;
        uses.insert(element.name.clone(), (files, bytes));
    }
    let uses = uses.into_iter().map(|(se, (files, bytes))| StorageUse { se, files, bytes });
    Ok(uses.collect())
}
