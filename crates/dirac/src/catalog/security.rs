//! Who may do what with which path: the security managers of DIRAC's catalogue.
//!
//! After `DataManagementSystem/DB/FileCatalogComponents/SecurityManager/` of DIRAC 9.1.22, without its
//! faults: nothing is shared between calls, no judgement depends on the order of the paths, and
//! looking makes no users or groups.

use std::collections::HashMap;

use sbk_api::{DirectoryAccess, File};
use sbk_model::{DirPath, Mode};
use sbk_wire::Value;

use super::{
    Security,
    arguments::{self, parent},
    call::{Call, Results},
};
use crate::{Answer, Failure};

/// The bits of a mode for everybody but the owner and the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To read.
    Read = 4,
    /// To write.
    Write = 2,
    /// To enter.
    Execute = 1,
}

impl Right {
    fn bit(self) -> u16 {
        self as u16
    }
}

/// What is judged for VOMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Voms {
    /// The directory that holds the path.
    Parent,
    /// The same, where the path is a directory.
    ParentOfDirectory,
    /// The same, where the path is a file.
    ParentOfFile,
    /// The file itself; anybody may try what is not there.
    File,
    /// The file, or else the directory of the path itself.
    FileOrDirectory,
    /// The directory itself.
    Directory,
    /// Nobody may.
    Never,
    /// It is not said who may.
    Unsaid,
}

