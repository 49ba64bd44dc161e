//! Changes, moves and removes a directory with all that is below it, in bounded steps.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{ChangeDirectory, MoveDirectory, Progress, RemoveDirectory};
use sbk_model::{DirPath, FileKey, FileStatus, TermKey};
use sbk_store::{
    audit::{self, Touched},
    directory::{self, Lock, Stored},
    file, name_of,
    total::Deltas,
};

use crate::{
    Context, Error, Note, Run, cursor,
    directory::{STEP, find, no_directory},
    file::communities,
    metadata,
    owner::handed_over,
    retire::retire,
    tree::{self, Wanted},
};

impl Run for ChangeDirectory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Progress, Error> {
        let names: Vec<&str> =
            [self.owner.as_ref().map(AsRef::as_ref), self.group.as_ref().map(AsRef::as_ref)]
                .into_iter()
                .flatten()
                .collect();
        if names.is_empty() && self.mode.is_none() {
            return Err(Error::invalid("owner", "", "is absent, and so are `group` and `mode`"));
        }
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        cx.session.intern(names.iter().map(String::as_str)).await?;
        let top = find(cx, &self.path, Lock::Update).await?;
        cx.check_owns_directory(&top)?;
        cx.check_gives("owner", self.owner.as_ref().map(AsRef::as_ref))?;
        let mut progress = Progress { done: true, ..Progress::default() };
        if self.recursive {
            progress = change_below(self, cx).await?;
        } else {
            progress.directories = set_owner(self, cx, vec![top]).await?;
        }
        cx.note(Note {
            count: progress.directories + progress.files,
            touched: vec![Touched::Directory(self.path.key())],
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "path": self.path, "owner": self.owner, "group": self.group,
                "mode": self.mode, "directories": progress.directories, "files": progress.files,
            }),
        });
        Ok(progress)
    }
}

async fn change_below(call: &ChangeDirectory, cx: &mut Context<'_>) -> Result<Progress, Error> {
    let walked = walk(cx, &call.path, call.after.as_deref()).await?;
    let directories = set_owner(call, cx, walked.directories).await?;
    let (owner, group) = owner_keys(call);
    let changed: Vec<_> = walked
        .files
        .into_iter()
        .filter_map(|old| {
            let new = file::Stored {
                owner: owner.unwrap_or(old.owner),
                group: group.unwrap_or(old.group),
                mode: call.mode.or(old.mode),
                ..old.clone()
            };
            if new == old { None } else { Some((old, new)) }
        })
        .collect();
    let deltas = handed_over(changed.iter().map(|(old, new)| (old, new)))?;
    cx.count(deltas).await?;
    let changed: Vec<_> = changed.into_iter().map(|(_, new)| new).collect();
    file::set_owner(&mut cx.session, &changed, cx.now).await?;
    Ok(Progress {
        done: walked.next.is_none(),
        directories,
        files: changed.len() as u64,
        next: walked.next,
    })
}

async fn set_owner(
    call: &ChangeDirectory,
    cx: &mut Context<'_>,
    found: Vec<Stored>,
) -> Result<u64, Error> {
    let (owner, group) = owner_keys(call);
    let changed: Vec<_> = found
        .into_iter()
        .filter_map(|old| {
            let new = Stored {
                owner: owner.unwrap_or(old.owner),
                group: group.unwrap_or(old.group),
                mode: call.mode.unwrap_or(old.mode),
                ..old.clone()
            };
            if new == old { None } else { Some(Stored { modified: cx.now, ..new }) }
        })
        .collect();
    directory::change(&mut cx.session, &changed).await?;
    Ok(changed.len() as u64)
}

/// The keys of the new owner and group.
fn owner_keys(call: &ChangeDirectory) -> (Option<i64>, Option<i64>) {
    let key = |name: &str| TermKey::of(name).0;
    (
        call.owner.as_ref().map(|name| key(name.as_str())),
        call.group.as_ref().map(|name| key(name.as_str())),
    )
}

/// What one step through a tree met.
struct Walked {
    /// Directories that are entered for the first time.
    directories: Vec<Stored>,
    /// Files, retired ones included, locked.
    files: Vec<file::Stored>,
    /// Where to go on.
    next: Option<String>,
}

/// Goes through a directory and all below it in the order of paths, a bounded step at a time.
async fn walk(cx: &mut Context<'_>, top: &DirPath, after: Option<&str>) -> Result<Walked, Error> {
    let position = after.map(cursor::decode::<(DirPath, Option<i64>)>).transpose()?;
    let mut walked = Walked { directories: Vec::new(), files: Vec::new(), next: None };
    let mut budget = STEP;
    let mut last = match position {
        Some((path, Some(file))) => {
            let left = enter(cx, &mut walked, &path, Some(file), &mut budget).await?;
            if left.is_some() {
                walked.next = left;
                return Ok(walked);
            }
            Some(path)
        }
        Some((path, None)) => Some(path),
        None => None,
    };
    while budget > 0 {
        let session = &mut cx.session;
        let found = directory::below(session, top, last.as_ref(), 100, Lock::Update).await?;
        if found.is_empty() {
            return Ok(walked);
        }
        for stored in found {
            let path = stored.path.clone();
            walked.directories.push(stored);
            budget -= 1;
            let left = enter(cx, &mut walked, &path, None, &mut budget).await?;
            if left.is_some() {
                walked.next = left;
                return Ok(walked);
            }
            last = Some(path);
            if budget <= 0 {
                break;
            }
        }
    }
    walked.next = last.map(|path| cursor::encode(&(path, None::<i64>)));
    Ok(walked)
}

