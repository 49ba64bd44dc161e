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
}

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
    use super::*;

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
