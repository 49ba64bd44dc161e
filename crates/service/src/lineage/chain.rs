//! The whole chain of a file: files, and the steps of jobs between them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use sbk_api::{Chain, ChainFile, ChainForm, ChainStep, GetChain};
use sbk_model::{FileKey, FileType, JobKey, Lfn};
use sbk_store::{
    directory::Lock,
    file, job,
    lineage::{self, Direction},
    name_of,
};

use super::{depth, draw, prov};
use crate::{
    Context, Error, Run,
    file::{find_named, no_file},
};

/// The most files of a chain that is drawn.
const MAX_FILES: usize = 2000;

/// What a step of a job used and made.
#[derive(Debug, Default)]
struct Ends {
    used: BTreeSet<FileKey>,
    made: BTreeSet<FileKey>,
}

/// A chain by keys.
#[derive(Debug, Default)]
struct Keys {
    depths: HashMap<FileKey, i32>,
    steps: BTreeMap<(JobKey, i64), Ends>,
    cut: bool,
}

impl Run for GetChain {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Chain, Error> {
        let up = depth("up", self.up, 10, 0)?;
        let down = depth("down", self.down, 0, 0)?;
        let found = find_named(cx, std::iter::once(&self.lfn), false, Lock::None).await?;
        if found.is_empty() {
            return Err(Error::NotFound(no_file().detail));
        }
        let mut keys = Keys { depths: [(self.lfn.key(), 0)].into(), ..Keys::default() };
        collect(cx, &mut keys, self.lfn.key(), Direction::Up, up).await?;
        collect(cx, &mut keys, self.lfn.key(), Direction::Down, down).await?;
        let mut chain = describe(cx, keys).await?;
        match self.form {
            ChainForm::Graph => {}
            ChainForm::Svg => chain.text = Some(draw::svg(&chain)),
            ChainForm::Dot => chain.text = Some(draw::dot(&chain)),
            ChainForm::Prov => chain.prov = Some(prov::document(&chain)),
        }
        Ok(chain)
    }
}

async fn collect(
    cx: &mut Context<'_>,
    keys: &mut Keys,
    start: FileKey,
    direction: Direction,
    generations: u32,
) -> Result<(), Error> {
    let sign = if direction == Direction::Up { -1 } else { 1 };
    let mut front = vec![start];
    let mut seen = HashSet::from([start]);
    for generation in 1..=generations {
        let hops = lineage::hops(&mut cx.session, &front, direction).await?;
        front = Vec::new();
        for hop in hops {
            if keys.depths.len() >= MAX_FILES && !keys.depths.contains_key(&hop.to) {
                keys.cut = true;
                continue;
            }
            let (parent, child) = match direction {
                Direction::Up => (hop.to, hop.from),
                Direction::Down => (hop.from, hop.to),
            };
            let ends = keys.steps.entry((hop.job, hop.step)).or_default();
            ends.used.insert(parent);
            ends.made.insert(child);
            if seen.insert(hop.to) {
                front.push(hop.to);
                let depth = i32::try_from(generation).unwrap_or(i32::MAX);
                keys.depths.entry(hop.to).or_insert(sign * depth);
            }
        }
        if front.is_empty() {
            break;
        }
    }
    // A file that nothing was used for still has a maker.
    let makers = lineage::makers(&mut cx.session, keys.depths.keys().copied()).await?;
    for (file, edge) in makers {
        keys.steps.entry((edge.job, edge.step)).or_default().made.insert(file);
    }
    Ok(())
}

async fn describe(cx: &mut Context<'_>, keys: Keys) -> Result<Chain, Error> {
    let session = &mut cx.session;
    let files: BTreeSet<FileKey> = keys.depths.keys().copied().collect();
    let named = lineage::names(session, files.iter().copied()).await?;
    let stored = file::find(session, files.iter().copied(), false, Lock::None).await?;
    let types: BTreeSet<i64> = stored.values().filter_map(|file| file.file_type).collect();
    let types = session.terms(types).await?;
    let access = cx.access();
    let mut chain = Chain { cut: keys.cut, ..Chain::default() };
    let mut lfns: HashMap<FileKey, Lfn> = HashMap::new();
    for (key, depth) in &keys.depths {
        let Some(name) = named.get(key).filter(|name| access.sees(name.vo)) else { continue };
        let stored = stored.get(key);
        let file_type = stored.and_then(|file| file.file_type);
        let file = ChainFile {
            depth: *depth,
            status: name.status,
            file_type: file_type.map(|key| name_of::<FileType>(&types, key)).transpose()?,
            events: stored.and_then(|file| file.events).map(sbk_model::Events::get),
        };
        chain.files.insert(name.lfn.to_string(), file);
        lfns.insert(*key, name.lfn.clone());
    }
    chain.steps = steps(cx, keys.steps, &lfns).await?;
    Ok(chain)
}

async fn steps(
    cx: &mut Context<'_>,
    ends: BTreeMap<(JobKey, i64), Ends>,
    lfns: &HashMap<FileKey, Lfn>,
) -> Result<Vec<ChainStep>, Error> {
    let session = &mut cx.session;
    let keys: BTreeSet<JobKey> = ends.keys().map(|(job, _)| *job).collect();
    let jobs = job::find(session, keys.iter().copied(), Lock::None).await?;
    let rows = job::steps(session, keys).await?;
    let mut terms: BTreeSet<i64> =
        rows.values().flatten().flat_map(|s| [Some(s.application), s.version]).flatten().collect();
    terms.extend(jobs.values().flat_map(|j| [j.site, j.production.map(|p| p.0)]).flatten());
    let terms = session.terms(terms).await?;
    let names = |files: BTreeSet<FileKey>| -> Vec<Lfn> {
        let mut names: Vec<Lfn> = files.iter().filter_map(|key| lfns.get(key).cloned()).collect();
        names.sort_unstable();
        names
    };
    let mut steps = Vec::new();
    for ((key, number), ends) in ends {
        let job = jobs.get(&key);
        let row = rows.get(&key).and_then(|rows| rows.iter().find(|row| row.step == number));
        let name = |key: Option<i64>| key.and_then(|key| terms.get(&key));
        steps.push(ChainStep {
            job: job.and_then(|job| job.name.parse().ok()),
            production: name(job.and_then(|j| j.production).map(|p| p.0))
                .and_then(|name| name.parse().ok()),
            step: number,
            application: name(row.map(|row| row.application)).and_then(|name| name.parse().ok()),
            version: name(row.and_then(|row| row.version)).and_then(|name| name.parse().ok()),
            site: name(job.and_then(|job| job.site)).and_then(|name| name.parse().ok()),
            started: job.and_then(|job| job.started),
            ended: job.and_then(|job| job.ended),
            used: names(ends.used),
            made: names(ends.made),
        });
    }
    steps.retain(|step| !step.made.is_empty());
    steps.sort_by(|a, b| (&a.made, &a.job, a.step).cmp(&(&b.made, &b.job, b.step)));
    Ok(steps)
}
