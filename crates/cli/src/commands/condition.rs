//! What communities declare by name: event types, conditions, software, background frames,
//! sets of metadata.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sbk_api::{
    BackgroundFrames, Conditions, DeclareBackgroundFrames, DeclareConditions, DeclareEventTypes,
    DeclareMetadataSets, DeclareSoftware, Definable, Defined, EventType, FramesName,
    ListBackgroundFrames, ListConditions, ListEventTypes, ListMetadataSets, ListSoftware,
    MetadataSet, PageArgs, Place, Release, SetFrameSites, SetInstalled, Software,
};
use sbk_model::{Application, DirPath, Label, Reason, SiteName, Vo};

use super::run::objects;
use crate::{bulk, cell::Cell, context::Context, failure::Failure, output::Row};

/// What to do with types of events.
#[derive(Debug, Subcommand)]
pub enum EventTypes {
    /// Declare types of events: a JSON object a line
    #[command(after_help = "\
Examples:
  echo '{\"name\": \"90000000\", \"description\": \"no bias\"}' |
    sbk event-type declare - --vo superb")]
    Declare(Declare),
    /// List types of events by name
    #[command(after_help = "Examples:\n  sbk event-type list --prefix B0 --vo superb")]
    List(List),
}

/// What to do with sets of metadata.
#[derive(Debug, Subcommand)]
pub enum MetadataSets {
    /// Declare sets of metadata: a JSON object a line
    #[command(after_help = "\
Examples:
  echo '{\"name\": \"upsilon4s\", \"values\": {\"energy\": 10.58, \"generic\": true}}' |
    sbk metadata-set declare - --vo superb")]
    Declare(Declare),
    /// List sets of metadata by name
    #[command(after_help = "Examples:\n  sbk metadata-set list --vo superb")]
    List(List),
}

/// What to do with conditions of data taking and simulation.
#[derive(Debug, Subcommand)]
pub enum ConditionSets {
    /// Declare conditions: a JSON object a line
    #[command(after_help = "\
Examples:
  echo '{\"name\": \"Sim10-MagUp\", \"kind\": \"simulation\", \"parameters\": {\"magnet\": \"up\"}}' |
    sbk condition declare - --vo superb")]
    Declare(Declare),
    /// List conditions by name
    #[command(after_help = "Examples:\n  sbk condition list --vo superb --json")]
    List(List),
}

/// What to do with releases of programs.
#[derive(Debug, Subcommand)]
pub enum Releases {
    /// Declare releases: a JSON object a line
    #[command(after_help = "\
Examples:
  echo '{\"application\": \"Brunel\", \"version\": \"v50r0\", \"platform\": \"x86_64-el9\"}' |
    sbk software declare - --vo superb")]
    Declare(Declare),
    /// List releases with the sites where they are installed
    #[command(after_help = "\
Examples:
  sbk software list --prefix 'Brunel v50' --vo superb
  sbk software list --site LCG.CNAF.it")]
    List(List),
    /// Say that a release is installed at sites, or not any more
    #[command(after_help = "\
Examples:
  sbk software install Brunel v50r0 --platform x86_64-el9 --site LCG.CNAF.it --vo superb
  sbk software install FastSim V0.3.1 --site LCG.CNAF.it --activity fastsim --removed --vo superb")]
    Install {
        /// The program
        application: Application,
        /// The version
        version: Label,
        /// The platform that it was built for
        #[arg(long)]
        platform: Option<Label>,
        /// The kind of activity that it is there for; all when absent
        #[arg(long)]
        activity: Option<Label>,
        #[command(flatten)]
        at: At,
    },
}

/// What to do with sets of background frames.
#[derive(Debug, Subcommand)]
pub enum Backgrounds {
    /// Declare sets of background frames: a JSON object a line
    #[command(after_help = "\
Examples:
  echo '{\"series\": \"2010_July\", \"directory\": \"/superb/bkg/2010\", \"valid\": true}' |
    sbk background declare - --vo superb")]
    Declare(Declare),
    /// List sets of background frames with the sites that hold them
    #[command(after_help = "Examples:\n  sbk background list --prefix 2010_July --vo superb")]
    List(List),
    /// Say that sites hold a set of background frames, or not any more
    #[command(after_help = "\
Examples:
  sbk background hold 2010_July /superb/bkg/2010 --site LCG.CNAF.it --vo superb")]
    Hold {
        /// The production series that they are for
        series: Label,
        /// The directory that they are in
        directory: DirPath,
        #[command(flatten)]
        at: At,
    },
}

/// What to declare.
#[derive(Debug, Args)]
pub struct Declare {
    /// The file; - reads the standard input
    file: PathBuf,
    /// The community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// Change what was declared otherwise
    #[arg(long)]
    replace: bool,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

/// What to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Only those whose name begins so
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// Only those at this site
    #[arg(long)]
    site: Option<SiteName>,
}

/// Where something is.
#[derive(Debug, Args)]
pub struct At {
    /// A site; may be repeated
    #[arg(long = "site", value_name = "SITE", required = true)]
    sites: Vec<SiteName>,
    /// Say that it is not there any more
    #[arg(long)]
    removed: bool,
    /// The community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
}

