//! Who the holder of a certificate is to DIRAC.

use std::collections::BTreeSet;

use sbk_model::Permission;
use sbk_registry::{Claim, Denial, ExtraCredentials, Identity, Kind, Step as Decided};
use sbk_server::dirac::Rulebook;

use crate::steps::Step;

/// Somebody, and what they may do.
pub struct Known {
    /// Who it is.
    pub identity: Identity,
    /// What they may do.
    pub permissions: BTreeSet<Permission>,
}

/// Says who it is, step by step. Whom the registry does not know is a visitor where something is
/// open to visitors.
pub fn identify(
    rulebook: &Rulebook,
    claim: &Claim<'_>,
    is_open: bool,
    steps: &mut Vec<Step>,
) -> Option<Known> {
    let identity = match rulebook.registry.identify(claim) {
        Ok(identity) => identity,
        Err(denial) => {
            steps.extend(before(rulebook, claim, &denial));
            let mut step = refused(rulebook, claim, &denial);
            if is_open && denial.may_visit() {
                step = Step::warning(step.title, step.detail, step.advice.unwrap_or_default());
                steps.push(step);
                return Some(Known {
                    identity: Identity::visitor(claim),
                    permissions: BTreeSet::new(),
                });
            }
            steps.push(step);
            return None;
        }
    };
    let caller = match rulebook.caller(&identity) {
        Ok(caller) => caller,
        Err(invalid) => {
            let advice = "give the user, group or VO another name in /Registry";
            steps.push(Step::refused("name", invalid.to_string(), advice));
            return None;
        }
    };
    steps.extend(describe(claim, &identity));
    steps.push(permissions(&identity, &caller.permissions));
    Some(Known { identity, permissions: caller.permissions })
}

/// The steps that were taken before a denial.
fn before(rulebook: &Rulebook, claim: &Claim<'_>, denial: &Denial) -> Vec<Step> {
    let mut steps = Vec::new();
    let users = claim.dn.map(|dn| rulebook.registry.users_of_dn(dn)).unwrap_or_default();
    if matches!(denial.step(), Decided::Group | Decided::Suspension)
        && let Some(user) = users.first()
    {
        steps.push(Step::good("user", user));
    }
    if let Denial::Suspended { username, group, .. } = denial {
        steps.push(Step::good("group", format!("{username} is a member of {group}")));
    }
    steps
}

/// The step at which it was denied, with what the registry has in its place.
fn refused(rulebook: &Rulebook, claim: &Claim<'_>, denial: &Denial) -> Step {
    let title = match denial.step() {
        Decided::Name => "name",
        Decided::Delegation => "delegation",
        Decided::Host => "host",
        Decided::User => "user",
        Decided::Group => "group",
        Decided::Suspension => "suspension",
        Decided::Rule => "rule",
    };
    let registry = &rulebook.registry;
    let advice = match denial {
        Denial::UnknownUser { dn } => registry.host_of_dn(dn).map(|(host, _)| {
            format!("it is the DN of the host {host:?}: come as a host, with --host")
        }),
        Denial::UnknownHost { dn } => registry.users_of_dn(dn).first().map(|user| {
            format!("it is the DN of the user {user:?}: come as a user, without --host")
        }),
        Denial::NotMember { username, .. } | Denial::Suspended { username, .. } => {
            let groups = registry.groups_of(username).join(", ");
            (!groups.is_empty()).then(|| format!("{}; {username} is in: {groups}", denial.advice()))
        }
        Denial::UnknownGroup { group } => {
            let names = registry.groups().map(|(name, _)| name);
            sbk_registry::nearest(group, names)
                .map(|near| format!("did you mean {near:?}? Else {}", denial.advice()))
        }
        _ => claim.dn.and_then(|dn| alike(rulebook, dn)),
    };
    Step::refused(title, denial.to_string(), advice.unwrap_or_else(|| denial.advice()))
}

/// A DN of the registry that differs in nothing but case and blanks.
fn alike(rulebook: &Rulebook, dn: &str) -> Option<String> {
    let plain = |dn: &str| dn.to_lowercase().split_whitespace().collect::<String>();
    let users = rulebook.registry.users().flat_map(|(_, user)| &user.dns);
    let hosts = rulebook.registry.hosts().flat_map(|(_, host)| &host.dns);
    let near = users.chain(hosts).find(|known| plain(known) == plain(dn))?;
    Some(format!("the registry has {near:?}; DNs are compared letter by letter"))
}

/// Who it is.
fn describe(claim: &Claim<'_>, identity: &Identity) -> Vec<Step> {
    let Identity { username, group, .. } = identity;
    let list = |items: &[String]| match items {
        [] => "none".to_owned(),
        items => items.join(", "),
    };
    let properties = Step::good("properties", list(&identity.properties));
    if identity.kind == Kind::Host {
        return vec![Step::good("host", username), properties];
    }
    vec![
        Step::good("user", username),
        group_step(claim, identity),
        Step::good("suspension", format!("{username} is not suspended")),
        Step::good("VO", identity.vo.as_deref().map_or("none", |vo| vo)),
        Step { detail: format!("{} (of {group})", properties.detail), ..properties },
    ]
}

/// The group, and why it is this one.
fn group_step(claim: &Claim<'_>, identity: &Identity) -> Step {
    let group = &identity.group;
    match (claim.group, claim.extra) {
        (Some(_), ExtraCredentials::Group(asked)) if asked != group => Step::warning(
            "group",
            format!("{group}, which the proxy names; {asked} is not asked for"),
            format!("make a proxy for {asked}, or without a group"),
        ),
        (Some(_), _) => Step::good("group", format!("{group}, which the proxy names")),
        (None, ExtraCredentials::Group(_)) => Step::good("group", format!("{group}, as asked for")),
        (None, _) => Step::good("group", format!("{group}, the user's default")),
    }
}

/// What they may do.
fn permissions(identity: &Identity, permissions: &BTreeSet<Permission>) -> Step {
    let names: Vec<_> = permissions.iter().map(|permission| permission.name()).collect();
    if !names.is_empty() {
        return Step::good("permissions", names.join(", "));
    }
    let advice = "add a line to the section Permissions of the service, such as \
                  `NormalUser = read, write` or `group:NAME = read`";
    let who = format!("none: nothing of {}@{} grants one", identity.username, identity.group);
    Step::warning("permissions", who, advice)
}
