//! Datasets: names for what a query finds.
//!
//! Those of DIRAC are in directories, so that the name of one here is a path. What DIRAC keeps of one
//! stands beside our query: its dictionary, and the hash of the names that it found last. How many
//! files and bytes it found is what the dataset is declared to hold. A frozen one is closed, and its
//! files are those of its newest snapshot; what was frozen for good stays so.

use std::collections::HashMap;

use md5::{Digest, Md5};
use sbk_api::{
    AddDatasets, Atomicity, ChangeDataset, Dataset, Declared, FreezeDataset, GetDatasets,
    ListMembers, ListSnapshotFiles, ListSnapshots, Metadata, NewDataset, Outcome, PageArgs,
    RemoveDataset,
};
use sbk_metadata::query::Query;
use sbk_model::{DatasetKey, DatasetKind, DatasetName, DatasetStatus, DirPath, FileStatus};
use sbk_wire::{Encoding, Limits, Value};
use serde_json::json;

use super::{
    arguments::{parent, paths},
    call::{Call, Results},
    changes::reason,
    lookup::AT_ONCE,
    query::as_text,
    show::{id, moment},
};
use crate::{Answer, Failure, python};

/// What is said where a query cannot be used.
const NOT_APPLIED: &str = "Failed to apply the metaQuery";

/// The longest annotation, in characters.
const MAX_ANNOTATION: usize = 512;

/// What is known of a dataset's files.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Content {
    files: i64,
    bytes: i64,
    /// MD5 of the sorted names, as Python writes a list of them.
    hash: String,
}

/// The name that a dataset has in its directory.
fn short(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, short)| short)
}

/// What is said of a name that no dataset has.
fn unknown(name: &str) -> &'static str {
    if name.contains('/') { "No such dataset" } else { "Dataset not found" }
}

/// A query as text.
pub fn text_of(filter: &serde_json::Value) -> Result<String, Failure> {
    let query = Query::from_json(filter).map_err(|error| Failure::invalid(&error.to_string()))?;
    Ok(query.to_text())
}

/// A pattern that matches a text as it is.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

/// What DIRAC keeps of a dataset: its dictionary, and the hash of the names that it found last.
///
/// # Errors
/// When the dictionary holds what cannot be sent to clients.
pub fn origin(query: &Value, hash: &str) -> Result<serde_json::Value, Failure> {
    let text = Encoding::Json
        .encode(query)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| Failure::plain(NOT_APPLIED))?;
    Ok(json!({ "dirac": { "query": text, "hash": hash } }))
}

/// DIRAC's dictionary of a dataset that was made through it.
fn query_of(dataset: &Dataset) -> Option<Value> {
    let text = dataset.origin.as_ref()?.pointer("/dirac/query")?.as_str()?;
    Encoding::Json.decode(text.as_bytes(), Limits::default()).ok()
}

fn content_of(dataset: &Dataset) -> Content {
    let hash = dataset.origin.as_ref().and_then(|origin| origin.pointer("/dirac/hash"));
    Content {
        files: dataset.declared.files.or(dataset.files).unwrap_or_default(),
        bytes: dataset.declared.bytes.or(dataset.bytes).unwrap_or_default(),
        hash: hash.and_then(|hash| hash.as_str()).unwrap_or_default().to_owned(),
    }
}

fn is_frozen(dataset: &Dataset) -> bool {
    matches!(dataset.status, DatasetStatus::Closed | DatasetStatus::Frozen)
}

/// What is said of a dataset, but for what differs between lists and details.
fn shown(dataset: &Dataset) -> Vec<(&'static str, Value)> {
    let Content { files, bytes, hash } = content_of(dataset);
    let directory = parent(dataset.name.as_str()).parse().unwrap_or_else(|_| DirPath::root());
    let key = DatasetKey::of(&dataset.vo, &dataset.name);
    vec![
        ("DatasetID", Value::Int(key.0 & i64::MAX)),
        ("DirID", Value::Int(directory.key().0 & i64::MAX)),
        ("TotalSize", Value::Int(bytes)),
        ("NumberOfFiles", Value::Int(files)),
        ("Owner", Value::from(dataset.owner.as_str())),
        ("OwnerGroup", Value::from(dataset.group.as_str())),
        ("CreationDate", moment(dataset.created)),
        ("ModificationDate", moment(dataset.modified)),
        ("DatasetHash", Value::Text(hash)),
        // DIRAC has the same for all: what 775 is in octal digits.
        ("Mode", Value::Int(0o775)),
    ]
}

