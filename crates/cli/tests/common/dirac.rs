//! The real DIRAC, its Configuration server and our service, for tests that bring them together.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Where the DIRAC client, the test PKI and the proxies are, installed when they are missing.
pub fn testbed() -> PathBuf {
    let place = match std::env::var_os("SBK_TESTBED") {
        Some(place) => PathBuf::from(place),
        None => root().join("target/testbed"),
    };
    let install = Command::new(root().join("testbed/install.sh"))
        .env("SBK_TESTBED", &place)
        .status()
        .expect("testbed/install.sh runs");
    assert!(install.success(), "the DIRAC client cannot be installed");
    place
}

/// A process that ends with the test.
#[derive(Debug)]
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A script of the testbed.
pub fn python(testbed: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(testbed.join("venv/bin/python"));
    command.args(arguments).current_dir(root()).env("SBK_TESTBED", testbed);
    command
}

/// Starts DIRAC's Configuration server, and gives the file of those who follow it.
pub fn configuration_server(testbed: &Path, work: &Path) -> (Running, PathBuf) {
    let place = work.join("cs");
    let mut child = python(testbed, &["testbed/cs.py", "run", "--dir", place.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.stdout.take().unwrap();
    let running = Running(child);
    let ready =
        BufReader::new(output).lines().map_while(Result::ok).any(|l| l.starts_with("ready"));
    assert!(ready, "the Configuration server did not start; see its log in {place:?}");
    (running, place.join("client.cfg"))
}

/// A file with all that a service has to know.
pub fn local_file(testbed: &Path, work: &Path) -> PathBuf {
    let file = work.join("dirac.cfg");
    let url = "dips://localhost:1/Bookkeeping/SBK";
    let arguments = ["testbed/config.py", "client", "local", "--url", url, "-o"];
    let done = python(testbed, &[&arguments[..], &[file.to_str().unwrap()]].concat());
    assert!({ done }.status().unwrap().success());
    file
}

/// Starts the service on SQLite, and gives its URLs for DISET and HTTPS.
pub fn service(testbed: &Path, work: &Path, configuration: &Path) -> (Running, String, String) {
    let database = format!("sqlite:{}/sbk.db", work.display());
    service_on(testbed, work, configuration, &database, "")
}

/// Starts the service on a database, with further lines of configuration.
pub fn service_on(
    testbed: &Path,
    work: &Path,
    configuration: &Path,
    database: &str,
    more: &str,
) -> (Running, String, String) {
    let pki = testbed.join("pki/grid-security");
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n[database]\nurl = '{database}'\n\
         [tls]\ncertificate = '{pki}/hostcert.pem'\nkey = '{pki}/hostkey.pem'\n\
         ca_directory = '{pki}/certificates'\n\
         [dirac]\ndiset = '127.0.0.1:0'\nconfiguration = '{configuration}'\n{more}",
        pki = pki.display(),
        configuration = configuration.display(),
    );
    let file = work.join("sbk.toml");
    std::fs::write(&file, config).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_sbk"))
        .args(["serve", "--config", file.to_str().unwrap()])
        .env("SBK__LOG__LEVEL", "warn")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let errors = child.stderr.take().unwrap();
    let running = Running(child);
    let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
    let mut port = |start: &str| {
        let line = lines.find(|line| line.contains(start)).expect("the service starts");
        let rest = line.split_once("127.0.0.1:").unwrap().1;
        rest.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    let https = format!("https://localhost:{}/Bookkeeping/SBK", port("sbk listens on https://"));
    let diset = format!("dips://localhost:{}/Bookkeeping/SBK", port("dips://"));
    // What the service says further is read, so that it never waits for us.
    std::thread::spawn(move || lines.for_each(|line| println!("{line}")));
    (running, diset, https)
}

/// Starts DIRAC's own FileCatalog on an empty database, and gives its URL.
pub fn file_catalog(
    testbed: &Path,
    work: &Path,
    database: &str,
    more: &[&str],
) -> (Running, String) {
    let place = work.join("catalogue");
    let arguments =
        ["testbed/catalogue.py", "run", "--dir", place.to_str().unwrap(), "--database", database];
    let mut child =
        python(testbed, &[&arguments[..], more].concat()).stdout(Stdio::piped()).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    let running = Running(child);
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
    (running, url.unwrap_or_else(|| panic!("DIRAC's FileCatalog did not start; see {place:?}")))
}
