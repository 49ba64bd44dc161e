use std::{net::SocketAddr, sync::Arc, time::Duration};

use sbk_pki::{ClientVerifier, server_config};
use sbk_service::{CallContext, Caller, Service};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use tokio_rustls::TlsAcceptor;

use crate::{
    Config, Error,
    app::App,
    diset,
    follow::{self, Keys, Source},
    http,
    listen::{self, Tls},
    observe, rest,
};

/// How often maintenance looks for something to do.
const MAINTENANCE: Duration = Duration::from_mins(1);

/// A service that listens.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    diset_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    drain: Duration,
}

impl Running {
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for DISET.
    pub fn diset_address(&self) -> Option<SocketAddr> {
        self.diset_address
    }

    /// Takes no more requests, finishes those in progress, and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let all = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(self.drain, all).await.is_err() {
            tracing::warn!("requests were still in progress at the end");
        }
    }
}

/// Starts the service.
pub async fn start(config: &Config) -> Result<Running, Error> {
    config.check()?;
    more_files();
    let keys = Keys::open(config)?;
    let mut source = Source::new(config, keys.as_ref())?;
    let cfg = match &mut source {
        Some(source) => Some(source.read().await?),
        None => None,
    };
    let service = open(config).await?;
    let (address, http) = bind(config.server.listen).await?;
    let diset = match config.dirac.diset_address()? {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let diset_address = diset.as_ref().map(|(address, _)| *address);
    // What was asked for as port 0 is known now.
    let mut config = config.clone();
    config.dirac.diset = diset_address.map(|address| address.to_string()).unwrap_or_default();
    let config = &config;
    let app = App::new(service, config, observe::start_metrics(), cfg.as_ref(), keys.as_ref())?;
    let (stop, stopped) = watch::channel(false);
    let mut tasks = Vec::new();
    let https = keys.as_ref().map(|keys| tls(keys, false)).transpose()?;
    let router = rest::router(&app);
    tasks.push(tokio::spawn({
        let (app, stopped) = (app.clone(), stopped.clone());
        listen::run(http, https, app.clone(), stopped.clone(), move |connection| {
            http::serve(connection, router.clone(), app.clone(), stopped.clone())
        })
    }));
    if let (Some((_, listener)), Some(keys)) = (diset, &keys) {
        let safe = Some(tls(keys, true)?);
        let serving = app.clone();
        let serve = move |connection| diset::serve(connection, serving.clone());
        tasks.push(tokio::spawn(listen::run(listener, safe, app.clone(), stopped.clone(), serve)));
    }
    tasks.push(tokio::spawn(maintain(app.service.clone(), stopped.clone())));
    tasks.push(tokio::spawn(follow::follow(app.clone(), keys, source, stopped)));
    let drain = Duration::from_secs(config.server.drain_seconds);
    Ok(Running { address, diset_address, stop, tasks, drain })
}

async fn bind(address: SocketAddr) -> Result<(SocketAddr, TcpListener), Error> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|reason| Error::Listen { address: address.to_string(), reason })?;
    Ok((listener.local_addr().unwrap_or(address), listener))
}

/// Lets the process have as many connections as it may.
fn more_files() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "the number of open files stays as it is");
    }
}

/// How connections are made safe: over DISET, everybody has a certificate.
fn tls(keys: &Keys, is_diset: bool) -> Result<Tls, Error> {
    let verifier = Arc::new(ClientVerifier::new(keys.trust.clone(), is_diset));
    let mut config = server_config(verifier, keys.host.clone())
        .map_err(|error| Error::Config(format!("tls: {error}")))?;
    if !is_diset {
        Arc::make_mut(&mut config).alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    }
    Ok(Tls { acceptor: TlsAcceptor::from(config), trust: keys.trust.clone() })
}

async fn open(config: &Config) -> Result<Service, Error> {
    let store = sbk_service::StoreOptions {
        connections: config.database.connections,
        wait: Duration::from_secs(config.database.wait_seconds),
    };
    let options = sbk_service::Options { store, ..sbk_service::Options::default() };
    let service = Service::open(&config.database.url, options).await?;
    if config.database.migrate {
        for name in service.migrate().await? {
            tracing::info!(migration = name, "applied");
        }
    }
    Ok(service)
}

/// Runs until the signal to end (SIGINT or SIGTERM).
pub async fn serve(config: Config) -> Result<(), Error> {
    let config = Arc::new(config);
    let running = start(&config).await?;
    let address = running.address();
    tracing::info!(%address, "listening");
    let scheme = if config.has_tls() { "https" } else { "http" };
    eprintln!("sbk listens on {scheme}://{address}\n  try it:  {scheme}://{address}/api/v1/docs");
    if let Some(diset) = running.diset_address() {
        eprintln!("  DISET:   dips://{diset}/{}", config.dirac.service);
    }
    signal().await;
    tracing::info!("ending: finishing the requests in progress");
    running.stop().await;
    Ok(())
}

async fn signal() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::warn!(%error, "SIGTERM cannot be waited for");
            let _ = interrupt.await;
        }
    }
}

/// Goes on with what was left: columns of searchable fields, old answers to repeated writes.
async fn maintain(service: Service, mut stopped: watch::Receiver<bool>) {
    let caller = Caller::local("maintenance");
    loop {
        let busy = promote(&service, &caller).await;
        if let Err(error) = service.forget_answers().await {
            tracing::debug!(%error, "old answers were not forgotten");
        }
        let pause = if busy { Duration::from_millis(500) } else { MAINTENANCE };
        tokio::select! {
            _ = stopped.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Makes one step of filling columns; whether there is more to do.
async fn promote(service: &Service, caller: &Caller) -> bool {
    let operation = sbk_api::PromoteFields { limit: None };
    match service.call(caller, operation, CallContext::default()).await {
        Ok(promotion) => !promotion.done,
        Err(error) => {
            tracing::debug!(%error, "columns were not filled");
            false
        }
    }
}
