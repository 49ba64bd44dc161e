//! One call.

use std::{collections::BTreeMap, sync::Arc};

use sbk_api::{
    Code, CreateDirectories, DeclareCommunity, Listing, Metadata, NewDirectory, Page, PageArgs,
    Problem,
};
use sbk_metadata::Schema;
use sbk_model::{DirPath, SeName, Timestamp, Vo};
use sbk_service::{CallContext, Caller};
use sbk_wire::Value;

use super::{
    FileCatalog, Method, Principal, Settings, TRUST_SECONDS,
    arguments::{self, Paths},
    method::Entry,
    security::{Operation, Verdict},
};
use crate::{Answer, Failure};

/// What every method works with.
pub struct Call<'a> {
    catalog: &'a FileCatalog,
    /// Who calls.
    pub who: &'a Principal,
    /// Who acts in the bookkeeping.
    acting: Caller,
}

/// Paths that the caller may do something with, and results for those that they may not.
#[derive(Debug)]
pub struct Permitted {
    /// The paths, with what came with them.
    pub paths: Paths,
    /// Results so far.
    pub results: Results,
}

/// What became of paths.
#[derive(Debug, Default, PartialEq)]
pub struct Results {
    successful: Vec<(Value, Value)>,
    failed: Vec<(Value, Value)>,
}

impl Results {
    /// A path is done.
    pub fn done(&mut self, path: &str, value: impl Into<Value>) {
        self.successful.push((Value::from(path), value.into()));
    }

    /// A path failed.
    pub fn failed(&mut self, path: &str, text: &str) {
        self.failed.push((Value::from(path), Value::from(text)));
    }
}

impl From<Results> for Value {
    fn from(results: Results) -> Self {
        Self::dict([
            ("Successful", Self::Dict(results.successful)),
            ("Failed", Self::Dict(results.failed)),
        ])
    }
}

impl From<Results> for Answer {
    fn from(results: Results) -> Self {
        Value::from(results).into()
    }
}

impl<'a> Call<'a> {
    /// Begins a call.
    pub fn new(catalog: &'a FileCatalog, who: &'a Principal) -> Self {
        Self { catalog, who, acting: who.acting() }
    }

    /// How the catalogue is set up.
    pub fn settings(&self) -> &Settings {
        &self.catalog.settings
    }

    /// Asks the bookkeeping.
    pub async fn ask<O: sbk_service::Call>(&self, operation: O) -> Result<O::Output, Failure> {
        let asked = self.catalog.service.call(&self.acting, operation, CallContext::default());
        asked.await.map_err(|error| {
            if matches!(error.code(), Code::Internal | Code::Unavailable) {
                tracing::error!(operation = O::NAME, %error, "a request failed");
            }
            Failure::from(Problem::from(&error))
        })
    }

    /// The schema of a community; none where it is not declared.
    pub async fn known_schema(&self, vo: &Vo) -> Result<Option<Arc<Schema>>, Failure> {
        Box::pin(self.catalog.service.schema(vo)).await.map_err(|error| {
            tracing::error!(%vo, %error, "a schema cannot be read");
            Failure::from(Problem::from(&error))
        })
    }

