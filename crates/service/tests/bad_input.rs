//! What the service does with arguments that are wrong, contradictory or hostile.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Catalogue, dataset, file, file_with, files, lfns, vo};
use sbk_api::*;
use sbk_model::{DatasetStatus, FileKey, FileStatus, Lfn, Permission};
use sbk_service::{Call, CallContext, Caller, Error};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::json;

/// Reads an operation as a wire would.
fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn add(files: Vec<NewFile>, atomicity: Atomicity) -> AddFiles {
    AddFiles { vo: vo(), files, dataset: None, atomicity, only_new: false, unique_guids: false }
}

/// The problem of the only item that was refused.
fn problem(result: &BulkResult) -> &Problem {
    assert_eq!(result.refused, 1, "{result:?}");
    result.results.iter().find_map(|item| item.problem.as_ref()).unwrap()
}

fn outcomes(result: &BulkResult) -> Vec<Outcome> {
    result.results.iter().map(|item| item.outcome).collect()
}

async fn change_status(
    catalogue: &Catalogue,
    name: &str,
    status: DatasetStatus,
) -> Result<Done, Error> {
    let call = json!({ "name": name, "status": status });
    catalogue.call(read::<ChangeDataset>(call).unwrap()).await
}

async fn call_as<O: Call>(
    catalogue: &Catalogue,
    caller: &Caller,
    operation: O,
) -> Result<O::Output, Error> {
    catalogue.service.call(caller, operation, CallContext::default()).await
}

/// Somebody who may do everything but administer.
fn user(name: &str) -> Caller {
    let permissions = Permission::ALL.iter().copied().filter(|p| *p != Permission::Administer);
    Caller::with(name, "users", permissions)
}

/// Gives a stored file another name under the same key, as if two names had one hash.
async fn make_collision(catalogue: &Catalogue, key: FileKey) {
    let mut session = catalogue.service.store().begin().await.unwrap();
    let sql = "UPDATE file SET name = 'other' WHERE dir = ? AND id = ?";
    let params = vec![key.directory.0.into(), key.name.into()];
    assert_eq!(session.execute(sql, params).await.unwrap(), 1);
    session.commit().await.unwrap();
}

#[test]
fn malformed_names_are_refused_with_a_reason() {
    let long = format!("/{}", "x".repeat(1024));
    let wrong = [
        "",
        "/",
        "a/b",
        "/a/../b",
        "/a/./b",
        "/a//b",
        "/a/b/",
        "//a",
        "/a\nb",
        "/a\u{0}b",
        "/a\u{7f}b",
        "/..",
        long.as_str(),
    ];
    for name in wrong {
        let error = name.parse::<Lfn>().expect_err(name);

        assert!(!error.to_string().is_empty());
        assert!(read::<NewFile>(json!({ "lfn": name, "size": 1 })).is_err(), "{name:?}");
    }
    assert!(format!("/{}", "x".repeat(1023)).parse::<Lfn>().is_ok());
}

#[test]
fn malformed_numbers_and_checksums_are_refused() {
    let base = |key: &str, value: serde_json::Value| {
        let mut file = json!({ "lfn": "/a/b", "size": 1 });
        file[key] = value;
        read::<NewFile>(file)
    };

    for size in [json!(-1), json!(1.5), json!("1"), json!(u64::MAX), json!((1_i64 << 49) + 1)] {
        assert!(base("size", size.clone()).is_err(), "{size}");
        assert!(base("events", size.clone()).is_err(), "{size}");
    }
    for sums in [
        json!({ "adler32": "123456789" }),
        json!({ "adler32": "xyz" }),
        json!({ "adler32": "" }),
        json!({ "md5": "ab" }),
        json!({ "md5": "g".repeat(32) }),
    ] {
        assert!(base("checksums", sums.clone()).is_err(), "{sums}");
    }
    let error = base("sise", json!(1)).unwrap_err();
    assert!(error.contains("sise"), "{error}");
}

