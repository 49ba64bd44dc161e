use sbk_metadata::{ColumnType, query::OrderBy};
use sbk_model::FileKey;
use serde::{Deserialize, Serialize};

use super::{Compiler, leaf::leaf};
use crate::{
    Error,
    dialect::{Param, Row},
};

/// A value that an answer is ordered by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SortValue {
    /// None: these come last.
    Missing,
    /// A number.
    Int(i64),
    /// A double.
    Float(f64),
    /// A text.
    Text(String),
}

impl SortValue {
    fn param(&self) -> Option<Param> {
        match self {
            Self::Missing => None,
            Self::Int(value) => Some((*value).into()),
            Self::Float(value) => Some((*value).into()),
            Self::Text(value) => Some(value.as_str().into()),
        }
    }
}

/// Where in an ordered answer a file stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The values that the answer is ordered by.
    pub values: Vec<SortValue>,
    /// The key, which decides among equals.
    pub key: FileKey,
}

/// One expression that an answer is ordered by.
#[derive(Debug)]
pub struct SortKey {
    /// The expression.
    pub sql: String,
    kind: ColumnType,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

impl SortKey {
    pub(super) fn read(&self, row: &Row, at: usize) -> Result<SortValue, Error> {
        let value = match self.kind {
            ColumnType::Int => row.opt_int(at)?.map(SortValue::Int),
            ColumnType::Float => row.opt_float(at)?.map(SortValue::Float),
            ColumnType::Text => row.opt_text(at)?.map(SortValue::Text),
        };
        Ok(value.unwrap_or(SortValue::Missing))
    }

    fn equal(&self, value: &SortValue) -> (String, Option<Param>) {
        match value.param() {
            None => (format!("{} IS NULL", self.sql), None),
            param => (format!("{} = ?", self.sql), param),
        }
    }

    fn later(&self, value: &SortValue) -> Option<(String, Param)> {
        let sign = if self.descending { '<' } else { '>' };
        let param = value.param()?;
        Some((format!("({0} {sign} ? OR {0} IS NULL)", self.sql), param))
    }
}

/// The expressions that a query is ordered by.
pub fn sort_keys(compiler: &Compiler<'_>, order: &[OrderBy]) -> Vec<SortKey> {
    order
        .iter()
        .map(|by| {
            let leaf = leaf(compiler, &by.field);
            SortKey {
                sql: compiler.dialect().spell(&leaf.value),
                kind: leaf.kind,
                descending: by.descending,
            }
        })
        .collect()
}

/// The condition that a file comes after a position.
pub fn after(
    compiler: &Compiler<'_>,
    keys: &[SortKey],
    position: &Position,
) -> (String, Vec<Param>) {
    let mut alternatives = Vec::new();
    let mut all_params = Vec::new();
    let mut equal = Vec::new();
    let mut equal_params: Vec<Param> = Vec::new();
    for (key, value) in keys.iter().zip(&position.values) {
        if let Some((later, param)) = key.later(value) {
            let mut parts = equal.clone();
            parts.push(later);
            alternatives.push(format!("({})", parts.join(" AND ")));
            all_params.extend(equal_params.iter().cloned());
            all_params.push(param);
        }
        let (sql, param) = key.equal(value);
        equal.push(sql);
        equal_params.extend(param);
    }
    let last = (position.key.directory.0, position.key.name);
    let (sql, params) = compiler.dialect().after("f.dir", "f.id", last);
    equal.push(sql);
    alternatives.push(format!("({})", equal.join(" AND ")));
    all_params.extend(equal_params);
    all_params.extend(params);
    (alternatives.join(" OR "), all_params)
}
