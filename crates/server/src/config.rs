//! The configuration of the service.

mod dirac;

use std::{collections::BTreeMap, net::SocketAddr, path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{Error, face};

pub use dirac::{ConnectionsSection, DiracSection, RevocationLists, TlsSection, TokensSection};

/// The configuration of the service: one TOML file, each key of which can be overridden by an
/// environment variable such as `SBK__SERVER__LISTEN`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where and how requests are taken.
    pub server: ServerSection,
    /// Where the bookkeeping is kept.
    pub database: DatabaseSection,
    /// Who callers on this machine are, where there is no registry.
    pub identity: IdentitySection,
    /// Certificates: our own, and those that we trust.
    pub tls: TlsSection,
    /// The place of the service in a DIRAC installation.
    pub dirac: DiracSection,
    /// Whose tokens are taken over HTTPS.
    pub tokens: TokensSection,
    /// How DIRAC's FileCatalog is answered.
    pub file_catalog: sbk_dirac::catalog::Settings,
    /// How many connections there may be, and how long they may be idle.
    pub connections: ConnectionsSection,
    /// What is written about the service's work.
    pub log: LogSection,
}

/// Where and how requests are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSection {
    /// The address to listen on. Without a source of identities only loopback is allowed.
    pub listen: SocketAddr,
    /// The longest request body, in bytes, after it was unpacked.
    pub max_body_bytes: usize,
    /// How long a request may take, in seconds; answers that are streamed are not limited.
    pub request_seconds: u64,
    /// How many requests are worked on at a time; more are answered with 429.
    pub max_requests: usize,
    /// How long requests in progress may go on after the signal to end, in seconds.
    pub drain_seconds: u64,
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8642)),
            max_body_bytes: 64 << 20,
            request_seconds: 120,
            max_requests: 256,
            drain_seconds: 30,
        }
    }
}

/// Where the bookkeeping is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DatabaseSection {
    /// `sqlite:PATH`, `postgres://USER:PASSWORD@HOST/NAME` or `mysql://USER:PASSWORD@HOST/NAME`.
    pub url: String,
    /// The most connections to the database.
    pub connections: usize,
    /// How long a request waits for a connection, in seconds.
    pub wait_seconds: u64,
    /// Whether the tables are brought to the newest version when the service starts.
    pub migrate: bool,
}

impl Default for DatabaseSection {
    fn default() -> Self {
        Self { url: "sqlite:sbk.db".into(), connections: 16, wait_seconds: 5, migrate: true }
    }
}

/// Who callers are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentitySection {
    /// The name under which callers on this machine act.
    pub local_user: String,
    /// The group for which callers on this machine act.
    pub local_group: String,
    /// What callers on this machine may do: `read`, `write`, `produce`, `manage_datasets`,
    /// `manage_schema`, `all_communities`, `administer`.
    pub local_permissions: Vec<sbk_model::Permission>,
}

impl Default for IdentitySection {
    fn default() -> Self {
        Self {
            local_user: "local".into(),
            local_group: "local".into(),
            local_permissions: sbk_model::Permission::ALL.to_vec(),
        }
    }
}

/// What is written about the service's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// Which messages: `error`, `warn`, `info`, `debug`, or a filter such as `info,sbk_store=debug`.
    pub level: String,
    /// `text` for people or `json` for programs.
    pub format: LogFormat,
    /// Where OpenTelemetry traces go over OTLP/HTTP, for instance
    /// `http://127.0.0.1:4318/v1/traces`; none when empty.
    pub otlp_endpoint: String,
}

/// The form of log messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Text, otlp_endpoint: String::new() }
    }
}

/// What the names of environment variables begin with.
const PREFIX: &str = "SBK__";

