//! Queries by metadata: DIRAC's dictionaries as queries of the bookkeeping.
//!
//! What is in a dictionary all has to hold. A key is a field of directories, whose values hold for all
//! below them, a field of files, or one of the keys that every file has.

use std::collections::BTreeMap;

use sbk_api::{CountFiles, File, FindFiles, FindStorageElements, QueryDirectories, Selection};
use sbk_metadata::{Entity, Field, Kind, Schema};
use sbk_model::{DirPath, FileStatus, SeName};
use sbk_wire::Value;
use serde_json::{Value as Json, json};

use super::{
    call::Call,
    datasets::{text_of, without_path},
    fields::{from_json, to_json, wildcard},
    files::details,
    show::directory_id,
    status,
};
use crate::{Answer, Failure, python};

/// Keys that every file has, with our names for them.
const STANDARD: &[(&str, &str)] = &[
    ("SE", "se"),
    ("User", "owner"),
    ("Group", "group"),
    ("Size", "size"),
    ("Name", "name"),
    ("FileName", "name"),
    ("Status", "status"),
    ("GUID", "guid"),
    ("CheckSum", "adler32"),
    ("CreationDate", "created"),
    ("ModificationDate", "modified"),
];

/// Keys of DIRAC that mean nothing here.
const REFUSED: &[&str] = &["Path", "LastAccessDate", "UID", "GID"];

/// Whether a name is one that every file has, and so cannot be declared.
pub fn is_reserved(name: &str) -> bool {
    STANDARD.iter().any(|(key, _)| *key == name) || REFUSED.contains(&name)
}

/// Comparisons by DIRAC's names and ours.
fn operator(text: &str) -> Option<&'static str> {
    Some(match text {
        "=" => "=",
        "in" => "in",
        "!=" => "!=",
        "nin" => "nin",
        ">" => ">",
        "<" => "<",
        ">=" => ">=",
        "<=" => "<=",
        _ => return None,
    })
}

/// A query, apart by what its conditions are about.
#[derive(Debug, Default)]
struct Conditions {
    directories: Vec<Json>,
    files: Vec<Json>,
    elements: Vec<SeName>,
}

impl Conditions {
    fn is_empty(&self) -> bool {
        self.directories.is_empty() && self.files.is_empty()
    }
}

