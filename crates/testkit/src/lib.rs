//! Databases and servers for tests and benchmarks, thrown away afterwards.
//!
//! `cargo xtask test` starts one [`Clusters`] for a whole run and names it in the environment.
//! Every test then makes a [`TestDatabase`] of its own there, most easily through
//! [`each_backend!`]. A test that stops or kills its server starts a [`PrivateCluster`].
//!
//! [`pki::TestPki`] makes CAs, users, hosts and proxies, good ones and hostile ones.
//!
//! No database driver is involved: the servers' own client programs do the little that is needed.

mod backend;
mod client;
mod cluster;
mod database;
mod each_backend;
mod mariadb;
pub mod pki;
mod port;
mod postgres;
mod private;
mod programs;
mod server;
mod url;

pub use backend::Backend;
pub use cluster::{Cluster, Clusters, Settings};
pub use database::TestDatabase;
pub use private::PrivateCluster;
pub use programs::postgres_program;
