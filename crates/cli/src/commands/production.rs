mod create;
mod show;
mod tasks;

use clap::{Args, Subcommand};
use sbk_api::{
    ChangeProduction, ExtendProduction, Extension, GetCompleteness, GetProduction, GetProgress,
    ListMissingInputs, ListProductions, PageArgs, PassRef, SummarizeFailures,
};
use sbk_model::{Missing, ProductionName, ProductionState, Reason, RequestName, Vo};

use crate::{bulk, context::Context, failure::Failure, human, output::Format, progress::Display};

/// What to do with productions.
#[derive(Debug, Subcommand)]
pub enum Production {
    /// Create a production of steps, on an input selection or on event ranges
    #[command(after_help = "\
Examples:
  sbk production create mc-2026-a --vo superb --pass Sim08 --events 1000000 --per-task 500 \\
      --output SIM=mc-2026 --request B2Kpi
  sbk production create reco-7 --vo superb --kind processing --pass Reco12@2 \\
      --query 'run between 5 and 9 and file_type = RAW' --per-task 10 --output DST=dst-2026")]
    Create(Box<create::Create>),
    /// List productions with their progress
    #[command(after_help = "\
Examples:
  sbk production list --vo superb
  sbk production list --vo superb --state archived --json")]
    List(List),
    /// Show a production with its progress
    #[command(after_help = "Examples:\n  sbk production show mc-2026-a")]
    Show(Named),
    /// Make tasks of what its selection finds new, or of its event ranges
    #[command(after_help = "\
Examples:
  sbk production extend reco-7
  sbk production extend reco-7 --flush")]
    Extend {
        #[command(flatten)]
        named: Named,
        /// Make a task of the last inputs although they are fewer than a task gets
        #[arg(long)]
        flush: bool,
    },
    /// List the tasks
    #[command(after_help = "\
Examples:
  sbk production tasks reco-7 --state failed
  sbk production tasks reco-7 --site CNAF --json")]
    Tasks(tasks::List),
    /// Show a task with its inputs and jobs
    #[command(after_help = "Examples:\n  sbk production task reco-7 17")]
    Task(tasks::Show),
    /// Take tasks, to run them: each is given to one taker until its lease ends
    #[command(after_help = "\
Examples:
  sbk production take reco-7 --limit 10 --site CNAF --worker pilot-7 --json
  sbk production take reco-7 --key pilot-7-1 --lease 3600 --retry-failed --json")]
    Take(Box<tasks::Take>),
    /// Change the state of tasks: submitted, running, failed, abandoned, or created again
    #[command(after_help = "\
Examples:
  sbk production task-state reco-7 running 17 18 --lease 3600
  sbk production task-state reco-7 failed 17 --reason 'disk full'")]
    TaskState(Box<tasks::SetState>),
    /// Make tasks that have failed ready to be taken again
    #[command(after_help = "\
Examples:
  sbk production reset reco-7 --failed-for 'disk full' --reason 'the disk is back'")]
    Reset(tasks::Reset),
    /// Take tasks back whose leases have ended
    #[command(
        after_help = "Examples:\n  sbk production expire\n  sbk production expire --vo superb"
    )]
    Expire {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
    },
    /// Show how far a production is
    #[command(after_help = "Examples:\n  sbk production progress reco-7")]
    Progress(Named),
    /// List the inputs that have no good output, and why
    #[command(after_help = "\
Examples:
  sbk production missing reco-7
  sbk production missing reco-7 --summary
  sbk production missing reco-7 --reason failed --plain")]
    Missing {
        #[command(flatten)]
        named: Named,
        /// Only those that lack it for this reason
        #[arg(long)]
        reason: Option<Missing>,
        /// Only count them, by reason
        #[arg(long, conflicts_with_all = ["reason", "limit"])]
        summary: bool,
        /// Show at most so many inputs
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Count the jobs that did not do well, by site and reason
    #[command(after_help = "Examples:\n  sbk production failures reco-7")]
    Failures(Named),
    /// Hand no tasks out for now
    #[command(after_help = "Examples:\n  sbk production pause reco-7 --reason 'a bad release'")]
    Pause(Why),
    /// Hand tasks out again
    #[command(after_help = "Examples:\n  sbk production resume reco-7 --reason 'a new release'")]
    Resume(Why),
    /// Make and hand out no more tasks; what still reports is recorded
    #[command(
        after_help = "Examples:\n  sbk production close reco-7 --reason 'all inputs are done'"
    )]
    Close(Why),
    /// Take a closed production out of the lists; its datasets stay
    #[command(after_help = "Examples:\n  sbk production archive reco-7 --reason 'published'")]
    Archive(Why),
    /// Change the events wanted, the priority or the request
    #[command(after_help = "\
Examples:
  sbk production set mc-2026-a --events 2000000 --reason 'more statistics'")]
    Set(Set),
}

/// Which production.
#[derive(Debug, Args)]
pub struct Named {
    /// The production
    name: ProductionName,
    /// Its community; needed where several have a production of the name
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
}

/// Which production, and why.
#[derive(Debug, Args)]
pub struct Why {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long)]
    reason: Reason,
}

