//! One rule: who may call a method.

use crate::cfg::elements;
use crate::{Identity, Kind};

/// Who may call a method, as a list in the configuration or in the code says it.
///
/// | entry | admits |
/// |---|---|
/// | `any`, `all` | everybody, visitors too |
/// | `authenticated` | users in a group of theirs, and hosts |
/// | a property | those who have it |
/// | `group:X`, `vo:X` | of those only the members of one of these groups or organisations |
/// | `fqan:/vo/Role=x` | of those only the ones with one of these VOMS attributes, verified |
/// | `!limited` | of those only the ones without a limited proxy |
///
/// With nothing but `group:` and `vo:` everybody in them is admitted, with nothing but `fqan:` and
/// `!limited` every authenticated caller that has them. An entry of another form admits nobody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    text: String,
    open: bool,
    authenticated: bool,
    full_proxy: bool,
    groups: Vec<String>,
    vos: Vec<String>,
    fqans: Vec<String>,
    properties: Vec<String>,
    strange: Vec<String>,
}

impl Rule {
    /// Reads a rule. A text without entries is none.
    pub fn parse(text: &str) -> Option<Self> {
        let entries = elements(text);
        if entries.is_empty() {
            return None;
        }
        let mut rule = Self { text: entries.join(", "), ..Self::default() };
        for entry in entries {
            rule.add(entry);
        }
        if !rule.open && !rule.authenticated && rule.properties.is_empty() {
            rule.authenticated = true;
        }
        Some(rule)
    }

    /// The rule as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it admits visitors.
    pub const fn is_open(&self) -> bool {
        self.open && self.groups.is_empty() && self.vos.is_empty()
    }

    /// The properties that it names.
    pub fn properties(&self) -> &[String] {
        &self.properties
    }

    /// The groups to which it restricts.
    pub fn groups(&self) -> &[String] {
        &self.groups
    }

    /// The virtual organisations to which it restricts.
    pub fn vos(&self) -> &[String] {
        &self.vos
    }

    /// Its entries that mean nothing, and for which it admits nobody.
    pub fn strange(&self) -> &[String] {
        &self.strange
    }

    fn add(&mut self, entry: &str) {
        let own = str::to_owned;
        match entry.split_once(':') {
            Some(("group", group)) => self.groups.push(own(group)),
            Some(("vo", vo)) => self.vos.push(own(vo)),
            Some(("fqan", fqan)) => self.fqans.push(own(plain_fqan(fqan))),
            Some(_) => self.strange.push(own(entry)),
            None => match entry.to_lowercase().as_str() {
                "any" | "all" => self.open = true,
                "authenticated" => self.authenticated = true,
                "!limited" => self.full_proxy = true,
                lower if lower.starts_with('!') => self.strange.push(own(entry)),
                _ => self.properties.push(own(entry)),
            },
        }
    }

    /// Holds the rule against an identity. Returns the properties that `whoami` shows: the matching
    /// ones, spelt as in the rule, where the rule asks for properties; else all.
    pub(crate) fn admits(&self, identity: &Identity) -> Result<Vec<String>, String> {
        if let Some(entry) = self.strange.first() {
            return Err(format!("nobody knows what `{entry}` means"));
        }
        if !self.admits_group(identity) {
            return Err("the group is none of those named".to_owned());
        }
        if self.full_proxy && identity.limited {
            return Err("the proxy is a limited one".to_owned());
        }
        let has = |fqan: &String| identity.fqans.iter().any(|own| plain_fqan(own) == fqan);
        if !self.fqans.is_empty() && !self.fqans.iter().any(has) {
            return Err("no verified VOMS attribute is one of those named".to_owned());
        }
        if self.open || (self.authenticated && identity.kind != Kind::Visitor) {
            return Ok(identity.properties.clone());
        }
        match self.matching(&identity.properties) {
            matching if !matching.is_empty() => Ok(matching),
            _ if self.properties.is_empty() => Err("the caller is not in the registry".to_owned()),
            _ => Err("the group or host has none of the properties named".to_owned()),
        }
    }

    fn admits_group(&self, identity: &Identity) -> bool {
        if self.groups.is_empty() && self.vos.is_empty() {
            return true;
        }
        identity.kind != Kind::Visitor
            && (self.groups.contains(&identity.group)
                || identity.vo.as_ref().is_some_and(|vo| self.vos.contains(vo)))
    }

    fn matching(&self, properties: &[String]) -> Vec<String> {
        (properties.iter())
            .filter_map(|own| {
                let own = own.to_lowercase();
                self.properties.iter().rfind(|named| named.to_lowercase() == own)
            })
            .cloned()
            .collect()
    }
}

/// A VOMS attribute without the parts that say nothing.
fn plain_fqan(fqan: &str) -> &str {
    let fqan = fqan.strip_suffix("/Capability=NULL").unwrap_or(fqan);
    fqan.strip_suffix("/Role=NULL").unwrap_or(fqan)
}
