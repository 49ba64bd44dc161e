use clap::Args;
use sbk_api::{
    CountFiles, ExplainQuery, Explanation, FindFiles, PageArgs, PostFindFiles, Selection,
};
use sbk_model::Vo;
use serde_json::Value;

use crate::{cell::Cell, context::Context, failure::Failure, output::Output};

/// What to find, and how to show it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sbk query 'energy > 89 GeV and not status = bad order by lfn'
  sbk query 'generator = \"pythia\"' --vo delphi --limit 10
  sbk query --where '{\"energy\": {\">\": 89}}' --count
  sbk query 'run = 5' --explain
  sbk query 'run = 5' --plain | sbk file status bad -

Results come in pages from the service and are shown as they come. --plain writes one LFN a line,
--ndjson one file with all that is known of it a line, --json one array.")]
#[expect(clippy::struct_excessive_bools, reason = "they are switches of the command line")]
pub struct Query {
    /// The query as text
    #[arg(value_name = "EXPR")]
    expr: Option<String>,
    /// The query as JSON, in place of EXPR
    #[arg(long = "where", value_name = "JSON", conflicts_with = "expr", value_parser = json)]
    filter: Option<Value>,
    /// Only files of this community
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Option<Vo>,
    /// Show at most so many files
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Show the replicas, too (JSON)
    #[arg(long)]
    replicas: bool,
    /// Show the metadata, too (JSON)
    #[arg(long)]
    metadata: bool,
    /// Count the files, their bytes and events
    #[arg(long, conflicts_with_all = ["explain", "limit"])]
    count: bool,
    /// Say how the query would be run
    #[arg(long)]
    explain: bool,
}

impl Query {
    /// Runs the query.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { expr, filter, vo, limit, replicas, metadata, count, explain } = self;
        if expr.is_none() && filter.is_none() && vo.is_none() {
            let text = "say what to find: give EXPR, --where JSON, or --vo for all of a community";
            return Err(Failure::Usage(text.to_owned()));
        }
        let connection = context.connect().await?;
        let selection = Selection { expr, filter, vo };
        if count {
            let totals = connection.call(CountFiles { selection }).await?;
            let fields = [
                ("files", Cell::Count(totals.files)),
                ("size", Cell::Bytes(totals.bytes)),
                ("events", Cell::Count(totals.events)),
            ];
            return context.output.show(&totals, &fields);
        }
        if explain {
            let explanation = connection.call(ExplainQuery { selection }).await?;
            return show(&mut context.output, &explanation);
        }
        let page = PageArgs::default();
        let query = PostFindFiles(FindFiles { selection, replicas, metadata, page });
        context.output.list(connection.stream(query, limit)).await?;
        Ok(())
    }
}

/// Reads a JSON argument.
fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("this is no JSON: {error}"))
}

/// Shows how a query would be run.
fn show(output: &mut Output, explanation: &Explanation) -> Result<(), Failure> {
    let warnings = explanation.warnings.join("; ");
    let fields = [
        ("query", Cell::text(&explanation.query)),
        ("estimated files", Cell::count(explanation.estimated_files)),
        ("warnings", if warnings.is_empty() { Cell::Missing } else { Cell::Text(warnings) }),
    ];
    output.show(explanation, &fields)?;
    if output.format().is_human() {
        output.line("plan")?;
        for line in &explanation.plan {
            output.line(format_args!("  {line}"))?;
        }
    }
    output.flush()
}
