use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::Invalid;

/// The number of a run.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(transparent)]
pub struct RunNumber(pub u32);

impl std::str::FromStr for RunNumber {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bad = |_| Invalid::new("run", text, "is not the number of a run");
        text.parse().map(Self).map_err(bad)
    }
}

impl fmt::Display for RunNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of numbers as closed intervals: sorted, apart from one another by at least one number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Intervals(Vec<(u32, u32)>);

impl Intervals {
    /// Makes a set of intervals in any order, which may overlap.
    ///
    /// # Errors
    /// When the first number of an interval is greater than its last.
    pub fn new(mut intervals: Vec<(u32, u32)>) -> Result<Self, Invalid> {
        if let Some((first, last)) = intervals.iter().find(|(first, last)| first > last) {
            let text = format!("[{first}, {last}]");
            return Err(Invalid::new("sections", &text, "ends before it begins"));
        }
        intervals.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(intervals.len());
        for (first, last) in intervals {
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last);
                }
                _ => merged.push((first, last)),
            }
        }
        Ok(Self(merged))
    }

    /// The intervals in order.
    pub fn as_slice(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many numbers are in the set.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
    }

    /// The least number in the set.
    pub fn first(&self) -> Option<u32> {
        self.0.first().map(|(first, _)| *first)
    }

    /// The greatest number in the set.
    pub fn last(&self) -> Option<u32> {
        self.0.last().map(|(_, last)| *last)
    }

    /// Whether a number is in the set.
    pub fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| number <= *last)
    }

    /// Whether all numbers of another set are in this one.
    pub fn covers(&self, other: &Self) -> bool {
        other.difference(self).is_empty()
    }

    /// Whether a number is in both sets.
    pub fn overlaps(&self, other: &Self) -> bool {
        !self.intersection(other).is_empty()
    }

    /// The numbers that are in one set or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a || b)
    }

    /// The numbers that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a && b)
    }

    /// The numbers that are in this set and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a && !b)
    }

    /// The numbers that are in exactly one of the sets.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        self.combine(other, |a, b| a != b)
    }

    /// Goes over the ends of both sets once, and keeps the numbers that a rule takes.
    ///
    /// The rule does not take a number that is in neither.
    fn combine(&self, other: &Self, takes: impl Fn(bool, bool) -> bool) -> Self {
        let (mut ours, mut theirs) = (Edges::of(&self.0), Edges::of(&other.0));
        let mut kept: Vec<(u32, u32)> = Vec::new();
        let mut begin = None;
        // Ends are counted in 64 bits, since the number after the greatest is one of them.
        while let Some(at) = ours.next_edge().into_iter().chain(theirs.next_edge()).min() {
            ours.pass(at);
            theirs.pass(at);
            match (takes(ours.inside, theirs.inside), begin) {
                (true, None) => begin = Some(at),
                (false, Some(first)) => {
                    kept.push((number(first), number(at - 1)));
                    begin = None;
                }
                _ => {}
            }
        }
        Self(kept)
    }
}

/// An edge within the range of numbers.
fn number(edge: u64) -> u32 {
    u32::try_from(edge).unwrap_or(u32::MAX)
}

/// The places where a set begins and ends, passed one after the other.
struct Edges<'a> {
    intervals: &'a [(u32, u32)],
    inside: bool,
}

impl<'a> Edges<'a> {
    fn of(intervals: &'a [(u32, u32)]) -> Self {
        Self { intervals, inside: false }
    }

    fn next_edge(&self) -> Option<u64> {
        let (first, last) = self.intervals.first()?;
        Some(if self.inside { u64::from(*last) + 1 } else { u64::from(*first) })
    }

    fn pass(&mut self, at: u64) {
        if self.next_edge() == Some(at) {
            if self.inside {
                self.intervals = self.intervals.split_first().map_or(&[], |(_, rest)| rest);
            }
            self.inside = !self.inside;
        }
    }
}

impl Serialize for Intervals {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Intervals {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let intervals = Vec::<(u32, u32)>::deserialize(deserializer)?;
        Self::new(intervals).map_err(de::Error::custom)
    }
}

impl utoipa::PartialSchema for Intervals {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        Vec::<Vec<u32>>::schema()
    }
}

impl utoipa::ToSchema for Intervals {}

/// Luminosity sections by run, in the form of the usual JSON masks:
/// `{"run": [[first, last], …]}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RunSections(BTreeMap<RunNumber, Intervals>);

impl RunSections {
    /// Makes a mask; runs without a section are left out.
    pub fn new(runs: BTreeMap<RunNumber, Intervals>) -> Self {
        Self(runs.into_iter().filter(|(_, sections)| !sections.is_empty()).collect())
    }

    /// The sections of each run, in the order of the runs.
    pub fn runs(&self) -> &BTreeMap<RunNumber, Intervals> {
        &self.0
    }

    /// Whether there is no section.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many sections there are.
    pub fn count(&self) -> u64 {
        self.0.values().map(Intervals::count).sum()
    }

