//! Connections: how many, how they are made safe, and who is at the other end.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sbk_pki::TrustStore;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::{app::Shared, authority::Peer};

/// How long nothing is accepted after the system had no room for a connection.
const REST: Duration = Duration::from_millis(50);

/// A stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that is ready for requests.
pub struct Connection {
    /// Its bytes.
    pub stream: Box<dyn Stream>,
    /// Who is at the other end.
    pub peer: Peer,
    /// Where from.
    pub address: SocketAddr,
    /// Its place among the connections.
    pub _place: OwnedSemaphorePermit,
}

/// How connections are made safe.
#[derive(Clone)]
pub struct Tls {
    /// Makes the handshake.
    pub acceptor: TlsAcceptor,
    /// Knows who showed the certificates of a connection.
    pub trust: Arc<TrustStore>,
}

/// Handshakes in progress, the oldest first. One too many ends the oldest: who shakes hands in
/// earnest is done long before.
#[derive(Debug, Default)]
struct Handshakes {
    running: Mutex<(u64, BTreeMap<u64, oneshot::Sender<()>>)>,
}

impl Handshakes {
    fn begin(&self, most: usize) -> (u64, oneshot::Receiver<()>) {
        let (sender, receiver) = oneshot::channel();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.0 += 1;
        let id = running.0;
        running.1.insert(id, sender);
        if running.1.len() > most {
            // Its receiver learns of it by the loss of the sender.
            running.1.pop_first();
        }
        (id, receiver)
    }

    fn end(&self, id: u64) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&id);
    }
}

/// Accepts connections and has them served, each by a task of its own, until the service stops;
/// then waits for the last of them.
pub async fn run<S, F>(
    listener: TcpListener,
    tls: Option<Tls>,
    app: Shared,
    mut stopped: watch::Receiver<bool>,
    serve: S,
) where
    S: Fn(Connection) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let places = Arc::new(Semaphore::new(app.config.connections.max));
    let handshakes = Arc::new(Handshakes::default());
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = wait(&mut stopped) => break,
            Some(_) = tasks.join_next(), if !tasks.is_empty() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        if app.authority.is_banned(address.ip()) {
            app.security.refused(address, "connection", &"the address is banned");
            continue;
        }
        let (tls, app, serve) = (tls.clone(), app.clone(), serve.clone());
        let (places, handshakes) = (places.clone(), handshakes.clone());
        tasks.spawn(async move {
            if let Some(connection) = made(stream, address, tls, &app, places, &handshakes).await {
                serve(connection).await;
            }
        });
    }
    drop(listener);
    while tasks.join_next().await.is_some() {}
}

/// Waits until the service stops.
pub async fn wait(stopped: &mut watch::Receiver<bool>) {
    while !*stopped.borrow_and_update() {
        if stopped.changed().await.is_err() {
            return;
        }
    }
}

async fn made(
    stream: TcpStream,
    address: SocketAddr,
    tls: Option<Tls>,
    app: &Shared,
    places: Arc<Semaphore>,
    handshakes: &Handshakes,
) -> Option<Connection> {
    // Answers are small and must not wait for the reader's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "the other side is gone");
        return None;
    }
    // A client that gathers what it sends holds its first message back until its last flight of the
    // handshake is acknowledged, and TLS without tickets has nothing to send with that.
    let hurry = |stream: &TcpStream| {
        if let Err(error) = rustix::net::sockopt::set_tcp_quickack(stream, true) {
            tracing::debug!(%error, "an acknowledgement may be late");
        }
    };
    hurry(&stream);
    let refused =
        |reason: &dyn std::fmt::Display| app.security.refused(address, "handshake", reason);
    let (stream, peer): (Box<dyn Stream>, Peer) = match tls {
        None => (Box::new(stream), Peer::Local),
        Some(tls) => {
            let (id, ended) = handshakes.begin(app.config.connections.max_handshakes);
            let limit = Duration::from_secs(app.config.connections.handshake_seconds);
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(limit, tls.acceptor.accept(stream)) => Some(shaken),
                _ = ended => None,
            };
            handshakes.end(id);
            let stream = match shaken {
                Some(Ok(Ok(stream))) => {
                    hurry(stream.get_ref().0);
                    stream
                }
                Some(Ok(Err(error))) => {
                    refused(&error);
                    return None;
                }
                Some(Err(_)) => {
                    refused(&format_args!("it took longer than {limit:?}"));
                    return None;
                }
                None => {
                    refused(&"too many were in progress");
                    return None;
                }
            };
            let peer = match stream.get_ref().1.peer_certificates() {
                None => Peer::Nobody,
                Some(certificates) => match tls.trust.peer_of(certificates, app.now()) {
                    Ok(peer) => Peer::Certified(peer),
                    Err(refusal) => {
                        refused(&refusal);
                        return None;
                    }
                },
            };
            (Box::new(stream), peer)
        }
    };
    let Ok(place) = places.try_acquire_owned() else {
        refused(&"all connections are in use");
        return None;
    };
    Some(Connection { stream, peer, address, _place: place })
}