/// Declares what a file has, in batches.
macro_rules! declare {
    ($context:expr, $declare:expr, $operation:ident . $items:ident) => {{
        let Declare { file, vo, replace, reason } = $declare;
        let operation =
            |$items| $operation { vo: vo.clone(), $items, replace, reason: reason.clone() };
        $context.in_batches(objects(&file)?, operation).await
    }};
}

/// Lists things.
macro_rules! list {
    ($context:expr, $list:expr, $operation:ident) => {{
        let List { vo, prefix, site } = $list;
        let listing = $operation { vo, prefix, site, page: PageArgs::default() };
        $context.output.list($context.connect().await?.stream(listing, None)).await?;
        Ok(())
    }};
}

impl EventTypes {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(declare) => declare!(context, declare, DeclareEventTypes.event_types),
            Self::List(list) => list!(context, list, ListEventTypes),
        }
    }
}

impl MetadataSets {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(declare) => declare!(context, declare, DeclareMetadataSets.sets),
            Self::List(list) => list!(context, list, ListMetadataSets),
        }
    }
}

impl ConditionSets {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(declare) => declare!(context, declare, DeclareConditions.conditions),
            Self::List(list) => list!(context, list, ListConditions),
        }
    }
}

impl Releases {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(declare) => declare!(context, declare, DeclareSoftware.software),
            Self::List(list) => list!(context, list, ListSoftware),
            Self::Install { application, version, platform, activity, at } => {
                let place = |site| Place { site, activity: activity.clone() };
                let places = at.sites.into_iter().map(place).collect();
                let releases = vec![Release { application, version, platform }];
                let call = SetInstalled { vo: at.vo, releases, places, removed: at.removed };
                let result = context.connect().await?.call(call).await?;
                bulk::report(&mut context.output, &result)
            }
        }
    }
}

impl Backgrounds {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(declare) => declare!(context, declare, DeclareBackgroundFrames.frames),
            Self::List(list) => list!(context, list, ListBackgroundFrames),
            Self::Hold { series, directory, at: At { sites, removed, vo } } => {
                let frames = vec![FramesName { series, directory }];
                let call = SetFrameSites { vo, frames, sites, removed };
                let result = context.connect().await?.call(call).await?;
                bulk::report(&mut context.output, &result)
            }
        }
    }
}

/// The sites of a thing, each with what it is there for.
fn places<T: Definable>(defined: &Defined<T>) -> Cell {
    Cell::list(defined.places.iter().map(|place| match &place.activity {
        Some(activity) => format!("{} ({activity})", place.site),
        None => place.site.to_string(),
    }))
}

impl Row for Defined<EventType> {
    const HEADINGS: &'static [&'static str] = &["EVENT TYPE", "COMMUNITY", "DESCRIPTION"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(self.defined.name()),
            Cell::text(&self.vo),
            Cell::optional(self.defined.description.as_ref()),
        ]
    }
}

impl Row for Defined<MetadataSet> {
    const HEADINGS: &'static [&'static str] = &["SET", "COMMUNITY", "VALUES", "DESCRIPTION"];

    fn cells(&self) -> Vec<Cell> {
        let values = self.defined.values.iter();
        vec![
            Cell::text(self.defined.name()),
            Cell::text(&self.vo),
            Cell::list(values.map(|(name, value)| format!("{name}={}", crate::cell::plain(value)))),
            Cell::optional(self.defined.description.as_ref()),
        ]
    }
}

impl Row for Defined<Conditions> {
    const HEADINGS: &'static [&'static str] =
        &["CONDITIONS", "KIND", "COMMUNITY", "PARAMETERS", "DESCRIPTION"];

    fn cells(&self) -> Vec<Cell> {
        let parameters = self.defined.parameters.iter();
        vec![
            Cell::text(self.defined.name()),
            Cell::text(self.defined.kind),
            Cell::text(&self.vo),
            Cell::list(parameters.map(|(n, value)| format!("{n}={}", crate::cell::plain(value)))),
            Cell::optional(self.defined.description.as_ref()),
        ]
    }
}

impl Row for Defined<Software> {
    const HEADINGS: &'static [&'static str] =
        &["APPLICATION", "VERSION", "PLATFORM", "COMMUNITY", "STATE", "INSTALLED AT"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.defined.application),
            Cell::text(&self.defined.version),
            Cell::optional(self.defined.platform.as_ref()),
            Cell::text(&self.vo),
            Cell::text(if self.defined.withdrawn { "withdrawn" } else { "good" }),
            places(self),
        ]
    }
}

impl Row for Defined<BackgroundFrames> {
    const HEADINGS: &'static [&'static str] =
        &["SERIES", "DIRECTORY", "VALID", "VALIDATED", "COMMUNITY", "SITES"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::text(&self.defined.series),
            Cell::text(&self.defined.directory),
            Cell::text(if self.defined.valid { "yes" } else { "no" }),
            self.defined.validated.map_or(Cell::Missing, Cell::Time),
            Cell::text(&self.vo),
            places(self),
        ]
    }
}
