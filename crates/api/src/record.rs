use sbk_model::{
    DatasetName, DirPath, FileStatus, GroupName, Lfn, Mode, RunNumber, Timestamp, UserName, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BulkResult, File, Metadata, NewDataset, NewFill, NewRun, Page, PageArgs, Place, QualityEntry,
    RunLuminosity, Site, StorageElement, operation::operations,
};

/// One line of an export: everything that is needed to make the entity again.
///
/// Lines come in this order of kinds, so that a line refers only to lines before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A site.
    Site(Site),
    /// A storage element.
    StorageElement(StorageElement),
    /// A community with its schema.
    Community(CommunityRecord),
    /// A directory.
    Directory(DirectoryRecord),
    /// A dataset.
    Dataset(DatasetRecord),
    /// A file with its replicas, metadata and datasets.
    File(FileRecord),
    /// A snapshot of a dataset.
    Snapshot(SnapshotRecord),
    /// Files of a snapshot.
    SnapshotFile(SnapshotFileRecord),
    /// A fill of the accelerator.
    Fill(FillRecord),
    /// A run.
    Run(RunRecord),
    /// The luminosity of a run.
    RunLuminosity(RunLuminosityRecord),
    /// Something that was said of the quality of a run or a file.
    Quality(QualityRecord),
    /// An event type, conditions, software, background frames or a set of metadata.
    Definition(DefinitionRecord),
}

/// A community with its schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommunityRecord {
    /// Its name.
    pub vo: Vo,
    /// When it was declared.
    pub created: Timestamp,
    /// Its schema as a TOML text, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
}

/// A directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryRecord {
    /// Its path.
    pub path: DirPath,
    /// Its community.
    pub vo: Vo,
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Its permission bits.
    pub mode: Mode,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The values set on it.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// A dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DatasetRecord {
    /// Its community.
    pub vo: Vo,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The dataset.
    #[serde(flatten)]
    pub dataset: NewDatasetRecord,
}

/// A dataset as [`NewDataset`] has it; unknown keys are ignored where it is flattened.
pub type NewDatasetRecord = NewDataset;

/// A file with its replicas, metadata and datasets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileRecord {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// Until when a retired file can be restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restorable_until: Option<Timestamp>,
    /// The state that a retired file has again when it is restored; good when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_before: Option<FileStatus>,
}

/// A snapshot of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotRecord {
    /// The community of the dataset.
    pub vo: Vo,
    /// The snapshot.
    #[serde(flatten)]
    pub snapshot: crate::Snapshot,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotFileRecord {
    /// The community of the dataset.
    pub vo: Vo,
    /// The dataset.
    pub dataset: DatasetName,
    /// The version of the snapshot.
    pub version: u32,
    /// The file.
    pub lfn: sbk_model::Lfn,
    /// A number that changes when size, events or checksums do.
    pub fingerprint: i64,
}

/// A fill of the accelerator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FillRecord {
    /// Its community.
    pub vo: Vo,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The fill.
    #[serde(flatten)]
    pub fill: NewFill,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunRecord {
    /// Its community.
    pub vo: Vo,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The run.
    #[serde(flatten)]
    pub run: NewRun,
}

/// The luminosity of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunLuminosityRecord {
    /// The community of the run.
    pub vo: Vo,
    /// The unit.
    pub unit: String,
    /// The luminosity.
    #[serde(flatten)]
    pub luminosity: RunLuminosity,
}

/// Something that was said of the quality of a run or a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityRecord {
    /// The community of the run or file.
    pub vo: Vo,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub run: Option<RunNumber>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub lfn: Option<Lfn>,
    /// What was said.
    #[serde(flatten)]
    pub entry: QualityEntry,
}

/// What kind of thing a community names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DefinitionKind {
    /// A type of events.
    EventType,
    /// Conditions of data taking or simulation.
    Conditions,
    /// A release of a program.
    Software,
    /// A set of background frames.
    BackgroundFrames,
    /// A set of metadata.
    MetadataSet,
}

/// An event type, conditions, software or background frames.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DefinitionRecord {
    /// The community.
    pub vo: Vo,
    /// What kind of thing.
    pub kind: DefinitionKind,
    /// Its name.
    pub name: String,
    /// What is known of it.
    #[schema(value_type = Object)]
    pub defined: serde_json::Value,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// When it was declared.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
}

/// Exports everything, one record after the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct ExportRecords {
    /// Only one community's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Imports records as they were exported.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportRecords {
    /// The records, 1 to 10,000, in the order of the export.
    pub records: Vec<Record>,
}

operations! {
    ExportRecords = "exportRecords"(), Get "/export", Administer, reads -> Page<Record>, each Record;
    "Exports everything, one record after the other, in an order that can be imported."
    ImportRecords = "importRecords"(records), Post "/import", Administer, writes -> BulkResult;
    "Imports records as they were exported; what is there already is left unchanged."
}
