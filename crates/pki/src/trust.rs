//! The rules beyond OpenSSL's: revocation lists and the namespaces of CAs.

use sbk_model::Timestamp;

use crate::{
    Crls, Refusal, Settings,
    certificate::Certificate,
    chain::{self, Use},
    crl::{self, Checked},
    directory::Directory,
};

/// What a verification holds certificates against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trust<'a> {
    pub directory: &'a Directory,
    pub settings: &'a Settings,
}

/// Verifies a chain but for what proxies are for, and says until when that holds.
pub(crate) fn verified(
    trust: &Trust<'_>,
    presented: &[Certificate],
    usage: &Use,
    now: Timestamp,
) -> Result<(Vec<Certificate>, Timestamp), Refusal> {
    let chain = chain::build(&trust.directory.anchors, presented, usage, now)?;
    let mut until = Timestamp::from_micros(i64::MAX);
    for certificate in &chain {
        until = until.min(certificate.until);
    }
    for (certificate, issuer) in issued(&chain) {
        check_namespace(trust, certificate, issuer)?;
        if let Checked::Listed { until: listed, .. } =
            check_revoked(trust, certificate, issuer, now)?
        {
            until = until.min(listed);
        }
    }
    Ok((chain, until))
}

/// The certificates that CAs issued, each with its CA. The root comes last, with itself.
pub(crate) fn issued(chain: &[Certificate]) -> impl Iterator<Item = (&Certificate, &Certificate)> {
    let issuers = chain.iter().skip(1).chain(chain.last());
    chain.iter().zip(issuers).filter(|(certificate, _)| certificate.proxy.is_none())
}

/// Holds a certificate against its CA's revocation list, as the settings say.
pub(crate) fn check_revoked(
    trust: &Trust<'_>,
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<Checked, Refusal> {
    let required = match trust.settings.crls {
        Crls::Ignore => return Ok(Checked::NoList),
        Crls::IfPresent => false,
        Crls::Require => true,
    };
    let checked = crl::check(&trust.directory.crls, certificate, issuer, now)?;
    if checked == Checked::NoList {
        if trust.directory.has_broken_crl(&issuer.x509) {
            return Err(Refusal::CrlUnusable {
                issuer: issuer.subject.clone(),
                reason: "the file cannot be read".to_owned(),
            });
        }
        if required {
            return Err(Refusal::CrlMissing { issuer: issuer.subject.clone() });
        }
    }
    Ok(checked)
}

/// Holds a certificate's name against its CA's signing policy, if there is one.
pub(crate) fn check_namespace(
    trust: &Trust<'_>,
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<(), Refusal> {
    if certificate.is_self_issued() {
        return Ok(());
    }
    match trust.directory.policy(&issuer.x509) {
        None => Ok(()),
        Some(policy) if policy.allows(&issuer.subject, &certificate.subject) => Ok(()),
        Some(_) => Err(Refusal::Namespace {
            subject: certificate.subject.clone(),
            issuer: issuer.subject.clone(),
            reason: "its signing policy does not allow the name".to_owned(),
        }),
    }
}
