//! Registers files with their replicas and metadata.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{AddFiles, Atomicity, BulkResult, Code, ItemResult, NewFile, Outcome, Problem};
use sbk_metadata::{Document, Entity};
use sbk_model::{
    DatasetKey, DirPath, FileKey, FileStatus, RunSections, SeKey, SeName, TermKey, Totals,
};
use sbk_store::{
    audit::Touched,
    dataset,
    directory::Lock,
    file::{self, Stored},
    member, replica, section, storage,
    total::{Deltas, Subject},
};

use crate::{
    Context, Error, Note, Run, guid,
    metadata::{self, Community},
    tree,
};

/// Refuses an empty list and one that is too long.
pub fn check_count(field: &str, count: usize, most: usize) -> Result<(), Error> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    let reason = format!("items are not between 1 and {most}; split the call");
    Err(Error::invalid(field, &count.to_string(), reason))
}

/// One file of the call on its way into the catalogue.
#[derive(Debug)]
pub struct Draft<'a> {
    /// Where it stands in the call.
    pub at: usize,
    /// What is asked for.
    pub new: &'a NewFile,
    /// Its row.
    pub stored: Stored,
    /// Its directory.
    pub directory: DirPath,
    /// The luminosity sections whose events it holds, where something is said of them.
    pub sections: Option<&'a RunSections>,
    document: Document,
}

impl Run for AddFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("files", self.files.len(), 10_000)?;
        let community = cx.community(&self.vo).await?;
        let files: Vec<&NewFile> = self.files.iter().collect();
        let mut call = Registration::new(files.len());
        let elements = declared_elements(cx, &files).await?;
        let mut drafts = call.check(cx, &community, &files, &elements);
        if self.unique_guids {
            call.refuse_taken_guids(cx, &mut drafts).await?;
        }
        let dataset = open_dataset(cx, self).await?;
        if self.atomicity == Atomicity::All && call.has_refusals() {
            cx.abandon();
            return Ok(call.finish(&self.files, true));
        }
        store_names(cx, &self.vo, &files).await?;
        let directories: BTreeSet<_> = drafts.iter().map(|d| d.directory.clone()).collect();
        tree::ensure(cx, &community, &directories, &BTreeMap::new()).await?;
        drafts.sort_by_key(|draft| draft.stored.key);
        let known = call.insert(cx, &community, &drafts).await?;
        if self.only_new {
            call.refuse_known(&drafts, &known);
        }
        drafts.retain(|draft| !call.is_refused(draft.at));
        let mut deltas = Deltas::default();
        count_new_files(&drafts, &known, &community, &mut deltas)?;
        call.add_replicas(cx, &drafts, &known, &mut deltas).await?;
        drafts.retain(|draft| !call.is_refused(draft.at));
        if let Some(dataset) = dataset {
            let joining: Vec<_> = drafts.iter().map(|draft| (dataset, draft)).collect();
            call.add_members(cx, &joining, &known, &mut deltas).await?;
        }
        if self.atomicity == Atomicity::All && call.has_refusals() {
            cx.abandon();
            return Ok(call.finish(&self.files, true));
        }
        let result = call.finish(&self.files, false);
        cx.count(deltas).await?;
        note(cx, self, &result, &drafts, &known);
        Ok(result)
    }
}

/// Writes down what the call did; new files refer to the entry themselves.
fn note(
    cx: &mut Context<'_>,
    call: &AddFiles,
    result: &BulkResult,
    drafts: &[Draft<'_>],
    known: &HashMap<FileKey, Stored>,
) {
    let changed = |draft: &&Draft<'_>| {
        known.contains_key(&draft.stored.key)
            && result.results[draft.at].outcome == Outcome::Changed
    };
    let touched =
        drafts.iter().filter(changed).map(|draft| Touched::File(draft.stored.key)).collect();
    cx.note(Note {
        count: u64::from(result.added + result.changed),
        touched,
        reason: None,
        detail: serde_json::json!({
            "vo": call.vo,
            "added": result.added,
            "changed": result.changed,
            "dataset": call.dataset,
            "first": call.files.first().map(|file| &file.lfn),
        }),
    });
}

