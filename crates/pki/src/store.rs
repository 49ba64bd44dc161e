use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use sbk_model::Timestamp;

use crate::{
    Crls, Error, Fingerprint, Host, Peer, Refusal, Step, Summary,
    cache::Cache,
    chain::Use,
    directory::{Directory, stamp},
    explain, identity,
    trust::{Trust, verified},
};

/// Whom to trust, and how far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The CA directory, with files named `<hash>.0`, `<hash>.r0` and `<hash>.signing_policy`.
    pub directory: PathBuf,
    /// The directory of VOMS servers, with files named `<vo>/<host>.lsc`.
    pub vomsdir: Option<PathBuf>,
    /// What is done about revocation lists.
    pub crls: Crls,
    /// How many generations of proxies there may be.
    pub proxy_depth: usize,
    /// How many verified chains are remembered.
    pub cached_chains: usize,
}

impl Settings {
    /// Settings for a CA directory: revocation lists are used where there are some, ten
    /// generations of proxies are taken, and no VOMS server is known.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            vomsdir: None,
            crls: Crls::default(),
            proxy_depth: 10,
            cached_chains: 10_000,
        }
    }
}

/// Verifies chains against a CA directory, which can be read anew at any time.
#[derive(Debug)]
pub struct TrustStore {
    settings: Settings,
    generation: RwLock<Arc<Generation>>,
}

/// One reading of the directories, and the chains that were verified against it.
#[derive(Debug)]
struct Generation {
    directory: Directory,
    stamp: blake3::Hash,
    cache: Cache,
}

impl Generation {
    fn read(settings: &Settings) -> Result<Self, Error> {
        let failed = |source| Error::Directory { path: settings.directory.clone(), source };
        // The stamp comes first: what changes while files are read is read again.
        let stamp = stamp(settings).map_err(failed)?;
        let cache = Cache::new(settings.cached_chains);
        Ok(Self { directory: Directory::read(settings)?, stamp, cache })
    }
}

impl TrustStore {
    /// Reads the directories.
    ///
    /// # Errors
    ///
    /// The CA directory cannot be read, or holds no CA.
    pub fn open(settings: Settings) -> Result<Self, Error> {
        let generation = Generation::read(&settings)?;
        Ok(Self { settings, generation: RwLock::new(Arc::new(generation)) })
    }

    /// Reads the directories anew. If that fails, what was read before stays in use.
    ///
    /// # Errors
    ///
    /// The CA directory cannot be read, or holds no CA.
    pub fn reload(&self) -> Result<Summary, Error> {
        let generation = Arc::new(Generation::read(&self.settings)?);
        let summary = generation.directory.summary();
        *self.generation.write().unwrap_or_else(PoisonError::into_inner) = generation;
        Ok(summary)
    }

    /// What was read last, and which files could not be used.
    pub fn summary(&self) -> Summary {
        self.generation().directory.summary()
    }

    /// Whether names, times or lengths of files differ from when they were read last.
    ///
    /// # Errors
    ///
    /// A directory cannot be read.
    pub fn changed(&self) -> Result<bool, Error> {
        let failed = |source| Error::Directory { path: self.settings.directory.clone(), source };
        let stamp = stamp(&self.settings).map_err(failed)?;
        Ok(stamp != self.generation().stamp)
    }

    /// Says who presents a chain of certificates in DER, the peer's own first.
    ///
    /// # Errors
    ///
    /// The chain is not taken.
    pub fn verify(&self, chain: &[&[u8]], now: Timestamp) -> Result<Arc<Peer>, Refusal> {
        let generation = self.generation();
        // A long chain is not even digested.
        let bytes: usize = chain.iter().map(|der| der.len()).sum();
        if chain.len() > crate::MAX_CERTIFICATES || bytes > crate::MAX_BYTES {
            return Err(Refusal::TooLong { certificates: chain.len(), bytes });
        }
        if let Some(peer) = generation.cache.find(&Fingerprint::of(chain), now) {
            return Ok(peer);
        }
        let trust = Trust { directory: &generation.directory, settings: &self.settings };
        let judged = identity::judge(&trust, chain, now)?;
        Ok(generation.cache.add(judged, now))
    }

    /// Verifies the chain of a server that was called by this name. Servers have no proxies.
    ///
    /// # Errors
    ///
    /// The chain is not taken, or does not name the host.
    pub fn verify_server(
        &self,
        chain: &[&[u8]],
        host: &Host,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let generation = self.generation();
        let trust = Trust { directory: &generation.directory, settings: &self.settings };
        let presented = identity::read(chain)?;
        // OpenSSL takes an empty name for the wish not to compare names.
        if let (Host::Name(name), Some(leaf)) = (host, presented.first())
            && name.is_empty()
        {
            let (subject, host) = (leaf.subject.clone(), name.clone());
            return Err(Refusal::WrongHost { subject, host });
        }
        verified(&trust, &presented, &Use::Server(host.clone()), now).map(|_| ())
    }

    /// Tells step by step how a client's chain is judged, for a person to read.
    pub fn explain(&self, chain: &[&[u8]], now: Timestamp) -> Vec<Step> {
        let generation = self.generation();
        let trust = Trust { directory: &generation.directory, settings: &self.settings };
        explain::explain(&trust, chain, now)
    }

    /// How many verified chains are remembered now.
    pub fn cached_chains(&self) -> usize {
        self.generation().cache.len()
    }

    fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.generation.read().unwrap_or_else(PoisonError::into_inner))
    }
}
