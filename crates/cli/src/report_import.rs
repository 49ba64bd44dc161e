//! Import of job reports from files: our own JSON, and the formats of producers.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use sbk_api::{Problem, ReportAnswer, ReportFormat, ReportJob, ReportOutcome, Standing};
use sbk_formats::Kind;
use sbk_model::Vo;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    context::Context,
    failure::Failure,
    human, input,
    output::{Format, Output},
    progress::Display,
};

/// The most documents of one call.
const MAX_DOCUMENTS: usize = 100;
/// The most bytes of documents in one call.
const MAX_BATCH: usize = 8 << 20;
/// How many documents that were not taken are shown to people.
const SHOWN: usize = 20;
/// The endings of files that are taken from a folder.
const ENDINGS: &[&str] = &["xml", "json", "ndjson", "jsonl"];

/// A document of a file.
struct Document {
    /// The file, and the place in it where it has several.
    place: String,
    value: Value,
    length: usize,
}

/// What became of a document.
#[derive(Debug, Serialize)]
struct Answered {
    file: String,
    #[serde(flatten)]
    answer: ReportAnswer,
}

/// What an import did.
#[derive(Debug, Default, Serialize)]
struct Imported {
    recorded: u32,
    repeated: u32,
    quarantined: u32,
    refused: u32,
    results: Vec<Answered>,
}

/// Imports the reports of files, and of all files in folders.
pub async fn import(
    context: &mut Context,
    paths: &[PathBuf],
    vo: Vo,
    format: ReportFormat,
) -> Result<(), Failure> {
    let files = files(paths)?;
    let connection = context.connect_to_fill().await?;
    let display = Display::counted(context.shows_progress(), "files", files.len() as u64);
    let mut imported = Imported::default();
    let mut batch: Vec<Document> = Vec::new();
    let mut length = 0;
    let mut files = files.iter();
    loop {
        let file = files.next();
        let documents = file.map(|file| documents(file, format)).transpose()?.unwrap_or_default();
        for document in documents {
            length += document.length;
            batch.push(document);
            if batch.len() >= MAX_DOCUMENTS || length >= MAX_BATCH {
                let reports = std::mem::take(&mut batch);
                length = 0;
                imported.send(&connection, reports, &vo, format).await?;
            }
        }
        if file.is_none() {
            break;
        }
        display.advance(1);
        display.say(imported.summary());
    }
    if !batch.is_empty() {
        imported.send(&connection, batch, &vo, format).await?;
    }
    display.end();
    imported.write(&mut context.output)
}

/// The files of paths: folders are searched for files with known endings, in the order of names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            search(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    if found.is_empty() {
        let text = format!("no file with a report is there; they end in {}", ENDINGS.join(", "));
        return Err(Failure::Usage(text));
    }
    Ok(found)
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io(folder.display(), &error);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(failed)?.collect();
    let mut entries = entries.map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // What links point to is found where it is; so a search ends.
        let kind = entry.file_type().map_err(failed)?;
        let plain = path.with_extension("");
        let name = if input::is_gzip(&path) { &plain } else { &path };
        let ending = name.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if kind.is_dir() {
            search(&path, found)?;
        } else if kind.is_file() && ENDINGS.contains(&ending) {
            found.push(path);
        }
    }
    Ok(())
}

/// The documents of a file. A file that cannot be understood is one document, so that the service
/// keeps it with the reason.
fn documents(file: &Path, format: ReportFormat) -> Result<Vec<Document>, Failure> {
    let mut bytes = Vec::new();
    let read = input::open(file)?.read_to_end(&mut bytes);
    read.map_err(|error| Failure::io(file.display(), &error))?;
    let text = sbk_formats::decode(&bytes);
    let place = file.display().to_string();
    let kind = sbk_formats::kind(&text);
    let is_json = match format {
        ReportFormat::Json | ReportFormat::BulkBlock => true,
        ReportFormat::Auto => kind == Some(Kind::Json),
        ReportFormat::Lhcb | ReportFormat::Gaudi => false,
    };
    if let Some(documents) = is_json.then(|| objects(&place, &text)).flatten() {
        return Ok(documents);
    }
    let length = text.len();
    let name = sbk_formats::of_file(&place);
    let value = match (kind, format) {
        (Some(Kind::Lhcb | Kind::Json), _) | (_, ReportFormat::Json) => Value::from(text),
        // Neither a Gaudi summary nor the rest of one says which job it is about.
        _ => json!({ "name": name, "document": text }),
    };
    Ok(vec![Document { place, value, length }])
}

