//! Writes the edges of reports, and refuses those that close a cycle.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{Code, Problem};
use sbk_model::{FileKey, Lfn};
use sbk_store::{
    job::Standing,
    lineage::{self, Direction, Edge},
};

use super::draft::Draft;
use crate::{Context, Error, metadata::Community};

/// Who is refused, by place in the call.
pub type Refused = BTreeMap<usize, Problem>;

/// Writes what jobs used and made.
pub async fn add(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
    standings: &[Standing],
) -> Result<Result<(), Refused>, Error> {
    let mut used = Vec::new();
    let mut made = Vec::new();
    let mut makers: HashMap<FileKey, usize> = HashMap::new();
    for (draft, standing) in drafts.iter().zip(standings) {
        let edge = |lfn: &Lfn, step| Edge { file: lfn.key(), job: draft.key, step };
        if *standing != Standing::Counts {
            used.extend(draft.edges.inputs.iter().map(|lfn| edge(lfn, 0)));
            continue;
        }
        used.extend(draft.edges.used.iter().map(|(step, lfn)| edge(lfn, *step)));
        for (step, at) in &draft.edges.made {
            let edge = edge(&draft.report.outputs[*at].file.lfn, *step);
            makers.insert(edge.file, draft.at);
            made.push(edge);
        }
    }
    let inputs: Vec<(FileKey, &Lfn)> =
        drafts.iter().flat_map(|d| &d.edges.inputs).map(|lfn| (lfn.key(), *lfn)).collect();
    write(cx, community, &inputs, used, made, &makers).await
}

/// Writes edges, or says which of those who make files (by `makers`) would close a cycle: then
/// what was done is to be undone.
pub async fn write(
    cx: &mut Context<'_>,
    community: &Community,
    inputs: &[(FileKey, &Lfn)],
    used: Vec<Edge>,
    made: Vec<Edge>,
    makers: &HashMap<FileKey, usize>,
) -> Result<Result<(), Refused>, Error> {
    let count = made.len() as u64;
    let written = extend(cx, community, inputs, used, made, makers).await?;
    match written {
        Ok(new) if new < count => {
            Err(sbk_store::Error::Contended("a file was made elsewhere".into()).into())
        }
        other => Ok(other.map(|_| ())),
    }
}

/// Writes edges as [`write`] does, where some may be there already; gives how many files were
/// made that were not before.
pub async fn extend(
    cx: &mut Context<'_>,
    community: &Community,
    inputs: &[(FileKey, &Lfn)],
    used: Vec<Edge>,
    made: Vec<Edge>,
    makers: &HashMap<FileKey, usize>,
) -> Result<Result<u64, Refused>, Error> {
    note_open(cx, community, inputs).await?;
    let mut used_before = BTreeSet::new();
    if !makers.is_empty() {
        used_before = lineage::among_used(&mut cx.session, makers.keys().copied()).await?;
    }
    let mut refused = cycles_within(&used, &made, makers);
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    lineage::add_used(&mut cx.session, used).await?;
    let new = lineage::add_made(&mut cx.session, made).await?;
    for file in used_before {
        if leads_back(cx, file).await? {
            refused.insert(makers[&file], cycle());
        }
    }
    Ok(if refused.is_empty() { Ok(new) } else { Err(refused) })
}

fn cycle() -> Problem {
    let text = "its outputs would be made from themselves: an input was made from one of them";
    Problem { field: Some("inputs".into()), ..Problem::new(Code::Conflict, text) }
}

/// Keeps the names of inputs that are not in the catalogue, and meets whoever registers them now.
async fn note_open(
    cx: &mut Context<'_>,
    community: &Community,
    inputs: &[(FileKey, &Lfn)],
) -> Result<(), Error> {
    let missing = lineage::note_absent(&mut cx.session, inputs, community.key, cx.now).await?;
    if missing.is_empty() || lineage::reserve(&mut cx.session, &missing).await? {
        return Ok(());
    }
    Err(sbk_store::Error::Contended("an input was registered elsewhere".into()).into())
}

