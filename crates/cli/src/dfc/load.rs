use std::collections::BTreeMap;

use sbk_api::{BulkResult, ImportRecords, Record, SetParents};
use sbk_dfc::{Fields, Source};
use sbk_model::{Lfn, Timestamp, Vo};
use tokio::sync::mpsc;

use super::{
    report::Kind,
    state::{Stage, State},
};
use crate::{bulk, connection::Connection, failure::Failure, progress::Display};

/// How many pages are read before they are written.
const AHEAD: usize = 2;

/// How many records go into one call.
const RECORDS: usize = 2500;

/// What was read at once.
struct Page {
    records: Vec<Record>,
    rows: u64,
    next: Option<i64>,
}

/// An import in the middle of its work.
pub struct Load<'a> {
    pub connection: &'a Connection,
    pub fields: &'a Fields,
    pub display: &'a Display,
    /// The moment that the import began.
    pub now: Timestamp,
}

impl Load<'_> {
    /// Imports what is left.
    pub async fn run(&self, mut source: Source, state: &mut State) -> Result<(), Failure> {
        if state.begins(Stage::Directories) {
            self.directories(&mut source, state).await?;
        }
        if state.begins(Stage::Files) {
            self.files(&mut source, state).await?;
        }
        if state.begins(Stage::Parents) {
            self.parents(&mut source, state).await?;
        }
        if state.begins(Stage::Datasets) {
            self.datasets(&mut source, state).await?;
        }
        state.place.report.findings.extend(std::mem::take(&mut source.findings));
        Ok(())
    }

    async fn directories(&self, source: &mut Source, state: &mut State) -> Result<(), Failure> {
        loop {
            let (records, next) = source.directories(self.fields, state.place.after).await?;
            let records = records.into_iter().map(Record::Directory).collect();
            self.write(Kind::Directories, records, state).await?;
            state.keep(next)?;
            if next.is_none() {
                return Ok(());
            }
        }
    }

    async fn files(&self, source: &mut Source, state: &mut State) -> Result<(), Failure> {
        let (sender, mut pages) = mpsc::channel(AHEAD);
        let after = state.place.after;
        let read = async move {
            let failed = |error: sbk_dfc::Error| Failure::from(error);
            let files = source.begin_files(self.now).await.map_err(failed)?;
            let mut after = after;
            loop {
                let page = source.files(&files, self.fields, after).await.map_err(failed)?;
                let next = page.next;
                let records = page.records.into_iter().map(Record::File).collect();
                let page = Page { records, rows: page.rows, next };
                // Nobody takes it where writing failed, which is told there.
                if sender.send(page).await.is_err() || next.is_none() {
                    return Ok(());
                }
                after = next;
            }
        };
        let write = async {
            while let Some(page) = pages.recv().await {
                let report = &mut state.place.report;
                report.read += page.rows;
                for record in &page.records {
                    if let Record::File(file) = record {
                        report.replicas += file.file.replicas.len() as u64;
                    }
                }
                self.write(Kind::Files, page.records, state).await?;
                self.display.advance(page.rows);
                state.keep(page.next)?;
            }
            drop(pages);
            Ok(())
        };
        let (read, written): (Result<(), Failure>, Result<(), Failure>) = tokio::join!(read, write);
        written.and(read)
    }

    async fn parents(&self, source: &mut Source, state: &mut State) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let (edges, next) = source.parents(after).await?;
            let mut by_vo: BTreeMap<Vo, BTreeMap<Lfn, Vec<Lfn>>> = BTreeMap::new();
            for (child, parent) in edges {
                let vo = source.communities().of(&child.directory());
                by_vo.entry(vo).or_default().entry(child).or_default().push(parent);
            }
            for (vo, parents) in by_vo {
                let all: Vec<(Lfn, Vec<Lfn>)> = parents.into_iter().collect();
                for part in all.chunks(bulk::BATCH) {
                    let parents = part.iter().cloned().collect();
                    let call = SetParents { vo: vo.clone(), parents };
                    let result = self.connection.call(call).await?;
                    state.place.report.count(Kind::Parents, result);
                }
            }
            if next.is_none() {
                return state.keep(None);
            }
            after = next;
        }
    }

    async fn datasets(&self, source: &mut Source, state: &mut State) -> Result<(), Failure> {
        let datasets = source.datasets(self.fields).await?;
        for part in datasets.chunks(bulk::BATCH) {
            let records = part.iter().map(|dataset| Record::Dataset(dataset.record.clone()));
            self.write(Kind::Datasets, records.collect(), state).await?;
        }
        for (id, snapshot) in datasets.into_iter().filter_map(|dataset| dataset.frozen) {
            let record = Record::Snapshot(snapshot.clone());
            self.write(Kind::Snapshots, vec![record], state).await?;
            let mut after = None;
            loop {
                let (files, next) = source.frozen_files(id, &snapshot, after).await?;
                let records = files.into_iter().map(Record::SnapshotFile).collect();
                self.write(Kind::Snapshots, records, state).await?;
                if next.is_none() {
                    break;
                }
                after = next;
            }
        }
        Ok(())
    }

    /// Writes records, and counts what became of them.
    async fn write(
        &self,
        kind: Kind,
        mut records: Vec<Record>,
        state: &mut State,
    ) -> Result<(), Failure> {
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(RECORDS));
            let result: BulkResult = self.connection.call(ImportRecords { records }).await?;
            state.place.report.count(kind, result);
            records = rest;
        }
        Ok(())
    }
}
