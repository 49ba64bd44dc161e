use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Gives an enumeration of states its text form, which is the same on every wire and in storage.
macro_rules! states {
    ($name:ident, $field:literal, { $($variant:ident = $text:literal),* $(,)? }) => {
        impl $name {
            /// All states.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The text that stands for the state.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => {
                        let reason = concat!("is none of" $(, " ", $text)*);
                        Err(Invalid::new($field, text, reason))
                    }
                }
            }
        }
    };
}

pub(crate) use states;

/// The state of a file.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    /// Can be used.
    #[default]
    Good,
    /// Exists, and must not be used.
    Bad,
    /// All its replicas are lost.
    Lost,
    /// Taken out of the catalogue, can be restored until its grace period ends.
    Retired,
}

states!(FileStatus, "status", { Good = "good", Bad = "bad", Lost = "lost", Retired = "retired" });

/// What somebody found of the quality of data. The order is from better to worse.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// It can be used.
    Ok,
    /// Nobody has looked, or what somebody said is withdrawn.
    #[default]
    Unchecked,
    /// Somebody has doubts.
    Maybe,
    /// It must not be used.
    Bad,
}

states!(Quality, "quality", { Ok = "ok", Unchecked = "unchecked", Maybe = "maybe", Bad = "bad" });

/// How a job ended.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It did all that it was asked for; its outputs count.
    #[default]
    Done,
    /// It ended with an error, or with less than it was asked for.
    Failed,
    /// It was stopped from outside.
    Killed,
    /// Nothing was heard of it.
    Lost,
}

states!(JobState, "state", { Done = "done", Failed = "failed", Killed = "killed", Lost = "lost" });

/// The state of a replica.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum ReplicaStatus {
    /// Can be read.
    #[default]
    Available,
    /// Is being copied.
    Copying,
    /// Is on its way from tape.
    Staging,
    /// Was found to be damaged or missing.
    Bad,
    /// Was once there.
    Retired,
}

states!(ReplicaStatus, "status", {
    Available = "available",
    Copying = "copying",
    Staging = "staging",
    Bad = "bad",
    Retired = "retired",
});

/// Whose a dataset is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DatasetKind {
    /// The community's.
    #[default]
    Official,
    /// A user's own.
    Personal,
}

states!(DatasetKind, "kind", { Official = "official", Personal = "personal" });

/// The state of a dataset.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DatasetStatus {
    /// Being made; nobody else relies on it.
    Temp,
    /// Ready for its first job, still empty.
    Prepared,
    /// Takes files.
    #[default]
    Open,
    /// Takes no files; can be opened again.
    Closed,
    /// Must not be used.
    Bad,
    /// Never changes again; its snapshots can be cited.
    Frozen,
}

states!(DatasetStatus, "status", {
    Temp = "temp",
    Prepared = "prepared",
    Open = "open",
    Closed = "closed",
    Bad = "bad",
    Frozen = "frozen",
});

impl DatasetStatus {
    /// Whether the state may be changed to another.
    ///
    /// The SBK5 rules (closed to open and back, open or closed to bad, prepared to open), with
    /// temp as the start and frozen as an end that is reached from open or closed.
    pub fn may_become(self, next: Self) -> bool {
        use DatasetStatus::{Bad, Closed, Frozen, Open, Prepared, Temp};
        matches!(
            (self, next),
            (Temp, Prepared | Open)
                | (Prepared, Open)
                | (Open, Closed | Bad | Frozen)
                | (Closed, Open | Bad | Frozen)
        )
    }

    /// The states that this one may be changed to.
    pub fn next(self) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |next| self.may_become(*next))
    }

    /// Whether members may be added and removed.
    pub fn takes_files(self) -> bool {
        matches!(self, Self::Temp | Self::Prepared | Self::Open)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_or_bad_dataset_stays_so() {
        assert_eq!(DatasetStatus::Frozen.next().count(), 0);
        assert_eq!(DatasetStatus::Bad.next().count(), 0);
    }

    #[test]
    fn a_closed_dataset_may_be_opened_again_and_a_prepared_one_not_closed() {
        assert!(DatasetStatus::Closed.may_become(DatasetStatus::Open));
        assert!(!DatasetStatus::Prepared.may_become(DatasetStatus::Closed));
    }

    #[test]
    fn texts_and_states_agree() {
        for status in DatasetStatus::ALL {
            assert_eq!(status.as_str().parse::<DatasetStatus>().unwrap(), *status);
            assert_eq!(serde_json::to_string(status).unwrap(), format!("\"{status}\""));
        }
        assert!("Good".parse::<FileStatus>().is_err());
    }
}
