//! The methods, with the arguments that they take.

use sbk_wire::Value;

use crate::{Failure, class};

/// What an argument may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// One path, a list of them, or a dictionary with values.
    Paths,
    /// A list or a dictionary.
    ListOrDict,
    /// A text or a dictionary.
    TextOrDict,
    /// A text, a list or a dictionary.
    TextListOrDict,
    /// A list or a number.
    Depths,
    /// A dictionary.
    Dict,
    /// A text.
    Text,
    /// True or false.
    Bool,
    /// A number.
    Int,
}

impl Takes {
    fn accepts(self, value: &Value) -> bool {
        let is = |classes: &[&str]| classes.contains(&class(value));
        match self {
            Self::Paths | Self::TextListOrDict => is(&["list", "dict", "str"]),
            Self::ListOrDict => is(&["list", "dict"]),
            Self::TextOrDict => is(&["str", "dict"]),
            // To Python, true and false are numbers.
            Self::Depths => is(&["list", "int", "bool"]),
            Self::Dict => is(&["dict"]),
            Self::Text => is(&["str"]),
            Self::Bool => is(&["bool"]),
            Self::Int => is(&["int", "bool"]),
        }
    }

    /// The types as Python writes what the handler declares.
    fn shown(self) -> &'static str {
        match self {
            Self::Paths => "[<class 'list'>, <class 'dict'>, <class 'str'>]",
            Self::ListOrDict => "[<class 'list'>, <class 'dict'>]",
            Self::TextOrDict => "[<class 'str'>, <class 'dict'>]",
            Self::TextListOrDict => "[<class 'str'>, <class 'list'>, <class 'dict'>]",
            Self::Depths => "(<class 'list'>, <class 'int'>)",
            Self::Dict => "<class 'dict'>",
            Self::Text => "<class 'str'>",
            Self::Bool => "<class 'bool'>",
            Self::Int => "<class 'int'>",
        }
    }
}

