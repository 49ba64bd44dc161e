//! Removes files for good.

use std::collections::{BTreeSet, HashMap};

use sbk_api::{BulkResult, Outcome, RemoveFiles};
use sbk_model::{FileKey, Lfn};
use sbk_store::{
    audit::{self, Touched},
    directory::Lock,
    file::{self, Stored},
};

use crate::{
    Context, Error, Note, Run,
    file::{find_named, results},
    register::check_count,
    retire,
};

impl Run for RemoveFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let found = find_named(cx, self.lfns.iter(), false, Lock::Update).await?;
        let stored = cx.changeable(found).await?;
        let keys: BTreeSet<FileKey> = stored.keys().copied().collect();
        let around = retire::surroundings(cx, &keys).await?;
        let going: Vec<&Stored> = keys
            .iter()
            .filter(|key| !around.frozen.contains_key(key))
            .filter_map(|key| stored.get(key))
            .collect();
        // What is retired counts nothing any more.
        let deltas = retire::count(cx, &going, &around, |file| -file.counts()).await?;
        remove(cx, &going).await?;
        cx.count(deltas).await?;
        let mut seen = BTreeSet::new();
        let outcomes = self.lfns.iter().map(|lfn| {
            let key = lfn.key();
            let outcome = match stored.file(key) {
                // A repeated removal finds nothing, which is what it asks for.
                Err(problem) if problem.code == sbk_api::Code::NotFound => Ok(Outcome::Unchanged),
                Err(problem) => Err(problem),
                Ok(_) if !seen.insert(key) => Ok(Outcome::Unchanged),
                Ok(_) => match around.frozen.get(&key) {
                    Some(dataset) => Err(retire::frozen(dataset)),
                    None => Ok(Outcome::Removed),
                },
            };
            (lfn.as_str(), outcome)
        });
        let result = results(outcomes, false);
        let names: Vec<&Lfn> =
            self.lfns.iter().filter(|lfn| keys.contains(&lfn.key())).take(100).collect();
        cx.note(Note {
            count: going.len() as u64,
            touched: going.iter().map(|file| Touched::File(file.key)).collect(),
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({ "files": names, "removed": result.removed }),
        });
        Ok(result)
    }
}

/// Removes the rows of files, and keeps the names of those that others refer to.
async fn remove(cx: &mut Context<'_>, going: &[&Stored]) -> Result<(), Error> {
    let links: Vec<_> = going.iter().map(|file| (Touched::File(file.key), file.audit)).collect();
    audit::link(&mut cx.session, links).await?;
    let communities: HashMap<FileKey, i64> = going.iter().map(|f| (f.key, f.vo)).collect();
    let rows = going.iter().map(|file| (*file).clone()).collect();
    let shown = file::present(&mut cx.session, rows).await?;
    retire::keep_names(cx, &shown, &communities).await?;
    let keys: Vec<FileKey> = going.iter().map(|file| file.key).collect();
    Ok(file::remove(&mut cx.session, &keys).await?)
}
