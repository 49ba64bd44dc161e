use sbk_model::{Lfn, Pfn, Reason, ReplicaStatus, SeName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Atomicity, BulkResult, operation::operations};

/// A copy of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Replica {
    /// The storage element that holds it.
    pub se: SeName,
    /// Its physical name; derived from the storage element's prefix when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pfn: Option<Pfn>,
    /// Its state.
    #[serde(default)]
    pub status: ReplicaStatus,
}

/// A replica of a named file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileReplica {
    /// The file.
    pub lfn: Lfn,
    /// The copy.
    #[serde(flatten)]
    pub replica: Replica,
}

/// A file at a storage element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicaName {
    /// The file.
    pub lfn: Lfn,
    /// The storage element.
    pub se: SeName,
}

/// Records that files have a replica.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddReplicas {
    /// The replicas, 1 to 10,000.
    pub replicas: Vec<FileReplica>,
    /// What happens to the rest when one is refused.
    #[serde(default)]
    pub atomicity: Atomicity,
}

/// Changes the state of replicas.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetReplicaStatus {
    /// The replicas, 1 to 10,000.
    pub replicas: Vec<ReplicaName>,
    /// The new state. `retired` takes a replica out, any other state brings it back.
    pub status: ReplicaStatus,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// Removes the record of replicas.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveReplicas {
    /// The replicas, 1 to 10,000.
    pub replicas: Vec<ReplicaName>,
    /// Why.
    pub reason: Reason,
}

/// Finds the replicas of files.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindReplicas {
    /// The files, 1 to 10,000.
    pub lfns: Vec<Lfn>,
}

/// A file with its replicas.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReplicasOf {
    /// The file.
    pub lfn: Lfn,
    /// Its replicas, in the order of their storage elements.
    pub replicas: Vec<Replica>,
}

/// The replicas that were found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FoundReplicas {
    /// The files that are there, in the order in which they were asked for.
    pub found: Vec<ReplicasOf>,
    /// Names that no file has.
    pub missing: Vec<Lfn>,
}

/// A replica that is to be at another storage element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicaMove {
    /// The file.
    pub lfn: Lfn,
    /// Where its replica is recorded.
    pub se: SeName,
    /// Where it is.
    pub to: SeName,
}

/// Records that replicas are at other storage elements. Their state and PFN stay.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveReplicas {
    /// The replicas, 1 to 10,000.
    pub replicas: Vec<ReplicaMove>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

operations! {
    FindReplicas = "findReplicas"(lfns), Post "/replicas/find", Read, reads -> FoundReplicas;
    "Finds the replicas of files, 1 to 10,000 a call."
    MoveReplicas = "moveReplicas"(replicas), Post "/replicas/move", Write, writes -> BulkResult;
    "Records that replicas are at other storage elements."
    AddReplicas = "addReplicas"(replicas), Post "/replicas", Write, writes -> BulkResult;
    "Records that files have a replica."
    SetReplicaStatus = "setReplicaStatus"(replicas, status), Post "/replicas/status", Write, writes -> BulkResult;
    "Changes the state of replicas; `retired` takes one out and any other state brings it back."
    RemoveReplicas = "removeReplicas"(replicas, reason), Post "/replicas/remove", Write, writes -> BulkResult;
    "Removes the record of replicas for good."
}
