//! Text of any kind ends in items or in an error, and never in a panic.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::ops::ControlFlow;

use proptest::prelude::*;
use sbk_formats::open_data::{Item, ReadError, Summary, read};
use serde_json::{Value, json};

/// Reads everything, and uses what came out of it.
fn read_all(text: &[u8]) -> Result<Summary, ReadError> {
    let mut items = 0;
    let outcome = read(text, |item| {
        items += 1;
        if let Item::Dataset(record) = item {
            let _ = record.agreement();
            assert!(Value::Object(record.metadata.clone()).to_string().len() <= 64 << 10);
            let files = i64::try_from(record.files.len()).unwrap();
            assert_eq!(files, record.listed.files);
        }
        ControlFlow::<()>::Continue(())
    })?;
    let ControlFlow::Continue(summary) = outcome else { unreachable!("nothing breaks") };
    assert_eq!(summary.records(), items);
    Ok(summary)
}

/// A record that has all parts.
fn full() -> Value {
    json!({
        "recid": "7",
        "title": "/A/n/NANOAOD",
        "type": {"primary": "Dataset", "secondary": ["Simulated"]},
        "abstract": {"description": "<p>Run range [1, 2]. cross-section = 1 +- 2 pb ecms=91.2</p>"},
        "accelerator": "CERN-LEP",
        "collaboration": {"name": "CMS Collaboration"},
        "collision_information": {"energy": "89-94 GeV", "type": "Pb-Pb"},
        "date_created": ["1994"],
        "distribution": {"formats": ["root"], "number_files": 1, "size": 5, "number_events": 3},
        "files": [
            {"uri": "root://h//a/delphi/simulated-data/l/kk2fpythia/v/b.al", "size": 5, "checksum": "adler32:1"},
            {"uri": "root://h//x/alice/2010/LHC10b/000117222/b", "size": 5, "type": "index.txt"},
        ],
        "methodology": {
            "description": "<strong>Step NANO </strong>Output dataset: /A/n/NANOAOD PXDST (Version v)",
            "steps": [{"type": "SIM", "output_dataset": "/A/m/GEN", "generators": ["g"]}],
        },
        "relations": [{"type": "isParentOf", "recid": 3, "description": "The corresponding X dataset"}],
        "run_numbers": ["1", "2"],
    })
}

/// Any JSON value of little depth.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "(Run range \\[|ecms=|<|/alice/|root://)[é0-9./,<>\\] -]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("(uri|size|type|title|é)", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The pointers to all values within a value.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), found));
        }
        Value::Array(values) => values
            .iter()
            .enumerate()
            .for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), found)),
        _ => {}
    }
}

#[test]
fn a_list_that_is_cut_anywhere_is_an_error() {
    let text = json!([full(), full()]).to_string();

    for end in 0..text.len() {
        assert!(read_all(&text.as_bytes()[..end]).is_err(), "{end}");
    }
    assert_eq!(read_all(text.as_bytes()).unwrap().datasets, 2);
}

#[test]
fn a_list_with_any_byte_changed_never_panics() {
    let text = json!([full()]).to_string().into_bytes();

    for at in 0..text.len() {
        for byte in [0, b'"', b'9', b'{', b'-', 0xff] {
            let mut changed = text.clone();
            changed[at] = byte;
            let _ = read_all(&changed);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_all(&bytes);
        let _ = read_all(&[b"[{\"title\":", &bytes[..], b"}]"].concat());
    }

    #[test]
    fn a_value_of_any_type_anywhere_loses_no_record(value in any_value(), choice in any::<prop::sample::Index>()) {
        let mut record = full();
        let mut places = Vec::new();
        pointers(&record, "", &mut places);
        let place = &places[choice.index(places.len())];
        *record.pointer_mut(place).unwrap() = value;

        let summary = read_all(json!([record]).to_string().as_bytes()).unwrap();

        prop_assert_eq!(summary.records(), 1);
        let needed = ["", "/title", "/type", "/type/primary"];
        prop_assert!(summary.datasets == 1 || needed.contains(&place.as_str()), "{}", place);
    }
}
