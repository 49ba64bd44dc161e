//! What bulk calls did, summed up over their batches.

use sbk_api::{BulkResult, Done, Outcome};

use crate::{
    cell::Cell,
    failure::Failure,
    human,
    output::{Format, Output, Row},
};

/// How many items go into one call.
pub const BATCH: usize = 1000;

/// How many refused items are shown to people.
const SHOWN: usize = 20;

/// Adds the results of a batch to those before.
pub fn add(sum: &mut BulkResult, batch: BulkResult) {
    sum.added += batch.added;
    sum.changed += batch.changed;
    sum.unchanged += batch.unchanged;
    sum.removed += batch.removed;
    sum.refused += batch.refused;
    sum.skipped += batch.skipped;
    sum.results.extend(batch.results);
}

/// Writes what was done, and fails where something was refused.
pub fn report(output: &mut Output, result: &BulkResult) -> Result<(), Failure> {
    match output.format() {
        Format::Human => {
            for text in refused(result) {
                eprintln!("{text}");
            }
            output.line(summary(result))?;
            output.flush()?;
        }
        Format::Plain => {
            for item in &result.results {
                let values: Vec<String> = item.cells().iter().map(Cell::plain).collect();
                output.line(values.join("\t"))?;
            }
            output.flush()?;
        }
        Format::Json | Format::Ndjson => output.json(result)?,
    }
    if result.refused == 0 { Ok(()) } else { Err(Failure::Refused) }
}

/// Writes what was done to one thing.
pub fn done(output: &mut Output, name: &str, done: Done) -> Result<(), Failure> {
    let text = outcome(done.outcome);
    output.show(&done, &[(name, Cell::text(text))])?;
    if done.outcome == Outcome::Refused { Err(Failure::Refused) } else { Ok(()) }
}

/// The word for an outcome.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Added => "added",
        Outcome::Changed => "changed",
        Outcome::Unchanged => "unchanged",
        Outcome::Removed => "removed",
        Outcome::Refused => "refused",
        Outcome::Skipped => "skipped",
    }
}

/// The counts of a result in a sentence.
pub fn summary(result: &BulkResult) -> String {
    let counts = [
        (result.added, Outcome::Added),
        (result.changed, Outcome::Changed),
        (result.unchanged, Outcome::Unchanged),
        (result.removed, Outcome::Removed),
        (result.refused, Outcome::Refused),
        (result.skipped, Outcome::Skipped),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, of)| format!("{} {}", human::count(number.into()), outcome(of)))
        .collect();
    if parts.is_empty() { "nothing to do".to_owned() } else { parts.join(", ") }
}

/// A line for each of the first refused items, and one for the number of the others.
fn refused(result: &BulkResult) -> Vec<String> {
    let refused = result.results.iter().filter(|item| item.outcome == Outcome::Refused);
    let mut lines: Vec<String> = refused
        .take(SHOWN)
        .map(|item| match &item.problem {
            Some(problem) => format!("refused: {}: {problem}", item.name),
            None => format!("refused: {}", item.name),
        })
        .collect();
    let others = (result.refused as usize).saturating_sub(lines.len());
    if others > 0 {
        lines.push(format!("and {others} more; --json names all"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use sbk_api::{Code, ItemResult, Problem};

    use super::*;

    #[test]
    fn a_summary_names_only_what_happened() {
        let result = BulkResult { added: 1200, refused: 1, ..BulkResult::default() };

        assert_eq!(summary(&result), "1,200 added, 1 refused");
        assert_eq!(summary(&BulkResult::default()), "nothing to do");
    }

    #[test]
    fn the_first_refused_items_are_explained() {
        let problem = Some(Problem::new(Code::Conflict, "is there with another size"));
        let item = ItemResult { name: "/a".into(), outcome: Outcome::Refused, problem };
        let result = BulkResult::of(vec![item; SHOWN + 3]);

        let lines = refused(&result);

        assert_eq!(lines[0], "refused: /a: is there with another size");
        assert_eq!(lines[SHOWN], "and 3 more; --json names all");
    }
}
