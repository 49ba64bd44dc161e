//! The section `/Registry`: users, groups, hosts and virtual organisations.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::{Cfg, Finding, Identity, Item};

/// A user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The names in the user's certificates and tokens.
    pub dns: Vec<String>,
    /// The virtual organisations in which the user is suspended.
    pub suspended: Vec<String>,
    /// The groups to take, in this order, where the user asks for none.
    pub default_groups: Vec<String>,
    /// The address.
    pub email: Option<String>,
}

/// A group of users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its members, in order.
    pub users: Vec<String>,
    /// What its members may do.
    pub properties: Vec<String>,
    /// Its virtual organisation, where it names one.
    pub vo: Option<String>,
    /// The VOMS attribute that belongs to it.
    pub voms_role: Option<String>,
    /// The name of the virtual organisation in VOMS, where the group names one.
    pub voms_vo: Option<String>,
    members: HashSet<String>,
}

/// A host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The names in its certificates.
    pub dns: Vec<String>,
    /// What it may do.
    pub properties: Vec<String>,
}

/// A virtual organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VoEntry {
    /// Its name in VOMS.
    pub voms_name: Option<String>,
    /// The identity provider whose tokens it uses.
    pub id_provider: Option<String>,
}

/// Who there is, and in which groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registry {
    users: IndexMap<String, User>,
    groups: IndexMap<String, Group>,
    hosts: IndexMap<String, Host>,
    vos: IndexMap<String, VoEntry>,
    default_groups: Vec<String>,
    default_vo: Option<String>,
    banned: HashSet<String>,
    users_by_dn: HashMap<String, Vec<String>>,
    hosts_by_dn: HashMap<String, String>,
}

impl Registry {
    /// Reads `/Registry`, and `/DIRAC/VirtualOrganization` beside it.
    ///
    /// Fails where the section, or one that it is made of, is an option or missing altogether;
    /// such a registry would refuse everybody. [`check`](crate::check) finds what is less bad.
    pub fn from_cfg(cfg: &Cfg) -> Result<Self, Vec<Finding>> {
        let problems = shape(cfg);
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut registry = Self {
            users: section(cfg, "Users", User::from_cfg),
            groups: section(cfg, "Groups", Group::from_cfg),
            hosts: section(cfg, "Hosts", Host::from_cfg),
            vos: section(cfg, "VO", VoEntry::from_cfg),
            default_groups: match cfg.value("/Registry/DefaultGroup") {
                Some(_) => list(cfg, "/Registry/DefaultGroup"),
                None => vec!["user".to_owned()],
            },
            default_vo: text(cfg, "/DIRAC/VirtualOrganization"),
            banned: list(cfg, "/Registry/BannedIPs").into_iter().collect(),
            ..Self::default()
        };
        // Nobody is in the groups that the reference makes up.
        registry.groups.retain(|name, _| name != Identity::HOSTS && name != Identity::VISITOR);
        for (username, user) in &registry.users {
            for dn in &user.dns {
                registry.users_by_dn.entry(dn.clone()).or_default().push(username.clone());
            }
        }
        for (name, host) in &registry.hosts {
            for dn in &host.dns {
                registry.hosts_by_dn.entry(dn.clone()).or_insert_with(|| name.clone());
            }
        }
        Ok(registry)
    }

    /// The users, in order.
    pub fn users(&self) -> impl Iterator<Item = (&str, &User)> {
        self.users.iter().map(|(name, user)| (name.as_str(), user))
    }

