//! Who changed what, when and why.

use sbk_api::{AuditEntry, ListAudit};
use sbk_model::{AuditId, DatasetKey, DirKey, FileKey, Timestamp};

use crate::{
    Error, Session,
    dialect::{Batch, Conflict, Param},
};

/// Something that an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Touched {
    /// A directory.
    Directory(DirKey),
    /// A dataset.
    Dataset(DatasetKey),
    /// A file.
    File(FileKey),
}

impl Touched {
    fn parts(self) -> (i64, i64, i64) {
        match self {
            Self::Directory(key) => (0, key.0, 0),
            Self::Dataset(key) => (1, key.0, 0),
            Self::File(key) => (4, key.directory.0, key.name),
        }
    }
}

/// An entry to write.
#[derive(Debug)]
pub struct NewEntry<'a> {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: &'a str,
    /// The operation.
    pub operation: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
    /// How many things were changed.
    pub count: i64,
    /// What, in short.
    pub detail: serde_json::Value,
}

/// Writes an entry, and what it is about.
///
/// New files and directories refer to their entry themselves and are not repeated in `touched`.
pub async fn add(
    session: &mut Session,
    entry: NewEntry<'_>,
    touched: &[Touched],
) -> Result<(), Error> {
    let sql = "INSERT INTO audit (audit, time, subjects, actor, operation, reason, detail) \
               VALUES (?, ?, ?, ?, ?, ?, ?)";
    let params = vec![
        entry.id.0.into(),
        entry.time.micros().into(),
        entry.count.into(),
        entry.actor.into(),
        entry.operation.into(),
        Param::Text(entry.reason.map(str::to_owned)),
        entry.detail.to_string().into(),
    ];
    session.execute(sql, params).await?;
    link(session, touched.iter().map(|subject| (*subject, entry.id))).await
}

/// Says which entries are about what. The entry of a registration is linked when the file that
/// refers to it goes or moves.
pub async fn link(
    session: &mut Session,
    links: impl IntoIterator<Item = (Touched, AuditId)>,
) -> Result<(), Error> {
    let mut links: Vec<_> =
        links.into_iter().map(|(subject, audit)| (subject.parts(), audit.0)).collect();
    links.sort_unstable();
    links.dedup();
    let batch = Batch::default()
        .ints("kind", links.iter().map(|(part, _)| part.0))
        .ints("key_a", links.iter().map(|(part, _)| part.1))
        .ints("key_b", links.iter().map(|(part, _)| part.2))
        .ints("audit", links.iter().map(|(_, audit)| *audit));
    session.insert("audit_subject", batch, Conflict::Keep).await?;
    Ok(())
}

/// Lists entries, the newest first, after the entry of the id `before`.
pub async fn list(
    session: &mut Session,
    args: &ListAudit,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, AuditEntry)>, Error> {
    let mut wheres = vec!["a.audit < ?".to_owned()];
    let mut params: Vec<Param> = vec![before.into()];
    let subject = subject_of(args);
    if let Some(subject) = subject {
        let (kind, a, b) = subject.parts();
        let mut related = "SELECT s.audit FROM audit_subject s \
             WHERE s.kind = ? AND s.key_a = ? AND s.key_b = ?"
            .to_owned();
        params.extend([kind.into(), a.into(), b.into()]);
        match subject {
            Touched::File(_) => {
                related.push_str(" UNION SELECT f.audit FROM file f WHERE f.dir = ? AND f.id = ?");
                params.extend([a.into(), b.into()]);
            }
            Touched::Directory(_) => {
                related.push_str(" UNION SELECT d.audit FROM directory d WHERE d.dir = ?");
                params.push(a.into());
            }
            Touched::Dataset(_) => {}
        }
        wheres.push(format!("a.audit IN ({related})"));
    }
    for (column, value) in [("actor", &args.actor), ("operation", &args.operation)] {
        if let Some(value) = value {
            wheres.push(format!("a.{column} = ?"));
            params.push(value.as_str().into());
        }
    }
    params.push(limit.into());
    let sql = format!(
        "SELECT a.audit, a.time, a.subjects, a.actor, a.operation, a.reason, a.detail \
         FROM audit a WHERE {} ORDER BY a.audit DESC LIMIT ?",
        wheres.join(" AND ")
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            let id = row.int(0)?;
            let detail = serde_json::from_str(&row.text(6)?).unwrap_or_default();
            let entry = AuditEntry {
                id: id.to_string(),
                time: Timestamp::from_micros(row.int(1)?),
                count: row.int(2)?,
                actor: row.text(3)?,
                operation: row.text(4)?,
                reason: row.opt_text(5)?,
                detail,
            };
            Ok((id, entry))
        })
        .collect()
}

fn subject_of(args: &ListAudit) -> Option<Touched> {
    let file = args.lfn.as_ref().map(|lfn| Touched::File(lfn.key()));
    let directory = args.directory.as_ref().map(|path| Touched::Directory(path.key()));
    let dataset = match (&args.vo, &args.dataset) {
        (Some(vo), Some(name)) => Some(Touched::Dataset(DatasetKey::of(vo, name))),
        _ => None,
    };
    file.or(directory).or(dataset)
}
