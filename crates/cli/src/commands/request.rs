mod file;
mod sample;
mod show;
mod split;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sbk_api::{
    AddRequests, Atomicity, ChangeRequest, CloneRequest, GetRequest, ListRequestHistory,
    ListRequests, NewRequest, PageArgs, SetRequestState,
};
use sbk_model::{CampaignName, Label, Reason, RequestName, RequestState, UserName, Vo};

pub use file::SampleFile;
pub use show::progress;

use crate::{bulk, context::Context, failure::Failure};

/// What to do with requests for samples.
#[derive(Debug, Subcommand)]
pub enum Request {
    /// Write a request as a draft, or a template
    #[command(after_help = "\
Examples:
  sbk request create B0-2012 --vo superb --event-type B0B0bar_generic --events 1000000 \\
      --release V0.3.1 --deadline 2026-12-24 --field session=fastsim --field dg=DG_4
  sbk request create --vo superb --event-type uds --template --field session=fastsim")]
    Create(Box<Create>),
    /// Write the requests of a TOML file as drafts
    #[command(after_help = "\
Examples:
  sbk request add requests.toml --vo superb

In the file each request is a [[request]] with name, event_type, generator, events, conditions,
release, priority, deadline, comment, campaign, template, and [request.parameters].")]
    Add {
        /// The requests; - reads the standard input
        file: PathBuf,
        /// The community that they belong to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
    /// List requests, or templates
    #[command(after_help = "\
Examples:
  sbk request list --vo superb --state submitted
  sbk request list --vo superb --campaign 2012_September --json
  sbk request list --templates")]
    List(Box<List>),
    /// Show a request with its productions, progress, datasets and history
    #[command(after_help = "Examples:\n  sbk request show B0-2012")]
    Show(Named),
    /// List all changes: who, when, from and to which state, and why
    #[command(after_help = "Examples:\n  sbk request history B0-2012")]
    History(Named),
    /// Edit a draft
    #[command(after_help = "\
Examples:
  sbk request edit B0-2012 --events 2000000 --reason 'the analysis needs more'
  sbk request edit B0-2012 --field bkg_mixing=null --remove deadline")]
    Edit(Box<Edit>),
    /// Write a new draft like a request or a template, with changes
    #[command(after_help = "\
Examples:
  sbk request clone B0-2012 B0-2013 --events 500000
  sbk request clone fastsim-template --field dg=DG_4a")]
    Clone(Box<Cloning>),
    /// Ask for a decision on a draft
    #[command(after_help = "Examples:\n  sbk request submit B0-2012")]
    Submit(Move),
    /// Make a submitted or rejected request a draft again
    #[command(after_help = "Examples:\n  sbk request rework B0-2012")]
    Rework(Move),
    /// Decide that a sample is produced
    #[command(after_help = "Examples:\n  sbk request accept B0-2012")]
    Accept(Move),
    /// Decide that a sample is not produced as it is
    #[command(after_help = "Examples:\n  sbk request reject B0-2012 --reason 'use DG_4a'")]
    Reject(Why),
    /// Say that a sample is being produced
    #[command(after_help = "Examples:\n  sbk request activate B0-2012")]
    Activate(Move),
    /// Say that all that was asked for is there
    #[command(after_help = "\
Examples:
  sbk request done B0-2012
  sbk request done B0-2012 --reason 'what is there is enough'")]
    Done(Move),
    /// Give a request up
    #[command(after_help = "Examples:\n  sbk request cancel B0-2012 --reason 'no longer needed'")]
    Cancel(Why),
    /// Split a request into productions, and make their datasets
    #[command(after_help = "\
Examples:
  sbk request split B0-2012 productions.toml
  sbk request split B0-2012 --attach mc-2026-a --attach mc-2026-b

In the file each production is a [[production]] with name, kind, pass or steps, events
({ events = 1000000, events_per_task = 500, seed_base = 0 }) or input, and outputs by file type.
A dataset that outputs name, and that is not there, gets the parameters of the request.")]
    Split(Box<split::Split>),
}

/// Which request.
#[derive(Debug, Args)]
pub struct Named {
    /// The request
    name: RequestName,
    /// Its community; needed where several have a request of the name
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
}

/// Which request, and perhaps why.
#[derive(Debug, Args)]
pub struct Move {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

/// Which request, and why.
#[derive(Debug, Args)]
pub struct Why {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long)]
    reason: Reason,
}

/// What to write.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name; made from what is asked for, and by whom, without one
    name: Option<RequestName>,
    /// The community that it belongs to
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// Write a template, which is only cloned
    #[arg(long)]
    template: bool,
    #[command(flatten)]
    sample: sample::Sample,
}

