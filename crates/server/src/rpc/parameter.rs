//! What a method takes.

use std::collections::HashMap;

use sbk_wire::Value;
use utoipa::openapi::{
    RefOr,
    schema::{Object, Schema, SchemaType, Type},
};

/// Schemas by name.
type Schemas = HashMap<String, RefOr<Schema>>;

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A list.
    List,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A dictionary.
    Dict,
    /// A dictionary whose keys are names, which stands for the list of them.
    Names,
    /// A whole number.
    Int,
    /// A truth value.
    Bool,
    /// A number.
    Float,
}

impl Kind {
    /// What Python calls it.
    pub fn class(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Text => "str",
            Self::Bytes => "bytes",
            Self::Dict | Self::Names => "dict",
            Self::Int => "int",
            Self::Bool => "bool",
            Self::Float => "float",
        }
    }

    fn takes(self, value: &Value) -> bool {
        match self {
            Self::List => matches!(value, Value::List(_) | Value::Tuple(_)),
            Self::Text => matches!(value, Value::Text(_) | Value::DateTime(_) | Value::Date(_)),
            Self::Bytes => matches!(value, Value::Bytes(_)),
            Self::Dict | Self::Names => matches!(value, Value::Dict(_)),
            Self::Int => matches!(value, Value::Int(_) | Value::Bool(_)),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Float => matches!(value, Value::Float(_) | Value::Int(_)),
        }
    }
}

/// One argument.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// What it may be; anything when empty.
    pub kinds: Vec<Kind>,
    /// Whether it must be given.
    pub required: bool,
    /// The texts among which there is a choice; any when empty.
    pub choices: Vec<String>,
    /// What it is for.
    pub description: String,
}

impl Parameter {
    /// Whether a value may be given for it.
    pub fn takes(&self, value: &Value) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|kind| kind.takes(value))
    }
}

/// The parameter of an argument: its name, its schema, whether it must be given.
pub fn parameter(
    (name, schema, required): (String, RefOr<Schema>, bool),
    schemas: &Schemas,
) -> Parameter {
    let (schema, own) = resolved(&schema, schemas);
    let (kinds, choices, description) = match schema {
        Some(Schema::Array(array)) => {
            (list_kinds(&name), Vec::new(), array.description.clone().unwrap_or_default())
        }
        Some(Schema::Object(object)) => {
            (kinds(object), choices(object), object.description.clone().unwrap_or_default())
        }
        _ => Default::default(),
    };
    let description = own.unwrap_or(description);
    Parameter { name, kinds, required, choices, description }
}

/// What a schema refers to, and what is said of it where it is referred to. Of alternatives the
/// first that is not `null` counts.
fn resolved<'a>(
    schema: &'a RefOr<Schema>,
    schemas: &'a Schemas,
) -> (Option<&'a Schema>, Option<String>) {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            let target = schemas.get(name).and_then(|target| resolved(target, schemas).0);
            (target, Some(reference.description.clone()).filter(|text| !text.is_empty()))
        }
        RefOr::T(Schema::OneOf(one)) => {
            let is_null = |item: &&RefOr<Schema>| {
                matches!(item, RefOr::T(Schema::Object(object))
                    if object.schema_type == SchemaType::Type(Type::Null))
            };
            let item = one.items.iter().find(|item| !is_null(item));
            let (target, text) = item.map(|item| resolved(item, schemas)).unwrap_or_default();
            (target, text.or_else(|| one.description.clone()))
        }
        RefOr::T(schema) => (Some(schema), None),
    }
}

/// What may be given for a list. Lists of things that have a name may be dictionaries.
fn list_kinds(name: &str) -> Vec<Kind> {
    match name {
        "records" | "replicas" | "elements" | "datasets" => vec![Kind::List],
        "files" | "directories" => vec![Kind::List, Kind::Text, Kind::Dict],
        _ => vec![Kind::List, Kind::Text, Kind::Names],
    }
}

fn kinds(object: &Object) -> Vec<Kind> {
    let kind = |kind: &Type| match kind {
        Type::Object => Some(Kind::Dict),
        Type::String => Some(Kind::Text),
        Type::Integer => Some(Kind::Int),
        Type::Number => Some(Kind::Float),
        Type::Boolean => Some(Kind::Bool),
        Type::Array => Some(Kind::List),
        Type::Null => None,
    };
    match &object.schema_type {
        SchemaType::Type(one) => kind(one).into_iter().collect(),
        SchemaType::Array(many) => many.iter().filter_map(kind).collect(),
        SchemaType::AnyValue => Vec::new(),
    }
}

fn choices(object: &Object) -> Vec<String> {
    let values = object.enum_values.iter().flatten();
    values.filter_map(|value| value.as_str().map(str::to_owned)).collect()
}
