use std::path::PathBuf;

use clap::Subcommand;
use futures::stream;
use sbk_api::{ApplySchema, GetSchema, ListSchemaVersions, PageArgs, SchemaPlan};
use sbk_model::{Reason, Vo};

use crate::{context::Context, failure::Failure, human, input, output::Format, promotion::promote};

/// What to do with the schema of a community.
#[derive(Debug, Subcommand)]
pub enum Schema {
    /// Show the metadata fields that a community declares, as TOML
    #[command(after_help = "Examples:\n  sbk schema show --vo superb > superb.toml")]
    Show {
        /// The community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
    /// List the versions of a schema, the newest first
    #[command(after_help = "Examples:\n  sbk schema versions --vo superb")]
    Versions {
        /// The community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
    /// Apply a schema, and fill the columns of its searchable fields
    #[command(after_help = "\
Examples:
  sbk schema apply superb.toml --vo superb --dry-run
  sbk schema apply superb.toml --vo superb --reason 'add the run period'

It can be cut short and run again: it goes on where it was.")]
    Apply {
        /// The declarations, a TOML file; - reads the standard input
        file: PathBuf,
        /// The community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
}

impl Schema {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let connection = context.connect().await?;
        match self {
            Self::Show { vo } => {
                let document = connection.call(GetSchema { vo }).await?;
                match context.output.format() {
                    Format::Human | Format::Plain => context.output.text(&document.toml),
                    Format::Json | Format::Ndjson => context.output.json(&document),
                }
            }
            Self::Versions { vo } => {
                let listing = ListSchemaVersions { vo, page: PageArgs::default() };
                context.output.list(connection.stream(listing, None)).await?;
                Ok(())
            }
            Self::Apply { file, vo, dry_run, reason } => {
                let toml = input::read_text(&file)?;
                let plan = connection.call(ApplySchema { vo, toml, dry_run, reason }).await?;
                if !dry_run {
                    promote(&connection, context.shows_progress()).await?;
                }
                show(context, &plan).await
            }
        }
    }
}

/// Shows what applying a schema did, or would do.
async fn show(context: &mut Context, plan: &SchemaPlan) -> Result<(), Failure> {
    if !context.output.format().is_human() {
        return context.output.json(plan);
    }
    context.output.list(stream::iter(plan.changes.iter().cloned().map(Ok))).await?;
    let changes = human::things(plan.changes.len() as u64, "change", "changes");
    let SchemaPlan { from, to, .. } = plan;
    context.output.line(match (plan.applied, from == to) {
        (_, true) => format!("version {from} stays: nothing changed"),
        (true, _) => format!("applied {changes}: version {from} became {to}"),
        (false, _) => format!("would apply {changes}: version {from} would become {to}"),
    })?;
    context.output.flush()
}
