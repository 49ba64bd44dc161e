//! Steps, passes and productions on the command line.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::Sbk;
use tempfile::TempDir;

/// A community with some raw files and a dataset.
fn filled() -> (TempDir, Sbk) {
    let directory = tempfile::tempdir().expect("the temporary directory is writable");
    let sbk = Sbk::on_database(&format!("sqlite:{}", directory.path().join("t.db").display()));
    sbk.ok(&["community", "declare", "superb"]);
    sbk.ok(&["dataset", "create", "raw", "--vo", "superb"]);
    let line = |n| format!("{{\"lfn\": \"/superb/raw/{n}\", \"size\": 1, \"events\": 10}}\n");
    let lines: String = (0..5).map(line).collect();
    let add = ["file", "add", "--from", "-", "--vo", "superb", "--dataset", "raw"];
    assert_eq!(sbk.run_with(&add, lines.as_bytes()).code, 0);
    (directory, sbk)
}

#[test]
fn a_step_gets_a_version_when_a_used_one_changes() {
    let (_directory, sbk) = filled();
    let declare = ["step", "declare", "Reco", "--vo", "superb", "--application", "Brunel"];

    let first = sbk.ok(&declare);
    sbk.ok(&["pass", "declare", "Reco12", "Reco", "--vo", "superb"]);
    let second = sbk.ok(&[&declare[..], &["--app-version", "v2"]].concat());
    let shown = sbk.json(&["step", "show", "Reco@1"]);
    let listed = sbk.ok(&["step", "list"]);
    let passes = sbk.ok(&["pass", "list", "--plain"]);

    assert_eq!((first.trim(), second.trim()), ("Reco@1: added", "Reco@2: added"));
    assert_eq!(shown["versions"].as_array().unwrap().len(), 2);
    assert_eq!(shown["used"], true);
    assert!(listed.contains("Brunel"), "{listed}");
    assert!(passes.contains("Reco@1"), "{passes}");
}

#[test]
fn a_production_is_followed_from_its_creation_to_its_end() {
    let (_directory, sbk) = filled();
    sbk.ok(&[
        "production",
        "create",
        "p",
        "--vo",
        "superb",
        "--kind",
        "processing",
        "--dataset",
        "raw",
        "--per-task",
        "2",
    ]);

    let extended = sbk.ok(&["production", "extend", "p", "--flush"]);
    let taken = sbk.json(&["production", "take", "p", "--limit", "2", "--key", "w1"]);
    let again = sbk.json(&["production", "take", "p", "--limit", "2", "--key", "w1"]);
    let failed = sbk.ok(&["production", "task-state", "p", "failed", "1", "--reason", "disk full"]);
    let table = sbk.ok(&["production", "tasks", "p"]);
    let missing = sbk.ok(&["production", "missing", "p", "--reason", "failed", "--plain"]);
    let summary = sbk.json(&["production", "missing", "p", "--summary"]);
    let reset = sbk.ok(&["production", "reset", "p", "--reason", "the disk is back"]);
    let progress = sbk.json(&["production", "progress", "p"]);
    sbk.ok(&["production", "close", "p", "--reason", "enough"]);
    let closed = sbk.run(&["production", "take", "p"]);
    sbk.ok(&["production", "archive", "p", "--reason", "published"]);
    let listed = sbk.json(&["production", "list"]);

    assert_eq!(extended.trim(), "5 files looked at, 5 new inputs, 3 tasks made");
    assert_eq!(taken, again);
    assert_eq!(taken["tasks"][0]["inputs"].as_array().unwrap().len(), 2);
    assert!(failed.contains('1'), "{failed}");
    assert!(table.contains("disk full"), "{table}");
    assert_eq!(missing.lines().count(), 2);
    assert_eq!((summary["inputs"].clone(), summary["good"].clone()), (5.into(), 0.into()));
    assert_eq!(reset.trim(), "1 task can be taken again");
    assert_eq!(progress["tasks"]["created"], 2);
    assert_ne!(closed.code, 0);
    assert!(closed.errors.contains("hands no tasks out"), "{}", closed.errors);
    assert_eq!(listed.as_array().unwrap().len(), 0);
}
