//! Reads reports in the formats of their producers.

use std::collections::BTreeSet;

use sbk_api::{JobReport, NewDataset, Problem, ReportFormat};
use sbk_formats::{Malformed, bulk_block as block, gaudi as summary, lhcb as xml};
use sbk_metadata::Schema;
use sbk_model::{DatasetKind, JobName, fingerprint};
use serde_json::Value;

use super::{bulk_block, derive::Facts, gaudi, lhcb, refused, replicas};
use crate::{Context, Error, metadata::Community};

/// A report of a job that could be read.
#[derive(Debug, Clone)]
pub struct Read {
    /// The report.
    pub report: JobReport,
    /// A hash of what the producer says, where that is not the report itself: the report may be
    /// read in another way when the community has declared more fields, or more files are known.
    pub digest: Option<i64>,
    /// The dataset of its outputs, to be made when it is not there.
    pub dataset: Option<NewDataset>,
}

/// What a document is about.
#[derive(Debug, Clone)]
pub enum Content {
    /// A job.
    Job(Box<Read>),
    /// Replicas.
    Replicas(replicas::Changes),
}

/// A document as it came, with what could be read of it.
#[derive(Debug)]
pub struct Arrived<'a> {
    /// It itself.
    document: &'a Value,
    /// Its format.
    pub format: ReportFormat,
    /// The job's name, when it is known.
    pub name: Option<JobName>,
    /// What it is about.
    pub content: Result<Content, Problem>,
}

impl Arrived<'_> {
    /// Its text, as it is kept when it cannot be taken. Databases take no NUL in a text, and no
    /// format has one; its picture stands for it.
    pub fn body(&self) -> String {
        match self.document {
            Value::String(text) => text.replace('\0', "\u{2400}"),
            other => other.to_string(),
        }
    }
}

/// A document that is read as far as it can be without the catalogue.
enum Form {
    Whole(Content),
    /// The files that a step read may say more of it.
    Step(Box<JobReport>, i64),
}

/// What is needed to read any document.
struct Reader<'a> {
    schema: &'a Schema,
    kind: DatasetKind,
}

/// Reads documents. One that cannot be read says why.
///
/// # Errors
/// Those of the store, where a format needs facts of the catalogue.
pub async fn read<'a>(
    cx: &mut Context<'_>,
    community: &Community,
    format: ReportFormat,
    documents: &'a [Value],
    name: Option<&JobName>,
) -> Result<Vec<Arrived<'a>>, Error> {
    let schema = &*community.schema;
    let official = cx.access().is_official();
    let kind = if official { DatasetKind::Official } else { DatasetKind::Personal };
    let reader = Reader { schema, kind };
    let mut arrived = Vec::with_capacity(documents.len());
    let mut inputs = BTreeSet::new();
    for document in documents {
        let named = Named::of(document, format, name);
        let form = reader.form(named.format, named.document, named.name.as_ref());
        if let Ok(Form::Step(report, _)) = &form {
            inputs.extend(report.inputs.iter().cloned());
        }
        arrived.push((named, form));
    }
    let mut facts = Facts::of(cx, &inputs).await?;
    let arrived = arrived.into_iter().map(|(named, form)| {
        let content = form.map(|form| match form {
            Form::Whole(content) => content,
            Form::Step(mut report, digest) => {
                facts.complete(&mut report, schema);
                let digest = Some(digest);
                Content::Job(Box::new(Read { report: *report, digest, dataset: None }))
            }
        });
        let own = match &content {
            Ok(Content::Job(read)) => Some(read.report.name.clone()),
            _ => named.name,
        };
        Arrived { document: named.document, format: named.format, name: own, content }
    });
    Ok(arrived.collect())
}

/// A document with its format and the name that it was given.
struct Named<'a> {
    document: &'a Value,
    format: ReportFormat,
    name: Option<JobName>,
}

impl<'a> Named<'a> {
    fn of(given: &'a Value, format: ReportFormat, name: Option<&JobName>) -> Self {
        let mut named = Self { document: given, format, name: name.cloned() };
        // No report of ours has a member of this name.
        if let (false, Some(document)) = (format == ReportFormat::Json, given.get("document")) {
            named.document = document;
            let own = given.get("name").and_then(Value::as_str);
            named.name = own.and_then(|name| name.parse().ok()).or(named.name);
        }
        if format == ReportFormat::Auto {
            named.format = detect(named.document);
        }
        named
    }
}

