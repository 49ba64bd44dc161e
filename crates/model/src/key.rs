use serde::{Deserialize, Serialize};

/// Gives the first 64 bits of BLAKE3 over the parts, each after its length, as a signed number.
///
/// BLAKE3: <https://github.com/BLAKE3-team/BLAKE3-specs>. Signed, because no backend has an
/// unsigned 64-bit type in common.
fn hash(domain: &str, parts: &[&str]) -> i64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(domain.as_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let digest = *hasher.finalize().as_bytes();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// The key of a directory: a hash of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DirKey(pub i64);

impl DirKey {
    /// Makes the key of a path without closing slash; the root's path is empty.
    pub fn of(path: &str) -> Self {
        Self(hash("directory", &[path]))
    }
}

/// The key of a file: the key of its directory, and a hash of its base name.
///
/// A directory is a range of keys. The names are kept beside the keys, so a collision is seen
/// when a name is stored, and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileKey {
    /// The directory's key.
    pub directory: DirKey,
    /// The hash of the base name.
    pub name: i64,
}

impl FileKey {
    /// Makes the key of a base name in a directory, whose path has no closing slash.
    pub fn of(directory: &str, base: &str) -> Self {
        Self::within(DirKey::of(directory), base)
    }

    /// Makes the key of a base name in a directory of known key.
    pub fn within(directory: DirKey, base: &str) -> Self {
        Self { directory, name: hash("file", &[base]) }
    }
}

/// The key of a dataset: a hash of its community and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DatasetKey(pub i64);

impl DatasetKey {
    /// Makes the key of a dataset.
    pub fn of(vo: &crate::Vo, name: &crate::DatasetName) -> Self {
        Self(hash("dataset", &[vo.as_str(), name.as_str()]))
    }
}

/// The key of a job: a hash of its community and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKey(pub i64);

impl JobKey {
    /// Makes the key of a job.
    pub fn of(vo: &crate::Vo, name: &crate::JobName) -> Self {
        Self(hash("job", &[vo.as_str(), name.as_str()]))
    }

    /// Makes the key that stands for how a file was made when no job is known: from its parents,
    /// as its producer says.
    pub fn unknown_of(file: FileKey) -> Self {
        Self(hash("derived", &[&file.directory.0.to_string(), &file.name.to_string()]))
    }
}

/// The key of a production: a hash of its community and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProductionKey(pub i64);

impl ProductionKey {
    /// Makes the key of a production.
    pub fn of(vo: &crate::Vo, name: &crate::ProductionName) -> Self {
        Self(hash("production", &[vo.as_str(), name.as_str()]))
    }
}

/// The key of a request for a sample: a hash of its community and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestKey(pub i64);

impl RequestKey {
    /// Makes the key of a request.
    pub fn of(vo: &crate::Vo, name: &crate::RequestName) -> Self {
        Self(hash("request", &[vo.as_str(), name.as_str()]))
    }
}

/// The key of a campaign: a hash of its community and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CampaignKey(pub i64);

impl CampaignKey {
    /// Makes the key of a campaign.
    pub fn of(vo: &crate::Vo, name: &crate::CampaignName) -> Self {
        Self(hash("campaign", &[vo.as_str(), name.as_str()]))
    }
}

/// The key of a step or of a processing pass, which all its versions share: a hash of its
/// community and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecipeKey(pub i64);

impl RecipeKey {
    /// Makes the key of a step.
    pub fn of_step(vo: &crate::Vo, name: &crate::StepName) -> Self {
        Self(hash("step", &[vo.as_str(), name.as_str()]))
    }

    /// Makes the key of a processing pass.
    pub fn of_pass(vo: &crate::Vo, name: &crate::PassName) -> Self {
        Self(hash("pass", &[vo.as_str(), name.as_str()]))
    }
}

/// The key of a storage element: a hash of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeKey(pub i64);

impl SeKey {
    /// Makes the key of a storage element.
    pub fn of(name: &crate::SeName) -> Self {
        Self(hash("se", &[name.as_str()]))
    }
}

/// The key of a name that many entities share: an owner, a group, a community, a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TermKey(pub i64);

impl TermKey {
    /// Makes the key of a name.
    pub fn of(name: &str) -> Self {
        Self(hash("term", &[name]))
    }
}

/// The key of anything else that is told apart by texts, for instance a client's write.
pub fn fingerprint(domain: &str, parts: &[&str]) -> i64 {
    hash(domain, parts)
}

/// The id of an audit entry: milliseconds since 2020 in the upper 41 bits, then 22 random bits.
///
/// Ids sort by time without a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuditId(pub i64);

impl AuditId {
    /// 2020-01-01 in milliseconds since 1970.
    const EPOCH_MS: i64 = 1_577_836_800_000;

    /// Makes an id for a moment from 22 bits of randomness.
    pub fn at(time: crate::Timestamp, random: u32) -> Self {
        let ms = (time.micros() / 1000 - Self::EPOCH_MS).max(0);
        Self((ms << 22) | i64::from(random & 0x003f_ffff))
    }
}

/// How many files there are, with their bytes and events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Totals {
    /// Number of files.
    pub files: i64,
    /// Sum of the sizes, in bytes.
    pub bytes: i64,
    /// Sum of the events of the files that state them.
    pub events: i64,
}

impl Totals {
    /// Whether nothing is counted.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Adds another count, or gives `None` where a sum does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            files: self.files.checked_add(other.files)?,
            bytes: self.bytes.checked_add(other.bytes)?,
            events: self.events.checked_add(other.events)?,
        })
    }
}

impl std::ops::Neg for Totals {
    type Output = Self;

    fn neg(self) -> Self {
        Self { files: -self.files, bytes: -self.bytes, events: -self.events }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_never_change() {
        assert_eq!(DirKey::of("").0, -1_531_317_822_795_709_673);
        assert_eq!(FileKey::of("/a", "b").name, 6_652_811_697_481_684_298);
    }

    #[test]
    fn names_that_differ_only_in_case_have_other_keys() {
        assert_ne!(FileKey::of("/a", "B"), FileKey::of("/a", "b"));
        assert_ne!(DirKey::of("/A"), DirKey::of("/a"));
    }

    #[test]
    fn audit_ids_sort_by_time() {
        let early = AuditId::at(crate::Timestamp::from_micros(1_700_000_000_000_000), u32::MAX);
        let late = AuditId::at(crate::Timestamp::from_micros(1_700_000_000_001_000), 0);

        assert!(early < late);
    }
}
