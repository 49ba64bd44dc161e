use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use sbk_testkit::{Backend, Cluster, Settings, TestDatabase};

use super::sample::{
    AUDIT_COLUMNS, DIRECTORY_COLUMNS, FILE_COLUMNS, REPLICA_COLUMNS, Rows, TOTAL_COLUMNS,
};
use crate::bench::{machine, psql};

/// Besides the memory: a quarter of the machine's, as PostgreSQL's manual advises.
pub const POSTGRES: [&str; 5] = [
    "wal_compression=lz4",
    "max_wal_size=8GB",
    "random_page_cost=1.1",
    "maintenance_work_mem=1GB",
    "checkpoint_timeout=15min",
];
pub const MARIADB: [&str; 3] =
    ["innodb-buffer-pool-size=2G", "innodb-log-file-size=2G", "local-infile=1"];

/// A database of its own with its native client.
#[derive(Debug)]
pub struct Database {
    backend: Backend,
    directory: PathBuf,
    shell: Shell,
    kept: TestDatabase,
    _cluster: Option<Cluster>,
}

impl Database {
    /// Starts a durable server, and makes an empty database there.
    pub fn start(backend: Backend, directory: &Path) -> Result<Self> {
        let owned = |options: &[&str]| options.iter().map(|&option| option.to_owned()).collect();
        let settings = Settings {
            durable: true,
            postgres_options: [
                owned(&POSTGRES),
                vec![format!("shared_buffers={}MB", machine::memory_mib()? / 4)],
            ]
            .concat(),
            mariadb_options: owned(&MARIADB),
        };
        let cluster = match backend {
            Backend::Sqlite => None,
            _ => Some(Cluster::start(backend, directory, &settings)?),
        };
        let url = cluster.as_ref().map(Cluster::url).unwrap_or_default();
        let database = TestDatabase::create_on(backend, &url);
        let shell = Shell::open(backend, database.url())?;
        let directory = directory.to_owned();
        Ok(Self { backend, directory, shell, kept: database, _cluster: cluster })
    }

    pub fn url(&self) -> &str {
        self.kept.url()
    }

    /// The process of the database's server.
    pub fn pid(&self) -> Option<u32> {
        let file = match self.backend {
            Backend::Sqlite => return None,
            Backend::Postgres => self.directory.join("postgres/postmaster.pid"),
            Backend::MariaDb => self.directory.join("mariadb/mariadb.pid"),
        };
        fs::read_to_string(file).ok()?.lines().next()?.trim().parse().ok()
    }

    /// Runs statements, and gives the milliseconds that they took.
    pub fn run(&mut self, statements: &str) -> Result<f64> {
        self.shell.run(statements)
    }

    /// Makes tables `peer_…` like those that registration writes; false where there is no way to
    /// fill them.
    pub fn make_peers(&mut self) -> Result<bool> {
        for table in ["file", "replica", "directory", "audit"] {
            match self.backend {
                Backend::Sqlite => return Ok(false),
                Backend::Postgres => {
                    self.run(&format!("CREATE TABLE peer_{table} (LIKE {table} INCLUDING ALL);"))?
                }
                Backend::MariaDb => {
                    self.run(&format!("CREATE TABLE peer_{table} LIKE {table};"))?
                }
            };
        }
        Ok(true)
    }

    /// Loads rows in one transaction by the database's own means, and gives the milliseconds.
    pub fn load(&mut self, prefix: &str, rows: &Rows) -> Result<f64> {
        let tables = [
            ("directory", &rows.directory, DIRECTORY_COLUMNS),
            ("file", &rows.file, FILE_COLUMNS),
            ("replica", &rows.replica, REPLICA_COLUMNS),
            ("audit", &rows.audit, AUDIT_COLUMNS),
        ];
        let mut statements = String::from("BEGIN;\n");
        for (table, text, columns) in tables.into_iter().filter(|(_, text, _)| !text.is_empty()) {
            let line = self.load_statement(&format!("{prefix}{table}"), text, columns)?;
            statements.push_str(&line);
        }
        statements.push_str("COMMIT;");
        self.run(&statements)
    }

    fn load_statement(&self, table: &str, text: &str, columns: &str) -> Result<String> {
        let path = self.directory.join(format!("{table}.tsv"));
        fs::write(&path, text)?;
        let path = path.display();
        Ok(match self.backend {
            Backend::MariaDb => {
                format!("LOAD DATA LOCAL INFILE '{path}' INTO TABLE {table} ({columns});\n")
            }
            _ => format!("\\copy {table} ({columns}) from '{path}'\n"),
        })
    }

