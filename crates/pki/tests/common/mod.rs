#![allow(dead_code)]

use std::sync::Arc;

use sbk_model::Timestamp;
use sbk_pki::{Peer, Refusal, Settings, TrustStore};
use sbk_testkit::pki::{Identity, TestPki, now};
use tempfile::TempDir;

/// A CA, and a store that trusts it.
pub struct World {
    pub pki: TestPki,
    pub directory: TempDir,
}

impl World {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { pki: TestPki::new(directory.path()), directory }
    }

    pub fn settings(&self) -> Settings {
        Settings { vomsdir: Some(self.pki.vomsdir()), ..Settings::new(self.pki.directory()) }
    }

    pub fn store(&self) -> TrustStore {
        TrustStore::open(self.settings()).unwrap()
    }

    pub fn verify(&self, identity: &Identity) -> Result<Arc<Peer>, Refusal> {
        self.verify_chain(&identity.chain())
    }

    pub fn verify_chain(&self, chain: &[Vec<u8>]) -> Result<Arc<Peer>, Refusal> {
        self.store().verify(&slices(chain), at(now()))
    }
}

pub fn slices(chain: &[Vec<u8>]) -> Vec<&[u8]> {
    chain.iter().map(Vec::as_slice).collect()
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(0).plus_seconds(seconds)
}

pub const ALICE: &str = "/C=ch/O=SBK/CN=alice";
