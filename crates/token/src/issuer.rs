//! One issuer and the keys that are kept of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use reqwest::Client;
use tokio::sync::Semaphore;

use crate::header::Parts;
use crate::keys::Keys;
use crate::{FetchError, IssuerConfig, Refusal, fetch};

/// The least time between two attempts to get keys, whatever tokens come in between: a token may
/// name any key it likes.
const PAUSE: Duration = Duration::from_secs(30);

/// An issuer and the keys that are kept of it. The last good ones stay while it is away.
pub(crate) struct Issuer {
    pub config: IssuerConfig,
    kept: Mutex<Kept>,
    /// Lets one fetch at a time; who waits finds its keys.
    turn: Semaphore,
}

#[derive(Default)]
struct Kept {
    keys: Option<Arc<Keys>>,
    fetched: Option<SystemTime>,
    tried: Option<SystemTime>,
}

impl Issuer {
    pub fn new(config: IssuerConfig) -> Self {
        Self { config, kept: Mutex::default(), turn: Semaphore::new(1) }
    }

    /// Verifies the signature of a token.
    pub async fn verify(
        &self,
        parts: &Parts<'_>,
        http: &Client,
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let algorithm = parts.header.algorithm(&self.config.algorithms)?;
        if self.is_stale(now) {
            self.try_fetch(http, now, false).await;
        }
        let mut verified = self.keys().and_then(|keys| keys.verify(parts, algorithm));
        if verified.is_none() {
            self.try_fetch(http, now, true).await;
            verified = self.keys().and_then(|keys| keys.verify(parts, algorithm));
        }
        match verified {
            Some(true) => Ok(()),
            Some(false) => Err(Refusal::Signature(self.config.url.clone())),
            None if self.keys().is_none() => Err(Refusal::IssuerAway(self.config.url.clone())),
            None => Err(Refusal::UnknownKey {
                issuer: self.config.url.clone(),
                kid: crate::header::shortened(parts.header.kid.as_deref().unwrap_or_default()),
            }),
        }
    }

    /// Gets the keys anew; tokens that need them meanwhile wait.
    pub async fn renew(&self, http: &Client, now: SystemTime) -> Result<(), FetchError> {
        let _turn = self.turn.acquire().await.ok();
        self.fetch(http, now).await
    }

    /// Gets the keys anew.
    async fn fetch(&self, http: &Client, now: SystemTime) -> Result<(), FetchError> {
        self.with(|kept| kept.tried = Some(now));
        let keys = fetch::keys(&self.config, http).await;
        match keys {
            Ok(keys) => {
                tracing::debug!(issuer = self.config.url, "fetched the keys of an issuer");
                self.with(|kept| {
                    kept.keys = Some(Arc::new(keys));
                    kept.fetched = Some(now);
                });
                Ok(())
            }
            Err(error) => {
                let kept = self.keys().is_some();
                tracing::warn!(issuer = self.config.url, kept, %error, "no new keys of an issuer");
                Err(error)
            }
        }
    }

    /// Gets the keys anew, unless that was tried a moment ago. Waits for a fetch that is under way
    /// only where there is need of it.
    async fn try_fetch(&self, http: &Client, now: SystemTime, needed: bool) {
        let turn =
            if needed { self.turn.acquire().await.ok() } else { self.turn.try_acquire().ok() };
        if turn.is_some() && self.with(|kept| is_over(kept.tried, PAUSE, now)) {
            // It is logged, and the keys that are kept decide.
            let _ = self.fetch(http, now).await;
        }
    }

    fn is_stale(&self, now: SystemTime) -> bool {
        let age = Duration::from_secs(self.config.refresh_s);
        self.with(|kept| is_over(kept.fetched, age, now))
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        self.with(|kept| kept.keys.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Kept) -> T) -> T {
        act(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a time has passed since a moment, or the clock has been put back before it.
fn is_over(since: Option<SystemTime>, time: Duration, now: SystemTime) -> bool {
    let passed = since.map(|since| now.duration_since(since).unwrap_or(Duration::MAX));
    passed.is_none_or(|passed| passed >= time)
}