fn parameters(dataset: &Dataset) -> Value {
    let query = query_of(dataset).unwrap_or(Value::Dict(Vec::new()));
    let status = if is_frozen(dataset) { "Frozen" } else { "Dynamic" };
    let mut entries = shown(dataset);
    entries.extend([("MetaQuery", query), ("Status", Value::from(status))]);
    Value::dict(entries)
}

fn annotation(dataset: &Dataset) -> Value {
    Value::from(dataset.description.as_deref().unwrap_or("-"))
}

/// A change of nothing yet.
fn unchanged(dataset: &Dataset) -> ChangeDataset {
    let (name, vo) = (dataset.name.clone(), Some(dataset.vo.clone()));
    ChangeDataset { reason: Some(reason()), ..ChangeDataset::new(name, vo) }
}

impl Call<'_> {
    /// The datasets that match, in the order of their names.
    async fn datasets(&self, filter: &serde_json::Value) -> Result<Vec<Dataset>, Failure> {
        let (expr, vo) = (Some(text_of(filter)?), self.own_vo().cloned());
        let mut found = Vec::new();
        let list = |page| GetDatasets { vo: vo.clone(), expr: expr.clone(), page };
        self.each(list, |dataset| found.push(dataset)).await?;
        Ok(found)
    }

    /// The datasets of names, by these: by paths, and by the names in their directories, where of
    /// several the first path is taken.
    async fn datasets_named(&self, names: &[&str]) -> Result<HashMap<String, Dataset>, Failure> {
        let mut named = HashMap::new();
        let full: Vec<&str> = names.iter().copied().filter(|name| name.contains('/')).collect();
        for full in full.chunks(1000) {
            let found = self.datasets(&json!({ "name": { "in": full } })).await?;
            named.extend(found.into_iter().map(|dataset| (dataset.name.to_string(), dataset)));
        }
        for name in names.iter().filter(|name| !name.contains('/')) {
            let pattern = format!("%/{}", literal(name));
            let filter = json!({ "$or": [
                { "name": { "=": name } }, { "name": { "like": pattern } },
            ] });
            if let Some(first) = self.datasets(&filter).await?.into_iter().next() {
                named.insert((*name).to_owned(), first);
            }
        }
        Ok(named)
    }

    /// What a dictionary finds now.
    async fn measure(&self, query: &Value) -> Result<Content, Failure> {
        let Value::Dict(entries) = query else { return Err(Failure::plain(NOT_APPLIED)) };
        let (query, path) = without_path(entries);
        let mut digest = Md5::new();
        let (mut files, mut bytes, mut text) = (0, 0, String::from("["));
        self.each_sorted(&query, &path, |file| {
            if files > 0 {
                text.push_str(", ");
            }
            python::write_text(&mut text, file.lfn.as_str());
            digest.update(text.as_bytes());
            text.clear();
            files += 1;
            if self.sees_file(file.status) {
                bytes += file.size.get();
            }
        })
        .await
        .map_err(not_applied)?;
        text.push(']');
        digest.update(text.as_bytes());
        let hash = u128::from_be_bytes(digest.finalize().into());
        let hash = format!("{hash:032X}");
        Ok(Content { files, bytes, hash })
    }

    /// What a dataset holds now.
    async fn content(&self, dataset: &Dataset) -> Result<Content, Failure> {
        match query_of(dataset) {
            Some(query) => self.measure(&query).await,
            None => Ok(content_of(dataset)),
        }
    }

    /// `addDataset`.
    pub async fn add_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let mut results = Results::default();
        for (name, query) in paths(argument)? {
            match self.add_dataset(&name, &query).await {
                Ok(()) => results.done(&name, true),
                Err(failure) if failure.errno == 5 => return Err(failure),
                Err(failure) => results.failed(&name, &failure.message),
            }
        }
        Ok(results.into())
    }

    async fn add_dataset(&self, name: &str, query: &Value) -> Result<(), Failure> {
        let found = self.measure(query).await?;
        let directory: DirPath = parent(name)
            .parse()
            .map_err(|_| Failure::plain("Dataset name should be specified with full path"))?;
        let vo = self.community().await?;
        self.make(&[directory]).await?;
        let own: DatasetName =
            name.parse().map_err(|e: sbk_model::Invalid| Failure::plain(e.to_string()))?;
        let dataset = NewDataset {
            name: own,
            kind: DatasetKind::default(),
            status: DatasetStatus::Open,
            owner: None,
            group: None,
            created: None,
            description: None,
            query: Some(self.dataset_query(query).await?),
            origin: Some(origin(query, &found.hash)?),
            declared: declared(&found),
            unattributed_events: None,
            parents: Vec::new(),
            sites: Vec::new(),
            documents: Vec::new(),
            metadata: Metadata::new(),
        };
        let (datasets, atomicity) = (vec![dataset], Atomicity::Each);
        let added = self.ask(AddDatasets { vo: vo.clone(), datasets, atomicity }).await?;
        self.expect_datasets(&vo);
        match added.results.first().map(|item| (item.outcome, &item.problem)) {
            Some((Outcome::Added, _)) => Ok(()),
            Some((_, Some(problem))) if problem.code != sbk_api::Code::Conflict => {
                Err(Failure::plain(problem.detail.clone()))
            }
            _ => Err(Failure::plain(format!("Dataset {name} already exists"))),
        }
    }

    /// A dictionary as a query of the bookkeeping.
    async fn dataset_query(&self, query: &Value) -> Result<String, Failure> {
        let schema = self.schema().await?;
        let query = self.expanded(&schema, query).await?;
        let strict = self.settings().strict_metadata;
        as_text(&schema, &query, strict).map_err(not_applied)
    }

    /// Does something with datasets, one by one.
    async fn each_dataset<'c, F, R>(&'c self, argument: Value, act: F) -> Result<Answer, Failure>
    where
        F: Fn(Dataset, Value) -> R,
        R: Future<Output = Result<Value, Failure>> + 'c,
    {
        let named = paths(argument)?;
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        let mut known = self.datasets_named(&names).await?;
        let mut results = Results::default();
        for (name, value) in named {
            let Some(dataset) = known.remove(&name) else {
                results.failed(&name, unknown(&name));
                continue;
            };
            match act(dataset, value).await {
                Ok(value) => results.done(&name, value),
                Err(failure) if failure.errno == 5 => return Err(failure),
                Err(failure) => results.failed(&name, &failure.message),
            }
        }
        Ok(results.into())
    }

    /// `addDatasetAnnotation`.
    pub async fn annotate_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let act = |dataset: Dataset, text: Value| async move {
            let text = text.text().filter(|text| text.chars().count() <= MAX_ANNOTATION);
            let text = text.ok_or_else(|| Failure::plain("Failed to add annotation"))?;
            let description = Some(text.to_owned());
            self.ask(ChangeDataset { description, ..unchanged(&dataset) }).await?;
            Ok(Value::Bool(true))
        };
        self.each_dataset(argument, act).await
    }

    /// `getDatasetAnnotation`.
    pub async fn annotations(&self, argument: Value) -> Result<Answer, Failure> {
        let named = paths(argument)?;
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        let known = self.datasets_named(&names).await?;
        let mut results = Results::default();
        for name in named.keys() {
            match known.get(name) {
                Some(dataset) => results.done(name, annotation(dataset)),
                None => results.failed(name, unknown(name)),
            }
        }
        Ok(results.into())
    }

    /// `removeDataset`: what is not there counts as removed.
    pub async fn remove_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let named = paths(argument)?;
        let names: Vec<&str> = named.keys().map(String::as_str).collect();
        let known = self.datasets_named(&names).await?;
        let mut results = Results::default();
        for name in named.keys() {
            let Some(Dataset { name: own, vo, .. }) = known.get(name) else {
                results.done(name, true);
                continue;
            };
            let (own, vo) = (own.clone(), Some(vo.clone()));
            match self.ask(RemoveDataset { name: own, vo, reason: Some(reason()) }).await {
                Ok(_) => results.done(name, true),
                Err(failure) if failure.errno == 2 => results.done(name, true),
                Err(failure) if failure.errno == 5 => return Err(failure),
                Err(failure) => results.failed(name, &failure.message),
            }
        }
        Ok(results.into())
    }

    /// `checkDataset`: what differs between what was found last and what is found now.
    pub async fn check_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let act = |dataset: Dataset, _| async move {
            let new = self.content(&dataset).await?;
            Ok(differences(&content_of(&dataset), &new))
        };
        self.each_dataset(argument, act).await
    }

    /// `updateDataset`: keeps what is found now; the number of datasets that changed, or nothing.
    pub async fn update_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let act = |dataset: Dataset, _| async move {
            let new = self.content(&dataset).await?;
            if new == content_of(&dataset) {
                return Ok(Value::Null);
            }
            let query = query_of(&dataset).unwrap_or(Value::Dict(Vec::new()));
            let origin = Some(origin(&query, &new.hash)?);
            let declared = Some(declared(&new));
            self.ask(ChangeDataset { declared, origin, ..unchanged(&dataset) }).await?;
            Ok(Value::Int(1))
        };
        self.each_dataset(argument, act).await
    }

    /// `getDatasets`: those that match patterns, by the names in their directories.
    pub async fn list_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let mut results = Results::default();
        for pattern in paths(argument)?.keys() {
            let wanted = short(pattern);
            let like = literal(if wanted.is_empty() { "*" } else { wanted }).replace('*', "%");
            let filter = json!({ "$or": [
                { "name": { "like": like } }, { "name": { "like": format!("%/{like}") } },
            ] });
            let found = self.datasets(&filter).await?;
            let shown = found.iter();
            let shown = shown.map(|dataset| (short(dataset.name.as_str()), parameters(dataset)));
            // Of several in different directories the last is shown, as names are keys.
            let by_name: indexmap::IndexMap<&str, Value> = shown.collect();
            results.done(pattern, Value::dict(by_name));
        }
        Ok(results.into())
    }

    /// `getDatasetParameters`.
    pub async fn dataset_parameters(&self, argument: Value) -> Result<Answer, Failure> {
        self.each_dataset(argument, |dataset, _| async move { Ok(parameters(&dataset)) }).await
    }

    /// `getDatasetFiles`: the files now, or when it was frozen as far as they are there still.
    pub async fn dataset_files(&self, argument: Value) -> Result<Answer, Failure> {
        let act = |dataset: Dataset, _| async move {
            let names = self.files_of(&dataset).await?;
            Ok(Value::List(names.into_iter().map(Value::Text).collect()))
        };
        self.each_dataset(argument, act).await
    }

    async fn files_of(&self, dataset: &Dataset) -> Result<Vec<String>, Failure> {
        let (name, vo) = (dataset.name.clone(), Some(dataset.vo.clone()));
        let mut version = None;
        if is_frozen(dataset) {
            let list = |page| ListSnapshots { name: name.clone(), vo: vo.clone(), page };
            self.each(list, |snapshot| version = version.max(Some(snapshot.version))).await?;
        }
        let mut names = Vec::new();
        if let Some(version) = version {
            let list = |page: PageArgs| {
                let (name, vo) = (name.clone(), vo.clone());
                ListSnapshotFiles { name, version, vo, page }
            };
            let mut frozen = Vec::new();
            self.each(list, |file| frozen.push(file.lfn.to_string())).await?;
            for part in frozen.chunks(AT_ONCE) {
                let found = self.files(part.iter().map(String::as_str), false, false).await?;
                let there = found.into_values().filter(|file| file.status != FileStatus::Retired);
                names.extend(there.map(|file| file.lfn.to_string()));
            }
        } else {
            let list = |page| ListMembers { name: name.clone(), vo: vo.clone(), page };
            self.each(list, |file| names.push(file.lfn.to_string())).await?;
        }
        names.sort_unstable();
        Ok(names)
    }

    /// `freezeDataset`: keeps the files that it has now.
    pub async fn freeze_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let act = |dataset: Dataset, _| async move {
            if !is_frozen(&dataset) {
                let (name, vo) = (dataset.name.clone(), Some(dataset.vo.clone()));
                let reason = Some(reason());
                self.ask(FreezeDataset { name, vo, snapshot_only: true, reason }).await?;
                let status = Some(DatasetStatus::Closed);
                self.ask(ChangeDataset { status, ..unchanged(&dataset) }).await?;
            }
            Ok(Value::Bool(true))
        };
        self.each_dataset(argument, act).await
    }

    /// `releaseDataset`: its files are again what its query finds.
    pub async fn release_datasets(&self, argument: Value) -> Result<Answer, Failure> {
        let act = |dataset: Dataset, _| async move {
            if is_frozen(&dataset) {
                let status = Some(DatasetStatus::Open);
                self.ask(ChangeDataset { status, ..unchanged(&dataset) }).await?;
            }
            Ok(Value::Bool(true))
        };
        self.each_dataset(argument, act).await
    }

    /// The datasets in a directory, as lists of directories show them.
    pub async fn datasets_in(&self, path: &DirPath, verbose: bool) -> Result<Value, Failure> {
        if !self.may_have_datasets() {
            return Ok(Value::Dict(Vec::new()));
        }
        let prefix = format!("{}/", path.prefix());
        let pattern = format!("{}%", literal(&prefix));
        let found = self.datasets(&json!({ "name": { "like": pattern } })).await?;
        if found.is_empty() {
            self.look_for_datasets().await?;
        }
        let direct = found.iter().filter(|dataset| {
            let rest = dataset.name.as_str().strip_prefix(&prefix);
            rest.is_some_and(|rest| !rest.contains('/'))
        });
        let shown = direct.map(|dataset| {
            let query = query_of(dataset).unwrap_or(Value::Dict(Vec::new()));
            let mut metadata = shown(dataset);
            metadata.extend([
                ("MetaQuery", Value::Text(python::repr(&query))),
                ("UID", id(dataset.owner.as_str())),
                ("GID", id(dataset.group.as_str())),
                ("Status", Value::Int(if is_frozen(dataset) { 2 } else { 1 })),
            ]);
            let mut entries = vec![("Metadata", Value::dict(metadata))];
            if verbose {
                entries.push(("Annotation", annotation(dataset)));
            }
            (short(dataset.name.as_str()).to_owned(), Value::dict(entries))
        });
        Ok(Value::dict(shown.collect::<Vec<_>>()))
    }

    /// Remembers for some time where there are no datasets.
    async fn look_for_datasets(&self) -> Result<(), Failure> {
        let Some(vo) = self.own_vo() else { return Ok(()) };
        let page = PageArgs { after: None, limit: Some(1) };
        let first = GetDatasets { vo: Some(vo.clone()), expr: None, page };
        if self.ask(first).await?.items.is_empty() {
            self.expect_no_datasets(vo);
        }
        Ok(())
    }
}

