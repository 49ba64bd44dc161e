use sbk_model::Timestamp;

/// Why a chain of certificates is not taken. Certificates are named by their subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No certificate was presented.
    #[error("no certificate was presented")]
    NoCertificate,
    /// More certificates or bytes were presented than are read.
    #[error(
        "the chain has {certificates} certificates in {bytes} bytes; it may have {} in {}",
        crate::MAX_CERTIFICATES,
        crate::MAX_BYTES
    )]
    TooLong {
        /// How many certificates were presented.
        certificates: usize,
        /// How long they are together.
        bytes: usize,
    },
    /// There are more generations of proxies than are taken.
    #[error("there are {depth} proxies above {subject}; there may be {limit}")]
    TooDeep {
        /// Whose proxies they are.
        subject: String,
        /// How many proxies there are.
        depth: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A presented certificate is none, or holds a part that cannot be read.
    #[error("certificate {position} of the chain cannot be read: {reason}")]
    Unreadable {
        /// Its position as presented, from 1.
        position: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate has expired.
    #[error("{subject} expired at {since}")]
    Expired {
        /// The certificate.
        subject: String,
        /// When it expired.
        since: Timestamp,
    },
    /// A certificate is not valid yet.
    #[error("{subject} is not valid before {from}")]
    NotYetValid {
        /// The certificate.
        subject: String,
        /// When it begins.
        from: Timestamp,
    },
    /// No trusted CA stands at the end of the chain.
    #[error(
        "the issuer of {subject}, {issuer}, is neither a trusted CA nor among the certificates presented"
    )]
    UnknownCa {
        /// The last certificate that could be followed.
        subject: String,
        /// Who says to have issued it.
        issuer: String,
    },
    /// The certificate from which a proxy was made was not presented.
    #[error("the proxy {subject} came without the certificate that issued it, {issuer}")]
    MissingIssuer {
        /// The proxy.
        subject: String,
        /// The certificate that is missing.
        issuer: String,
    },
    /// A certificate was not signed by the key of its issuer.
    #[error("the signature of {subject} is not that of its issuer, {issuer}")]
    BadSignature {
        /// The certificate.
        subject: String,
        /// Whose signature it should carry.
        issuer: String,
    },
    /// More certificates follow than one of them allows.
    #[error("the chain is longer than the path length of a certificate allows, at {subject}")]
    PathLength {
        /// The certificate at which that shows.
        subject: String,
    },
    /// A certificate was issued by one that may not issue certificates.
    #[error("{subject} may not issue the certificates presented")]
    NotACa {
        /// The issuer that is no CA.
        subject: String,
    },
    /// A CA's own certificate was presented as a user's or host's.
    #[error("{subject} is the certificate of a CA, not of a user or host")]
    IsACa {
        /// The CA.
        subject: String,
    },
    /// A proxy is not named after its issuer.
    #[error("the proxy {subject} is not named as its issuer {issuer} with one common name more")]
    ProxyName {
        /// The proxy.
        subject: String,
        /// Its issuer.
        issuer: String,
    },
    /// A proxy may do something that only another service can judge.
    #[error("the proxy {subject} has the policy {language}, which is not known here")]
    ProxyPolicy {
        /// The proxy.
        subject: String,
        /// The policy's language.
        language: String,
    },
    /// A full proxy was made from a limited one.
    #[error("{subject} is a full proxy made from a limited one")]
    FullFromLimited {
        /// The full proxy.
        subject: String,
    },
    /// The DIRAC group of a proxy cannot be read.
    #[error("the DIRAC group of {subject} cannot be read: {reason}")]
    Group {
        /// The proxy.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A certificate has been revoked.
    #[error("{subject} has been revoked by {issuer}")]
    Revoked {
        /// The certificate.
        subject: String,
        /// The CA that revoked it.
        issuer: String,
    },
    /// There is no revocation list of a CA, and one is required.
    #[error("there is no revocation list of {issuer}")]
    CrlMissing {
        /// The CA.
        issuer: String,
    },
    /// The revocation list of a CA has expired.
    #[error("the revocation list of {issuer} expired at {since}")]
    CrlExpired {
        /// The CA.
        issuer: String,
        /// When the next list was due.
        since: Timestamp,
    },
    /// The revocation list of a CA cannot be relied on.
    #[error("the revocation list of {issuer} cannot be used: {reason}")]
    CrlUnusable {
        /// The CA.
        issuer: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A CA has issued a name outside those that it may.
    #[error("{issuer} may not issue {subject}: {reason}")]
    Namespace {
        /// The certificate.
        subject: String,
        /// The CA.
        issuer: String,
        /// Which rule forbids it.
        reason: String,
    },
    /// An extension is not valid, or is critical and not understood.
    #[error("{subject} has an extension that is not valid or not understood")]
    Extension {
        /// The certificate.
        subject: String,
    },
    /// A certificate that belongs to somebody else, or to no chain, was presented with the others.
    #[error("{subject} does not belong to the chain that was presented")]
    Stranger {
        /// The certificate.
        subject: String,
    },
    /// A certificate was issued for another use.
    #[error("{subject} may not be used for this")]
    Purpose {
        /// The certificate.
        subject: String,
    },
    /// A key is too short, or a signature too weak.
    #[error("{subject} has too short a key or too weak a signature")]
    Weak {
        /// The certificate.
        subject: String,
    },
    /// A server's certificate does not name the host that was asked for.
    #[error("{subject} is not the certificate of {host}")]
    WrongHost {
        /// The certificate.
        subject: String,
        /// The host that was asked for.
        host: String,
    },
    /// OpenSSL refuses a certificate for another reason.
    #[error("{subject}: {reason}")]
    Other {
        /// The certificate.
        subject: String,
        /// What OpenSSL says.
        reason: String,
    },
}

impl Refusal {
    /// What the owner of the certificates, or of the server, can do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::NoCertificate => "Present a certificate or a proxy.",
            Self::TooLong { .. } | Self::TooDeep { .. } => {
                "Make a new proxy from the user certificate, with fewer delegations."
            }
            Self::Unreadable { .. } | Self::Extension { .. } => {
                "Look at the certificate with `openssl x509 -text`, and have it issued anew."
            }
            Self::Expired { .. } => "Make a new proxy, or renew the certificate.",
            Self::NotYetValid { .. } => "Set the clocks of client and server, or wait.",
            Self::UnknownCa { .. } => {
                "Send the intermediate CAs with the certificate, or install the CA in the CA directory."
            }
            Self::MissingIssuer { .. } => {
                "Send the whole proxy file: certificate, key, then the issuing certificates."
            }
            Self::BadSignature { .. } | Self::ProxyName { .. } | Self::Group { .. } => {
                "Make a new proxy: this one was put together wrongly."
            }
            Self::PathLength { .. } | Self::FullFromLimited { .. } => {
                "Make the proxy from the user certificate, or from a full proxy that may be delegated."
            }
            Self::NotACa { .. } | Self::IsACa { .. } => {
                "Present the certificate that a CA issued to the user or host."
            }
            Self::ProxyPolicy { .. } => "Make a full or a limited proxy.",
            Self::Revoked { .. } => "Ask the CA for a new certificate.",
            Self::CrlMissing { .. } | Self::CrlExpired { .. } | Self::CrlUnusable { .. } => {
                "Fetch the revocation lists on the server, for example with fetch-crl."
            }
            Self::Namespace { .. } => {
                "Compare the CA's signing_policy file in the CA directory with the certificate."
            }
            Self::Stranger { .. } => "Present only the proxy and those that issued it.",
            Self::Purpose { .. } => "Have a certificate issued that may be used by TLS clients.",
            Self::Weak { .. } => "Use RSA keys of 2048 bits or more, and SHA-256.",
            Self::WrongHost { .. } => "Use the name that the server's certificate has.",
            Self::Other { .. } => "See OpenSSL's manual on verification.",
        }
    }
}
