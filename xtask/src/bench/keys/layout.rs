use std::collections::BTreeMap;
use std::fmt::Display;

use sbk_model::DirKey;

use super::data::{File, directory_path};

/// A way to give files their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// Keys are hashes of the directory's path and of the base name.
    Derived,
    /// Keys are numbers from a sequence; the directory's number and the base name are unique.
    Numbered,
    /// Keys are numbers from a sequence; the whole name is unique. There are no directories.
    NumberedWhole,
}

impl Layout {
    pub const ALL: [Self; 3] = [Self::Derived, Self::Numbered, Self::NumberedWhole];

    pub fn title(self) -> &'static str {
        match self {
            Self::Derived => "derived keys",
            Self::Numbered => "bigserial, UNIQUE (directory, name)",
            Self::NumberedWhole => "bigserial, UNIQUE (lfn)",
        }
    }

    pub fn tables(self) -> &'static str {
        match self {
            Self::Derived => {
                "CREATE TABLE directory (key bigint PRIMARY KEY, path text NOT NULL);
                 CREATE TABLE file (directory bigint, name_key bigint, name text NOT NULL,
                     size bigint, events bigint, created bigint,
                     PRIMARY KEY (directory, name_key));
                 CREATE TABLE replica (directory bigint, name_key bigint, se bigint,
                     created bigint, PRIMARY KEY (directory, name_key, se));"
            }
            Self::Numbered => {
                "CREATE TABLE directory (id bigserial PRIMARY KEY, path text NOT NULL UNIQUE);
                 CREATE TABLE file (id bigserial PRIMARY KEY, directory bigint NOT NULL,
                     name text NOT NULL, size bigint, events bigint, created bigint,
                     UNIQUE (directory, name));
                 CREATE TABLE replica (file bigint, se bigint, created bigint,
                     PRIMARY KEY (file, se));"
            }
            Self::NumberedWhole => {
                "CREATE TABLE file (id bigserial PRIMARY KEY, lfn text NOT NULL UNIQUE,
                     size bigint, events bigint, created bigint);
                 CREATE TABLE replica (file bigint, se bigint, created bigint,
                     PRIMARY KEY (file, se));"
            }
        }
    }

    /// One transaction that registers new files, each with one replica.
    ///
    /// The last statement but one stores the replicas. A retry must store replicas of files that
    /// exist already, so numbered files are looked up: `RETURNING` leaves them out.
    pub fn register(self, files: &[File]) -> String {
        let sizes = array("bigint", files.iter().map(|file| file.size));
        let events = array("bigint", files.iter().map(|file| file.events));
        let directories: BTreeMap<&str, i64> =
            files.iter().map(|file| (file.directory.as_str(), file.key.directory.0)).collect();
        let paths = array("text", directories.keys());
        let identity = self.identity(files);
        let body = match self {
            Self::Derived => {
                let keys = array("bigint", directories.values());
                let names = array("text", files.iter().map(|file| &file.name));
                format!(
                    "INSERT INTO directory SELECT * FROM unnest({keys}, {paths})
                         ON CONFLICT DO NOTHING;
                     INSERT INTO file SELECT d, k, n, s, e, 1700000000000000
                         FROM unnest({identity}, {names}, {sizes}, {events}) AS u (d, k, n, s, e)
                         ON CONFLICT DO NOTHING;
                     INSERT INTO replica SELECT d, k, 7, 1700000000000000
                         FROM unnest({identity}) AS u (d, k) ON CONFLICT DO NOTHING;"
                )
            }
            Self::Numbered => format!(
                "INSERT INTO directory (path) SELECT * FROM unnest({paths})
                     ON CONFLICT DO NOTHING;
                 INSERT INTO file (directory, name, size, events, created)
                     SELECT directory.id, n, s, e, 1700000000000000
                     FROM unnest({identity}, {sizes}, {events}) AS u (p, n, s, e)
                     JOIN directory ON directory.path = p
                     ON CONFLICT DO NOTHING;
                 INSERT INTO replica SELECT file.id, 7, 1700000000000000
                     FROM unnest({identity}) AS u (p, n)
                     JOIN directory ON directory.path = p
                     JOIN file ON file.directory = directory.id AND file.name = n
                     ON CONFLICT DO NOTHING;"
            ),
            Self::NumberedWhole => format!(
                "INSERT INTO file (lfn, size, events, created)
                     SELECT l, s, e, 1700000000000000
                     FROM unnest({identity}, {sizes}, {events}) AS u (l, s, e)
                     ON CONFLICT DO NOTHING;
                 INSERT INTO replica SELECT file.id, 7, 1700000000000000
                     FROM unnest({identity}) AS u (l) JOIN file ON file.lfn = l
                     ON CONFLICT DO NOTHING;"
            ),
        };
        format!("BEGIN;\n{body}\nCOMMIT;")
    }

    /// One statement that looks up all of the files.
    pub fn look_up(self, files: &[File]) -> String {
        let (columns, join) = match self {
            Self::Derived => ("d, k", "file ON file.directory = d AND name_key = k"),
            Self::Numbered => (
                "p, n",
                "directory ON directory.path = p
                 JOIN file ON file.directory = directory.id AND file.name = n",
            ),
            Self::NumberedWhole => ("l", "file ON file.lfn = l"),
        };
        let identity = self.identity(files);
        format!(
            "SELECT {columns}, size, events, created FROM unnest({identity}) AS u ({columns})
             JOIN {join};"
        )
    }

    /// A query for the files of all rows of `probe`, which has their names and keys.
    pub fn look_up_probes(self) -> &'static str {
        match self {
            Self::Derived => {
                "SELECT file.name, size, events, created FROM probe
                 JOIN file ON file.directory = probe.directory AND file.name_key = probe.name_key"
            }
            Self::Numbered => {
                "SELECT file.name, size, events, created FROM probe
                 JOIN directory ON directory.path = probe.path
                 JOIN file ON file.directory = directory.id AND file.name = probe.name"
            }
            Self::NumberedWhole => {
                "SELECT file.lfn, size, events, created FROM probe
                 JOIN file ON file.lfn = probe.lfn"
            }
        }
    }

    /// One statement that lists a directory.
    pub fn list(self, directory: u64) -> String {
        let path = directory_path(directory);
        match self {
            Self::Derived => format!(
                "SELECT name, size, events, created FROM file WHERE directory = {} ORDER BY name;",
                DirKey::of(&path).0
            ),
            Self::Numbered => format!(
                "SELECT name, size, events, created FROM file WHERE directory =
                     (SELECT id FROM directory WHERE path = '{path}') ORDER BY name;"
            ),
            // The character after `/` is `0`.
            Self::NumberedWhole => format!(
                "SELECT lfn, size, events, created FROM file
                 WHERE lfn >= '{path}/' AND lfn < '{path}0' ORDER BY lfn;"
            ),
        }
    }

    /// The arrays that name the files, for `unnest`.
    fn identity(self, files: &[File]) -> String {
        match self {
            Self::Derived => format!(
                "{}, {}",
                array("bigint", files.iter().map(|file| file.key.directory.0)),
                array("bigint", files.iter().map(|file| file.key.name))
            ),
            Self::Numbered => format!(
                "{}, {}",
                array("text", files.iter().map(|file| &file.directory)),
                array("text", files.iter().map(|file| &file.name))
            ),
            Self::NumberedWhole => array("text", files.iter().map(File::lfn)),
        }
    }
}

/// An array constant. The names here have no character that needs quotes.
fn array(kind: &str, values: impl Iterator<Item = impl Display>) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    format!("'{{{}}}'::{kind}[]", values.join(","))
}
