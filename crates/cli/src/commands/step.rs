use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use sbk_api::{DeclareSteps, GetStep, ListSteps, NewStep, PageArgs, StepRef};
use sbk_model::{Application, FileType, Label, Reason, StepName, Vo};

use super::recipe::{Tag, declared, summary};
use crate::{cell::Cell, context::Context, failure::Failure, input};

/// What to do with steps.
#[derive(Debug, Subcommand)]
pub enum Step {
    /// Declare a step; where something uses it and it differs, that makes a new version
    #[command(after_help = "\
Examples:
  sbk step declare Gauss-2026 --vo superb --application Gauss --app-version v49r1 \\
      --option '$OPTS/Sim08.py' --condition CondDB=sim-1 --output SIM
  sbk step declare Gauss-2026 --vo superb --application Gauss --new-version --reason 'a trial'")]
    Declare(Box<Declare>),
    /// List the newest versions of steps
    #[command(after_help = "Examples:\n  sbk step list --vo superb")]
    List {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Show at most so many steps
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a version of a step, and which there are
    #[command(after_help = "Examples:\n  sbk step show Gauss-2026\n  sbk step show Gauss-2026@1")]
    Show {
        /// The step, NAME or NAME@VERSION
        step: StepRef,
        /// Its community; needed where several have a step of the name
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
    },
}

/// What to declare.
#[derive(Debug, Args)]
pub struct Declare {
    /// Its name
    name: StepName,
    /// The community that it belongs to
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// The program
    #[arg(long, value_name = "NAME")]
    application: Application,
    /// The version of the program
    #[arg(long, value_name = "VERSION")]
    app_version: Option<Label>,
    /// An option that the program is run with; several are in order
    #[arg(long = "option", value_name = "OPTION")]
    options: Vec<String>,
    /// A tag of the conditions that it uses
    #[arg(long = "condition", value_name = "DATABASE=TAG")]
    conditions: Vec<Tag>,
    /// The platform that it runs on
    #[arg(long)]
    platform: Option<Label>,
    /// A type of files that it reads
    #[arg(long = "input", value_name = "TYPE")]
    inputs: Vec<FileType>,
    /// A type of files that it makes
    #[arg(long = "output", value_name = "TYPE")]
    outputs: Vec<FileType>,
    /// Whatever else decides what it makes. What is JSON is taken as such, all else is text
    #[arg(long = "extra", value_name = "NAME=VALUE")]
    extra: Vec<input::Assignment>,
    /// What is to be said about it
    #[arg(long)]
    comment: Option<String>,
    /// Make a new version even where nothing uses the old one
    #[arg(long)]
    new_version: bool,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

impl Step {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(declare) => declare.run(context).await,
            Self::List { vo, limit } => {
                let listing = ListSteps { vo, page: PageArgs::default() };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
                Ok(())
            }
            Self::Show { step, vo } => {
                let step = context.connect().await?.call(GetStep { step, vo }).await?;
                context.output.show(&step, &fields(&step))
            }
        }
    }
}

impl Declare {
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let conditions: BTreeMap<String, String> =
            self.conditions.into_iter().map(|tag| (tag.name, tag.value)).collect();
        let step = NewStep {
            name: self.name,
            application: self.application,
            version: self.app_version,
            options: self.options,
            conditions,
            platform: self.platform,
            inputs: self.inputs,
            outputs: self.outputs,
            extra: input::metadata(self.extra),
            comment: self.comment,
        };
        let (vo, new_version, reason) = (self.vo, self.new_version, self.reason);
        let operation = DeclareSteps { vo, steps: vec![step], new_version, reason };
        declared(context, operation).await
    }
}

/// The fields of a step.
fn fields(step: &sbk_api::Step) -> Vec<(&'static str, Cell)> {
    let definition = &step.definition;
    let tags = definition.conditions.iter().map(|(name, tag)| format!("{name}={tag}"));
    let mut fields = vec![
        ("step", Cell::text(format_args!("{}@{}", definition.name, step.summary.version))),
        ("community", Cell::text(&step.vo)),
        ("application", Cell::text(&definition.application)),
        ("application version", Cell::optional(definition.version.as_ref())),
        ("options", Cell::list(&definition.options)),
        ("conditions", Cell::list(tags)),
        ("platform", Cell::optional(definition.platform.as_ref())),
        ("inputs", Cell::list(&definition.inputs)),
        ("outputs", Cell::list(&definition.outputs)),
        ("extra", Cell::metadata(&definition.extra)),
        ("comment", Cell::optional(definition.comment.as_ref())),
    ];
    fields.extend(summary(&step.summary, &step.versions));
    fields
}
