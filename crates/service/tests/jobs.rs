//! Job reports on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{Catalogue, file, lfns, vo};
use sbk_api::*;
use sbk_model::{JobState, Totals};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

fn call(reports: Vec<Value>) -> ReportJob {
    ReportJob { vo: vo(), reports, format: ReportFormat::Json, name: None, refuse: false }
}

async fn report(catalogue: &Catalogue, reports: Vec<Value>) -> ReportResult {
    catalogue.call(call(reports)).await.unwrap()
}

/// A job that made one file of 10 events.
fn job(name: &str, inputs: &[&str], outputs: &[&str]) -> Value {
    let outputs: Vec<Value> = outputs.iter().map(|lfn| output(lfn)).collect();
    json!({ "name": name, "inputs": inputs, "outputs": outputs, "events_written": 10 })
}

fn output(lfn: &str) -> Value {
    json!({
        "lfn": lfn, "size": 100, "events": 10, "checksums": { "adler32": "1a2b" },
        "file_type": "ROOT", "replicas": [{ "se": "CNAF-disk" }],
    })
}

fn task(name: &str, task: u32, attempt: u32, state: &str, outputs: &[&str]) -> Value {
    let mut job = job(name, &[], outputs);
    let more = json!({
        "production": "mc26", "task": task, "attempt": attempt, "state": state,
        "site": "LCG.CNAF.it", "cpu_seconds": 12.5,
    });
    job.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    job
}

async fn shown(catalogue: &Catalogue, name: &str) -> Job {
    catalogue.call(GetJob { name: name.parse().unwrap(), vo: Some(vo()) }).await.unwrap()
}

async fn listed(catalogue: &Catalogue, list: ListJobs) -> Vec<JobSummary> {
    let mut list = ListJobs { vo: Some(vo()), ..list };
    list.page.limit = Some(2);
    let mut all = Vec::new();
    loop {
        let page = catalogue.call(list.clone()).await.unwrap();
        all.extend(page.items);
        match page.next {
            Some(next) => list.page.after = Some(next),
            None => return all,
        }
    }
}

async fn quarantined(catalogue: &Catalogue) -> Vec<Quarantined> {
    let list = ListQuarantine { vo: Some(vo()), ..ListQuarantine::default() };
    catalogue.call(list).await.unwrap().items
}

/// A report with everything in it.
fn full() -> Value {
    json!({
        "name": "00012448_00013484_1", "dirac_id": 4711, "job_type": "MCSimulation",
        "production": "12448", "task": 13484, "attempt": 2, "state": "done",
        "site": "LCG.CNAF.it", "submitted": "2026-01-30T10:00:00Z",
        "started": "2026-01-31T10:00:00Z", "ended": "2026-01-31T12:00:00Z",
        "cpu_seconds": 7000.5, "wall_seconds": 7200.0, "memory": 2_000_000_000_i64,
        "events_read": 20, "events_written": 10, "first_event": 1, "run": 98, "exit_code": 0,
        "seeds": { "gauss": 42 }, "log": "https://logs.example.org/1.tgz",
        "worker": { "node": "wn1", "cpu_model": "EPYC", "cores": 8 },
        "environment": { "DIRACVERSION": "v8" },
        "inputs": ["/superb/raw/1.raw", "/superb/raw/2.raw"],
        "steps": [
            { "application": "Gauss", "version": "v49r1", "platform": "x86_64-el9",
              "options": ["$OPTS/gauss.py"], "conditions": { "CondDB": "sim-1", "DDDB": "dd-1" },
              "events_read": 20, "events_written": 20, "cpu_seconds": 6000.0 },
            { "application": "Brunel", "version": "v50r0", "events_read": 20,
              "events_written": 10, "memory": 1000 },
        ],
        "outputs": [
            { "lfn": "/superb/sim/1.sim", "size": 5, "step": 1, "transient": true },
            { "lfn": "/superb/dst/1.dst", "size": 100, "events": 10, "step": 2,
              "checksums": { "adler32": "0a0b0c0d" }, "file_type": "DST",
              "replicas": [{ "se": "CNAF-disk" }, { "se": "CNAF-tape" }],
              "metadata": { "run": 98, "energy": "91.2 GeV" }, "dataset": "dsts" },
            { "lfn": "/superb/hist/1.root", "size": 7, "step": 2 },
        ],
    })
}

