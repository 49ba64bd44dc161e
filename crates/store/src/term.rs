//! Names that many rows share, stored once under a hash of the name.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use sbk_model::TermKey;

use crate::{
    Error, Session,
    dialect::{Batch, Conflict},
};

/// Names by key.
pub type Terms = HashMap<i64, Arc<str>>;

impl Session {
    /// Makes sure that names are stored, so that their keys can be referred to.
    pub async fn intern<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Error> {
        let wanted: BTreeSet<&str> = names.into_iter().collect();
        let mut new = Vec::new();
        for name in wanted {
            let key = TermKey::of(name).0;
            match self.store.term(key).or_else(|| self.new_terms.get(&key).cloned()) {
                Some(known) if &*known == name => {}
                Some(known) => return Err(Error::Collision(known.to_string(), name.to_owned())),
                None => new.push((key, name)),
            }
        }
        if new.is_empty() { Ok(()) } else { self.store_terms(new).await }
    }

    /// Makes sure that names are stored under keys of another kind, for instance a production's.
    pub async fn intern_keyed(
        &mut self,
        names: impl IntoIterator<Item = (i64, &str)>,
    ) -> Result<(), Error> {
        let mut new = Vec::new();
        for (key, name) in names {
            match self.store.term(key).or_else(|| self.new_terms.get(&key).cloned()) {
                Some(known) if &*known == name => {}
                Some(known) => return Err(Error::Collision(known.to_string(), name.to_owned())),
                None => new.push((key, name)),
            }
        }
        new.dedup();
        if new.is_empty() { Ok(()) } else { self.store_terms(new).await }
    }

    async fn store_terms(&mut self, mut new: Vec<(i64, &str)>) -> Result<(), Error> {
        new.sort_unstable();
        let batch = Batch::default()
            .ints("id", new.iter().map(|(key, _)| *key))
            .texts("name", new.iter().map(|(_, name)| (*name).to_owned()));
        self.insert("term", batch, Conflict::Keep).await?;
        let keys: BTreeSet<i64> = new.iter().map(|(key, _)| *key).collect();
        let stored = self.load_terms(&keys).await?;
        for (key, name) in new {
            match stored.get(&key) {
                Some(known) if &**known == name => {}
                Some(known) => return Err(Error::Collision(known.to_string(), name.to_owned())),
                None => return Err(Error::Contended(format!("the name {name:?} went away"))),
            }
        }
        self.new_terms.extend(stored);
        Ok(())
    }

    async fn load_terms(&mut self, keys: &BTreeSet<i64>) -> Result<Terms, Error> {
        let batch = Batch::default().ints("id", keys.iter().copied());
        let sql = "SELECT t.id, t.name FROM {rows} JOIN term t ON t.id = r.id";
        let rows = self.rows_with(sql, batch, vec![]).await?;
        rows.iter().map(|row| Ok((row.int(0)?, Arc::from(row.text(1)?)))).collect()
    }

    /// The names of keys.
    pub async fn terms(&mut self, keys: impl IntoIterator<Item = i64>) -> Result<Terms, Error> {
        let mut known = Terms::new();
        let mut missing = BTreeSet::new();
        for key in keys {
            match self.store.term(key).or_else(|| self.new_terms.get(&key).cloned()) {
                Some(name) => drop(known.insert(key, name)),
                None => drop(missing.insert(key)),
            }
        }
        if !missing.is_empty() {
            let loaded = self.load_terms(&missing).await?;
            if self.is_reading() {
                self.store.remember_terms(loaded.clone().into_iter().collect());
            }
            known.extend(loaded);
        }
        Ok(known)
    }
}

/// The names of several keys, each parsed once.
///
/// # Errors
/// Those of [`name_of`].
pub fn names_of<T: std::str::FromStr>(
    terms: &Terms,
    keys: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, T>, Error> {
    let keys: BTreeSet<i64> = keys.into_iter().collect();
    keys.into_iter().map(|key| Ok((key, name_of(terms, key)?))).collect()
}

/// The name of a key, parsed as what it stands for.
///
/// # Errors
/// [`Error::Internal`] when the name is not stored or is no longer valid.
pub fn name_of<T: std::str::FromStr>(terms: &Terms, key: i64) -> Result<T, Error> {
    let name = terms.get(&key).ok_or_else(|| Error::Internal(format!("no name for key {key}")))?;
    name.parse().map_err(|_| Error::Internal(format!("the stored name {name:?} is not valid")))
}
