use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use flate2::{Compression, write::GzEncoder};
use futures::TryStreamExt;
use sbk_api::{ExportRecords, PageArgs};
use sbk_model::Vo;

use crate::{context::Context, failure::Failure, human, input, progress::Display};

/// What to take out.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Write everything as one JSON record a line, in an order that can be imported
    #[command(after_help = "\
Examples:
  sbk export ndjson -o everything.ndjson.gz
  sbk export ndjson --vo superb | sbk import ndjson - --database sqlite:copy.db

A file whose name ends in .gz is compressed. It gets its name when it is complete.")]
    Ndjson {
        /// Write to this file; the standard output when absent
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Only what belongs to this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
    },
}

impl Export {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self::Ndjson { output, vo } = self;
        let output = output.filter(|path| !input::is_standard(path));
        match output {
            None => {
                let mut writer = BufWriter::with_capacity(1 << 16, io::stdout());
                export(context, vo, &mut writer).await?;
                writer.flush().map_err(|error| Failure::output(&error))
            }
            Some(path) => {
                let number = export_to_file(context, vo, &path).await?;
                let records = human::things(number, "record", "records");
                let value = serde_json::json!({ "records": number });
                context.say(&value, &format!("wrote {records} to {}", path.display()))
            }
        }
    }
}

/// Writes to a file that gets its name when it is complete.
async fn export_to_file(context: &Context, vo: Option<Vo>, path: &Path) -> Result<u64, Failure> {
    let named = |error: io::Error| Failure::io(path.display(), &error);
    let mut partial = path.as_os_str().to_owned();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let file = BufWriter::with_capacity(1 << 16, File::create(&partial).map_err(named)?);
    let number = if input::is_gzip(path) {
        let mut encoder = GzEncoder::new(file, Compression::default());
        let number = export(context, vo, &mut encoder).await?;
        encoder.finish().and_then(|mut file| file.flush()).map_err(named)?;
        number
    } else {
        let mut file = file;
        let number = export(context, vo, &mut file).await?;
        file.flush().map_err(named)?;
        number
    };
    fs::rename(&partial, path).map_err(named)?;
    Ok(number)
}

/// Writes all records, and says how many there were.
async fn export(
    context: &Context,
    vo: Option<Vo>,
    writer: &mut impl Write,
) -> Result<u64, Failure> {
    let connection = context.connect().await?;
    let display = Display::spinner(context.shows_progress(), "exporting");
    let mut records = connection.stream(ExportRecords { vo, page: PageArgs::default() }, None);
    let mut number = 0;
    while let Some(record) = records.try_next().await? {
        let mut line = serde_json::to_vec(&record)
            .map_err(|error| Failure::Local(format!("record {number}: {error}")))?;
        line.push(b'\n');
        writer.write_all(&line).map_err(|error| Failure::output(&error))?;
        number += 1;
        if number % 1000 == 0 {
            display.say(human::things(number, "record", "records"));
        }
    }
    display.end();
    Ok(number)
}
