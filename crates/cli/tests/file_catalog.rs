//! DIRAC's FileCatalog and ours, called alike by the real client.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

#[path = "common/dirac.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod dirac;

use dirac::{file_catalog, local_file, python, root, service_on, testbed};
use sbk_testkit::{Backend, TestDatabase};

/// How many sequences of calls are compared, where `cargo xtask differential` does not say how long.
const SEQUENCES: u32 = 10;

/// Compares the two under a security model of ours; the reference has these managers.
fn compare(managers: &[&str], model: &str, seed: u32, more: &[&str]) {
    let Some(database) = TestDatabase::create_if_selected(Backend::MariaDb) else { return };
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let (_theirs, reference) = file_catalog(&testbed, work.path(), &tcp(database.url()), managers);
    let configuration = local_file(&testbed, work.path());
    let ours = format!("sqlite:{}/sbk.db", work.path().display());
    let settings = format!("[file_catalog]\nsecurity = '{model}'\nunique_guid = true\n");
    let (_ours, diset, _) = service_on(&testbed, work.path(), &configuration, &ours, &settings);
    let subject = diset.replace("Bookkeeping/SBK", "DataManagement/FileCatalog");

    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let seed = variable("SBK_DIFFERENTIAL_SEED").unwrap_or_else(|| seed.to_string());
    let minutes = variable("SBK_DIFFERENTIAL_MINUTES");
    let sequences = SEQUENCES.to_string();
    let (length, of_length) = match &minutes {
        Some(minutes) => ("--minutes", minutes),
        None => ("--sequences", &sequences),
    };
    let arguments = [
        "testbed/differential.py",
        "--reference",
        &reference,
        "--subject",
        &subject,
        "--seed",
        &seed,
        length,
        of_length,
    ];
    let done = python(&testbed, &[&arguments[..], more].concat()).status().unwrap();

    assert!(done.success(), "the two catalogues differ");
}

/// The address without what only our own driver understands.
fn tcp(url: &str) -> String {
    url.split('?').next().unwrap_or(url).to_owned()
}

#[test]
fn both_answer_alike_under_voms() {
    compare(&["--security", "VOMSSecurityManager"], "voms", 1, &[]);
}

#[test]
fn both_answer_alike_without_security() {
    compare(&["--security", "NoSecurityManager"], "none", 1001, &[]);
}

#[test]
fn both_answer_alike_by_directory() {
    compare(&["--security", "DirectorySecurityManager"], "directory", 2001, &[]);
}

#[test]
fn both_find_the_same_by_metadata() {
    // With the directory manager that answers such queries.
    let managers = [
        "--security",
        "NoSecurityManager",
        "--directories",
        "DirectoryLevelTree",
        "--files",
        "FileManager",
    ];
    compare(&managers, "none", 3001, &["--metadata"]);
}

#[test]
fn the_command_lines_of_dirac_work() {
    let Some(database) = TestDatabase::create_if_selected(Backend::MariaDb) else { return };
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let configuration = local_file(&testbed, work.path());
    let ours = format!("sqlite:{}/sbk.db", work.path().display());
    let (_service, diset, https) = service_on(&testbed, work.path(), &configuration, &ours, "");

    let done = std::process::Command::new(root().join("python/run-tests.sh"))
        .args(["-q", "--durations=5", "tests/test_catalogue_commands.py"])
        .env("SBK_TESTBED", &testbed)
        .env("SBK_TEST_DIPS", diset)
        .env("SBK_TEST_HTTPS", https)
        .env("SBK_TEST_STATUS_DATABASE", tcp(database.url()))
        .status()
        .unwrap();

    assert!(done.success(), "tests of DIRAC's command lines failed");
}
