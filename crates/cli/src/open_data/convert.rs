use std::collections::HashMap;

use sbk_api::{Declared, Document, NewDataset, NewFile};
use sbk_formats::open_data::{self, FileRecord, Recid, Record};
use sbk_model::{DatasetKind, DatasetName, DatasetStatus, FileStatus};

use super::storage::Elements;

/// The dataset that a record describes.
pub fn dataset(record: &Record, names: &HashMap<Recid, DatasetName>) -> NewDataset {
    let open_data::Declared { files, bytes, events } = record.declared;
    NewDataset {
        name: record.name.clone(),
        kind: DatasetKind::Official,
        status: DatasetStatus::Open,
        owner: None,
        group: None,
        created: None,
        query: None,
        description: None,
        origin: None,
        declared: Declared { files, bytes, events },
        // The portal states events for a dataset and never for a file.
        unattributed_events: events.filter(|_| !record.files.is_empty()),
        parents: parents(record, names),
        sites: Vec::new(),
        documents: record.documents.iter().map(document).collect(),
        metadata: record.metadata.clone(),
    }
}

/// The names of the parents; one that is known only by a number outside these files has none.
fn parents(record: &Record, names: &HashMap<Recid, DatasetName>) -> Vec<DatasetName> {
    let mut parents: Vec<DatasetName> = Vec::new();
    for parent in &record.parents {
        let numbered = || parent.reference.recid().and_then(|recid| names.get(&recid));
        match parent.reference.name().or_else(numbered) {
            Some(name) if *name != record.name && !parents.contains(name) => {
                parents.push(name.clone());
            }
            _ => {}
        }
    }
    parents
}

/// A document of a dataset.
fn document(document: &open_data::Document) -> Document {
    let checksum = document.checksums.pairs().next();
    Document {
        uri: document.uri.clone(),
        size: document.size.map(sbk_model::Size::get),
        checksum: checksum.map(|(algorithm, sum)| format!("{algorithm}:{sum}")),
        kind: Some(document.kind.clone()),
    }
}

/// The file that a record lists.
pub fn file(file: &FileRecord, elements: &Elements) -> NewFile {
    NewFile {
        lfn: file.lfn.clone(),
        size: file.size,
        guid: None,
        checksums: file.checksums.clone(),
        events: None,
        file_type: file.file_type.clone(),
        status: FileStatus::Good,
        owner: None,
        group: None,
        mode: None,
        created: None,
        replicas: vec![elements.replica(file)],
        metadata: sbk_api::Metadata::new(),
    }
}
