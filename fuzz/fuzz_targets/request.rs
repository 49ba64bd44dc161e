//! A request that can be read is written in a form that reads as the same request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sbk_api::{AddDatasets, AddFiles, AddReplicas, PostQueryFiles};
use serde::{Serialize, de::DeserializeOwned};

fuzz_target!(|bytes: &[u8]| {
    check::<AddFiles>(bytes);
    check::<AddReplicas>(bytes);
    check::<AddDatasets>(bytes);
    check::<PostQueryFiles>(bytes);
});

fn check<T: Serialize + DeserializeOwned>(bytes: &[u8]) {
    let Ok(request) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_string(&request).expect("what was read can be written");
    let again: T = serde_json::from_str(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_string(&again).ok().as_ref(), Some(&written));
}
