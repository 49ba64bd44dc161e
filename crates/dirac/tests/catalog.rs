//! The FileCatalog on every database: what it writes the bookkeeping reads, and the other way round.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::Arc};

use futures::{StreamExt, future};
use sbk_api::*;
use sbk_dirac::catalog::{FileCatalog, METHODS, People, Principal, Security, Settings};
use sbk_model::{Permission, Vo};
use sbk_service::{CallContext, Caller, Options, Service};
use sbk_testkit::{TestDatabase, each_backend};
use sbk_wire::Value;

/// A catalogue of its own.
struct Catalogue {
    service: Service,
    catalog: FileCatalog,
}

fn vo() -> Vo {
    "superb".parse().unwrap()
}

fn settings() -> Settings {
    Settings { unique_guid: true, ..Settings::default() }
}

async fn open(database: &TestDatabase, settings: Settings) -> Catalogue {
    let service = Service::open(database.url(), Options::default()).await.unwrap();
    service.migrate().await.unwrap();
    Catalogue { catalog: FileCatalog::new(service.clone(), settings), service }
}

/// Somebody of a group, who may do nothing in the bookkeeping itself.
fn somebody(user: &str, group: &str) -> Principal {
    let caller = Caller { local: false, vo: Some(vo()), ..Caller::with(user, group, []) };
    let roles = [("user", None), ("prod", Some("/superb/Role=production"))];
    let groups =
        roles.into_iter().map(|(name, role)| (name.to_owned(), role.map(str::to_owned))).collect();
    let people = People { users: ["alice".into(), "bob".into()].into(), groups };
    Principal { caller, is_admin: false, people: Arc::new(people) }
}

fn admin() -> Principal {
    Principal { is_admin: true, ..somebody("alice", "prod") }
}

/// A value that is written as JSON.
fn value(json: serde_json::Value) -> Value {
    sbk_wire::to_value(&json).unwrap()
}

macro_rules! json {
    ($($json:tt)*) => { value(serde_json::json!($($json)*)) };
}

impl Catalogue {
    async fn call(&self, who: &Principal, method: &str, arguments: Vec<Value>) -> Value {
        self.catalog.call(who, method, arguments, false).await.unwrap().value
    }

    async fn ask<O: sbk_service::Call>(&self, operation: O) -> O::Output {
        let local = Caller::with("tester", "local", Permission::ALL.iter().copied());
        self.service.call(&local, operation, CallContext::default()).await.unwrap()
    }

    async fn prove(&self) {
        let proof = self.ask(VerifyTotals::default()).await;
        assert_eq!(proof.wrong, []);
    }
}

fn file(path: &str, guid: &str) -> Value {
    json!({ path: {
        "PFN": "", "SE": "SE-A", "Size": 10, "GUID": guid, "Checksum": "0a0b0c0d",
    } })
}

fn succeeded(answer: &Value, path: &str) -> bool {
    answer.get("Successful").unwrap().get(path).is_some()
}

fn failure(answer: &Value, path: &str) -> String {
    answer.get("Failed").unwrap().get(path).unwrap().text().unwrap().to_owned()
}

fn lfns(names: &[&str]) -> Vec<sbk_model::Lfn> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