/// A dictionary without the path that may be in it, and that path.
pub fn without_path(entries: &[(Value, Value)]) -> (Value, Value) {
    let is_path = |key: &Value| key.text() == Some("Path");
    let path = entries.iter().find(|(key, _)| is_path(key));
    let rest = entries.iter().filter(|(key, _)| !is_path(key)).cloned().collect();
    (Value::Dict(rest), path.map_or_else(|| Value::from("/"), |(_, path)| path.clone()))
}

fn not_applied(failure: Failure) -> Failure {
    if failure.errno == 5 { failure } else { Failure::plain(NOT_APPLIED) }
}

fn declared(content: &Content) -> Declared {
    Declared { files: Some(content.files), bytes: Some(content.bytes), events: None }
}

/// What differs, each with its old and its new value.
fn differences(old: &Content, new: &Content) -> Value {
    let pair = |old: Value, new: Value| Value::Tuple(vec![old, new]);
    let mut entries = Vec::new();
    if old.bytes != new.bytes {
        entries.push(("TotalSize", pair(Value::Int(old.bytes), Value::Int(new.bytes))));
    }
    if old.hash != new.hash {
        let texts = pair(Value::from(old.hash.as_str()), Value::from(new.hash.as_str()));
        entries.push(("DatasetHash", texts));
    }
    if old.files != new.files {
        entries.push(("NumberOfFiles", pair(Value::Int(old.files), Value::Int(new.files))));
    }
    Value::dict(entries)
}
