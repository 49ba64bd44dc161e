use clap::{Args, Subcommand};
use sbk_api::{
    ChangeDirectory, CreateDirectories, Directory, GetDirectory, ListDirectory, MoveDirectory,
    NewDirectory, PageArgs, RemoveDirectory, SetDirectoryMetadata,
};
use sbk_model::{DirPath, GroupName, Mode, Reason, UserName, Vo};
use serde_json::json;

use crate::{
    bulk,
    cell::Cell,
    connection::Call,
    context::Context,
    failure::Failure,
    human,
    input::{self, Assignment, Seconds},
    progress::Display,
};

/// What to do with directories.
#[derive(Debug, Subcommand)]
pub enum Dir {
    /// List what is directly in a directory: directories first, each kind by name
    #[command(after_help = "Examples:\n  sbk dir list /superb/run1\n  sbk dir list / --json")]
    List {
        /// The directory
        #[arg(value_name = "PATH")]
        path: DirPath,
        /// List retired files, too
        #[arg(long)]
        retired: bool,
        /// Show at most so many entries
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Show a directory with its metadata and the totals of all below it
    #[command(after_help = "Examples:\n  sbk dir show /superb/run1")]
    Show {
        /// The directory
        #[arg(value_name = "PATH")]
        path: DirPath,
    },
    /// Create directories, and those above them as needed
    #[command(after_help = "\
Examples:
  sbk dir create /superb/run1 /superb/run2 --vo superb --owner alice --mode 0750")]
    Create(Create),
    /// Set metadata, which all below the directory inherits
    #[command(after_help = "\
Examples:
  sbk dir set /superb/run1 --field energy=91.25 --field generator=pythia
  sbk dir set /superb/run1 --field generator=null")]
    Set {
        /// The directory
        #[arg(value_name = "PATH")]
        path: DirPath,
        /// A value to set; null removes one. What is JSON is taken as such, all else is text
        #[arg(long = "field", required = true, value_name = "FIELD=VALUE")]
        fields: Vec<Assignment>,
    },
    /// Change owner and group
    #[command(after_help = "\
Examples:
  sbk dir chown alice /superb/run1
  sbk dir chown alice:production /superb/run1 -R
  sbk dir chown :production /superb/run1")]
    Chown {
        /// The new owner, the new group, or both
        #[arg(value_name = "OWNER[:GROUP]")]
        owner: Ownership,
        #[command(flatten)]
        change: Change,
    },
    /// Change the permission bits
    #[command(after_help = "Examples:\n  sbk dir chmod 0750 /superb/run1 -R")]
    Chmod {
        /// The new bits, in octal
        mode: Mode,
        #[command(flatten)]
        change: Change,
    },
    /// Move a directory with all that is below it
    #[command(after_help = "Examples:\n  sbk dir move /superb/run1 /superb/2026/run1")]
    Move {
        /// What to move
        from: DirPath,
        /// Its new path
        to: DirPath,
        /// Why
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Remove a directory
    #[command(after_help = "\
Examples:
  sbk dir remove /superb/empty --reason 'not needed'
  sbk dir remove /superb/run1 -r --reason 'bad run' --preview
  sbk dir remove /superb/run1 -r --reason 'bad run' --grace 7d")]
    Remove(Remove),
}

/// What to create.
#[derive(Debug, Args)]
pub struct Create {
    /// The directories
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<DirPath>,
    /// The community that they belong to
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// Their owner
    #[arg(long, value_name = "USER")]
    owner: Option<UserName>,
    /// Their group
    #[arg(long)]
    group: Option<GroupName>,
    /// Their permission bits, in octal
    #[arg(long)]
    mode: Option<Mode>,
    /// A metadata value. What is JSON is taken as such, all else is text
    #[arg(long = "field", value_name = "FIELD=VALUE")]
    fields: Vec<Assignment>,
}

/// What to change.
#[derive(Debug, Args)]
pub struct Change {
    /// The directory
    #[arg(value_name = "PATH")]
    path: DirPath,
    /// Change everything below, too
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

/// What to remove.
#[derive(Debug, Args)]
pub struct Remove {
    /// The directory
    #[arg(value_name = "PATH")]
    path: DirPath,
    /// Retire the files below, and remove the directories that are empty then
    #[arg(short, long)]
    recursive: bool,
    /// Why
    #[arg(long)]
    reason: Reason,
    /// How long the files can be restored, for instance 12h or 7d; 30 days when absent
    #[arg(long, value_name = "TIME")]
    grace: Option<Seconds>,
    /// Only say what would be touched
    #[arg(long)]
    preview: bool,
}

/// An owner, a group, or both, as `OWNER`, `:GROUP` or `OWNER:GROUP`.
#[derive(Debug, Clone)]
pub struct Ownership {
    owner: Option<UserName>,
    group: Option<GroupName>,
}

impl std::str::FromStr for Ownership {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The last colon counts: a distinguished name may have others.
        let (owner, group) = match text.rsplit_once(':') {
            Some((owner, group)) => (owner, Some(group)),
            None => (text, None),
        };
        let group = group.map(str::parse).transpose().map_err(|error| format!("{error}"))?;
        let owner = Some(owner).filter(|owner| !owner.is_empty()).map(str::parse).transpose();
        let owner: Option<UserName> = owner.map_err(|error| format!("{error}"))?;
        if owner.is_none() && group.is_none() {
            return Err("write OWNER, OWNER:GROUP or :GROUP".to_owned());
        }
        Ok(Self { owner, group })
    }
}

impl Dir {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::List { path, retired, limit } => {
                let listing = ListDirectory { path, retired, page: PageArgs::default() };
                let entries = context.connect().await?.stream(listing, limit);
                context.output.list(entries).await?;
                Ok(())
            }
            Self::Show { path } => {
                let directory = context.connect().await?.call(GetDirectory { path }).await?;
                context.output.show(&directory, &fields(&directory))
            }
            Self::Create(create) => create.run(context).await,
            Self::Set { path, fields } => set(context, path, fields).await,
            Self::Chown { owner: Ownership { owner, group }, change } => {
                change.run(context, owner, group, None).await
            }
            Self::Chmod { mode, change } => change.run(context, None, None, Some(mode)).await,
            Self::Move { from, to, reason } => {
                let operation = MoveDirectory { from, to, reason };
                step_by_step(context, "moving", |_| operation.clone()).await
            }
            Self::Remove(remove) => remove.run(context).await,
        }
    }
}

