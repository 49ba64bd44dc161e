/// Why a token is not taken.
///
/// For the log of the service; callers are told only that their token is not. None of the texts
/// contains a token or a part of its signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token is longer than [`MAX_TOKEN`](crate::MAX_TOKEN).
    #[error("the token has more than {} bytes", crate::MAX_TOKEN)]
    TooLong,
    /// The token is no JSON Web Token.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// The algorithm of the signature is not believed.
    #[error("the token is signed with {0:?}, which is not taken of its issuer")]
    Algorithm(String),
    /// The issuer is not in the configuration.
    #[error("the issuer {0:?} is not configured")]
    UnknownIssuer(String),
    /// The issuer has no such key.
    #[error("the issuer {issuer} has no key {kid:?} for this algorithm")]
    UnknownKey {
        /// The issuer.
        issuer: String,
        /// The key's name.
        kid: String,
    },
    /// There are no keys of the issuer, and it cannot be asked. May be gone the next time.
    #[error("the keys of the issuer {0} are not to be had")]
    IssuerAway(String),
    /// The signature is not the issuer's.
    #[error("the signature is not one of the issuer {0}")]
    Signature(String),
    /// The token is meant for somebody else.
    #[error("the token is meant for somebody else")]
    Audience,
    /// The token's time is over.
    #[error("the token has expired")]
    Expired,
    /// The token's time has not come, or it is said to have been issued in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// A claim is missing or cannot be right.
    #[error("the token's claim {0} is missing or cannot be right")]
    Claim(&'static str),
}

impl Refusal {
    /// Whether the same token may be taken later, since the fault is not its own.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::IssuerAway(_))
    }
}
