//! Metadata of files and directories.

use sbk_api::{
    Atomicity, Directory, FileMetadata, GetDirectory, Metadata, SetDirectoryMetadata, SetMetadata,
};
use sbk_metadata::{Entity, Schema};
use sbk_model::DirPath;
use sbk_wire::Value;

use super::{
    arguments::{normal, paths},
    call::{Call, Results},
    changes::refusal,
    fields::{from_json, to_json, type_of},
    lookup::AT_ONCE,
    security::{Operation, Verdict},
};
use crate::{Answer, Failure, python};

/// What becomes of one path.
type Outcome = Result<(), Failure>;

/// What is set, or what is removed, of a path.
struct Wanted {
    /// The path as the client wrote it.
    given: String,
    /// Its normal form.
    path: String,
    change: Value,
}

/// Texts in a value: its keys, its items, or itself.
fn names(value: &Value) -> Option<Vec<String>> {
    let text = |value: &Value| value.text().map(str::to_owned);
    match value {
        Value::Dict(entries) => entries.iter().map(|(key, _)| text(key)).collect(),
        Value::List(items) | Value::Tuple(items) => items.iter().map(text).collect(),
        Value::Text(name) => Some(vec![name.clone()]),
        _ => None,
    }
}

impl Call<'_> {
    /// `setMetadata`.
    pub async fn set_metadata(&self, path: Value, values: Value) -> Result<Answer, Failure> {
        paths(path.clone())?;
        let given = path.text().unwrap_or_default().to_owned();
        let wanted = vec![Wanted { path: normal(&given), given, change: values }];
        let outcomes = self.change_metadata(wanted, false).await?;
        for (_, outcome) in outcomes {
            outcome?;
        }
        Ok(Value::Null.into())
    }

    /// `setMetadataBulk`: each path on its own.
    pub async fn set_metadata_of(&self, argument: Value) -> Result<Answer, Failure> {
        self.each_metadata(argument, false).await
    }

    /// `removeMetadata`: each path on its own; what is not set counts as removed.
    pub async fn remove_metadata(&self, argument: Value) -> Result<Answer, Failure> {
        self.each_metadata(argument, true).await
    }

    async fn each_metadata(&self, argument: Value, removes: bool) -> Result<Answer, Failure> {
        let Value::Dict(entries) = argument else {
            return Err(Failure::invalid("the argument is not a dictionary of paths"));
        };
        let mut wanted = Vec::with_capacity(entries.len());
        let mut results = Results::default();
        for (path, change) in entries {
            match path.text() {
                Some("") | None => {
                    let text = Failure::invalid("Empty input: ").message;
                    results.failed(path.text().unwrap_or_default(), &text);
                }
                Some(given) => {
                    wanted.push(Wanted { path: normal(given), given: given.to_owned(), change });
                }
            }
        }
        for (path, outcome) in self.change_metadata(wanted, removes).await? {
            match outcome {
                Ok(()) => results.done(&path, true),
                Err(failure) => results.failed(&path, &failure.message),
            }
        }
        Ok(results.into())
    }

    /// Sets or removes values of paths.
    async fn change_metadata(
        &self,
        wanted: Vec<Wanted>,
        removes: bool,
    ) -> Result<Vec<(String, Outcome)>, Failure> {
        let operation = if removes { Operation::RemoveMetadata } else { Operation::SetMetadata };
        let names: Vec<&str> = wanted.iter().map(|wanted| wanted.path.as_str()).collect();
        let verdicts = match self.judge(operation, &names).await {
            Ok(verdicts) => verdicts,
            // Nobody is said to be allowed: each path is told so.
            Err(failure) if failure.errno == 0 => {
                let refused = |wanted: Wanted| (wanted.given, Err(failure.clone()));
                return Ok(wanted.into_iter().map(refused).collect());
            }
            Err(failure) => return Err(failure),
        };
        let directories = self.directories_of(names.iter().copied()).await?;
        let files = self.visible_files(names.iter().copied(), false, false).await?;
        let schema = self.schema().await?;
        let mut outcomes = Vec::with_capacity(wanted.len());
        let mut of_files = Vec::new();
        for (wanted, verdict) in wanted.into_iter().zip(verdicts) {
            let Wanted { given, path, change } = wanted;
            let is_directory = directories.contains_key(&path);
            let entity = if is_directory { Entity::Directory } else { Entity::File };
            let outcome = match verdict {
                Verdict::Failed(text) => Err(Failure::plain(text)),
                verdict if !verdict.is_yes() && removes => Err(Failure::plain("Permission denied")),
                verdict if !verdict.is_yes() => Err(Failure::with(13, "Permission denied")),
                _ if !is_directory && !files.contains_key(&path) => {
                    Err(Failure::plain(format!("File {path} not found")))
                }
                _ => patch(&schema, entity, &change, removes),
            };
            match (outcome, directories.get(&path), files.get(&path)) {
                (Err(failure), ..) => outcomes.push((given, Err(failure))),
                (Ok(metadata), Some(directory), _) => {
                    let set = self.set_directory(&directory.path, metadata, removes).await;
                    outcomes.push((given, set));
                }
                (Ok(metadata), None, Some(file)) => {
                    of_files.push((given, FileMetadata { lfn: file.lfn.clone(), metadata }));
                }
                // It was looked for.
                (Ok(_), None, None) => outcomes.push((given, Ok(()))),
            }
        }
        for part in of_files.chunks(AT_ONCE) {
            let files = part.iter().map(|(_, file)| file.clone()).collect();
            let set = self.ask(SetMetadata { files, atomicity: Atomicity::Each }).await?;
            for (item, (given, _)) in set.results.iter().zip(part) {
                let outcome = refusal(item).map_or(Ok(()), |text| Err(Failure::plain(text)));
                outcomes.push((given.clone(), outcome));
            }
        }
        Ok(outcomes)
    }

    async fn set_directory(
        &self,
        path: &DirPath,
        metadata: Metadata,
        removes: bool,
    ) -> Result<(), Failure> {
        if metadata.is_empty() {
            return Ok(());
        }
        // What holds in a directory holds in all below it, and is said once.
        if let Some(above) = path.parent().filter(|_| !removes) {
            let above = self.ask(GetDirectory { path: above }).await?;
            if let Some(name) = metadata.keys().find(|name| above.effective.contains_key(*name)) {
                let text = format!("Metadata conflict detected for {name} for directory {path}");
                return Err(Failure::plain(text));
            }
        }
        let mut step = SetDirectoryMetadata { path: path.clone(), metadata, after: None };
        loop {
            step.after = self.ask(step.clone()).await?.next;
            if step.after.is_none() {
                return Ok(());
            }
        }
    }

    /// `getDirectoryUserMetadata`: what holds in a directory, and where it was set.
    pub async fn directory_metadata_of(&self, path: Value) -> Result<Answer, Failure> {
        let given = path.text().unwrap_or_default();
        let absent = || Failure::plain(format!("Directory {given} not found"));
        let text = if given.is_empty() { "/".to_owned() } else { normal(given) };
        let path: DirPath = text.parse().map_err(|_| absent())?;
        let found = match self.ask(GetDirectory { path }).await {
            Ok(found) => found,
            Err(failure) if failure.errno == 2 => return Err(absent()),
            Err(failure) => return Err(failure),
        };
        let schema = self.schema().await?;
        let Directory { metadata, effective, .. } = found;
        let field = |name: &str| schema.field(Entity::Directory, name).map(|field| &**field);
        let values = effective.iter().map(|(name, value)| (name, from_json(field(name), value)));
        let owners = effective.keys().map(|name| {
            let is_own = metadata.contains_key(name);
            (name, Value::from(if is_own { "OwnMetadata" } else { "ParentMetadata" }))
        });
        let types = schema.fields_of(Entity::Directory);
        let types = types.map(|field| (field.name.to_string(), Value::Text(type_of(field))));
        Ok(Answer::from(Value::dict(values.collect::<Vec<_>>()))
            .with("MetadataOwner", Value::dict(owners.collect::<Vec<_>>()))
            .with("MetadataType", Value::dict(types.collect::<Vec<_>>())))
    }

    /// `getFileUserMetadata`: what was set on a file itself.
    pub async fn file_metadata_of(&self, path: Value) -> Result<Answer, Failure> {
        let path = normal(path.text().unwrap_or_default());
        let files = self.visible_files([path.as_str()], false, true).await?;
        let file = files.get(&path).ok_or_else(|| Failure::plain("File not found"))?;
        let schema = self.schema().await?;
        let types = schema.fields_of(Entity::File);
        let types = types.map(|field| (field.name.to_string(), Value::Text(type_of(field))));
        let types = Value::dict(types.collect::<Vec<_>>());
        Ok(Answer::from(shown(&schema, file)).with("MetadataType", types))
    }
}

