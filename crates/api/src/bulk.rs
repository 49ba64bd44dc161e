use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;

/// What happens to the rest of a bulk call when one item cannot be taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Atomicity {
    /// Nothing is done unless every item can be done.
    #[default]
    All,
    /// Each item is done or refused on its own.
    Each,
}

/// What was done to one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It is new.
    Added,
    /// It was there, and was changed.
    Changed,
    /// It was there as asked for.
    Unchanged,
    /// It was taken away.
    Removed,
    /// It could not be taken; the problem says why.
    Refused,
    /// It could be taken, but was not, since another item was refused.
    Skipped,
}

/// The result of one item of a bulk call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ItemResult {
    /// The item's name, for instance its LFN.
    pub name: String,
    /// What was done.
    pub outcome: Outcome,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// The results of a bulk call, in the order of its items.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BulkResult {
    /// How many items are new.
    pub added: u32,
    /// How many were changed.
    pub changed: u32,
    /// How many were there as asked for.
    pub unchanged: u32,
    /// How many were taken away.
    pub removed: u32,
    /// How many were refused.
    pub refused: u32,
    /// How many were skipped because another was refused.
    pub skipped: u32,
    /// One result per item.
    pub results: Vec<ItemResult>,
}

impl BulkResult {
    /// Sums the results up.
    pub fn of(results: Vec<ItemResult>) -> Self {
        let mut bulk = Self::default();
        for result in &results {
            *match result.outcome {
                Outcome::Added => &mut bulk.added,
                Outcome::Changed => &mut bulk.changed,
                Outcome::Unchanged => &mut bulk.unchanged,
                Outcome::Removed => &mut bulk.removed,
                Outcome::Refused => &mut bulk.refused,
                Outcome::Skipped => &mut bulk.skipped,
            } += 1;
        }
        Self { results, ..bulk }
    }
}

/// How far a long operation has come. It is called again, with `next` as `after`, until it is
/// done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// Whether nothing is left to do.
    pub done: bool,
    /// How many directories this call changed.
    pub directories: u64,
    /// How many files this call changed.
    pub files: u64,
    /// Where to go on, where the operation takes `after`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
