//! rustls with this crate's judgement of certificates, and without resumption.

mod client_verifier;
mod config;
mod credential;
mod refusal;
mod server_verifier;
mod signature;

pub use client_verifier::ClientVerifier;
pub use config::{client_config, server_config};
pub use credential::{Credential, HostKey, read_certificates};
pub use server_verifier::ServerVerifier;

use rustls::pki_types::{CertificateDer, UnixTime};
use sbk_model::Timestamp;

/// The chain as bytes, the peer's own certificate first.
fn chain<'a>(first: &'a CertificateDer<'_>, others: &'a [CertificateDer<'_>]) -> Vec<&'a [u8]> {
    std::iter::once(first).chain(others).map(AsRef::as_ref).collect()
}

fn moment(time: UnixTime) -> Timestamp {
    Timestamp::from_micros(0).plus_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
