//! Splits a request into productions.

use std::path::PathBuf;

use clap::Args;
use sbk_api::SplitRequest;
use sbk_model::ProductionName;

use super::{Named, SampleFile};
use crate::{cell::Cell, context::Context, failure::Failure};

/// What to split into.
#[derive(Debug, Args)]
#[group(required = true, multiple = true, args = ["file", "attach", "detach"])]
pub struct Split {
    #[command(flatten)]
    named: Named,
    /// The productions to create, a TOML file; - reads the standard input
    file: Option<PathBuf>,
    /// A production that is there, to serve the request
    #[arg(long, value_name = "PRODUCTION")]
    attach: Vec<ProductionName>,
    /// A production that serves the request no longer
    #[arg(long, value_name = "PRODUCTION")]
    detach: Vec<ProductionName>,
}

impl Split {
    /// Splits the request.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Self { named: Named { name, vo }, file, attach, detach } = self;
        let productions = match &file {
            Some(path) => SampleFile::read(path)?.productions,
            None => Vec::new(),
        };
        let operation = SplitRequest { name, vo, productions, attach, detach };
        let split = context.connect().await?.call(operation).await?;
        if context.output.format().is_human() {
            for warning in &split.warnings {
                eprintln!("warning: {warning}");
            }
        }
        let fields = [
            ("created", Cell::list(&split.created)),
            ("attached", Cell::list(&split.attached)),
            ("detached", Cell::list(&split.detached)),
            ("datasets made", Cell::list(&split.datasets)),
            ("events planned", Cell::Count(split.planned)),
        ];
        context.output.show(&split, &fields)
    }
}
