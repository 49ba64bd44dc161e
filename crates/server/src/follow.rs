//! What may change while the service runs: certificates, CAs, revocation lists, `dirac.cfg`, and
//! what the Configuration servers say.

use std::{path::Path, sync::Arc, time::Duration};

use sbk_pki::{Credential, HostKey, ServerVerifier, Settings, TrustStore, client_config};
use sbk_registry::Cfg;
use sbk_wire::Value;
use tokio::sync::watch;

use crate::{Config, Error, app::Shared, listen::wait};

/// The longest configuration, in bytes, when it is unpacked.
const LONGEST: u64 = 256 << 20;

/// Certificates, those of others and ours.
#[derive(Debug, Clone)]
pub struct Keys {
    /// Whom we trust.
    pub trust: Arc<TrustStore>,
    /// Who we are.
    pub host: Arc<HostKey>,
}

impl Keys {
    /// Reads them; `None` where the service speaks no TLS.
    pub fn open(config: &Config) -> Result<Option<Self>, Error> {
        if !config.has_tls() {
            return Ok(None);
        }
        let tls = &config.tls;
        let wrong = |error: sbk_pki::Error| Error::Config(format!("tls: {error}"));
        let trust = Arc::new(trust(config).map_err(wrong)?);
        for problem in trust.summary().problems {
            tracing::warn!(?problem, "a file of the CA directory is not used");
        }
        let host = Arc::new(HostKey::open(&tls.certificate, &tls.key).map_err(wrong)?);
        Ok(Some(Self { trust, host }))
    }
}

/// Reads the CAs, revocation lists and VOMS servers that a service of this configuration trusts.
pub fn trust(config: &Config) -> Result<TrustStore, sbk_pki::Error> {
    let tls = &config.tls;
    TrustStore::open(Settings {
        vomsdir: (!tls.vomsdir.as_os_str().is_empty()).then(|| tls.vomsdir.clone()),
        crls: tls.revocation_lists.into(),
        ..Settings::new(&tls.ca_directory)
    })
}

/// Where a configuration file names Configuration servers.
pub const SERVERS: &str = "/DIRAC/Configuration/Servers";

/// What a Configuration server sent.
struct Remote {
    server: String,
    version: String,
    cfg: Cfg,
}

/// Where the DIRAC configuration comes from.
pub struct Source {
    file: Option<std::path::PathBuf>,
    servers: Vec<String>,
    tls: Arc<rustls::ClientConfig>,
    /// The file as it was read last.
    local: String,
    /// What a server sent last.
    remote: Option<Remote>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("file", &self.file)
            .field("servers", &self.servers)
            .finish_non_exhaustive()
    }
}

impl Source {
    /// The source of a configuration; `None` where there is no registry.
    pub fn new(config: &Config, keys: Option<&Keys>) -> Result<Option<Self>, Error> {
        let (true, Some(keys)) = (config.dirac.has_registry(), keys) else { return Ok(None) };
        let wrong = |error: sbk_pki::Error| Error::Config(format!("tls: {error}"));
        let credential = Credential::from_files(&config.tls.certificate, &config.tls.key);
        let credential = credential.map_err(wrong)?;
        let verifier = Arc::new(ServerVerifier::new(keys.trust.clone()));
        let file = &config.dirac.configuration;
        Ok(Some(Self {
            file: (!file.as_os_str().is_empty()).then(|| file.clone()),
            servers: config.dirac.servers.clone(),
            tls: client_config(verifier, Some(&credential)).map_err(wrong)?,
            local: String::new(),
            remote: None,
        }))
    }

    /// Whether the file differs from when it was read last.
    fn has_changed(&self) -> bool {
        let Some(file) = &self.file else { return false };
        std::fs::read_to_string(file).is_ok_and(|text| text != self.local)
    }

    /// Reads the file, asks the servers for news, and puts both together. When no server answers,
    /// what was sent last is used.
    pub async fn read(&mut self) -> Result<Cfg, Error> {
        let local = self.read_file()?;
        let mut servers = self.servers.clone();
        servers.extend(local.list(SERVERS).into_iter().map(str::to_owned));
        if let Some(remote) = &self.remote {
            servers.extend(remote.cfg.list(SERVERS).into_iter().map(str::to_owned));
        }
        servers.sort();
        servers.dedup();
        let mut reasons = Vec::new();
        for server in &servers {
            match self.ask(server).await {
                Ok(()) => {
                    reasons.clear();
                    break;
                }
                Err(reason) => reasons.push(format!("{server}: {reason}")),
            }
        }
        if !reasons.is_empty() {
            let text = reasons.join("; ");
            if self.remote.is_none() {
                return Err(Error::Config(format!("no Configuration server answers: {text}")));
            }
            tracing::warn!(
                reason = text,
                "no Configuration server answers; the last content stays"
            );
        }
        Ok(match &self.remote {
            Some(remote) => local.merge_over(&remote.cfg),
            None => local,
        })
    }

    /// The server that sent content last, with the version of that.
    pub fn server(&self) -> Option<(&str, &str)> {
        self.remote.as_ref().map(|remote| (remote.server.as_str(), remote.version.as_str()))
    }

    fn read_file(&mut self) -> Result<Cfg, Error> {
        let Some(file) = &self.file else { return Ok(Cfg::default()) };
        let (cfg, text) = read_file(file)?;
        self.local = text;
        Ok(cfg)
    }

