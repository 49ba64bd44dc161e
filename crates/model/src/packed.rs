//! Short texts for sets of sections and lists of numbers, as they are stored.
//!
//! A number is written in digits of five bits, the lowest first; each digit but the last has a
//! sixth bit set. A digit is a letter of base64's alphabet for URLs. Sections of a run are written
//! as the number of intervals, then for each how far it begins after the one before and how long
//! it is; runs as their distances. So a file with one interval takes some nine bytes.

use std::collections::BTreeMap;

use crate::{Intervals, Invalid, RunNumber, RunSections};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Each byte's place among the digits; 64 for one that is none.
#[expect(clippy::cast_possible_truncation, reason = "there are 64 digits")]
const VALUES: [u8; 256] = {
    let mut values = [64; 256];
    let mut at = 0;
    while at < 64 {
        values[DIGITS[at] as usize] = at as u8;
        at += 1;
    }
    values
};

fn write(number: u64, out: &mut String) {
    let mut rest = number;
    loop {
        let digit = usize::try_from(rest & 31).unwrap_or_default();
        rest >>= 5;
        let more = if rest == 0 { 0 } else { 32 };
        out.push(char::from(DIGITS[digit | more]));
        if rest == 0 {
            return;
        }
    }
}

/// What is left to read of a text.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            let digit = VALUES[usize::from(*first)];
            if digit > 63 || shift > 60 {
                return None;
            }
            number |= u64::from(digit & 31) << shift;
            shift += 5;
            if digit & 32 == 0 {
                return Some(number);
            }
        }
    }

    fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    fn intervals(&mut self) -> Option<Vec<(u32, u32)>> {
        let count = usize::try_from(self.number()?).ok()?;
        let mut intervals = Vec::with_capacity(count.min(1000));
        let mut next = 0_u32;
        for at in 0..count {
            let first = next.checked_add(self.small()?)?;
            let last = first.checked_add(self.small()?)?;
            intervals.push((first, last));
            // Between two intervals at least one number is missing.
            if at + 1 < count {
                next = last.checked_add(2)?;
            }
        }
        Some(intervals)
    }
}

fn write_intervals(intervals: &Intervals, out: &mut String) {
    write(intervals.as_slice().len() as u64, out);
    let mut next = 0_u64;
    for (first, last) in intervals.as_slice() {
        write(u64::from(*first) - next, out);
        write(u64::from(last - first), out);
        next = u64::from(*last) + 2;
    }
}

fn wrong(text: &str) -> Invalid {
    Invalid::new("sections", text, "is not a stored set of sections")
}

impl Intervals {
    /// The set as a short text.
    pub fn pack(&self) -> String {
        let mut out = String::new();
        write_intervals(self, &mut out);
        out
    }

    /// Reads what [`Intervals::pack`] wrote.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn unpack(text: &str) -> Result<Self, Invalid> {
        let intervals = Reader(text.as_bytes()).intervals().ok_or_else(|| wrong(text))?;
        Self::new(intervals)
    }
}

impl RunSections {
    /// The mask as a short text.
    pub fn pack(&self) -> String {
        let mut out = String::new();
        let mut before = 0;
        for (run, sections) in self.runs() {
            write(u64::from(run.0 - before), &mut out);
            write_intervals(sections, &mut out);
            before = run.0;
        }
        out
    }

    /// Reads what [`RunSections::pack`] wrote, and gives each interval with its run.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn each_packed(
        text: &str,
        mut take: impl FnMut(RunNumber, &[(u32, u32)]),
    ) -> Result<(), Invalid> {
        let mut reader = Reader(text.as_bytes());
        let mut run = 0_u32;
        while !reader.0.is_empty() {
            let next = reader.small().and_then(|more| run.checked_add(more));
            run = next.ok_or_else(|| wrong(text))?;
            take(RunNumber(run), &reader.intervals().ok_or_else(|| wrong(text))?);
        }
        Ok(())
    }

    /// Reads what [`RunSections::pack`] wrote.
    ///
    /// # Errors
    /// When the text is something else.
    pub fn unpack(text: &str) -> Result<Self, Invalid> {
        let mut runs = BTreeMap::new();
        Self::each_packed(text, |run, intervals| {
            runs.insert(run, Intervals::new(intervals.to_vec()).unwrap_or_default());
        })?;
        Ok(Self::new(runs))
    }
}

/// Numbers of which some are not known, as a short text.
pub fn pack_numbers(numbers: &[Option<u64>]) -> String {
    let mut out = String::with_capacity(numbers.len() * 6);
    for number in numbers {
        write(number.map_or(0, |number| number.saturating_add(1)), &mut out);
    }
    out
}

/// Reads what [`pack_numbers`] wrote.
///
/// # Errors
/// When the text is something else.
pub fn unpack_numbers(text: &str) -> Result<Vec<Option<u64>>, Invalid> {
    let mut reader = Reader(text.as_bytes());
    let mut numbers = Vec::with_capacity(text.len() / 4);
    while !reader.0.is_empty() {
        let number = reader.number().ok_or_else(|| wrong(text))?;
        numbers.push(number.checked_sub(1));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mask() -> impl Strategy<Value = RunSections> {
        let intervals = prop::collection::vec((any::<u32>(), 0_u32..2000), 1..5);
        let sections = intervals.prop_map(|list| {
            let list = list.into_iter().map(|(first, more)| (first, first.saturating_add(more)));
            Intervals::new(list.collect()).unwrap()
        });
        prop::collection::btree_map(any::<u32>().prop_map(RunNumber), sections, 0..5)
            .prop_map(RunSections::new)
    }

    proptest! {
        #[test]
        fn a_mask_survives_its_short_text(mask in mask()) {
            prop_assert_eq!(RunSections::unpack(&mask.pack()).unwrap(), mask.clone());
            for sections in mask.runs().values() {
                prop_assert_eq!(&Intervals::unpack(&sections.pack()).unwrap(), sections);
            }
        }

        #[test]
        fn numbers_survive_their_short_text(
            numbers in prop::collection::vec(prop::option::of(0..u64::MAX), 0..20)
        ) {
            prop_assert_eq!(unpack_numbers(&pack_numbers(&numbers)).unwrap(), numbers);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[A-Za-z0-9_-]{0,40}|.{0,20}") {
            let _ = RunSections::unpack(&text);
            let _ = Intervals::unpack(&text);
            let _ = unpack_numbers(&text);
        }
    }

    #[test]
    fn six_hundred_sections_in_three_intervals_take_few_bytes() {
        let sections = Intervals::new(vec![(1001, 1200), (1203, 1402), (1410, 1609)]).unwrap();
        let mask = RunSections::new(BTreeMap::from([(RunNumber(355_100), sections)]));

        assert_eq!(mask.count(), 600);
        assert!(mask.pack().len() <= 16, "{}", mask.pack());
    }
}
