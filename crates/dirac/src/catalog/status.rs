//! The states of files and replicas by DIRAC's names and by ours.
//!
//! DIRAC's are the texts of `ValidFileStatus` and `ValidReplicaStatus` by default. Each of its names
//! is one state here, so that what a client sets is what it reads.

use sbk_model::{FileStatus, ReplicaStatus};

/// What is good.
pub const GOOD: &str = "AprioriGood";

/// DIRAC's name of the state of a file.
pub fn of_file(status: FileStatus) -> &'static str {
    match status {
        FileStatus::Good => GOOD,
        FileStatus::Bad => "Trash",
        FileStatus::Lost => "Probing",
        FileStatus::Retired => "Removing",
    }
}

/// The state of a file that DIRAC calls so.
pub fn file(name: &str) -> Option<FileStatus> {
    FileStatus::ALL.iter().copied().find(|status| of_file(*status) == name)
}

/// DIRAC's name of the state of a replica.
pub fn of_replica(status: ReplicaStatus) -> &'static str {
    match status {
        ReplicaStatus::Available => GOOD,
        ReplicaStatus::Bad => "Trash",
        ReplicaStatus::Staging => "Probing",
        ReplicaStatus::Retired => "Removing",
        // DIRAC has no name for it; a copy on its way is not to be read.
        ReplicaStatus::Copying => "Copying",
    }
}

/// The state of a replica that DIRAC calls so.
pub fn replica(name: &str) -> Option<ReplicaStatus> {
    ReplicaStatus::ALL.iter().copied().find(|status| of_replica(*status) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_read() {
        for name in ["AprioriGood", "Trash", "Removing", "Probing"] {
            assert_eq!(file(name).map(of_file), Some(name));
            assert_eq!(replica(name).map(of_replica), Some(name));
        }
        assert_eq!(file("apriorigood"), None);
    }
}
