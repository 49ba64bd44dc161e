use std::collections::{BTreeMap, HashMap};

use futures::TryStreamExt;
use sbk_api::{DeclareStorageElements, ListStorageElements, Replica, StorageElement};
use sbk_formats::open_data::FileRecord;
use sbk_model::{ReplicaStatus, SeName};

use crate::{connection::Connection, failure::Failure};

/// The storage elements that are declared, with what their physical names begin with.
#[derive(Debug, Default)]
pub struct Elements {
    prefixes: HashMap<SeName, Option<String>>,
}

impl Elements {
    /// Asks which storage elements there are.
    pub async fn read(connection: &Connection) -> Result<Self, Failure> {
        let mut elements = connection.stream(ListStorageElements::default(), None);
        let mut prefixes = HashMap::new();
        while let Some(used) = elements.try_next().await? {
            prefixes.insert(used.element.name, used.element.pfn_prefix);
        }
        Ok(Self { prefixes })
    }

    /// Declares the storage elements of files where they are new.
    pub async fn declare<'a>(
        &mut self,
        connection: &Connection,
        files: impl Iterator<Item = &'a FileRecord>,
    ) -> Result<(), Failure> {
        let mut new: BTreeMap<&SeName, Option<String>> = BTreeMap::new();
        for file in files.filter(|file| !self.prefixes.contains_key(&file.se)) {
            new.entry(&file.se).or_insert_with(|| prefix(file));
        }
        if new.is_empty() {
            return Ok(());
        }
        let elements: Vec<StorageElement> = new
            .into_iter()
            .map(|(name, pfn_prefix)| StorageElement { name: name.clone(), site: None, pfn_prefix })
            .collect();
        let operation = DeclareStorageElements { elements: elements.clone() };
        let result = connection.call(operation).await?;
        if let Some(problem) = result.results.into_iter().find_map(|item| item.problem) {
            return Err(problem.into());
        }
        self.prefixes
            .extend(elements.into_iter().map(|element| (element.name, element.pfn_prefix)));
        Ok(())
    }

    /// The copy of a file; its physical name is left out where the prefix gives it.
    pub fn replica(&self, file: &FileRecord) -> Replica {
        let known = self.prefixes.get(&file.se).is_some_and(|known| *known == prefix(file));
        let pfn = Some(file.pfn.clone()).filter(|_| !known || prefix(file).is_none());
        Replica { se: file.se.clone(), pfn, status: ReplicaStatus::default() }
    }
}

/// What comes before the logical name in the physical name of a file.
fn prefix(file: &FileRecord) -> Option<String> {
    file.pfn.as_str().strip_suffix(file.lfn.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use sbk_model::{Checksums, Size};

    use super::*;

    fn file(pfn: &str) -> FileRecord {
        FileRecord {
            lfn: "/eos/a".parse().unwrap(),
            pfn: pfn.parse().unwrap(),
            se: "host".parse().unwrap(),
            size: Size::try_from(1).unwrap(),
            checksums: Checksums::default(),
            file_type: None,
            description: None,
        }
    }

    #[test]
    fn a_physical_name_is_left_out_only_where_the_prefix_gives_it() {
        let prefixes = [("host".parse().unwrap(), Some("root://host/".to_owned()))];
        let elements = Elements { prefixes: prefixes.into_iter().collect() };

        assert_eq!(elements.replica(&file("root://host//eos/a")).pfn, None);
        for other in ["https://host//eos/a", "root://host//eos/a?x=1"] {
            assert_eq!(elements.replica(&file(other)).pfn.unwrap().as_str(), other);
        }
    }
}
