use sbk_model::{DatasetName, DirPath, Lfn, Timestamp, Totals, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{JobCount, Page, PageArgs, operation::operations};

/// Something whose totals are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TotalKind {
    /// A directory, with all below it.
    Directory,
    /// A dataset.
    Dataset,
    /// A storage element.
    Se,
    /// A community.
    Vo,
    /// An owner with a group, in a community.
    Holder,
}

/// Proves the kept totals against the files, one bounded step a call.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyTotals {
    /// Whether to correct what is wrong.
    #[serde(default)]
    pub repair: bool,
    /// Where to go on: the `next` of the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A total that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WrongTotal {
    /// What it is a total of.
    pub kind: TotalKind,
    /// Its name or path.
    pub name: String,
    /// What is kept.
    pub kept: Totals,
    /// What the files say.
    pub counted: Totals,
    /// Whether it was corrected.
    pub repaired: bool,
}

/// One step of a verification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// How many totals this step proved.
    pub checked: u64,
    /// Those that are wrong.
    pub wrong: Vec<WrongTotal>,
    /// Where to go on; absent when done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Proves the kept counts of jobs against the jobs, one production a call.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyJobs {
    /// Whether to correct what is wrong.
    #[serde(default)]
    pub repair: bool,
    /// Where to go on: the `next` of the step before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A count of jobs that is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WrongJobCount {
    /// What is kept.
    pub kept: JobCount,
    /// What the jobs say.
    pub counted: JobCount,
    /// Whether it was corrected.
    pub repaired: bool,
}

/// One step of a verification of jobs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobVerification {
    /// How many counts this step proved.
    pub checked: u64,
    /// Those that are wrong.
    pub wrong: Vec<WrongJobCount>,
    /// Where to go on; absent when done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its id; ids sort by time.
    pub id: String,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// The operation.
    pub operation: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many things were changed.
    pub count: i64,
    /// What, in short.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// Lists the audit trail, the newest entry first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListAudit {
    /// Only what changed a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lfn: Option<Lfn>,
    /// Only what changed a directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirPath>,
    /// Only what changed a dataset; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// The community of the dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only what somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only one operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

operations! {
    VerifyTotals = "verifyTotals"(), Post "/verify/totals", Administer, writes -> Verification;
    "Proves the kept totals against the files on line, in bounded steps, and can correct them."
    VerifyJobs = "verifyJobs"(), Post "/verify/jobs", Administer, writes -> JobVerification;
    "Proves the kept counts of jobs against the jobs on line, in bounded steps, and can correct them."
    ListAudit = "listAudit"(), Get "/audit", Read, reads -> Page<AuditEntry>, each AuditEntry;
    "Lists who changed what, when and why, the newest first."
}
