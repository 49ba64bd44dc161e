use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use sbk_formats::open_data::{self, Item, ReadError, Recid, Record};
use sbk_model::DatasetName;
use tokio::sync::mpsc;

use crate::{failure::Failure, input};

/// How many records are read ahead.
const AHEAD: usize = 4;

/// What a first reading of all records showed.
#[derive(Debug, Default)]
pub struct Survey {
    /// The names of the datasets by the number of their record.
    pub names: HashMap<Recid, DatasetName>,
    /// How many files of data are listed.
    pub files: u64,
}

impl Survey {
    /// Notes a record.
    fn note(&mut self, record: &Record) {
        self.files += record.files.len() as u64;
        if let Some(recid) = record.recid {
            self.names.insert(recid, record.name.clone());
        }
    }
}

/// Reads all records for the first time; fails where one cannot be read.
pub fn survey(files: &[PathBuf]) -> Result<Survey, Failure> {
    let mut survey = Survey::default();
    for file in files {
        if input::is_standard(file) {
            let text = "the standard input cannot be read twice; give the name of a file";
            return Err(Failure::Usage(text.to_owned()));
        }
        let _never_stopped = read(file, |item| {
            if let Item::Dataset(record) = item {
                survey.note(&record);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(survey)
}

/// Gives all records one after the other, read by a thread of their own.
pub fn items(files: &[PathBuf]) -> mpsc::Receiver<Result<Item, Failure>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let files = files.to_vec();
    // The thread ends when all is read, or when nobody receives any more.
    tokio::task::spawn_blocking(move || {
        for file in &files {
            let each = |item| match sender.blocking_send(Ok(item)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            match read(file, each) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return,
                Err(failure) => {
                    // Nobody may be there to be told.
                    let _ = sender.blocking_send(Err(failure));
                    return;
                }
            }
        }
    });
    receiver
}

/// Reads the records of a file.
fn read(
    file: &Path,
    each: impl FnMut(Item) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Failure> {
    let outcome = open_data::read(input::open(file)?, each).map_err(|error| match error {
        ReadError::Io(error) => Failure::io(file.display(), &error),
        other => Failure::Usage(format!("{}: {other}", file.display())),
    })?;
    Ok(match outcome {
        ControlFlow::Continue(_) => ControlFlow::Continue(()),
        ControlFlow::Break(()) => ControlFlow::Break(()),
    })
}
