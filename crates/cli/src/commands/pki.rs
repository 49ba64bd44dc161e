mod caller;
mod doors;
mod file;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sbk_model::Timestamp;
use sbk_pki::Peer;
use sbk_registry::{ExtraCredentials, Identity};
use sbk_server::{
    Config,
    dirac::{self, Rulebook},
};
use sbk_service::{Environment, SystemEnvironment};
use serde::Serialize;

use crate::{
    context::Context,
    failure::Failure,
    grid,
    output::Format,
    steps::{self, Step},
};
use doors::Door;

/// What to do with certificates.
#[derive(Debug, Subcommand)]
pub enum Pki {
    /// Say step by step what a client with this proxy or certificate would be to the service
    #[command(after_help = "\
Examples:
  sbk pki check --config sbk.toml
  sbk pki check /tmp/x509up_u1000 --config sbk.toml --method addFiles
  sbk pki check usercert.pem --group prod --ca-directory /etc/grid-security/certificates \\
      --dirac-cfg dirac.cfg
  sbk pki check hostcert.pem --host --config sbk.toml --json

It judges as the service does, from the same CA directory, dirac.cfg and Configuration server, but
does not call it. The exit code is 0 where the client would be let in, 7 where the certificates are
refused, 5 where DIRAC's registry, its rules or a missing permission keep the client out.")]
    Check(Check),
}

/// Who is to be checked, and against what.
#[derive(Debug, Args)]
pub struct Check {
    /// The proxy, or the certificate of a user or host, as PEM; one's own proxy when absent, which
    /// `X509_USER_PROXY` names or which is where grid tools put it
    file: Option<PathBuf>,
    /// Look for CAs in this directory, in place of the configured one
    #[arg(long, value_name = "DIR")]
    ca_directory: Option<PathBuf>,
    /// Look for VOMS servers in this directory, in place of the configured one
    #[arg(long, value_name = "DIR")]
    vomsdir: Option<PathBuf>,
    /// Take users, groups and rules from this file alone, in place of what the configuration names
    #[arg(long, value_name = "FILE")]
    dirac_cfg: Option<PathBuf>,
    /// Ask for this group, where the proxy names none
    #[arg(long, conflicts_with = "host")]
    group: Option<String>,
    /// Come as a host
    #[arg(long)]
    host: bool,
    /// Only check whether this method could be called; all of them otherwise
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Report {
    /// Whether the client would be let in.
    admitted: bool,
    /// Who the client would be.
    identity: Option<Identity>,
    /// What the client could do.
    permissions: Vec<sbk_model::Permission>,
    /// What was looked at, in this order.
    steps: Vec<Step>,
    /// Which methods could be called.
    methods: Vec<doors::Verdict>,
}

/// Where a check ended.
#[derive(Debug, Clone, Copy)]
enum End {
    Admitted,
    /// The certificates are refused.
    Refused,
    /// DIRAC's registry or rules, or a missing permission, keep the client out.
    Forbidden,
}

impl Pki {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Check(check) = self;
        let doors = doors::named(check.method.as_deref())?;
        let config = check.configuration(context)?;
        let file = check.file()?;
        let mut report = Report::default();
        let end = check.judge(&file, &config, &doors, &mut report).await;
        report.admitted = matches!(end, End::Admitted);
        show(context, &report)?;
        match end {
            End::Admitted => Ok(()),
            End::Refused => Err(Failure::Refused),
            End::Forbidden => Err(Failure::Forbidden),
        }
    }
}

impl Check {
    /// The file with the proxy or certificate.
    fn file(&self) -> Result<PathBuf, Failure> {
        self.file.clone().or_else(grid::proxy).ok_or_else(|| {
            let text = "name a proxy or a certificate; there is no proxy of yours, neither in \
                        X509_USER_PROXY nor at /tmp/x509up_u and your number";
            Failure::Usage(text.to_owned())
        })
    }

    /// The configuration of the service, with what the arguments put in its place.
    fn configuration(&self, context: &Context) -> Result<Config, Failure> {
        let mut config = context.configuration()?;
        if let Some(directory) = &self.ca_directory {
            config.tls.ca_directory.clone_from(directory);
        }
        if let Some(directory) = &self.vomsdir {
            config.tls.vomsdir.clone_from(directory);
        }
        Ok(config)
    }

