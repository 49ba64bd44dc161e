use sbk_model::{
    Events, JobName, JobState, Label, Lfn, ProductionName, Reason, SiteName, Size, Timestamp,
    UserName, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BulkResult, JobReport, Page, PageArgs, Problem, operation::operations};

/// In which format a report comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// A [`JobReport`] as JSON.
    #[default]
    Json,
    /// What the document begins with says which of the others it is.
    Auto,
    /// An LHCb-style XML document.
    Lhcb,
    /// A Gaudi XML summary.
    Gaudi,
    /// A CMS DBS bulk block.
    BulkBlock,
}

impl ReportFormat {
    /// All formats.
    pub const ALL: &[Self] = &[Self::Json, Self::Auto, Self::Lhcb, Self::Gaudi, Self::BulkBlock];

    /// Its name, as it is written in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Auto => "auto",
            Self::Lhcb => "lhcb",
            Self::Gaudi => "gaudi",
            Self::BulkBlock => "bulk_block",
        }
    }
}

impl std::str::FromStr for ReportFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::ALL.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", ");
        Self::ALL
            .iter()
            .find(|format| format.as_str() == text)
            .copied()
            .ok_or_else(|| format!("{text:?} is none of {all}"))
    }
}

/// Takes reports of jobs: each as a whole or not at all.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportJob {
    /// The community that the jobs belong to.
    pub vo: Vo,
    /// The reports, 1 to 1,000 (one may stand without a list): objects, or in another format the
    /// texts of documents, each alone or with the job's name as `{"name": …, "document": …}`.
    #[serde(alias = "report", deserialize_with = "one_or_many")]
    #[schema(value_type = Vec<JobReport>)]
    pub reports: Vec<serde_json::Value>,
    /// The format of the reports.
    #[serde(default)]
    pub format: ReportFormat,
    /// The name of the job, where the format has none (a Gaudi summary).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<JobName>,
    /// Whether a report that cannot be taken is refused, and not kept in the quarantine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refuse: bool,
}

/// Takes a list, or one item that stands for itself.
fn one_or_many<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<serde_json::Value>, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Array(items) => items,
        one => vec![one],
    })
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReportOutcome {
    /// It is kept, now or since it first came.
    Recorded,
    /// It could not be taken, and waits in the quarantine.
    Quarantined,
    /// It could not be taken, and is not kept.
    Refused,
}

/// Whether what a job made counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is the one of its task that counts, or has no task.
    Counts,
    /// It did well, but its task had been done before: its outputs are listed, not registered.
    Surplus,
    /// It counted, until another took its place.
    Superseded,
    /// It did not do well: its outputs are listed, not registered.
    NotGood,
}

impl Standing {
    /// All standings.
    pub const ALL: &[Self] = &[Self::Counts, Self::Surplus, Self::Superseded, Self::NotGood];

    /// Its name, as it is written in every interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counts => "counts",
            Self::Surplus => "surplus",
            Self::Superseded => "superseded",
            Self::NotGood => "not_good",
        }
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Standing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::ALL.iter().map(|s| s.as_str()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().find(|standing| standing.as_str() == text);
        found.copied().ok_or_else(|| format!("{text:?} is none of {all}"))
    }
}

/// The answer to one report. A report that comes again gets the same answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportAnswer {
    /// The job, when that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobName>,
    /// What became of the report.
    pub outcome: ReportOutcome,
    /// Whether what the job made counted when its report was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// When the report was first taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Timestamp>,
    /// How many outputs were registered.
    #[serde(default)]
    pub outputs: u32,
    /// What became of each replica, where the document is about replicas and no job. They were
    /// changed all or none; `Unchanged` are those that were as asked already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<BulkResult>,
    /// The entry in the quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// Why it could not be taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Whether the report had come before. Only the sums of a call tell that to clients: the answer
    /// itself is the first one.
    #[serde(skip)]
    #[schema(ignore)]
    pub repeated: bool,
}

/// The answers to reports, in their order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReportResult {
    /// How many are new.
    pub recorded: u32,
    /// How many had come before, and were not counted again.
    pub repeated: u32,
    /// How many wait in the quarantine.
    pub quarantined: u32,
    /// How many were refused.
    pub refused: u32,
    /// One answer per report.
    pub results: Vec<ReportAnswer>,
}

impl ReportResult {
    /// Counts answers.
    pub fn of(results: Vec<ReportAnswer>) -> Self {
        let mut counted = Self::default();
        for answer in &results {
            *match answer.outcome {
                ReportOutcome::Recorded if answer.repeated => &mut counted.repeated,
                ReportOutcome::Recorded => &mut counted.recorded,
                ReportOutcome::Quarantined => &mut counted.quarantined,
                ReportOutcome::Refused => &mut counted.refused,
            } += 1;
        }
        Self { results, ..counted }
    }
}

/// Shows a job with all that it reported.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetJob {
    /// Its name.
    pub name: JobName,
    /// Its community; needed when several have a job of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// A job with all that it reported.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its community.
    pub vo: Vo,
    /// Who reported it.
    pub owner: UserName,
    /// When its report was taken.
    pub received: Timestamp,
    /// Whether what it made counts.
    pub standing: Standing,
    /// The other jobs of its task, by attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<JobSummary>,
    /// What it reported. Outputs that were registered are as they are now.
    pub report: JobReport,
    /// The outputs that were registered.
    pub registered: Vec<Lfn>,
    /// The inputs that are not in the catalogue.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Lfn>,
}

