//! The old catalogue beside ours, while a community moves from one to the other.
//!
//! Each call of the FileCatalog goes to both, as the caller: a host that is trusted may say for whom
//! it calls. Where they answer differently, a warning says how. What the client is answered is said by
//! the configuration: before the switch what the old one says, after it what ours does. A change that
//! the old one did not get (it was not there) is not made here either, as long as the old one's answers
//! count.

use std::{collections::BTreeMap, sync::Arc};

use sbk_dirac::{
    Answer, Failure,
    catalog::{Answers, Shadow as Settings},
};
use sbk_diset::{CallError, Client};
use sbk_pki::{Credential, ServerVerifier, client_config};
use sbk_wire::Value;

use crate::{Config, Error, authority::Admitted, follow::Keys};

/// Keys that each catalogue has its own values for.
const OWN: &[&str] =
    &["FileID", "DirID", "DatasetID", "UID", "GID", "QueryTime", "CallStack", "Errno"];

/// How many differences of one call are told.
const TOLD: usize = 5;

/// The longest value that is told, in characters.
const LONGEST: usize = 200;

/// The other catalogue.
#[derive(Clone)]
pub struct Shadow {
    url: String,
    tls: Arc<rustls::ClientConfig>,
    answers: Answers,
}

impl std::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shadow").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Shadow {
    /// The other catalogue of a configuration, if there is one.
    pub fn open(config: &Config, keys: Option<&Keys>) -> Result<Option<Self>, Error> {
        let Some(Settings { url, answers }) = &config.file_catalog.shadow else { return Ok(None) };
        let wrong = |text: String| Error::Config(format!("file_catalog.shadow: {text}"));
        let keys = keys.ok_or_else(|| wrong("needs tls.certificate, to call as a host".into()))?;
        let credential = Credential::from_files(&config.tls.certificate, &config.tls.key);
        let credential = credential.map_err(|error| wrong(error.to_string()))?;
        let verifier = Arc::new(ServerVerifier::new(keys.trust.clone()));
        let tls = client_config(verifier, Some(&credential)).map_err(|e| wrong(e.to_string()))?;
        let shadow = Self { url: url.clone(), tls, answers: *answers };
        if shadow.client(Value::from("hosts")).is_none() {
            let text =
                format!("{url:?} is no URL such as dips://host:9197/DataManagement/FileCatalog");
            return Err(wrong(text));
        }
        Ok(Some(shadow))
    }

    fn client(&self, extra: Value) -> Option<Client> {
        Some(Client::new(&self.url, self.tls.clone())?.with_extra_credentials(extra))
    }

    /// Asks the other catalogue, and then ours.
    pub async fn call(
        &self,
        admitted: &Admitted,
        method: &str,
        arguments: &[Value],
        own: impl Future<Output = Result<Answer, Failure>>,
    ) -> Result<Answer, Failure> {
        let extra = match admitted.credentials.get("DN") {
            Some(dn) => {
                let group = Value::from(admitted.caller.group.as_str());
                Value::List(vec![dn.clone(), group])
            }
            None => Value::from("hosts"),
        };
        let asked = match self.client(extra) {
            Some(client) => client.result(method, arguments.to_vec()).await,
            None => Err(CallError::NoResult),
        };
        let old = match asked {
            Ok(result) => answer(result),
            Err(error) => {
                tracing::error!(%error, method, url = self.url, "the other catalogue did not answer");
                metrics::counter!("sbk_shadow_failures_total").increment(1);
                if self.answers == Answers::Old {
                    return Err(Failure::with(
                        11,
                        "the catalogue cannot be reached; try again later",
                    ));
                }
                return own.await;
            }
        };
        let own = own.await;
        compare(admitted, method, arguments, &old, &own);
        match self.answers {
            Answers::Old => old,
            Answers::Own => own,
        }
    }
}

/// Tells how two answers differ.
fn compare(
    admitted: &Admitted,
    method: &str,
    arguments: &[Value],
    old: &Result<Answer, Failure>,
    own: &Result<Answer, Failure>,
) {
    let mut found = Vec::new();
    match (old, own) {
        (Ok(old), Ok(own)) => {
            differences("", &old.value, &own.value, &mut found);
            let besides = |answer: &Answer| Value::dict(answer.beside.clone());
            differences("", &besides(old), &besides(own), &mut found);
        }
        (Err(old), Err(own)) if old.message == own.message => {}
        (old, own) => found.push((String::new(), outcome(old), outcome(own))),
    }
    metrics::counter!("sbk_shadow_calls_total").increment(1);
    if found.is_empty() {
        return;
    }
    metrics::counter!("sbk_shadow_differences_total").increment(1);
    let user = admitted.caller.user.as_str();
    let (group, count) = (admitted.caller.group.as_str(), found.len());
    let arguments = shown(&Value::List(arguments.to_vec()));
    for (place, old, own) in found.into_iter().take(TOLD) {
        tracing::warn!(
            method,
            user,
            group,
            arguments,
            place,
            old,
            own,
            count,
            "the catalogues differ"
        );
    }
}
/// What a result says.
fn answer(result: Value) -> Result<Answer, Failure> {
    let failed = |result: &Value| Failure {
        errno: match result.get("Errno") {
            Some(Value::Int(errno)) => *errno,
            _ => 0,
        },
        message: result.get("Message").and_then(Value::text).unwrap_or("failed").to_owned(),
    };
    if result.get("OK") != Some(&Value::Bool(true)) {
        return Err(failed(&result));
    }
    let mut answer = Answer::from(Value::Null);
    if let Value::Dict(entries) = result {
        for (key, value) in entries {
            match key.text() {
                Some("Value") => answer.value = value,
                Some("OK") | None => {}
                Some(name) => answer.beside.push((name.to_owned().into(), value)),
            }
        }
    }
    Ok(answer)
}

