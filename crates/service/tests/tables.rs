//! The tables are the same on every backend, and can be spread over the shards of a database.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use sbk_service::{Options, Service};
use sbk_store::{MIGRATIONS, dialect::Dialect};
use sbk_testkit::{TestDatabase, each_backend};

/// What a column is, whatever its type is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Int,
    Float,
    Text,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Table {
    /// The columns by name, with whether they may be null.
    columns: BTreeMap<String, (Kind, bool)>,
    /// The columns of the primary key, in order.
    key: Vec<String>,
}

/// The column that decides on which shard a row lies; tables that are not here are small, and
/// every shard has all of them.
const DISTRIBUTED_BY: &[(&str, &str)] = &[
    ("directory", "dir"),
    ("file", "dir"),
    ("replica", "dir"),
    ("member", "dir"),
    ("snapshot_file", "dir"),
    ("dataset", "dataset"),
    ("dataset_parent", "dataset"),
    ("dataset_site", "dataset"),
    ("snapshot", "dataset"),
    ("total", "subject"),
    ("holding", "owner"),
    ("audit", "audit"),
    ("audit_subject", "key_a"),
    ("idempotency", "id"),
    ("guid_lock", "guid"),
    ("community", "vo"),
    ("schema_version", "vo"),
    ("job", "job"),
    ("job_step", "job"),
    ("used", "job"),
    ("made", "dir"),
    ("absent_file", "dir"),
    ("task", "production"),
    ("job_total", "production"),
    ("quarantine", "entry"),
    ("request", "request"),
    ("request_history", "request"),
    ("campaign", "campaign"),
    ("recipe", "recipe"),
    ("production", "production"),
    ("production_input", "production"),
    ("task_total", "production"),
    ("further_run", "dir"),
    ("file_quality", "dir"),
    ("run_luminosity", "run"),
];

const EVERYWHERE: &[&str] = &[
    "term",
    "promoted_field",
    "site",
    "storage_element",
    "migration",
    "step_configuration",
    "run",
    "fill",
    "run_quality",
    "definition",
    "definition_site",
];

each_backend! {
    async fn the_tables_are_those_of_the_migrations(database: TestDatabase) {
        let service = migrated(&database).await;
        let mut found = tables(&service).await;

        assert!(found.remove("migration").is_some());
        assert_eq!(found, declared());
    }

    async fn every_unique_key_contains_what_decides_on_the_shard(database: TestDatabase) {
        let service = migrated(&database).await;
        let keys = unique_keys(&service).await;

        let tables: BTreeSet<&str> = keys.iter().map(|(table, _)| table.as_str()).collect();
        let known = DISTRIBUTED_BY.iter().map(|(table, _)| table).chain(EVERYWHERE);
        let known: BTreeSet<&str> = known.copied().collect();
        assert_eq!(tables, known);
        for (table, columns) in &keys {
            if let Some((_, column)) = DISTRIBUTED_BY.iter().find(|(name, _)| name == table) {
                assert!(columns.iter().any(|c| c == column), "{table} {columns:?}");
            }
        }
    }
}

async fn migrated(database: &TestDatabase) -> Service {
    let service = Service::open(database.url(), Options::default()).await.unwrap();
    service.migrate().await.unwrap();
    service
}

/// The tables as the migrations declare them.
fn declared() -> BTreeMap<String, Table> {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for statement in MIGRATIONS.iter().flat_map(|migration| migration.sql.split(";\n")) {
        if let Some((_, rest)) = statement.split_once("ALTER TABLE ") {
            let (name, column) = rest.split_once(" ADD COLUMN ").unwrap();
            let (column, kind) = column.split_once(" {").unwrap();
            let kind = (kind_of(kind), !kind.contains("NOT NULL"));
            tables.entry(name.to_owned()).or_default().columns.insert(column.to_owned(), kind);
            continue;
        }
        let Some((_, rest)) = statement.split_once("CREATE TABLE ") else { continue };
        let (name, body) = rest.split_once(" (\n").unwrap();
        let table = tables.entry(name.to_owned()).or_default();
        for line in body.lines().map(str::trim).take_while(|line| !line.starts_with(')')) {
            if let Some(key) = line.strip_prefix("PRIMARY KEY (") {
                let key = key.trim_end_matches([')', ',']);
                table.key = key.split(", ").map(str::to_owned).collect();
                continue;
            }
            let (column, kind) = line.split_once(" {").unwrap();
            let kind = kind_of(kind);
            table.columns.insert(column.to_owned(), (kind, !line.contains("NOT NULL")));
            if line.contains("PRIMARY KEY") {
                table.key.push(column.to_owned());
            }
        }
    }
    tables
}

