use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sbk_api::{
    DeclareFills, DeclareRuns, GetRun, GetRunLuminosity, ListFills, ListRuns, NewFill, NewRun,
    PageArgs, RunLuminosity, RunSummary, SetLuminosity,
};
use sbk_model::{Label, PassName, Quality, Reason, RunNumber, Timestamp, Vo};
use serde::de::DeserializeOwned;

use crate::{
    bulk,
    cell::Cell,
    context::Context,
    failure::Failure,
    input::{self, Lines},
};

mod section;

/// What to do with runs, fills, luminosity and sections.
#[derive(Debug, Subcommand)]
pub enum Run {
    /// Declare runs: a JSON object a line
    #[command(after_help = "\
Examples:
  sbk run declare runs.ndjson --vo superb
  echo '{\"run\": 98, \"fill\": 7, \"sections\": [[1, 600]]}' | sbk run declare - --vo superb")]
    Declare(Declare),
    /// Show a run with its luminosity and quality
    #[command(after_help = "Examples:\n  sbk run show 98 --vo superb --unit /nb")]
    Show(Show),
    /// List runs by number
    #[command(after_help = "\
Examples:
  sbk run list --fill 7
  sbk run list --since 2026-01-01T00:00:00Z --quality ok --pass Reco12 --plain")]
    List(Box<List>),
    /// Declare fills of the accelerator: a JSON object a line
    #[command(after_help = "Examples:\n  sbk run declare-fills fills.ndjson --vo superb")]
    DeclareFills(Declare),
    /// List fills of the accelerator
    #[command(after_help = "Examples:\n  sbk run fills --vo superb")]
    Fills {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
    },
    /// Set the luminosity of runs, section by section or as one number: a JSON object a line
    #[command(after_help = "\
Examples:
  echo '{\"run\": 98, \"recorded\": [230.1, 229.8], \"delivered\": [240, 239]}' |
    sbk run set-luminosity - --unit /nb --vo superb
  echo '{\"run\": 99, \"recorded_total\": 1.25}' | sbk run set-luminosity - --unit pb-1 --vo superb")]
    SetLuminosity(Luminous),
    /// Show the luminosity of a run, section by section
    #[command(after_help = "Examples:\n  sbk run sections-luminosity 98 --unit /nb --json")]
    SectionsLuminosity(Show),
    #[command(flatten)]
    Masks(Box<section::Masks>),
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
}

/// Which run.
#[derive(Debug, Args)]
pub struct Show {
    /// Its number
    run: RunNumber,
    /// The community that took it
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// The unit of its luminosity
    #[arg(long)]
    unit: Option<String>,
}

/// Which runs.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Only this run and those after it
    #[arg(long, value_name = "RUN")]
    first: Option<u32>,
    /// Only this run and those before it
    #[arg(long, value_name = "RUN")]
    last: Option<u32>,
    /// Only those of this fill
    #[arg(long)]
    fill: Option<u32>,
    /// Only those with these data-taking conditions
    #[arg(long, value_name = "NAME")]
    conditions: Option<Label>,
    /// Only those that began at this moment or later
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only those that began before this moment
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only those of this quality: ok, maybe, bad or unchecked
    #[arg(long)]
    quality: Option<Quality>,
    /// The processing pass whose quality is meant
    #[arg(long)]
    pass: Option<PassName>,
    /// The unit of their luminosity
    #[arg(long)]
    unit: Option<String>,
    /// Show at most so many runs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// What luminosity to set.
#[derive(Debug, Args)]
pub struct Luminous {
    /// The file; - reads the standard input
    file: PathBuf,
    /// The community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// The unit of all values, for instance pb-1 or /ub
    #[arg(long)]
    unit: String,
    /// Why
    #[arg(long)]
    reason: Option<Reason>,
}

/// Reads a JSON value a line, or one JSON list.
pub fn objects<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    let text = input::read_text(path)?;
    let refuse = |place: String, error: serde_json::Error| {
        Failure::Usage(format!("{}: {place}{error}", path.display()))
    };
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(&text).map_err(|error| refuse(String::new(), error));
    }
    let mut lines = Lines::new(text.as_bytes());
    let mut objects = Vec::new();
    while let Some((number, line)) = lines.next()? {
        let object = serde_json::from_str(&line);
        objects.push(object.map_err(|error| refuse(format!("line {number}: "), error))?);
    }
    Ok(objects)
}

