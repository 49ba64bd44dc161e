//! The luminosity sections whose events files hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_model::{DatasetKey, DirKey, FileKey, RunNumber, RunSections};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param, Row, Statement},
    file::key_batch,
};

/// The columns of new files that have sections.
pub fn columns<'a>(
    sections: impl IntoIterator<Item = Option<&'a RunSections>>,
) -> Vec<(String, Cells)> {
    let (runs, texts) = sections
        .into_iter()
        .map(|sections| sections.filter(|sections| !sections.is_empty()))
        .map(|sections| (sections.and_then(first_run), sections.map(RunSections::pack)))
        .unzip();
    vec![("run".into(), Cells::Int(runs)), ("sections".into(), Cells::Text(texts))]
}

fn first_run(sections: &RunSections) -> Option<i64> {
    sections.runs().keys().next().map(|run| i64::from(run.0))
}

/// Keeps the further runs of files that have several.
pub async fn insert_further_runs(
    session: &mut Session,
    files: &BTreeMap<FileKey, &RunSections>,
) -> Result<(), Error> {
    let rows: Vec<(FileKey, i64)> = files
        .iter()
        .flat_map(|(key, sections)| {
            sections.runs().keys().skip(1).map(|run| (*key, i64::from(run.0)))
        })
        .collect();
    let batch = Batch::default()
        .ints("dir", rows.iter().map(|(key, _)| key.directory.0))
        .ints("id", rows.iter().map(|(key, _)| key.name))
        .ints("run", rows.iter().map(|(_, run)| *run));
    session.insert("further_run", batch, Conflict::Keep).await?;
    Ok(())
}

/// Sets the sections of files that are locked.
pub async fn set(
    session: &mut Session,
    files: &BTreeMap<FileKey, &RunSections>,
) -> Result<(), Error> {
    session.delete("further_run", key_batch(files.keys().copied())).await?;
    let mut batch = key_batch(files.keys().copied());
    for (name, cells) in columns(files.values().map(|sections| Some(*sections))) {
        batch = batch.with(name, cells);
    }
    session.update("file", batch, &["dir", "id"], &["run", "sections"]).await?;
    insert_further_runs(session, files).await
}

/// The sections of those of the files that have any.
pub async fn of(
    session: &mut Session,
    files: impl IntoIterator<Item = FileKey>,
) -> Result<HashMap<FileKey, RunSections>, Error> {
    let sql = "SELECT f.dir, f.id, f.sections FROM {rows} \
               JOIN file f ON f.dir = r.dir AND f.id = r.id WHERE f.sections IS NOT NULL";
    let rows = session.rows_with(sql, key_batch(files), vec![]).await?;
    rows.iter().map(|row| Ok((file_key(row)?, unpacked(&row.text(2)?)?))).collect()
}

fn file_key(row: &Row) -> Result<FileKey, Error> {
    Ok(FileKey { directory: DirKey(row.int(0)?), name: row.int(1)? })
}

pub(crate) fn unpacked(text: &str) -> Result<RunSections, Error> {
    RunSections::unpack(text).map_err(|error| Error::Internal(error.to_string()))
}

/// Files whose sections are wanted.
#[derive(Debug)]
pub enum Selected {
    /// The files of a dataset that are not retired.
    Dataset(DatasetKey),
    /// What a statement gives whose first column is the text of sections.
    Query(Statement),
}

/// Gives the stored text of the sections of each selected file, or nothing where it has none.
pub async fn each(
    session: &mut Session,
    selected: Selected,
    mut take: impl FnMut(Option<&str>) -> Result<(), Error>,
) -> Result<(), Error> {
    let statement = match selected {
        Selected::Query(statement) => statement,
        Selected::Dataset(key) => {
            let sql = "SELECT f.sections FROM member m \
                       JOIN file f ON f.dir = m.dir AND f.id = m.id \
                       WHERE m.dataset = ? AND f.status < 3";
            session.dialect().statement(sql, vec![key.0.into()])
        }
    };
    // Nothing is kept of a row but what is added up.
    session.read_rows(statement, |row| take(row.opt_text(0)?.as_deref())).await?;
    Ok(())
}

/// The files of runs that are not retired, in the order of their keys, after a key.
pub async fn files_of_runs(
    session: &mut Session,
    vo: i64,
    runs: &BTreeSet<RunNumber>,
    after: Option<FileKey>,
    limit: i64,
) -> Result<Vec<FileKey>, Error> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let batch = || Batch::default().ints("run", runs.iter().map(|run| i64::from(run.0)));
    let (first, mut params) = session.dialect().rows("r", batch());
    let (second, more) = session.dialect().rows("q", batch());
    params.extend(more);
    let mut condition = String::from("f.vo = ? AND f.status < 3");
    params.push(vo.into());
    if let Some(after) = after {
        let key = (after.directory.0, after.name);
        let (sql, more) = session.dialect().after("f.dir", "f.id", key);
        condition.push_str(" AND ");
        condition.push_str(&sql);
        params.extend(more);
    }
    params.push(Param::from(limit));
    let sql = format!(
        "SELECT f.dir, f.id FROM (SELECT a.dir, a.id FROM {first} JOIN file a ON a.run = r.run \
         UNION SELECT b.dir, b.id FROM {second} JOIN further_run b ON b.run = q.run) AS u \
         JOIN file f ON f.dir = u.dir AND f.id = u.id WHERE {condition} \
         ORDER BY f.dir, f.id LIMIT ?"
    );
    let rows = session.rows(&sql, params).await?;
    rows.iter().map(file_key).collect()
}
