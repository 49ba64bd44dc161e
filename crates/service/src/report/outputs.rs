//! Registers what jobs made, and lets it join its datasets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{Code, NewFile, Problem};
use sbk_model::{DatasetKey, DatasetName, FileType, JobKey, ProductionKey};
use sbk_store::{dataset, directory::Lock, total::Deltas};

use super::{
    draft::{Draft, new_files},
    take::{self, Productions},
};
use crate::{
    Context, Error,
    context::no_dataset,
    metadata::Community,
    register::{self, Registration},
    section, tree,
};

type Refused = BTreeMap<usize, Problem>;

/// The datasets that outputs join when they name none.
type Defaults = HashMap<(ProductionKey, FileType), DatasetName>;

/// Registers the outputs of jobs that count, with replicas and memberships.
pub async fn register(
    cx: &mut Context<'_>,
    community: &Community,
    jobs: &[&Draft<'_>],
    productions: &Productions,
) -> Result<Result<Deltas, Refused>, Error> {
    let all = new_files(jobs);
    if all.is_empty() {
        return Ok(Ok(Deltas::default()));
    }
    let mut refused = Refused::new();
    let files: Vec<&NewFile> = all.iter().map(|(.., file)| *file).collect();
    let elements = register::declared_elements(cx, &files).await?;
    let mut call = Registration::new(files.len());
    let mut drafts = call.check(cx, community, &files, &elements);
    section::attach(&mut drafts, |at| {
        let (job, output, _) = all.get(at)?;
        Some(&jobs.get(*job)?.report.outputs.get(*output)?.sections)
    });
    let defaults = defaults(productions)?;
    let datasets = datasets(cx, community, jobs, (&all, &defaults), &mut refused).await?;
    refuse(&call, jobs, &all, &mut refused);
    check_places(cx, jobs, &mut refused).await?;
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    let directories: BTreeSet<_> = drafts.iter().map(|draft| draft.directory.clone()).collect();
    tree::ensure(cx, community, &directories, &BTreeMap::new()).await?;
    drafts.sort_by_key(|draft| draft.stored.key);
    let known = call.insert(cx, community, &drafts).await?;
    refuse(&call, jobs, &all, &mut refused);
    let makers = if known.is_empty() {
        HashMap::new()
    } else {
        take::makers(cx, known.keys().copied()).await?
    };
    for draft in drafts.iter().filter(|draft| makers.contains_key(&draft.stored.key)) {
        let (job, ..) = all[draft.at];
        refused.insert(jobs[job].at, made_elsewhere(cx, makers[&draft.stored.key], draft).await?);
    }
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    for (at, problem) in section::keep(cx, &drafts, |key| known.contains_key(&key)).await? {
        call.outcomes[at] = Err(problem);
    }
    refuse(&call, jobs, &all, &mut refused);
    let mut deltas = Deltas::default();
    register::count_new_files(&drafts, &known, community, &mut deltas)?;
    call.add_replicas(cx, &drafts, &known, &mut deltas).await?;
    refuse(&call, jobs, &all, &mut refused);
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    let joining = drafts.iter().filter_map(|draft| Some((*datasets.get(&draft.at)?, draft)));
    let joining: Vec<_> = joining.collect();
    call.add_members(cx, &joining, &known, &mut deltas).await?;
    Ok(Ok(deltas))
}

async fn made_elsewhere(
    cx: &mut Context<'_>,
    maker: JobKey,
    draft: &register::Draft<'_>,
) -> Result<Problem, Error> {
    let found = sbk_store::job::find(&mut cx.session, [maker], Lock::None).await?;
    let text = match found.get(&maker) {
        Some(job) => format!("{} was made by the job {:?}", draft.new.lfn, job.name),
        None => format!("{} is there, and was made otherwise", draft.new.lfn),
    };
    Ok(Problem::new(Code::Conflict, text))
}

/// Passes refused files on to the reports that they are in.
fn refuse(
    call: &Registration,
    jobs: &[&Draft<'_>],
    all: &[(usize, usize, &NewFile)],
    refused: &mut Refused,
) {
    for ((job, output, file), outcome) in all.iter().zip(&call.outcomes) {
        if let Err(problem) = outcome {
            let field = match &problem.field {
                Some(field) => format!("outputs.{output}.{field}"),
                None => format!("outputs.{output}"),
            };
            let detail = format!("{}: {}", file.lfn, problem.detail);
            let problem = Problem { field: Some(field), detail, ..problem.clone() };
            refused.entry(jobs[*job].at).or_insert(problem);
        }
    }
}

/// Refuses reports whose outputs lie where the caller may not write.
async fn check_places(
    cx: &mut Context<'_>,
    jobs: &[&Draft<'_>],
    refused: &mut Refused,
) -> Result<(), Error> {
    if cx.access().is_official() {
        return Ok(());
    }
    for job in jobs {
        let places = job.files().map(|(_, output)| output.file.lfn.directory()).collect();
        match cx.check_writes_in(&places).await {
            Ok(()) => {}
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => drop(refused.entry(job.at).or_insert(Problem::from(error))),
        }
    }
    Ok(())
}

/// The datasets that outputs join, by the place of the output among all.
async fn datasets(
    cx: &mut Context<'_>,
    community: &Community,
    jobs: &[&Draft<'_>],
    (all, defaults): (&[(usize, usize, &NewFile)], &Defaults),
    refused: &mut Refused,
) -> Result<HashMap<usize, DatasetKey>, Error> {
    let mut names: BTreeMap<DatasetName, Vec<usize>> = BTreeMap::new();
    for (at, (job, output, file)) in all.iter().enumerate() {
        let draft = jobs[*job];
        let default = || {
            let file_type = file.file_type.clone()?;
            defaults.get(&(draft.production?, file_type)).cloned()
        };
        if let Some(name) = draft.report.outputs[*output].dataset.clone().or_else(default) {
            names.entry(name).or_default().push(at);
        }
    }
    let keys = names.keys().map(|name| DatasetKey::of(&community.vo, name));
    let found = dataset::find(&mut cx.session, keys, Lock::Share).await?;
    let mut joined = HashMap::new();
    for (name, places) in names {
        let opened = match found.get(&DatasetKey::of(&community.vo, &name)) {
            Some(found) => open(cx, found).await,
            None => Err(no_dataset(&name, Some(&community.vo))),
        };
        match opened {
            Ok(key) => joined.extend(places.into_iter().map(|at| (at, key))),
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => {
                let problem = Problem::from(error);
                for at in places {
                    let (job, output, _) = all[at];
                    let field = Some(format!("outputs.{output}.dataset"));
                    refused.entry(jobs[job].at).or_insert(Problem { field, ..problem.clone() });
                }
            }
        }
    }
    Ok(joined)
}

/// Refuses a dataset that does not take files from the caller.
async fn open(cx: &mut Context<'_>, found: &dataset::Stored) -> Result<DatasetKey, Error> {
    cx.check_fills_dataset(found).await?;
    register::takes_files(found)?;
    Ok(found.key)
}

/// The datasets that the productions of jobs name for what they make.
fn defaults(productions: &Productions) -> Result<Defaults, Error> {
    let mut defaults = Defaults::new();
    for (key, stored) in productions {
        let outputs = crate::production::definition(stored)?.outputs;
        defaults.extend(outputs.into_iter().map(|(kind, dataset)| ((*key, kind), dataset)));
    }
    Ok(defaults)
}
