//! What an administrator probably did not mean.

mod people;
mod service;

use crate::{Cfg, Finding, PermissionMap, Registry, Rules, Service};

/// DIRAC's properties (`DIRAC/Core/Security/Properties.py`).
const PROPERTIES: &[&str] = &[
    "TrustedHost",
    "NormalUser",
    "CSAdministrator",
    "JobSharing",
    "ServiceAdministrator",
    "JobAdministrator",
    "JobMonitor",
    "AccountingMonitor",
    "GenericPilot",
    "SiteManager",
    "UserManager",
    "Operator",
    "FullDelegation",
    "LimitedDelegation",
    "PrivateLimitedDelegation",
    "ProxyManagement",
    "ProductionManagement",
    "ProductionSharing",
    "ProductionUser",
    "PPGAuthority",
    "BookkeepingManagement",
    "FileCatalogManagement",
    "StageAllowed",
    "AlarmsManagement",
];

/// Finds what is wrong with the registry, the rules and the permissions of a service, whose methods
/// are given. The worst comes first.
pub fn check(cfg: &Cfg, service: Service<'_>, methods: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    match Registry::from_cfg(cfg) {
        Ok(registry) => {
            people::check(cfg, &registry, &mut findings);
            let rules = Rules::from_cfg(cfg, service);
            service::check(cfg, service, &rules, &registry, methods, &mut findings);
        }
        Err(problems) => findings.extend(problems),
    }
    findings.extend(PermissionMap::from_cfg(cfg, service).err().into_iter().flatten());
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}