    /// Goes through a list, page by page, until it is told that it was enough.
    pub async fn each_until<L: Listing + sbk_service::Call>(
        &self,
        list: impl Fn(PageArgs) -> L,
        mut is_enough: impl FnMut(L::Item) -> bool,
    ) -> Result<(), Failure> {
        let mut after = None;
        loop {
            let page = PageArgs { after, limit: Some(PageArgs::MAX_LIMIT) };
            let Page { items, next } = self.ask(list(page)).await?;
            if items.into_iter().any(&mut is_enough) || next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }

    /// Goes through a list, page by page.
    pub async fn each<L: Listing + sbk_service::Call>(
        &self,
        list: impl Fn(PageArgs) -> L,
        mut take: impl FnMut(L::Item),
    ) -> Result<(), Failure> {
        let take = |item| {
            take(item);
            false
        };
        self.each_until(list, take).await
    }

    /// The community that new files and directories belong to; it is declared where it is new.
    pub async fn community(&self) -> Result<Vo, Failure> {
        let vo = self.who.caller.vo.as_ref().or(self.settings().vo.as_ref()).ok_or_else(|| {
            let text = format!(
                "the group {} belongs to no virtual organisation; set its VO in the Registry, or \
                 file_catalog.vo",
                self.who.caller.group
            );
            Failure::with(13, &text)
        })?;
        let is_known = self.catalog.known().communities.contains(vo);
        if !is_known {
            self.ask(DeclareCommunity { vo: vo.clone() }).await?;
            self.ask(self.root(vo)).await?;
            self.catalog.known().communities.insert(vo.clone());
        }
        Ok(vo.clone())
    }

    /// Makes the root directory, which is nobody's, where there is none.
    fn root(&self, vo: &Vo) -> CreateDirectories {
        let root = NewDirectory {
            path: DirPath::root(),
            owner: "root".parse().ok(),
            group: "root".parse().ok(),
            mode: Some(self.settings().default_mode),
            metadata: Metadata::new(),
        };
        CreateDirectories { vo: vo.clone(), directories: vec![root] }
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        self.catalog.now()
    }

    /// Whether a storage element was seen to be declared not long ago.
    pub fn knows_element(&self, name: &SeName) -> bool {
        let now = self.now();
        self.catalog.known().elements.get(name).is_some_and(|until| *until > now)
    }

    /// Remembers that storage elements are declared.
    pub fn remember_elements<'e>(&self, names: impl Iterator<Item = &'e SeName>) {
        let until = self.now().plus_seconds(TRUST_SECONDS);
        let mut known = self.catalog.known();
        known.elements.extend(names.map(|name| (name.clone(), until)));
    }

    /// Whether the caller's community may have datasets.
    pub fn may_have_datasets(&self) -> bool {
        let now = self.now();
        let known = self.catalog.known();
        let until = self.own_vo().and_then(|vo| known.without_datasets.get(vo));
        until.is_none_or(|until| *until <= now)
    }

    /// Remembers for a while that a community has no datasets.
    pub fn expect_no_datasets(&self, vo: &Vo) {
        let until = self.now().plus_seconds(TRUST_SECONDS);
        self.catalog.known().without_datasets.insert(vo.clone(), until);
    }

    /// Remembers that a community has datasets.
    pub fn expect_datasets(&self, vo: &Vo) {
        self.catalog.known().without_datasets.remove(vo);
    }

