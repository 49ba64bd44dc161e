//! The commands, one file per subject.

mod audit;
mod campaign;
mod cfg;
mod community;
mod completions;
mod condition;
mod config;
mod dataset;
mod db;
mod dir;
mod export;
mod file;
mod import;
mod job;
mod methods;
mod pass;
mod pki;
mod production;
mod provenance;
mod quality;
mod quarantine;
mod query;
mod recipe;
mod replica;
mod request;
mod run;
mod schema;
mod se;
mod serve;
mod simulate;
mod step;
mod verify;

use clap::Subcommand;

use crate::{context::Context, failure::Failure};

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the service
    Serve(serve::Serve),
    /// Bring data in
    #[command(subcommand)]
    Import(import::Import),
    /// Take data out
    #[command(subcommand)]
    Export(export::Export),
    /// Find files by their metadata
    Query(query::Query),
    /// Look at, register and change files
    #[command(subcommand)]
    File(file::File),
    /// Look at, create and change directories
    #[command(subcommand)]
    Dir(dir::Dir),
    /// Look at, create and change datasets
    #[command(subcommand)]
    Dataset(dataset::Dataset),
    /// Ask for samples, decide on requests, and follow what comes of them
    #[command(subcommand)]
    Request(request::Request),
    /// Group requests into campaigns, and sum them up
    #[command(subcommand)]
    Campaign(campaign::Campaign),
    /// Look at, create and follow productions, and take their tasks
    #[command(subcommand)]
    Production(production::Production),
    /// Look at and declare the steps that productions are made of
    #[command(subcommand)]
    Step(step::Step),
    /// Look at and declare processing passes
    #[command(subcommand)]
    Pass(pass::Pass),
    /// Report and look at jobs, and what could not be taken of their reports
    #[command(subcommand)]
    Job(job::Job),
    /// See what files were made from, and what was made from them
    #[command(subcommand)]
    Provenance(provenance::Provenance),
    /// Record where copies of files are
    #[command(subcommand)]
    Replica(replica::Replica),
    /// Runs, fills, luminosity and sections
    #[command(subcommand)]
    Run(run::Run),
    /// Say and show the quality of runs and files
    #[command(subcommand)]
    Quality(quality::Quality),
    /// Look at and declare types of events
    #[command(subcommand)]
    EventType(condition::EventTypes),
    /// Look at and declare sets of metadata
    #[command(subcommand)]
    MetadataSet(condition::MetadataSets),
    /// Look at and declare conditions of data taking and simulation
    #[command(subcommand)]
    Condition(condition::ConditionSets),
    /// Look at and declare releases of programs, and where they are installed
    #[command(subcommand)]
    Software(condition::Releases),
    /// Look at and declare sets of background frames, and the sites that hold them
    #[command(subcommand)]
    Background(condition::Backgrounds),
    /// Look at and declare storage elements and sites
    #[command(subcommand)]
    Se(se::Se),
    /// Look at and declare communities
    #[command(subcommand)]
    Community(community::Community),
    /// Look at and apply the metadata schema of a community
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Look at who changed what, when and why
    Audit(audit::Audit),
    /// Prove that what is kept is right
    #[command(subcommand)]
    Verify(verify::Verify),
    /// Play what a production system does, for tests and measurements
    #[command(subcommand)]
    Simulate(simulate::Simulate),
    /// Say what a proxy or certificate would be to the service, and why
    #[command(subcommand)]
    Pki(pki::Pki),
    /// Look for mistakes in a DIRAC configuration
    #[command(subcommand)]
    Cfg(cfg::Cfg),
    /// Show what DIRAC's clients can ask, with an example of each
    Methods(methods::Methods),
    /// Prepare the database
    #[command(subcommand)]
    Db(db::Db),
    /// Write the configuration of the service
    #[command(subcommand)]
    Config(config::Config),
    /// Write the completions of a shell
    Completions(completions::Completions),
}

impl Command {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::Serve(command) => command.run(context).await,
            Self::Import(command) => command.run(context).await,
            Self::Export(command) => command.run(context).await,
            Self::Query(command) => command.run(context).await,
            Self::File(command) => command.run(context).await,
            Self::Dir(command) => command.run(context).await,
            Self::Dataset(command) => Box::pin(command.run(context)).await,
            Self::Request(command) => command.run(context).await,
            Self::Campaign(command) => command.run(context).await,
            Self::Production(command) => Box::pin(command.run(context)).await,
            Self::Step(command) => command.run(context).await,
            Self::Pass(command) => command.run(context).await,
            Self::Job(command) => command.run(context).await,
            Self::Provenance(command) => command.run(context).await,
            Self::Replica(command) => command.run(context).await,
            Self::Run(command) => command.run(context).await,
            Self::Quality(command) => command.run(context).await,
            Self::EventType(command) => command.run(context).await,
            Self::MetadataSet(command) => command.run(context).await,
            Self::Condition(command) => command.run(context).await,
            Self::Software(command) => command.run(context).await,
            Self::Background(command) => command.run(context).await,
            Self::Se(command) => command.run(context).await,
            Self::Community(command) => command.run(context).await,
            Self::Schema(command) => command.run(context).await,
            Self::Audit(command) => command.run(context).await,
            Self::Verify(command) => command.run(context).await,
            Self::Simulate(command) => command.run(context).await,
            Self::Pki(command) => command.run(context).await,
            Self::Cfg(command) => command.run(context).await,
            Self::Methods(command) => command.run(context).await,
            Self::Db(command) => command.run(context).await,
            Self::Config(command) => command.run(context),
            Self::Completions(command) => command.run(context),
        }
    }
}