each_backend! {
    async fn what_one_side_writes_the_other_reads(database: TestDatabase) {
        let it = open(&database, settings()).await;

        let added = it.call(&admin(), "addFile", vec![file("/superb/a/1", "g1")]).await;
        let mut child = file("/superb/a/2", "g2");
        if let Value::Dict(files) = &mut child && let Value::Dict(entries) = &mut files[0].1 {
            entries.push((Value::from("Ancestors"), Value::from("/superb/a/1")));
        }
        let child = it.call(&admin(), "addFile", vec![child]).await;

        assert!(succeeded(&added, "/superb/a/1") && succeeded(&child, "/superb/a/2"));
        let query = FindFiles {
            selection: Selection { expr: Some("se = SE-A".into()), ..Selection::default() },
            replicas: true,
            ..FindFiles::default()
        };
        let found = it.ask(query).await.items;
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].owner.as_str(), "alice");
        let up = GetAncestors { lfns: lfns(&["/superb/a/2"]), ..GetAncestors::default() };
        assert_eq!(it.ask(up).await.items[0].lfn.as_str(), "/superb/a/1");

        let dataset = serde_json::json!({
            "vo": "superb", "datasets": [{ "name": "a", "query": "lfn like '/superb/a/%'" }],
        });
        it.ask(serde_json::from_value::<AddDatasets>(dataset).unwrap()).await;
        let members = serde_json::from_value::<ListMembers>(serde_json::json!({ "name": "a" }));
        assert_eq!(it.ask(members.unwrap()).await.items.len(), 2);

        let new = serde_json::json!({
            "vo": "superb", "files": [{ "lfn": "/superb/a/3", "size": 7, "guid": "G3",
            "replicas": [{ "se": "SE-A" }], "mode": "0640" }],
        });
        it.ask(serde_json::from_value::<AddFiles>(new).unwrap()).await;
        let shown = it.call(&admin(), "getFileMetadata", vec![json!(["/superb/a/3"])]).await;
        let shown = shown.get("Successful").unwrap().get("/superb/a/3").unwrap();
        assert_eq!(shown.get("Size"), Some(&Value::Int(7)));
        assert_eq!(shown.get("Mode"), Some(&Value::Int(0o640)));
        assert_eq!(shown.get("Owner"), Some(&Value::from("tester")));
        let replicas = it.call(&admin(), "getReplicas", vec![json!(["/superb/a/3"])]).await;
        let replicas = replicas.get("Successful").unwrap().get("/superb/a/3").unwrap();
        assert_eq!(replicas.get("SE-A"), Some(&Value::from("")));
        it.prove().await;
    }

    async fn what_owners_hold_follows_their_files(database: TestDatabase) {
        let it = open(&database, settings()).await;
        for (path, guid) in [("/superb/a/1", "g1"), ("/superb/a/2", "g2"), ("/superb/b/3", "g3")] {
            it.call(&admin(), "addFile", vec![file(path, guid)]).await;
        }
        let held = async || {
            let holdings = it.ask(ListHoldings::default()).await.items;
            let held = holdings.into_iter().map(|one| {
                (one.owner.to_string(), one.group.to_string(), one.totals.files, one.totals.bytes)
            });
            let mut held: Vec<_> = held.collect();
            held.sort();
            held
        };
        let of = |owner: &str, group: &str, files| (owner.into(), group.into(), files, 10 * files);

        assert_eq!(held().await, [of("alice", "prod", 3)]);
        it.call(&admin(), "changePathOwner", vec![json!({ "/superb/a": "bob" }), json!(true)]).await;
        it.call(&admin(), "changePathGroup", vec![json!({ "/superb/b/3": "user" })]).await;
        assert_eq!(held().await, [of("alice", "user", 1), of("bob", "prod", 2)]);
        it.call(&admin(), "setFileStatus", vec![json!({ "/superb/a/1": "Removing" })]).await;
        it.call(&admin(), "removeFile", vec![json!("/superb/b/3")]).await;
        assert_eq!(held().await, [of("bob", "prod", 1)]);
        it.prove().await;
    }

    async fn a_dataset_follows_its_query_until_it_is_frozen(database: TestDatabase) {
        let it = open(&database, settings()).await;
        let who = admin();
        it.call(&who, "addMetadataField", vec!["run".into(), "INT".into(), "-d".into()]).await;
        for (name, guid) in [("1", "g1"), ("2", "g2")] {
            let file = file(&format!("/superb/a/{name}"), guid);
            it.call(&who, "addFile", vec![file]).await;
        }
        it.call(&who, "setMetadata", vec!["/superb/a".into(), json!({ "run": 5 })]).await;
        let one = |method: &'static str, argument: Value| {
            let (it, who) = (&it, &who);
            async move {
                let name = "/superb/sets/good";
                let answer = it.call(who, method, vec![Value::dict([(name, argument)])]).await;
                answer.get("Successful").unwrap().get(name).cloned()
            }
        };
        let yes = || Some(Value::Bool(true));

        assert_eq!(one("addDataset", json!({ "run": 5 })).await, yes());
        assert_eq!(one("addDataset", json!({ "run": 5 })).await, None);
        let shown = one("getDatasetParameters", json!(true)).await.unwrap();
        assert_eq!(shown.get("MetaQuery"), Some(&json!({ "run": 5 })));
        assert_eq!(shown.get("NumberOfFiles"), Some(&Value::Int(2)));
        assert_eq!(shown.get("TotalSize"), Some(&Value::Int(20)));
        // printf "['/superb/a/1', '/superb/a/2']" | md5sum
        let hash = Value::from("D532DD4B795C33271E8BD8E22C9EDC5C");
        assert_eq!(shown.get("DatasetHash"), Some(&hash));
        assert_eq!(one("checkDataset", json!(true)).await, Some(Value::Dict(vec![])));

        let query = FindFiles {
            selection: Selection {
                expr: Some("dataset('/superb/sets/good')".into()),
                ..Selection::default()
            },
            ..FindFiles::default()
        };
        assert_eq!(it.ask(query).await.items.len(), 2);

        it.call(&who, "addFile", vec![file("/superb/a/3", "g3")]).await;
        let changed = one("checkDataset", json!(true)).await.unwrap();
        let pair = Value::Tuple(vec![Value::Int(2), Value::Int(3)]);
        assert_eq!(changed.get("NumberOfFiles"), Some(&pair));
        assert_eq!(one("updateDataset", json!(true)).await, Some(Value::Int(1)));
        assert_eq!(one("updateDataset", json!(true)).await, Some(Value::Null));

        assert_eq!(one("freezeDataset", json!(true)).await, yes());
        assert_eq!(one("addDatasetAnnotation", json!("for the paper")).await, yes());
        it.call(&who, "addFile", vec![file("/superb/a/4", "g4")]).await;
        it.call(&who, "removeFile", vec![json!("/superb/a/1")]).await;
        let names = one("getDatasetFiles", json!(true)).await;
        assert_eq!(names, Some(json!(["/superb/a/2", "/superb/a/3"])));
        let listed = it.call(&who, "listDirectory", vec![json!("/superb/sets"), json!(true)]).await;
        let listed = listed.get("Successful").unwrap().get("/superb/sets").unwrap();
        let listed = listed.get("Datasets").unwrap().get("good").unwrap();
        assert_eq!(listed.get("Annotation"), Some(&Value::from("for the paper")));
        let query = listed.get("Metadata").unwrap().get("MetaQuery");
        assert_eq!(query, Some(&Value::from("{'run': 5}")));

        assert_eq!(one("releaseDataset", json!(true)).await, yes());
        let names = one("getDatasetFiles", json!(true)).await;
        assert_eq!(names, Some(json!(["/superb/a/2", "/superb/a/3", "/superb/a/4"])));
        let short = it.call(&who, "getDatasetFiles", vec![json!({ "good": true })]).await;
        assert_eq!(short.get("Successful").unwrap().get("good"), names.as_ref());
        let all = it.call(&who, "getDatasets", vec![json!({ "g*": true, "b*": true })]).await;
        let all = all.get("Successful").unwrap();
        assert!(all.get("g*").unwrap().get("good").is_some());
        assert_eq!(all.get("b*"), Some(&Value::Dict(vec![])));
        assert_eq!(one("removeDataset", json!(true)).await, yes());
        let gone = it.call(&who, "getDatasetFiles", vec![json!({ "/superb/sets/good": 1 })]).await;
        assert_eq!(failure(&gone, "/superb/sets/good"), "No such dataset");
        it.prove().await;
    }

    async fn a_metadata_set_stands_for_its_values(database: TestDatabase) {
        let it = open(&database, settings()).await;
        let who = admin();
        for (name, kind) in [("run", "INT"), ("stream", "VARCHAR(16)"), ("campaign", "MetaSet")] {
            it.call(&who, "addMetadataField", vec![name.into(), kind.into(), "-d".into()]).await;
        }
        it.call(&who, "addFile", vec![file("/superb/a/1", "g1")]).await;
        it.call(&who, "addFile", vec![file("/superb/b/2", "g2")]).await;
        for (path, run) in [("/superb/a", 5), ("/superb/b", 6)] {
            let values = json!({ "run": run, "stream": "raw" });
            it.call(&who, "setMetadata", vec![path.into(), values]).await;
        }

        let inner = vec!["raw".into(), json!({ "stream": "raw" })];
        assert_eq!(it.call(&who, "addMetadataSet", inner).await, Value::Int(1));
        let outer = vec!["first".into(), json!({ "run": 5, "campaign": "raw" })];
        assert_eq!(it.call(&who, "addMetadataSet", outer.clone()).await, Value::Int(2));
        let again = it.catalog.call(&who, "addMetadataSet", outer, false).await;
        assert!(again.unwrap_err().message.contains("exists already"));

        let shown = it.call(&who, "getMetadataSet", vec!["first".into(), json!(false)]).await;
        assert_eq!(shown, json!({ "campaign": "raw", "run": "5" }));
        let shown = it.call(&who, "getMetadataSet", vec!["first".into(), json!(true)]).await;
        assert_eq!(shown, json!({ "run": "5", "stream": "raw" }));
        let found = vec![json!({ "campaign": "first" }), "/".into()];
        assert_eq!(it.call(&who, "findFilesByMetadata", found).await, json!(["/superb/a/1"]));
    }

    async fn a_removed_file_is_gone_with_all_that_counts_it(database: TestDatabase) {
        let it = open(&database, settings()).await;
        it.call(&admin(), "addFile", vec![file("/superb/a/1", "g1")]).await;

        let names = json!(["/superb/a/1", "/superb/none"]);
        let removed = it.call(&admin(), "removeFile", vec![names]).await;
        let again = it.call(&admin(), "addFile", vec![file("/superb/a/1", "g1")]).await;

        assert!(succeeded(&removed, "/superb/a/1") && succeeded(&removed, "/superb/none"));
        assert!(succeeded(&again, "/superb/a/1"));
        let size = MeasureDirectories {
            paths: vec!["/superb".parse().unwrap()], storage: true, own: false,
        };
        let size = it.ask(size).await.found.remove(0);
        assert_eq!((size.files, size.bytes, size.directories), (1, 10, 1));
        assert_eq!(size.storage[0].bytes, 10);
        it.prove().await;
    }

    async fn two_register_files_below_a_directory_that_is_not_there(database: TestDatabase) {
        let it = open(&database, settings()).await;

        for round in 0..5 {
            let who = admin();
            let paths: Vec<String> = (0..6).map(|n| format!("/superb/d{round}/e/{n}")).collect();
            let calls = paths.iter().map(|path| {
                it.call(&who, "addFile", vec![file(path, &path.replace('/', "-"))])
            });
            let answers = future::join_all(calls).await;

            for (answer, path) in answers.iter().zip(&paths) {
                assert!(succeeded(answer, path), "{answer:?}");
            }
        }
        it.prove().await;
    }

    async fn one_of_two_has_a_guid(database: TestDatabase) {
        let it = open(&database, settings()).await;

        for round in 0..5 {
            let who = admin();
            let guid = format!("guid-{round}");
            let paths: Vec<String> = (0..4).map(|n| format!("/superb/g{round}/{n}")).collect();
            let calls = paths.iter().map(|path| it.call(&who, "addFile", vec![file(path, &guid)]));
            let answers = future::join_all(calls).await;

            let done = answers.iter().zip(&paths).filter(|(answer, path)| succeeded(answer, path));
            assert_eq!(done.count(), 1, "{answers:?}");
            let holder = it.call(&who, "getLFNForGUID", vec![json!([guid])]).await;
            assert!(succeeded(&holder, &guid));
        }
        it.prove().await;
    }

    async fn a_replica_moves_with_its_bytes(database: TestDatabase) {
        let it = open(&database, settings()).await;
        it.call(&admin(), "addFile", vec![file("/superb/a/1", "g1")]).await;
        let move_it = json!({ "/superb/a/1": { "SE": "SE-A", "NewSE": "SE-B" } });

        let moved = it.call(&admin(), "setReplicaHost", vec![move_it.clone()]).await;
        let again = it.call(&admin(), "setReplicaHost", vec![move_it]).await;
        let none = json!({ "/superb/a/1": { "SE": "SE-X", "NewSE": "SE-Y" } });
        let none = it.call(&admin(), "setReplicaHost", vec![none]).await;

        assert!(succeeded(&moved, "/superb/a/1") && succeeded(&again, "/superb/a/1"));
        assert_eq!(failure(&none, "/superb/a/1"), "Replica does not exist");
        let elements = it.ask(ListStorageElements::default()).await.items;
        let bytes: BTreeMap<_, _> = elements
            .iter()
            .map(|element| (element.element.name.as_str(), element.totals.bytes))
            .collect();
        assert_eq!((bytes["SE-A"], bytes["SE-B"]), (0, 10));
        it.prove().await;
    }

    async fn states_are_set_and_read_by_their_names(database: TestDatabase) {
        let it = open(&database, settings()).await;
        it.call(&admin(), "addFile", vec![file("/superb/a/1", "g1")]).await;
        it.call(&admin(), "addFile", vec![file("/superb/a/2", "g2")]).await;

        for state in ["Trash", "Removing", "Probing", "AprioriGood"] {
            let wanted = json!({ "/superb/a/1": state, "/superb/a/2": state });
            let set = it.call(&admin(), "setFileStatus", vec![wanted]).await;
            assert!(succeeded(&set, "/superb/a/1") && succeeded(&set, "/superb/a/2"), "{set:?}");
            let seen = it.call(&admin(), "getFileSize", vec![json!(["/superb/a/1"])]).await;
            assert_eq!(succeeded(&seen, "/superb/a/1"), state == "AprioriGood");

            if state == "AprioriGood" {
                for state in ["Trash", "Removing", "Probing", "AprioriGood"] {
                    let wanted = json!({ "/superb/a/1": { "SE": "SE-A", "Status": state } });
                    it.call(&admin(), "setReplicaStatus", vec![wanted]).await;
                    let asked = json!({ "/superb/a/1": "SE-A" });
                    let read = it.call(&admin(), "getReplicaStatus", vec![asked]).await;
                    let read = read.get("Successful").unwrap().get("/superb/a/1").unwrap().clone();
                    assert_eq!(read, Value::from(state));
                }
            }
        }
        it.prove().await;
    }

    async fn the_security_model_decides(database: TestDatabase) {
        let mut models = Vec::new();
        for security in [Security::Voms, Security::Directory, Security::Full, Security::None] {
            models.push(open(&database, Settings { security, ..settings() }).await);
        }
        let (alice, bob) = (admin(), somebody("bob", "user"));
        models[0].call(&alice, "createDirectory", vec![json!("/superb/closed")]).await;

        for (at, it) in models.iter().enumerate() {
            let path = format!("/superb/closed/{at}");
            let added = it.call(&bob, "addFile", vec![file(&path, &format!("g{at}"))]).await;

            if at < 3 {
                assert_eq!(failure(&added, &path), "Permission denied");
            } else {
                assert!(succeeded(&added, &path));
            }
        }
        let refused = models[0].catalog.call(&bob, "getUsers", vec![], true).await.unwrap_err();
        assert_eq!(refused.message, "Permission denied ( 13 : Permission denied)");
    }

    async fn owners_and_modes_reach_all_below(database: TestDatabase) {
        let it = open(&database, settings()).await;
        it.call(&admin(), "addFile", vec![file("/superb/a/b/1", "g1")]).await;

        let owner = json!({ "/superb/a": "bob" });
        it.call(&admin(), "changePathOwner", vec![owner, Value::Bool(true)]).await;
        let mode = json!({ "/superb/a": 0o700 });
        it.call(&admin(), "changePathMode", vec![mode, Value::Bool(true)]).await;

        let file = it.call(&admin(), "getFileMetadata", vec![json!(["/superb/a/b/1"])]).await;
        let file = file.get("Successful").unwrap().get("/superb/a/b/1").unwrap().clone();
        assert_eq!(file.get("Owner"), Some(&Value::from("bob")));
        assert_eq!(file.get("Mode"), Some(&Value::Int(0o700)));
        let inner = it.call(&admin(), "getDirectoryMetadata", vec![json!("/superb/a/b")]).await;
        let inner = inner.get("Successful").unwrap().get("/superb/a/b").unwrap().clone();
        assert_eq!(inner.get("Mode"), Some(&Value::Int(0o700)));
    }

    async fn counters_and_dumps_hold_what_is_there(database: TestDatabase) {
        let it = open(&database, settings()).await;
        for n in 0..3 {
            let path = format!("/superb/a/{n}");
            it.call(&admin(), "addFile", vec![file(&path, &format!("g{n}"))]).await;
        }
        it.call(&admin(), "removeReplica", vec![json!({ "/superb/a/2": { "SE": "SE-A" } })]).await;

        let counters = it.call(&admin(), "getCatalogCounters", vec![]).await;
        let rows: Vec<_> = it.catalog.dump(&admin(), r#"["SE-A", "none"]"#).unwrap().collect().await;
        let text: Vec<u8> = rows.into_iter().flat_map(Result::unwrap).collect();

        assert_eq!(counters.get("Files"), Some(&Value::Int(3)));
        assert_eq!(counters.get("Files w/o Replicas"), Some(&Value::Int(1)));
        assert_eq!(counters.get("Replicas"), Some(&Value::Int(2)));
        assert_eq!(counters.get("Directories"), Some(&Value::Int(3)));
        let text = String::from_utf8(text).unwrap();
        let mut lines: Vec<_> = text.split_terminator("\r\n").collect();
        lines.sort_unstable();
        assert_eq!(lines, ["SE-A|/superb/a/0|0a0b0c0d|10", "SE-A|/superb/a/1|0a0b0c0d|10"]);
        assert!(it.catalog.dump(&admin(), "[]").is_err());
    }

    async fn metadata_of_files_and_directories_is_found(database: TestDatabase) {
        let it = open(&database, settings()).await;
        let who = admin();
        for (name, kind, level) in
            [
                ("energy", "FLOAT", "-f"),
                ("stream", "VARCHAR(16)", "-f"),
                ("taken", "DATETIME", "-f"),
                ("period", "INT", "-d"),
            ]
        {
            let arguments = vec![Value::from(name), Value::from(kind), Value::from(level)];
            it.call(&who, "addMetadataField", arguments).await;
        }
        for n in 0..4 {
            let path = format!("/superb/p{}/{n}", n % 2);
            it.call(&who, "addFile", vec![file(&path, &format!("g{n}"))]).await;
        }

        let set = it
            .call(&who, "setMetadataBulk", vec![json!({
                "/superb/p0": { "period": "5" },
                "/superb/p0/0": { "energy": 91.5, "taken": "2026-01-31 12:00:00" },
                "/superb/p0/2": { "energy": "89", "stream": "calib_1" },
                "/superb/p1/1": { "energy": 91.5, "nothing": 1 },
                "/superb/none": { "energy": 1.0 },
            })])
            .await;

        assert!(succeeded(&set, "/superb/p0") && succeeded(&set, "/superb/p0/2"));
        assert!(failure(&set, "/superb/p1/1").contains("nothing is no metadata field of a file"));
        assert_eq!(failure(&set, "/superb/none"), "File /superb/none not found");
        let queries = [
            (json!({ "period": 5 }), vec!["/superb/p0/0", "/superb/p0/2"]),
            (json!({ "period": 5, "energy": { ">": 90 } }), vec!["/superb/p0/0"]),
            (json!({ "stream": "cal*" }), vec!["/superb/p0/2"]),
            (json!({ "stream": "calib_?" }), vec!["/superb/p0/2"]),
            (json!({ "energy": "Missing", "period": 5 }), vec![]),
            (json!({ "SE": "SE-A", "Name": "1" }), vec!["/superb/p1/1"]),
            (json!({ "energy": [] }), vec![]),
        ];
        for (query, expected) in queries {
            let found = it.call(&who, "findFilesByMetadata", vec![query.clone()]).await;
            let mut found: Vec<_> =
                found.items().unwrap().iter().map(|lfn| lfn.text().unwrap()).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{query:?}");
        }
        let all = it.call(&who, "findFilesByMetadata", vec![json!({}), Value::from("/superb/p1")]);
        assert_eq!(all.await.items().unwrap().len(), 2);
        let directories =
            it.call(&who, "findDirectoriesByMetadata", vec![json!({ "period": 5 })]).await;
        let Value::Dict(directories) = directories else { panic!("no dictionary") };
        assert_eq!(directories[0].1, Value::from("/superb/p0"));
        let values = it.call(&who, "getCompatibleMetadata", vec![json!({})]).await;
        assert_eq!(values.get("period"), Some(&Value::List(vec![Value::Int(5)])));
        let page = vec![json!({ "period": 5 }), Value::from("/"), Value::Int(1), Value::Int(1)];
        let page = it.call(&who, "findFilesByMetadataWeb", page).await;
        assert_eq!(page.get("TotalRecords"), Some(&Value::Int(2)));
        let taken = json!({ "taken": { ">": "2026-01-31 00:00:00" } });
        let details = it.call(&who, "findFilesByMetadataDetailed", vec![taken]).await;
        let details = details.get("/superb/p0/0").unwrap().get("Metadata").unwrap().clone();
        assert!(matches!(details.get("taken"), Some(Value::DateTime(_))), "{details:?}");
        let unknown = it.catalog.call(&who, "findFilesByMetadata", vec![json!({ "x": 1 })], false);
        assert!(unknown.await.unwrap_err().message.contains("x is no metadata field"));

        let removed = json!({ "/superb/p0": ["period", "x"], "/superb/p0/0": ["energy"] });
        let removed = it.call(&who, "removeMetadata", vec![removed]).await;
        assert!(succeeded(&removed, "/superb/p0") && succeeded(&removed, "/superb/p0/0"));
        let shown = it.catalog.call(
            &who, "getDirectoryUserMetadata", vec![Value::from("/superb/p0")], false,
        );
        let shown = shown.await.unwrap();
        assert_eq!(shown.value, Value::Dict(vec![]));
        assert!(shown.beside.iter().any(|(name, _)| *name == "MetadataOwner"));
    }

    async fn no_argument_breaks_a_method(database: TestDatabase) {
        let it = open(&database, settings()).await;
        it.call(&admin(), "addFile", vec![file("/superb/a/1", "g1")]).await;
        let mut chance = Chance(7);

        for _ in 0..600 {
            let entry = &METHODS[chance.below(METHODS.len())];
            let who = if chance.below(2) == 0 { admin() } else { somebody("bob", "user") };
            let arguments = (0..chance.below(5)).map(|_| chance.value(3)).collect::<Vec<_>>();
            let shown = format!("{}({arguments:?})", entry.name);

            let answer = it.catalog.call(&who, entry.name, arguments, false).await;

            if let Err(failure) = answer {
                // 5 is a failure of ours, 11 one of the database.
                assert!(![5, 11].contains(&failure.errno), "{shown}: {}", failure.message);
            }
        }
        it.prove().await;
    }
}

