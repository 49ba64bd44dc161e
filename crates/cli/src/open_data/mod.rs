//! Import of dataset records of the CERN Open Data portal.
//!
//! The files are read twice: once to see that all of them can be read, and how much there is, and
//! once to import them. What is held in memory is one group of records, and the names of all.

mod convert;
mod load;
mod report;
mod schema;
mod source;
mod storage;

use std::path::PathBuf;

use sbk_model::Vo;

use crate::{context::Context, failure::Failure, progress::Display, promotion::promote};

/// Imports the records of files.
pub async fn import(context: &mut Context, files: &[PathBuf], vo: Vo) -> Result<(), Failure> {
    let survey = source::survey(files)?;
    let connection = context.connect_to_fill().await?;
    let visible = context.shows_progress();
    schema::prepare(&connection, &vo).await?;
    let elements = storage::Elements::read(&connection).await?;

    let display = Display::counted(visible, "files", survey.files);
    let mut load = load::Load::new(connection.clone(), vo, elements, &survey, display.clone());
    let mut items = source::items(files);
    while let Some(item) = items.recv().await {
        load.take(item?).await?;
    }
    let report = load.finish().await?;
    display.end();
    // Also where an earlier import was cut short before it came here.
    promote(&connection, visible).await?;

    report.write(&mut context.output)
}