fn outcome(answer: &Result<Answer, Failure>) -> String {
    match answer {
        Ok(answer) => shown(&answer.value),
        Err(failure) => cut(&failure.message),
    }
}

fn shown(value: &Value) -> String {
    cut(&sbk_dirac::repr(value))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Where two values differ. Lists have no order; moments and numbers of its own each catalogue has.
fn differences(place: &str, old: &Value, own: &Value, found: &mut Vec<(String, String, String)>) {
    let mut differ =
        |old: &Value, own: &Value| found.push((place.to_owned(), shown(old), shown(own)));
    match (old, own) {
        (Value::Dict(left), Value::Dict(right)) => {
            // One pass over each: bulk calls have thousands of names.
            let mut both: BTreeMap<String, [Option<&Value>; 2]> = BTreeMap::new();
            for (side, entries) in [left, right].into_iter().enumerate() {
                for (key, value) in entries {
                    both.entry(sbk_dirac::string(key)).or_default()[side] = Some(value);
                }
            }
            let nothing = Value::from("(nothing)");
            for (name, [old, own]) in both {
                let (old, own) = (old.unwrap_or(&nothing), own.unwrap_or(&nothing));
                let are_numbers = matches!((old, own), (Value::Int(_), Value::Int(_)));
                if OWN.contains(&name.as_str()) || (name == "Status" && are_numbers) {
                    continue;
                }
                differences(&format!("{place}/{name}"), old, own, found);
            }
        }
        (Value::List(left) | Value::Tuple(left), Value::List(right) | Value::Tuple(right)) => {
            let sorted = |items: &[Value]| {
                let mut texts: Vec<String> = items.iter().map(sbk_dirac::repr).collect();
                texts.sort_unstable();
                texts
            };
            if sorted(left) != sorted(right) {
                differ(old, own);
            }
        }
        (Value::DateTime(_), Value::DateTime(_)) => {}
        (Value::Float(left), Value::Float(right)) if are_near(*left, *right) => {}
        (old, own) if old != own => differ(old, own),
        _ => {}
    }
}

/// Whether numbers are the same but for digits that MySQL does not show of a FLOAT.
fn are_near(left: f64, right: f64) -> bool {
    (left - right).abs() <= 1e-5 * left.abs().max(right.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_something_differs() {
        let file = |id: i64, size: i64| {
            let size = [("FileID", Value::Int(id)), ("Size", Value::Int(size))];
            Value::dict([("/a", Value::dict(size))])
        };
        let differing = |old: &Value, own: &Value| {
            let mut found = Vec::new();
            differences("", old, own, &mut found);
            found.into_iter().map(|(place, ..)| place).collect::<Vec<_>>()
        };

        assert!(differing(&file(1, 5), &file(2, 5)).is_empty());
        assert_eq!(differing(&file(1, 5), &file(1, 6)), ["//a/Size"]);
        assert_eq!(differing(&file(1, 5), &Value::Dict(vec![])), ["//a"]);
        let list = |texts: [&str; 2]| Value::List(texts.map(Value::from).to_vec());
        assert!(differing(&list(["a", "b"]), &list(["b", "a"])).is_empty());
        assert!(differing(&Value::Float(0.1), &Value::Float(0.100_000_01)).is_empty());
        assert_eq!(cut(&"a".repeat(300)).chars().count(), LONGEST + 1);
    }

    #[test]
    fn a_result_is_answered_as_it_came() {
        let result = Value::dict([
            ("OK", Value::Bool(true)),
            ("Value", Value::Int(1)),
            ("MetadataOwner", Value::Int(2)),
        ]);
        assert_eq!(answer(result.clone()).unwrap().result(), result);
        let failed = Value::dict([("OK", Value::Bool(false)), ("Message", Value::from("no"))]);
        assert_eq!(answer(failed).unwrap_err().message, "no");
    }
}
