//! What can be asked of the bookkeeping: one type per operation, with its arguments, its answer,
//! the permission that it needs, and its place in the REST interface.
//!
//! The service runs these types, every wire decodes into them, and clients send them: an
//! operation is defined once.

mod admin;
mod answer;
mod bulk;
mod campaign;
mod community;
mod condition;
mod dataset;
mod directory;
mod error;
mod every;
mod file;
mod job;
mod lineage;
mod luminosity;
mod named;
mod operation;
mod production;
mod quality;
mod query;
mod record;
mod replica;
mod report;
mod request;
mod run;
mod schema;
mod step;
mod storage;
mod task;
mod values;

pub use admin::*;
pub use answer::*;
pub use bulk::*;
pub use campaign::*;
pub use community::*;
pub use condition::*;
pub use dataset::*;
pub use directory::*;
pub use error::*;
pub use file::*;
pub use job::*;
pub use lineage::*;
pub use luminosity::*;
pub use operation::*;
pub use production::*;
pub use quality::*;
pub use query::*;
pub use record::*;
pub use replica::*;
pub use report::*;
pub use request::*;
pub use run::*;
pub use schema::*;
pub use step::*;
pub use storage::*;
pub use task::*;
pub use values::*;

/// A metadata document: values by the name of their field.
pub type Metadata = serde_json::Map<String, serde_json::Value>;
