use std::fmt;

use sbk_model::Timestamp;

/// Who a TLS peer is, as its verified certificates say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The user or host: the subject of the certificate that a CA issued, in OpenSSL's one-line
    /// form, such as `/C=ch/O=DIRAC/OU=DIRAC CI/CN=ciuser`.
    pub dn: String,
    /// The subject of the certificate that was presented first, perhaps a proxy.
    pub subject: String,
    /// The issuer of the certificate that was presented first.
    pub issuer: String,
    /// The CA that issued the user's or host's certificate.
    pub ca: String,
    /// Whether the peer came with a proxy.
    pub is_proxy: bool,
    /// Whether one of the proxies is limited.
    pub is_limited: bool,
    /// The DIRAC group that the user chose when the first proxy with a group was made. It proves
    /// nothing until the user's membership is verified.
    pub group: Option<String>,
    /// When the first of the certificates, or of the revocation lists that were used, expires.
    pub expires: Timestamp,
    /// The VO that vouches for [`fqans`](Self::fqans).
    pub vo: Option<String>,
    /// Groups and roles that the VO's server has signed, the primary first.
    pub fqans: Vec<String>,
    /// Until when [`fqans`](Self::fqans) hold.
    pub fqans_expire: Option<Timestamp>,
    /// Why the VOMS attributes that were presented are ignored.
    pub voms_problem: Option<String>,
    /// What tells the presented chain from any other.
    pub fingerprint: Fingerprint,
}

impl Peer {
    /// Whether the certificates still hold; ask on each request of a long connection.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        now < self.expires
    }

    /// The groups and roles that still hold.
    pub fn fqans_at(&self, now: Timestamp) -> &[String] {
        if self.fqans_expire.is_some_and(|until| now < until) { &self.fqans } else { &[] }
    }
}

/// A BLAKE3 digest of all presented certificates, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Makes the fingerprint of a chain of certificates in DER.
    pub fn of(chain: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for der in chain {
            // Each length goes in first, so that bytes cannot move between certificates.
            hasher.update(&der.len().to_le_bytes());
            hasher.update(der);
        }
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
