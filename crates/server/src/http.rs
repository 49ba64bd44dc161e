//! HTTP over a connection.

use std::{net::SocketAddr, sync::Arc, time::SystemTime};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, header},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::{
    app::{App, Shared},
    authority::{Peer, Refused},
    listen::{self, Connection},
};

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Who is at the other end of its connection.
    pub peer: Peer,
    /// The address of the other end.
    pub address: SocketAddr,
}

impl Origin {
    /// Who a request is from: the peer of the connection, or the bearer of a token where the
    /// connection proves nobody.
    pub async fn peer_with(&self, headers: &HeaderMap, app: &App) -> Result<Peer, Refused> {
        if !matches!(self.peer, Peer::Nobody) || app.tokens.is_empty() {
            return Ok(self.peer.clone());
        }
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(token) = bearer.and_then(|value| value.strip_prefix("Bearer ")) else {
            return Ok(Peer::Nobody);
        };
        let verified = app.tokens.verify(token.trim(), SystemTime::now()).await?;
        Ok(Peer::Bearer(Arc::new(verified)))
    }
}

/// Answers the requests of a connection until it ends, or the service stops.
pub async fn serve(
    connection: Connection,
    router: Router,
    app: Shared,
    mut stopped: watch::Receiver<bool>,
) {
    let Connection { stream, peer, address, _place } = connection;
    let origin = Origin { peer, address };
    let service = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
        request.extensions_mut().insert(origin.clone());
        let request: Request = request.map(Body::new);
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    // The time also ends a connection on which no further request begins.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(app.idle());
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(app.idle());
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut renewed = app.renewed.subscribe();
    let result = tokio::select! {
        result = serving.as_mut() => result,
        () = listen::wait(&mut stopped) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
        // A certificate that was revoked must not live on in a kept connection.
        _ = renewed.changed() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%address, %error, "a connection ended");
    }
}
