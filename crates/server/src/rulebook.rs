//! Who somebody is, and what they may do, as a DIRAC configuration says.

use std::sync::Arc;

use sbk_dirac::catalog::People;
use sbk_model::{Invalid, Timestamp, Vo};
use sbk_pki::Peer;
use sbk_registry::{
    Cfg, Claim, ExtraCredentials, Finding, Identity, PermissionMap, Registry, Rules, Service,
};
use sbk_service::Caller;

use crate::{
    Config, Error,
    face::{self, Face},
};

/// Registry, rules and permissions, of one moment.
#[derive(Debug)]
pub struct Rulebook {
    /// Users, groups and hosts.
    pub registry: Registry,
    /// Who may call which method.
    pub rules: Rules,
    /// What properties, groups and hosts may do.
    pub permissions: PermissionMap,
    /// Who may call which method of the FileCatalog.
    pub catalog_rules: Rules,
    /// Who there is, for the FileCatalog.
    pub people: Arc<People>,
}

impl Rulebook {
    /// Reads those of the services of a configuration.
    pub fn of(cfg: &Cfg, config: &Config) -> Result<Self, Error> {
        let book = Self::read(cfg, config.dirac.place())?;
        let rules = face::place(&config.file_catalog.service)
            .map(|place| Rules::from_cfg(cfg, place))
            .unwrap_or_default();
        Ok(Self { catalog_rules: rules, ..book })
    }

    /// The rules of a service.
    pub fn rules_of(&self, face: Face) -> &Rules {
        match face {
            Face::Bookkeeping => &self.rules,
            Face::FileCatalog => &self.catalog_rules,
        }
    }

    /// Reads those of one service.
    pub fn read(cfg: &Cfg, service: Service<'_>) -> Result<Self, Error> {
        let wrong = |findings: Vec<Finding>| {
            let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
            Error::Config(format!("the DIRAC configuration: {}", lines.join("; ")))
        };
        let registry = Registry::from_cfg(cfg).map_err(wrong)?;
        let groups = registry.groups();
        let people = People {
            users: registry.users().map(|(name, _)| name.to_owned()).collect(),
            groups: groups
                .map(|(name, group)| (name.to_owned(), group.voms_role.clone()))
                .collect(),
        };
        Ok(Self {
            registry,
            rules: Rules::from_cfg(cfg, service),
            permissions: PermissionMap::from_cfg(cfg, service).map_err(wrong)?,
            catalog_rules: Rules::default(),
            people: Arc::new(people),
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
