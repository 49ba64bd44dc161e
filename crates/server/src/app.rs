//! What every request works with, whatever its wire.

use std::{sync::Arc, time::Duration};

use metrics_exporter_prometheus::PrometheusHandle;
use sbk_dirac::catalog::FileCatalog;
use sbk_model::Timestamp;
use sbk_registry::Cfg;
use sbk_service::Service;
use sbk_token::Issuers;
use tokio::sync::{Notify, Semaphore, watch};

use crate::{
    Config, Error, authority::Authority, follow::Keys, rpc::Methods, security::SecurityLog,
    shadow::Shadow,
};

/// How many bytes of messages that are longer than [`App::FREE_BYTES`] may come in at a time.
const BYTES_AT_A_TIME: usize = 512 << 20;

/// What every request works with.
pub struct App {
    /// The bookkeeping.
    pub service: Service,
    /// The configuration.
    pub config: Config,
    /// Places for requests in progress.
    pub requests: Semaphore,
    /// Places for transfers in progress, which last longer.
    pub transfers: Semaphore,
    /// Places for the bytes of long messages that come in, in KiB.
    pub kib: Semaphore,
    /// The metrics of the process.
    pub metrics: PrometheusHandle,
    /// Who callers are, and what they may call.
    pub authority: Authority,
    /// Whose tokens are taken.
    pub tokens: Issuers,
    /// The methods for DIRAC's clients.
    pub methods: Methods,
    /// DIRAC's FileCatalog.
    pub catalog: FileCatalog,
    /// The catalogue that is called beside ours.
    pub shadow: Option<Shadow>,
    /// Where refusals are written.
    pub security: SecurityLog,
    /// When the service started.
    pub started: Timestamp,
    /// Wakes those who follow the configuration.
    pub refresh: Notify,
    /// Tells connections that what certificates are held against was read anew.
    pub renewed: watch::Sender<()>,
}

/// What every request works with, shared.
pub type Shared = Arc<App>;

impl App {
    /// Messages up to this length need no place of their own.
    pub const FREE_BYTES: usize = 1 << 20;

    /// Puts it together.
    pub fn new(
        service: Service,
        config: &Config,
        metrics: PrometheusHandle,
        cfg: Option<&Cfg>,
        keys: Option<&Keys>,
    ) -> Result<Shared, Error> {
        let most = config.dirac.max_message_bytes.max(BYTES_AT_A_TIME);
        Ok(Arc::new(Self {
            started: service.environment().now(),
            authority: Authority::new(config, cfg)?,
            tokens: tokens(config)?,
            shadow: Shadow::open(config, keys)?,
            catalog: FileCatalog::new(service.clone(), config.file_catalog.clone()),
            service,
            config: config.clone(),
            requests: Semaphore::new(config.server.max_requests),
            transfers: Semaphore::new(config.server.max_requests),
            kib: Semaphore::new(most / 1024),
            metrics,
            methods: Methods::new(),
            security: SecurityLog::default(),
            refresh: Notify::new(),
            renewed: watch::Sender::new(()),
        }))
    }

    /// How long a connection may be silent.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.config.connections.idle_seconds)
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        self.service.environment().now()
    }

    /// An id for a request.
    pub fn request_id(&self) -> String {
        format!("{:016x}", self.service.environment().random())
    }
}

fn tokens(config: &Config) -> Result<Issuers, Error> {
    let http = sbk_token::http_client()
        .map_err(|error| Error::Config(format!("tokens.issuers: {error}")))?;
    Issuers::new(config.tokens.issuers.clone(), http)
        .map_err(|error| Error::Config(format!("tokens.issuers: {error}")))
}
