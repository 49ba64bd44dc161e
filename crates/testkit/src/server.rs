use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const POLL: Duration = Duration::from_millis(20);

/// A running server process whose output goes to a file.
///
/// The kernel kills it when the thread that started it ends (see `unprivileged`). Threads of a
/// test or of an async runtime come and go, so a thread that lives as long as the server starts
/// it.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
    _parent: mpsc::Sender<()>,
}

impl Server {
    /// Starts the server in a process group of its own: Ctrl-C reaches only us.
    pub(crate) fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).process_group(0);

        let (parent, released) = mpsc::channel();
        let (started, child) = mpsc::channel();
        thread::Builder::new().name("server parent".to_owned()).spawn(move || {
            // Whoever waits for the child may be gone; then there is nobody to tell.
            let _ = started.send(command.spawn());
            let _ = released.recv();
        })?;
        let child = child.recv().expect("the thread sends before it waits")?;
        Ok(Self { child, log: log.to_owned(), _parent: parent })
    }

    /// Waits until `ready` holds, unless the server ends or the limit passes before.
    pub(crate) fn wait_until(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> io::Result<()> {
        let begun = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("the server ended: {status}")));
            }
            if begun.elapsed() > limit {
                return Err(self.failure(&format!("the server was not ready after {limit:?}")));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Sends the signal and waits for the end, which comes by force after the limit.
    pub(crate) fn stop(mut self, signal: Signal, limit: Duration) -> io::Result<()> {
        self.end(signal, limit)
    }

    fn end(&mut self, signal: Signal, limit: Duration) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        kill_process(Pid::from_child(&self.child), signal)?;
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begun.elapsed() > limit {
                self.child.kill()?;
                self.child.wait()?;
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn failure(&self, what: &str) -> io::Error {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        io::Error::other(format!("{what}; its log ends:\n{}", tail.join("\n")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.end(Signal::KILL, Duration::from_secs(10)) {
            eprintln!("cannot kill the server {}: {error}", self.child.id());
        }
    }
}
