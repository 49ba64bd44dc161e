use sbk_model::{CampaignName, Reason, RequestName, RequestState, Timestamp, Totals, UserName, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Atomicity, BulkResult, Done, Page, PageArgs, SampleProgress, operation::bool_or_text,
    operation::operations,
};

/// A campaign to declare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCampaign {
    /// Its name, unique within its community.
    pub name: CampaignName,
    /// What it is for, at most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Declares campaigns (production series).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCampaigns {
    /// The community that they belong to.
    pub vo: Vo,
    /// The campaigns, 1 to 1,000.
    pub campaigns: Vec<NewCampaign>,
    /// What happens to the rest when one is refused.
    #[serde(default)]
    pub atomicity: Atomicity,
}

/// Describes, closes or opens a campaign; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCampaign {
    /// The campaign.
    pub name: CampaignName,
    /// Its community; needed when several have a campaign of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it takes no more requests. Those that it has go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Puts requests into a campaign, or takes them out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignRequests {
    /// The campaign.
    pub name: CampaignName,
    /// Its community; needed when several have a campaign of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The requests, 1 to 1,000.
    pub requests: Vec<RequestName>,
    /// Takes them out of the campaign.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Shows a campaign with the sums over its requests.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCampaign {
    /// The name.
    pub name: CampaignName,
    /// Its community; needed when several have a campaign of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// How many requests are in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RequestCount {
    /// The state.
    pub state: RequestState,
    /// How many requests.
    pub requests: i64,
    /// How many events they ask for.
    pub events: i64,
}

/// A campaign in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CampaignSummary {
    /// Its name.
    pub name: CampaignName,
    /// Its community.
    pub vo: Vo,
    /// Who declared it.
    pub owner: UserName,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it takes no more requests.
    pub closed: bool,
    /// When it was declared.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Its requests by state.
    pub requests: Vec<RequestCount>,
}

/// A campaign with the sums over its requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Campaign {
    /// What it is, and its requests by state.
    #[serde(flatten)]
    pub summary: CampaignSummary,
    /// The events of the requests that are accepted, active or done.
    pub progress: SampleProgress,
    /// How many productions serve them.
    pub productions: i64,
    /// How many datasets the outputs of these join.
    pub datasets: i64,
    /// The files of these datasets.
    pub totals: Totals,
}

/// Lists campaigns in the order of their names.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListCampaigns {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those that take requests.
    #[serde(
        default,
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "bool_or_text"
    )]
    pub open: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

operations! {
    AddCampaigns = "addCampaigns"(campaigns), Post "/campaigns", Produce, writes -> BulkResult;
    "Declares campaigns (production series), 1 to 1,000 a call."
    ChangeCampaign = "changeCampaign"(name), Patch "/campaigns/{name}", Produce, writes -> Done;
    "Describes, closes or opens a campaign."
    AssignRequests = "assignRequests"(name, requests), Post "/campaigns/{name}/requests", Produce, writes
        -> BulkResult;
    "Puts requests into a campaign, or takes them out."
    GetCampaign = "getCampaign"(name), Get "/campaigns/{name}", Read, reads -> Campaign;
    "Shows a campaign with the sums over its requests: events, productions, datasets."
    ListCampaigns = "listCampaigns"(), Get "/campaigns", Read, reads
        -> Page<CampaignSummary>, each CampaignSummary;
    "Lists campaigns with their requests by state."
}
