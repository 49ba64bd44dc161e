use super::{Dialect, Param, Statement};

impl Dialect {
    /// A statement from the common text: `?` stands for a value, `{word}` for what differs.
    pub fn statement(self, sql: &str, params: Vec<Param>) -> Statement {
        Statement { sql: self.spell(sql), params, keep: true }
    }

    /// Spells the common text as the database wants it.
    ///
    /// Words: types `{int}` (in a CAST), `{bigint}`, `{small}`, `{double}`, `{name N}`, `{text}`,
    /// `{json}`; `{clustered}` and `{counters}` close a CREATE TABLE; `{share T}`, `{keyshare T}`
    /// and `{update T}` lock rows, and `{skip T}` does without those that others hold; `{json?}` is
    /// a JSON value; `{doc C}` reads a JSON column.
    pub fn spell(self, sql: &str) -> String {
        let mut out = String::with_capacity(sql.len() + 32);
        let mut placeholders = 0;
        let mut rest = sql;
        while let Some(at) = rest.find(['?', '{']) {
            let (before, tail) = rest.split_at(at);
            out.push_str(before);
            if let Some(after) = tail.strip_prefix('?') {
                self.placeholder(&mut placeholders, &mut out);
                rest = after;
            } else {
                let end = tail.find('}').unwrap_or(tail.len() - 1);
                self.word(&tail[1..end], &mut placeholders, &mut out);
                rest = &tail[end + 1..];
            }
        }
        out.push_str(rest);
        out
    }

    fn placeholder(self, count: &mut usize, out: &mut String) {
        *count += 1;
        match self {
            Self::Postgres => {
                out.push('$');
                out.push_str(&count.to_string());
            }
            Self::Sqlite | Self::MariaDb => out.push('?'),
        }
    }

    fn word(self, word: &str, placeholders: &mut usize, out: &mut String) {
        let (name, argument) = word.split_once(' ').unwrap_or((word, ""));
        let text = match (name, self) {
            ("json?", Self::Postgres) => {
                out.push_str("CAST(");
                self.placeholder(placeholders, out);
                " AS JSONB)".into()
            }
            ("json?", _) => {
                self.placeholder(placeholders, out);
                String::new()
            }
            ("int", Self::MariaDb) => "SIGNED".into(),
            ("int", _) | ("bigint", Self::Postgres | Self::MariaDb) => "BIGINT".into(),
            ("bigint" | "small", Self::Sqlite) => "INTEGER".into(),
            ("small", _) => "SMALLINT".into(),
            ("double", Self::Sqlite) => "REAL".into(),
            ("double", _) => "DOUBLE PRECISION".into(),
            ("name", Self::MariaDb) => format!("VARCHAR({argument}) {MARIADB_TEXT}"),
            ("text", Self::MariaDb) => format!("MEDIUMTEXT {MARIADB_TEXT}"),
            ("json", Self::MariaDb) => format!("LONGTEXT {MARIADB_TEXT}"),
            ("name" | "text", Self::Postgres) => "TEXT COLLATE \"C\"".into(),
            ("json", Self::Postgres) => "JSONB".into(),
            ("name" | "text" | "json", Self::Sqlite) => "TEXT".into(),
            ("prefix", Self::MariaDb) => format!("({argument})"),
            ("clustered" | "counters", Self::Sqlite) => "STRICT, WITHOUT ROWID".into(),
            ("clustered" | "counters", Self::MariaDb) => {
                format!("ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT {MARIADB_TEXT}")
            }
            ("counters", Self::Postgres) => "WITH (fillfactor = 50)".into(),
            ("share", Self::Postgres) => format!("FOR SHARE OF {argument}"),
            ("keyshare", Self::Postgres) => format!("FOR KEY SHARE OF {argument}"),
            ("share" | "keyshare", Self::MariaDb) => "LOCK IN SHARE MODE".into(),
            ("update", Self::Postgres) => format!("FOR UPDATE OF {argument}"),
            ("update", Self::MariaDb) => "FOR UPDATE".into(),
            ("skip", Self::Postgres) => format!("FOR UPDATE OF {argument} SKIP LOCKED"),
            ("skip", Self::MariaDb) => "FOR UPDATE SKIP LOCKED".into(),
            ("partial", Self::Sqlite | Self::Postgres) => format!(" WHERE {argument}"),
            ("gin", Self::Postgres) => {
                let (table, column) = argument.split_once(' ').unwrap_or((argument, "meta"));
                format!(
                    "CREATE INDEX {table}_{column} ON {table} USING GIN ({column} jsonb_path_ops);"
                )
            }
            ("doc", Self::Postgres) => format!("CAST({argument} AS TEXT)"),
            ("doc", _) => argument.to_owned(),
            _ => String::new(),
        };
        out.push_str(&text);
    }

