use std::path::PathBuf;

use clap::Subcommand;
use sbk_api::{
    DismissQuarantined, GetQuarantined, ListQuarantine, PageArgs, QuarantineState, Quarantined,
    ReplayQuarantined,
};
use sbk_model::{JobName, Reason, Vo};

use crate::{bulk, cell::Cell, context::Context, failure::Failure, input, job_reports};

/// What to do with reports that could not be taken.
#[derive(Debug, Subcommand)]
pub enum Quarantine {
    /// List the reports that wait, with the reason of each
    #[command(after_help = "\
Examples:
  sbk job quarantine list --vo superb
  sbk job quarantine list --state taken --json")]
    List {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Those in another state than waiting: taken or dismissed
        #[arg(long, value_parser = state)]
        state: Option<QuarantineState>,
        /// Show at most so many
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a report with its body; --body writes only that, to be corrected
    #[command(after_help = "\
Examples:
  sbk job quarantine show 0123456789abcdef
  sbk job quarantine show 0123456789abcdef --body > report.json")]
    Show {
        /// The entry
        entry: String,
        /// Write only the report as it came
        #[arg(long)]
        body: bool,
    },
    /// Try a report again, as it is or corrected
    #[command(after_help = "\
Examples:
  sbk job quarantine replay 0123456789abcdef --reason 'the storage element is declared now'
  sbk job quarantine replay 0123456789abcdef --report corrected.json")]
    Replay {
        /// The entry
        entry: String,
        /// The corrected report as JSON; - reads the standard input
        #[arg(long, value_name = "FILE")]
        report: Option<PathBuf>,
        /// The name of the job, where the report has none
        #[arg(long, value_name = "NAME")]
        name: Option<JobName>,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Give a report up; it stays listed as dismissed
    #[command(after_help = "\
Examples:
  sbk job quarantine dismiss 0123456789abcdef --reason 'it was a test'")]
    Dismiss {
        /// The entry
        entry: String,
        /// Why
        #[arg(long)]
        reason: Reason,
    },
}

/// Reads a state.
fn state(text: &str) -> Result<QuarantineState, String> {
    match text {
        "waiting" => Ok(QuarantineState::Waiting),
        "taken" => Ok(QuarantineState::Taken),
        "dismissed" => Ok(QuarantineState::Dismissed),
        _ => Err("is none of waiting, taken, dismissed".to_owned()),
    }
}

impl Quarantine {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::List { vo, state, limit } => {
                let listing = ListQuarantine { vo, state, page: PageArgs::default() };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
                Ok(())
            }
            Self::Show { entry, body } => {
                let found = context.connect().await?.call(GetQuarantined { entry }).await?;
                if body {
                    context.output.line(found.body.as_deref().unwrap_or_default())?;
                    return context.output.flush();
                }
                context.output.show(&found, &fields(&found))
            }
            Self::Replay { entry, report, name, reason } => {
                let read = |file: PathBuf| -> Result<serde_json::Value, Failure> {
                    let text = input::read_text(&file)?;
                    serde_json::from_str(&text).map_err(|error| {
                        Failure::Usage(format!("{}: this is no JSON: {error}", file.display()))
                    })
                };
                let report = report.map(read).transpose()?;
                let operation = ReplayQuarantined { entry, report, name, reason };
                let result = context.connect().await?.call(operation).await?;
                job_reports::show(&mut context.output, &result)
            }
            Self::Dismiss { entry, reason } => {
                let operation = DismissQuarantined { entry: entry.clone(), reason };
                let done = context.connect().await?.call(operation).await?;
                bulk::done(&mut context.output, &entry, done)
            }
        }
    }
}

/// The fields of a report that could not be taken.
fn fields(found: &Quarantined) -> Vec<(&'static str, Cell)> {
    vec![
        ("entry", Cell::text(&found.entry)),
        ("community", Cell::text(&found.vo)),
        ("job", Cell::optional(found.job.as_ref())),
        ("state", Cell::text(job_reports::state_name(found.state))),
        ("format", Cell::text(found.format.as_str())),
        ("field", Cell::optional(found.problem.field.as_ref())),
        ("reason", Cell::text(&found.problem.detail)),
        ("sent by", Cell::text(&found.actor)),
        ("received", Cell::Time(found.received)),
        ("last tried", Cell::Time(found.last_tried)),
        ("tries", Cell::Count(found.tries)),
        ("body", Cell::list(found.body.iter().flat_map(|body| body.lines()))),
    ]
}
