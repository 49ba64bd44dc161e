use std::collections::BTreeSet;

use sbk_api::{ApplySchema, Code, DeclareCommunity, GetSchema, Problem};
use sbk_model::Vo;
use toml::{Table, Value};

use crate::{connection::Connection, failure::Failure};

/// The fields that the records give values for.
const SCHEMA: &str = include_str!("../../../../examples/open-data.toml");

/// Declares a community, and applies the schema where it has none.
pub async fn prepare(connection: &Connection, vo: &Vo) -> Result<(), Failure> {
    connection.call(DeclareCommunity { vo: vo.clone() }).await?;
    let present = connection.call(GetSchema { vo: vo.clone() }).await?;
    if present.version > 0 {
        let missing = missing(&present.toml);
        return if missing.is_empty() { Ok(()) } else { Err(lacking(vo, &missing).into()) };
    }
    let operation = ApplySchema {
        vo: vo.clone(),
        toml: SCHEMA.to_owned(),
        dry_run: false,
        reason: "import of CERN Open Data".parse().ok(),
    };
    connection.call(operation).await?;
    Ok(())
}

/// The fields that records have values for and a schema does not declare.
fn missing(present: &str) -> Vec<String> {
    let present = fields(present);
    fields(SCHEMA).difference(&present).cloned().collect()
}

/// The fields that a schema declares, as `entity.field`.
fn fields(schema: &str) -> BTreeSet<String> {
    let Ok(schema) = schema.parse::<Table>() else { return BTreeSet::new() };
    let fields = schema.get("field").and_then(Value::as_array);
    let name = |field: &Value| {
        let text = |key| field.get(key).and_then(Value::as_str);
        Some(format!("{}.{}", text("entity")?, text("name")?))
    };
    fields.into_iter().flatten().filter_map(name).collect()
}

/// The problem of a schema that lacks fields.
fn lacking(vo: &Vo, missing: &[String]) -> Problem {
    let detail = format!(
        "the schema of {vo} lacks {}; declare them as examples/open-data.toml does, with \
         `sbk schema apply`, or import into another community",
        missing.join(", ")
    );
    Problem::new(Code::Conflict, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_that_a_schema_lacks_are_named() {
        let without = SCHEMA.replacen("name = \"energy\"", "name = \"other\"", 1);

        assert_eq!(missing(SCHEMA), [""; 0]);
        assert_eq!(missing(&without), ["dataset.energy"]);
        assert!(missing("").len() > 20);
    }
}
