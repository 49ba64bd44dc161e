//! Searchable fields that have a typed, indexed column of their own beside the document.
//!
//! A column comes into being on line: it is added empty, new rows fill it from then on, the old
//! rows are filled in bounded steps, and last it is indexed. Only then do queries use it.

use sbk_metadata::{ColumnType, Entity};
use sbk_model::{Timestamp, fingerprint};

use crate::{
    Error, Session,
    dialect::{Batch, Cells, Conflict, Param},
};

/// How far a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is wanted, and not there yet.
    New,
    /// It is there; new rows fill it; old rows are being filled.
    Filling,
    /// It is complete and indexed.
    Ready,
}

impl State {
    fn code(self) -> i64 {
        match self {
            Self::New => 0,
            Self::Filling => 1,
            Self::Ready => 2,
        }
    }
}

/// A searchable field with its column.
#[derive(Debug, Clone)]
pub struct Promoted {
    /// Whose field it is.
    pub entity: Entity,
    /// Its name.
    pub field: String,
    /// The type of the column.
    pub kind: ColumnType,
    /// How far the column is.
    pub state: State,
    /// When the state was reached.
    pub since: Timestamp,
    /// The key of the last row that was filled.
    pub filled_to: Option<(i64, i64)>,
}

/// The letter for the type of a column.
fn letter(kind: ColumnType) -> char {
    match kind {
        ColumnType::Int => 'i',
        ColumnType::Float => 'f',
        ColumnType::Text => 's',
    }
}

/// The table of an entity, and the columns of its key.
fn table(entity: Entity) -> (&'static str, &'static str) {
    match entity {
        Entity::File => ("file", "dir, id"),
        Entity::Directory => ("directory", "dir"),
        Entity::Dataset => ("dataset", "dataset"),
        Entity::Job => ("job", "job"),
    }
}

fn code(entity: Entity) -> i64 {
    match entity {
        Entity::File => 0,
        Entity::Directory => 1,
        Entity::Dataset => 2,
        Entity::Job => 3,
    }
}

/// The name of the column of a field: databases fold case in names of columns, we do not.
pub fn column(field: &str, kind: ColumnType) -> String {
    let lower = field.to_ascii_lowercase();
    let letter = letter(kind);
    if lower == field {
        format!("m{letter}_{field}")
    } else {
        let mark = fingerprint("column", &[field]) & 0xffff;
        format!("m{letter}_{lower}_{mark:04x}")
    }
}

impl Promoted {
    /// The name of the column.
    pub fn column(&self) -> String {
        column(&self.field, self.kind)
    }
}

/// All searchable fields that have a column or wait for one.
pub async fn list(session: &mut Session) -> Result<Vec<Promoted>, Error> {
    let sql = "SELECT entity, field, kind, state, since, key_a, key_b FROM promoted_field \
               ORDER BY entity, field, kind";
    let rows = session.rows(sql, vec![]).await?;
    rows.iter()
        .map(|row| {
            let unknown = || Error::Internal("an unknown code in promoted_field".into());
            let wanted = row.int(0)?;
            let entity = Entity::ALL.iter().copied().find(|e| code(*e) == wanted);
            let kind = match row.text(2)?.as_str() {
                "i" => ColumnType::Int,
                "f" => ColumnType::Float,
                _ => ColumnType::Text,
            };
            let state = match row.int(3)? {
                0 => State::New,
                1 => State::Filling,
                _ => State::Ready,
            };
            Ok(Promoted {
                entity: entity.ok_or_else(unknown)?,
                field: row.text(1)?,
                kind,
                state,
                since: Timestamp::from_micros(row.int(4)?),
                filled_to: row.opt_int(5)?.zip(row.opt_int(6)?),
            })
        })
        .collect()
}

/// Asks for the column of a field, and returns whether that is new.
pub async fn request(
    session: &mut Session,
    entity: Entity,
    field: &str,
    kind: ColumnType,
    now: Timestamp,
) -> Result<bool, Error> {
    let batch = Batch::default()
        .ints("entity", [code(entity)])
        .texts("field", [field.to_owned()])
        .texts("kind", [letter(kind).to_string()])
        .ints("state", [State::New.code()])
        .ints("since", [now.micros()]);
    Ok(session.insert("promoted_field", batch, Conflict::Keep).await? > 0)
}

