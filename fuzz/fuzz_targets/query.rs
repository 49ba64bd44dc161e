//! A query that can be read is written in a form that reads as the same query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sbk_metadata::query::Query;

fuzz_target!(|text: &str| {
    if let Ok(query) = Query::parse(text) {
        let written = query.to_text();
        let again = Query::parse(&written).expect("what was written can be read");
        assert_eq!(again.to_text(), written);
    }
    if let Ok(json) = serde_json::from_str(text) {
        let _ = Query::from_json(&json);
    }
});
