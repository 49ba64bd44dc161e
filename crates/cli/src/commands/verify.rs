use clap::Subcommand;
use futures::stream;
use sbk_api::{VerifyJobs, VerifyTotals, WrongJobCount, WrongTotal};
use serde::Serialize;

use crate::{
    context::Context,
    failure::Failure,
    human,
    output::{Format, Row},
    progress::Display,
};

/// What to prove.
#[derive(Debug, Subcommand)]
pub enum Verify {
    /// Prove the kept totals of directories, datasets, storage elements and communities
    #[command(after_help = "\
Examples:
  sbk verify totals
  sbk verify totals --repair --json

The service goes on meanwhile. The exit code is 7 where a total is wrong and was not corrected.")]
    Totals {
        /// Correct what is wrong
        #[arg(long)]
        repair: bool,
    },
    /// Prove the kept counts of jobs by production, site, reason and standing
    #[command(after_help = "\
Examples:
  sbk verify jobs
  sbk verify jobs --repair --json

The service goes on meanwhile. The exit code is 7 where a count is wrong and was not corrected.")]
    Jobs {
        /// Correct what is wrong
        #[arg(long)]
        repair: bool,
    },
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report<T> {
    /// How many totals were proved.
    checked: u64,
    /// How many of them were corrected.
    repaired: u64,
    /// Those that were wrong.
    wrong: Vec<T>,
}

impl Verify {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Totals { repair } => {
                let report = totals(context, repair).await?;
                show(context, &report, "totals").await
            }
            Self::Jobs { repair } => {
                let report = jobs(context, repair).await?;
                show(context, &report, "jobs").await
            }
        }
    }
}

impl<T> Report<T> {
    fn add(&mut self, checked: u64, wrong: Vec<T>, repaired: bool, display: &Display) {
        self.checked += checked;
        self.repaired += if repaired { wrong.len() as u64 } else { 0 };
        self.wrong.extend(wrong);
        let wrong = human::total(self.wrong.len() as u64);
        display.say(format!("{} checked, {wrong} wrong", human::total(self.checked)));
    }
}

/// Proves all totals.
async fn totals(context: &Context, repair: bool) -> Result<Report<WrongTotal>, Failure> {
    let connection = context.connect().await?;
    let display = Display::spinner(context.shows_progress(), "totals");
    let mut report = Report { checked: 0, repaired: 0, wrong: Vec::new() };
    let mut after = None;
    loop {
        let step = connection.call(VerifyTotals { repair, after }).await?;
        report.add(step.checked, step.wrong, repair, &display);
        after = step.next;
        if after.is_none() {
            display.end();
            return Ok(report);
        }
    }
}

/// Proves all counts of jobs.
async fn jobs(context: &Context, repair: bool) -> Result<Report<WrongJobCount>, Failure> {
    let connection = context.connect().await?;
    let display = Display::spinner(context.shows_progress(), "counts of jobs");
    let mut report = Report { checked: 0, repaired: 0, wrong: Vec::new() };
    let mut after = None;
    loop {
        let step = connection.call(VerifyJobs { repair, after }).await?;
        report.add(step.checked, step.wrong, repair, &display);
        after = step.next;
        if after.is_none() {
            display.end();
            return Ok(report);
        }
    }
}

/// Shows what was found, and fails where something is wrong and was not corrected.
async fn show<T: Row + Serialize + Clone>(
    context: &mut Context,
    report: &Report<T>,
    what: &str,
) -> Result<(), Failure> {
    let wrong = || stream::iter(report.wrong.iter().cloned().map(Ok));
    match context.output.format() {
        Format::Json | Format::Ndjson => context.output.json(report)?,
        Format::Plain => context.output.list(wrong()).await.map(|_| ())?,
        Format::Human => {
            context.output.list(wrong()).await?;
            context.output.line(summary(report, what))?;
        }
    }
    context.output.flush()?;
    if report.wrong.len() as u64 == report.repaired { Ok(()) } else { Err(Failure::Refused) }
}

/// What was found, in a sentence.
fn summary<T>(report: &Report<T>, what: &str) -> String {
    let checked = human::things(report.checked, "total", "totals");
    match (report.wrong.len() as u64, report.repaired) {
        (0, _) => format!("{checked} checked, all right"),
        (wrong, repaired) if wrong == repaired => {
            format!("{checked} checked, {} wrong and corrected", human::total(wrong))
        }
        (wrong, _) => format!(
            "{checked} checked, {} wrong; `sbk verify {what} --repair` corrects them",
            human::total(wrong)
        ),
    }
}