    /// The condition that a key of two columns is greater than another, for paging.
    pub fn after(self, first: &str, second: &str, key: (i64, i64)) -> (String, Vec<Param>) {
        match self {
            Self::MariaDb => (
                format!("({first} > ? OR ({first} = ? AND {second} > ?))"),
                vec![key.0.into(), key.0.into(), key.1.into()],
            ),
            Self::Sqlite | Self::Postgres => {
                (format!("({first}, {second}) > (?, ?)"), vec![key.0.into(), key.1.into()])
            }
        }
    }

    /// The statements of a migration, spelled.
    pub(crate) fn split_migration(self, sql: &str) -> Vec<String> {
        let lines: Vec<_> =
            sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
        self.spell(&lines.join("\n"))
            .split(';')
            .map(str::trim)
            .filter(|statement| !statement.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// How migrations begin, end well, and end badly, so that two processes do not run them
    /// at once.
    pub(crate) fn migration_lock(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Sqlite => ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"),
            Self::Postgres => (
                "SELECT pg_advisory_lock(723640915)",
                "SELECT pg_advisory_unlock(723640915)",
                "SELECT pg_advisory_unlock(723640915)",
            ),
            Self::MariaDb => (
                "DO GET_LOCK('sbk_migration', 600)",
                "DO RELEASE_LOCK('sbk_migration')",
                "DO RELEASE_LOCK('sbk_migration')",
            ),
        }
    }

    /// How a write transaction begins.
    pub(crate) fn begin_write(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
            Self::MariaDb => "START TRANSACTION",
        }
    }

    /// The condition that a JSON document has a value under a field, or in the list there.
    ///
    /// On PostgreSQL this is containment, which the `jsonb_path_ops` index serves.
    pub fn json_equals(
        self,
        document: &str,
        field: &str,
        value: &serde_json::Value,
        in_list: bool,
    ) -> (String, Vec<Param>) {
        match self {
            Self::Postgres => {
                let wanted = if in_list {
                    serde_json::json!({ field: [value] })
                } else {
                    serde_json::json!({ field: value })
                };
                (format!("{document} @> CAST(? AS JSONB)"), vec![wanted.to_string().into()])
            }
            Self::Sqlite | Self::MariaDb => {
                let (path, list) = (format!("$.{field}"), value.to_string());
                let sql = match self {
                    Self::MariaDb => format!("JSON_CONTAINS({document}, ?, '{path}')"),
                    _ => format!(
                        "EXISTS (SELECT 1 FROM json_each({document}, '{path}') AS e \
                         WHERE e.value = json_extract(?, '$'))"
                    ),
                };
                (sql, vec![list.into()])
            }
        }
    }

    /// The condition that a JSON document has the field.
    pub fn json_has(self, document: &str, field: &str) -> String {
        match self {
            Self::Postgres => format!("({document} -> '{field}') IS NOT NULL"),
            Self::Sqlite => format!("json_type({document}, '$.{field}') IS NOT NULL"),
            Self::MariaDb => format!("JSON_EXISTS({document}, '$.{field}')"),
        }
    }

