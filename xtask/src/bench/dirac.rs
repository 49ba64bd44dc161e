//! DIRAC's wires: ours beside a real DIRAC service (its Configuration server), in one run.

mod load;
mod site;

use std::{fmt::Write as _, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, ensure};
use clap::Args;

use self::{
    load::{Load, Measured},
    site::Site,
};
use super::{
    machine,
    service::process::{cpu_seconds, memory_mib},
};

/// How long each round lasts.
const ROUND: Duration = Duration::from_secs(5);

/// How many rounds of each measure there are, ours and the peer's by turns.
const ROUNDS: usize = 3;

/// How many connections are idle beside the load.
const IDLE: usize = 1_000;

/// Measures DISET and HTTPS, ours beside a real DIRAC service.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where the report goes.
    #[arg(long, default_value = "target/bench-dirac.md")]
    output: PathBuf,
}

/// Rows of the report: what was measured, ours, the peer's.
type Rows = Vec<(String, String, String)>;

pub fn run(arguments: &Arguments) -> Result<()> {
    let site = Site::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let load = Load::new(&site)?;
    let mut rows = Rows::new();
    stock_client(&site, &mut rows)?;
    for clients in [1, 4] {
        diset(&runtime, &site, &load, clients, &mut rows)?;
    }
    for connections in [1, 8] {
        https(&runtime, &site, &load, connections, &mut rows)?;
    }
    idle(&runtime, &site, &load, &mut rows)?;
    let mut text = format!(
        "# {}\n\n| measure | SBK | DIRAC's Configuration server |\n|---|---:|---:|\n",
        machine::describe()
    );
    for (measure, ours, theirs) in &rows {
        writeln!(text, "| {measure} | {ours} | {theirs} |")?;
    }
    fs::write(&arguments.output, &text)?;
    println!("{text}");
    Ok(())
}

/// The stock client, one ping after another; medians.
fn stock_client(site: &Site, rows: &mut Rows) -> Result<()> {
    let mut medians = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let urls = [&site.diset, &site.peer, &site.https];
        for (url, medians) in urls.into_iter().zip(&mut medians) {
            medians.push(site.stock_ping_ms(url)?);
        }
    }
    let [ours, theirs, https] = medians.map(|values| format!("{:.1} ms", median(&values)));
    rows.push(("ping of the stock client over DISET, one at a time".into(), ours, theirs));
    rows.push(("the same over HTTPS, a new connection each".into(), https, String::new()));
    Ok(())
}

fn median(values: &[f64]) -> f64 {
    super::statistics::Summary::of(values).map_or(0.0, |summary| summary.median)
}

/// Pings over DISET, each with a connection and a mutual handshake of its own.
fn diset(
    runtime: &tokio::runtime::Runtime,
    site: &Site,
    load: &Load,
    clients: usize,
    rows: &mut Rows,
) -> Result<()> {
    let mut cells = Vec::new();
    for (url, pid) in [(&site.diset, site.pid()), (&site.peer, site.peer_pid)] {
        let mut rates = Vec::new();
        let mut cpus = Vec::new();
        let mut waits = Vec::new();
        for _ in 0..ROUNDS {
            let before = cpu_seconds(pid);
            let done = runtime.block_on(load.diset(url, clients, ROUND))?;
            let cpu_ms = (cpu_seconds(pid) - before) * 1000.0;
            ensure!(done.failed == 0, "{} pings of {url} failed", done.failed);
            rates.push(done.rate());
            cpus.push(cpu_ms / done.count());
            waits.push(done.median_ms());
        }
        cells.push(format!(
            "{:.0}/s, {:.2} ms, {:.2} ms CPU",
            median(&rates),
            median(&waits),
            median(&cpus)
        ));
    }
    let theirs = cells.pop().unwrap_or_default();
    let name = format!("DISET pings of {clients} native clients: rate, median, server CPU a ping");
    rows.push((name, cells.pop().unwrap_or_default(), theirs));
    Ok(())
}

/// Pings over HTTPS on kept connections.
fn https(
    runtime: &tokio::runtime::Runtime,
    site: &Site,
    load: &Load,
    connections: usize,
    rows: &mut Rows,
) -> Result<()> {
    let mut rates = Vec::new();
    let mut cpus = Vec::new();
    for _ in 0..ROUNDS {
        let before = cpu_seconds(site.pid());
        let done = runtime.block_on(load.https(&site.https, connections, ROUND))?;
        ensure!(done.failed == 0, "{} pings over HTTPS failed", done.failed);
        rates.push(done.rate());
        cpus.push((cpu_seconds(site.pid()) - before) * 1e6 / done.count());
    }
    let name = format!("HTTPS pings on {connections} kept connections: rate, server CPU a ping");
    let cell = format!("{:.0}/s, {:.0} µs", median(&rates), median(&cpus));
    rows.push((name, cell, String::new()));
    Ok(())
}

/// Load beside many idle connections.
fn idle(
    runtime: &tokio::runtime::Runtime,
    site: &Site,
    load: &Load,
    rows: &mut Rows,
) -> Result<()> {
    let (kept, done): (usize, Measured) = runtime.block_on(async {
        let mut idle = Vec::new();
        for _ in 0..IDLE {
            idle.push(load.connect(&site.https).await?);
        }
        let done = load.diset(&site.diset, 4, ROUND).await?;
        let mut kept = 0;
        for connection in &mut idle {
            kept += usize::from(load.ping(connection).await.is_ok());
        }
        anyhow::Ok((kept, done))
    })?;
    let memory = memory_mib(site.pid(), "VmHWM").context("the service is there")?;
    let name = format!("{IDLE} idle connections beside 4 clients: kept, rate, most memory");
    let cell =
        format!("{kept} kept, {:.0}/s, {} failed, {memory:.0} MiB", done.rate(), done.failed);
    rows.push((name, cell, String::new()));
    Ok(())
}
