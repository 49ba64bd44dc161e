//! The one door: who it is, and whether he may.

use crate::{Claim, Denial, Identity, Method, Registry, Rules};

/// A caller who may call what he asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Who it is. Permissions come of all properties in here.
    pub identity: Identity,
    /// The properties that `whoami` shows.
    pub properties: Vec<String>,
}

impl Registry {
    /// Says who a caller is and whether he may call a method.
    ///
    /// A caller whom the registry does not know becomes a visitor where the rule admits everybody;
    /// elsewhere the denial says why the registry does not know him.
    pub fn authorise(
        &self,
        rules: &Rules,
        method: Method<'_>,
        coded: Option<&str>,
        claim: &Claim<'_>,
    ) -> Result<Admission, Denial> {
        let (identity, denial) = match self.identify(claim) {
            Ok(identity) => (identity, None),
            Err(denial) if denial.may_visit() => (Identity::visitor(claim), Some(denial)),
            Err(denial) => return Err(denial),
        };
        match rules.allows(method, coded, &identity) {
            Ok(properties) => Ok(Admission { identity, properties }),
            Err(refused @ Denial::NoRule { .. }) => Err(refused),
            Err(refused) => Err(denial.unwrap_or(refused)),
        }
    }
}
