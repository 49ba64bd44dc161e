use std::path::PathBuf;

use clap::{Args, Subcommand};
use sbk_api::{
    AddFiles, Atomicity, FileMetadata, FoundFiles, GetFile, GetFiles, NewFile, PurgeFiles, Replica,
    RestoreFiles, RetireFiles, Retirement, SetFileStatus, SetMetadata,
};
use sbk_model::{
    Checksums, DatasetName, Events, FileStatus, FileType, GroupName, Guid, Lfn, Reason, SeName,
    Size, UserName, Vo,
};

use crate::{
    bulk,
    cell::Cell,
    context::Context,
    failure::Failure,
    human,
    input::{self, Assignment, Seconds},
    output::Format,
};

/// What to do with files.
#[derive(Debug, Subcommand)]
pub enum File {
    /// Show a file with its replicas, metadata and datasets
    #[command(after_help = "Examples:\n  sbk file show /superb/run1/a.root --json")]
    Show {
        /// The file
        lfn: Lfn,
    },
    /// Look files up by name; the exit code is 3 where one does not exist
    #[command(after_help = "\
Examples:
  sbk file find /superb/run1/a.root /superb/run1/b.root
  sbk file find - --replicas --json < names.txt")]
    Find(Find),
    /// Register files
    #[command(after_help = "\
Examples:
  sbk file add /superb/run1/a.root --size 1048576 --checksum adler32:0a1b2c3d --vo superb
  sbk file add /superb/run1/a.root --size 5 --vo superb --se CNAF-disk --dataset raw-2026
  sbk file add --from files.ndjson.gz --vo superb

A file of --from has one file a line: {\"lfn\": …, \"size\": …, \"checksums\": {\"adler32\": …}, …}.")]
    Add(Box<Add>),
    /// Set metadata of files
    #[command(after_help = "\
Examples:
  sbk file set /superb/run1/a.root --field energy=91.25 --field run=5
  sbk query 'run = 5' --plain | sbk file set - --field quality=null")]
    Set {
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// A value to set; null removes one. What is JSON is taken as such, all else is text
        #[arg(long = "field", required = true, value_name = "FIELD=VALUE")]
        fields: Vec<Assignment>,
    },
    /// Change the state of files
    #[command(after_help = "\
Examples:
  sbk file status bad /superb/run1/a.root --reason 'checksum differs'
  sbk file status lost - < lost.txt")]
    Status {
        /// The new state: good, bad or lost
        status: FileStatus,
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Take files out of the catalogue; they can be restored until their grace period ends
    #[command(after_help = "\
Examples:
  sbk file retire /superb/run1/a.root --reason 'made again' --preview
  sbk query 'run = 5' --plain | sbk file retire - --reason 'bad run' --grace 7d")]
    Retire(Retire),
    /// Bring retired files back
    #[command(after_help = "\
Examples:
  sbk file restore /superb/run1/a.root --reason 'needed after all'")]
    Restore {
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// Why
        #[arg(long)]
        reason: Reason,
    },
    /// Remove retired files whose grace period has ended, for good
    #[command(after_help = "Examples:\n  sbk file purge")]
    Purge,
}

/// What to look up.
#[derive(Debug, Args)]
pub struct Find {
    /// The files; - reads one a line from the standard input
    #[arg(required = true, value_name = "LFN")]
    lfns: Vec<String>,
    /// Show the replicas, too (JSON)
    #[arg(long)]
    replicas: bool,
    /// Show the metadata, too (JSON)
    #[arg(long)]
    metadata: bool,
    /// Show the datasets, too (JSON)
    #[arg(long)]
    datasets: bool,
}

/// What to register.
#[derive(Debug, Args)]
pub struct Add {
    /// The file
    #[arg(required_unless_present = "from", requires = "size")]
    lfn: Option<Lfn>,
    /// Register the files of this file, one JSON object a line; - reads the standard input
    #[arg(long, value_name = "FILE", conflicts_with = "lfn")]
    from: Option<PathBuf>,
    /// The community that the files belong to
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// A dataset that the files join
    #[arg(long, value_name = "NAME")]
    dataset: Option<DatasetName>,
    /// Its size in bytes
    #[arg(long, value_name = "BYTES", value_parser = size)]
    size: Option<Size>,
    /// The id that its producer gave it
    #[arg(long)]
    guid: Option<Guid>,
    /// A checksum, for instance adler32:0a1b2c3d
    #[arg(long = "checksum", value_name = "ALGORITHM:DIGITS")]
    checksums: Vec<String>,
    /// How many events it holds
    #[arg(long, value_name = "N", value_parser = events)]
    events: Option<Events>,
    /// What it holds, for instance RAW or DST
    #[arg(long = "type", value_name = "TYPE")]
    file_type: Option<FileType>,
    /// Its owner
    #[arg(long, value_name = "USER")]
    owner: Option<UserName>,
    /// Its group
    #[arg(long)]
    group: Option<GroupName>,
    /// A storage element that holds a copy
    #[arg(long = "se", value_name = "NAME")]
    elements: Vec<SeName>,
    /// A metadata value. What is JSON is taken as such, all else is text
    #[arg(long = "field", value_name = "FIELD=VALUE")]
    fields: Vec<Assignment>,
}

