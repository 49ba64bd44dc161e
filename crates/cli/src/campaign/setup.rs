//! What a campaign needs before its first job.

use sbk_api::{
    AddDatasets, ApplySchema, Atomicity, DeclareCommunity, DeclareStorageElements, Problem,
    StorageElement,
};
use serde_json::json;

use super::{
    plan::{KINDS, Plan},
    report,
};
use crate::{connection::Connection, failure::Failure, promotion::promote};

/// The fields of files; those that people search have columns.
const SCHEMA: &str = r#"
version = 1

[[field]]
name = "sim_run"
entity = "file"
kind = "int"
searchable = true

[[field]]
name = "energy"
entity = "file"
kind = "float"
unit = "GeV"

[[field]]
name = "generator"
entity = "file"
kind = "string"
searchable = true

[[field]]
name = "polarity"
entity = "file"
kind = "string"

[[field]]
name = "pass"
entity = "file"
kind = "string"
"#;

/// Declares community, fields, storage elements and datasets; what is there stays.
pub async fn prepare(connection: &Connection, plan: &Plan) -> Result<(), Failure> {
    let vo = plan.vo.clone();
    connection.call(DeclareCommunity { vo: vo.clone() }).await?;
    let schema =
        ApplySchema { vo: vo.clone(), toml: SCHEMA.to_owned(), dry_run: false, reason: None };
    connection.call(schema).await?;
    promote(connection, false).await?;
    let element = |site| -> Result<StorageElement, Problem> {
        let name = Plan::site(site);
        read(json!({ "name": format!("{name}-disk"), "site": name,
                     "pfn_prefix": format!("root://{name}/data") }))
    };
    let elements: Result<Vec<_>, _> = (0..plan.sites).map(element).collect();
    connection.call(DeclareStorageElements { elements: elements? }).await?;
    let dataset = |kind: &&str| read(json!({ "name": report::dataset(plan, kind) }));
    let datasets: Result<Vec<_>, _> = KINDS.iter().map(dataset).collect();
    let datasets = AddDatasets { vo, datasets: datasets?, atomicity: Atomicity::All };
    connection.call(datasets).await?;
    Ok(())
}

/// Reads a value of the interface.
pub fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_json::from_value(value)
        .map_err(|error| Problem::new(sbk_api::Code::Internal, error.to_string()))
}
