//! What people and continuous integration run.

mod bench;
mod clusters;
mod differential;
mod interrupt;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What people and continuous integration run.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(test::Arguments),
    Clusters(clusters::Arguments),
    Differential(differential::Arguments),
    #[command(subcommand)]
    Bench(bench::Command),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(command) => bench::run(&command),
        Command::Clusters(arguments) => clusters::run(&arguments),
        Command::Differential(arguments) => differential::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
