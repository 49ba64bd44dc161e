//! From a claim to an identity, in the steps of DIRAC's `AuthManager`.
//!
//! Nothing is remembered from one call to the next: membership is looked up for the pair of name
//! and group each time, since the group is no more than what the caller says.

use crate::{Claim, Denial, ExtraCredentials, Group, Identity, Kind, Registry};

const TRUSTED_HOST: &str = "TrustedHost";

impl Registry {
    /// Says who a caller is.
    ///
    /// A [`Denial`] that [may visit](Denial::may_visit) leaves [`Identity::visitor`];
    /// [`Registry::authorise`] takes care of it.
    pub fn identify(&self, claim: &Claim<'_>) -> Result<Identity, Denial> {
        let dn = name(claim.dn)?;
        let group = match claim.extra {
            ExtraCredentials::Delegated { dn: user, group } => {
                return self.forwarded(dn, user, group, claim);
            }
            ExtraCredentials::Hosts | ExtraCredentials::Group(Identity::HOSTS) => {
                Some(Identity::HOSTS)
            }
            ExtraCredentials::Group(group) => claim.group.or(Some(group)),
            ExtraCredentials::None => claim.group,
        };
        self.named(dn, group, claim)
    }

    /// The identity for which a trusted host speaks.
    fn forwarded(
        &self,
        dn: &str,
        user: &str,
        group: &str,
        claim: &Claim<'_>,
    ) -> Result<Identity, Denial> {
        let trusted = self
            .host_of_dn(dn)
            .filter(|(_, host)| host.properties.iter().any(|property| property == TRUSTED_HOST));
        let Some((host, _)) = trusted else {
            return Err(Denial::NotTrusted { dn: dn.to_owned(), user: user.to_owned() });
        };
        let identity = self.named(name(Some(user))?, Some(group), claim)?;
        // The attributes are the host's own.
        Ok(Identity { fqans: Vec::new(), forwarded_by: Some(host.to_owned()), ..identity })
    }

    fn named(&self, dn: &str, group: Option<&str>, claim: &Claim<'_>) -> Result<Identity, Denial> {
        match group {
            Some(Identity::HOSTS) => self.host(dn, claim),
            Some(group) => self.member(dn, group, claim),
            None => self.member(dn, self.default_group_of_dn(dn)?, claim),
        }
    }

    fn host(&self, dn: &str, claim: &Claim<'_>) -> Result<Identity, Denial> {
        let (name, host) =
            self.host_of_dn(dn).ok_or_else(|| Denial::UnknownHost { dn: dn.to_owned() })?;
        Ok(Identity {
            kind: Kind::Host,
            username: name.to_owned(),
            group: Identity::HOSTS.to_owned(),
            dn: dn.to_owned(),
            properties: host.properties.clone(),
            vo: None,
            limited: claim.is_limited,
            fqans: claim.fqans.to_vec(),
            forwarded_by: None,
        })
    }

    fn member(&self, dn: &str, group_name: &str, claim: &Claim<'_>) -> Result<Identity, Denial> {
        let username = self.first_user(dn)?;
        let group: &Group = (self.group(group_name))
            .ok_or_else(|| Denial::UnknownGroup { group: group_name.to_owned() })?;
        let username = self.member_of_dn(dn, group_name).ok_or_else(|| Denial::NotMember {
            username: username.to_owned(),
            group: group_name.to_owned(),
        })?;
        let vo = self.vo_of_group(group_name);
        self.not_suspended(username, group_name, vo)?;
        Ok(Identity {
            kind: Kind::User,
            username: username.to_owned(),
            group: group_name.to_owned(),
            dn: dn.to_owned(),
            properties: group.properties.clone(),
            vo: vo.map(str::to_owned),
            limited: claim.is_limited,
            fqans: claim.fqans.to_vec(),
            forwarded_by: None,
        })
    }

    fn not_suspended(&self, username: &str, group: &str, vo: Option<&str>) -> Result<(), Denial> {
        let suspended = self.user(username).map_or(&[][..], |user| &user.suspended);
        match vo.filter(|vo| suspended.iter().any(|suspended| suspended == vo)) {
            None => Ok(()),
            Some(vo) => Err(Denial::Suspended {
                username: username.to_owned(),
                group: group.to_owned(),
                vo: vo.to_owned(),
            }),
        }
    }

    fn default_group_of_dn(&self, dn: &str) -> Result<&str, Denial> {
        let username = self.first_user(dn)?;
        self.default_group(username)
            .ok_or_else(|| Denial::NoGroup { username: username.to_owned() })
    }

    fn first_user(&self, dn: &str) -> Result<&str, Denial> {
        let users = self.users_of_dn(dn);
        let unknown = || Denial::UnknownUser { dn: dn.to_owned() };
        users.first().map(String::as_str).ok_or_else(unknown)
    }
}

fn name(dn: Option<&str>) -> Result<&str, Denial> {
    dn.map(str::trim).filter(|dn| !dn.is_empty()).ok_or(Denial::NoName)
}
