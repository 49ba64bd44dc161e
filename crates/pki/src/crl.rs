use std::{cmp::Ordering, fmt};

use openssl::x509::{CrlStatus, X509Crl};
use sbk_model::Timestamp;
use x509_parser::{
    prelude::{FromDer as _, X509Extension},
    revocation_list::CertificateRevocationList,
};

use crate::{
    Refusal,
    certificate::{Certificate, moment},
};

/// What is done about revocation lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crls {
    /// A certificate is refused if there is no list of its CA.
    Require,
    /// A list is used if there is one of the CA.
    #[default]
    IfPresent,
    /// Lists are not looked at.
    Ignore,
}

/// Extensions that may be critical: number, authority's key, reason, date.
const UNDERSTOOD: [&str; 4] = ["2.5.29.20", "2.5.29.35", "2.5.29.21", "2.5.29.24"];

/// A revocation list as it stands in a file. Its signature is not verified yet.
pub(crate) struct Crl {
    pub file: String,
    list: X509Crl,
    from: Timestamp,
    until: Option<Timestamp>,
    /// Why nothing may be concluded from it.
    problem: Option<String>,
}

impl Crl {
    /// Reads a list from PEM or DER.
    pub fn read(bytes: &[u8], file: &str) -> Result<Self, String> {
        let pem = bytes.trim_ascii_start().starts_with(b"-----");
        let crl = if pem { X509Crl::from_pem(bytes) } else { X509Crl::from_der(bytes) }
            .map_err(|_| "it is no revocation list".to_owned())?;
        let der = crl.to_der().map_err(|error| error.to_string())?;
        let problem = problem(&der)?;
        Ok(Self {
            from: moment(crl.last_update())?,
            until: crl.next_update().map(moment).transpose()?,
            file: file.to_owned(),
            list: crl,
            problem,
        })
    }

    fn is_of(&self, issuer: &Certificate) -> bool {
        self.list.issuer_name().try_cmp(issuer.x509.subject_name()).is_ok_and(Ordering::is_eq)
    }

    fn is_signed_by(&self, issuer: &Certificate) -> bool {
        issuer.signs_crls
            && issuer.x509.public_key().and_then(|key| self.list.verify(&key)).unwrap_or(false)
    }
}

impl fmt::Debug for Crl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Crl").field("file", &self.file).finish_non_exhaustive()
    }
}

/// Which critical extension keeps a list from being used.
fn problem(der: &[u8]) -> Result<Option<String>, String> {
    let (rest, list) =
        CertificateRevocationList::from_der(der).map_err(|error| error.to_string())?;
    if !rest.is_empty() {
        return Err("bytes follow the revocation list".to_owned());
    }
    let entries = list.iter_revoked_certificates().flat_map(|entry| entry.extensions());
    let unknown = list.extensions().iter().chain(entries).find(|extension| is_unknown(extension));
    Ok(unknown.map(|extension| {
        format!("its critical extension {} is not understood", extension.oid.to_id_string())
    }))
}

fn is_unknown(extension: &X509Extension<'_>) -> bool {
    extension.critical && !UNDERSTOOD.contains(&extension.oid.to_id_string().as_str())
}

/// What a CA's revocation lists say of a certificate that is not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Checked {
    /// There is no list of the CA.
    NoList,
    /// A list was used; it holds until then.
    Listed { file: String, until: Timestamp },
}

/// Holds a certificate against the newest list that its issuer signed.
pub(crate) fn check(
    lists: &[Crl],
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<Checked, Refusal> {
    let unusable = |reason: &str| Refusal::CrlUnusable {
        issuer: issuer.subject.clone(),
        reason: reason.to_owned(),
    };
    let of_issuer: Vec<&Crl> = lists.iter().filter(|list| list.is_of(issuer)).collect();
    if of_issuer.is_empty() {
        return Ok(Checked::NoList);
    }
    let newest = of_issuer
        .into_iter()
        .filter(|list| list.is_signed_by(issuer))
        .max_by_key(|list| list.from)
        .ok_or_else(|| unusable("the CA's key did not sign it"))?;
    if let Some(problem) = &newest.problem {
        return Err(unusable(problem));
    }
    if newest.from > now {
        return Err(unusable("it is not valid yet"));
    }
    let until = newest.until.ok_or_else(|| unusable("it does not say until when it holds"))?;
    // A certificate stays revoked, whatever the age of the list that says so.
    if matches!(newest.list.get_by_cert(&certificate.x509), CrlStatus::Revoked(_)) {
        return Err(Refusal::Revoked {
            subject: certificate.subject.clone(),
            issuer: issuer.subject.clone(),
        });
    }
    if until <= now {
        return Err(Refusal::CrlExpired { issuer: issuer.subject.clone(), since: until });
    }
    Ok(Checked::Listed { file: newest.file.clone(), until })
}