/// Finds cycles among the jobs of one call.
fn cycles_within(used: &[Edge], made: &[Edge], makers: &HashMap<FileKey, usize>) -> Refused {
    let crosses = |edge: &&Edge| makers.contains_key(&edge.file);
    if !used.iter().any(|edge| crosses(&edge)) {
        return Refused::new();
    }
    let mut parents: HashMap<_, Vec<FileKey>> = HashMap::new();
    for edge in used.iter().filter(crosses) {
        parents.entry((edge.job, edge.step)).or_default().push(edge.file);
    }
    let above: HashMap<FileKey, &[FileKey]> = made
        .iter()
        .map(|edge| (edge.file, parents.get(&(edge.job, edge.step)).map_or(&[][..], Vec::as_slice)))
        .collect();
    let mut settled: HashSet<FileKey> = HashSet::new();
    if !made.iter().any(|edge| meets_itself(edge.file, &above, &mut settled)) {
        return Refused::new();
    }
    made.iter()
        .filter(|edge| is_above_itself(edge.file, &above))
        .map(|edge| (makers[&edge.file], cycle()))
        .collect()
}

/// Whether the way up from a file leads back to it.
fn is_above_itself(start: FileKey, above: &HashMap<FileKey, &[FileKey]>) -> bool {
    let mut seen = HashSet::new();
    let mut front = vec![start];
    while let Some(file) = front.pop() {
        for parent in above.get(&file).copied().unwrap_or_default() {
            if *parent == start {
                return true;
            }
            if seen.insert(*parent) {
                front.push(*parent);
            }
        }
    }
    false
}

/// Whether the way up from a file meets any cycle. Files that are found free of one are `settled`.
fn meets_itself(
    start: FileKey,
    above: &HashMap<FileKey, &[FileKey]>,
    settled: &mut HashSet<FileKey>,
) -> bool {
    // Each entry is a file with the number of its parents that were looked at.
    let mut path = vec![(start, 0)];
    let mut on_path = HashSet::from([start]);
    while let Some((file, seen)) = path.last_mut() {
        let parents = above.get(file).copied().unwrap_or_default();
        let Some(parent) = parents.get(*seen).copied() else {
            settled.insert(*file);
            on_path.remove(file);
            path.pop();
            continue;
        };
        *seen += 1;
        if on_path.contains(&parent) {
            return true;
        }
        if !settled.contains(&parent) {
            on_path.insert(parent);
            path.push((parent, 0));
        }
    }
    false
}

/// Whether the way down from a file leads back to it.
async fn leads_back(cx: &mut Context<'_>, start: FileKey) -> Result<bool, Error> {
    let mut seen = HashSet::from([start]);
    let mut front = vec![start];
    while !front.is_empty() {
        let hops = lineage::hops(&mut cx.session, &front, Direction::Down).await?;
        if hops.iter().any(|hop| hop.to == start) {
            return Ok(true);
        }
        front = hops.into_iter().map(|hop| hop.to).filter(|file| seen.insert(*file)).collect();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use sbk_model::{DirKey, JobKey};

    use super::*;

    fn file(name: i64) -> FileKey {
        FileKey { directory: DirKey(0), name }
    }

    fn edge(name: i64, job: i64) -> Edge {
        Edge { file: file(name), job: JobKey(job), step: 1 }
    }

    #[test]
    fn jobs_that_are_each_others_parents_are_found() {
        let made = [edge(1, 1), edge(2, 2), edge(3, 3)];
        let makers = HashMap::from([(file(1), 0), (file(2), 1), (file(3), 2)]);
        let chain = [edge(1, 2), edge(2, 3)];
        let ring = [edge(1, 2), edge(2, 3), edge(3, 1)];

        assert!(cycles_within(&chain, &made, &makers).is_empty());
        assert!(!cycles_within(&ring, &made, &makers).is_empty());
    }
}
