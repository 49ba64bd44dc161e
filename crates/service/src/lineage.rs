//! What was made from what.

mod chain;
mod draw;
mod prov;
mod walk;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    BulkResult, Code, GetAncestors, GetDescendants, GetSiblings, ListOpenEdges, OpenEdge, Outcome,
    Page, PageArgs, Problem, Relative, SetParents,
};
use sbk_model::{DirKey, FileKey, FileStatus, JobKey, Lfn};
use sbk_store::{
    audit::Touched,
    directory::Lock,
    job,
    lineage::{self, Direction, Edge},
};
pub use walk::Walks;

use crate::{
    Context, Error, Note, Run, cursor,
    file::{find_named, no_file, results},
    register::check_count,
    report::provenance,
};
use walk::Found;

/// The most generations of a walk.
const MAX_DEPTH: u32 = 100;

/// A number of generations within its bounds.
fn depth(field: &str, asked: Option<u32>, default: u32, least: u32) -> Result<u32, Error> {
    let depth = asked.unwrap_or(default);
    if (least..=MAX_DEPTH).contains(&depth) {
        return Ok(depth);
    }
    let reason = format!("is not between {least} and {MAX_DEPTH}");
    Err(Error::invalid(field, &depth.to_string(), reason))
}

impl Run for GetAncestors {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Relative>, Error> {
        let depth = depth("depth", self.depth, 1, 1)?;
        relatives(cx, &self.lfns, Direction::Up, depth, self.retired, &self.page).await
    }
}

impl Run for GetDescendants {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Relative>, Error> {
        let depth = depth("depth", self.depth, 1, 1)?;
        relatives(cx, &self.lfns, Direction::Down, depth, self.retired, &self.page).await
    }
}

/// A page of a walk.
async fn relatives(
    cx: &mut Context<'_>,
    lfns: &[Lfn],
    direction: Direction,
    depth: u32,
    retired: bool,
    page: &PageArgs,
) -> Result<Page<Relative>, Error> {
    check_count("lfns", lfns.len(), 1000)?;
    let (after, limit) = cursor::page::<(u32, u32, i64, i64)>(page)?;
    let after = after.map(|(depth, at, directory, name)| Found {
        depth,
        at,
        file: FileKey { directory: DirKey(directory), name },
    });
    // The first page shows what is there now; those after it go on with what it came to.
    let goes_on = after.is_some();
    let walk = walk::walk(cx, lfns, direction, depth, goes_on).await?;
    // A page begins behind what the one before ended with, also where the walk came to more since.
    let first = after.map_or(0, |after| walk.partition_point(|found| *found <= after));
    let rest = &walk[first..];
    let part = &rest[..usize::try_from(limit).unwrap_or(usize::MAX).min(rest.len())];
    let next = part
        .last()
        .filter(|_| part.len() < rest.len())
        .map(|last| cursor::encode(&(last.depth, last.at, last.file.directory.0, last.file.name)));
    let of = |found: &Found| lfns.get(found.at as usize).map(Lfn::key);
    let part = part.iter().filter_map(|found| Some((of(found)?, found.file, found.depth)));
    let items = present(cx, lfns, part.collect(), retired).await?;
    Ok(Page { items, next })
}

/// Gives files their names, and leaves out those that the caller does not see.
async fn present(
    cx: &mut Context<'_>,
    lfns: &[Lfn],
    found: Vec<(FileKey, FileKey, u32)>,
    retired: bool,
) -> Result<Vec<Relative>, Error> {
    let asked: HashMap<FileKey, &Lfn> = lfns.iter().map(|lfn| (lfn.key(), lfn)).collect();
    let keys: BTreeSet<FileKey> = found.iter().map(|(_, file, _)| *file).collect();
    let named = lineage::names(&mut cx.session, keys).await?;
    let access = cx.access();
    let relatives = found.into_iter().filter_map(|(of, file, depth)| {
        let named = named.get(&file).filter(|named| access.sees(named.vo))?;
        if named.status == Some(FileStatus::Retired) && !retired {
            return None;
        }
        let of = (*asked.get(&of)?).clone();
        Some(Relative { of, lfn: named.lfn.clone(), depth, status: named.status })
    });
    Ok(relatives.collect())
}

impl Run for GetSiblings {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Relative>, Error> {
        check_count("lfns", self.lfns.len(), 1000)?;
        let (after, limit) = cursor::page::<(usize, i64, i64)>(&self.page)?;
        let keys: Vec<FileKey> = self.lfns.iter().map(Lfn::key).collect();
        let makers = lineage::makers(&mut cx.session, keys.iter().copied()).await?;
        let jobs: BTreeSet<JobKey> = makers.values().map(|edge| edge.job).collect();
        let made = lineage::made_by(&mut cx.session, jobs).await?;
        let mut together: BTreeMap<(JobKey, i64), Vec<FileKey>> = BTreeMap::new();
        for edge in made {
            together.entry((edge.job, edge.step)).or_default().push(edge.file);
        }
        let mut found = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            let Some(maker) = makers.get(key) else { continue };
            let files = together.get(&(maker.job, maker.step)).into_iter().flatten();
            found.extend(files.filter(|file| *file != key).map(|file| (at, *file)));
        }
        if let Some((at, directory, name)) = after {
            let last = (at, FileKey { directory: DirKey(directory), name });
            found.retain(|sibling| *sibling > last);
        }
        found.sort_unstable();
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = cursor::next(&found, limit, |(at, file)| {
            cursor::encode(&(at, file.directory.0, file.name))
        });
        let found = found.into_iter().map(|(at, file)| (keys[at], file, 0)).collect();
        Ok(Page { items: present(cx, &self.lfns, found, self.retired).await?, next })
    }
}

