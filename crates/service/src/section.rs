//! The sections whose events files hold.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{BulkResult, Code, FileSections, GetSections, Outcome, Problem, SetSections};
use sbk_model::{FileKey, Lfn, RunSections};
use sbk_store::{audit::Touched, directory::Lock, section};

use crate::{
    Context, Error, Note, Run,
    file::{find_named, results},
    register::{self, check_count},
    run::MAX_INTERVALS,
};

/// What becomes of the sections of a file that others are known of, or none.
fn compare(
    old: Option<&RunSections>,
    new: &RunSections,
    replace: bool,
) -> Result<Outcome, Problem> {
    match old {
        None if new.is_empty() => Ok(Outcome::Unchanged),
        None => Ok(Outcome::Added),
        Some(old) if old == new => Ok(Outcome::Unchanged),
        Some(_) if replace => Ok(Outcome::Changed),
        Some(_) => {
            let text = "other sections of it are known; ask for `replace` to change them";
            Err(Problem::new(Code::Conflict, text))
        }
    }
}

/// Refuses sections of a file in too many pieces.
fn check(sections: &RunSections) -> Result<(), Problem> {
    if sections.intervals() <= MAX_INTERVALS {
        return Ok(());
    }
    let text = format!("the sections of a file are at most {MAX_INTERVALS} intervals");
    Err(Problem { field: Some("sections".into()), ..Problem::new(Code::Invalid, text) })
}

impl Run for SetSections {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("files", self.files.len(), 10_000)?;
        let found = find_named(cx, self.files.keys(), false, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let known = section::of(&mut cx.session, stored.keys().copied()).await?;
        let mut setting: BTreeMap<FileKey, &RunSections> = BTreeMap::new();
        let outcomes: Vec<_> = self
            .files
            .iter()
            .map(|(lfn, sections)| {
                let key = lfn.key();
                stored.file(key)?;
                check(sections)?;
                let outcome = compare(known.get(&key), sections, self.replace)?;
                if outcome != Outcome::Unchanged {
                    setting.insert(key, sections);
                }
                Ok(outcome)
            })
            .collect();
        let refused = outcomes.iter().any(Result::is_err);
        let result = results(self.files.keys().map(Lfn::as_str).zip(outcomes), refused);
        if refused {
            cx.abandon();
            return Ok(result);
        }
        section::set(&mut cx.session, &setting).await?;
        cx.note(Note {
            count: setting.len() as u64,
            touched: setting.keys().map(|key| Touched::File(*key)).collect(),
            reason: None,
            detail: serde_json::json!({ "files": setting.len() }),
        });
        Ok(result)
    }
}

impl Run for GetSections {
    async fn run(&self, cx: &mut Context<'_>) -> Result<FileSections, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let stored = find_named(cx, self.lfns.iter(), false, Lock::None).await?;
        let mut known = section::of(&mut cx.session, stored.keys().copied()).await?;
        let mut answer = FileSections::default();
        let wanted: BTreeSet<&Lfn> = self.lfns.iter().collect();
        for lfn in wanted {
            let key = lfn.key();
            if !stored.contains_key(&key) {
                answer.missing.push(lfn.clone());
            } else if let Some(sections) = known.remove(&key) {
                answer.files.insert(lfn.clone(), sections);
            }
        }
        Ok(answer)
    }
}

/// Keeps the sections of files that are registered: those of new files have their columns already.
/// Gives the files that others are known of, by their place in the call.
pub async fn keep(
    cx: &mut Context<'_>,
    drafts: &[register::Draft<'_>],
    is_known: impl Fn(FileKey) -> bool,
) -> Result<Vec<(usize, Problem)>, Error> {
    let with: BTreeMap<FileKey, (&RunSections, &register::Draft<'_>)> = drafts
        .iter()
        .filter_map(|draft| Some((draft.stored.key, (draft.sections?, draft))))
        .collect();
    if with.is_empty() {
        return Ok(Vec::new());
    }
    let known: Vec<FileKey> = with.keys().copied().filter(|key| is_known(*key)).collect();
    let before = section::of(&mut cx.session, known.iter().copied()).await?;
    let (mut new, mut setting, mut refused) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for (key, (sections, draft)) in with {
        if let Err(problem) = check(sections) {
            refused.push((draft.at, problem));
            continue;
        }
        if !known.contains(&key) {
            new.insert(key, sections);
            continue;
        }
        match compare(before.get(&key), sections, false) {
            Ok(Outcome::Unchanged) => {}
            Ok(_) => drop(setting.insert(key, sections)),
            Err(problem) => refused.push((draft.at, problem)),
        }
    }
    section::insert_further_runs(&mut cx.session, &new).await?;
    section::set(&mut cx.session, &setting).await?;
    Ok(refused)
}

/// Gives drafts of files their sections.
pub fn attach<'a>(
    drafts: &mut [register::Draft<'a>],
    of: impl Fn(usize) -> Option<&'a RunSections>,
) {
    for draft in drafts {
        draft.sections = of(draft.at).filter(|sections| !sections.is_empty());
    }
}
