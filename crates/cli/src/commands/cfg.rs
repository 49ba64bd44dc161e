use std::path::{Path, PathBuf};

use clap::Subcommand;
use sbk_registry::{CfgError, Finding, Registry, Rules, Severity};
use sbk_server::dirac;
use serde::Serialize;

use crate::{
    context::Context,
    failure::Failure,
    human, input,
    output::Format,
    steps::{self, Step},
};

/// What to do with a DIRAC configuration.
#[derive(Debug, Subcommand)]
pub enum Cfg {
    /// Find what is wrong with users, groups, hosts and the rules of the service
    #[command(after_help = "\
Examples:
  sbk cfg check dirac.cfg
  sbk cfg check --config sbk.toml
  sbk cfg check --config sbk.toml --json

Without a FILE it checks what the service works with: dirac.configuration of its own configuration,
laid over what a Configuration server sends. The exit code is 7 where something does not work.")]
    Check {
        /// A dirac.cfg, which is checked alone; - reads the standard input
        file: Option<PathBuf>,
    },
}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    /// The files and servers that were read.
    sources: Vec<String>,
    /// Where the text is no configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    syntax: Option<Syntax>,
    /// What is wrong with its content.
    findings: Vec<Finding>,
    /// What is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Summary>,
}

/// A line that is no configuration.
#[derive(Debug, Serialize)]
struct Syntax {
    file: String,
    line: usize,
    text: String,
    problem: String,
}

/// How many there are of each.
#[derive(Debug, Serialize)]
struct Summary {
    users: usize,
    groups: usize,
    hosts: usize,
    vos: usize,
    rules: usize,
}

impl Cfg {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Check { file } = self;
        let config = context.configuration()?;
        let report = match file {
            Some(file) => check_file(&config, &file)?,
            None => check_configured(&config).await?,
        };
        show(context, &report)?;
        if report.is_wrong() { Err(Failure::Refused) } else { Ok(()) }
    }
}

impl Report {
    fn is_wrong(&self) -> bool {
        let is_error = |finding: &Finding| finding.severity == Severity::Error;
        self.syntax.is_some() || self.findings.iter().any(is_error)
    }

    /// Of a text that is no configuration.
    fn broken(file: &Path, text: &str, error: &CfgError) -> Self {
        let file = file.display().to_string();
        let line = text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
        let syntax = Syntax {
            file: file.clone(),
            line: error.line,
            text: line.to_owned(),
            problem: error.kind.to_string(),
        };
        Self { sources: vec![file], syntax: Some(syntax), findings: Vec::new(), summary: None }
    }

    /// Of a configuration.
    fn of(config: &sbk_server::Config, sources: Vec<String>, cfg: &sbk_registry::Cfg) -> Self {
        let service = config.dirac.place();
        let findings = sbk_registry::check(cfg, service, &sbk_server::names_in_rules());
        let rules = Rules::from_cfg(cfg, service);
        let summary = Registry::from_cfg(cfg).ok().map(|registry| Summary {
            users: registry.users().count(),
            groups: registry.groups().count(),
            hosts: registry.hosts().count(),
            vos: registry.vos().count(),
            rules: rules.iter().count(),
        });
        Self { sources, syntax: None, findings, summary }
    }
}

/// Checks a file alone.
fn check_file(config: &sbk_server::Config, file: &Path) -> Result<Report, Failure> {
    let text = input::read_text(file)?;
    Ok(match sbk_registry::Cfg::parse(&text) {
        Ok(cfg) => Report::of(config, vec![file.display().to_string()], &cfg),
        Err(error) => Report::broken(file, &text, &error),
    })
}

/// Checks what the service works with.
async fn check_configured(config: &sbk_server::Config) -> Result<Report, Failure> {
    let file = &config.dirac.configuration;
    if !file.as_os_str().is_empty() {
        let text = input::read_text(file)?;
        if let Err(error) = sbk_registry::Cfg::parse(&text) {
            return Ok(Report::broken(file, &text, &error));
        }
    }
    let loaded = dirac::load(config).await?.ok_or_else(|| {
        let text = "name a dirac.cfg, or with --config the configuration of a service that has \
                    dirac.configuration or dirac.servers";
        Failure::Usage(text.to_owned())
    })?;
    Ok(Report::of(config, loaded.sources, &loaded.cfg))
}

/// Shows what was found.
fn show(context: &mut Context, report: &Report) -> Result<(), Failure> {
    let output = &mut context.output;
    if matches!(output.format(), Format::Json | Format::Ndjson) {
        return output.json(report);
    }
    let syntax = report.syntax.as_ref().map(broken_line);
    let found: Vec<_> = syntax.into_iter().chain(report.findings.iter().map(finding)).collect();
    steps::write(output, &found)?;
    if output.format().is_human() {
        output.line(summary(report))?;
    }
    output.flush()
}

fn broken_line(syntax: &Syntax) -> Step {
    let Syntax { file, line, text, problem } = syntax;
    Step::refused(format!("{file}:{line}"), problem, format!("the line is `{}`", text.trim()))
}

fn finding(finding: &Finding) -> Step {
    let Finding { severity, path, text, fix } = finding;
    match severity {
        Severity::Error => Step::refused(path, text, fix),
        Severity::Warning => Step::warning(path, text, fix),
        Severity::Note => Step::note(path, text, Some(fix.clone())),
    }
}

/// What was found, in a sentence.
fn summary(report: &Report) -> String {
    let number = |severity| {
        report.findings.iter().filter(|finding| finding.severity == severity).count() as u64
    };
    let errors = number(Severity::Error) + u64::from(report.syntax.is_some());
    let found = format!(
        "{}, {}, {}",
        human::things(errors, "error", "errors"),
        human::things(number(Severity::Warning), "warning", "warnings"),
        human::things(number(Severity::Note), "note", "notes"),
    );
    let sources = report.sources.join(" over ");
    let Some(Summary { users, groups, hosts, vos, rules }) = report.summary else {
        return format!("{sources}: {found}");
    };
    let things = |number: usize, one, many| human::things(number as u64, one, many);
    format!(
        "{sources}: {}, {}, {}, {}, {}; {found}",
        things(users, "user", "users"),
        things(groups, "group", "groups"),
        things(hosts, "host", "hosts"),
        things(vos, "VO", "VOs"),
        things(rules, "rule", "rules"),
    )
}
