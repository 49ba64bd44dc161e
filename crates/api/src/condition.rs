use std::collections::BTreeMap;

use sbk_model::{Application, DirPath, Label, Reason, SiteName, Timestamp, Vo};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

use crate::{BulkResult, Page, PageArgs, operation::operations};

/// A type of events, for instance `90000000` or `B0B0bar_generic`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventType {
    /// Its number or name, unique within the community.
    pub name: Label,
    /// What it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What else is known of it, for instance its decay in a generator's language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, serde_json::Value>,
}

/// Whether data was taken or simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionsKind {
    /// Of taking data: beam energy, magnet, detectors that were on.
    DataTaking,
    /// Of simulating: geometry, generator, pile-up.
    Simulation,
}

impl ConditionsKind {
    /// Its name, as it is written in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DataTaking => "data_taking",
            Self::Simulation => "simulation",
        }
    }
}

impl std::fmt::Display for ConditionsKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for ConditionsKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::DataTaking, Self::Simulation]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("{text:?} is neither data_taking nor simulation"))
    }
}

/// Conditions under which data was taken or simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Their name, unique within the community.
    pub name: Label,
    /// Whether of data taking or of simulation.
    pub kind: ConditionsKind,
    /// What they are, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What they consist of: values by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Object)]
    pub parameters: BTreeMap<String, serde_json::Value>,
}

/// A release of a program.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The program.
    pub application: Application,
    /// The version.
    pub version: Label,
    /// The platform that it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Label>,
}

/// A release of a program, and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Software {
    /// The program.
    pub application: Application,
    /// The version.
    pub version: Label,
    /// The platform that it was built for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Label>,
    /// What it is, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it must not be used any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
}

/// A set of frames that simulated events are mixed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackgroundFrames {
    /// The production series that they are for.
    pub series: Label,
    /// The directory that they are in.
    pub directory: DirPath,
    /// Whether they can be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub valid: bool,
    /// When it was found that they can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated: Option<Timestamp>,
    /// What they are, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Values of metadata that are looked for together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataSet {
    /// Its name, unique within the community.
    pub name: Label,
    /// The values by field; all of them are looked for.
    #[schema(value_type = Object)]
    pub values: BTreeMap<String, serde_json::Value>,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A site where something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The site.
    pub site: SiteName,
    /// The kind of activity that it is there for, for instance `fastsim`; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Label>,
}

/// Something that a community declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Defined<T: ToSchema> {
    /// The community.
    pub vo: Vo,
    /// What is declared.
    #[serde(flatten)]
    pub defined: T,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// When it was declared.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
}

/// Something that communities declare by name.
pub trait Definable: Clone + PartialEq + Serialize + DeserializeOwned + ToSchema {
    /// What names it within its community.
    fn name(&self) -> String;
}

