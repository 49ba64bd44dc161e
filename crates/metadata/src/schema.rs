//! A community's schema: its declared fields.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sbk_model::{FieldName, Vo};
use serde::{Deserialize, Serialize};

use crate::{Entity, Field, FieldSpec, assemble, spec::SchemaSpec, toml_text};

/// The fields that a community declares, under a version that grows with every change.
///
/// It is written as TOML by people and travels as JSON with the same keys:
///
/// ```toml
/// version = 1
/// vo = "superb"
///
/// [[field]]
/// name = "dg"                     # a letter, then letters, digits and _
/// entity = "dataset"              # file, directory or dataset
/// label = "Detector geometry"     # what people see
/// description = "…"
/// kind = "enum"                   # int, float, decimal, string, bool, date, datetime, enum, list
/// # of = "int"                    # of a list: the kind of its elements
/// # scale = 4                     # of a decimal number: the digits after the point
/// # unit = "GeV"                  # of numbers
/// values = ["DG_4", "DG_BaBar"]   # of an enumeration; if absent, those of all cases
/// open = true                     # accepts other values too
/// # min = 0, max = "2 TeV"        # of numbers, dates and moments
/// # pattern = "[a-z]+"            # of texts: what the whole text must match
/// # max_length = 128              # of texts, in characters
/// required = true
/// searchable = true               # gets a typed column
/// when = { session = ["fastsim", "fullsim"] }
///
/// [[field.case]]                  # rules that hold in addition under a condition
/// when = { session = "fullsim" }
/// values = ["DG_4"]
/// ```
///
/// `when` names other fields of the same entity and the value, or the values, of which each must
/// have one. The field's own `when` says where it may have a value at all; `required` demands
/// one there. The rules of every case whose `when` holds are added to the field's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "SchemaSpec<FieldSpec>", into = "SchemaSpec<FieldSpec>")]
pub struct Schema {
    version: u32,
    vo: Option<Vo>,
    fields: Vec<Arc<Field>>,
    by_name: BTreeMap<Entity, BTreeMap<String, Arc<Field>>>,
}

/// Why a schema is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The text is not TOML, or has an unknown or a missing key; the message shows the place.
    #[error("{0}")]
    Syntax(String),
    /// The schema as a whole is wrong.
    #[error("{0}")]
    Schema(String),
    /// A field is declared wrongly.
    #[error("{}field `{field}` of {entity}: {reason}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Field {
        /// The line on which the declaration begins, if the schema was written as TOML.
        line: Option<usize>,
        /// What carries the field.
        entity: Entity,
        /// The field's name.
        field: FieldName,
        /// What is wrong.
        reason: String,
    },
}

impl Schema {
    /// The most fields of one schema.
    pub const MAX_FIELDS: usize = 256;
    /// The greatest length of a schema in TOML, in bytes.
    pub const MAX_TOML: usize = 1 << 20;

    /// A schema without fields, of version 0.
    pub fn empty(vo: Option<Vo>) -> Self {
        Self { version: 0, vo, fields: Vec::new(), by_name: BTreeMap::new() }
    }

    /// Makes a schema of declared fields.
    pub fn new(version: u32, vo: Option<Vo>, fields: Vec<FieldSpec>) -> Result<Self, SchemaError> {
        let fields = fields.into_iter().map(|field| (None, field)).collect::<Vec<_>>();
        Self::build(version, vo, &fields)
    }

