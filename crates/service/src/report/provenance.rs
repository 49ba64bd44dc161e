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
    let open = lineage::note_absent(&mut cx.session, inputs, community.key, cx.now).await?;
    let mut refused = cycles_within(&used, &made, makers);
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    lineage::add_used(&mut cx.session, used).await?;
    let new = lineage::add_made(&mut cx.session, made, &open).await?;
    // Only now: who had to be waited for, has added edges.
    if !makers.is_empty() {
        let files = makers.keys().copied();
        let used = lineage::among_used_before(&mut cx.session, files, cx.audit).await?;
        for file in lead_back(cx, used).await? {
            refused.insert(makers[&file], cycle());
        }
    }
    Ok(if refused.is_empty() { Ok(new) } else { Err(refused) })
}

fn cycle() -> Problem {
    let text = "its outputs would be made from themselves: an input was made from one of them";
    Problem { field: Some("inputs".into()), ..Problem::new(Code::Conflict, text) }
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
        .filter(|edge| is_beyond_itself(edge.file, &above))
        .map(|edge| (makers[&edge.file], cycle()))
        .collect()
}

/// Whether the way on from a file, by what is `next` to each, leads back to it.
fn is_beyond_itself<V: AsRef<[FileKey]>>(start: FileKey, next: &HashMap<FileKey, V>) -> bool {
    let mut seen = HashSet::new();
    let mut front = vec![start];
    while let Some(file) = front.pop() {
        for other in next.get(&file).map(AsRef::as_ref).unwrap_or_default() {
            if *other == start {
                return true;
            }
            if seen.insert(*other) {
                front.push(*other);
            }
        }
    }
    false
}

/// Whether the way on from a file, by what is `next` to each, meets any cycle. Files that are found
/// free of one are `settled`.
fn meets_itself<V: AsRef<[FileKey]>>(
    start: FileKey,
    next: &HashMap<FileKey, V>,
    settled: &mut HashSet<FileKey>,
) -> bool {
    // Each entry is a file with the number of those next to it that were looked at.
    let mut path = vec![(start, 0)];
    let mut on_path = HashSet::from([start]);
    while let Some((file, seen)) = path.last_mut() {
        let all = next.get(file).map(AsRef::as_ref).unwrap_or_default();
        let Some(other) = all.get(*seen).copied() else {
            settled.insert(*file);
            on_path.remove(file);
            path.pop();
            continue;
        };
        *seen += 1;
        if on_path.contains(&other) {
            return true;
        }
        if !settled.contains(&other) {
            on_path.insert(other);
            path.push((other, 0));
        }
    }
    false
}

/// Those of the files from which the way down leads back to them. All are followed together, a
/// generation in one query.
async fn lead_back(cx: &mut Context<'_>, starts: BTreeSet<FileKey>) -> Result<Vec<FileKey>, Error> {
    let mut below: HashMap<FileKey, Vec<FileKey>> = HashMap::new();
    let mut seen: HashSet<FileKey> = starts.iter().copied().collect();
    let mut front: Vec<FileKey> = starts.iter().copied().collect();
    while !front.is_empty() {
        let hops = lineage::hops(&mut cx.session, &front, Direction::Down).await?;
        front.clear();
        for hop in hops {
            below.entry(hop.from).or_default().push(hop.to);
            if seen.insert(hop.to) {
                front.push(hop.to);
            }
        }
    }
    let mut settled = HashSet::new();
    if !starts.iter().any(|file| meets_itself(*file, &below, &mut settled)) {
        return Ok(Vec::new());
    }
    Ok(starts.into_iter().filter(|file| is_beyond_itself(*file, &below)).collect())
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
