use std::collections::{BTreeMap, HashMap};

use sbk_model::SeName;
use serde::Serialize;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow},
};

use crate::{
    Communities, Error, Finding, Findings, Names,
    tables::{Column, Layout, Tables, signed},
};

/// How many rows are read at a time.
pub const PAGE: i64 = 5000;

/// The state of replicas that are being removed, which nothing counts.
const REMOVING: &str = "Removing";

/// A catalogue's database, as it was at one moment.
#[derive(Debug)]
pub struct Source {
    connection: MySqlConnection,
    pub(crate) tables: Tables,
    pub(crate) layout: Layout,
    pub(crate) communities: Communities,
    /// Names by their numbers.
    pub names: Names,
    /// What was found so far that is not as it should be.
    pub findings: Findings,
}

/// What a catalogue holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Directories.
    pub directories: u64,
    /// Files by the names of their states.
    pub files: BTreeMap<String, u64>,
    /// Bytes of the files by the names of their states.
    pub bytes: BTreeMap<String, u64>,
    /// Replicas by storage element, but for those that are being removed.
    pub replicas: BTreeMap<String, u64>,
    /// Datasets.
    pub datasets: u64,
    /// Edges from files to those that they were made from.
    pub edges: u64,
}

impl Counts {
    /// All files.
    pub fn all_files(&self) -> u64 {
        self.files.values().sum()
    }
}

impl Source {
    /// Opens a catalogue's database, and begins a transaction that only reads.
    ///
    /// # Errors
    /// [`Error::Url`], [`Error::Connect`], [`Error::NoCatalogue`] where the tables are not those of a
    /// catalogue.
    pub async fn open(url: &str, communities: Communities) -> Result<Self, Error> {
        let url = url.replacen("mariadb://", "mysql://", 1);
        if !url.starts_with("mysql://") {
            return Err(Error::Url);
        }
        let options: MySqlConnectOptions = url.parse().map_err(|_| Error::Url)?;
        if options.get_database().is_none_or(str::is_empty) {
            return Err(Error::Url);
        }
        // What a database of another character set holds is converted by the server.
        let options = options.charset("utf8mb4").disable_statement_logging();
        let mut connection =
            MySqlConnection::connect_with(&options).await.map_err(Error::Connect)?;
        for statement in [
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ] {
            let begun = sqlx::raw_sql(statement).execute(&mut connection).await;
            begun.map_err(|error| Error::Query { what: "the beginning", error })?;
        }
        let tables = tables(&mut connection).await?;
        let layout = tables.layout()?;
        let mut source = Self {
            connection,
            tables,
            layout,
            communities,
            names: Names::default(),
            findings: Findings::default(),
        };
        source.read_names().await?;
        Ok(source)
    }

    /// Which community paths belong to.
    pub fn communities(&self) -> &Communities {
        &self.communities
    }

    /// Reads rows.
    pub(crate) async fn rows(
        &mut self,
        what: &'static str,
        sql: &str,
        parameters: &[i64],
    ) -> Result<Vec<MySqlRow>, Error> {
        rows(&mut self.connection, what, sql, parameters).await
    }

    async fn read_names(&mut self) -> Result<(), Error> {
        self.names.users = self.numbered("users", "FC_Users", "UID", "UserName").await?;
        self.names.groups = self.numbered("groups", "FC_Groups", "GID", "GroupName").await?;
        self.names.statuses = self.numbered("states", "FC_Statuses", "StatusID", "Status").await?;
        let what = "storage elements";
        let elements = self.numbered(what, "FC_StorageElements", "SEID", "SEName").await?;
        for (id, name) in elements {
            match name.parse::<SeName>() {
                Ok(element) => drop(self.names.elements.insert(id, element)),
                Err(_) => self.findings.note(Finding::Name, || format!("storage element {name}")),
            }
        }
        let sql = self.layout.paths();
        let mut after = i64::MIN;
        loop {
            let rows = self.rows("paths of directories", &sql, &[after, PAGE]).await?;
            for row in &rows {
                after = int(row, 0).unwrap_or_default();
                let path = text(row, 1).unwrap_or_default();
                match path.parse() {
                    Ok(path) => drop(self.names.directories.insert(after, path)),
                    Err(_) => self.findings.note(Finding::Name, || format!("directory {path}")),
                }
            }
            if (rows.len() as u64) < PAGE.unsigned_abs() {
                return Ok(());
            }
        }
    }

