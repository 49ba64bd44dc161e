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
    /// Register and change one's own files, replicas, directories and datasets.
    Write,
    /// Write official data: register and change files and datasets that are nobody's own.
    Produce,
    /// Create, change and freeze official datasets.
    ManageDatasets,
    /// Declare metadata fields.
    ManageSchema,
    /// See and change the data of every community, not only one's own.
    AllCommunities,
    /// Declare storage elements, verify and repair.
    Administer,
}

impl Permission {
    /// All permissions.
    pub const ALL: &[Self] = &[
        Self::Read,
        Self::Write,
        Self::Produce,
        Self::ManageDatasets,
        Self::ManageSchema,
        Self::AllCommunities,
        Self::Administer,
    ];

    /// Its name, as it is written in every interface and in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Produce => "produce",
            Self::ManageDatasets => "manage_datasets",
            Self::ManageSchema => "manage_schema",
            Self::AllCommunities => "all_communities",
            Self::Administer => "administer",
        }
    }
}
