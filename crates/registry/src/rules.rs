//! The rules of a service, and which of them speaks of a method.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::{Cfg, Denial, Identity, Item, Rule};

/// A service, as the configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service<'a> {
    /// For instance `DataManagement`.
    pub system: &'a str,
    /// For instance `FileCatalog`.
    pub component: &'a str,
}

impl Service<'_> {
    /// The path of a section of the service.
    pub fn section(&self, name: &str) -> String {
        format!("/Systems/{}/Services/{}/{name}", self.system, self.component)
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method<'a> {
    /// A call; also a transfer over HTTPS.
    Call(&'a str),
    /// A transfer over DISET, by its direction as the client spells it, such as `toClient`.
    Transfer(&'a str),
}

impl Method<'_> {
    fn option(self) -> Option<String> {
        match self {
            Self::Call(name) | Self::Transfer(name) if name.contains('/') => None,
            Self::Call(name) => Some(name.to_owned()),
            Self::Transfer(direction) => Some(format!("FileTransfer/{direction}")),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Call(name) => name.to_owned(),
            Self::Transfer(direction) => format!("FileTransfer/{direction}"),
        }
    }
}

/// The section `Authorization` of a service.
///
/// Where no rule speaks of a method, nobody may call it. DIRAC lets everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    section: String,
    rules: BTreeMap<String, Rule>,
}

impl Rules {
    /// The name of the section.
    pub const SECTION: &'static str = "Authorization";

    /// Reads the section.
    pub fn from_cfg(cfg: &Cfg, service: Service<'_>) -> Self {
        let section = service.section(Self::SECTION);
        let mut rules = BTreeMap::new();
        if let Some(section) = cfg.section(&section) {
            collect(section, "", &mut rules);
        }
        Self { section, rules }
    }

    /// Each rule with the path of its option within the section.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Rule)> {
        self.rules.iter().map(|(option, rule)| (option.as_str(), rule))
    }

    /// The rule for a method: the option of its name, else the rule in the code, else `Default`.
    ///
    /// For transfers, `FileTransfer/Default` goes before `Default`.
    pub fn rule(&self, method: Method<'_>, coded: Option<&str>) -> Option<Cow<'_, Rule>> {
        let named = method.option().and_then(|option| self.rules.get(&option));
        if let Some(rule) = named {
            return Some(Cow::Borrowed(rule));
        }
        if let Some(rule) = coded.and_then(Rule::parse) {
            return Some(Cow::Owned(rule));
        }
        let defaults: &[&str] = match method {
            Method::Call(_) => &["Default"],
            Method::Transfer(_) => &["FileTransfer/Default", "Default"],
        };
        defaults.iter().find_map(|option| self.rules.get(*option)).map(Cow::Borrowed)
    }

    /// Holds an identity against the rule for a method. Returns the properties that `whoami`
    /// shows; what the caller may do is decided by all that the identity has.
    pub fn allows(
        &self,
        method: Method<'_>,
        coded: Option<&str>,
        identity: &Identity,
    ) -> Result<Vec<String>, Denial> {
        let Some(rule) = self.rule(method, coded) else {
            return Err(Denial::NoRule { method: method.name(), section: self.section.clone() });
        };
        rule.admits(identity).map_err(|reason| Denial::NotAdmitted {
            method: method.name(),
            rule: rule.text().to_owned(),
            who: format!("{}@{}", identity.username, identity.group),
            reason,
        })
    }
}

fn collect(section: &Cfg, above: &str, rules: &mut BTreeMap<String, Rule>) {
    for (name, item) in section.iter() {
        let path = format!("{above}{name}");
        match item {
            Item::Section(section) => collect(section, &format!("{path}/"), rules),
            Item::Value(value) => rules.extend(Rule::parse(value).map(|rule| (path, rule))),
        }
    }
}
