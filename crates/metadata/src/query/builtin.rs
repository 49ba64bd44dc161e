//! The fields that every file or dataset has.

use sbk_model::{
    Adler32, Application, BaseName, DatasetKind, DatasetName, DatasetStatus, DirPath, FileStatus,
    FileType, GroupName, Guid, Invalid, JobName, JobState, Label, Lfn, Md5, ProductionName, SeName,
    SiteName, UserName, Vo,
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
    /// Jobs.
    Job,
    /// Directories.
    Directory,
}

impl Target {
    /// The entity that is looked for.
    pub fn entity(self) -> Entity {
        match self {
            Self::File => Entity::File,
            Self::Dataset => Entity::Dataset,
            Self::Job => Entity::Job,
            Self::Directory => Entity::Directory,
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
    /// The production that a job belongs to.
    Production,
    /// The task of a production that a job is an attempt at.
    Task,
    /// Which attempt at its task a job is.
    Attempt,
    /// What kind of job it is.
    JobType,
    /// How a job ended.
    State,
    /// Why a job ended so.
    Reason,
    /// The id of a job in DIRAC.
    DiracId,
    /// The run that a job processed.
    Run,
    /// When a job began.
    Started,
    /// When a job ended.
    Ended,
    /// The CPU time of a job.
    CpuTime,
    /// The events that a job read.
    EventsRead,
    /// The events that a job wrote.
    EventsWritten,
    /// A program that a job ran.
    Application,
    /// The version of a program that a job ran.
    Version,
}

/// Each built-in field with its name, and whether files, datasets and jobs have it.
const BUILTINS: &[(Builtin, &str, bool, bool, bool)] = &[
    (Builtin::Lfn, "lfn", true, false, false),
    (Builtin::Name, "name", true, true, true),
    (Builtin::Directory, "directory", true, false, false),
    (Builtin::Size, "size", true, false, false),
    (Builtin::Events, "events", true, true, false),
    (Builtin::FileType, "file_type", true, false, false),
    (Builtin::Status, "status", true, true, false),
    (Builtin::Owner, "owner", true, true, true),
    (Builtin::Group, "group", true, true, false),
    (Builtin::Guid, "guid", true, false, false),
    (Builtin::Adler32, "adler32", true, false, false),
    (Builtin::Md5, "md5", true, false, false),
    (Builtin::Created, "created", true, true, false),
    (Builtin::Modified, "modified", true, true, false),
    (Builtin::Se, "se", true, false, false),
    (Builtin::Site, "site", true, true, true),
    (Builtin::Dataset, "dataset", true, false, false),
    (Builtin::Vo, "vo", true, true, true),
    (Builtin::Kind, "kind", false, true, false),
    (Builtin::Files, "files", false, true, false),
    (Builtin::Bytes, "bytes", false, true, false),
    (Builtin::Parent, "parent", false, true, false),
    (Builtin::Production, "production", false, false, true),
    (Builtin::Task, "task", false, false, true),
    (Builtin::Attempt, "attempt", false, false, true),
    (Builtin::JobType, "job_type", false, false, true),
    (Builtin::State, "state", false, false, true),
    (Builtin::Reason, "reason", false, false, true),
    (Builtin::DiracId, "dirac_id", false, false, true),
    (Builtin::Run, "run", false, false, true),
    (Builtin::Started, "started", false, false, true),
    (Builtin::Ended, "ended", false, false, true),
    (Builtin::CpuTime, "cpu_time", false, false, true),
    (Builtin::EventsRead, "events_read", false, false, true),
    (Builtin::EventsWritten, "events_written", false, false, true),
    (Builtin::Application, "application", false, false, true),
    (Builtin::Version, "version", false, false, true),
];

impl Builtin {
    /// The built-in fields of what a query looks for.
    pub fn of(target: Target) -> impl Iterator<Item = Self> {
        BUILTINS.iter().filter_map(move |(builtin, _, file, dataset, job)| {
            let has = match target {
                Target::File => *file,
                Target::Dataset => *dataset,
                Target::Job => *job,
                Target::Directory => matches!(
                    builtin,
                    Self::Directory
                        | Self::Owner
                        | Self::Group
                        | Self::Created
                        | Self::Modified
                        | Self::Vo
                ),
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
            Self::Size
            | Self::Events
            | Self::Files
            | Self::Bytes
            | Self::Task
            | Self::Attempt
            | Self::DiracId
            | Self::Run
            | Self::EventsRead
            | Self::EventsWritten => Kind::Int,
            Self::CpuTime => Kind::Float,
            Self::Created | Self::Modified | Self::Started | Self::Ended => Kind::DateTime,
            Self::State => closed(JobState::ALL.iter().map(|state| state.as_str()).collect()),
            Self::Kind => closed(DatasetKind::ALL.iter().map(|kind| kind.as_str()).collect()),
            Self::Status => closed(match target {
                Target::File => FileStatus::ALL.iter().map(|status| status.as_str()).collect(),
                Target::Dataset => {
                    DatasetStatus::ALL.iter().map(|status| status.as_str()).collect()
                }
                Target::Job | Target::Directory => Vec::new(),
            }),
            _ => Kind::String,
        }
    }

    /// The unit of its numbers.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Self::Size | Self::Bytes => "B".parse().ok(),
            Self::CpuTime => "s".parse().ok(),
            _ => None,
        }
    }

    /// Whether there can be several values.
    pub fn is_many(self, target: Target) -> bool {
        matches!(self, Self::Se | Self::Dataset | Self::Parent | Self::Application | Self::Version)
            || (self == Self::Site && target != Target::Job)
    }

    /// Writes a text that is asked for in the form in which it is kept.
    pub(crate) fn canonical(self, target: Target, text: &str) -> Result<String, Invalid> {
        Ok(match self {
            Self::Lfn => text.parse::<Lfn>()?.to_string(),
            Self::Name if target == Target::File => text.parse::<BaseName>()?.to_string(),
            Self::Name if target == Target::Job => text.parse::<JobName>()?.to_string(),
            Self::Production => text.parse::<ProductionName>()?.to_string(),
            Self::JobType | Self::Reason | Self::Version => text.parse::<Label>()?.to_string(),
            Self::Application => text.parse::<Application>()?.to_string(),
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
            | Self::Bytes
            | Self::Task
            | Self::Attempt
            | Self::State
            | Self::DiracId
            | Self::Run
            | Self::Started
            | Self::Ended
            | Self::CpuTime
            | Self::EventsRead
            | Self::EventsWritten => text.to_owned(),
        })
    }
}

/// Whether a name of a field of an entity already means something in a query, in upper or lower
/// case.
pub(crate) fn is_reserved(entity: Entity, name: &str) -> bool {
    let builtin = BUILTINS.iter().any(|(_, builtin, file, dataset, job)| {
        let near = if entity == Entity::Job { *job } else { *file || *dataset };
        near && builtin.eq_ignore_ascii_case(name)
    });
    let step = Step::ALL.iter().any(|step| step.as_str().eq_ignore_ascii_case(name));
    builtin || step || is_keyword(name) || name.eq_ignore_ascii_case("file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_built_in_field_is_found_by_its_name() {
        for target in [Target::File, Target::Dataset, Target::Job, Target::Directory] {
            for builtin in Builtin::of(target) {
                assert_eq!(Builtin::find(target, builtin.name()), Some(builtin));
                assert!(is_reserved(target.entity(), &builtin.name().to_uppercase()));
            }
        }
    }
}