/// What a key stands for.
enum Key<'s> {
    Declared(&'s Field),
    Standard(&'static str),
}

/// Reads a query.
fn read(schema: &Schema, query: &Value, strict: bool) -> Result<Conditions, Failure> {
    let mut conditions = Conditions::default();
    let Value::Dict(entries) = query else {
        return Err(Failure::invalid("the query is not a dictionary"));
    };
    for (key, condition) in entries {
        let name = key.text().unwrap_or_default();
        if let Some(field) = schema.field(Entity::Directory, name) {
            let path = format!("directory.{name}");
            conditions.directories.extend(condition_of(&path, &Key::Declared(field), condition)?);
        } else if let Some(field) = schema.field(Entity::File, name) {
            let path = format!("file.{name}");
            conditions.files.extend(condition_of(&path, &Key::Declared(field), condition)?);
        } else if let Some((_, ours)) = STANDARD.iter().find(|(key, _)| *key == name) {
            if *ours == "se" {
                conditions.elements.extend(elements(condition)?);
            }
            conditions.files.extend(condition_of(ours, &Key::Standard(ours), condition)?);
        } else if REFUSED.contains(&name) {
            return Err(Failure::plain(format!("Illegal standard meta key {name}")));
        } else if strict {
            let text = format!("{name} is no metadata field; declare it with addMetadataField");
            return Err(Failure::invalid(&text));
        }
    }
    Ok(conditions)
}

/// The storage elements that a condition names.
fn elements(condition: &Value) -> Result<Vec<SeName>, Failure> {
    let texts: Vec<&Value> = match condition {
        Value::Dict(entries) => entries
            .iter()
            .flat_map(|(_, value)| {
                value.items().map_or_else(|| vec![value], |i| i.iter().collect())
            })
            .collect(),
        Value::List(items) | Value::Tuple(items) => items.iter().collect(),
        one => vec![one],
    };
    let unknown = |text: &str| Failure::plain(format!("Unknown SE {text}"));
    texts
        .into_iter()
        .map(|value| {
            let text = value.text().unwrap_or_default();
            text.parse().map_err(|_| unknown(text))
        })
        .collect()
}

/// The conditions on one key.
fn condition_of(path: &str, key: &Key<'_>, condition: &Value) -> Result<Vec<Json>, Failure> {
    let one = |value: &Value| of_value(key, value);
    let list = |items: &[Value]| items.iter().map(one).collect::<Result<Vec<Json>, Failure>>();
    Ok(match condition {
        Value::Dict(entries) => {
            let mut parts = Vec::with_capacity(entries.len());
            for (sign, operand) in entries {
                let text = sign.text().unwrap_or_default();
                let sign = operator(text).ok_or_else(|| {
                    Failure::plain(format!("Illegal query: unknown operation {text}"))
                })?;
                parts.push(match (sign, operand.items()) {
                    ("=" | "in", Some(items)) => among(path, &list(items)?),
                    ("!=" | "nin", Some([])) => json!({ path: { "exists": true } }),
                    ("!=" | "nin", Some(items)) => {
                        json!({ path: { "nin": list(items)? } })
                    }
                    (_, Some(_)) => {
                        let text = "Illegal query: list of values for comparison operation";
                        return Err(Failure::plain(text));
                    }
                    ("in", None) => json!({ path: { "=": one(operand)? } }),
                    ("nin", None) => json!({ path: { "!=": one(operand)? } }),
                    (sign, None) => json!({ path: { sign: one(operand)? } }),
                });
            }
            parts
        }
        Value::List(items) | Value::Tuple(items) => vec![among(path, &list(items)?)],
        Value::Null => vec![json!({ path: { "exists": false } })],
        value => match (wildcard(value), pattern(key, value)) {
            (Some(exists), _) => vec![json!({ path: { "exists": exists } })],
            (None, Some(pattern)) => vec![json!({ path: { "like": pattern } })],
            (None, None) => vec![json!({ path: { "=": one(value)? } })],
        },
    })
}

/// A condition that nothing meets.
pub fn nothing(path: &str) -> Json {
    json!({ "$and": [{ path: { "exists": true } }, { "$not": { path: { "exists": true } } }] })
}

/// One of some values; of none, nothing.
fn among(path: &str, values: &[Json]) -> Json {
    if values.is_empty() {
        return nothing(path);
    }
    json!({ path: { "in": values } })
}

/// The pattern that a text with `*` or `?` stands for, where texts are looked for.
fn pattern(key: &Key<'_>, value: &Value) -> Option<String> {
    let text = value.text().filter(|text| text.contains(['*', '?']))?;
    let takes = match key {
        Key::Declared(field) => field.entity == Entity::File && matches!(field.kind, Kind::String),
        Key::Standard(name) => *name == "name",
    };
    takes.then(|| {
        let mut pattern = String::with_capacity(text.len());
        for c in text.chars() {
            match c {
                '*' => pattern.push('%'),
                '?' => pattern.push('_'),
                '%' | '_' | '\\' => pattern.extend(['\\', c]),
                c => pattern.push(c),
            }
        }
        pattern
    })
}

/// A value as queries of the bookkeeping have it.
fn of_value(key: &Key<'_>, value: &Value) -> Result<Json, Failure> {
    match key {
        Key::Declared(field) => Ok(to_json(field, value)),
        Key::Standard("status") => {
            let name = value.text().unwrap_or_default();
            status::file(name)
                .map(|state| state.as_str().into())
                .ok_or_else(|| Failure::plain(format!("Invalid file status {name}")))
        }
        Key::Standard("created" | "modified") => match value {
            Value::DateTime(moment) => Ok(format!("{moment}Z").into()),
            Value::Text(text) if text.len() == 19 => {
                Ok(format!("{}Z", text.replace(' ', "T")).into())
            }
            other => plain(other),
        },
        Key::Standard(_) => plain(value),
    }
}

fn plain(value: &Value) -> Result<Json, Failure> {
    sbk_wire::from_value(value.clone()).map_err(|_| {
        let text = format!("a {} is no value to look for", python::class(value));
        Failure::invalid(&text)
    })
}

/// The names of all files at a path or below it.
fn below(path: &DirPath) -> Json {
    let mut pattern = String::with_capacity(path.prefix().len() + 2);
    for c in path.prefix().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    json!({ "lfn": { "like": format!("{pattern}/%") } })
}

/// The dictionary of a dataset as a query of the bookkeeping. Keys that are no fields are passed
/// over, as DIRAC does.
///
/// # Errors
/// When it is no dictionary, or one of its conditions is none.
pub fn query_text(schema: &Schema, query: &Value) -> Result<String, Failure> {
    as_text(schema, query, false)
}

/// A dictionary, in which there may be a path, as a query of the bookkeeping.
pub fn as_text(schema: &Schema, query: &Value, strict: bool) -> Result<String, Failure> {
    let Value::Dict(entries) = query else {
        return Err(Failure::invalid("the query is not a dictionary"));
    };
    let (query, path) = without_path(entries);
    let path = path.text().filter(|path| !path.is_empty()).unwrap_or("/");
    let path: DirPath =
        path.parse().map_err(|_| Failure::plain(format!("Directory {path} not found")))?;
    let conditions = read(schema, &query, strict)?;
    let filter = match all(conditions, &path) {
        Some(conditions) => json!({ "$and": conditions }),
        None => nothing("lfn"),
    };
    text_of(&filter)
}

/// All that is asked of files at a path or below it; nothing where nothing is asked for.
fn all(conditions: Conditions, path: &DirPath) -> Option<Vec<Json>> {
    if conditions.is_empty() && path.is_root() {
        return None;
    }
    let mut all = conditions.files;
    all.extend(conditions.directories);
    if !path.is_root() {
        all.push(below(path));
    }
    Some(all)
}

/// What a query finds.
enum Found {
    /// Nothing is asked for, which finds nothing.
    Nothing,
    /// Files that match.
    Files(Selection),
}

impl Call<'_> {
    /// The path of a query, which has to be there.
    async fn query_path(&self, path: &Value) -> Result<DirPath, Failure> {
        let text = path.text().unwrap_or_default();
        let text = if text.is_empty() { "/" } else { text };
        let absent = || Failure::plain(format!("Directory {text} not found"));
        let wanted: DirPath = text.parse().map_err(|_| absent())?;
        if !wanted.is_root() && self.directories([wanted.clone()]).await?.is_empty() {
            return Err(absent());
        }
        Ok(wanted)
    }

    async fn conditions(&self, query: &Value) -> Result<Conditions, Failure> {
        let schema = self.schema().await?;
        let query = self.expanded(&schema, query).await?;
        let conditions = read(&schema, &query, self.settings().strict_metadata)?;
        for names in conditions.elements.chunks(1000) {
            let known = self.ask(FindStorageElements { names: names.to_vec() }).await?;
            if let Some(missing) = known.missing.first() {
                return Err(Failure::plain(format!("Unknown SE {missing}")));
            }
        }
        Ok(conditions)
    }

    /// What a query asks of files; nothing at all where it asks for nothing, which finds nothing.
    pub async fn wanted(&self, query: &Value, path: &Value) -> Result<Option<Vec<Json>>, Failure> {
        let path = self.query_path(path).await?;
        Ok(all(self.conditions(query).await?, &path))
    }

    /// Goes through what a query finds in the order of the names.
    pub async fn each_sorted(
        &self,
        query: &Value,
        path: &Value,
        mut take: impl FnMut(File),
    ) -> Result<(), Failure> {
        let Some(conditions) = self.wanted(query, path).await? else { return Ok(()) };
        let order = json!([{ "field": "lfn", "descending": false }]);
        let filter = Some(json!({ "where": { "$and": conditions }, "order": order }));
        let vo = self.own_vo().cloned();
        let found = Found::Files(Selection { filter, vo, ..Selection::default() });
        let take = |file| {
            take(file);
            false
        };
        self.each_found(found, false, false, take).await
    }

    async fn find(&self, query: &Value, path: &Value) -> Result<Found, Failure> {
        let Some(mut all) = self.wanted(query, path).await? else { return Ok(Found::Nothing) };
        // Files of any state are found.
        let states: Vec<&str> = FileStatus::ALL.iter().map(|state| state.as_str()).collect();
        all.push(json!({ "status": { "in": states } }));
        let filter = Some(json!({ "$and": all }));
        let vo = self.own_vo().cloned();
        Ok(Found::Files(Selection { filter, vo, ..Selection::default() }))
    }

    /// Goes through the files of a query, until it is told that it was enough.
    async fn each_found(
        &self,
        found: Found,
        replicas: bool,
        metadata: bool,
        is_enough: impl FnMut(File) -> bool,
    ) -> Result<(), Failure> {
        let Found::Files(selection) = found else { return Ok(()) };
        let list = |page| FindFiles { selection: selection.clone(), replicas, metadata, page };
        self.each_until(list, is_enough).await
    }

    /// `findFilesByMetadata`.
    pub async fn find_files(&self, query: Value, path: Value) -> Result<Answer, Failure> {
        let found = self.find(&query, &path).await?;
        let mut lfns = Vec::new();
        self.each_found(found, false, false, |file| {
            lfns.push(Value::from(file.lfn.as_str()));
            false
        })
        .await?;
        Ok(Value::List(lfns).into())
    }

    /// `findFilesByMetadataDetailed`.
    pub async fn find_details(&self, query: Value, path: Value) -> Result<Answer, Failure> {
        let found = self.find(&query, &path).await?;
        let schema = self.schema().await?;
        let mut files = Vec::new();
        self.each_found(found, false, true, |file| {
            if self.sees_file(file.status) {
                files.push((file.lfn.to_string(), details(&schema, &file)));
            }
            false
        })
        .await?;
        Ok(Value::dict(files).into())
    }

    /// `findFilesByMetadataWeb`: a page of what is found, and how much there is in all.
    pub async fn find_page(
        &self,
        query: Value,
        path: Value,
        first: &Value,
        most: &Value,
    ) -> Result<Answer, Failure> {
        let number = |value: &Value, name: &str| match value {
            Value::Int(number) if *number >= 0 => Ok(*number),
            Value::Bool(truth) => Ok(i64::from(*truth)),
            _ => Err(Failure::invalid(&format!("{name} is not a number of files"))),
        };
        let (first, most) = (number(first, "startItem")?, number(most, "maxItems")?);
        let found = self.find(&query, &path).await?;
        let Found::Files(selection) = &found else {
            return Ok(Answer::from(Value::List(Vec::new())).with("TotalRecords", Value::Int(0)));
        };
        let counted = self.ask(CountFiles { selection: selection.clone() }).await?;
        let total = Value::Int(counted.files);
        let schema = self.schema().await?;
        let (mut at, mut files) = (0, Vec::new());
        if most > 0 {
            self.each_found(found, false, true, |file| {
                if at >= first {
                    files.push((file.lfn.to_string(), details(&schema, &file)));
                }
                at += 1;
                at >= first.saturating_add(most)
            })
            .await?;
        }
        if files.is_empty() {
            return Ok(Answer::from(Value::List(Vec::new())).with("TotalRecords", total));
        }
        Ok(Value::dict([("TotalRecords", total), ("Records", Value::dict(files))]).into())
    }

    /// `getReplicasByMetadata`.
    pub async fn find_replicas(
        &self,
        query: Value,
        path: Value,
        all: Value,
    ) -> Result<Answer, Failure> {
        let all = python::is_true(&all);
        let found = self.find(&query, &path).await?;
        let mut replicas = Vec::new();
        self.each_found(found, true, false, |file| {
            replicas.push((file.lfn.to_string(), self.pfns(&file.replicas, all)));
            false
        })
        .await?;
        let failed = Value::Dict(Vec::new());
        Ok(Value::dict([("Successful", Value::dict(replicas)), ("Failed", failed)]).into())
    }

    /// Goes through the directories of a query's conditions on directories, at a path and below it.
    async fn each_conforming(
        &self,
        conditions: Vec<Json>,
        path: &DirPath,
        metadata: bool,
        take: impl FnMut(sbk_api::DirectoryAccess),
    ) -> Result<(), Failure> {
        let filter = Some(json!({ "$and": conditions })).filter(|_| !conditions.is_empty());
        let selection = Selection { filter, vo: self.own_vo().cloned(), ..Selection::default() };
        let list = |page| QueryDirectories {
            selection: selection.clone(),
            below: Some(path.clone()).filter(|path| !path.is_root()),
            metadata,
            page,
        };
        self.each(list, take).await
    }

    /// `findDirectoriesByMetadata`: directories by their numbers.
    pub async fn find_directories(&self, query: Value, path: Value) -> Result<Answer, Failure> {
        let began = self.now();
        let path = self.query_path(&path).await?;
        let Conditions { directories, .. } = self.conditions(&query).await?;
        let mut found = Vec::new();
        if directories.is_empty() && path.is_root() {
            found.push((Value::Int(0), Value::from("All")));
        } else {
            self.each_conforming(directories, &path, false, |directory| {
                let id = Value::Int(directory_id(&directory));
                found.push((id, Value::from(directory.path.as_str())));
            })
            .await?;
            if found.is_empty() {
                found.push((Value::Int(0), Value::from("None")));
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let seconds = (self.now().micros() - began.micros()) as f64 / 1e6;
        Ok(Answer::from(Value::Dict(found)).with("QueryTime", Value::Float(seconds)))
    }

    /// `getCompatibleMetadata`: which values the fields of directories have where the conditions hold.
    pub async fn compatible(&self, query: Value, path: Value) -> Result<Answer, Failure> {
        let text = path.text().unwrap_or("/").to_owned();
        let path = self
            .query_path(&path)
            .await
            .map_err(|_| Failure::plain(format!("Path not found: {text}")))?;
        let schema = self.schema().await?;
        let Conditions { directories, .. } = self.conditions(&query).await?;
        let mut values: BTreeMap<String, Vec<Json>> = BTreeMap::new();
        self.each_conforming(directories, &path, true, |directory| {
            for (name, value) in directory.effective {
                let known = values.entry(name).or_default();
                if !known.contains(&value) {
                    known.push(value);
                }
            }
        })
        .await?;
        let shown = values.into_iter().map(|(name, values)| {
            let field = schema.field(Entity::Directory, &name).map(|field| &**field);
            let values = values.iter().map(|value| from_json(field, value)).collect();
            (name, Value::List(values))
        });
        Ok(Value::dict(shown.collect::<Vec<_>>()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::from_toml(
            "version = 1\n[[field]]\nname = \"run\"\nentity = \"directory\"\nkind = \"int\"\n\
             [[field]]\nname = \"stream\"\nentity = \"file\"\nkind = \"string\"\n",
        )
        .unwrap()
    }

    fn conditions(query: &Json) -> (Vec<Json>, Vec<Json>) {
        let query = sbk_wire::to_value(query).unwrap();
        let Conditions { directories, files, .. } = read(&schema(), &query, true).unwrap();
        (directories, files)
    }

    #[test]
    fn conditions_are_those_of_the_bookkeeping() {
        for (query, directories, files) in [
            (json!({"run": 5}), json!([{"directory.run": {"=": 5}}]), json!([])),
            (json!({"run": "5"}), json!([{"directory.run": {"=": 5}}]), json!([])),
            (json!({"run": [1, 2]}), json!([{"directory.run": {"in": [1, 2]}}]), json!([])),
            (
                json!({"run": {">": 1, "<=": 5}}),
                json!([{"directory.run": {"<=": 5}}, {"directory.run": {">": 1}}]),
                json!([]),
            ),
            (json!({"run": "Any"}), json!([{"directory.run": {"exists": true}}]), json!([])),
            (json!({"stream": "a*_"}), json!([]), json!([{"file.stream": {"like": "a%\\_"}}])),
            (
                json!({"stream": {"nin": ["a"]}, "Size": {">": 7}}),
                json!([]),
                json!([{"size": {">": 7}}, {"file.stream": {"nin": ["a"]}}]),
            ),
            (json!({"Status": "Trash"}), json!([]), json!([{"status": {"=": "bad"}}])),
        ] {
            assert_eq!(
                conditions(&query),
                (directories.as_array().unwrap().clone(), files.as_array().unwrap().clone(),),
                "{query}"
            );
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let refused = |query: Json| {
            let query = sbk_wire::to_value(&query).unwrap();
            read(&schema(), &query, true).unwrap_err().message
        };

        assert!(refused(json!({"nothing": 1})).contains("nothing is no metadata field"));
        assert!(refused(json!({"run": {">": [1]}})).contains("list of values for comparison"));
        assert!(refused(json!({"run": {"~": 1}})).contains("unknown operation ~"));
        assert!(refused(json!({"Path": "/a"})).contains("Illegal standard meta key Path"));
        let lenient = sbk_wire::to_value(&json!({"nothing": 1})).unwrap();
        assert!(read(&schema(), &lenient, false).unwrap().is_empty());
    }
}