/// Takes files of one directory as far as the budget goes; gives where to go on when it ends.
async fn enter(
    cx: &mut Context<'_>,
    walked: &mut Walked,
    path: &DirPath,
    after: Option<i64>,
    budget: &mut i64,
) -> Result<Option<String>, Error> {
    let limit = (*budget).max(1);
    let session = &mut cx.session;
    let found = file::in_directory(session, path.key(), after, limit, Lock::Update).await?;
    let count = i64::try_from(found.len()).unwrap_or(limit);
    *budget -= count;
    let last = found.last().map(|file| file.key.name);
    walked.files.extend(found);
    Ok(last.filter(|_| count == limit).map(|last| cursor::encode(&(path, Some(last)))))
}

impl Run for MoveDirectory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Progress, Error> {
        if self.from.is_root() || self.from.contains(&self.to) {
            let reason = "cannot be moved into itself";
            return Err(Error::invalid("to", self.to.as_str(), reason));
        }
        let Some(top) = directory::find_one(&mut cx.session, &self.from, Lock::Update).await?
        else {
            // A repeated call finds everything moved.
            find(cx, &self.to, Lock::None).await.map_err(|_| no_directory(&self.from))?;
            cx.note(Note::default());
            return Ok(Progress { done: true, ..Progress::default() });
        };
        check_own(cx, &top)?;
        let walked = walk(cx, &self.from, None).await?;
        let files = move_files(self, cx, top.vo, &walked).await?;
        let directories = remove_moved(self, cx).await?;
        let left = directory::find_one(&mut cx.session, &self.from, Lock::None).await?;
        cx.note(Note {
            count: files + directories,
            touched: vec![Touched::Directory(self.from.key()), Touched::Directory(self.to.key())],
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "from": self.from, "to": self.to, "directories": directories, "files": files,
            }),
        });
        Ok(Progress { done: left.is_none(), directories, files, next: None })
    }
}

/// Refuses a directory that the caller does not see, or may not change.
fn check_own(cx: &Context<'_>, top: &Stored) -> Result<(), Error> {
    if !cx.access().sees(top.vo) {
        return Err(no_directory(&top.path));
    }
    cx.check_owns_directory(top)
}

fn target(call: &MoveDirectory, path: &DirPath) -> Result<DirPath, Error> {
    let rest = path.as_str().strip_prefix(call.from.as_str()).unwrap_or_default();
    Ok(format!("{}{rest}", call.to.prefix()).parse()?)
}

/// Makes the directories at the new place as they are at the old one, and moves the files.
async fn move_files(
    call: &MoveDirectory,
    cx: &mut Context<'_>,
    vo: i64,
    walked: &Walked,
) -> Result<u64, Error> {
    let communities = communities(cx, [vo]).await?;
    let keys = walked.directories.iter().flat_map(|d| [d.owner, d.group]);
    let names = cx.session.terms(keys.collect::<Vec<_>>()).await?;
    let mut explicit = BTreeMap::new();
    for old in &walked.directories {
        let wanted = Wanted {
            owner: name_of(&names, old.owner)?,
            group: name_of(&names, old.group)?,
            mode: old.mode,
            metadata: metadata::parse(old.meta.as_deref())?,
            created: old.created,
            modified: old.modified,
        };
        explicit.insert(target(call, &old.path)?, wanted);
    }
    let paths: BTreeSet<_> = explicit.keys().cloned().collect();
    tree::ensure(cx, &communities[&vo], &paths, &explicit).await?;
    let mut deltas = Deltas::default();
    for old in &walked.directories {
        let key = old.path.key();
        let files: Vec<_> =
            walked.files.iter().filter(|f| f.key.directory == key).cloned().collect();
        let to = target(call, &old.path)?;
        check_free(cx, &files, &to).await?;
        deltas.extend(crate::retire::move_counts(cx, &files, &old.path, &to).await?)?;
        let gone = files.iter().map(|file| Touched::File(file.key));
        let links = files.iter().map(|file| (Touched::File(file.key), file.audit));
        let links = links.chain(gone.map(|file| (file, cx.audit))).collect::<Vec<_>>();
        audit::link(&mut cx.session, links).await?;
        let moved = files.iter().map(|file| FileKey { directory: to.key(), ..file.key });
        let moved = moved.map(|key| (Touched::File(key), cx.audit)).collect::<Vec<_>>();
        audit::link(&mut cx.session, moved).await?;
        file::set_directory(&mut cx.session, &files, to.key(), cx.now).await?;
    }
    cx.count(deltas).await?;
    Ok(walked.files.len() as u64)
}

