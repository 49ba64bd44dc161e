use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How many examples of a finding are kept.
const EXAMPLES: usize = 5;

/// Something in a catalogue that is not as it should be, and what was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// A file whose directory is not there; left out.
    FileWithoutDirectory,
    /// A file whose name is there twice in its directory; the older one is left out.
    FileTwice,
    /// A file without its second part: GUID, checksum, dates and mode are missing.
    FileWithoutInfo,
    /// A name that no file or directory may have; left out.
    Name,
    /// A size that no file can have; left out.
    Size,
    /// An owner or group that is not there; `unknown` is taken.
    Owner,
    /// Permission bits that are none; the usual ones are taken.
    Mode,
    /// A state that has no name, or one that DIRAC does not use; taken for bad.
    Status,
    /// A checksum that is none; left out.
    Checksum,
    /// A GUID that is none; left out.
    Guid,
    /// A replica whose file is not there; left out.
    ReplicaWithoutFile,
    /// A replica at a storage element that is not there; left out.
    ReplicaWithoutElement,
    /// A PFN that is none; left out, the replica stays.
    Pfn,
    /// A directory without owner and mode; those of `root` are taken.
    DirectoryWithoutInfo,
    /// A metadata field whose name or type cannot be declared; left out with its values.
    Field,
    /// A parameter that no field was declared for; it becomes a field of texts.
    Parameter,
    /// A value that is none of its field; left out.
    Value,
    /// A dataset whose query cannot be read; left out.
    Dataset,
    /// An edge of provenance to a file that is not there; left out.
    Edge,
}

impl Finding {
    /// What is said of it.
    pub fn text(self) -> &'static str {
        match self {
            Self::FileWithoutDirectory => "files without their directory, left out",
            Self::FileTwice => "files whose name is there twice, the older left out",
            Self::FileWithoutInfo => "files without GUID, checksum, dates and mode",
            Self::Name => "names that cannot be taken, left out",
            Self::Size => "sizes that no file has, left out",
            Self::Owner => "owners or groups that are not there, taken as unknown",
            Self::Mode => "permission bits that are none, the usual ones taken",
            Self::Status => "states that DIRAC does not use, taken as bad",
            Self::Checksum => "checksums that are none, left out",
            Self::Guid => "GUIDs that are none, left out",
            Self::ReplicaWithoutFile => "replicas without their file, left out",
            Self::ReplicaWithoutElement => "replicas without their storage element, left out",
            Self::Pfn => "PFNs that are none, left out",
            Self::DirectoryWithoutInfo => "directories without owner and mode, given to root",
            Self::Field => "metadata fields that cannot be declared, left out",
            Self::Parameter => "parameters without a field, made fields of texts",
            Self::Value => "values that their fields do not take, left out",
            Self::Dataset => "datasets whose query cannot be read, left out",
            Self::Edge => "ancestors that are not there, left out",
        }
    }

    /// Whether something of the catalogue is not in the bookkeeping because of it.
    pub fn loses(self) -> bool {
        !matches!(
            self,
            Self::FileWithoutInfo
                | Self::Owner
                | Self::Mode
                | Self::Status
                | Self::DirectoryWithoutInfo
                | Self::Parameter
        )
    }
}

/// A kind of finding with its number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// How often.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<String>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings(pub BTreeMap<Finding, Found>);

impl Findings {
    /// Notes a finding.
    pub fn note(&mut self, finding: Finding, example: impl FnOnce() -> String) {
        let found = self.0.entry(finding).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES {
            found.examples.push(example());
        }
    }

    /// How often something was found.
    pub fn count(&self, finding: Finding) -> u64 {
        self.0.get(&finding).map_or(0, |found| found.count)
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, other: Self) {
        for (finding, found) in other.0 {
            let all = self.0.entry(finding).or_default();
            all.count += found.count;
            let room = EXAMPLES.saturating_sub(all.examples.len());
            all.examples.extend(found.examples.into_iter().take(room));
        }
    }
}
