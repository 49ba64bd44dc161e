//! Measures the luminosity of many files with many sections.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use sbk_testkit::Backend;

use super::machine;
use super::psql;
use super::service::database::Database;
use super::service::http::{Connection, Request};
use super::service::process::Server;
use crate::interrupt::Interrupt;

const VO: &str = "bench";
const DATASET: &str = "data";
const BATCH: u64 = 1000;
/// How many sections a file has, in three intervals with small gaps between them.
const SECTIONS: u64 = 600;
const ROUNDS: usize = 11;

/// Measures the luminosity of a dataset of files with 600 sections each, over PostgreSQL and REST,
/// and how many bytes a file's sections take.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many files.
    #[arg(long, default_value_t = 100_000)]
    files: u64,

    /// How many runs they are of, each with luminosity for every section.
    #[arg(long, default_value_t = 1000)]
    runs: u64,

    /// How many sections a run has.
    #[arg(long, default_value_t = 1800)]
    sections: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.sections > SECTIONS + 10, "a run has more sections than a file");
    let interrupt = Interrupt::watch()?;
    let program = Server::build()?;
    let directory = tempfile::Builder::new().prefix("sbk-bench-").tempdir()?;
    let mut database = Database::start(Backend::Postgres, directory.path())?;
    let log = directory.path().join("service.log");
    let server = Server::start(&program, database.url(), &log)?;
    let mut connection = Connection::open(server.address)?;
    for request in [
        Request::put(&format!("/communities/{VO}"), "{}"),
        Request::post(
            "/datasets",
            &format!(r#"{{"vo":"{VO}","datasets":[{{"name":"{DATASET}"}}]}}"#),
        ),
    ] {
        connection.send(&request)?;
    }
    for first in (0..arguments.runs).step_by(100) {
        interrupt.check()?;
        let last = (first + 100).min(arguments.runs);
        connection.send(&Request::post("/runs", &declared(first..last, arguments.sections)))?;
        let values = luminosity(first..last, arguments.sections);
        connection.send(&Request::post("/run-luminosity", &values))?;
    }
    for first in (0..arguments.files).step_by(1000) {
        interrupt.check()?;
        connection.send(&Request::post("/files", &files(first..first + BATCH)))?;
    }
    let before = packed_bytes(&mut database)?;
    for first in (0..arguments.files).step_by(1000) {
        interrupt.check()?;
        let body = sections(first..first + BATCH, arguments);
        connection.send(&Request::post("/files/sections", &body))?;
    }
    let after = packed_bytes(&mut database)?;
    database.settle()?;
    println!("{}", machine::describe());
    let Arguments { files, runs, sections } = arguments;
    println!(
        "{files} files with {SECTIONS} sections each, of {runs} runs with {sections} sections"
    );
    println!("bytes a file: {:.1}", (after - before) / to_f64(*files));
    let luminosity_bytes = psql::rows(
        database.url(),
        "SELECT pg_total_relation_size('run_luminosity') + pg_total_relation_size('run')",
    )?;
    println!("bytes of runs and their luminosity: {}", luminosity_bytes.join(""));
    measure(&mut connection)
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

/// Asks for the luminosity of the dataset several times.
fn measure(connection: &mut Connection) -> Result<()> {
    let body = format!(r#"{{"vo":"{VO}","of":{{"dataset":"{DATASET}"}},"unit":"/fb"}}"#);
    let request = Request::post("/luminosity", &body);
    let mut times = Vec::with_capacity(ROUNDS);
    let mut answer = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        answer = connection.send(&request)?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    println!("{}", String::from_utf8(answer)?);
    println!("ms of the first call: {:.0}", times.first().copied().unwrap_or_default());
    times.sort_by(f64::total_cmp);
    println!("ms at the median: {:.0}", times.get(ROUNDS / 2).copied().unwrap_or_default());
    println!("ms at most: {:.0}", times.last().copied().unwrap_or_default());
    Ok(())
}

/// The bytes of the tables that sections of files are in, with their indexes, without holes.
fn packed_bytes(database: &mut Database) -> Result<f64> {
    database.run("VACUUM FULL file; VACUUM FULL further_run;")?;
    let query = "SELECT pg_total_relation_size('file') + pg_total_relation_size('further_run')";
    let rows = psql::rows(database.url(), query)?;
    rows.first().and_then(|row| row.parse().ok()).context("the size is not a number")
}

fn declared(runs: std::ops::Range<u64>, sections: u64) -> String {
    let run =
        |number: u64| format!(r#"{{"run":{},"sections":[[1,{sections}]]}}"#, 350_000 + number);
    let runs: Vec<String> = runs.map(run).collect();
    format!(r#"{{"vo":"{VO}","runs":[{}]}}"#, runs.join(","))
}

/// Luminosities as detectors state them: with three decimals, falling slowly.
fn luminosity(runs: std::ops::Range<u64>, sections: u64) -> String {
    let mut text = format!(r#"{{"vo":"{VO}","unit":"/ub","runs":["#);
    for (at, run) in runs.enumerate() {
        let values = |start: u64| {
            let value = |section: u64| {
                let noise = (run * 7919 + section * 104_729) % 1000;
                format!("{}.{noise:03}", start - section * 20 - noise / 10)
            };
            (0..sections).map(value).collect::<Vec<_>>().join(",")
        };
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"run":{},"recorded":[{}],"delivered":[{}]}}"#,
            350_000 + run,
            values(230_000),
            values(240_000)
        );
    }
    text.push_str("]}");
    text
}

fn lfn(file: u64) -> String {
    format!("/{VO}/data/{:03}/{file:06}.root", file / BATCH)
}

fn files(numbers: std::ops::Range<u64>) -> String {
    let file = |number| format!(r#"{{"lfn":"{}","size":1000000000,"events":20000}}"#, lfn(number));
    let files: Vec<String> = numbers.map(file).collect();
    format!(r#"{{"vo":"{VO}","dataset":"{DATASET}","files":[{}]}}"#, files.join(","))
}

/// The sections of files: 600 in three intervals of one run.
fn sections(numbers: std::ops::Range<u64>, arguments: &Arguments) -> String {
    let room = arguments.sections - SECTIONS - 10;
    let of = |number: u64| {
        let run = 350_000 + number % arguments.runs;
        let first = 1 + (number / arguments.runs) * 131 % room;
        let (second, third) = (first + 203, first + 408);
        format!(
            r#""{}":{{"{run}":[[{first},{}],[{second},{}],[{third},{}]]}}"#,
            lfn(number),
            first + 199,
            second + 199,
            third + 199
        )
    };
    let files: Vec<String> = numbers.map(of).collect();
    format!(r#"{{"files":{{{}}}}}"#, files.join(","))
}