/// Records how far a column is.
pub async fn advance(session: &mut Session, field: &Promoted) -> Result<(), Error> {
    let sql = "UPDATE promoted_field SET state = ?, since = ?, key_a = ?, key_b = ? \
               WHERE entity = ? AND field = ? AND kind = ?";
    let params: Vec<Param> = vec![
        field.state.code().into(),
        field.since.micros().into(),
        field.filled_to.map(|key| key.0).into(),
        field.filled_to.map(|key| key.1).into(),
        code(field.entity).into(),
        field.field.as_str().into(),
        letter(field.kind).to_string().into(),
    ];
    session.execute(sql, params).await?;
    Ok(())
}

/// Adds the column of a field to its table, if it is not there. Not part of a transaction.
pub async fn add_column(session: &mut Session, field: &Promoted) -> Result<(), Error> {
    let dialect = session.dialect();
    let (table, _) = table(field.entity);
    let rows = session.rows(dialect.columns_of(), vec![table.into()]).await?;
    let names: Result<Vec<String>, Error> = rows.iter().map(|row| row.text(0)).collect();
    if names?.iter().any(|name| *name == field.column()) {
        return Ok(());
    }
    session.script(dialect.add_column(table, &field.column(), letter(field.kind))).await
}

/// Indexes the column of a field, if it is not indexed. Not part of a transaction.
///
/// An index that an earlier, failed build left behind is replaced.
pub async fn add_index(session: &mut Session, field: &Promoted) -> Result<(), Error> {
    let (table, key) = table(field.entity);
    let dialect = session.dialect();
    for sql in dialect.create_index(table, &field.column(), letter(field.kind), key) {
        session.script(sql).await?;
    }
    Ok(())
}

/// A document whose values go into columns.
#[derive(Debug)]
pub struct Stored {
    /// The key; the second part is 0 where a key has one.
    pub key: (i64, i64),
    /// The community.
    pub vo: i64,
    /// The document, for directories the effective one.
    pub document: Option<String>,
    /// The document that was set, which differs for directories.
    pub own: Option<String>,
}

/// The next documents of an entity after a key, locked, in the order of their keys.
pub async fn documents(
    session: &mut Session,
    entity: Entity,
    after: Option<(i64, i64)>,
    limit: i64,
    lock: bool,
) -> Result<Vec<Stored>, Error> {
    let lock = if lock { "{update t}" } else { "" };
    let (columns, order, (after, mut params)) = match entity {
        Entity::File => (
            "t.dir, t.id, t.vo, {doc t.meta}, NULL FROM file t",
            "t.dir, t.id",
            after.map_or(("TRUE".into(), vec![]), |key| {
                session.dialect().after("t.dir", "t.id", key)
            }),
        ),
        Entity::Directory => (
            "t.dir, 0, t.vo, {doc t.effective}, {doc t.meta} FROM directory t",
            "t.dir",
            after.map_or(("TRUE".into(), vec![]), |key| ("t.dir > ?".into(), vec![key.0.into()])),
        ),
        Entity::Dataset => (
            "t.dataset, 0, t.vo, {doc t.meta}, NULL FROM dataset t",
            "t.dataset",
            after.map_or(("TRUE".into(), vec![]), |key| {
                ("t.dataset > ?".into(), vec![key.0.into()])
            }),
        ),
        Entity::Job => (
            "t.job, 0, t.vo, {doc t.meta}, NULL FROM job t",
            "t.job",
            after.map_or(("TRUE".into(), vec![]), |key| ("t.job > ?".into(), vec![key.0.into()])),
        ),
    };
    params.push(limit.into());
    let sql = format!("SELECT {columns} WHERE {after} ORDER BY {order} LIMIT ? {lock}");
    let rows = session.rows(&sql, params).await?;
    rows.iter()
        .map(|row| {
            let document = row.opt_text(3)?;
            let own = match entity {
                Entity::Directory => row.opt_text(4)?,
                Entity::File | Entity::Dataset | Entity::Job => document.clone(),
            };
            Ok(Stored { key: (row.int(0)?, row.int(1)?), vo: row.int(2)?, document, own })
        })
        .collect()
}

/// Replaces the documents of entities, with the columns of their promoted fields.
pub async fn replace(
    session: &mut Session,
    entity: Entity,
    keys: &[(i64, i64)],
    columns: Vec<(String, Cells)>,
) -> Result<(), Error> {
    let (table, key) = table(entity);
    let names: Vec<&str> = key.split(", ").collect();
    let mut batch = Batch::default().ints(names[0], keys.iter().map(|key| key.0));
    if names.len() > 1 {
        batch = batch.ints(names[1], keys.iter().map(|key| key.1));
    }
    let sets: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    for (name, cells) in columns {
        batch = batch.with(name, cells);
    }
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    session.update(table, batch, &names, &sets).await?;
    Ok(())
}
