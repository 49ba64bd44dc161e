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

/// The managers of DIRAC that find files by metadata from any directory.
const TREE: &[&str] = &[
    "--security",
    "NoSecurityManager",
    "--directories",
    "DirectoryLevelTree",
    "--files",
    "FileManager",
];

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
    let length = match &minutes {
        Some(minutes) => ["--minutes", minutes],
        None => ["--sequences", &sequences],
    };
    call_both(&testbed, &reference, &subject, &[&["--seed", &seed], &length[..], more].concat());
}

/// Sends sequences of calls to both.
fn call_both(testbed: &std::path::Path, reference: &str, subject: &str, more: &[&str]) {
    let arguments = ["testbed/differential.py", "--reference", reference, "--subject", subject];
    let done = python(testbed, &[&arguments[..], more].concat()).status().unwrap();
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
    compare(TREE, "none", 3001, &["--metadata"]);
}

#[test]
fn both_have_the_same_datasets() {
    compare(TREE, "none", 4001, &["--datasets"]);
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

/// Fills a catalogue through the real client.
fn populate(testbed: &std::path::Path, url: &str, more: &[&str]) {
    let files = std::env::var("SBK_MIGRATED_FILES").unwrap_or_else(|_| "1000".into());
    let arguments = ["testbed/populate.py", "--url", url, "--files", &files];
    let done = python(testbed, &[&arguments[..], more].concat()).status().unwrap();
    assert!(done.success(), "the catalogue could not be filled");
}

/// Asks two catalogues the same about what the first has.
fn ask_both(testbed: &std::path::Path, work: &std::path::Path, old: &str, new: &str) {
    let arguments = ["-c", COMPARE, old, new, work.to_str().unwrap()];
    let done =
        python(testbed, &arguments).env("PYTHONPATH", "testbed:python/src").status().unwrap();
    assert!(done.success(), "the two catalogues answer differently");
}

/// What `dirac-sbk-compare-catalogs` does, as a client of the testbed.
const COMPARE: &str = r"
import os, sys
from pathlib import Path
import config
old, new, place = sys.argv[1:]
settings = config.write(Path(place) / 'compare.cfg', config.local(new))
os.environ |= config.environment('admin', settings)
from DIRAC.Core.Base.Script import Script
Script.disableCS()
Script.localCfg.disableParsingCommandLine()
Script.initialize(ignoreErrors=True)
from SBKDIRAC.BookkeepingSystem.Client.CatalogComparison import CatalogComparison
outcome = CatalogComparison(old, new).run(300)
print(*outcome.differences[:10], sep='\n')
print(outcome.files, 'files', outcome.calls.total(), 'calls', outcome.faults)
sys.exit(bool(outcome.differences) or outcome.files < 100)
";

/// Runs `sbk import dfc`, and gives what it did as JSON.
fn import(from: &str, database: &str) -> serde_json::Value {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_sbk"))
        .args(["import", "dfc", "--from", from, "--vo", "sbkvo", "--json", "--database", database])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout);
    serde_json::from_str(&text).unwrap_or_else(|_| {
        panic!("{text}\n{}", String::from_utf8_lossy(&done.stderr));
    })
}

/// A catalogue of DIRAC is filled, taken over, and asked the same as ours.
fn take_over(managers: &[&str], more: &[&str], mode: &[&str]) {
    let Some(database) = TestDatabase::create_if_selected(Backend::MariaDb) else { return };
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let from = tcp(database.url());
    let (_theirs, reference) = file_catalog(&testbed, work.path(), &from, managers);
    populate(&testbed, &reference, more);

    let ours = format!("sqlite:{}/sbk.db", work.path().display());
    let report = import(&from, &ours);
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= 7, "{report}");
    for check in checks {
        assert_eq!(check["source"], check["here"], "{check}");
    }
    assert_eq!(report["refused"], serde_json::json!([]), "{report}");
    let again = import(&from, &ours);
    assert_eq!(again["done"]["files"]["added"], 0);
    assert_eq!(again["done"]["files"]["unchanged"], report["done"]["files"]["added"]);
    assert_eq!(again["refused"], serde_json::json!([]), "{again}");

    let configuration = local_file(&testbed, work.path());
    let settings = "[file_catalog]\nsecurity = 'none'\nunique_guid = true\n";
    let (_ours, diset, _) = service_on(&testbed, work.path(), &configuration, &ours, settings);
    let subject = diset.replace("Bookkeeping/SBK", "DataManagement/FileCatalog");
    ask_both(&testbed, work.path(), &reference, &subject);
    // From there both go on alike.
    call_both(
        &testbed,
        &reference,
        &subject,
        &[&["--seed", "5001", "--sequences", "3"], mode].concat(),
    );
}

#[test]
fn a_catalogue_with_a_tree_is_taken_over() {
    take_over(TREE, &["--datasets"], &["--datasets"]);
}

#[test]
fn a_catalogue_with_a_closure_is_taken_over() {
    take_over(&["--security", "NoSecurityManager"], &[], &[]);
}

#[test]
fn a_catalogue_in_the_shadow_gets_each_call() {
    let Some(database) = TestDatabase::create_if_selected(Backend::MariaDb) else { return };
    let testbed = testbed();
    let work = tempfile::tempdir().unwrap();
    let managers = ["--security", "NoSecurityManager"];
    let from = tcp(database.url());
    let (theirs, reference) = file_catalog(&testbed, work.path(), &from, &managers);
    let configuration = local_file(&testbed, work.path());
    let ours = format!("sqlite:{}/sbk.db", work.path().display());
    let settings =
        format!("[file_catalog]\nsecurity = 'none'\n[file_catalog.shadow]\nurl = '{reference}'\n");
    let (_ours, diset, _) = service_on(&testbed, work.path(), &configuration, &ours, &settings);
    let subject = diset.replace("Bookkeeping/SBK", "DataManagement/FileCatalog");

    // What is written through us is in both, as the users whose calls they were.
    populate(&testbed, &subject, &[]);
    ask_both(&testbed, work.path(), &reference, &subject);
    let report = import(&from, &ours);
    assert_eq!(report["done"]["files"]["added"], 0, "{report}");
    for check in report["checks"].as_array().unwrap() {
        assert_eq!(check["source"], check["here"], "{check}");
    }

    // Without the old one, whose answers count, nothing is written here alone.
    drop(theirs);
    let failing = python(&testbed, &["testbed/populate.py", "--url", &subject]).status().unwrap();
    assert!(!failing.success());
}
