//! Writers that meet one another.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::{future::Future, sync::Arc};

use common::{Catalogue, SCHEMA, file, file_with, files, lfns, vo};
use sbk_api::*;
use sbk_service::Error;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::json;
use tokio::sync::Barrier;

/// Runs `writers` tasks that begin at the same moment, and gives what each came to.
async fn at_once<T, F>(writers: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(writers));
    let tasks: Vec<_> = (0..writers)
        .map(|number| {
            let (barrier, task) = (barrier.clone(), task(number));
            tokio::spawn(async move {
                barrier.wait().await;
                task.await
            })
        })
        .collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// Panics when a failure is not one that a caller can act on.
fn clear<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let acceptable = matches!(error.code(), Code::Conflict | Code::Busy | Code::NotFound);
            assert!(acceptable, "{error:?}");
            None
        }
    }
}

/// A call with a job that makes a file from another; so great that it has a transaction of its own.
fn made(name: &str, from: &str, to: &str) -> ReportJob {
    let mut reports = vec![json!({
        "name": name, "inputs": [from], "outputs": [{ "lfn": to, "size": 1 }],
        "steps": [{ "application": "Reco" }],
    })];
    reports.extend((0..10).map(|n| json!({ "name": format!("{name}/{n}"), "state": "failed" })));
    ReportJob { vo: vo(), reports, format: ReportFormat::Json, name: None, refuse: true }
}

fn add(files: Vec<NewFile>) -> AddFiles {
    AddFiles {
        vo: vo(),
        files,
        dataset: None,
        atomicity: Atomicity::All,
        only_new: false,
        unique_guids: false,
    }
}

