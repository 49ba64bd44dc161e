//! Who somebody is, and what they may do, as a DIRAC configuration says.

use sbk_model::{Invalid, Timestamp, Vo};
use sbk_pki::Peer;
use sbk_registry::{
    Cfg, Claim, ExtraCredentials, Finding, Identity, PermissionMap, Registry, Rules, Service,
};
use sbk_service::Caller;

use crate::Error;

/// Registry, rules and permissions, of one moment.
#[derive(Debug)]
pub struct Rulebook {
    /// Users, groups and hosts.
    pub registry: Registry,
    /// Who may call which method.
    pub rules: Rules,
    /// What properties, groups and hosts may do.
    pub permissions: PermissionMap,
}

impl Rulebook {
    /// Reads those of a service.
    pub fn read(cfg: &Cfg, service: Service<'_>) -> Result<Self, Error> {
        let wrong = |findings: Vec<Finding>| {
            let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
            Error::Config(format!("the DIRAC configuration: {}", lines.join("; ")))
        };
        Ok(Self {
            registry: Registry::from_cfg(cfg).map_err(wrong)?,
            rules: Rules::from_cfg(cfg, service),
            permissions: PermissionMap::from_cfg(cfg, service).map_err(wrong)?,
        })
    }

    /// The caller that an identity is for the service. A name of the registry may be none here.
    pub fn caller(&self, identity: &Identity) -> Result<Caller, Invalid> {
        Ok(Caller {
            user: identity.username.parse()?,
            group: identity.group.parse()?,
            permissions: self.permissions.permissions(identity),
            vo: identity.vo.as_deref().map(str::parse::<Vo>).transpose()?,
            local: false,
        })
    }
}

/// What a connection claims: what its certificates prove, and what came beside them.
pub fn claim<'a>(peer: Option<&'a Peer>, extra: ExtraCredentials<'a>, now: Timestamp) -> Claim<'a> {
    let Some(peer) = peer else { return Claim { extra, ..Claim::default() } };
    Claim {
        dn: Some(&peer.dn),
        group: peer.group.as_deref(),
        is_proxy: peer.is_proxy,
        is_limited: peer.is_limited,
        fqans: peer.fqans_at(now),
        extra,
    }
}