/// Numbers and values that are the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }

    fn text(&mut self) -> Value {
        let texts = [
            "/superb/a/1",
            "/superb/a",
            "/",
            "",
            "//x",
            "relative",
            "lfn:/superb/a/1",
            "SE-A",
            "AprioriGood",
            "SE",
            "Status",
            "PFN",
            "Size",
            "GUID",
            "Checksum",
            "Ancestors",
            "Owner",
            "-d",
            "-f",
            "INT",
            "energy",
            "Name",
            "=",
            ">",
            "in",
            "Any",
            "\u{0}",
            "a%_\\",
            "2026-01-31 12:00:00",
        ];
        Value::from(texts[self.below(texts.len())])
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.below(if depth == 0 { 6 } else { 10 }) {
            0 => Value::Null,
            1 => Value::Bool(self.below(2) == 0),
            2 => Value::Int([0, 1, -1, i64::MAX, i64::MIN, 509][self.below(6)]),
            3 => Value::Float([0.5, f64::NAN, f64::INFINITY, -1e300][self.below(4)]),
            4 | 5 => self.text(),
            6 | 7 => Value::List((0..self.below(4)).map(|_| self.value(depth - 1)).collect()),
            _ => {
                let entries = 0..self.below(4);
                let entry = |_| {
                    let key = if self.below(8) == 0 { self.value(0) } else { self.text() };
                    (key, self.value(depth - 1))
                };
                Value::Dict(entries.map(entry).collect())
            }
        }
    }
}