impl Run {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Declare(Declare { file, vo, replace }) => {
                let runs: Vec<NewRun> = objects(&file)?;
                let declare = |runs| DeclareRuns { vo: vo.clone(), runs, replace };
                context.in_batches(runs, declare).await
            }
            Self::Show(Show { run, vo, unit }) => {
                let run = context.connect().await?.call(GetRun { vo, run, unit }).await?;
                context.output.show(&run, &fields(&run))
            }
            Self::List(list) => list.run(context).await,
            Self::DeclareFills(Declare { file, vo, replace }) => {
                let fills: Vec<NewFill> = objects(&file)?;
                let declare = |fills| DeclareFills { vo: vo.clone(), fills, replace };
                context.in_batches(fills, declare).await
            }
            Self::Fills { vo } => {
                let listing = ListFills { vo, page: PageArgs::default() };
                context.output.list(context.connect().await?.stream(listing, None)).await?;
                Ok(())
            }
            Self::SetLuminosity(Luminous { file, vo, unit, reason }) => {
                let connection = context.connect().await?;
                let mut sum = sbk_api::BulkResult::default();
                let runs: Vec<RunLuminosity> = objects(&file)?;
                for runs in runs.chunks(100) {
                    let (vo, unit, reason) = (vo.clone(), unit.clone(), reason.clone());
                    let call = SetLuminosity { vo, unit, runs: runs.to_vec(), reason };
                    bulk::add(&mut sum, connection.call(call).await?);
                }
                bulk::report(&mut context.output, &sum)
            }
            Self::SectionsLuminosity(Show { run, vo, unit }) => {
                let call = GetRunLuminosity { vo, run, unit, totals: false };
                let luminosity = context.connect().await?.call(call).await?;
                by_section(context, &luminosity)
            }
            Self::Masks(command) => command.run(context).await,
        }
    }
}

impl List {
    /// Lists the runs.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let listing = ListRuns {
            vo: self.vo,
            first: self.first,
            last: self.last,
            fill: self.fill,
            conditions: self.conditions,
            since: self.since,
            until: self.until,
            quality: self.quality,
            processing_pass: self.pass,
            unit: self.unit,
            page: PageArgs::default(),
        };
        context.output.list(context.connect().await?.stream(listing, self.limit)).await?;
        Ok(())
    }
}

/// The fields of a run.
fn fields(run: &RunSummary) -> Vec<(&'static str, Cell)> {
    let with_unit =
        |number: Option<f64>| Cell::optional(number.map(|number| format!("{number} {}", run.unit)));
    let of = &run.run;
    let sections = of
        .sections
        .as_ref()
        .map(|sections| sections.as_slice().iter().map(|(first, last)| format!("{first}-{last}")));
    vec![
        ("run", Cell::text(of.run)),
        ("community", Cell::text(&run.vo)),
        ("fill", Cell::optional(of.fill)),
        ("started", of.started.map_or(Cell::Missing, Cell::Time)),
        ("ended", of.ended.map_or(Cell::Missing, Cell::Time)),
        ("conditions", Cell::optional(of.conditions.as_ref())),
        ("events", Cell::count(of.events.map(sbk_model::Events::get))),
        ("sections", sections.map_or(Cell::Missing, Cell::list)),
        ("delivered", with_unit(run.delivered)),
        ("recorded", with_unit(run.recorded)),
        ("quality", Cell::text(run.quality)),
        ("streams", Cell::list(of.streams.iter().map(|(name, n)| format!("{name}={}", n.get())))),
        ("details", Cell::list(of.details.iter().map(|(name, text)| format!("{name}={text}")))),
        ("modified", Cell::Time(run.modified)),
    ]
}

/// Writes a line for each section.
fn by_section(context: &mut Context, luminosity: &RunLuminosity) -> Result<(), Failure> {
    if !matches!(
        context.output.format(),
        crate::output::Format::Human | crate::output::Format::Plain
    ) {
        return context.output.json(luminosity);
    }
    let number = |value: Option<&Option<f64>>| {
        value.copied().flatten().map_or("-".to_owned(), |value| value.to_string())
    };
    let first = luminosity.first.unwrap_or_default();
    for (at, section) in (0..luminosity.recorded.len()).zip(first..) {
        let (recorded, delivered) =
            (number(luminosity.recorded.get(at)), number(luminosity.delivered.get(at)));
        context.output.line(format_args!("{section}\t{recorded}\t{delivered}"))?;
    }
    if let Some(total) = luminosity.recorded_total.filter(|_| luminosity.recorded.is_empty()) {
        context
            .output
            .line(format_args!("all\t{total}\t{}", number(Some(&luminosity.delivered_total))))?;
    }
    context.output.flush()
}
