//! The tasks of productions, handed out and reported, on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/production.rs"]
mod production;

use std::collections::BTreeSet;

use common::{Catalogue, file, lfns};
use production::*;
use sbk_api::*;
use sbk_model::Missing;
use sbk_service::CallContext;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

each_backend! {
    async fn takers_at_once_get_tasks_and_inputs_of_their_own(database: TestDatabase) {
        let catalogue = with_inputs(&database, 48, 2).await;
        extend(&catalogue, "p", false).await;

        let mut takers = tokio::task::JoinSet::new();
        for taker in 0..8 {
            let catalogue = catalogue.clone();
            takers.spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let call = json!({ "limit": 2, "worker": format!("w{taker}") });
                    match take(&catalogue, "p", call).await {
                        // Others may hold all that is left for the moment.
                        Ok(taken) if taken.tasks.is_empty() => return mine,
                        Ok(taken) => mine.extend(taken.tasks),
                        Err(error) => assert_eq!(error.code(), Code::Busy, "{error:?}"),
                    }
                }
            });
        }
        let mut taken: Vec<TakenTask> = takers.join_all().await.into_iter().flatten().collect();
        loop {
            let rest = take(&catalogue, "p", json!({ "limit": 5 })).await.unwrap().tasks;
            if rest.is_empty() {
                break;
            }
            taken.extend(rest);
        }

        let numbers: BTreeSet<u32> = taken.iter().map(|task| task.task).collect();
        let inputs: BTreeSet<_> = taken.iter().flat_map(|t| &t.inputs).map(|f| &f.lfn).collect();
        assert_eq!((taken.len(), numbers.len(), inputs.len()), (24, 24, 48));
        assert!(taken.iter().all(|task| task.attempt == 1));
        counts_are_right(&catalogue, "p").await;
    }

    async fn the_same_call_gets_the_same_tasks(database: TestDatabase) {
        let catalogue = with_inputs(&database, 4, 1).await;
        extend(&catalogue, "p", false).await;
        let call = json!({ "limit": 2, "key": "pilot-7", "site": "CNAF" });

        let first = take(&catalogue, "p", call.clone()).await.unwrap();
        let again = take(&catalogue, "p", call.clone()).await.unwrap();
        let other = take(&catalogue, "p", with(call, json!({ "limit": 1 }))).await;
        let by_header = CallContext { idempotency_key: Some("k".parse().unwrap()) };
        let operation = from::<TakeTasks>(json!({ "production": "p" }));
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (operation, context) = (operation.clone(), by_header.clone());
            answers.push(catalogue.service.call(&catalogue.caller, operation, context).await.unwrap());
        }

        assert_eq!(first, again);
        assert_eq!(first.tasks.len(), 2);
        assert_eq!(other.unwrap_err().code(), Code::Conflict);
        assert_eq!(answers[0], answers[1]);
        assert_eq!(progress(&catalogue, "p").await.tasks.submitted, 3);
    }

    async fn a_lease_that_ends_gives_the_task_back_and_a_late_report_counts(
        database: TestDatabase
    ) {
        let catalogue = with_inputs(&database, 2, 1).await;
        extend(&catalogue, "p", false).await;
        let lease = json!({ "limit": 2, "lease_seconds": 60, "worker": "lost", "site": "CNAF" });
        let lost = take(&catalogue, "p", lease.clone()).await.unwrap().tasks;
        let early = take(&catalogue, "p", lease.clone()).await.unwrap();

        catalogue.wait(61);
        let again = take(&catalogue, "p", json!({ "limit": 1 })).await.unwrap();
        let waiting = tasks(&catalogue, "p", json!({ "state": "created" })).await;
        let late_failure = report(&catalogue, vec![job("lost1", "p", &lost[0], "failed")]).await;
        let retried = tasks(&catalogue, "p", json!({ "state": "submitted" })).await;
        let late = report(&catalogue, vec![job("lost2", "p", &lost[1], "done")]).await;
        let second = report(&catalogue, vec![job("good1", "p", &again.tasks[0], "done")]).await;
        let surplus = with(job("late1", "p", &lost[0], "done"), json!({}));
        let surplus = report(&catalogue, vec![surplus]).await;

        assert!(early.tasks.is_empty());
        assert_eq!((again.expired, again.tasks.len()), (2, 1));
        assert_eq!((again.tasks[0].task, again.tasks[0].attempt), (1, 2));
        assert_eq!(waiting[0].reason.as_ref().unwrap().as_str(), "lease expired");
        assert_eq!(late_failure.results[0].standing, Some(Standing::NotGood));
        assert_eq!(retried.len(), 1, "the second attempt goes on");
        assert_eq!(late.results[0].standing, Some(Standing::Counts), "nobody else did it");
        assert_eq!(second.results[0].standing, Some(Standing::Counts));
        assert_eq!(surplus.results[0].standing, Some(Standing::Surplus));
        let after = progress(&catalogue, "p").await;
        assert_eq!((after.tasks.done, after.inputs_processed, after.events_made), (2, 2, 20));
        assert_eq!(after.percent, 100.0);
        assert_eq!(completeness(&catalogue, "p").await.missing, 0);
        counts_are_right(&catalogue, "p").await;
    }

    async fn a_task_has_no_more_attempts_than_its_production_gives(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let events = json!({ "events": 10, "events_per_task": 10 });
        let production = json!({ "name": "p", "events": events, "max_attempts": 2 });
        create(&catalogue, production).await.unwrap();
        extend(&catalogue, "p", false).await;
        let retry = json!({ "retry_failed": true, "lease_seconds": 60 });

        let first = take(&catalogue, "p", retry.clone()).await.unwrap().tasks.remove(0);
        report(&catalogue, vec![job("a1", "p", &first, "failed")]).await;
        let unasked = take(&catalogue, "p", json!({})).await.unwrap();
        let second = take(&catalogue, "p", retry.clone()).await.unwrap().tasks.remove(0);
        catalogue.wait(61);
        let expire = from::<ExpireTasks>(json!({ "vo": "superb" }));
        let expired = catalogue.call(expire).await.unwrap();
        let none = take(&catalogue, "p", retry.clone()).await.unwrap();
        let failed = tasks(&catalogue, "p", json!({ "state": "failed" })).await;
        let reset = json!({ "production": "p", "reason": "the disk is back" });
        let reset = catalogue.call(from::<ResetTasks>(reset)).await.unwrap();
        let third = take(&catalogue, "p", json!({})).await.unwrap().tasks.remove(0);

        assert!(unasked.tasks.is_empty());
        assert_eq!((first.attempt, second.attempt, third.attempt), (1, 2, 3));
        assert_eq!((first.seed, first.first_event), (third.seed, third.first_event));
        assert_eq!((expired.tasks, reset.tasks), (1, 1));
        assert!(none.tasks.is_empty());
        assert_eq!(failed.len(), 1);
        counts_are_right(&catalogue, "p").await;
    }

    async fn states_of_tasks_follow_the_rules(database: TestDatabase) {
        let catalogue = with_inputs(&database, 5, 1).await;
        extend(&catalogue, "p", false).await;
        take(&catalogue, "p", json!({ "limit": 3 })).await.unwrap();

        let lease = json!({ "lease_seconds": 600, "attempt": 1 });
        let running = set(&catalogue, &[1, 2, 4, 99], "running", lease.clone()).await;
        let repeat = set(&catalogue, &[1], "running", json!({})).await;
        let stale = set(&catalogue, &[1], "failed", json!({ "attempt": 7, "reason": "x" })).await;
        let failed = set(&catalogue, &[1], "failed", json!({ "reason": "disk full" })).await;
        let wrong = set(&catalogue, &[1], "running", json!({})).await;
        let abandoned = set(&catalogue, &[5], "abandoned", json!({ "reason": "bad input" })).await;
        let back = set(&catalogue, &[5], "created", json!({})).await;
        let done = json!({ "production": "p", "tasks": [1], "state": "done" });
        let done = catalogue.call(from::<SetTaskState>(done)).await;
        let silent = json!({ "production": "p", "tasks": [1], "state": "failed" });
        let silent = catalogue.call(from::<SetTaskState>(silent)).await;

        let outcomes: Vec<_> = running.results.iter().map(|r| r.outcome).collect();
        use Outcome::{Changed, Refused};
        assert_eq!(outcomes, [Changed, Changed, Refused, Refused], "{running:?}");
        assert_eq!((repeat.unchanged, stale.refused, failed.changed), (1, 1, 1));
        let text = wrong.results[0].problem.clone().unwrap().detail;
        assert!(text.contains("it is failed, and can become created or abandoned"), "{text}");
        assert_eq!((abandoned.changed, back.changed), (1, 1));
        assert_eq!(Problem::from(done.unwrap_err()).field.as_deref(), Some("state"));
        assert_eq!(Problem::from(silent.unwrap_err()).field.as_deref(), Some("reason"));
        let task = json!({ "production": "p", "task": 1 });
        let task = catalogue.call(from::<GetTask>(task)).await.unwrap();
        assert_eq!(task.summary.reason.unwrap().as_str(), "disk full");
        assert_eq!(task.inputs.len(), 1);
        let counts = progress(&catalogue, "p").await.tasks;
        let wanted =
            TaskCounts { created: 2, submitted: 1, running: 1, failed: 1, ..Default::default() };
        assert_eq!(counts, wanted);
        counts_are_right(&catalogue, "p").await;
    }

    async fn every_input_without_a_good_output_is_listed_with_its_reason(database: TestDatabase) {
        let catalogue = with_inputs(&database, 12, 1).await;
        extend(&catalogue, "p", false).await;
        let taken = take(&catalogue, "p", json!({ "limit": 11 })).await.unwrap().tasks;
        let done = |at: usize| job(&format!("j{at}"), "p", &taken[at], "done");
        let nothing = with(done(6), json!({ "inputs": [] }));
        let failed = with(done(2), json!({ "state": "failed", "reason": "segfault" }));
        let good = done(0);
        report(&catalogue, vec![good, failed, done(3), done(4), done(5), nothing, done(7)]).await;
        set(&catalogue, &[taken[1].task], "running", json!({})).await;
        set(&catalogue, &[taken[8].task], "abandoned", json!({ "reason": "no data" })).await;
        let output = |at: usize| -> Vec<sbk_model::Lfn> {
            let name = format!("/superb/p/out/{}-1.dst", taken[at].task);
            vec![name.parse().unwrap()]
        };
        for (at, status) in [(3, sbk_model::FileStatus::Bad), (4, sbk_model::FileStatus::Lost)] {
            let call = SetFileStatus { lfns: output(at), status, reason: None };
            catalogue.call(call).await.unwrap();
        }
        for (at, grace) in [(7, 1), (5, 100_000)] {
            let retire = json!({
                "lfns": output(at), "reason": "a test", "grace_seconds": grace,
            });
            catalogue.call(from::<RetireFiles>(retire)).await.unwrap();
        }
        catalogue.wait(10);
        catalogue.call(PurgeFiles { limit: None }).await.unwrap();
        catalogue.add(vec![file("/superb/raw/late.raw")]).await;
        let two = json!({ "name": "two", "input": {
            "query": "lfn like '/superb/raw/%'", "files_per_task": 20,
        } });
        create(&catalogue, two).await.unwrap();
        extend(&catalogue, "two", false).await;

        let whole = completeness(&catalogue, "p").await;
        let all = missing(&catalogue, "p", json!({})).await;
        let failed = missing(&catalogue, "p", json!({ "reason": "failed" })).await;
        let retired = missing(&catalogue, "p", json!({ "reason": "output_retired" })).await;
        let waiting = completeness(&catalogue, "two").await;

        assert_eq!((whole.inputs, whole.good, whole.missing), (12, 1, 11));
        let counts: Vec<_> = whole.reasons.iter().map(|c| (c.reason, c.inputs)).collect();
        assert_eq!(counts, [
            (Missing::Created, 1), (Missing::Submitted, 2), (Missing::Running, 1),
            (Missing::Failed, 1), (Missing::Abandoned, 1), (Missing::NotUsed, 1),
            (Missing::OutputBad, 1), (Missing::OutputLost, 1), (Missing::OutputRetired, 1),
            (Missing::OutputRemoved, 1),
        ]);
        assert_eq!(all.len(), 11);
        assert!(all.iter().all(|input| input.lfn.is_some() && input.status.is_some()));
        let [failed] = failed.as_slice() else { panic!("{failed:?}") };
        assert_eq!(failed.job.as_ref().unwrap().as_str(), "j2");
        assert_eq!(failed.detail.as_ref().unwrap().as_str(), "segfault");
        assert_eq!(failed.site.as_ref().unwrap().as_str(), "LCG.CNAF.it");
        assert_eq!(failed.lfn, Some(taken[2].inputs[0].lfn.clone()));
        assert_eq!(retired[0].task, Some(taken[5].task));
        assert_eq!(waiting.reasons, [MissingCount { reason: Missing::Unassigned, inputs: 13 }]);
        let restore = RestoreFiles { lfns: output(5), reason: "good".parse().unwrap() };
        catalogue.call(restore).await.unwrap();
        assert_eq!(completeness(&catalogue, "p").await.good, 2);
        counts_are_right(&catalogue, "p").await;
    }

    async fn a_later_step_of_a_job_makes_an_input_good(database: TestDatabase) {
        let catalogue = with_inputs(&database, 2, 2).await;
        extend(&catalogue, "p", false).await;
        let task = take(&catalogue, "p", json!({})).await.unwrap().tasks.remove(0);
        let inputs: Vec<_> = task.inputs.iter().map(|file| file.lfn.clone()).collect();
        let two_steps = json!({
            "steps": [{ "application": "A" }, { "application": "B" }],
            "outputs": [
                { "lfn": "/superb/o/middle", "size": 1, "step": 1 },
                { "lfn": "/superb/o/last", "size": 1, "step": 2 },
            ],
        });
        let report_ = with(job("j", "p", &task, "done"), two_steps);
        report(&catalogue, vec![report_]).await;
        let bad = |lfn: &str| SetFileStatus {
            lfns: lfns(&[lfn]), status: sbk_model::FileStatus::Bad, reason: None,
        };

        catalogue.call(bad("/superb/o/middle")).await.unwrap();
        let middle = completeness(&catalogue, "p").await;
        catalogue.call(bad("/superb/o/last")).await.unwrap();
        let last = completeness(&catalogue, "p").await;

        assert_eq!((inputs.len(), middle.good, last.good), (2, 2, 0));
    }

    async fn progress_is_what_the_jobs_reported(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let events = json!({ "events": 100, "events_per_task": 10 });
        create(&catalogue, json!({ "name": "p", "events": events })).await.unwrap();
        extend(&catalogue, "p", false).await;
        let taken = take(&catalogue, "p", json!({ "limit": 8 })).await.unwrap().tasks;
        let mut reports: Vec<Value> = taken[..6]
            .iter()
            .map(|task| {
                let state = if task.task % 3 == 0 { "failed" } else { "done" };
                let reason = if task.task == 3 { "segfault" } else { "disk full" };
                let more = if state == "failed" { json!({ "reason": reason }) } else { json!({}) };
                with(job(&format!("j{}", task.task), "p", task, state), more)
            })
            .collect();
        reports.push(with(job("again", "p", &taken[0], "done"), json!({ "attempt": 2 })));
        report(&catalogue, reports.clone()).await;
        report(&catalogue, reports).await;

        let now = progress(&catalogue, "p").await;
        let failures = from::<SummarizeFailures>(json!({ "name": "p" }));
        let failures = catalogue.call(failures).await.unwrap();

        let wanted =
            TaskCounts { created: 2, submitted: 2, done: 4, failed: 2, ..Default::default() };
        assert_eq!(now.tasks, wanted);
        assert_eq!((now.events_wanted, now.events_made, now.events_in_flight), (100, 40, 20));
        assert_eq!((now.jobs, now.jobs_failed, now.percent), (7, 2, 40.0));
        assert_eq!((failures.jobs, failures.failed, failures.groups.len()), (7, 2, 2));
        assert_eq!(failures.groups[0].site.as_ref().unwrap().as_str(), "LCG.CNAF.it");
        assert_eq!(failures.groups[0].jobs_at_site, 7);
        counts_are_right(&catalogue, "p").await;
    }

    async fn inputs_follow_their_directories_and_keep_their_names(database: TestDatabase) {
        let catalogue = with_inputs(&database, 3, 1).await;
        extend(&catalogue, "p", false).await;
        let taken = take(&catalogue, "p", json!({})).await.unwrap().tasks.remove(0);
        let gone = taken.inputs[0].lfn.split().1.to_owned();

        let moving = json!({ "from": "/superb/raw", "to": "/superb/moved" });
        while !catalogue.call(from::<MoveDirectory>(moving.clone())).await.unwrap().done {}
        let retire = json!({
            "lfns": [format!("/superb/moved/{gone}")], "reason": "a test", "grace_seconds": 1,
        });
        catalogue.call(from::<RetireFiles>(retire)).await.unwrap();
        catalogue.wait(10);
        catalogue.call(PurgeFiles { limit: None }).await.unwrap();

        let all = missing(&catalogue, "p", json!({})).await;
        let mut names: Vec<_> = all.iter().map(|i| i.lfn.clone().unwrap().to_string()).collect();
        names.sort();
        let wanted: Vec<_> = (0..3).map(|n| format!("/superb/moved/{n:03}.raw")).collect();
        assert_eq!(names, wanted);
        assert_eq!(all.iter().filter(|input| input.status.is_none()).count(), 1);
        let next = take(&catalogue, "p", json!({})).await.unwrap().tasks.remove(0);
        assert!(next.inputs[0].lfn.as_str().starts_with("/superb/moved/"));
    }
}
