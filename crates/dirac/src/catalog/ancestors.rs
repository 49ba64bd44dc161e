//! What files were made from, and what was made from them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{GetAncestors, GetDescendants, Listing, Page, PageArgs, Relative, SetParents};
use sbk_model::Lfn;
use sbk_wire::Value;

use super::{
    call::{Call, Permitted},
    security::Operation,
};
use crate::{Answer, Failure, NO_SUCH_FILE, python};

/// How many files' relatives are looked for at a time.
const FILES: usize = 1000;

/// The names of files: one, or a list of them; none where there are none.
pub fn names(value: Option<&Value>) -> Result<Vec<Lfn>, String> {
    let parse =
        |text: &str| text.parse().map_err(|_| "Failed to resolve ancestor files".to_owned());
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Text(text)) => parse(text).map(|lfn| vec![lfn]),
        Some(Value::List(items) | Value::Tuple(items)) => items
            .iter()
            .map(|item| item.text().ok_or_else(|| "an ancestor is no text".into()).and_then(parse))
            .collect(),
        Some(_) => Err("Ancestors are neither a text nor a list".into()),
    }
}

/// The generations that are asked for; all where there are none.
fn depths(value: &Value) -> Result<BTreeSet<u32>, Failure> {
    let depth = |value: &Value| match value {
        Value::Int(depth) => Ok(u32::try_from(*depth).unwrap_or_default()),
        Value::Bool(truth) => Ok(u32::from(*truth)),
        other => {
            let text = format!("a depth is a {} and not an int", python::class(other));
            Err(Failure::invalid(&text))
        }
    };
    match value {
        Value::List(items) | Value::Tuple(items) => items.iter().map(depth).collect(),
        one => depth(one).map(|depth| BTreeSet::from([depth])),
    }
}

/// The most generations that are looked through.
const ALL: u32 = 100;

impl Call<'_> {
    /// `addFileAncestors`.
    pub async fn add_ancestors(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::AddFileAncestors).await?;
        let mut wanted: BTreeMap<Lfn, Vec<Lfn>> = BTreeMap::new();
        let files = self.visible_files(paths.keys().map(String::as_str), false, false).await?;
        for (path, value) in paths {
            let Some(file) = files.get(&path) else {
                results.failed(&path, NO_SUCH_FILE);
                continue;
            };
            if !matches!(value, Value::Dict(_)) {
                results.failed(&path, "Missing parameters");
                continue;
            }
            match names(value.get("Ancestors")) {
                Err(text) => results.failed(&path, &text),
                Ok(mut ancestors) => {
                    ancestors.retain(|lfn| *lfn != file.lfn);
                    if ancestors.is_empty() {
                        results.done(&path, true);
                    } else {
                        wanted.insert(file.lfn.clone(), ancestors);
                    }
                }
            }
        }
        let all: BTreeSet<&str> = wanted.values().flatten().map(Lfn::as_str).collect();
        let there = self.visible_files(all, false, false).await?;
        wanted.retain(|child, ancestors| {
            let resolved = ancestors.iter().all(|lfn| there.contains_key(lfn.as_str()));
            if !resolved {
                results.failed(child.as_str(), "Failed to resolve ancestor files");
            }
            resolved
        });
        if !wanted.is_empty() {
            let vo = self.community().await?;
            let children: Vec<Lfn> = wanted.keys().cloned().collect();
            for children in children.chunks(FILES) {
                let parents = children
                    .iter()
                    .filter_map(|child| Some((child.clone(), wanted.remove(child)?)))
                    .collect();
                let set = SetParents { vo: vo.clone(), parents };
                results.extend(&self.ask(set).await?, &Value::Bool(true));
            }
        }
        Ok(results.into())
    }

    /// `getFileAncestors`.
    pub async fn ancestors(&self, argument: Value, depth: Value) -> Result<Answer, Failure> {
        let list = |lfns, depth, page| GetAncestors { lfns, depth, retired: true, page };
        self.relatives(argument, Operation::GetFileAncestors, &depth, list).await
    }

    /// `getFileDescendents`.
    pub async fn descendants(&self, argument: Value, depth: Value) -> Result<Answer, Failure> {
        let list = |lfns, depth, page| GetDescendants { lfns, depth, retired: true, page };
        self.relatives(argument, Operation::GetFileDescendents, &depth, list).await
    }

    async fn relatives<L>(
        &self,
        argument: Value,
        operation: Operation,
        depth: &Value,
        list: impl Fn(Vec<Lfn>, Option<u32>, PageArgs) -> L,
    ) -> Result<Answer, Failure>
    where
        L: Listing<Item = Relative> + sbk_service::Call,
    {
        let depths = depths(depth)?;
        let Permitted { paths, mut results } = self.permitted(argument, operation).await?;
        let files = self.visible_files(paths.keys().map(String::as_str), false, false).await?;
        let deepest = depths.last().copied().unwrap_or(ALL).min(ALL);
        let mut found: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
        let lfns: Vec<Lfn> = files.values().map(|file| file.lfn.clone()).collect();
        for lfns in lfns.chunks(FILES).filter(|_| deepest > 0) {
            let mut after = None;
            loop {
                let page = PageArgs { after, limit: Some(PageArgs::MAX_LIMIT) };
                let Page { items, next } =
                    self.ask(list(lfns.to_vec(), Some(deepest), page)).await?;
                // What is only known by name is no file.
                let kept = items.into_iter().filter(|relative| {
                    relative.status.is_some()
                        && (depths.is_empty() || depths.contains(&relative.depth))
                });
                for relative in kept {
                    let entry = (relative.lfn.to_string(), i64::from(relative.depth));
                    found.entry(relative.of.to_string()).or_default().push(entry);
                }
                after = next;
                if after.is_none() {
                    break;
                }
            }
        }
        for path in paths.keys() {
            if !files.contains_key(path) {
                results.failed(path, NO_SUCH_FILE);
                continue;
            }
            let relatives = found.remove(path).unwrap_or_default();
            let relatives = relatives.into_iter().map(|(lfn, depth)| (lfn, Value::Int(depth)));
            results.done(path, Value::dict(relatives));
        }
        Ok(results.into())
    }
}
