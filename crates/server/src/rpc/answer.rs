//! Results in DIRAC's form: `S_OK` and `S_ERROR`.

use sbk_api::{Answer, Code, Problem, Shape};
use sbk_dirac::NO_SUCH_FILE;
use sbk_wire::{Value, to_value};

/// Turns the answer of an operation into a value.
pub fn shaped<T: Answer + serde::Serialize>(answer: &T) -> Result<Value, Problem> {
    let value = to_value(answer).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Problem::new(Code::Internal, "the answer cannot be written")
    })?;
    Ok(match T::SHAPE {
        Shape::Plain => value,
        Shape::Bulk => bulk(value),
        Shape::Found => found(value),
    })
}

fn take(dict: &mut Vec<(Value, Value)>, key: &str) -> Option<Value> {
    let at = dict.iter().position(|(name, _)| name.text() == Some(key))?;
    Some(dict.swap_remove(at).1)
}

fn list(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::List(items)) => items,
        _ => Vec::new(),
    }
}

fn parts(successful: Vec<(Value, Value)>, failed: Vec<(Value, Value)>) -> [(Value, Value); 2] {
    [
        (Value::from("Successful"), Value::Dict(successful)),
        (Value::from("Failed"), Value::Dict(failed)),
    ]
}

/// Puts the results of a bulk call under their names; what else the answer says stays.
fn bulk(value: Value) -> Value {
    let Value::Dict(mut dict) = value else { return value };
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for result in list(take(&mut dict, "results")) {
        let Value::Dict(mut result) = result else { continue };
        let name = take(&mut result, "name").unwrap_or(Value::Null);
        let outcome = take(&mut result, "outcome").unwrap_or(Value::Null);
        match (outcome.text(), take(&mut result, "problem")) {
            (_, Some(problem)) => failed.push((name.clone(), reason(&name, &problem))),
            (Some("skipped"), None) => {
                failed.push((name, Value::from("Not done, since another item was refused")));
            }
            _ => successful.push((name, outcome)),
        }
    }
    // Counts follow from the two; what remains is the answer's own.
    for count in ["added", "changed", "unchanged", "removed", "refused", "skipped"] {
        take(&mut dict, count);
    }
    dict.extend(parts(successful, failed));
    Value::Dict(dict)
}

/// Why an item was refused, in the words that clients look for.
fn reason(name: &Value, problem: &Value) -> Value {
    let is_path = name.text().is_some_and(|name| name.starts_with('/'));
    if is_path && problem.get("code").and_then(Value::text) == Some("not_found") {
        return Value::from(NO_SUCH_FILE);
    }
    problem.get("detail").cloned().unwrap_or(Value::Null)
}

/// Puts the files that were found under their LFNs, and the others under `Failed`.
fn found(value: Value) -> Value {
    let Value::Dict(mut dict) = value else { return value };
    let successful = list(take(&mut dict, "found"));
    let successful = successful.into_iter().map(|file| {
        let name = file.get("lfn").or_else(|| file.get("path"));
        let lfn = name.cloned().unwrap_or(Value::Null);
        (lfn, file)
    });
    let missing = list(take(&mut dict, "missing"));
    let missing = missing.into_iter().map(|lfn| (lfn, Value::from(NO_SUCH_FILE)));
    Value::Dict(parts(successful.collect(), missing.collect()).into())
}

#[cfg(test)]
mod tests {
    use sbk_api::{BulkResult, FoundFiles, ItemResult, Outcome};

    use super::*;

    fn item(name: &str, outcome: Outcome, problem: Option<Problem>) -> ItemResult {
        ItemResult { name: name.into(), outcome, problem }
    }

    #[test]
    fn results_of_a_bulk_call_stand_under_their_names() {
        let refused = Problem::new(Code::NotFound, "there is no file /a/b");
        let results = vec![
            item("/a/a", Outcome::Added, None),
            item("/a/b", Outcome::Refused, Some(refused)),
            item("/a/c", Outcome::Skipped, None),
        ];

        let value = shaped(&BulkResult::of(results)).unwrap();

        let failed = value.get("Failed").unwrap();
        assert_eq!(value.get("Successful").unwrap().get("/a/a"), Some(&Value::from("added")));
        assert_eq!(failed.get("/a/b"), Some(&Value::from(NO_SUCH_FILE)));
        assert!(failed.get("/a/c").unwrap().text().unwrap().starts_with("Not done"));
        assert_eq!(value.get("added"), None);
    }

    #[test]
    fn names_that_were_not_found_are_failed() {
        let answer = FoundFiles { found: vec![], missing: vec!["/a/b".parse().unwrap()] };

        let value = shaped(&answer).unwrap();

        assert_eq!(value.get("Failed").unwrap().get("/a/b"), Some(&Value::from(NO_SUCH_FILE)));
    }
}
