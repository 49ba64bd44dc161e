//! Gathers the sections of many files, each once.

use std::collections::BTreeMap;

use sbk_model::{Intervals, Invalid, RunNumber, RunSections};

/// Sections that are added file by file, with those that more than one file has.
///
/// It holds what it has gathered as sets of intervals, and never more intervals that came later
/// than there are in the set: it is bounded by the answer, not by the files.
#[derive(Debug, Default)]
pub struct Gathered {
    runs: BTreeMap<RunNumber, OfRun>,
    /// How many files were added.
    pub files: u64,
    /// How many of them have no sections.
    pub without: u64,
}

/// The sections of one run.
#[derive(Debug, Default)]
struct OfRun {
    once: Intervals,
    repeated: Intervals,
    new: Vec<(u32, u32)>,
}

/// From how many new intervals on it pays to put them together.
const MANY: usize = 256;

impl Gathered {
    /// Adds the sections of a file, as they are stored.
    pub fn add(&mut self, packed: Option<&str>) -> Result<(), Invalid> {
        self.files += 1;
        let Some(packed) = packed.filter(|text| !text.is_empty()) else {
            self.without += 1;
            return Ok(());
        };
        RunSections::each_packed(packed, |run, intervals| {
            self.runs.entry(run).or_default().add(intervals);
        })
    }

    /// All sections, and those that more than one file has.
    pub fn finish(self) -> (RunSections, RunSections) {
        let (mut all, mut repeated) = (BTreeMap::new(), BTreeMap::new());
        for (run, mut of_run) in self.runs {
            of_run.settle();
            all.insert(run, of_run.once);
            repeated.insert(run, of_run.repeated);
        }
        (RunSections::new(all), RunSections::new(repeated))
    }
}

impl OfRun {
    fn add(&mut self, intervals: &[(u32, u32)]) {
        self.new.extend_from_slice(intervals);
        if self.new.len() > self.once.as_slice().len().max(MANY) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let mut new = std::mem::take(&mut self.new);
        new.sort_unstable();
        let mut twice = Vec::new();
        let mut reach: Option<u32> = None;
        for (first, last) in &new {
            // What is in order of its beginnings overlaps what came before up to the furthest end.
            if let Some(reach) = reach.filter(|reach| first <= reach) {
                twice.push((*first, reach.min(*last)));
            }
            reach = reach.max(Some(*last));
        }
        let set = |list| Intervals::new(list).unwrap_or_default();
        let (new, twice) = (set(new), set(twice));
        self.repeated = self.repeated.union(&twice).union(&self.once.intersection(&new));
        self.once = self.once.union(&new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_section_is_gathered_once_and_repeats_are_seen() {
        let mut gathered = Gathered::default();
        let file = |json: &str| serde_json::from_str::<RunSections>(json).unwrap().pack();
        for json in [
            r#"{"1": [[1, 10], [20, 30]], "2": [[5, 5]]}"#,
            r#"{"1": [[8, 12]]}"#,
            r#"{"1": [[9, 9], [25, 40]], "2": [[6, 6]]}"#,
        ] {
            gathered.add(Some(&file(json))).unwrap();
        }
        gathered.add(None).unwrap();

        assert_eq!((gathered.files, gathered.without), (4, 1));
        let (all, repeated) = gathered.finish();
        let text = |mask| serde_json::to_string(mask).unwrap();
        assert_eq!(text(&all), r#"{"1":[[1,12],[20,40]],"2":[[5,6]]}"#);
        assert_eq!(text(&repeated), r#"{"1":[[8,10],[25,30]]}"#);
    }

    #[test]
    fn many_files_are_put_together_as_they_come() {
        let mut gathered = Gathered::default();
        for at in 0..5000_u32 {
            let mask = format!(r#"{{"1": [[{}, {}]]}}"#, at * 3 + 1, at * 3 + 4);
            let mask: RunSections = serde_json::from_str(&mask).unwrap();
            gathered.add(Some(&mask.pack())).unwrap();
        }

        let (all, repeated) = gathered.finish();

        assert_eq!((all.count(), all.intervals()), (15_001, 1));
        assert_eq!(repeated.count(), 4999);
    }
}
