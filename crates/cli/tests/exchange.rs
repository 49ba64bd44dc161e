//! Exports and imports on every backend, and between them.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::Sbk;
use sbk_testkit::{Backend, TestDatabase, each_backend};
use serde_json::{Value, json};

/// A record of the portal with its files.
const RECORDS: &str = "tests/data/open-data.json";

/// Fields of files and directories.
const SCHEMA: &str = r#"
version = 1

[[field]]
name = "energy"
entity = "file"
kind = "float"
unit = "GeV"
searchable = true

[[field]]
name = "generator"
entity = "directory"
kind = "string"
"#;

fn records() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDS)
}

/// Fills a database with one of everything that an export has.
fn fill(sbk: &Sbk) {
    let schema = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(schema.path(), SCHEMA).unwrap();
    sbk.ok(&["community", "declare", "superb"]);
    sbk.ok(&["schema", "apply", schema.path().to_str().unwrap(), "--vo", "superb"]);
    sbk.ok(&["se", "add", "CNAF-disk", "--site", "LCG.CNAF.it", "--pfn-prefix", "root://host/"]);
    sbk.ok(&["dir", "create", "/superb/é b", "--vo", "superb", "--owner", "bob", "--mode", "0750"]);
    sbk.ok(&["dir", "set", "/superb", "--field", "generator=pythia \u{1d6b2}"]);
    sbk.ok(&["dataset", "create", "/raw data/É", "--vo", "superb", "--parent", "not yet there"]);
    for (name, more) in [("a", ""), ("B", ""), ("b", "--type=RAW"), ("b ", "--events=0")] {
        let lfn = format!("/superb/é b/{name}");
        let [size, energy] = ["--size=562949953421312", "--field=energy=91.25"];
        let file = ["file", "add", &lfn, size, "--vo=superb", "--dataset=/raw data/É", energy];
        let place = ["--se=CNAF-disk", "--checksum=adler32:1a2b", "--checksum=sha256:AB"];
        let more: &[&str] = if more.is_empty() { &[] } else { &[more] };
        sbk.ok(&[&file[..], &place, more].concat());
    }
    sbk.ok(&["dataset", "freeze", "/raw data/É", "--snapshot-only"]);
    sbk.ok(&["file", "retire", "/superb/é b/a", "--reason", "a trial"]);
    sbk.ok(&["replica", "status", "CNAF-disk", "bad", "/superb/é b/b"]);
    sbk.ok(&["dataset", "freeze", "/raw data/É"]);
}

/// Exports from one backend, imports into another, and exports again.
fn exchange(from: Backend, to: Backend) {
    let databases = [from, to].map(TestDatabase::create_if_selected);
    let [Some(from), Some(to)] = databases else { return };
    let source = Sbk::on_database(from.url());
    fill(&source);
    let target = Sbk::on_database(to.url());

    let exported = source.ok(&["export", "ndjson"]);
    let imported = target.run_with(&["import", "ndjson", "-"], exported.as_bytes());
    let again = target.run_with(&["import", "ndjson", "-", "--json"], exported.as_bytes());

    assert_eq!(imported.code, 0, "{}", imported.errors);
    similar(&target.ok(&["export", "ndjson"]), &exported);
    let again: Value = serde_json::from_str(&again.text).unwrap();
    assert_eq!((&again["added"], &again["changed"]), (&json!(0), &json!(0)));
    assert_eq!(target.json(&["verify", "totals"])["wrong"], json!([]));
}

/// Fails at the first line that differs.
fn similar(left: &str, right: &str) {
    for (left, right) in left.lines().zip(right.lines()) {
        assert_eq!(left, right);
    }
    assert_eq!(left, right);
}

macro_rules! exchanges {
    ($($name:ident: $from:ident to $to:ident;)+) => {
        mod an_export_can_be_imported_anywhere {
            $(
                #[test]
                fn $name() {
                    super::exchange(super::Backend::$from, super::Backend::$to);
                }
            )+
        }
    };
}

exchanges! {
    sqlite_to_sqlite: Sqlite to Sqlite;
    sqlite_to_postgres: Sqlite to Postgres;
    sqlite_to_mariadb: Sqlite to MariaDb;
    postgres_to_sqlite: Postgres to Sqlite;
    postgres_to_postgres: Postgres to Postgres;
    postgres_to_mariadb: Postgres to MariaDb;
    mariadb_to_sqlite: MariaDb to Sqlite;
    mariadb_to_postgres: MariaDb to Postgres;
    mariadb_to_mariadb: MariaDb to MariaDb;
}

each_backend! {
    async fn a_second_import_of_open_data_changes_nothing(database: TestDatabase) {
        let sbk = Sbk::on_database(database.url());
        let records = records();
        let import = ["import", "cern-open-data", records.to_str().unwrap(), "--vo", "delphi"];

        let first = sbk.run(&[&import[..], &["--json"]].concat());
        let second = sbk.run(&import);

        let report: Value = serde_json::from_str(&first.text).unwrap();
        assert_eq!(first.code, 7, "a file of the fixture has a bad checksum");
        assert_eq!((&report["datasets"], &report["files"]), (&json!(3), &json!(3)));
        assert_eq!((&report["bytes"], &report["events"]), (&json!(60), &json!(100)));
        assert_eq!(report["added"], json!({"datasets": 3, "files": 3}));
        assert_eq!(report["declared_only"], 1);
        assert_eq!(report["documents"], 1);
        assert_eq!(report["skipped"][0]["recid"], 4);
        assert_eq!(
            report["differences"],
            json!([{"dataset": "DELPHI raw", "what": "bytes", "declared": 31, "listed": 30}])
        );
        assert_eq!(report["refused"].as_array().unwrap().len(), 1);
        assert!(second.text.contains("nothing changed"), "{}", second.text);
    }

    async fn open_data_is_found_by_its_metadata_and_lineage(database: TestDatabase) {
        let sbk = Sbk::on_database(database.url());
        let records = records();

        sbk.run(&["import", "cern-open-data", records.to_str().unwrap(), "--vo", "delphi"]);
        let found = sbk.json(&["dataset", "list", "energy > 89 GeV and experiment = DELPHI"]);
        let raw = sbk.json(&["dataset", "show", "DELPHI raw"]);
        let simulated = sbk.json(&["dataset", "show", "CMS simulated"]);

        assert_eq!(found.as_array().unwrap().len(), 2);
        assert_eq!(raw["unattributed_events"], 100);
        assert_eq!((&raw["events"], &raw["files"]), (&json!(100), &json!(2)));
        assert_eq!(simulated["parents"], json!(["/gen/parent"]));
        assert_eq!(simulated["events"], 0);
    }
}
