use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use futures::stream;
use sbk_api::{
    GetJob, Job as Shown, ListJobs, PageArgs, ReportFormat, ReportJob, ReportResult, Standing,
    SummarizeJobs,
};
use sbk_model::{JobName, JobState, Label, ProductionName, SiteName, Timestamp, Vo};
use serde_json::Value;

use crate::{
    cell::Cell, commands::quarantine::Quarantine, context::Context, failure::Failure, input,
    job_reports,
};

/// What to do with jobs and their reports.
#[derive(Debug, Subcommand)]
pub enum Job {
    /// Report jobs that have ended, each as a whole and exactly once
    #[command(after_help = "\
Examples:
  sbk job report report.json --vo superb
  sbk job report reports.ndjson --vo superb --json
  produce-report | sbk job report - --vo superb --refuse

A file holds one report, a list of reports, or one report a line. A report that is sent again gets
its first answer. What cannot be taken is kept in the quarantine (`sbk job quarantine list`), and
the exit code is 7.")]
    Report {
        /// Reports as JSON; - reads the standard input, names that end in .gz are decompressed
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The community that the jobs belong to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
        /// Refuse what cannot be taken, and do not keep it in the quarantine
        #[arg(long)]
        refuse: bool,
    },
    /// List jobs in the order in which their reports came
    #[command(after_help = "\
Examples:
  sbk job list --vo superb --production mc-2026 --state failed
  sbk job list --vo superb --site LCG.CNAF.it --since 2026-05-01T00:00:00Z --plain")]
    List(Box<List>),
    /// Show a job: its steps, inputs, outputs, and the other attempts at its task
    #[command(after_help = "Examples:\n  sbk job show 00012448_00000001_1 --vo superb --json")]
    Show {
        /// Its name
        name: JobName,
        /// Its community; needed where several have a job of the name
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
    },
    /// Count jobs, events and time by site, reason, state and standing
    #[command(after_help = "\
Examples:
  sbk job summary --vo superb
  sbk job summary --vo superb --production mc-2026 --json")]
    Summary {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Only those of this production
        #[arg(long, requires = "vo")]
        production: Option<ProductionName>,
    },
    /// Look at, correct and replay reports that could not be taken
    #[command(subcommand)]
    Quarantine(Quarantine),
}

/// Which jobs to list.
#[derive(Debug, Args)]
pub struct List {
    /// Only those of this community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Only those of this production
    #[arg(long, requires = "vo")]
    production: Option<ProductionName>,
    /// Only the attempts at this task of the production
    #[arg(long, requires = "production", value_name = "N")]
    task: Option<u32>,
    /// Only those at this site
    #[arg(long)]
    site: Option<SiteName>,
    /// Only those that ended for this reason
    #[arg(long)]
    reason: Option<Label>,
    /// Only those in this state: done, failed, killed or lost
    #[arg(long)]
    state: Option<JobState>,
    /// Only those with this standing: counts, surplus, superseded or `not_good`
    #[arg(long)]
    standing: Option<Standing>,
    /// Only the one with this id in DIRAC
    #[arg(long, value_name = "ID")]
    dirac_id: Option<i64>,
    /// Only those whose report came at this moment or later
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Show at most so many jobs
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// How many reports go into one call.
const BATCH: usize = 100;

impl Job {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Report { files, vo, refuse } => report(context, &files, vo, refuse).await,
            Self::List(list) => list.run(context).await,
            Self::Show { name, vo } => {
                let job = context.connect().await?.call(GetJob { name, vo }).await?;
                context.output.show(&job, &fields(&job))
            }
            Self::Summary { vo, production } => {
                let operation = SummarizeJobs { vo, production };
                let counts = context.connect().await?.call(operation).await?;
                context.output.list(stream::iter(counts.groups.into_iter().map(Ok))).await?;
                Ok(())
            }
            Self::Quarantine(command) => command.run(context).await,
        }
    }
}

