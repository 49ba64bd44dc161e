//! Bearer tokens: JSON Web Tokens of DiracX or of a WLCG issuer such as IAM.
//!
//! [`Issuers`] verifies a token and says what it states, as [`Verified`]. It fetches the keys of
//! the issuers that the configuration names, keeps them, follows their rotation, and never asks an
//! address that a token names. Tokens appear in no message, log line or error.
//!
//! What a token states of groups and properties is the issuer's word. Whether that counts, and who
//! the subject is in DIRAC's registry, is decided elsewhere, by [`Verified::dn`].

mod claims;
mod config;
mod fetch;
mod header;
mod issuer;
mod issuers;
mod keys;
mod refusal;
mod verified;

pub use config::{Algorithm, ConfigError, GroupMapping, IssuerConfig, IssuerKind};
pub use fetch::{FetchError, http_client};
pub use issuers::{Issuers, MAX_TOKEN};
pub use refusal::Refusal;
pub use verified::Verified;
