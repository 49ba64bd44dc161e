use std::sync::Arc;

use rustls::{
    ClientConfig, ServerConfig,
    client::Resumption,
    crypto::aws_lc_rs,
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};

use super::{ClientVerifier, Credential, HostKey, ServerVerifier};
use crate::Error;

/// A server's TLS 1.2 and 1.3.
///
/// Sessions are never resumed: each connection shows its certificates, and is judged by what is
/// trusted and revoked at that moment. A caller that speaks HTTP sets `alpn_protocols` through
/// [`Arc::make_mut`].
///
/// # Errors
///
/// rustls refuses the configuration.
pub fn server_config(
    verifier: Arc<ClientVerifier>,
    host_key: Arc<HostKey>,
) -> Result<Arc<ServerConfig>, Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(host_key);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// A client's TLS 1.2 and 1.3, with a certificate or proxy if servers are to know who calls.
///
/// # Errors
///
/// rustls refuses the configuration.
pub fn client_config(
    verifier: Arc<ServerVerifier>,
    credential: Option<&Credential>,
) -> Result<Arc<ClientConfig>, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match credential {
        Some(credential) => builder.with_client_cert_resolver(Arc::new(credential.clone())),
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}
