use std::env;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::url::ServerUrl;
use crate::{Backend, client};

/// An empty database for one test, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    backend: Backend,
    url: String,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    File { _directory: TempDir },
    Server { administrator: String, name: String },
}

impl TestDatabase {
    /// Creates a database on the server that the environment names, or a file for `SQLite`.
    ///
    /// # Panics
    ///
    /// If the environment names no server, or the server does not answer.
    pub fn create(backend: Backend) -> Self {
        let Some(variable) = backend.variable() else {
            return Self::create_file();
        };
        let administrator = env::var(variable).unwrap_or_else(|_| {
            panic!(
                "{variable} is not set: run `make test` or `cargo xtask test`, which start the \
                 servers; {}=sqlite tests SQLite alone",
                Backend::SELECTION
            )
        });
        Self::create_on(backend, &administrator)
    }

    /// Like [`TestDatabase::create`], but `None`, with a message, for a backend that
    /// [`Backend::SELECTION`] leaves out.
    pub fn create_if_selected(backend: Backend) -> Option<Self> {
        let selected = Backend::selected().expect("the selection of backends names backends");
        if selected.contains(&backend) {
            return Some(Self::create(backend));
        }
        eprintln!("SKIPPED: {} leaves out {backend}", Backend::SELECTION);
        None
    }

    /// Creates a database on the given server.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    pub fn create_on(backend: Backend, administrator: &str) -> Self {
        let name = unique_name();
        let statement = match backend {
            Backend::Sqlite => return Self::create_file(),
            Backend::Postgres => format!(
                "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' \
                 LC_CTYPE 'C'"
            ),
            // Another collation than that of our tables, as administrators may choose it.
            Backend::MariaDb => {
                format!("CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            }
        };
        client::execute(backend, administrator, &statement)
            .unwrap_or_else(|error| panic!("cannot create a database on {backend}: {error}"));
        let url = ServerUrl::parse(administrator)
            .expect("the server was just reached at this address")
            .with_database(&name);
        Self {
            backend,
            url,
            storage: Storage::Server { administrator: administrator.to_owned(), name },
        }
    }

    /// The URL under which the service opens the database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The database's backend.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    fn create_file() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("sbk-test-")
            .tempdir()
            .expect("the temporary directory is writable");
        let url = format!("sqlite:{}", directory.path().join("t.db").display());
        Self { backend: Backend::Sqlite, url, storage: Storage::File { _directory: directory } }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Storage::Server { administrator, name } = &self.storage else { return };
        let statement = match self.backend {
            Backend::MariaDb => {
                format!("SET lock_wait_timeout = 5; DROP DATABASE IF EXISTS {name}")
            }
            _ => format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        };
        // The server may be down on purpose, and it forgets everything at its end anyway.
        if let Err(error) = client::execute(self.backend, administrator, &statement) {
            eprintln!("the database {name} stays on {}: {error}", self.backend);
        }
    }
}

/// A name that no other test uses, of this run or of another on the same server.
fn unique_name() -> String {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    format!("t_{:x}_{:x}_{count}", now.as_micros(), process::id())
}
