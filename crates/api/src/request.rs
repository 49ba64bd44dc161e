use sbk_model::{
    CampaignName, DatasetName, Events, Label, Priority, ProductionKind, ProductionName,
    ProductionState, Reason, RequestName, RequestState, Timestamp, UserName, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Atomicity, BulkResult, Dataset, Done, Metadata, NewProduction, Outcome, Page, PageArgs,
    ProductionProgress, operation::bool_or_text, operation::operations,
};

/// What a physicist asks for. A draft may lack anything; a request that is submitted names its
/// events, and has all parameters that the community requires of a dataset.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// What happens in the events, for instance `B0B0bar_generic`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<Label>,
    /// What generates the events. Where the community declares a dataset field of the name, this
    /// is that field; so with `event_type`, `conditions` and `release`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator: Option<Label>,
    /// How many events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// The simulation conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Label>,
    /// The release of the software.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Label>,
    /// How urgent it is, 0 to 9; 5 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// When it is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Timestamp>,
    /// What else should be known, at most 4,096 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The campaign that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignName>,
    /// Values of the fields that the community declared for datasets: those that the datasets of
    /// the sample shall have.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: Metadata,
}

/// A request to write.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct NewRequest {
    /// Its name, unique within its community; made from the sample and the requester when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<RequestName>,
    /// Whether it is a template: never submitted, only cloned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub template: bool,
    /// What is asked for.
    #[serde(flatten)]
    pub sample: Sample,
}

/// The members of [`NewRequest`] that are not [`Sample`]'s.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Heading {
    name: Option<RequestName>,
    template: bool,
}

// Not derived, since a flattened part would let unknown keys pass.
impl<'de> Deserialize<'de> for NewRequest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;

        let mut sample = Metadata::deserialize(deserializer)?;
        let of_heading = |name: &str| Some((name.to_owned(), sample.remove(name)?));
        let heading: Metadata = ["name", "template"].into_iter().filter_map(of_heading).collect();
        let Heading { name, template } =
            serde_json::from_value(heading.into()).map_err(D::Error::custom)?;
        let sample = serde_json::from_value(sample.into()).map_err(D::Error::custom)?;
        Ok(Self { name, template, sample })
    }
}

/// Writes requests as drafts, or templates.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddRequests {
    /// The community that they belong to.
    pub vo: Vo,
    /// The requests, 1 to 1,000.
    pub requests: Vec<NewRequest>,
    /// What happens to the rest when one is refused.
    #[serde(default)]
    pub atomicity: Atomicity,
}

/// A part of a request that can be taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RequestField {
    /// The type of the events.
    EventType,
    /// The generator.
    Generator,
    /// The number of events.
    Events,
    /// The simulation conditions.
    Conditions,
    /// The release of the software.
    Release,
    /// When it is needed.
    Deadline,
    /// The comment.
    Comment,
    /// The campaign.
    Campaign,
}

impl RequestField {
    /// All parts.
    pub const ALL: &[Self] = &[
        Self::EventType,
        Self::Generator,
        Self::Events,
        Self::Conditions,
        Self::Release,
        Self::Deadline,
        Self::Comment,
        Self::Campaign,
    ];

    /// Its name, as it is written in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventType => "event_type",
            Self::Generator => "generator",
            Self::Events => "events",
            Self::Conditions => "conditions",
            Self::Release => "release",
            Self::Deadline => "deadline",
            Self::Comment => "comment",
            Self::Campaign => "campaign",
        }
    }
}

/// Edits a draft or a template; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    /// The request.
    pub name: RequestName,
    /// Its community; needed when several have a request of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// What is asked for instead; of the parameters, `null` removes a value.
    #[serde(default)]
    pub changes: Sample,
    /// What is taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<RequestField>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Moves a request to another state.
///
/// The requester submits a draft, and makes it a draft again when it was submitted or rejected;
/// who manages productions accepts or rejects it, makes it active, and done; both cancel it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRequestState {
    /// The request.
    pub name: RequestName,
    /// Its community; needed when several have a request of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The new state.
    pub state: RequestState,
    /// Why; needed to reject, to cancel, and to call a request done that lacks events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Writes a new draft like a request or a template, with changes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneRequest {
    /// The request or template.
    pub name: RequestName,
    /// Its community; needed when several have a request of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The name of the new one; made from the sample and the requester when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_name: Option<RequestName>,
    /// Whether the new one is a template.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub template: bool,
    /// What differs; of the parameters, `null` removes a value.
    #[serde(default)]
    pub changes: Sample,
    /// What is taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<RequestField>,
}

/// What became of a clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Cloned {
    /// The name of the new request.
    pub name: RequestName,
    /// Whether it is new, or was there as asked for.
    pub outcome: Outcome,
}

