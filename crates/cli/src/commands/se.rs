use clap::Subcommand;
use sbk_api::{
    DeclareStorageElements, ListHoldings, ListSites, ListStorageElements, RemoveStorageElement,
    StorageElement,
};
use sbk_model::{GroupName, SeName, SiteName, UserName, Vo};

use crate::{bulk, context::Context, failure::Failure};

/// What to do with storage elements.
#[derive(Debug, Subcommand)]
pub enum Se {
    /// List the storage elements with what they hold
    #[command(after_help = "Examples:\n  sbk se list\n  sbk se list --json")]
    List,
    /// Declare storage elements
    #[command(after_help = "\
Examples:
  sbk se add CNAF-disk --site LCG.CNAF.it --pfn-prefix root://eos.cnaf.infn.it/
  sbk se add CNAF-disk CNAF-tape --site LCG.CNAF.it")]
    Add {
        /// Their names
        #[arg(required = true, value_name = "NAME")]
        names: Vec<SeName>,
        /// The site that runs them; it is declared where it is new
        #[arg(long)]
        site: Option<SiteName>,
        /// What physical names begin with; the logical name follows
        #[arg(long, value_name = "URL")]
        pfn_prefix: Option<String>,
    },
    /// Remove a storage element that holds no replica
    #[command(after_help = "Examples:\n  sbk se remove CNAF-old")]
    Remove {
        /// Its name
        name: SeName,
    },
    /// List what the files of each owner and group amount to
    #[command(after_help = "\
Examples:
  sbk se usage --vo superb
  sbk se usage --owner alice --json")]
    Usage {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Only those of this owner
        #[arg(long, value_name = "USER")]
        owner: Option<UserName>,
        /// Only those of this group
        #[arg(long)]
        group: Option<GroupName>,
    },
    /// List the sites
    #[command(after_help = "Examples:\n  sbk se sites --plain")]
    Sites,
}

impl Se {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let connection = context.connect().await?;
        match self {
            Self::List => {
                let elements = connection.stream(ListStorageElements::default(), None);
                context.output.list(elements).await?;
                Ok(())
            }
            Self::Usage { vo, owner, group } => {
                let listing = ListHoldings { vo, owner, group, ..ListHoldings::default() };
                context.output.list(connection.stream(listing, None)).await?;
                Ok(())
            }
            Self::Add { names, site, pfn_prefix } => {
                let element = |name| StorageElement {
                    name,
                    site: site.clone(),
                    pfn_prefix: pfn_prefix.clone(),
                };
                let elements = names.into_iter().map(element).collect();
                let result = connection.call(DeclareStorageElements { elements }).await?;
                bulk::report(&mut context.output, &result)
            }
            Self::Remove { name } => {
                let done = connection.call(RemoveStorageElement { se: name.clone() }).await?;
                bulk::done(&mut context.output, name.as_str(), done)
            }
            Self::Sites => {
                context.output.list(connection.stream(ListSites::default(), None)).await?;
                Ok(())
            }
        }
    }
}
