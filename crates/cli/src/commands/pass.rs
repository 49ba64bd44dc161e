use clap::Subcommand;
use sbk_api::{DeclarePasses, GetPass, ListPasses, NewPass, PageArgs, PassRef, StepRef};
use sbk_model::{PassName, Reason, Vo};

use super::recipe::{declared, summary};
use crate::{cell::Cell, context::Context, failure::Failure};

/// What to do with processing passes.
#[derive(Debug, Subcommand)]
pub enum Pass {
    /// Declare a processing pass; where something uses it and it differs, that makes a new version
    #[command(after_help = "\
Examples:
  sbk pass declare Sim08 Gauss-2026@1 Boole-2026 Brunel-2026 --vo superb")]
    Declare {
        /// Its name
        name: PassName,
        /// Its steps in order, NAME@VERSION; the newest version where none is named
        #[arg(required = true, value_name = "STEP")]
        steps: Vec<StepRef>,
        /// The community that it belongs to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
        /// What is to be said about it
        #[arg(long)]
        comment: Option<String>,
        /// Make a new version even where nothing uses the old one
        #[arg(long)]
        new_version: bool,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// List the newest versions of processing passes
    #[command(after_help = "Examples:\n  sbk pass list --vo superb")]
    List {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Show at most so many passes
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a version of a processing pass, and which there are
    #[command(after_help = "Examples:\n  sbk pass show Sim08\n  sbk pass show Sim08@1")]
    Show {
        /// The pass, NAME or NAME@VERSION
        pass: PassRef,
        /// Its community; needed where several have a pass of the name
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
    },
}

impl Pass {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare { name, steps, vo, comment, new_version, reason } => {
                let passes = vec![NewPass { name, steps, comment }];
                declared(context, DeclarePasses { vo, passes, new_version, reason }).await
            }
            Self::List { vo, limit } => {
                let listing = ListPasses { vo, page: PageArgs::default() };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
                Ok(())
            }
            Self::Show { pass, vo } => {
                let pass = context.connect().await?.call(GetPass { pass, vo }).await?;
                let mut fields = vec![
                    (
                        "pass",
                        Cell::text(format_args!(
                            "{}@{}",
                            pass.definition.name, pass.summary.version
                        )),
                    ),
                    ("community", Cell::text(&pass.vo)),
                    ("steps", Cell::list(&pass.definition.steps)),
                    ("comment", Cell::optional(pass.definition.comment.as_ref())),
                ];
                fields.extend(summary(&pass.summary, &pass.versions));
                context.output.show(&pass, &fields)
            }
        }
    }
}