/// The storage elements that the files name, held against removal.
pub async fn declared_elements(
    cx: &mut Context<'_>,
    files: &[&NewFile],
) -> Result<BTreeSet<SeName>, Error> {
    let wanted: BTreeSet<&SeName> =
        files.iter().flat_map(|file| file.replicas.iter().map(|replica| &replica.se)).collect();
    hold_elements(cx, wanted).await
}

/// Those of the storage elements that are declared, held against removal.
pub async fn hold_elements(
    cx: &mut Context<'_>,
    wanted: BTreeSet<&SeName>,
) -> Result<BTreeSet<SeName>, Error> {
    let keys = wanted.into_iter().map(SeKey::of);
    Ok(storage::hold(&mut cx.session, keys).await?.into_iter().collect())
}

/// Says that a storage element is not declared.
pub fn unknown_element(se: &SeName) -> Problem {
    Problem {
        field: Some("replicas.se".into()),
        ..Problem::new(
            Code::Invalid,
            format!("there is no storage element {se}; declare it with `sbk se add {se}`"),
        )
    }
}

/// The dataset that the files join, held in its state.
async fn open_dataset(cx: &mut Context<'_>, call: &AddFiles) -> Result<Option<DatasetKey>, Error> {
    let Some(name) = &call.dataset else { return Ok(None) };
    let found = cx.dataset(name, Some(&call.vo), Lock::Share).await?;
    cx.check_fills_dataset(&found).await?;
    takes_files(&found)?;
    Ok(Some(found.key))
}

/// Refuses a dataset that takes no files.
pub fn takes_files(found: &dataset::Stored) -> Result<(), Error> {
    let name = found.name.as_str();
    if found.query.is_some() {
        let text = format!("the files of the dataset {name:?} are defined by a query");
        return Err(Error::Conflict(text));
    }
    if !found.status.takes_files() {
        let text = format!("the dataset {name:?} is {} and takes no files; open it", found.status);
        return Err(Error::Conflict(text));
    }
    Ok(())
}

/// Stores the names that rows of files refer to.
pub async fn store_names(
    cx: &mut Context<'_>,
    vo: &sbk_model::Vo,
    files: &[&NewFile],
) -> Result<(), Error> {
    let mut names: BTreeSet<&str> = BTreeSet::new();
    names.extend([vo.as_str(), cx.caller.user.as_str(), cx.caller.group.as_str()]);
    for file in files {
        names.extend(file.owner.as_ref().map(AsRef::as_ref));
        names.extend(file.group.as_ref().map(AsRef::as_ref));
        names.extend(file.file_type.as_ref().map(AsRef::as_ref));
    }
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    Ok(cx.session.intern(names.iter().map(String::as_str)).await?)
}

/// Inserts the files, and returns those that were there before, locked.
async fn insert_files(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
) -> Result<HashMap<FileKey, Stored>, Error> {
    let promoted = cx.promoted().await?;
    let documents = drafts.iter().map(|draft| (&*community.schema, &draft.document));
    let mut columns = metadata::columns(&promoted, Entity::File, documents);
    if drafts.iter().any(|draft| draft.sections.is_some()) {
        columns.extend(section::columns(drafts.iter().map(|draft| draft.sections)));
    }
    let rows: Vec<&Stored> = drafts.iter().map(|draft| &draft.stored).collect();
    let new = file::insert(&mut cx.session, &rows, columns).await?;
    if new == rows.len() as u64 {
        return Ok(HashMap::new());
    }
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    let mut found = file::find(&mut cx.session, keys, true, Lock::Update).await?;
    if found.len() < rows.len() {
        return Err(sbk_store::Error::Contended("a file went away".into()).into());
    }
    let ours = cx.audit;
    found.retain(|_, stored| stored.audit != ours);
    Ok(found)
}

