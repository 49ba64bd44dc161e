//! Which issuers are believed, and what their claims mean.

use std::net::IpAddr;
use std::path::PathBuf;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// An issuer whose tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Its address, letter by letter as in the tokens. Keys are found below it.
    pub url: String,
    /// Which claims its tokens have.
    pub kind: IssuerKind,
    /// The names by which tokens mean this service; one of them has to be in a token. May be empty
    /// for `DiracX`, whose tokens name nobody.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The virtual organisation of a WLCG issuer. `DiracX` names it in the token.
    #[serde(default)]
    pub vo: Option<String>,
    /// The groups to which the claims of a WLCG issuer lead, the preferred one first.
    #[serde(default)]
    pub groups: Vec<GroupMapping>,
    /// What stands before the subject to make a DN of it. Issuers whose subjects are not to be
    /// taken for one another's need different ones.
    #[serde(default = "dirac_prefix")]
    pub dn_prefix: String,
    /// How far the issuer's clock may be off, in seconds.
    #[serde(default = "minute")]
    pub skew_s: u64,
    /// How old keys may be before they are fetched again, in seconds.
    #[serde(default = "hour")]
    pub refresh_s: u64,
    /// The algorithms that are believed.
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    /// A file of keys (JWKS), in place of those that the issuer publishes.
    #[serde(default)]
    pub jwks_file: Option<PathBuf>,
}

/// Which claims the tokens of an issuer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// `dirac_group`, `dirac_properties`, `vo`, `preferred_username`; the subject is `vo:uuid`.
    DiracX,
    /// `wlcg.groups`, `scope`, `eduperson_entitlement`.
    Wlcg,
}

/// When a token leads to a group: if it has all that is listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupMapping {
    /// The name of the group in DIRAC's registry.
    pub group: String,
    /// Scopes.
    pub scopes: Vec<String>,
    /// Entries of `wlcg.groups`.
    pub wlcg_groups: Vec<String>,
    /// Entries of `eduperson_entitlement`.
    pub entitlements: Vec<String>,
}

/// An algorithm of signatures. None that takes a secret key, and not `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256; keys have 2048 bits or more.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// What is wrong with the configuration of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("issuer {url}: {reason}")]
pub struct ConfigError {
    /// The issuer.
    pub url: String,
    /// What is wrong.
    pub reason: &'static str,
}

impl IssuerConfig {
    /// An issuer with all else as it is by default.
    pub fn new(url: impl Into<String>, kind: IssuerKind) -> Self {
        Self {
            url: url.into(),
            kind,
            audiences: Vec::new(),
            vo: None,
            groups: Vec::new(),
            dn_prefix: dirac_prefix(),
            skew_s: minute(),
            refresh_s: hour(),
            algorithms: all_algorithms(),
            jwks_file: None,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let error = |reason| Err(ConfigError { url: self.url.clone(), reason });
        if !is_safe(&self.url, true) || self.url.contains(['?', '#']) {
            return error("the address has to begin with https:// and have no query");
        }
        if self.kind == IssuerKind::Wlcg && self.audiences.is_empty() {
            return error("audiences are missing; anybody else's tokens would be taken");
        }
        if self.algorithms.is_empty() {
            return error("there are no algorithms");
        }
        if self.kind == IssuerKind::DiracX && !(self.groups.is_empty() && self.vo.is_none()) {
            return error("DiracX names group and VO itself; remove `groups` and `vo`");
        }
        if self.groups.iter().any(GroupMapping::is_void) {
            return error("a group needs a name, and scopes, wlcg_groups or entitlements");
        }
        Ok(())
    }
}

impl GroupMapping {
    fn is_void(&self) -> bool {
        let asks = [&self.scopes, &self.wlcg_groups, &self.entitlements];
        self.group.is_empty() || asks.iter().all(|list| list.is_empty())
    }
}

/// Whether an address may be asked for keys: over https, or over http on this machine where that is
/// said to do.
pub(crate) fn is_safe(url: &str, loopback: bool) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let anonymous = url.username().is_empty() && url.password().is_none();
    let safe = match url.scheme() {
        "https" => true,
        "http" => loopback && url.host_str().is_some_and(is_loopback),
        _ => false,
    };
    safe && anonymous
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn dirac_prefix() -> String {
    "/O=DIRAC/CN=".to_owned()
}

const fn minute() -> u64 {
    60
}

const fn hour() -> u64 {
    3600
}

fn all_algorithms() -> Vec<Algorithm> {
    vec![Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
}
