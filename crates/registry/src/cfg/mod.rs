//! The syntax of `dirac.cfg`: options within sections, both in the order of the file.

mod error;
mod parse;
mod text;

use indexmap::IndexMap;

pub use error::{CfgError, CfgErrorKind};
pub use text::read_hostile;

/// A configuration, or one section of it: options and sections by name, in order.
///
/// Paths name entries below it, their parts divided by `/`; a leading `/` means nothing.
#[derive(Debug, Clone, Default)]
pub struct Cfg {
    entries: IndexMap<String, Entry>,
}

/// One entry of a section, with the comment that stands above it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    comment: Vec<String>,
    item: Item,
}

/// What an entry of a section is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The value of an option, as it is written.
    Value(String),
    /// A section.
    Section(Cfg),
}

impl PartialEq for Cfg {
    fn eq(&self, other: &Self) -> bool {
        self.entries.iter().eq(other.entries.iter())
    }
}

impl Eq for Cfg {}

impl Cfg {
    /// The longest text that is read, in bytes.
    pub const MAX_TEXT: usize = 64 << 20;

    /// How deeply sections may stand within one another.
    pub const MAX_DEPTH: usize = 64;

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The section at a path; the empty path is the section itself.
    pub fn section(&self, path: &str) -> Option<&Self> {
        parts(path).try_fold(self, |section, name| match section.entries.get(name)?.item {
            Item::Section(ref section) => Some(section),
            Item::Value(_) => None,
        })
    }

    /// The value of the option at a path, as it is written.
    pub fn value(&self, path: &str) -> Option<&str> {
        match self.item(path)? {
            Item::Value(value) => Some(value),
            Item::Section(_) => None,
        }
    }

    /// The value of the option at a path, split at commas. Empty where the option is missing.
    pub fn list(&self, path: &str) -> Vec<&str> {
        self.value(path).map(elements).unwrap_or_default()
    }

    /// Whether the option at a path says `y`, `yes`, `true` or `1`, in any case.
    pub fn boolean(&self, path: &str) -> Option<bool> {
        let value = self.value(path)?.to_lowercase();
        Some(matches!(value.as_str(), "y" | "yes" | "true" | "1"))
    }

    /// The entries of the section itself, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Item)> {
        self.entries.iter().map(|(name, entry)| (name.as_str(), &entry.item))
    }

    /// The options of the section itself, in order.
    pub fn options(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter_map(|(name, item)| match item {
            Item::Value(value) => Some((name, value.as_str())),
            Item::Section(_) => None,
        })
    }

    /// The sections of the section itself, in order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.iter().filter_map(|(name, item)| match item {
            Item::Section(section) => Some((name, section)),
            Item::Value(_) => None,
        })
    }

    /// Merges this configuration, the local one, over another: its options win, and sections that
    /// both have are merged. The other's order comes first.
    #[must_use]
    pub fn merge_over(&self, other: &Self) -> Self {
        let mut merged = other.clone();
        for (name, entry) in &self.entries {
            match merged.entries.get_mut(name) {
                Some(below) => below.merge(entry),
                None => {
                    merged.entries.insert(name.clone(), entry.clone());
                }
            }
        }
        merged
    }

    fn item(&self, path: &str) -> Option<&Item> {
        let path = path.trim_end_matches('/');
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.section(parent)?.entries.get(trim(name)).map(|entry| &entry.item)
    }
}

impl Entry {
    fn merge(&mut self, local: &Self) {
        self.comment.clone_from(&local.comment);
        self.item = match (&local.item, &self.item) {
            (Item::Section(local), Item::Section(below)) => Item::Section(local.merge_over(below)),
            (local, _) => local.clone(),
        };
    }
}

/// The names in a path, as DIRAC divides it.
fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').map(trim).filter(|part| !part.is_empty())
}

/// The elements of a list as it is written in a value.
pub(crate) fn elements(value: &str) -> Vec<&str> {
    value.split(',').map(trim).filter(|element| !element.is_empty()).collect()
}

/// A text without the blanks around it, as Python's `strip` takes them.
fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}
