//! Users, groups, hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::PROPERTIES;
use crate::finding::{did_you_mean, nearest};
use crate::{Cfg, Finding, Group, Identity, Registry, User};

pub(super) fn check(cfg: &Cfg, registry: &Registry, findings: &mut Vec<Finding>) {
    options_among_sections(cfg, findings);
    for (name, user) in registry.users() {
        check_user(name, user, registry, findings);
    }
    for (name, group) in registry.groups() {
        check_group(name, group, registry, findings);
    }
    for (name, host) in registry.hosts() {
        let path = format!("/Registry/Hosts/{name}");
        check_dns(&path, "host", &host.dns, findings);
        check_properties(&path, &host.properties, findings);
    }
    shared_dns(registry, findings);
    defaults(cfg, registry, findings);
}

fn check_user(name: &str, user: &User, registry: &Registry, findings: &mut Vec<Finding>) {
    let path = format!("/Registry/Users/{name}");
    check_dns(&path, "user", &user.dns, findings);
    if registry.default_group(name).is_none() {
        let fix = "add the user to a group, or remove the section";
        findings.push(Finding::note(&path, "the user is in no group", fix));
    }
    for group in &user.default_groups {
        if !registry.group(group).is_some_and(|group| group.has(name)) {
            let text = format!("the user is not in the group `{group}`");
            let fix = "it is passed over; name a group of the user's";
            findings.push(Finding::warning(format!("{path}/DefaultGroup"), text, fix));
        }
    }
    let groups = registry.groups_of(name);
    let vos: BTreeSet<&str> =
        groups.iter().filter_map(|group| registry.vo_of_group(group)).collect();
    for vo in user.suspended.iter().filter(|vo| !vos.contains(vo.as_str())) {
        let text = format!("no group of the user's has the VO `{vo}`");
        let otherwise = "the suspension has no effect; name the VO of a group";
        let fix = did_you_mean(vo, vos.iter().copied(), otherwise);
        findings.push(Finding::warning(format!("{path}/Suspended"), text, fix));
    }
}

fn check_group(name: &str, group: &Group, registry: &Registry, findings: &mut Vec<Finding>) {
    let path = format!("/Registry/Groups/{name}");
    if group.users.is_empty() {
        let fix = "add Users, or remove the section";
        findings.push(Finding::note(&path, "nobody is in the group", fix));
    }
    for user in group.users.iter().filter(|user| registry.user(user).is_none()) {
        let names = registry.users().map(|(name, _)| name);
        let fix = did_you_mean(user, names, "add the user to /Registry/Users, or remove the name");
        let text = format!("there is no user `{user}`");
        findings.push(Finding::warning(format!("{path}/Users"), text, fix));
    }
    check_properties(&path, &group.properties, findings);
    let several = registry.vos().count() > 1;
    match registry.vo_of_group(name) {
        None if several => {
            let text = "the group has no VO, though there are several";
            findings.push(Finding::warning(&path, text, "add the option VO"));
        }
        Some(vo) if registry.vos().count() > 0 && registry.vos().all(|(known, _)| known != vo) => {
            let text = format!("there is no VO `{vo}`");
            let fix =
                did_you_mean(vo, registry.vos().map(|(name, _)| name), "add it to /Registry/VO");
            findings.push(Finding::warning(format!("{path}/VO"), text, fix));
        }
        _ => {}
    }
}

fn check_dns(path: &str, what: &str, dns: &[String], findings: &mut Vec<Finding>) {
    if dns.is_empty() {
        let text = format!("the {what} has no DN and can never connect");
        findings.push(Finding::warning(path, text, "add the option DN"));
    }
    for dn in dns.iter().filter(|dn| !dn.starts_with('/')) {
        let text = format!("`{dn}` is no DN; DNs begin with `/` and are divided by commas");
        let fix = "write it as /C=../CN=..; a DN with a comma can never match, get another \
                   certificate";
        findings.push(Finding::error(format!("{path}/DN"), text, fix));
    }
}

fn check_properties(path: &str, properties: &[String], findings: &mut Vec<Finding>) {
    let path = format!("{path}/Properties");
    if properties.is_empty() {
        let fix = "add the option Properties, with NormalUser for a group of users";
        findings.push(Finding::note(&path, "there are no properties", fix));
    }
    for property in properties.iter().filter(|property| !PROPERTIES.contains(&property.as_str())) {
        let text = format!("`{property}` is none of DIRAC's properties");
        match nearest(property, PROPERTIES.iter().copied()) {
            Some(near) => {
                findings.push(Finding::warning(&path, text, format!("did you mean `{near}`?")));
            }
            None => findings.push(Finding::note(&path, text, "no need, if a rule names it")),
        }
    }
}

fn shared_dns(registry: &Registry, findings: &mut Vec<Finding>) {
    let mut owners: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let users = registry.users().map(|(name, user)| (format!("user {name}"), &user.dns));
    let hosts = registry.hosts().map(|(name, host)| (format!("host {name}"), &host.dns));
    for (owner, dns) in users.chain(hosts) {
        for dn in dns {
            owners.entry(dn).or_default().push(owner.clone());
        }
    }
    for (dn, owners) in owners.into_iter().filter(|(_, owners)| owners.len() > 1) {
        let text = format!("`{dn}` is the DN of {}", owners.join(", "));
        let fix = "leave it to one; among users, the order in the group decides who it is";
        findings.push(Finding::warning("/Registry", text, fix));
    }
}

fn defaults(cfg: &Cfg, registry: &Registry, findings: &mut Vec<Finding>) {
    for group in registry.default_groups().iter().filter(|group| registry.group(group).is_none()) {
        let text = format!("there is no group `{group}`");
        let names = registry.groups().map(|(name, _)| name);
        let fix = did_you_mean(group, names, "without it, users get the first of their groups");
        findings.push(Finding::note("/Registry/DefaultGroup", text, fix));
    }
    for address in cfg.list("/Registry/BannedIPs") {
        if address.parse::<IpAddr>().is_err() {
            let text = format!("`{address}` is no IP address");
            let fix = "write single addresses; networks and names ban nobody";
            findings.push(Finding::error("/Registry/BannedIPs", text, fix));
        }
    }
    for group in [Identity::HOSTS, Identity::VISITOR] {
        let path = format!("/Registry/Groups/{group}");
        if cfg.section(&path).is_some() {
            let text = format!("`{group}` is a name that DIRAC gives; nobody is in the group");
            findings.push(Finding::error(path, text, "give the group another name"));
        }
    }
}

/// Options where each entry ought to be the section of somebody.
fn options_among_sections(cfg: &Cfg, findings: &mut Vec<Finding>) {
    for section in ["Users", "Groups", "Hosts", "VO"] {
        let path = format!("/Registry/{section}");
        for (name, _) in cfg.section(&path).into_iter().flat_map(Cfg::options) {
            let fix = format!("write `{name} {{ .. }}`, a section with options");
            let text = "an option here means nothing";
            findings.push(Finding::warning(format!("{path}/{name}"), text, fix));
        }
    }
}