/// What to retire.
#[derive(Debug, Args)]
pub struct Retire {
    /// The files; - reads one a line from the standard input
    #[arg(required = true, value_name = "LFN")]
    lfns: Vec<String>,
    /// Why
    #[arg(long)]
    reason: Reason,
    /// How long they can be restored, for instance 12h or 7d; 30 days when absent
    #[arg(long, value_name = "TIME")]
    grace: Option<Seconds>,
    /// Only say what would be touched
    #[arg(long)]
    preview: bool,
}

impl File {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Show { lfn } => {
                let file = context.connect().await?.call(GetFile { lfn }).await?;
                context.output.show(&file, &fields(&file))
            }
            Self::Find(find) => find.run(context).await,
            Self::Add(add) => add.run(context).await,
            Self::Set { lfns, fields } => {
                let metadata = input::metadata(fields);
                let lfns: Vec<Lfn> = input::names(&lfns)?;
                let of = |lfn| FileMetadata { lfn, metadata: metadata.clone() };
                let files = lfns.into_iter().map(of).collect();
                let atomicity = Atomicity::Each;
                context.in_batches(files, |files| SetMetadata { files, atomicity }).await
            }
            Self::Status { status, lfns, reason } => {
                let operation = |lfns| SetFileStatus { lfns, status, reason: reason.clone() };
                context.in_batches(input::names(&lfns)?, operation).await
            }
            Self::Retire(retire) => retire.run(context).await,
            Self::Restore { lfns, reason } => {
                let operation = |lfns| RestoreFiles { lfns, reason: reason.clone() };
                context.in_batches(input::names(&lfns)?, operation).await
            }
            Self::Purge => {
                let connection = context.connect().await?;
                let operation = |_| PurgeFiles::default();
                let progress = context.until_done(&connection, "purging", operation).await?;
                context.progress(&progress)
            }
        }
    }
}

impl Find {
    /// Looks files up.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { lfns, replicas, metadata, datasets } = self;
        let lfns: Vec<Lfn> = input::names(&lfns)?;
        let connection = context.connect().await?;
        let mut all = FoundFiles::default();
        for lfns in lfns.chunks(bulk::BATCH) {
            let lfns = lfns.to_vec();
            let part = connection.call(GetFiles { lfns, replicas, metadata, datasets }).await?;
            all.found.extend(part.found);
            all.missing.extend(part.missing);
        }
        let missing = all.missing.len();
        match context.output.format() {
            Format::Json => context.output.json(&all)?,
            Format::Human | Format::Plain | Format::Ndjson => {
                let found = all.found.into_iter().map(Ok);
                context.output.list(futures::stream::iter(found)).await?;
                for lfn in &all.missing {
                    eprintln!("not found: {lfn}");
                }
            }
        }
        if missing == 0 {
            return Ok(());
        }
        let text = format!("{} not found", human::things(missing as u64, "file was", "files were"));
        Err(sbk_api::Problem::new(sbk_api::Code::NotFound, text).into())
    }
}

impl Add {
    /// Registers files.
    async fn run(mut self, context: &mut Context) -> Result<(), Failure> {
        let (vo, dataset) = (self.vo.clone(), self.dataset.clone());
        let files = match (&self.from, self.lfn.take(), self.size) {
            (Some(path), ..) => read(path)?,
            (None, Some(lfn), Some(size)) => vec![self.file(lfn, size)?],
            (None, ..) => {
                let text = "give an LFN with its --size, or --from FILE";
                return Err(Failure::Usage(text.to_owned()));
            }
        };
        let operation = |files| AddFiles {
            vo: vo.clone(),
            files,
            dataset: dataset.clone(),
            atomicity: Atomicity::Each,
            only_new: false,
            unique_guids: false,
        };
        context.in_batches(files, operation).await
    }

    /// The one file that the arguments describe.
    fn file(self, lfn: Lfn, size: Size) -> Result<NewFile, Failure> {
        let mut checksums = Checksums::default();
        for text in &self.checksums {
            let (algorithm, digits) = text.split_once(':').ok_or_else(|| {
                Failure::Usage(format!("--checksum {text}: write for instance adler32:0a1b2c3d"))
            })?;
            checksums.insert(algorithm, digits)?;
        }
        let replica = |se| Replica { se, pfn: None, status: sbk_model::ReplicaStatus::default() };
        Ok(NewFile {
            lfn,
            size,
            guid: self.guid,
            checksums,
            events: self.events,
            file_type: self.file_type,
            status: FileStatus::default(),
            owner: self.owner,
            group: self.group,
            mode: None,
            created: None,
            replicas: self.elements.into_iter().map(replica).collect(),
            metadata: input::metadata(self.fields),
        })
    }
}

