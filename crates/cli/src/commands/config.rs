use clap::Subcommand;

use crate::{context::Context, failure::Failure};

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Write a configuration with every setting explained
    #[command(
        after_help = "Examples:\n  sbk config sample > sbk.toml\n  sbk serve --config sbk.toml"
    )]
    Sample,
}

impl Config {
    /// Runs the command.
    pub fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Sample = self;
        context.output.text(&sbk_server::Config::sample())
    }
}
