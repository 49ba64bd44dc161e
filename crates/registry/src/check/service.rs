//! The rules and permissions of a service.

use std::collections::BTreeSet;

use super::PROPERTIES;
use crate::finding::did_you_mean;
use crate::{Cfg, Finding, Identity, PermissionMap, Registry, Rule, Rules, Service};

/// The names of rules that are no methods.
const DIRECTIONS: &[&str] = &[
    "Default",
    "FileTransfer/Default",
    "FileTransfer/fromClient",
    "FileTransfer/toClient",
    "FileTransfer/bulkFromClient",
    "FileTransfer/bulkToClient",
    "FileTransfer/listBulk",
];

pub(super) fn check(
    cfg: &Cfg,
    service: Service<'_>,
    rules: &Rules,
    registry: &Registry,
    methods: &[&str],
    findings: &mut Vec<Finding>,
) {
    let section = service.section(Rules::SECTION);
    let named = |option: &str| rules.iter().any(|(name, _)| name == option);
    if rules.iter().next().is_none() {
        let text = "there are no rules, so methods without a rule in the code refuse everybody";
        findings.push(Finding::error(&section, text, "add `Default = authenticated`"));
    } else if !named("Default") {
        let text = "there is no Default, so methods without a rule refuse everybody";
        findings.push(Finding::warning(&section, text, "add `Default = authenticated`"));
    }
    for (option, rule) in rules.iter() {
        let path = format!("{section}/{option}");
        if !methods.contains(&option) && !DIRECTIONS.contains(&option) {
            let text = format!("there is no method `{option}`");
            let names = methods.iter().chain(DIRECTIONS).copied();
            let fix = did_you_mean(option, names, "remove the rule; case matters");
            findings.push(Finding::warning(&path, text, fix));
        }
        check_rule(&path, rule, registry, findings);
    }
    permissions(cfg, service, registry, findings);
}

fn check_rule(path: &str, rule: &Rule, registry: &Registry, findings: &mut Vec<Finding>) {
    if rule.is_open() && path.ends_with("Default") {
        let text = "everybody is admitted, even those who are not in the registry";
        findings.push(Finding::warning(path, text, "write `authenticated`"));
    }
    for entry in rule.strange() {
        let text = format!("nobody knows what `{entry}` means, so the rule refuses everybody");
        let fix = "write a property, `group:`, `vo:`, `fqan:` or `!limited`";
        findings.push(Finding::error(path, text, fix));
    }
    for property in rule.properties() {
        let held = held_properties(registry);
        if !held.iter().any(|held| held.to_lowercase() == property.to_lowercase()) {
            let text = format!("no group and no host has the property `{property}`");
            let fix = did_you_mean(property, held, "give it to a group, or remove it");
            findings.push(Finding::warning(path, text, fix));
        }
    }
    for group in rule.groups() {
        if registry.group(group).is_none() && group != Identity::HOSTS {
            let text = format!("there is no group `{group}`");
            let names = registry.groups().map(|(name, _)| name);
            let fix = did_you_mean(group, names, "name a group in /Registry/Groups");
            findings.push(Finding::warning(path, text, fix));
        }
    }
    for vo in rule.vos() {
        let mut vos = registry.groups().filter_map(|(name, _)| registry.vo_of_group(name));
        if vos.all(|known| known != vo) {
            let text = format!("no group has the VO `{vo}`");
            let names = registry.vos().map(|(name, _)| name);
            findings.push(Finding::warning(path, text, did_you_mean(vo, names, "name another")));
        }
    }
}

/// Whether the lines of the section `Permissions` name somebody.
fn permissions(cfg: &Cfg, service: Service<'_>, registry: &Registry, findings: &mut Vec<Finding>) {
    let section = service.section(PermissionMap::SECTION);
    for (name, _) in cfg.section(&section).into_iter().flat_map(Cfg::options) {
        let known: BTreeSet<&str> = match name.split_once(':') {
            Some(("group", _)) => registry.groups().map(|(name, _)| name).collect(),
            Some(("host", _)) => registry.hosts().map(|(name, _)| name).collect(),
            Some(_) => continue,
            None => {
                held_properties(registry).into_iter().chain(PROPERTIES.iter().copied()).collect()
            }
        };
        let named = name.split_once(':').map_or(name, |(_, named)| named.trim());
        let exact = name.contains(':');
        let is_known = known.iter().any(|known| {
            *known == named || (!exact && known.to_lowercase() == named.to_lowercase())
        });
        if !is_known {
            let fix = did_you_mean(named, known, "remove the line; it has no effect");
            let text = format!("nobody has the name or property `{named}`");
            findings.push(Finding::warning(format!("{section}/{name}"), text, fix));
        }
    }
}

/// The properties that groups and hosts have.
fn held_properties(registry: &Registry) -> BTreeSet<&str> {
    let groups = registry.groups().flat_map(|(_, group)| &group.properties);
    let hosts = registry.hosts().flat_map(|(_, host)| &host.properties);
    groups.chain(hosts).map(String::as_str).collect()
}
