//! The program as a whole: what it writes, and the exit codes that scripts rely on.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};

use common::{Sbk, Server};
use serde_json::json;
use tempfile::TempDir;

/// Files of a community, with a storage element and a dataset.
fn filled(files: usize) -> (TempDir, Sbk) {
    let directory = tempfile::tempdir().expect("the temporary directory is writable");
    let sbk = Sbk::on_database(&database(&directory));
    fill(&sbk, files);
    (directory, sbk)
}

fn database(directory: &TempDir) -> String {
    format!("sqlite:{}", directory.path().join("t.db").display())
}

fn fill(sbk: &Sbk, files: usize) {
    sbk.ok(&["community", "declare", "superb"]);
    sbk.ok(&["se", "add", "CNAF-disk", "--pfn-prefix", "root://host/"]);
    sbk.ok(&["dataset", "create", "raw", "--vo", "superb", "--declared-files", "7"]);
    let line =
        |n| format!("{{\"lfn\": \"/superb/run/{n:05}\", \"size\": 1048576, \"events\": 10}}\n");
    let lines: String = (0..files).map(line).collect();
    let add = ["file", "add", "--from", "-", "--vo", "superb", "--dataset", "raw"];
    let answer = sbk.run_with(&add, lines.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.errors);
}

#[test]
fn people_read_tables_with_readable_numbers() {
    let (_directory, sbk) = filled(1200);

    let table = sbk.ok(&["dataset", "list"]);

    let expected = "DATASET  STATUS       FILES      SIZE  EVENTS  COMMUNITY\n\
                    raw      open    1,200 of 7  1.17 GiB  12,000  superb\n";
    assert_eq!(table, expected);
}

#[test]
fn programs_read_all_pages_as_one_array_or_as_lines() {
    let (_directory, sbk) = filled(2500);

    let array = sbk.json(&["dataset", "files", "raw"]);
    let names = sbk.ok(&["query", "size > 0", "--plain"]);
    let lines = sbk.ok(&["query", "size > 0", "--ndjson"]);

    assert_eq!(array.as_array().unwrap().len(), 2500);
    assert_eq!(names.lines().count(), 2500);
    assert!(names.lines().all(|name| name.starts_with("/superb/run/") && name.len() == 17));
    assert_eq!(lines.lines().count(), 2500);
}

#[test]
fn a_dataset_shows_what_it_holds_beside_what_was_declared() {
    let (_directory, sbk) = filled(3);

    let dataset = sbk.json(&["dataset", "show", "raw", "--vo", "superb"]);

    assert_eq!(dataset["name"], "raw");
    assert_eq!(dataset["status"], "open");
    assert_eq!(dataset["files"], 3);
    assert_eq!(dataset["bytes"], 3 << 20);
    assert_eq!(dataset["events"], 30);
    assert_eq!(dataset["declared"], json!({"files": 7}));
    assert_eq!(dataset["parents"], json!([]));
    assert_eq!(dataset["metadata"], json!({}));
}

