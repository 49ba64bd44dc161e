//! Any text is a configuration of DIRAC's or is refused with a line; what was read is written so
//! that it reads the same, and makes a registry and rules or findings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| sbk_registry::read_hostile(text));
