//! What somebody can call: rules and permissions.

use std::collections::BTreeMap;

use sbk_model::Permission;
use sbk_registry::{Claim, Denial, Identity, Kind, Method};
use sbk_server::dirac::Rulebook;
use serde::Serialize;

use super::caller::Known;
use crate::{commands::methods::unknown, failure::Failure, human, steps::Step};

/// The transfers of DISET, which have rules of their own.
const TRANSFERS: [&str; 2] = ["fromClient", "toClient"];

/// How many methods of a kind are named to people.
const NAMED: usize = 6;

/// Something that can be called.
#[derive(Debug)]
pub struct Door {
    name: String,
    /// The direction of a transfer, where it is one.
    transfer: Option<&'static str>,
    /// The rule in the code.
    coded: Option<&'static str>,
    permission: Option<Permission>,
}

/// Whether something can be called.
#[derive(Debug, Serialize)]
pub struct Verdict {
    /// The method.
    pub name: String,
    /// Whether it can be called.
    pub admitted: bool,
    /// The rule that speaks of it.
    pub rule: Option<String>,
    /// The permission that it needs.
    pub permission: Option<Permission>,
    /// Why it cannot be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// The method of a name, or all of them.
pub fn named(name: Option<&str>) -> Result<Vec<Door>, Failure> {
    let methods = sbk_server::methods().into_iter().map(|method| Door {
        name: method.name.to_owned(),
        transfer: None,
        coded: method.rule,
        permission: method.permission,
    });
    let transfers = TRANSFERS.into_iter().map(|direction| Door {
        name: format!("FileTransfer/{direction}"),
        transfer: Some(direction),
        coded: None,
        permission: None,
    });
    let all: Vec<Door> = methods.chain(transfers).collect();
    let Some(name) = name else { return Ok(all) };
    let failure = unknown(name, all.iter().map(|door| door.name.as_str()));
    all.into_iter().find(|door| door.name == name).map(|door| vec![door]).ok_or(failure)
}

/// Whether a method that was asked for is open to visitors.
pub fn open_to_visitors(
    doors: &[Door],
    is_one: bool,
    rulebook: &Rulebook,
    claim: &Claim<'_>,
) -> bool {
    is_one && doors.iter().any(|door| door.rule(rulebook, claim).is_ok())
}

/// Whether anything can be called that not everybody can call.
pub fn is_let_in(verdicts: &[Verdict]) -> bool {
    let counts = |verdict: &&Verdict| verdicts.len() == 1 || verdict.permission.is_some();
    verdicts.iter().filter(counts).any(|verdict| verdict.admitted)
}

impl Door {
    fn method(&self) -> Method<'_> {
        self.transfer.map_or(Method::Call(&self.name), Method::Transfer)
    }

    /// Whether the rule admits somebody.
    fn rule(&self, rulebook: &Rulebook, claim: &Claim<'_>) -> Result<(), Denial> {
        let Rulebook { registry, rules, .. } = rulebook;
        registry.authorise(rules, self.method(), self.coded, claim).map(drop)
    }

    /// Whether somebody can call it.
    pub fn verdict(&self, rulebook: &Rulebook, claim: &Claim<'_>, known: &Known) -> Verdict {
        let rule = rulebook.rules.rule(self.method(), self.coded);
        let missing = self.permission.filter(|needed| !known.permissions.contains(needed));
        let (reason, advice) = match (self.rule(rulebook, claim), missing) {
            (Err(denial), _) => (Some(reason(&denial)), Some(denial.advice())),
            (Ok(()), Some(needed)) => (
                Some(format!("the permission {} is missing", needed.name())),
                Some(grant(needed, known)),
            ),
            (Ok(()), None) => (None, None),
        };
        Verdict {
            name: self.name.clone(),
            admitted: reason.is_none(),
            rule: rule.map(|rule| rule.text().to_owned()),
            permission: self.permission,
            reason,
            advice,
        }
    }
}

/// A denial in words that do not name the method.
fn reason(denial: &Denial) -> String {
    match denial {
        Denial::NotAdmitted { rule, reason, .. } => format!("the rule `{rule}`: {reason}"),
        Denial::NoRule { section, .. } => format!("{section} has no rule and no Default"),
        other => other.to_string(),
    }
}

/// How somebody gets a permission.
fn grant(needed: Permission, known: &Known) -> String {
    let name = needed.name();
    let Identity { kind, username, group, .. } = &known.identity;
    let (other, line) = match kind {
        Kind::Host => ("give the host a property that has it", format!("host:{username}")),
        Kind::User | Kind::Visitor => ("use a group that has it", format!("group:{group}")),
    };
    format!(
        "{other}, or add the line `{line} = {name}` to the section Permissions of the service, \
         which adds it to those that the properties give"
    )
}

/// The steps that tell what can be called.
pub fn tell(verdicts: &[Verdict], is_one: bool) -> Vec<Step> {
    match verdicts {
        [one] if is_one => vec![tell_one(one)],
        _ => tell_all(verdicts),
    }
}

fn tell_one(verdict: &Verdict) -> Step {
    let title = format!("method {}", verdict.name);
    let rule = verdict.rule.as_deref().unwrap_or_default();
    if let Some(reason) = &verdict.reason {
        return Step::refused(title, reason, verdict.advice.clone().unwrap_or_default());
    }
    let permission = verdict.permission.map_or_else(String::new, |permission| {
        format!(", and the permission {} is there", permission.name())
    });
    Step::good(title, format!("the rule `{rule}` admits{permission}"))
}

fn tell_all(verdicts: &[Verdict]) -> Vec<Step> {
    let admitted = verdicts.iter().filter(|verdict| verdict.admitted).count();
    let all = human::things(verdicts.len() as u64, "method", "methods");
    let sum = format!("{admitted} of {all} can be called");
    let mut refused: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in verdicts {
        if let Some(reason) = &verdict.reason {
            refused.entry(reason).or_default().push(verdict);
        }
    }
    let mut steps = vec![if is_let_in(verdicts) {
        Step::good("methods", sum)
    } else {
        Step::refused("methods", sum, "see below what is missing")
    }];
    steps.extend(refused.into_iter().map(|(reason, verdicts)| {
        let advice = verdicts.first().and_then(|verdict| verdict.advice.clone());
        let detail = format!("{reason}: {}", names(&verdicts));
        Step::note("not allowed", detail, advice)
    }));
    steps
}

/// The first of the names, and how many others there are.
fn names(verdicts: &[&Verdict]) -> String {
    let named: Vec<_> = verdicts.iter().take(NAMED).map(|verdict| verdict.name.as_str()).collect();
    let others = verdicts.len().saturating_sub(NAMED);
    if others == 0 { named.join(", ") } else { format!("{} and {others} more", named.join(", ")) }
}
