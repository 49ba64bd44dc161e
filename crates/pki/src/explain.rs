//! The judgement of a chain, told step by step.

use sbk_model::Timestamp;

use crate::{
    Refusal,
    certificate::Certificate,
    chain::{self, Use},
    crl::Checked,
    identity::{judge, read},
    trust::{Trust, check_namespace, check_revoked, issued},
};

/// One step of a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What is looked at.
    pub title: String,
    /// How it ended.
    pub outcome: Outcome,
    /// What was found.
    pub detail: String,
    /// What to do about it, if something has to be done.
    pub advice: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Good,
    /// The chain is taken, but something of it is ignored or not checked.
    Warning,
    /// The chain is refused.
    Refused,
}

fn good(title: impl Into<String>, detail: impl Into<String>) -> Step {
    Step { title: title.into(), outcome: Outcome::Good, detail: detail.into(), advice: None }
}

fn warning(title: impl Into<String>, detail: impl Into<String>) -> Step {
    Step { outcome: Outcome::Warning, ..good(title, detail) }
}

fn refused(title: impl Into<String>, refusal: &Refusal) -> Step {
    let advice = Some(refusal.advice().to_owned());
    Step { outcome: Outcome::Refused, advice, ..good(title, refusal.to_string()) }
}

/// Tells all steps up to the first that refuses the chain.
pub(crate) fn explain(trust: &Trust<'_>, chain: &[&[u8]], now: Timestamp) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Err(refusal) = tell(trust, chain, now, &mut steps) {
        let title = steps.pop().map_or_else(String::new, |step: Step| step.title);
        steps.push(refused(title, &refusal));
    }
    steps
}

/// Pushes each step before it is taken, so that a refusal finds the step that it ends.
fn tell(
    trust: &Trust<'_>,
    presented: &[&[u8]],
    now: Timestamp,
    steps: &mut Vec<Step>,
) -> Result<(), Refusal> {
    steps.push(good("chain as presented", format!("{} certificates", presented.len())));
    let read = read(presented)?;
    for (at, certificate) in read.iter().enumerate() {
        steps.push(describe(&format!("presented certificate {}", at + 1), certificate, now));
    }

    steps.push(good(
        "verification by OpenSSL",
        "signatures, dates, extensions and proxy rules hold",
    ));
    let chain = chain::build(&trust.directory.anchors, &read, &Use::Client, now)?;
    for (at, certificate) in chain.iter().enumerate() {
        let mut step = describe(&format!("verified certificate {}", at + 1), certificate, now);
        if let Some(file) = trust.directory.anchors.file_of(&certificate.x509) {
            step.detail = format!("{}, trusted by {file}", step.detail);
        }
        steps.push(step);
    }
    for (certificate, issuer) in issued(&chain) {
        steps.push(good(
            format!("names that {} may issue", issuer.subject),
            certificate.subject.clone(),
        ));
        check_namespace(trust, certificate, issuer)?;
        steps.push(good(format!("revocation list of {}", issuer.subject), ""));
        let found =
            revocation(check_revoked(trust, certificate, issuer, now)?, certificate, issuer);
        steps.pop();
        steps.push(found);
    }

    steps.push(good("proxies and group", ""));
    let peer = judge(trust, presented, now)?.peer;
    steps.pop();
    let kind = match (peer.is_proxy, peer.is_limited) {
        (false, _) => "no proxy",
        (true, false) => "a full proxy",
        (true, true) => "a limited proxy",
    };
    let group = peer.group.as_deref().unwrap_or("none");
    steps.push(good("proxies and group", format!("{kind}, DIRAC group: {group}")));
    steps.push(match (&peer.vo, &peer.voms_problem) {
        (Some(vo), _) => good("VOMS attributes", format!("VO {vo}: {}", peer.fqans.join(", "))),
        (None, Some(problem)) => Step {
            advice: Some(
                "Make a new proxy with voms-proxy-init, and look at the server's VOMS directory."
                    .to_owned(),
            ),
            ..warning("VOMS attributes", format!("ignored: {problem}"))
        },
        (None, None) => good("VOMS attributes", "none"),
    });
    steps.push(good("identity", format!("{}, until {}", peer.dn, peer.expires)));
    Ok(())
}

fn describe(title: &str, certificate: &Certificate, now: Timestamp) -> Step {
    let Certificate { subject, issuer, from, until, .. } = certificate;
    let detail = format!("{subject}, issued by {issuer}, valid from {from} until {until}");
    if *from <= now && now < *until { good(title, detail) } else { warning(title, detail) }
}

fn revocation(checked: Checked, certificate: &Certificate, issuer: &Certificate) -> Step {
    let title = format!("revocation list of {}", issuer.subject);
    match checked {
        Checked::Listed { file, until } => good(
            title,
            format!("{} is not in {file}, which holds until {until}", certificate.subject),
        ),
        Checked::NoList => warning(title, "there is none, or it is not looked at"),
    }
}