impl Run for ListOpenEdges {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<OpenEdge>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let vo = cx.listed_community(self.vo.as_ref())?;
        let after = after.map(|(directory, name)| FileKey { directory: DirKey(directory), name });
        let open = lineage::open_edges(&mut cx.session, vo, after, limit).await?;
        let next = cursor::next(&open, limit, |absent| {
            cursor::encode(&(absent.key.directory.0, absent.key.name))
        });
        let keys: Vec<FileKey> = open.iter().map(|absent| absent.key).collect();
        let users = lineage::users(&mut cx.session, keys).await?;
        let jobs: BTreeSet<JobKey> = users.values().map(|(_, job)| *job).collect();
        let jobs = job::find(&mut cx.session, jobs, Lock::None).await?;
        let items = open.into_iter().map(|absent| {
            let user = users.get(&absent.key);
            OpenEdge {
                lfn: absent.lfn,
                since: absent.since,
                users: user.map_or(0, |(count, _)| *count),
                job: user.and_then(|(_, key)| jobs.get(key)?.name.parse().ok()),
            }
        });
        // What nothing uses any more is no open edge.
        Ok(Page { items: items.filter(|edge| edge.users > 0).collect(), next })
    }
}

impl Run for SetParents {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("parents", self.parents.len(), 1000)?;
        let edges: usize = self.parents.values().map(Vec::len).sum();
        check_count("parents", edges.max(1), 100_000)?;
        let community = cx.community(&self.vo).await?;
        let children: Vec<&Lfn> = self.parents.keys().collect();
        let found = find_named(cx, children.iter().copied(), false, Lock::Update).await?;
        let changeable = cx.changeable(found).await?;
        let keys: Vec<FileKey> = children.iter().map(|lfn| lfn.key()).collect();
        let makers = lineage::makers(&mut cx.session, keys.iter().copied()).await?;
        let known: BTreeSet<JobKey> = makers.values().map(|edge| edge.job).collect();
        let jobs = job::find(&mut cx.session, known.iter().copied(), Lock::None).await?;
        let known = lineage::used_by(&mut cx.session, known).await?;
        let known: BTreeSet<(JobKey, FileKey)> =
            known.into_iter().map(|edge| (edge.job, edge.file)).collect();
        let mut outcomes: Vec<Result<Outcome, Problem>> = Vec::with_capacity(keys.len());
        let (mut used, mut made, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        let mut places = HashMap::new();
        for (at, (child, parents)) in self.parents.iter().enumerate() {
            let key = child.key();
            let maker = makers.get(&key).map(|edge| edge.job);
            let unknown = maker.unwrap_or_else(|| JobKey::unknown_of(key));
            outcomes.push(match (changeable.file(key), maker) {
                (Err(problem), _) => Err(problem),
                (Ok(file), _) if file.vo != community.key => Err(no_file()),
                (Ok(_), Some(maker)) if jobs.contains_key(&maker) => {
                    let text = "a job made it, and says from what; parents cannot be set";
                    Err(Problem::new(Code::Conflict, text))
                }
                (Ok(_), _) => {
                    let new: Vec<&Lfn> = parents
                        .iter()
                        .filter(|parent| !known.contains(&(unknown, parent.key())))
                        .collect();
                    used.extend(new.iter().map(|lfn| Edge {
                        file: lfn.key(),
                        job: unknown,
                        step: 0,
                    }));
                    inputs.extend(new.iter().map(|lfn| (lfn.key(), *lfn)));
                    places.insert(key, at);
                    made.push(Edge { file: key, job: unknown, step: 0 });
                    Ok(if new.is_empty() { Outcome::Unchanged } else { Outcome::Changed })
                }
            });
        }
        let refused = provenance::extend(cx, &community, &inputs, used, made, &places).await?;
        if let Err(refused) = refused {
            for (at, problem) in refused {
                outcomes[at] = Err(problem);
            }
        }
        let abandoned = outcomes.iter().any(Result::is_err);
        let names = children.iter().map(|lfn| lfn.as_str());
        let result = results(names.zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        cx.note(Note {
            count: u64::from(result.changed),
            touched: keys.iter().map(|key| Touched::File(*key)).collect(),
            reason: None,
            detail: serde_json::json!({ "vo": self.vo, "files": keys.len() }),
        });
        Ok(result)
    }
}