async fn check_free(
    cx: &mut Context<'_>,
    files: &[file::Stored],
    to: &DirPath,
) -> Result<(), Error> {
    let keys = files.iter().map(|f| FileKey { directory: to.key(), name: f.key.name });
    let taken = file::find(&mut cx.session, keys, false, Lock::None).await?;
    match taken.values().next() {
        None => Ok(()),
        Some(file) => Err(Error::Conflict(format!(
            "the file {}/{} exists already; move or remove one of the two",
            to.prefix(),
            file.name
        ))),
    }
}

/// Removes the old directories that are empty, from the deepest up.
async fn remove_moved(call: &MoveDirectory, cx: &mut Context<'_>) -> Result<u64, Error> {
    let found = directory::below_backwards(&mut cx.session, &call.from, None, STEP).await?;
    remove_empty(cx, &found).await
}

/// Removes those of the directories that have no entries; each comes before the one above it.
async fn remove_empty(cx: &mut Context<'_>, paths: &[DirPath]) -> Result<u64, Error> {
    let mut removed = 0;
    for path in paths {
        let session = &mut cx.session;
        directory::find_one(session, path, Lock::Update).await?;
        if !directory::has_entries(session, path).await? {
            directory::remove(session, path).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

impl Run for RemoveDirectory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Progress, Error> {
        if self.path.is_root() {
            return Err(Error::invalid("path", "/", "cannot be removed"));
        }
        // Going on finds nothing left when the step before was repeated.
        let top = directory::find_one(&mut cx.session, &self.path, Lock::Update).await?;
        if let Some(top) = &top {
            check_own(cx, top)?;
        } else {
            if self.after.is_none() {
                return Err(no_directory(&self.path));
            }
            cx.note(Note::default());
            return Ok(Progress { done: true, ..Progress::default() });
        }
        let progress = if self.recursive {
            remove_below(self, cx).await?
        } else {
            remove_one(self, cx).await?
        };
        if self.preview {
            cx.abandon();
            return Ok(progress);
        }
        cx.note(Note {
            count: progress.directories + progress.files,
            touched: vec![Touched::Directory(self.path.key())],
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({
                "path": self.path,
                "directories": progress.directories,
                "retired_files": progress.files,
            }),
        });
        Ok(progress)
    }
}

async fn remove_one(call: &RemoveDirectory, cx: &mut Context<'_>) -> Result<Progress, Error> {
    if directory::has_entries(&mut cx.session, &call.path).await? {
        return Err(Error::Conflict(format!(
            "the directory {} is not empty (it may hold retired files); ask for `recursive`",
            call.path
        )));
    }
    directory::remove(&mut cx.session, &call.path).await?;
    Ok(Progress { done: true, directories: 1, ..Progress::default() })
}

/// First retires the files, step by step; then removes what is empty, from the deepest up.
async fn remove_below(call: &RemoveDirectory, cx: &mut Context<'_>) -> Result<Progress, Error> {
    let position = call.after.as_deref().map(cursor::decode::<Removal>).transpose()?;
    let walking = match position {
        Some(Removal::Directories(before)) => return remove_directories(call, cx, before).await,
        Some(Removal::Files(cursor)) => Some(cursor),
        None => None,
    };
    let walked = walk(cx, &call.path, walking.as_deref()).await?;
    let going: Vec<_> = walked.files.iter().filter(|f| f.status != FileStatus::Retired).collect();
    if going.is_empty() && walked.next.is_none() {
        // Who calls again without `after` comes to the end, too.
        return remove_directories(call, cx, None).await;
    }
    let (_, frozen) = retire(cx, &going, call.grace_seconds).await?;
    if let Some((key, dataset)) = frozen.iter().next() {
        let name = going.iter().find(|f| f.key == *key).map_or("", |f| f.name.as_str());
        let text = crate::retire::frozen(dataset).detail;
        return Err(Error::Conflict(format!("the file {name}: {text}")));
    }
    let next = match walked.next {
        Some(cursor) => Removal::Files(cursor),
        None => Removal::Directories(None),
    };
    Ok(Progress {
        done: false,
        directories: 0,
        files: going.len() as u64,
        next: Some(cursor::encode(&next)),
    })
}

async fn remove_directories(
    call: &RemoveDirectory,
    cx: &mut Context<'_>,
    before: Option<DirPath>,
) -> Result<Progress, Error> {
    let session = &mut cx.session;
    let found = directory::below_backwards(session, &call.path, before.as_ref(), STEP).await?;
    let directories = remove_empty(cx, &found).await?;
    let full = found.len() >= usize::try_from(STEP).unwrap_or(usize::MAX);
    let next = found
        .last()
        .filter(|_| full)
        .map(|last| cursor::encode(&Removal::Directories(Some(last.clone()))));
    Ok(Progress { done: next.is_none(), directories, files: 0, next })
}

/// How far a recursive removal is.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
enum Removal {
    /// Retiring files, from a position of the walk.
    Files(String),
    /// Removing directories, before a path.
    Directories(Option<DirPath>),
}
