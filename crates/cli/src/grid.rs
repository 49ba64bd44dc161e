//! The certificate or proxy of whoever runs the program, and the CAs that they trust.

use std::{env, path::PathBuf, sync::Arc};

use sbk_api::{Code, Problem};
use sbk_client::{Options, Token};
use sbk_pki::{Credential, ServerVerifier, Settings, TrustStore, client_config};

use crate::failure::Failure;

/// Where the CAs are when nothing names another place.
const CERTIFICATES: &str = "/etc/grid-security/certificates";

/// A variable that is not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The file of the proxy: `X509_USER_PROXY`, or where grid tools put it.
pub fn proxy() -> Option<PathBuf> {
    if let Some(named) = variable("X509_USER_PROXY") {
        return Some(named.into());
    }
    let usual = PathBuf::from(format!("/tmp/x509up_u{}", rustix::process::getuid().as_raw()));
    usual.exists().then_some(usual)
}

/// How a server over HTTPS is called: with the proxy, or with the certificate of
/// `X509_USER_CERT` and `X509_USER_KEY`, or with the token in `SBK_TOKEN`.
pub fn options(url: &str) -> Result<Options, Failure> {
    let token = variable("SBK_TOKEN").map(Token);
    if !url.starts_with("https:") {
        return Ok(Options { token, ..Options::default() });
    }
    let wrong = |error: sbk_pki::Error| {
        Failure::from(Problem::new(
            Code::Invalid,
            format!("{error}; see X509_CERT_DIR, X509_USER_PROXY"),
        ))
    };
    let directory = variable("X509_CERT_DIR").unwrap_or_else(|| CERTIFICATES.to_owned());
    let trust = TrustStore::open(Settings::new(directory)).map_err(wrong)?;
    let credential = match (proxy(), variable("X509_USER_CERT"), variable("X509_USER_KEY")) {
        (Some(proxy), ..) => Some(Credential::from_proxy(&proxy).map_err(wrong)?),
        (None, Some(certificate), Some(key)) => {
            let (certificate, key) = (PathBuf::from(certificate), PathBuf::from(key));
            Some(Credential::from_files(&certificate, &key).map_err(wrong)?)
        }
        _ => None,
    };
    let verifier = Arc::new(ServerVerifier::new(Arc::new(trust)));
    let tls = client_config(verifier, credential.as_ref()).map_err(wrong)?;
    Ok(Options { tls: Some(tls), token, ..Options::default() })
}
