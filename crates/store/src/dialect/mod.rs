//! All that differs between the databases: connections, SQL spelling, and the fast path of each
//! for bulk work. Nothing outside this module asks which database runs.

mod batch;
mod classify;
mod connection;
mod explain;
mod open;
mod spelling;

pub use batch::{Batch, Cells, Conflict};
pub use classify::classify;
pub use connection::{Connection, Param, Row, Statement};
pub use open::{Target, connect};

/// The database below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Embedded SQLite 3.
    Sqlite,
    /// PostgreSQL 13 or later.
    Postgres,
    /// MariaDB 10.6 or later.
    MariaDb,
}