impl List {
    /// Lists jobs.
    async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { vo, production, task, site, reason, state, standing, dirac_id, since, limit } =
            self;
        let page = PageArgs::default();
        let listing =
            ListJobs { vo, production, task, site, reason, state, standing, dirac_id, since, page };
        context.output.list(context.connect().await?.stream(listing, limit)).await?;
        Ok(())
    }
}

/// Sends the reports of files, batch by batch.
async fn report(
    context: &mut Context,
    files: &[PathBuf],
    vo: Vo,
    refuse: bool,
) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let mut sum = ReportResult::default();
    for file in files {
        let mut reports = reports_of(file)?.into_iter();
        loop {
            let batch: Vec<Value> = reports.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let format = ReportFormat::Json;
            let operation =
                ReportJob { vo: vo.clone(), reports: batch, format, name: None, refuse };
            job_reports::add(&mut sum, connection.call(operation).await?);
        }
    }
    job_reports::show(&mut context.output, &sum)
}

/// The reports of a file: one, a list, or one a line.
fn reports_of(file: &Path) -> Result<Vec<Value>, Failure> {
    let text = input::read_text(file)?;
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_str(&text).into_iter::<Value>().collect();
    let values = values
        .map_err(|error| Failure::Usage(format!("{}: this is no JSON: {error}", file.display())))?;
    Ok(values
        .into_iter()
        .flat_map(|value| match value {
            Value::Array(reports) => reports,
            report => vec![report],
        })
        .collect())
}

/// The fields of a job.
fn fields(job: &Shown) -> Vec<(&'static str, Cell)> {
    let report = &job.report;
    let step = |step: &sbk_api::StepReport| match &step.version {
        Some(version) => format!("{} {version}", step.application),
        None => step.application.to_string(),
    };
    let attempt = |attempt: &sbk_api::JobSummary| {
        let reason = attempt.reason.as_ref().map(|reason| format!(" ({reason})"));
        let reason = reason.unwrap_or_default();
        format!("{} {}{reason}, {}", attempt.name, attempt.state, attempt.standing)
    };
    let events =
        |events: Option<sbk_model::Events>| Cell::count(events.map(sbk_model::Events::get));
    vec![
        ("name", Cell::text(&report.name)),
        ("community", Cell::text(&job.vo)),
        ("state", Cell::text(report.state)),
        ("reason", Cell::optional(report.reason.as_ref())),
        ("standing", Cell::text(job.standing)),
        ("production", Cell::optional(report.production.as_ref())),
        ("task", Cell::count(report.task.map(i64::from))),
        ("attempt", Cell::Count(report.attempt.into())),
        ("type", Cell::optional(report.job_type.as_ref())),
        ("DIRAC id", Cell::optional(report.dirac_id)),
        ("site", Cell::optional(report.site.as_ref())),
        ("worker node", Cell::optional(report.worker.node.as_ref())),
        ("submitted", report.submitted.map_or(Cell::Missing, Cell::Time)),
        ("started", report.started.map_or(Cell::Missing, Cell::Time)),
        ("ended", report.ended.map_or(Cell::Missing, Cell::Time)),
        ("received", Cell::Time(job.received)),
        ("CPU time", Cell::optional(report.cpu_seconds.map(|seconds| format!("{seconds} s")))),
        ("wall time", Cell::optional(report.wall_seconds.map(|seconds| format!("{seconds} s")))),
        ("memory", Cell::bytes(report.memory.map(sbk_model::Size::get))),
        ("run", Cell::optional(report.run)),
        ("events read", events(report.events_read)),
        ("events written", events(report.events_written)),
        ("steps", Cell::list(report.steps.iter().map(step))),
        ("inputs", Cell::list(&report.inputs)),
        ("not in the catalogue", Cell::list(&job.open)),
        ("outputs", Cell::list(&job.registered)),
        ("log", Cell::optional(report.log.as_ref())),
        ("other attempts", Cell::list(job.attempts.iter().map(attempt))),
        ("reported by", Cell::text(&job.owner)),
        ("metadata", Cell::metadata(&report.metadata)),
    ]
}