    /// How many intervals there are.
    pub fn intervals(&self) -> usize {
        self.0.values().map(|sections| sections.as_slice().len()).sum()
    }

    /// The sections that are in one mask or the other.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, Intervals::union)
    }

    /// The sections that are in both masks.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, Intervals::intersection)
    }

    /// The sections that are in this mask and not in the other.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, Intervals::difference)
    }

    /// The sections that are in exactly one of the masks.
    #[must_use]
    pub fn symmetric_difference(&self, other: &Self) -> Self {
        self.combine(other, Intervals::symmetric_difference)
    }

    fn combine(&self, other: &Self, rule: impl Fn(&Intervals, &Intervals) -> Intervals) -> Self {
        let none = Intervals::default();
        let runs: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        let sections = |of: &Self, run| of.0.get(run).cloned().unwrap_or_else(|| none.clone());
        Self::new(
            runs.into_iter()
                .map(|run| (*run, rule(&sections(self, run), &sections(other, run))))
                .collect(),
        )
    }
}

impl Serialize for RunSections {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(run, sections)| (run.to_string(), &sections.0)))
    }
}

impl<'de> Deserialize<'de> for RunSections {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let runs = BTreeMap::<String, Vec<(u32, u32)>>::deserialize(deserializer)?;
        let mut read = BTreeMap::new();
        for (run, sections) in runs {
            let number = run
                .parse()
                .map(RunNumber)
                .map_err(|_| de::Error::custom(format!("{run:?} is not the number of a run")))?;
            read.insert(number, Intervals::new(sections).map_err(de::Error::custom)?);
        }
        Ok(Self::new(read))
    }
}

impl utoipa::PartialSchema for RunSections {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::Object)
            .description(Some("Sections by run: {\"run\": [[first, last], …]}"))
            .into()
    }
}

impl utoipa::ToSchema for RunSections {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Sections near either end of what a number can be.
    fn intervals() -> impl Strategy<Value = Intervals> {
        let near = prop_oneof![0_u32..40, (u32::MAX - 40)..u32::MAX];
        let one = (near, 0_u32..9).prop_map(|(first, more)| (first, first.saturating_add(more)));
        prop::collection::vec(one, 0..8).prop_map(|list| Intervals::new(list).unwrap())
    }

    fn numbers(set: &Intervals) -> BTreeSet<u32> {
        set.as_slice().iter().flat_map(|(first, last)| *first..=*last).collect()
    }

    fn mask() -> impl Strategy<Value = RunSections> {
        prop::collection::btree_map((0_u32..5).prop_map(RunNumber), intervals(), 0..4)
            .prop_map(RunSections::new)
    }

    proptest! {
        #[test]
        fn the_algebra_is_that_of_sets(a in intervals(), b in intervals(), number in 0_u32..50) {
            let (x, y) = (numbers(&a), numbers(&b));

            prop_assert_eq!(numbers(&a.union(&b)), &x | &y);
            prop_assert_eq!(numbers(&a.intersection(&b)), &x & &y);
            prop_assert_eq!(numbers(&a.difference(&b)), &x - &y);
            prop_assert_eq!(numbers(&a.symmetric_difference(&b)), &x ^ &y);
            prop_assert_eq!(a.contains(number), x.contains(&number));
            prop_assert_eq!(a.covers(&b), x.is_superset(&y));
            prop_assert_eq!(a.overlaps(&b), !x.is_disjoint(&y));
            prop_assert_eq!(a.count(), x.len() as u64);
        }

        #[test]
        fn what_comes_out_is_in_its_one_form(a in intervals(), b in intervals()) {
            for set in [a.union(&b), a.intersection(&b), a.symmetric_difference(&b)] {
                prop_assert_eq!(Intervals::new(set.as_slice().to_vec()).unwrap(), set);
            }
        }

        #[test]
        fn masks_are_combined_run_by_run(a in mask(), b in mask()) {
            let both = a.intersection(&b);

            prop_assert_eq!(a.union(&b).difference(&both), a.symmetric_difference(&b));
            prop_assert_eq!(a.difference(&b).union(&both), a.clone());
            prop_assert_eq!(a.count() + b.count(), a.union(&b).count() + both.count());
        }
    }

    #[test]
    fn intervals_that_touch_become_one() {
        let set = Intervals::new(vec![(5, 9), (1, 2), (3, 3), (8, 12)]).unwrap();

        assert_eq!(set.as_slice(), [(1, 3), (5, 12)]);
        assert_eq!(set.count(), 11);
        assert!(Intervals::new(vec![(2, 1)]).is_err());
    }

    #[test]
    fn a_mask_is_read_and_written_as_usual() {
        let mask: RunSections = serde_json::from_str(r#"{"98":[[3,4],[1,2]],"7":[]}"#).unwrap();

        assert_eq!(serde_json::to_string(&mask).unwrap(), r#"{"98":[[1,4]]}"#);
        assert_eq!(mask.count(), 4);
    }
}
