use std::{
    env,
    io::{self, IsTerminal},
    path::PathBuf,
};

use sbk_api::{BulkResult, Problem, Progress};
use serde::Serialize;

use crate::{
    bulk,
    cell::Cell,
    connection::{Call, Connection, Target, open_database},
    failure::Failure,
    output::Output,
    progress::Display,
};

/// What all commands share.
pub struct Context {
    /// What they work on.
    pub target: Target,
    /// The configuration file, where one is named.
    pub config: Option<PathBuf>,
    /// Where they write their results.
    pub output: Output,
}

impl Context {
    /// The configuration of the service, from its file and the environment.
    pub fn configuration(&self) -> Result<sbk_server::Config, Failure> {
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        sbk_server::Config::load(self.config.as_deref(), variables).map_err(Failure::from)
    }

    /// Connects to the service.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        Connection::open(&self.target).await
    }

    /// Connects to the service, to bring data in: a database without tables gets them first.
    pub async fn connect_to_fill(&self) -> Result<Connection, Failure> {
        if let Target::Database(url) = &self.target {
            let service = open_database(url).await?;
            service.prepare_if_new().await.map_err(Problem::from)?;
        }
        self.connect().await
    }

    /// Whether progress is shown.
    pub fn shows_progress(&self) -> bool {
        self.output.format().is_human() && io::stderr().is_terminal()
    }

    /// Calls an operation that works in steps until it is done. It is made anew for each step,
    /// from where the step before ended.
    pub async fn until_done<O>(
        &self,
        connection: &Connection,
        what: &'static str,
        operation: impl Fn(Option<String>) -> O,
    ) -> Result<Progress, Failure>
    where
        O: Call<Output = Progress>,
    {
        let display = Display::spinner(self.shows_progress(), what);
        let mut sum = Progress::default();
        while !sum.done {
            let step = connection.call(operation(sum.next.take())).await?;
            sum.done = step.done;
            sum.next = step.next;
            sum.directories += step.directories;
            sum.files += step.files;
            display.say(describe(&sum));
        }
        display.end();
        Ok(sum)
    }

    /// Writes how far an operation came.
    pub fn progress(&mut self, progress: &Progress) -> Result<(), Failure> {
        let number = |number| Cell::Count(i64::try_from(number).unwrap_or(i64::MAX));
        self.output.show(
            progress,
            &[("directories", number(progress.directories)), ("files", number(progress.files))],
        )
    }

    /// Calls a bulk operation batch by batch, and writes what was done.
    pub async fn in_batches<T, O, F>(&mut self, items: Vec<T>, operation: F) -> Result<(), Failure>
    where
        O: Call<Output = BulkResult>,
        F: Fn(Vec<T>) -> O,
    {
        let connection = self.connect().await?;
        let display = Display::counted(self.shows_progress(), "items", items.len() as u64);
        let mut sum = BulkResult::default();
        let mut items = items.into_iter();
        loop {
            let batch: Vec<T> = items.by_ref().take(bulk::BATCH).collect();
            if batch.is_empty() {
                break;
            }
            let number = batch.len() as u64;
            bulk::add(&mut sum, connection.call(operation(batch)).await?);
            display.say(bulk::summary(&sum));
            display.advance(number);
        }
        display.end();
        bulk::report(&mut self.output, &sum)
    }

    /// Writes a sentence for people, and the value for programs.
    pub fn say(&mut self, value: &impl Serialize, sentence: &str) -> Result<(), Failure> {
        if self.output.format().is_human() {
            self.output.line(sentence)?;
            return self.output.flush();
        }
        self.output.json(value)
    }
}

/// How far it is, in words.
fn describe(progress: &Progress) -> String {
    let files = crate::human::things(progress.files, "file", "files");
    let directories = crate::human::things(progress.directories, "directory", "directories");
    format!("{files}, {directories}")
}
