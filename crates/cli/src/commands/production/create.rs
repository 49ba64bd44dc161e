use std::collections::BTreeMap;

use clap::Args;
use sbk_api::{CreateProduction, EventRanges, InputSelection, NewProduction, PassRef, StepRef};
use sbk_model::{DatasetName, FileType, ProductionKind, ProductionName, RequestName, Vo};

use crate::{bulk, commands::recipe::Tag, context::Context, failure::Failure};

/// What to create.
#[derive(Debug, Args)]
pub struct Create {
    /// Its name
    name: ProductionName,
    /// The community that it belongs to
    #[arg(long, env = "SBK_VO", hide_env_values = true)]
    vo: Vo,
    /// What it does: simulation, processing, merging, selection or other
    #[arg(long, default_value_t)]
    kind: ProductionKind,
    /// The processing pass, NAME or NAME@VERSION
    #[arg(long, conflicts_with = "steps")]
    pass: Option<PassRef>,
    /// A step, NAME or NAME@VERSION, in place of a pass; several are in order
    #[arg(long = "step", value_name = "STEP")]
    steps: Vec<StepRef>,
    /// The query that finds its inputs
    #[arg(long, value_name = "EXPR", conflicts_with_all = ["dataset", "events"])]
    query: Option<String>,
    /// The dataset that holds its inputs
    #[arg(long, conflicts_with = "events")]
    dataset: Option<DatasetName>,
    /// How many events it makes, where it has no inputs
    #[arg(long, value_name = "N", requires = "per_task")]
    events: Option<u64>,
    /// How many input files, or events, one task gets; one file without it
    #[arg(long, value_name = "N")]
    per_task: Option<u64>,
    /// The number of the first event
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true)]
    first_event: i64,
    /// The seed of a task is this and its number
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed_base: i64,
    /// The dataset that outputs of a type join
    #[arg(long = "output", value_name = "TYPE=DATASET")]
    outputs: Vec<Tag>,
    /// The request that it serves
    #[arg(long)]
    request: Option<RequestName>,
    /// How urgent it is; more is sooner
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    priority: i32,
    /// How often a task is handed out before it has failed for good
    #[arg(long, value_name = "N")]
    max_attempts: Option<u16>,
    /// What is to be said about it
    #[arg(long)]
    comment: Option<String>,
}

impl Create {
    /// Creates the production.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let mut outputs: BTreeMap<FileType, DatasetName> = BTreeMap::new();
        for tag in &self.outputs {
            let wrong = |e: sbk_model::Invalid| Failure::Usage(e.to_string());
            outputs.insert(tag.name.parse().map_err(wrong)?, tag.value.parse().map_err(wrong)?);
        }
        let per_task = self.per_task.unwrap_or(1);
        let input = (self.query.is_some() || self.dataset.is_some()).then_some(InputSelection {
            query: self.query,
            dataset: self.dataset,
            files_per_task: u32::try_from(per_task).unwrap_or(u32::MAX),
        });
        let events = self.events.map(|events| EventRanges {
            events,
            events_per_task: per_task,
            first_event: self.first_event,
            seed_base: self.seed_base,
        });
        let production = NewProduction {
            name: self.name,
            kind: self.kind,
            pass: self.pass,
            steps: self.steps,
            input,
            events,
            outputs,
            request: self.request,
            priority: self.priority,
            max_attempts: self.max_attempts,
            comment: self.comment,
        };
        let name = production.name.clone();
        let operation = CreateProduction { vo: self.vo, production };
        let done = context.connect().await?.call(operation).await?;
        bulk::done(&mut context.output, name.as_str(), done)
    }
}