/// An argument that may be left out.
#[derive(Debug, Clone, Copy)]
pub enum Default {
    /// True or false.
    Bool(bool),
    /// A text.
    Text(&'static str),
}

impl Default {
    fn value(self) -> Value {
        match self {
            Self::Bool(truth) => Value::Bool(truth),
            Self::Text(text) => Value::from(text),
        }
    }
}

/// A method.
#[derive(Debug)]
pub struct Entry {
    /// Which it is.
    pub method: Method,
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    takes: &'static [Takes],
    /// The defaults of the last arguments.
    defaults: &'static [Default],
    /// How many arguments there are at most.
    most: usize,
}

macro_rules! methods {
    ($($method:ident = $name:literal [$($takes:ident),*] $most:literal [$($default:expr),*] $summary:literal;)*) => {
        /// A method of the catalogue.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Method { $($method),* }

        /// All methods.
        pub const METHODS: &[Entry] = &[$(Entry {
            method: Method::$method,
            name: $name,
            summary: $summary,
            takes: &[$(Takes::$takes),*],
            defaults: &[$($default),*],
            most: $most,
        }),*];
    };
}

methods! {
    ChangePathOwner = "changePathOwner" [Paths] 2 [Default::Bool(false)]
        "Gives paths to other owners, directories with all below them on request.";
    ChangePathGroup = "changePathGroup" [Paths] 2 [Default::Bool(false)]
        "Gives paths to other groups, directories with all below them on request.";
    ChangePathMode = "changePathMode" [Paths] 2 [Default::Bool(false)]
        "Changes the permission bits of paths, of directories with all below them on request.";
    GetPathPermissions = "getPathPermissions" [Paths] 1 []
        "Says what the caller may do with paths.";
    HasAccess = "hasAccess" [TextOrDict, TextListOrDict] 2 []
        "Says whether the caller may do something with paths.";
    IsOk = "isOK" [] 0 [] "Says whether the catalogue can be used.";
    AddUser = "addUser" [Text] 1 [] "Gives the id of a user.";
    DeleteUser = "deleteUser" [Text] 1 [] "Does nothing: users are those of the Registry.";
    AddGroup = "addGroup" [Text] 1 [] "Gives the id of a group.";
    DeleteGroup = "deleteGroup" [Text] 1 [] "Does nothing: groups are those of the Registry.";
    GetUsers = "getUsers" [] 0 [] "Lists the users with their ids.";
    GetGroups = "getGroups" [] 0 [] "Lists the groups with their ids.";
    Exists = "exists" [Paths] 1 [] "Says which paths are files or directories.";
    AddFile = "addFile" [Paths] 1 [] "Registers files with their first replicas.";
    RemoveFile = "removeFile" [Paths] 1 [] "Removes files with their replicas.";
    SetFileStatus = "setFileStatus" [Dict] 1 [] "Changes the state of files.";
    AddReplica = "addReplica" [Paths] 1 [] "Registers replicas of files.";
    RemoveReplica = "removeReplica" [Paths] 1 [] "Removes the records of replicas.";
    SetReplicaStatus = "setReplicaStatus" [Paths] 1 [] "Changes the state of replicas.";
    SetReplicaHost = "setReplicaHost" [Paths] 1 []
        "Records that replicas are at other storage elements.";
    AddFileAncestors = "addFileAncestors" [Dict] 1 [] "Says what files were made from.";
    IsFile = "isFile" [Paths] 1 [] "Says which paths are files.";
    GetFileSize = "getFileSize" [Paths] 1 [] "Gives the sizes of files.";
    GetFileMetadata = "getFileMetadata" [Paths] 1 [] "Shows files.";
    GetFileDetails = "getFileDetails" [Paths] 1 [] "Shows files with their metadata.";
    GetReplicas = "getReplicas" [Paths, Bool] 2 [Default::Bool(false)]
        "Finds the replicas of files.";
    GetReplicaStatus = "getReplicaStatus" [Paths] 1 [] "Gives the states of replicas.";
    GetFileAncestors = "getFileAncestors" [ListOrDict, Depths] 2 []
        "Finds what files were made from.";
    GetFileDescendents = "getFileDescendents" [ListOrDict, Depths] 2 []
        "Finds what was made from files.";
    GetLfnForGuid = "getLFNForGUID" [Paths] 1 [] "Finds files by their GUIDs.";
    CreateDirectory = "createDirectory" [Paths] 1 [] "Creates directories.";
    RemoveDirectory = "removeDirectory" [Paths] 1 [] "Removes empty directories.";
    ListDirectory = "listDirectory" [Paths, Bool] 2 [] "Lists what is in directories.";
    IsDirectory = "isDirectory" [Paths] 1 [] "Says which paths are directories.";
    GetDirectoryMetadata = "getDirectoryMetadata" [Paths] 1 [] "Shows directories.";
    GetDirectorySize = "getDirectorySize" [Paths] 4
        [Default::Bool(false), Default::Bool(false), Default::Bool(true)]
        "Counts files and bytes below directories.";
    GetDirectoryReplicas = "getDirectoryReplicas" [Paths, Bool] 2 [Default::Bool(false)]
        "Finds the replicas of the files in directories.";
    GetDirectoryDump = "getDirectoryDump" [Paths] 1 []
        "Lists all files and directories below directories.";
    AddMetadataField = "addMetadataField" [Text, Text, Text] 3 [Default::Text("-d")]
        "Declares a metadata field of files or directories.";
    DeleteMetadataField = "deleteMetadataField" [Text] 1 []
        "Takes a metadata field away that has no values.";
    GetMetadataFields = "getMetadataFields" [] 0 [] "Lists the metadata fields with their types.";
    SetMetadata = "setMetadata" [Text, Dict] 2 [] "Sets metadata of a file or directory.";
    SetMetadataBulk = "setMetadataBulk" [Dict] 1 [] "Sets metadata of files and directories.";
    RemoveMetadata = "removeMetadata" [Dict] 1 [] "Removes metadata of files and directories.";
    GetDirectoryUserMetadata = "getDirectoryUserMetadata" [Text] 1 []
        "Shows the metadata that holds in a directory.";
    GetFileUserMetadata = "getFileUserMetadata" [Text] 1 [] "Shows the metadata of a file.";
    FindDirectoriesByMetadata = "findDirectoriesByMetadata" [Dict] 2 [Default::Text("/")]
        "Finds directories by their metadata.";
    FindFilesByMetadata = "findFilesByMetadata" [Dict, Text] 2 [Default::Text("/")]
        "Finds files by their metadata and that of their directories.";
    FindFilesByMetadataDetailed = "findFilesByMetadataDetailed" [Dict, Text] 2
        [Default::Text("/")]
        "Finds files by metadata, and shows them.";
    FindFilesByMetadataWeb = "findFilesByMetadataWeb" [Dict, Text, Int, Int] 4 []
        "Finds files by metadata, a page at a time.";
    GetReplicasByMetadata = "getReplicasByMetadata" [Dict, Text, Bool] 3
        [Default::Text("/"), Default::Bool(false)]
        "Finds the replicas of files by metadata.";
    GetCompatibleMetadata = "getCompatibleMetadata" [Dict, Text] 2 [Default::Text("/")]
        "Says which values the fields of directories have where conditions hold.";
    AddMetadataSet = "addMetadataSet" [Text, Dict] 2 []
        "Declares values of metadata that are looked for together.";
    GetMetadataSet = "getMetadataSet" [Text, Bool] 2 [] "Shows the values of a metadata set.";
    AddDataset = "addDataset" [Dict] 1 [] "Makes datasets of queries.";
    AddDatasetAnnotation = "addDatasetAnnotation" [Dict] 1 [] "Says what datasets are for.";
    RemoveDataset = "removeDataset" [Dict] 1 [] "Removes datasets.";
    CheckDataset = "checkDataset" [Dict] 1 []
        "Says how what datasets held last differs from what they hold now.";
    UpdateDataset = "updateDataset" [Dict] 1 [] "Keeps what datasets hold now.";
    GetDatasets = "getDatasets" [Dict] 1 [] "Lists datasets by patterns of their names.";
    GetDatasetParameters = "getDatasetParameters" [Dict] 1 [] "Shows datasets.";
    GetDatasetAnnotation = "getDatasetAnnotation" [Dict] 1 [] "Shows what datasets are for.";
    FreezeDataset = "freezeDataset" [Dict] 1 [] "Keeps the files that datasets have now.";
    ReleaseDataset = "releaseDataset" [Dict] 1 []
        "Lets the files of datasets be again what their queries find.";
    GetDatasetFiles = "getDatasetFiles" [Dict] 1 [] "Lists the files of datasets.";
    GetCatalogCounters = "getCatalogCounters" [] 0 [] "Counts what is in the catalogue.";
    RebuildDirectoryUsage = "rebuildDirectoryUsage" [] 0 []
        "Counts the totals of directories anew.";
    RepairCatalog = "repairCatalog" [] 0 [] "Looks for what does not agree, and repairs it.";
}

impl Method {
    /// The method of a name.
    pub fn find(name: &str) -> Option<&'static Entry> {
        METHODS.iter().find(|entry| entry.name == name)
    }
}

