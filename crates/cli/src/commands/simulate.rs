use std::time::Duration;

use clap::{Args, Subcommand};
use sbk_model::{ProductionName, Vo};

use crate::{
    campaign::{self, Plan, Way},
    context::Context,
    failure::Failure,
    input::Seconds,
};

/// What to play.
#[derive(Debug, Subcommand)]
pub enum Simulate {
    /// Play a campaign of production against a server, and prove what the bookkeeping says of it
    #[command(after_help = "\
Examples:
  sbk simulate campaign --jobs 1000 --vo simulation
  sbk simulate campaign --jobs 100000 --batch 100 --connections 4 --seed 7 --json
  sbk simulate campaign --jobs 1000 --only-prove

All that is played follows from --seed and the sizes, so a campaign that was cut short is played to
its end by the same command: what came before is answered as before. A server that is away is waited
for. It ends with exit code 7 where the bookkeeping differs from what was played.")]
    Campaign(Box<Campaign>),
}

/// The sizes of a campaign.
#[derive(Debug, Args)]
pub struct Campaign {
    /// How many tasks, each with at least one job
    #[arg(long, value_name = "N", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    jobs: u64,
    /// The community that plays; use one of its own
    #[arg(long, default_value = "simulation")]
    vo: Vo,
    /// The production; campaign-SEED when absent
    #[arg(long)]
    production: Option<ProductionName>,
    /// What all chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sites
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    sites: u32,
    /// The share of reports that come again
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    repeated: f64,
    /// The share of reports that come late
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    late: f64,
    /// The share of reports that come again with other content
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    conflicting: f64,
    /// The share of jobs whose worker is lost
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    lost: f64,
    /// The share of jobs that fail
    #[arg(long, value_name = "SHARE", default_value_t = 0.08, value_parser = share)]
    failing: f64,
    /// How many reports go into one call
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u16).range(1..=1000))]
    batch: u16,
    /// How many calls are in progress at the same time
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// How long a server that is away is waited for
    #[arg(long, value_name = "TIME", default_value = "120s")]
    patience: Seconds,
    /// Only prove a campaign that was played before
    #[arg(long)]
    only_prove: bool,
}

/// Reads a share of 0 to 1.
fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("write a number from 0 to 1, for instance 0.05".to_owned()),
    }
}

impl Simulate {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Campaign(campaign) = self;
        let production = match campaign.production {
            Some(production) => production,
            None => format!("campaign-{}", campaign.seed).parse()?,
        };
        let plan = Plan {
            vo: campaign.vo,
            production,
            seed: campaign.seed,
            tasks: campaign.jobs,
            sites: campaign.sites,
            repeated: campaign.repeated,
            late: campaign.late,
            conflicting: campaign.conflicting,
            lost: campaign.lost,
            failing: campaign.failing,
        };
        let way = Way {
            batch: campaign.batch.into(),
            connections: campaign.connections.into(),
            patience: Duration::from_secs(campaign.patience.0.into()),
        };
        campaign::run(context, plan, way, campaign.only_prove).await
    }
}
