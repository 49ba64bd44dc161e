mod counts;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use sbk_testkit::{Backend, Clusters, Settings};

use self::counts::Counts;
use crate::interrupt::Interrupt;

/// Runs all tests on every backend, each on servers started for this run.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Passed on to the test runner; the whole workspace if there are none.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    runner: Vec<String>,
}

impl Arguments {
    /// Those that are passed on.
    pub fn of(runner: &[&str]) -> Self {
        Self { runner: runner.iter().map(|argument| (*argument).to_owned()).collect() }
    }
}

pub fn run(arguments: &Arguments) -> Result<()> {
    run_with(arguments, Vec::new())
}

/// Runs tests with further variables in their environment.
pub fn run_with(arguments: &Arguments, more: Vec<(&'static str, String)>) -> Result<()> {
    let backends = Backend::selected().map_err(anyhow::Error::msg)?;
    let everything = arguments.runner.is_empty();
    ensure!(
        backends.len() == Backend::ALL.len() || env::var_os("CI").is_none(),
        "{} is set: continuous integration tests all backends",
        Backend::SELECTION
    );

    let interrupt = Interrupt::watch()?;
    let directory = tempfile::Builder::new().prefix("sbk-test-run-").tempdir()?;
    let clusters = Clusters::start(directory.path(), &backends, &Settings::default())?;
    let temporary = directory.path().join("tmp");
    fs::create_dir(&temporary)?;
    let mut variables = clusters.variables();
    variables.extend(more);
    let tests = Tests { interrupt, variables, temporary, arguments };

    let counts = tests.run()?;
    drop(clusters);

    report(&backends, &counts);
    if everything {
        ensure!(counts.are_equal_and_some(&backends), "the backends do not pass the same tests");
    }
    Ok(())
}

fn report(backends: &[Backend], counts: &Counts) {
    for backend in Backend::ALL {
        if backends.contains(&backend) {
            println!("{backend:>10}: {} tests passed", counts.of(backend));
        } else {
            println!("{backend:>10}: SKIPPED, {} leaves it out", Backend::SELECTION);
        }
    }
}

struct Tests<'a> {
    interrupt: Interrupt,
    variables: Vec<(&'static str, String)>,
    /// Goes with the servers: tests that are killed leave their files there.
    temporary: PathBuf,
    arguments: &'a Arguments,
}

impl Tests<'_> {
    fn run(&self) -> Result<Counts> {
        if !has_nextest() {
            eprintln!("cargo-nextest is not installed: the tests run with `cargo test`.");
            return self.run_with_cargo();
        }
        if self.arguments.runner.is_empty() {
            // First, so that the closing line of the other tests comes last.
            let status = self.interrupt.run(&mut self.cargo(&["test", "--doc", "--quiet"]))?;
            ensure!(status.success(), "documentation tests failed");
        }
        self.run_with_nextest()
    }

    fn run_with_nextest(&self) -> Result<Counts> {
        let report = target_directory().join("nextest/default/junit.xml");
        // A report that is left from an earlier run must not count.
        let _ = fs::remove_file(&report);

        let status = self.interrupt.run(&mut self.cargo(&["nextest", "run"]))?;

        check(status)?;
        let report = fs::read_to_string(&report)
            .with_context(|| format!("nextest left no report in {}", report.display()))?;
        Ok(Counts::from_junit(&report))
    }

    fn run_with_cargo(&self) -> Result<Counts> {
        let mut child = self.cargo(&["test"]).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().expect("the output was just redirected");

        // The pipe closes when the runner ends, which Ctrl-C brings about by itself.
        let mut counts = Counts::default();
        for line in BufReader::new(output).lines() {
            let line = line?;
            println!("{line}");
            counts.add_cargo_line(&line);
        }
        check(self.interrupt.wait_for(child)?)?;
        Ok(counts)
    }

    fn cargo(&self, subcommand: &[&str]) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(subcommand);
        if self.arguments.runner.is_empty() {
            command.arg("--workspace");
        }
        command.args(&self.arguments.runner).envs(self.variables.iter().cloned());
        command.env("TMPDIR", &self.temporary);
        command
    }
}

fn check(status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("tests failed ({status})");
    }
    Ok(())
}

fn has_nextest() -> bool {
    let probe = Command::new("cargo")
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

fn target_directory() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from)
}