impl Definable for EventType {
    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl Definable for Conditions {
    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl Definable for MetadataSet {
    fn name(&self) -> String {
        self.name.to_string()
    }
}

impl Definable for Software {
    fn name(&self) -> String {
        let (application, version) = (self.application.clone(), self.version.clone());
        Release { application, version, platform: self.platform.clone() }.name()
    }
}

impl Definable for BackgroundFrames {
    fn name(&self) -> String {
        FramesName { series: self.series.clone(), directory: self.directory.clone() }.name()
    }
}

impl Release {
    /// Application, version and platform with a space between them.
    pub fn name(&self) -> String {
        let platform = self.platform.as_ref().map(|platform| format!(" {platform}"));
        format!("{} {}{}", self.application, self.version, platform.unwrap_or_default())
    }
}

impl FramesName {
    /// Series and directory with a space between them.
    pub fn name(&self) -> String {
        format!("{} {}", self.series, self.directory)
    }
}

macro_rules! declaring {
    ($(
        $(#[$doc:meta])* $declare:ident, $items:ident: $item:ty;
        $(#[$list_doc:meta])* $list:ident;
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $declare {
            /// The community.
            pub vo: Vo,
            /// What to declare, 1 to 1,000.
            pub $items: Vec<$item>,
            /// Whether what was declared otherwise is changed; it is refused when not.
            #[serde(default, skip_serializing_if = "std::ops::Not::not")]
            pub replace: bool,
            /// Why.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub reason: Option<Reason>,
        }

        $(#[$list_doc])*
        #[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
        pub struct $list {
            /// Only those of a community.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub vo: Option<Vo>,
            /// Only those whose name begins so.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub prefix: Option<String>,
            /// Only those at a site.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub site: Option<SiteName>,
            /// Which page.
            #[serde(flatten)]
            pub page: PageArgs,
        }
    )*};
}

declaring! {
    /// Declares types of events.
    DeclareEventTypes, event_types: EventType;
    /// Lists types of events by name.
    ListEventTypes;
    /// Declares conditions of data taking or simulation.
    DeclareConditions, conditions: Conditions;
    /// Lists conditions by name.
    ListConditions;
    /// Declares releases of programs.
    DeclareSoftware, software: Software;
    /// Lists releases of programs: by application, version and platform.
    ListSoftware;
    /// Declares sets of background frames.
    DeclareBackgroundFrames, frames: BackgroundFrames;
    /// Lists sets of background frames: by series and directory.
    ListBackgroundFrames;
    /// Declares sets of metadata.
    DeclareMetadataSets, sets: MetadataSet;
    /// Lists sets of metadata by name.
    ListMetadataSets;
}

/// Says where releases are installed, or are not any more.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetInstalled {
    /// The community.
    pub vo: Vo,
    /// The declared releases, 1 to 1,000.
    pub releases: Vec<Release>,
    /// Where, 1 to 1,000.
    pub places: Vec<Place>,
    /// Whether they are not there any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// A set of background frames by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FramesName {
    /// The production series that they are for.
    pub series: Label,
    /// The directory that they are in.
    pub directory: DirPath,
}

/// Says which sites hold background frames, or do not any more.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFrameSites {
    /// The community.
    pub vo: Vo,
    /// The declared sets, 1 to 1,000.
    pub frames: Vec<FramesName>,
    /// The sites, 1 to 1,000.
    #[schema(value_type = Vec<String>)]
    pub sites: Vec<SiteName>,
    /// Whether they do not hold them any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

operations! {
    DeclareEventTypes = "declareEventTypes"(event_types), Post "/event-types", Produce, writes -> BulkResult;
    "Declares types of events by number or name, with a description."
    ListEventTypes = "listEventTypes"(), Get "/event-types", Read, reads
        -> Page<Defined<EventType>>, each Defined<EventType>;
    "Lists types of events by name."
    DeclareConditions = "declareConditions"(conditions), Post "/conditions", Produce, writes -> BulkResult;
    "Declares conditions of data taking or simulation, with their parameters."
    ListConditions = "listConditions"(), Get "/conditions", Read, reads
        -> Page<Defined<Conditions>>, each Defined<Conditions>;
    "Lists conditions of data taking and simulation by name."
    DeclareSoftware = "declareSoftware"(software), Post "/software", Produce, writes -> BulkResult;
    "Declares releases of programs: application, version, platform."
    ListSoftware = "listSoftware"(), Get "/software", Read, reads
        -> Page<Defined<Software>>, each Defined<Software>;
    "Lists releases of programs with the sites where they are installed."
    SetInstalled = "setInstalled"(releases, places), Post "/software/installed", Produce, writes -> BulkResult;
    "Says where releases of programs are installed, by site and activity."
    DeclareBackgroundFrames = "declareBackgroundFrames"(frames), Post "/background-frames", Produce, writes
        -> BulkResult;
    "Declares sets of background frames, and whether they are valid."
    ListBackgroundFrames = "listBackgroundFrames"(), Get "/background-frames", Read, reads
        -> Page<Defined<BackgroundFrames>>, each Defined<BackgroundFrames>;
    "Lists sets of background frames with the sites that hold them."
    SetFrameSites = "setFrameSites"(frames, sites), Post "/background-frames/sites", Produce, writes -> BulkResult;
    "Says which sites hold background frames."
    DeclareMetadataSets = "declareMetadataSets"(sets), Post "/metadata-sets", Produce, writes -> BulkResult;
    "Declares sets of metadata: values that are looked for together, under a name."
    ListMetadataSets = "listMetadataSets"(), Get "/metadata-sets", Read, reads
        -> Page<Defined<MetadataSet>>, each Defined<MetadataSet>;
    "Lists sets of metadata by name."
}
