use std::{
    fmt,
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

/// A token that says who calls. It is never shown.
#[derive(Clone)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// How a client waits and repeats.
#[derive(Debug, Clone)]
pub struct Options {
    /// How often a call is tried in all, at least once.
    pub attempts: u32,
    /// The pause before the first repeat; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause, also where the server's `Retry-After` asks for more.
    pub longest_pause: Duration,
    /// How long a connection may take to come up.
    pub connect_timeout: Duration,
    /// How long the server may be silent.
    pub read_timeout: Duration,
    /// How servers over HTTPS are verified, and which certificate or proxy they are shown.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// A token that says who calls, where there is no certificate.
    pub token: Option<Token>,
    /// Gives 64 random bits: for the idempotency keys, and to spread the pauses.
    pub random: fn() -> u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            attempts: 6,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_mins(5),
            tls: None,
            token: None,
            random: || RandomState::new().build_hasher().finish(),
        }
    }
}

impl Options {
    /// The pause after a number of failed attempts: exponential, spread over its upper half, and
    /// not shorter than what the server asks for.
    pub(crate) fn pause(&self, failed: u32, retry_after: Option<Duration>) -> Duration {
        let doubled =
            self.first_pause.saturating_mul(2u32.saturating_pow(failed.saturating_sub(1)));
        let full = doubled.min(self.longest_pause);
        let share = u32::try_from((self.random)() % 1000).unwrap_or_default();
        let spread = full / 2 + full / 2 * share / 1000;
        retry_after.map_or(spread, |asked| spread.max(asked).min(self.longest_pause))
    }

    /// A new idempotency key.
    pub(crate) fn idempotency_key(&self) -> String {
        format!("{:016x}{:016x}", (self.random)(), (self.random)())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let options = Options { random: || 999, ..Options::default() };

        let pauses: Vec<u128> =
            (1..=8).map(|failed| options.pause(failed, None).as_millis()).collect();

        assert_eq!(pauses[..3], [199, 399, 799]);
        assert!(pauses.iter().all(|pause| *pause <= 10_000));
        assert!(options.pause(u32::MAX, None) <= options.longest_pause);
    }

    #[test]
    fn a_pause_is_as_long_as_the_server_asks_within_bounds() {
        let options = Options { random: || 0, ..Options::default() };

        assert_eq!(options.pause(1, Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(options.pause(1, Some(Duration::from_hours(1))), options.longest_pause);
    }

    #[test]
    fn idempotency_keys_differ() {
        let options = Options::default();

        assert_ne!(options.idempotency_key(), options.idempotency_key());
    }
}