macro_rules! operations {
    ($($name:ident = $text:literal $right:ident $voms:ident;)*) => {
        /// What is done with a path, by the names that clients ask with.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Operation { $($name),* }

        impl Operation {
            fn find(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            fn text(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            fn right(self) -> Right {
                match self { $(Self::$name => Right::$right),* }
            }

            fn voms(self) -> Voms {
                match self { $(Self::$name => Voms::$voms),* }
            }
        }
    };
}

operations! {
    Exists = "exists" Read Parent;
    IsFile = "isFile" Read Parent;
    GetFileSize = "getFileSize" Read Parent;
    GetFileMetadata = "getFileMetadata" Read Parent;
    GetReplicas = "getReplicas" Read File;
    GetReplicaStatus = "getReplicaStatus" Read File;
    GetFileAncestors = "getFileAncestors" Read Parent;
    GetFileDescendents = "getFileDescendents" Read Parent;
    ListDirectory = "listDirectory" Read Directory;
    IsDirectory = "isDirectory" Read Parent;
    GetDirectoryReplicas = "getDirectoryReplicas" Read Parent;
    GetDirectorySize = "getDirectorySize" Read Parent;
    GetDirectoryMetadata = "getDirectoryMetadata" Read Parent;
    GetSeDump = "getSEDump" Read Unsaid;
    GetDirectoryDump = "getDirectoryDump" Read Parent;
    ChangePathOwner = "changePathOwner" Write Never;
    ChangePathGroup = "changePathGroup" Write Never;
    ChangePathMode = "changePathMode" Write FileOrDirectory;
    AddFile = "addFile" Write Parent;
    SetFileStatus = "setFileStatus" Write File;
    RemoveFile = "removeFile" Write ParentOfFile;
    AddReplica = "addReplica" Write File;
    RemoveReplica = "removeReplica" Write File;
    SetReplicaStatus = "setReplicaStatus" Write File;
    SetReplicaHost = "setReplicaHost" Write File;
    AddFileAncestors = "addFileAncestors" Write File;
    CreateDirectory = "createDirectory" Write Parent;
    RemoveDirectory = "removeDirectory" Write ParentOfDirectory;
    SetMetadata = "setMetadata" Write Unsaid;
    RemoveMetadata = "__removeMetadata" Write Unsaid;
}

impl Operation {
    fn removes(self) -> bool {
        matches!(self, Self::RemoveFile | Self::RemoveReplica | Self::RemoveDirectory)
    }
}

/// What was found of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Allowed or not.
    Bool(bool),
    /// The bit of the mode that decides, 0 for none.
    Bits(u16),
    /// It could not be found out, and why.
    Failed(&'static str),
}

impl Verdict {
    /// Whether it is allowed.
    pub fn is_yes(self) -> bool {
        matches!(self, Self::Bool(true) | Self::Bits(1..))
    }
}

/// Directories and files around the paths of a call.
#[derive(Debug, Default)]
struct Around {
    directories: HashMap<String, DirectoryAccess>,
    files: HashMap<String, File>,
}

impl Around {
    /// The nearest directory that exists, at a path or above it.
    fn nearest(&self, path: &str) -> Option<&DirectoryAccess> {
        let mut path = path.to_owned();
        loop {
            if let Some(found) = self.directories.get(&path) {
                return Some(found);
            }
            if path == "/" {
                return None;
            }
            path = parent(&path);
        }
    }
}

/// What is wrong with a path that no directory can have.
fn wrong(path: &str) -> Option<&'static str> {
    match path.parse::<DirPath>() {
        Ok(_) => None,
        Err(_) if path.starts_with("//") => Some("Bad Path (double /?)"),
        Err(_) => Some("Illegal Path"),
    }
}

impl Call<'_> {
    /// Whether the caller administers the catalogue.
    pub fn is_admin(&self) -> bool {
        self.who.is_admin || self.settings().security == Security::None
    }

    /// Whether nobody has to be asked about the paths.
    pub fn is_free(&self, operation: Operation) -> bool {
        let reads = operation.right() == Right::Read && self.settings().global_read_access;
        self.is_admin() || reads
    }

    /// Judges each of the paths, which are in their normal form.
    pub async fn judge(
        &self,
        operation: Operation,
        paths: &[&str],
    ) -> Result<Vec<Verdict>, Failure> {
        if self.is_free(operation) {
            return Ok(vec![Verdict::Bool(true); paths.len()]);
        }
        let right = operation.right();
        match self.settings().security {
            Security::None => Ok(vec![Verdict::Bool(true); paths.len()]),
            Security::Directory => self.judge_directories(paths, right, false).await,
            Security::DirectoryWithDelete => {
                self.judge_directories(paths, right, operation.removes()).await
            }
            Security::Full => self.judge_fully(paths, right).await,
            Security::Voms => self.judge_voms(operation, paths).await,
        }
    }

    /// The directories at the paths and above them, and the files of the paths where they matter.
    async fn around(&self, paths: &[&str], with_files: bool) -> Result<Around, Failure> {
        let above = paths
            .iter()
            .filter_map(|path| path.parse::<DirPath>().ok())
            .flat_map(|path| path.self_and_above());
        let mut around =
            Around { directories: self.directories(above).await?, ..Around::default() };
        if with_files {
            around.files = self.files(paths.iter().copied(), false, false).await?;
        }
        Ok(around)
    }

    async fn judge_directories(
        &self,
        paths: &[&str],
        right: Right,
        absent_is_free: bool,
    ) -> Result<Vec<Verdict>, Failure> {
        let around = self.around(paths, absent_is_free).await?;
        let judged = paths.iter().map(|path| match wrong(path) {
            Some(text) => Verdict::Failed(text),
            None if absent_is_free
                && !around.directories.contains_key(*path)
                && !around.files.contains_key(*path) =>
            {
                Verdict::Bool(true)
            }
            None => Verdict::Bool(self.may_in(around.nearest(path), right)),
        });
        Ok(judged.collect())
    }

    async fn judge_fully(&self, paths: &[&str], right: Right) -> Result<Vec<Verdict>, Failure> {
        let around = self.around(paths, true).await?;
        let judged = paths.iter().map(|path| {
            let file = around.files.get(*path).filter(|file| self.sees_file(file.status));
            match (wrong(path), file) {
                (Some(text), _) => Verdict::Failed(text),
                (None, Some(file)) => Verdict::Bits(self.bits_of_file(file, right)),
                (None, None) if *path == "/" => Verdict::Bool(true),
                (None, None) => Verdict::Bool(self.may_in(around.nearest(&parent(path)), right)),
            }
        });
        Ok(judged.collect())
    }

    async fn judge_voms(
        &self,
        operation: Operation,
        paths: &[&str],
    ) -> Result<Vec<Verdict>, Failure> {
        let (right, rule) = (operation.right(), operation.voms());
        match rule {
            Voms::Unsaid => {
                let text = format!("No policy matching operation {}", operation.text());
                return Err(Failure::plain(text));
            }
            Voms::Never => return Ok(vec![Verdict::Bool(false); paths.len()]),
            _ => {}
        }
        let needs_files = matches!(rule, Voms::File | Voms::FileOrDirectory | Voms::ParentOfFile);
        let around = self.around(paths, needs_files).await?;
        let judged = paths.iter().map(|path| {
            let file = around.files.get(*path);
            let seen = file.filter(|file| self.sees_file(file.status));
            let own = around.directories.get(*path);
            let in_parent = || match wrong(path) {
                Some(text) if text.starts_with("Bad") => Verdict::Failed(text),
                Some(_) => Verdict::Failed("Not an absolute path"),
                None => Verdict::Bool(self.may_in(around.nearest(&parent(path)), right)),
            };
            match rule {
                Voms::ParentOfDirectory if own.is_none() => Verdict::Bool(true),
                Voms::ParentOfFile if file.is_none() => Verdict::Bool(true),
                Voms::Parent | Voms::ParentOfDirectory | Voms::ParentOfFile => in_parent(),
                Voms::Directory => match wrong(path) {
                    Some(text) => Verdict::Failed(text),
                    None => Verdict::Bool(self.may_in(around.nearest(path), right)),
                },
                Voms::File | Voms::FileOrDirectory => match (seen, own) {
                    (Some(file), _) => Verdict::Bits(self.bits_of_file(file, right)),
                    (None, Some(own)) if rule == Voms::FileOrDirectory => {
                        Verdict::Bool(self.may_in(Some(own), right))
                    }
                    (None, _) => Verdict::Bool(true),
                },
                Voms::Never | Voms::Unsaid => Verdict::Bool(false),
            }
        });
        Ok(judged.collect())
    }

    /// Whether the caller's group counts as another.
    fn is_of(&self, group: &str) -> bool {
        let own = self.who.caller.group.as_str();
        let shares = self.settings().security == Security::Voms;
        own == group || (shares && self.who.people.share_role(own, group))
    }

    /// Whether the caller may do something in a directory: as owner, as member of its group, or as
    /// anybody. Where there is no directory at all, everybody may.
    fn may_in(&self, directory: Option<&DirectoryAccess>, right: Right) -> bool {
        let Some(directory) = directory else { return true };
        if right == Right::Read && self.settings().global_read_access {
            return true;
        }
        let has = |shift: u16| directory.mode.bits() & (right.bit() << shift) != 0;
        (directory.owner.as_str() == self.who.caller.user.as_str() && has(6))
            || (self.is_of(directory.group.as_str()) && has(3))
            || has(0)
    }

    /// The bit of a file's mode that lets the caller do something: the owner's for the owner, the
    /// group's for its other members, the last for all others.
    fn bits_of_file(&self, file: &File, right: Right) -> u16 {
        let shift = if file.owner.as_str() == self.who.caller.user.as_str() {
            6
        } else if self.is_of(file.group.as_str()) {
            3
        } else {
            0
        };
        self.mode_of(file).bits() & (right.bit() << shift)
    }

    /// The mode of a file.
    pub fn mode_of(&self, file: &File) -> Mode {
        file.mode.unwrap_or(self.settings().default_mode)
    }

    /// `hasAccess`: whether the caller may do something with paths.
    pub async fn has_access(&self, first: Value, second: Value) -> Result<Answer, Failure> {
        // In older versions the operation came first.
        let (paths, operation) = match first {
            Value::Text(_) => (second, first),
            _ => (first, second),
        };
        let paths = arguments::paths(paths)?;
        let names: Vec<&str> = paths.keys().map(String::as_str).collect();
        let verdicts = if self.is_admin() {
            vec![Verdict::Bool(true); names.len()]
        } else {
            self.judge_by_name(operation.text().unwrap_or_default(), &names).await?
        };
        let mut results = Results::default();
        for (path, verdict) in names.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Bool(truth) => results.done(path, truth),
                Verdict::Bits(bits) if self.settings().security == Security::Voms => {
                    results.done(path, i64::from(bits));
                }
                Verdict::Bits(_) => results.done(path, verdict.is_yes()),
                Verdict::Failed(text) => results.failed(path, text),
            }
        }
        Ok(results.into())
    }

    async fn judge_by_name(&self, text: &str, names: &[&str]) -> Result<Vec<Verdict>, Failure> {
        let is_voms = self.settings().security == Security::Voms;
        if let Some(operation) = Operation::find(text) {
            return self.judge(operation, names).await;
        }
        let right = match text {
            _ if is_voms => None,
            "Read" => Some(Right::Read),
            "Write" => Some(Right::Write),
            "Execute" => Some(Right::Execute),
            _ => None,
        };
        match right {
            None if is_voms => Err(Failure::plain(format!("Operation type not known {text}"))),
            None => Err(Failure::plain("Operation type not known")),
            Some(Right::Read) if self.settings().global_read_access => {
                Ok(vec![Verdict::Bool(true); names.len()])
            }
            Some(right) if self.settings().security == Security::Full => {
                self.judge_fully(names, right).await
            }
            Some(right) => self.judge_directories(names, right, false).await,
        }
    }

    /// `getPathPermissions`: what the caller may do with paths.
    pub async fn path_permissions(&self, argument: Value) -> Result<Answer, Failure> {
        let paths = arguments::paths(argument)?;
        let names: Vec<&str> = paths.keys().map(String::as_str).collect();
        let rights = [("Read", Right::Read), ("Write", Right::Write), ("Execute", Right::Execute)];
        let mut results = Results::default();
        let mut by_right = Vec::with_capacity(rights.len());
        for (_, right) in rights {
            by_right.push(match self.settings().security {
                Security::None => vec![Verdict::Bool(true); names.len()],
                Security::Directory | Security::DirectoryWithDelete => {
                    self.judge_directories(&names, right, false).await?
                }
                Security::Full | Security::Voms => self.judge_fully(&names, right).await?,
            });
        }
        for (at, path) in names.into_iter().enumerate() {
            let verdicts: Vec<Verdict> =
                by_right.iter().filter_map(|verdicts| verdicts.get(at).copied()).collect();
            let failed = verdicts.iter().find_map(|verdict| match verdict {
                Verdict::Failed(text) => Some(*text),
                _ => None,
            });
            if let Some(text) = failed {
                results.failed(path, text);
                continue;
            }
            let entries = rights
                .iter()
                .zip(verdicts)
                .map(|((name, _), verdict)| (*name, Value::Bool(verdict.is_yes())));
            results.done(path, Value::dict(entries));
        }
        Ok(results.into())
    }
}
