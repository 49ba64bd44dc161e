use std::{fmt::Write as _, sync::Arc};

use super::{Dialect, Param, Statement, spelling::MARIADB_TEXTS};

/// The values of one column of a batch.
#[derive(Debug, Clone)]
pub enum Cells {
    /// 64-bit numbers.
    Int(Vec<Option<i64>>),
    /// Doubles.
    Float(Vec<Option<f64>>),
    /// Texts.
    Text(Vec<Option<String>>),
    /// JSON documents.
    Json(Vec<Option<String>>),
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Int(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Text(cells) | Self::Json(cells) => cells.len(),
        }
    }

    fn scalar_type(&self) -> &'static str {
        match self {
            Self::Int(_) => "BIGINT",
            Self::Float(_) => "DOUBLE PRECISION",
            Self::Text(_) | Self::Json(_) => "TEXT",
        }
    }

    fn array(self) -> Param {
        match self {
            Self::Int(cells) => Param::Ints(Arc::new(cells)),
            Self::Float(cells) => Param::Floats(Arc::new(cells)),
            Self::Text(cells) | Self::Json(cells) => Param::Texts(Arc::new(cells)),
        }
    }

    fn param(&self, row: usize) -> Param {
        match self {
            Self::Int(cells) => Param::Int(cells.get(row).copied().flatten()),
            Self::Float(cells) => Param::Float(cells.get(row).copied().flatten()),
            Self::Text(cells) | Self::Json(cells) => Param::Text(cells.get(row).cloned().flatten()),
        }
    }

    fn write_json(&self, row: usize, out: &mut String) {
        match self {
            Self::Int(cells) => match cells.get(row).copied().flatten() {
                Some(number) => drop(write!(out, "{number}")),
                None => out.push_str("null"),
            },
            Self::Float(cells) => match cells.get(row).copied().flatten() {
                Some(number) => drop(write!(out, "{number:?}")),
                None => out.push_str("null"),
            },
            Self::Text(cells) | Self::Json(cells) => {
                match cells.get(row).and_then(Option::as_ref) {
                    Some(text) => write_json_text(text, out),
                    None => out.push_str("null"),
                }
            }
        }
    }
}

/// Writes a text as a JSON string.
fn write_json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Rows that go to the database in one statement, column by column.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    columns: Vec<(String, Cells)>,
    rows: usize,
}

impl Batch {
    /// Adds a column. All columns have the same number of rows.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, cells: Cells) -> Self {
        self.rows = cells.len();
        self.columns.push((name.into(), cells));
        self
    }

    /// Adds a column of numbers.
    #[must_use]
    pub fn ints(self, name: impl Into<String>, cells: impl IntoIterator<Item = i64>) -> Self {
        self.with(name, Cells::Int(cells.into_iter().map(Some).collect()))
    }

    /// Adds a column of texts.
    #[must_use]
    pub fn texts(self, name: impl Into<String>, cells: impl IntoIterator<Item = String>) -> Self {
        self.with(name, Cells::Text(cells.into_iter().map(Some).collect()))
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    fn names(&self, prefix: &str) -> String {
        let names: Vec<_> =
            self.columns.iter().map(|(name, _)| format!("{prefix}{name}")).collect();
        names.join(", ")
    }

    fn json(&self) -> String {
        let mut out = String::with_capacity(self.rows * self.columns.len() * 16);
        out.push('[');
        for row in 0..self.rows {
            out.push_str(if row == 0 { "[" } else { ",[" });
            for (at, (_, cells)) in self.columns.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                cells.write_json(row, &mut out);
            }
            out.push(']');
        }
        out.push(']');
        out
    }
}

/// What an insert does where the key is taken.
#[derive(Debug, Clone, Copy)]
pub enum Conflict<'a> {
    /// Leaves the row that is there; it does not count as touched.
    Keep,
    /// Adds the numbers of these columns to those that are there. The key columns are named, too.
    Add {
        /// The columns of the key.
        key: &'a [&'a str],
        /// The columns that are summed.
        sums: &'a [&'a str],
    },
}

/// Leaves rows alone whose key is taken.
const KEEP: &str = "ON CONFLICT DO NOTHING";

/// From how many rows on it pays to hope that all of them are new.
const MANY: usize = 100;

/// The greatest number of placeholders in one MariaDB statement.
const MARIADB_PLACEHOLDERS: usize = 65_000;

