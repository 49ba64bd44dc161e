//! The reader of open data takes any bytes, and ends.
#![no_main]

use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = sbk_formats::open_data::read(bytes, |_| ControlFlow::<()>::Continue(()));
});
