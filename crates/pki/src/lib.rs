//! Who a TLS peer is: X.509 certificates of users and hosts, and RFC 3820 proxies of any depth.
//!
//! A [`TrustStore`] reads a CA directory as grids install it, and turns a presented chain into a
//! [`Peer`] or a [`Refusal`]. The verification is OpenSSL's; revocation lists, signing policies,
//! limited proxies, DIRAC's group and VOMS attributes are judged here, and only on the chain that
//! OpenSSL verified: what a peer presents beside it counts for nothing.
//!
//! TLS itself is rustls: [`ClientVerifier`] and [`ServerVerifier`] hand chains to the store, and
//! [`server_config`] and [`client_config`] make configurations that never resume a session.

mod anchors;
mod cache;
mod certificate;
mod chain;
mod crl;
mod der;
mod directory;
mod error;
mod explain;
mod host;
mod identity;
mod name;
mod peer;
mod proxy;
mod refusal;
mod signing_policy;
mod store;
mod tls;
mod trust;
mod voms;

pub use crl::Crls;
pub use der::DerError;
pub use directory::{FileProblem, Summary};
pub use error::Error;
pub use explain::{Outcome, Step};
pub use host::Host;
pub use peer::{Fingerprint, Peer};
pub use proxy::read_group;
pub use refusal::Refusal;
pub use store::{Settings, TrustStore};
pub use tls::{
    ClientVerifier, Credential, HostKey, ServerVerifier, client_config, read_certificates,
    server_config,
};
pub use voms::{AttributeCertificate, read_attribute_certificates};

/// How many certificates a peer may present.
pub const MAX_CERTIFICATES: usize = 16;

/// How many bytes the certificates of a peer may have together.
pub const MAX_BYTES: usize = 64 * 1024;
