//! Which inputs of a production have no good output, and why.

use std::collections::{BTreeSet, HashMap};

use sbk_api::{Completeness, GetCompleteness, ListMissingInputs, MissingCount, MissingInput, Page};
use sbk_model::{DirKey, FileKey, Lfn};
use sbk_store::{
    directory::{self, Lock},
    file, job, lineage, name_of,
    production_input::{self, Lacking},
    task_total,
};

use crate::{Context, Error, Run, cursor};

impl Run for GetCompleteness {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Completeness, Error> {
        let stored = super::find(cx, &self.name, self.vo.as_ref()).await?;
        let totals = task_total::of(&mut cx.session, [stored.key]).await?;
        let inputs: i64 = totals.iter().map(|(_, _, sums)| sums.inputs).sum();
        let counts = production_input::count_lacking(&mut cx.session, stored.key).await?;
        let missing: i64 = counts.iter().map(|(_, inputs)| inputs).sum();
        let reasons = counts.into_iter().map(|(reason, inputs)| MissingCount { reason, inputs });
        Ok(Completeness { inputs, good: inputs - missing, missing, reasons: reasons.collect() })
    }
}

impl Run for ListMissingInputs {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<MissingInput>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let after = after.map(|(dir, name)| FileKey { directory: DirKey(dir), name });
        let stored = super::find(cx, &self.name, self.vo.as_ref()).await?;
        let (key, reason) = (stored.key, self.reason);
        let session = &mut cx.session;
        let found = production_input::list_lacking(session, key, reason, after, limit).await?;
        let next = cursor::next(&found, limit, |input| {
            cursor::encode(&(input.file.directory.0, input.file.name))
        });
        Ok(Page { items: present(cx, found).await?, next })
    }
}

/// The names of files, and the states of those that are there.
async fn names(
    cx: &mut Context<'_>,
    keys: &BTreeSet<FileKey>,
) -> Result<HashMap<FileKey, (Lfn, Option<sbk_model::FileStatus>)>, Error> {
    let bad = |e: sbk_model::Invalid| sbk_store::Error::Internal(e.to_string());
    let files = file::find(&mut cx.session, keys.iter().copied(), false, Lock::None).await?;
    let directories = keys.iter().map(|key| key.directory.0);
    let paths = directory::paths(&mut cx.session, directories).await?;
    let mut names = HashMap::with_capacity(keys.len());
    for (key, file) in &files {
        let Some(path) = paths.get(&key.directory.0) else { continue };
        let lfn = format!("{path}/{}", file.name).parse().map_err(bad)?;
        names.insert(*key, (lfn, Some(file.status)));
    }
    let gone = keys.iter().copied().filter(|key| !names.contains_key(key)).collect::<Vec<_>>();
    let gone = lineage::absent_names(&mut cx.session, gone).await?;
    names.extend(gone.into_iter().map(|(key, lfn)| (key, (lfn, None))));
    Ok(names)
}

async fn present(cx: &mut Context<'_>, found: Vec<Lacking>) -> Result<Vec<MissingInput>, Error> {
    let keys = found.iter().map(|input| input.file).collect();
    let mut names = names(cx, &keys).await?;
    let jobs = found.iter().filter_map(|input| input.job);
    let jobs = job::find(&mut cx.session, jobs, Lock::None).await?;
    let terms: BTreeSet<i64> =
        found.iter().flat_map(|input| [input.site, input.detail]).flatten().collect();
    let terms = cx.session.terms(terms).await?;
    let shown = found.into_iter().map(|input| {
        let (lfn, status) = names.remove(&input.file).unzip();
        let job = input.job.and_then(|key| jobs.get(&key)).and_then(|job| job.name.parse().ok());
        Ok(MissingInput {
            lfn,
            status: status.flatten(),
            reason: input.reason,
            task: input.task.and_then(|task| u32::try_from(task).ok()),
            state: input.state,
            attempts: input.attempts.and_then(|count| u16::try_from(count).ok()),
            job,
            site: input.site.map(|key| name_of(&terms, key)).transpose()?,
            detail: input.detail.map(|key| name_of(&terms, key)).transpose()?,
        })
    });
    shown.collect()
}
