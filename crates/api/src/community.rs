use sbk_model::{Timestamp, Totals, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Outcome, Page, PageArgs, operation::operations};

/// A community (virtual organisation) with what it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Community {
    /// Its name.
    pub vo: Vo,
    /// The version of its metadata schema; 0 when it has none.
    pub schema_version: u32,
    /// When it was declared.
    pub created: Timestamp,
    /// Its files that are not retired.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Lists the communities.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCommunities {
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Declares a community.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareCommunity {
    /// Its name.
    pub vo: Vo,
}

/// What was done by a call about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// What was done.
    pub outcome: Outcome,
}

operations! {
    ListCommunities = "listCommunities"(), Get "/communities", Read, reads
        -> Page<Community>, each Community;
    "Lists the communities with their totals."
    DeclareCommunity = "declareCommunity"(vo), Put "/communities/{vo}", Administer, writes -> Done;
    "Declares a community."
}
