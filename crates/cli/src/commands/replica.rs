use clap::Subcommand;
use sbk_api::{AddReplicas, Atomicity, FileReplica, RemoveReplicas, ReplicaName, SetReplicaStatus};
use sbk_model::{Lfn, Pfn, Reason, ReplicaStatus, SeName};

use crate::{context::Context, failure::Failure, input};

/// What to do with replicas.
#[derive(Debug, Subcommand)]
pub enum Replica {
    /// Record that a storage element holds copies of files
    #[command(after_help = "\
Examples:
  sbk replica add CNAF-disk /superb/run1/a.root
  sbk query 'run = 5' --plain | sbk replica add CNAF-disk -
  sbk replica add CNAF-disk /superb/run1/a.root --pfn root://host//data/a.root")]
    Add {
        /// The storage element
        se: SeName,
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// The physical name, for one file; else derived from the storage element's prefix
        #[arg(long, value_name = "URL")]
        pfn: Option<Pfn>,
        /// The state: available, copying, staging or bad
        #[arg(long, default_value_t)]
        status: ReplicaStatus,
    },
    /// Change the state of copies
    #[command(after_help = "\
Examples:
  sbk replica status CNAF-disk bad /superb/run1/a.root --reason 'checksum differs'")]
    Status {
        /// The storage element
        se: SeName,
        /// The new state: available, copying, staging, bad or retired
        status: ReplicaStatus,
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Remove the record of copies for good
    #[command(after_help = "\
Examples:
  sbk replica remove CNAF-old /superb/run1/a.root --reason 'disk retired'")]
    Remove {
        /// The storage element
        se: SeName,
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// Why
        #[arg(long)]
        reason: Reason,
    },
}

impl Replica {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Add { se, lfns, pfn, status } => {
                let lfns: Vec<Lfn> = input::names(&lfns)?;
                if pfn.is_some() && lfns.len() != 1 {
                    let text = "--pfn names one copy; give one LFN with it";
                    return Err(Failure::Usage(text.to_owned()));
                }
                let replica = sbk_api::Replica { se, pfn, status };
                let of = |lfn| FileReplica { lfn, replica: replica.clone() };
                let replicas = lfns.into_iter().map(of).collect();
                let atomicity = Atomicity::Each;
                context.in_batches(replicas, |replicas| AddReplicas { replicas, atomicity }).await
            }
            Self::Status { se, status, lfns, reason } => {
                let operation =
                    |replicas| SetReplicaStatus { replicas, status, reason: reason.clone() };
                context.in_batches(replicas(&se, &lfns)?, operation).await
            }
            Self::Remove { se, lfns, reason } => {
                let operation = |replicas| RemoveReplicas { replicas, reason: reason.clone() };
                context.in_batches(replicas(&se, &lfns)?, operation).await
            }
        }
    }
}

/// The copies of files at a storage element.
fn replicas(se: &SeName, lfns: &[String]) -> Result<Vec<ReplicaName>, Failure> {
    let lfns: Vec<Lfn> = input::names(lfns)?;
    Ok(lfns.into_iter().map(|lfn| ReplicaName { lfn, se: se.clone() }).collect())
}
