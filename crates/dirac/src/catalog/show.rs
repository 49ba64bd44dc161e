//! Files and directories in the shapes that DIRAC's clients read.

use sbk_api::{DirectoryAccess, File, Replica};
use sbk_model::{Checksums, TermKey, Timestamp};
use sbk_wire::{Value, to_value};

use super::{PfnConvention, call::Call, status};

/// A moment as DIRAC has it: without parts of seconds.
pub fn moment(time: Timestamp) -> Value {
    let micros = time.micros() - time.micros().rem_euclid(1_000_000);
    to_value(&Timestamp::from_micros(micros)).unwrap_or(Value::Null)
}

/// The number that stands for the name of a user or group.
pub fn id(name: &str) -> Value {
    Value::Int(TermKey::of(name).0)
}

/// Checksum and kind of checksum, as far as DIRAC has names for them.
fn checksum(sums: &Checksums) -> (Value, Value) {
    match (sums.adler32, sums.md5) {
        (Some(sum), _) => (Value::Text(sum.to_string()), Value::from("Adler32")),
        (None, Some(sum)) => (Value::Text(sum.to_string()), Value::from("MD5")),
        // As those have it who register a file without one.
        (None, None) => (Value::from(""), Value::from("Adler32")),
    }
}

/// The number that stands for a file.
pub fn file_id(file: &File) -> i64 {
    let key = file.lfn.key();
    // Positive, as ids are.
    (key.directory.0.rotate_left(32) ^ key.name) & i64::MAX
}

/// The number that stands for a directory.
pub fn directory_id(directory: &DirectoryAccess) -> i64 {
    directory.path.key().0 & i64::MAX
}

impl Call<'_> {
    /// What `getFileMetadata` says of a file.
    pub fn file(&self, file: &File) -> Vec<(&'static str, Value)> {
        let (sum, kind) = checksum(&file.checksums);
        vec![
            ("FileID", Value::Int(file_id(file))),
            ("Size", Value::Int(file.size.get())),
            ("UID", id(file.owner.as_str())),
            ("GID", id(file.group.as_str())),
            ("Owner", Value::from(file.owner.as_str())),
            ("OwnerGroup", Value::from(file.group.as_str())),
            ("Mode", Value::Int(i64::from(self.mode_of(file).bits()))),
            ("GUID", Value::Text(file.guid.map(|guid| guid.to_string()).unwrap_or_default())),
            ("Status", Value::from(status::of_file(file.status))),
            ("CreationDate", moment(file.created)),
            ("ModificationDate", moment(file.modified)),
            ("Checksum", sum),
            ("ChecksumType", kind),
        ]
    }

    /// What is said of a directory.
    pub fn directory(directory: &DirectoryAccess) -> Value {
        Value::dict([
            ("DirID", Value::Int(directory_id(directory))),
            ("UID", id(directory.owner.as_str())),
            ("Owner", Value::from(directory.owner.as_str())),
            ("GID", id(directory.group.as_str())),
            ("OwnerGroup", Value::from(directory.group.as_str())),
            ("Status", Value::Int(1)),
            ("Mode", Value::Int(i64::from(directory.mode.bits()))),
            ("CreationDate", moment(directory.created)),
            ("ModificationDate", moment(directory.modified)),
        ])
    }

    /// Those of the replicas that are seen, or all.
    pub fn seen<'r>(
        &self,
        replicas: &'r [Replica],
        all: bool,
    ) -> impl Iterator<Item = &'r Replica> {
        replicas.iter().filter(move |replica| all || self.sees_replica(replica.status))
    }

    /// What is answered as the PFN of a replica.
    pub fn pfn(&self, replica: &Replica) -> Value {
        match (&replica.pfn, self.settings().lfn_pfn_convention) {
            (Some(pfn), PfnConvention::Weak) => Value::from(pfn.as_str()),
            _ => Value::from(""),
        }
    }

    /// Replicas by their storage elements, each with its PFN.
    pub fn pfns(&self, replicas: &[Replica], all: bool) -> Value {
        let entries = self.seen(replicas, all).map(|copy| (copy.se.as_str(), self.pfn(copy)));
        Value::dict(entries)
    }
}
