use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{
    AddReplicas, Atomicity, BulkResult, Code, FileReplica, FindReplicas, FoundReplicas,
    MoveReplicas, Outcome, Problem, RemoveReplicas, Replica, ReplicaMove, ReplicaName, ReplicasOf,
    SetReplicaStatus, StorageElement,
};
use sbk_model::{FileKey, FileStatus, Lfn, ReplicaStatus, SeKey, SeName};
use sbk_store::{
    audit::Touched,
    directory::Lock,
    file,
    replica::{self, Stored},
    storage,
    total::{Deltas, Subject},
};

use crate::{
    Context, Error, Note, Run,
    access::Changeable,
    file::{find_named, results},
    register::{check_count, hold_elements, unknown_element},
};

/// The name of a replica in answers.
pub fn label(lfn: &Lfn, se: &SeName) -> String {
    format!("{lfn} at {se}")
}

/// Files and replicas that a call is about, locked.
struct Found {
    files: Changeable,
    replicas: HashMap<(FileKey, SeKey), Stored>,
}

async fn find(cx: &mut Context<'_>, lfns: impl Iterator<Item = &Lfn>) -> Result<Found, Error> {
    let files = find_named(cx, lfns, false, Lock::Update).await?;
    let files = cx.changeable(files).await?;
    let keys = files.keys().copied();
    let replicas = replica::of(&mut cx.session, keys, Lock::Update).await?;
    Ok(Found { files, replicas: replicas.into_iter().map(|r| (r.key(), r)).collect() })
}

/// The change of the total of a storage element when a replica begins or ends to count.
fn count(
    deltas: &mut Deltas,
    file: &file::Stored,
    se: SeKey,
    before: Option<ReplicaStatus>,
    after: Option<ReplicaStatus>,
) -> Result<(), Error> {
    let counts = |status: Option<ReplicaStatus>| {
        status.is_some_and(|status| status != ReplicaStatus::Retired)
    };
    match (counts(before), counts(after)) {
        (false, true) => deltas.add(Subject::Se(se), file.counts())?,
        (true, false) => deltas.add(Subject::Se(se), -file.counts())?,
        _ => {}
    }
    Ok(())
}

/// What becomes of the replicas of a call, and the rows that change.
#[derive(Debug)]
pub struct Changed {
    /// One per replica.
    pub outcomes: Vec<Result<Outcome, Problem>>,
    /// The rows that are new, or gone.
    pub rows: Vec<Stored>,
}

/// Finds out which replicas are new. Nothing is written yet; see [`insert`].
pub async fn add(
    cx: &mut Context<'_>,
    replicas: &[FileReplica],
    deltas: &mut Deltas,
) -> Result<Changed, Error> {
    let wanted: BTreeSet<&SeName> = replicas.iter().map(|r| &r.replica.se).collect();
    let declared = hold_elements(cx, wanted).await?;
    let mut found = find(cx, replicas.iter().map(|r| &r.lfn)).await?;
    let mut new: BTreeMap<(FileKey, SeKey), Stored> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(replicas.len());
    for wanted in replicas {
        let row = Stored {
            file: wanted.lfn.key(),
            se: SeKey::of(&wanted.replica.se),
            status: wanted.replica.status,
            pfn: wanted.replica.pfn.as_ref().map(ToString::to_string),
            created: cx.now,
            audit: cx.audit,
        };
        let outcome = if declared.contains(&wanted.replica.se) {
            is_new(&found, &row)
        } else {
            Err(unknown_element(&wanted.replica.se))
        };
        if outcome == Ok(Outcome::Added) {
            count(deltas, &found.files[&row.file], row.se, None, Some(row.status))?;
            found.replicas.insert(row.key(), row.clone());
            new.insert(row.key(), row);
        }
        outcomes.push(outcome);
    }
    Ok(Changed { outcomes, rows: new.into_values().collect() })
}

/// Stores the replicas that are new.
pub async fn insert(cx: &mut Context<'_>, added: &Changed) -> Result<(), Error> {
    replica::insert(&mut cx.session, &added.rows).await?;
    Ok(())
}

impl Run for AddReplicas {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("replicas", self.replicas.len(), 10_000)?;
        let mut deltas = Deltas::default();
        let mut added = add(cx, &self.replicas, &mut deltas).await?;
        let outcomes = std::mem::take(&mut added.outcomes);
        let abandoned = self.atomicity == Atomicity::All && outcomes.iter().any(Result::is_err);
        let names: Vec<_> = self.replicas.iter().map(|r| label(&r.lfn, &r.replica.se)).collect();
        let result = results(names.iter().map(String::as_str).zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        insert(cx, &added).await?;
        cx.count(deltas).await?;
        note(cx, &added.rows, None, serde_json::json!({ "added": added.rows.len() }));
        Ok(result)
    }
}

