//! The readers of reports take any bytes, and end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sbk_formats::{bulk_block, decode, gaudi, kind, lhcb};

fuzz_target!(|bytes: &[u8]| {
    let text = decode(bytes);
    let _ = kind(&text);
    let _ = lhcb::read(&text);
    let _ = bulk_block::read(&text);
    if let Ok(summary) = gaudi::read(&text) {
        let _ = (summary.flaw(), summary.memory(), summary.events_written());
    }
});
