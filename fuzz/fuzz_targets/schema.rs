//! The reader of schemas takes any text, and ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sbk_metadata::Schema;

fuzz_target!(|text: &str| {
    let _ = Schema::from_toml(text);
});
