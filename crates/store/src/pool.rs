use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use deadpool::managed;

use crate::{
    Error,
    dialect::{Connection, Target, connect},
};

/// The slots that the totals are spread over, so that writers do not wait for one another.
pub const SLOTS: u64 = 16;

/// How long a connection is used. A server keeps the plans of prepared statements on each, and those
/// that it made while tables were small are slow when they are not.
const LIFETIME: Duration = Duration::from_mins(10);

/// A connection with the slot in which it counts.
#[derive(Debug)]
pub struct Pooled {
    /// The connection.
    pub connection: Connection,
    /// The slot of the totals that this connection writes, below [`SLOTS`].
    pub slot: i64,
    generation: u64,
}

/// Opens connections for the pool.
///
/// sqlx's own pool asks the server after each use whether the connection lives, which halves the
/// rate of point look-ups; this one does not. When a connection fails, all idle ones are given up.
#[derive(Debug)]
pub struct Opener {
    target: Target,
    opened: AtomicU64,
    generation: Arc<AtomicU64>,
}

impl managed::Manager for Opener {
    type Type = Pooled;
    type Error = Error;

    async fn create(&self) -> Result<Pooled, Error> {
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let slot = i64::try_from(number % SLOTS).unwrap_or_default();
        let generation = self.generation.load(Ordering::Acquire);
        Ok(Pooled { connection: connect(&self.target).await?, slot, generation })
    }

    async fn recycle(
        &self,
        pooled: &mut Pooled,
        metrics: &managed::Metrics,
    ) -> managed::RecycleResult<Error> {
        if metrics.age() > LIFETIME {
            return Err(managed::RecycleError::message("the connection is old"));
        }
        if pooled.generation == self.generation.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(managed::RecycleError::message("the database was away"))
        }
    }
}

/// A bounded set of connections.
#[derive(Debug, Clone)]
pub struct Pool {
    inner: managed::Pool<Opener>,
    generation: Arc<AtomicU64>,
}

/// A connection that goes back to its pool.
pub type Lease = managed::Object<Opener>;

impl Pool {
    /// Makes a pool; it opens connections as they are needed.
    pub fn new(target: Target, size: usize, wait: Duration) -> Result<Self, Error> {
        let generation = Arc::new(AtomicU64::new(0));
        let opener = Opener { target, opened: AtomicU64::new(0), generation: generation.clone() };
        let inner = managed::Pool::builder(opener)
            .max_size(size)
            .wait_timeout(Some(wait))
            .create_timeout(Some(wait))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self { inner, generation })
    }

    /// Takes a connection, waiting for one as long as the pool was told to.
    pub async fn lease(&self) -> Result<Lease, Error> {
        self.inner.get().await.map_err(|error| match error {
            managed::PoolError::Timeout(managed::TimeoutType::Wait) => Error::Busy,
            managed::PoolError::Timeout(_) => Error::Unavailable("no answer in time".into()),
            managed::PoolError::Backend(error) => error,
            other => Error::Internal(other.to_string()),
        })
    }

    /// Gives all connections up that were opened before now.
    pub fn forget(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// How many connections are open, and how many of them are in use.
    pub fn usage(&self) -> (usize, usize) {
        let status = self.inner.status();
        (status.size, status.size.saturating_sub(status.available))
    }
}
