use std::{collections::BTreeMap, fs, path::PathBuf};

use clap::{Args, Subcommand};
use sbk_api::{
    Chain, ChainForm, GetAncestors, GetChain, GetDescendants, GetSiblings, ListOpenEdges, PageArgs,
    SetParents,
};
use sbk_model::{Lfn, Vo};

use crate::{bulk, cell::Cell, context::Context, failure::Failure, input};

/// What to ask about where files come from.
#[derive(Debug, Subcommand)]
pub enum Provenance {
    /// Find what files were made from
    #[command(after_help = "\
Examples:
  sbk provenance ancestors /superb/dst/1.dst --depth 5
  sbk query 'file_type = DST' --plain | sbk provenance ancestors - --depth 10 --json")]
    Ancestors(Walk),
    /// Find what was made from files
    #[command(after_help = "\
Examples:
  sbk provenance descendants /superb/gen/1.gen --depth 5
  sbk provenance descendants /superb/gen/1.gen --retired")]
    Descendants(Walk),
    /// Find what was made together with files
    #[command(after_help = "Examples:\n  sbk provenance siblings /superb/dst/1.dst")]
    Siblings {
        /// The files; - reads one a line from the standard input
        #[arg(required = true, value_name = "LFN")]
        lfns: Vec<String>,
        /// Show retired files, too
        #[arg(long)]
        retired: bool,
    },
    /// Show how a file came about, as a picture or for programs
    #[command(after_help = "\
Examples:
  sbk provenance chain /superb/dst/1.dst
  sbk provenance chain /superb/dst/1.dst --form svg --out chain.svg
  sbk provenance chain /superb/dst/1.dst --form prov --down 3 > prov.json")]
    Chain {
        /// The file
        lfn: Lfn,
        /// How many generations up to go
        #[arg(long, value_name = "N")]
        up: Option<u32>,
        /// How many generations down to go
        #[arg(long, value_name = "N")]
        down: Option<u32>,
        /// In which form: graph, svg, dot or prov (PROV-JSON)
        #[arg(long, default_value = "graph")]
        form: ChainForm,
        /// Write to this file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// List files that others were made from and that are not in the catalogue
    #[command(after_help = "Examples:\n  sbk provenance open --vo superb")]
    Open {
        /// Only those of this community
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Option<Vo>,
        /// Show at most so many files
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Say what a file was made from, where no job is known
    #[command(after_help = "\
Examples:
  sbk provenance set-parents /superb/dst/1.dst /superb/raw/1.raw /superb/raw/2.raw --vo superb")]
    SetParents {
        /// The file
        lfn: Lfn,
        /// What it was made from; it need not be in the catalogue yet
        #[arg(required = true, value_name = "PARENT")]
        parents: Vec<Lfn>,
        /// The community of the file
        #[arg(long, env = "SBK_VO", hide_env_values = true)]
        vo: Vo,
    },
}

/// Where a walk begins, and how far it goes.
#[derive(Debug, Args)]
pub struct Walk {
    /// The files; - reads one a line from the standard input
    #[arg(required = true, value_name = "LFN")]
    lfns: Vec<String>,
    /// How many generations to go, at most 100
    #[arg(long, value_name = "N", default_value_t = 1)]
    depth: u32,
    /// Show retired files, too; the walk goes through them always
    #[arg(long)]
    retired: bool,
    /// Show at most so many files
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Provenance {
    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let page = PageArgs::default();
        match self {
            Self::Ancestors(Walk { lfns, depth, retired, limit }) => {
                let lfns = input::names(&lfns)?;
                let listing = GetAncestors { lfns, depth: Some(depth), retired, page };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
            }
            Self::Descendants(Walk { lfns, depth, retired, limit }) => {
                let lfns = input::names(&lfns)?;
                let listing = GetDescendants { lfns, depth: Some(depth), retired, page };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
            }
            Self::Siblings { lfns, retired } => {
                let listing = GetSiblings { lfns: input::names(&lfns)?, retired, page };
                context.output.list(context.connect().await?.stream(listing, None)).await?;
            }
            Self::Chain { lfn, up, down, form, out } => {
                let operation = GetChain { lfn, up, down, form };
                let chain = context.connect().await?.call(operation).await?;
                return draw(context, &chain, form, out);
            }
            Self::Open { vo, limit } => {
                let listing = ListOpenEdges { vo, page };
                context.output.list(context.connect().await?.stream(listing, limit)).await?;
            }
            Self::SetParents { lfn, parents, vo } => {
                let operation = SetParents { vo, parents: BTreeMap::from([(lfn, parents)]) };
                let result = context.connect().await?.call(operation).await?;
                return bulk::report(&mut context.output, &result);
            }
        }
        Ok(())
    }
}

/// Writes a chain in its form: text as it is, a graph as a list of steps.
fn draw(
    context: &mut Context,
    chain: &Chain,
    form: ChainForm,
    out: Option<PathBuf>,
) -> Result<(), Failure> {
    if chain.cut {
        eprintln!("warning: the chain has too many files, not all are shown; ask for less depth");
    }
    let text = match form {
        ChainForm::Graph => {
            return match out {
                None if context.output.format().is_human() => steps(context, chain),
                None => context.output.json(chain),
                Some(file) => write(&file, &pretty(chain)?),
            };
        }
        ChainForm::Svg | ChainForm::Dot => chain.text.clone().unwrap_or_default(),
        ChainForm::Prov => pretty(&chain.prov)?,
    };
    if let Some(file) = out {
        return write(&file, &text);
    }
    context.output.line(text)?;
    context.output.flush()
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value).map_err(|error| Failure::Local(error.to_string()))
}

fn write(file: &PathBuf, text: &str) -> Result<(), Failure> {
    fs::write(file, text).map_err(|error| Failure::io(file.display(), &error))
}

/// Shows the steps of a chain: what each used and made.
fn steps(context: &mut Context, chain: &Chain) -> Result<(), Failure> {
    for step in &chain.steps {
        let name = |name: Option<String>| name.map(|name| format!(" {name}")).unwrap_or_default();
        let job = step.job.as_ref().map_or("declared", |job| job.as_str());
        let program = name(step.application.as_ref().map(ToString::to_string));
        let version = name(step.version.as_ref().map(ToString::to_string));
        let site = step.site.as_ref().map(|site| format!(" at {site}")).unwrap_or_default();
        context.output.line(format_args!("{job} step {}:{program}{version}{site}", step.step))?;
        for (what, files) in [("used", &step.used), ("made", &step.made)] {
            for lfn in files {
                let absent = chain.files.get(lfn.as_str()).is_some_and(|f| f.status.is_none());
                let note = if absent { "  (not in the catalogue)" } else { "" };
                context.output.line(format_args!("  {what}  {}{note}", Cell::text(lfn).human()))?;
            }
        }
    }
    if chain.steps.is_empty() {
        context.output.line("nothing is known of how it was made")?;
    }
    context.output.flush()
}