fn is_new(found: &Found, row: &Stored) -> Result<Outcome, Problem> {
    let file = found.files.file(row.file)?;
    if file.status == FileStatus::Retired {
        return Err(Problem::new(Code::Conflict, "the file is retired; restore it first"));
    }
    match found.replicas.get(&row.key()) {
        None => Ok(Outcome::Added),
        Some(old) if row.pfn.is_some() && row.pfn != old.pfn => {
            Err(Problem::new(Code::Conflict, "this replica is recorded with another PFN"))
        }
        Some(_) => Ok(Outcome::Unchanged),
    }
}

fn note(cx: &mut Context<'_>, rows: &[Stored], reason: Option<String>, detail: serde_json::Value) {
    cx.note(Note {
        count: rows.len() as u64,
        touched: rows.iter().map(|row| Touched::File(row.file)).collect(),
        reason,
        detail,
    });
}

/// Finds the replicas of a call, and says of each name whether it exists.
fn named<'a>(
    found: &'a Found,
    names: &[ReplicaName],
) -> Vec<Result<(&'a file::Stored, &'a Stored), Problem>> {
    names
        .iter()
        .map(|name| {
            let key = (name.lfn.key(), SeKey::of(&name.se));
            let file = found.files.file(key.0)?;
            let absent = || Problem::new(Code::NotFound, "there is no such replica");
            Ok((file, found.replicas.get(&key).ok_or_else(absent)?))
        })
        .collect()
}

impl Run for SetReplicaStatus {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("replicas", self.replicas.len(), 10_000)?;
        let found = find(cx, self.replicas.iter().map(|r| &r.lfn)).await?;
        let mut changed: BTreeMap<(FileKey, SeKey), Stored> = BTreeMap::new();
        let mut deltas = Deltas::default();
        let mut outcomes = Vec::with_capacity(self.replicas.len());
        for item in named(&found, &self.replicas) {
            outcomes.push(match item {
                Err(problem) => Err(problem),
                Ok((_, old)) if old.status == self.status || changed.contains_key(&old.key()) => {
                    Ok(Outcome::Unchanged)
                }
                Ok((file, old)) => {
                    count(&mut deltas, file, old.se, Some(old.status), Some(self.status))?;
                    let new = Stored { status: self.status, audit: cx.audit, ..old.clone() };
                    changed.insert(old.key(), new);
                    Ok(Outcome::Changed)
                }
            });
        }
        let rows: Vec<_> = changed.into_values().collect();
        replica::change(&mut cx.session, &rows).await?;
        cx.count(deltas).await?;
        let reason = self.reason.as_ref().map(ToString::to_string);
        let detail = serde_json::json!({ "status": self.status, "replicas": rows.len() });
        note(cx, &rows, reason, detail);
        let names: Vec<_> = self.replicas.iter().map(|r| label(&r.lfn, &r.se)).collect();
        Ok(results(names.iter().map(String::as_str).zip(outcomes), false))
    }
}

/// Removes the record of replicas.
pub async fn remove(
    cx: &mut Context<'_>,
    names: &[ReplicaName],
    deltas: &mut Deltas,
) -> Result<Changed, Error> {
    let found = find(cx, names.iter().map(|r| &r.lfn)).await?;
    let mut removed: BTreeMap<(FileKey, SeKey), Stored> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(names.len());
    for item in named(&found, names) {
        outcomes.push(match item {
            // A repeated removal finds nothing, which is what it asks for.
            Err(problem) if problem.code == Code::NotFound => Ok(Outcome::Unchanged),
            Err(problem) => Err(problem),
            Ok((_, old)) if removed.contains_key(&old.key()) => Ok(Outcome::Unchanged),
            Ok((file, old)) => {
                count(deltas, file, old.se, Some(old.status), None)?;
                removed.insert(old.key(), old.clone());
                Ok(Outcome::Removed)
            }
        });
    }
    let rows: Vec<_> = removed.into_values().collect();
    replica::remove(&mut cx.session, &rows).await?;
    Ok(Changed { outcomes, rows })
}

impl Run for RemoveReplicas {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("replicas", self.replicas.len(), 10_000)?;
        let mut deltas = Deltas::default();
        let Changed { outcomes, rows } = remove(cx, &self.replicas, &mut deltas).await?;
        cx.count(deltas).await?;
        let detail = serde_json::json!({ "removed": rows.len() });
        note(cx, &rows, Some(self.reason.to_string()), detail);
        let names: Vec<_> = self.replicas.iter().map(|r| label(&r.lfn, &r.se)).collect();
        Ok(results(names.iter().map(String::as_str).zip(outcomes), false))
    }
}