/// Reads files to register, one JSON object a line.
fn read(path: &std::path::Path) -> Result<Vec<NewFile>, Failure> {
    let mut lines = input::Lines::new(input::open(path)?);
    let mut files = Vec::new();
    while let Some((number, line)) = lines.next()? {
        let file = serde_json::from_str(&line);
        files.push(file.map_err(|error| Failure::Usage(format!("line {number}: {error}")))?);
    }
    Ok(files)
}

impl Retire {
    /// Retires files, or says what that would touch.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let lfns: Vec<Lfn> = input::names(&self.lfns)?;
        let connection = context.connect().await?;
        let mut sum = Retirement { preview: self.preview, ..Retirement::default() };
        for lfns in lfns.chunks(bulk::BATCH) {
            let operation = RetireFiles {
                lfns: lfns.to_vec(),
                reason: self.reason.clone(),
                grace_seconds: self.grace.map(|grace| grace.0),
                preview: self.preview,
            };
            add(&mut sum, connection.call(operation).await?);
        }
        match context.output.format() {
            Format::Human => show(context, &sum)?,
            Format::Plain => return bulk::report(&mut context.output, &sum.bulk),
            Format::Json | Format::Ndjson => context.output.json(&sum)?,
        }
        if sum.bulk.refused == 0 { Ok(()) } else { Err(Failure::Refused) }
    }
}

/// Adds what a batch touches to what those before it did.
fn add(sum: &mut Retirement, part: Retirement) {
    bulk::add(&mut sum.bulk, part.bulk);
    sum.bytes += part.bytes;
    sum.replicas += part.replicas;
    for loss in part.datasets {
        match sum.datasets.iter_mut().find(|known| known.dataset == loss.dataset) {
            Some(known) => known.files += loss.files,
            None => sum.datasets.push(loss),
        }
    }
}

/// Shows people what retiring touches.
fn show(context: &mut Context, sum: &Retirement) -> Result<(), Failure> {
    let would = if sum.preview { "would touch" } else { "touched" };
    let replicas = human::things(sum.replicas, "replica", "replicas");
    let output = &mut context.output;
    output.line(format_args!("{would} {} in {replicas}", human::bytes(sum.bytes)))?;
    for loss in &sum.datasets {
        let files = human::things(loss.files, "file", "files");
        output.line(format_args!("  dataset {}: {files}", loss.dataset))?;
    }
    if sum.preview {
        output.line(format_args!("a preview, nothing was done: {}", bulk::summary(&sum.bulk)))?;
        return output.flush();
    }
    bulk::report(output, &sum.bulk)
}

/// The fields of a file.
fn fields(file: &sbk_api::File) -> Vec<(&'static str, Cell)> {
    let replica = |replica: &Replica| match &replica.pfn {
        Some(pfn) => format!("{} ({}) {pfn}", replica.se, replica.status),
        None => format!("{} ({})", replica.se, replica.status),
    };
    vec![
        ("lfn", Cell::text(&file.lfn)),
        ("community", Cell::text(&file.vo)),
        ("size", Cell::Bytes(file.size.get())),
        ("events", Cell::count(file.events.map(Events::get))),
        ("status", Cell::text(file.status)),
        ("type", Cell::optional(file.file_type.as_ref())),
        (
            "checksums",
            Cell::list(file.checksums.pairs().map(|(name, sum)| format!("{name}:{sum}"))),
        ),
        ("guid", Cell::optional(file.guid)),
        ("owner", Cell::text(format_args!("{}:{}", file.owner, file.group))),
        ("created", Cell::Time(file.created)),
        ("modified", Cell::Time(file.modified)),
        ("replicas", Cell::list(file.replicas.iter().map(replica))),
        ("datasets", Cell::list(&file.datasets)),
        ("metadata", Cell::metadata(&file.metadata.map())),
    ]
}

/// Reads a size.
fn size(text: &str) -> Result<Size, String> {
    let number: i64 = text.parse().map_err(|_| "write a whole number of bytes".to_owned())?;
    Size::try_from(number).map_err(|invalid| invalid.to_string())
}

/// Reads a number of events.
fn events(text: &str) -> Result<Events, String> {
    let number: i64 = text.parse().map_err(|_| "write a whole number".to_owned())?;
    Events::try_from(number).map_err(|invalid| invalid.to_string())
}