    /// The expression for a scalar in a JSON document as a column of the type `kind` would hold
    /// it (`i`, `f` or `s`), null where there is none.
    pub fn json_scalar(self, document: &str, field: &str, kind: char) -> String {
        match (self, kind) {
            (Self::Postgres, 's') => format!("({document} ->> '{field}') COLLATE \"C\""),
            (Self::Postgres, kind) => {
                let kind = if kind == 'i' { "BIGINT" } else { "DOUBLE PRECISION" };
                format!(
                    "(CASE WHEN jsonb_typeof({document} -> '{field}') = 'number' \
                     THEN CAST({document} ->> '{field}' AS {kind}) END)"
                )
            }
            (Self::Sqlite, _) => format!("json_extract({document}, '$.{field}')"),
            (Self::MariaDb, 's') => {
                format!("JSON_VALUE({document}, '$.{field}') COLLATE utf8mb4_nopad_bin")
            }
            (Self::MariaDb, kind) => {
                let kind = if kind == 'i' { "SIGNED" } else { "DOUBLE" };
                format!("CAST(JSON_VALUE({document}, '$.{field}') AS {kind})")
            }
        }
    }

    /// The expression for a decimal that a JSON document holds as text, times 10 to `scale`.
    pub fn json_scaled(self, document: &str, field: &str, scale: u8) -> String {
        let factor = 10_i64.pow(u32::from(scale));
        match self {
            Self::Postgres => {
                format!("CAST(CAST({document} ->> '{field}' AS NUMERIC) * {factor} AS BIGINT)")
            }
            Self::Sqlite => {
                format!("CAST(replace(json_extract({document}, '$.{field}'), '.', '') AS INTEGER)")
            }
            Self::MariaDb => format!(
                "CAST(CAST(JSON_VALUE({document}, '$.{field}') AS DECIMAL(38, 9)) * {factor} \
                 AS SIGNED)"
            ),
        }
    }

    /// A row source `e` with the elements of a list in a JSON document as `e.value`.
    pub fn json_elements(self, document: &str, field: &str) -> String {
        match self {
            Self::Postgres => format!(
                "jsonb_array_elements_text(CASE WHEN jsonb_typeof({document} -> '{field}') = \
                 'array' THEN {document} -> '{field}' ELSE CAST('[]' AS JSONB) END) AS e(value)"
            ),
            Self::Sqlite => format!("json_each({document}, '$.{field}') AS e"),
            Self::MariaDb => format!(
                "JSON_TABLE({document}, '$.{field}[*]' COLUMNS (value {MARIADB_TEXTS} PATH '$')) AS e"
            ),
        }
    }

