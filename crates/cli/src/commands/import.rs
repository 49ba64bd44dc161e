use std::{fs, path::PathBuf};

use clap::Subcommand;
use sbk_api::{BulkResult, ImportRecords, Outcome, Record, ReportFormat};
use sbk_model::Vo;

use crate::{
    bulk,
    connection::Connection,
    context::Context,
    dfc::Dfc,
    failure::Failure,
    input::{self, Lines},
    open_data,
    progress::Display,
    report_import,
};

/// The most bytes of records in one call.
const MAX_BATCH: usize = 8 << 20;

/// What to bring in.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// Import dataset records of the CERN Open Data portal
    #[command(after_help = "\
Examples:
  sbk import cern-open-data delphi-datasets-1994.json --vo delphi
  sbk import cern-open-data cms-*.json --vo cms --json

It declares the community with its schema, the storage elements, the datasets and their files. It
can be cut short and run again: what is there already is left unchanged. The exit code is 7 where
something was refused.")]
    CernOpenData {
        /// Lists of records; names that end in .gz are decompressed
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The community that the datasets belong to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
    /// Import reports of jobs: our JSON, LHCb XML, Gaudi summaries, CMS bulk blocks
    #[command(after_help = "\
Examples:
  sbk import job-reports reports.ndjson --vo superb
  sbk import job-reports summaryBrunel_00012448_00013484_1.xml --vo lhcb
  sbk import job-reports /logs/2026/ --vo lhcb --json
  sbk import job-reports --format bulk_block blocks/*.json --vo cms

Folders are searched for files that end in .xml, .json, .ndjson or .jsonl, also with .gz. A JSON
file has one report, a list of them, or one a line. A Gaudi summary is about the job that its file
is named after. It can be run again: a report that came before is not counted again. What cannot
be taken is kept in the quarantine, and the exit code is 7.")]
    JobReports {
        /// Files, or folders that have them; names that end in .gz are decompressed
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        /// The community that the jobs belong to
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
        /// The format: auto, json, lhcb, gaudi or `bulk_block`
        #[arg(long, default_value = "auto")]
        format: ReportFormat,
    },
    /// Import the catalogue of a DIRAC FileCatalog, from its database
    #[command(after_help = "\
Examples:
  sbk import dfc --from mysql://reader:secret@db.example/FileCatalogDB --vo superb
  sbk import dfc --vo superb --state place.json     with the URL in SBK_DFC_URL

It reads directories, files, replicas, owners, states, metadata with their types, ancestors and
datasets, from tables of both families, as they were at one moment, and writes nothing there. It can
be cut short and run again, and run again to take what is new. At the end it shows the numbers of
both sides; the exit code is 7 where they differ, or where something could not be taken. Compare
answers call by call with sbk-compare-catalogs of the DIRAC extension.")]
    Dfc(Dfc),
    /// Import what `sbk export ndjson` wrote
    #[command(after_help = "\
Examples:
  sbk import ndjson everything.ndjson.gz
  sbk export ndjson | sbk import ndjson - --database sqlite:copy.db

It can be cut short and run again: what is there already is left unchanged.")]
    Ndjson {
        /// The records; - reads the standard input, names that end in .gz are decompressed
        file: PathBuf,
    },
}

impl Import {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        match self {
            Self::CernOpenData { files, vo } => open_data::import(context, &files, vo).await,
            Self::JobReports { paths, vo, format } => {
                report_import::import(context, &paths, vo, format).await
            }
            Self::Dfc(dfc) => crate::dfc::import(context, dfc).await,
            Self::Ndjson { file } => {
                let lines = Lines::new(input::open(&file)?);
                let compressed = input::is_gzip(&file) || input::is_standard(&file);
                let length = fs::metadata(&file).ok().filter(|_| !compressed);
                let visible = context.shows_progress();
                let display = match length {
                    Some(length) => Display::bytes(visible, "importing", length.len()),
                    None => Display::spinner(visible, "importing"),
                };
                let connection = context.connect_to_fill().await?;
                let import = NdjsonImport { lines, display, result: BulkResult::default() };
                let result = import.run(&connection).await?;
                bulk::report(&mut context.output, &result)
            }
        }
    }
}

/// An import of records in the middle of its work.
struct NdjsonImport<R> {
    lines: Lines<R>,
    display: Display,
    result: BulkResult,
}

/// Records of one call, each with the number of its line.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    lines: Vec<u64>,
    bytes: usize,
}

impl<R: std::io::Read> NdjsonImport<R> {
    /// Imports all records.
    async fn run(mut self, connection: &Connection) -> Result<BulkResult, Failure> {
        loop {
            let batch = self.batch()?;
            if batch.records.is_empty() {
                self.display.end();
                return Ok(self.result);
            }
            let Batch { records, lines, bytes } = batch;
            let result = connection.call(ImportRecords { records }).await.map_err(|problem| {
                let (first, last) = (lines.first().copied(), lines.last().copied());
                let place =
                    format!("lines {} to {}", first.unwrap_or_default(), last.unwrap_or_default());
                sbk_api::Problem { detail: format!("{place}: {}", problem.detail), ..problem }
            })?;
            self.count(result, &lines);
            self.display.advance(bytes as u64);
            self.display.say(bulk::summary(&self.result));
        }
    }

    /// Reads the records of the next call.
    fn batch(&mut self) -> Result<Batch, Failure> {
        let mut batch = Batch::default();
        while batch.records.len() < bulk::BATCH && batch.bytes < MAX_BATCH {
            let Some((number, line)) = self.lines.next()? else { break };
            let record = serde_json::from_str(&line)
                .map_err(|error| Failure::Usage(format!("line {number}: {error}")))?;
            batch.records.push(record);
            batch.lines.push(number);
            batch.bytes += line.len();
        }
        Ok(batch)
    }

    /// Counts the results of a call, and keeps those that were refused, with their lines.
    fn count(&mut self, mut result: BulkResult, lines: &[u64]) {
        let results = std::mem::take(&mut result.results);
        bulk::add(&mut self.result, result);
        for (mut item, line) in results.into_iter().zip(lines) {
            if item.outcome == Outcome::Refused {
                item.name = format!("line {line}: {}", item.name);
                self.result.results.push(item);
            }
        }
    }
}