impl Run for FindReplicas {
    async fn run(&self, cx: &mut Context<'_>) -> Result<FoundReplicas, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let mut known = replica::of_files(&mut cx.session, self.lfns.iter().map(Lfn::key)).await?;
        let access = cx.access();
        known.retain(|_, of_file| access.sees(of_file.vo));
        let used: BTreeSet<SeKey> =
            known.values().flat_map(|of| of.replicas.iter().map(|(se, ..)| *se)).collect();
        let elements = storage::find(&mut cx.session, used).await?;
        let mut answer = FoundReplicas::default();
        let mut seen = HashSet::with_capacity(self.lfns.len());
        for lfn in self.lfns.iter().filter(|lfn| seen.insert(lfn.key())) {
            match known.remove(&lfn.key()) {
                Some(of_file) if of_file.name == lfn.split().1 => {
                    let replicas = shown(lfn, of_file, &elements)?;
                    answer.found.push(ReplicasOf { lfn: lfn.clone(), replicas });
                }
                _ => answer.missing.push(lfn.clone()),
            }
        }
        Ok(answer)
    }
}

/// The replicas of a file as callers see them, in the order of the names of their storage elements.
fn shown(
    lfn: &Lfn,
    of_file: replica::OfFile,
    elements: &HashMap<SeKey, StorageElement>,
) -> Result<Vec<Replica>, Error> {
    let mut replicas = Vec::with_capacity(of_file.replicas.len());
    for (se, status, pfn) in of_file.replicas {
        let element = elements
            .get(&se)
            .ok_or_else(|| sbk_store::Error::Internal("a replica has no storage element".into()))?;
        let derived = || element.pfn_prefix.as_ref().map(|prefix| format!("{prefix}{lfn}"));
        let pfn = pfn.or_else(derived).and_then(|pfn| pfn.parse().ok());
        replicas.push(Replica { se: element.name.clone(), pfn, status });
    }
    replicas.sort_by(|a, b| a.se.cmp(&b.se));
    Ok(replicas)
}

impl Run for MoveReplicas {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("replicas", self.replicas.len(), 10_000)?;
        let wanted = self.replicas.iter().map(|replica| &replica.to).collect();
        let declared = hold_elements(cx, wanted).await?;
        let mut found = find(cx, self.replicas.iter().map(|r| &r.lfn)).await?;
        let mut deltas = Deltas::default();
        let (mut gone, mut new) = (BTreeMap::new(), BTreeMap::new());
        let mut outcomes = Vec::with_capacity(self.replicas.len());
        for wanted in &self.replicas {
            let moved = if declared.contains(&wanted.to) {
                moved(&found, wanted)
            } else {
                Err(unknown_element(&wanted.to))
            };
            outcomes.push(match moved {
                Err(problem) => Err(problem),
                Ok(None) => Ok(Outcome::Unchanged),
                Ok(Some(row)) => {
                    let file = &found.files[&row.file];
                    let to = SeKey::of(&wanted.to);
                    count(&mut deltas, file, row.se, Some(row.status), None)?;
                    count(&mut deltas, file, to, None, Some(row.status))?;
                    let next = Stored { se: to, audit: cx.audit, ..row.clone() };
                    found.replicas.remove(&row.key());
                    found.replicas.insert(next.key(), next.clone());
                    // What was moved here by the same call goes on from where it was.
                    if new.remove(&row.key()).is_none() {
                        gone.insert(row.key(), row);
                    }
                    new.insert(next.key(), next);
                    Ok(Outcome::Changed)
                }
            });
        }
        let (gone, new): (Vec<_>, Vec<_>) =
            (gone.into_values().collect(), new.into_values().collect());
        replica::remove(&mut cx.session, &gone).await?;
        replica::insert(&mut cx.session, &new).await?;
        cx.count(deltas).await?;
        let reason = self.reason.as_ref().map(ToString::to_string);
        let detail = serde_json::json!({ "moved": new.len(), "first": self.replicas.first() });
        note(cx, &new, reason, detail);
        let names: Vec<_> = self.replicas.iter().map(|r| label(&r.lfn, &r.se)).collect();
        Ok(results(names.iter().map(String::as_str).zip(outcomes), false))
    }
}

/// The replica that is to be elsewhere; `None` where it is there already.
fn moved(found: &Found, wanted: &ReplicaMove) -> Result<Option<Stored>, Problem> {
    let file = found.files.file(wanted.lfn.key())?;
    let at = |se: &SeName| found.replicas.get(&(file.key, SeKey::of(se)));
    match (at(&wanted.se), at(&wanted.to)) {
        _ if wanted.se == wanted.to => Ok(None),
        (Some(row), None) => Ok(Some(row.clone())),
        // A repeated move finds what it asks for.
        (None, Some(_)) => Ok(None),
        (None, None) => Err(Problem::new(Code::NotFound, "there is no such replica")),
        (Some(_), Some(_)) => {
            let text = format!("it has a replica at {}, too", wanted.to);
            Err(Problem::new(Code::Conflict, text))
        }
    }
}
