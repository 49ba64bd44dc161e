//! Reads the real records of the portal. Where they are absent, the tests say so and pass.
//!
//! The expected numbers are independent sums over the JSON text.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    ops::ControlFlow,
    path::PathBuf,
};

use sbk_formats::open_data::{Agreement, Item, ParentSource, Record, Relation, read};
use serde_json::{Value, json};

/// The folder with the shared records, if there is one.
fn folder() -> Option<PathBuf> {
    let shared = std::env::var_os("SBK_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let folder = shared.join("data/cern-open-data");
    if !folder.is_dir() {
        eprintln!("SKIPPED: there are no records in {}", folder.display());
        return None;
    }
    Some(folder)
}

/// The datasets of some files; `None` where the records are absent.
fn datasets(files: &[&str]) -> Option<Vec<Record>> {
    let folder = folder()?;
    let mut records = Vec::new();
    for file in files {
        let source = File::open(folder.join(file)).unwrap();
        let outcome = read(source, |item| match item {
            Item::Dataset(record) => {
                records.push(*record);
                ControlFlow::Continue(())
            }
            Item::Skipped { .. } => ControlFlow::Break(item),
        });
        assert!(matches!(outcome.unwrap(), ControlFlow::Continue(_)), "{file}");
    }
    Some(records)
}

const ALICE: [&str; 2] = ["alice-2015-o.json", "alice-reconstructed-data.json"];
const ATLAS: &str = "atlas-odeo-FEB2025-4lep-mc.json";
const CMS_COLLISION: &str = "cms-primary-datasets-Run2016.json";
const CMS_RAW: &str = "cms-raw-datasets-Run2011A.json";
const CMS_SIMULATED: &str = "cms-simulated-datasets-2010.json";
const DELPHI: [&str; 3] =
    ["delphi-datasets-1991.json", "delphi-datasets-1992.json", "delphi-datasets-1993.json"];
const DELPHI_1994: &str = "delphi-datasets-1994.json";

fn all() -> Option<Vec<Record>> {
    let mut files = vec![ATLAS, CMS_COLLISION, CMS_RAW, CMS_SIMULATED, DELPHI_1994];
    files.extend(ALICE);
    files.extend(DELPHI);
    datasets(&files)
}

/// The numbers of datasets, files, bytes and declared events.
fn totals(records: &[Record]) -> (usize, i64, i64, i64) {
    let files = records.iter().map(|record| record.listed.files).sum();
    let bytes = records.iter().map(|record| record.listed.bytes).sum();
    let events = records.iter().filter_map(|record| record.declared.events).sum();
    (records.len(), files, bytes, events)
}

/// How many records have a field.
fn with(records: &[Record], field: &str) -> usize {
    records.iter().filter(|record| record.metadata.contains_key(field)).count()
}

/// The record of a number.
fn find(records: &[Record], recid: u32) -> &Record {
    records.iter().find(|record| record.recid.is_some_and(|id| id.get() == recid)).unwrap()
}

#[test]
fn delphi_1994_lists_what_it_declares() {
    let Some(records) = datasets(&[DELPHI_1994]) else { return };

    assert_eq!(totals(&records), (271, 15_980, 1_486_289_686_800, 52_376_887));
    assert!(records.iter().all(|record| record.agreement() == Agreement::Equal));
    assert!(records.iter().all(|record| record.files.iter().all(|f| f.file_type.is_some())));
}

#[test]
fn delphi_1991_to_1993_list_what_they_declare_but_for_the_sum_of_years() {
    let Some(records) = datasets(&DELPHI) else { return };

    assert_eq!(totals(&records), (176, 12_948, 1_567_901_337_600, 70_522_510));
    let open: Vec<&Record> =
        records.iter().filter(|record| record.agreement() != Agreement::Equal).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].name.as_str(), "DELPHI collision data rawd_1");
    assert_eq!(open[0].agreement(), Agreement::DeclaredOnly);
    assert_eq!(open[0].relations.len(), 5);
    assert!(open[0].relations.iter().all(|related| related.relation == Relation::Child));
    assert!(open[0].parents.is_empty());
}

#[test]
fn atlas_lists_its_files_and_names_its_group() {
    let Some(records) = datasets(&[ATLAS]) else { return };

    assert_eq!(totals(&records), (1, 373, 968_429_812, 1_509_317));
    let record = &records[0];
    assert_eq!(record.agreement(), Agreement::Equal);
    assert_eq!(record.relations[0].relation, Relation::Group);
    assert!(record.parents.is_empty());
    assert_eq!(record.metadata["run_period"], json!(["2015", "2016"]));
    assert_eq!(record.files[0].file_type.as_ref().unwrap().as_str(), "ROOT");
}

#[test]
fn cms_and_alice_list_only_indexes() {
    let files = [CMS_COLLISION, CMS_RAW, CMS_SIMULATED, ALICE[0], ALICE[1]];
    let Some(records) = datasets(&files) else { return };

    let (datasets, files, bytes, _) = totals(&records);
    assert_eq!((datasets, files, bytes), (66 + 6 + 100 + 138 + 14, 0, 0));
    let documents: usize = records.iter().map(|record| record.documents.len()).sum();
    assert_eq!(documents, 466 + 12 + 240 + 138 + 28);
    assert!(records.iter().all(|record| record.agreement() == Agreement::DeclaredOnly));
    assert!(records.iter().all(|record| record.differences().is_empty()));
}

