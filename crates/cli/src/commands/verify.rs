use clap::Subcommand;
use futures::stream;
use sbk_api::{VerifyTotals, WrongTotal};
use serde::Serialize;

use crate::{context::Context, failure::Failure, human, output::Format, progress::Display};

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
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// How many totals were proved.
    checked: u64,
    /// How many of them were corrected.
    repaired: u64,
    /// Those that were wrong.
    wrong: Vec<WrongTotal>,
}

impl Verify {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Totals { repair } = self;
        let report = totals(context, repair).await?;
        show(context, &report).await?;
        let repaired = report.wrong.iter().all(|wrong| wrong.repaired);
        if repaired { Ok(()) } else { Err(Failure::Refused) }
    }
}

/// Proves all totals.
async fn totals(context: &Context, repair: bool) -> Result<Report, Failure> {
    let connection = context.connect().await?;
    let display = Display::spinner(context.shows_progress(), "totals");
    let mut report = Report::default();
    let mut after = None;
    loop {
        let step = connection.call(VerifyTotals { repair, after }).await?;
        report.checked += step.checked;
        report.wrong.extend(step.wrong);
        let wrong = human::total(report.wrong.len() as u64);
        display.say(format!("{} checked, {wrong} wrong", human::total(report.checked)));
        after = step.next;
        if after.is_none() {
            break;
        }
    }
    display.end();
    report.repaired = report.wrong.iter().filter(|wrong| wrong.repaired).count() as u64;
    Ok(report)
}

/// Shows what was found.
async fn show(context: &mut Context, report: &Report) -> Result<(), Failure> {
    let wrong = || stream::iter(report.wrong.iter().cloned().map(Ok));
    match context.output.format() {
        Format::Json | Format::Ndjson => return context.output.json(report),
        Format::Plain => context.output.list(wrong()).await.map(|_| ())?,
        Format::Human => {
            context.output.list(wrong()).await?;
            context.output.line(summary(report))?;
        }
    }
    context.output.flush()
}

/// What was found, in a sentence.
fn summary(report: &Report) -> String {
    let checked = human::things(report.checked, "total", "totals");
    match (report.wrong.len() as u64, report.repaired) {
        (0, _) => format!("{checked} checked, all right"),
        (wrong, repaired) if wrong == repaired => {
            format!("{checked} checked, {} wrong and corrected", human::total(wrong))
        }
        (wrong, _) => format!(
            "{checked} checked, {} wrong; `sbk verify totals --repair` corrects them",
            human::total(wrong)
        ),
    }
}
