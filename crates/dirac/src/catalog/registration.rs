//! Registers files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    AddFiles, Atomicity, File, Metadata, NewFile, Problem, RemoveFiles, Replica, SetParents,
};
use sbk_model::{
    Checksums, FileStatus, GroupName, Guid, Lfn, Mode, ReplicaStatus, SeName, Size, UserName, Vo,
};
use sbk_wire::Value;

use super::{
    ancestors::names,
    call::{Call, Permitted, Results},
    changes::{reason, refusal},
    replicas::{elements, lacking, pfn},
    security::Operation,
    show::file_id,
    status,
};
use crate::{Answer, Failure, python};

/// How many files are registered in one transaction.
const TOGETHER: usize = 2000;

/// A file that a client wants to register.
#[derive(Debug)]
struct Wanted {
    new: NewFile,
    ancestors: Vec<Lfn>,
}

impl Call<'_> {
    /// `addFile`: a file that is there as it was registered counts as registered.
    pub async fn add_files(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } = self.permitted(argument, Operation::AddFile).await?;
        let mut wanted = Vec::with_capacity(paths.len());
        for (path, value) in paths {
            match self.read(&path, &value) {
                Ok(file) => wanted.push(file),
                Err(text) => results.failed(&path, &text),
            }
        }
        let used = wanted.iter().flat_map(|wanted| &wanted.new.replicas);
        self.declare(&used.map(|copy| copy.se.clone()).collect()).await?;
        if wanted.is_empty() {
            return Ok(results.into());
        }
        let vo = self.community().await?;
        let mut parents: BTreeMap<Lfn, Vec<Lfn>> = BTreeMap::new();
        while !wanted.is_empty() {
            let rest = wanted.split_off(wanted.len().min(TOGETHER));
            let (files, ancestors) = separate(std::mem::replace(&mut wanted, rest));
            let add = AddFiles {
                vo: vo.clone(),
                files: files.clone(),
                dataset: None,
                atomicity: Atomicity::Each,
                only_new: true,
                unique_guids: self.settings().unique_guid,
            };
            let added = self.ask(add).await?;
            let mut refused = Vec::new();
            for (item, file) in added.results.iter().zip(&files) {
                match (refusal(item), ancestors.get(&file.lfn)) {
                    (Some(text), _) => refused.push((file, text, item.problem.as_ref())),
                    (None, None) => results.done(&item.name, true),
                    (None, Some(ancestors)) => {
                        parents.insert(file.lfn.clone(), ancestors.clone());
                    }
                }
            }
            self.explain(&refused, &mut results).await?;
        }
        self.set_ancestors(&vo, parents, &mut results).await?;
        Ok(results.into())
    }

    /// Says what new files were made from. Those whose ancestors are not there, or cannot be, are
    /// removed again.
    async fn set_ancestors(
        &self,
        vo: &Vo,
        mut parents: BTreeMap<Lfn, Vec<Lfn>>,
        results: &mut Results,
    ) -> Result<(), Failure> {
        let all: BTreeSet<&str> = parents.values().flatten().map(Lfn::as_str).collect();
        let there = self.visible_files(all, false, false).await?;
        let is_there = |lfn: &Lfn| there.contains_key(lfn.as_str());
        let mut lost: BTreeMap<Lfn, String> = BTreeMap::new();
        parents.retain(|child, ancestors| {
            let resolved = ancestors.iter().all(is_there);
            if !resolved {
                lost.insert(child.clone(), "Failed to resolve ancestor files".into());
            }
            resolved
        });
        let children: Vec<Lfn> = parents.keys().cloned().collect();
        for children in children.chunks(1000) {
            let parents = children
                .iter()
                .filter_map(|child| Some((child.clone(), parents.remove(child)?)))
                .collect();
            let set = self.ask(SetParents { vo: vo.clone(), parents }).await?;
            for (item, child) in set.results.iter().zip(children) {
                match refusal(item) {
                    Some(text) => drop(lost.insert(child.clone(), text.to_owned())),
                    None => results.done(child.as_str(), true),
                }
            }
        }
        for (child, text) in &lost {
            results.failed(child.as_str(), text);
        }
        if !lost.is_empty() {
            let lfns = lost.into_keys().collect();
            self.ask(RemoveFiles { lfns, reason: reason() }).await?;
        }
        Ok(())
    }

    /// Reads what is said of a file.
    fn read(&self, path: &str, value: &Value) -> Result<Wanted, String> {
        if let Some(text) = lacking(value, &["PFN", "SE", "Size", "Checksum", "GUID"]) {
            return Err(text);
        }
        let lfn: Lfn = match path.parse() {
            Ok(lfn) => lfn,
            Err(_) if path == "/" => return Err("Is no a valid file".into()),
            Err(_) if path.starts_with("//") => return Err("Bad Path (double /?)".into()),
            Err(_) if !path.starts_with('/') => return Err("Not an absolute path".into()),
            Err(error) => return Err(error.to_string()),
        };
        let get = |key: &str| value.get(key).unwrap_or(&Value::Null);
        let pfn = pfn(value.get("PFN"), &lfn)?;
        let copy = |se: SeName| Replica { se, pfn: pfn.clone(), status: ReplicaStatus::Available };
        let replicas = elements(get("SE"))?.into_iter().map(copy).collect();
        let (owner, group) = self.owner(value.get("Owner"))?;
        let new = NewFile {
            size: size(get("Size"))?,
            guid: guid(get("GUID"))?,
            checksums: checksums(get("Checksum"), value.get("ChecksumType"))?,
            events: None,
            file_type: None,
            status: FileStatus::Good,
            owner,
            group,
            mode: Some(mode(value.get("Mode"), self.settings().default_mode)?),
            created: None,
            replicas,
            metadata: Metadata::new(),
            lfn,
        };
        let mut ancestors = names(value.get("Ancestors"))?;
        ancestors.retain(|ancestor| *ancestor != new.lfn);
        Ok(Wanted { new, ancestors })
    }

    /// The owner and group that a file is to have. Only who administers the catalogue gives files to
    /// others.
    fn owner(
        &self,
        value: Option<&Value>,
    ) -> Result<(Option<UserName>, Option<GroupName>), String> {
        let Some(value) = value.filter(|value| python::is_true(value)) else {
            return Ok((None, None));
        };
        let text = |key: &str| value.get(key).and_then(Value::text);
        let owner = text("username").map(str::parse::<UserName>).transpose();
        let group = text("group").map(str::parse::<GroupName>).transpose();
        let invalid = |error: sbk_model::Invalid| error.to_string();
        let (owner, group) = (owner.map_err(invalid)?, group.map_err(invalid)?);
        let caller = &self.who.caller;
        let is_own = owner.as_ref().is_none_or(|owner| *owner == caller.user)
            && group.as_ref().is_none_or(|group| *group == caller.group);
        if is_own || self.is_admin() { Ok((owner, group)) } else { Err("Permission denied".into()) }
    }

    /// Says why files were refused: they are there already, or their GUIDs are.
    async fn explain(
        &self,
        refused: &[(&NewFile, &str, Option<&Problem>)],
        results: &mut Results,
    ) -> Result<(), Failure> {
        if refused.is_empty() {
            return Ok(());
        }
        let names = refused.iter().map(|(file, ..)| file.lfn.as_str());
        let there = self.files(names, true, false).await?;
        let by_guid = self.holders_of(refused).await?;
        for (file, text, problem) in refused {
            let path = file.lfn.as_str();
            let is_guid = problem.is_some_and(|problem| problem.field.as_deref() == Some("guid"));
            match there.get(path) {
                Some(old) if !self.sees_file(old.status) => {
                    let state = status::of_file(old.status);
                    results.failed(path, &format!("File already registered with status {state}"));
                }
                Some(old) => match self.compare(file, old) {
                    None => results.done(path, true),
                    Some(text) => results.failed(path, text),
                },
                None if is_guid => {
                    let holder = file.guid.and_then(|guid| by_guid.get(&guid).copied());
                    let id = holder.map_or_else(String::new, |id| format!(" {id}"));
                    let text = format!("GUID already registered for another file{id}");
                    results.failed(path, &text);
                }
                None => results.failed(path, text),
            }
        }
        Ok(())
    }

    /// The numbers of the files that have the GUIDs of some that were refused for it.
    async fn holders_of(
        &self,
        refused: &[(&NewFile, &str, Option<&Problem>)],
    ) -> Result<HashMap<Guid, i64>, Failure> {
        let guids: BTreeSet<Guid> = refused
            .iter()
            .filter(|(_, _, problem)| {
                problem.is_some_and(|problem| problem.field.as_deref() == Some("guid"))
            })
            .filter_map(|(file, ..)| file.guid)
            .collect();
        if guids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.ask(sbk_api::FindGuids { guids: guids.into_iter().collect() }).await?;
        let names: Vec<&str> = found.found.iter().map(|found| found.lfn.as_str()).collect();
        let files = self.files(names, false, false).await?;
        let ids = found
            .found
            .iter()
            .filter_map(|found| Some((found.guid, file_id(files.get(found.lfn.as_str())?))));
        Ok(ids.collect())
    }

    /// What is wrong with a file that is there, if anything is.
    fn compare(&self, new: &NewFile, old: &File) -> Option<&'static str> {
        let sums = |sums: &Checksums| (sums.adler32, sums.md5);
        if new.guid != old.guid
            || new.size != old.size
            || sums(&new.checksums) != sums(&old.checksums)
        {
            return Some("File already registered with alternative metadata");
        }
        let mut seen = self.seen(&old.replicas, false).peekable();
        if seen.peek().is_none() {
            return Some("File already registered with no replicas");
        }
        let first = new.replicas.first().map(|copy| &copy.se);
        if seen.any(|copy| Some(&copy.se) == first) {
            None
        } else {
            Some("File already registered with alternative replicas")
        }
    }
}

