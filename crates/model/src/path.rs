use std::str::FromStr;

use crate::{DirKey, FileKey, Invalid, name::text_type};

/// The longest logical file name, in bytes.
const MAX_PATH: usize = 1024;

/// Says what is wrong with an absolute path, if anything is.
fn check_path(text: &str) -> Result<(), &'static str> {
    if text.len() > MAX_PATH {
        return Err("is longer than 1024 bytes");
    }
    let path = text.strip_prefix('/').ok_or("is not absolute; begin it with /")?;
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("has an empty, `.` or `..` part");
    }
    check_characters(text)
}

/// Says what is wrong with the characters of a path, if anything is.
fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.chars().any(char::is_control) { Err("has a control character") } else { Ok(()) }
}

/// The logical name of a file: an absolute path without empty, `.` or `..` parts, at most
/// 1,024 bytes of UTF-8 without control characters.
///
/// Names are compared byte by byte: `/a/B` and `/a/b` are two files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, max_length = 1024, example = "/superb/fastsim/run1/a.root")]
pub struct Lfn(String);

impl Lfn {
    /// The greatest length in bytes.
    pub const MAX_LEN: usize = MAX_PATH;

    /// The directory that holds the file.
    pub fn directory(&self) -> DirPath {
        let end = self.split().0;
        DirPath(if end.is_empty() { "/".to_owned() } else { end.to_owned() })
    }

    /// The last part of the name.
    pub fn base_name(&self) -> BaseName {
        BaseName(self.split().1.to_owned())
    }

    /// The path of the directory as text (empty for the root), and the last part.
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// The key that the file is stored under.
    pub fn key(&self) -> FileKey {
        let (directory, base) = self.split();
        FileKey::of(directory, base)
    }
}

impl FromStr for Lfn {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        check_path(text).map_err(|reason| Invalid::new("lfn", text, reason))?;
        Ok(Self(text.to_owned()))
    }
}

text_type!(Lfn);

/// The path of a directory: `/`, or written as an [`Lfn`] is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, max_length = 1024, example = "/superb/fastsim/run1")]
pub struct DirPath(String);

impl DirPath {
    /// The directory that everything is in.
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.0 == "/"
    }

    /// The directory above, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.rsplit_once('/').map_or("", |(above, _)| above);
        Some(Self(if end.is_empty() { "/".to_owned() } else { end.to_owned() }))
    }

    /// The last part of the path; empty for the root.
    pub fn base_name(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, base)| base)
    }

    /// This directory and all above it, nearest first, the root last.
    pub fn self_and_above(&self) -> impl Iterator<Item = Self> + use<> {
        std::iter::successors(Some(self.clone()), Self::parent)
    }

    /// The number of parts: 0 for the root.
    pub fn depth(&self) -> usize {
        if self.is_root() { 0 } else { self.0.matches('/').count() }
    }

    /// The name of something directly below this directory.
    pub fn join(&self, base: &str) -> Result<Lfn, Invalid> {
        format!("{}/{base}", self.prefix()).parse()
    }

    /// The path without the closing slash that only the root has: what names below begin with.
    pub fn prefix(&self) -> &str {
        if self.is_root() { "" } else { &self.0 }
    }

    /// Whether `other` is this directory or below it.
    pub fn contains(&self, other: &Self) -> bool {
        other
            .0
            .strip_prefix(self.prefix())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The key that the directory is stored under.
    pub fn key(&self) -> DirKey {
        DirKey::of(self.prefix())
    }
}

impl FromStr for DirPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let path = if text == "/" { text } else { text.strip_suffix('/').unwrap_or(text) };
        if path != "/" {
            check_path(path).map_err(|reason| Invalid::new("directory", text, reason))?;
        }
        Ok(Self(path.to_owned()))
    }
}

text_type!(DirPath);

/// The last part of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, max_length = 1023)]
pub struct BaseName(String);

impl FromStr for BaseName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |reason| Invalid::new("name", text, reason);
        if text.len() >= MAX_PATH {
            return Err(invalid("is longer than 1023 bytes"));
        }
        if matches!(text, "" | "." | "..") || text.contains('/') {
            return Err(invalid("is not one part of a path"));
        }
        check_characters(text).map_err(invalid)?;
        Ok(Self(text.to_owned()))
    }
}

text_type!(BaseName);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn malformed_names_are_refused_with_the_reason() {
        let long = format!("/{}", "a".repeat(1024));
        let cases = [
            ("a/b", "absolute"),
            ("", "absolute"),
            ("/", "empty"),
            ("/a//b", "empty"),
            ("/a/../b", ".."),
            ("/a/./b", "`.`"),
            ("/a/b/", "empty"),
            ("/a/b\n", "control"),
            ("/a/\u{7}b", "control"),
            (long.as_str(), "1024"),
        ];

        for (name, part) in cases {
            let error = name.parse::<Lfn>().unwrap_err();
            assert!(error.reason.contains(part), "{name:?}: {error}");
        }
    }

    #[test]
    fn names_that_differ_in_case_or_a_closing_space_are_two() {
        let keys = ["/a/b", "/a/B", "/a/b ", "/A/b"].map(|name| name.parse::<Lfn>().unwrap().key());

        let distinct: std::collections::BTreeSet<_> = keys.into_iter().collect();

        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn a_name_of_1024_bytes_is_taken() {
        assert!(format!("/{}", "a".repeat(1023)).parse::<Lfn>().is_ok());
    }

    #[test]
    fn a_directory_knows_what_is_below_it() {
        let directory: DirPath = "/a/b/".parse().unwrap();

        assert_eq!(directory.as_str(), "/a/b");
        assert_eq!(directory.depth(), 2);
        assert!(directory.contains(&"/a/b/c".parse().unwrap()));
        assert!(!directory.contains(&"/a/bc".parse().unwrap()));
        assert!(DirPath::root().contains(&directory));
    }

    proptest! {
        #[test]
        fn a_name_is_its_directory_and_its_base(parts in prop::collection::vec("[a-zé0-9._-]{1,9}x", 1..6)) {
            let lfn: Lfn = format!("/{}", parts.join("/")).parse().unwrap();

            let again = lfn.directory().join(lfn.base_name().as_str()).unwrap();

            prop_assert_eq!(&again, &lfn);
            prop_assert_eq!(lfn.directory().key(), lfn.key().directory);
        }
    }
}
