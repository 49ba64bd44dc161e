//! Takes documents about replicas: each as a whole or not at all.

use sbk_api::{BulkResult, FileReplica, Outcome, Problem, Replica, ReplicaName};
use sbk_formats::lhcb::{Action, ReplicaChange};
use sbk_model::{Lfn, Pfn, ReplicaStatus, SeName};
use sbk_store::{audit::Touched, total::Deltas};

use super::values::parsed;
use crate::{Context, Error, file::results, replica};

/// The changes of a document: what comes is done first, then what goes.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    added: Vec<FileReplica>,
    removed: Vec<ReplicaName>,
}

/// The most changes of one document.
const MAX_CHANGES: usize = 10_000;

/// Reads the changes of a document.
pub fn changes(document: &[ReplicaChange]) -> Result<Changes, Problem> {
    if document.len() > MAX_CHANGES {
        let text = format!("{} replicas are more than {MAX_CHANGES}", document.len());
        return Err(super::refused("Replica", text));
    }
    let mut changes = Changes::default();
    for change in document {
        let lfn: Lfn = parsed("Replica.File", &change.file)?;
        let se: SeName = parsed("Replica.SE", &change.se)?;
        match change.action {
            Action::Add => {
                let pfn = change.name.as_deref().map(|name| parsed::<Pfn>("Replica.Name", name));
                let status = ReplicaStatus::default();
                let replica = Replica { se, pfn: pfn.transpose()?, status };
                changes.added.push(FileReplica { lfn, replica });
            }
            Action::Delete => changes.removed.push(ReplicaName { lfn, se }),
        }
    }
    Ok(changes)
}

/// Applies the changes of a document, or says which is the first that cannot be.
pub async fn apply(
    cx: &mut Context<'_>,
    changes: &Changes,
    touched: &mut Vec<Touched>,
) -> Result<Result<BulkResult, Problem>, Error> {
    cx.session.mark().await?;
    let mut deltas = Deltas::default();
    let mut result = BulkResult::default();
    let mut files = Vec::new();
    if !changes.added.is_empty() {
        let added = replica::add(cx, &changes.added, &mut deltas).await?;
        replica::insert(cx, &added).await?;
        files.extend(added.rows.iter().map(|row| Touched::File(row.file)));
        let names: Vec<_> =
            changes.added.iter().map(|r| replica::label(&r.lfn, &r.replica.se)).collect();
        join(&mut result, results(names.iter().map(String::as_str).zip(added.outcomes), false));
    }
    if !changes.removed.is_empty() {
        let removed = replica::remove(cx, &changes.removed, &mut deltas).await?;
        files.extend(removed.rows.iter().map(|row| Touched::File(row.file)));
        let names: Vec<_> = changes.removed.iter().map(|r| replica::label(&r.lfn, &r.se)).collect();
        join(&mut result, results(names.iter().map(String::as_str).zip(removed.outcomes), false));
    }
    let refused = result.results.iter().find(|item| item.outcome == Outcome::Refused);
    if let Some(item) = refused {
        let problem = item.problem.clone().unwrap_or_else(|| super::refused("Replica", "refused"));
        let detail = format!("{}: {}", item.name, problem.detail);
        cx.session.undo().await?;
        return Ok(Err(Problem { detail, ..problem }));
    }
    cx.count(deltas).await?;
    touched.extend(files);
    Ok(Ok(result))
}

fn join(result: &mut BulkResult, more: BulkResult) {
    let all = std::mem::take(&mut result.results).into_iter().chain(more.results);
    *result = BulkResult::of(all.collect());
}
