use sbk_model::{Reason, Timestamp, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Page, PageArgs, operation::bool_or_text, operation::operations};

/// The metadata fields that a community declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaDocument {
    /// The community.
    pub vo: Vo,
    /// The version in force; 0 when none was applied.
    pub version: u32,
    /// The declarations as a TOML text.
    pub toml: String,
    /// When this version was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<Timestamp>,
    /// Who applied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
}

/// Shows the schema of a community.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSchema {
    /// The community.
    pub vo: Vo,
}

/// Lists the versions of a community's schema, the newest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListSchemaVersions {
    /// The community.
    pub vo: Vo,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Applies a schema.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplySchema {
    /// The community.
    pub vo: Vo,
    /// The declarations as a TOML text.
    pub toml: String,
    /// Only say what would change.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub dry_run: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// One change between two versions of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaChange {
    /// The entity that the field belongs to.
    pub entity: String,
    /// The field.
    pub field: String,
    /// What changes, for people.
    pub description: String,
    /// How many values were checked against the new declaration.
    pub values: u64,
    /// How many of them would be lost: do not convert, or belong to a field that goes.
    pub lost: u64,
}

/// What applying a schema does, or would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SchemaPlan {
    /// The version in force before.
    pub from: u32,
    /// The new version.
    pub to: u32,
    /// Whether it was applied.
    pub applied: bool,
    /// The changes.
    pub changes: Vec<SchemaChange>,
    /// Fields that wait for `promoteFields` to fill their columns.
    pub to_promote: u64,
}

/// Goes on with filling and indexing the columns of searchable fields.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoteFields {
    /// The most entities to fill in this call, 1 to 100,000; 10,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// How far the columns of searchable fields are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Promotion {
    /// Whether every searchable field has its column and index.
    pub done: bool,
    /// How many entities this call filled.
    pub filled: u64,
    /// The field that is worked on, as `entity.field`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

operations! {
    GetSchema = "getSchema"(), Get "/schema/{vo}", Read, reads -> SchemaDocument;
    "Shows the metadata fields that a community declares."
    ListSchemaVersions = "listSchemaVersions"(), Get "/schema/{vo}/versions", Read, reads
        -> Page<SchemaDocument>, each SchemaDocument;
    "Lists the versions of a community's schema, the newest first."
    ApplySchema = "applySchema"(toml), Post "/schema/{vo}", ManageSchema, writes -> SchemaPlan;
    "Applies a community's metadata schema, or says what that would change; loses no value."
    PromoteFields = "promoteFields"(), Post "/schema-promotion", ManageSchema, writes -> Promotion;
    "Goes on with filling and indexing the columns of searchable fields, in bounded steps."
}