/// The values of a file as DIRAC's clients read them.
pub fn shown(schema: &Schema, file: &sbk_api::File) -> Value {
    let document = file.metadata.map();
    let values = document.iter().map(|(name, value)| {
        let field = schema.field(Entity::File, name).map(|field| &**field);
        (name.clone(), from_json(field, value))
    });
    Value::dict(values.collect::<Vec<_>>())
}

/// The values that are set, by the fields of an entity, or the fields that are removed.
fn patch(
    schema: &Schema,
    entity: Entity,
    change: &Value,
    removes: bool,
) -> Result<Metadata, Failure> {
    let unknown = |name: &str| {
        let text =
            format!("{name} is no metadata field of a {entity}; declare it with addMetadataField");
        Failure::invalid(&text)
    };
    if removes {
        let names = names(change).ok_or_else(|| {
            let text = format!("{} is no list of names", python::class(change));
            Failure::invalid(&text)
        })?;
        // What is not known is not set.
        let known = names.into_iter().filter(|name| schema.field(entity, name).is_some());
        return Ok(known.map(|name| (name, serde_json::Value::Null)).collect());
    }
    let Value::Dict(entries) = change else {
        let text = format!("{} is no dictionary of values", python::class(change));
        return Err(Failure::invalid(&text));
    };
    entries
        .iter()
        .map(|(name, value)| {
            let name = name.text().unwrap_or_default();
            let field = schema.field(entity, name).ok_or_else(|| unknown(name))?;
            Ok((name.to_owned(), to_json(field, value)))
        })
        .collect()
}
