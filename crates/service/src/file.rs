use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{
    Atomicity, BulkResult, Code, File, FileMetadata, FoundFiles, GetFile, GetFiles, ItemResult,
    Outcome, Problem, SetFileStatus, SetMetadata,
};
use sbk_metadata::{Document, Entity};
use sbk_model::{FileKey, FileStatus, Lfn, Vo};
use sbk_store::{
    Session,
    audit::Touched,
    dialect::Cells,
    directory::Lock,
    file::{self, Stored},
    member, promotion, replica, section,
};

use crate::{Context, Error, Note, Run, access::Changeable, metadata, register::check_count};

/// What of files is answered beside their own columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct With {
    /// The replicas.
    pub replicas: bool,
    /// The datasets.
    pub datasets: bool,
    /// The luminosity sections.
    pub sections: bool,
}

/// Makes files as callers see them, with what was asked for.
pub async fn present(
    session: &mut Session,
    stored: Vec<Stored>,
    with: With,
) -> Result<Vec<File>, Error> {
    let keys: Vec<FileKey> = stored.iter().map(|file| file.key).collect();
    let mut files = file::present(session, stored).await?;
    if with.replicas {
        let found = replica::of(session, keys.iter().copied(), Lock::None).await?;
        let lfns: HashMap<FileKey, &Lfn> =
            keys.iter().copied().zip(files.iter().map(|file| &file.lfn)).collect();
        let mut replicas = replica::present(session, found, &lfns).await?;
        for (key, file) in keys.iter().zip(&mut files) {
            file.replicas = replicas.remove(key).unwrap_or_default();
        }
    }
    if with.datasets {
        let mut datasets = member::datasets_of(session, keys.iter().copied()).await?;
        for (key, file) in keys.iter().zip(&mut files) {
            let names = datasets.remove(key).unwrap_or_default();
            file.datasets = names.into_iter().map(|(_, name)| name).collect();
        }
    }
    if with.sections {
        let mut sections = section::of(session, keys.iter().copied()).await?;
        for (key, file) in keys.iter().zip(&mut files) {
            file.sections = sections.remove(key).unwrap_or_default();
        }
    }
    Ok(files)
}

impl Run for GetFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<FoundFiles, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let keys: Vec<FileKey> = self.lfns.iter().map(Lfn::key).collect();
        let mut stored =
            file::find(&mut cx.session, keys.iter().copied(), self.metadata, Lock::None).await?;
        let access = cx.access();
        let mut wanted = Vec::with_capacity(stored.len());
        let mut missing = Vec::new();
        let mut seen = HashSet::with_capacity(keys.len());
        for (lfn, key) in self.lfns.iter().zip(keys).filter(|(_, key)| seen.insert(*key)) {
            match stored.remove(&key) {
                Some(file) if file.name == lfn.split().1 && access.sees(file.vo) => {
                    wanted.push(file);
                }
                _ => missing.push(lfn.clone()),
            }
        }
        let with = With { replicas: self.replicas, datasets: self.datasets, ..With::default() };
        let found = present(&mut cx.session, wanted, with).await?;
        Ok(FoundFiles { found, missing })
    }
}

impl Run for GetFile {
    async fn run(&self, cx: &mut Context<'_>) -> Result<File, Error> {
        let absent = || Error::NotFound(format!("there is no file {}", self.lfn));
        let stored = file::find_one(&mut cx.session, self.lfn.key()).await?;
        let access = cx.access();
        let stored = stored.filter(|file| access.sees(file.vo)).ok_or_else(absent)?;
        let with = With { replicas: true, datasets: true, sections: true };
        let mut files = present(&mut cx.session, vec![stored], with).await?;
        files.pop().filter(|file| file.lfn == self.lfn).ok_or_else(absent)
    }
}

/// The files of some names, by key. A file whose key is that of a name, but which is called
/// otherwise, is none of them, and neither is one that the caller does not see.
pub async fn find_named(
    cx: &mut Context<'_>,
    lfns: impl Iterator<Item = &Lfn>,
    with_meta: bool,
    lock: Lock,
) -> Result<HashMap<FileKey, Stored>, Error> {
    let wanted: HashSet<(FileKey, &str)> = lfns.map(|lfn| (lfn.key(), lfn.split().1)).collect();
    let keys = wanted.iter().map(|(key, _)| *key);
    let mut found = file::find(&mut cx.session, keys, with_meta, lock).await?;
    let access = cx.access();
    found.retain(|key, file| wanted.contains(&(*key, file.name.as_str())) && access.sees(file.vo));
    Ok(found)
}

/// Says that a file does not exist.
pub fn no_file() -> Problem {
    Problem::new(Code::NotFound, "there is no such file")
}

