use clap::Subcommand;
use sbk_api::Problem;
use serde_json::json;

use crate::{
    connection::{Target, open_database},
    context::Context,
    failure::Failure,
};

/// What to do with the database.
#[derive(Debug, Subcommand)]
pub enum Db {
    /// Bring the tables up to this version of the program
    #[command(after_help = "\
Examples:
  sbk db migrate --database sqlite:sbk.db
  sbk db migrate --database postgres://sbk@db.example.org/sbk

`sbk serve` does it for an empty database.")]
    Migrate,
    /// Say which migrations the database still needs
    #[command(after_help = "Examples:\n  sbk db status --database sqlite:sbk.db --json")]
    Status,
}

impl Db {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let url = match &context.target {
            Target::Database(url) => url.clone(),
            Target::Default if context.config.is_some() => context.configuration()?.database.url,
            Target::Default | Target::Server(_) => {
                let text = "name the database with --database URL, for instance sqlite:sbk.db, \
                            or with --config FILE";
                return Err(Failure::Usage(text.to_owned()));
            }
        };
        let service = open_database(&url).await?;
        let (what, names) = match self {
            Self::Migrate => ("applied", service.migrate().await),
            Self::Status => ("pending", service.pending_migrations().await),
        };
        let names = names.map_err(Problem::from)?;
        let sentence = if names.is_empty() {
            "the database is up to date".to_owned()
        } else {
            format!("{what}: {}", names.join(", "))
        };
        context.say(&json!({ what: names }), &sentence)
    }
}
