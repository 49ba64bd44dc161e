use std::collections::{HashMap, HashSet};

use sbk_api::{File, FileRecord, Replica, Values as Document};
use sbk_dirac::catalog::status;
use sbk_metadata::Entity;
use sbk_model::{Checksums, FileStatus, Lfn, Mode, Pfn, ReplicaStatus, RunSections, Timestamp};
use sqlx::mysql::MySqlRow;

use crate::{
    Error, Fields, Finding, Source,
    directories::{mode, moment},
    fields::is_last,
    source::{PAGE, int, text},
    tables::signed,
};

/// How long files that are being removed can still be restored, in seconds.
const GRACE: i64 = 30 * 24 * 3600;

/// A reading of files.
#[derive(Debug)]
pub struct Files {
    /// Numbers of files whose name another file of the directory has.
    twins: HashSet<i64>,
    /// Until when files that are being removed can be restored.
    until: Timestamp,
}

/// Files, in the order of their numbers.
#[derive(Debug, Default)]
pub struct FilePage {
    /// The files with their replicas and metadata.
    pub records: Vec<FileRecord>,
    /// How many rows were read, also of what was left out.
    pub rows: u64,
    /// The number that the next page comes after; absent at the end.
    pub next: Option<i64>,
}

impl Source {
    /// Begins to read files.
    pub async fn begin_files(&mut self, now: Timestamp) -> Result<Files, Error> {
        let mut files = Files { twins: HashSet::new(), until: now.plus_seconds(GRACE) };
        if self.layout.is_tree {
            let sql = format!(
                "SELECT {}, f.FileName, {}, s.Status FROM FC_Files f \
                 JOIN (SELECT DirID, FileName FROM FC_Files GROUP BY DirID, FileName \
                 HAVING COUNT(*) > 1) t ON t.DirID = f.DirID AND t.FileName = f.FileName \
                 LEFT JOIN FC_Statuses s ON s.StatusID = f.Status \
                 ORDER BY f.DirID, f.FileName, s.Status = 'AprioriGood' DESC, f.FileID DESC",
                signed("f.DirID"),
                signed("f.FileID")
            );
            let rows = self.rows("names that are there twice", &sql, &[]).await?;
            let mut before = None;
            for row in &rows {
                let name = (int(row, 0), text(row, 1));
                if before.as_ref() == Some(&name) {
                    files.twins.extend(int(row, 2));
                }
                before = Some(name);
            }
        }
        Ok(files)
    }

    /// The files after a number.
    pub async fn files(
        &mut self,
        files: &Files,
        fields: &Fields,
        after: Option<i64>,
    ) -> Result<FilePage, Error> {
        let after = after.unwrap_or(i64::MIN);
        let sql = self.layout.files();
        let rows = self.rows("files", &sql, &[after, PAGE]).await?;
        let end = rows.last().and_then(|row| int(row, 0));
        let is_last = is_last(rows.len());
        // Replicas after the last file belong to none.
        let last = if is_last { i64::MAX } else { end.unwrap_or(i64::MAX) };
        let mut replicas = self.replicas(after, last).await?;
        let mut values = self.file_values(fields, after, last).await?;
        let mut page = FilePage {
            rows: rows.len() as u64,
            next: end.filter(|_| !is_last),
            ..FilePage::default()
        };
        for row in &rows {
            let Some(id) = int(row, 0) else { continue };
            let copies = replicas.remove(&id).unwrap_or_default();
            if files.twins.contains(&id) {
                let name = text(row, 6).unwrap_or_default();
                self.findings.note(Finding::FileTwice, || name);
                continue;
            }
            let Some(lfn) = self.lfn(int(row, 1), text(row, 6)) else { continue };
            let vo = self.communities.of(&lfn.directory());
            let whose = || lfn.to_string();
            let document = self.document(fields, Entity::File, &vo, values.remove(&id), whose);
            if let Some(mut file) = self.file(row, lfn, copies) {
                file.vo = vo;
                file.metadata = Document::Map(document);
                let is_retired = file.status == FileStatus::Retired;
                let restorable_until = is_retired.then_some(files.until);
                page.records.push(FileRecord { file, restorable_until, status_before: None });
            }
        }
        for (id, copies) in replicas {
            for _ in copies {
                self.findings.note(Finding::ReplicaWithoutFile, || format!("FileID {id}"));
            }
        }
        Ok(page)
    }

