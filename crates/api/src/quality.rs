use sbk_model::{Lfn, PassName, Quality, Reason, RunNumber, Timestamp, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BulkResult, Page, PageArgs,
    operation::{number_or_text, operations},
};

/// Says what was found of the quality of runs or files.
///
/// A file is as good as what was said of itself, else of its runs in its processing pass, else of
/// its runs. `unchecked` takes back what was said.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetQuality {
    /// The community of the runs and files.
    pub vo: Vo,
    /// The flag: `ok`, `maybe`, `bad`, or `unchecked`.
    pub quality: Quality,
    /// The runs, at most 10,000; they need not be declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<u32>)]
    pub runs: Vec<RunNumber>,
    /// The processing pass of the runs that is meant; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_pass: Option<PassName>,
    /// The files, at most 10,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub lfns: Vec<Lfn>,
    /// Whether to pass the flag on to all that was made from the files, or from the files of the
    /// runs, which get it themselves. What somebody said of such a file itself stays, unless the
    /// new flag is worse. At most 100,000 files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub descendants: bool,
    /// Whether only to answer what would change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
    /// Why.
    pub reason: Reason,
}

/// What flags were set, or would be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityChange {
    /// What became of each run and file that was named.
    #[serde(flatten)]
    pub bulk: BulkResult,
    /// Whether nothing was kept.
    pub preview: bool,
    /// How many other files get the flag passed on.
    pub passed_on: u64,
    /// How many other files keep what somebody said of them.
    pub kept: u64,
    /// The other files that get the flag, at most 1,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descendants: Vec<PassedOn>,
}

/// A file that gets a flag from another or from a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PassedOn {
    /// The file.
    pub lfn: Lfn,
    /// What its own flag was.
    pub from: Quality,
    /// What its own flag becomes.
    pub to: Quality,
}

/// Shows the quality of files and runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetQuality {
    /// The community of the runs and files.
    pub vo: Vo,
    /// The runs, at most 10,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<u32>)]
    pub runs: Vec<RunNumber>,
    /// The files, at most 10,000.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub lfns: Vec<Lfn>,
    /// The processing pass that is meant, also of the files; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_pass: Option<PassName>,
}

/// Where the quality of something comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QualityOrigin {
    /// It was said of the thing itself.
    Own,
    /// It was passed on to the file.
    Passed,
    /// It was said of the run in the pass.
    Pass,
    /// It was said of the run in all passes.
    Run,
    /// Nothing was said.
    Nothing,
}

/// The quality of a run or a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityOf {
    /// The run, or the file's name.
    pub name: String,
    /// What counts.
    pub quality: Quality,
    /// Where it comes from.
    pub origin: QualityOrigin,
    /// Who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The quality of runs and files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Qualities {
    /// The runs, then the files, in the order of the call.
    pub qualities: Vec<QualityOf>,
    /// The files that are not in the catalogue.
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<Lfn>,
}

/// Lists all that was said of the quality of a run or a file, oldest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListQualityHistory {
    /// The community of the run or file.
    pub vo: Vo,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number_or_text")]
    #[schema(value_type = Option<u32>)]
    pub run: Option<RunNumber>,
    /// Only what was said of the run in this processing pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_pass: Option<PassName>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub lfn: Option<Lfn>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Something that was said of the quality of a run or a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityEntry {
    /// When.
    pub changed: Timestamp,
    /// The flag.
    pub quality: Quality,
    /// The processing pass that it was said of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_pass: Option<PassName>,
    /// Who said it.
    pub actor: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The run or file that it was passed on from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The entry of the audit trail.
    pub audit: i64,
}

operations! {
    SetQuality = "setQuality"(quality, reason), Post "/quality", Produce, writes -> QualityChange;
    "Says what was found of the quality of runs or files, and passes it on where asked."
    GetQuality = "getQuality"(), Post "/quality/find", Read, reads -> Qualities;
    "Shows the quality of runs and files, and where it comes from."
    ListQualityHistory = "listQualityHistory"(), Get "/quality/history", Read, reads
        -> Page<QualityEntry>, each QualityEntry;
    "Lists all that was said of the quality of a run or a file: who, when, what, why."
}
