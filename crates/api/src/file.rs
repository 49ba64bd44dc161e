use sbk_model::{
    Checksums, DatasetName, Events, FileStatus, FileType, GroupName, Guid, Lfn, Mode, Reason,
    RunSections, Size, Timestamp, UserName, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Atomicity, BulkResult, Metadata, Replica, Values, operation::operations};

/// A file to register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFile {
    /// Its logical name.
    pub lfn: Lfn,
    /// Its size in bytes.
    pub size: Size,
    /// The id that its producer gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    /// Its checksums by algorithm.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
    /// How many events it holds, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_type: Option<FileType>,
    /// Its state.
    #[serde(default)]
    pub status: FileStatus,
    /// Its owner; the caller when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// Its group; the caller's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// Its permission bits, which DIRAC's FileCatalog shows and minds; the usual ones when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// When it was made; now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// Its copies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<Replica>,
    /// Values of the fields that its community declared for files.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// A file as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// Its logical name.
    pub lfn: Lfn,
    /// Its community.
    pub vo: Vo,
    /// Its size in bytes.
    pub size: Size,
    /// The id that its producer gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guid: Option<Guid>,
    /// Its checksums by algorithm.
    #[serde(default, skip_serializing_if = "Checksums::is_empty")]
    pub checksums: Checksums,
    /// How many events it holds, when that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Events>,
    /// What it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_type: Option<FileType>,
    /// Its state.
    pub status: FileStatus,
    /// Its owner.
    pub owner: UserName,
    /// Its group.
    pub group: GroupName,
    /// Its permission bits, where they are not the usual ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// When it was made.
    pub created: Timestamp,
    /// When its record was last changed.
    pub modified: Timestamp,
    /// Its copies, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<Replica>,
    /// The values of its fields, when asked for.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Values,
    /// The datasets that list it, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub datasets: Vec<DatasetName>,
    /// The luminosity sections whose events it holds, when asked for.
    #[serde(default, skip_serializing_if = "RunSections::is_empty")]
    pub sections: RunSections,
}

/// Registers files with their replicas and metadata.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddFiles {
    /// The community that the files belong to.
    pub vo: Vo,
    /// The files, 1 to 10,000.
    #[serde(deserialize_with = "crate::named::items")]
    pub files: Vec<NewFile>,
    /// A dataset that the files join.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// What happens to the rest when one is refused.
    #[serde(default)]
    pub atomicity: Atomicity,
    /// Whether a file that is there already is refused, even if it is the same.
    #[serde(default)]
    pub only_new: bool,
    /// Whether a file is refused whose GUID another file has.
    #[serde(default)]
    pub unique_guids: bool,
}

/// Looks files up by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetFiles {
    /// The names, 1 to 10,000.
    pub lfns: Vec<Lfn>,
    /// Whether to answer the replicas, too.
    #[serde(default)]
    pub replicas: bool,
    /// Whether to answer the metadata, too.
    #[serde(default)]
    pub metadata: bool,
    /// Whether to answer the datasets, too.
    #[serde(default)]
    pub datasets: bool,
}

/// Files that were looked up.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundFiles {
    /// Those that exist, in the order of the names asked for.
    pub found: Vec<File>,
    /// Those that do not exist.
    pub missing: Vec<Lfn>,
}

/// Shows one file with all that is known of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetFile {
    /// The name.
    pub lfn: Lfn,
}

/// A file with values to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileMetadata {
    /// The file.
    pub lfn: Lfn,
    /// Values by field; `null` removes a value.
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// Sets and removes metadata of files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMetadata {
    /// The files, 1 to 10,000.
    #[serde(deserialize_with = "crate::named::items")]
    pub files: Vec<FileMetadata>,
    /// What happens to the rest when one is refused.
    #[serde(default)]
    pub atomicity: Atomicity,
}

