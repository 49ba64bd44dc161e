use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::{cli::Cli, context::Context, failure::Failure};

/// Which shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sbk completions bash > ~/.local/share/bash-completion/completions/sbk
  sbk completions fish > ~/.config/fish/completions/sbk.fish")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Writes the completions.
    pub fn run(self, context: &mut Context) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "sbk", &mut script);
        context.output.text(&String::from_utf8_lossy(&script))
    }
}
