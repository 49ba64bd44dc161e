use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// Clock ticks of `/proc` in a second; Linux shows no other number to programs.
const TICKS_IN_SECOND: f64 = 100.0;

/// The service as a process of its own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Builds the service with optimisation.
    pub fn build() -> Result<PathBuf> {
        let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--release", "--package=xtask", "--bin=sbk-bench-server"])
            .status()?;
        ensure!(status.success(), "the service cannot be built");
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Ok(Path::new(&target).join("release/sbk-bench-server"))
    }

    /// Starts it; it ends when this value is dropped.
    pub fn start(program: &Path, url: &str, log: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let output = child.stdout.take().expect("the output was just redirected");
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| {
            format!("the service did not start: {}", fs::read_to_string(log).unwrap_or_default())
        })?;
        Ok(Self { child, address })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Seconds of processor time that a process and its direct children have used.
pub fn cpu_seconds(pid: u32) -> f64 {
    let children = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = children.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let ticks: u64 = children
        .filter_map(|child| times(child).map(|(parent, ticks)| (child, parent, ticks)))
        .filter(|(child, parent, _)| *child == pid || *parent == pid)
        .map(|(_, _, ticks)| ticks)
        .sum();
    f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / TICKS_IN_SECOND
}

/// The parent of a process, and the clock ticks that it has run.
fn times(pid: u32) -> Option<(u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program stands in brackets and may hold anything.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some((u32::try_from(number(1)?).ok()?, number(11)? + number(12)?))
}

/// Memory in MiB that a process has in use (`VmRSS`), or had at most (`VmHWM`).
pub fn memory_mib(pid: u32, field: &str) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find(|line| line.starts_with(field)).context("no such field")?;
    let number = line.split_whitespace().nth(1).context("a line without a value")?;
    Ok(number.parse::<f64>()? / 1024.0)
}

/// Makes the greatest use of memory so far the present one.
pub fn forget_peak(pid: u32) -> Result<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}
