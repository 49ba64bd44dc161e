use openssl::{
    asn1::{Asn1Integer, Asn1Time},
    bn::{BigNum, MsbOption},
    hash::MessageDigest,
    pkey::{PKey, Private},
    x509::{
        X509, X509Builder, X509CrlBuilder, X509Name, X509RevokedBuilder,
        extension::{
            AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage,
            SubjectAlternativeName, SubjectKeyIdentifier,
        },
    },
};

use super::{
    Identity,
    der::{element, sequence},
    identity::{new_key, new_rsa_key},
    now,
    proxy::plain_extension,
};

/// What a certificate is to say.
#[derive(Debug, Clone)]
pub struct Request {
    /// The subject, as attributes and values.
    pub subject: Vec<(String, String)>,
    /// When it begins.
    pub from: i64,
    /// When it ends.
    pub until: i64,
    /// Whether it may issue certificates, and how many CAs may follow.
    pub ca: Option<Option<u32>>,
    /// The names and addresses of a host.
    pub names: Vec<String>,
    /// The length of an RSA key, in place of one of P-256.
    pub rsa_bits: Option<u32>,
    /// Whether it is signed with SHA-1 in place of SHA-256.
    pub sha1: bool,
    /// The key, if it is not to be made.
    pub key: Option<PKey<Private>>,
}

impl Request {
    /// A user, `/C=ch/O=SBK/CN=<name>`.
    pub fn user(name: &str) -> Self {
        let now = now();
        let part = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
        Self {
            subject: vec![part("C", "ch"), part("O", "SBK"), part("CN", name)],
            from: now - 3600,
            until: now + 30 * 86_400,
            ca: None,
            names: Vec::new(),
            rsa_bits: None,
            sha1: false,
            key: None,
        }
    }

    /// A host with this name; localhost has its addresses, too.
    pub fn host(name: &str) -> Self {
        let mut names = vec![format!("DNS:{name}")];
        if name == "localhost" {
            names.extend(["IP:127.0.0.1".to_owned(), "IP:::1".to_owned()]);
        }
        Self { names, ..Self::user(name) }
    }

    /// A CA, below which there may be `path_length` others.
    pub fn ca(name: &str, path_length: Option<u32>) -> Self {
        Self { ca: Some(path_length), until: now() + 365 * 86_400, ..Self::user(name) }
    }

    /// The same for another time.
    #[must_use]
    pub fn valid(mut self, from: i64, until: i64) -> Self {
        (self.from, self.until) = (from, until);
        self
    }
}

/// A CA.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Its certificate and key, and the intermediate CAs up to a root.
    pub identity: Identity,
}

impl Authority {
    /// Makes a CA that signs itself, `/C=ch/O=SBK/CN=<name>`.
    pub fn root(name: &str) -> Self {
        Self::root_from(&Request::ca(name, None))
    }

    /// Makes a CA that signs itself.
    pub fn root_from(request: &Request) -> Self {
        let key = request.key.clone().unwrap_or_else(new_key);
        let certificate = certify(request, &key, None);
        Self { identity: Identity { certificate, key, issuers: Vec::new() } }
    }

    /// Makes a CA below this one.
    #[must_use]
    pub fn intermediate(&self, request: &Request) -> Self {
        Self { identity: self.issue(request) }
    }

    /// Issues a certificate. The presented chain has the intermediate CAs, but not the root.
    pub fn issue(&self, request: &Request) -> Identity {
        let key = request.key.clone().unwrap_or_else(|| match request.rsa_bits {
            Some(bits) => new_rsa_key(bits),
            None => new_key(),
        });
        let certificate = certify(request, &key, Some(&self.identity));
        let is_root = self.identity.issuers.is_empty() && self.is_self_issued();
        let own = (!is_root).then(|| self.identity.certificate.clone());
        let issuers = own.into_iter().chain(self.identity.issuers.iter().cloned()).collect();
        Identity { certificate, key, issuers }
    }

    /// A revocation list as PEM.
    pub fn crl(&self, revoked: &[&X509], from: i64, until: i64) -> Vec<u8> {
        self.crl_with(revoked, from, until, None)
    }

    /// A revocation list with a critical extension of this number and content, as PEM.
    pub fn crl_with(
        &self,
        revoked: &[&X509],
        from: i64,
        until: i64,
        critical: Option<(&str, &[u8])>,
    ) -> Vec<u8> {
        let made = (|| {
            let mut builder = X509CrlBuilder::new()?;
            builder.set_issuer_name(self.identity.certificate.subject_name())?;
            let from = Asn1Time::from_unix(from)?;
            builder.set_last_update(&from)?;
            builder.set_next_update(&*Asn1Time::from_unix(until)?)?;
            for x509 in revoked {
                let mut entry = X509RevokedBuilder::new()?;
                entry.set_serial_number(x509.serial_number())?;
                entry.set_revocation_date(&from)?;
                builder.add_revoked(entry.build())?;
            }
            let key = self.identity.certificate.subject_key_id();
            let key = element(0x80, &[key.map_or(&[][..], |key| key.as_slice())]);
            builder.append_extension(plain_extension("2.5.29.35", false, &sequence(&[&key]))?)?;
            builder.append_extension(plain_extension("2.5.29.20", false, &[2, 1, 1])?)?;
            if let Some((oid, content)) = critical {
                builder.append_extension(plain_extension(oid, true, content)?)?;
            }
            builder.sort()?;
            builder.sign(&self.identity.key, MessageDigest::sha256())?;
            builder.build()?.to_pem()
        })();
        made.expect("OpenSSL makes revocation lists")
    }

