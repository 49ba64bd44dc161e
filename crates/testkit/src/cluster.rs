use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::port::free_port;
use crate::server::Server;
use crate::{Backend, client, mariadb, postgres};

const READY_LIMIT: Duration = Duration::from_secs(90);
const STOP_LIMIT: Duration = Duration::from_mins(1);
/// Another process can take a port between our look and the server's start.
const PORT_TRIES: usize = 3;

/// How throw-away servers run.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether a commit survives the loss of power. Tests do without; benchmarks must not.
    ///
    /// Either way a commit survives the sudden death of the server.
    pub durable: bool,
    /// Further `PostgreSQL` settings, as `name=value`.
    pub postgres_options: Vec<String>,
    /// Further `MariaDB` settings, as `name=value`.
    pub mariadb_options: Vec<String>,
}

/// A throw-away server of one backend. Its end is immediate and forgets all data.
#[derive(Debug)]
pub struct Cluster {
    backend: Backend,
    directory: PathBuf,
    port: u16,
    settings: Settings,
    server: Option<Server>,
}

impl Cluster {
    /// Makes an empty cluster in a new directory below `parent` and starts it on a free port.
    ///
    /// # Errors
    ///
    /// If the server's programs are missing or fail; the end of the server's log is part of it.
    ///
    /// # Panics
    ///
    /// For `SQLite`, which has no server.
    pub fn start(backend: Backend, parent: &Path, settings: &Settings) -> io::Result<Self> {
        // The server's user must be able to pass through.
        fs::set_permissions(parent, fs::Permissions::from_mode(0o711))?;
        let directory = parent.join(backend.name());
        match backend {
            Backend::Sqlite => unreachable!("SQLite has no server"),
            Backend::Postgres => postgres::initialise(&directory)?,
            Backend::MariaDb => mariadb::initialise(&directory)?,
        }

        let mut cluster =
            Self { backend, directory, port: 0, settings: settings.clone(), server: None };
        let mut tries = 1;
        loop {
            cluster.port = free_port()?;
            match cluster.launch() {
                Err(_) if tries < PORT_TRIES => tries += 1,
                result => return result.map(|()| cluster),
            }
        }
    }

    /// The URL of the administrator, who can create databases.
    pub fn url(&self) -> String {
        match self.backend {
            Backend::Sqlite => unreachable!("SQLite has no server"),
            Backend::Postgres => postgres::administrator_url(self.port),
            Backend::MariaDb => mariadb::administrator_url(self.port),
        }
    }

    /// The backend that this is a server of.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Stops the server in good order: it ends connections and writes everything down.
    ///
    /// # Errors
    ///
    /// If the server cannot be signalled.
    pub fn stop(&mut self) -> io::Result<()> {
        let signal = match self.backend {
            Backend::Postgres => Signal::INT,
            _ => Signal::TERM,
        };
        self.server.take().map_or(Ok(()), |server| server.stop(signal, STOP_LIMIT))
    }

    /// Kills the server without any warning, as a crash would.
    pub fn kill_hard(&mut self) {
        self.server = None;
    }

    /// Starts the server again on the same port and data, after a stop if it still runs.
    ///
    /// # Errors
    ///
    /// If the server does not come up; the end of its log is part of the error.
    pub fn restart(&mut self) -> io::Result<()> {
        self.stop()?;
        // Processes of a killed server can hold its port or memory for a moment longer.
        for _ in 1..10 {
            if self.launch().is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        self.launch()
    }

    fn launch(&mut self) -> io::Result<()> {
        let mut server =
            Server::start(self.command(), &self.directory.with_extension("server.log"))?;
        let url = self.url();
        server
            .wait_until(READY_LIMIT, || client::execute(self.backend, &url, "SELECT 1").is_ok())?;
        self.server = Some(server);
        Ok(())
    }

    fn command(&self) -> Command {
        match self.backend {
            Backend::Sqlite => unreachable!("SQLite has no server"),
            Backend::Postgres => postgres::server(&self.directory, self.port, &self.settings),
            Backend::MariaDb => mariadb::server(&self.directory, self.port, &self.settings),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let signal = match self.backend {
            Backend::Postgres => Signal::QUIT,
            _ => Signal::KILL,
        };
        if let Some(Err(error)) = self.server.take().map(|server| server.stop(signal, STOP_LIMIT)) {
            eprintln!("cannot stop the {} server: {error}", self.backend);
        }
    }
}

/// The servers that all tests of a run share.
#[derive(Debug)]
pub struct Clusters {
    clusters: Vec<Cluster>,
}

impl Clusters {
    /// Starts a server for each of the backends that has one, at the same time.
    ///
    /// # Errors
    ///
    /// If one of them does not come up.
    pub fn start(directory: &Path, backends: &[Backend], settings: &Settings) -> io::Result<Self> {
        let start = |backend| Cluster::start(backend, directory, settings);
        let clusters = std::thread::scope(|scope| {
            let starting: Vec<_> = backends
                .iter()
                .filter(|backend| backend.variable().is_some())
                .map(|backend| scope.spawn(move || start(*backend)))
                .collect();
            starting
                .into_iter()
                .map(|thread| thread.join().expect("starting a server does not panic"))
                .collect::<io::Result<Vec<_>>>()
        })?;
        Ok(Self { clusters })
    }

    /// The environment variables through which tests find the servers.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        self.clusters
            .iter()
            .filter_map(|cluster| Some((cluster.backend.variable()?, cluster.url())))
            .collect()
    }
}
