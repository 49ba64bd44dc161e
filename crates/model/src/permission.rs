use serde::{Deserialize, Serialize};

/// What a caller may do. Each operation names one.
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
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Look at everything but the audit trail of others.
    Read,
    /// Register and change files, replicas and directories.
    Write,
    /// Create, change and freeze datasets.
    ManageDatasets,
    /// Declare metadata fields.
    ManageSchema,
    /// Declare storage elements, verify and repair.
    Administer,
}

impl Permission {
    /// All permissions.
    pub const ALL: &[Self] =
        &[Self::Read, Self::Write, Self::ManageDatasets, Self::ManageSchema, Self::Administer];
}
