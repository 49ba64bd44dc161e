use sbk_model::{
    DatasetKind, DatasetName, DatasetStatus, GroupName, Lfn, Reason, SiteName, Timestamp, UserName,
    Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Atomicity, BulkResult, Done, File, Metadata, Page, PageArgs, operation::operations};

/// What a dataset's producer says that it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Number of files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<i64>,
    /// Sum of the sizes, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// Number of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<i64>,
}

impl Declared {
    /// Whether nothing is declared.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A document that belongs to a dataset but is no data, for instance a list of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Where it is.
    pub uri: String,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// Its checksum, as algorithm, colon and value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// What it is, for instance `index.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A dataset to create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDataset {
    /// Its name, unique within its community.
    pub name: DatasetName,
    /// Whose it is.
    #[serde(default)]
    pub kind: DatasetKind,
    /// Its state; `open` when absent.
    #[serde(default)]
    pub status: DatasetStatus,
    /// Its owner; the caller when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// Its group; the caller's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// When it was made; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The query that defines its files; without one, files are added to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// What the system that made it keeps of it, at most 64 KiB; it means nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub origin: Option<serde_json::Value>,
    /// What its producer says that it holds.
    #[serde(default, skip_serializing_if = "Declared::is_empty")]
    pub declared: Declared,
    /// Events that are known for the dataset as a whole but not for its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unattributed_events: Option<i64>,
    /// The datasets that it was made from; they need not exist yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<DatasetName>,
    /// The sites where it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<SiteName>,
    /// Documents that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<Document>,
    /// Values of the fields that its community declared for datasets.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// A dataset as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Dataset {
    /// Its name.
    pub name: DatasetName,
    /// Its community.
    pub vo: Vo,
    /// Whose it is.
    pub kind: DatasetKind,
    /// Its state.
    pub status: DatasetStatus,
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Number of files that are not retired; absent in lists when a query defines them.
    pub files: Option<i64>,
    /// Sum of their sizes, in bytes.
    pub bytes: Option<i64>,
    /// Sum of their events, and the unattributed ones.
    pub events: Option<i64>,
    /// Events that are known for the dataset as a whole but not for its files.
    pub unattributed_events: i64,
    /// What its producer says that it holds.
    pub declared: Declared,
    /// What it is for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The query that defines its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// What the system that made it keeps of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub origin: Option<serde_json::Value>,
    /// The datasets that it was made from.
    pub parents: Vec<DatasetName>,
    /// The sites where it is.
    pub sites: Vec<SiteName>,
    /// Documents that belong to it.
    pub documents: Vec<Document>,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// The values of its fields.
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// Lists datasets by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct GetDatasets {
    /// Only those of a community.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Only those that a query matches, for instance `energy > 89 GeV and status = open`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Shows a dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDataset {
    /// The name.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
}

/// Creates datasets.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddDatasets {
    /// The community that they belong to.
    pub vo: Vo,
    /// The datasets, 1 to 1,000.
    pub datasets: Vec<NewDataset>,
    /// What happens to the rest when one is refused.
    #[serde(default)]
    pub atomicity: Atomicity,
}

/// Changes a dataset; what is absent stays.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeDataset {
    /// The name.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The new state; `frozen` is reached by `freezeDataset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DatasetStatus>,
    /// The new owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// What it is for, in place of what was said so far; an empty text removes that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What its producer says that it holds, in place of what was said so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// What the system that made it keeps of it, in place of what it kept so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub origin: Option<serde_json::Value>,
    /// The datasets that it was made from, in place of those so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parents: Option<Vec<DatasetName>>,
    /// The sites where it is, in place of those so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sites: Option<Vec<SiteName>>,
    /// Values by field; `null` removes a value.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl ChangeDataset {
    /// A change of nothing yet.
    pub fn new(name: DatasetName, vo: Option<Vo>) -> Self {
        Self {
            name,
            vo,
            status: None,
            owner: None,
            description: None,
            declared: None,
            origin: None,
            parents: None,
            sites: None,
            metadata: Metadata::new(),
            reason: None,
        }
    }
}

/// Removes a dataset that is `temp` or `prepared` and has no files, or one that a query defines and
/// that is not `frozen`, with its snapshots.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveDataset {
    /// The name.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Adds files to a dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddMembers {
    /// The dataset.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
}

