use std::collections::BTreeMap;

use sbk_model::{
    Application, FileStatus, FileType, JobName, Label, Lfn, ProductionName, SiteName, Timestamp, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Page, PageArgs, operation::operations};

/// Finds what files were made from.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct GetAncestors {
    /// The files, 1 to 1,000.
    pub lfns: Vec<Lfn>,
    /// How many generations to go, 1 to 100; 1 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::operation::number_or_text"
    )]
    pub depth: Option<u32>,
    /// Whether files that are retired are answered, too. The walk goes through them always.
    #[serde(default)]
    pub retired: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Finds what was made from files.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct GetDescendants {
    /// The files, 1 to 1,000.
    pub lfns: Vec<Lfn>,
    /// How many generations to go, 1 to 100; 1 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::operation::number_or_text"
    )]
    pub depth: Option<u32>,
    /// Whether files that are retired are answered, too. The walk goes through them always.
    #[serde(default)]
    pub retired: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A file some generations away from another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Relative {
    /// The file that was asked about.
    pub of: Lfn,
    /// The ancestor or descendant.
    pub lfn: Lfn,
    /// How many generations lie between the two, on the shortest way.
    pub depth: u32,
    /// Its state; absent when it is not in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<FileStatus>,
}

/// Finds what was made together with files: by the same step of the same job.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct GetSiblings {
    /// The files, 1 to 1,000.
    pub lfns: Vec<Lfn>,
    /// Whether files that are retired are answered, too.
    #[serde(default)]
    pub retired: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// In which form a chain is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChainForm {
    /// Nodes and edges.
    #[default]
    Graph,
    /// A picture for browsers.
    Svg,
    /// The language of Graphviz.
    Dot,
    /// The PROV-JSON serialisation of the W3C's provenance model.
    Prov,
}

impl ChainForm {
    /// All forms.
    pub const ALL: &[Self] = &[Self::Graph, Self::Svg, Self::Dot, Self::Prov];

    /// Its name, as it is written in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Svg => "svg",
            Self::Dot => "dot",
            Self::Prov => "prov",
        }
    }
}

impl std::str::FromStr for ChainForm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::ALL.iter().map(|form| form.as_str()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|form| form.as_str() == text);
        found.copied().ok_or_else(|| format!("{text:?} is none of {all}"))
    }
}

/// Shows how a file came about, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetChain {
    /// The file.
    pub lfn: Lfn,
    /// How many generations up to go, 0 to 100; 10 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::operation::number_or_text"
    )]
    pub up: Option<u32>,
    /// How many generations down to go, 0 to 100; 0 when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::operation::number_or_text"
    )]
    pub down: Option<u32>,
    /// In which form, beside the graph.
    #[serde(default)]
    pub form: ChainForm,
}

/// How a file came about: files, the steps of jobs between them, and edges.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Chain {
    /// The files by name.
    pub files: BTreeMap<String, ChainFile>,
    /// The steps of jobs.
    pub steps: Vec<ChainStep>,
    /// Whether the chain was cut because it has too many files.
    pub cut: bool,
    /// The chain in the form that was asked for: SVG or DOT as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The chain as PROV-JSON, when that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prov: Option<serde_json::Value>,
}

/// A file of a chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChainFile {
    /// How many generations away it is: negative for ancestors.
    pub depth: i32,
    /// Its state; absent when it is not in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<FileStatus>,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_type: Option<FileType>,
    /// How many events it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
}

/// A step of a job in a chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChainStep {
    /// The job; absent when files were declared as parents without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobName>,
    /// Its production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
    /// The number of the step; 0 for the job as a whole.
    pub step: i64,
    /// The program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<Application>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Label>,
    /// Where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// When the job began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When the job ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// The files that it used.
    pub used: Vec<Lfn>,
    /// The files that it made.
    pub made: Vec<Lfn>,
}

/// Lists files that others were made from and that are not in the catalogue.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListOpenEdges {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A file that others were made from and that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OpenEdge {
    /// The file that is missing.
    pub lfn: Lfn,
    /// Since when.
    pub since: Timestamp,
    /// How many steps of jobs used it.
    pub users: u64,
    /// One of the jobs that used it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobName>,
}

/// Says what files were made from, where no job is known.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetParents {
    /// The community of the files.
    pub vo: Vo,
    /// The parents of each file, 1 to 1,000 files; they need not be declared yet.
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    pub parents: BTreeMap<Lfn, Vec<Lfn>>,
}

operations! {
    GetAncestors = "getAncestors"(lfns, depth), Post "/provenance/ancestors", Read, reads
        -> Page<Relative>, each Relative;
    "Finds what files were made from, generation by generation."
    GetDescendants = "getDescendants"(lfns, depth), Post "/provenance/descendants", Read, reads
        -> Page<Relative>, each Relative;
    "Finds what was made from files, generation by generation."
    GetSiblings = "getSiblings"(lfns), Post "/provenance/siblings", Read, reads
        -> Page<Relative>, each Relative;
    "Finds what was made together with files."
    GetChain = "getChain"(lfn), Get "/provenance/chain", Read, reads -> Chain;
    "Shows how a file came about as a graph, as SVG, DOT or PROV-JSON."
    ListOpenEdges = "listOpenEdges"(), Get "/provenance/open", Read, reads
        -> Page<OpenEdge>, each OpenEdge;
    "Lists files that others were made from and that are not in the catalogue."
    SetParents = "setParents"(parents), Post "/provenance/parents", Write, writes -> crate::BulkResult;
    "Says what files were made from, where no job is known."
}
