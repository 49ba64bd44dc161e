use std::io;

use tempfile::TempDir;

use crate::{Backend, Cluster, Settings, TestDatabase};

/// A server for one test, which may stop, kill and restart it.
///
/// A test that uses one has `private_cluster` in its path, for the test runner to run few of them
/// at the same time.
#[derive(Debug)]
pub struct PrivateCluster {
    cluster: Cluster,
    _directory: TempDir,
}

impl PrivateCluster {
    /// Starts an empty server, or prints why the test is skipped.
    ///
    /// # Panics
    ///
    /// If the server does not start: tests are not skipped for lack of a server.
    pub fn start(backend: Backend) -> Option<Self> {
        let selected = Backend::selected().expect("the selection of backends names backends");
        if !selected.contains(&backend) {
            eprintln!("SKIPPED: {} leaves out {backend}", Backend::SELECTION);
            return None;
        }
        let directory = tempfile::Builder::new()
            .prefix("sbk-cluster-")
            .tempdir()
            .expect("the temporary directory is writable");
        let cluster = Cluster::start(backend, directory.path(), &Settings::default())
            .unwrap_or_else(|error| panic!("cannot start {backend}: {error}"));
        Some(Self { cluster, _directory: directory })
    }

    /// Creates a database on this server.
    pub fn create_database(&self) -> TestDatabase {
        TestDatabase::create_on(self.cluster.backend(), &self.cluster.url())
    }

    /// Stops the server in good order.
    ///
    /// # Errors
    ///
    /// If the server cannot be signalled.
    pub fn stop(&mut self) -> io::Result<()> {
        self.cluster.stop()
    }

    /// Kills the server without any warning, as a crash would.
    pub fn kill_hard(&mut self) {
        self.cluster.kill_hard();
    }

    /// Starts the server again on the same port and data, after a stop if it still runs.
    ///
    /// # Errors
    ///
    /// If the server does not come up.
    pub fn restart(&mut self) -> io::Result<()> {
        self.cluster.restart()
    }
}
