use std::collections::BTreeSet;

use sbk_api::{
    ApplySchema, Code, DeclareCommunity, DeclareStorageElements, FindStorageElements, GetSchema,
    StorageElement,
};
use sbk_dfc::{Fields, Source};
use sbk_metadata::{FieldSpec, Schema};
use sbk_model::{SeName, Vo};

use crate::{connection::Connection, failure::Failure};

/// Declares communities, fields and storage elements, as far as they are new.
pub async fn declare(
    connection: &Connection,
    source: &Source,
    fields: &Fields,
) -> Result<(), Failure> {
    for (vo, schema) in fields.schemas() {
        connection.call(DeclareCommunity { vo: vo.clone() }).await?;
        let known = match connection.call(GetSchema { vo: vo.clone() }).await {
            Ok(document) => Some(document.toml),
            Err(problem) if problem.code == Code::NotFound => None,
            Err(problem) => return Err(problem.into()),
        };
        if let Some(toml) = merged(vo, known.as_deref(), schema)? {
            let reason = "import of a FileCatalog".parse().ok();
            connection.call(ApplySchema { vo: vo.clone(), toml, dry_run: false, reason }).await?;
        }
    }
    let names: BTreeSet<SeName> = source.names.elements().cloned().collect();
    let names: Vec<SeName> = names.into_iter().collect();
    for names in names.chunks(1000) {
        let found = connection.call(FindStorageElements { names: names.to_vec() }).await?;
        let new = |name| StorageElement { name, site: None, pfn_prefix: None };
        let elements: Vec<StorageElement> = found.missing.into_iter().map(new).collect();
        if !elements.is_empty() {
            connection.call(DeclareStorageElements { elements }).await?;
        }
    }
    Ok(())
}

/// The schema of a community with the fields of the catalogue; none where it has them all.
fn merged(vo: &Vo, known: Option<&str>, wanted: &Schema) -> Result<Option<String>, Failure> {
    let refuse = |error: String| Failure::Local(format!("the schema of {vo}: {error}"));
    let Some(known) = known else { return Ok(Some(wanted.to_toml())) };
    let known = Schema::from_toml(known).map_err(|error| refuse(error.to_string()))?;
    let is_new = |field: &&FieldSpec| known.field(field.entity, field.name.as_str()).is_none();
    let wanted: Vec<FieldSpec> =
        wanted.fields().iter().map(|field| FieldSpec::from(&**field)).collect();
    let new: Vec<FieldSpec> = wanted.iter().filter(is_new).cloned().collect();
    if new.is_empty() {
        return Ok(None);
    }
    let old = known.fields().iter().map(|field| FieldSpec::from(&**field));
    let merged = Schema::new(known.version() + 1, Some(vo.clone()), old.chain(new).collect())
        .map_err(|error| refuse(error.to_string()))?;
    Ok(Some(merged.to_toml()))
}
