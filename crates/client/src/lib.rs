//! Typed client of the REST interface: the operations of [`sbk_api`], called on a server.
//!
//! A call is repeated while the server is busy or away, with growing pauses. Writes carry an
//! `Idempotency-Key`, which a repeat keeps, so that a write whose answer was lost is done once.
//!
//! ```no_run
//! # async fn example() -> Result<(), sbk_api::Problem> {
//! use futures::TryStreamExt;
//!
//! let client = sbk_client::Client::new("http://127.0.0.1:8642", sbk_client::Options::default())?;
//! let mut datasets = std::pin::pin!(client.stream(sbk_api::GetDatasets::default()));
//! while let Some(dataset) = datasets.try_next().await? {
//!     println!("{}", dataset.name);
//! }
//! # Ok(())
//! # }
//! ```

mod client;
mod failure;
mod lines;
mod options;
mod request;
mod stream;

pub use client::Client;
pub use options::{Options, Token};
