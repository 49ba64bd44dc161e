//! Metadata sets: values that are looked for together, under a name.

use std::collections::BTreeMap;

use sbk_api::{DeclareMetadataSets, ListMetadataSets, MetadataSet, Outcome};
use sbk_metadata::{Entity, Schema};
use sbk_model::Label;
use sbk_wire::Value;

use super::{call::Call, fields::is_set};
use crate::{Answer, Failure, python};

/// How deep sets may be in sets.
const MAX_DEPTH: usize = 16;

impl Call<'_> {
    /// `addMetadataSet`: the number of its values. A set never changes.
    pub async fn add_set(&self, name: Value, values: Value) -> Result<Answer, Failure> {
        let schema = self.schema().await?;
        let given = name.text().unwrap_or_default();
        let Value::Dict(entries) = values else {
            return Err(Failure::invalid("the values are not a dictionary"));
        };
        if entries.is_empty() {
            return Ok(Value::Null.into());
        }
        let mut values = BTreeMap::new();
        for (key, value) in &entries {
            let key = python::string(key);
            check_key(&schema, &key)?;
            values.insert(key, python::string(value).into());
        }
        let name: Label = given
            .parse()
            .map_err(|_| Failure::plain(format!("Invalid metadata set name: {given}")))?;
        let number = i64::try_from(values.len()).unwrap_or(i64::MAX);
        let (vo, sets) =
            (self.community().await?, vec![MetadataSet { name, values, description: None }]);
        let declared =
            self.ask(DeclareMetadataSets { vo, sets, replace: false, reason: None }).await?;
        match declared.results.first().map(|item| item.outcome) {
            Some(Outcome::Added) => Ok(Value::Int(number).into()),
            _ => Err(Failure::plain(format!("The metadata set {given} exists already"))),
        }
    }

    /// `getMetadataSet`: its values, which are texts; on request with those of the sets that it names.
    pub async fn metadata_set(&self, name: Value, expand: Value) -> Result<Answer, Failure> {
        let schema = self.schema().await?;
        let name = name.text().unwrap_or_default();
        let found = self.values_of(&schema, name, python::is_true(&expand)).await?;
        let values = found.into_iter().map(|(key, value)| (key, Value::Text(value)));
        Ok(Value::dict(values.collect::<Vec<_>>()).into())
    }

    /// The values of a set; of one that is not there, none.
    async fn values_of(
        &self,
        schema: &Schema,
        name: &str,
        expand: bool,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let mut values = BTreeMap::new();
        let mut open = vec![(name.to_owned(), 0)];
        while let Some((name, depth)) = open.pop() {
            if depth > MAX_DEPTH {
                let text = format!("the metadata set {name} is in itself, or too deep in others");
                return Err(Failure::plain(text));
            }
            for (key, value) in self.stored_set(&name).await? {
                check_key(schema, &key)?;
                let field = schema.field(Entity::Directory, &key);
                if expand && field.is_some_and(|field| is_set(field)) {
                    open.push((value, depth + 1));
                } else {
                    values.insert(key, value);
                }
            }
        }
        Ok(values)
    }

    async fn stored_set(&self, name: &str) -> Result<Vec<(String, String)>, Failure> {
        let Some(vo) = self.own_vo() else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        let list = |page| ListMetadataSets {
            vo: Some(vo.clone()),
            prefix: Some(name.to_owned()),
            site: None,
            page,
        };
        self.each_until(list, |set| {
            let is_it = set.defined.name.as_str() == name;
            if is_it {
                let stored = set.defined.values.into_iter();
                values.extend(stored.map(|(key, value)| (key, text(&value))));
            }
            // Names come in their order, and that of the prefix itself is the first.
            true
        })
        .await?;
        Ok(values)
    }

    /// A query in whose place of metadata sets their values are.
    pub async fn expanded(&self, schema: &Schema, query: &Value) -> Result<Value, Failure> {
        let Value::Dict(entries) = query else { return Ok(query.clone()) };
        let names_set = |key: &Value| {
            let field = key.text().and_then(|key| schema.field(Entity::Directory, key));
            field.is_some_and(|field| is_set(field))
        };
        let mut expanded = Vec::with_capacity(entries.len());
        for (key, condition) in entries {
            match condition.text().filter(|_| names_set(key)) {
                Some(name) => {
                    let values = self.values_of(schema, name, true).await?;
                    let values = values.into_iter();
                    expanded
                        .extend(values.map(|(key, value)| (Value::Text(key), Value::Text(value))));
                }
                None => expanded.push((key.clone(), condition.clone())),
            }
        }
        Ok(Value::Dict(expanded))
    }
}

fn check_key(schema: &Schema, key: &str) -> Result<(), Failure> {
    match schema.field(Entity::Directory, key) {
        Some(_) => Ok(()),
        None => Err(Failure::plain(format!("Unknown key {key}"))),
    }
}

/// A stored value as DIRAC has it: a text.
fn text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
