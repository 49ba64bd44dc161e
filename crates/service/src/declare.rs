//! What becomes of things that are declared by name.

use std::{collections::BTreeMap, fmt::Display};

use sbk_api::{BulkResult, Code, Outcome, Problem};

use crate::{Context, Note, file::results};

/// Things on their way into the bookkeeping.
#[derive(Debug)]
pub struct Plan<T> {
    /// Those that are new, in the order of their keys.
    pub new: Vec<T>,
    /// Those that are there otherwise, in the order of their keys.
    pub changed: Vec<T>,
    outcomes: Vec<(String, Result<Outcome, Problem>)>,
}

impl<T: PartialEq + Clone> Plan<T> {
    /// Compares what is wanted with what is known.
    pub fn new<K: Ord + Display + Clone>(
        wanted: impl IntoIterator<Item = (K, T)>,
        known: &BTreeMap<K, T>,
        replace: bool,
    ) -> Self {
        let mut first: BTreeMap<K, T> = BTreeMap::new();
        let mut outcomes = Vec::new();
        for (key, thing) in wanted {
            let outcome = match (first.get(&key), known.get(&key)) {
                (Some(before), _) if *before == thing => Ok(Outcome::Unchanged),
                (Some(_), _) => {
                    let text = "it is in this call twice, with different contents";
                    Err(Problem::new(Code::Conflict, text))
                }
                (None, None) => Ok(Outcome::Added),
                (None, Some(old)) if *old == thing => Ok(Outcome::Unchanged),
                (None, Some(_)) if replace => Ok(Outcome::Changed),
                (None, Some(_)) => {
                    let text = "it was declared otherwise; ask for `replace` to change it";
                    Err(Problem::new(Code::Conflict, text))
                }
            };
            outcomes.push((key.to_string(), outcome));
            first.entry(key).or_insert(thing);
        }
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for (key, thing) in first {
            match known.get(&key) {
                None => new.push(thing),
                Some(old) if *old != thing => changed.push(thing),
                Some(_) => {}
            }
        }
        Self { new, changed, outcomes }
    }

    /// Whether one of the things is refused, so that none is kept.
    pub fn is_refused(&self) -> bool {
        self.outcomes.iter().any(|(_, outcome)| outcome.is_err())
    }

    /// Says what was done, or that nothing was.
    pub fn finish(
        self,
        cx: &mut Context<'_>,
        reason: Option<String>,
        detail: serde_json::Value,
    ) -> BulkResult {
        let refused = self.is_refused();
        let count = (self.new.len() + self.changed.len()) as u64;
        let outcomes = self.outcomes.iter().map(|(name, o)| (name.as_str(), o.clone()));
        let result = results(outcomes, refused);
        if refused {
            cx.abandon();
        } else {
            cx.note(Note { count, reason, detail, ..Note::default() });
        }
        result
    }
}

/// Refuses to go on when fewer rows than sent were new: another writer was quicker.
pub fn all_new(sent: usize, new: u64) -> Result<(), sbk_store::Error> {
    if new < sent as u64 {
        return Err(sbk_store::Error::Contended("it was declared elsewhere".into()));
    }
    Ok(())
}
