//! The real DIRAC client against the service, over DISET and HTTPS: with users from a file, and
//! from DIRAC's own Configuration server. The tests themselves are in `python/tests`.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

#[path = "common/dirac.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod dirac;

use std::{path::Path, process::Command};

use dirac::{configuration_server, local_file, root, service, testbed};

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

    // Those of the FileCatalog need a database of their own.
    let others = ["--ignore=tests/test_catalogue_commands.py"];
    run_tests(&testbed, &diset, &https, &others);
}

#[test]
fn the_dirac_client_works_with_users_from_a_file() {
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let configuration = local_file(&testbed, work.path());
    let (_service, diset, https) = service(&testbed, work.path(), &configuration);

    run_tests(&testbed, &diset, &https, &["tests/test_identities.py"]);
}
