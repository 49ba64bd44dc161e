use std::collections::BTreeMap;

use sbk_model::{Events, Intervals, Label, PassName, Quality, Reason, RunNumber, Timestamp, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BulkResult, Page, PageArgs,
    operation::{bool_or_text, number_or_text, operations},
};

/// A run: some time of data taking under the same conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRun {
    /// Its number.
    pub run: RunNumber,
    /// The fill of the accelerator that it was taken in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<u32>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The name of its data-taking conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Label>,
    /// How many events were taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// Its luminosity sections, `[[1, 600]]`; one with the number 1 when absent, which is how an
    /// experiment without sections counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Vec<u32>>>)]
    pub sections: Option<Intervals>,
    /// How many events each trigger or stream took.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub streams: BTreeMap<String, Events>,
    /// What else is known of it: short texts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// Declares runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareRuns {
    /// The community that took them.
    pub vo: Vo,
    /// The runs, 1 to 10,000.
    pub runs: Vec<NewRun>,
    /// Whether a run that was declared otherwise is changed; it is refused when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

/// Shows a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GetRun {
    /// The community that took it.
    pub vo: Vo,
    /// Its number.
    #[serde(deserialize_with = "run")]
    pub run: RunNumber,
    /// The unit of its luminosity, `pb-1` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// Takes a number that a query string spells as text.
pub(crate) fn run<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<RunNumber, D::Error> {
    number_or_text(deserializer)?
        .ok_or_else(|| serde::de::Error::custom("give the number of a run"))
}

/// A run with its luminosity and quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// The community that took it.
    pub vo: Vo,
    /// The run.
    #[serde(flatten)]
    pub run: NewRunRecord,
    /// The unit of the luminosities.
    pub unit: String,
    /// The luminosity that the accelerator delivered in the whole run, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<f64>,
    /// The luminosity that the experiment recorded in the whole run, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<f64>,
    /// What was found of its quality, in the pass that was asked for or in all.
    pub quality: Quality,
    /// When its record was last changed.
    pub modified: Timestamp,
}

/// A run as [`NewRun`] has it; unknown keys are ignored where it is flattened.
pub type NewRunRecord = NewRun;

/// Lists runs by number.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListRuns {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only this run and those after it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number_or_text")]
    pub first: Option<u32>,
    /// Only this run and those before it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number_or_text")]
    pub last: Option<u32>,
    /// Only those of a fill.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number_or_text")]
    pub fill: Option<u32>,
    /// Only those with these data-taking conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Label>,
    /// Only those that began at this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only those that began before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only those of this quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Quality>,
    /// The processing pass whose quality is meant; that of the run in all passes when absent, or
    /// when nothing was said of the pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_pass: Option<PassName>,
    /// The unit of their luminosity, `pb-1` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A fill of the accelerator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFill {
    /// Its number.
    pub fill: u32,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What else is known of it: short texts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

/// Declares fills.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclareFills {
    /// The community whose accelerator it is.
    pub vo: Vo,
    /// The fills, 1 to 10,000.
    pub fills: Vec<NewFill>,
    /// Whether a fill that was declared otherwise is changed; it is refused when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

/// Lists fills by number.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListFills {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A fill of the accelerator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fill {
    /// Its community.
    pub vo: Vo,
    /// The fill.
    #[serde(flatten)]
    pub fill: NewFillRecord,
    /// When its record was last changed.
    pub modified: Timestamp,
}

/// A fill as [`NewFill`] has it; unknown keys are ignored where it is flattened.
pub type NewFillRecord = NewFill;

/// The luminosity of a run: section by section, or as one number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunLuminosity {
    /// The run.
    pub run: RunNumber,
    /// The section that the first value is of, 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// What was recorded in each section; null where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recorded: Vec<Option<f64>>,
    /// What was delivered in each section; as many values, or none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivered: Vec<Option<f64>>,
    /// What was recorded in the whole run, when it is not known by section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_total: Option<f64>,
    /// What was delivered in the whole run, when it is not known by section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_total: Option<f64>,
}

/// Sets the luminosity of runs, in place of what was known.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLuminosity {
    /// The community that took the runs.
    pub vo: Vo,
    /// The unit of all values, for instance `pb-1` or `/ub`.
    pub unit: String,
    /// The luminosity of 1 to 1,000 declared runs, of at most 1,000,000 sections in all.
    pub runs: Vec<RunLuminosity>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Shows what is known of the luminosity of the sections of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GetRunLuminosity {
    /// The community that took it.
    pub vo: Vo,
    /// Its number.
    #[serde(deserialize_with = "run")]
    pub run: RunNumber,
    /// The unit, `pb-1` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether the values of all sections are left out.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub totals: bool,
}

operations! {
    DeclareRuns = "declareRuns"(runs), Post "/runs", Produce, writes -> BulkResult;
    "Declares runs with their times, fills, conditions, events and sections, 1 to 10,000 a call."
    GetRun = "getRun"(run), Get "/runs/{run}", Read, reads -> RunSummary;
    "Shows a run with its luminosity and quality."
    ListRuns = "listRuns"(), Get "/runs", Read, reads -> Page<RunSummary>, each RunSummary;
    "Lists runs by number, of a fill, a time, some conditions or a quality."
    DeclareFills = "declareFills"(fills), Post "/fills", Produce, writes -> BulkResult;
    "Declares fills of the accelerator, 1 to 10,000 a call."
    ListFills = "listFills"(), Get "/fills", Read, reads -> Page<Fill>, each Fill;
    "Lists fills of the accelerator by number."
    SetLuminosity = "setLuminosity"(runs, unit), Post "/run-luminosity", Produce, writes -> BulkResult;
    "Sets the luminosity of runs, section by section or as one number."
    GetRunLuminosity = "getRunLuminosity"(run), Get "/runs/{run}/luminosity", Read, reads -> RunLuminosity;
    "Shows the luminosity of a run, section by section."
}
