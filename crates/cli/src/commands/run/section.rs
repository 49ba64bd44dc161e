use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{Args, Subcommand};
use sbk_api::{
    CombineMasks, ExportMask, GetLuminosity, GetSections, Luminosity, Mask, MaskRule,
    SectionSelection, SetSections,
};
use sbk_model::{DatasetName, Lfn, PassName, Quality, RunNumber, RunSections, Vo};

use crate::{bulk, cell::Cell, context::Context, failure::Failure, input};

/// What to do with luminosity sections.
#[derive(Debug, Subcommand)]
pub enum Masks {
    /// Sum the luminosity of sections up: each once, however many files have it
    #[command(after_help = "\
Examples:
  sbk run luminosity --dataset data-2026 --vo superb
  sbk run luminosity --query 'stream = physics' --mask golden.json --unit fb-1 --vo superb
  sbk run luminosity --runs 100-200 --quality ok --vo superb")]
    Luminosity {
        #[command(flatten)]
        selected: Selected,
        /// The unit of the answer; pb-1 when absent
        #[arg(long)]
        unit: Option<String>,
    },
    /// Write sections as a JSON mask
    #[command(after_help = "\
Examples:
  sbk run mask --dataset data-2026 --vo superb > done.json
  sbk run mask --runs 100-200 --quality ok --pass Reco12 --vo superb")]
    Mask(Selected),
    /// Put JSON masks together: or, and, sub or xor
    #[command(after_help = "\
Examples:
  sbk run combine sub golden.json done.json --vo superb > todo.json")]
    Combine {
        /// How: what is in one (or), in all (and), in the first only (sub), in an odd number (xor)
        rule: MaskRule,
        /// The masks; - reads the standard input
        #[arg(required = true, value_name = "MASK")]
        masks: Vec<PathBuf>,
        /// The community whose runs are meant
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
    /// Show which sections files hold events of
    #[command(after_help = "Examples:\n  sbk run sections /superb/run1/a.root")]
    #[command(name = "sections")]
    Of {
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
    },
    /// Say which sections files hold events of: a JSON object of masks by name
    #[command(after_help = "\
Examples:
  echo '{\"/superb/a.root\": {\"98\": [[1, 600]]}}' | sbk run set-sections -")]
    #[command(name = "set-sections")]
    Set {
        /// The file; - reads the standard input
        file: PathBuf,
        /// Change those of files of which others are known
        #[arg(long)]
        replace: bool,
    },
}

/// A range of runs, written `100-200`, or one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runs(RunNumber, RunNumber);

impl FromStr for Runs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.parse(), last.parse()) {
            (Ok(first), Ok(last)) => Ok(Self(first, last)),
            _ => Err("write for instance 100-200, or 98".into()),
        }
    }
}

/// Which sections.
#[derive(Debug, Args)]
pub struct Selected {
    /// The community whose runs are meant
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// Those of the files of a dataset
    #[arg(long, value_name = "NAME", conflicts_with_all = ["query", "lfns"])]
    dataset: Option<DatasetName>,
    /// Those of the files that a query finds
    #[arg(long, value_name = "EXPR", conflicts_with = "lfns")]
    query: Option<String>,
    /// Those of these files
    #[arg(long = "lfn", value_name = "LFN")]
    lfns: Option<Vec<Lfn>>,
    /// Those of a JSON mask; beside files, only what both have
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Those of these runs, for instance 100-200; beside files, only what both have
    #[arg(long)]
    runs: Option<Runs>,
    /// Only those of runs of this quality; may be repeated
    #[arg(long)]
    quality: Option<Vec<Quality>>,
    /// The processing pass whose quality is meant
    #[arg(long)]
    pass: Option<PassName>,
}

fn read_mask(path: &Path) -> Result<RunSections, Failure> {
    let text = input::read_text(path)?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

impl Selected {
    fn selection(self) -> Result<(Vo, SectionSelection), Failure> {
        let selection = SectionSelection {
            dataset: self.dataset,
            expr: self.query,
            filter: None,
            lfns: self.lfns,
            mask: self.mask.as_deref().map(read_mask).transpose()?,
            runs: self.runs.map(|Runs(first, last)| (first, last)),
            quality: self.quality,
            processing_pass: self.pass,
        };
        Ok((self.vo, selection))
    }
}

impl Masks {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let connection = context.connect().await?;
        match self {
            Self::Luminosity { selected, unit } => {
                let (vo, of) = selected.selection()?;
                let found = connection.call(GetLuminosity { vo, of, unit }).await?;
                context.output.show(&found, &fields(&found))
            }
            Self::Mask(selected) => {
                let (vo, of) = selected.selection()?;
                write_mask(context, &connection.call(ExportMask { vo, of }).await?)
            }
            Self::Combine { rule, masks, vo } => {
                let part = |path: &PathBuf| -> Result<SectionSelection, Failure> {
                    Ok(SectionSelection { mask: Some(read_mask(path)?), ..Default::default() })
                };
                let of = masks.iter().map(part).collect::<Result<_, Failure>>()?;
                write_mask(context, &connection.call(CombineMasks { vo, rule, of }).await?)
            }
            Self::Of { lfns } => {
                let lfns = input::names(&lfns)?;
                let found = connection.call(GetSections { lfns }).await?;
                if let Some(missing) = found.missing.first() {
                    eprintln!("there is no file {missing}");
                }
                context.output.json(&found.files)
            }
            Self::Set { file, replace } => {
                let text = input::read_text(&file)?;
                let files: BTreeMap<Lfn, RunSections> = serde_json::from_str(&text)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
                let files: Vec<_> = files.into_iter().collect();
                let mut sum = sbk_api::BulkResult::default();
                for part in files.chunks(bulk::BATCH) {
                    let files = part.iter().cloned().collect();
                    bulk::add(&mut sum, connection.call(SetSections { files, replace }).await?);
                }
                bulk::report(&mut context.output, &sum)
            }
        }
    }
}

/// Writes only the mask, ready for another program.
fn write_mask(context: &mut Context, mask: &Mask) -> Result<(), Failure> {
    context.output.json(&mask.mask)
}

/// The fields of a luminosity.
fn fields(found: &Luminosity) -> Vec<(&'static str, Cell)> {
    let count = |number: u64| Cell::Count(i64::try_from(number).unwrap_or(i64::MAX));
    let some = |number: u64| if number == 0 { Cell::Missing } else { count(number) };
    let unit = &found.unit;
    vec![
        ("recorded", Cell::text(format_args!("{} {unit}", found.recorded))),
        ("delivered", Cell::optional(found.delivered.map(|number| format!("{number} {unit}")))),
        ("complete", Cell::text(if found.complete { "yes" } else { "no" })),
        ("runs", count(found.runs)),
        ("sections", count(found.sections)),
        ("sections without luminosity", some(found.sections_without_luminosity)),
        ("incomplete runs", Cell::list(&found.incomplete_runs)),
        ("files", some(found.files)),
        ("files without sections", some(found.files_without_sections)),
        ("sections in several files", some(found.overlap)),
    ]
}
