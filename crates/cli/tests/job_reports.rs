//! Job reports from files, on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;

use common::Sbk;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

const SUMMARY: &str = "<summary><success>True</success><step>finalize</step>\
    <input><file GUID='' name='LFN:/superb/1.raw' status='full'>20</file></input>\
    <output><file GUID='' name='PFN:1.dst' status='full'>10</file></output></summary>";

fn sbk(database: &TestDatabase) -> Sbk {
    let sbk = Sbk::on_database(database.url());
    sbk.ok(&["community", "declare", "superb"]);
    sbk.ok(&["se", "add", "CNAF-disk", "--site", "LCG.CNAF.it"]);
    sbk
}

/// A folder with reports of every format; one cannot be read.
fn fill(folder: &Path) {
    let formats = Path::new(env!("CARGO_MANIFEST_DIR")).join("../formats/tests/data");
    for name in ["lhcb-step1.xml", "lhcb-step2.xml", "lhcb-step3.xml", "bulk-block.json"] {
        std::fs::copy(formats.join(name), folder.join(name)).unwrap();
    }
    let below = folder.join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(below.join("summaryBrunel_00012448_00013484_1.xml"), SUMMARY).unwrap();
    let part = SUMMARY.replace("status='full'>20", "status='part'>20");
    std::fs::write(below.join("summaryBrunel_00012448_00013485_1.xml"), part).unwrap();
    std::fs::write(below.join("summaryBrunel_00012448_00013486_1.xml"), "").unwrap();
    let lines = "{\"name\": \"one\"}\n{\"name\": \"two\"}\n";
    std::fs::write(below.join("plain.ndjson"), lines).unwrap();
    std::fs::write(below.join("notes.txt"), "not a report").unwrap();
}

each_backend! {
    async fn a_folder_is_imported_file_by_file_and_again_without_a_change(
        database: TestDatabase
    ) {
        let sbk = sbk(&database);
        let folder = tempfile::tempdir().unwrap();
        fill(folder.path());
        let import = ["import", "job-reports", folder.path().to_str().unwrap(), "--vo", "superb"];

        let first = sbk.run(&[&import[..], &["--json"]].concat());
        let again = sbk.run(&import);

        assert_eq!(first.code, 7, "{}{}", first.text, first.errors);
        let report: Value = serde_json::from_str(&first.text).unwrap();
        assert_eq!((&report["recorded"], &report["quarantined"]), (&json!(8), &json!(1)));
        let results = report["results"].as_array().unwrap();
        let of = |ending: &str| {
            results.iter().find(|r| r["file"].as_str().unwrap().ends_with(ending)).unwrap()
        };
        assert_eq!(of("00013484_1.xml")["job"], "Brunel_00012448_00013484_1");
        assert_eq!(of("00013485_1.xml")["standing"], "not_good");
        assert_eq!(of("00013486_1.xml")["outcome"], "quarantined");
        assert_eq!(of("plain.ndjson:2")["job"], "two");
        assert_eq!(of("bulk-block.json")["outputs"], 2);
        assert_eq!(again.code, 7);
        assert!(again.text.contains("8 there before, 1 not good, 1 quarantined"), "{}", again.text);
        assert!(again.errors.contains("the document is empty"), "{}", again.errors);
        assert_eq!(sbk.json(&["verify", "totals"])["wrong"], json!([]));
    }
}