    /// Reads paths, and leaves those that the caller may do something with.
    pub async fn permitted(
        &self,
        argument: Value,
        operation: Operation,
    ) -> Result<Permitted, Failure> {
        let paths = arguments::paths(argument)?;
        let mut results = Results::default();
        if self.is_free(operation) {
            return Ok(Permitted { paths, results });
        }
        let names: Vec<&str> = paths.keys().map(String::as_str).collect();
        let verdicts = self.judge(operation, &names).await?;
        let mut left = Paths::with_capacity(paths.len());
        for ((path, value), verdict) in paths.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Failed(text) => results.failed(&path, text),
                verdict if verdict.is_yes() => drop(left.insert(path, value)),
                _ => results.failed(&path, "Permission denied"),
            }
        }
        Ok(Permitted { paths: left, results })
    }

    /// Refuses a caller who does not administer the catalogue.
    pub fn check_admin(&self, detail: &str) -> Result<(), Failure> {
        if self.is_admin() { Ok(()) } else { Err(Failure::with(13, detail)) }
    }

    /// Runs a method.
    pub async fn run(&self, entry: &Entry, given: Vec<Value>) -> Result<Answer, Failure> {
        let mut given = given.into_iter();
        let mut next = || given.next().unwrap_or(Value::Null);
        match entry.method {
            Method::Exists => self.exists(next()).await,
            Method::IsFile => self.is_file(next()).await,
            Method::GetFileSize => self.file_sizes(next()).await,
            Method::GetFileMetadata => self.file_metadata(next()).await,
            Method::GetFileDetails => self.file_details(next()).await,
            Method::GetLfnForGuid => self.lfns_of_guids(next()).await,
            Method::AddFile => self.add_files(next()).await,
            Method::RemoveFile => self.remove_files(next()).await,
            Method::SetFileStatus => self.set_file_status(next()).await,
            Method::GetReplicas => self.replicas(next(), next()).await,
            Method::GetReplicaStatus => self.replica_status(next()).await,
            Method::AddReplica => self.add_replicas(next()).await,
            Method::RemoveReplica => self.remove_replicas(next()).await,
            Method::SetReplicaStatus => self.set_replica_status(next()).await,
            Method::SetReplicaHost => self.set_replica_host(next()).await,
            Method::AddFileAncestors => self.add_ancestors(next()).await,
            Method::GetFileAncestors => self.ancestors(next(), next()).await,
            Method::GetFileDescendents => self.descendants(next(), next()).await,
            Method::CreateDirectory => self.create_directories(next()).await,
            Method::RemoveDirectory => self.remove_directories(next()).await,
            Method::IsDirectory => self.is_directory(next()).await,
            Method::ListDirectory => self.list_directories(next(), next()).await,
            Method::GetDirectoryMetadata => self.directory_metadata(next()).await,
            Method::GetDirectorySize => {
                let (paths, long, _from_files) = (next(), next(), next());
                self.directory_sizes(paths, &long, &next()).await
            }
            Method::GetDirectoryReplicas => self.directory_replicas(next(), next()).await,
            Method::GetDirectoryDump => self.directory_dumps(next()).await,
            Method::ChangePathOwner => self.change_owner(next(), next()).await,
            Method::ChangePathGroup => self.change_group(next(), next()).await,
            Method::ChangePathMode => self.change_mode(next(), next()).await,
            Method::GetPathPermissions => self.path_permissions(next()).await,
            Method::HasAccess => self.has_access(next(), next()).await,
            Method::IsOk => self.is_ok().await,
            Method::AddUser | Method::AddGroup => self.add_person(&next()),
            Method::DeleteUser | Method::DeleteGroup => self.delete_person(),
            Method::GetUsers => self.users(),
            Method::GetGroups => self.groups(),
            Method::AddMetadataField => {
                let (name, kind) = (next(), next());
                self.add_field(&name, &kind, &next()).await
            }
            Method::DeleteMetadataField => self.delete_field(&next()).await,
            Method::GetMetadataFields => self.fields().await,
            Method::SetMetadata => self.set_metadata(next(), next()).await,
            Method::SetMetadataBulk => self.set_metadata_of(next()).await,
            Method::RemoveMetadata => self.remove_metadata(next()).await,
            Method::GetDirectoryUserMetadata => self.directory_metadata_of(next()).await,
            Method::GetFileUserMetadata => self.file_metadata_of(next()).await,
            Method::FindDirectoriesByMetadata => self.find_directories(next(), next()).await,
            Method::FindFilesByMetadata => self.find_files(next(), next()).await,
            Method::FindFilesByMetadataDetailed => self.find_details(next(), next()).await,
            Method::FindFilesByMetadataWeb => {
                let (query, path, first) = (next(), next(), next());
                self.find_page(query, path, &first, &next()).await
            }
            Method::GetReplicasByMetadata => self.find_replicas(next(), next(), next()).await,
            Method::GetCompatibleMetadata => self.compatible(next(), next()).await,
            Method::AddMetadataSet => self.add_set(next(), next()).await,
            Method::GetMetadataSet => self.metadata_set(next(), next()).await,
            Method::AddDataset => self.add_datasets(next()).await,
            Method::AddDatasetAnnotation => self.annotate_datasets(next()).await,
            Method::RemoveDataset => self.remove_datasets(next()).await,
            Method::CheckDataset => self.check_datasets(next()).await,
            Method::UpdateDataset => self.update_datasets(next()).await,
            Method::GetDatasets => self.list_datasets(next()).await,
            Method::GetDatasetParameters => self.dataset_parameters(next()).await,
            Method::GetDatasetAnnotation => self.annotations(next()).await,
            Method::FreezeDataset => self.freeze_datasets(next()).await,
            Method::ReleaseDataset => self.release_datasets(next()).await,
            Method::GetDatasetFiles => self.dataset_files(next()).await,
            Method::GetCatalogCounters => self.counters().await,
            Method::RebuildDirectoryUsage => self.rebuild_usage().await,
            Method::RepairCatalog => self.repair().await,
        }
    }
}

/// Items by what they have in common, each group in its order.
pub fn grouped<K: Ord, T>(items: impl IntoIterator<Item = (K, T)>) -> BTreeMap<K, Vec<T>> {
    let mut groups: BTreeMap<K, Vec<T>> = BTreeMap::new();
    for (key, item) in items {
        groups.entry(key).or_default().push(item);
    }
    groups
}