    async fn ask(&mut self, server: &str) -> Result<(), String> {
        let client = sbk_diset::Client::new(server, self.tls.clone())
            .ok_or("it is no URL such as dips://host:9135/Configuration/Server")?
            .with_extra_credentials(Value::from("hosts"))
            .with_patience(Duration::from_secs(30));
        let version = self.remote.as_ref().map_or("0", |remote| &remote.version);
        let answer = client.call("getCompressedDataIfNewer", vec![Value::from(version)]).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let newest = answer.get("newestVersion").and_then(Value::text).unwrap_or_default();
        let packed = match answer.get("data") {
            None => return Ok(()),
            Some(Value::Bytes(bytes)) => bytes.as_slice(),
            Some(_) => return Err("its data is not bytes".into()),
        };
        let cfg = Cfg::parse(&unpacked(packed)?).map_err(|error| error.to_string())?;
        tracing::info!(server, version = newest, "the DIRAC configuration has changed");
        self.remote = Some(Remote { server: server.to_owned(), version: newest.to_owned(), cfg });
        Ok(())
    }
}

/// Reads a `dirac.cfg`.
pub fn read_file(file: &Path) -> Result<(Cfg, String), Error> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Error::Config(format!("dirac.configuration: {}: {reason}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
    let cfg = Cfg::parse(&text).map_err(|error| wrong(&error))?;
    Ok((cfg, text))
}

fn unpacked(packed: &[u8]) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let mut reader = flate2::read::ZlibDecoder::new(packed).take(LONGEST + 1);
    reader.read_to_string(&mut text).map_err(|error| format!("its data: {error}"))?;
    if text.len() as u64 > LONGEST {
        return Err(format!("its data is longer than {LONGEST} bytes"));
    }
    Ok(text)
}

/// Looks for changes until the service stops.
pub async fn follow(
    app: Shared,
    keys: Option<Keys>,
    source: Option<Source>,
    mut stopped: watch::Receiver<bool>,
) {
    let Some(keys) = keys else { return };
    let mut source = source;
    let reload = Duration::from_secs(app.config.tls.reload_seconds);
    let refresh = Duration::from_secs(app.config.dirac.refresh_seconds);
    let mut asked = tokio::time::Instant::now();
    let mut host = stamp(&app.config);
    refresh_tokens(&app).await;
    loop {
        let is_told = tokio::select! {
            () = wait(&mut stopped) => return,
            () = app.refresh.notified() => true,
            () = tokio::time::sleep(reload.min(refresh)) => false,
        };
        let now = stamp(&app.config);
        if now != host || is_told {
            host = now;
            match keys.host.reload() {
                Ok(()) => tracing::info!("the host certificate was read again"),
                Err(error) => tracing::error!(%error, "the former host certificate stays in use"),
            }
        }
        reload_trust(&app, &keys.trust, is_told);
        let is_due = is_told || asked.elapsed() >= refresh;
        if is_due {
            asked = tokio::time::Instant::now();
            refresh_tokens(&app).await;
        }
        let Some(source) = &mut source else { continue };
        if is_due || source.has_changed() {
            let read = source.read().await;
            if let Err(error) = read.and_then(|cfg| app.authority.replace(&cfg)) {
                tracing::error!(%error, "the former DIRAC configuration stays in use");
            }
        }
    }
}

async fn refresh_tokens(app: &Shared) {
    for (issuer, error) in app.tokens.refresh(std::time::SystemTime::now()).await {
        tracing::warn!(issuer, %error, "the former keys of an issuer stay in use");
    }
}

fn reload_trust(app: &Shared, trust: &TrustStore, is_told: bool) {
    match trust.changed() {
        Ok(false) if !is_told => return,
        Ok(_) => {}
        Err(error) => tracing::error!(%error, "the CA directory cannot be read"),
    }
    match trust.reload() {
        Ok(summary) => {
            tracing::info!(?summary, "the CA directory was read again");
            app.renewed.send_replace(());
        }
        Err(error) => tracing::error!(%error, "the former CAs stay in use"),
    }
}

/// When the files of the host certificate were changed.
fn stamp(config: &Config) -> Vec<Option<std::time::SystemTime>> {
    let files = [&config.tls.certificate, &config.tls.key];
    let changed = |file: &&std::path::PathBuf| std::fs::metadata(file).ok()?.modified().ok();
    files.iter().map(changed).collect()
}

#[cfg(test)]
mod tests {
    use sbk_testkit::pki::TestPki;

    use super::*;

    #[tokio::test]
    async fn what_the_file_says_goes_before_what_a_server_sent() {
        let work = tempfile::tempdir().unwrap();
        let pki = TestPki::new(work.path());
        let trust = TrustStore::open(Settings::new(pki.directory())).unwrap();
        let verifier = Arc::new(ServerVerifier::new(Arc::new(trust)));
        let file = work.path().join("dirac.cfg");
        std::fs::write(&file, "Registry\n{\n  DefaultGroup = here\n}\n").unwrap();
        let sent = "Registry\n{\n  DefaultGroup = there\n  BannedIPs = 192.0.2.1\n}\n";
        let mut source = Source {
            file: Some(file),
            servers: Vec::new(),
            tls: client_config(verifier, None).unwrap(),
            local: String::new(),
            remote: Some(Remote {
                server: "dips://cs.example:9135/Configuration/Server".into(),
                version: "1".into(),
                cfg: Cfg::parse(sent).unwrap(),
            }),
        };

        let cfg = source.read().await.unwrap();

        assert_eq!(cfg.value("/Registry/DefaultGroup"), Some("here"));
        assert_eq!(cfg.value("/Registry/BannedIPs"), Some("192.0.2.1"));
    }
}
