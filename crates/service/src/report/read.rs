//! Reads reports in the formats of their producers.

use sbk_api::{JobReport, Problem, ReportFormat};
use sbk_model::JobName;
use serde_json::Value;

use super::refused;
use crate::{Context, Error, metadata::Community};

/// The text of a report as it is kept when it cannot be taken.
pub fn body(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
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

/// Reads the reports of a document, or says why it cannot be read.
///
/// # Errors
/// Those of the store, where a format needs facts of the catalogue.
pub async fn read(
    cx: &mut Context<'_>,
    community: &Community,
    format: ReportFormat,
    document: &Value,
    name: Option<&JobName>,
) -> Result<Result<Vec<JobReport>, Problem>, Error> {
    let _ = (&cx, community, name);
    Ok(match format {
        ReportFormat::Json => json(document).map(|report| vec![report]),
        _ => Err(refused("format", "this format cannot be read yet")),
    })
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