impl Config {
    /// Reads the file, if one is named, and then the variables; checks the whole.
    pub fn load(
        path: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let mut table = toml::Table::new();
        if let Some(path) = path {
            let text = std::fs::read_to_string(path)
                .map_err(|e| Error::Config(format!("cannot read {}: {e}", path.display())))?;
            // Read once as it is, so that an error names the line.
            toml::from_str::<Self>(&text)
                .map_err(|e| Error::Config(format!("{}: {e}", path.display())))?;
            table = toml::from_str(&text)
                .map_err(|e| Error::Config(format!("{}: {e}", path.display())))?;
        }
        let variables: BTreeMap<String, String> = environment
            .into_iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(PREFIX)?.to_owned(), value)))
            .collect();
        for (name, value) in variables {
            override_key(&mut table, &name, &value)?;
        }
        let config: Self = toml::Value::Table(table)
            .try_into()
            .map_err(|e: toml::de::Error| Error::Config(format!("environment or file: {e}")))?;
        config.check()?;
        Ok(config)
    }

    /// Refuses values that cannot work together.
    pub fn check(&self) -> Result<(), Error> {
        let at_least_one = [
            ("server.max_requests", self.server.max_requests as u64),
            ("server.request_seconds", self.server.request_seconds),
            ("server.max_body_bytes", self.server.max_body_bytes as u64),
            ("database.connections", self.database.connections as u64),
            ("connections.max", self.connections.max as u64),
            ("connections.max_handshakes", self.connections.max_handshakes as u64),
            ("connections.handshake_seconds", self.connections.handshake_seconds),
            ("connections.idle_seconds", self.connections.idle_seconds),
            (
                "connections.max_requests_per_caller",
                self.connections.max_requests_per_caller as u64,
            ),
            ("tls.reload_seconds", self.tls.reload_seconds),
            ("dirac.refresh_seconds", self.dirac.refresh_seconds),
        ];
        for (key, value) in at_least_one {
            if value == 0 {
                return Err(Error::Config(format!("{key}: must be at least 1")));
            }
        }
        let diset = self.dirac.diset_address()?;
        let has_tls = self.has_tls();
        let wrong = |text: &str| Err(Error::Config(text.to_owned()));
        if self.dirac.parts().is_none() {
            return wrong("dirac.service: is not of the form System/Component");
        }
        for name in self.file_catalog.names() {
            if face::place(name).is_none() {
                let text = format!("file_catalog: {name:?} is not of the form System/Component");
                return Err(Error::Config(text));
            }
            if self.dirac.names().any(|taken| taken == name) {
                let text = format!("file_catalog: {name:?} is a name of dirac.service, too");
                return Err(Error::Config(text));
            }
        }
        if has_tls == self.tls.key.as_os_str().is_empty() {
            return wrong("tls.key: is needed beside tls.certificate, and the other way round");
        }
        if has_tls && !self.dirac.has_registry() {
            return wrong(
                "dirac.configuration: is needed with tls.certificate; name a dirac.cfg with the \
                 users, or dirac.servers",
            );
        }
        if !has_tls && !self.tokens.issuers.is_empty() {
            return wrong("tls.certificate: is needed with tokens.issuers; tokens are secrets");
        }
        if !has_tls && (diset.is_some() || self.dirac.has_registry()) {
            return wrong(
                "tls.certificate: is needed with dirac.diset, dirac.configuration or \
                 dirac.servers: users are known by their certificates",
            );
        }
        if !has_tls && !self.server.listen.ip().is_loopback() {
            return Err(Error::Config(format!(
                "server.listen: {} can be reached from other machines, and no source of \
                 identities is configured; listen on 127.0.0.1 or [::1], or set tls.certificate \
                 and dirac.configuration",
                self.server.listen
            )));
        }
        Ok(())
    }

    /// Whether the service speaks TLS.
    pub fn has_tls(&self) -> bool {
        !self.tls.certificate.as_os_str().is_empty()
    }

    /// A file with every key, its meaning and its default.
    pub fn sample() -> String {
        SAMPLE.to_owned()
    }

    pub(crate) fn request_limit(&self) -> Duration {
        Duration::from_secs(self.server.request_seconds)
    }
}

/// Puts the value of a variable such as `SERVER__LISTEN` into the table.
fn override_key(table: &mut toml::Table, name: &str, value: &str) -> Result<(), Error> {
    let wrong =
        || Error::Config(format!("{PREFIX}{name}: is not of the form {PREFIX}SECTION__KEY"));
    let (section, key) = name.split_once("__").ok_or_else(wrong)?;
    let section = section.to_lowercase();
    let part = table
        .entry(section)
        .or_insert_with(|| toml::Value::Table(toml::Table::new()))
        .as_table_mut()
        .ok_or_else(wrong)?;
    // A number, a truth value or a list is written as in TOML; anything else is a text.
    let parsed = toml::from_str::<toml::Table>(&format!("v = {value}"))
        .ok()
        .and_then(|mut table| table.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    part.insert(key.to_lowercase(), parsed);
    Ok(())
}

const SAMPLE: &str = include_str!("sample.toml");

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Error> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Config::load(Some(file.path()), variables)
    }

    #[test]
    fn the_sample_holds_every_key_with_its_default() {
        let config: Config = toml::from_str(SAMPLE).unwrap();

        assert_eq!(config, Config::default());
        let sample: toml::Table = toml::from_str(SAMPLE).unwrap();
        let full = toml::Table::try_from(Config::default()).unwrap();
        for (section, keys) in &full {
            for key in keys.as_table().unwrap().keys() {
                assert!(sample[section].get(key).is_some(), "{section}.{key}");
            }
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_name() {
        let error = load("[server]\nlissten = '127.0.0.1:1'", &[]).unwrap_err();

        assert!(error.to_string().contains("lissten"), "{error}");
    }

    #[test]
    fn a_variable_overrides_the_file() {
        let config = load(
            "[database]\nconnections = 4",
            &[("SBK__DATABASE__CONNECTIONS", "7"), ("SBK__DATABASE__URL", "sqlite:x.db")],
        )
        .unwrap();

        assert_eq!((config.database.connections, config.database.url.as_str()), (7, "sqlite:x.db"));
    }

    #[test]
    fn without_identities_only_loopback_is_listened_on() {
        let error = load("[server]\nlisten = '0.0.0.0:8642'", &[]).unwrap_err();

        assert!(error.to_string().contains("identities"), "{error}");
    }
}
