//! Walks over the generations of files, breadth first.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use sbk_model::{FileKey, Lfn, Timestamp, fingerprint};
use sbk_store::lineage::{self, Direction};

use crate::{Context, Error};

/// A file that a walk came to. Their order is that of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// How many generations lie between where the walk began and the file.
    pub depth: u32,
    /// Where the walk began: the place among those that were asked about.
    pub at: u32,
    /// The file.
    pub file: FileKey,
}

/// The most files that a walk may come to, counted for each that it begins at.
const MAX_FOUND: usize = 1_000_000;

/// The most files of all walks that are remembered.
const MAX_REMEMBERED: usize = 1_000_000;

/// How long a walk is remembered, in seconds.
const REMEMBERED_SECONDS: i64 = 60;

/// Walks whose pages are still being asked for, so that a page does not walk anew. Without them a
/// page is the same, only slower.
#[derive(Debug, Default)]
pub struct Walks(Mutex<VecDeque<Remembered>>);

/// A walk by its key, and until when it is remembered.
type Remembered = (i64, Timestamp, Arc<Vec<Found>>);

impl Walks {
    fn find(&self, key: i64, now: Timestamp) -> Option<Arc<Vec<Found>>> {
        let mut walks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        walks.retain(|(_, until, _)| *until > now);
        walks.iter().find(|(known, ..)| *known == key).map(|(.., walk)| walk.clone())
    }

    fn remember(&self, key: i64, now: Timestamp, walk: &Arc<Vec<Found>>) {
        let mut walks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        walks.retain(|(known, ..)| *known != key);
        walks.push_back((key, now.plus_seconds(REMEMBERED_SECONDS), walk.clone()));
        while walks.iter().map(|(.., walk)| walk.len()).sum::<usize>() > MAX_REMEMBERED {
            walks.pop_front();
        }
    }
}

/// The most files of a walk that is not worth remembering: it fits one page.
const SMALL: usize = 100;

/// Walks from files, and gives what is met in the order of depth, beginning and key. One that goes
/// on takes the walk that is remembered, so that its pages are of one walk.
pub async fn walk(
    cx: &mut Context<'_>,
    lfns: &[Lfn],
    direction: Direction,
    depth: u32,
    goes_on: bool,
) -> Result<Arc<Vec<Found>>, Error> {
    let mut parts: Vec<&str> = lfns.iter().map(Lfn::as_str).collect();
    let way = format!("{direction:?} {depth}");
    parts.push(&way);
    let key = fingerprint("walk", &parts);
    if goes_on && let Some(walk) = cx.service.walks().find(key, cx.now) {
        return Ok(walk);
    }
    let walk = Arc::new(all(cx, lfns, direction, depth).await?);
    if walk.len() > SMALL {
        cx.service.walks().remember(key, cx.now, &walk);
    }
    Ok(walk)
}

async fn all(
    cx: &mut Context<'_>,
    lfns: &[Lfn],
    direction: Direction,
    depth: u32,
) -> Result<Vec<Found>, Error> {
    let starts: Vec<FileKey> = lfns.iter().map(Lfn::key).collect();
    // Which walks are at a file, by their place in `starts`.
    let mut front: HashMap<FileKey, Vec<u32>> = HashMap::new();
    let mut seen: HashSet<(u32, FileKey)> = HashSet::new();
    for (at, start) in (0_u32..).zip(&starts) {
        if seen.insert((at, *start)) {
            front.entry(*start).or_default().push(at);
        }
    }
    let mut found = Vec::new();
    for generation in 1..=depth {
        let files: Vec<FileKey> = front.keys().copied().collect();
        if files.is_empty() {
            break;
        }
        let mut next: HashMap<FileKey, Vec<u32>> = HashMap::new();
        let mut met = Vec::new();
        for hop in lineage::hops(&mut cx.session, &files, direction).await? {
            for at in front.get(&hop.from).into_iter().flatten() {
                if seen.insert((*at, hop.to)) {
                    next.entry(hop.to).or_default().push(*at);
                    met.push((*at, hop.to));
                }
            }
        }
        if found.len() + met.len() > MAX_FOUND {
            return Err(Error::TooLarge(format!(
                "the walk comes to more than {MAX_FOUND} files; ask for fewer files or generations"
            )));
        }
        met.sort_unstable();
        found.extend(met.into_iter().map(|(at, file)| Found { depth: generation, at, file }));
        front = next;
    }
    Ok(found)
}