each_backend! {
    async fn names_that_differ_in_case_or_a_closing_space_are_distinct(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let names = ["/s/d/a", "/s/d/A", "/s/d/a ", "/s/D/a", "/s/d /a", "/s/d/á", "/s/d/a\u{301}"];

        let result = catalogue.add(files(&names)).await;

        assert_eq!(result.added, 7, "{result:?}");
        let call = GetFiles { lfns: lfns(&names), ..GetFiles::default() };
        let found: Vec<_> =
            catalogue.call(call).await.unwrap().found.into_iter().map(|f| f.lfn).collect();
        assert_eq!(found, lfns(&names));
        for name in names {
            let expr = format!("lfn = \"{name}\"");
            assert_eq!(catalogue.query(&expr).await.unwrap(), [name], "{expr}");
        }
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn the_longest_name_is_kept_whole(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let deep = format!("/{}", vec!["d"; 511].join("/"));
        let wide = format!("/{}", "é".repeat(511));

        let result = catalogue.add(files(&[&deep, &wide])).await;

        assert_eq!(result.added, 2, "{result:?}");
        let found = catalogue.query("").await.unwrap();
        assert!(found.contains(&deep) && found.contains(&wide));
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn totals_that_would_overflow_are_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let huge = |from: usize, count: usize| {
            (from..from + count)
                .map(|n| NewFile {
                    size: (1 << 49).try_into().unwrap(),
                    ..file(&format!("/s/{n}"))
                })
                .collect::<Vec<_>>()
        };

        catalogue.add(huge(0, 9_000)).await;
        let result = catalogue.call(add(huge(9_000, 9_000), Atomicity::All)).await;

        let error = result.expect_err("the total does not fit");
        assert_eq!(error.code(), Code::Invalid, "{error:?}");
        let shown = catalogue.show_directory("/s").await;
        assert_eq!((shown.totals.files, shown.totals.bytes), (9_000, 9_000 << 49));
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_replica_at_an_unknown_storage_element_is_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let mut wrong = file("/s/1");
        wrong.replicas = read(json!([{ "se": "Nowhere" }])).unwrap();

        let result = catalogue.add(vec![wrong, file("/s/2")]).await;

        assert_eq!(outcomes(&result), [Outcome::Refused, Outcome::Skipped]);
        assert!(problem(&result).detail.contains("Nowhere"), "{result:?}");
        assert!(catalogue.query("").await.unwrap().is_empty());
    }

    async fn a_file_that_is_in_one_call_twice_is_taken_once_or_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let other = NewFile { size: 7.try_into().unwrap(), ..file("/s/1") };

        let same = catalogue.add(vec![file("/s/0"), file("/s/0")]).await;
        let result = catalogue.call(add(vec![file("/s/1"), other], Atomicity::Each)).await.unwrap();

        assert_eq!(outcomes(&same), [Outcome::Added, Outcome::Unchanged]);
        assert_eq!(outcomes(&result), [Outcome::Added, Outcome::Refused]);
        assert_eq!(problem(&result).code, Code::Conflict);
        assert_eq!(catalogue.show_directory("/s").await.totals.bytes, 200);
    }

    async fn a_copy_of_a_refused_item_is_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let wrong = file_with("/s/1", json!({ "no_such": 1 }));

        let call = add(vec![wrong.clone(), wrong], Atomicity::Each);
        let result = catalogue.call(call).await.unwrap();

        assert_eq!(outcomes(&result), [Outcome::Refused, Outcome::Refused]);
    }

    async fn wrong_metadata_is_refused_with_the_field_and_the_fix(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let cases = [
            (json!({ "run": "many" }), "run"),
            (json!({ "run": 1.5 }), "run"),
            (json!({ "energy": "3 s" }), "energy"),
            (json!({ "energy": true }), "energy"),
            (json!({ "taken": "yesterday" }), "taken"),
            (json!({ "tags": "x" }), "tags"),
            (json!({ "energi": 3 }), "energy"),
            (json!({ "stream": null }), "stream"),
        ];
        for (metadata, expected) in cases {
            let result = catalogue.add(vec![file_with("/s/1", metadata.clone())]).await;

            let problem = problem(&result);
            assert_eq!(problem.code, Code::Invalid);
            assert!(problem.detail.contains(expected), "{metadata}: {problem:?}");
            assert!(problem.field.as_ref().unwrap().starts_with("metadata."), "{problem:?}");
        }
    }

    async fn an_unknown_community_is_refused_with_a_suggestion(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let call = AddFiles { vo: "superbb".parse().unwrap(), ..add(files(&["/s/1"]), Atomicity::All) };

        let error = catalogue.call(call).await.unwrap_err();

        assert_eq!(error.code(), Code::NotFound);
        assert!(error.to_string().contains("did you mean superb?"), "{error}");
    }

    async fn a_wrong_query_is_refused_with_a_picture(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for (expr, expected) in [
            ("energy >", "^"),
            ("energy > 3 parsec", "^"),
            ("energy > 3 s", "^"),
            ("energi > 3", "energy"),
            ("run = x", "^"),
            ("(run = 1", "^"),
            ("lfn = 'open", "^"),
            ("run = 1 run = 2", "^"),
            ("status = wonderful", "^"),
        ] {
            let error = catalogue.query(expr).await.expect_err(expr);

            assert_eq!(error.code(), Code::Invalid, "{expr}: {error:?}");
            assert!(error.to_string().contains(expected), "{expr}: {error}");
        }
        let deep = format!("{}run = 1{}", "(".repeat(5_000), ")".repeat(5_000));
        assert_eq!(catalogue.query(&deep).await.unwrap_err().code(), Code::Invalid);
    }

    async fn a_cursor_of_something_else_is_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(vec![
            file_with("/s/1", json!({ "energy": 1, "run": 1, "stream": "a" })),
            file_with("/s/2", json!({ "energy": 2, "run": 2, "stream": "b" })),
            file_with("/s/3", json!({ "energy": 3, "run": 3, "stream": "c" })),
        ]).await;
        let page = |expr: &str, after: Option<String>| FindFiles {
            selection: Selection { expr: Some(expr.into()), ..Selection::default() },
            page: PageArgs { after, limit: Some(1) },
            ..FindFiles::default()
        };

        let first = catalogue.call(page("order by lfn", None)).await.unwrap();

        let next = first.next.clone();
        assert_eq!(catalogue.call(page("order by lfn", next)).await.unwrap().items.len(), 1);
        for expr in ["order by energy", "order by run desc", "order by lfn, run", "run = 1", ""] {
            let error = catalogue.call(page(expr, first.next.clone())).await.expect_err(expr);
            assert_eq!(error.code(), Code::Invalid, "{expr}: {error:?}");
        }
        for after in ["!", "", "e30", "bnVsbA", "W10", &"A".repeat(20_000)] {
            let error = catalogue.call(page("", Some(after.into()))).await.expect_err(after);
            assert_eq!(error.code(), Code::Invalid, "{after}: {error:?}");
            let args = PageArgs { after: Some(after.into()), limit: None };
            let call = ListDirectory { path: "/s".parse().unwrap(), retired: false, page: args };
            assert_eq!(catalogue.call(call).await.unwrap_err().code(), Code::Invalid, "{after}");
        }
    }

    async fn too_many_items_and_none_are_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let many: Vec<_> = (0..10_001).map(|n| file(&format!("/s/{n}"))).collect();
        let page = |limit| ListCommunities { page: PageArgs { after: None, limit: Some(limit) } };

        let result = [
            catalogue.call(add(many, Atomicity::All)).await.unwrap_err().code(),
            catalogue.call(add(vec![], Atomicity::All)).await.unwrap_err().code(),
            catalogue.call(page(0)).await.unwrap_err().code(),
            catalogue.call(page(10_001)).await.unwrap_err().code(),
        ];

        assert_eq!(result, [Code::Invalid; 4]);
    }

    async fn a_replay_that_contradicts_is_a_conflict(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let original = file_with("/s/1", json!({ "run": 1 }));
        catalogue.add(vec![original.clone()]).await;
        let others = [
            ("size", NewFile { size: 7.try_into().unwrap(), ..original.clone() }),
            ("events", NewFile { events: Some(7.try_into().unwrap()), ..original.clone() }),
            ("adler32", NewFile {
                checksums: read(json!({ "adler32": "1" })).unwrap(), ..original.clone()
            }),
            ("md5", NewFile {
                checksums: read(json!({ "md5": "0".repeat(32) })).unwrap(), ..original.clone()
            }),
            ("run", file_with("/s/1", json!({ "run": 2 }))),
            ("energy", file_with("/s/1", json!({ "energy": 2 }))),
            ("file_type", NewFile { file_type: Some("RAW".parse().unwrap()), ..original.clone() }),
            ("PFN", NewFile {
                replicas: read(json!([{ "se": "CNAF-disk", "pfn": "root://elsewhere/x" }])).unwrap(),
                ..original.clone()
            }),
        ];
        for (what, other) in others {
            let result = catalogue.add(vec![other]).await;

            assert_eq!(problem(&result).code, Code::Conflict, "{what}");
            assert!(problem(&result).detail.contains(what), "{what}: {result:?}");
        }
        assert_eq!(catalogue.add(vec![original]).await.unchanged, 1);
    }

    async fn one_refusal_stops_all_or_only_itself(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let call = |atomicity| add(
            vec![file("/s/n/1"), file_with("/s/n/2", json!({ "x": 1 })), file("/s/n/3")], atomicity,
        );

        let all = catalogue.call(call(Atomicity::All)).await.unwrap();
        let gone = catalogue.call(GetDirectory { path: "/s".parse().unwrap() }).await;
        let each = catalogue.call(call(Atomicity::Each)).await.unwrap();

        assert_eq!(outcomes(&all), [Outcome::Skipped, Outcome::Refused, Outcome::Skipped]);
        assert_eq!(gone.unwrap_err().code(), Code::NotFound);
        assert_eq!(outcomes(&each), [Outcome::Added, Outcome::Refused, Outcome::Added]);
        assert_eq!(catalogue.show_directory("/s/n").await.totals.files, 2);
    }

    async fn datasets_change_state_only_as_the_rules_allow(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for from in DatasetStatus::ALL {
            for to in DatasetStatus::ALL {
                let name = format!("{from}-{to}");
                let first = if *from == DatasetStatus::Frozen { DatasetStatus::Open } else { *from };
                let mut new = dataset(&name);
                new.status = first;
                let call = AddDatasets { vo: vo(), datasets: vec![new], atomicity: Atomicity::All };
                catalogue.call(call).await.unwrap();
                if *from == DatasetStatus::Frozen {
                    let call = json!({ "name": name });
                    catalogue.call(read::<FreezeDataset>(call).unwrap()).await.unwrap();
                }

                let result = change_status(&catalogue, &name, *to).await;

                let allowed = from == to
                    || (*to != DatasetStatus::Frozen && from.may_become(*to));
                assert_eq!(result.is_ok(), allowed, "{name}: {result:?}");
                let kept = catalogue.show_dataset(&name).await.status;
                assert_eq!(kept, if allowed { *to } else { *from });
            }
        }
    }

    async fn a_closed_dataset_takes_no_files(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        catalogue.add(files(&["/s/1"])).await;
        change_status(&catalogue, "d", DatasetStatus::Closed).await.unwrap();
        let call = AddFiles {
            dataset: Some("d".parse().unwrap()), ..add(files(&["/s/2"]), Atomicity::Each)
        };
        let members = AddMembers { name: "d".parse().unwrap(), vo: None, lfns: lfns(&["/s/1"]) };

        let results = [
            catalogue.call(call).await.unwrap_err().code(),
            catalogue.call(members).await.unwrap_err().code(),
        ];

        assert_eq!(results, [Code::Conflict; 2]);
        assert_eq!(catalogue.query("").await.unwrap(), ["/s/1"]);
    }

    async fn only_an_early_and_empty_dataset_can_be_removed(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for status in [DatasetStatus::Temp, DatasetStatus::Prepared, DatasetStatus::Open] {
            for member in [false, true] {
                let name = format!("{status}-{member}");
                let mut new = dataset(&name);
                new.status = status;
                let call = AddDatasets { vo: vo(), datasets: vec![new], atomicity: Atomicity::All };
                catalogue.call(call).await.unwrap();
                if member {
                    catalogue.add_to(Some(&name), files(&["/s/1"])).await;
                }

                let remove = read::<RemoveDataset>(json!({ "name": name })).unwrap();
                let result = catalogue.call(remove).await;

                let allowed = status != DatasetStatus::Open && !member;
                assert_eq!(result.is_ok(), allowed, "{name}: {result:?}");
            }
        }
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_personal_dataset_is_its_owners(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/1"])).await;
        let (alice, bob) = (user("alice"), user("bob"));
        let new = read(json!({ "name": "mine", "kind": "personal", "status": "temp" })).unwrap();
        let create = AddDatasets { vo: vo(), datasets: vec![new], atomicity: Atomicity::All };
        call_as(&catalogue, &alice, create).await.unwrap();
        let open = || read::<ChangeDataset>(json!({ "name": "mine", "status": "open" })).unwrap();
        let remove = || read::<RemoveDataset>(json!({ "name": "mine" })).unwrap();
        let freeze = || read::<FreezeDataset>(json!({ "name": "mine" })).unwrap();
        let join = || read::<AddMembers>(json!({ "name": "mine", "lfns": ["/s/1"] })).unwrap();
        let leave = || read::<RemoveMembers>(json!({ "name": "mine", "lfns": ["/s/1"] })).unwrap();
        let register = || AddFiles {
            dataset: Some("mine".parse().unwrap()), ..add(files(&["/s/2"]), Atomicity::All)
        };

        let refused = [
            call_as(&catalogue, &bob, open()).await.unwrap_err().code(),
            call_as(&catalogue, &bob, remove()).await.unwrap_err().code(),
            call_as(&catalogue, &bob, freeze()).await.unwrap_err().code(),
            call_as(&catalogue, &bob, join()).await.unwrap_err().code(),
            call_as(&catalogue, &bob, leave()).await.unwrap_err().code(),
            call_as(&catalogue, &bob, register()).await.unwrap_err().code(),
        ];

        assert_eq!(refused, [Code::Forbidden; 6]);
        call_as(&catalogue, &alice, open()).await.unwrap();
        assert_eq!(call_as(&catalogue, &alice, join()).await.unwrap().added, 1);
        assert_eq!(call_as(&catalogue, &alice, register()).await.unwrap().added, 1);
    }

    async fn a_dataset_is_not_its_own_parent(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;

        let change = read::<ChangeDataset>(json!({ "name": "d", "parents": ["d"] })).unwrap();
        let error = catalogue.call(change).await.unwrap_err();

        assert_eq!(error.code(), Code::Invalid);
    }

    async fn restoring_a_file_does_not_change_a_frozen_dataset(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        catalogue.add_to(Some("d"), files(&["/s/1", "/s/2"])).await;
        let retire = json!({ "lfns": ["/s/1"], "reason": "lost" });
        catalogue.call(read::<RetireFiles>(retire).unwrap()).await.unwrap();
        catalogue.call(read::<FreezeDataset>(json!({ "name": "d" })).unwrap()).await.unwrap();

        let restore = json!({ "lfns": ["/s/1"], "reason": "found" });
        let restored = catalogue.call(read::<RestoreFiles>(restore).unwrap()).await.unwrap();

        assert_eq!(restored.changed, 1);
        assert_eq!(catalogue.show_dataset("d").await.files, Some(1));
        assert_eq!(catalogue.query("dataset(\"d\")").await.unwrap(), ["/s/2"]);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_repeated_write_with_a_key_gets_the_same_answer(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let context = || CallContext { idempotency_key: Some("k1".parse().unwrap()) };
        let call = |names: &[&str]| add(files(names), Atomicity::All);
        let service = &catalogue.service;

        let first = service.call(&catalogue.caller, call(&["/s/1"]), context()).await.unwrap();
        let again = service.call(&catalogue.caller, call(&["/s/1"]), context()).await.unwrap();
        let other = service.call(&catalogue.caller, call(&["/s/2"]), context()).await;
        let somebody = service.call(&user("bob"), call(&["/s/3"]), context()).await.unwrap();

        assert_eq!((first.added, &again), (1, &first));
        assert_eq!(other.unwrap_err().code(), Code::Conflict);
        assert_eq!(somebody.added, 1);
        catalogue.wait(24 * 3600 + 1);
        assert_eq!(service.forget_answers().await.unwrap(), 2);
        let later = service.call(&catalogue.caller, call(&["/s/1"]), context()).await.unwrap();
        assert_eq!(later.unchanged, 1);
    }

    async fn a_name_with_the_key_of_another_is_never_taken_for_it(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        catalogue.add(files(&["/s/1"])).await;
        let name: Lfn = "/s/1".parse().unwrap();
        make_collision(&catalogue, name.key()).await;
        let one = || lfns(&["/s/1"]);
        let reason = || "x".parse().unwrap();

        let added = catalogue.add(files(&["/s/1"])).await;
        let found = catalogue.call(GetFiles { lfns: one(), ..GetFiles::default() }).await.unwrap();
        let shown = catalogue.call(GetFile { lfn: name.clone() }).await;
        let retired = catalogue.call(RetireFiles {
            lfns: one(), reason: reason(), grace_seconds: None, preview: false,
        }).await.unwrap();
        let marked = catalogue.call(SetFileStatus {
            lfns: one(), status: FileStatus::Bad, reason: None,
        }).await.unwrap();
        let joined = catalogue.call(AddMembers {
            name: "d".parse().unwrap(), vo: None, lfns: one(),
        }).await.unwrap();
        let replica = catalogue.call(AddReplicas {
            replicas: vec![read(json!({ "lfn": "/s/1", "se": "CNAF-tape" })).unwrap()],
            atomicity: Atomicity::Each,
        }).await.unwrap();
        let gone = catalogue.call(RemoveReplicas {
            replicas: vec![read(json!({ "lfn": "/s/1", "se": "CNAF-disk" })).unwrap()],
            reason: reason(),
        }).await.unwrap();

        assert_eq!(problem(&added).code, Code::Conflict);
        assert_eq!((found.found.len(), found.missing), (0, one()));
        assert_eq!(shown.unwrap_err().code(), Code::NotFound);
        for result in [&retired.bulk, &marked, &joined, &replica] {
            assert_eq!(problem(result).code, Code::NotFound, "{result:?}");
        }
        assert_eq!((gone.removed, gone.unchanged), (0, 1));
        assert_eq!(catalogue.query("status = good and se = CNAF-disk").await.unwrap(), ["/s/other"]);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_missing_permission_is_named(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let reader = Caller::with("eve", "users", [Permission::Read]);

        let write = call_as(&catalogue, &reader, add(files(&["/s/1"]), Atomicity::All)).await;
        let schema = ApplySchema {
            vo: vo(), toml: "version = 2".into(), dry_run: true, reason: None,
        };
        let schema = call_as(&catalogue, &reader, schema).await;
        let nobody = Caller::with("eve", "users", []);
        let read = call_as(&catalogue, &nobody, ListCommunities::default()).await;

        for error in [write.unwrap_err(), schema.unwrap_err(), read.unwrap_err()] {
            assert_eq!(error.code(), Code::Forbidden);
            assert!(error.to_string().contains("eve"), "{error}");
        }
    }
}
