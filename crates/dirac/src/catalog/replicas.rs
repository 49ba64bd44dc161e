//! Replicas.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    AddReplicas, Atomicity, Code, DeclareStorageElements, FileReplica, FindReplicas, MoveReplicas,
    RemoveReplicas, Replica, ReplicaMove, ReplicaName, ReplicasOf, SetReplicaStatus,
    StorageElement,
};
use sbk_model::{Lfn, Pfn, ReplicaStatus, SeName};
use sbk_wire::Value;

use super::{
    call::{Call, Permitted, Results, grouped},
    changes::{reason, refusal},
    lookup::{AT_ONCE, lfns},
    security::Operation,
    status,
};
use crate::{Answer, Failure, NO_SUCH_FILE, python};

/// A replica that a client speaks of.
#[derive(Debug)]
struct Named {
    lfn: Lfn,
    se: SeName,
    value: Value,
}

/// The first of the keys that are not there, as DIRAC says it.
pub fn lacking(value: &Value, keys: &[&str]) -> Option<String> {
    if !matches!(value, Value::Dict(_)) || !python::is_true(value) {
        return Some("Missing parameters".into());
    }
    let missing = keys.iter().find(|key| value.get(key).is_none())?;
    Some(format!("Missing '{missing}' parameter"))
}

/// Storage elements as they are written: one, or a list of them.
pub fn elements(value: &Value) -> Result<Vec<SeName>, String> {
    let texts: Vec<&Value> = match value {
        Value::List(items) | Value::Tuple(items) => items.iter().collect(),
        one => vec![one],
    };
    let mut names = Vec::with_capacity(texts.len());
    for text in texts {
        let Some(text) = text.text() else {
            return Err(format!("Illegal type of SE list: <class '{}'>", python::class(value)));
        };
        let name: SeName = text.parse().map_err(|e: sbk_model::Invalid| e.to_string())?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { Err("Missing 'SE' parameter".into()) } else { Ok(names) }
}

/// A PFN, where it says more than the LFN does.
pub fn pfn(value: Option<&Value>, lfn: &Lfn) -> Result<Option<Pfn>, String> {
    match value.and_then(Value::text) {
        None | Some("") => Ok(None),
        Some(text) if text == lfn.as_str() => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|e: sbk_model::Invalid| e.to_string()),
    }
}

