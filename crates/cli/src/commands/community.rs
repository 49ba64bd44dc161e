use clap::Subcommand;
use sbk_api::{DeclareCommunity, ListCommunities};
use sbk_model::Vo;

use crate::{bulk, context::Context, failure::Failure};

/// What to do with communities.
#[derive(Debug, Subcommand)]
pub enum Community {
    /// List the communities with their totals
    #[command(after_help = "Examples:\n  sbk community list")]
    List,
    /// Declare a community
    #[command(after_help = "Examples:\n  sbk community declare superb")]
    Declare {
        /// Its name
        name: Vo,
    },
}

impl Community {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let connection = context.connect().await?;
        match self {
            Self::List => {
                let communities = connection.stream(ListCommunities::default(), None);
                context.output.list(communities).await?;
                Ok(())
            }
            Self::Declare { name } => {
                let done = connection.call(DeclareCommunity { vo: name.clone() }).await?;
                bulk::done(&mut context.output, name.as_str(), done)
            }
        }
    }
}
