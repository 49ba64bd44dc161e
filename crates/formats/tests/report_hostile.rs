//! The readers of reports take any text, and end.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sbk_formats::{bulk_block, decode, gaudi, kind, lhcb};

const JOB: &str = include_str!("data/lhcb-step1.xml");
const BLOCK: &str = include_str!("data/bulk-block.json");
const SUMMARY: &str = "<summary><success>True</success><step>finalize</step><input>\
    <file GUID='' name='LFN:/a/b' status='full'>1</file></input><output/></summary>";

fn read_all(text: &str) {
    let _ = kind(text);
    let _ = lhcb::read(text);
    let _ = bulk_block::read(text);
    if let Ok(summary) = gaudi::read(text) {
        let _ = (summary.flaw(), summary.memory(), summary.events_read());
    }
}

#[test]
fn a_document_that_ends_early_is_refused_wherever_it_ends() {
    for end in (0..JOB.trim_end().len()).filter(|end| JOB.is_char_boundary(*end)) {
        assert!(lhcb::read(&JOB[..end]).is_err(), "{end}");
    }
    for end in 0..SUMMARY.len() {
        assert!(gaudi::read(&SUMMARY[..end]).is_err(), "{end}");
    }
    for end in 0..BLOCK.trim_end().len() {
        assert!(bulk_block::read(&BLOCK[..end]).is_err(), "{end}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read_all(&decode(&bytes));
    }

    #[test]
    fn a_changed_document_is_read_or_refused(at in 0..JOB.len(), byte in any::<u8>()) {
        let mut bytes = JOB.as_bytes().to_vec();
        bytes[at] = byte;
        read_all(&decode(&bytes));
    }

    #[test]
    fn the_events_of_a_summary_are_those_of_its_files(
        read in prop::collection::vec(1..1_000_000_i64, 0..5),
        written in prop::collection::vec(1..1_000_000_i64, 0..5),
    ) {
        let files = |events: &[i64]| events.iter().map(|events| {
            format!("<file GUID='' name='PFN:a' status='full'>{events}</file>")
        }).collect::<String>();
        let text = format!(
            "<summary><success>True</success><step>finalize</step><input>{}</input>\
             <output>{}</output></summary>", files(&read), files(&written));

        let summary = gaudi::read(&text).unwrap();

        prop_assert_eq!(summary.events_read(), read.iter().sum::<i64>());
        prop_assert_eq!(summary.events_written(), written.iter().sum::<i64>());
        prop_assert_eq!(summary.flaw(), None);
    }
}
