use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

const POLL: Duration = Duration::from_millis(50);
const END_LIMIT: Duration = Duration::from_secs(20);

/// Tells when somebody asked this process to end, so that it can stop its servers first.
#[derive(Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the usual signals are noted and no longer end the process.
    pub fn watch() -> Result<Self> {
        let noted = Arc::new(AtomicBool::new(false));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&noted))?;
        }
        Ok(Self(noted))
    }

    /// Waits for the signal.
    pub fn wait(&self) {
        while !self.is_noted() {
            thread::sleep(POLL);
        }
    }

    /// Fails if the signal came: long work calls this now and then.
    pub fn check(&self) -> Result<()> {
        if self.is_noted() {
            bail!("interrupted");
        }
        Ok(())
    }

    /// Runs a command to its end, which the signal brings about early.
    pub fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
        self.wait_for(child)
    }

    /// Waits for the end of a process, which the signal brings about early.
    pub fn wait_for(&self, mut child: Child) -> Result<ExitStatus> {
        loop {
            if self.is_noted() {
                end(&mut child)?;
                bail!("interrupted");
            }
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            thread::sleep(POLL);
        }
    }

    fn is_noted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Lets the process end in good order, as test runners do, and kills it after a while.
fn end(child: &mut Child) -> Result<()> {
    let begun = Instant::now();
    if child.try_wait()?.is_none() {
        kill_process(Pid::from_child(child), Signal::TERM)?;
    }
    while child.try_wait()?.is_none() {
        if begun.elapsed() > END_LIMIT {
            child.kill()?;
        }
        thread::sleep(POLL);
    }
    Ok(())
}
