use sbk_api::{ItemResult, Outcome};
use sbk_formats::open_data::Record;
use serde::Serialize;

use crate::{
    failure::Failure,
    human,
    output::{Format, Output},
};

/// How many entries of a list are shown to people.
const SHOWN: usize = 20;

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// How many datasets were taken, new or known.
    pub datasets: u64,
    /// How many of their files were taken.
    pub files: u64,
    /// The bytes of those files.
    pub bytes: i64,
    /// The events of the datasets that list files.
    pub events: i64,
    /// How many documents the datasets have.
    pub documents: u64,
    /// What is new.
    pub added: Counts,
    /// What was there and was changed.
    pub changed: Counts,
    /// What was there as it should be.
    pub unchanged: Counts,
    /// Records that describe no dataset.
    pub skipped: Vec<Skipped>,
    /// Where what is declared is not what is listed.
    pub differences: Vec<Difference>,
    /// How many datasets list no file of what they declare.
    pub declared_only: u64,
    /// What could not be taken.
    pub refused: Vec<Refused>,
    /// What else is odd about a record.
    pub problems: Vec<Refused>,
}

/// How many of each.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Datasets.
    pub datasets: u64,
    /// Files.
    pub files: u64,
}

/// A record that describes no dataset.
#[derive(Debug, Serialize)]
pub struct Skipped {
    /// Its number.
    pub recid: Option<u32>,
    /// Its title.
    pub title: Option<String>,
    /// Why it was skipped.
    pub reason: String,
}

/// A declared number that is not the listed one.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// The dataset.
    pub dataset: String,
    /// What differs.
    pub what: &'static str,
    /// What is declared.
    pub declared: i64,
    /// What is listed.
    pub listed: i64,
}

/// Something that could not be taken.
#[derive(Debug, Serialize)]
pub struct Refused {
    /// The dataset.
    pub dataset: String,
    /// The file, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Why.
    pub reason: String,
}

impl Refused {
    /// A file that the service refused.
    pub fn file(record: &Record, item: ItemResult) -> Self {
        let dataset = record.name.to_string();
        Self { dataset, reason: reason(&item), file: Some(item.name) }
    }
}

/// Why the service refused something.
fn reason(item: &ItemResult) -> String {
    item.problem.as_ref().map_or_else(|| "was refused".to_owned(), ToString::to_string)
}

impl Report {
    /// Counts the outcome of a dataset.
    pub fn datasets(&mut self, item: ItemResult) {
        if item.outcome == Outcome::Refused {
            let reason = reason(&item);
            self.refused.push(Refused { dataset: item.name, file: None, reason });
            return;
        }
        self.datasets += 1;
        if let Some(counts) = self.counts(item.outcome) {
            counts.datasets += 1;
        }
    }

    /// Counts the outcome of a file that was taken.
    pub fn count_file(&mut self, outcome: Outcome) {
        if let Some(counts) = self.counts(outcome) {
            counts.files += 1;
        }
    }

    /// The counts of an outcome.
    fn counts(&mut self, outcome: Outcome) -> Option<&mut Counts> {
        match outcome {
            Outcome::Added => Some(&mut self.added),
            Outcome::Changed => Some(&mut self.changed),
            Outcome::Unchanged => Some(&mut self.unchanged),
            Outcome::Removed | Outcome::Refused | Outcome::Skipped => None,
        }
    }

    /// Notes where a record declares other numbers than it lists.
    pub fn differences(&mut self, record: &Record) {
        let differences = record.differences().into_iter().map(|difference| Difference {
            dataset: record.name.to_string(),
            what: difference.what.as_str(),
            declared: difference.declared,
            listed: difference.listed,
        });
        self.differences.extend(differences);
    }

    /// Notes what was left out of a record when it was read. Only a file of data is refused.
    pub fn problems(&mut self, record: &Record) {
        for problem in &record.problems {
            let is_file = problem
                .uri
                .as_ref()
                .is_some_and(|uri| !record.documents.iter().any(|document| document.uri == *uri));
            let list = if is_file { &mut self.refused } else { &mut self.problems };
            list.push(Refused {
                dataset: record.name.to_string(),
                file: problem.uri.clone(),
                reason: problem.reason.clone(),
            });
        }
    }

