use clap::{Args, Subcommand};
use sbk_api::{
    AddDatasets, AddMembers, Atomicity, ChangeDataset, CompareSnapshots, Declared, FreezeDataset,
    GetDataset, GetDatasets, ListMembers, ListSnapshotFiles, ListSnapshots, NewDataset, PageArgs,
    RemoveDataset, RemoveMembers,
};
use sbk_model::{
    DatasetKind, DatasetName, DatasetStatus, GroupName, Reason, SiteName, UserName, Vo,
};

use crate::{
    bulk,
    cell::Cell,
    context::Context,
    failure::Failure,
    input::{self, Assignment},
};

/// What to do with datasets.
#[derive(Debug, Subcommand)]
pub enum Dataset {
    /// List datasets by name, all or those that a query matches
    #[command(after_help = "\
Examples:
  sbk dataset list --vo delphi
  sbk dataset list 'energy > 89 GeV and status = open' --json")]
    List {
        /// Only those that this query matches
        #[arg(value_name = "EXPR")]
        expr: Option<String>,
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Show at most so many datasets
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a dataset with its totals, what was declared, its parents and its metadata
    #[command(after_help = "Examples:\n  sbk dataset show mc-2026 --vo superb --json")]
    Show(Named),
    /// Create a dataset
    #[command(after_help = "\
Examples:
  sbk dataset create mc-2026 --vo superb --parent gen-2026 --field energy=91.25
  sbk dataset create good-runs --vo superb --query 'quality = good and run > 5'")]
    Create(Box<Create>),
    /// Change owner, parents, sites or metadata
    #[command(after_help = "\
Examples:
  sbk dataset set mc-2026 --field energy=91.25 --field note=null
  sbk dataset set mc-2026 --parent gen-2026 --parent gen-2025")]
    Set(Box<Set>),
    /// Change the state
    #[command(after_help = "Examples:\n  sbk dataset status mc-2026 closed")]
    Status {
        #[command(flatten)]
        named: Named,
        /// The new state: temp, prepared, open, closed or bad
        status: DatasetStatus,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Add files
    #[command(after_help = "\
Examples:
  sbk dataset add mc-2026 /superb/run1/a.root
  sbk query 'run = 5' --plain | sbk dataset add mc-2026 -")]
    Add {
        #[command(flatten)]
        named: Named,
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
    },
    /// Take files out
    #[command(after_help = "\
Examples:
  sbk dataset remove-files mc-2026 /superb/run1/a.root --reason 'bad run'")]
    RemoveFiles {
        #[command(flatten)]
        named: Named,
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// List the files
    #[command(after_help = "Examples:\n  sbk dataset files mc-2026 --plain > names.txt")]
    Files {
        #[command(flatten)]
        named: Named,
        /// Show at most so many files
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Take a snapshot with a content hash, and freeze the dataset
    #[command(after_help = "\
Examples:
  sbk dataset freeze mc-2026 --reason 'published'
  sbk dataset freeze mc-2026 --snapshot-only")]
    Freeze {
        #[command(flatten)]
        named: Named,
        /// Only take the snapshot; the dataset stays open
        #[arg(long)]
        snapshot_only: bool,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// List the snapshots
    #[command(after_help = "Examples:\n  sbk dataset snapshots mc-2026")]
    Snapshots(Named),
    /// Compare two snapshots: files added, removed and changed
    #[command(after_help = "Examples:\n  sbk dataset compare mc-2026 1 2")]
    Compare {
        #[command(flatten)]
        named: Named,
        /// The older version
        from: u32,
        /// The newer version
        to: u32,
    },
    /// List the files of a snapshot, also those that are gone
    #[command(after_help = "Examples:\n  sbk dataset snapshot-files mc-2026 1 --plain")]
    SnapshotFiles {
        #[command(flatten)]
        named: Named,
        /// The version of the snapshot
        version: u32,
        /// Show at most so many files
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Remove a dataset that is temp or prepared and has no files, or one that a query defines
    #[command(after_help = "Examples:\n  sbk dataset delete test --reason 'a trial'")]
    Delete {
        #[command(flatten)]
        named: Named,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
}

/// Which dataset.
#[derive(Debug, Args)]
pub struct Named {
    /// The dataset
    name: DatasetName,
    /// Its community; needed where several have a dataset of the name
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
}

/// What to create.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name
    name: DatasetName,
    /// The community that it belongs to
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// Whose it is: official or personal
    #[arg(long, default_value_t)]
    kind: DatasetKind,
    /// Its state: temp, prepared, open or closed
    #[arg(long, default_value_t)]
    status: DatasetStatus,
    /// Its owner
    #[arg(long, value_name = "USER")]
    owner: Option<UserName>,
    /// Its group
    #[arg(long)]
    group: Option<GroupName>,
    /// What it is for, in words
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The query that defines its files; without one, files are added to it
    #[arg(long, value_name = "EXPR")]
    query: Option<String>,
    /// A dataset that it was made from; it need not exist yet
    #[arg(long = "parent", value_name = "NAME")]
    parents: Vec<DatasetName>,
    /// A site where it is
    #[arg(long = "site", value_name = "SITE")]
    sites: Vec<SiteName>,
    /// How many files its producer declares
    #[arg(long, value_name = "N")]
    declared_files: Option<i64>,
    /// How many bytes its producer declares
    #[arg(long, value_name = "N")]
    declared_bytes: Option<i64>,
    /// How many events its producer declares
    #[arg(long, value_name = "N")]
    declared_events: Option<i64>,
    /// A metadata value. What is JSON is taken as such, all else is text
    #[arg(long = "field", value_name = "FIELD=VALUE")]
    fields: Vec<Assignment>,
}

/// What to change.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["owner", "description", "parents", "sites", "fields"])]
pub struct Set {
    #[command(flatten)]
    named: Named,
    /// The new owner
    #[arg(long, value_name = "USER")]
    owner: Option<UserName>,
    /// What it is for, in words; an empty text removes what was said so far
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// A dataset that it was made from, in place of those so far
    #[arg(long = "parent", value_name = "NAME")]
    parents: Option<Vec<DatasetName>>,
    /// A site where it is, in place of those so far
    #[arg(long = "site", value_name = "SITE")]
    sites: Option<Vec<SiteName>>,
    /// A value to set; null removes one. What is JSON is taken as such, all else is text
    #[arg(long = "field", value_name = "FIELD=VALUE")]
    fields: Vec<Assignment>,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

impl Dataset {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let page = PageArgs::default();
        match self {
            Self::List { expr, vo, limit } => {
                let listing = GetDatasets { vo, expr, page };
                let datasets = context.connect().await?.stream(listing, limit);
                context.output.list(datasets).await?;
                Ok(())
            }
            Self::Show(Named { name, vo }) => {
                let dataset = context.connect().await?.call(GetDataset { name, vo }).await?;
                context.output.show(&dataset, &fields(&dataset))
            }
            Self::Create(create) => create.run(context).await,
            Self::Set(set) => set.run(context).await,
            Self::Status { named, status, reason } => {
                change(context, ChangeDataset { status: Some(status), reason, ..named.unchanged() })
                    .await
            }
            Self::Add { named: Named { name, vo }, lfns } => {
                let operation = |lfns| AddMembers { name: name.clone(), vo: vo.clone(), lfns };
                context.in_batches(input::names(&lfns)?, operation).await
            }
            Self::RemoveFiles { named: Named { name, vo }, lfns, reason } => {
                let operation = |lfns| RemoveMembers {
                    name: name.clone(),
                    vo: vo.clone(),
                    lfns,
                    reason: reason.clone(),
                };
                context.in_batches(input::names(&lfns)?, operation).await
            }
            Self::Files { named: Named { name, vo }, limit } => {
                let files = context.connect().await?.stream(ListMembers { name, vo, page }, limit);
                context.output.list(files).await?;
                Ok(())
            }
            Self::Freeze { named: Named { name, vo }, snapshot_only, reason } => {
                let operation = FreezeDataset { name, vo, snapshot_only, reason };
                let snapshot = context.connect().await?.call(operation).await?;
                context.output.show(&snapshot, &snapshot_fields(&snapshot))
            }
            Self::Snapshots(Named { name, vo }) => {
                let listing = ListSnapshots { name, vo, page };
                context.output.list(context.connect().await?.stream(listing, None)).await?;
                Ok(())
            }
            Self::Compare { named: Named { name, vo }, from, to } => {
                let listing = CompareSnapshots { name, vo, from, to, page };
                context.output.list(context.connect().await?.stream(listing, None)).await?;
                Ok(())
            }
            Self::SnapshotFiles { named: Named { name, vo }, version, limit } => {
                let listing = ListSnapshotFiles { name, version, vo, page };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
                Ok(())
            }
            Self::Delete { named: Named { name, vo }, reason } => {
                let operation = RemoveDataset { name: name.clone(), vo, reason };
                let done = context.connect().await?.call(operation).await?;
                bulk::done(&mut context.output, name.as_str(), done)
            }
        }
    }
}

impl Named {
    /// The operation that changes nothing yet.
    fn unchanged(self) -> ChangeDataset {
        ChangeDataset::new(self.name, self.vo)
    }
}

/// Changes a dataset.
async fn change(context: &mut Context, operation: ChangeDataset) -> Result<(), Failure> {
    let name = operation.name.clone();
    let done = context.connect().await?.call(operation).await?;
    bulk::done(&mut context.output, name.as_str(), done)
}

impl Create {
    /// Creates the dataset.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let dataset = NewDataset {
            name: self.name,
            kind: self.kind,
            status: self.status,
            owner: self.owner,
            group: self.group,
            created: None,
            description: self.description,
            query: self.query,
            origin: None,
            declared: Declared {
                files: self.declared_files,
                bytes: self.declared_bytes,
                events: self.declared_events,
            },
            unattributed_events: None,
            parents: self.parents,
            sites: self.sites,
            documents: Vec::new(),
            metadata: input::metadata(self.fields),
        };
        let atomicity = Atomicity::Each;
        let operation = AddDatasets { vo: self.vo, datasets: vec![dataset], atomicity };
        let result = context.connect().await?.call(operation).await?;
        bulk::report(&mut context.output, &result)
    }
}

impl Set {
    /// Changes the dataset.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let operation = ChangeDataset {
            owner: self.owner,
            description: self.description,
            parents: self.parents,
            sites: self.sites,
            metadata: input::metadata(self.fields),
            reason: self.reason,
            ..self.named.unchanged()
        };
        change(context, operation).await
    }
}

/// The fields of a dataset.
fn fields(dataset: &sbk_api::Dataset) -> Vec<(&'static str, Cell)> {
    let unattributed = Some(dataset.unattributed_events).filter(|events| *events != 0);
    vec![
        ("name", Cell::text(&dataset.name)),
        ("community", Cell::text(&dataset.vo)),
        ("status", Cell::text(dataset.status)),
        ("kind", Cell::text(dataset.kind)),
        ("files", Cell::count(dataset.files)),
        ("size", Cell::bytes(dataset.bytes)),
        ("events", Cell::count(dataset.events)),
        ("unattributed events", Cell::count(unattributed)),
        ("declared files", Cell::count(dataset.declared.files)),
        ("declared size", Cell::bytes(dataset.declared.bytes)),
        ("declared events", Cell::count(dataset.declared.events)),
        ("description", Cell::optional(dataset.description.as_ref())),
        ("query", Cell::optional(dataset.query.as_ref())),
        ("parents", Cell::list(&dataset.parents)),
        ("sites", Cell::list(&dataset.sites)),
        ("documents", Cell::list(dataset.documents.iter().map(|document| &document.uri))),
        ("owner", Cell::text(format_args!("{}:{}", dataset.owner, dataset.group))),
        ("created", Cell::Time(dataset.created)),
        ("modified", Cell::Time(dataset.modified)),
        ("metadata", Cell::metadata(&dataset.metadata)),
    ]
}

/// The fields of a snapshot.
fn snapshot_fields(snapshot: &sbk_api::Snapshot) -> Vec<(&'static str, Cell)> {
    vec![
        ("dataset", Cell::text(&snapshot.dataset)),
        ("version", Cell::Count(snapshot.version.into())),
        ("files", Cell::Count(snapshot.files)),
        ("size", Cell::Bytes(snapshot.bytes)),
        ("events", Cell::Count(snapshot.events)),
        ("content hash", Cell::text(&snapshot.content_hash)),
        ("created", Cell::Time(snapshot.created)),
    ]
}
