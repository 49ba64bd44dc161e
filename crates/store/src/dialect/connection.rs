use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use sqlx::{
    Arguments, AssertSqlSafe, Row as _, mysql::MySqlArguments, postgres::PgArguments,
    sqlite::SqliteArguments,
};

use super::Dialect;
use crate::Error;

/// A value that is sent to the database.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// A 64-bit number.
    Int(Option<i64>),
    /// A double.
    Float(Option<f64>),
    /// A text.
    Text(Option<String>),
    /// A column of numbers, as an array.
    Ints(Arc<Vec<Option<i64>>>),
    /// A column of doubles, as an array.
    Floats(Arc<Vec<Option<f64>>>),
    /// A column of texts, as an array.
    Texts(Arc<Vec<Option<String>>>),
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Param {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Param {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<f64> for Param {
    fn from(value: f64) -> Self {
        Self::Float(Some(value))
    }
}

impl From<Param> for sea_query::Value {
    fn from(param: Param) -> Self {
        match param {
            Param::Int(value) => Self::BigInt(value),
            Param::Float(value) => Self::Double(value),
            Param::Text(value) => Self::String(value),
            Param::Ints(_) | Param::Floats(_) | Param::Texts(_) => Self::String(None),
        }
    }
}

impl TryFrom<sea_query::Value> for Param {
    type Error = Error;

    fn try_from(value: sea_query::Value) -> Result<Self, Error> {
        match value {
            sea_query::Value::BigInt(value) => Ok(Self::Int(value)),
            sea_query::Value::BigUnsigned(value) => {
                let number = value.map(i64::try_from).transpose();
                number.map(Self::Int).map_err(|_| Error::OutOfRange("a limit".into()))
            }
            sea_query::Value::Double(value) => Ok(Self::Float(value)),
            sea_query::Value::String(value) => Ok(Self::Text(value)),
            other => Err(Error::Internal(format!("no parameter can be made of {other:?}"))),
        }
    }
}

/// A finished SQL text with its values.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The text, in the spelling of its database.
    pub sql: String,
    /// The values, in the order of the placeholders.
    pub params: Vec<Param>,
    /// Whether the prepared statement is worth keeping on the connection.
    pub keep: bool,
}

/// One row of an answer.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(sqlx::sqlite::SqliteRow),
    /// From PostgreSQL.
    Postgres(sqlx::postgres::PgRow),
    /// From MariaDB.
    MariaDb(sqlx::mysql::MySqlRow),
}

macro_rules! read {
    ($row:expr, $at:expr, $type:ty) => {
        match $row {
            Row::Sqlite(row) => row.try_get_unchecked::<$type, _>($at),
            Row::Postgres(row) => row.try_get_unchecked::<$type, _>($at),
            Row::MariaDb(row) => row.try_get_unchecked::<$type, _>($at),
        }
        .map_err(Error::from)
    };
}

impl Row {
    /// The number in a column that is never null.
    pub fn int(&self, at: usize) -> Result<i64, Error> {
        read!(self, at, i64)
    }

    /// The number in a column.
    pub fn opt_int(&self, at: usize) -> Result<Option<i64>, Error> {
        read!(self, at, Option<i64>)
    }

    /// The double in a column.
    pub fn opt_float(&self, at: usize) -> Result<Option<f64>, Error> {
        read!(self, at, Option<f64>)
    }

    /// The text in a column that is never null.
    pub fn text(&self, at: usize) -> Result<String, Error> {
        read!(self, at, String)
    }

    /// The text in a column.
    pub fn opt_text(&self, at: usize) -> Result<Option<String>, Error> {
        read!(self, at, Option<String>)
    }
}

/// An open connection.
#[derive(Debug)]
pub enum Connection {
    /// To SQLite.
    Sqlite(Box<sqlx::SqliteConnection>),
    /// To PostgreSQL.
    Postgres(Box<sqlx::PgConnection>),
    /// To MariaDB.
    MariaDb(Box<sqlx::MySqlConnection>),
}