/// Calls an operation until it is done, and shows how much it did.
async fn step_by_step<O>(
    context: &mut Context,
    what: &'static str,
    operation: impl Fn(Option<String>) -> O,
) -> Result<(), Failure>
where
    O: Call<Output = sbk_api::Progress>,
{
    let connection = context.connect().await?;
    let progress = context.until_done(&connection, what, operation).await?;
    context.progress(&progress)
}

impl Create {
    /// Creates the directories.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let metadata = input::metadata(self.fields);
        let (owner, group, mode) = (self.owner, self.group, self.mode);
        let new = |path| NewDirectory {
            path,
            owner: owner.clone(),
            group: group.clone(),
            mode,
            metadata: metadata.clone(),
        };
        let directories = self.paths.into_iter().map(new).collect();
        let operation = CreateDirectories { vo: self.vo, directories };
        let result = context.connect().await?.call(operation).await?;
        bulk::report(&mut context.output, &result)
    }
}

impl Change {
    /// Changes the directory, and all below it where that is asked for.
    async fn run(
        self,
        context: &mut Context,
        owner: Option<UserName>,
        group: Option<GroupName>,
        mode: Option<Mode>,
    ) -> Result<(), Failure> {
        let Self { path, recursive, reason } = self;
        let operation = |after| ChangeDirectory {
            path: path.clone(),
            owner: owner.clone(),
            group: group.clone(),
            mode,
            recursive,
            after,
            reason: reason.clone(),
        };
        step_by_step(context, "changing", operation).await
    }
}

impl Remove {
    /// Removes the directory, or says what that would touch.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { path, recursive, reason, grace, preview } = self;
        let operation = |after| RemoveDirectory {
            path: path.clone(),
            recursive,
            after,
            grace_seconds: grace.map(|grace| grace.0),
            reason: reason.clone(),
            preview,
        };
        step_by_step(context, if preview { "counting" } else { "removing" }, operation).await
    }
}

/// Sets metadata, and follows it to all directories below.
async fn set(context: &mut Context, path: DirPath, fields: Vec<Assignment>) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let display = Display::spinner(context.shows_progress(), "setting");
    let metadata = input::metadata(fields);
    let (mut directories, mut after) = (0, None);
    loop {
        let (path, metadata) = (path.clone(), metadata.clone());
        let step = connection.call(SetDirectoryMetadata { path, metadata, after }).await?;
        directories += step.directories;
        let reached = human::things(directories, "directory", "directories");
        display.say(reached.clone());
        after = step.next;
        if after.is_none() {
            display.end();
            let sentence = format!("changed {reached}");
            return context.say(&json!({ "directories": directories }), &sentence);
        }
    }
}

/// The fields of a directory.
fn fields(directory: &Directory) -> Vec<(&'static str, Cell)> {
    vec![
        ("path", Cell::text(&directory.path)),
        ("community", Cell::text(&directory.vo)),
        ("files", Cell::Count(directory.totals.files)),
        ("size", Cell::Bytes(directory.totals.bytes)),
        ("events", Cell::Count(directory.totals.events)),
        ("owner", Cell::text(format_args!("{}:{}", directory.owner, directory.group))),
        ("mode", Cell::text(directory.mode)),
        ("created", Cell::Time(directory.created)),
        ("modified", Cell::Time(directory.modified)),
        ("metadata", Cell::metadata(&directory.metadata)),
        ("effective", Cell::metadata(&directory.effective)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_may_come_with_a_group_or_without() {
        for (text, owner, group) in [
            ("alice", Some("alice"), None),
            ("alice:prod", Some("alice"), Some("prod")),
            (":prod", None, Some("prod")),
        ] {
            let ownership: Ownership = text.parse().unwrap();

            assert_eq!(ownership.owner.as_ref().map(UserName::as_str), owner);
            assert_eq!(ownership.group.as_ref().map(GroupName::as_str), group);
        }
        assert!("".parse::<Ownership>().is_err());
        assert!("alice:".parse::<Ownership>().is_err());
    }
}