/// How many counts were proved, and those that are wrong.
async fn verified(catalogue: &Catalogue, repair: bool) -> (u64, Vec<WrongJobCount>) {
    let mut found = (0, Vec::new());
    let mut after = None;
    loop {
        let step = catalogue.call(VerifyJobs { repair, after }).await.unwrap();
        found.0 += step.checked;
        found.1.extend(step.wrong);
        after = step.next;
        if after.is_none() {
            return found;
        }
    }
}

each_backend! {
    async fn a_report_is_taken_as_a_whole_and_shown_again(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("dsts").await;

        let result = report(&catalogue, vec![full()]).await;

        assert_eq!((result.recorded, result.quarantined), (1, 0), "{result:?}");
        assert_eq!(result.results[0].outputs, 2);
        let job = shown(&catalogue, "00012448_00013484_1").await;
        assert_eq!(job.standing, Standing::Counts);
        let mut wanted: JobReport = serde_json::from_value(full()).unwrap();
        let mut got = job.report.clone();
        assert_eq!(job.registered, lfns(&["/superb/dst/1.dst", "/superb/hist/1.root"]));
        assert_eq!(job.open, got.inputs, "no input is in the catalogue");
        wanted.outputs.clear();
        got.outputs.clear();
        assert_eq!(got, wanted);
        let lfn = "/superb/dst/1.dst".parse().unwrap();
        let file = catalogue.call(GetFile { lfn }).await.unwrap();
        assert_eq!(file.replicas.len(), 2);
        assert_eq!(file.metadata.map()["energy"], json!(91.2));
        assert_eq!(file.datasets[0].as_str(), "dsts");
        assert_eq!(catalogue.show_dataset("dsts").await.events, Some(10));
        let lfn = "/superb/sim/1.sim".parse().unwrap();
        assert!(catalogue.call(GetFile { lfn }).await.is_err(), "it was transient");
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_repeated_report_gets_the_first_answer(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("dsts").await;
        let first = report(&catalogue, vec![full()]).await;
        catalogue.wait(100_000);
        let mut shuffled = full();
        shuffled["inputs"].as_array_mut().unwrap().reverse();
        shuffled["outputs"].as_array_mut().unwrap().reverse();

        let again = report(&catalogue, vec![full(), shuffled]).await;

        assert_eq!((again.recorded, again.repeated), (0, 2), "{again:?}");
        let sent = |results: &[ReportAnswer]| serde_json::to_value(results).unwrap();
        assert_eq!(sent(&again.results), sent(&[first.results.clone(), first.results].concat()));
        let root = catalogue.show_directory("/").await;
        assert_eq!(root.totals, Totals { files: 2, bytes: 107, events: 10 });
        let counts = catalogue.call(SummarizeJobs::default()).await.unwrap();
        assert_eq!(counts.groups.iter().map(|group| group.jobs).sum::<i64>(), 1);
    }

    async fn a_repeat_that_says_something_else_is_refused_with_the_difference(
        database: TestDatabase
    ) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("dsts").await;
        report(&catalogue, vec![full()]).await;
        let mut other = full();
        other["cpu_seconds"] = json!(1.5);
        other["outputs"][1]["size"] = json!(101);
        other["steps"][1]["version"] = json!("v51");

        let result = report(&catalogue, vec![other]).await;

        let problem = result.results[0].problem.clone().unwrap();
        assert_eq!(problem.code, Code::Conflict);
        assert!(problem.detail.contains("cpu_seconds was 7000.5, not 1.5"), "{problem}");
        assert!(problem.detail.contains("outputs./superb/dst/1.dst.size was 100, not 101"));
        assert!(problem.detail.contains("steps.1.version was \"v50r0\", not \"v51\""));
        assert!(!problem.detail.contains("steps.0"), "{problem}");
        assert_eq!(quarantined(&catalogue).await.len(), 1);
        assert_eq!(catalogue.show_directory("/").await.totals.bytes, 107);
    }

    async fn reports_of_one_call_are_answered_one_by_one(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(vec![file("/superb/there.root")]).await;
        let mut taken = job("taken", &[], &["/superb/there.root"]);
        taken["outputs"][0]["size"] = json!(5);
        let mut no_dataset = job("no-dataset", &[], &["/superb/d.root"]);
        no_dataset["outputs"][0]["dataset"] = json!("nowhere");
        let mut no_element = job("no-element", &[], &["/superb/e.root", "/superb/e2.root"]);
        no_element["outputs"][1]["replicas"][0]["se"] = json!("nowhere");
        let mut typo = job("typo", &[], &["/superb/t.root"]);
        typo["outputs"][0]["sise"] = json!(5);
        let mut time = job("time", &[], &[]);
        time["cpu_seconds"] = json!(-1);

        let result = report(&catalogue, vec![
            job("good", &[], &["/superb/1.root"]), taken, no_dataset, no_element, typo, time,
            json!("not a report"), job("good2", &["/superb/1.root"], &["/superb/2.root"]),
        ]).await;

        assert_eq!((result.recorded, result.quarantined), (2, 6), "{result:?}");
        let problem = |at: usize| result.results[at].problem.clone().unwrap();
        assert_eq!(problem(1).code, Code::Conflict);
        assert!(problem(1).detail.contains("size is 100, not 5"), "{}", problem(1));
        assert_eq!(problem(2).field.as_deref(), Some("outputs.0.dataset"));
        assert_eq!(problem(3).field.as_deref(), Some("outputs.1.replicas.se"));
        assert!(problem(4).detail.contains("sise"), "{}", problem(4));
        assert_eq!(problem(5).field.as_deref(), Some("cpu_seconds"));
        let root = catalogue.show_directory("/").await;
        assert_eq!(root.totals.files, 3, "nothing of a refused report is kept");
        let entries = quarantined(&catalogue).await;
        assert_eq!(entries.len(), 6);
        assert!(entries.iter().any(|entry| entry.job.as_deref() == Some("no-dataset")));
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_quarantined_report_is_corrected_and_replayed(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let mut bad = job("j", &[], &["/superb/d.root"]);
        bad["outputs"][0]["dataset"] = json!("later");
        report(&catalogue, vec![bad.clone()]).await;
        report(&catalogue, vec![bad.clone()]).await;
        let entry = quarantined(&catalogue).await.remove(0);
        assert_eq!(entry.tries, 2, "a repeat is the same entry");
        let replay = |report| ReplayQuarantined {
            entry: entry.entry.clone(), report, name: None, reason: None,
        };
        let shown = catalogue.call(GetQuarantined { entry: entry.entry.clone() }).await.unwrap();
        assert_eq!(serde_json::from_str::<Value>(&shown.body.unwrap()).unwrap(), bad);

        let still = catalogue.call(replay(None)).await.unwrap();
        assert_eq!(still.quarantined, 1);
        catalogue.add_dataset("later").await;
        let taken = catalogue.call(replay(None)).await.unwrap();
        let again = catalogue.call(replay(None)).await.unwrap();

        assert_eq!((taken.recorded, again.repeated), (1, 1), "{taken:?} {again:?}");
        assert!(quarantined(&catalogue).await.is_empty());
        assert_eq!(catalogue.show_dataset("later").await.files, Some(1));
        let mut worse = job("k", &[], &["/superb/k.root"]);
        worse["outputs"][0]["size"] = json!(-1);
        report(&catalogue, vec![worse.clone()]).await;
        let entry = quarantined(&catalogue).await.remove(0);
        worse["outputs"][0]["size"] = json!(1);
        let corrected = ReplayQuarantined {
            entry: entry.entry, report: Some(worse), name: None, reason: None,
        };
        assert_eq!(catalogue.call(corrected).await.unwrap().recorded, 1);
        assert!(quarantined(&catalogue).await.is_empty());
    }

    async fn only_the_first_good_attempt_at_a_task_counts(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let failed = task("t1a1", 1, 1, "failed", &["/superb/1-1.root"]);
        report(&catalogue, vec![failed]).await;
        report(&catalogue, vec![task("t1a2", 1, 2, "done", &["/superb/1-2.root"])]).await;
        let late = task("t1a3", 1, 3, "done", &["/superb/1-3.root"]);
        let late_failure = task("t1a4", 1, 4, "failed", &[]);
        let other = vec![
            task("t2a2", 2, 2, "done", &["/superb/2-2.root"]),
            task("t2a1", 2, 1, "done", &["/superb/2-1.root"]),
        ];

        let results = report(&catalogue, vec![late, late_failure]).await.results;
        report(&catalogue, other).await;

        assert_eq!(results[0].standing, Some(Standing::Surplus));
        assert_eq!(results[1].standing, Some(Standing::NotGood));
        assert_eq!(shown(&catalogue, "t2a1").await.standing, Standing::Counts);
        assert_eq!(shown(&catalogue, "t2a2").await.standing, Standing::Surplus);
        let root = catalogue.show_directory("/").await;
        assert_eq!(root.totals, Totals { files: 2, bytes: 200, events: 20 });
        let surplus = shown(&catalogue, "t1a3").await;
        assert!(surplus.registered.is_empty());
        assert_eq!(surplus.report.outputs[0].file.lfn.to_string(), "/superb/1-3.root");
        let attempts: Vec<_> = surplus.attempts.iter().map(|j| j.name.to_string()).collect();
        assert_eq!(attempts, ["t1a1", "t1a2", "t1a4"]);
        let counts = SummarizeJobs { vo: Some(vo()), production: Some("mc26".parse().unwrap()) };
        let counts = catalogue.call(counts).await.unwrap().groups;
        let of = |standing| -> (i64, i64) {
            let groups = counts.iter().filter(|group| group.standing == standing);
            groups.fold((0, 0), |sum, g| (sum.0 + g.jobs, sum.1 + g.events_written))
        };
        assert_eq!(of(Standing::Counts), (2, 20));
        assert_eq!(of(Standing::Surplus), (2, 20));
        assert_eq!(of(Standing::NotGood).0, 2);
    }

    async fn a_job_can_take_the_place_of_another(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("d").await;
        let mut first = task("a1", 1, 1, "done", &["/superb/1.root"]);
        first["outputs"][0]["dataset"] = json!("d");
        let mut second = task("a2", 1, 2, "done", &["/superb/2.root"]);
        second["outputs"][0]["dataset"] = json!("d");
        second["supersedes"] = json!("a1");

        let early = report(&catalogue, vec![second.clone()]).await;
        report(&catalogue, vec![first.clone()]).await;
        let result = report(&catalogue, vec![second]).await;

        assert_eq!(early.quarantined, 1, "the first has not reported yet");
        assert_eq!(result.results[0].standing, Some(Standing::Counts), "{result:?}");
        assert_eq!(shown(&catalogue, "a1").await.standing, Standing::Superseded);
        assert_eq!(catalogue.show_dataset("d").await.files, Some(1));
        let root = catalogue.show_directory("/").await;
        assert_eq!(root.totals, Totals { files: 1, bytes: 100, events: 10 });
        let counts = catalogue.call(SummarizeJobs::default()).await.unwrap().groups;
        let counting: i64 = counts.iter()
            .filter(|group| group.standing == Standing::Counts).map(|group| group.jobs).sum();
        assert_eq!(counting, 1);
        let again = report(&catalogue, vec![first]).await;
        assert_eq!(again.repeated, 1, "its record stays");
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn jobs_are_listed_by_what_they_have_in_common(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let mut jobs: Vec<_> = (1..=5).map(|n| task(&format!("t{n}"), n, 1, "done", &[])).collect();
        jobs[3]["state"] = json!("failed");
        jobs[3]["reason"] = json!("disk full");
        report(&catalogue, jobs).await;
        report(&catalogue, vec![job("private", &[], &[])]).await;
        let names = |jobs: Vec<JobSummary>| -> Vec<String> {
            let mut names: Vec<_> = jobs.iter().map(|job| job.name.to_string()).collect();
            names.sort();
            names
        };

        let all = listed(&catalogue, ListJobs::default()).await;
        let production = Some("mc26".parse().unwrap());
        let of = listed(&catalogue, ListJobs { production: production.clone(), ..ListJobs::default() });
        let of = of.await;
        let failed = listed(&catalogue, ListJobs {
            state: Some(JobState::Failed), ..ListJobs::default()
        }).await;
        let task = listed(&catalogue, ListJobs {
            production, task: Some(2), ..ListJobs::default()
        }).await;

        assert_eq!(names(all).len(), 6);
        assert_eq!(names(of), ["t1", "t2", "t3", "t4", "t5"]);
        assert_eq!(failed[0].reason.as_ref().unwrap().as_str(), "disk full");
        assert_eq!(failed[0].production.as_ref().unwrap().as_str(), "mc26");
        assert_eq!(names(task), ["t2"]);
    }

    async fn cycles_are_refused(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;

        let within = report(&catalogue, vec![
            job("a", &["/superb/b"], &["/superb/a"]), job("b", &["/superb/a"], &["/superb/b"]),
            job("c", &["/superb/a"], &["/superb/c"]),
        ]).await;
        report(&catalogue, vec![job("x", &["/superb/y"], &["/superb/x"])]).await;
        report(&catalogue, vec![job("y", &["/superb/z"], &["/superb/y"])]).await;
        let late = report(&catalogue, vec![job("z", &["/superb/x"], &["/superb/z"])]).await;

        let refused: Vec<_> = within.results.iter().map(|r| r.problem.is_some()).collect();
        assert_eq!(refused, [true, true, false], "{within:?}");
        assert_eq!(late.quarantined, 1, "{late:?}");
        assert!(late.results[0].problem.as_ref().unwrap().detail.contains("made from themselves"));
    }

    async fn two_jobs_that_are_each_others_parents_never_both_get_in(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(vec![file("/superb/seed/0")]).await;
        for round in 0..8 {
            let (a, b) = (format!("/superb/seed/a{round}"), format!("/superb/seed/b{round}"));
            let one = call(vec![job(&format!("a{round}"), &[&b], &[&a])]);
            let two = call(vec![job(&format!("b{round}"), &[&a], &[&b])]);

            let (one, two) = tokio::join!(catalogue.call(one), catalogue.call(two));

            let recorded = one.unwrap().recorded + two.unwrap().recorded;
            assert_eq!(recorded, 1, "round {round}");
        }
    }

    async fn single_reports_at_the_same_time_each_get_their_own_answer(database: TestDatabase) {
        let catalogue = Arc::new(Catalogue::new(&database).await);
        report(&catalogue, vec![job("known", &[], &["/superb/known"])]).await;
        let mut calls = Vec::new();
        for number in 0..40 {
            let report = match number % 10 {
                // It says otherwise than before, or the same.
                0 => json!({ "name": "known", "events_written": 11 }),
                1 => job("known", &[], &["/superb/known"]),
                _ => job(&format!("j{number}"), &[], &[&format!("/superb/f{number}")]),
            };
            let catalogue = Arc::clone(&catalogue);
            calls.push(tokio::spawn(async move {
                (number, catalogue.call(call(vec![report])).await.unwrap())
            }));
        }

        for running in calls {
            let (number, result) = running.await.unwrap();
            assert_eq!(result.results.len(), 1);
            let counts = (result.recorded, result.repeated, result.quarantined);
            let name = result.results[0].job.as_ref().unwrap().to_string();
            match number % 10 {
                0 => assert_eq!((counts, &*name), ((0, 0, 1), "known")),
                1 => assert_eq!((counts, &*name), ((0, 1, 0), "known")),
                _ => assert_eq!((counts, name), ((1, 0, 0), format!("j{number}"))),
            }
        }
        assert_eq!(listed(&catalogue, ListJobs::default()).await.len(), 33);
        assert_eq!(catalogue.wrong_totals(false).await, []);
    }

    async fn kept_counts_of_jobs_are_proved_and_corrected(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let loose = job("loose", &[], &["/superb/l"]);
        report(&catalogue, vec![task("a", 1, 1, "done", &["/superb/a"]), loose]).await;
        let right = verified(&catalogue, false).await;
        let sql = "UPDATE job_total SET jobs = jobs + 1, cpu_ms = 0 WHERE production <> 0";
        let mut session = catalogue.service.store().begin().await.unwrap();
        session.execute(sql, vec![]).await.unwrap();
        session.commit().await.unwrap();

        let wrong = verified(&catalogue, false).await;
        let repaired = verified(&catalogue, true).await;
        let again = verified(&catalogue, false).await;

        assert_eq!((right.0, right.1.len()), (2, 0));
        assert_eq!(wrong.1.len(), 1);
        assert_eq!((wrong.1[0].kept.jobs, wrong.1[0].counted.jobs), (2, 1));
        assert_eq!(wrong.1[0].counted.cpu_seconds, 12.5);
        assert!(repaired.1[0].repaired);
        assert_eq!(again.1, []);
    }
}
