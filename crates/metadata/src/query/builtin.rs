//! The fields that every file or dataset has.

use sbk_model::{
    Adler32, BaseName, DatasetKind, DatasetName, DatasetStatus, DirPath, FileStatus, FileType,
    GroupName, Guid, Invalid, Lfn, Md5, SeName, SiteName, UserName, Vo,
};
use serde::{Deserialize, Serialize};

use super::{ast::Step, lexer::is_keyword};
use crate::{Entity, Kind, Unit};

/// What a query looks for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// Files.
    #[default]
    File,
    /// Datasets.
    Dataset,
}

impl Target {
    /// The entity that is looked for.
    pub fn entity(self) -> Entity {
        match self {
            Self::File => Entity::File,
            Self::Dataset => Entity::Dataset,
        }
    }
}

/// A field that every file, every dataset or both have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Builtin {
    /// The logical name of a file.
    Lfn,
    /// The last part of a file's name, or the name of a dataset.
    Name,
    /// The path of the directory that a file is in.
    Directory,
    /// The size of a file in bytes.
    Size,
    /// The number of events.
    Events,
    /// What a file holds.
    FileType,
    /// The state.
    Status,
    /// Who owns it.
    Owner,
    /// The group that owns it.
    Group,
    /// The globally unique id of a file.
    Guid,
    /// The Adler-32 checksum of a file.
    Adler32,
    /// The MD5 digest of a file.
    Md5,
    /// When it was registered.
    Created,
    /// When it was last changed.
    Modified,
    /// The storage elements that have a replica of a file.
    Se,
    /// The sites that have a replica.
    Site,
    /// The names of the datasets that a file is in.
    Dataset,
    /// The community.
    Vo,
    /// Whether a dataset is official or personal.
    Kind,
    /// The number of files of a dataset.
    Files,
    /// The bytes of a dataset.
    Bytes,
    /// The names of the datasets that a dataset was made from.
    Parent,
}

/// Each built-in field with its name, and whether files and datasets have it.
const BUILTINS: &[(Builtin, &str, bool, bool)] = &[
    (Builtin::Lfn, "lfn", true, false),
    (Builtin::Name, "name", true, true),
    (Builtin::Directory, "directory", true, false),
    (Builtin::Size, "size", true, false),
    (Builtin::Events, "events", true, true),
    (Builtin::FileType, "file_type", true, false),
    (Builtin::Status, "status", true, true),
    (Builtin::Owner, "owner", true, true),
    (Builtin::Group, "group", true, true),
    (Builtin::Guid, "guid", true, false),
    (Builtin::Adler32, "adler32", true, false),
    (Builtin::Md5, "md5", true, false),
    (Builtin::Created, "created", true, true),
    (Builtin::Modified, "modified", true, true),
    (Builtin::Se, "se", true, false),
    (Builtin::Site, "site", true, true),
    (Builtin::Dataset, "dataset", true, false),
    (Builtin::Vo, "vo", true, true),
    (Builtin::Kind, "kind", false, true),
    (Builtin::Files, "files", false, true),
    (Builtin::Bytes, "bytes", false, true),
    (Builtin::Parent, "parent", false, true),
];

impl Builtin {
    /// The built-in fields of what a query looks for.
    pub fn of(target: Target) -> impl Iterator<Item = Self> {
        BUILTINS.iter().filter_map(move |(builtin, _, file, dataset)| {
            let has = match target {
                Target::File => *file,
                Target::Dataset => *dataset,
            };
            has.then_some(*builtin)
        })
    }

    /// Finds a built-in field by name.
    pub fn find(target: Target, name: &str) -> Option<Self> {
        Self::of(target).find(|builtin| builtin.name() == name)
    }

    /// The name in a query.
    pub fn name(self) -> &'static str {
        BUILTINS.iter().find(|(builtin, ..)| *builtin == self).map_or("", |(_, name, ..)| name)
    }

    /// What values it has.
    pub fn kind(self, target: Target) -> Kind {
        let closed = |values: Vec<&str>| Kind::Enum {
            values: values.into_iter().map(str::to_owned).collect(),
            open: false,
        };
        match self {
            Self::Size | Self::Events | Self::Files | Self::Bytes => Kind::Int,
            Self::Created | Self::Modified => Kind::DateTime,
            Self::Kind => closed(DatasetKind::ALL.iter().map(|kind| kind.as_str()).collect()),
            Self::Status => closed(match target {
                Target::File => FileStatus::ALL.iter().map(|status| status.as_str()).collect(),
                Target::Dataset => {
                    DatasetStatus::ALL.iter().map(|status| status.as_str()).collect()
                }
            }),
            _ => Kind::String,
        }
    }

    /// The unit of its numbers.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Self::Size | Self::Bytes => "B".parse().ok(),
            _ => None,
        }
    }

    /// Whether there can be several values.
    pub fn is_many(self) -> bool {
        matches!(self, Self::Se | Self::Site | Self::Dataset | Self::Parent)
    }

    /// Writes a text that is asked for in the form in which it is kept.
    pub(crate) fn canonical(self, target: Target, text: &str) -> Result<String, Invalid> {
        Ok(match self {
            Self::Lfn => text.parse::<Lfn>()?.to_string(),
            Self::Name if target == Target::File => text.parse::<BaseName>()?.to_string(),
            Self::Name | Self::Dataset | Self::Parent => text.parse::<DatasetName>()?.to_string(),
            Self::Directory => text.parse::<DirPath>()?.to_string(),
            Self::FileType => text.parse::<FileType>()?.to_string(),
            Self::Owner => text.parse::<UserName>()?.to_string(),
            Self::Group => text.parse::<GroupName>()?.to_string(),
            Self::Guid => text.parse::<Guid>()?.to_string(),
            Self::Adler32 => text.parse::<Adler32>()?.to_string(),
            Self::Md5 => text.parse::<Md5>()?.to_string(),
            Self::Se => text.parse::<SeName>()?.to_string(),
            Self::Site => text.parse::<SiteName>()?.to_string(),
            Self::Vo => text.parse::<Vo>()?.to_string(),
            Self::Size
            | Self::Events
            | Self::Status
            | Self::Created
            | Self::Modified
            | Self::Kind
            | Self::Files
            | Self::Bytes => text.to_owned(),
        })
    }
}

/// Whether a name already means something in a query, in upper or lower case.
pub(crate) fn is_reserved(name: &str) -> bool {
    let builtin = BUILTINS.iter().any(|(_, builtin, ..)| builtin.eq_ignore_ascii_case(name));
    let step = Step::ALL.iter().any(|step| step.as_str().eq_ignore_ascii_case(name));
    builtin || step || is_keyword(name) || name.eq_ignore_ascii_case("file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_field_is_found_by_its_name() {
        for target in [Target::File, Target::Dataset] {
            for builtin in Builtin::of(target) {
                assert_eq!(Builtin::find(target, builtin.name()), Some(builtin));
                assert!(is_reserved(&builtin.name().to_uppercase()));
            }
        }
    }
}