#[test]
fn a_query_counts_limits_and_explains() {
    let (_directory, sbk) = filled(20);

    let totals = sbk.json(&["query", "size > 0", "--count"]);
    let some = sbk.ok(&["query", "--where", r#"{"size": {">": 0}}"#, "--limit", "3", "--plain"]);
    let explanation = sbk.json(&["query", "size > 0", "--explain"]);

    assert_eq!(totals, json!({"files": 20, "bytes": 20 << 20, "events": 200}));
    assert_eq!(some.lines().count(), 3);
    assert!(explanation["plan"].is_array());
}

#[test]
fn the_exit_code_tells_the_kind_of_failure() {
    let (_directory, sbk) = filled(1);
    let cases: [(&[&str], i32); 6] = [
        (&["dataset", "list", "no such command", "really"], 2),
        (&["file", "show", "not/absolute"], 2),
        (&["query", "siz > 0"], 2),
        (&["file", "show", "/superb/none"], 3),
        (&["file", "find", "/superb/run/00000", "/superb/none"], 3),
        (&["file", "add", "/superb/run/00000", "--size", "5", "--vo", "superb"], 7),
    ];
    for (arguments, code) in cases {
        let answer = sbk.run(arguments);

        assert_eq!(answer.code, code, "{arguments:?}: {}", answer.errors);
        assert!(!answer.errors.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_server_that_is_away_has_its_own_exit_code() {
    let mut command = Sbk::on_server("http://127.0.0.1:1").command(&["community", "list"]);

    let output = command.output().unwrap();

    assert_eq!(output.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&output.stderr).contains("http://127.0.0.1:1"));
}

#[test]
fn a_wrong_query_is_shown_with_a_picture() {
    let (_directory, sbk) = filled(1);

    let answer = sbk.run(&["query", "siz > 0"]);

    assert!(answer.errors.contains("\n  | siz > 0\n  | ^^^"), "{}", answer.errors);
}

#[test]
fn a_reader_that_has_enough_ends_the_program_quietly() {
    let (_directory, sbk) = filled(5000);
    let mut command = sbk.command(&["query", "size > 0", "--ndjson"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = child.wait_with_output().unwrap();

    assert!(line.starts_with('{'));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_server_makes_its_tables_and_answers_as_the_database_does() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(&database(&directory));
    let remote = Sbk::on_server(&server.url);
    let local = Sbk::on_empty_database(&database(&directory));
    fill(&remote, 1200);

    for arguments in [
        &["dataset", "show", "raw"][..],
        &["dataset", "files", "raw"],
        &["query", "size > 0 order by lfn"],
        &["se", "list"],
        &["dir", "show", "/superb"],
    ] {
        assert_eq!(remote.json(arguments), local.json(arguments), "{arguments:?}");
    }
    assert_eq!(remote.run(&["file", "show", "/superb/none"]).code, 3);
}

#[test]
fn a_database_without_tables_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let sbk = Sbk::on_empty_database(&database(&directory));

    let answer = sbk.run(&["community", "list"]);

    assert_eq!(answer.code, 4);
    assert!(answer.errors.contains("sbk db migrate"), "{}", answer.errors);
}

#[test]
fn directories_are_moved_and_removed_to_the_end() {
    let (_directory, sbk) = filled(2100);

    sbk.ok(&["dir", "move", "/superb/run", "/superb/moved"]);
    sbk.ok(&["dir", "chown", "bob:users", "/superb", "-R"]);
    let moved = sbk.json(&["dir", "show", "/superb/moved"]);
    let removed = sbk.json(&["dir", "remove", "/superb/moved", "-r", "--reason", "a trial"]);
    let totals = sbk.json(&["verify", "totals"]);

    assert_eq!((&moved["files"], &moved["owner"]), (&json!(2100), &json!("bob")));
    assert_eq!((&removed["files"], &removed["done"]), (&json!(2100), &json!(true)));
    assert_eq!(totals["wrong"], json!([]));
}

#[test]
fn files_are_retired_after_a_preview_and_restored() {
    let (_directory, sbk) = filled(3);
    let name = "/superb/run/00001";

    let preview = sbk.json(&["file", "retire", name, "--reason", "a trial", "--preview"]);
    let before = sbk.json(&["dataset", "show", "raw"]);
    sbk.ok(&["file", "retire", name, "--reason", "a trial", "--grace", "7d"]);
    let after = sbk.json(&["dataset", "show", "raw"]);
    sbk.ok(&["file", "restore", name, "--reason", "needed after all"]);
    let again = sbk.json(&["dataset", "show", "raw"]);

    assert_eq!(preview["datasets"][0], json!({"dataset": "raw", "files": 1}));
    assert_eq!(
        (&before["files"], &after["files"], &again["files"]),
        (&json!(3), &json!(2), &json!(3))
    );
}

#[test]
fn a_dataset_is_frozen_and_its_snapshots_are_compared() {
    let (_directory, sbk) = filled(3);

    sbk.ok(&["dataset", "freeze", "raw", "--snapshot-only"]);
    sbk.ok(&["dataset", "remove-files", "raw", "/superb/run/00000"]);
    sbk.ok(&["dataset", "freeze", "raw"]);
    let differences = sbk.ok(&["dataset", "compare", "raw", "1", "2", "--plain"]);
    let status = sbk.json(&["dataset", "show", "raw"])["status"].clone();

    assert_eq!(differences, "removed\t/superb/run/00000\n");
    assert_eq!(status, "frozen");
}

#[test]
fn a_schema_is_tried_applied_and_used() {
    let (directory, sbk) = filled(2);
    let schema = directory.path().join("schema.toml");
    let text = "version = 1\n\n[[field]]\nname = \"run\"\nentity = \"file\"\nkind = \"int\"\n\
                searchable = true\n";
    std::fs::write(&schema, text).unwrap();
    let schema = schema.to_str().unwrap();

    let plan = sbk.json(&["schema", "apply", schema, "--vo", "superb", "--dry-run"]);
    let applied = sbk.json(&["schema", "apply", schema, "--vo", "superb"]);
    sbk.ok(&["file", "set", "/superb/run/00001", "--field", "run=5"]);
    let found = sbk.ok(&["query", "run = 5", "--plain"]);

    assert_eq!((&plan["applied"], &applied["applied"]), (&json!(false), &json!(true)));
    assert_eq!(found, "/superb/run/00001\n");
}

#[test]
fn an_export_in_a_compressed_file_can_be_imported() {
    let (directory, sbk) = filled(1200);
    let file = directory.path().join("all.ndjson.gz");
    let file = file.to_str().unwrap();
    let other = Sbk::on_database(&format!("sqlite:{}", directory.path().join("o.db").display()));

    let exported = sbk.json(&["export", "ndjson", "-o", file]);
    let imported = other.json(&["import", "ndjson", file]);

    assert_eq!(exported["records"], imported["added"]);
    assert_eq!(std::fs::read(file).unwrap()[..2], [0x1f, 0x8b]);
    assert_eq!(other.ok(&["export", "ndjson"]), sbk.ok(&["export", "ndjson"]));
}

#[test]
fn a_wrong_line_of_an_import_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let sbk = Sbk::on_database(&database(&directory));
    let lines = b"{\"record\": \"site\", \"name\": \"CNAF\"}\n\n{\"record\": \"sight\"}\n";

    let answer = sbk.run_with(&["import", "ndjson", "-"], lines);

    assert_eq!(answer.code, 2);
    assert!(answer.errors.contains("line 3: "), "{}", answer.errors);
}

#[test]
fn the_sample_configuration_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let sbk = Sbk::on_empty_database(&database(&directory));
    let file = directory.path().join("sbk.toml");
    std::fs::write(&file, sbk.ok(&["config", "sample"])).unwrap();

    let answer = sbk.run(&["db", "migrate", "--config", file.to_str().unwrap()]);

    assert_eq!(answer.code, 0, "{}", answer.errors);
    assert!(sbk.ok(&["completions", "bash"]).contains("_sbk"));
}
