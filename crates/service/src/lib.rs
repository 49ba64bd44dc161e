//! The operations of the bookkeeping: each with its permission, in one transaction, audited.
//!
//! [`Service::call`] is the only door: it holds the operation's permission against the caller,
//! opens the transaction, runs the operation, writes the audit entry and commits.

mod access;
mod audit;
mod browse;
mod caller;
mod campaign;
mod community;
mod condition;
mod context;
mod cursor;
mod dataset;
mod declare;
mod directory;
mod environment;
mod error;
mod file;
mod gather;
mod guid;
mod job;
mod lineage;
mod luminosity;
mod mask;
mod member;
mod metadata;
mod owner;
mod production;
mod promotion;
mod quality;
mod quarantine;
mod query;
mod recipe;
mod record;
mod register;
mod remove;
mod replica;
mod report;
mod request;
mod retire;
mod run;
mod schema;
mod section;
mod service;
mod snapshot;
mod storage;
mod subtree;
mod task;
mod tree;
mod verify;

pub use caller::Caller;
pub use context::{Context, Note};
pub use environment::{Environment, SystemEnvironment};
pub use error::Error;
pub use sbk_store::Options as StoreOptions;
pub use service::{Call, CallContext, Options, Run, Service};
