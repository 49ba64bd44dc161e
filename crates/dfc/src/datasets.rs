use sbk_api::{
    DatasetRecord, Declared, Metadata, NewDataset, Snapshot, SnapshotFileRecord, SnapshotRecord,
};
use sbk_dirac::catalog::{origin, query_text};
use sbk_model::{DatasetKind, DatasetName, DatasetStatus, DirPath, Timestamp, Vo};
use sqlx::mysql::MySqlRow;

use crate::{
    Error, Fields, Finding, Source,
    directories::moment,
    fields::is_last,
    literal,
    source::{PAGE, int, text},
    tables::signed,
};

/// A dataset, and its number where its files are recorded.
#[derive(Debug)]
pub struct Dataset {
    /// The dataset.
    pub record: DatasetRecord,
    /// What it held when it was frozen.
    pub frozen: Option<(i64, SnapshotRecord)>,
}

impl Source {
    /// All datasets.
    pub async fn datasets(&mut self, fields: &Fields) -> Result<Vec<Dataset>, Error> {
        if self.tables.name("FC_MetaDatasets").is_none() {
            return Ok(Vec::new());
        }
        let has_annotations = self.tables.name("FC_DatasetAnnotations").is_some();
        let (annotation, join) = if has_annotations {
            ("a.Annotation", "LEFT JOIN FC_DatasetAnnotations a ON a.DatasetID = m.DatasetID")
        } else {
            ("NULL", "")
        };
        let sql = format!(
            "SELECT {}, {}, m.DatasetName, m.MetaQuery, {}, {}, {}, {}, {}, \
             TIMESTAMPDIFF(SECOND, '1970-01-01', m.CreationDate), \
             TIMESTAMPDIFF(SECOND, '1970-01-01', m.ModificationDate), m.DatasetHash, {annotation} \
             FROM FC_MetaDatasets m {join} ORDER BY m.DatasetID",
            signed("m.DatasetID"),
            signed("m.DirID"),
            signed("m.TotalSize"),
            signed("m.NumberOfFiles"),
            signed("m.UID"),
            signed("m.GID"),
            signed("m.Status"),
        );
        let rows = self.rows("datasets", &sql, &[]).await?;
        let mut datasets = Vec::with_capacity(rows.len());
        for row in &rows {
            let name = text(row, 2).unwrap_or_default();
            match self.dataset(fields, row, &name) {
                Some(dataset) => datasets.push(dataset),
                None => self.findings.note(Finding::Dataset, || name),
            }
        }
        Ok(datasets)
    }

    fn dataset(&mut self, fields: &Fields, row: &MySqlRow, short: &str) -> Option<Dataset> {
        let directory: DirPath = self.names.directories.get(&int(row, 1)?)?.clone();
        let vo: Vo = self.communities.of(&directory);
        let name: DatasetName = format!("{}/{short}", directory.prefix()).parse().ok()?;
        let query = literal(&text(row, 3)?)?;
        let schema = fields.schemas().find(|(of, _)| **of == vo)?.1;
        let hash = text(row, 11).unwrap_or_default();
        let (owner, _) = self.names.user(int(row, 6));
        let (group, _) = self.names.group(int(row, 7));
        let state = self.status_name(int(row, 8));
        let is_frozen = matches!(state.as_deref(), Some("Frozen" | "Static"));
        let created = moment(int(row, 9)).unwrap_or_else(|| Timestamp::from_micros(0));
        let modified = moment(int(row, 10)).unwrap_or(created);
        let (bytes, files) = (int(row, 4), int(row, 5));
        let annotation = text(row, 12).filter(|text| !text.is_empty());
        let dataset = NewDataset {
            name: name.clone(),
            kind: DatasetKind::default(),
            status: if is_frozen { DatasetStatus::Closed } else { DatasetStatus::Open },
            owner: Some(owner),
            group: Some(group),
            created: Some(created),
            description: annotation,
            query: Some(query_text(schema, &query).ok()?),
            origin: Some(origin(&query, &hash).ok()?),
            declared: Declared { files, bytes, events: None },
            unattributed_events: None,
            parents: Vec::new(),
            sites: Vec::new(),
            documents: Vec::new(),
            metadata: Metadata::new(),
        };
        let snapshot = |id| {
            let snapshot = Snapshot {
                dataset: name.clone(),
                version: 1,
                created: modified,
                content_hash: hash.clone(),
                files: files.unwrap_or_default(),
                bytes: bytes.unwrap_or_default(),
                events: 0,
            };
            (id, SnapshotRecord { vo: vo.clone(), snapshot })
        };
        let frozen = int(row, 0).filter(|_| is_frozen).map(snapshot);
        Some(Dataset { record: DatasetRecord { vo, modified, dataset }, frozen })
    }

    /// The files of a frozen dataset after one, with the number that the next page comes after.
    pub async fn frozen_files(
        &mut self,
        id: i64,
        snapshot: &SnapshotRecord,
        after: Option<i64>,
    ) -> Result<(Vec<SnapshotFileRecord>, Option<i64>), Error> {
        if self.tables.name("FC_MetaDatasetFiles").is_none() {
            return Ok((Vec::new(), None));
        }
        let after = after.unwrap_or(i64::MIN);
        let sql = format!(
            "SELECT {}, {}, f.FileName FROM FC_MetaDatasetFiles d \
             JOIN FC_Files f ON f.FileID = d.FileID \
             WHERE d.DatasetID = ? AND d.FileID > ? ORDER BY d.FileID LIMIT ?",
            signed("d.FileID"),
            signed("f.DirID"),
        );
        let rows = self.rows("files of datasets", &sql, &[id, after, PAGE]).await?;
        let mut files = Vec::with_capacity(rows.len());
        for row in &rows {
            files.extend(self.lfn(int(row, 1), text(row, 2)).map(|lfn| SnapshotFileRecord {
                vo: snapshot.vo.clone(),
                dataset: snapshot.snapshot.dataset.clone(),
                version: snapshot.snapshot.version,
                lfn,
                // What the files were like then is not known.
                fingerprint: 0,
            }));
        }
        let last = rows.last().and_then(|row| int(row, 0));
        Ok((files, last.filter(|_| !is_last(rows.len()))))
    }
}
