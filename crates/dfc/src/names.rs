use std::collections::HashMap;

use sbk_model::{DirPath, GroupName, SeName, UserName};

/// Who is taken for owners and groups that are not there, as DIRAC shows them.
const UNKNOWN: &str = "unknown";

/// Names by their numbers.
#[derive(Debug, Default)]
pub struct Names {
    pub(crate) users: HashMap<i64, String>,
    pub(crate) groups: HashMap<i64, String>,
    pub(crate) elements: HashMap<i64, SeName>,
    pub(crate) statuses: HashMap<i64, String>,
    pub(crate) directories: HashMap<i64, DirPath>,
}

impl Names {
    /// The storage elements.
    pub fn elements(&self) -> impl Iterator<Item = &SeName> {
        self.elements.values()
    }

    /// The paths of the directories.
    pub fn directories(&self) -> impl Iterator<Item = &DirPath> {
        self.directories.values()
    }

    /// The owner of a number, and whether there is one.
    pub(crate) fn user(&self, id: Option<i64>) -> (UserName, bool) {
        named(&self.users, id)
    }

    /// The group of a number, and whether there is one.
    pub(crate) fn group(&self, id: Option<i64>) -> (GroupName, bool) {
        named(&self.groups, id)
    }
}

fn named<T: std::str::FromStr>(names: &HashMap<i64, String>, id: Option<i64>) -> (T, bool)
where
    T::Err: std::fmt::Debug,
{
    let known = id.and_then(|id| match (names.get(&id), id) {
        (Some(name), _) => name.parse().ok(),
        // A catalogue with a tree of levels gives its root to nobody it knows.
        (None, 0) => "root".parse().ok(),
        (None, _) => None,
    });
    let is_known = known.is_some();
    (known.unwrap_or_else(|| UNKNOWN.parse().expect("this is a name")), is_known)
}