    /// What the client sends beside its certificate.
    fn extra(&self) -> ExtraCredentials<'_> {
        match &self.group {
            _ if self.host => ExtraCredentials::Hosts,
            Some(group) => ExtraCredentials::Group(group),
            None => ExtraCredentials::None,
        }
    }

    /// Takes all steps up to the first that refuses the client.
    async fn judge(
        &self,
        file: &Path,
        config: &Config,
        doors: &[Door],
        report: &mut Report,
    ) -> End {
        let now = SystemEnvironment.now();
        let Some(peer) = authenticate(file, config, now, &mut report.steps) else {
            return End::Refused;
        };
        let rulebook = match self.rulebook(config).await {
            Ok((rulebook, step)) => {
                report.steps.push(step);
                rulebook
            }
            Err(step) => {
                report.steps.push(step);
                return End::Forbidden;
            }
        };
        let claim = dirac::claim(Some(&peer), self.extra(), now);
        let open = doors::open_to_visitors(doors, self.method.is_some(), &rulebook, &claim);
        let known = caller::identify(&rulebook, &claim, open, &mut report.steps);
        let Some(known) = known else { return End::Forbidden };
        report.methods = doors.iter().map(|door| door.verdict(&rulebook, &claim, &known)).collect();
        report.steps.extend(doors::tell(&report.methods, self.method.is_some()));
        report.permissions = known.permissions.into_iter().collect();
        report.identity = Some(known.identity);
        if doors::is_let_in(&report.methods) { End::Admitted } else { End::Forbidden }
    }

    /// Reads registry and rules, and says where they are from, or what is wrong with them.
    async fn rulebook(&self, config: &Config) -> Result<(Rulebook, Step), Step> {
        const TITLE: &str = "DIRAC configuration";
        let refused = |detail: String| {
            let advice = "`sbk cfg check` looks at it closely; until it can be read, the service \
                          does not start";
            Step::refused(TITLE, detail, advice)
        };
        let loaded = match &self.dirac_cfg {
            Some(file) => dirac::load_file(file).map(Some),
            None => dirac::load(config).await,
        };
        let loaded = loaded.map_err(|error| refused(error.to_string()))?;
        let Some(loaded) = loaded else {
            let advice = "name one with --dirac-cfg, or as dirac.configuration in the \
                          configuration of the service";
            return Err(Step::refused(TITLE, "none is named, so nobody is known", advice));
        };
        let rulebook = Rulebook::read(&loaded.cfg, config.dirac.place());
        let rulebook = rulebook.map_err(|error| refused(error.to_string()))?;
        Ok((rulebook, Step::good(TITLE, loaded.sources.join(" over "))))
    }
}

/// Looks at the file, and judges its certificates as the service would.
fn authenticate(
    file: &Path,
    config: &Config,
    now: Timestamp,
    steps: &mut Vec<Step>,
) -> Option<std::sync::Arc<Peer>> {
    let chain = file::read(file, steps)?;
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let trust = match dirac::trust(config) {
        Ok(trust) => trust,
        Err(error) => {
            let advice = "name another with --ca-directory, or install the CAs";
            steps.push(Step::refused("CA directory", error.to_string(), advice));
            return None;
        }
    };
    steps.push(file::directory(&config.tls.ca_directory, &trust.summary()));
    steps.extend(trust.explain(&chain, now).into_iter().map(Step::from));
    trust.verify(&chain, now).ok()
}

/// Shows what was found.
fn show(context: &mut Context, report: &Report) -> Result<(), Failure> {
    let output = &mut context.output;
    if matches!(output.format(), Format::Json | Format::Ndjson) {
        return output.json(report);
    }
    steps::write(output, &report.steps)?;
    if output.format().is_human() {
        let who = report.identity.as_ref();
        let who = who.map(|identity| format!("{}@{}", identity.username, identity.group));
        output.line(match (report.admitted, who) {
            (true, Some(who)) => format!("The service would let the client in as {who}."),
            (false, Some(who)) => format!("The service would refuse the client, who is {who}."),
            (_, None) => "The service would refuse the client.".to_owned(),
        })?;
    }
    output.flush()
}
