mod dirac;
mod keys;
mod machine;
mod productions;
mod psql;
mod service;
mod statistics;

use anyhow::Result;
use clap::Subcommand;

/// Measures, each on servers of its own.
#[derive(Debug, Subcommand)]
pub enum Command {
    Dirac(dirac::Arguments),
    Keys(keys::Arguments),
    Productions(productions::Arguments),
    Service(service::Arguments),
}

pub fn run(command: &Command) -> Result<()> {
    match command {
        Command::Dirac(arguments) => dirac::run(arguments),
        Command::Keys(arguments) => keys::run(arguments),
        Command::Productions(arguments) => productions::run(arguments),
        Command::Service(arguments) => service::run(arguments),
    }
}
