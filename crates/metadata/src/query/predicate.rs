//! A query after the check: what a store turns into SQL.

use std::sync::Arc;

use sbk_model::DatasetName;

use super::{
    ast::{Op, Step},
    builtin::{Builtin, Target},
};
use crate::{Field, Value};

/// A query whose fields exist and whose values have the kinds and units of their fields.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Checked {
    /// What is looked for.
    pub target: Target,
    /// What must hold.
    pub filter: Predicate,
    /// What the answer is ordered by, the most important first.
    pub order: Vec<OrderBy>,
    /// The most results.
    pub limit: Option<u64>,
}

/// A field that the answer is ordered by; it has one value at most.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// The field.
    pub field: FieldRef,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// A field that exists.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldRef {
    /// A field that every file or dataset has.
    Builtin(Builtin),
    /// A field that a community declares.
    ///
    /// When files are looked for, a field of a directory is the value that holds for the file,
    /// inherited or not, and a field of a dataset is that of each dataset which the file is in.
    Declared(Arc<Field>),
}

impl FieldRef {
    /// The name without entity.
    pub fn name(&self) -> &str {
        match self {
            Self::Builtin(builtin) => builtin.name(),
            Self::Declared(field) => field.name.as_str(),
        }
    }
}

/// A condition on typed values.
///
/// It is true or false, never unknown: a comparison with a missing value is false. Of a field
/// with several values, `Ne` and the negated forms do not occur; they became a `Not`.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// Always holds.
    All,
    /// All of them hold.
    And(Vec<Predicate>),
    /// One of them holds.
    Or(Vec<Predicate>),
    /// It does not hold.
    Not(Box<Predicate>),
    /// A value compares with another.
    Compare {
        /// The field.
        field: FieldRef,
        /// How it compares.
        op: Op,
        /// The value, never a list.
        value: Value,
    },
    /// A value is one of several.
    In {
        /// The field.
        field: FieldRef,
        /// The values, each once.
        values: Vec<Value>,
        /// Whether there must be another value than these.
        negated: bool,
    },
    /// A text matches a pattern.
    Like {
        /// The field.
        field: FieldRef,
        /// The pattern.
        pattern: LikePattern,
        /// Whether there must be a text that does not match.
        negated: bool,
    },
    /// A value lies between two others, or is one of them.
    Between {
        /// The field.
        field: FieldRef,
        /// The least value.
        low: Value,
        /// The greatest value.
        high: Value,
    },
    /// There is a value.
    Exists {
        /// The field.
        field: FieldRef,
    },
    /// The file is in a dataset.
    InDataset {
        /// The dataset's name.
        name: DatasetName,
    },
    /// The file is some steps of provenance away from what a condition finds.
    Step {
        /// In which direction.
        step: Step,
        /// What the steps begin at: files, or jobs for [`Step::ProducedBy`].
        of: Box<Predicate>,
        /// The most steps, where several are made.
        depth: u32,
    },
}

impl Predicate {
    /// The most steps of provenance.
    pub const MAX_STEPS: u32 = 100;
}

/// A pattern in which `%` stands for any text, `_` for one character, and a backslash takes the
/// next character as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikePattern(String);

impl LikePattern {
    /// Accepts a pattern that does not end within an escape.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let backslashes = text.len() - text.trim_end_matches('\\').len();
        (backslashes.is_multiple_of(2) && !text.contains('\0')).then(|| Self(text.to_owned()))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text that all matches begin with, and whether the pattern is only that text and `%`.
    pub fn prefix(&self) -> (String, bool) {
        let mut prefix = String::new();
        let mut characters = self.0.chars();
        while let Some(c) = characters.next() {
            match c {
                '%' => return (prefix, characters.as_str().chars().all(|c| c == '%')),
                '_' => return (prefix, false),
                '\\' => prefix.extend(characters.next()),
                c => prefix.push(c),
            }
        }
        (prefix, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_pattern_knows_escapes() {
        let prefix = |text| LikePattern::new(text).unwrap().prefix();

        assert_eq!(prefix("/a/%"), ("/a/".to_owned(), true));
        assert_eq!(prefix(r"a\_b%c"), ("a_b".to_owned(), false));
        assert_eq!(prefix("a_b%"), ("a".to_owned(), false));
        assert_eq!(prefix("abc"), ("abc".to_owned(), false));
        assert_eq!(LikePattern::new("a\\"), None);
    }
}
