use std::io;
use std::process::{Command, Stdio};

use crate::Backend;
use crate::programs::{mariadb_program, postgres_program, run};
use crate::url::ServerUrl;

/// Runs one SQL statement on the server at `url` with the server's own client program.
pub(crate) fn execute(backend: Backend, url: &str, statement: &str) -> io::Result<()> {
    let mut command = match backend {
        Backend::Sqlite => unreachable!("SQLite has no server"),
        Backend::Postgres => psql(url),
        Backend::MariaDb => mariadb(&ServerUrl::parse(url)?),
    };
    match backend {
        Backend::Postgres => command.arg("--command").arg(statement),
        _ => command.arg("--execute").arg(statement),
    };
    run(command.stdin(Stdio::null()))
}

fn psql(url: &str) -> Command {
    let mut command = Command::new(postgres_program("psql"));
    command
        .args(["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--dbname", url])
        .env("PGCONNECT_TIMEOUT", "10");
    command
}

fn mariadb(url: &ServerUrl<'_>) -> Command {
    let mut command = Command::new(mariadb_program("mariadb"));
    command
        .args(["--no-defaults", "--protocol=tcp", "--connect-timeout=10"])
        .args(["--default-character-set=utf8mb4", "--host", url.host, "--user", url.user])
        .arg(format!("--port={}", url.port));
    if let Some(password) = url.password {
        command.env("MYSQL_PWD", password);
    }
    command
}
