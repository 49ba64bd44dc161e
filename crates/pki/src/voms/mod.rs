//! VOMS attribute certificates: which groups and roles a VO says that a user has.

mod attribute_certificate;
mod lsc;

use openssl::{hash::MessageDigest, pkey::PKeyRef, sign::Verifier};
use sbk_model::Timestamp;

pub use attribute_certificate::{AttributeCertificate, read_attribute_certificates};
pub(crate) use lsc::{Lsc, LscError};

use crate::{
    certificate::Certificate,
    chain::Use,
    name::one_line,
    trust::{Trust, verified},
};

/// The extension of a proxy that holds attribute certificates.
pub(crate) const EXTENSION: &str = "1.3.6.1.4.1.8005.100.100.5";

/// What a VO says of a user, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub vo: String,
    pub fqans: Vec<String>,
    /// Until when that holds.
    pub until: Timestamp,
}

/// Verifies the first attribute certificate of an extension.
pub(crate) fn verify(
    trust: &Trust<'_>,
    extension: &[u8],
    holder: &Certificate,
    now: Timestamp,
) -> Result<Attributes, String> {
    let all = read_attribute_certificates(extension)
        .map_err(|error| format!("the attribute certificate cannot be read: {error}"))?;
    let ac = all.into_iter().next().ok_or("there is no attribute certificate")?;
    check_statement(&ac, holder, now)?;
    let lsc = trust
        .directory
        .lsc(&ac.vo, &ac.host)
        .ok_or_else(|| format!("there is no {}/{}.lsc in the VOMS directory", ac.vo, ac.host))?;
    let signer_until = check_signer(trust, &ac, lsc, now)?;
    Ok(Attributes { vo: ac.vo, fqans: ac.fqans, until: ac.until.min(signer_until) })
}

/// What the attribute certificate says: of whom, when, and within which VO.
fn check_statement(
    ac: &AttributeCertificate,
    holder: &Certificate,
    now: Timestamp,
) -> Result<(), String> {
    if let Some(extension) = &ac.not_understood {
        return Err(format!("the critical extension {extension} is not understood"));
    }
    // Some servers write the holder's subject where its issuer should be; DIRAC reads it as that.
    if ac.holder_serial != holder.serial
        || (ac.holder_name != holder.issuer && ac.holder_name != holder.subject)
    {
        return Err(format!("the attributes are those of another user than {}", holder.subject));
    }
    if now < ac.from {
        return Err(format!("the attributes are not valid before {}", ac.from));
    }
    if now >= ac.until {
        return Err(format!("the attributes expired at {}", ac.until));
    }
    let of_vo = |fqan: &String| {
        fqan.strip_prefix('/')
            .and_then(|rest| rest.strip_prefix(ac.vo.as_str()))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match ac.fqans.iter().find(|fqan| !of_vo(fqan)) {
        Some(fqan) => Err(format!("the attribute {fqan} is not one of the VO {}", ac.vo)),
        None => Ok(()),
    }
}

/// Verifies signature and signer, and returns until when the signer's certificates hold.
fn check_signer(
    trust: &Trust<'_>,
    ac: &AttributeCertificate,
    lsc: &Lsc,
    now: Timestamp,
) -> Result<Timestamp, String> {
    let presented: Vec<Certificate> =
        ac.certificates.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
    let (chain, until) = verified(trust, &presented, &Use::Attributes, now)
        .map_err(|refusal| format!("the signer of the attributes: {refusal}"))?;
    let signer = chain.first().ok_or("the attributes come without their signer's certificate")?;
    let names: Vec<&str> = std::iter::once(signer.subject.as_str())
        .chain(chain.iter().map(|certificate| certificate.issuer.as_str()))
        .collect();
    if !lsc.allows(&names) {
        return Err(format!(
            "{} issued by {} may not sign attributes of the VO {}",
            signer.subject, signer.issuer, ac.vo
        ));
    }
    let signer_name = one_line(signer.x509.subject_name()).map_err(|error| error.to_string())?;
    if ac.issuer != signer_name {
        return Err(format!(
            "the attributes name {} as their signer, not {signer_name}",
            ac.issuer
        ));
    }
    let key = signer.x509.public_key().map_err(|error| error.to_string())?;
    if signed_by(ac, &key)? {
        Ok(until)
    } else {
        Err("the signature of the attributes is wrong".to_owned())
    }
}

fn signed_by(
    ac: &AttributeCertificate,
    key: &PKeyRef<openssl::pkey::Public>,
) -> Result<bool, String> {
    let digest = match ac.algorithm.as_str() {
        "1.2.840.113549.1.1.11" | "1.2.840.10045.4.3.2" => MessageDigest::sha256(),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => MessageDigest::sha384(),
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => MessageDigest::sha512(),
        other => {
            return Err(format!("the signature algorithm {other} of the attributes is refused"));
        }
    };
    Verifier::new(digest, key)
        .and_then(|mut verifier| verifier.verify_oneshot(&ac.signature, &ac.signed))
        .map_err(|_| "the signature of the attributes is wrong".to_owned())
}
