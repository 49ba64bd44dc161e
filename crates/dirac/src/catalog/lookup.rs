//! Files and directories by their paths.

use std::collections::{BTreeSet, HashMap};

use futures::{FutureExt, future::BoxFuture};
use sbk_api::{DirectoryAccess, File, FindDirectories, GetFiles};
use sbk_model::{DirPath, FileStatus, Lfn, ReplicaStatus};

use super::{call::Call, status};
use crate::Failure;

/// How many names are asked for at a time.
pub const AT_ONCE: usize = 5000;

/// The names among paths; others than absolute ones are none.
pub fn lfns<'a>(paths: impl IntoIterator<Item = &'a str>) -> Vec<Lfn> {
    paths.into_iter().filter_map(|path| path.parse().ok()).collect()
}

/// What is looked for, without a word of how its names were found.
type Looked<'c, T> = BoxFuture<'c, Result<HashMap<String, T>, Failure>>;

impl Call<'_> {
    /// The files that there are of some paths, whatever their state.
    pub fn files<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p str>,
        replicas: bool,
        metadata: bool,
    ) -> Looked<'_, File> {
        self.files_named(lfns(paths), replicas, metadata, false).boxed()
    }

    /// The files of some paths that are seen.
    pub fn visible_files<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p str>,
        replicas: bool,
        metadata: bool,
    ) -> Looked<'_, File> {
        self.files_named(lfns(paths), replicas, metadata, true).boxed()
    }

    async fn files_named(
        &self,
        lfns: Vec<Lfn>,
        replicas: bool,
        metadata: bool,
        visible: bool,
    ) -> Result<HashMap<String, File>, Failure> {
        let mut files = HashMap::new();
        for lfns in lfns.chunks(AT_ONCE) {
            let lfns = lfns.to_vec();
            let wanted = GetFiles { lfns, replicas, metadata, datasets: false };
            let found = self.ask(wanted).await?.found.into_iter();
            let found = found.filter(|file| !visible || self.sees_file(file.status));
            files.extend(found.map(|file| (file.lfn.to_string(), file)));
        }
        Ok(files)
    }

    /// The directories that there are of some paths.
    pub fn directories(
        &self,
        paths: impl IntoIterator<Item = DirPath>,
    ) -> Looked<'_, DirectoryAccess> {
        let paths: BTreeSet<DirPath> = paths.into_iter().collect();
        let paths: Vec<DirPath> = paths.into_iter().collect();
        async move {
            let mut directories = HashMap::new();
            for paths in paths.chunks(AT_ONCE) {
                let found = self.ask(FindDirectories { paths: paths.to_vec() }).await?.found;
                directories.extend(found.into_iter().map(|dir| (dir.path.to_string(), dir)));
            }
            Ok(directories)
        }
        .boxed()
    }

    /// The directories that there are of some paths, as clients write them.
    pub fn directories_of<'p>(
        &self,
        paths: impl IntoIterator<Item = &'p str>,
    ) -> Looked<'_, DirectoryAccess> {
        self.directories(paths.into_iter().filter_map(|path| path.parse().ok()))
    }

    /// Whether files of a state are seen.
    pub fn sees_file(&self, state: FileStatus) -> bool {
        let name = status::of_file(state);
        self.settings().visible_file_status.iter().any(|visible| visible == name)
    }

    /// Whether replicas of a state are seen.
    pub fn sees_replica(&self, state: ReplicaStatus) -> bool {
        let name = status::of_replica(state);
        self.settings().visible_replica_status.iter().any(|visible| visible == name)
    }
}
