use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where a program of the `PostgreSQL` server package is.
///
/// Debian keeps each version's programs in a directory that is not on the path, and puts slower
/// wrappers on it; so the newest such directory comes first.
pub fn postgres_program(name: &str) -> PathBuf {
    let directories = versioned_directories("/usr/lib/postgresql")
        .into_iter()
        .map(|version| version.join("bin"))
        .chain(search_path());
    find(directories, name)
}

/// Where a program of the `MariaDB` packages is.
pub(crate) fn mariadb_program(name: &str) -> PathBuf {
    let directories = search_path().chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    find(directories, name)
}

/// A command that runs `program` as `user` if we are root, and as ourselves otherwise.
///
/// The kernel sends it `death_signal` when the thread that started it ends, if that is given.
pub(crate) fn unprivileged(program: &Path, user: &str, death_signal: Option<&str>) -> Command {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--init-groups"]);
    }
    if let Some(signal) = death_signal {
        command.args(["--pdeathsig", signal]);
    }
    command.arg("--").arg(program);
    command
}

/// Makes a directory that only `user` can enter, or only ourselves if we are not root.
pub(crate) fn private_directory(directory: &Path, user: &str) -> io::Result<()> {
    let mut command = Command::new("install");
    command.args(["-d", "-m", "0700"]);
    if is_root() {
        command.args(["-o", user, "-g", user]);
    }
    run(command.arg(directory))
}

/// Runs a command to its end; its output is part of the error if it fails.
pub(crate) fn run(command: &mut Command) -> io::Result<()> {
    let program = command.get_program().to_owned();
    let output = command
        .output()
        .map_err(|error| io::Error::other(format!("cannot run {}: {error}", program.display())))?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "{command:?} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    )))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn versioned_directories(parent: &str) -> Vec<PathBuf> {
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut found: Vec<PathBuf> =
        fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort_by_key(|path| std::cmp::Reverse(version(path)));
    found
}

/// The program's path, or its bare name so that running it tells what is missing.
fn find(directories: impl IntoIterator<Item = PathBuf>, name: &str) -> PathBuf {
    directories
        .into_iter()
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| PathBuf::from(name))
}