/// A job in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobSummary {
    /// Its name.
    pub name: JobName,
    /// Its community.
    pub vo: Vo,
    /// What kind of job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_type: Option<Label>,
    /// The production that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
    /// The task of the production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<u32>,
    /// Which attempt at the task.
    pub attempt: u16,
    /// Its id in DIRAC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirac_id: Option<i64>,
    /// How it ended.
    pub state: JobState,
    /// Why it ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// Whether what it made counts.
    pub standing: Standing,
    /// The site where it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When its report was taken.
    pub received: Timestamp,
    /// CPU time in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// Memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Events read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_read: Option<Events>,
    /// Events written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events_written: Option<Events>,
    /// How many outputs were registered.
    pub outputs: u32,
}

/// Lists jobs in the order in which their reports came.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListJobs {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those of a production; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
    /// Only those of a task of the production.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::operation::number_or_text"
    )]
    pub task: Option<u32>,
    /// Only those at a site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// Only those that ended for a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// Only those in a state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<JobState>,
    /// Only those with a standing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Standing>,
    /// Only those with an id in DIRAC.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::operation::number_or_text"
    )]
    pub dirac_id: Option<i64>,
    /// Only those whose report came at this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Counts jobs by production, site, reason, state and standing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SummarizeJobs {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those of a production; needs `vo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
}

/// How many jobs are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobCount {
    /// Their community.
    pub vo: Vo,
    /// The key of their production as text, `0` when they have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub production: Option<ProductionName>,
    /// The site where they ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteName>,
    /// Why they ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Label>,
    /// How they ended.
    pub state: JobState,
    /// Whether what they made counts.
    pub standing: Standing,
    /// How many there are.
    pub jobs: i64,
    /// Events read.
    pub events_read: i64,
    /// Events written.
    pub events_written: i64,
    /// CPU time in seconds.
    pub cpu_seconds: f64,
    /// Time from begin to end in seconds.
    pub wall_seconds: f64,
}

/// Jobs by production, site, reason, state and standing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobCounts {
    /// One entry per group that has any.
    pub groups: Vec<JobCount>,
}

/// What became of a report in the quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuarantineState {
    /// It waits for somebody to look at it.
    Waiting,
    /// It was taken after all.
    Taken,
    /// Somebody decided that it is not needed.
    Dismissed,
}

/// Lists reports that could not be taken, in the order in which they came.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ListQuarantine {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those in a state; those that wait when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<QuarantineState>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Shows a report that could not be taken, with its body.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetQuarantined {
    /// The entry.
    pub entry: String,
}

/// A report that could not be taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quarantined {
    /// The entry: what names it.
    pub entry: String,
    /// Its community.
    pub vo: Vo,
    /// The job that it is about, when that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// What became of it.
    pub state: QuarantineState,
    /// The format that it was said to have.
    pub format: ReportFormat,
    /// Why it could not be taken.
    pub problem: Problem,
    /// Who sent it.
    pub actor: String,
    /// When it came first.
    pub received: Timestamp,
    /// When it was last tried.
    pub last_tried: Timestamp,
    /// How often it was tried.
    pub tries: i64,
    /// The report as it came; absent in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// Tries a report of the quarantine again, as it is or corrected.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplayQuarantined {
    /// The entry.
    pub entry: String,
    /// The corrected report, in place of the one that was kept: an object, or the text of a
    /// document in the format of the entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<JobReport>)]
    pub report: Option<serde_json::Value>,
    /// The name of the job, where the format has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<JobName>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Gives a report of the quarantine up. It stays listed as dismissed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DismissQuarantined {
    /// The entry.
    pub entry: String,
    /// Why.
    pub reason: Reason,
}

operations! {
    ReportJob = "reportJob"(reports), Post "/jobs", Write, writes -> ReportResult;
    "Takes whole reports of jobs, 1 to 1,000 a call, each exactly once; what cannot be taken is kept."
    GetJob = "getJob"(name), Get "/jobs/{name}", Read, reads -> Job;
    "Shows a job with its steps, inputs, outputs, and the other attempts at its task."
    ListJobs = "listJobs"(), Get "/jobs", Read, reads -> Page<JobSummary>, each JobSummary;
    "Lists jobs in the order in which their reports came, by production, site, state and more."
    SummarizeJobs = "summarizeJobs"(), Get "/job-counts", Read, reads -> JobCounts;
    "Counts jobs, events and time by production, site, reason, state and standing."
    ListQuarantine = "listQuarantine"(), Get "/quarantine", Read, reads
        -> Page<Quarantined>, each Quarantined;
    "Lists job reports that could not be taken, with the reason."
    GetQuarantined = "getQuarantined"(entry), Get "/quarantine/{entry}", Read, reads -> Quarantined;
    "Shows a job report that could not be taken, with its body."
    ReplayQuarantined = "replayQuarantined"(entry, report), Post "/quarantine/{entry}/replay", Produce, writes
        -> ReportResult;
    "Tries a job report of the quarantine again, as it is or corrected."
    DismissQuarantined = "dismissQuarantined"(entry, reason), Post "/quarantine/{entry}/dismiss", Produce, writes
        -> crate::Done;
    "Gives a job report of the quarantine up, with a reason."
}