    /// The groups, in order.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &Group)> {
        self.groups.iter().map(|(name, group)| (name.as_str(), group))
    }

    /// The hosts, in order.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, &Host)> {
        self.hosts.iter().map(|(name, host)| (name.as_str(), host))
    }

    /// The virtual organisations, in order.
    pub fn vos(&self) -> impl Iterator<Item = (&str, &VoEntry)> {
        self.vos.iter().map(|(name, vo)| (name.as_str(), vo))
    }

    /// The user of a name.
    pub fn user(&self, username: &str) -> Option<&User> {
        self.users.get(username)
    }

    /// The group of a name.
    pub fn group(&self, group: &str) -> Option<&Group> {
        self.groups.get(group)
    }

    /// The users whose certificates or tokens have a name, in order. There ought to be one at
    /// most.
    pub fn users_of_dn(&self, dn: &str) -> &[String] {
        self.users_by_dn.get(dn.trim()).map_or(&[], Vec::as_slice)
    }

    /// The member of a group whose certificates or tokens have a name: the first that the group
    /// lists, as in DIRAC.
    pub fn member_of_dn(&self, dn: &str, group: &str) -> Option<&str> {
        let group = self.groups.get(group)?;
        let named = self.users_of_dn(dn);
        if let [user] = named {
            return group.has(user).then_some(user);
        }
        group.users.iter().find(|user| named.contains(user)).map(String::as_str)
    }

    /// The host whose certificate has a name.
    pub fn host_of_dn(&self, dn: &str) -> Option<(&str, &Host)> {
        let name = self.hosts_by_dn.get(dn.trim())?;
        self.hosts.get(name).map(|host| (name.as_str(), host))
    }

    /// The groups of a user, in the order of the alphabet.
    pub fn groups_of(&self, username: &str) -> Vec<&str> {
        let mut groups: Vec<&str> = (self.groups.iter())
            .filter(|(_, group)| group.has(username))
            .map(|(name, _)| name.as_str())
            .collect();
        groups.sort_unstable();
        groups
    }

    /// The group of a user who asks for none: the first of his own default groups, then of the
    /// registry's, that he is in; else the first of his groups in the alphabet.
    pub fn default_group(&self, username: &str) -> Option<&str> {
        let own = self.users.get(username).map_or(&[][..], |user| &user.default_groups);
        let preferred = own.iter().chain(&self.default_groups).find_map(|name| {
            let (name, group) = self.groups.get_key_value(name)?;
            group.has(username).then_some(name.as_str())
        });
        preferred.or_else(|| self.groups_of(username).first().copied())
    }

    /// The virtual organisation of a group: its own, else that of the installation.
    pub fn vo_of_group(&self, group: &str) -> Option<&str> {
        let own = self.groups.get(group).and_then(|group| group.vo.as_deref());
        own.or(self.default_vo.as_deref())
    }

    /// The virtual organisation of the installation, where it has but one.
    pub fn default_vo(&self) -> Option<&str> {
        self.default_vo.as_deref()
    }

    /// The registry's default groups.
    pub fn default_groups(&self) -> &[String] {
        &self.default_groups
    }

    /// Whether nobody at an address may connect.
    pub fn is_banned(&self, address: std::net::IpAddr) -> bool {
        !self.banned.is_empty() && self.banned.contains(&address.to_canonical().to_string())
    }
}

impl Group {
    /// Whether a user is in it.
    pub fn has(&self, username: &str) -> bool {
        self.members.contains(username)
    }

    fn from_cfg(cfg: &Cfg) -> Self {
        let users = list(cfg, "Users");
        Self {
            members: users.iter().cloned().collect(),
            users,
            properties: list(cfg, "Properties"),
            vo: text(cfg, "VO"),
            voms_role: text(cfg, "VOMSRole"),
            voms_vo: text(cfg, "VOMSVO"),
        }
    }
}

impl User {
    fn from_cfg(cfg: &Cfg) -> Self {
        Self {
            dns: list(cfg, "DN"),
            suspended: list(cfg, "Suspended"),
            default_groups: list(cfg, "DefaultGroup"),
            email: text(cfg, "Email"),
        }
    }
}

impl Host {
    fn from_cfg(cfg: &Cfg) -> Self {
        Self { dns: list(cfg, "DN"), properties: list(cfg, "Properties") }
    }
}

impl VoEntry {
    fn from_cfg(cfg: &Cfg) -> Self {
        Self { voms_name: text(cfg, "VOMSName"), id_provider: text(cfg, "IdProvider") }
    }
}

/// What makes the section no registry at all.
fn shape(cfg: &Cfg) -> Vec<Finding> {
    if cfg.section("Registry").is_none() {
        let fix = "add it, or follow a Configuration server that has it";
        return vec![Finding::error("/Registry", "there is no such section", fix)];
    }
    (["Users", "Groups", "Hosts", "VO"].into_iter().map(|name| format!("/Registry/{name}")))
        .filter(|path| cfg.value(path).is_some())
        .map(|path| Finding::error(path, "it is an option", "write a section with `{` and `}`"))
        .collect()
}

fn section<T>(cfg: &Cfg, name: &str, read: fn(&Cfg) -> T) -> IndexMap<String, T> {
    let Some(section) = cfg.section(&format!("Registry/{name}")) else { return IndexMap::new() };
    (section.iter())
        .filter_map(|(name, item)| match item {
            Item::Section(section) => Some((name.to_owned(), read(section))),
            Item::Value(_) => None,
        })
        .collect()
}

fn list(cfg: &Cfg, path: &str) -> Vec<String> {
    cfg.list(path).into_iter().map(str::to_owned).collect()
}

fn text(cfg: &Cfg, path: &str) -> Option<String> {
    cfg.value(path).filter(|value| !value.is_empty()).map(str::to_owned)
}
