use std::env;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Clock ticks of `/proc` in a second; Linux shows no other number to programs.
const TICKS_IN_SECOND: f64 = 100.0;

/// The service as a process of its own.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

/// How long the service may take to listen.
const STARTING: Duration = Duration::from_secs(30);

impl Server {
    /// Builds the program with optimisation.
    pub fn build() -> Result<PathBuf> {
        let status = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--quiet", "--release", "--package=sbk-cli", "--bin=sbk"])
            .status()?;
        ensure!(status.success(), "the service cannot be built");
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Ok(Path::new(&target).join("release/sbk"))
    }

    /// Starts it on an empty database; it ends when this value is dropped.
    pub fn start(program: &Path, url: &str, log: &Path) -> Result<Self> {
        // Nobody else is likely to take a port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let child = Command::new(program)
            .args(["serve", "--database", url, "--listen", &address.to_string()])
            .env("SBK__LOG__LEVEL", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log)?)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = server.child.try_wait()?.is_some() || begun.elapsed() > STARTING;
            let text = fs::read_to_string(log).unwrap_or_default();
            ensure!(!ended, "the service did not start: {text}");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
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
