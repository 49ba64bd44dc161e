//! The sections for a service within DIRAC.

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;

/// Certificates: our own, and those that we trust.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSection {
    /// The host certificate as PEM, followed by those that issued it. When it is named, the
    /// service speaks TLS.
    pub certificate: PathBuf,
    /// The key of the host certificate as PEM.
    pub key: PathBuf,
    /// The directory of the CAs that are trusted, with `<hash>.0`, `<hash>.r0` and
    /// `<hash>.signing_policy`.
    pub ca_directory: PathBuf,
    /// What is done about revocation lists: `if_present`, `require` or `ignore`.
    pub revocation_lists: RevocationLists,
    /// The directory of VOMS servers, with `<vo>/<host>.lsc`; none when empty.
    pub vomsdir: PathBuf,
    /// How often files are looked at for changes, in seconds.
    pub reload_seconds: u64,
}

impl Default for TlsSection {
    fn default() -> Self {
        Self {
            certificate: PathBuf::new(),
            key: PathBuf::new(),
            ca_directory: "/etc/grid-security/certificates".into(),
            revocation_lists: RevocationLists::IfPresent,
            vomsdir: PathBuf::new(),
            reload_seconds: 60,
        }
    }
}

/// What is done about revocation lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationLists {
    /// They are used where a CA has one.
    #[default]
    IfPresent,
    /// A CA without one is not trusted.
    Require,
    /// They are not looked at.
    Ignore,
}

impl From<RevocationLists> for sbk_pki::Crls {
    fn from(lists: RevocationLists) -> Self {
        match lists {
            RevocationLists::IfPresent => Self::IfPresent,
            RevocationLists::Require => Self::Require,
            RevocationLists::Ignore => Self::Ignore,
        }
    }
}

/// The place of the service in a DIRAC installation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiracSection {
    /// The name of the service, `System/Component`. Its rules are in
    /// `/Systems/<System>/Services/<Component>/Authorization`.
    pub service: String,
    /// Other names that the service answers to.
    pub aliases: Vec<String>,
    /// The address for DISET (`dips://`); none when empty. HTTPS is on `server.listen`.
    pub diset: String,
    /// A `dirac.cfg` with users, groups, hosts and rules; none when empty.
    pub configuration: PathBuf,
    /// Configuration servers (`dips://host:9135/Configuration/Server`), whose content the file is
    /// laid over; more are taken from `/DIRAC/Configuration/Servers` of the file.
    pub servers: Vec<String>,
    /// How often the Configuration servers are asked for news, in seconds.
    pub refresh_seconds: u64,
    /// The longest message over DISET, in bytes.
    pub max_message_bytes: usize,
}

impl Default for DiracSection {
    fn default() -> Self {
        Self {
            service: "Bookkeeping/SBK".into(),
            aliases: Vec::new(),
            diset: String::new(),
            configuration: PathBuf::new(),
            servers: Vec::new(),
            refresh_seconds: 60,
            max_message_bytes: 64 << 20,
        }
    }
}

impl DiracSection {
    /// Whether users come from a registry.
    pub fn has_registry(&self) -> bool {
        !self.configuration.as_os_str().is_empty() || !self.servers.is_empty()
    }

    /// The address for DISET.
    pub fn diset_address(&self) -> Result<Option<SocketAddr>, Error> {
        if self.diset.is_empty() {
            return Ok(None);
        }
        self.diset.parse().map(Some).map_err(|_| {
            Error::Config(format!(
                "dirac.diset: {:?} is no address such as 0.0.0.0:9198",
                self.diset
            ))
        })
    }

    /// System and component of the name.
    pub fn parts(&self) -> Option<(&str, &str)> {
        let (system, component) = self.service.split_once('/')?;
        (!system.is_empty() && !component.is_empty() && !component.contains('/'))
            .then_some((system, component))
    }

    /// The service, as its sections in the DIRAC configuration are named.
    pub fn place(&self) -> sbk_registry::Service<'_> {
        let (system, component) = self.parts().unwrap_or_default();
        sbk_registry::Service { system, component }
    }

    /// All names of the service.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.service.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// Whose tokens are taken over HTTPS.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TokensSection {
    /// The issuers, each with its `url`, its `kind` and the `audiences` that mean this service.
    pub issuers: Vec<sbk_token::IssuerConfig>,
}

/// How many connections there may be, and how long they may be idle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionsSection {
    /// The most connections at a time, on each address.
    pub max: usize,
    /// The most connections whose TLS handshake is not over; beyond, the oldest is dropped.
    pub max_handshakes: usize,
    /// How long a TLS handshake may take, in seconds.
    pub handshake_seconds: u64,
    /// How long a connection may be silent, in seconds.
    pub idle_seconds: u64,
    /// How many requests one caller may have in progress; more are answered with a failure.
    pub max_requests_per_caller: usize,
}

impl Default for ConnectionsSection {
    fn default() -> Self {
        Self {
            max: 8192,
            max_handshakes: 512,
            handshake_seconds: 10,
            idle_seconds: 60,
            max_requests_per_caller: 64,
        }
    }
}
