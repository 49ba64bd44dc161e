use clap::{Args, Subcommand};
use sbk_api::{GetQuality, ListQualityHistory, PageArgs, QualityChange, SetQuality};
use sbk_model::{Lfn, PassName, Quality as Flag, Reason, RunNumber, Vo};

use crate::{bulk, cell::Cell, context::Context, failure::Failure, human, output::Row};

/// What to do with the quality of runs and files.
#[derive(Debug, Subcommand)]
pub enum Quality {
    /// Say what was found of the quality of runs or files
    #[command(after_help = "\
Examples:
  sbk quality set bad --run 98 --run 99 --reason 'the trackers were off' --vo superb
  sbk quality set ok --run 98 --pass Reco12 --reason checked --vo superb
  sbk quality set bad --lfn /superb/a.root --descendants --preview --reason broken --vo superb")]
    Set(Set),
    /// Show the quality of runs and files, and where it comes from
    #[command(after_help = "\
Examples:
  sbk quality show --run 98 --pass Reco12 --vo superb
  sbk quality show --lfn /superb/a.root --vo superb --json")]
    Show(Subjects),
    /// List all that was said of the quality of a run or a file, oldest first
    #[command(after_help = "Examples:\n  sbk quality history --run 98 --vo superb")]
    History {
        /// The community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
        /// The run
        #[arg(long, required_unless_present = "lfn", conflicts_with = "lfn")]
        run: Option<RunNumber>,
        /// Only what was said of the run in this processing pass
        #[arg(long)]
        pass: Option<PassName>,
        /// The file
        #[arg(long)]
        lfn: Option<Lfn>,
    },
}

/// Which runs and files.
#[derive(Debug, Args)]
pub struct Subjects {
    /// The community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// A run; may be repeated
    #[arg(long = "run", value_name = "RUN", required_unless_present = "lfns")]
    runs: Vec<RunNumber>,
    /// The processing pass that is meant; all when absent
    #[arg(long)]
    pass: Option<PassName>,
    /// A file; may be repeated
    #[arg(long = "lfn", value_name = "LFN")]
    lfns: Vec<Lfn>,
}

/// What to say.
#[derive(Debug, Args)]
pub struct Set {
    /// The flag: ok, maybe, bad, or unchecked, which takes back what was said
    flag: Flag,
    #[command(flatten)]
    of: Subjects,
    /// Pass the flag on to all that was made from the files, and to the files of the runs
    #[arg(long)]
    descendants: bool,
    /// Only show what would change
    #[arg(long)]
    preview: bool,
    /// Why
    #[arg(long)]
    reason: Reason,
}

impl Quality {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let connection = context.connect().await?;
        match self {
            Self::Set(Set { flag, of, descendants, preview, reason }) => {
                let Subjects { vo, runs, pass, lfns } = of;
                let quality = flag;
                let call = SetQuality {
                    vo,
                    quality,
                    runs,
                    processing_pass: pass,
                    lfns,
                    descendants,
                    preview,
                    reason,
                };
                report(context, &connection.call(call).await?)
            }
            Self::Show(Subjects { vo, runs, pass, lfns }) => {
                let found =
                    connection.call(GetQuality { vo, runs, lfns, processing_pass: pass }).await?;
                for missing in &found.missing {
                    eprintln!("there is no file {missing}");
                }
                let found = futures::stream::iter(found.qualities.into_iter().map(Ok));
                context.output.list(found).await?;
                Ok(())
            }
            Self::History { vo, run, pass, lfn } => {
                let page = PageArgs::default();
                let listing = ListQualityHistory { vo, run, processing_pass: pass, lfn, page };
                context.output.list(connection.stream(listing, None)).await?;
                Ok(())
            }
        }
    }
}

/// Writes what was changed, or would be.
fn report(context: &mut Context, change: &QualityChange) -> Result<(), Failure> {
    if context.output.format().is_human() {
        for passed in &change.descendants {
            let (from, to) = (passed.from, passed.to);
            context.output.line(format_args!("{}  {from} -> {to}", passed.lfn))?;
        }
        if change.passed_on + change.kept > 0 {
            let files = human::things(change.passed_on, "file", "files");
            let kept = human::total(change.kept);
            context.output.line(format_args!("passed on to {files}; {kept} keep theirs"))?;
        }
        if change.preview {
            context.output.line("a preview: nothing was changed")?;
        }
        return bulk::report(&mut context.output, &change.bulk);
    }
    context.output.json(change)?;
    if change.bulk.refused == 0 { Ok(()) } else { Err(Failure::Refused) }
}

impl Row for sbk_api::QualityOf {
    const HEADINGS: &'static [&'static str] =
        &["NAME", "QUALITY", "FROM", "BY", "CHANGED", "REASON"];

    fn cells(&self) -> Vec<Cell> {
        use sbk_api::QualityOrigin;
        let origin = match self.origin {
            QualityOrigin::Own => "itself",
            QualityOrigin::Passed => "passed on",
            QualityOrigin::Pass => "run in pass",
            QualityOrigin::Run => "run",
            QualityOrigin::Nothing => "-",
        };
        vec![
            Cell::text(&self.name),
            Cell::text(self.quality),
            Cell::text(origin),
            Cell::optional(self.actor.as_ref()),
            self.changed.map_or(Cell::Missing, Cell::Time),
            Cell::optional(self.reason.as_ref()),
        ]
    }
}

impl Row for sbk_api::QualityEntry {
    const HEADINGS: &'static [&'static str] =
        &["CHANGED", "QUALITY", "PASS", "BY", "FROM", "REASON"];

    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Time(self.changed),
            Cell::text(self.quality),
            Cell::optional(self.processing_pass.as_ref()),
            Cell::text(&self.actor),
            Cell::optional(self.origin.as_ref()),
            Cell::optional(self.reason.as_ref()),
        ]
    }
}
