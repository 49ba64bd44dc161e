//! From DIRAC's properties to what SBK lets somebody do.

use std::collections::{BTreeMap, BTreeSet};

use sbk_model::Permission;

use crate::cfg::elements;
use crate::finding::did_you_mean;
use crate::{Cfg, Finding, Identity, Kind, Service};

type Granted = BTreeSet<Permission>;

/// What properties, groups and hosts may do.
///
/// The section `Permissions` of a service changes it, line by line: `NormalUser = read` for a
/// property, `group:prod = read, produce` for a group, `host:vobox.example.org = read` for a host.
/// A line replaces what its property may do by default; groups and hosts have what their properties
/// give them besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionMap {
    properties: BTreeMap<String, Granted>,
    groups: BTreeMap<String, Granted>,
    hosts: BTreeMap<String, Granted>,
}

impl Default for PermissionMap {
    fn default() -> Self {
        use Permission::{AllCommunities, ManageDatasets, ManageSchema, Produce, Read, Write};
        let table: [(&str, &[Permission]); 9] = [
            ("NormalUser", &[Read, Write]),
            ("Operator", &[Read]),
            ("TrustedHost", &[Read, AllCommunities]),
            ("GenericPilot", &[Read, Write, Produce]),
            ("JobAdministrator", &[Read, Write, Produce]),
            ("ProductionManagement", &[Read, Write, Produce, ManageDatasets]),
            ("FileCatalogManagement", &[Read, Write, Produce, ManageDatasets, ManageSchema]),
            ("ServiceAdministrator", Permission::ALL),
            ("CSAdministrator", Permission::ALL),
        ];
        let properties = (table.into_iter())
            .map(|(property, granted)| (property.to_lowercase(), granted.iter().copied().collect()))
            .collect();
        Self { properties, groups: BTreeMap::new(), hosts: BTreeMap::new() }
    }
}

impl PermissionMap {
    /// The name of the section.
    pub const SECTION: &'static str = "Permissions";

    /// Reads the section over the defaults.
    pub fn from_cfg(cfg: &Cfg, service: Service<'_>) -> Result<Self, Vec<Finding>> {
        let path = service.section(Self::SECTION);
        let mut map = Self::default();
        let mut problems = Vec::new();
        for (name, value) in cfg.section(&path).into_iter().flat_map(Cfg::options) {
            let path = format!("{path}/{name}");
            match granted(value, &path) {
                Ok(granted) => problems.extend(map.set(name, granted, &path).err()),
                Err(strange) => problems.extend(strange),
            }
        }
        if problems.is_empty() { Ok(map) } else { Err(problems) }
    }

    /// What somebody may do. Visitors may do nothing.
    pub fn permissions(&self, identity: &Identity) -> BTreeSet<Permission> {
        let own = match identity.kind {
            Kind::Visitor => return BTreeSet::new(),
            Kind::User => self.groups.get(&identity.group),
            Kind::Host => self.hosts.get(&identity.username),
        };
        (identity.properties.iter())
            .filter_map(|property| self.properties.get(&property.to_lowercase()))
            .chain(own)
            .flatten()
            .copied()
            .collect()
    }

    fn set(&mut self, name: &str, granted: Granted, path: &str) -> Result<(), Finding> {
        let (map, key) = match name.split_once(':') {
            None => (&mut self.properties, name.to_lowercase()),
            Some(("group", group)) => (&mut self.groups, group.trim().to_owned()),
            Some(("host", host)) => (&mut self.hosts, host.trim().to_owned()),
            Some(_) => {
                let fix = "write a property, `group:NAME` or `host:NAME`";
                return Err(Finding::error(path, "this names nobody", fix));
            }
        };
        map.insert(key, granted);
        Ok(())
    }
}

/// The permissions in the value of a line.
fn granted(value: &str, path: &str) -> Result<Granted, Vec<Finding>> {
    let mut granted = Granted::new();
    let mut problems = Vec::new();
    for element in elements(value) {
        if let Some(known) = Permission::ALL.iter().find(|known| known.name() == element) {
            granted.insert(*known);
            continue;
        }
        let names = Permission::ALL.iter().map(|permission| permission.name());
        let all = names.clone().collect::<Vec<_>>().join(", ");
        let fix = did_you_mean(element, names, &format!("permissions are {all}"));
        problems.push(Finding::error(path, format!("`{element}` is no permission"), fix));
    }
    if problems.is_empty() { Ok(granted) } else { Err(problems) }
}
