use sbk_model::{
    DirPath, Events, FileStatus, GroupName, Mode, Reason, SeName, Size, Timestamp, Totals,
    UserName, Vo,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    BulkResult, File, Metadata, Page, PageArgs, Progress, Selection, operation::bool_or_text,
    operation::operations,
};

/// A directory to create.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDirectory {
    /// Its path; directories above are made as needed.
    pub path: DirPath,
    /// Its owner; the caller when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// Its group; the caller's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// Its permission bits; `0775` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Values of the fields that its community declared for directories.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub metadata: Metadata,
}

/// A directory as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Directory {
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
    #[schema(value_type = Object)]
    pub metadata: Metadata,
    /// The values that hold here: its own, and those of the directories above.
    #[schema(value_type = Object)]
    pub effective: Metadata,
    /// All files below that are not retired.
    #[serde(flatten)]
    pub totals: Totals,
}

/// Something directly in a directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Entry {
    /// A directory.
    Directory {
        /// The last part of its path.
        name: String,
        /// Its owner.
        owner: UserName,
        /// Its permission bits.
        mode: Mode,
        /// When its record was last changed.
        modified: Timestamp,
        /// All files below that are not retired.
        #[serde(flatten)]
        totals: Totals,
    },
    /// A file.
    File {
        /// The last part of its name.
        name: String,
        /// Its size in bytes.
        size: Size,
        /// How many events it holds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        events: Option<Events>,
        /// Its state.
        status: FileStatus,
        /// Its owner.
        owner: UserName,
        /// When its record was last changed.
        modified: Timestamp,
    },
}

/// Creates directories.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDirectories {
    /// The community that they belong to.
    pub vo: Vo,
    /// The directories, 1 to 10,000.
    #[serde(deserialize_with = "crate::named::items")]
    pub directories: Vec<NewDirectory>,
}

/// Shows one directory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetDirectory {
    /// The path.
    pub path: DirPath,
}

/// Lists what is directly in a directory: directories first, each kind by name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListDirectory {
    /// The path.
    pub path: DirPath,
    /// Whether to list retired files, too.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub retired: bool,
    /// Which page.
    #[serde(flatten)]
    pub page: PageArgs,
}

/// A directory with values to set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetDirectoryMetadata {
    /// The path.
    pub path: DirPath,
    /// Values by field; `null` removes a value.
    #[schema(value_type = Object)]
    pub metadata: Metadata,
    /// Where an unfinished call goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// How far values have reached the directories below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Inheritance {
    /// How many directories this call changed.
    pub directories: u64,
    /// Where to go on; absent when done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Changes owner, group or mode.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeDirectory {
    /// The path.
    pub path: DirPath,
    /// The new owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserName>,
    /// The new group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupName>,
    /// The new permission bits; directories only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Whether everything below changes, too: call again until done.
    #[serde(default)]
    pub recursive: bool,
    /// Where an unfinished call goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Moves a directory with all that is below it: call again until done.
///
/// Directories that are at the new place already are merged; a file that is there already is a
/// conflict.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveDirectory {
    /// What to move.
    pub from: DirPath,
    /// Its new path.
    pub to: DirPath,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Removes a directory.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveDirectory {
    /// The path.
    pub path: DirPath,
    /// Whether to retire the files below, and to remove the directories that are empty then.
    #[serde(default)]
    pub recursive: bool,
    /// Where an unfinished call goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long the files can be restored, in seconds; 30 days when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_seconds: Option<u32>,
    /// Why.
    pub reason: Reason,
    /// Only say what would be touched.
    #[serde(default)]
    pub preview: bool,
}

/// Looks directories up.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindDirectories {
    /// The directories, 1 to 10,000.
    pub paths: Vec<DirPath>,
}

/// Who a directory belongs to, and what others may do in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryAccess {
    /// The path.
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
    /// The values that hold in it, when asked for.
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    #[schema(value_type = Object)]
    pub effective: Metadata,
}

/// The directories that were found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundDirectories {
    /// Those that are there, in the order in which they were asked for.
    pub found: Vec<DirectoryAccess>,
    /// Paths that no directory has.
    pub missing: Vec<DirPath>,
}