/// One outcome per name, in order; where nothing is kept, what could be done is skipped.
pub fn results<'a>(
    outcomes: impl IntoIterator<Item = (&'a str, Result<Outcome, Problem>)>,
    abandoned: bool,
) -> BulkResult {
    let results = outcomes.into_iter().map(|(name, outcome)| {
        let (outcome, problem) = match outcome {
            Ok(_) if abandoned => (Outcome::Skipped, None),
            Ok(outcome) => (outcome, None),
            Err(problem) => (Outcome::Refused, Some(problem)),
        };
        ItemResult { name: name.to_owned(), outcome, problem }
    });
    BulkResult::of(results.collect())
}

/// The schemas of the communities of files, by key.
pub async fn communities(
    cx: &mut Context<'_>,
    keys: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, std::sync::Arc<metadata::Community>>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().collect();
    let names = cx.session.terms(keys.iter().copied()).await?;
    let mut communities = HashMap::new();
    for key in keys {
        let vo: Vo = sbk_store::name_of(&names, key)?;
        communities.insert(key, cx.community(&vo).await?);
    }
    Ok(communities)
}

impl Run for SetMetadata {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("files", self.files.len(), 10_000)?;
        let lfns = self.files.iter().map(|file| &file.lfn);
        let found = find_named(cx, lfns, true, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let communities = communities(cx, stored.values().map(|file| file.vo)).await?;
        let mut documents: BTreeMap<FileKey, Document> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(self.files.len());
        for wanted in &self.files {
            outcomes.push(patch(wanted, &stored, &communities, &mut documents));
        }
        let abandoned = self.atomicity == Atomicity::All && outcomes.iter().any(Result::is_err);
        let names = self.files.iter().map(|file| file.lfn.as_str());
        let result = results(names.zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        let with_schema =
            documents.iter().map(|(key, doc)| (&*communities[&stored[key].vo].schema, doc));
        let promoted = cx.promoted().await?;
        let mut columns = metadata::columns(&promoted, Entity::File, with_schema);
        let texts = documents.values().map(metadata::text).collect();
        columns.push(("meta".into(), Cells::Json(texts)));
        replace(cx, &documents, columns).await?;
        cx.note(Note {
            count: documents.len() as u64,
            touched: documents.keys().map(|key| Touched::File(*key)).collect(),
            reason: None,
            detail: serde_json::json!({ "files": documents.len() }),
        });
        Ok(result)
    }
}

async fn replace(
    cx: &mut Context<'_>,
    documents: &BTreeMap<FileKey, Document>,
    mut columns: Vec<(String, Cells)>,
) -> Result<(), Error> {
    let rows = documents.len();
    columns.push(("modified".into(), Cells::Int(vec![Some(cx.now.micros()); rows])));
    let keys: Vec<_> = documents.keys().map(|key| (key.directory.0, key.name)).collect();
    Ok(promotion::replace(&mut cx.session, Entity::File, &keys, columns).await?)
}

/// Works out the new document of one file; one that is named twice gets both patches.
fn patch(
    wanted: &FileMetadata,
    stored: &Changeable,
    communities: &HashMap<i64, std::sync::Arc<metadata::Community>>,
    documents: &mut BTreeMap<FileKey, Document>,
) -> Result<Outcome, Problem> {
    let key = wanted.lfn.key();
    let file = stored.file(key)?;
    let schema = &communities.get(&file.vo).ok_or_else(no_file)?.schema;
    let current = match documents.get(&key) {
        Some(document) => document.clone(),
        None => metadata::parse(file.meta.as_deref()).map_err(Problem::from)?,
    };
    let new = schema
        .canonical_patch(Entity::File, &current, &wanted.metadata)
        .map_err(|problems| Problem::from(metadata::refuse(&problems)))?;
    if new == current {
        return Ok(Outcome::Unchanged);
    }
    documents.insert(key, new);
    Ok(Outcome::Changed)
}

impl Run for SetFileStatus {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        if self.status == FileStatus::Retired {
            let reason = "is reached by `retireFiles`, which takes a reason and a grace period";
            return Err(Error::invalid("status", "retired", reason));
        }
        let found = find_named(cx, self.lfns.iter(), false, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let mut changing = BTreeSet::new();
        let outcomes: Vec<_> = self
            .lfns
            .iter()
            .map(|lfn| {
                let file = stored.file(lfn.key())?;
                if file.status == FileStatus::Retired {
                    return Err(Problem::new(Code::Conflict, "it is retired; restore it first"));
                }
                if file.status == self.status || !changing.insert(file.key) {
                    return Ok(Outcome::Unchanged);
                }
                Ok(Outcome::Changed)
            })
            .collect();
        let files: Vec<_> = changing
            .iter()
            .filter_map(|key| stored.get(key))
            .map(|file| file::Stored { status: self.status, ..file.clone() })
            .collect();
        file::set_status(&mut cx.session, &files, cx.now).await?;
        let result = results(self.lfns.iter().map(Lfn::as_str).zip(outcomes), false);
        cx.note(Note {
            count: changing.len() as u64,
            touched: changing.into_iter().map(Touched::File).collect(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({ "status": self.status, "files": result.changed }),
        });
        Ok(result)
    }
}
