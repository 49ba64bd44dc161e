//! Declared metadata fields and their rules.

use std::{collections::BTreeMap, fmt};

use sbk_model::FieldName;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{ColumnType, Kind, Problem, Unit, Value, kind::not_listed, problem::Refusal};

/// What carries metadata.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Entity {
    /// A file.
    File,
    /// A directory, whose values hold for all files below it unless a nearer directory says
    /// otherwise.
    Directory,
    /// A dataset.
    Dataset,
    /// A job.
    Job,
}

impl Entity {
    /// All entities.
    pub const ALL: &[Self] = &[Self::File, Self::Directory, Self::Dataset, Self::Job];

    /// The word that stands for the entity.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Dataset => "dataset",
            Self::Job => "job",
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field that a community declares. Only a [`Schema`](crate::Schema) makes one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Field {
    /// The name, unique among the fields of one entity.
    pub name: FieldName,
    /// What carries the field.
    pub entity: Entity,
    /// What values it has. The values of an enumeration are those of all cases together.
    pub kind: Kind,
    /// The unit of its numbers.
    pub unit: Option<Unit>,
    /// The name that people see.
    pub label: Option<String>,
    /// What it means.
    pub description: Option<String>,
    /// Whether it is searched often, and so has a column where its kind allows one.
    pub searchable: bool,
    /// Where the field may have a value at all; everywhere if absent.
    pub when: Option<Condition>,
    /// What holds wherever the field has a value.
    pub rules: Rules,
    /// What holds in addition under conditions.
    pub cases: Vec<Case>,
}

/// Rules that hold for a field under a condition.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Case {
    /// When the rules hold.
    pub when: Condition,
    /// The rules.
    pub rules: Rules,
}

/// What is demanded of a field's values. In a list, of each element.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Rules {
    /// The least value.
    pub min: Option<Value>,
    /// The greatest value.
    pub max: Option<Value>,
    /// What the whole text must match.
    pub pattern: Option<Pattern>,
    /// The most characters of a text.
    pub max_length: Option<u32>,
    /// The values of an enumeration.
    pub values: Option<Vec<String>>,
    /// Whether a value that is not among `values` is accepted.
    pub open: bool,
    /// Whether there must be a value.
    pub required: bool,
}

/// A regular expression that a whole text must match.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    regex: regex::Regex,
}

/// Which values other fields of the same entity must have; all of them must.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// By field, the canonical values of which it must have one.
    pub(crate) wanted: BTreeMap<FieldName, Vec<Json>>,
}

impl Field {
    /// The type of the field's column, if it is searchable and no list.
    ///
    /// A searchable list is searched in the document.
    pub fn promoted(&self) -> Option<ColumnType> {
        if self.searchable { self.kind.column_type() } else { None }
    }

    /// Reads a value and holds it against the rules that are always valid.
    pub fn read(&self, json: &Json) -> Result<Value, Problem> {
        self.try_read(json).map_err(|refusal| refusal.about(self.name.as_str(), json))
    }

    fn try_read(&self, json: &Json) -> Result<Value, Refusal> {
        let value = self.kind.read(json, self.unit.as_ref())?;
        self.rules.check(&value, self.unit.as_ref())?;
        Ok(value)
    }

    /// The cases whose condition holds for a canonical document.
    pub fn cases_of<'a>(
        &'a self,
        document: &'a Map<String, Json>,
    ) -> impl Iterator<Item = &'a Case> {
        self.cases.iter().filter(|case| case.when.holds(document))
    }

    /// Whether something but the value itself decides if the field is right.
    pub(crate) fn is_related(&self) -> bool {
        self.when.is_some() || self.rules.required || !self.cases.is_empty()
    }

    /// The fields that the conditions look at.
    pub(crate) fn depends_on(&self) -> impl Iterator<Item = &FieldName> {
        let cases = self.cases.iter().map(|case| &case.when);
        self.when.iter().chain(cases).flat_map(|condition| condition.wanted.keys())
    }
}

impl Rules {
    /// Holds a value, or each element of a list, against the rules.
    pub(crate) fn check(&self, value: &Value, unit: Option<&Unit>) -> Result<(), Refusal> {
        value.elements().iter().try_for_each(|element| self.check_element(element, unit))
    }

    fn check_element(&self, value: &Value, unit: Option<&Unit>) -> Result<(), Refusal> {
        let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        if let Some(min) = &self.min
            && value.compare(min).is_none_or(std::cmp::Ordering::is_lt)
        {
            return Err(format!("is less than the least value, {min}{unit}").into());
        }
        if let Some(max) = &self.max
            && value.compare(max).is_none_or(std::cmp::Ordering::is_gt)
        {
            return Err(format!("is more than the greatest value, {max}{unit}").into());
        }
        match value {
            Value::Text(text) => self.check_text(text),
            _ => Ok(()),
        }
    }

    fn check_text(&self, text: &str) -> Result<(), Refusal> {
        if let Some(max) = self.max_length
            && text.chars().count() > max as usize
        {
            return Err(format!("is longer than {max} characters").into());
        }
        if let Some(pattern) = &self.pattern
            && !pattern.matches(text)
        {
            return Err(format!("does not match the pattern {pattern}").into());
        }
        match &self.values {
            Some(values) if !self.open && !values.iter().any(|value| value == text) => {
                Err(not_listed(text, values))
            }
            _ => Ok(()),
        }
    }
}

impl Pattern {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = 1024;
    /// The most memory that a compiled pattern may take.
    const MAX_COMPILED: usize = 1 << 20;

    /// Compiles a pattern; it is anchored at both ends.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() > Self::MAX_LEN {
            return Err(format!("is longer than {} bytes", Self::MAX_LEN));
        }
        let regex = regex::RegexBuilder::new(&format!("^(?:{text})$"))
            .size_limit(Self::MAX_COMPILED)
            .build()
            .map_err(|error| format!("is not a regular expression: {error}"))?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Condition {
    /// Whether a canonical document fulfils the condition. A missing value fulfils none.
    pub fn holds(&self, document: &Map<String, Json>) -> bool {
        self.wanted.iter().all(|(field, wanted)| {
            document.get(field.as_str()).is_some_and(|value| wanted.contains(value))
        })
    }

    /// The fields that it looks at, each with the canonical values of which it must have one.
    pub fn wanted(&self) -> &BTreeMap<FieldName, Vec<Json>> {
        &self.wanted
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |json: &Json| match json {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        for (at, (field, wanted)) in self.wanted.iter().enumerate() {
            let and = if at == 0 { "" } else { " and " };
            match wanted.as_slice() {
                [one] => write!(f, "{and}{field} = {}", text(one))?,
                several => {
                    let several: Vec<String> = several.iter().map(text).collect();
                    write!(f, "{and}{field} in ({})", several.join(", "))?;
                }
            }
        }
        Ok(())
    }
}
