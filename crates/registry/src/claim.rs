//! What a connection has proven, and who the registry makes of it.

use serde::Serialize;

/// Who a connection says it is.
///
/// Another crate has verified the certificates, so the name, the kind of certificate and the
/// attributes are proven. The group is the caller's own statement, and so are extra credentials.
#[derive(Debug, Clone, Copy, Default)]
pub struct Claim<'a> {
    /// The name of the user or host: of the certificate below a proxy, or a token's subject.
    pub dn: Option<&'a str>,
    /// The group that the proxy or the token asks for.
    pub group: Option<&'a str>,
    /// Whether the certificate is a proxy.
    pub is_proxy: bool,
    /// Whether the proxy is a limited one.
    pub is_limited: bool,
    /// The VOMS attributes whose signatures were verified.
    pub fqans: &'a [String],
    /// What the caller sent beside its certificate.
    pub extra: ExtraCredentials<'a>,
}

/// What DIRAC's clients send beside their certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExtraCredentials<'a> {
    /// Nothing.
    #[default]
    None,
    /// `hosts`: the certificate is a host's.
    Hosts,
    /// A group, which counts where the certificate has none.
    Group(&'a str),
    /// A host speaks for a user.
    Delegated {
        /// The user's name.
        dn: &'a str,
        /// The user's group.
        group: &'a str,
    },
}

/// What an identity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Nobody that the registry knows.
    Visitor,
    /// A user in a group of his.
    User,
    /// A host.
    Host,
}

/// Who a caller is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// What the caller is.
    pub kind: Kind,
    /// The name of the user or host in the registry.
    pub username: String,
    /// The group; `hosts` for hosts.
    pub group: String,
    /// The name that was proven; empty where there was no certificate.
    pub dn: String,
    /// All properties of the group or host, in the registry's order, which `whoami` shows.
    pub properties: Vec<String>,
    /// The group's virtual organisation; none for hosts.
    pub vo: Option<String>,
    /// Whether a limited proxy was used.
    pub limited: bool,
    /// The verified VOMS attributes; none where a host speaks for the user.
    pub fqans: Vec<String>,
    /// The trusted host that speaks for the user.
    pub forwarded_by: Option<String>,
}

impl Identity {
    /// The group of hosts.
    pub const HOSTS: &'static str = "hosts";

    /// The group of those whom the registry does not know.
    pub const VISITOR: &'static str = "visitor";

    /// Somebody whom the registry does not know. Has no properties, whatever group was claimed.
    ///
    /// Where a host speaks for somebody, that is who visits; whether it may was decided before.
    pub fn visitor(claim: &Claim<'_>) -> Self {
        let (dn, fqans) = match (claim.dn.map(str::trim), claim.extra) {
            (None | Some(""), _) => ("", &[][..]),
            (Some(_), ExtraCredentials::Delegated { dn, .. }) => (dn, &[][..]),
            (Some(dn), _) => (dn, claim.fqans),
        };
        Self {
            kind: Kind::Visitor,
            username: "anonymous".to_owned(),
            group: Self::VISITOR.to_owned(),
            dn: dn.to_owned(),
            properties: Vec::new(),
            vo: None,
            limited: claim.is_limited,
            fqans: fqans.to_vec(),
            forwarded_by: None,
        }
    }

    /// Whether it has a property, in any case.
    pub fn has(&self, property: &str) -> bool {
        self.properties.iter().any(|own| own.to_lowercase() == property.to_lowercase())
    }
}