/// The format of a document; `Auto` where it cannot be told.
fn detect(document: &Value) -> ReportFormat {
    let parsed;
    let object = match document {
        Value::String(text) => match sbk_formats::kind(text) {
            Some(sbk_formats::Kind::Lhcb) => return ReportFormat::Lhcb,
            Some(sbk_formats::Kind::Gaudi) => return ReportFormat::Gaudi,
            Some(sbk_formats::Kind::Json) => {
                parsed = serde_json::from_str::<Value>(text).unwrap_or_default();
                &parsed
            }
            None => return ReportFormat::Auto,
        },
        other => other,
    };
    let is_block = object.get("block").is_some() && object.get("files").is_some();
    if is_block { ReportFormat::BulkBlock } else { ReportFormat::Json }
}

/// A report of a kept text.
pub fn document(format: ReportFormat, body: &str) -> Value {
    match format {
        ReportFormat::Json => {
            serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()))
        }
        _ => Value::String(body.to_owned()),
    }
}

impl Reader<'_> {
    fn form(
        &self,
        format: ReportFormat,
        document: &Value,
        name: Option<&JobName>,
    ) -> Result<Form, Problem> {
        let text = || text(document);
        match format {
            ReportFormat::Json => {
                let report = json(document)?;
                Ok(Form::Whole(Content::Job(Box::new(Read {
                    report,
                    digest: None,
                    dataset: None,
                }))))
            }
            ReportFormat::Auto => Err(unknown(&text())),
            ReportFormat::Lhcb => self.lhcb(&text(), name),
            ReportFormat::Gaudi => gaudi_report(&text(), name),
            ReportFormat::BulkBlock => {
                let block = block::read(&text()).map_err(malformed)?;
                let digest = Some(digest(&block));
                let (report, dataset) = bulk_block::report(&block, self.schema, self.kind)?;
                let dataset = Some(dataset);
                Ok(Form::Whole(Content::Job(Box::new(Read { report, digest, dataset }))))
            }
        }
    }

    fn lhcb(&self, text: &str, name: Option<&JobName>) -> Result<Form, Problem> {
        match xml::read(text).map_err(malformed)? {
            xml::Document::Replicas(changes) => {
                Ok(Form::Whole(Content::Replicas(replicas::changes(&changes)?)))
            }
            xml::Document::Job(mut job) => {
                let report = lhcb::report(&job, self.schema, name)?;
                // The order of inputs and outputs says nothing.
                job.inputs.sort_unstable();
                job.outputs.sort_unstable();
                Ok(Form::Step(Box::new(report), digest(&job)))
            }
        }
    }
}

fn gaudi_report(text: &str, name: Option<&JobName>) -> Result<Form, Problem> {
    let summary = summary::read(text).map_err(malformed)?;
    let needed = "is needed: a Gaudi summary does not say which job it is about";
    let name = name.ok_or_else(|| refused("name", needed))?;
    let report = gaudi::report(&summary, name)?;
    let digest = Some(digest(&summary));
    Ok(Form::Whole(Content::Job(Box::new(Read { report, digest, dataset: None }))))
}

/// A hash of what a document says.
fn digest(document: &impl serde::Serialize) -> i64 {
    fingerprint("report", &[&serde_json::to_string(document).unwrap_or_default()])
}

fn text(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn malformed(error: Malformed) -> Problem {
    let text = error.to_string();
    refused(&error.field.unwrap_or_else(|| "reports".into()), text)
}

/// Says that the format of a document is not known.
fn unknown(text: &str) -> Problem {
    if text.trim().is_empty() {
        return refused("reports", "the document is empty");
    }
    let text = "the document is neither JSON, nor XML whose first element is Job, Replicas or \
                summary";
    refused("reports", text)
}

/// Reads a report in our own format, as an object or as the text of one.
fn json(document: &Value) -> Result<JobReport, Problem> {
    let parsed;
    let object = match document {
        Value::String(text) => {
            parsed = serde_json::from_str::<Value>(text)
                .map_err(|error| refused("reports", format!("is not JSON: {error}")))?;
            &parsed
        }
        other => other,
    };
    serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "reports".to_owned() } else { path };
        refused(&field, error.into_inner().to_string())
    })
}
