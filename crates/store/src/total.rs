//! Sums of files, bytes and events, kept in the transaction that changes them.
//!
//! Each connection adds to rows of its own slot, so that writers of one dataset do not wait for
//! one another; a total is the sum over the slots.

use std::collections::{BTreeMap, HashMap};

use sbk_model::{DatasetKey, DirKey, DirPath, SeKey, TermKey, Totals};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
    holding,
};

/// What a total is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A directory, with all below it.
    Directory(DirKey),
    /// A dataset.
    Dataset(DatasetKey),
    /// A storage element.
    Se(SeKey),
    /// A community.
    Vo(TermKey),
}

impl Subject {
    /// The number that stands for the kind in storage.
    pub fn kind(self) -> i64 {
        match self {
            Self::Directory(_) => 0,
            Self::Dataset(_) => 1,
            Self::Se(_) => 2,
            Self::Vo(_) => 3,
        }
    }

    /// The key within the kind.
    pub fn key(self) -> i64 {
        match self {
            Self::Directory(DirKey(key))
            | Self::Dataset(DatasetKey(key))
            | Self::Se(SeKey(key))
            | Self::Vo(TermKey(key)) => key,
        }
    }
}

/// Whose files are counted together: the keys of their community, owner and group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holder {
    /// The key of the community.
    pub vo: i64,
    /// The key of the owner.
    pub owner: i64,
    /// The key of the group.
    pub group: i64,
}

/// Changes of totals, collected during a transaction and written at its end.
#[derive(Debug, Clone, Default)]
pub struct Deltas {
    totals: BTreeMap<Subject, Totals>,
    holdings: BTreeMap<Holder, Totals>,
}

impl Deltas {
    /// Adds a change of one total.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the sum does not fit.
    pub fn add(&mut self, subject: Subject, change: Totals) -> Result<(), Error> {
        sum(self.totals.entry(subject).or_default(), change)
    }

    /// Adds a change of what somebody's files amount to.
    pub fn hold(&mut self, holder: Holder, change: Totals) -> Result<(), Error> {
        sum(self.holdings.entry(holder).or_default(), change)
    }

    /// Adds other changes.
    pub fn extend(&mut self, others: Self) -> Result<(), Error> {
        for (holder, change) in others.holdings {
            self.hold(holder, change)?;
        }
        others.totals.into_iter().try_for_each(|(subject, change)| self.add(subject, change))
    }

    /// Adds a change of a directory and of all above it.
    pub fn add_below(&mut self, directory: &DirPath, change: Totals) -> Result<(), Error> {
        for path in directory.self_and_above() {
            self.add(Subject::Directory(path.key()), change)?;
        }
        Ok(())
    }
}

fn sum(total: &mut Totals, change: Totals) -> Result<(), Error> {
    *total = total
        .checked_add(change)
        .ok_or_else(|| Error::OutOfRange("a total of this call does not fit".into()))?;
    Ok(())
}

/// Writes collected changes.
pub async fn add(session: &mut Session, deltas: Deltas) -> Result<(), Error> {
    holding::add(session, deltas.holdings).await?;
    let changes: Vec<_> =
        deltas.totals.into_iter().filter(|(_, change)| !change.is_zero()).collect();
    let slot = session.slot();
    let batch = Batch::default()
        .ints("kind", changes.iter().map(|(subject, _)| subject.kind()))
        .ints("subject", changes.iter().map(|(subject, _)| subject.key()))
        .ints("slot", changes.iter().map(|_| slot))
        .ints("files", changes.iter().map(|(_, change)| change.files))
        .ints("bytes", changes.iter().map(|(_, change)| change.bytes))
        .ints("events", changes.iter().map(|(_, change)| change.events));
    let key = &["kind", "subject", "slot"];
    session
        .insert("total", batch, Conflict::Add { key, sums: &["files", "bytes", "events"] })
        .await?;
    Ok(())
}

/// The totals of subjects of one kind, by key; those without any row are absent.
pub async fn of(
    session: &mut Session,
    subjects: &[Subject],
) -> Result<HashMap<i64, Totals>, Error> {
    let batch = Batch::default()
        .ints("kind", subjects.iter().map(|subject| subject.kind()))
        .ints("subject", subjects.iter().map(|subject| subject.key()));
    let sql = "SELECT t.subject, CAST(SUM(t.files) AS {int}), CAST(SUM(t.bytes) AS {int}), \
               CAST(SUM(t.events) AS {int}) \
               FROM {rows} JOIN total t ON t.kind = r.kind AND t.subject = r.subject \
               GROUP BY t.subject";
    let rows = session.rows_with(sql, batch, vec![]).await?;
    rows.iter()
        .map(|row| {
            let totals = Totals { files: row.int(1)?, bytes: row.int(2)?, events: row.int(3)? };
            Ok((row.int(0)?, totals))
        })
        .collect()
}

/// The total of one subject; zero when nothing was ever counted.
pub async fn of_one(session: &mut Session, subject: Subject) -> Result<Totals, Error> {
    Ok(of(session, &[subject]).await?.remove(&subject.key()).unwrap_or_default())
}

/// Forgets the total of a subject that is gone.
pub async fn remove(session: &mut Session, subject: Subject) -> Result<(), Error> {
    let sql = "DELETE FROM total WHERE kind = ? AND subject = ?";
    session.execute(sql, vec![subject.kind().into(), subject.key().into()]).await?;
    Ok(())
}
