use clap::Args;
use sbk_api::{
    ExpireTasks, GetTask, ListTasks, PageArgs, ResetTasks, SetTaskState, TakeTasks, TaskSteps,
};
use sbk_model::{IdempotencyKey, Label, Reason, SiteName, TaskState, Vo};

use super::Named;
use crate::{cell::Cell, context::Context, failure::Failure, human};

/// Which tasks.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    named: Named,
    /// Only those in this state: created, submitted, running, done, failed or abandoned
    #[arg(long)]
    state: Option<TaskState>,
    /// Only those at this site
    #[arg(long)]
    site: Option<SiteName>,
    /// Show at most so many tasks
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl List {
    /// Lists the tasks.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let listing = ListTasks {
            production: self.named.name,
            vo: self.named.vo,
            state: self.state,
            site: self.site,
            page: PageArgs::default(),
        };
        context.output.list(context.connect().await?.stream(listing, self.limit)).await?;
        Ok(())
    }
}

/// Which task.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    named: Named,
    /// The number of the task
    task: u32,
}

impl Show {
    /// Shows the task.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let (production, vo) = (self.named.name, self.named.vo);
        let operation = GetTask { production, task: self.task, vo };
        let task = context.connect().await?.call(operation).await?;
        let summary = &task.summary;
        let jobs = task.jobs.iter().map(|job| {
            let (name, state, standing) = (&job.name, job.state, job.standing);
            format!("{name} (attempt {}): {state}, {standing}", job.attempt)
        });
        let fields = [
            ("production", Cell::text(&task.production)),
            ("task", Cell::Count(summary.task.into())),
            ("state", Cell::text(summary.state)),
            ("reason", Cell::optional(summary.reason.as_ref())),
            ("attempts", Cell::Count(summary.attempts.into())),
            ("seed", Cell::optional(summary.seed)),
            ("first event", Cell::optional(summary.first_event)),
            ("events", Cell::count(summary.events)),
            ("site", Cell::optional(summary.site.as_ref())),
            ("worker", Cell::optional(summary.worker.as_ref())),
            ("lease until", summary.lease_until.map_or(Cell::Missing, Cell::Time)),
            ("modified", Cell::Time(summary.modified)),
            ("inputs", Cell::list(&task.inputs)),
            ("jobs", Cell::list(jobs)),
        ];
        context.output.show(&task, &fields)
    }
}

/// What to take.
#[derive(Debug, Args)]
pub struct Take {
    #[command(flatten)]
    named: Named,
    /// The most tasks to take
    #[arg(long, value_name = "N", default_value_t = 1)]
    limit: u32,
    /// The site that takes them; replicas there come first
    #[arg(long)]
    site: Option<SiteName>,
    /// Who takes them
    #[arg(long, value_name = "NAME")]
    worker: Option<Label>,
    /// How long they are taken, in seconds; a day without it
    #[arg(long, value_name = "SECONDS")]
    lease: Option<u32>,
    /// Take failed ones again when no new ones are left
    #[arg(long)]
    retry_failed: bool,
    /// A name for this call: the same call again gets the same tasks for a day
    #[arg(long, value_name = "NAME")]
    key: Option<IdempotencyKey>,
}

impl Take {
    /// Takes tasks.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let operation = TakeTasks {
            production: self.named.name,
            vo: self.named.vo,
            limit: Some(self.limit),
            site: self.site,
            worker: self.worker,
            lease_seconds: self.lease,
            retry_failed: self.retry_failed,
            key: self.key,
        };
        let taken = context.connect().await?.call(operation).await?;
        let lines = taken.tasks.iter().map(|task| {
            let events = match (task.first_event, task.events) {
                (Some(first), Some(events)) => format!(", {events} events from {first}"),
                (None, Some(events)) => format!(", {events} events"),
                _ => String::new(),
            };
            let seed = task.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
            let inputs = task.inputs.iter().map(|input| format!("\n  {}", input.lfn));
            let inputs = inputs.collect::<Vec<_>>().concat();
            let (number, attempt, until) = (task.task, task.attempt, task.lease_until);
            format!("task {number}, attempt {attempt}, until {until}{events}{seed}{inputs}")
        });
        let lines: Vec<String> = lines.collect();
        let sentence =
            if lines.is_empty() { "no tasks can be taken".into() } else { lines.join("\n") };
        context.say(&taken, &sentence)
    }
}

/// What to change.
#[derive(Debug, Args)]
pub struct SetState {
    #[command(flatten)]
    named: Named,
    /// The new state: created, submitted, running, failed or abandoned
    state: TaskState,
    /// The numbers of the tasks
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<u32>,
    /// The attempt that says so
    #[arg(long, value_name = "N")]
    attempt: Option<u16>,
    /// The site where they are
    #[arg(long)]
    site: Option<SiteName>,
    /// A new lease in seconds
    #[arg(long, value_name = "SECONDS")]
    lease: Option<u32>,
    /// Why, in words that are the same for what is alike
    #[arg(long)]
    reason: Option<Label>,
}

impl SetState {
    /// Changes the tasks.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let Named { name, vo } = self.named;
        let (state, attempt, lease) = (self.state, self.attempt, self.lease);
        let operation = |tasks| SetTaskState {
            production: name.clone(),
            vo: vo.clone(),
            tasks,
            state,
            attempt,
            site: self.site.clone(),
            lease_seconds: lease,
            reason: self.reason.clone(),
        };
        context.in_batches(self.tasks, operation).await
    }
}

/// What to reset.
#[derive(Debug, Args)]
pub struct Reset {
    #[command(flatten)]
    named: Named,
    /// Only those that failed for this reason
    #[arg(long, value_name = "REASON")]
    failed_for: Option<Label>,
    /// Why
    #[arg(long)]
    reason: Reason,
}

impl Reset {
    /// Resets the tasks.
    pub async fn run(self, context: &mut Context) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let mut sum = TaskSteps::default();
        while !sum.done {
            let operation = ResetTasks {
                production: self.named.name.clone(),
                vo: self.named.vo.clone(),
                failed_for: self.failed_for.clone(),
                reason: self.reason.clone(),
            };
            let step = connection.call(operation).await?;
            sum = TaskSteps { done: step.done, tasks: sum.tasks + step.tasks };
        }
        let tasks = human::things(sum.tasks, "task", "tasks");
        context.say(&sum, &format!("{tasks} can be taken again"))
    }
}

/// Takes tasks back whose leases have ended.
pub async fn expire(context: &mut Context, vo: Option<Vo>) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let mut sum = TaskSteps::default();
    while !sum.done {
        let step = connection.call(ExpireTasks { vo: vo.clone(), production: None }).await?;
        sum = TaskSteps { done: step.done, tasks: sum.tasks + step.tasks };
    }
    let tasks = human::things(sum.tasks, "task", "tasks");
    context.say(&sum, &format!("{tasks} taken back"))
}
