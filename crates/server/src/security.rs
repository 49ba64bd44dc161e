//! Refusals, written to the log at a bounded rate.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How many refusals of one address are written in a window.
const PER_WINDOW: u32 = 10;

/// How long a window is.
const WINDOW: Duration = Duration::from_mins(1);

/// The most addresses that are remembered.
const ADDRESSES: usize = 10_000;

/// Writes a line for every refusal; of an address with many, the first ones and how many more
/// there were.
#[derive(Debug, Default)]
pub struct SecurityLog {
    windows: Mutex<HashMap<IpAddr, Window>>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    count: u32,
}

impl SecurityLog {
    /// Writes down that something was refused.
    pub fn refused(&self, address: SocketAddr, what: &str, reason: &dyn std::fmt::Display) {
        metrics::counter!("sbk_refused_total", "what" => what.to_owned()).increment(1);
        match self.count(address.ip(), Instant::now()) {
            Told::Line => tracing::warn!(target: "security", %address, what, %reason, "refused"),
            Told::After(hidden) => {
                tracing::warn!(target: "security", %address, what, %reason, hidden, "refused");
            }
            Told::Nothing => {}
        }
    }

    fn count(&self, address: IpAddr, now: Instant) -> Told {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= ADDRESSES && !windows.contains_key(&address) {
            windows.retain(|_, window| now.duration_since(window.began) < WINDOW);
            if windows.len() >= ADDRESSES {
                return Told::Nothing;
            }
        }
        let window = windows.entry(address).or_insert(Window { began: now, count: 0 });
        if now.duration_since(window.began) >= WINDOW {
            let hidden = window.count.saturating_sub(PER_WINDOW);
            *window = Window { began: now, count: 1 };
            return if hidden > 0 { Told::After(hidden) } else { Told::Line };
        }
        window.count = window.count.saturating_add(1);
        if window.count <= PER_WINDOW { Told::Line } else { Told::Nothing }
    }
}

/// What is written of a refusal.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// A line.
    Line,
    /// A line, and how many before it were not written.
    After(u32),
    /// Nothing.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_refusals_a_few_are_written_and_the_others_counted() {
        let log = SecurityLog::default();
        let address = IpAddr::from([192, 0, 2, 1]);
        let now = Instant::now();

        let told: Vec<_> = (0..15).map(|_| log.count(address, now)).collect();
        let later = log.count(address, now + WINDOW);

        assert_eq!(told.iter().filter(|told| **told == Told::Line).count(), 10);
        assert_eq!(later, Told::After(5));
    }
}
