//! DIRAC's FileCatalog, answered from the bookkeeping.
//!
//! Methods, arguments, shapes and the texts that clients compare are those of DIRAC 9.1.22
//! (`DataManagementSystem/Service/FileCatalogHandler.py` and the components behind it), as
//! `docs/file-catalog/` describes them; what is better here is listed in `docs/dirac.md`.

mod administration;
mod ancestors;
mod arguments;
mod call;
mod changes;
mod datasets;
mod directories;
mod dump;
mod fields;
mod files;
mod lookup;
mod metadata;
mod method;
mod owners;
mod query;
mod registration;
mod replicas;
mod security;
mod sets;
mod settings;
mod show;
pub mod status;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use sbk_model::{Permission, SeName, Timestamp, Vo};
use sbk_service::{Caller, Service};
use sbk_wire::Value;

pub use datasets::origin;
pub use dump::Rows;
pub use fields::METASET;
pub use method::{METHODS, Method};
pub use query::query_text;
pub use settings::{Answers, PfnConvention, Security, Settings, Shadow};

use crate::{Answer, Failure};
use call::Call;

/// Who there is, as the Registry says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// The users.
    pub users: BTreeSet<String>,
    /// The groups, each with its role in VOMS where it has one.
    pub groups: BTreeMap<String, Option<String>>,
}

impl People {
    /// Whether two groups stand for the same role.
    fn share_role(&self, one: &str, other: &str) -> bool {
        let role = |group| self.groups.get(group).and_then(Option::as_deref);
        role(one).is_some_and(|role_of_one| role(other) == Some(role_of_one))
    }
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Who it is for the bookkeeping. What they may do here is decided by the security model, and
    /// not by these permissions.
    pub caller: Caller,
    /// Whether they administer the catalogue.
    pub is_admin: bool,
    /// Who there is besides.
    pub people: Arc<People>,
}

impl Principal {
    /// Who acts in the bookkeeping: the caller, with all permissions, since the security model has
    /// decided what they may do. Whoever is on this machine keeps those of the configuration.
    fn acting(&self) -> Caller {
        if self.caller.local {
            return self.caller.clone();
        }
        let permissions = Permission::ALL.iter().copied().collect();
        Caller { permissions, ..self.caller.clone() }
    }
}

/// DIRAC's FileCatalog. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileCatalog {
    service: Service,
    settings: Arc<Settings>,
    known: Arc<Mutex<Known>>,
}

/// What was seen to be declared.
#[derive(Debug, Default)]
struct Known {
    communities: BTreeSet<Vo>,
    /// Storage elements, each until when it is trusted to be there still.
    elements: HashMap<SeName, Timestamp>,
    /// Communities without datasets, each until when it is trusted to have none still.
    without_datasets: HashMap<Vo, Timestamp>,
}

/// How long what was seen is trusted to be so still, in seconds.
const TRUST_SECONDS: i64 = 10;

impl FileCatalog {
    /// Makes the catalogue of a bookkeeping.
    pub fn new(service: Service, settings: Settings) -> Self {
        Self { service, settings: Arc::new(settings), known: Arc::default() }
    }

    /// Whether there is a method of a name.
    pub fn knows(name: &str) -> bool {
        Method::find(name).is_some()
    }

    /// Calls a method with its arguments in their places.
    ///
    /// `counted` says whether DIRAC counts arguments on this wire: over DISET it does. Those that are
    /// left out have DIRAC's defaults where it does not.
    pub async fn call(
        &self,
        who: &Principal,
        method: &str,
        arguments: Vec<Value>,
        counted: bool,
    ) -> Result<Answer, Failure> {
        let found = Method::find(method)
            .ok_or_else(|| Failure::plain(format!("Unknown method {method}")))?;
        let arguments = found.accept(arguments, counted)?;
        Call::new(self, who).run(found, arguments).await
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.service.environment().now()
    }
}