/// The kind of a type of the common spelling, without its opening brace.
fn kind_of(word: &str) -> Kind {
    match word.split(['}', ' ']).next().unwrap() {
        "bigint" | "small" => Kind::Int,
        "double" => Kind::Float,
        _ => Kind::Text,
    }
}

/// The tables as the database describes them.
async fn tables(service: &Service) -> BTreeMap<String, Table> {
    let mut session = service.store().read().await.unwrap();
    let sql = match session.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, p.name, p.type, CASE WHEN p.\"notnull\" = 0 THEN 'YES' ELSE 'NO' END \
             FROM sqlite_master m JOIN pragma_table_info(m.name) p \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
        }
        Dialect::Postgres => {
            "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT), \
             CAST(is_nullable AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema()"
        }
        Dialect::MariaDb => {
            "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(data_type AS CHAR), \
             CAST(is_nullable AS CHAR) FROM information_schema.columns \
             WHERE table_schema = database()"
        }
    };
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for row in session.rows(sql, vec![]).await.unwrap() {
        let kind = match row.text(2).unwrap().to_lowercase().as_str() {
            "bigint" | "integer" | "smallint" => Kind::Int,
            "real" | "double" | "double precision" => Kind::Float,
            "text" | "jsonb" | "varchar" | "mediumtext" | "longtext" => Kind::Text,
            other => panic!("no column has the type {other:?}"),
        };
        let table = tables.entry(row.text(0).unwrap()).or_default();
        table.columns.insert(row.text(1).unwrap(), (kind, row.text(3).unwrap() == "YES"));
    }
    drop(session);
    for (name, key) in unique_keys(service).await {
        let table = tables.get_mut(&name).unwrap();
        assert!(table.key.is_empty(), "{name} has a second unique key {key:?}");
        table.key = key;
    }
    tables
}

/// The columns of each primary or unique key, in order, with its table.
async fn unique_keys(service: &Service) -> Vec<(String, Vec<String>)> {
    let mut session = service.store().read().await.unwrap();
    let sql = match session.dialect() {
        Dialect::Sqlite => {
            "SELECT m.name, l.name, i.name FROM sqlite_master m \
             JOIN pragma_index_list(m.name) l JOIN pragma_index_info(l.name) i \
             WHERE m.type = 'table' AND l.\"unique\" = 1 ORDER BY m.name, l.name, i.seqno"
        }
        Dialect::Postgres => {
            "SELECT CAST(t.relname AS TEXT), CAST(i.relname AS TEXT), CAST(a.attname AS TEXT) \
             FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid \
             JOIN pg_class i ON i.oid = x.indexrelid \
             CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k(number, place) \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
             WHERE x.indisunique AND t.relnamespace = CAST(current_schema() AS regnamespace) \
             ORDER BY t.relname, i.relname, k.place"
        }
        Dialect::MariaDb => {
            "SELECT CAST(table_name AS CHAR), CAST(index_name AS CHAR), CAST(column_name AS CHAR) \
             FROM information_schema.statistics WHERE table_schema = database() \
             AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index"
        }
    };
    let mut keys: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in session.rows(sql, vec![]).await.unwrap() {
        let key = (row.text(0).unwrap(), row.text(1).unwrap());
        keys.entry(key).or_default().push(row.text(2).unwrap());
    }
    keys.into_iter().map(|((table, _), columns)| (table, columns)).collect()
}