/// Changes the state of files between `good`, `bad` and `lost`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetFileStatus {
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
    /// The new state; use `retireFiles` and `restoreFiles` for `retired`.
    pub status: FileStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Takes files out of the catalogue; they can be restored until their grace period ends.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetireFiles {
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
    /// Why.
    pub reason: Reason,
    /// How long they can be restored, in seconds; 30 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    /// Only say what would be touched.
    #[serde(default)]
    pub preview: bool,
}

/// What retiring touches.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Retirement {
    /// One result per file.
    #[serde(flatten)]
    pub bulk: BulkResult,
    /// Whether nothing was done because a preview was asked for.
    pub preview: bool,
    /// The bytes of the files.
    pub bytes: i64,
    /// How many replicas the files have.
    pub replicas: u64,
    /// The datasets that lose files, with how many, at most 1,000.
    pub datasets: Vec<DatasetLoss>,
}

/// How many files a dataset loses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DatasetLoss {
    /// The dataset.
    pub dataset: DatasetName,
    /// How many files.
    pub files: u64,
}

/// Brings retired files back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreFiles {
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
    /// Why.
    pub reason: Reason,
}

/// Removes retired files whose grace period has ended, for good.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurgeFiles {
    /// The most files to remove in this call, 1 to 10,000; 1,000 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Removes files for good, at once, with their replicas and memberships.
///
/// Unlike [`RetireFiles`], there is no grace period: the name is free again. What the files were
/// made from, and what was made from them, stays known under their names.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveFiles {
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
    /// Why.
    pub reason: Reason,
}

/// Who a file belongs to, and what others may do with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileAccess {
    /// The file.
    pub lfn: Lfn,
    /// The new owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// The new group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The new permission bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// Changes owner, group or permission bits of files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeFiles {
    /// The files with what they get, 1 to 10,000.
    pub files: Vec<FileAccess>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Finds files by the ids that their producers gave them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindGuids {
    /// The ids, 1 to 10,000.
    pub guids: Vec<Guid>,
}

/// A file with its id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GuidOf {
    /// The id.
    #[schema(value_type = String)]
    pub guid: Guid,
    /// The file.
    pub lfn: Lfn,
}

/// Files that were found by their ids, in the order of the ids and of the names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundGuids {
    /// Those that were found; several files may have one id.
    pub found: Vec<GuidOf>,
    /// Ids that no file has.
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<Guid>,
}

operations! {
    AddFiles = "addFiles"(files), Post "/files", Write, writes -> BulkResult;
    "Registers files with their replicas and metadata, 1 to 10,000 a call."
    GetFiles = "getFiles"(lfns), Post "/files/find", Read, reads -> FoundFiles;
    "Looks files up by name, 1 to 10,000 a call."
    GetFile = "getFile"(lfn), Get "/file", Read, reads -> File;
    "Shows one file with its replicas, metadata and datasets."
    SetMetadata = "setMetadata"(files), Post "/files/metadata", Write, writes -> BulkResult;
    "Sets and removes metadata of files; a value of null removes a field."
    SetFileStatus = "setFileStatus"(lfns, status), Post "/files/status", Write, writes -> BulkResult;
    "Changes the state of files between good, bad and lost."
    RetireFiles = "retireFiles"(lfns, reason), Post "/files/retire", Write, writes -> Retirement;
    "Takes files out of the catalogue, with a reason and a grace period; can preview."
    RestoreFiles = "restoreFiles"(lfns, reason), Post "/files/restore", Write, writes -> BulkResult;
    "Brings retired files back."
    RemoveFiles = "removeFiles"(lfns, reason), Post "/files/remove", Write, writes -> BulkResult;
    "Removes files for good and at once, with their replicas."
    ChangeFiles = "changeFiles"(files), Post "/files/access", Write, writes -> BulkResult;
    "Changes owner, group or permission bits of files."
    FindGuids = "findGuids"(guids), Post "/files/guids", Read, reads -> FoundGuids;
    "Finds files by the ids that their producers gave them."
    PurgeFiles = "purgeFiles"(), Post "/files/purge", Administer, writes -> crate::Progress;
    "Removes retired files whose grace period has ended, in bounded steps."
}
