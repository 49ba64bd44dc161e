//! What the tests of the service share.
#![allow(clippy::pedantic)]
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::needless_pass_by_value)]

pub mod samples;

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use sbk_api::*;
use sbk_model::Timestamp;
use sbk_service::{Call, CallContext, Caller, Environment, Error, Options, Service};
use sbk_testkit::TestDatabase;

/// A clock that only moves when it is told to, and numbers that are the same in every run.
#[derive(Debug)]
pub struct Fixed {
    micros: AtomicI64,
    count: AtomicU64,
}

impl Environment for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst))
    }

    fn random(&self) -> u64 {
        self.count.fetch_add(1, Ordering::SeqCst).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7
    }
}

/// A bookkeeping of its own, with a community `superb`, its storage elements and fields.
#[derive(Debug, Clone)]
pub struct Catalogue {
    pub service: Service,
    pub clock: Arc<Fixed>,
    pub caller: Caller,
}

pub const SCHEMA: &str = r#"
version = 1

[[field]]
name = "energy"
entity = "file"
kind = "float"
unit = "GeV"
searchable = true

[[field]]
name = "run"
entity = "file"
kind = "int"
searchable = true

[[field]]
name = "stream"
entity = "file"
kind = "string"

[[field]]
name = "tags"
entity = "file"
kind = "list"
of = "string"

[[field]]
name = "taken"
entity = "file"
kind = "datetime"

[[field]]
name = "generator"
entity = "dataset"
kind = "list"
of = "string"

[[field]]
name = "period"
entity = "dataset"
kind = "string"
searchable = true

[[field]]
name = "geometry"
entity = "directory"
kind = "string"
searchable = true
"#;

impl Catalogue {
    /// Opens an empty database, migrated.
    pub async fn empty(database: &TestDatabase) -> Self {
        let clock = Arc::new(Fixed {
            micros: AtomicI64::new(1_800_000_000_000_000),
            count: AtomicU64::new(1),
        });
        let options = Options { environment: clock.clone(), ..Options::default() };
        let service = Service::open(database.url(), options).await.unwrap();
        service.migrate().await.unwrap();
        Self { service, clock, caller: Caller::local("tester") }
    }

    /// Opens a database with a community, its storage elements and its schema.
    pub async fn new(database: &TestDatabase) -> Self {
        let catalogue = Self::empty(database).await;
        catalogue.call(DeclareCommunity { vo: vo() }).await.unwrap();
        let element = |name: &str| StorageElement {
            name: name.parse().unwrap(),
            site: Some("CNAF".parse().unwrap()),
            pfn_prefix: Some(format!("root://{name}.example.org/")),
        };
        let elements = vec![element("CNAF-disk"), element("CNAF-tape")];
        catalogue.call(DeclareStorageElements { elements }).await.unwrap();
        catalogue.apply(SCHEMA).await.unwrap();
        catalogue
    }

    pub async fn apply(&self, toml: &str) -> Result<SchemaPlan, Error> {
        let toml = toml.to_owned();
        self.call(ApplySchema { vo: vo(), toml, dry_run: false, reason: None }).await
    }

    /// Calls an operation, a millisecond after the one before.
    pub async fn call<O: Call>(&self, operation: O) -> Result<O::Output, Error> {
        self.clock.micros.fetch_add(1000, Ordering::SeqCst);
        self.service.call(&self.caller, operation, CallContext::default()).await
    }

    /// Moves the clock.
    pub fn wait(&self, seconds: i64) {
        self.clock.micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Fills and indexes the columns of searchable fields.
    pub async fn promote(&self) {
        loop {
            self.wait(3);
            if self.call(PromoteFields { limit: Some(100) }).await.unwrap().done {
                return;
            }
        }
    }

    pub async fn add(&self, files: Vec<NewFile>) -> BulkResult {
        self.add_to(None, files).await
    }

    pub async fn add_to(&self, dataset: Option<&str>, files: Vec<NewFile>) -> BulkResult {
        let dataset = dataset.map(|name| name.parse().unwrap());
        let call = AddFiles {
            vo: vo(),
            files,
            dataset,
            atomicity: Atomicity::All,
            only_new: false,
            unique_guids: false,
        };
        self.call(call).await.unwrap()
    }

    pub async fn add_dataset(&self, name: &str) {
        let new = dataset(name);
        let call = AddDatasets { vo: vo(), datasets: vec![new], atomicity: Atomicity::All };
        assert_eq!(self.call(call).await.unwrap().added, 1);
    }

    pub async fn show_dataset(&self, name: &str) -> Dataset {
        self.call(GetDataset { name: name.parse().unwrap(), vo: Some(vo()) }).await.unwrap()
    }

    pub async fn show_directory(&self, path: &str) -> Directory {
        self.call(GetDirectory { path: path.parse().unwrap() }).await.unwrap()
    }

    /// The names that a query finds, over as many pages as it takes.
    pub async fn query(&self, expr: &str) -> Result<Vec<String>, Error> {
        self.select(Selection { expr: Some(expr.into()), ..Selection::default() }).await
    }

    pub async fn select(&self, selection: Selection) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut page = PageArgs { after: None, limit: Some(3) };
        loop {
            let call = FindFiles { selection: selection.clone(), page, ..FindFiles::default() };
            let found = self.call(call).await?;
            names.extend(found.items.into_iter().map(|file| file.lfn.to_string()));
            match found.next {
                Some(next) => page = PageArgs { after: Some(next), limit: Some(3) },
                None => return Ok(names),
            }
        }
    }

    /// All totals that are wrong.
    pub async fn wrong_totals(&self, repair: bool) -> Vec<WrongTotal> {
        let mut wrong = Vec::new();
        let mut after = None;
        loop {
            let step = self.call(VerifyTotals { repair, after }).await.unwrap();
            wrong.extend(step.wrong);
            match step.next {
                Some(next) => after = Some(next),
                None => return wrong,
            }
        }
    }
}

pub fn vo() -> sbk_model::Vo {
    "superb".parse().unwrap()
}

pub fn dataset(name: &str) -> NewDataset {
    serde_json::from_value(serde_json::json!({ "name": name })).unwrap()
}

/// A file of 100 bytes and 10 events with one replica.
pub fn file(lfn: &str) -> NewFile {
    file_with(lfn, serde_json::json!({}))
}

/// A file with metadata.
pub fn file_with(lfn: &str, metadata: serde_json::Value) -> NewFile {
    serde_json::from_value(serde_json::json!({
        "lfn": lfn, "size": 100, "events": 10, "checksums": { "adler32": "1a2b" },
        "file_type": "ROOT", "replicas": [{ "se": "CNAF-disk" }], "metadata": metadata,
    }))
    .unwrap()
}

pub fn files(names: &[&str]) -> Vec<NewFile> {
    names.iter().map(|name| file(name)).collect()
}

pub fn lfns(names: &[&str]) -> Vec<sbk_model::Lfn> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}