/// The files, and the ancestors of those that have some.
fn separate(wanted: Vec<Wanted>) -> (Vec<NewFile>, HashMap<Lfn, Vec<Lfn>>) {
    let (mut files, mut parents) = (Vec::with_capacity(wanted.len()), HashMap::new());
    for Wanted { new, ancestors } in wanted {
        if !ancestors.is_empty() {
            parents.insert(new.lfn.clone(), ancestors);
        }
        files.push(new);
    }
    (files, parents)
}

/// A size: a number, or one that is written as text.
fn size(value: &Value) -> Result<Size, String> {
    let number = match value {
        Value::Int(number) => Some(*number),
        Value::Bool(truth) => Some(i64::from(*truth)),
        Value::Text(text) => text.trim().parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "what does not fit is refused next")]
        Value::Float(number) => Some(number.round() as i64),
        _ => None,
    };
    let number = number.ok_or_else(|| "Size is not a number of bytes".to_owned())?;
    Size::try_from(number).map_err(|error| error.to_string())
}

fn guid(value: &Value) -> Result<Option<Guid>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) if text.is_empty() => Ok(None),
        Value::Text(text) => text.parse().map(Some).map_err(|e: sbk_model::Invalid| e.to_string()),
        Value::Int(number) => {
            number.to_string().parse().map(Some).map_err(|e: sbk_model::Invalid| e.to_string())
        }
        _ => Err("GUID is not a text".into()),
    }
}

