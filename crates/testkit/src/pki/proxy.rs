use openssl::{
    asn1::{Asn1Object, Asn1OctetString, Asn1Time},
    error::ErrorStack,
    hash::MessageDigest,
    pkey::{PKey, Private},
    x509::{X509, X509Builder, X509Extension, X509Name, X509NameRef},
};

use super::{
    Identity,
    authority::serial_number,
    der::{element, oid, sequence},
    identity::{new_key, new_rsa_key},
    now,
};

const PROXY_CERT_INFO: &str = "1.3.6.1.5.5.7.1.14";
const GROUP: &str = "1.2.42.42";
const ATTRIBUTES: &str = "1.3.6.1.4.1.8005.100.100.5";
const INHERIT_ALL: &str = "1.3.6.1.5.5.7.21.1";
const LIMITED: &str = "1.3.6.1.4.1.3536.1.1.1.9";

/// A proxy to be made, good or hostile.
#[derive(Debug)]
pub struct ProxyBuilder<'a> {
    issuer: &'a Identity,
    signer: PKey<Private>,
    language: String,
    path_length: Option<u8>,
    from: i64,
    until: i64,
    subject: Option<Vec<(String, String)>>,
    extensions: Vec<(String, Vec<u8>)>,
    rsa_bits: Option<u32>,
    key: Option<PKey<Private>>,
}

impl<'a> ProxyBuilder<'a> {
    pub(super) fn new(issuer: &'a Identity) -> Self {
        let now = now();
        Self {
            issuer,
            signer: issuer.key.clone(),
            language: INHERIT_ALL.to_owned(),
            path_length: None,
            from: now - 900,
            until: now + 43_200,
            subject: None,
            extensions: Vec::new(),
            rsa_bits: None,
            key: None,
        }
    }

    /// With a DIRAC group.
    #[must_use]
    pub fn group(self, group: &str) -> Self {
        let text = element(0x16, &[group.as_bytes()]);
        self.extension(GROUP, &text)
    }

    /// With any bytes as the content of DIRAC's group extension.
    #[must_use]
    pub fn raw_group(self, content: &[u8]) -> Self {
        self.extension(GROUP, content)
    }

    /// With VOMS attributes.
    #[must_use]
    pub fn attributes(self, content: &[u8]) -> Self {
        self.extension(ATTRIBUTES, content)
    }

    /// With any extension that is not critical.
    #[must_use]
    pub fn extension(mut self, oid: &str, content: &[u8]) -> Self {
        self.extensions.push((oid.to_owned(), content.to_vec()));
        self
    }

    /// Limited.
    #[must_use]
    pub fn limited(self) -> Self {
        self.language(LIMITED)
    }

    /// With another policy language.
    #[must_use]
    pub fn language(mut self, oid: &str) -> Self {
        oid.clone_into(&mut self.language);
        self
    }

    /// That allows this many proxies to follow.
    #[must_use]
    pub fn path_length(mut self, length: u8) -> Self {
        self.path_length = Some(length);
        self
    }

    /// For another time.
    #[must_use]
    pub fn valid(mut self, from: i64, until: i64) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// With another subject than the issuer's and one common name, as attributes and values.
    #[must_use]
    pub fn subject(mut self, parts: &[(&str, &str)]) -> Self {
        let owned = parts.iter().map(|(kind, value)| ((*kind).to_owned(), (*value).to_owned()));
        self.subject = Some(owned.collect());
        self
    }

    /// Signed with the key of another.
    #[must_use]
    pub fn signed_by(mut self, other: &Identity) -> Self {
        self.signer = other.key.clone();
        self
    }

    /// With an RSA key of this length.
    #[must_use]
    pub fn rsa(mut self, bits: u32) -> Self {
        self.rsa_bits = Some(bits);
        self
    }

    /// Makes it.
    pub fn build(self) -> Identity {
        let key = match (&self.key, self.rsa_bits) {
            (Some(key), _) => key.clone(),
            (None, Some(bits)) => new_rsa_key(bits),
            (None, None) => new_key(),
        };
        let certificate = self.certify(&key).expect("OpenSSL makes certificates");
        let mut issuers = vec![self.issuer.certificate.clone()];
        issuers.extend(self.issuer.issuers.iter().cloned());
        Identity { certificate, key, issuers }
    }

    fn certify(&self, key: &PKey<Private>) -> Result<X509, ErrorStack> {
        let serial = serial_number();
        let number = serial.to_bn()?.to_dec_str()?.to_string();
        let issuer = self.issuer.certificate.subject_name();
        let subject = match &self.subject {
            Some(parts) => named(parts)?,
            None => one_more(issuer, &number)?,
        };
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        builder.set_serial_number(&serial)?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(issuer)?;
        builder.set_not_before(&*Asn1Time::from_unix(self.from)?)?;
        builder.set_not_after(&*Asn1Time::from_unix(self.until)?)?;
        builder.set_pubkey(key)?;
        let length = self.path_length.map_or_else(Vec::new, |length| element(0x02, &[&[length]]));
        let policy = sequence(&[&oid(&self.language)]);
        let info = sequence(&[&length, &policy]);
        builder.append_extension(plain_extension(PROXY_CERT_INFO, true, &info)?)?;
        for (oid, content) in &self.extensions {
            builder.append_extension(plain_extension(oid, false, content)?)?;
        }
        builder.sign(&self.signer, MessageDigest::sha256())?;
        Ok(builder.build())
    }
}

/// Any extension.
pub(super) fn plain_extension(
    oid: &str,
    critical: bool,
    content: &[u8],
) -> Result<X509Extension, ErrorStack> {
    let object = Asn1Object::from_str(oid)?;
    let octets = Asn1OctetString::new_from_bytes(content)?;
    X509Extension::new_from_der(&object, critical, &octets)
}

fn named(parts: &[(String, String)]) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    for (kind, value) in parts {
        builder.append_entry_by_text(kind, value)?;
    }
    Ok(builder.build())
}

fn one_more(issuer: &X509NameRef, number: &str) -> Result<X509Name, ErrorStack> {
    let mut builder = X509Name::builder()?;
    for entry in issuer.entries() {
        builder.append_entry(entry)?;
    }
    builder.append_entry_by_text("CN", number)?;
    Ok(builder.build())
}
