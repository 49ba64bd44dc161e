use std::collections::BTreeMap;

use sbk_api::{CountFiles, ListStorageElements, PageArgs, Selection};
use sbk_dfc::Counts;
use sbk_dirac::catalog::status;
use sbk_model::FileStatus;
use serde::Serialize;

use crate::{connection::Connection, failure::Failure};

/// A number of the catalogue beside that of the bookkeeping. They agree where the bookkeeping holds
/// nothing but the catalogue.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is counted.
    pub what: String,
    /// How many the catalogue has.
    pub source: u64,
    /// How many there are here.
    pub here: u64,
}

impl Check {
    /// Whether both have the same number.
    pub fn agrees(&self) -> bool {
        self.source == self.here
    }
}

/// Compares numbers of files and bytes by state, and of replicas by storage element.
pub async fn compare(connection: &Connection, counts: &Counts) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    let mut expected: BTreeMap<FileStatus, (u64, u64)> = BTreeMap::new();
    for (name, files) in &counts.files {
        let state = status::file(name).unwrap_or(FileStatus::Bad);
        let (number, bytes) = expected.entry(state).or_default();
        *number += files;
        *bytes += counts.bytes.get(name).copied().unwrap_or_default();
    }
    for (state, (files, bytes)) in expected {
        let expr = Some(format!("status = {state}"));
        let selection = Selection { expr, ..Selection::default() };
        let here = connection.call(CountFiles { selection }).await?;
        let name = status::of_file(state);
        checks.push(Check {
            what: format!("files that are {name}"),
            source: files,
            here: here.files.unsigned_abs(),
        });
        checks.push(Check {
            what: format!("their bytes ({name})"),
            source: bytes,
            here: here.bytes.unsigned_abs(),
        });
    }
    let mut after = None;
    let mut elements = BTreeMap::new();
    loop {
        let page = PageArgs { after, limit: Some(PageArgs::MAX_LIMIT) };
        let page = connection.call(ListStorageElements { page }).await?;
        elements.extend(
            page.items
                .into_iter()
                .map(|held| (held.element.name.to_string(), held.totals.files.unsigned_abs())),
        );
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    for (element, replicas) in &counts.replicas {
        checks.push(Check {
            what: format!("replicas at {element}"),
            source: *replicas,
            here: elements.get(element).copied().unwrap_or_default(),
        });
    }
    Ok(checks)
}
