//! Gives files to others, and says what others may do with them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{BulkResult, ChangeFiles, Code, FileAccess, Outcome, Problem};
use sbk_model::{FileKey, FileStatus, TermKey};
use sbk_store::{
    audit::Touched,
    directory::Lock,
    file::{self, Stored},
    total::Deltas,
};

use crate::{
    Context, Error, Note, Run,
    access::not_yours,
    file::{find_named, results},
    register::check_count,
};

impl Run for ChangeFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("files", self.files.len(), 10_000)?;
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for wanted in &self.files {
            cx.check_gives("files.owner", wanted.owner.as_ref().map(AsRef::as_ref))?;
            names.extend(wanted.owner.as_ref().map(AsRef::<str>::as_ref));
            names.extend(wanted.group.as_ref().map(AsRef::<str>::as_ref));
        }
        cx.session.intern(names).await?;
        let lfns = self.files.iter().map(|wanted| &wanted.lfn);
        let found = find_named(cx, lfns, false, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let access = cx.access();
        let mut changed: BTreeMap<FileKey, Stored> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(self.files.len());
        for wanted in &self.files {
            let key = wanted.lfn.key();
            let outcome = match stored.file(key) {
                Err(problem) => Err(problem),
                Ok(file) if !access.owns(file.owner) => Err(not_yours()),
                Ok(file) => change(changed.get(&key).unwrap_or(file), wanted),
            };
            outcomes.push(outcome.map(|new| match new {
                None => Outcome::Unchanged,
                Some(new) => {
                    changed.insert(key, new);
                    Outcome::Changed
                }
            }));
        }
        let rows: Vec<Stored> = changed.into_values().collect();
        file::set_owner(&mut cx.session, &rows, cx.now).await?;
        let changes = rows.iter().filter_map(|new| Some((stored.get(&new.key)?, new)));
        let deltas = handed_over(changes)?;
        cx.count(deltas).await?;
        let names = self.files.iter().map(|wanted| wanted.lfn.as_str());
        let result = results(names.zip(outcomes), false);
        cx.note(Note {
            count: rows.len() as u64,
            touched: rows.iter().map(|file| Touched::File(file.key)).collect(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "files": result.changed, "first": self.files.first(),
            }),
        });
        Ok(result)
    }
}

/// What changes of what owners and groups hold, for files as they were and as they are.
pub fn handed_over<'f>(
    files: impl Iterator<Item = (&'f Stored, &'f Stored)>,
) -> Result<Deltas, Error> {
    let mut deltas = Deltas::default();
    for (old, new) in files.filter(|(old, _)| old.status != FileStatus::Retired) {
        if old.holder() != new.holder() {
            deltas.hold(old.holder(), -old.counts())?;
            deltas.hold(new.holder(), old.counts())?;
        }
    }
    Ok(deltas)
}

/// The file as it is wanted; `None` where it is so already.
fn change(file: &Stored, wanted: &FileAccess) -> Result<Option<Stored>, Problem> {
    if wanted.owner.is_none() && wanted.group.is_none() && wanted.mode.is_none() {
        let text = "neither `owner` nor `group` nor `mode` is given";
        return Err(Problem::new(Code::Invalid, text));
    }
    let key = |name: &str| TermKey::of(name).0;
    let new = Stored {
        owner: wanted.owner.as_ref().map_or(file.owner, |name| key(name.as_str())),
        group: wanted.group.as_ref().map_or(file.group, |name| key(name.as_str())),
        mode: wanted.mode.or(file.mode),
        ..file.clone()
    };
    Ok(if new == *file { None } else { Some(new) })
}
