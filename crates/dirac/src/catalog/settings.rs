use sbk_model::{Mode, Vo};
use serde::{Deserialize, Serialize};

/// Who may do what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Everybody may do everything, and administers the catalogue: `NoSecurityManager`.
    None,
    /// Owner, group and mode of the directory decide: `DirectorySecurityManager`.
    Directory,
    /// The same, and what does not exist may be removed: `DirectorySecurityManagerWithDelete`.
    DirectoryWithDelete,
    /// Owner, group and mode of the file, or of the directory that holds it, decide:
    /// `FullSecurityManager`.
    Full,
    /// As LHCb has it, where groups of one VOMS role share their rights: `VOMSSecurityManager`.
    #[default]
    Voms,
}

/// What is answered as the PFN of a replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PfnConvention {
    /// Nothing: clients derive it from the LFN.
    #[default]
    Strong,
    /// What was registered, or what the prefix of the storage element gives.
    Weak,
}

/// Whose answers clients get, where there are two catalogues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Those of the other one.
    #[default]
    Old,
    /// Ours.
    Own,
}

/// Another catalogue that is called beside ours: the section `[file_catalog.shadow]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadow {
    /// Its URL.
    pub url: String,
    /// Whose answers clients get.
    #[serde(default)]
    pub answers: Answers,
}

/// How DIRAC's FileCatalog is answered: the section `[file_catalog]` of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The name of the service, `System/Component`; it is not there when empty. Its rules are in
    /// `/Systems/<System>/Services/<Component>/Authorization`.
    pub service: String,
    /// Other names that it answers to.
    pub aliases: Vec<String>,
    /// Who may do what.
    pub security: Security,
    /// The property of a group whose members administer the catalogue.
    pub admin_property: String,
    /// The community of what is registered by callers who belong to none.
    pub vo: Option<Vo>,
    /// Whether everybody who may call a method may read everything.
    pub global_read_access: bool,
    /// Whether a GUID may belong to one file only.
    pub unique_guid: bool,
    /// Whether a query by a field that nobody declared is refused; else the field is passed over.
    pub strict_metadata: bool,
    /// What is answered as the PFN of a replica.
    pub lfn_pfn_convention: PfnConvention,
    /// The permission bits of new directories and files.
    pub default_mode: Mode,
    /// The states of files that are seen, by DIRAC's names.
    pub visible_file_status: Vec<String>,
    /// The states of replicas that are seen, by DIRAC's names.
    pub visible_replica_status: Vec<String>,
    /// Another catalogue that gets each call, too.
    pub shadow: Option<Shadow>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service: "DataManagement/FileCatalog".into(),
            aliases: vec!["DataManagement/TornadoFileCatalog".into()],
            security: Security::default(),
            admin_property: "FileCatalogManagement".into(),
            vo: None,
            global_read_access: true,
            unique_guid: false,
            strict_metadata: true,
            lfn_pfn_convention: PfnConvention::default(),
            default_mode: Mode::DIRECTORY,
            visible_file_status: vec!["AprioriGood".into()],
            visible_replica_status: vec!["AprioriGood".into()],
            shadow: None,
        }
    }
}

impl Settings {
    /// All names of the service.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.service.as_str())
            .chain(self.aliases.iter().map(String::as_str))
            .filter(|name| !name.is_empty())
    }
}
