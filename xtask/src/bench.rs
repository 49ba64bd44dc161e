mod dirac;
mod jobs;
mod keys;
mod machine;
mod psql;
mod runs;
mod service;
mod statistics;

use anyhow::Result;
use clap::Subcommand;

/// Measures, each on servers of its own.
#[derive(Debug, Subcommand)]
pub enum Command {
    Dirac(dirac::Arguments),
    Jobs(jobs::Arguments),
    Keys(keys::Arguments),
    Runs(runs::Arguments),
    Service(service::Arguments),
}

pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::Dirac(arguments) => dirac::run(arguments),
        Command::Jobs(arguments) => jobs::run(arguments),
        Command::Keys(arguments) => keys::run(arguments),
        Command::Runs(arguments) => runs::run(arguments),
        Command::Service(arguments) => service::run(arguments),
    }
}
