use std::io;
use std::path::Path;
use std::process::Command;

use crate::cluster::Settings;
use crate::programs::{postgres_program, private_directory, run, unprivileged};

const USER: &str = "postgres";

/// Makes an empty cluster in `directory`.
pub(crate) fn initialise(directory: &Path) -> io::Result<()> {
    private_directory(directory, USER)?;
    let mut command = unprivileged(&postgres_program("initdb"), USER, None);
    command
        .arg("--pgdata")
        .arg(directory)
        .args(["--no-locale", "--encoding=UTF8", "--auth=trust", "--username=postgres"])
        .arg("--no-sync")
        .current_dir("/");
    run(&mut command)
}

/// The server's command; `SIGQUIT` ends it at once and frees its shared memory.
pub(crate) fn server(directory: &Path, port: u16, settings: &Settings) -> Command {
    let mut command = unprivileged(&postgres_program("postgres"), USER, Some("QUIT"));
    command.arg("-D").arg(directory).arg("-k").arg(directory).current_dir("/");
    let mut options = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        "max_connections=300".to_owned(),
        format!("fsync={}", if settings.durable { "on" } else { "off" }),
    ];
    options.extend(settings.postgres_options.iter().cloned());
    for option in options {
        command.arg("-c").arg(option);
    }
    command
}

pub(crate) fn administrator_url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}
