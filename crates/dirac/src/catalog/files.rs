//! Looks files up.

use std::collections::HashMap;

use sbk_api::{File, FindGuids};
use sbk_metadata::Schema;
use sbk_model::Guid;
use sbk_wire::Value;

use super::{
    arguments::Paths,
    call::{Call, Permitted, Results},
    lookup::AT_ONCE,
    metadata::shown,
    security::Operation,
    show::{file_id, id, moment},
    status,
};
use crate::{Answer, Failure, NO_SUCH_FILE};

impl Call<'_> {
    /// `exists`: a path that is there is its own answer.
    pub async fn exists(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } = self.permitted(argument, Operation::Exists).await?;
        let files = self.there(&paths).await?;
        let others = paths.keys().filter(|path| !files.contains_key(*path));
        let directories = self.directories_of(others.map(String::as_str)).await?;
        for path in paths.keys() {
            match files.get(path) {
                Some(lfn) => results.done(path, lfn.as_str()),
                None if directories.contains_key(path) => results.done(path, path.as_str()),
                None => results.done(path, false),
            }
        }
        Ok(results.into())
    }

    /// `isFile`: a path that is a file is its own answer.
    pub async fn is_file(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } = self.permitted(argument, Operation::IsFile).await?;
        let files = self.there(&paths).await?;
        for path in paths.keys() {
            match files.get(path) {
                Some(lfn) => results.done(path, lfn.as_str()),
                None => results.done(path, false),
            }
        }
        Ok(results.into())
    }

    /// Which of the paths are files, of any state. Where GUIDs are unique and come with the paths, a
    /// path stands for the file that has its GUID.
    async fn there(&self, paths: &Paths) -> Result<HashMap<String, String>, Failure> {
        let files = self.files(paths.keys().map(String::as_str), false, false).await?;
        let mut there: HashMap<String, String> =
            files.into_keys().map(|lfn| (lfn.clone(), lfn)).collect();
        let guids = self.guids_with(paths);
        if !guids.is_empty() {
            let holders = self.holders(guids.values().copied()).await?;
            for (path, guid) in guids {
                if let Some(holder) = holders.get(&guid) {
                    there.insert(path.to_owned(), holder.clone());
                }
            }
        }
        Ok(there)
    }

    /// The GUIDs that came with paths. The first value says whether there are any.
    fn guids_with<'p>(&self, paths: &'p Paths) -> HashMap<&'p str, Guid> {
        let guid = |value: &Value| -> Option<Guid> {
            let text = value.text().or_else(|| value.get("GUID")?.text())?;
            text.parse().ok()
        };
        let has = |value: &Value| value.text().is_some() || value.get("GUID").is_some();
        if !self.settings().unique_guid || !paths.values().next().is_some_and(has) {
            return HashMap::new();
        }
        paths.iter().filter_map(|(path, value)| Some((path.as_str(), guid(value)?))).collect()
    }

    /// The files that have some GUIDs; of several with one GUID, the first by name.
    async fn holders(
        &self,
        guids: impl IntoIterator<Item = Guid>,
    ) -> Result<HashMap<Guid, String>, Failure> {
        let guids: Vec<Guid> = guids.into_iter().collect();
        let mut holders = HashMap::new();
        for guids in guids.chunks(AT_ONCE) {
            for found in self.ask(FindGuids { guids: guids.to_vec() }).await?.found {
                holders.entry(found.guid).or_insert_with(|| found.lfn.to_string());
            }
        }
        Ok(holders)
    }

    /// `getLFNForGUID`. GUIDs are no paths: they stay as they were written, and nobody is asked.
    pub async fn lfns_of_guids(&self, argument: Value) -> Result<Answer, Failure> {
        let texts: Vec<String> = match argument {
            Value::Text(text) if !text.is_empty() => vec![text],
            Value::List(items) | Value::Tuple(items) => {
                items.iter().filter_map(|item| item.text().map(str::to_owned)).collect()
            }
            Value::Dict(entries) => {
                entries.iter().filter_map(|(key, _)| key.text().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        if texts.is_empty() {
            return Ok(Value::Dict(Vec::new()).into());
        }
        let read = |text: &String| text.parse::<Guid>().ok();
        let holders = self.holders(texts.iter().filter_map(read)).await?;
        let mut results = Results::default();
        for text in texts {
            match read(&text).and_then(|guid| holders.get(&guid)) {
                Some(lfn) => results.done(&text, lfn.as_str()),
                None => results.failed(&text, "GUID does not exist"),
            }
        }
        Ok(results.into())
    }

    /// `getFileSize`.
    pub async fn file_sizes(&self, argument: Value) -> Result<Answer, Failure> {
        self.each_file(argument, Operation::GetFileSize, |file| Value::Int(file.size.get())).await
    }

    /// `getFileMetadata`.
    pub async fn file_metadata(&self, argument: Value) -> Result<Answer, Failure> {
        self.each_file(argument, Operation::GetFileMetadata, |file| Value::dict(self.file(file)))
            .await
    }

    async fn each_file(
        &self,
        argument: Value,
        operation: Operation,
        show: impl Fn(&File) -> Value,
    ) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } = self.permitted(argument, operation).await?;
        let files = self.visible_files(paths.keys().map(String::as_str), false, false).await?;
        for path in paths.keys() {
            match files.get(path) {
                Some(file) => results.done(path, show(file)),
                None => results.failed(path, NO_SUCH_FILE),
            }
        }
        Ok(results.into())
    }

    /// `getFileDetails`: no results by path but the files themselves, those that there are.
    pub async fn file_details(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, .. } = self.permitted(argument, Operation::GetFileMetadata).await?;
        let names = paths.keys().map(String::as_str);
        let files = self.visible_files(names, false, true).await?;
        let schema = self.schema().await?;
        let found = paths.keys().filter_map(|path| {
            let file = files.get(path)?;
            Some((path.as_str(), details(&schema, file)))
        });
        Ok(Value::dict(found.collect::<Vec<_>>()).into())
    }
}

/// What `getFileDetails` says of a file.
pub fn details(schema: &Schema, file: &File) -> Value {
    Value::dict([
        ("FileID", Value::Int(file_id(file))),
        ("Size", Value::Int(file.size.get())),
        ("UID", id(file.owner.as_str())),
        ("GID", id(file.group.as_str())),
        ("Status", Value::from(status::of_file(file.status))),
        ("GUID", Value::Text(file.guid.map(|guid| guid.to_string()).unwrap_or_default())),
        ("CreationDate", moment(file.created)),
        ("Metadata", shown(schema, file)),
    ])
}
