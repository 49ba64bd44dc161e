use std::path::PathBuf;

use clap::{Args, Subcommand};
use sbk_api::{
    AddCampaigns, AssignRequests, Atomicity, CampaignSummary, ChangeCampaign, GetCampaign,
    ListCampaigns, NewCampaign, PageArgs, RequestCount,
};
use sbk_model::{CampaignName, Reason, RequestName, Vo};

use super::request::{self, SampleFile};
use crate::{bulk, cell::Cell, context::Context, failure::Failure, human, input, output::Row};

/// What to do with campaigns (production series).
#[derive(Debug, Subcommand)]
pub enum Campaign {
    /// Declare a campaign
    #[command(after_help = "\
Examples:
  sbk campaign create 2012_September --vo superb --description 'with the new geometry'")]
    Create {
        /// Its name
        name: CampaignName,
        /// The community that it belongs to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// Declare the campaign of a TOML file, and write its requests as drafts
    #[command(after_help = "\
Examples:
  sbk campaign load campaign.toml --vo superb

The file has a [campaign] with name and description, and its requests as [[request]], each with
what `sbk request add` takes.")]
    Load {
        /// The campaign; - reads the standard input
        file: PathBuf,
        /// The community that it belongs to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
    /// List campaigns with their requests by state
    #[command(after_help = "Examples:\n  sbk campaign list --vo superb --open")]
    List {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Only those that take requests
        #[arg(long)]
        open: bool,
        /// Show at most so many campaigns
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a campaign with the sums over its requests
    #[command(after_help = "Examples:\n  sbk campaign show 2012_September")]
    Show(Named),
    /// Put requests in
    #[command(after_help = "\
Examples:
  sbk campaign assign 2012_September B0-2012 uds-2012
  sbk request list --requester alice --plain | cut -f1 | sbk campaign assign 2012_September -")]
    Assign(Assign),
    /// Take requests out
    #[command(after_help = "Examples:\n  sbk campaign remove 2012_September B0-2012")]
    Remove(Assign),
    /// Change what it says of itself
    #[command(after_help = "Examples:\n  sbk campaign describe 2012_September 'for the TDR'")]
    Describe {
        #[command(flatten)]
        named: Named,
        /// What it is for
        description: String,
    },
    /// Take no more requests; those that are in it go on
    #[command(after_help = "Examples:\n  sbk campaign close 2012_September --reason 'complete'")]
    Close(Turn),
    /// Take requests again
    #[command(after_help = "Examples:\n  sbk campaign open 2012_September")]
    Open(Turn),
}

/// Which campaign.
#[derive(Debug, Args)]
pub struct Named {
    /// The campaign
    name: CampaignName,
    /// Its community; needed where several have a campaign of the name
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
}

/// Which campaign, and why.
#[derive(Debug, Args)]
pub struct Turn {
    #[command(flatten)]
    named: Named,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

/// Which requests of which campaign.
#[derive(Debug, Args)]
pub struct Assign {
    #[command(flatten)]
    named: Named,
    /// The requests; - reads one a line from the standard input
    #[arg(required = true, value_name = "REQUEST")]
    requests: Vec<String>,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

impl Campaign {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Create { name, vo, description } => {
                let campaigns = vec![NewCampaign { name, description }];
                let operation = AddCampaigns { vo, campaigns, atomicity: Atomicity::Each };
                let result = context.connect().await?.call(operation).await?;
                bulk::report(&mut context.output, &result)
            }
            Self::Load { file, vo } => load(context, &file, vo).await,
            Self::List { vo, open, limit } => {
                let listing = ListCampaigns { vo, open, page: PageArgs::default() };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
                Ok(())
            }
            Self::Show(Named { name, vo }) => {
                let campaign = context.connect().await?.call(GetCampaign { name, vo }).await?;
                context.output.show(&campaign, &fields(&campaign))
            }
            Self::Assign(assign) => assign.run(context, false).await,
            Self::Remove(assign) => assign.run(context, true).await,
            Self::Describe { named, description } => {
                let unchanged = named.unchanged(None);
                let operation = ChangeCampaign { description: Some(description), ..unchanged };
                change(context, operation).await
            }
            Self::Close(turn) => turn.run(context, true).await,
            Self::Open(turn) => turn.run(context, false).await,
        }
    }
}

/// Declares the campaign of a file, and writes its requests.
async fn load(context: &mut Context, file: &std::path::Path, vo: Vo) -> Result<(), Failure> {
    let SampleFile { campaign, requests, .. } = SampleFile::read(file)?;
    let campaign = campaign.ok_or_else(|| {
        Failure::Usage(format!("{}: has no [campaign] with a name", file.display()))
    })?;
    let campaigns = vec![campaign];
    let operation = AddCampaigns { vo: vo.clone(), campaigns, atomicity: Atomicity::Each };
    let result = context.connect().await?.call(operation).await?;
    if result.refused > 0 {
        return bulk::report(&mut context.output, &result);
    }
    request::add(context, vo, requests).await
}

impl Named {
    /// The operation that changes nothing yet.
    fn unchanged(self, reason: Option<Reason>) -> ChangeCampaign {
        ChangeCampaign { name: self.name, vo: self.vo, description: None, closed: None, reason }
    }
}

async fn change(context: &mut Context, operation: ChangeCampaign) -> Result<(), Failure> {
    let name = operation.name.clone();
    let done = context.connect().await?.call(operation).await?;
    bulk::done(&mut context.output, name.as_str(), done)
}

impl Turn {
    async fn run(self, context: &mut Context, closed: bool) -> Result<(), Failure> {
        let unchanged = self.named.unchanged(self.reason);
        change(context, ChangeCampaign { closed: Some(closed), ..unchanged }).await
    }
}

impl Assign {
    async fn run(self, context: &mut Context, remove: bool) -> Result<(), Failure> {
        let Self { named: Named { name, vo }, requests, reason } = self;
        let requests: Vec<RequestName> = input::names(&requests)?;
        let operation = |requests| AssignRequests {
            name: name.clone(),
            vo: vo.clone(),
            requests,
            remove,
            reason: reason.clone(),
        };
        context.in_batches(requests, operation).await
    }
}

/// Requests by state, in words.
fn by_state(counts: &[RequestCount]) -> Cell {
    Cell::list(counts.iter().map(|count| {
        format!("{} {} ({} events)", count.requests, count.state, human::count(count.events))
    }))
}

impl Row for CampaignSummary {
    const HEADINGS: &'static [&'static str] = &["CAMPAIGN", "OPEN", "CREATED", "REQUESTS"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.name),
            Cell::text(if self.closed { "no" } else { "yes" }),
            Cell::Time(self.created),
            by_state(&self.requests),
        ]
    }
}

/// The fields of a campaign.
fn fields(campaign: &sbk_api::Campaign) -> Vec<(&'static str, Cell)> {
    let summary = &campaign.summary;
    let mut fields = vec![
        ("name", Cell::text(&summary.name)),
        ("community", Cell::text(&summary.vo)),
        ("description", Cell::list(summary.description.iter().flat_map(|text| text.lines()))),
        ("takes requests", Cell::text(if summary.closed { "no" } else { "yes" })),
        ("owner", Cell::text(&summary.owner)),
        ("created", Cell::Time(summary.created)),
        ("requests", by_state(&summary.requests)),
    ];
    fields.extend(request::progress(&campaign.progress));
    fields.extend([
        ("productions", Cell::Count(campaign.productions)),
        ("datasets", Cell::Count(campaign.datasets)),
        ("files", Cell::Count(campaign.totals.files)),
        ("size", Cell::Bytes(campaign.totals.bytes)),
        ("events in datasets", Cell::Count(campaign.totals.events)),
    ]);
    fields
}
