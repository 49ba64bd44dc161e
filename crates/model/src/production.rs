//! The states of productions and their tasks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Invalid, status::states};

/// What a production does.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProductionKind {
    /// It makes events.
    #[default]
    Simulation,
    /// It works on the events of files.
    Processing,
    /// It puts files together.
    Merging,
    /// It selects events of files.
    Selection,
    /// Anything else.
    Other,
}

states!(ProductionKind, "kind", {
    Simulation = "simulation",
    Processing = "processing",
    Merging = "merging",
    Selection = "selection",
    Other = "other",
});

/// The state of a production.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProductionState {
    /// Its tasks are handed out.
    #[default]
    Active,
    /// No tasks are handed out for now.
    Paused,
    /// No tasks are made or handed out; what still reports is recorded.
    Closed,
    /// Closed, and not listed unless asked for.
    Archived,
}

states!(ProductionState, "state", {
    Active = "active",
    Paused = "paused",
    Closed = "closed",
    Archived = "archived",
});

impl ProductionState {
    /// Whether the state may be changed to another.
    pub fn may_become(self, next: Self) -> bool {
        use ProductionState::{Active, Archived, Closed, Paused};
        matches!(
            (self, next),
            (Active, Paused | Closed)
                | (Paused, Active | Closed)
                | (Closed, Active | Archived)
                | (Archived, Closed)
        )
    }

    /// The states that this one may be changed to.
    pub fn next(self) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |next| self.may_become(*next))
    }

    /// Whether tasks may be made.
    pub fn takes_inputs(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

/// How far a task is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TaskState {
    /// It can be handed out.
    #[default]
    Created,
    /// It was handed out.
    Submitted,
    /// Its job runs.
    Running,
    /// A job did it.
    Done,
    /// Its last job failed.
    Failed,
    /// It is given up.
    Abandoned,
}

states!(TaskState, "state", {
    Created = "created",
    Submitted = "submitted",
    Running = "running",
    Done = "done",
    Failed = "failed",
    Abandoned = "abandoned",
});

impl TaskState {
    /// Whether somebody may change the state to another. Only a job's report makes a task done.
    pub fn may_become(self, next: Self) -> bool {
        use TaskState::{Abandoned, Created, Failed, Running, Submitted};
        matches!(
            (self, next),
            (Created, Submitted | Running | Abandoned)
                | (Submitted, Created | Running | Failed | Abandoned)
                | (Running, Created | Failed | Abandoned)
                | (Failed, Created | Abandoned)
                | (Abandoned, Created)
        )
    }

    /// The states that this one may be changed to.
    pub fn next(self) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |next| self.may_become(*next))
    }

    /// Whether somebody works on it.
    pub fn is_in_flight(self) -> bool {
        matches!(self, Self::Submitted | Self::Running)
    }
}

/// Why an input of a production has no good output.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// It waits for a task.
    Unassigned,
    /// Its task was not handed out yet.
    Created,
    /// Its task was handed out, and does not run yet.
    Submitted,
    /// Its task runs.
    Running,
    /// The last job of its task failed.
    Failed,
    /// Its task was given up.
    Abandoned,
    /// Its task is done, but the job did not read it, or made nothing from it.
    NotUsed,
    /// What was made from it is bad.
    OutputBad,
    /// What was made from it is lost.
    OutputLost,
    /// What was made from it was retired.
    OutputRetired,
    /// What was made from it was removed for good.
    OutputRemoved,
}

states!(Missing, "reason", {
    Unassigned = "unassigned",
    Created = "created",
    Submitted = "submitted",
    Running = "running",
    Failed = "failed",
    Abandoned = "abandoned",
    NotUsed = "not_used",
    OutputBad = "output_bad",
    OutputLost = "output_lost",
    OutputRetired = "output_retired",
    OutputRemoved = "output_removed",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_is_done_is_changed_by_reports_only() {
        assert_eq!(TaskState::Done.next().count(), 0);
        assert!(TaskState::ALL.iter().all(|state| !state.may_become(TaskState::Done)));
    }

    #[test]
    fn a_production_is_closed_before_it_is_archived_and_can_be_opened_again() {
        assert!(!ProductionState::Active.may_become(ProductionState::Archived));
        assert!(ProductionState::Closed.may_become(ProductionState::Active));
        assert!(ProductionState::Archived.next().eq([ProductionState::Closed]));
    }
}
