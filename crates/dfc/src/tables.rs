//! Which tables and columns there are.

use std::collections::BTreeMap;

use crate::Error;

/// What is known of a column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its type without length, in lower case, for instance `varchar`.
    pub kind: String,
    /// How many characters it holds.
    pub length: Option<u64>,
    /// How many decimal places it holds.
    pub scale: Option<u64>,
}

/// A table with its columns by their names in lower case.
#[derive(Debug, Clone, Default)]
struct Table {
    name: String,
    columns: BTreeMap<String, Column>,
}

/// The tables by their names in lower case.
#[derive(Debug, Clone, Default)]
pub struct Tables(BTreeMap<String, Table>);

impl Tables {
    /// Adds a column of a table.
    pub fn add(&mut self, table: &str, column: &str, what: Column) {
        let known = self.0.entry(table.to_ascii_lowercase()).or_default();
        table.clone_into(&mut known.name);
        known.columns.insert(column.to_ascii_lowercase(), what);
    }

    /// A column.
    pub fn column(&self, table: &str, column: &str) -> Option<&Column> {
        self.0.get(&table.to_ascii_lowercase())?.columns.get(&column.to_ascii_lowercase())
    }

    /// The name of a table as the server spells it.
    pub fn name(&self, table: &str) -> Option<&str> {
        self.0.get(&table.to_ascii_lowercase()).map(|table| table.name.as_str())
    }

    fn has(&self, table: &str) -> bool {
        self.name(table).is_some()
    }

    /// How the tables have to be joined.
    pub fn layout(&self) -> Result<Layout, Error> {
        let (list, tree) = (self.has("FC_DirectoryList"), self.has("FC_DirectoryLevelTree"));
        if !self.has("FC_Files") || list == tree {
            let mut names: Vec<&str> = self.0.values().map(|table| table.name.as_str()).collect();
            names.retain(|name| !name.to_ascii_lowercase().starts_with("fc_meta_"));
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Error::NoCatalogue(names));
        }
        let part = |table: &str, column: &str, own: &'static str, other: &'static str| {
            if self.column(table, column).is_some() {
                Part { alias: own, join: "" }
            } else {
                Part { alias: "i", join: other }
            }
        };
        Ok(Layout {
            is_tree: tree,
            directory: part(
                "FC_DirectoryList",
                "UID",
                "d",
                "LEFT JOIN FC_DirectoryInfo i ON i.DirID = d.DirID",
            ),
            file: part("FC_Files", "GUID", "f", "LEFT JOIN FC_FileInfo i ON i.FileID = f.FileID"),
            replica: part(
                "FC_Replicas",
                "PFN",
                "r",
                "LEFT JOIN FC_ReplicaInfo i ON i.RepID = r.RepID",
            ),
        })
    }
}

/// Where the second part of something is: in its own table or in one that is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    alias: &'static str,
    join: &'static str,
}

/// How the tables have to be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Whether directories are in `FC_DirectoryLevelTree`; else they are in `FC_DirectoryList`.
    pub is_tree: bool,
    /// Where owner, mode and dates of directories are.
    directory: Part,
    /// Where GUID, checksum, mode and dates of files are.
    file: Part,
    /// Where PFNs are.
    replica: Part,
}

/// A moment of a column in seconds since 1970; none for zero dates, whatever the server's zone is.
fn seconds(column: &str) -> String {
    format!("TIMESTAMPDIFF(SECOND, '1970-01-01', {column})")
}

/// A number of a column, signed or not.
pub fn signed(column: &str) -> String {
    format!("CAST({column} AS SIGNED)")
}

impl Layout {
    /// Directories after one: id, path, whether its second part is there, owner, group, mode, times.
    pub fn directories(self) -> String {
        let (table, name) = if self.is_tree {
            ("FC_DirectoryLevelTree", "DirName")
        } else {
            ("FC_DirectoryList", "Name")
        };
        let Part { alias: info, join } = self.directory;
        let of = |column: &str| format!("{info}.{column}");
        format!(
            "SELECT {}, d.{name}, {}, {}, {}, {}, {}, {} FROM {table} d {join} \
             WHERE d.DirID > ? ORDER BY d.DirID LIMIT ?",
            signed("d.DirID"),
            signed(&of("DirID")),
            signed(&of("UID")),
            signed(&of("GID")),
            signed(&of("Mode")),
            seconds(&of("CreationDate")),
            seconds(&of("ModificationDate")),
        )
    }

    /// The paths of all directories after one.
    pub fn paths(self) -> String {
        let (table, name) = if self.is_tree {
            ("FC_DirectoryLevelTree", "DirName")
        } else {
            ("FC_DirectoryList", "Name")
        };
        let id = signed("DirID");
        format!("SELECT {id}, {name} FROM {table} WHERE DirID > ? ORDER BY DirID LIMIT ?")
    }

    /// Files after one: id, directory, size, owner, group, state, name, whether its second part is
    /// there, GUID, checksum, its type, mode, times.
    pub fn files(self) -> String {
        let Part { alias: info, join } = self.file;
        let of = |column: &str| format!("{info}.{column}");
        format!(
            "SELECT {}, {}, {}, {}, {}, {}, f.FileName, {}, {}, {}, {}, {}, {}, {} \
             FROM FC_Files f {join} WHERE f.FileID > ? ORDER BY f.FileID LIMIT ?",
            signed("f.FileID"),
            signed("f.DirID"),
            signed("f.Size"),
            signed("f.UID"),
            signed("f.GID"),
            signed("f.Status"),
            signed(&of("FileID")),
            of("GUID"),
            of("Checksum"),
            of("ChecksumType"),
            signed(&of("Mode")),
            seconds(&of("CreationDate")),
            seconds(&of("ModificationDate")),
        )
    }

    /// The replicas of a range of files: file, storage element, state, PFN.
    pub fn replicas(self) -> String {
        let Part { alias: info, join } = self.replica;
        format!(
            "SELECT {}, {}, {}, {info}.PFN FROM FC_Replicas r {join} \
             WHERE r.FileID > ? AND r.FileID <= ? ORDER BY r.FileID, r.SEID",
            signed("r.FileID"),
            signed("r.SEID"),
            signed("r.Status"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(columns: &[(&str, &str)]) -> Tables {
        let mut tables = Tables::default();
        for (table, column) in columns {
            let what = Column { kind: "int".into(), length: None, scale: None };
            tables.add(table, column, what);
        }
        tables
    }

    #[test]
    fn the_columns_decide_what_is_joined() {
        let tree = tables(&[("FC_Files", "FileID"), ("FC_DirectoryLevelTree", "DirID")]);
        let layout = tree.layout().unwrap();
        assert!(layout.is_tree && layout.replicas().contains("LEFT JOIN FC_ReplicaInfo"));
        assert!(layout.files().contains("LEFT JOIN FC_FileInfo"));

        let closure =
            tables(&[("fc_files", "guid"), ("FC_DirectoryList", "UID"), ("FC_Replicas", "PFN")]);
        let layout = closure.layout().unwrap();
        assert!(!layout.is_tree && !layout.files().contains("JOIN"));
        assert!(!layout.directories().contains("JOIN"));

        let message = tables(&[("FC_Files", "FileID")]).layout().unwrap_err().to_string();
        assert!(message.contains("has FC_Files"), "{message}");
    }
}
