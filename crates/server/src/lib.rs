//! The listeners of the bookkeeping, and its configuration.

mod app;
mod authority;
mod config;
mod diset;
mod error;
mod exchange;
mod follow;
mod http;
mod listen;
mod observe;
mod openapi;
mod rest;
mod rpc;
mod run;
mod security;
mod stream;
mod tornado;

pub use config::{
    Config, ConnectionsSection, DatabaseSection, DiracSection, IdentitySection, LogSection,
    RevocationLists, ServerSection, TlsSection, TokensSection,
};
pub use error::Error;
pub use observe::start_logs;
pub use openapi::document;
pub use run::{Running, serve, start};