    /// An element of a list as a column of the type `kind` would hold it.
    pub fn element(self, kind: char) -> &'static str {
        match (self, kind) {
            (Self::Postgres, 'i') => "CAST(e.value AS BIGINT)",
            (Self::Postgres, 'f') => "CAST(e.value AS DOUBLE PRECISION)",
            (Self::Postgres, _) => "e.value COLLATE \"C\"",
            (Self::Sqlite, _) => "e.value",
            (Self::MariaDb, 'i') => "CAST(e.value AS SIGNED)",
            (Self::MariaDb, 'f') => "CAST(e.value AS DOUBLE)",
            (Self::MariaDb, _) => "e.value COLLATE utf8mb4_nopad_bin",
        }
    }

    /// The name of a file, from its directory `d` and itself as `f`.
    pub fn lfn(self) -> &'static str {
        match self {
            Self::Postgres => "(d.path || '/' || f.name) COLLATE \"C\"",
            Self::Sqlite => "(d.path || '/' || f.name)",
            Self::MariaDb => "CONCAT(d.path, '/', f.name)",
        }
    }

    /// Finishes a statement that the query builder holds. It is planned for its values each time:
    /// PostgreSQL's plan for any values guesses that a range matches 1 row in 200, and so reads
    /// the index of a wide range to the end where the order of another would give a page at once.
    pub fn build(self, select: &sea_query::SelectStatement) -> Result<Statement, crate::Error> {
        let (sql, values) = match self {
            Self::Sqlite => select.build(sea_query::SqliteQueryBuilder),
            Self::Postgres => select.build(sea_query::PostgresQueryBuilder),
            Self::MariaDb => select.build(sea_query::MysqlQueryBuilder),
        };
        let params: Result<_, _> = values.into_iter().map(Param::try_from).collect();
        Ok(Statement { sql, params: params?, keep: self != Self::Postgres })
    }

    /// `LIKE` that distinguishes upper and lower case and takes `\` as escape.
    pub fn like(self, value: &str) -> String {
        match self {
            Self::MariaDb => format!("{value} LIKE ? COLLATE utf8mb4_nopad_bin"),
            Self::Postgres => format!("{value} LIKE ?"),
            Self::Sqlite => format!("{value} LIKE ? ESCAPE '\\'"),
        }
    }

    /// The type of the column of a promoted field.
    pub fn column_type(self, kind: char) -> String {
        self.spell(match kind {
            'i' => "{bigint}",
            'f' => "{double}",
            _ => "{text}",
        })
    }

    /// The statement that adds a nullable column, if it is not there.
    pub fn add_column(self, table: &str, column: &str, kind: char) -> String {
        let kind = self.column_type(kind);
        match self {
            Self::Sqlite => format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"),
            Self::Postgres | Self::MariaDb => {
                format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {kind}")
            }
        }
    }

    /// The statements that index a column on line, if it is not indexed; to be run outside a
    /// transaction. A build that was cut short on PostgreSQL is removed first.
    pub fn create_index(self, table: &str, column: &str, kind: char, key: &str) -> Vec<String> {
        let name = format!("{table}_{column}");
        match self {
            Self::Sqlite => {
                vec![format!("CREATE INDEX IF NOT EXISTS {name} ON {table} ({column}, {key})")]
            }
            Self::Postgres => {
                vec![
                    format!("DROP INDEX CONCURRENTLY IF EXISTS {name}"),
                    format!("CREATE INDEX CONCURRENTLY {name} ON {table} ({column}, {key})"),
                ]
            }
            Self::MariaDb => {
                let prefix = if kind == 's' { "(190)" } else { "" };
                vec![format!(
                    "CREATE INDEX IF NOT EXISTS {name} ON {table} ({column}{prefix}, {key})"
                )]
            }
        }
    }

    /// Whether a JSON document is read in another order, and with other spaces, than it was written.
    pub fn reorders_json(self) -> bool {
        self == Self::Postgres
    }

    /// The query for the names of a table's columns.
    pub fn columns_of(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT name FROM pragma_table_info(?)",
            Self::Postgres => {
                "SELECT CAST(column_name AS TEXT) FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND table_name = $1"
            }
            Self::MariaDb => {
                "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
                 WHERE table_schema = database() AND table_name = ?"
            }
        }
    }
}

/// The type of texts in tables that are made of JSON, which else have the collation of the database.
pub(super) const MARIADB_TEXTS: &str = "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";

/// The character set and collation of text: byte by byte, closing spaces included.
const MARIADB_TEXT: &str = "CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_on_postgresql_only() {
        let sql = "SELECT {doc f.meta} FROM file f WHERE a = ? AND b = {json?} {share f}";

        assert_eq!(
            Dialect::Postgres.spell(sql),
            "SELECT CAST(f.meta AS TEXT) FROM file f WHERE a = $1 AND b = CAST($2 AS JSONB) FOR SHARE OF f"
        );
        assert_eq!(Dialect::Sqlite.spell(sql), "SELECT f.meta FROM file f WHERE a = ? AND b = ? ");
    }
}