/// What becomes of a file that was there before.
fn compare(draft: &Draft<'_>, existing: &Stored) -> Result<Outcome, Problem> {
    let conflict = |text: String| Err(Problem::new(Code::Conflict, text));
    let wanted = &draft.stored;
    if existing.name != wanted.name {
        return conflict(format!(
            "its key is that of the file {:?} in the same directory; choose another name",
            existing.name
        ));
    }
    if existing.status == FileStatus::Retired {
        return conflict("it is retired; restore it, or choose another name".into());
    }
    if existing.vo != wanted.vo {
        return conflict("it belongs to another community".into());
    }
    let mut differences = Vec::new();
    let mut differ = |what: &str, old: String, new: String| {
        if old != new {
            differences.push(format!("{what} is {old}, not {new}"));
        }
    };
    differ("size", existing.size.get().to_string(), wanted.size.get().to_string());
    let text = |value: Option<String>| value.unwrap_or_else(|| "unknown".into());
    if let Some(events) = wanted.events {
        let old = existing.events.map(|e| e.get().to_string());
        differ("events", text(old), events.get().to_string());
    }
    if let Some(sum) = wanted.adler32 {
        differ("adler32", text(existing.adler32.map(|s| s.to_string())), sum.to_string());
    }
    for (what, old, new) in
        [("md5", &existing.md5, &wanted.md5), ("guid", &existing.guid, &wanted.guid)]
    {
        if let Some(new) = new {
            differ(what, text(old.clone()), new.clone());
        }
    }
    if wanted.file_type.is_some() && wanted.file_type != existing.file_type {
        differences.push("file_type is another".into());
    }
    let kept = metadata::parse(existing.meta.as_deref()).unwrap_or_default();
    for (field, value) in &draft.document {
        let old = kept.get(field).unwrap_or(&serde_json::Value::Null);
        if old != value {
            differences.push(format!("metadata.{field} is {old}, not {value}"));
        }
    }
    if differences.is_empty() {
        return Ok(Outcome::Unchanged);
    }
    conflict(format!("it exists, and differs: {}", differences.join(", ")))
}

