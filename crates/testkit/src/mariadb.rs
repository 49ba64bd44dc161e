use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use crate::cluster::Settings;
use crate::programs::{mariadb_program, private_directory, run, unprivileged};

const USER: &str = "mysql";

const ACCOUNT: &str = "\
    CREATE USER IF NOT EXISTS 'sbk'@'%' IDENTIFIED BY 'sbk';\n\
    GRANT ALL PRIVILEGES ON *.* TO 'sbk'@'%' WITH GRANT OPTION;\n";

/// Makes an empty server in `directory`.
pub(crate) fn initialise(directory: &Path) -> io::Result<()> {
    private_directory(directory, USER)?;
    let mut command = unprivileged(&mariadb_program("mariadb-install-db"), USER, None);
    command
        .args(["--no-defaults", "--skip-test-db", "--skip-name-resolve"])
        .arg("--auth-root-authentication-method=normal")
        .arg("--innodb-flush-method=nosync")
        .arg(format!("--datadir={}", directory.display()))
        // Its user may not be able to write where our temporary files are.
        .arg(format!("--tmpdir={}", directory.display()))
        .current_dir("/");
    run(&mut command)?;
    fs::write(directory.join("account.sql"), ACCOUNT)
}

/// The server's command.
pub(crate) fn server(directory: &Path, port: u16, settings: &Settings) -> Command {
    let mut command = unprivileged(&mariadb_program("mariadbd"), USER, Some("KILL"));
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", directory.display()))
        // Its user may not be able to write where our temporary files are.
        .arg(format!("--tmpdir={}", directory.display()))
        .arg(format!("--socket={}", directory.join("mariadb.sock").display()))
        .arg(format!("--pid-file={}", directory.join("mariadb.pid").display()))
        .arg(format!("--init-file={}", directory.join("account.sql").display()))
        .args(["--bind-address=127.0.0.1", &format!("--port={port}")])
        .args(["--skip-name-resolve", "--max-connections=300"])
        .args(["--character-set-server=utf8mb4", "--collation-server=utf8mb4_nopad_bin"])
        .current_dir("/");
    if settings.durable {
        command.arg("--innodb-flush-log-at-trx-commit=1");
    } else {
        command.args(["--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync"]);
    }
    command.args(settings.mariadb_options.iter().map(|option| format!("--{option}")));
    command
}

pub(crate) fn administrator_url(port: u16) -> String {
    format!("mysql://sbk:sbk@127.0.0.1:{port}/")
}
