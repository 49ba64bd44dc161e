use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser};

use crate::{
    commands::Command,
    connection::Target,
    context::Context,
    exit,
    failure::Failure,
    output::{Format, Output},
};

/// Bookkeeping for physics experiments: files, replicas, datasets and their metadata.
#[derive(Debug, Parser)]
#[command(name = "sbk", version, max_term_width = 100, after_long_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The help of `--server`.
const SERVER: &str =
    "Work on the server at this address [env: SBK_SERVER] [default: http://127.0.0.1:8642]";

/// The help of `--database`.
const DATABASE: &str = "Work on this database directly, without a server, for instance \
                        sqlite:sbk.db or postgres://USER@HOST/NAME [env: SBK_DATABASE]";

/// What every command takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[command(group = ArgGroup::new("format").args(["json", "ndjson", "plain"]))]
struct Global {
    #[arg(long, global = true, value_name = "URL", help = SERVER)]
    server: Option<String>,
    #[arg(long, global = true, value_name = "URL", help = DATABASE)]
    database: Option<String>,
    /// Write JSON; a list is one array
    #[arg(long, global = true)]
    json: bool,
    /// Write JSON, one value a line
    #[arg(long, global = true)]
    ndjson: bool,
    /// Write values with a tab between them, one thing a line, without headings
    #[arg(long, global = true)]
    plain: bool,
    /// Read the configuration of the service from this file
    #[arg(long, global = true, value_name = "FILE", env = "SBK_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
}

impl Cli {
    /// Runs the command.
    pub async fn run(self) -> Result<(), Failure> {
        let Global { server, database, json, ndjson, plain, config } = self.global;
        let format = match (json, ndjson, plain) {
            (true, ..) => Format::Json,
            (_, true, _) => Format::Ndjson,
            (_, _, true) => Format::Plain,
            (false, false, false) => Format::Human,
        };
        let target = Target::choose(server, database, |name| std::env::var(name).ok())?;
        let mut context = Context { target, config, output: Output::standard(format) };
        Box::pin(self.command.run(&mut context)).await
    }
}

/// The end of the help.
fn after_help() -> String {
    let examples = "\
Examples:
  sbk serve --database sqlite:sbk.db
  sbk import cern-open-data delphi-datasets-1994.json --vo delphi
  sbk query 'energy > 89 GeV and generator = \"pythia\"' --plain
  sbk dataset show NAME --json";
    format!("{examples}\n\n{}", exit::HELP)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// The commands below a command, each with its path.
    fn all(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
        let mut found = vec![(path.to_owned(), command.clone())];
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            found.extend(all(below, &format!("{path}-{}", below.get_name())));
        }
        found
    }

    fn root() -> clap::Command {
        let mut command = Cli::command().term_width(100);
        command.build();
        command
    }

    #[test]
    fn the_help_of_every_command_is_as_it_was() {
        for (path, mut command) in all(&root(), "sbk") {
            let help = command.render_long_help().to_string();

            insta::assert_snapshot!(path, help);
        }
    }

    #[test]
    fn every_command_that_does_something_has_an_example() {
        for (path, command) in all(&root(), "sbk") {
            let help = command.get_after_long_help().or(command.get_after_help());
            let examples = help.is_some_and(|help| help.to_string().contains("Examples:"));

            assert!(command.has_subcommands() || examples, "{path}");
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }
}
