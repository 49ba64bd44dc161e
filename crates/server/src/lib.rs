//! The listeners of the bookkeeping, and its configuration.

mod config;
mod error;
mod exchange;
mod observe;
mod openapi;
mod rest;
mod rpc;
mod run;
mod stream;

pub use config::{Config, DatabaseSection, IdentitySection, LogSection, ServerSection};
pub use error::Error;
pub use observe::start_logs;
pub use openapi::document;
pub use run::{Running, serve, start};
