//! What is read from a proxy's extensions takes any bytes. What was read is printable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sbk_pki::{read_attribute_certificates, read_group};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(group) = read_group(bytes) {
        assert!(group.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    for ac in read_attribute_certificates(bytes).unwrap_or_default() {
        assert!(ac.fqans.iter().all(|fqan| fqan.is_ascii()));
    }
});
