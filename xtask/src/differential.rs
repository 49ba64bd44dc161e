use std::env;

use anyhow::{Result, ensure};
use clap::Args;

use crate::test;

/// The variable that tells the comparisons how long to go on.
const MINUTES: &str = "SBK_DIFFERENTIAL_MINUTES";

/// The variable that tells them where to begin.
const SEED: &str = "SBK_DIFFERENTIAL_SEED";

/// Compares our `FileCatalog` with DIRAC's own, call by call, under each security model.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How long each comparison goes on.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,

    /// The seed of the first sequence of calls; a failure shows the seed of its own.
    #[arg(long)]
    seed: Option<u32>,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.minutes > 0.0, "--minutes: give a positive number");
    let mut variables = vec![(MINUTES, arguments.minutes.to_string())];
    if env::var_os(SEED).is_none()
        && let Some(seed) = arguments.seed
    {
        variables.push((SEED, seed.to_string()));
    }
    let runner = ["--workspace", "--test", "file_catalog", "--no-capture", "-E", "test(both_)"];
    test::run_with(&test::Arguments::of(&runner), variables)
}