/// Which productions.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Only those in this state; those that are not archived without it
    #[arg(long)]
    state: Option<ProductionState>,
    /// Only those that serve this request
    #[arg(long)]
    request: Option<RequestName>,
    /// Only those of this processing pass, NAME or NAME@VERSION
    #[arg(long)]
    pass: Option<PassRef>,
    /// Show at most so many productions
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// What to change.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["events", "priority", "request"])]
pub struct Set {
    #[command(flatten)]
    named: Named,
    /// How many events are wanted in all
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// How urgent it is; more is sooner
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    priority: Option<i32>,
    /// The request that it serves
    #[arg(long)]
    request: Option<RequestName>,
    /// Why
    #[arg(long)]
    reason: Reason,
}

impl Production {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Show(Named { name, vo }) => {
                let shown = context.connect().await?.call(GetProduction { name, vo }).await?;
                context.output.show(&shown, &show::production(&shown))
            }
            Self::Extend { named, flush } => extend(context, named, flush).await,
            Self::Tasks(list) => list.run(context).await,
            Self::Task(show) => show.run(context).await,
            Self::Take(take) => take.run(context).await,
            Self::TaskState(set) => set.run(context).await,
            Self::Reset(reset) => reset.run(context).await,
            Self::Expire { vo } => tasks::expire(context, vo).await,
            Self::Progress(Named { name, vo }) => {
                let progress = context.connect().await?.call(GetProgress { name, vo }).await?;
                context.output.show(&progress, &show::progress(&progress))
            }
            Self::Missing { named: Named { name, vo }, reason, summary, limit } => {
                if summary {
                    let counts =
                        context.connect().await?.call(GetCompleteness { name, vo }).await?;
                    return context.output.show(&counts, &show::completeness(&counts));
                }
                let page = PageArgs::default();
                let listing = ListMissingInputs { name, vo, reason, page };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
                Ok(())
            }
            Self::Failures(named) => failures(context, named).await,
            Self::Pause(why) => why.become_(context, ProductionState::Paused).await,
            Self::Resume(why) => why.become_(context, ProductionState::Active).await,
            Self::Close(why) => why.become_(context, ProductionState::Closed).await,
            Self::Archive(why) => why.become_(context, ProductionState::Archived).await,
            Self::Set(Set { named, events, priority, request, reason }) => {
                let unchanged = named.unchanged(reason);
                change(context, ChangeProduction { events, priority, request, ..unchanged }).await
            }
        }
    }
}

impl Named {
    /// The operation that changes nothing yet.
    fn unchanged(self, reason: Reason) -> ChangeProduction {
        ChangeProduction {
            name: self.name,
            vo: self.vo,
            state: None,
            events: None,
            priority: None,
            request: None,
            reason,
        }
    }
}

impl Why {
    async fn become_(self, context: &mut Context, state: ProductionState) -> Result<(), Failure> {
        let unchanged = self.named.unchanged(self.reason);
        change(context, ChangeProduction { state: Some(state), ..unchanged }).await
    }
}

impl List {
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let listing = ListProductions {
            vo: self.vo,
            state: self.state,
            request: self.request,
            pass: self.pass,
            page: PageArgs::default(),
        };
        context.output.list(context.connect().await?.stream(listing, self.limit)).await?;
        Ok(())
    }
}

/// Changes a production.
async fn change(context: &mut Context, operation: ChangeProduction) -> Result<(), Failure> {
    let name = operation.name.clone();
    let done = context.connect().await?.call(operation).await?;
    bulk::done(&mut context.output, name.as_str(), done)
}

/// Makes tasks, step by step, until nothing is left to do.
async fn extend(context: &mut Context, named: Named, flush: bool) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let display = Display::spinner(context.shows_progress(), "extend");
    let mut sum = Extension::default();
    while !sum.done {
        let operation = ExtendProduction {
            name: named.name.clone(),
            vo: named.vo.clone(),
            flush,
            limit: None,
            after: sum.next.take(),
        };
        let step = connection.call(operation).await?;
        sum.done = step.done;
        sum.next = step.next;
        sum.looked_at += step.looked_at;
        sum.inputs += step.inputs;
        sum.tasks += step.tasks;
        display.say(show::extension(&sum));
    }
    display.end();
    let sentence = show::extension(&sum);
    context.say(&sum, &sentence)
}

/// Shows which jobs did not do well.
async fn failures(context: &mut Context, named: Named) -> Result<(), Failure> {
    let Named { name, vo } = named;
    let failures = context.connect().await?.call(SummarizeFailures { name, vo }).await?;
    if matches!(context.output.format(), Format::Json | Format::Ndjson) {
        return context.output.json(&failures);
    }
    let rows = futures::stream::iter(failures.groups.iter().cloned().map(Ok));
    context.output.list(rows).await?;
    if context.output.format().is_human() {
        let (failed, jobs) = (human::count(failures.failed), human::count(failures.jobs));
        context.output.line(format_args!("{failed} of {jobs} jobs did not do well"))?;
    }
    context.output.flush()
}
