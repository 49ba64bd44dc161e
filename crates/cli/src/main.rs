//! The command line of the bookkeeping: runs the service, and works on one.

use std::process::ExitCode;

use clap::Parser;

mod bulk;
mod campaign;
mod cell;
mod cli;
mod commands;
mod connection;
mod context;
mod dfc;
mod exit;
mod failure;
mod grid;
mod human;
mod input;
mod job_reports;
mod open_data;
mod output;
mod progress;
mod promotion;
mod report_import;
mod rows;
mod steps;
mod table;

/// Requests allocate and free much from several threads, which the C library's allocator is slow
/// at: more than a quarter of the service's time in a stream.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let exit = match Box::pin(cli.run()).await {
        Ok(()) => exit::Exit::Success,
        Err(failure) => {
            if let Some(message) = failure.message() {
                eprintln!("{message}");
            }
            exit::Exit::of(&failure)
        }
    };
    exit.into()
}
