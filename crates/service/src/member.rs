use std::collections::BTreeSet;

use sbk_api::{
    AddMembers, BulkResult, Code, File, ListMembers, Outcome, Page, Problem, RemoveMembers,
};
use sbk_model::{FileKey, FileStatus, Lfn};
use sbk_store::{
    audit::Touched,
    directory::Lock,
    member,
    total::{Deltas, Subject},
};

use crate::{
    Context, Error, Note, Run, cursor,
    file::{With, find_named, no_file, present, results},
    query::{self, Asked},
    register::{check_count, takes_files},
};

impl Run for AddMembers {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let dataset = cx.dataset(&self.name, self.vo.as_ref(), Lock::Share).await?;
        cx.check_fills_dataset(&dataset).await?;
        takes_files(&dataset)?;
        let stored = find_named(cx, self.lfns.iter(), false, Lock::Update).await?;
        let session = &mut cx.session;
        let before = member::among(session, dataset.key, stored.keys().copied()).await?;
        let mut joining = BTreeSet::new();
        let outcomes: Vec<_> = self
            .lfns
            .iter()
            .map(|lfn| {
                let file = stored.get(&lfn.key()).ok_or_else(no_file)?;
                if file.vo != dataset.vo {
                    let text = "the file belongs to another community than the dataset";
                    return Err(Problem::new(Code::Conflict, text));
                }
                if file.status == FileStatus::Retired {
                    return Err(Problem::new(Code::Conflict, "it is retired; restore it first"));
                }
                if before.contains(&file.key) || !joining.insert(file.key) {
                    return Ok(Outcome::Unchanged);
                }
                Ok(Outcome::Added)
            })
            .collect();
        let members = joining.iter().map(|file| (dataset.key, *file)).collect();
        member::insert(&mut cx.session, &members, cx.audit).await?;
        let mut deltas = Deltas::default();
        for key in &joining {
            deltas.add(Subject::Dataset(dataset.key), stored[key].counts())?;
        }
        cx.count(deltas).await?;
        let result = results(self.lfns.iter().map(Lfn::as_str).zip(outcomes), false);
        note(cx, dataset.key, &joining, None);
        Ok(result)
    }
}

fn note(
    cx: &mut Context<'_>,
    dataset: sbk_model::DatasetKey,
    files: &BTreeSet<FileKey>,
    reason: Option<String>,
) {
    let touched = files.iter().map(|key| Touched::File(*key));
    cx.note(Note {
        count: files.len() as u64,
        touched: touched.chain([Touched::Dataset(dataset)]).collect(),
        reason,
        detail: serde_json::json!({ "files": files.len() }),
    });
}

impl Run for RemoveMembers {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("lfns", self.lfns.len(), 10_000)?;
        let dataset = cx.dataset(&self.name, self.vo.as_ref(), Lock::Share).await?;
        cx.check_fills_dataset(&dataset).await?;
        takes_files(&dataset)?;
        let stored = find_named(cx, self.lfns.iter(), false, Lock::Update).await?;
        let session = &mut cx.session;
        let leaving = member::among(session, dataset.key, stored.keys().copied()).await?;
        member::remove(session, dataset.key, &leaving).await?;
        let mut deltas = Deltas::default();
        for file in leaving.iter().filter_map(|key| stored.get(key)) {
            deltas.add(Subject::Dataset(dataset.key), -file.counts())?;
        }
        cx.count(deltas).await?;
        let mut seen = BTreeSet::new();
        let outcomes = self.lfns.iter().map(|lfn| {
            let first = seen.insert(lfn.key());
            let removed = first && leaving.contains(&lfn.key());
            (lfn.as_str(), Ok(if removed { Outcome::Removed } else { Outcome::Unchanged }))
        });
        let result = results(outcomes, false);
        note(cx, dataset.key, &leaving, self.reason.as_ref().map(ToString::to_string));
        Ok(result)
    }
}

impl Run for ListMembers {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<File>, Error> {
        let dataset = cx.dataset(&self.name, self.vo.as_ref(), Lock::None).await?;
        if let Some(text) = &dataset.query {
            let terms = cx.session.terms([dataset.vo]).await?;
            let vo = sbk_store::name_of(&terms, dataset.vo)?;
            return query::page(cx, &Asked::files(text, &vo), &self.page, With::default(), true)
                .await;
        }
        let (after, limit) = cursor::page::<FileKey>(&self.page)?;
        let session = &mut cx.session;
        let step = member::list(session, dataset.key, after, limit, true).await?;
        let items = present(session, step.files, With::default()).await?;
        Ok(Page { items, next: step.next.as_ref().map(cursor::encode) })
    }
}