    /// The name of a file.
    pub(crate) fn lfn(&mut self, directory: Option<i64>, name: Option<String>) -> Option<Lfn> {
        let name = name.unwrap_or_default();
        let Some(path) = directory.and_then(|id| self.names.directories.get(&id)) else {
            self.findings.note(Finding::FileWithoutDirectory, || name);
            return None;
        };
        let whole = format!("{}/{name}", path.prefix());
        match whole.parse() {
            Ok(lfn) if !name.contains('/') => Some(lfn),
            _ => {
                self.findings.note(Finding::Name, || whole);
                None
            }
        }
    }

    /// A file as a row says, without community and metadata.
    fn file(&mut self, row: &MySqlRow, lfn: Lfn, replicas: Vec<Copy>) -> Option<File> {
        let whose = || lfn.to_string();
        let Some(size) = int(row, 2).and_then(|size| size.try_into().ok()) else {
            self.findings.note(Finding::Size, whose);
            return None;
        };
        let (owner, knows_owner) = self.names.user(int(row, 3));
        let (group, knows_group) = self.names.group(int(row, 4));
        if !knows_owner || !knows_group {
            self.findings.note(Finding::Owner, whose);
        }
        let status = self.status_name(int(row, 5)).as_deref().and_then(status::file);
        if status.is_none() {
            self.findings.note(Finding::Status, whose);
        }
        if int(row, 7).is_none() {
            self.findings.note(Finding::FileWithoutInfo, whose);
        }
        let stated = |at| text(row, at).filter(|text| !text.is_empty() && text != "None");
        let guid = stated(8).and_then(|text| {
            let guid = text.parse().ok();
            if guid.is_none() {
                self.findings.note(Finding::Guid, || format!("{lfn}: {text}"));
            }
            guid
        });
        let mut checksums = Checksums::default();
        if let Some(sum) = stated(9) {
            let algorithm = match stated(10).as_deref() {
                Some("MD5") => "md5",
                _ => "adler32",
            };
            if checksums.insert(algorithm, &sum).is_err() {
                self.findings.note(Finding::Checksum, || format!("{lfn}: {sum}"));
            }
        }
        let mode = int(row, 11).map_or(Some(Mode::DIRECTORY), mode);
        if mode.is_none() {
            self.findings.note(Finding::Mode, whose);
        }
        let created = moment(int(row, 12)).unwrap_or_else(|| Timestamp::from_micros(0));
        let modified = moment(int(row, 13)).unwrap_or(created);
        let replicas = self.present(&lfn, replicas);
        Some(File {
            vo: self.communities.usual.clone(),
            size,
            guid,
            checksums,
            events: None,
            file_type: None,
            status: status.unwrap_or(FileStatus::Bad),
            owner,
            group,
            mode,
            created,
            modified,
            replicas,
            metadata: Document::default(),
            datasets: Vec::new(),
            sections: RunSections::default(),
            lfn,
        })
    }

    /// The replicas of a file.
    fn present(&mut self, lfn: &Lfn, copies: Vec<Copy>) -> Vec<Replica> {
        let mut replicas = Vec::with_capacity(copies.len());
        for Copy { element, status, pfn } in copies {
            let Some(se) = element.and_then(|id| self.names.elements.get(&id)).cloned() else {
                self.findings.note(Finding::ReplicaWithoutElement, || lfn.to_string());
                continue;
            };
            let status = self.status_name(status).as_deref().and_then(status::replica);
            if status.is_none() {
                self.findings.note(Finding::Status, || format!("{lfn} at {se}"));
            }
            let status = status.unwrap_or(ReplicaStatus::Bad);
            let pfn = pfn.filter(|pfn| !pfn.is_empty() && pfn != "None" && pfn != lfn.as_str());
            let pfn = pfn.and_then(|text| {
                let pfn = text.parse::<Pfn>().ok();
                if pfn.is_none() {
                    self.findings.note(Finding::Pfn, || format!("{lfn} at {se}"));
                }
                pfn
            });
            replicas.push(Replica { se, pfn, status });
        }
        replicas.sort_by(|one, two| one.se.cmp(&two.se));
        replicas
    }

    /// The replicas of a range of files, by their numbers.
    async fn replicas(&mut self, after: i64, last: i64) -> Result<HashMap<i64, Vec<Copy>>, Error> {
        let sql = self.layout.replicas();
        let mut replicas: HashMap<i64, Vec<Copy>> = HashMap::new();
        for row in &self.rows("replicas", &sql, &[after, last]).await? {
            let copy = Copy { element: int(row, 1), status: int(row, 2), pfn: text(row, 3) };
            replicas.entry(int(row, 0).unwrap_or_default()).or_default().push(copy);
        }
        Ok(replicas)
    }
}

/// A replica as it is stored.
#[derive(Debug)]
struct Copy {
    element: Option<i64>,
    status: Option<i64>,
    pfn: Option<String>,
}
