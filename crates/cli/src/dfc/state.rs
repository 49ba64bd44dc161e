use std::{fs, io, path::PathBuf};

use sbk_dfc::Counts;
use serde::{Deserialize, Serialize};

use super::report::Report;
use crate::failure::Failure;

/// What is being imported.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Directories.
    #[default]
    Directories,
    /// Files.
    Files,
    /// What files were made from.
    Parents,
    /// Datasets.
    Datasets,
    /// Nothing more.
    Done,
}

/// How far an import is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Place {
    /// What is being imported.
    pub stage: Stage,
    /// The number that it goes on after.
    pub after: Option<i64>,
    /// What was done so far.
    pub report: Report,
}

/// The place of an import, and the file that keeps it.
#[derive(Debug)]
pub struct State {
    path: Option<PathBuf>,
    /// The place.
    pub place: Place,
}

impl State {
    /// Reads the place of an import that was cut short; one that ended begins again.
    pub fn read(path: Option<PathBuf>, counts: &Counts) -> Result<Self, Failure> {
        let mut place = Place::default();
        if let Some(path) = &path {
            match fs::read(path) {
                Ok(bytes) => {
                    place = serde_json::from_slice(&bytes).map_err(|error| {
                        let text = format!(
                            "--state: {} holds no place of an import: {error}; name another file",
                            path.display()
                        );
                        Failure::Usage(text)
                    })?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::io(path.display(), &error)),
            }
        }
        if place.stage == Stage::Done || place.report.read > counts.all_files() {
            place = Place::default();
        }
        Ok(Self { path, place })
    }

    /// Goes on to a stage, unless it was reached before.
    pub fn begins(&mut self, stage: Stage) -> bool {
        if self.place.stage < stage {
            self.place.stage = stage;
            self.place.after = None;
        }
        self.place.stage == stage
    }

    /// Keeps the place.
    pub fn keep(&mut self, after: Option<i64>) -> Result<(), Failure> {
        self.place.after = after;
        let Some(path) = &self.path else { return Ok(()) };
        let failed = |error: io::Error| Failure::io(path.display(), &error);
        let bytes = serde_json::to_vec(&self.place).map_err(|error| failed(error.into()))?;
        // Half a place is worse than an old one.
        let draft = path.with_extension("new");
        fs::write(&draft, bytes).map_err(failed)?;
        fs::rename(&draft, path).map_err(failed)
    }

    /// Says that all is done.
    pub fn finish(mut self) -> Result<Report, Failure> {
        self.place.stage = Stage::Done;
        self.keep(None)?;
        Ok(self.place.report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_goes_on_where_it_was_cut_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().join("place.json"));
        let counts = Counts { files: [("AprioriGood".into(), 10)].into(), ..Counts::default() };

        let mut state = State::read(path.clone(), &counts).unwrap();
        assert!(state.begins(Stage::Directories));
        assert!(state.begins(Stage::Files));
        state.place.report.read = 5;
        state.keep(Some(7)).unwrap();

        let mut again = State::read(path.clone(), &counts).unwrap();
        assert!(!again.begins(Stage::Directories));
        assert!(again.begins(Stage::Files));
        assert_eq!((again.place.after, again.place.report.read), (Some(7), 5));
        again.finish().unwrap();
        assert!(State::read(path.clone(), &counts).unwrap().begins(Stage::Directories));

        fs::write(path.as_ref().unwrap(), "{").unwrap();
        let error = State::read(path, &counts).unwrap_err().message().unwrap();
        assert!(error.contains("--state"), "{error}");
    }
}
