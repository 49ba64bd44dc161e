//! Why somebody is not let in.

/// Why a caller is not who he says, or may not do what he asks.
///
/// For the log of the service and for its administrator. Callers are told only that they are not
/// authorised, so that they learn nothing of the registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// There is no certificate and no token.
    #[error("the caller has shown neither a certificate nor a token")]
    NoName,
    /// Somebody who is no trusted host speaks for another.
    #[error("{dn:?} speaks for {user:?}, but is no host with the property TrustedHost")]
    NotTrusted {
        /// Who speaks.
        dn: String,
        /// For whom.
        user: String,
    },
    /// No host has the name.
    #[error("no host in the registry has the DN {dn:?}")]
    UnknownHost {
        /// The name.
        dn: String,
    },
    /// No user has the name.
    #[error("no user in the registry has the DN {dn:?}")]
    UnknownUser {
        /// The name.
        dn: String,
    },
    /// The user asks for no group and is in none.
    #[error("the user {username:?} is in no group")]
    NoGroup {
        /// The user.
        username: String,
    },
    /// The group is not in the registry.
    #[error("there is no group {group:?} in the registry")]
    UnknownGroup {
        /// The group.
        group: String,
    },
    /// The user is not in the group.
    #[error("the user {username:?} is not a member of the group {group:?}")]
    NotMember {
        /// The user.
        username: String,
        /// The group.
        group: String,
    },
    /// The user is suspended.
    #[error("the user {username:?} is suspended in the VO {vo:?} of the group {group:?}")]
    Suspended {
        /// The user.
        username: String,
        /// The group.
        group: String,
        /// The group's virtual organisation.
        vo: String,
    },
    /// No rule speaks of the method.
    #[error("{section} has no rule for the method {method:?} and no Default")]
    NoRule {
        /// The method.
        method: String,
        /// Where rules are.
        section: String,
    },
    /// The rule for the method does not admit the caller.
    #[error("the rule `{rule}` for the method {method:?} does not admit {who}: {reason}")]
    NotAdmitted {
        /// The method.
        method: String,
        /// The rule.
        rule: String,
        /// User and group.
        who: String,
        /// What is missing.
        reason: String,
    },
}

/// The step of the decision at which it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Who it is, by certificate or token.
    Name,
    /// Whether one may speak for another.
    Delegation,
    /// Which host it is.
    Host,
    /// Which user it is.
    User,
    /// Whether the user is in the group.
    Group,
    /// Whether the user is suspended.
    Suspension,
    /// Whether the rule admits the caller.
    Rule,
}

impl Denial {
    /// The step at which it was decided.
    pub const fn step(&self) -> Step {
        match self {
            Self::NoName => Step::Name,
            Self::NotTrusted { .. } => Step::Delegation,
            Self::UnknownHost { .. } => Step::Host,
            Self::UnknownUser { .. } => Step::User,
            Self::NoGroup { .. } | Self::UnknownGroup { .. } | Self::NotMember { .. } => {
                Step::Group
            }
            Self::Suspended { .. } => Step::Suspension,
            Self::NoRule { .. } | Self::NotAdmitted { .. } => Step::Rule,
        }
    }

    /// Whether a method that is open to anybody is open to this caller, too: as a visitor.
    pub const fn may_visit(&self) -> bool {
        match self.step() {
            Step::Name | Step::Host | Step::User | Step::Group | Step::Suspension => true,
            Step::Delegation | Step::Rule => false,
        }
    }

    /// What the administrator can do if the caller ought to be let in.
    pub fn advice(&self) -> String {
        match self {
            Self::NoName => "the caller needs a certificate, a proxy or a token".to_owned(),
            Self::NotTrusted { dn, .. } => format!(
                "if {dn:?} is a gateway, give its section in /Registry/Hosts this DN and \
                 `TrustedHost` among its Properties"
            ),
            Self::UnknownHost { dn } => {
                format!("add a section to /Registry/Hosts with `DN = {dn}` and Properties")
            }
            Self::UnknownUser { dn } => format!(
                "add {dn:?} to the option DN of a section in /Registry/Users; DNs are compared \
                 letter by letter, and none with a comma can be written there"
            ),
            Self::NoGroup { username } => {
                format!("add {username:?} to the option Users of a group in /Registry/Groups")
            }
            Self::UnknownGroup { group } => format!(
                "add a section {group:?} to /Registry/Groups, or let the user make a proxy for a \
                 group that exists"
            ),
            Self::NotMember { username, group } => format!(
                "add {username:?} to /Registry/Groups/{group}/Users, or let the user make a proxy \
                 for a group of his"
            ),
            Self::Suspended { username, vo, .. } => {
                format!("take {vo:?} out of /Registry/Users/{username}/Suspended")
            }
            Self::NoRule { section, .. } => {
                format!("add `Default = authenticated` or a rule of the method's name to {section}")
            }
            Self::NotAdmitted { .. } => {
                "change the rule, or give the group a property that the rule names".to_owned()
            }
        }
    }
}