/// Counts files that are new in their community and their directories.
pub fn count_new_files(
    drafts: &[Draft<'_>],
    known: &HashMap<FileKey, Stored>,
    community: &Community,
    deltas: &mut Deltas,
) -> Result<(), Error> {
    let mut by_directory: BTreeMap<&DirPath, Totals> = BTreeMap::new();
    for draft in drafts.iter().filter(|d| !known.contains_key(&d.stored.key)) {
        let counts = draft.stored.counts();
        deltas.add(Subject::Vo(TermKey(community.key)), counts)?;
        deltas.hold(draft.stored.holder(), counts)?;
        let sum = by_directory.entry(&draft.directory).or_default();
        *sum = sum.checked_add(counts).ok_or_else(|| {
            sbk_store::Error::OutOfRange("a total of this call does not fit".into())
        })?;
    }
    for (directory, sum) in by_directory {
        deltas.add_below(directory, sum)?;
    }
    Ok(())
}

/// What becomes of the files of one call.
pub struct Registration {
    /// By place in the call.
    pub outcomes: Vec<Result<Outcome, Problem>>,
    /// Items that are copies of earlier ones.
    copies: Vec<(usize, usize)>,
}

impl Registration {
    /// Nothing is refused yet.
    pub fn new(files: usize) -> Self {
        Self { outcomes: vec![Ok(Outcome::Added); files], copies: Vec::new() }
    }

    fn is_refused(&self, at: usize) -> bool {
        self.outcomes[at].is_err()
    }

    /// Whether anything is refused.
    pub fn has_refusals(&self) -> bool {
        self.outcomes.iter().any(Result::is_err)
    }

    /// Checks each file on its own and against the others of the call.
    pub fn check<'a>(
        &mut self,
        cx: &Context<'_>,
        community: &Community,
        files: &[&'a NewFile],
        elements: &BTreeSet<SeName>,
    ) -> Vec<Draft<'a>> {
        let mut first: HashMap<FileKey, usize> = HashMap::with_capacity(files.len());
        let mut drafts = Vec::with_capacity(files.len());
        for (at, &new) in files.iter().enumerate() {
            let key = new.lfn.key();
            match first.get(&key) {
                None => drop(first.insert(key, at)),
                Some(before) if files[*before] == new => {
                    self.outcomes[at] = Ok(Outcome::Unchanged);
                    self.copies.push((at, *before));
                    continue;
                }
                Some(_) => {
                    let text = "it is in this call twice, with different contents";
                    self.outcomes[at] = Err(Problem::new(Code::Conflict, text));
                    continue;
                }
            }
            match draft(cx, community, new, key, elements) {
                Ok((stored, document)) => {
                    drafts.push(Draft {
                        at,
                        new,
                        stored,
                        directory: new.lfn.directory(),
                        sections: None,
                        document,
                    });
                }
                Err(problem) => self.outcomes[at] = Err(problem),
            }
        }
        drafts
    }

    /// Refuses files whose GUIDs others have.
    async fn refuse_taken_guids(
        &mut self,
        cx: &mut Context<'_>,
        drafts: &mut Vec<Draft<'_>>,
    ) -> Result<(), Error> {
        let (mut places, mut guids) = (Vec::new(), Vec::new());
        for draft in drafts.iter() {
            if let Some(guid) = draft.new.guid {
                places.push(draft.at);
                guids.push((draft.stored.key, guid));
            }
        }
        for (at, problem) in guid::taken(cx, &guids).await? {
            self.outcomes[places[at]] = Err(problem);
        }
        drafts.retain(|draft| !self.is_refused(draft.at));
        Ok(())
    }

    /// Refuses files that were there before.
    fn refuse_known(&mut self, drafts: &[Draft<'_>], known: &HashMap<FileKey, Stored>) {
        for draft in drafts.iter().filter(|draft| known.contains_key(&draft.stored.key)) {
            if !self.is_refused(draft.at) {
                let text = "it is there already, and only new files were to be registered";
                self.outcomes[draft.at] = Err(Problem::new(Code::Conflict, text));
            }
        }
    }

    /// Inserts the files, which are in the order of their keys; returns those that were there
    /// before, locked.
    pub async fn insert(
        &mut self,
        cx: &mut Context<'_>,
        community: &Community,
        drafts: &[Draft<'_>],
    ) -> Result<HashMap<FileKey, Stored>, Error> {
        let known = insert_files(cx, community, drafts).await?;
        for (draft, existing) in drafts.iter().filter_map(|d| Some((d, known.get(&d.stored.key)?)))
        {
            self.outcomes[draft.at] = if existing.vo == draft.stored.vo {
                compare(draft, existing)
            } else {
                let text = "a file of another community has this name";
                Err(Problem::new(Code::Conflict, text))
            };
        }
        Ok(known)
    }

    /// Adds the replicas of the files; of files that were there before, those that are new.
    pub async fn add_replicas(
        &mut self,
        cx: &mut Context<'_>,
        drafts: &[Draft<'_>],
        known: &HashMap<FileKey, Stored>,
        deltas: &mut Deltas,
    ) -> Result<(), Error> {
        let before = replica::of(&mut cx.session, known.keys().copied(), Lock::None).await?;
        let before: HashMap<_, _> = before.into_iter().map(|r| (r.key(), r)).collect();
        let mut rows: BTreeMap<(FileKey, SeKey), replica::Stored> = BTreeMap::new();
        for draft in drafts {
            for wanted in &draft.new.replicas {
                let row = replica::Stored {
                    file: draft.stored.key,
                    se: SeKey::of(&wanted.se),
                    status: wanted.status,
                    pfn: wanted.pfn.as_ref().map(ToString::to_string),
                    created: cx.now,
                    audit: cx.audit,
                };
                match before.get(&row.key()) {
                    None => {
                        if known.contains_key(&row.file) {
                            self.outcomes[draft.at] = Ok(Outcome::Changed);
                        }
                        rows.insert(row.key(), row);
                    }
                    Some(old) if row.pfn.is_some() && row.pfn != old.pfn => {
                        let text = format!("its replica at {} has another PFN", wanted.se);
                        self.outcomes[draft.at] = Err(Problem::new(Code::Conflict, text));
                    }
                    Some(_) => {}
                }
            }
        }
        for draft in drafts.iter().filter(|draft| self.outcomes[draft.at].is_err()) {
            rows.retain(|(file, _), _| *file != draft.stored.key);
        }
        let counts: HashMap<_, _> =
            drafts.iter().map(|draft| (draft.stored.key, draft.stored.counts())).collect();
        for row in rows.values().filter(|row| row.status != sbk_model::ReplicaStatus::Retired) {
            let count = counts.get(&row.file).copied().unwrap_or_default();
            deltas.add(Subject::Se(row.se), count)?;
        }
        let rows: Vec<_> = rows.into_values().collect();
        replica::insert(&mut cx.session, &rows).await?;
        Ok(())
    }

    /// Adds files to datasets; of files that were there before, those that they lack.
    pub async fn add_members(
        &mut self,
        cx: &mut Context<'_>,
        drafts: &[(DatasetKey, &Draft<'_>)],
        known: &HashMap<FileKey, Stored>,
        deltas: &mut Deltas,
    ) -> Result<(), Error> {
        let old = drafts.iter().filter(|(_, draft)| known.contains_key(&draft.stored.key));
        let old = old.map(|(dataset, draft)| (*dataset, draft.stored.key)).collect();
        let before = member::present(&mut cx.session, &old).await?;
        let mut joining = BTreeSet::new();
        for (dataset, draft) in drafts {
            let member = (*dataset, draft.stored.key);
            if before.contains(&member) || !joining.insert(member) {
                continue;
            }
            let counts = known.get(&draft.stored.key).unwrap_or(&draft.stored).counts();
            deltas.add(Subject::Dataset(*dataset), counts)?;
            if known.contains_key(&draft.stored.key) {
                self.outcomes[draft.at] = Ok(Outcome::Changed);
            }
        }
        member::insert(&mut cx.session, &joining, cx.audit).await?;
        Ok(())
    }

    /// One result per file; where nothing is kept, what could have been taken is skipped.
    fn finish(mut self, files: &[NewFile], abandoned: bool) -> BulkResult {
        for (at, original) in self.copies {
            if self.outcomes[original].is_err() {
                let outcome = self.outcomes[original].clone();
                self.outcomes[at] = outcome;
            }
        }
        let results = self.outcomes.into_iter().zip(files).map(|(outcome, file)| {
            let (outcome, problem) = match outcome {
                Ok(_) if abandoned => (Outcome::Skipped, None),
                Ok(outcome) => (outcome, None),
                Err(problem) => (Outcome::Refused, Some(problem)),
            };
            ItemResult { name: file.lfn.to_string(), outcome, problem }
        });
        BulkResult::of(results.collect())
    }
}

/// Makes the row of a file, or says why it cannot be taken.
fn draft(
    cx: &Context<'_>,
    community: &Community,
    new: &NewFile,
    key: FileKey,
    elements: &BTreeSet<SeName>,
) -> Result<(Stored, Document), Problem> {
    for (at, replica) in new.replicas.iter().enumerate() {
        if !elements.contains(&replica.se) {
            return Err(unknown_element(&replica.se));
        }
        if new.replicas[..at].iter().any(|other| other.se == replica.se) {
            let text = format!("it has two replicas at {}", replica.se);
            return Err(Problem::new(Code::Invalid, text));
        }
    }
    if new.status == FileStatus::Retired {
        let text = "a file cannot be registered as retired; leave its status out";
        return Err(Problem::new(Code::Invalid, text));
    }
    let document = community
        .schema
        .canonical(Entity::File, &new.metadata)
        .map_err(|problems| Problem::from(metadata::refuse(&problems)))?;
    cx.check_gives("owner", new.owner.as_ref().map(AsRef::as_ref)).map_err(Problem::from)?;
    let term = |name: &str| TermKey::of(name).0;
    let owner = new.owner.as_ref().unwrap_or(&cx.caller.user);
    let group = new.group.as_ref().unwrap_or(&cx.caller.group);
    let others = &new.checksums.others;
    let stored = Stored {
        key,
        name: new.lfn.split().1.to_owned(),
        vo: community.key,
        owner: term(owner.as_str()),
        group: term(group.as_str()),
        size: new.size,
        events: new.events,
        file_type: new.file_type.as_ref().map(|name| term(name.as_str())),
        status: new.status,
        before: new.status,
        created: new.created.unwrap_or(cx.now),
        modified: cx.now,
        until: None,
        adler32: new.checksums.adler32,
        md5: new.checksums.md5.map(|sum| sum.to_string()),
        checksums: if others.is_empty() { None } else { serde_json::to_string(others).ok() },
        guid: new.guid.map(|guid| guid.to_string()),
        mode: new.mode,
        meta: metadata::text(&document),
        audit: cx.audit,
    };
    Ok((stored, document))
}