/// Shows a request with its history, and what came of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetRequest {
    /// The name.
    pub name: RequestName,
    /// Its community; needed when several have a request of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// A request in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestSummary {
    /// Its name.
    pub name: RequestName,
    /// Its community.
    pub vo: Vo,
    /// Who asked for it.
    pub requester: UserName,
    /// How far it is.
    pub state: RequestState,
    /// Whether it is a template.
    pub template: bool,
    /// When it was written.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// The request or template that it was cloned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloned_from: Option<RequestName>,
    /// What is asked for.
    #[serde(flatten)]
    pub sample: Sample,
}

/// How far the productions of a request, or of a campaign, are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SampleProgress {
    /// How many events are asked for.
    pub wanted: i64,
    /// How many events were made.
    pub made: i64,
    /// How many events the tasks that are handed out or run will make.
    pub in_flight: i64,
}

impl SampleProgress {
    /// How many events are missing for which no task is on its way.
    pub fn missing(&self) -> i64 {
        (self.wanted - self.made - self.in_flight).max(0)
    }
}

/// A production that serves a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestProduction {
    /// The production.
    pub name: ProductionName,
    /// What it does.
    pub kind: ProductionKind,
    /// Its state.
    pub state: ProductionState,
    /// Whether its events count for the request: of a request for which some productions make
    /// events, those that work on files of others do not.
    pub counts: bool,
    /// How far it is.
    pub progress: ProductionProgress,
}

/// Splits a request that is accepted or active into productions: creates some, takes in others that
/// are there. An accepted request becomes active. To repeat a call changes nothing.
///
/// A dataset that the outputs of a new production name, and that is not there, is made: official,
/// with the parameters of the request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitRequest {
    /// The request.
    pub name: RequestName,
    /// Its community; needed when several have a request of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The productions to create, at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub productions: Vec<NewProduction>,
    /// Productions that are there and serve no other request, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attach: Vec<ProductionName>,
    /// Productions that serve it no longer, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detach: Vec<ProductionName>,
}

/// What splitting a request did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Split {
    /// The productions that are new.
    pub created: Vec<ProductionName>,
    /// The productions that serve it, and did not before.
    pub attached: Vec<ProductionName>,
    /// The productions that serve it no longer.
    pub detached: Vec<ProductionName>,
    /// The datasets that were made.
    pub datasets: Vec<DatasetName>,
    /// How many events the productions of the request are to make.
    pub planned: i64,
    /// What is probably not meant: too few or too many events, seeds that are used twice.
    pub warnings: Vec<String>,
}

/// A request with its history, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// What is asked for, by whom, and how far it is.
    #[serde(flatten)]
    pub summary: RequestSummary,
    /// How far it is.
    pub progress: SampleProgress,
    /// The productions that serve it.
    pub productions: Vec<RequestProduction>,
    /// The datasets that their outputs join.
    pub datasets: Vec<Dataset>,
    /// Its last 100 changes, the oldest first; `listRequestHistory` has all.
    pub history: Vec<RequestChange>,
}

/// A change of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestChange {
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: UserName,
    /// The state before; absent when the request was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<RequestState>,
    /// The state after.
    pub to: RequestState,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was edited: by name what stands there since, `null` for nothing.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub edits: Metadata,
}

/// Lists the changes of a request, the oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListRequestHistory {
    /// The request.
    pub name: RequestName,
    /// Its community; needed when several have a request of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Lists requests in the order in which they were written.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListRequests {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those in a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RequestState>,
    /// Only those of a requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<UserName>,
    /// Only those of a campaign; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignName>,
    /// Only those for a type of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<Label>,
    /// Templates in place of requests.
    #[serde(
        default,
        skip_serializing_if = "std::ops::Not::not",
        deserialize_with = "bool_or_text"
    )]
    pub templates: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

operations! {
    AddRequests = "addRequests"(requests), Post "/requests", Write, writes -> BulkResult;
    "Writes requests for samples as drafts, or templates, 1 to 1,000 a call."
    ChangeRequest = "changeRequest"(name, changes), Patch "/requests/{name}", Write, writes -> Done;
    "Edits a request that is a draft, or a template."
    SetRequestState = "setRequestState"(name, state), Post "/requests/{name}/state", Write, writes -> Done;
    "Submits, accepts, rejects, activates, finishes or cancels a request, or takes it back."
    SplitRequest = "splitRequest"(name, productions), Post "/requests/{name}/productions", Produce, writes
        -> Split;
    "Splits a request into productions: creates some, takes in others, makes their datasets."
    CloneRequest = "cloneRequest"(name), Post "/requests/{name}/clone", Write, writes -> Cloned;
    "Writes a new draft like a request or a template, with changes."
    GetRequest = "getRequest"(name), Get "/requests/{name}", Read, reads -> Request;
    "Shows a request with its history, its productions, its progress and the datasets that came out."
    ListRequests = "listRequests"(), Get "/requests", Read, reads
        -> Page<RequestSummary>, each RequestSummary;
    "Lists requests by state, requester, campaign and type of events, or templates."
    ListRequestHistory = "listRequestHistory"(name), Get "/requests/{name}/history", Read, reads
        -> Page<RequestChange>, each RequestChange;
    "Lists the changes of a request: who, when, from and to which state, and why."
}
