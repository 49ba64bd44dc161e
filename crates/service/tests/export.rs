//! What leaves one bookkeeping as an export arrives whole in another, on whatever database.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Catalogue, dataset, file_with, files, vo};
use sbk_api::*;
use sbk_testkit::{Backend, TestDatabase, each_backend};
use serde_json::json;

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// A bookkeeping with at least one of everything.
async fn full(database: &TestDatabase) -> Catalogue {
    let catalogue = Catalogue::new(database).await;
    let mut new = dataset("d");
    new.metadata.insert("period".into(), "1994".into());
    new.parents = vec!["elsewhere".parse().unwrap()];
    let mut late = dataset("late");
    late.query = Some("run > 1".into());
    let datasets = vec![new, late, dataset("open")];
    let call = AddDatasets { vo: vo(), datasets, atomicity: Atomicity::All };
    assert_eq!(catalogue.call(call).await.unwrap().added, 3);
    let directories = json!({ "vo": "superb", "directories": [
        { "path": "/s/x", "owner": "alice", "mode": "0700", "metadata": { "geometry": "DG_4" } },
    ] });
    catalogue.call(read::<CreateDirectories>(directories)).await.unwrap();
    let rich = |n: i64| {
        let lfn = format!("/s/x/y/é {n}");
        file_with(&lfn, json!({ "run": n, "energy": 0.1 * n as f64, "tags": ["a", "b"] }))
    };
    catalogue.add_to(Some("d"), (0..7).map(rich).collect()).await;
    catalogue.wait(10);
    catalogue.add_to(Some("open"), files(&["/s/1", "/s/2", "/s/3"])).await;
    let replica =
        json!({ "replicas": [{ "lfn": "/s/1", "se": "CNAF-tape", "status": "staging" }] });
    catalogue.call(read::<AddReplicas>(replica)).await.unwrap();
    let bad = json!({ "lfns": ["/s/2", "/s/3"], "status": "bad" });
    catalogue.call(read::<SetFileStatus>(bad)).await.unwrap();
    let retire = json!({ "lfns": ["/s/2"], "reason": "lost" });
    catalogue.call(read::<RetireFiles>(retire)).await.unwrap();
    let snapshot = json!({ "name": "open", "snapshot_only": true });
    catalogue.call(read::<FreezeDataset>(snapshot)).await.unwrap();
    catalogue.call(read::<FreezeDataset>(json!({ "name": "d" }))).await.unwrap();
    catalogue
}

/// The whole export, a line a record, read in small pages.
async fn export(catalogue: &Catalogue) -> Vec<Record> {
    let mut records = Vec::new();
    let mut page = PageArgs { after: None, limit: Some(3) };
    loop {
        let found = catalogue.call(ExportRecords { vo: None, page }).await.unwrap();
        records.extend(found.items);
        match found.next {
            Some(next) => page = PageArgs { after: Some(next), limit: Some(3) },
            None => return records,
        }
    }
}

async fn import(catalogue: &Catalogue, records: &[Record]) -> BulkResult {
    let mut results = Vec::new();
    for some in records.chunks(5) {
        let call = ImportRecords { records: some.to_vec() };
        results.extend(catalogue.call(call).await.unwrap().results);
    }
    BulkResult::of(results)
}

fn text(records: &[Record]) -> String {
    records.iter().map(|record| serde_json::to_string(record).unwrap() + "\n").collect()
}

async fn travels_to(database: &TestDatabase, backend: Backend) {
    let Some(other) = TestDatabase::create_if_selected(backend) else { return };
    let original = full(database).await;
    let copy = Catalogue::empty(&other).await;
    copy.wait(1_000);
    let records = export(&original).await;

    // Each record survives the wire.
    let lines = text(&records);
    let records: Vec<Record> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = import(&copy, &records).await;
    let second_export = text(&export(&copy).await);
    let again = import(&copy, &records).await;

    assert_eq!(first.refused, 0, "{first:?}");
    assert_eq!(second_export, lines);
    assert_eq!((again.added, again.changed, again.refused), (0, 0, 0), "{again:?}");
    assert_eq!(text(&export(&copy).await), lines);
    assert_eq!(copy.wrong_totals(false).await, []);
    for name in ["d", "late", "open"] {
        let (there, here) = (copy.show_dataset(name).await, original.show_dataset(name).await);
        assert_eq!((there.files, there.status), (here.files, here.status), "{name}");
    }
    let found = copy.query("geometry = DG_4 and run >= 3").await.unwrap();
    assert_eq!(found.len(), 4);
}

each_backend! {
    async fn everything_travels_to_sqlite(database: TestDatabase) {
        travels_to(&database, Backend::Sqlite).await;
    }

    async fn everything_travels_to_postgresql(database: TestDatabase) {
        travels_to(&database, Backend::Postgres).await;
    }

    async fn everything_travels_to_mariadb(database: TestDatabase) {
        travels_to(&database, Backend::MariaDb).await;
    }
}
