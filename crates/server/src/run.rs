use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::serve::ListenerExt;
use sbk_service::{CallContext, Caller, Service};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{Config, Error, observe, rest};

/// How often maintenance looks for something to do.
const MAINTENANCE: Duration = Duration::from_mins(1);

/// A service that listens.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    listener: JoinHandle<()>,
    maintenance: JoinHandle<()>,
    drain: Duration,
}

impl Running {
    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, finishes those in progress, and ends.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        let both = async {
            let _ = self.listener.await;
            let _ = self.maintenance.await;
        };
        if tokio::time::timeout(self.drain, both).await.is_err() {
            tracing::warn!("requests were still in progress at the end");
        }
    }
}

/// Starts the service.
pub async fn start(config: &Config) -> Result<Running, Error> {
    config.check()?;
    let service = open(config).await?;
    let address = config.server.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|reason| Error::Listen { address: address.to_string(), reason })?;
    let address = listener.local_addr().unwrap_or(address);
    let router = rest::router(service.clone(), config, observe::start_metrics());
    let (stop, stopped) = watch::channel(false);
    let maintenance = tokio::spawn(maintain(service, stopped.clone()));
    // Answers are small and must not wait for the reader's acknowledgement.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let listener = tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(wait(stopped)).await;
        if let Err(error) = served {
            tracing::error!(%error, "the listener ended");
        }
    });
    let drain = Duration::from_secs(config.server.drain_seconds);
    Ok(Running { address, stop, listener, maintenance, drain })
}

async fn wait(mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow_and_update() {
        if stopped.changed().await.is_err() {
            return;
        }
    }
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
    eprintln!("sbk listens on http://{address}\n  try it:  http://{address}/api/v1/docs");
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