    /// Writes the report, and fails where something was refused.
    pub fn write(&self, output: &mut Output) -> Result<(), Failure> {
        match output.format() {
            Format::Human => {
                for line in self.lines() {
                    output.line(line)?;
                }
                output.flush()?;
            }
            Format::Plain | Format::Json | Format::Ndjson => output.json(self)?,
        }
        if self.refused.is_empty() { Ok(()) } else { Err(Failure::Refused) }
    }

    /// The report for people.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "{} with {}, {} bytes ({}), {} events, {}",
                human::things(self.datasets, "dataset", "datasets"),
                human::things(self.files, "file", "files"),
                human::count(self.bytes),
                human::bytes(self.bytes),
                human::count(self.events),
                human::things(self.documents, "document", "documents"),
            ),
            self.changes(),
        ];
        if self.declared_only > 0 {
            let datasets =
                human::things(self.declared_only, "dataset declares", "datasets declare");
            lines.push(format!("{datasets} files and lists none of them"));
        }
        if self.differences.is_empty() && self.datasets > self.declared_only {
            lines.push("no difference between declared and listed".to_owned());
        }
        lines.extend(section("skipped", &self.skipped, |skipped| {
            let recid = skipped.recid.map(|recid| format!("record {recid} ")).unwrap_or_default();
            let title = skipped.title.as_ref().map(|title| format!("“{title}” "));
            format!("{recid}{}{}", title.unwrap_or_default(), skipped.reason)
        }));
        lines.extend(section("declared and listed differ", &self.differences, |difference| {
            let Difference { dataset, what, declared, listed } = difference;
            let (declared, listed) = (human::count(*declared), human::count(*listed));
            format!("{dataset}: {what}: declared {declared}, listed {listed}")
        }));
        lines.extend(section("refused", &self.refused, describe));
        lines.extend(section("odd", &self.problems, describe));
        lines
    }

    /// What is new, in a sentence.
    fn changes(&self) -> String {
        if self.added == Counts::default() && self.changed == Counts::default() {
            return "nothing changed".to_owned();
        }
        let counts =
            [(&self.added, "added"), (&self.changed, "changed"), (&self.unchanged, "unchanged")];
        let parts: Vec<String> = counts
            .into_iter()
            .filter(|(counts, _)| **counts != Counts::default())
            .map(|(counts, what)| {
                let datasets = human::things(counts.datasets, "dataset", "datasets");
                format!("{what} {datasets} and {}", human::things(counts.files, "file", "files"))
            })
            .collect();
        parts.join("; ")
    }
}

/// A heading with the first entries of a list below it; nothing for an empty list.
fn section<T>(heading: &str, list: &[T], line: impl Fn(&T) -> String) -> Vec<String> {
    if list.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![format!("{heading}: {}", human::total(list.len() as u64))];
    lines.extend(list.iter().take(SHOWN).map(|entry| format!("  {}", line(entry))));
    if list.len() > SHOWN {
        let others = human::total((list.len() - SHOWN) as u64);
        lines.push(format!("  and {others} more; --json names all"));
    }
    lines
}

/// Something that was refused, on a line.
fn describe(refused: &Refused) -> String {
    let file = refused.file.as_ref().map(|file| format!("{file}: ")).unwrap_or_default();
    format!("{}: {file}{}", refused.dataset, refused.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_import_says_that_nothing_changed() {
        let unchanged = Counts { datasets: 2, files: 1200 };
        let report = Report { datasets: 2, files: 1200, unchanged, ..Report::default() };

        let lines = report.lines();

        assert_eq!(lines[0], "2 datasets with 1,200 files, 0 bytes (0 B), 0 events, 0 documents");
        assert_eq!(lines[1..], ["nothing changed", "no difference between declared and listed"]);
    }

    #[test]
    fn a_long_list_is_cut_for_people() {
        let refused = || Refused { dataset: "d".into(), file: None, reason: "is odd".into() };
        let report = Report { refused: (0..25).map(|_| refused()).collect(), ..Report::default() };

        let lines = report.lines();

        assert_eq!(lines[2], "refused: 25");
        assert_eq!(lines[3], "  d: is odd");
        assert_eq!(lines.last().unwrap(), "  and 5 more; --json names all");
    }
}
