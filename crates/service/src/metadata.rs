//! Schemas of communities, and the columns of promoted fields.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use sbk_metadata::{ColumnType, ColumnValue, Document, Entity, Schema};
use sbk_model::{TermKey, Timestamp, Vo};
use sbk_store::{Session, community, dialect::Cells, promotion, promotion::Promoted, schema};

use crate::Error;

/// How long a schema is trusted without a look at the database, in seconds. Another process may
/// have changed it meanwhile; the promotion of fields waits at least as long.
pub const TRUST_SECONDS: i64 = 2;

/// A declared community with its schema.
#[derive(Debug)]
pub struct Community {
    /// Its name.
    pub vo: Vo,
    /// Its key.
    pub key: i64,
    /// Its schema; empty when it has none.
    pub schema: Arc<Schema>,
}

/// Something with the moment until which it is trusted.
type Trusted<T> = (Arc<T>, Timestamp);

/// Schemas and promoted fields, remembered for a short time.
#[derive(Debug, Default)]
pub struct Schemas {
    communities: Mutex<HashMap<Vo, Trusted<Community>>>,
    promoted: Mutex<Option<Trusted<Vec<Promoted>>>>,
}

impl Schemas {
    /// Forgets everything, after a change.
    pub fn forget(&self) {
        self.communities.lock().unwrap_or_else(PoisonError::into_inner).clear();
        *self.promoted.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A community that was looked at not long ago.
    pub fn known(&self, vo: &Vo, now: Timestamp) -> Option<Arc<Community>> {
        let communities = self.communities.lock().unwrap_or_else(PoisonError::into_inner);
        communities.get(vo).filter(|(_, until)| *until > now).map(|(known, _)| known.clone())
    }

    /// A declared community with its schema.
    pub async fn community(
        &self,
        session: &mut Session,
        vo: &Vo,
        now: Timestamp,
    ) -> Result<Arc<Community>, Error> {
        if let Some(known) = self.known(vo, now) {
            return Ok(known);
        }
        let loaded = Arc::new(load(session, vo).await?);
        let mut communities = self.communities.lock().unwrap_or_else(PoisonError::into_inner);
        communities.insert(vo.clone(), (loaded.clone(), now.plus_seconds(TRUST_SECONDS)));
        Ok(loaded)
    }

    /// The fields that have, or will have, a column.
    pub async fn promoted(
        &self,
        session: &mut Session,
        now: Timestamp,
    ) -> Result<Arc<Vec<Promoted>>, Error> {
        let known = {
            let promoted = self.promoted.lock().unwrap_or_else(PoisonError::into_inner);
            promoted.as_ref().filter(|(_, until)| *until > now).map(|(known, _)| known.clone())
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let loaded = Arc::new(promotion::list(session).await?);
        *self.promoted.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((loaded.clone(), now.plus_seconds(TRUST_SECONDS)));
        Ok(loaded)
    }
}

async fn load(session: &mut Session, vo: &Vo) -> Result<Community, Error> {
    if !community::exists(session, vo).await? {
        return Err(unknown(session, vo).await?);
    }
    let schema = match schema::current(session, vo).await? {
        Some(version) => Schema::from_toml(&version.document).map_err(|error| {
            let text = format!("the stored schema of {vo} cannot be read: {error}");
            Error::Store(sbk_store::Error::Internal(text))
        })?,
        None => Schema::empty(Some(vo.clone())),
    };
    let key = TermKey::of(vo.as_str()).0;
    Ok(Community { vo: vo.clone(), key, schema: Arc::new(schema) })
}

async fn unknown(session: &mut Session, vo: &Vo) -> Result<Error, Error> {
    let known = community::list(session).await?;
    let near = known
        .iter()
        .map(|c| (strsim::damerau_levenshtein(c.vo.as_str(), vo.as_str()), c.vo.as_str()))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    Ok(Error::NotFound(match near {
        Some((_, name)) => format!("there is no community {vo}; did you mean {name}?"),
        None => format!("there is no community {vo}; declare it with `sbk community declare {vo}`"),
    }))
}

/// Gives all problems of a document as one.
pub fn refuse(problems: &[sbk_metadata::Problem]) -> Error {
    let field = problems.first().map_or("metadata", |problem| problem.field.as_str());
    let text: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Error::Metadata { field: format!("metadata.{field}"), text: text.join("; ") }
}

/// A document as JSON text, `None` when it is empty.
pub fn text(document: &Document) -> Option<String> {
    if document.is_empty() { None } else { serde_json::to_string(document).ok() }
}

/// A stored document.
pub fn parse(text: Option<&str>) -> Result<Document, Error> {
    let internal = |error: serde_json::Error| {
        sbk_store::Error::Internal(format!("a stored document is not valid: {error}"))
    };
    Ok(text.map(serde_json::from_str).transpose().map_err(internal)?.unwrap_or_default())
}

/// The columns of promoted fields for documents of one entity, each with its schema.
#[expect(clippy::needless_pass_by_value, reason = "an iterator is cheap to pass")]
pub fn columns<'a>(
    promoted: &[Promoted],
    entity: Entity,
    documents: impl Iterator<Item = (&'a Schema, &'a Document)> + Clone,
) -> Vec<(String, Cells)> {
    promoted
        .iter()
        .filter(|p| p.entity == entity && p.state != promotion::State::New)
        .map(|p| {
            let values = documents.clone().map(|(schema, document)| value(p, schema, document));
            let cells = match p.kind {
                ColumnType::Int => Cells::Int(
                    values
                        .map(|v| if let Some(ColumnValue::Int(n)) = v { Some(n) } else { None })
                        .collect(),
                ),
                ColumnType::Float => Cells::Float(
                    values
                        .map(|v| if let Some(ColumnValue::Float(n)) = v { Some(n) } else { None })
                        .collect(),
                ),
                ColumnType::Text => Cells::Text(
                    values
                        .map(|v| if let Some(ColumnValue::Text(t)) = v { Some(t) } else { None })
                        .collect(),
                ),
            };
            (p.column(), cells)
        })
        .collect()
}

/// The value of one promoted field in one document.
fn value(promoted: &Promoted, schema: &Schema, document: &Document) -> Option<ColumnValue> {
    let field = schema.field(promoted.entity, &promoted.field)?;
    // Also of a field that is not searchable now: it may become so again.
    if field.kind.column_type() != Some(promoted.kind) {
        return None;
    }
    field.read(document.get(&promoted.field)?).ok()?.column()
}
