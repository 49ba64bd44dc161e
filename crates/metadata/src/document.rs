//! Metadata documents: the values of one file, directory or dataset.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::{
    Entity, Field, Problem, Schema,
    problem::{Refusal, nearest},
};

/// The values of one entity by field, as JSON.
pub type Document = Map<String, Json>;

impl Schema {
    /// The greatest length of a canonical document as JSON text, in bytes.
    pub const MAX_DOCUMENT: usize = 64 << 10;

    /// Checks a complete document and writes each value in its canonical form.
    ///
    /// All problems are reported at once.
    pub fn canonical(&self, entity: Entity, document: &Document) -> Result<Document, Vec<Problem>> {
        self.canonical_document(entity, document, true)
    }

    /// Checks a document that may lack values, as [`Self::canonical`] checks a complete one: what
    /// is there must be right and have its place, what is required may come later.
    pub fn canonical_partial(
        &self,
        entity: Entity,
        document: &Document,
    ) -> Result<Document, Vec<Problem>> {
        self.canonical_document(entity, document, false)
    }

    fn canonical_document(
        &self,
        entity: Entity,
        document: &Document,
        complete: bool,
    ) -> Result<Document, Vec<Problem>> {
        let mut draft = Draft { complete, ..Draft::new(self, entity, Document::new()) };
        draft.check_count(document)?;
        for (name, value) in document {
            draft.set(name, value);
        }
        draft.check_related(None);
        draft.finish()
    }

    /// Applies a patch to a canonical document and gives the new one; `null` removes a value.
    ///
    /// Only the patched fields and those whose conditions look at one of them are checked, so
    /// that a value which an older schema accepted does not stand in the way of others.
    pub fn canonical_patch(
        &self,
        entity: Entity,
        current: &Document,
        patch: &Document,
    ) -> Result<Document, Vec<Problem>> {
        let mut draft = Draft::new(self, entity, current.clone());
        draft.check_count(patch)?;
        for (name, value) in patch {
            if value.is_null() {
                draft.remove(name);
            } else {
                draft.set(name, value);
            }
        }
        draft.check_related(Some(patch));
        draft.finish()
    }

    /// The problem with a name that is no field of an entity.
    pub(crate) fn unknown(&self, entity: Entity, name: &str, value: &Json) -> Problem {
        let names = self.fields_of(entity).map(|field| field.name.as_str());
        let elsewhere = Entity::ALL.iter().find(|other| self.field(**other, name).is_some());
        let reason = match elsewhere {
            Some(other) => format!("is given for a {entity}, but `{name}` is a field of a {other}"),
            None => format!("is given for `{name}`, which is no declared field of a {entity}"),
        };
        let suggestion = if elsewhere.is_some() { None } else { nearest(name, names) };
        Refusal { reason, suggestion }.about(name, value)
    }
}

/// A document while it is checked.
struct Draft<'a> {
    schema: &'a Schema,
    entity: Entity,
    document: Document,
    /// Whether what is required must be there.
    complete: bool,
    refused: BTreeSet<&'a str>,
    problems: Vec<Problem>,
}

impl<'a> Draft<'a> {
    fn new(schema: &'a Schema, entity: Entity, document: Document) -> Self {
        let (refused, problems) = (BTreeSet::new(), Vec::new());
        Self { schema, entity, document, complete: true, refused, problems }
    }

    /// Refuses a document with more values than a schema can have fields, before each is read.
    fn check_count(&self, given: &Document) -> Result<(), Vec<Problem>> {
        if given.len() <= 2 * Schema::MAX_FIELDS {
            return Ok(());
        }
        let reason = format!("the document of a {} has too many values", self.entity);
        Err(vec![Problem::field("metadata", reason)])
    }

    fn set(&mut self, name: &str, value: &Json) {
        let Some(field) = self.schema.field(self.entity, name) else {
            self.problems.push(self.schema.unknown(self.entity, name, value));
            return;
        };
        match field.read(value) {
            Ok(value) => {
                self.document.insert(name.to_owned(), value.to_json());
            }
            Err(problem) => {
                self.refused.insert(field.name.as_str());
                self.problems.push(problem);
            }
        }
    }

    fn remove(&mut self, name: &str) {
        let known = self.schema.field(self.entity, name).is_some();
        if self.document.remove(name).is_none() && !known {
            self.problems.push(self.schema.unknown(self.entity, name, &Json::Null));
        }
    }

    /// Checks what depends on other fields; with a patch, only where it changes something.
    fn check_related(&mut self, patch: Option<&Document>) {
        let schema = self.schema;
        for field in schema.fields_of(self.entity).filter(|field| field.is_related()) {
            let concerns = |name: &str| patch.is_none_or(|patch| patch.contains_key(name));
            let concerned = concerns(field.name.as_str())
                || field.depends_on().any(|name| concerns(name.as_str()));
            let refused = self.refused.contains(field.name.as_str())
                || field.depends_on().any(|name| self.refused.contains(name.as_str()));
            let there = self.complete || self.document.contains_key(field.name.as_str());
            if concerned && !refused && there {
                let found = check_field(field, &self.document);
                self.problems.extend(found);
            }
        }
    }

    fn finish(mut self) -> Result<Document, Vec<Problem>> {
        self.document.sort_keys();
        let length = serde_json::to_string(&self.document).map_or(usize::MAX, |text| text.len());
        if length > Schema::MAX_DOCUMENT {
            let most = Schema::MAX_DOCUMENT;
            let reason = format!("the document is {length} bytes long; {most} are the most");
            self.problems.push(Problem::field("metadata", reason));
        }
        if self.problems.is_empty() { Ok(self.document) } else { Err(self.problems) }
    }
}

/// Holds one field of a canonical document against the rules that look at other fields.
fn check_field(field: &Field, document: &Document) -> Option<Problem> {
    let name = field.name.as_str();
    let allowed = field.when.as_ref().is_none_or(|when| when.holds(document));
    let Some(json) = document.get(name) else {
        return if allowed { missing(field, document) } else { None };
    };
    if let (false, Some(when)) = (allowed, &field.when) {
        return Some(Refusal::from(format!("has a place only where {when}")).about(name, json));
    }
    let check = || {
        let value = field.kind.read(json, field.unit.as_ref())?;
        for case in field.cases_of(document) {
            case.rules.check(&value, field.unit.as_ref()).map_err(|refusal| Refusal {
                reason: format!("{} (where {})", refusal.reason, case.when),
                ..refusal
            })?;
        }
        Ok(())
    };
    check().err().map(|refusal: Refusal| refusal.about(name, json))
}

/// The problem with a value that is missing, if it is required.
fn missing(field: &Field, document: &Document) -> Option<Problem> {
    let case = field.cases_of(document).find(|case| case.rules.required);
    let reason = match (&field.when, field.rules.required, case) {
        (_, false, None) => return None,
        (None, true, _) => "is required".to_owned(),
        (Some(when), true, _) => format!("is required where {when}"),
        (_, false, Some(case)) => format!("is required where {}", case.when),
    };
    Some(Problem::field(field.name.as_str(), reason))
}