impl Dialect {
    /// A row source for `FROM`, called `alias`, with the batch's columns.
    pub fn rows(self, alias: &str, batch: Batch) -> (String, Vec<Param>) {
        match self {
            Self::Postgres if batch.rows == 1 => Self::one_row(alias, &batch),
            Self::Postgres => {
                let types: Vec<_> = batch
                    .columns
                    .iter()
                    .map(|(_, c)| format!("CAST(? AS {}[])", c.scalar_type()))
                    .collect();
                let source =
                    format!("UNNEST({}) AS {alias}({})", types.join(", "), batch.names(""));
                (source, batch.columns.into_iter().map(|(_, cells)| cells.array()).collect())
            }
            Self::Sqlite => {
                let columns: Vec<_> = batch
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, (name, _))| format!("json_extract(value, '$[{at}]') AS {name}"))
                    .collect();
                let source =
                    format!("(SELECT {} FROM json_each(?)) AS {alias}", columns.join(", "));
                (source, vec![batch.json().into()])
            }
            Self::MariaDb => {
                let columns: Vec<_> = batch
                    .columns
                    .iter()
                    .enumerate()
                    .map(|(at, (name, cells))| {
                        let kind = match cells {
                            Cells::Int(_) => "BIGINT",
                            Cells::Float(_) => "DOUBLE",
                            Cells::Text(_) | Cells::Json(_) => MARIADB_TEXTS,
                        };
                        format!("{name} {kind} PATH '$[{at}]'")
                    })
                    .collect();
                let source =
                    format!("JSON_TABLE(?, '$[*]' COLUMNS ({})) AS {alias}", columns.join(", "));
                (source, vec![batch.json().into()])
            }
        }
    }

    /// A query that joins a batch as `r`: `{rows}` in the text stands for it, and comes before all
    /// other values.
    pub fn with_rows(self, sql: &str, batch: Batch, params: Vec<Param>) -> Statement {
        let (source, mut all) = self.rows("r", batch);
        all.extend(params);
        self.statement(&self.place_rows(sql, &source), all)
    }

    /// Puts a row source in the place of `{rows}`. A table that is joined right after it is looked
    /// up row by row, which planners without statistics on the source do not always choose.
    pub(crate) fn place_rows(self, sql: &str, source: &str) -> String {
        let join = match self {
            Self::Sqlite => "CROSS JOIN",
            Self::MariaDb => "STRAIGHT_JOIN",
            Self::Postgres => "JOIN",
        };
        sql.replace("{rows} JOIN", &format!("{source} {join}")).replace("{rows}", source)
    }

    /// A single row as plain values. PostgreSQL plans a statement with arrays anew each time, since
    /// it sees how long they are; of one with plain values it soon keeps the plan.
    fn one_row(alias: &str, batch: &Batch) -> (String, Vec<Param>) {
        let values: Vec<_> = batch
            .columns
            .iter()
            .map(|(name, cells)| format!("CAST(? AS {}) AS {name}", cells.scalar_type()))
            .collect();
        let params = batch.columns.iter().map(|(_, cells)| cells.param(0)).collect();
        (format!("(SELECT {}) AS {alias}", values.join(", ")), params)
    }

    /// The statement that inserts a great batch as if all its rows were new, and fails with
    /// [`crate::Error::Contended`] where one is not. PostgreSQL searches the index twice for a row whose
    /// conflict is provided for, and writes to its log twice.
    pub fn hope(self, statement: &Statement, rows: usize) -> Option<Statement> {
        if self != Self::Postgres || rows < MANY {
            return None;
        }
        let sql = statement.sql.strip_suffix(KEEP)?.to_owned();
        Some(Statement { sql, params: statement.params.clone(), keep: statement.keep })
    }

    /// The statements that insert a batch; their touched rows add up.
    pub fn insert(self, table: &str, batch: Batch, conflict: Conflict<'_>) -> Vec<Statement> {
        if batch.rows == 0 {
            return Vec::new();
        }
        match self {
            Self::MariaDb => Self::insert_values(table, &batch, conflict),
            Self::Sqlite | Self::Postgres => vec![self.insert_rows(table, batch, conflict)],
        }
    }

    fn insert_rows(self, table: &str, batch: Batch, conflict: Conflict<'_>) -> Statement {
        let names = batch.names("");
        let selected: Vec<_> = batch
            .columns
            .iter()
            .map(|(name, cells)| match (self, cells) {
                (Self::Postgres, Cells::Json(_)) => format!("CAST(r.{name} AS JSONB)"),
                _ => format!("r.{name}"),
            })
            .collect();
        let action = match conflict {
            Conflict::Keep => KEEP.to_owned(),
            Conflict::Add { key, sums } => {
                let sums: Vec<_> =
                    sums.iter().map(|c| format!("{c} = {table}.{c} + excluded.{c}")).collect();
                format!("ON CONFLICT ({}) DO UPDATE SET {}", key.join(", "), sums.join(", "))
            }
        };
        let (source, params) = self.rows("r", batch);
        let sql = format!(
            "INSERT INTO {table} ({names}) SELECT {} FROM {source} WHERE TRUE {action}",
            selected.join(", ")
        );
        Statement { sql: self.spell(&sql), params, keep: true }
    }

    fn insert_values(table: &str, batch: &Batch, conflict: Conflict<'_>) -> Vec<Statement> {
        let columns = batch.columns.len();
        let chunk = (MARIADB_PLACEHOLDERS / columns).clamp(1, 1000);
        let (verb, action) = match conflict {
            Conflict::Keep => ("INSERT IGNORE", String::new()),
            Conflict::Add { sums, .. } => {
                let sums: Vec<_> =
                    sums.iter().map(|c| format!("{c} = {c} + VALUES({c})")).collect();
                ("INSERT", format!(" ON DUPLICATE KEY UPDATE {}", sums.join(", ")))
            }
        };
        let tuple = format!("({})", vec!["?"; columns].join(","));
        (0..batch.rows)
            .step_by(chunk)
            .map(|first| {
                let last = (first + chunk).min(batch.rows);
                let tuples = vec![tuple.as_str(); last - first].join(",");
                let names = batch.names("");
                let params = (first..last)
                    .flat_map(|row| batch.columns.iter().map(move |(_, cells)| cells.param(row)))
                    .collect();
                Statement {
                    sql: format!("{verb} INTO {table} ({names}) VALUES {tuples}{action}"),
                    params,
                    keep: last - first == chunk,
                }
            })
            .collect()
    }

    /// The statement that sets the columns `sets` of the rows whose `keys` are in the batch.
    pub fn update(self, table: &str, batch: Batch, keys: &[&str], sets: &[&str]) -> Statement {
        let matched: Vec<_> = keys.iter().map(|k| format!("t.{k} = r.{k}")).collect();
        let json: Vec<_> = batch
            .columns
            .iter()
            .filter(|(_, cells)| matches!(cells, Cells::Json(_)))
            .map(|(name, _)| name.clone())
            .collect();
        let value = |name: &str| {
            if self == Self::Postgres && json.iter().any(|j| j == name) {
                format!("CAST(r.{name} AS JSONB)")
            } else {
                format!("r.{name}")
            }
        };
        let (source, params) = self.rows("r", batch);
        let matched = matched.join(" AND ");
        let sql = if self == Self::MariaDb {
            let sets: Vec<_> = sets.iter().map(|s| format!("t.{s} = {}", value(s))).collect();
            format!("UPDATE {source} JOIN {table} t ON {matched} SET {}", sets.join(", "))
        } else {
            let sets: Vec<_> = sets.iter().map(|s| format!("{s} = {}", value(s))).collect();
            format!("UPDATE {table} AS t SET {} FROM {source} WHERE {matched}", sets.join(", "))
        };
        Statement { sql: self.spell(&sql), params, keep: true }
    }

    /// The statement that deletes the rows whose keys are in the batch.
    pub fn delete(self, table: &str, batch: Batch) -> Statement {
        let keys: Vec<_> = batch.columns.iter().map(|(name, _)| name.clone()).collect();
        let (source, params) = self.rows("r", batch);
        let sql = if self == Self::MariaDb {
            let matched: Vec<_> = keys.iter().map(|k| format!("t.{k} = r.{k}")).collect();
            format!("DELETE t FROM {source} JOIN {table} t ON {}", matched.join(" AND "))
        } else {
            let keys = keys.join(", ");
            format!("DELETE FROM {table} WHERE ({keys}) IN (SELECT {keys} FROM {source})")
        };
        Statement { sql: self.spell(&sql), params, keep: true }
    }
}