    /// Reads a schema from TOML.
    ///
    /// ```
    /// let schema = sbk_metadata::Schema::from_toml(r#"
    ///     version = 1
    ///
    ///     [[field]]
    ///     name = "energy"
    ///     entity = "file"
    ///     kind = "float"
    ///     unit = "GeV"
    /// "#)?;
    /// assert_eq!(schema.version(), 1);
    /// # Ok::<(), sbk_metadata::SchemaError>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, SchemaError> {
        if text.len() > Self::MAX_TOML {
            let reason = format!("the schema is longer than {} bytes", Self::MAX_TOML);
            return Err(SchemaError::Schema(reason));
        }
        let spec: SchemaSpec<toml::Spanned<FieldSpec>> =
            toml::from_str(text).map_err(|error| SchemaError::Syntax(error.to_string()))?;
        let line = |at| text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        let fields = (spec.fields.into_iter())
            .map(|field| (Some(line(field.span().start)), field.into_inner()))
            .collect::<Vec<_>>();
        Self::build(spec.version, spec.vo, &fields)
    }

    /// Writes the schema as TOML, in its canonical form.
    pub fn to_toml(&self) -> String {
        toml_text::write(self)
    }

    /// The version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The community, if the schema names it.
    pub fn vo(&self) -> Option<&Vo> {
        self.vo.as_ref()
    }

    /// The fields in the order of their declaration.
    pub fn fields(&self) -> &[Arc<Field>] {
        &self.fields
    }

    /// Finds a field of an entity.
    pub fn field(&self, entity: Entity, name: &str) -> Option<&Arc<Field>> {
        self.by_name.get(&entity)?.get(name)
    }

    /// The fields of an entity, by name.
    pub fn fields_of(&self, entity: Entity) -> impl Iterator<Item = &Arc<Field>> {
        self.by_name.get(&entity).into_iter().flat_map(BTreeMap::values)
    }

    /// Checks the declarations and makes the fields.
    fn build(
        version: u32,
        vo: Option<Vo>,
        specs: &[(Option<usize>, FieldSpec)],
    ) -> Result<Self, SchemaError> {
        if specs.len() > Self::MAX_FIELDS {
            let reason = format!("the schema has more than {} fields", Self::MAX_FIELDS);
            return Err(SchemaError::Schema(reason));
        }
        let mut kinds = assemble::Kinds::new();
        let mut names = BTreeSet::new();
        for (line, spec) in specs {
            let wrong = |reason| SchemaError::field(*line, spec, reason);
            let kind = assemble::kind_of(spec).map_err(wrong)?;
            if !names.insert((spec.entity, spec.name.as_str().to_ascii_lowercase())) {
                return Err(wrong(
                    "is declared twice, or differs only in upper and lower case".into(),
                ));
            }
            kinds.insert((spec.entity, spec.name.clone()), (kind, spec.unit.clone()));
        }
        let mut schema = Self::empty(vo);
        schema.version = version;
        for (line, spec) in specs {
            let wrong = |reason| SchemaError::field(*line, spec, reason);
            let kind = assemble::kind_of(spec).map_err(wrong)?;
            let field = Arc::new(assemble::field_of(spec, kind, &kinds).map_err(wrong)?);
            let of_entity = schema.by_name.entry(field.entity).or_default();
            of_entity.insert(field.name.to_string(), Arc::clone(&field));
            schema.fields.push(field);
        }
        Ok(schema)
    }
}

impl SchemaError {
    fn field(line: Option<usize>, spec: &FieldSpec, reason: String) -> Self {
        Self::Field { line, entity: spec.entity, field: spec.name.clone(), reason }
    }
}

impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        (self.version, &self.vo, &self.fields) == (other.version, &other.vo, &other.fields)
    }
}

impl TryFrom<SchemaSpec<FieldSpec>> for Schema {
    type Error = SchemaError;

    fn try_from(spec: SchemaSpec<FieldSpec>) -> Result<Self, SchemaError> {
        Self::new(spec.version, spec.vo, spec.fields)
    }
}

impl From<Schema> for SchemaSpec<FieldSpec> {
    fn from(schema: Schema) -> Self {
        let fields = schema.fields.iter().map(|field| FieldSpec::from(field.as_ref())).collect();
        Self { version: schema.version, vo: schema.vo, fields }
    }
}

impl utoipa::PartialSchema for Schema {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        SchemaSpec::<FieldSpec>::schema()
    }
}

impl utoipa::ToSchema for Schema {
    fn schemas(
        schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>,
    ) {
        SchemaSpec::<FieldSpec>::schemas(schemas);
    }
}
