//! All issuers that are believed.

use std::fmt;
use std::time::SystemTime;

use reqwest::Client;

use crate::claims::{Claims, Issued};
use crate::header::{Parts, shortened};
use crate::issuer::Issuer;
use crate::{ConfigError, FetchError, IssuerConfig, Refusal, Verified};

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN: usize = 16 << 10;

/// The issuers that are believed, with their keys.
pub struct Issuers {
    issuers: Vec<Issuer>,
    http: Client,
}

impl Issuers {
    /// Takes issuers from a configuration. Their keys are fetched when they are needed first, or by
    /// [`Issuers::refresh`]. [`http_client`](crate::http_client) makes a suitable client.
    pub fn new(configs: Vec<IssuerConfig>, http: Client) -> Result<Self, ConfigError> {
        for (index, config) in configs.iter().enumerate() {
            config.check()?;
            if configs.iter().skip(index + 1).any(|other| other.url == config.url) {
                let reason = "it is there twice";
                return Err(ConfigError { url: config.url.clone(), reason });
            }
        }
        Ok(Self { issuers: configs.into_iter().map(Issuer::new).collect(), http })
    }

    /// Whether no token can be verified, for want of issuers.
    pub fn is_empty(&self) -> bool {
        self.issuers.is_empty()
    }

    /// Verifies a token, without the word `Bearer`, as of a time.
    pub async fn verify(&self, token: &str, now: SystemTime) -> Result<Verified, Refusal> {
        if token.len() > MAX_TOKEN {
            return Err(Refusal::TooLong);
        }
        let parts = Parts::of(token)?;
        let Issued { iss } = parts.claims()?;
        let issuer = (self.issuers.iter().find(|issuer| issuer.config.url == iss))
            .ok_or_else(|| Refusal::UnknownIssuer(shortened(&iss)))?;
        issuer.verify(&parts, &self.http, now).await?;
        parts.claims::<Claims>()?.verified(&issuer.config, now)
    }

    /// Fetches the keys of all issuers, so that no caller has to wait for them, and returns what
    /// failed. For the start of a service, and once in a while.
    pub async fn refresh(&self, now: SystemTime) -> Vec<(&str, FetchError)> {
        let mut failed = Vec::new();
        for issuer in &self.issuers {
            if let Err(error) = issuer.renew(&self.http, now).await {
                failed.push((issuer.config.url.as_str(), error));
            }
        }
        failed
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = self.issuers.iter().map(|issuer| &issuer.config.url);
        f.debug_list().entries(urls).finish()
    }
}
