//! Schemas as they are written down, before they are checked.

use std::collections::BTreeMap;

use sbk_model::{FieldName, Vo};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value as Json;

use crate::{Case, Condition, Entity, Field, Kind, Rules, Unit, Value};

/// A schema as JSON or TOML has it. `F` is a field, in TOML with its place.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaSpec<F> {
    /// Grows with every change.
    pub version: u32,
    /// The community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The fields in the order in which people see them.
    #[serde(default = "Vec::new", alias = "field")]
    pub fields: Vec<F>,
}

/// A field as JSON or TOML has it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// A letter, then letters, digits and `_`.
    pub name: FieldName,
    /// What carries the field.
    pub entity: Entity,
    /// The name that people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// What it means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What values it has.
    pub kind: KindName,
    /// Of a list: the kind of its elements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<KindName>,
    /// Of a decimal number: the digits after the point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale: Option<u8>,
    /// The unit of its numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Whether it is searched often.
    #[serde(default, skip_serializing_if = "is_false")]
    pub searchable: bool,
    /// Whether there must be a value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Of an enumeration: its values. If absent, those of all cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Of an enumeration: whether a value that is not listed is accepted.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub min: Option<Scalar>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub max: Option<Scalar>,
    /// A regular expression that the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
    /// Where the field may have a value: by the name of another field its value, or several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub when: BTreeMap<FieldName, Scalar>,
    /// Rules that hold in addition under conditions.
    #[serde(default, alias = "case", skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseSpec>,
}

/// Rules under a condition, as JSON or TOML has them.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    /// By the name of another field its value, or several.
    #[schema(value_type = BTreeMap<String, serde_json::Value>)]
    pub when: BTreeMap<FieldName, Scalar>,
    /// Whether there must be a value.
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    /// Of an enumeration: its values here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// Whether a value that is not listed is accepted here.
    #[serde(default, skip_serializing_if = "is_false")]
    pub open: bool,
    /// The least value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub min: Option<Scalar>,
    /// The greatest value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    pub max: Option<Scalar>,
    /// A regular expression that the whole text must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The most characters of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u32>,
}

/// The word for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindName {
    /// A whole number.
    Int,
    /// A floating-point number.
    Float,
    /// A decimal number.
    Decimal,
    /// A text.
    String,
    /// True or false.
    Bool,
    /// A day.
    Date,
    /// A moment.
    DateTime,
    /// One of several texts.
    Enum,
    /// Several values.
    List,
}

/// A value as written in a schema: what JSON knows, or a TOML date.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Scalar(pub Json);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        toml::Value::deserialize(deserializer).map(|value| Self(plain(value)))
    }
}

/// Turns a TOML value into JSON; a date becomes its text.
fn plain(value: toml::Value) -> Json {
    match value {
        toml::Value::String(text) => Json::String(text),
        toml::Value::Integer(number) => Json::from(number),
        toml::Value::Float(number) => Json::from(number),
        toml::Value::Boolean(truth) => Json::Bool(truth),
        toml::Value::Datetime(moment) => Json::String(moment.to_string()),
        toml::Value::Array(values) => values.into_iter().map(plain).collect(),
        toml::Value::Table(table) => {
            Json::Object(table.into_iter().map(|(key, value)| (key, plain(value))).collect())
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(truth: &bool) -> bool {
    !truth
}

/// Writes a value as a schema writes it.
fn scalar(value: &Value) -> Scalar {
    Scalar(value.to_json())
}

/// Writes a condition: one value as itself, several as a list.
fn condition(condition: &Condition) -> BTreeMap<FieldName, Scalar> {
    let write = |wanted: &Vec<Json>| match wanted.as_slice() {
        [one] => Scalar(one.clone()),
        several => Scalar(Json::Array(several.to_vec())),
    };
    condition.wanted.iter().map(|(name, wanted)| (name.clone(), write(wanted))).collect()
}

impl FieldSpec {
    /// A field without rules that cannot be searched.
    pub fn new(name: FieldName, entity: Entity, kind: KindName) -> Self {
        Self {
            name,
            entity,
            label: None,
            description: None,
            kind,
            of: None,
            scale: None,
            unit: None,
            searchable: false,
            required: false,
            values: None,
            open: false,
            min: None,
            max: None,
            pattern: None,
            max_length: None,
            when: BTreeMap::new(),
            cases: Vec::new(),
        }
    }
}

impl From<&Field> for FieldSpec {
    fn from(field: &Field) -> Self {
        let Rules { min, max, pattern, max_length, values, open, required } = &field.rules;
        Self {
            name: field.name.clone(),
            entity: field.entity,
            label: field.label.clone(),
            description: field.description.clone(),
            kind: KindName::of(&field.kind),
            of: match &field.kind {
                Kind::List(element) => Some(KindName::of(element)),
                _ => None,
            },
            scale: match field.kind.element() {
                Kind::Decimal { scale } => Some(*scale),
                _ => None,
            },
            unit: field.unit.clone(),
            searchable: field.searchable,
            required: *required,
            values: values.clone(),
            open: *open,
            min: min.as_ref().map(scalar),
            max: max.as_ref().map(scalar),
            pattern: pattern.as_ref().map(ToString::to_string),
            max_length: *max_length,
            when: field.when.as_ref().map(condition).unwrap_or_default(),
            cases: field.cases.iter().map(CaseSpec::from).collect(),
        }
    }
}

impl From<&Case> for CaseSpec {
    fn from(case: &Case) -> Self {
        let Rules { min, max, pattern, max_length, values, open, required } = &case.rules;
        Self {
            when: condition(&case.when),
            required: *required,
            values: values.clone(),
            open: *open,
            min: min.as_ref().map(scalar),
            max: max.as_ref().map(scalar),
            pattern: pattern.as_ref().map(ToString::to_string),
            max_length: *max_length,
        }
    }
}

impl KindName {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Float => "float",
            Self::Decimal => "decimal",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Enum => "enum",
            Self::List => "list",
        }
    }

    /// The word for a kind.
    pub fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Int => Self::Int,
            Kind::Float => Self::Float,
            Kind::Decimal { .. } => Self::Decimal,
            Kind::String => Self::String,
            Kind::Bool => Self::Bool,
            Kind::Date => Self::Date,
            Kind::DateTime => Self::DateTime,
            Kind::Enum { .. } => Self::Enum,
            Kind::List(_) => Self::List,
        }
    }
}
