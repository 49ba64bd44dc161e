/// Why the store could not do something. Says what the caller can do differently.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The URL of the database cannot be read; it is not repeated, since it may hold a password.
    #[error("the database URL is none of sqlite:PATH, postgres://… and mysql://…")]
    Url,
    /// Another transaction was in the way: the same transaction may succeed when run again.
    #[error("another transaction was in the way: {0}")]
    Contended(String),
    /// The database is away: try later.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// All connections are in use: try later.
    #[error("all connections to the database are in use")]
    Busy,
    /// The database has no room left.
    #[error("the database has no room left: {0}")]
    Full(String),
    /// A number does not fit its column, for instance a total.
    #[error("a number is out of range: {0}")]
    OutOfRange(String),
    /// Two names have one key.
    #[error("the names {0:?} and {1:?} have the same key; choose another name")]
    Collision(String, String),
    /// The database's migrations and the program's differ.
    #[error("{0}")]
    Migration(String),
    /// A failure of ours, or data that no version of ours has written.
    #[error("{0}")]
    Internal(String),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        crate::dialect::classify(error)
    }
}

impl Error {
    /// Whether the same transaction may succeed when it is run again at once.
    pub fn is_contention(&self) -> bool {
        matches!(self, Self::Contended(_))
    }
}