/// A checksum of one of the kinds that DIRAC knows.
fn checksums(value: &Value, kind: Option<&Value>) -> Result<Checksums, String> {
    let mut sums = Checksums::default();
    let sum = match value {
        Value::Null => return Ok(sums),
        Value::Text(text) if text.is_empty() => return Ok(sums),
        Value::Text(text) => text,
        _ => return Err("Checksum is not a text".into()),
    };
    let kind = match kind {
        None | Some(Value::Null) => "adler32".to_owned(),
        Some(Value::Text(kind)) => kind.to_ascii_lowercase(),
        Some(_) => return Err("ChecksumType is not a text".into()),
    };
    if !matches!(kind.as_str(), "adler32" | "md5") {
        return Err(format!("ChecksumType is neither Adler32 nor MD5 but {kind}"));
    }
    sums.insert(&kind, sum).map_err(|error| error.to_string())?;
    Ok(sums)
}

/// Permission bits as a number.
pub fn mode(value: Option<&Value>, usual: Mode) -> Result<Mode, String> {
    let number = match value {
        None => return Ok(usual),
        Some(Value::Int(number)) => Some(*number),
        // As Python reads it: in decimal.
        Some(Value::Text(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    let bits = number.and_then(|number| u16::try_from(number).ok()).filter(|bits| *bits <= 0o7777);
    let wrong = || "Mode is not a number from 0 to 4095, such as 509 for 0775".to_owned();
    bits.map(Mode::from_bits).ok_or_else(wrong)
}