    /// Adds to the totals.
    pub fn load_totals(&mut self, text: &str) -> Result<()> {
        let statement = self.load_statement("total", text, TOTAL_COLUMNS)?;
        self.run(&statement).map(drop)
    }

    /// Whether rows can be loaded without the service.
    pub fn can_load(&self) -> bool {
        self.backend == Backend::Postgres
    }

    /// Removes the indexes of the great tables; the statements given back make them again, filled
    /// as far as indexes are that grow in random order.
    pub fn drop_indexes(&mut self) -> Result<Vec<String>> {
        let query = "SELECT tablename, indexname, indexdef FROM pg_indexes \
                     WHERE tablename IN ('file', 'replica') ORDER BY indexname";
        let mut again = Vec::new();
        for row in psql::rows(self.url(), query)? {
            let parts: Vec<&str> = row.splitn(3, '|').collect();
            let [table, index, definition] = parts[..] else { continue };
            // An index that was made here before says how far it is filled.
            let definition = definition.replace(" WITH (fillfactor='70')", "");
            if let Some((_, columns)) = definition.split_once(" btree ")
                && index.ends_with("_pkey")
            {
                self.run(&format!("ALTER TABLE {table} DROP CONSTRAINT {index};"))?;
                again.insert(
                    0,
                    format!(
                        "ALTER TABLE {table} ADD PRIMARY KEY {columns} WITH (fillfactor = 70);"
                    ),
                );
                continue;
            }
            self.run(&format!("DROP INDEX {index};"))?;
            let (head, condition) = match definition.split_once(" WHERE ") {
                Some((head, condition)) => (head, format!(" WHERE {condition}")),
                None => (definition.as_str(), String::new()),
            };
            let fill = if head.contains(" btree ") { " WITH (fillfactor = 70)" } else { "" };
            again.push(format!("{head}{fill}{condition};"));
        }
        Ok(again)
    }

    /// Lets the database come to rest: statistics are current, and everything is written.
    pub fn settle(&mut self) -> Result<()> {
        self.run(match self.backend {
            Backend::Sqlite => "ANALYZE; PRAGMA wal_checkpoint(TRUNCATE);",
            Backend::Postgres => "VACUUM ANALYZE;\nCHECKPOINT;",
            Backend::MariaDb => "ANALYZE TABLE file, replica, member, directory;",
        })
        .map(drop)
    }
}

/// The database's own client, which is kept open.
#[derive(Debug)]
enum Shell {
    Psql(psql::Session),
    Other { child: Child, input: ChildStdin, output: BufReader<ChildStdout> },
}

impl Shell {
    fn open(backend: Backend, url: &str) -> Result<Self> {
        let mut command = match backend {
            Backend::Postgres => return Ok(Self::Psql(psql::Session::open(url)?)),
            Backend::Sqlite => {
                let mut command = Command::new("sqlite3");
                command.arg("-batch").arg("-cmd").arg(".timeout 60000");
                command.arg(url.trim_start_matches("sqlite:"));
                command
            }
            Backend::MariaDb => mariadb(url)?,
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let input = child.stdin.take().expect("the input was just redirected");
        let output = BufReader::new(child.stdout.take().expect("the output was just redirected"));
        Ok(Self::Other { child, input, output })
    }

    fn run(&mut self, statements: &str) -> Result<f64> {
        match self {
            Self::Psql(session) => Ok(session.run(statements)?.iter().sum()),
            Self::Other { input, output, .. } => {
                const END: &str = "end of the statements";
                let began = Instant::now();
                writeln!(input, "{statements}\nSELECT '{END}';")?;
                let mut line = String::new();
                while line.trim_end() != END {
                    line.clear();
                    ensure!(output.read_line(&mut line)? > 0, "the client ended");
                }
                Ok(began.elapsed().as_secs_f64() * 1000.0)
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Self::Other { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn mariadb(url: &str) -> Result<Command> {
    let parts = || {
        let (login, rest) = url.strip_prefix("mysql://")?.split_once('@')?;
        let (user, password) = login.split_once(':')?;
        let (address, name) = rest.split_once('/')?;
        let (host, port) = address.split_once(':')?;
        Some((user, password, host, port, name))
    };
    let (user, password, host, port, name) = parts().context("not the URL of a server")?;
    let mut command = Command::new("mariadb");
    command
        .args(["--no-defaults", "--protocol=tcp", "--local-infile=1", "--batch", "--unbuffered"])
        .args(["--skip-column-names", "--default-character-set=utf8mb4"])
        .arg(format!("--host={host}"))
        .arg(format!("--port={port}"))
        .arg(format!("--user={user}"))
        .arg(name)
        .env("MYSQL_PWD", password);
    Ok(command)
}
