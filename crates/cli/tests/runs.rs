//! Runs, luminosity, quality and conditions on the command line.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::Sbk;
use serde_json::json;
use tempfile::TempDir;

/// A community with a dataset of one file and two runs of 100 sections with 1 /nb each.
fn filled() -> (TempDir, Sbk) {
    let directory = tempfile::tempdir().expect("the temporary directory is writable");
    let sbk = Sbk::on_database(&format!("sqlite:{}", directory.path().join("t.db").display()));
    sbk.ok(&["community", "declare", "superb"]);
    sbk.ok(&["dataset", "create", "raw", "--vo", "superb"]);
    let file = br#"{"lfn": "/superb/a", "size": 1}"#;
    with(&sbk, &["file", "add", "--from", "-", "--vo", "superb", "--dataset", "raw"], file);
    let runs = br#"{"run": 98, "fill": 7, "sections": [[1, 100]]}
                   {"run": 99, "sections": [[1, 100]]}"#;
    with(&sbk, &["run", "declare", "-", "--vo", "superb"], runs);
    let line = |run: u32| json!({ "run": run, "recorded": vec![1.0; 100] }).to_string();
    let lines = format!("{}\n{}\n", line(98), line(99));
    let set = ["run", "set-luminosity", "-", "--vo", "superb", "--unit", "/nb"];
    with(&sbk, &set, lines.as_bytes());
    let sections = br#"{"/superb/a": {"98": [[1, 10]], "99": [[5, 5]]}}"#;
    with(&sbk, &["run", "set-sections", "-"], sections);
    (directory, sbk)
}

/// Runs a command that succeeds, with a text as its standard input.
fn with(sbk: &Sbk, arguments: &[&str], input: &[u8]) -> String {
    let answer = sbk.run_with(arguments, input);
    assert_eq!(answer.code, 0, "{arguments:?}: {}{}", answer.text, answer.errors);
    answer.text
}

#[test]
fn the_luminosity_of_a_dataset_is_one_command() {
    let (_directory, sbk) = filled();

    let people =
        sbk.ok(&["run", "luminosity", "--dataset", "raw", "--unit", "/nb", "--vo", "superb"]);
    let programs = sbk.json(&["run", "luminosity", "--runs", "98-99", "--vo", "superb"]);

    assert!(people.contains("recorded  "), "{people}");
    assert!(people.contains("11 /nb"), "{people}");
    assert_eq!((&programs["recorded"], &programs["unit"]), (&json!(0.2), &json!("pb-1")));
    let list = sbk.ok(&["run", "list", "--fill", "7", "--unit", "/nb"]);
    assert!(list.lines().nth(1).unwrap().starts_with("98 "), "{list}");
    assert!(list.contains("unchecked"), "{list}");
}

#[test]
fn masks_go_in_and_out_as_json() {
    let (directory, sbk) = filled();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();

    let done = sbk.ok(&["run", "mask", "--dataset", "raw", "--vo", "superb", "--ndjson"]);
    fs::write(path("done.json"), &done).unwrap();
    fs::write(path("golden.json"), r#"{"98": [[1, 50]], "99": [[1, 5]]}"#).unwrap();
    let (golden, done_path) = (path("golden.json"), path("done.json"));
    let left = sbk.json(&["run", "combine", "sub", &golden, &done_path, "--vo", "superb"]);

    assert_eq!(done.trim(), r#"{"98":[[1,10]],"99":[[5,5]]}"#);
    assert_eq!(left, json!({ "98": [[11, 50]], "99": [[1, 4]] }));
    let sections = sbk.json(&["run", "sections", "/superb/a"]);
    assert_eq!(sections["/superb/a"]["99"], json!([[5, 5]]));
}

#[test]
fn quality_is_previewed_set_and_explained() {
    let (_directory, sbk) = filled();
    let set = ["quality", "set", "bad", "--run", "98", "--descendants", "--reason", "noise"];
    let vo = ["--vo", "superb"];

    let preview = sbk.ok(&[&set[..], &vo, &["--preview"]].concat());
    let before = sbk.json(&[&["quality", "show", "--lfn", "/superb/a"][..], &vo].concat());
    sbk.ok(&[&set[..], &vo].concat());
    let after = sbk.ok(&[&["quality", "show", "--lfn", "/superb/a"][..], &vo].concat());
    let history = sbk.json(&[&["quality", "history", "--lfn", "/superb/a"][..], &vo].concat());

    assert!(preview.contains("/superb/a  unchecked -> bad"), "{preview}");
    assert!(preview.contains("nothing was changed"), "{preview}");
    assert_eq!(before[0]["quality"], "unchecked");
    assert!(after.contains("bad") && after.contains("passed on"), "{after}");
    assert_eq!(history[0]["origin"], "run 98");
}

#[test]
fn conditions_software_and_frames_are_declared_and_listed() {
    let (_directory, sbk) = filled();
    let vo = ["--vo", "superb"];
    let declare = |what: &str, line: &str| {
        with(&sbk, &[what, "declare", "-", "--vo", "superb"], line.as_bytes());
    };

    declare("event-type", r#"{"name": "90000000", "description": "no bias"}"#);
    declare(
        "condition",
        r#"{"name": "Sim10", "kind": "simulation", "parameters": {"dg": "DG_4"}}"#,
    );
    declare("software", r#"{"application": "FastSim", "version": "V1"}"#);
    declare("background", r#"{"series": "2010", "directory": "/superb/bkg", "valid": true}"#);
    let at = ["--site", "CNAF", "--vo", "superb"];
    sbk.ok(&[&["software", "install", "FastSim", "V1", "--activity", "fastsim"][..], &at].concat());
    sbk.ok(&[&["background", "hold", "2010", "/superb/bkg"][..], &at].concat());

    assert!(sbk.ok(&[&["event-type", "list"][..], &vo].concat()).contains("no bias"));
    assert!(sbk.ok(&[&["condition", "list"][..], &vo].concat()).contains("dg=DG_4"));
    assert!(sbk.ok(&["software", "list", "--site", "CNAF"]).contains("CNAF (fastsim)"));
    assert!(sbk.ok(&["background", "list", "--site", "CNAF"]).contains("/superb/bkg"));
}
