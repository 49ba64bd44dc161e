use clap::Args;
use sbk_api::ListAudit;
use sbk_model::{DatasetName, DirPath, Lfn, Vo};

use crate::{context::Context, failure::Failure};

/// The filters.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sbk audit --limit 20
  sbk audit --lfn /superb/run1/a.root
  sbk audit --dataset mc-2026 --vo superb --json
  sbk audit --actor alice --operation retireFiles")]
pub struct Audit {
    /// Only what changed this file
    #[arg(long)]
    lfn: Option<Lfn>,
    /// Only what changed this directory
    #[arg(long, value_name = "PATH")]
    directory: Option<DirPath>,
    /// Only what changed this dataset; needs --vo
    #[arg(long, value_name = "NAME", requires = "vo")]
    dataset: Option<DatasetName>,
    /// The community of the dataset
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Only what this user did
    #[arg(long, value_name = "USER")]
    actor: Option<String>,
    /// Only this operation, for instance addFiles
    #[arg(long, value_name = "NAME")]
    operation: Option<String>,
    /// Show at most so many entries, the newest first
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Audit {
    /// Lists the audit trail.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { lfn, directory, dataset, vo, actor, operation, limit } = self;
        let vo = vo.filter(|_| dataset.is_some());
        let page = sbk_api::PageArgs::default();
        let listing = ListAudit { lfn, directory, dataset, vo, actor, operation, page };
        let entries = context.connect().await?.stream(listing, limit);
        context.output.list(entries).await?;
        Ok(())
    }
}