    /// The eight digits after which its files are named.
    pub fn hash(&self) -> String {
        format!("{:08x}", self.identity.certificate.subject_name_hash())
    }

    /// Its name as one line; the names in tests have nothing that needs a backslash.
    pub fn dn(&self) -> String {
        let part = |entry: &openssl::x509::X509NameEntryRef| {
            let kind = entry.object().nid().short_name().unwrap_or("?").to_owned();
            format!("/{kind}={}", String::from_utf8_lossy(entry.data().as_slice()))
        };
        self.identity.certificate.subject_name().entries().map(part).collect()
    }

    /// Its certificate alone, as PEM.
    pub fn certificate_pem(&self) -> Vec<u8> {
        self.identity.certificate.to_pem().expect("a certificate has a PEM")
    }

    fn is_self_issued(&self) -> bool {
        let certificate = &self.identity.certificate;
        certificate.subject_name().to_der().ok() == certificate.issuer_name().to_der().ok()
    }
}

pub(super) fn serial_number() -> Asn1Integer {
    let mut number = BigNum::new().expect("OpenSSL makes numbers");
    number.rand(63, MsbOption::ONE, false).expect("OpenSSL makes numbers");
    number.to_asn1_integer().expect("OpenSSL makes numbers")
}

fn name(parts: &[(String, String)]) -> X509Name {
    let mut builder = X509Name::builder().expect("OpenSSL makes names");
    for (kind, value) in parts {
        builder.append_entry_by_text(kind, value).expect("tests use valid names");
    }
    builder.build()
}

/// A certificate of `key`, issued by `issuer` or by itself.
fn certify(request: &Request, key: &PKey<Private>, issuer: Option<&Identity>) -> X509 {
    let subject = name(&request.subject);
    let made = (|| {
        let mut builder = X509Builder::new()?;
        builder.set_version(2)?;
        builder.set_serial_number(&serial_number())?;
        builder.set_subject_name(&subject)?;
        builder.set_issuer_name(issuer.map_or(&subject, |by| by.certificate.subject_name()))?;
        builder.set_not_before(&*Asn1Time::from_unix(request.from)?)?;
        builder.set_not_after(&*Asn1Time::from_unix(request.until)?)?;
        builder.set_pubkey(key)?;
        add_usage(&mut builder, request, issuer)?;
        let digest = if request.sha1 { MessageDigest::sha1() } else { MessageDigest::sha256() };
        builder.sign(issuer.map_or(key, |by| &by.key), digest)?;
        Ok::<X509, openssl::error::ErrorStack>(builder.build())
    })();
    made.expect("OpenSSL makes certificates")
}

fn add_usage(
    builder: &mut X509Builder,
    request: &Request,
    issuer: Option<&Identity>,
) -> Result<(), openssl::error::ErrorStack> {
    let mut constraints = BasicConstraints::new();
    constraints.critical();
    let mut usage = KeyUsage::new();
    usage.critical();
    if let Some(path_length) = request.ca {
        constraints.ca();
        usage.key_cert_sign().crl_sign();
        if let Some(length) = path_length {
            constraints.pathlen(length);
        }
    } else {
        usage.digital_signature().key_encipherment();
        builder.append_extension(ExtendedKeyUsage::new().client_auth().server_auth().build()?)?;
    }
    builder.append_extension(constraints.build()?)?;
    builder.append_extension(usage.build()?)?;
    let identifier = SubjectKeyIdentifier::new();
    let context = builder.x509v3_context(issuer.map(|by| &*by.certificate), None);
    let mut extensions = vec![identifier.build(&context)?];
    if issuer.is_some_and(|by| by.certificate.subject_key_id().is_some()) {
        extensions.push(AuthorityKeyIdentifier::new().keyid(true).build(&context)?);
    }
    if !request.names.is_empty() {
        let mut names = SubjectAlternativeName::new();
        for name in &request.names {
            match name.split_once(':') {
                Some(("IP", address)) => names.ip(address),
                Some((_, dns)) => names.dns(dns),
                None => names.dns(name),
            };
        }
        extensions.push(names.build(&context)?);
    }
    extensions.into_iter().try_for_each(|extension| builder.append_extension(extension))
}
