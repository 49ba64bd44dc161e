use std::collections::HashMap;

use sbk_api::{AddDatasets, AddFiles, Atomicity, BulkResult, Outcome};
use sbk_formats::open_data::{Agreement, Item, Recid, Record};
use sbk_model::{DatasetName, Vo};

use super::{
    convert,
    report::{Refused, Report, Skipped},
    source::Survey,
    storage::Elements,
};
use crate::{bulk, connection::Connection, failure::Failure, human, progress::Display};

/// The most datasets of one group.
const MAX_DATASETS: usize = 100;

/// How many files a group has before it is imported.
const MAX_FILES: usize = 10_000;

/// An import in the middle of its work. Records are imported in groups.
pub struct Load<'a> {
    connection: Connection,
    vo: Vo,
    elements: Elements,
    names: &'a HashMap<Recid, DatasetName>,
    display: Display,
    report: Report,
    group: Vec<Record>,
    group_files: usize,
}

impl<'a> Load<'a> {
    /// Begins an import.
    pub fn new(
        connection: Connection,
        vo: Vo,
        elements: Elements,
        survey: &'a Survey,
        display: Display,
    ) -> Self {
        Self {
            connection,
            vo,
            elements,
            names: &survey.names,
            display,
            report: Report::default(),
            group: Vec::new(),
            group_files: 0,
        }
    }

    /// Takes a record.
    pub async fn take(&mut self, item: Item) -> Result<(), Failure> {
        match item {
            Item::Skipped { recid, title, reason } => {
                let recid = recid.map(Recid::get);
                self.report.skipped.push(Skipped { recid, title, reason: reason.to_string() });
            }
            Item::Dataset(record) => {
                self.group_files += record.files.len();
                self.group.push(*record);
                if self.group.len() >= MAX_DATASETS || self.group_files >= MAX_FILES {
                    self.import_group().await?;
                }
            }
        }
        Ok(())
    }

    /// Imports what is left, and says what was done.
    pub async fn finish(mut self) -> Result<Report, Failure> {
        self.import_group().await?;
        Ok(self.report)
    }

    /// Imports the group: its storage elements, its datasets, then their files.
    async fn import_group(&mut self) -> Result<(), Failure> {
        self.group_files = 0;
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return Ok(());
        }
        let files = group.iter().flat_map(|record| &record.files);
        self.elements.declare(&self.connection, files).await?;

        let datasets = group.iter().map(|record| convert::dataset(record, self.names)).collect();
        let (vo, atomicity) = (self.vo.clone(), Atomicity::Each);
        let result = self.connection.call(AddDatasets { vo, datasets, atomicity }).await?;
        for (record, item) in group.iter().zip(result.results) {
            let taken = item.outcome != Outcome::Refused;
            self.report.datasets(item);
            self.note(record, taken);
            if taken {
                self.import_files(record).await?;
            } else {
                self.display.advance(record.files.len() as u64);
            }
        }
        Ok(())
    }

    /// Notes what a record says of its dataset.
    fn note(&mut self, record: &Record, taken: bool) {
        if taken {
            self.report.documents += record.documents.len() as u64;
            if !record.files.is_empty() {
                self.report.events += record.declared.events.unwrap_or_default();
            }
        }
        if record.agreement() == Agreement::DeclaredOnly {
            self.report.declared_only += 1;
        }
        self.report.differences(record);
        self.report.problems(record);
    }

    /// Imports the files of a dataset.
    async fn import_files(&mut self, record: &Record) -> Result<(), Failure> {
        for files in record.files.chunks(bulk::BATCH) {
            let operation = AddFiles {
                vo: self.vo.clone(),
                files: files.iter().map(|file| convert::file(file, &self.elements)).collect(),
                dataset: Some(record.name.clone()),
                atomicity: Atomicity::Each,
                only_new: false,
                unique_guids: false,
            };
            let result: BulkResult = self.connection.call(operation).await?;
            for (file, item) in files.iter().zip(result.results) {
                if item.outcome == Outcome::Refused {
                    self.report.refused.push(Refused::file(record, item));
                } else {
                    self.report.files += 1;
                    self.report.bytes += file.size.get();
                    self.report.count_file(item.outcome);
                }
            }
            self.display.advance(files.len() as u64);
            self.display.say(human::bytes(self.report.bytes));
        }
        Ok(())
    }
}
