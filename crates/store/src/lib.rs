//! The bookkeeping in SQLite, PostgreSQL or MariaDB.
//!
//! One module per aggregate; each function takes a [`Session`] and never commits. What differs
//! between databases is in [`dialect`]. Texts of SQL are common to all.

pub mod audit;
pub mod campaign;
pub mod community;
pub mod dataset;
pub mod definition;
pub mod dialect;
pub mod directory;
mod error;
pub mod file;
pub mod guid;
pub mod holding;
pub mod idempotency;
pub mod job;
pub mod job_total;
pub mod lineage;
pub mod luminosity;
pub mod member;
mod migration;
mod pool;
pub mod production;
pub mod production_input;
pub mod promotion;
pub mod quality;
pub mod quarantine;
pub mod query;
pub mod recipe;
pub mod replica;
pub mod request;
pub mod run;
pub mod schema;
pub mod section;
mod session;
pub mod snapshot;
pub mod storage;
mod store;
pub mod task;
pub mod task_total;
pub mod term;
pub mod total;
pub mod verify;

pub use error::Error;
pub use migration::MIGRATIONS;
pub use session::Session;
pub use store::{Options, Store};
pub use term::{Terms, name_of};
