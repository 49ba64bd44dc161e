//! Getting the keys of an issuer, from itself or from a file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Url, redirect};
use serde::Deserialize;
use tokio::io::AsyncReadExt as _;

use crate::IssuerConfig;
use crate::config::is_safe;
use crate::keys::Keys;

/// The longest document that is read.
const MAX_DOCUMENT: usize = 256 << 10;

/// How long one document may take.
const LIMIT: Duration = Duration::from_secs(5);

/// Why there are no new keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The issuer does not answer, or not with a document.
    #[error("{url} does not answer: {reason}")]
    Away {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The document is too long.
    #[error("{0} answers with more than {MAX_DOCUMENT} bytes")]
    TooLong(String),
    /// The document is not what it should be.
    #[error("{0} does not answer with its metadata")]
    NoMetadata(String),
    /// The document describes another issuer.
    #[error("{url} describes the issuer {named:?}, not itself")]
    OtherIssuer {
        /// The address.
        url: String,
        /// The other.
        named: String,
    },
    /// The keys would come over a connection that others can change.
    #[error("the keys are at {0:?}, which is no https address")]
    Insecure(String),
    /// There is no key in the document.
    #[error("{0} has no key of use")]
    NoKeys(String),
    /// The file cannot be read.
    #[error("{path} cannot be read: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// A client for HTTP that follows no redirections and does not wait long.
pub fn http_client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(LIMIT)
        .timeout(LIMIT)
        .build()
}

/// Gets the keys of an issuer.
pub(crate) async fn keys(config: &IssuerConfig, http: &Client) -> Result<Keys, FetchError> {
    match &config.jwks_file {
        Some(path) => from_file(path).await,
        None => from_issuer(&config.url, http).await,
    }
}

async fn from_file(path: &Path) -> Result<Keys, FetchError> {
    let failed = |error: std::io::Error| FetchError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let mut text = Vec::new();
    let mut file = tokio::fs::File::open(path).await.map_err(failed)?.take(MAX_DOCUMENT as u64 + 1);
    file.read_to_end(&mut text).await.map_err(failed)?;
    if text.len() > MAX_DOCUMENT {
        return Err(FetchError::TooLong(path.display().to_string()));
    }
    Keys::read(&text).ok_or_else(|| FetchError::NoKeys(path.display().to_string()))
}

async fn from_issuer(issuer: &str, http: &Client) -> Result<Keys, FetchError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata: Metadata = serde_json::from_slice(&document(&url, http).await?)
        .map_err(|_| FetchError::NoMetadata(url.clone()))?;
    if metadata.issuer != issuer {
        return Err(FetchError::OtherIssuer {
            url,
            named: crate::header::shortened(&metadata.issuer),
        });
    }
    let loopback = issuer.starts_with("http:");
    if !is_safe(&metadata.jwks_uri, loopback) {
        return Err(FetchError::Insecure(crate::header::shortened(&metadata.jwks_uri)));
    }
    let keys = document(&metadata.jwks_uri, http).await?;
    Keys::read(&keys).ok_or(FetchError::NoKeys(metadata.jwks_uri))
}

/// Gets a document of limited length within a limited time.
async fn document(url: &str, http: &Client) -> Result<Vec<u8>, FetchError> {
    let away = |reason: String| FetchError::Away { url: url.to_owned(), reason };
    let read = tokio::time::timeout(LIMIT, read(url, http));
    read.await.unwrap_or_else(|_| Err(away(format!("it takes more than {} s", LIMIT.as_secs()))))
}

async fn read(url: &str, http: &Client) -> Result<Vec<u8>, FetchError> {
    let away = |reason: String| FetchError::Away { url: url.to_owned(), reason };
    let failed = |error: reqwest::Error| away(causes(&error.without_url()));
    let asked = Url::parse(url).map_err(|error| away(error.to_string()))?;
    let mut answer = http.get(asked.clone()).send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK || *answer.url() != asked {
        return Err(away(format!("status {}", answer.status())));
    }
    let mut text = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(failed)? {
        if text.len() + piece.len() > MAX_DOCUMENT {
            return Err(FetchError::TooLong(url.to_owned()));
        }
        text.extend_from_slice(&piece);
    }
    Ok(text)
}

/// An error with its causes, which say more than the error itself.
fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
