//! What a service knows of DIRAC, for programs that answer as the service would.

use std::path::Path;

use sbk_pki::TrustStore;
use sbk_registry::Cfg;

use crate::{
    Config, Error,
    follow::{self, Keys, SERVERS, Source},
};

pub use crate::rulebook::{Rulebook, claim};

/// A DIRAC configuration, and where it is from.
#[derive(Debug)]
pub struct Loaded {
    /// The content.
    pub cfg: Cfg,
    /// The files and servers that it is from.
    pub sources: Vec<String>,
}

/// Reads the CAs, revocation lists and VOMS servers that a service of this configuration trusts.
///
/// # Errors
///
/// The CA directory cannot be read, or holds no CA.
pub fn trust(config: &Config) -> Result<TrustStore, sbk_pki::Error> {
    follow::trust(config)
}

/// Reads the DIRAC configuration that a service of this configuration works with: its file, laid
/// over what a Configuration server sends. `None` where neither is named.
///
/// The host's key is read only where a server has to be asked.
///
/// # Errors
///
/// A file cannot be read, or no server answers.
pub async fn load(config: &Config) -> Result<Option<Loaded>, Error> {
    let dirac = &config.dirac;
    if !dirac.has_registry() {
        return Ok(None);
    }
    let file = &dirac.configuration;
    let is_named = !file.as_os_str().is_empty();
    if dirac.servers.is_empty() {
        let loaded = load_file(file)?;
        if loaded.cfg.list(SERVERS).is_empty() {
            return Ok(Some(loaded));
        }
    }
    let mut sources: Vec<_> = is_named.then(|| file.display().to_string()).into_iter().collect();
    let keys = Keys::open(config)?;
    let source = Source::new(config, keys.as_ref())?;
    let mut source = source.ok_or_else(|| {
        let text = "tls.certificate: is needed to ask a Configuration server, as the host";
        Error::Config(text.to_owned())
    })?;
    let cfg = source.read().await?;
    let server = source.server().map(|(server, version)| format!("{server}, version {version}"));
    sources.extend(server);
    Ok(Some(Loaded { cfg, sources }))
}

/// Reads a DIRAC configuration from a file alone.
///
/// # Errors
///
/// The file cannot be read, or is no configuration.
pub fn load_file(file: &Path) -> Result<Loaded, Error> {
    let (cfg, _) = follow::read_file(file)?;
    Ok(Loaded { cfg, sources: vec![file.display().to_string()] })
}
