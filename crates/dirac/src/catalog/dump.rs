//! The replicas at storage elements as a text: what `getSEDump` sends as a file.

use futures::{Stream, StreamExt, stream};
use sbk_api::{FindFiles, Page, PageArgs, Problem, Selection};
use sbk_model::SeName;
use sbk_service::{CallContext, Caller, Service};
use sbk_wire::{Encoding, Limits, Value};

use super::{FileCatalog, Principal};
use crate::{Failure, python};

/// The rows of a dump, a page at a time.
pub type Rows = stream::BoxStream<'static, Result<Vec<u8>, Problem>>;

impl FileCatalog {
    /// Begins to send the replicas at storage elements, whose names are a JSON list.
    ///
    /// A row is storage element, LFN, checksum and size, as Python's `csv` writes them with `|`
    /// between.
    pub fn dump(&self, who: &Principal, names: &str) -> Result<Rows, Failure> {
        let limits = Limits { depth: 4, values: 10_000 };
        let read = Encoding::Json.decode(names.as_bytes(), limits).ok();
        let items = match &read {
            Some(Value::List(items)) if !items.is_empty() => items,
            _ => {
                let text = "the file id is not a JSON list of storage elements, such as [\"SE-1\"]";
                return Err(Failure::invalid(text));
            }
        };
        let mut elements: Vec<SeName> = Vec::with_capacity(items.len());
        for item in items {
            let name = item.text().ok_or_else(|| {
                let text = format!("a storage element is a {} and not a str", python::class(item));
                Failure::invalid(&text)
            })?;
            // What cannot be a storage element has no replicas.
            elements.extend(name.parse().ok());
        }
        Ok(rows(self.service.clone(), who.acting(), elements).boxed())
    }
}

fn rows(
    service: Service,
    caller: Caller,
    elements: Vec<SeName>,
) -> impl Stream<Item = Result<Vec<u8>, Problem>> + Send + 'static {
    stream::iter(elements).flat_map(move |element| {
        let (service, caller) = (service.clone(), caller.clone());
        stream::unfold(Some(None), move |place: Option<Option<String>>| {
            let (service, caller, element) = (service.clone(), caller.clone(), element.clone());
            async move {
                let after = place?;
                let list = FindFiles {
                    selection: Selection {
                        filter: Some(serde_json::json!({ "se": element.as_str() })),
                        ..Selection::default()
                    },
                    replicas: false,
                    metadata: false,
                    page: PageArgs { after, limit: Some(5000) },
                };
                match service.call(&caller, list, CallContext::default()).await {
                    Err(error) => Some((Err(Problem::from(&error)), None)),
                    Ok(Page { items, next }) => {
                        let mut text = String::new();
                        for file in &items {
                            row(&mut text, &element, file);
                        }
                        Some((Ok(text.into_bytes()), next.map(Some)))
                    }
                }
            }
        })
    })
}

/// Writes one row.
fn row(text: &mut String, element: &SeName, file: &sbk_api::File) {
    let sums = &file.checksums;
    let sum = sums.adler32.map(|sum| sum.to_string()).or(sums.md5.map(|sum| sum.to_string()));
    for field in [element.as_str(), file.lfn.as_str(), sum.as_deref().unwrap_or_default()] {
        if field.contains(['|', '"', '\r', '\n']) {
            text.push('"');
            text.push_str(&field.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(field);
        }
        text.push('|');
    }
    text.push_str(&file.size.get().to_string());
    text.push_str("\r\n");
}
