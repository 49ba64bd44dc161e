//! Import of the catalogue of a DIRAC FileCatalog, from its database.
//!
//! One task reads the catalogue and another writes what was read, so that both databases work at once.
//! After each page the place is kept where a state file is named, and a later run goes on there. Without
//! one a later run reads all again, and what is there is left unchanged.

mod check;
mod load;
mod report;
mod schema;
mod state;

use std::path::PathBuf;

use clap::Args;
use sbk_dfc::{Communities, Source};
use sbk_model::Vo;
use sbk_service::{Environment, SystemEnvironment};

use crate::{context::Context, failure::Failure, progress::Display, promotion::promote};

/// What to import.
#[derive(Debug, Args)]
pub struct Dfc {
    /// The database of the catalogue: <mysql://user:password@host:3306/FileCatalogDB>. The user needs
    /// to read only
    #[arg(long, value_name = "URL", env = "SBK_DFC_URL", hide_env_values = true)]
    from: String,
    /// The community that the catalogue is of
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// The catalogue is of several communities, and the first part of a path names its own; what
    /// is in none goes to that of --vo
    #[arg(long)]
    multi_vo: bool,
    /// A file that keeps the place, so that an import that is cut short goes on there
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

impl From<sbk_dfc::Error> for Failure {
    fn from(error: sbk_dfc::Error) -> Self {
        match error {
            sbk_dfc::Error::Url | sbk_dfc::Error::NoCatalogue(_) => {
                Self::Usage(format!("--from: {error}"))
            }
            error => Self::Local(error.to_string()),
        }
    }
}

/// Imports a catalogue.
pub async fn import(context: &mut Context, dfc: Dfc) -> Result<(), Failure> {
    let communities = Communities { usual: dfc.vo, by_path: dfc.multi_vo };
    let mut source = Source::open(&dfc.from, communities).await?;
    let counts = source.count().await?;
    let fields = source.fields().await?;
    let connection = context.connect_to_fill().await?;
    let visible = context.shows_progress();

    let mut state = state::State::read(dfc.state, &counts)?;
    schema::declare(&connection, &source, &fields).await?;
    promote(&connection, visible).await?;
    let files = Display::counted(visible, "files", counts.all_files());
    files.advance(state.place.report.read);
    let now = SystemEnvironment.now();
    let load = load::Load { connection: &connection, fields: &fields, display: &files, now };
    load.run(source, &mut state).await?;
    files.end();

    let checks = check::compare(&connection, &counts).await?;
    let report = state.finish()?;
    report.write(&mut context.output, &counts, checks)
}
