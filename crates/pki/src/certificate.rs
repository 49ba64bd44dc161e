use openssl::{
    asn1::{Asn1Time, Asn1TimeRef},
    x509::X509,
};
use sbk_model::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::{
    name::one_line,
    proxy::{DIRAC_GROUP, PROXY_CERT_INFO, Policy, policy},
    voms,
};

/// A certificate with what is read from it beyond OpenSSL's own judgement.
#[derive(Debug, Clone)]
pub(crate) struct Certificate {
    pub x509: X509,
    pub subject: String,
    pub issuer: String,
    pub from: Timestamp,
    pub until: Timestamp,
    /// The serial number's bytes, as in the certificate.
    pub serial: Vec<u8>,
    pub is_ca: bool,
    pub signs_crls: bool,
    /// The policy, if this is a proxy.
    pub proxy: Option<Policy>,
    /// The content of DIRAC's group extension.
    pub group: Option<Vec<u8>>,
    /// The content of the VOMS extension.
    pub voms: Option<Vec<u8>>,
}

impl Certificate {
    pub fn from_der(der: &[u8]) -> Result<Self, String> {
        let x509 = X509::from_der(der).map_err(|_| "it is no X.509 certificate".to_owned())?;
        Self::from_x509(x509, der)
    }

    /// Reads what OpenSSL has read already.
    pub fn of(x509: &X509) -> Result<Self, String> {
        let der = x509.to_der().map_err(|error| error.to_string())?;
        Self::from_x509(x509.clone(), &der)
    }

    fn from_x509(x509: X509, der: &[u8]) -> Result<Self, String> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err("bytes follow the certificate".to_owned());
        }
        let usage = parsed.key_usage().map_err(|error| error.to_string())?;
        let signs_crls = usage.is_none_or(|usage| usage.value.crl_sign());
        let proxy = extension(&parsed, PROXY_CERT_INFO)?
            .map(policy)
            .transpose()
            .map_err(|error| format!("the proxy policy: {error}"))?;
        Ok(Self {
            subject: one_line(x509.subject_name()).map_err(|error| error.to_string())?,
            issuer: one_line(x509.issuer_name()).map_err(|error| error.to_string())?,
            from: moment(x509.not_before())?,
            until: moment(x509.not_after())?,
            serial: parsed.raw_serial().to_vec(),
            is_ca: parsed.is_ca(),
            signs_crls,
            proxy,
            group: extension(&parsed, DIRAC_GROUP)?.map(<[u8]>::to_vec),
            voms: extension(&parsed, voms::EXTENSION)?.map(<[u8]>::to_vec),
            x509,
        })
    }

    /// Whether it names itself as its issuer.
    pub fn is_self_issued(&self) -> bool {
        self.x509
            .subject_name()
            .try_cmp(self.x509.issuer_name())
            .is_ok_and(std::cmp::Ordering::is_eq)
    }
}

/// The content of an extension that may stand once.
fn extension<'a>(certificate: &X509Certificate<'a>, oid: &str) -> Result<Option<&'a [u8]>, String> {
    let mut found = None;
    for extension in certificate.extensions() {
        if extension.oid.to_id_string() == oid && found.replace(extension.value).is_some() {
            return Err(format!("the extension {oid} stands twice"));
        }
    }
    Ok(found)
}

/// A time of a certificate or revocation list.
pub(crate) fn moment(time: &Asn1TimeRef) -> Result<Timestamp, String> {
    let since = Asn1Time::from_unix(0)
        .and_then(|epoch| epoch.diff(time))
        .map_err(|_| "a time cannot be read".to_owned())?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Ok(Timestamp::from_micros(0).plus_seconds(seconds))
}
