//! Plays a campaign of production through the public interface, and proves that the bookkeeping
//! says afterwards what was played.
//!
//! All that is played follows from the seed and the sizes: nothing is remembered of a job but some
//! bits, so a campaign of a million jobs needs some megabytes. Jobs are played in blocks of tasks;
//! within a block their reports come in random order over many connections. Some reports come again,
//! some come late, some come again with other content, and some workers are lost: their task is
//! given to another, and the lost worker may report after all.

mod plan;
mod play;
mod prove;
mod report;
mod seen;
mod setup;

pub use plan::Plan;

use std::time::Duration;

use sbk_api::Problem;
use serde::Serialize;

use crate::{
    cell::Cell, connection::Connection, context::Context, failure::Failure, progress::Display,
};

/// How a campaign is played.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// How many reports go into one call.
    pub batch: usize,
    /// How many calls are in progress at the same time.
    pub connections: usize,
    /// How long a server that is away is waited for.
    pub patience: Duration,
}

/// What came of a campaign.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Tasks that were played.
    pub tasks: u64,
    /// Jobs that reported.
    pub jobs: u64,
    /// Reports that were sent, repeats and contradictions included.
    pub reports: u64,
    /// Reports that came again and were answered as before.
    pub repeated: u64,
    /// Reports that contradicted an earlier one and were kept apart.
    pub conflicting: u64,
    /// Calls that were made again because the server was away for longer than the client itself
    /// repeats them.
    pub retries: u64,
    /// Seconds in which the reports were played.
    pub seconds: f64,
    /// Reports per second over all.
    pub rate: f64,
    /// Milliseconds per report in the first tenth of the blocks.
    pub first_ms: f64,
    /// Milliseconds per report in the last tenth of the blocks.
    pub last_ms: f64,
    /// What was proved, in words.
    pub proved: Vec<String>,
    /// What differs, in words.
    pub differences: Vec<String>,
}

/// Plays a campaign and proves it.
pub async fn run(
    context: &mut Context,
    plan: Plan,
    way: Way,
    only_prove: bool,
) -> Result<(), Failure> {
    let connection = context.connect_to_fill().await?;
    let visible = context.shows_progress();
    let mut game = play::Game::new(&plan, way, connection.clone());
    setup::prepare(&connection, &plan).await?;
    let display = Display::counted(visible, "playing", plan.blocks());
    game.play(&display, only_prove).await?;
    display.end();

    let display = Display::spinner(visible, "proving");
    let outcome = prove::prove(&game, &connection, &display).await?;
    display.end();
    show(context, &outcome)
}

fn show(context: &mut Context, outcome: &Outcome) -> Result<(), Failure> {
    let count = |number: u64| Cell::Count(i64::try_from(number).unwrap_or(i64::MAX));
    let ms = |ms: f64| Cell::text(format_args!("{ms:.3} ms a report"));
    context.output.show(
        outcome,
        &[
            ("tasks", count(outcome.tasks)),
            ("jobs", count(outcome.jobs)),
            ("reports", count(outcome.reports)),
            ("repeated", count(outcome.repeated)),
            ("conflicting", count(outcome.conflicting)),
            ("calls repeated", count(outcome.retries)),
            ("time", Cell::text(format_args!("{:.1} s", outcome.seconds))),
            ("rate", Cell::text(format_args!("{:.0} reports/s", outcome.rate))),
            ("first tenth", ms(outcome.first_ms)),
            ("last tenth", ms(outcome.last_ms)),
            ("proved", Cell::list(&outcome.proved)),
            ("differences", Cell::list(&outcome.differences)),
        ],
    )?;
    if outcome.differences.is_empty() { Ok(()) } else { Err(Failure::Refused) }
}

/// Calls an operation again while the server is away.
///
/// # Errors
/// What the server says otherwise, or that it stayed away for too long.
async fn patiently<O: crate::connection::Call + Clone>(
    connection: &Connection,
    operation: O,
    patience: Duration,
    retries: &std::cell::Cell<u64>,
) -> Result<O::Output, Problem> {
    use sbk_api::Code;

    let begun = std::time::Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        match connection.call(operation.clone()).await {
            Err(problem)
                if matches!(problem.code, Code::Unavailable | Code::Busy)
                    && begun.elapsed() < patience =>
            {
                retries.set(retries.get() + 1);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            answer => return answer,
        }
    }
}
