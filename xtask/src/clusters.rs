use anyhow::Result;
use clap::Args;
use sbk_testkit::{Backend, Clusters, Settings};

use crate::interrupt::Interrupt;

/// Starts throw-away database servers, says how to reach them, and waits for Ctrl-C.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Make every commit survive the loss of power, as in production.
    #[arg(long)]
    durable: bool,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::watch()?;
    let directory = tempfile::Builder::new().prefix("sbk-clusters-").tempdir()?;
    let settings = Settings { durable: arguments.durable, ..Settings::default() };
    let clusters = Clusters::start(directory.path(), &Backend::ALL, &settings)?;

    for (name, url) in clusters.variables() {
        println!("export {name}={url}");
    }
    eprintln!("The servers run until Ctrl-C; their data goes with them.");
    interrupt.wait();
    Ok(())
}