/// The reports of a file that is one object, a list of them, or has one a line.
fn objects(place: &str, text: &str) -> Option<Vec<Document>> {
    let document = |place: String, value: Value| {
        let length = value.to_string().len();
        Document { place, value, length }
    };
    match serde_json::from_str(text) {
        Ok(Value::Array(items)) => {
            let items = items.into_iter().enumerate();
            Some(items.map(|(at, item)| document(format!("{place}[{at}]"), item)).collect())
        }
        Ok(value @ Value::Object(_)) => Some(vec![document(place.to_owned(), value)]),
        Err(_) if text.trim().lines().count() > 1 => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            let lines: Option<Vec<_>> = lines
                .map(|(at, line)| {
                    let value = serde_json::from_str(line).ok()?;
                    Some(document(format!("{place}:{}", at + 1), value))
                })
                .collect();
            lines
        }
        _ => None,
    }
}

impl Imported {
    async fn send(
        &mut self,
        connection: &crate::connection::Connection,
        documents: Vec<Document>,
        vo: &Vo,
        format: ReportFormat,
    ) -> Result<(), Failure> {
        let (places, reports): (Vec<_>, Vec<_>) =
            documents.into_iter().map(|document| (document.place, document.value)).unzip();
        let operation = ReportJob { vo: vo.clone(), reports, format, name: None, refuse: false };
        let result = connection.call(operation).await?;
        self.recorded += result.recorded;
        self.repeated += result.repeated;
        self.quarantined += result.quarantined;
        self.refused += result.refused;
        let answers = places.into_iter().zip(result.results);
        self.results.extend(answers.map(|(file, answer)| Answered { file, answer }));
        Ok(())
    }

    /// The counts in a sentence.
    fn summary(&self) -> String {
        let is_bad = |a: &&Answered| a.answer.standing == Some(Standing::NotGood);
        let bad = self.results.iter().filter(is_bad).count() as u64;
        let parts: Vec<String> = [
            (u64::from(self.recorded), "recorded"),
            (u64::from(self.repeated), "there before"),
            (bad, "not good"),
            (u64::from(self.quarantined), "quarantined"),
            (u64::from(self.refused), "refused"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| {
            format!("{} {what}", human::count(i64::try_from(number).unwrap_or(i64::MAX)))
        })
        .collect();
        if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
    }

    /// Writes what was done, and fails where something was not taken.
    fn write(&self, output: &mut Output) -> Result<(), Failure> {
        match output.format() {
            Format::Human => {
                let lost: Vec<_> = self.results.iter().filter(|a| a.is_not_taken()).collect();
                for answered in lost.iter().take(SHOWN) {
                    eprintln!("{}", answered.complaint());
                }
                if lost.len() > SHOWN {
                    eprintln!("and {} more", lost.len() - SHOWN);
                }
                output.line(self.summary())?;
                if self.quarantined > 0 {
                    output.line("what is quarantined waits to be corrected and replayed")?;
                }
                output.flush()?;
            }
            Format::Plain => {
                for answered in &self.results {
                    output.line(answered.plain())?;
                }
                output.flush()?;
            }
            Format::Json | Format::Ndjson => output.json(self)?,
        }
        if self.quarantined + self.refused == 0 { Ok(()) } else { Err(Failure::Refused) }
    }
}

impl Answered {
    fn is_not_taken(&self) -> bool {
        self.answer.outcome != ReportOutcome::Recorded
    }

    fn reason(&self) -> String {
        self.answer.problem.as_ref().map(Problem::to_string).unwrap_or_default()
    }

    fn complaint(&self) -> String {
        let entry = self.answer.entry.as_ref().map(|entry| format!(" (quarantined as {entry})"));
        format!("{}: {}{}", self.file, self.reason(), entry.unwrap_or_default())
    }

    /// File, outcome, job, standing and reason, with tabs between them.
    fn plain(&self) -> String {
        let outcome = match self.answer.outcome {
            ReportOutcome::Recorded => "recorded",
            ReportOutcome::Quarantined => "quarantined",
            ReportOutcome::Refused => "refused",
        };
        let job = self.answer.job.as_ref().map(ToString::to_string).unwrap_or_default();
        let standing = self.answer.standing.map(Standing::as_str).unwrap_or_default();
        [self.file.as_str(), outcome, &job, standing, &self.reason()].join("\t")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_report_or_a_list_or_one_a_line() {
        let places = |text: &str| {
            objects("f", text).map(|all| all.into_iter().map(|d| d.place).collect::<Vec<_>>())
        };

        assert_eq!(places("{\"a\":\n1}").unwrap(), ["f"]);
        assert_eq!(places("[{}, {}]").unwrap(), ["f[0]", "f[1]"]);
        assert_eq!(places("{}\n\n{}\n").unwrap(), ["f:1", "f:3"]);
        assert_eq!(places("{\"a\":"), None);
        assert_eq!(places("7"), None);
    }
}
