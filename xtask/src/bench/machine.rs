use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result};
use sbk_testkit::postgres_program;

/// Describes the machine and the server in one line, for reports.
pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_default();
    let memory = memory_mib().unwrap_or_default() / 1024;
    let server = Command::new(postgres_program("postgres"))
        .arg("--version")
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    format!("{cores} cores ({processor}), {memory} GiB of memory, {server}")
}

/// The machine's memory in MiB.
pub fn memory_mib() -> Result<u64> {
    let text = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let kib: u64 = text.split(' ').next().unwrap_or_default().parse().context("/proc/meminfo")?;
    Ok(kib / 1024)
}

/// The value of the first line `name : value`.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_owned())
}