#[test]
fn no_part_of_the_real_records_is_refused() {
    let Some(records) = all() else { return };

    assert_eq!(records.len(), 772);
    for record in &records {
        assert!(record.problems.is_empty(), "{}: {:?}", record.name, record.problems);
        assert!(record.documents.iter().all(|document| document.size.is_some()));
    }
    let names: BTreeSet<_> = records.iter().map(|record| &record.name).collect();
    assert_eq!(names.len(), records.len());
}

#[test]
fn each_nanoaod_has_its_miniaod_as_parent_and_each_miniaod_its_aod() {
    let Some(records) = datasets(&[CMS_COLLISION]) else { return };

    let mut sources = BTreeMap::new();
    for record in &records {
        assert_eq!(record.parents.len(), 1, "{}", record.name);
        let parent = &record.parents[0];
        let name = parent.reference.name().unwrap().as_str();
        match parent.source {
            ParentSource::StepAndRelation => {
                let number = parent.reference.recid().unwrap().get();
                assert_eq!(find(&records, number).name.as_str(), name);
                assert!(record.name.as_str().ends_with("/NANOAOD"));
            }
            ParentSource::Step => assert!(name.ends_with("/AOD"), "{name}"),
            ParentSource::Relation => panic!("{name} is in no step"),
        }
        *sources.entry(record.name.as_str().rsplit_once('/').unwrap().1).or_insert(0) += 1;
    }
    assert_eq!(sources, BTreeMap::from([("MINIAOD", 34), ("NANOAOD", 32)]));
}

#[test]
fn each_simulated_cms_dataset_has_the_step_before_as_parent() {
    let Some(records) = datasets(&[CMS_SIMULATED]) else { return };

    for record in &records {
        assert_eq!(record.steps.last().unwrap().output.as_ref(), Some(&record.name));
        assert_eq!(record.parents.len(), 1, "{}", record.name);
        let parent = record.parents[0].reference.name().unwrap();
        assert!(parent.as_str().ends_with("/GEN-SIM"), "{parent}");
    }
    assert_eq!(with(&records, "generator"), 27);
    assert_eq!(with(&records, "release"), 100);
    assert_eq!(with(&records, "cross_section"), 1);
}

#[test]
fn energies_and_generators_of_delphi_are_read_where_they_are_stated() {
    let mut files = DELPHI.to_vec();
    files.push(DELPHI_1994);
    let Some(records) = datasets(&files) else { return };

    assert_eq!(with(&records, "energy"), 215);
    assert_eq!(with(&records, "energy_min"), 432);
    assert_eq!(with(&records, "generator"), 213);
    assert_eq!(with(&records, "cross_section"), 40);
    assert_eq!(with(&records, "release"), 442);
    assert_eq!(with(&records, "run_period"), 447);
    let metadata = &find(&records, 81_369).metadata;
    assert_eq!(metadata["energy"], json!(91.25));
    assert_eq!(metadata["generator"], json!(["wphact23"]));
    assert_eq!(metadata["release"], json!(["v94c2"]));
    assert_eq!(metadata["run_period"], json!(["1994"]));
    assert_eq!(metadata["data_kind"], "Simulated");
}

#[test]
fn alice_records_have_one_run_each() {
    let Some(records) = datasets(&ALICE) else { return };

    assert!(records.iter().all(|record| record.runs.len() == 1));
    let periods: BTreeSet<String> =
        records.iter().map(|record| record.metadata["run_period"].to_string()).collect();
    assert_eq!(periods.len(), 4);
    assert!(records.iter().all(|record| record.metadata["collision_type"] != "Pb-Pb"));
}

#[test]
fn all_metadata_fit_the_declared_fields_and_the_limits() {
    let declared = declared_fields();
    let Some(records) = all() else { return };

    for record in &records {
        let document = Value::Object(record.metadata.clone()).to_string();
        assert!(document.len() <= 64 << 10, "{}", record.name);
        for (field, value) in &record.metadata {
            let kind = declared.get(field).unwrap_or_else(|| panic!("{field} is not declared"));
            assert!(fits(kind, value), "{field} is {value}, and declared as {kind}");
        }
    }
}

/// The kinds of the declared fields by name, `list of int` for instance.
fn declared_fields() -> BTreeMap<String, String> {
    let text = include_str!("../../../examples/open-data.toml");
    let table: toml::Table = text.parse().unwrap();
    let fields = table["field"].as_array().unwrap();
    let kind = |field: &toml::Value| match field.get("of") {
        Some(of) => format!("list of {}", of.as_str().unwrap()),
        None => field["kind"].as_str().unwrap().to_owned(),
    };
    fields.iter().map(|field| (field["name"].as_str().unwrap().to_owned(), kind(field))).collect()
}

/// Whether a value is of a kind and within its limits.
fn fits(kind: &str, value: &Value) -> bool {
    match kind {
        "int" => value.is_i64(),
        "float" => value.is_f64(),
        "string" => value.as_str().is_some_and(|text| !text.is_empty() && text.len() <= 4096),
        _ => {
            let of = kind.strip_prefix("list of ").unwrap();
            let values = value.as_array().unwrap();
            (1..=256).contains(&values.len()) && values.iter().all(|value| fits(of, value))
        }
    }
}

#[test]
fn declared_fields_have_valid_names_of_their_own() {
    let built_in = "lfn name directory size events file_type status owner group guid adler32 md5 \
        created modified se site dataset vo kind files bytes parent";
    let built_in: BTreeSet<&str> = built_in.split_whitespace().collect();

    let declared = declared_fields();

    assert!(declared.len() <= 256);
    for name in declared.keys() {
        assert!(name.parse::<sbk_model::FieldName>().is_ok(), "{name}");
        assert!(!built_in.contains(name.as_str()), "{name} is built in");
    }
}
