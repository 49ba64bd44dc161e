use std::sync::Arc;

use sbk_model::{AuditId, DatasetName, Timestamp, Vo};
use sbk_store::{
    Session,
    audit::Touched,
    dataset,
    directory::Lock,
    promotion::Promoted,
    total::{self, Deltas},
};

use crate::{Caller, Error, Service, metadata::Community};

/// What a write did, for the audit trail.
#[derive(Debug, Default)]
pub struct Note {
    /// How many things were changed; nothing is written when it is 0.
    pub count: u64,
    /// What was changed. Files that are new refer to the entry themselves.
    pub touched: Vec<Touched>,
    /// Why.
    pub reason: Option<String>,
    /// What, in short.
    pub detail: serde_json::Value,
}

/// What an operation works with: a transaction, the caller, the time.
#[derive(Debug)]
pub struct Context<'a> {
    /// The transaction; without one for reads.
    pub session: Session,
    /// Who calls.
    pub caller: &'a Caller,
    /// The moment of the call.
    pub now: Timestamp,
    /// The id of the audit entry of this call.
    pub audit: AuditId,
    pub(crate) service: &'a Service,
    pub(crate) note: Option<Note>,
    pub(crate) abandoned: bool,
}

impl Context<'_> {
    /// Says what was done. Each write operation does so once; the door checks it.
    pub fn note(&mut self, note: Note) {
        self.note = Some(note);
    }

    /// Says that nothing is to be kept, although the operation has an answer: a preview, or a
    /// bulk call that was refused as a whole.
    pub fn abandon(&mut self) {
        self.abandoned = true;
        self.note = Some(Note::default());
    }

    /// A declared community with its schema.
    pub async fn community(&mut self, vo: &Vo) -> Result<Arc<Community>, Error> {
        self.check_sees(vo)?;
        self.service.schemas().community(&mut self.session, vo, self.now).await
    }

    /// The fields that have, or will have, a column.
    pub async fn promoted(&mut self) -> Result<Arc<Vec<Promoted>>, Error> {
        self.service.schemas().promoted(&mut self.session, self.now).await
    }

    /// Writes changes of totals; to be called last, since it holds rows that others want.
    pub async fn count(&mut self, deltas: Deltas) -> Result<(), Error> {
        Ok(total::add(&mut self.session, deltas).await?)
    }

    /// The one dataset of a name.
    pub async fn dataset(
        &mut self,
        name: &DatasetName,
        vo: Option<&Vo>,
        lock: Lock,
    ) -> Result<dataset::Stored, Error> {
        let key = vo.map(|vo| sbk_model::TermKey::of(vo.as_str()));
        let mut found = dataset::named(&mut self.session, name, key, lock).await?;
        let access = self.access();
        found.retain(|dataset| access.sees(dataset.vo));
        match found.len() {
            1 => Ok(found.remove(0)),
            0 => Err(no_dataset(name, vo)),
            _ => Err(Error::invalid(
                "vo",
                "",
                format!("is needed: several communities have a dataset {:?}", name.as_str()),
            )),
        }
    }
}

/// Says that there is no dataset of a name, in a community or in all.
pub fn no_dataset(name: &DatasetName, vo: Option<&Vo>) -> Error {
    let name = name.as_str();
    Error::NotFound(match vo {
        Some(vo) => format!("the community {vo} has no dataset {name:?}"),
        None => format!("there is no dataset {name:?}"),
    })
}