/// Adds the values to the arguments of a database without arrays.
macro_rules! scalar_arguments {
    ($arguments:ty, $params:expr) => {{
        let mut arguments = <$arguments>::default();
        for param in $params {
            match param {
                Param::Int(value) => arguments.add(value),
                Param::Float(value) => arguments.add(value),
                Param::Text(value) => arguments.add(value),
                Param::Ints(_) | Param::Floats(_) | Param::Texts(_) => {
                    return Err(Error::Internal("this database has no arrays".into()));
                }
            }
            .map_err(|error| Error::Internal(error.to_string()))?;
        }
        Ok(arguments)
    }};
}

fn sqlite_arguments(params: Vec<Param>) -> Result<SqliteArguments, Error> {
    scalar_arguments!(SqliteArguments, params)
}

fn mariadb_arguments(params: Vec<Param>) -> Result<MySqlArguments, Error> {
    scalar_arguments!(MySqlArguments, params)
}

fn postgres_arguments(params: Vec<Param>) -> Result<PgArguments, Error> {
    let mut arguments = PgArguments::default();
    for param in params {
        match param {
            Param::Int(value) => arguments.add(value),
            Param::Float(value) => arguments.add(value),
            Param::Text(value) => arguments.add(value),
            Param::Ints(values) => arguments.add(&*values),
            Param::Floats(values) => arguments.add(&*values),
            Param::Texts(values) => arguments.add(&*values),
        }
        .map_err(|error| Error::Internal(error.to_string()))?;
    }
    Ok(arguments)
}

impl Connection {
    /// Which database this is a connection to.
    pub fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
            Self::MariaDb(_) => Dialect::MariaDb,
        }
    }

    /// Runs a statement, and returns how many rows it touched.
    pub async fn execute(&mut self, statement: Statement) -> Result<u64, Error> {
        let Statement { sql, params, keep } = statement;
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(c) => {
                let query = sqlx::query_with(sql, sqlite_arguments(params)?).persistent(keep);
                query.execute(&mut **c).await?.rows_affected()
            }
            Self::Postgres(c) => {
                let query = sqlx::query_with(sql, postgres_arguments(params)?).persistent(keep);
                query.execute(&mut **c).await?.rows_affected()
            }
            Self::MariaDb(c) => {
                let query = sqlx::query_with(sql, mariadb_arguments(params)?).persistent(keep);
                query.execute(&mut **c).await?.rows_affected()
            }
        })
    }

    /// Runs a query, and gives its rows one by one.
    pub fn fetch(
        &mut self,
        statement: Statement,
    ) -> Result<BoxStream<'_, Result<Row, Error>>, Error> {
        let Statement { sql, params, keep } = statement;
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(c) => sqlx::query_with(sql, sqlite_arguments(params)?)
                .persistent(keep)
                .fetch(&mut **c)
                .map(|row| row.map(Row::Sqlite).map_err(Error::from))
                .boxed(),
            Self::Postgres(c) => sqlx::query_with(sql, postgres_arguments(params)?)
                .persistent(keep)
                .fetch(&mut **c)
                .map(|row| row.map(Row::Postgres).map_err(Error::from))
                .boxed(),
            Self::MariaDb(c) => sqlx::query_with(sql, mariadb_arguments(params)?)
                .persistent(keep)
                .fetch(&mut **c)
                .map(|row| row.map(Row::MariaDb).map_err(Error::from))
                .boxed(),
        })
    }

    /// Runs a query, and gives all its rows; for answers that are bounded by the query.
    pub async fn fetch_all(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        self.fetch(statement)?.try_collect().await
    }

    /// Runs SQL text without values that may hold several statements.
    pub async fn run_script(&mut self, sql: String) -> Result<(), Error> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Self::Sqlite(c) => script.execute(&mut **c).await.map(drop),
            Self::Postgres(c) => script.execute(&mut **c).await.map(drop),
            Self::MariaDb(c) => script.execute(&mut **c).await.map(drop),
        }
        .map_err(Error::from)
    }
}