/// What to edit.
#[derive(Debug, Args)]
pub struct Edit {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    sample: sample::Sample,
    #[command(flatten)]
    removed: sample::Removed,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

/// What to clone.
#[derive(Debug, Args)]
pub struct Cloning {
    /// The request or template
    name: RequestName,
    /// The name of the new one; made from what is asked for, and by whom, without one
    new_name: Option<RequestName>,
    /// Its community; needed where several have a request of the name
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Write a template, which is only cloned
    #[arg(long)]
    template: bool,
    #[command(flatten)]
    sample: sample::Sample,
    #[command(flatten)]
    removed: sample::Removed,
}

/// Which requests.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Only those in this state: draft, submitted, accepted, rejected, active, done or cancelled
    #[arg(long)]
    state: Option<RequestState>,
    /// Only those that this user asks for
    #[arg(long, value_name = "USER")]
    requester: Option<UserName>,
    /// Only those of this campaign; needs --vo
    #[arg(long, requires = "vo")]
    campaign: Option<CampaignName>,
    /// Only those for this type of events
    #[arg(long, value_name = "TYPE")]
    event_type: Option<Label>,
    /// List templates in place of requests
    #[arg(long)]
    templates: bool,
    /// Show at most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Request {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::Add { file, vo } => {
                let requests = SampleFile::read(&file)?.requests;
                add(context, vo, requests).await
            }
            Self::List(list) => list.run(context).await,
            Self::Show(Named { name, vo }) => {
                let request = context.connect().await?.call(GetRequest { name, vo }).await?;
                context.output.show(&request, &show::request(&request))
            }
            Self::History(Named { name, vo }) => {
                let listing = ListRequestHistory { name, vo, page: PageArgs::default() };
                context.output.list(context.connect().await?.stream(listing, None)).await?;
                Ok(())
            }
            Self::Edit(edit) => edit.run(context).await,
            Self::Clone(clone) => clone.run(context).await,
            Self::Submit(step) => step.to(context, RequestState::Submitted).await,
            Self::Rework(step) => step.to(context, RequestState::Draft).await,
            Self::Accept(step) => step.to(context, RequestState::Accepted).await,
            Self::Reject(why) => why.to(context, RequestState::Rejected).await,
            Self::Activate(step) => step.to(context, RequestState::Active).await,
            Self::Done(step) => step.to(context, RequestState::Done).await,
            Self::Cancel(why) => why.to(context, RequestState::Cancelled).await,
            Self::Split(split) => split.run(context).await,
        }
    }
}

/// Writes requests as drafts.
pub async fn add(context: &mut Context, vo: Vo, requests: Vec<NewRequest>) -> Result<(), Failure> {
    let operation = |requests| AddRequests { vo: vo.clone(), requests, atomicity: Atomicity::Each };
    context.in_batches(requests, operation).await
}

impl Create {
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { name, vo, template, sample } = self;
        let request = NewRequest { name, template, sample: sample.into() };
        let operation = AddRequests { vo, requests: vec![request], atomicity: Atomicity::Each };
        let result = context.connect().await?.call(operation).await?;
        match result.results.first() {
            // The name may have been made by the service.
            Some(item) if context.output.format().is_human() && result.refused == 0 => {
                context.output.line(format_args!(
                    "{}  {}",
                    item.name,
                    bulk::outcome(item.outcome)
                ))?;
                context.output.flush()
            }
            _ => bulk::report(&mut context.output, &result),
        }
    }
}

impl List {
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let listing = ListRequests {
            vo: self.vo,
            state: self.state,
            requester: self.requester,
            campaign: self.campaign,
            event_type: self.event_type,
            templates: self.templates,
            page: PageArgs::default(),
        };
        context.output.list(context.connect().await?.stream(listing, self.limit)).await?;
        Ok(())
    }
}

impl Edit {
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Named { name, vo } = self.named;
        let operation = ChangeRequest {
            name: name.clone(),
            vo,
            changes: self.sample.into(),
            remove: self.removed.into(),
            reason: self.reason,
        };
        let done = context.connect().await?.call(operation).await?;
        bulk::done(&mut context.output, name.as_str(), done)
    }
}

impl Cloning {
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let operation = CloneRequest {
            name: self.name,
            vo: self.vo,
            new_name: self.new_name,
            template: self.template,
            changes: self.sample.into(),
            remove: self.removed.into(),
        };
        let cloned = context.connect().await?.call(operation).await?;
        let outcome = crate::cell::Cell::text(bulk::outcome(cloned.outcome));
        context.output.show(&cloned, &[(cloned.name.as_str(), outcome)])
    }
}

impl Move {
    async fn to(self, context: &mut Context, state: RequestState) -> Result<(), Failure> {
        let Named { name, vo } = self.named;
        let operation = SetRequestState { name: name.clone(), vo, state, reason: self.reason };
        let done = context.connect().await?.call(operation).await?;
        bulk::done(&mut context.output, name.as_str(), done)
    }
}

impl Why {
    async fn to(self, context: &mut Context, state: RequestState) -> Result<(), Failure> {
        Move { named: self.named, reason: Some(self.reason) }.to(context, state).await
    }
}
