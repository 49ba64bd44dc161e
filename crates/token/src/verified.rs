use std::time::SystemTime;

/// What a token states, of which issuer and signature are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The issuer, as in the configuration.
    pub issuer: String,
    /// The subject, which is unique for the issuer only.
    pub subject: String,
    /// The user's name, where `DiracX` states it. Other issuers let users choose theirs.
    pub username: Option<String>,
    /// The name to look up in DIRAC's registry.
    pub dn: String,
    /// The group: of `DiracX`, or the first to which the configuration leads.
    pub group: Option<String>,
    /// All groups to which the token leads.
    pub groups: Vec<String>,
    /// The properties that `DiracX` states.
    pub properties: Vec<String>,
    /// The virtual organisation.
    pub vo: Option<String>,
    /// The scopes.
    pub scopes: Vec<String>,
    /// When the token's time is over.
    pub expires: SystemTime,
}
