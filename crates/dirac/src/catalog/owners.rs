//! Owners, groups and permission bits of files and directories.

use sbk_api::{ChangeDirectory, ChangeFiles, DirectoryAccess, FileAccess};
use sbk_model::{GroupName, Mode, TermKey, UserName};
use sbk_wire::Value;

use super::{
    arguments::Paths,
    call::{Call, Permitted},
    changes::reason,
    lookup::AT_ONCE,
    registration::mode,
    security::Operation,
};
use crate::{Answer, Failure, NO_SUCH_FILE, python};

/// What a path gets.
#[derive(Debug, Clone, Default)]
struct Change {
    owner: Option<UserName>,
    group: Option<GroupName>,
    mode: Option<Mode>,
}

impl Call<'_> {
    /// `changePathOwner`.
    pub async fn change_owner(&self, argument: Value, below: Value) -> Result<Answer, Failure> {
        let people = &self.who.people;
        let read = |value: &Value| {
            let owner = name(value, people.users.iter().map(String::as_str), "user")?;
            Ok(Change { owner: Some(owner), ..Change::default() })
        };
        self.change(argument, Operation::ChangePathOwner, &below, read).await
    }

    /// `changePathGroup`.
    pub async fn change_group(&self, argument: Value, below: Value) -> Result<Answer, Failure> {
        let people = &self.who.people;
        let read = |value: &Value| {
            let group = name(value, people.groups.keys().map(String::as_str), "group")?;
            Ok(Change { group: Some(group), ..Change::default() })
        };
        self.change(argument, Operation::ChangePathGroup, &below, read).await
    }

    /// `changePathMode`.
    pub async fn change_mode(&self, argument: Value, below: Value) -> Result<Answer, Failure> {
        let read = |value: &Value| {
            let mode = match value {
                Value::Bool(_) => return Err("Missing parameters".to_owned()),
                value => mode(Some(value), self.settings().default_mode)?,
            };
            Ok(Change { mode: Some(mode), ..Change::default() })
        };
        self.change(argument, Operation::ChangePathMode, &below, read).await
    }

    async fn change(
        &self,
        argument: Value,
        operation: Operation,
        below: &Value,
        read: impl Fn(&Value) -> Result<Change, String>,
    ) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } = self.permitted(argument, operation).await?;
        let mut changes: Vec<(String, Change)> = Vec::with_capacity(paths.len());
        let there = self.there_at_all(&paths).await?;
        for (path, value) in &paths {
            if !there.files.contains_key(path) && !there.directories.contains_key(path) {
                results.failed(path, NO_SUCH_FILE);
                continue;
            }
            match read(value) {
                Ok(change) => changes.push((path.clone(), change)),
                Err(text) => results.failed(path, &text),
            }
        }
        let mut files = Vec::new();
        for (path, change) in changes {
            let Some(directory) = there.directories.get(&path) else {
                let Some(file) = there.files.get(&path) else { continue };
                let Change { owner, group, mode } = change;
                files.push(FileAccess { lfn: file.lfn.clone(), owner, group, mode });
                continue;
            };
            match self.change_directory(directory, change, python::is_true(below)).await {
                Ok(()) => results.done(&path, true),
                Err(failure) if failure.errno == 2 => results.failed(&path, NO_SUCH_FILE),
                Err(failure) => return Err(failure),
            }
        }
        for files in files.chunks(AT_ONCE) {
            let change = ChangeFiles { files: files.to_vec(), reason: Some(reason()) };
            results.extend(&self.ask(change).await?, &Value::Bool(true));
        }
        Ok(results.into())
    }

    async fn there_at_all(&self, paths: &Paths) -> Result<There, Failure> {
        let directories = self.directories_of(paths.keys().map(String::as_str)).await?;
        let others = paths.keys().filter(|path| !directories.contains_key(*path));
        let files = self.files(others.map(String::as_str), false, false).await?;
        Ok(There { directories, files })
    }

    async fn change_directory(
        &self,
        directory: &DirectoryAccess,
        change: Change,
        recursive: bool,
    ) -> Result<(), Failure> {
        let mut step = ChangeDirectory {
            path: directory.path.clone(),
            owner: change.owner,
            group: change.group,
            mode: change.mode,
            recursive,
            after: None,
            reason: Some(reason()),
        };
        loop {
            let progress = self.ask(step.clone()).await?;
            match progress.next {
                Some(next) if !progress.done => step.after = Some(next),
                _ => return Ok(()),
            }
        }
    }
}

/// Directories and files that there are of some paths.
struct There {
    directories: std::collections::HashMap<String, DirectoryAccess>,
    files: std::collections::HashMap<String, sbk_api::File>,
}

/// A name, or the one that a number stands for.
fn name<'a, T: std::str::FromStr<Err = sbk_model::Invalid>>(
    value: &Value,
    known: impl Iterator<Item = &'a str>,
    what: &str,
) -> Result<T, String> {
    let text = match value {
        Value::Text(text) => text.as_str(),
        Value::Int(number) => {
            let root = std::iter::once("root");
            let mut known = root.chain(known);
            known
                .find(|name| TermKey::of(name).0 == *number)
                .ok_or_else(|| format!("there is no {what} with the id {number}"))?
        }
        _ => return Err("Missing parameters".into()),
    };
    text.parse().map_err(|error: sbk_model::Invalid| error.to_string())
}
