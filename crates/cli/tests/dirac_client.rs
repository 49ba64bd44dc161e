//! The real DIRAC client against the service, over DISET and HTTPS: with users from a file, and
//! from DIRAC's own Configuration server. The tests themselves are in `python/tests`.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Where the DIRAC client, the test PKI and the proxies are, installed when they are missing.
fn testbed() -> PathBuf {
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
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn python(testbed: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(testbed.join("venv/bin/python"));
    command.args(arguments).current_dir(root()).env("SBK_TESTBED", testbed);
    command
}

/// Starts DIRAC's Configuration server, and gives the file of those who follow it.
fn configuration_server(testbed: &Path, work: &Path) -> (Running, PathBuf) {
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
fn local_file(testbed: &Path, work: &Path) -> PathBuf {
    let file = work.join("dirac.cfg");
    let url = "dips://localhost:1/Bookkeeping/SBK";
    let arguments = ["testbed/config.py", "client", "local", "--url", url, "-o"];
    let done = python(testbed, &[&arguments[..], &[file.to_str().unwrap()]].concat());
    assert!({ done }.status().unwrap().success());
    file
}

/// Starts the service, and gives its URLs for DISET and HTTPS.
fn service(testbed: &Path, work: &Path, configuration: &Path) -> (Running, String, String) {
    let pki = testbed.join("pki/grid-security");
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n[database]\nurl = 'sqlite:{work}/sbk.db'\n\
         [tls]\ncertificate = '{pki}/hostcert.pem'\nkey = '{pki}/hostkey.pem'\n\
         ca_directory = '{pki}/certificates'\n\
         [dirac]\ndiset = '127.0.0.1:0'\nconfiguration = '{configuration}'\n",
        work = work.display(),
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

fn run_tests(testbed: &Path, diset: &str, https: &str, arguments: &[&str]) {
    let done = Command::new(root().join("python/run-tests.sh"))
        .args(["-q", "--durations=5"])
        .args(arguments)
        .env("SBK_TESTBED", testbed)
        .env("SBK_TEST_DIPS", diset)
        .env("SBK_TEST_HTTPS", https)
        .status()
        .unwrap();

    assert!(done.success(), "tests of the DIRAC client failed");
}

#[test]
fn the_dirac_client_works_with_users_from_the_configuration_server() {
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let (_server, configuration) = configuration_server(&testbed, work.path());
    let (_service, diset, https) = service(&testbed, work.path(), &configuration);

    run_tests(&testbed, &diset, &https, &[]);
}

#[test]
fn the_dirac_client_works_with_users_from_a_file() {
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let configuration = local_file(&testbed, work.path());
    let (_service, diset, https) = service(&testbed, work.path(), &configuration);

    run_tests(&testbed, &diset, &https, &["tests/test_identities.py"]);
}
