//! Removes files, and changes their state.

use std::collections::BTreeMap;

use sbk_api::{
    BulkResult, Code, ItemResult, RemoveFiles, RestoreFiles, RetireFiles, SetFileStatus,
};
use sbk_model::{FileStatus, Lfn, Reason};
use sbk_wire::Value;

use super::{
    call::{Call, Permitted, Results, grouped},
    lookup::AT_ONCE,
    security::Operation,
    status,
};
use crate::{Answer, Failure, NO_SUCH_FILE};

/// Why something is done, where DIRAC does not say it.
pub fn reason() -> Reason {
    "asked for through DIRAC's FileCatalog".parse().expect("this is a reason")
}

/// What clients are told of an item that was refused.
pub fn refusal(item: &ItemResult) -> Option<&str> {
    let problem = item.problem.as_ref()?;
    Some(match problem.code {
        Code::NotFound => NO_SUCH_FILE,
        Code::Forbidden => "Permission denied",
        _ => &problem.detail,
    })
}

impl Results {
    /// Adds what became of items whose names are paths.
    pub fn extend(&mut self, bulk: &BulkResult, done: &Value) {
        for item in &bulk.results {
            match refusal(item) {
                Some(text) => self.failed(&item.name, text),
                None => self.done(&item.name, done.clone()),
            }
        }
    }
}

impl Call<'_> {
    /// `removeFile`: what is not there counts as removed.
    pub async fn remove_files(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::RemoveFile).await?;
        let mut lfns: Vec<Lfn> = Vec::with_capacity(paths.len());
        for path in paths.keys() {
            if let Ok(lfn) = path.parse() {
                lfns.push(lfn);
            } else {
                results.done(path, true);
            }
        }
        for lfns in lfns.chunks(AT_ONCE) {
            let wanted = RemoveFiles { lfns: lfns.to_vec(), reason: reason() };
            results.extend(&self.ask(wanted).await?, &Value::Bool(true));
        }
        Ok(results.into())
    }

    /// `setFileStatus`.
    pub async fn set_file_status(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::SetFileStatus).await?;
        let files = self.files(paths.keys().map(String::as_str), false, false).await?;
        let mut wanted: Vec<(FileStatus, (Lfn, FileStatus))> = Vec::new();
        for (path, value) in paths {
            let Some(file) = files.get(&path) else {
                results.failed(&path, NO_SUCH_FILE);
                continue;
            };
            if let Some(new) = value.text().and_then(status::file) {
                wanted.push((new, (file.lfn.clone(), file.status)));
            } else {
                let name = value.text().unwrap_or("that is no text");
                results.failed(&path, &format!("Invalid file status {name}"));
            }
        }
        for (new, files) in grouped(wanted) {
            for files in files.chunks(AT_ONCE) {
                self.set_status(new, files, &mut results).await?;
            }
        }
        Ok(results.into())
    }

    async fn set_status(
        &self,
        new: FileStatus,
        files: &[(Lfn, FileStatus)],
        results: &mut Results,
    ) -> Result<(), Failure> {
        let all = || files.iter().map(|(lfn, _)| lfn.clone());
        if new == FileStatus::Retired {
            let retire = RetireFiles {
                lfns: all().collect(),
                reason: reason(),
                grace_seconds: None,
                preview: false,
            };
            results.extend(&self.ask(retire).await?.bulk, &Value::Bool(true));
            return Ok(());
        }
        let retired = files.iter().filter(|(_, before)| *before == FileStatus::Retired);
        let retired: Vec<Lfn> = retired.map(|(lfn, _)| lfn.clone()).collect();
        let mut kept: BTreeMap<String, String> = BTreeMap::new();
        if !retired.is_empty() {
            let restored = self.ask(RestoreFiles { lfns: retired, reason: reason() }).await?;
            for item in &restored.results {
                if let Some(text) = refusal(item) {
                    kept.insert(item.name.clone(), text.to_owned());
                }
            }
        }
        let lfns: Vec<Lfn> = all().filter(|lfn| !kept.contains_key(lfn.as_str())).collect();
        for (path, text) in &kept {
            results.failed(path, text);
        }
        if !lfns.is_empty() {
            let set = SetFileStatus { lfns, status: new, reason: Some(reason()) };
            results.extend(&self.ask(set).await?, &Value::Bool(true));
        }
        Ok(())
    }
}