    async fn numbered(
        &mut self,
        what: &'static str,
        table: &str,
        id: &str,
        name: &str,
    ) -> Result<HashMap<i64, String>, Error> {
        let sql = format!("SELECT {}, {name} FROM {table} ORDER BY {id}", signed(id));
        let rows = self.rows(what, &sql, &[]).await?;
        let read = |row| Some((int(row, 0)?, text(row, 1)?));
        Ok(rows.iter().filter_map(read).collect())
    }

    /// Counts what there is.
    pub async fn count(&mut self) -> Result<Counts, Error> {
        let number = |row: Option<&MySqlRow>, at| {
            row.and_then(|row| int(row, at)).unwrap_or_default().unsigned_abs()
        };
        let mut counts =
            Counts { directories: self.names.directories.len() as u64, ..Counts::default() };
        let sql = format!(
            "SELECT {}, COUNT(*), {} FROM FC_Files GROUP BY Status",
            signed("Status"),
            signed("SUM(Size)")
        );
        for row in &self.rows("numbers of files", &sql, &[]).await? {
            let name = self.status_name(int(row, 0)).unwrap_or_else(|| "Unknown".into());
            *counts.files.entry(name.clone()).or_default() += number(Some(row), 1);
            *counts.bytes.entry(name).or_default() += number(Some(row), 2);
        }
        let (element, state) = (signed("SEID"), signed("Status"));
        let sql =
            format!("SELECT {element}, {state}, COUNT(*) FROM FC_Replicas GROUP BY SEID, Status");
        for row in &self.rows("numbers of replicas", &sql, &[]).await? {
            if self.status_name(int(row, 1)).as_deref() == Some(REMOVING) {
                continue;
            }
            let element = int(row, 0).and_then(|id| self.names.elements.get(&id));
            let name = element.map_or_else(|| "Unknown".to_owned(), ToString::to_string);
            *counts.replicas.entry(name).or_default() += number(Some(row), 2);
        }
        if self.tables.name("FC_MetaDatasets").is_some() {
            let sql = "SELECT COUNT(*) FROM FC_MetaDatasets";
            counts.datasets = number(self.rows("datasets", sql, &[]).await?.first(), 0);
        }
        if self.tables.name("FC_FileAncestors").is_some() {
            let sql = "SELECT COUNT(*) FROM FC_FileAncestors WHERE AncestorDepth = 1";
            counts.edges = number(self.rows("ancestors", sql, &[]).await?.first(), 0);
        }
        Ok(counts)
    }

    /// The name of a state.
    pub(crate) fn status_name(&self, id: Option<i64>) -> Option<String> {
        self.names.statuses.get(&id?).cloned()
    }
}

async fn tables(connection: &mut MySqlConnection) -> Result<Tables, Error> {
    let sql = "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, \
               CAST(CHARACTER_MAXIMUM_LENGTH AS SIGNED), CAST(NUMERIC_SCALE AS SIGNED) \
               FROM information_schema.COLUMNS \
               WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME LIKE 'FC\\_%'";
    let mut tables = Tables::default();
    for row in &rows(connection, "names of tables", sql, &[]).await? {
        let number = |at| int(row, at).and_then(|number| u64::try_from(number).ok());
        let (table, column) = (text(row, 0).unwrap_or_default(), text(row, 1).unwrap_or_default());
        let kind = text(row, 2).unwrap_or_default().to_ascii_lowercase();
        tables.add(&table, &column, Column { kind, length: number(3), scale: number(4) });
    }
    Ok(tables)
}

async fn rows(
    connection: &mut MySqlConnection,
    what: &'static str,
    sql: &str,
    parameters: &[i64],
) -> Result<Vec<MySqlRow>, Error> {
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for parameter in parameters {
        query = query.bind(*parameter);
    }
    query.fetch_all(connection).await.map_err(|error| Error::Query { what, error })
}

/// A whole number.
pub fn int(row: &MySqlRow, at: usize) -> Option<i64> {
    row.try_get_unchecked::<Option<i64>, _>(at).ok().flatten()
}

/// A double.
pub fn float(row: &MySqlRow, at: usize) -> Option<f64> {
    row.try_get_unchecked::<Option<f64>, _>(at).ok().flatten()
}

/// A text of whatever type of column; what is not UTF-8 is replaced.
pub fn text(row: &MySqlRow, at: usize) -> Option<String> {
    let bytes = row.try_get_unchecked::<Option<Vec<u8>>, _>(at).ok().flatten()?;
    Some(
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}