impl Call<'_> {
    /// `getReplicas`, of files of any state.
    pub async fn replicas(&self, argument: Value, all: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::GetReplicas).await?;
        let all = python::is_true(&all);
        let found = self.replicas_of(&lfns(paths.keys().map(String::as_str))).await?;
        for path in paths.keys() {
            match found.get(path) {
                Some(replicas) => results.done(path, self.pfns(replicas, all)),
                None => results.failed(path, NO_SUCH_FILE),
            }
        }
        Ok(results.into())
    }

    /// The replicas of the files that there are of some names.
    async fn replicas_of(&self, lfns: &[Lfn]) -> Result<HashMap<String, Vec<Replica>>, Failure> {
        let mut replicas = HashMap::with_capacity(lfns.len());
        for lfns in lfns.chunks(AT_ONCE) {
            let found = self.ask(FindReplicas { lfns: lfns.to_vec() }).await?.found;
            let named = |of: ReplicasOf| (of.lfn.to_string(), of.replicas);
            replicas.extend(found.into_iter().map(named));
        }
        Ok(replicas)
    }

    /// `getReplicaStatus`.
    pub async fn replica_status(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::GetReplicaStatus).await?;
        let files = self.visible_files(paths.keys().map(String::as_str), true, false).await?;
        for (path, se) in &paths {
            let Some(file) = files.get(path) else {
                results.failed(path, NO_SUCH_FILE);
                continue;
            };
            if !python::is_true(se) {
                results.failed(path, "Replica info not supplied");
                continue;
            }
            let found = file.replicas.iter().find(|copy| Some(copy.se.as_str()) == se.text());
            match found {
                Some(copy) => results.done(path, status::of_replica(copy.status)),
                None => results.failed(path, "No replica at supplied site"),
            }
        }
        Ok(results.into())
    }

    /// Declares storage elements that are new.
    pub async fn declare(&self, elements: &BTreeSet<SeName>) -> Result<(), Failure> {
        if elements.is_empty() {
            return Ok(());
        }
        let new =
            |name: &SeName| StorageElement { name: name.clone(), site: None, pfn_prefix: None };
        let elements: Vec<StorageElement> =
            elements.iter().filter(|name| !self.knows_element(name)).map(new).collect();
        for elements in elements.chunks(1000) {
            let declared = self.ask(sbk_api::FindStorageElements {
                names: elements.iter().map(|element| element.name.clone()).collect(),
            });
            let known: BTreeSet<SeName> =
                declared.await?.found.into_iter().map(|element| element.name).collect();
            let missing: Vec<StorageElement> =
                elements.iter().filter(|element| !known.contains(&element.name)).cloned().collect();
            if !missing.is_empty() {
                self.ask(DeclareStorageElements { elements: missing }).await?;
            }
            self.remember_elements(elements.iter().map(|element| &element.name));
        }
        Ok(())
    }

    /// Leaves the replicas of files that are there; says of the others what is wrong.
    async fn named(
        &self,
        argument: Value,
        operation: Operation,
        keys: &[&str],
        absent: Option<bool>,
    ) -> Result<(Vec<Named>, Results), Failure> {
        let Permitted { paths, mut results } = self.permitted(argument, operation).await?;
        let mut given = Vec::with_capacity(paths.len());
        for (path, value) in paths {
            match lacking(&value, keys) {
                Some(text) => results.failed(&path, &text),
                None => given.push((path, value)),
            }
        }
        let files =
            self.visible_files(given.iter().map(|(path, _)| path.as_str()), false, false).await?;
        let mut named = Vec::with_capacity(given.len());
        for (path, value) in given {
            let Some(file) = files.get(&path) else {
                match absent {
                    Some(truth) => results.done(&path, truth),
                    None => results.failed(&path, NO_SUCH_FILE),
                }
                continue;
            };
            match elements(value.get("SE").unwrap_or(&Value::Null)) {
                Err(text) => results.failed(&path, &text),
                Ok(elements) => named.extend(elements.into_iter().map(|se| Named {
                    lfn: file.lfn.clone(),
                    se,
                    value: value.clone(),
                })),
            }
        }
        Ok((named, results))
    }

    /// `addReplica`: a replica that is there stays as it is.
    pub async fn add_replicas(&self, argument: Value) -> Result<Answer, Failure> {
        let keys = &["PFN", "SE"];
        let (named, mut results) = self.named(argument, Operation::AddReplica, keys, None).await?;
        self.declare(&named.iter().map(|named| named.se.clone()).collect()).await?;
        let mut new = Vec::with_capacity(named.len());
        for Named { lfn, se, value } in named {
            match pfn(value.get("PFN"), &lfn) {
                Err(text) => results.failed(lfn.as_str(), &text),
                Ok(pfn) => {
                    let replica = Replica { se, pfn, status: ReplicaStatus::Available };
                    new.push(FileReplica { lfn, replica });
                }
            }
        }
        let mut outcome = Outcomes::default();
        for replicas in new.chunks(AT_ONCE) {
            let wanted = AddReplicas { replicas: replicas.to_vec(), atomicity: Atomicity::Each };
            let added = self.ask(wanted).await?;
            for (item, replica) in added.results.iter().zip(replicas) {
                // Under another PFN it is there, too.
                let is_there =
                    item.problem.as_ref().is_some_and(|problem| problem.code == Code::Conflict);
                outcome.add(&replica.lfn, refusal(item).filter(|_| !is_there));
            }
        }
        outcome.finish(&mut results, &Value::Bool(true));
        Ok(results.into())
    }

    /// `removeReplica`: what is not there counts as removed.
    pub async fn remove_replicas(&self, argument: Value) -> Result<Answer, Failure> {
        let (named, mut results) =
            self.named(argument, Operation::RemoveReplica, &["SE"], Some(true)).await?;
        let names: Vec<ReplicaName> =
            named.into_iter().map(|named| ReplicaName { lfn: named.lfn, se: named.se }).collect();
        let mut outcome = Outcomes::default();
        for names in names.chunks(AT_ONCE) {
            let wanted = RemoveReplicas { replicas: names.to_vec(), reason: reason() };
            let removed = self.ask(wanted).await?;
            for (item, name) in removed.results.iter().zip(names) {
                outcome.add(&name.lfn, refusal(item));
            }
        }
        outcome.finish(&mut results, &Value::Bool(true));
        Ok(results.into())
    }

    /// `setReplicaStatus`. Its success is null.
    pub async fn set_replica_status(&self, argument: Value) -> Result<Answer, Failure> {
        let keys = &["SE", "Status"];
        let (named, mut results) =
            self.named(argument, Operation::SetReplicaStatus, keys, None).await?;
        let mut wanted = Vec::with_capacity(named.len());
        for Named { lfn, se, value } in named {
            let name = value.get("Status").and_then(Value::text).unwrap_or("that is no text");
            match status::replica(name) {
                Some(new) => wanted.push((new, ReplicaName { lfn, se })),
                None => results.failed(lfn.as_str(), &format!("Invalid replica status {name}")),
            }
        }
        let mut outcome = Outcomes::default();
        for (new, names) in grouped(wanted) {
            for names in names.chunks(AT_ONCE) {
                let set = SetReplicaStatus {
                    replicas: names.to_vec(),
                    status: new,
                    reason: Some(reason()),
                };
                let set = self.ask(set).await?;
                for (item, name) in set.results.iter().zip(names) {
                    outcome.add(&name.lfn, replica_refusal(item));
                }
            }
        }
        outcome.finish(&mut results, &Value::Null);
        Ok(results.into())
    }

    /// `setReplicaHost`. Its success is null.
    pub async fn set_replica_host(&self, argument: Value) -> Result<Answer, Failure> {
        let keys = &["SE", "NewSE"];
        let (named, mut results) =
            self.named(argument, Operation::SetReplicaHost, keys, None).await?;
        let mut moves = Vec::with_capacity(named.len());
        for Named { lfn, se, value } in named {
            match elements(value.get("NewSE").unwrap_or(&Value::Null)) {
                Ok(new) => moves.extend(new.into_iter().take(1).map(|to| ReplicaMove {
                    lfn: lfn.clone(),
                    se: se.clone(),
                    to,
                })),
                Err(text) => results.failed(lfn.as_str(), &text),
            }
        }
        self.declare(&moves.iter().map(|wanted| wanted.to.clone()).collect()).await?;
        let mut outcome = Outcomes::default();
        for moves in moves.chunks(AT_ONCE) {
            let wanted = MoveReplicas { replicas: moves.to_vec(), reason: Some(reason()) };
            let moved = self.ask(wanted).await?;
            for (item, wanted) in moved.results.iter().zip(moves) {
                outcome.add(&wanted.lfn, replica_refusal(item));
            }
        }
        outcome.finish(&mut results, &Value::Null);
        Ok(results.into())
    }
}

/// What clients are told of a replica that was refused. The files are known to be there.
fn replica_refusal(item: &sbk_api::ItemResult) -> Option<&str> {
    match &item.problem {
        Some(problem) if problem.code == Code::NotFound => Some("Replica does not exist"),
        _ => refusal(item),
    }
}

/// What became of files of which several replicas were named.
#[derive(Debug, Default)]
struct Outcomes(BTreeMap<String, Option<String>>);

impl Outcomes {
    fn add(&mut self, lfn: &Lfn, refusal: Option<&str>) {
        let outcome = self.0.entry(lfn.to_string()).or_default();
        if outcome.is_none() {
            *outcome = refusal.map(str::to_owned);
        }
    }

    fn finish(self, results: &mut Results, done: &Value) {
        for (path, refusal) in self.0 {
            match refusal {
                Some(text) => results.failed(&path, &text),
                None => results.done(&path, done.clone()),
            }
        }
    }
}
