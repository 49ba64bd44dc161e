//! Files, directories, replicas and datasets on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::cast_possible_truncation)]
#![allow(clippy::cast_sign_loss, clippy::too_many_lines)]

mod common;

use common::{Catalogue, dataset, file, file_with, files, lfns, vo};
use sbk_api::*;
use sbk_model::{FileStatus, Reason, Totals};
use sbk_testkit::{TestDatabase, each_backend};

each_backend! {
    async fn files_are_registered_once(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let names = ["/superb/a/1.root", "/superb/a/2.root", "/superb/b/1.root"];

        let first = catalogue.add(files(&names)).await;
        let again = catalogue.add(files(&names)).await;

        assert_eq!((first.added, again.added, again.unchanged), (3, 0, 3), "{again:?}");
        let root = catalogue.show_directory("/").await;
        assert_eq!(root.totals, Totals { files: 3, bytes: 300, events: 30 });
        assert_eq!(catalogue.show_directory("/superb/a").await.totals.files, 2);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_file_shows_all_that_was_said_of_it(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        let metadata = serde_json::json!({ "energy": "91.2 GeV", "run": 7, "tags": ["x", "y"] });
        catalogue.add_to(Some("d"), vec![file_with("/superb/é/a b.root", metadata)]).await;

        let lfn = "/superb/é/a b.root".parse().unwrap();
        let shown = catalogue.call(GetFile { lfn }).await.unwrap();

        assert_eq!(shown.size.get(), 100);
        assert_eq!(shown.checksums.adler32.unwrap().to_string(), "00001a2b");
        assert_eq!(shown.metadata.map()["energy"], serde_json::json!(91.2));
        assert_eq!(shown.metadata.map()["tags"], serde_json::json!(["x", "y"]));
        assert_eq!(shown.datasets[0].as_str(), "d");
        assert_eq!(shown.owner.as_str(), "tester");
        let pfn = shown.replicas[0].pfn.as_ref().unwrap();
        assert_eq!(pfn.as_str(), "root://CNAF-disk.example.org//superb/é/a b.root");
    }

    async fn queries_find_by_every_kind_of_field(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for round in 0..2 {
            if round == 0 {
                let data = |energy: f64, run: i64, stream: &str| serde_json::json!({
                    "energy": energy, "run": run, "stream": stream,
                    "tags": [stream, "all"], "taken": "2026-01-31T12:00:00.5Z",
                });
                let mut new = dataset("d94");
                new.metadata.insert("period".into(), "1994".into());
                new.metadata.insert("generator".into(), serde_json::json!(["pythia", "jetset"]));
                let call = AddDatasets {
                    vo: vo(), datasets: vec![new], atomicity: Atomicity::All,
                };
                catalogue.call(call).await.unwrap();
                let directory = serde_json::json!({
                    "path": "/superb/x", "metadata": { "geometry": "DG_4" },
                });
                let directories = vec![serde_json::from_value(directory).unwrap()];
                catalogue.call(CreateDirectories { vo: vo(), directories }).await.unwrap();
                let first: Vec<_> = (0..5)
                    .map(|n| file_with(
                        &format!("/superb/x/{n}.root"), data(88.0 + n as f64, n, "hot"),
                    ))
                    .collect();
                catalogue.add_to(Some("d94"), first).await;
                let others: Vec<_> = (0..4)
                    .map(|n| file_with(&format!("/superb/y/{n}.root"), data(10.0, 100 + n, "cold")))
                    .collect();
                catalogue.add(others).await;
                catalogue.add(vec![file("/superb/z/plain.root")]).await;
            } else {
                catalogue.promote().await;
            }
            let expect = [
                ("energy > 89 GeV", 3),
                ("energy > 89000 MeV and run in (2, 3)", 2),
                ("energy between 88 and 89", 2),
                ("run = 101", 1),
                ("not run = 101", 9),
                ("run != 101", 8),
                ("stream = cold", 4),
                ("stream like 'h%'", 5),
                ("stream not in (hot)", 4),
                ("tags = hot", 5),
                ("tags in (hot, cold)", 9),
                ("not tags = hot", 5),
                ("taken > 2026-01-31", 9),
                ("taken >= 2026-01-31T12:00:00.6Z", 0),
                ("exists energy", 9),
                ("not exists energy", 1),
                ("period = \"1994\"", 5),
                ("generator in (\"pythia\", \"none\") and energy > 89", 3),
                ("geometry = DG_4", 5),
                ("directory = /superb/y", 4),
                ("lfn like '/superb/x/%'", 5),
                ("lfn like '/superb/%'", 10),
                ("lfn like '/super/%'", 0),
                ("lfn like '/%'", 10),
                ("lfn = /superb/z/plain.root", 1),
                ("name like '%.root' and size = 100 B", 10),
                ("se = CNAF-disk", 10),
                ("se = CNAF-tape", 0),
                ("site = CNAF", 10),
                ("dataset(\"d94\")", 5),
                ("not dataset(\"d94\")", 5),
                ("owner = tester and status = good and vo = superb", 10),
                ("status = bad", 0),
                ("file_type = ROOT and adler32 = 1a2b", 10),
                ("events >= 10", 10),
                ("", 10),
            ];
            for (expr, count) in expect {
                let found = catalogue.query(expr).await;
                let found = found.unwrap_or_else(|error| panic!("{expr}: {error}"));
                assert_eq!(found.len(), count, "{expr}: {found:?}");
                let selection = Selection { expr: Some(expr.into()), ..Selection::default() };
                let counted = catalogue.call(CountFiles { selection }).await.unwrap();
                assert_eq!(counted.files as usize, count, "{expr}");
            }
            let ordered = catalogue.query("stream = hot order by energy desc, lfn limit 4").await;
            let ordered = ordered.unwrap();
            let names: Vec<&str> = ordered.iter().map(|n| n.rsplit('/').next().unwrap()).collect();
            assert_eq!(names, ["4.root", "3.root", "2.root", "1.root"]);
            let by_name = catalogue.query("order by lfn").await.unwrap();
            assert!(by_name.is_sorted(), "{by_name:?}");
            assert_eq!(by_name.len(), 10);
        }
    }

    async fn a_query_is_explained_with_a_warning_for_what_has_no_index(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(vec![file_with("/s/1", serde_json::json!({ "run": 1 }))]).await;
        let explain = |expr: &str| ExplainQuery {
            selection: Selection { expr: Some(expr.into()), ..Selection::default() },
        };

        let before = catalogue.call(explain("run = 1 order by lfn")).await.unwrap();
        catalogue.promote().await;
        let after = catalogue.call(explain("run = 1 and stream = hot")).await.unwrap();

        assert!(before.warnings[0].contains("`run`"), "{before:?}");
        assert!(!before.plan.is_empty() && before.estimated_files.is_some(), "{before:?}");
        assert_eq!(after.warnings.len(), 1, "{after:?}");
        assert!(after.warnings[0].contains("`stream`"), "{after:?}");
    }

    async fn retiring_moves_all_totals_and_restoring_moves_them_back(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        let names = ["/superb/a/1.root", "/superb/a/2.root"];
        catalogue.add_to(Some("d"), files(&names)).await;
        let retire = |preview| RetireFiles {
            lfns: lfns(&names[..1]),
            reason: "lost".parse().unwrap(),
            grace_seconds: Some(60),
            preview,
        };

        let preview = catalogue.call(retire(true)).await.unwrap();
        assert_eq!((preview.bytes, preview.replicas), (100, 1));
        assert_eq!(preview.datasets[0].files, 1);
        assert_eq!(catalogue.show_dataset("d").await.files, Some(2));
        catalogue.call(retire(false)).await.unwrap();

        assert_eq!(catalogue.show_dataset("d").await.files, Some(1));
        assert_eq!(catalogue.show_directory("/superb").await.totals.bytes, 100);
        assert!(catalogue.wrong_totals(false).await.is_empty());
        assert_eq!(catalogue.query("").await.unwrap().len(), 1);
        let restore =
            RestoreFiles { lfns: lfns(&names[..1]), reason: "found".parse().unwrap() };
        assert_eq!(catalogue.call(restore).await.unwrap().changed, 1);
        assert_eq!(catalogue.show_dataset("d").await.events, Some(20));
        assert!(catalogue.wrong_totals(false).await.is_empty());
        catalogue.call(retire(false)).await.unwrap();
        catalogue.wait(61);
        let purged = catalogue.call(PurgeFiles { limit: None }).await.unwrap();
        assert_eq!((purged.files, purged.done), (1, true));
        assert!(catalogue.wrong_totals(false).await.is_empty());
        let audit = ListAudit { lfn: Some(names[0].parse().unwrap()), ..ListAudit::default() };
        let entries = catalogue.call(audit).await.unwrap().items;
        let operations: Vec<&str> = entries.iter().map(|e| e.operation.as_str()).collect();
        let expected =
            ["purgeFiles", "retireFiles", "restoreFiles", "retireFiles", "addFiles"];
        assert_eq!(operations, expected);
        assert_eq!(entries[3].reason.as_deref(), Some("lost"));
    }

    async fn a_directory_is_listed_by_name_with_totals(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/b/1", "/s/b/2", "/s/a/1", "/s/z", "/s/A", "/s/y"])).await;

        let mut names = Vec::new();
        let mut after = None;
        loop {
            let page = PageArgs { after, limit: Some(2) };
            let call = ListDirectory { path: "/s".parse().unwrap(), retired: false, page };
            let found = catalogue.call(call).await.unwrap();
            for entry in found.items {
                names.push(match entry {
                    Entry::Directory { name, totals, .. } => format!("{name}/ {}", totals.files),
                    Entry::File { name, .. } => name,
                });
            }
            after = found.next;
            if after.is_none() {
                break;
            }
        }

        assert_eq!(names, ["a/ 1", "b/ 2", "A", "y", "z"]);
    }

    async fn a_directory_moves_with_all_below_it(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        catalogue.add_to(Some("d"), files(&["/s/a/1", "/s/a/b/2", "/s/a/b/c/3", "/s/k/9"])).await;
        let call = MoveDirectory {
            from: "/s/a".parse().unwrap(), to: "/t/new".parse().unwrap(), reason: None,
        };

        let progress = catalogue.call(call.clone()).await.unwrap();
        let again = catalogue.call(call).await.unwrap();

        assert!(progress.done && again.done, "{progress:?}");
        let mut found = catalogue.query("").await.unwrap();
        found.sort();
        assert_eq!(found, ["/s/k/9", "/t/new/1", "/t/new/b/2", "/t/new/b/c/3"]);
        assert_eq!(catalogue.show_directory("/t").await.totals.files, 3);
        assert_eq!(catalogue.show_dataset("d").await.files, Some(4));
        assert_eq!(catalogue.query("dataset(\"d\")").await.unwrap().len(), 4);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn metadata_of_a_directory_is_inherited(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/a/1", "/s/a/b/2", "/s/c/3"])).await;
        let set = |path: &str, value: serde_json::Value| SetDirectoryMetadata {
            path: path.parse().unwrap(),
            metadata: serde_json::from_value(serde_json::json!({ "geometry": value })).unwrap(),
            after: None,
        };

        catalogue.call(set("/s", "DG_4".into())).await.unwrap();
        catalogue.call(set("/s/a/b", "DG_4a".into())).await.unwrap();
        catalogue.add(files(&["/s/a/new/4"])).await;

        assert_eq!(catalogue.query("geometry = DG_4").await.unwrap().len(), 3);
        assert_eq!(catalogue.query("geometry = DG_4a").await.unwrap(), ["/s/a/b/2"]);
        catalogue.call(set("/s/a/b", serde_json::Value::Null)).await.unwrap();
        assert_eq!(catalogue.query("geometry = DG_4").await.unwrap().len(), 4);
    }

    async fn a_directory_is_removed_with_its_files_in_steps(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/a/1", "/s/a/b/2", "/s/c/3"])).await;
        let mut call = RemoveDirectory {
            path: "/s/a".parse().unwrap(),
            recursive: true,
            after: None,
            grace_seconds: Some(1),
            reason: "old".parse().unwrap(),
            preview: false,
        };

        let mut retired = 0;
        loop {
            let progress = catalogue.call(call.clone()).await.unwrap();
            retired += progress.files;
            if progress.done {
                break;
            }
            call.after = progress.next;
        }

        assert_eq!(retired, 2);
        assert_eq!(catalogue.query("").await.unwrap(), ["/s/c/3"]);
        catalogue.wait(2);
        catalogue.call(PurgeFiles { limit: None }).await.unwrap();
        call.after = None;
        let last = catalogue.call(call).await.unwrap();
        assert_eq!((last.directories, last.done), (2, true));
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn owners_change_below_a_directory(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/a/1", "/s/a/b/2", "/s/c/3"])).await;
        let call = ChangeDirectory {
            path: "/s/a".parse().unwrap(),
            owner: Some("alice".parse().unwrap()),
            group: None,
            mode: Some("0700".parse().unwrap()),
            recursive: true,
            after: None,
            reason: None,
        };

        let progress = catalogue.call(call).await.unwrap();

        assert_eq!((progress.directories, progress.files, progress.done), (2, 2, true));
        assert_eq!(catalogue.query("owner = alice").await.unwrap().len(), 2);
        assert_eq!(catalogue.show_directory("/s/a/b").await.mode.to_string(), "0700");
    }

    async fn replicas_count_at_their_storage_element(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/1", "/s/2"])).await;
        let new: FileReplica =
            serde_json::from_str(r#"{"lfn": "/s/1", "se": "CNAF-tape"}"#).unwrap();
        let call = AddReplicas { replicas: vec![new], atomicity: Atomicity::All };
        let name = ReplicaName {
            lfn: "/s/2".parse().unwrap(), se: "CNAF-disk".parse().unwrap(),
        };

        let first = catalogue.call(call.clone()).await.unwrap();
        let again = catalogue.call(call).await.unwrap();
        assert_eq!((first.added, again.unchanged), (1, 1));
        let status = SetReplicaStatus {
            replicas: vec![name.clone()],
            status: sbk_model::ReplicaStatus::Retired,
            reason: None,
        };
        catalogue.call(status).await.unwrap();

        let call = ListStorageElements::default();
        let elements = catalogue.call(call).await.unwrap().items;
        let counts: Vec<_> = elements.iter().map(|e| e.totals.files).collect();
        assert_eq!(counts, [1, 1]);
        let remove = RemoveReplicas { replicas: vec![name], reason: "gone".parse().unwrap() };
        assert_eq!(catalogue.call(remove.clone()).await.unwrap().removed, 1);
        assert_eq!(catalogue.call(remove).await.unwrap().unchanged, 1);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_frozen_dataset_has_a_snapshot_that_can_be_compared(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        catalogue.add_to(Some("d"), files(&["/s/1", "/s/2", "/s/3"])).await;
        let freeze = |snapshot_only| FreezeDataset {
            name: "d".parse().unwrap(), vo: None, snapshot_only, reason: None,
        };

        let first = catalogue.call(freeze(true)).await.unwrap();
        let remove = RemoveMembers {
            name: "d".parse().unwrap(), vo: None, lfns: lfns(&["/s/1"]), reason: None,
        };
        catalogue.call(remove).await.unwrap();
        catalogue.add_to(Some("d"), files(&["/s/4"])).await;
        let second = catalogue.call(freeze(false)).await.unwrap();
        let again = catalogue.call(freeze(false)).await.unwrap();

        assert_eq!((first.version, second.version, again.version), (1, 2, 2));
        assert_ne!(first.content_hash, second.content_hash);
        let compare = CompareSnapshots {
            name: "d".parse().unwrap(), vo: None, from: 1, to: 2, page: PageArgs::default(),
        };
        let mut changes: Vec<_> = catalogue.call(compare).await.unwrap().items;
        changes.sort_by(|a, b| a.lfn.cmp(&b.lfn));
        assert_eq!(changes[0].change, Change::Removed);
        assert_eq!((changes[1].lfn.as_str(), changes[1].change), ("/s/4", Change::Added));
        assert_eq!(changes.len(), 2);
        let add = AddMembers { name: "d".parse().unwrap(), vo: None, lfns: lfns(&["/s/1"]) };
        assert_eq!(catalogue.call(add).await.unwrap_err().code(), Code::Conflict);
        let retire = RetireFiles {
            lfns: lfns(&["/s/2"]), reason: "x".parse().unwrap(), grace_seconds: None, preview: false,
        };
        assert_eq!(catalogue.call(retire).await.unwrap().bulk.refused, 1);
    }

    async fn a_dataset_can_be_defined_by_a_query(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(vec![
            file_with("/s/1", serde_json::json!({ "run": 1 })),
            file_with("/s/2", serde_json::json!({ "run": 2 })),
        ]).await;
        let mut new = dataset("late");
        new.query = Some("run > 1".into());
        let call = AddDatasets { vo: vo(), datasets: vec![new], atomicity: Atomicity::All };
        catalogue.call(call).await.unwrap();

        assert_eq!(catalogue.show_dataset("late").await.files, Some(1));
        catalogue.add(vec![file_with("/s/3", serde_json::json!({ "run": 3 }))]).await;

        assert_eq!(catalogue.show_dataset("late").await.files, Some(2));
        assert_eq!(catalogue.query("dataset(\"late\") and run < 3").await.unwrap(), ["/s/2"]);
    }

    async fn wrong_totals_are_found_and_repaired(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        catalogue.add_to(Some("d"), files(&["/s/a/1", "/s/b/2"])).await;
        let store = catalogue.service.store();
        let mut session = store.begin().await.unwrap();
        session.execute("UPDATE total SET files = files + 5 WHERE kind = 0 AND subject = ?",
            vec!["/s/a".parse::<sbk_model::DirPath>().unwrap().key().0.into()]).await.unwrap();
        session.execute("UPDATE total SET bytes = bytes - 1 WHERE kind = 1", vec![]).await.unwrap();
        session.commit().await.unwrap();

        let wrong = catalogue.wrong_totals(true).await;

        let names: Vec<_> = wrong.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["d", "/s/a"]);
        assert!(catalogue.wrong_totals(false).await.is_empty());
        assert_eq!(catalogue.show_dataset("d").await.bytes, Some(200));
    }

    async fn states_of_files_change_with_a_reason(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/1"])).await;
        let call = SetFileStatus {
            lfns: lfns(&["/s/1", "/s/none"]),
            status: FileStatus::Bad,
            reason: Some("checksum".parse().unwrap()),
        };

        let result = catalogue.call(call).await.unwrap();

        assert_eq!((result.changed, result.refused), (1, 1));
        assert_eq!(catalogue.query("status = bad").await.unwrap(), ["/s/1"]);
        assert_eq!(catalogue.query("not status = bad").await.unwrap().len(), 0);
    }

    async fn a_restored_file_has_the_state_that_it_had(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/bad", "/s/good", "/s/lost"])).await;
        for (name, status) in [("/s/bad", FileStatus::Bad), ("/s/lost", FileStatus::Lost)] {
            let call = SetFileStatus { lfns: lfns(&[name]), status, reason: None };
            catalogue.call(call).await.unwrap();
        }
        let all = lfns(&["/s/bad", "/s/good", "/s/lost"]);
        let reason: Reason = "test".parse().unwrap();
        let retire = RetireFiles {
            lfns: all.clone(),
            reason: reason.clone(),
            grace_seconds: None,
            preview: false,
        };
        catalogue.call(retire).await.unwrap();
        assert_eq!(catalogue.query("status = retired").await.unwrap().len(), 3);
        assert_eq!(catalogue.query("status = bad").await.unwrap().len(), 0);
        assert_eq!(catalogue.query("").await.unwrap().len(), 0);

        catalogue.call(RestoreFiles { lfns: all, reason }).await.unwrap();

        assert_eq!(catalogue.query("status = bad").await.unwrap(), ["/s/bad"]);
        assert_eq!(catalogue.query("status = lost").await.unwrap(), ["/s/lost"]);
        assert_eq!(catalogue.query("status = good").await.unwrap(), ["/s/good"]);
    }
}