/// Lists the directories below another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListSubdirectories {
    /// The directory.
    pub path: DirPath,
    /// Whether all below it are listed, and not only those directly in it.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub recursive: bool,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
}

/// Finds directories by a query over the values that hold in them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct QueryDirectories {
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub selection: Selection,
    /// The directory at or below which is searched; the root when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<DirPath>,
    /// Whether the values that hold in them are shown.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub metadata: bool,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
}

/// Lists the files directly in a directory with all that is known of them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ListFiles {
    /// The directory.
    pub path: DirPath,
    /// Whether replicas are shown.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub replicas: bool,
    /// Whether retired files are listed, too.
    #[serde(default, deserialize_with = "bool_or_text")]
    pub retired: bool,
    #[serde(flatten)]
    #[allow(missing_docs)]
    pub page: PageArgs,
}

/// Measures what is in directories. Retired files and replicas count nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeasureDirectories {
    /// The directories, 1 to 1,000.
    pub paths: Vec<DirPath>,
    /// Whether only what is directly in each counts, and not all below it.
    #[serde(default)]
    pub own: bool,
    /// Whether replicas are counted by storage element.
    #[serde(default)]
    pub storage: bool,
}

/// What a storage element holds of something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StorageUse {
    /// The storage element.
    pub se: SeName,
    /// How many files.
    pub files: i64,
    /// How many bytes.
    pub bytes: i64,
}

/// What is in a directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DirectorySize {
    /// The directory.
    pub path: DirPath,
    /// Its files, with all below it unless only its own were asked for.
    pub files: i64,
    /// Their bytes, each file once.
    pub bytes: i64,
    /// How many directories are below it, at any depth.
    pub directories: i64,
    /// Their replicas, in the order of the storage elements, when asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub storage: Vec<StorageUse>,
}

/// The directories that were measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DirectorySizes {
    /// Those that are there, in the order in which they were asked for.
    pub found: Vec<DirectorySize>,
    /// Paths that no directory has.
    pub missing: Vec<DirPath>,
}

operations! {
    FindDirectories = "findDirectories"(paths), Post "/directories/find", Read, reads -> FoundDirectories;
    "Looks directories up by path, 1 to 10,000 a call."
    ListSubdirectories = "listSubdirectories"(path), Get "/directory/directories", Read, reads
        -> Page<DirectoryAccess>, each DirectoryAccess;
    "Lists the directories in a directory, or all below it, by path."
    QueryDirectories = "queryDirectories"(query), Get "/query-directories", Read, reads
        -> Page<DirectoryAccess>, each DirectoryAccess;
    "Finds directories by a query over the values that hold in them, by path."
    ListFiles = "listFiles"(path), Get "/directory/files", Read, reads -> Page<File>, each File;
    "Lists the files directly in a directory with all that is known of them, by name."
    MeasureDirectories = "measureDirectories"(paths), Post "/directories/size", Read, reads -> DirectorySizes;
    "Counts files, bytes and directories below directories, also by storage element."
    CreateDirectories = "createDirectories"(directories), Post "/directories", Write, writes -> BulkResult;
    "Creates directories, and those above them as needed."
    GetDirectory = "getDirectory"(path), Get "/directory", Read, reads -> Directory;
    "Shows a directory with its metadata and the totals of all files below it."
    ListDirectory = "listDirectory"(path), Get "/directory/entries", Read, reads
        -> Page<Entry>, each Entry;
    "Lists what is directly in a directory: directories first, each kind by name."
    SetDirectoryMetadata = "setDirectoryMetadata"(path, metadata), Post "/directory/metadata", Write, writes
        -> Inheritance;
    "Sets metadata on a directory, which all below it inherit, in bounded steps."
    ChangeDirectory = "changeDirectory"(path), Patch "/directory", Write, writes -> Progress;
    "Changes owner, group or mode of a directory, and of all below it in bounded steps."
    MoveDirectory = "moveDirectory"(from, to), Post "/directory/move", Write, writes -> Progress;
    "Moves a directory with all that is below it, in bounded steps."
    RemoveDirectory = "removeDirectory"(path, reason), Post "/directory/remove", Write, writes -> Progress;
    "Removes a directory; recursively, its files are retired in bounded steps."
}
