//! Typed metadata fields, their rules, and the language that asks for them.
//!
//! A community declares fields in a [`Schema`], a versioned TOML file. [`Schema::canonical`]
//! checks the values of one file, directory or dataset. [`query`] reads what people ask, as
//! text or as a JSON dictionary, and checks it against the declared and the built-in fields.
//!
//! The crate knows no database, no transport and no clock.

mod assemble;
mod change;
mod document;
mod field;
mod kind;
mod luminosity;
mod number;
mod problem;
pub mod query;
mod schema;
mod spec;
mod toml_text;
mod unit;
mod value;

pub use change::{Change, What, convert};
pub use document::Document;
pub use field::{Case, Condition, Entity, Field, Pattern, Rules};
pub use kind::{ColumnType, Kind};
pub use luminosity::{check_luminosity_unit, from_inverse_barns, to_inverse_barns};
pub use problem::Problem;
pub use schema::{Schema, SchemaError};
pub use spec::{CaseSpec, FieldSpec, KindName, Scalar};
pub use unit::{Dimension, Unit};
pub use value::{ColumnValue, Value};
