use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use sbk_model::Timestamp;

use crate::{Fingerprint, Peer, identity::Judged};

/// Peers whose whole presented chain was verified before.
#[derive(Debug)]
pub(crate) struct Cache {
    capacity: usize,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    by_chain: HashMap<Fingerprint, Entry>,
    /// The chains in the order in which they came.
    order: VecDeque<Fingerprint>,
}

#[derive(Debug)]
struct Entry {
    peer: Arc<Peer>,
    /// When the chain was verified: for an earlier time nothing is known.
    from: Timestamp,
    until: Timestamp,
}

impl Cache {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, entries: Mutex::default() }
    }

    pub fn find(&self, chain: &Fingerprint, now: Timestamp) -> Option<Arc<Peer>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.by_chain.get(chain)?;
        (entry.from <= now && now < entry.until).then(|| Arc::clone(&entry.peer))
    }

    pub fn add(&self, judged: Judged, now: Timestamp) -> Arc<Peer> {
        let peer = Arc::new(judged.peer);
        if self.capacity == 0 {
            return peer;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry { peer: Arc::clone(&peer), from: now, until: judged.until };
        if entries.by_chain.insert(peer.fingerprint, entry).is_none() {
            entries.order.push_back(peer.fingerprint);
        }
        if entries.order.len() > self.capacity
            && let Some(oldest) = entries.order.pop_front()
        {
            entries.by_chain.remove(&oldest);
        }
        peer
    }

    pub fn len(&self) -> usize {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).by_chain.len()
    }
}
