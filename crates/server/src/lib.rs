//! The listeners of the bookkeeping, and its configuration.

mod app;
mod authority;
mod catalogue;
mod config;
pub mod dirac;
mod diset;
mod error;
mod exchange;
mod face;
mod follow;
mod http;
mod listen;
mod observe;
mod openapi;
mod rest;
mod rpc;
mod rulebook;
mod run;
mod security;
mod shadow;
mod stream;
mod tornado;

pub use catalogue::{Argument, MethodDescription, methods, methods_as_markdown, names_in_rules};
pub use config::{
    Config, ConnectionsSection, DatabaseSection, DiracSection, IdentitySection, LogSection,
    RevocationLists, ServerSection, TlsSection, TokensSection,
};
pub use error::Error;
pub use observe::start_logs;
pub use openapi::document;
pub use run::{Running, serve, start};
