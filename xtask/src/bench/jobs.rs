mod campaign;
mod graph;
mod peer;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use sbk_testkit::Backend;

use self::campaign::{Campaign, Played};
use super::machine;
use super::service::database::Database;
use super::service::http::Connection;
use super::service::process::{Server, cpu_seconds, forget_peak, memory_mib};
use super::service::report::Report;
use crate::interrupt::Interrupt;

/// Measures job reports and provenance over REST on PostgreSQL, beside the database's own means.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many jobs report in batches of 100, and how many one by one.
    #[arg(long, default_value_t = 20_000)]
    reports: u64,

    /// How many jobs the graph of provenance has; each makes five files.
    #[arg(long, default_value_t = 200_000)]
    graph: u64,

    /// How many jobs the long campaign has; 0 leaves it out.
    #[arg(long, default_value_t = 1_000_000)]
    campaign: u64,

    /// Where the report goes.
    #[arg(long, default_value = "target/bench-jobs.md")]
    output: PathBuf,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::watch()?;
    let program = Server::build()?;
    let mut report = Report::new(&format!("postgres: {}", machine::describe()));
    for stage in [reports, graph, long_campaign] {
        interrupt.check()?;
        let outcome = stage(arguments, &program, &mut report, &interrupt);
        fs::write(&arguments.output, report.markdown())
            .with_context(|| format!("cannot write {}", arguments.output.display()))?;
        outcome?;
    }
    println!("{}", report.markdown());
    Ok(())
}

/// The service with a database of its own.
struct Bench {
    // The fields end in this order: the service before its database.
    server: Server,
    database: Database,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn start(program: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("sbk-bench-").tempdir()?;
        let database = Database::start(Backend::Postgres, directory.path())?;
        let server = Server::start(program, database.url(), &directory.path().join("log"))?;
        Ok(Self { server, database, _directory: directory })
    }

    /// Seconds of processor time of the service and of the database.
    fn cpu(&self) -> (f64, f64) {
        (cpu_seconds(self.server.pid()), self.database.pid().map_or(0.0, cpu_seconds))
    }
}

/// Reports in batches beside `\copy` of the rows that they leave, and one by one.
fn reports(
    arguments: &Arguments,
    program: &Path,
    report: &mut Report,
    interrupt: &Interrupt,
) -> Result<()> {
    report.stage_named("Job reports");
    let mut bench = Bench::start(program)?;
    let calm = Campaign::calm(program, bench.server.address);
    // The first campaign fills tables and caches.
    calm.play("warm", arguments.reports / 4, 100, 4)?;
    interrupt.check()?;
    let before = bench.cpu();
    let Played { rate, .. } = calm.play("batches", arguments.reports, 100, 1)?;
    let after = bench.cpu();
    let each = |seconds: f64| seconds * 1000.0 / to_f64(arguments.reports);
    report.add("reports a second, batches of 100, 1 connection", rate);
    report.add("of which ms of server CPU a report", each(after.0 - before.0));
    report.add("of which ms of database CPU a report", each(after.1 - before.1));
    let peer = peer::rate(&mut bench.database, "batches")?;
    report.add("reports a second whose rows `\\copy` loads in the same batches", peer);
    report.add("rate of the service to the load", rate / peer);
    let Played { rate, .. } = calm.play("batches-4", arguments.reports, 100, 4)?;
    report.add("reports a second, batches of 100, 4 connections", rate);
    interrupt.check()?;
    let Played { rate, .. } = calm.play("single", arguments.reports, 1, 16)?;
    report.add("reports a second, one by one, 16 connections", rate);
    report.add("MiB of memory, at most", memory_mib(bench.server.pid(), "VmHWM")?);
    Ok(())
}

/// Ancestors of 100 files, beside a recursive query.
fn graph(
    arguments: &Arguments,
    program: &Path,
    report: &mut Report,
    interrupt: &Interrupt,
) -> Result<()> {
    report.stage_named("Provenance");
    let mut bench = Bench::start(program)?;
    let mut connection = Connection::open(bench.server.address)?;
    graph::fill(&mut connection, arguments.graph, interrupt)?;
    bench.database.settle()?;
    report.add("files", to_f64(arguments.graph * graph::OUTPUTS));
    for round in 0..12 {
        interrupt.check()?;
        let (request, query) = graph::walk(arguments.graph, round);
        // Both find the pages in the cache; which goes first changes.
        connection.count_lines(&request)?;
        let measured =
            graph::measure(&mut connection, &mut bench.database, &request, &query, round)?;
        if round >= 2 {
            report.add("ancestors of 100 files to depth 5", to_f64(measured.lines));
            report.add("ms for them over REST", measured.service);
            report.add("ms for a recursive query with the names", measured.peer);
            report.add("time of the service to the query", measured.service / measured.peer);
        }
    }
    Ok(())
}

/// A long campaign with all that goes wrong.
fn long_campaign(
    arguments: &Arguments,
    program: &Path,
    report: &mut Report,
    _: &Interrupt,
) -> Result<()> {
    if arguments.campaign == 0 {
        return Ok(());
    }
    report.stage_named("A long campaign");
    let bench = Bench::start(program)?;
    forget_peak(bench.server.pid())?;
    let played =
        Campaign::rough(program, bench.server.address).play("long", arguments.campaign, 100, 4)?;
    report.add("jobs", to_f64(played.jobs));
    report.add("reports a second", played.rate);
    report.add("ms a report in the first tenth", played.first_ms);
    report.add("ms a report in the last tenth", played.last_ms);
    report.add("last to first", played.last_ms / played.first_ms);
    report.add("MiB of memory of the server, at most", memory_mib(bench.server.pid(), "VmHWM")?);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn to_f64(number: u64) -> f64 {
    number as f64
}
