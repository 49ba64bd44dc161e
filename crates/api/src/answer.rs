//! What answers look like to DIRAC's clients.

use utoipa::ToSchema;

use crate::{
    BulkResult, Campaign, Chain, Cloned, Dataset, Directory, Done, Explanation, File, FileSections,
    FoundFiles, Inheritance, Job, JobCounts, JobVerification, Luminosity, Mask, Page, Progress,
    Promotion, Qualities, QualityChange, Quarantined, ReportResult, Request, Retirement,
    RunLuminosity, RunSummary, SchemaDocument, SchemaPlan, Snapshot, Split, Verification,
};

/// How an answer becomes a value of a DIRAC result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Its fields, as they are.
    Plain,
    /// `Successful` and `Failed` by name, from the results of a bulk call.
    Bulk,
    /// `Successful` and `Failed` by LFN, from files that were found and names that were not.
    Found,
}

/// The answer of an operation.
pub trait Answer {
    /// How DIRAC's clients get it.
    const SHAPE: Shape = Shape::Plain;
}

impl Answer for BulkResult {
    const SHAPE: Shape = Shape::Bulk;
}

impl Answer for Retirement {
    const SHAPE: Shape = Shape::Bulk;
}

impl Answer for QualityChange {
    const SHAPE: Shape = Shape::Bulk;
}

impl Answer for FoundFiles {
    const SHAPE: Shape = Shape::Found;
}

impl Answer for crate::FoundReplicas {
    const SHAPE: Shape = Shape::Found;
}

impl Answer for crate::FoundDirectories {
    const SHAPE: Shape = Shape::Found;
}

impl Answer for crate::DirectorySizes {
    const SHAPE: Shape = Shape::Found;
}

impl<T: ToSchema> Answer for Page<T> {}

macro_rules! plain {
    ($($type:ty),*) => {
        $(impl Answer for $type {})*
    };
}

plain!(
    Campaign,
    Cloned,
    Request,
    Chain,
    Dataset,
    Directory,
    Done,
    Explanation,
    File,
    FileSections,
    Inheritance,
    Job,
    JobCounts,
    JobVerification,
    Luminosity,
    Mask,
    Progress,
    Promotion,
    Qualities,
    Quarantined,
    ReportResult,
    RunLuminosity,
    RunSummary,
    SchemaDocument,
    SchemaPlan,
    Snapshot,
    Split,
    Verification,
    crate::FoundGuids,
    crate::FoundStorageElements,
    // Productions
    crate::Completeness,
    crate::DeclaredVersions,
    crate::Extension,
    crate::Failures,
    crate::Pass,
    crate::Production,
    crate::ProductionProgress,
    crate::Step,
    crate::TakenTasks,
    crate::Task,
    crate::TaskSteps,
    // All
    sbk_model::Totals
);