impl Entry {
    /// Checks arguments as DISET does, which wants all whose type it knows where it counts them, and
    /// completes them.
    pub fn accept(&self, mut given: Vec<Value>, counted: bool) -> Result<Vec<Value>, Failure> {
        let name = self.name;
        for (at, (value, takes)) in given.iter().zip(self.takes).enumerate() {
            if !takes.accepts(value) {
                return Err(Failure::mismatch(at, value, takes.shown()));
            }
        }
        let least =
            if counted { self.takes.len() } else { self.most.saturating_sub(self.defaults.len()) };
        if given.len() < least {
            let text = format!("Function {name} expects at least {least} arguments");
            return Err(Failure::plain(text));
        }
        if given.len() > self.most {
            // Python counts `self`, too.
            let (most, number) = (self.most + 1, given.len() + 1);
            let least = most - self.defaults.len();
            let takes = match self.defaults.len() {
                0 => format!("{most} positional argument{}", if most == 1 { "" } else { "s" }),
                _ => format!("from {least} to {most} positional arguments"),
            };
            return Err(Failure::plain(format!(
                "Server error while serving {name}: FileCatalogHandlerMixin.export_{name}() takes \
                 {takes} but {number} were given"
            )));
        }
        let left_out = self.most - given.len();
        let first = self.defaults.len().saturating_sub(left_out);
        given.extend(self.defaults.iter().skip(first).map(|default| default.value()));
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(name: &str, given: Vec<Value>, counted: bool) -> Result<Vec<Value>, String> {
        Method::find(name).unwrap().accept(given, counted).map_err(|failure| failure.message)
    }

    #[test]
    fn arguments_are_checked_in_the_words_of_diset() {
        let refused = |name, given| accept(name, given, true).unwrap_err();

        assert_eq!(
            refused("getReplicas", vec![Value::Int(5)]),
            "Type mismatch in parameter 0 (starting with param 0) Received <class 'int'>, \
             expected [<class 'list'>, <class 'dict'>, <class 'str'>]"
        );
        assert_eq!(
            refused("getReplicas", vec![Value::from("/a")]),
            "Function getReplicas expects at least 2 arguments"
        );
        assert_eq!(
            refused("listDirectory", vec![Value::from("/a"), Value::Int(1)]),
            "Type mismatch in parameter 1 (starting with param 0) Received <class 'int'>, \
             expected <class 'bool'>"
        );
        assert_eq!(
            refused("exists", vec![Value::from("/a"), Value::Null, Value::Null]),
            "Server error while serving exists: FileCatalogHandlerMixin.export_exists() takes 2 \
             positional arguments but 4 were given"
        );
        assert_eq!(
            refused("isOK", vec![Value::Null]),
            "Server error while serving isOK: FileCatalogHandlerMixin.export_isOK() takes 1 \
             positional argument but 2 were given"
        );
        let many = vec![Value::from("/a"), Value::Bool(true), Value::Null];
        assert!(
            refused("changePathMode", many)
                .ends_with("takes from 2 to 3 positional arguments but 4 were given")
        );
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let accepted = accept("getReplicas", vec![Value::from("/a")], false).unwrap();
        assert_eq!(accepted, [Value::from("/a"), Value::Bool(false)]);

        let given = vec![Value::from("/a"), Value::Bool(true)];
        let accepted = accept("getDirectorySize", given, true).unwrap();
        let truths = [true, false, true].map(Value::Bool);
        assert_eq!(accepted[1..], truths);
        assert!(accept("listDirectory", vec![Value::from("/a")], false).is_err());
    }

    #[test]
    fn each_name_is_there_once() {
        let names: std::collections::BTreeSet<_> = METHODS.iter().map(|entry| entry.name).collect();

        assert_eq!(names.len(), METHODS.len());
    }
}
