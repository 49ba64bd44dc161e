//! Directories.

use std::collections::BTreeMap;

use sbk_api::{
    CreateDirectories, DirectoryAccess, DirectorySize, File, ListFiles, ListSubdirectories,
    MeasureDirectories, Metadata, NewDirectory, RemoveDirectory,
};
use sbk_model::DirPath;
use sbk_wire::Value;

use super::{
    call::{Call, Permitted},
    changes::reason,
    lookup::AT_ONCE,
    security::Operation,
    show::{directory_id, moment},
    status,
};
use crate::{Answer, Failure, ok, python};

impl Call<'_> {
    /// `createDirectory`: a directory that is there counts as created.
    pub async fn create_directories(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::CreateDirectory).await?;
        let mut wanted: Vec<DirPath> = Vec::with_capacity(paths.len());
        for path in paths.keys() {
            match path.parse() {
                Ok(wanted_path) => wanted.push(wanted_path),
                Err(_) if path.starts_with("//") => results.failed(path, "Bad Path (double /?)"),
                Err(_) if !path.starts_with('/') => results.failed(path, "Not an absolute path"),
                Err(error) => {
                    let error: sbk_model::Invalid = error;
                    results.failed(path, &error.to_string());
                }
            }
        }
        if !wanted.is_empty() {
            self.make(&wanted).await?;
        }
        for path in wanted {
            results.done(path.as_str(), true);
        }
        Ok(results.into())
    }

    /// Makes directories and those above them, as far as they are not there.
    pub async fn make(&self, wanted: &[DirPath]) -> Result<(), Failure> {
        let vo = self.community().await?;
        let chain = || wanted.iter().flat_map(DirPath::self_and_above);
        let known = self.directories(chain()).await?;
        let new = |path: DirPath| NewDirectory {
            path,
            owner: None,
            group: None,
            mode: Some(self.settings().default_mode),
            metadata: Metadata::new(),
        };
        let missing: std::collections::BTreeSet<DirPath> =
            chain().filter(|path| !known.contains_key(path.as_str())).collect();
        let missing: Vec<NewDirectory> = missing.into_iter().map(new).collect();
        for directories in missing.chunks(AT_ONCE) {
            let directories = directories.to_vec();
            self.ask(CreateDirectories { vo: vo.clone(), directories }).await?;
        }
        Ok(())
    }

    /// `isDirectory`.
    pub async fn is_directory(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::IsDirectory).await?;
        let there = self.directories_of(paths.keys().map(String::as_str)).await?;
        for path in paths.keys() {
            results.done(path, there.contains_key(path));
        }
        Ok(results.into())
    }

    /// `removeDirectory`: only what is empty goes, deeper ones first; what is not there counts as
    /// gone.
    pub async fn remove_directories(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::RemoveDirectory).await?;
        let there = self.directories_of(paths.keys().map(String::as_str)).await?;
        let mut going: Vec<&DirectoryAccess> = Vec::with_capacity(there.len());
        for path in paths.keys() {
            match there.get(path) {
                Some(directory) => going.push(directory),
                None => results.done(path, "Directory does not exist"),
            }
        }
        going.sort_by_key(|directory| std::cmp::Reverse(directory.path.depth()));
        for directory in going {
            let path = directory.path.as_str();
            let remove = RemoveDirectory {
                path: directory.path.clone(),
                recursive: false,
                after: None,
                grace_seconds: None,
                reason: reason(),
                preview: false,
            };
            match self.ask(remove).await {
                Ok(_) => {
                    let mut inner = ok(Value::List(Vec::new()));
                    if let Value::Dict(entries) = &mut inner {
                        let id = Value::Int(directory_id(directory));
                        entries.push((Value::from("DirID"), id));
                    }
                    results.done(path, inner);
                }
                // It went away meanwhile.
                Err(failure) if failure.errno == 2 => {
                    results.done(path, "Directory does not exist");
                }
                Err(failure) if failure.errno == 17 => {
                    results.failed(path, "Failed to remove non-empty directory");
                }
                Err(failure) if failure.errno == 5 || failure.errno == 11 => return Err(failure),
                Err(failure) => results.failed(path, &failure.message),
            }
        }
        Ok(results.into())
    }

    /// `getDirectoryMetadata`.
    pub async fn directory_metadata(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::GetDirectoryMetadata).await?;
        let there = self.directories_of(paths.keys().map(String::as_str)).await?;
        for path in paths.keys() {
            match there.get(path) {
                Some(directory) => results.done(path, Self::directory(directory)),
                None => results.failed(path, &format!("Directory does not exist {path}")),
            }
        }
        Ok(results.into())
    }

    /// `listDirectory`.
    pub async fn list_directories(
        &self,
        argument: Value,
        verbose: Value,
    ) -> Result<Answer, Failure> {
        let verbose = python::is_true(&verbose);
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::ListDirectory).await?;
        let there = self.directories_of(paths.keys().map(String::as_str)).await?;
        for path in paths.keys() {
            let Some(directory) = there.get(path) else {
                results.failed(path, &format!("Directory does not exist: {path}"));
                continue;
            };
            let mut files = Vec::new();
            self.each_file_in(&directory.path, verbose, true, |file| {
                if self.sees_file(file.status) {
                    let name = file.lfn.base_name().to_string();
                    files.push((name, self.listed(&file, verbose)));
                }
            })
            .await?;
            let mut below = Vec::new();
            self.each_directory(&directory.path, false, |directory| {
                let shown = if verbose { Self::directory(&directory) } else { Value::Bool(true) };
                below.push((directory.path.to_string(), shown));
            })
            .await?;
            results.done(
                path,
                Value::dict([
                    ("Files", Value::dict(files)),
                    ("SubDirs", Value::dict(below)),
                    ("Links", Value::Dict(Vec::new())),
                    ("Datasets", self.datasets_in(&directory.path, verbose).await?),
                ]),
            );
        }
        Ok(results.into())
    }

    /// What a listing says of a file.
    fn listed(&self, file: &File, verbose: bool) -> Value {
        let mut metadata = self.file(file);
        metadata.push(("Type", Value::from("File")));
        let mut entries = vec![("MetaData", Value::dict(metadata))];
        if verbose {
            let replicas = self.seen(&file.replicas, false).map(|copy| {
                let pfn = copy.pfn.as_ref().map(ToString::to_string).unwrap_or_default();
                let shown = Value::dict([
                    ("PFN", Value::Text(pfn)),
                    ("Status", Value::from(status::of_replica(copy.status))),
                ]);
                (copy.se.as_str(), shown)
            });
            entries.push(("Replicas", Value::dict(replicas.collect::<Vec<_>>())));
        }
        Value::dict(entries)
    }

    /// Goes through the files directly in a directory, whatever their state.
    async fn each_file_in(
        &self,
        path: &DirPath,
        replicas: bool,
        retired: bool,
        take: impl FnMut(File),
    ) -> Result<(), Failure> {
        let list = |page| ListFiles { path: path.clone(), replicas, retired, page };
        self.each(list, take).await
    }

    /// Goes through the directories in a directory, or all below it.
    async fn each_directory(
        &self,
        path: &DirPath,
        recursive: bool,
        take: impl FnMut(DirectoryAccess),
    ) -> Result<(), Failure> {
        let list = |page| ListSubdirectories { path: path.clone(), recursive, page };
        self.each(list, take).await
    }

    /// `getDirectorySize`. What is counted is kept, and exact at every moment, whether it is asked
    /// for from the files or not.
    pub async fn directory_sizes(
        &self,
        argument: Value,
        long: &Value,
        recursive: &Value,
    ) -> Result<Answer, Failure> {
        let began = self.now();
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::GetDirectorySize).await?;
        let (long, own) = (python::is_true(long), !python::is_true(recursive));
        if paths.is_empty() {
            return Ok(results.into());
        }
        let wanted: Vec<DirPath> = paths.keys().filter_map(|path| path.parse().ok()).collect();
        let mut sizes: BTreeMap<String, DirectorySize> = BTreeMap::new();
        for wanted in wanted.chunks(1000) {
            let measure = MeasureDirectories { paths: wanted.to_vec(), own, storage: long };
            let found = self.ask(measure).await?.found;
            sizes.extend(found.into_iter().map(|size| (size.path.to_string(), size)));
        }
        for path in paths.keys() {
            match sizes.get(path) {
                Some(size) => results.done(path, measured(size, long)),
                None => results.failed(path, "Directory not found"),
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a few seconds")]
        let seconds = (self.now().micros() - began.micros()) as f64 / 1e6;
        let time = if sizes.is_empty() { -1.0 } else { seconds };
        let mut value = Value::from(results);
        if let Value::Dict(entries) = &mut value {
            entries.push((Value::from("QueryTime"), Value::Float(time)));
        }
        Ok(value.into())
    }

    /// `getDirectoryReplicas`.
    pub async fn directory_replicas(&self, argument: Value, all: Value) -> Result<Answer, Failure> {
        let all = python::is_true(&all);
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::GetDirectoryReplicas).await?;
        let there = self.directories_of(paths.keys().map(String::as_str)).await?;
        for path in paths.keys() {
            let mut files = Vec::new();
            if let Some(directory) = there.get(path) {
                self.each_file_in(&directory.path, true, true, |file| {
                    let is_seen = all || self.sees_file(file.status);
                    let replicas = self.pfns(&file.replicas, all);
                    if is_seen && python::is_true(&replicas) {
                        files.push((file.lfn.base_name().to_string(), replicas));
                    }
                })
                .await?;
            }
            results.done(path, Value::dict(files));
        }
        Ok(results.into())
    }

    /// `getDirectoryDump`: all that is below directories, in whatever state.
    pub async fn directory_dumps(&self, argument: Value) -> Result<Answer, Failure> {
        let Permitted { paths, mut results } =
            self.permitted(argument, Operation::GetDirectoryDump).await?;
        let there = self.directories_of(paths.keys().map(String::as_str)).await?;
        for path in paths.keys() {
            let Some(top) = there.get(path) else {
                let text = format!("No such file or directory ( 2 : {path} does not exist)");
                results.failed(path, &text);
                continue;
            };
            let mut below = Vec::new();
            self.each_directory(&top.path, true, |directory| below.push(directory.path)).await?;
            let mut files = Vec::new();
            for directory in std::iter::once(&top.path).chain(&below) {
                self.each_file_in(directory, false, true, |file| {
                    let shown = Value::dict([
                        ("Size", Value::Int(file.size.get())),
                        ("CreationDate", moment(file.created)),
                    ]);
                    files.push((file.lfn.to_string(), shown));
                })
                .await?;
            }
            let below = below.iter().map(|path| Value::from(path.as_str())).collect();
            results.done(
                path,
                Value::dict([("Files", Value::dict(files)), ("SubDirs", Value::List(below))]),
            );
        }
        Ok(results.into())
    }
}

/// What `getDirectorySize` says of a directory.
fn measured(size: &DirectorySize, long: bool) -> Value {
    let mut entries = vec![
        ("LogicalSize", Value::Int(size.bytes)),
        ("LogicalFiles", Value::Int(size.files)),
        ("LogicalDirectories", Value::Int(size.directories)),
    ];
    if long {
        let held =
            |files, bytes| Value::dict([("Size", Value::Int(bytes)), ("Files", Value::Int(files))]);
        let mut physical: Vec<(&str, Value)> =
            size.storage.iter().map(|at| (at.se.as_str(), held(at.files, at.bytes))).collect();
        if !physical.is_empty() {
            let sum = |of: fn(&sbk_api::StorageUse) -> i64| size.storage.iter().map(of).sum();
            physical.push(("TotalSize", Value::Int(sum(|at| at.bytes))));
            physical.push(("TotalFiles", Value::Int(sum(|at| at.files))));
        }
        entries.push(("PhysicalSize", Value::dict(physical)));
    }
    Value::dict(entries)
}