/// Takes files out of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveMembers {
    /// The dataset.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Lists the files of a dataset in the order of their keys.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListMembers {
    /// The dataset.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Freezes a dataset, or goes on with a freeze that was cut short.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeDataset {
    /// The dataset.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Whether the dataset stays open: only a snapshot is taken.
    #[serde(default)]
    pub snapshot_only: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// What a dataset held at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// The dataset.
    pub dataset: DatasetName,
    /// 1 for the first snapshot of a dataset, then 2, and so on.
    pub version: u32,
    /// When it was taken.
    pub created: Timestamp,
    /// BLAKE3 over the files in the order of their keys: LFN, size, events, checksums.
    pub content_hash: String,
    /// Number of files.
    pub files: i64,
    /// Sum of the sizes, in bytes.
    pub bytes: i64,
    /// Sum of the events.
    pub events: i64,
}

/// Lists the snapshots of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListSnapshots {
    /// The dataset.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A file of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotFile {
    /// The name that it had.
    pub lfn: Lfn,
}

/// Lists the files of a snapshot in the order of their keys, also those that are gone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListSnapshotFiles {
    /// The dataset.
    pub name: DatasetName,
    /// The version of the snapshot.
    #[serde(deserialize_with = "version")]
    pub version: u32,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Compares two snapshots of a dataset.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CompareSnapshots {
    /// The dataset.
    pub name: DatasetName,
    /// Its community; needed when several have a dataset of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vo: Option<Vo>,
    /// The older version.
    #[serde(deserialize_with = "version")]
    pub from: u32,
    /// The newer version.
    #[serde(deserialize_with = "version")]
    pub to: u32,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// Takes a version that a query string spells as text.
fn version<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    crate::operation::number_or_text(deserializer)?
        .ok_or_else(|| serde::de::Error::custom("give a version of the snapshot, for instance 1"))
}

/// How a file differs between two snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The file.
    pub lfn: Lfn,
    /// What happened to it.
    pub change: Change,
}

/// What happened to a file between two snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// Only the newer one has it.
    Added,
    /// Only the older one has it.
    Removed,
    /// Its size, events or checksums differ.
    Changed,
}

operations! {
    GetDatasets = "getDatasets"(), Get "/datasets", Read, reads -> Page<Dataset>, each Dataset;
    "Lists datasets by name, all or those that a query matches."
    GetDataset = "getDataset"(name), Get "/datasets/{name}", Read, reads -> Dataset;
    "Shows a dataset with its totals, what was declared, its parents and its metadata."
    AddDatasets = "addDatasets"(datasets), Post "/datasets", Write, writes -> BulkResult;
    "Creates datasets, 1 to 1,000 a call."
    ChangeDataset = "changeDataset"(name), Patch "/datasets/{name}", Write, writes -> Done;
    "Changes state, owner, parents, sites or metadata of a dataset."
    RemoveDataset = "removeDataset"(name), Delete "/datasets/{name}", Write, writes -> Done;
    "Removes a dataset that is temp or prepared and has no files, or one that a query defines and that \
     is not frozen."
    AddMembers = "addMembers"(name, lfns), Post "/datasets/{name}/files", Write, writes -> BulkResult;
    "Adds files to a dataset."
    RemoveMembers = "removeMembers"(name, lfns), Post "/datasets/{name}/files/remove", Write, writes
        -> BulkResult;
    "Takes files out of a dataset."
    ListMembers = "listMembers"(name), Get "/datasets/{name}/files", Read, reads
        -> Page<File>, each File;
    "Lists the files of a dataset."
    FreezeDataset = "freezeDataset"(name), Post "/datasets/{name}/freeze", Write, writes
        -> Snapshot;
    "Takes a snapshot of a dataset with a content hash, and freezes the dataset."
    ListSnapshots = "listSnapshots"(name), Get "/datasets/{name}/snapshots", Read, reads
        -> Page<Snapshot>, each Snapshot;
    "Lists the snapshots of a dataset."
    ListSnapshotFiles = "listSnapshotFiles"(name, version), Get "/datasets/{name}/snapshots/{version}/files",
        Read, reads -> Page<SnapshotFile>, each SnapshotFile;
    "Lists the files of a snapshot, also those that are gone."
    CompareSnapshots = "compareSnapshots"(name, from, to), Get "/datasets/{name}/compare", Read, reads
        -> Page<Difference>, each Difference;
    "Compares two snapshots of a dataset: files added, removed and changed."
}
