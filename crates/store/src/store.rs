use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use crate::{
    Error, Session,
    dialect::{Dialect, Target},
    pool::Pool,
};

/// How the store uses its database.
#[derive(Debug, Clone)]
pub struct Options {
    /// The most connections.
    pub connections: usize,
    /// How long a request waits for a connection.
    pub wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 16, wait: Duration::from_secs(5) }
    }
}

/// The most names that are remembered.
const REMEMBERED: usize = 50_000;

/// A database with its connections. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    dialect: Dialect,
    readers: Pool,
    writers: Pool,
    terms: RwLock<HashMap<i64, Arc<str>>>,
    paths: RwLock<HashMap<i64, Arc<str>>>,
    keys: RwLock<HashSet<i64>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("dialect", &self.inner.dialect).finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a store for the database of a URL; connections are opened when they are needed.
    pub fn new(url: &str, options: &Options) -> Result<Self, Error> {
        let target = Target::parse(url)?;
        let dialect = target.dialect();
        let readers = Pool::new(target.clone(), options.connections.max(1), options.wait)?;
        let writers = if target.has_one_writer() {
            Pool::new(target, 1, options.wait)?
        } else {
            readers.clone()
        };
        let inner = Inner {
            dialect,
            readers,
            writers,
            terms: RwLock::default(),
            paths: RwLock::default(),
            keys: RwLock::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes a connection for reads.
    pub async fn read(&self) -> Result<Session, Error> {
        let pool = self.inner.readers.clone();
        let lease = pool.lease().await?;
        Ok(Session::new(self.clone(), pool, lease))
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Session, Error> {
        let pool = self.inner.writers.clone();
        let lease = pool.lease().await?;
        let mut session = Session::new(self.clone(), pool, lease);
        session.begin().await?;
        Ok(session)
    }

    /// Takes a connection that can write, without a transaction: for changes of the schema.
    pub(crate) async fn write_unbound(&self) -> Result<Session, Error> {
        let pool = self.inner.writers.clone();
        let lease = pool.lease().await?;
        Ok(Session::new(self.clone(), pool, lease))
    }

    /// What differs between databases.
    pub fn dialect(&self) -> Dialect {
        self.inner.dialect
    }

    /// How many connections are open, and how many of them are in use.
    pub fn connections(&self) -> (usize, usize) {
        self.inner.readers.usage()
    }

    pub(crate) fn term(&self, key: i64) -> Option<Arc<str>> {
        let terms = self.inner.terms.read().unwrap_or_else(PoisonError::into_inner);
        terms.get(&key).cloned()
    }

    pub(crate) fn remember_terms(&self, new: BTreeMap<i64, Arc<str>>) {
        if !new.is_empty() {
            remember(&self.inner.terms, new);
        }
    }

    /// Whether the row of a key, which never changes, is known to be there.
    pub(crate) fn has_key(&self, key: i64) -> bool {
        self.inner.keys.read().unwrap_or_else(PoisonError::into_inner).contains(&key)
    }

    pub(crate) fn remember_keys(&self, new: BTreeSet<i64>) {
        if new.is_empty() {
            return;
        }
        let mut keys = self.inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() + new.len() > REMEMBERED {
            keys.clear();
        }
        keys.extend(new);
    }

    /// The paths of keys as far as they are remembered, and the keys of the others.
    pub(crate) fn paths(
        &self,
        keys: impl IntoIterator<Item = i64>,
    ) -> (HashMap<i64, Arc<str>>, BTreeSet<i64>) {
        let paths = self.inner.paths.read().unwrap_or_else(PoisonError::into_inner);
        let (mut known, mut missing) = (HashMap::new(), BTreeSet::new());
        for key in keys {
            match paths.get(&key) {
                Some(path) => drop(known.insert(key, path.clone())),
                None => drop(missing.insert(key)),
            }
        }
        (known, missing)
    }

    pub(crate) fn remember_paths(&self, new: impl IntoIterator<Item = (i64, Arc<str>)>) {
        remember(&self.inner.paths, new);
    }
}

/// Adds to a cache of facts that never change, and empties it first when it is full.
fn remember(
    cache: &RwLock<HashMap<i64, Arc<str>>>,
    new: impl IntoIterator<Item = (i64, Arc<str>)>,
) {
    let mut known = cache.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.extend(new);
}
