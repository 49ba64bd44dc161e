//! The services that DIRAC's clients find here, by their names.

use sbk_registry::Service;

use crate::Config;

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The bookkeeping with its own methods.
    Bookkeeping,
    /// DIRAC's FileCatalog.
    FileCatalog,
}

impl Face {
    /// The service that answers to a name.
    pub fn find(config: &Config, name: &str) -> Option<Self> {
        if config.dirac.names().any(|known| known == name) {
            return Some(Self::Bookkeeping);
        }
        config.file_catalog.names().any(|known| known == name).then_some(Self::FileCatalog)
    }

    /// Its first name.
    pub fn name(self, config: &Config) -> &str {
        match self {
            Self::Bookkeeping => &config.dirac.service,
            Self::FileCatalog => &config.file_catalog.service,
        }
    }
}

/// The service, as its sections in the DIRAC configuration are named.
pub fn place(name: &str) -> Option<Service<'_>> {
    let (system, component) = name.split_once('/')?;
    let is_whole = !system.is_empty() && !component.is_empty() && !component.contains('/');
    is_whole.then_some(Service { system, component })
}