each_backend! {
    async fn a_great_batch_that_is_there_in_part_is_completed(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let some = |count: u32| (0..count).map(|n| file(&format!("/s/{}/{n}", n % 7))).collect();
        assert_eq!(catalogue.call(add(some(150))).await.unwrap().added, 150);

        let more = catalogue.call(add(some(300))).await.unwrap();
        let again = catalogue.call(add(some(300))).await.unwrap();

        assert_eq!((more.added, more.unchanged, more.refused), (150, 150, 0));
        assert_eq!((again.added, again.unchanged, again.refused), (0, 300, 0));
        assert_eq!(catalogue.show_directory("/s").await.totals.files, 300);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn writers_of_the_same_new_files_agree(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        // Great batches are inserted in another way than small ones.
        for (round, (writers, count)) in [(2, 20), (8, 20), (2, 150), (4, 150)].into_iter().enumerate() {
            let name = |n| format!("/s/r{round}/new/d{}/{n}", n % 3);
            let names: Vec<_> = (0..count).map(name).collect();

            let results = at_once(writers, |_| {
                let (catalogue, names) = (catalogue.clone(), names.clone());
                async move {
                    let new = names.iter().map(|name| file(name)).collect();
                    catalogue.call(add(new)).await.unwrap()
                }
            }).await;

            assert_eq!(results.iter().map(|r| r.added).sum::<u32>(), count, "{results:?}");
            assert_eq!(results.iter().map(|r| r.refused).sum::<u32>(), 0, "{results:?}");
            let path = format!("/s/r{round}");
            assert_eq!(catalogue.show_directory(&path).await.totals.files, i64::from(count));
        }
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn overlapping_batches_in_different_order_all_succeed(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;

        let results = at_once(6, |writer| {
            let catalogue = catalogue.clone();
            let mut names: Vec<_> =
                (writer * 5..writer * 5 + 20).map(|n| format!("/s/{}/{n}", n % 4)).collect();
            if writer % 2 == 1 {
                names.reverse();
            }
            async move {
                let new = names.iter().map(|name| file(name)).collect();
                let call = AddFiles { dataset: Some("d".parse().unwrap()), ..add(new) };
                catalogue.call(call).await.unwrap()
            }
        }).await;

        assert_eq!(results.iter().map(|r| r.added).sum::<u32>(), 45);
        assert_eq!(catalogue.show_dataset("d").await.files, Some(45));
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn totals_stay_right_under_mixed_writes(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        let names: Vec<_> = (0..12).map(|n| format!("/s/{}/{n}", n % 3)).collect();
        catalogue.add_to(Some("d"), names.iter().map(|name| file(name)).collect()).await;
        let names = Arc::new(names);

        at_once(6, |writer| {
            let (catalogue, names) = (catalogue.clone(), names.clone());
            async move {
                for round in 0..8 {
                    let some: Vec<&str> = (0..4)
                        .map(|n| names[(writer * 5 + round * 7 + n * 3) % names.len()].as_str())
                        .collect();
                    mixed_write(&catalogue, writer + round, &some).await;
                }
            }
        }).await;

        assert_eq!(catalogue.wrong_totals(false).await, []);
    }

    async fn one_of_two_schemas_applied_at_once_wins(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;

        let results = at_once(4, |writer| {
            let catalogue = catalogue.clone();
            let schema = SCHEMA.replace("version = 1", "version = 2")
                + &format!("\n[[field]]\nname = \"extra{writer}\"\nentity = \"file\"\nkind = \"int\"\n");
            async move { catalogue.apply(&schema).await }
        }).await;

        let applied = results.into_iter().filter_map(|result| match result {
            Ok(plan) => plan.applied.then_some(()),
            Err(error) => {
                assert!(matches!(error.code(), Code::Conflict | Code::Invalid), "{error:?}");
                None
            }
        });
        assert_eq!(applied.count(), 1);
        let call = ListSchemaVersions { vo: vo(), page: PageArgs::default() };
        assert_eq!(catalogue.call(call).await.unwrap().items.len(), 2);
    }

    async fn a_directory_is_removed_while_files_come(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let acknowledged: usize = at_once(4, |writer| {
            let catalogue = catalogue.clone();
            async move {
                let mut added = 0;
                for round in 0..10 {
                    if writer == 0 {
                        let remove = json!({ "path": "/s/a", "reason": "empty" });
                        let call: RemoveDirectory = serde_json::from_value(remove).unwrap();
                        clear(catalogue.call(call).await);
                    } else {
                        let new = files(&[&format!("/s/a/{writer}-{round}")]);
                        added += clear(catalogue.call(add(new)).await).map_or(0, |r| r.added);
                    }
                }
                added as usize
            }
        }).await.into_iter().sum();

        assert_eq!(catalogue.query("").await.unwrap().len(), acknowledged);
        assert_eq!(catalogue.show_directory("/s/a").await.totals.files, acknowledged as i64);
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_field_gets_its_column_while_files_come(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let run = |n: usize| file_with(&format!("/s/{n}"), json!({ "run": n }));
        catalogue.add((0..50).map(run).collect()).await;

        at_once(4, |writer| {
            let catalogue = catalogue.clone();
            async move {
                if writer == 0 {
                    catalogue.promote().await;
                } else {
                    for round in 0..20 {
                        let n = 1000 * writer + round;
                        catalogue.call(add(vec![run(n)])).await.unwrap();
                    }
                }
            }
        }).await;
        catalogue.promote().await;

        assert_eq!(catalogue.query("run >= 0").await.unwrap().len(), 110);
        assert_eq!(catalogue.query("run >= 1000 and run < 2000").await.unwrap().len(), 20);
    }

    async fn of_reports_at_once_that_close_a_cycle_one_is_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for round in 0..8 {
            let name = |file: &str| format!("/s/{round}/{file}");
            // z is made from y; y from x, and x from z, come at once.
            let before = made(&format!("z{round}"), &name("y"), &name("z"));
            assert_eq!(catalogue.call(before).await.unwrap().refused, 0);
            let calls = [
                made(&format!("y{round}"), &name("x"), &name("y")),
                made(&format!("x{round}"), &name("z"), &name("x")),
            ];

            let results = at_once(2, |at| {
                let (catalogue, call) = (catalogue.clone(), calls[at].clone());
                async move { catalogue.call(call).await.unwrap() }
            })
            .await;

            let refused: Vec<_> = results.iter().filter(|result| result.refused > 0).collect();
            assert_eq!(refused.len(), 1, "{results:?}");
            let problem = refused[0].results[0].problem.as_ref().unwrap();
            assert!(problem.detail.contains("made from themselves"), "{problem:?}");
        }
    }

    async fn reports_at_once_that_read_what_others_make_are_all_kept(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let writers = 6;
        for round in 0..5 {
            at_once(writers, |at| {
                let catalogue = catalogue.clone();
                // Each reads what the one after it makes, in an order of keys that is not theirs.
                let name = |at: usize| format!("/s/{}/{round}.{at}", at * 7 % 4);
                let call = made(&format!("j{round}.{at}"), &name(at + 1), &name(at));
                async move {
                    let result = catalogue.call(call).await.unwrap();
                    assert_eq!(result.refused, 0, "{result:?}");
                }
            })
            .await;
        }

        let list = ListOpenEdges { vo: Some(vo()), ..ListOpenEdges::default() };
        let open = catalogue.call(list).await.unwrap().items;
        assert_eq!(open.len(), 5, "{open:?}");
        assert!(open.iter().all(|edge| edge.lfn.as_str().ends_with(".6")), "{open:?}");
    }

    async fn a_repeated_write_at_once_is_done_once(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;

        let answers = at_once(4, |_| {
            let catalogue = catalogue.clone();
            async move {
                let key = Some("same".parse().unwrap());
                let context = sbk_service::CallContext { idempotency_key: key };
                let call = add(files(&["/s/1", "/s/2"]));
                catalogue.service.call(&catalogue.caller, call, context).await.unwrap()
            }
        }).await;

        assert!(answers.iter().all(|answer| answer.added == 2), "{answers:?}");
        assert_eq!(catalogue.query("").await.unwrap().len(), 2);
    }

    async fn migrations_are_safe_to_repeat_and_to_run_at_once(database: TestDatabase) {
        let url = database.url().to_owned();

        let results = at_once(12, |_| {
            let url = url.clone();
            async move {
                let options = sbk_service::Options::default();
                let service = sbk_service::Service::open(&url, options).await.unwrap();
                service.migrate().await.unwrap().len()
            }
        }).await;

        let service = sbk_service::Service::open(&url, sbk_service::Options::default()).await.unwrap();
        assert!(service.migrate().await.unwrap().is_empty());
        assert!(service.pending_migrations().await.unwrap().is_empty());
        assert_eq!(results.iter().filter(|count| **count > 0).count(), 1, "{results:?}");
    }
}

/// One of several kinds of writes, about some files.
async fn mixed_write(catalogue: &Catalogue, kind: usize, names: &[&str]) {
    let replicas = |se: &str| -> Vec<serde_json::Value> {
        names.iter().map(|name| json!({ "lfn": name, "se": se })).collect()
    };
    let dataset = || "d".parse().unwrap();
    let reason = || "test".parse().unwrap();
    let lfns = lfns(names);
    match kind % 6 {
        0 => {
            let replicas = serde_json::from_value(replicas("CNAF-tape").into()).unwrap();
            clear(catalogue.call(AddReplicas { replicas, atomicity: Atomicity::Each }).await);
        }
        1 => {
            let call = RetireFiles { lfns, reason: reason(), grace_seconds: None, preview: false };
            clear(catalogue.call(call).await);
        }
        2 => drop(clear(catalogue.call(RestoreFiles { lfns, reason: reason() }).await)),
        3 => {
            let call = RemoveMembers { name: dataset(), vo: None, lfns, reason: None };
            clear(catalogue.call(call).await);
        }
        4 => drop(clear(catalogue.call(AddMembers { name: dataset(), vo: None, lfns }).await)),
        _ => {
            let replicas = serde_json::from_value(replicas("CNAF-disk").into()).unwrap();
            let status = sbk_model::ReplicaStatus::Retired;
            clear(catalogue.call(SetReplicaStatus { replicas, status, reason: None }).await);
        }
    }
}
