use std::{path::PathBuf, str::FromStr, time::Duration};

use sqlx::{
    ConnectOptions,
    mysql::MySqlConnectOptions,
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{Connection, Dialect};
use crate::Error;

/// How long a statement of SQLite waits for another writer.
const SQLITE_WAIT: Duration = Duration::from_secs(10);

/// The pause between two attempts to open a file that another is making.
const SQLITE_PAUSE: Duration = Duration::from_millis(5);

/// Prepared statements kept on one connection.
const STATEMENTS: usize = 128;

/// The database that a URL names.
#[derive(Debug, Clone)]
pub enum Target {
    /// A file.
    Sqlite(Box<SqliteConnectOptions>),
    /// A server.
    Postgres(Box<PgConnectOptions>),
    /// A server.
    MariaDb(Box<MySqlConnectOptions>),
}

impl Target {
    /// Reads `sqlite:PATH`, `postgres://…` or `mysql://…`.
    ///
    /// # Errors
    /// An [`Error::Url`] that does not repeat the URL, since it may hold a password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let bad = |_| Error::Url;
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "sqlite" => {
                if url.contains(":memory:") || url == "sqlite:" || url == "sqlite://" {
                    return Err(Error::Url);
                }
                let options = SqliteConnectOptions::from_str(url).map_err(bad)?;
                Ok(Self::Sqlite(Box::new(sqlite(options))))
            }
            "postgres" | "postgresql" => {
                let options = PgConnectOptions::from_str(url).map_err(bad)?;
                let options = options
                    .application_name("sbk")
                    // Compiling a great query takes longer here than running it.
                    .options([("jit", "off")])
                    .statement_cache_capacity(STATEMENTS)
                    .disable_statement_logging();
                Ok(Self::Postgres(Box::new(options)))
            }
            "mysql" | "mariadb" => {
                let url = url.replacen("mariadb", "mysql", 1);
                let options = MySqlConnectOptions::from_str(&url).map_err(bad)?;
                let options = options
                    .charset("utf8mb4")
                    .collation("utf8mb4_nopad_bin")
                    .statement_cache_capacity(STATEMENTS)
                    .disable_statement_logging();
                Ok(Self::MariaDb(Box::new(options)))
            }
            _ => Err(Error::Url),
        }
    }

    /// Which database it is.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MariaDb(_) => Dialect::MariaDb,
        }
    }

    /// Whether all writers share one connection.
    pub fn has_one_writer(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The file of an embedded database.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Sqlite(options) => Some(options.get_filename().to_owned()),
            Self::Postgres(_) | Self::MariaDb(_) => None,
        }
    }
}

fn sqlite(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .page_size(8192)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(SQLITE_WAIT)
        .foreign_keys(false)
        .pragma("cache_size", "-16000")
        .pragma("case_sensitive_like", "ON")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging()
}

/// Opens a connection and sets its session up.
pub async fn connect(target: &Target) -> Result<Connection, Error> {
    match target {
        Target::Sqlite(options) => open_file(options).await,
        Target::Postgres(options) => {
            let mut connection = Connection::Postgres(Box::new(options.connect().await?));
            connection.run_script("SET jit = off".into()).await?;
            Ok(connection)
        }
        Target::MariaDb(options) => {
            let mut connection = Connection::MariaDb(Box::new(options.connect().await?));
            let isolation = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
            connection.run_script(isolation.into()).await?;
            Ok(connection)
        }
    }
}

/// Opens a file, and waits while another connection turns it into one with a write-ahead log:
/// that change does not wait by itself (SQLite, `sqlite3_busy_handler`), so that the second of two
/// that open a new file at once would be refused.
async fn open_file(options: &SqliteConnectOptions) -> Result<Connection, Error> {
    let opened = tokio::time::Instant::now();
    loop {
        match options.connect().await.map_err(Error::from) {
            Err(Error::Contended(_)) if opened.elapsed() < SQLITE_WAIT => {
                tokio::time::sleep(SQLITE_PAUSE).await;
            }
            other => return Ok(Connection::Sqlite(Box::new(other?))),
        }
    }
}
