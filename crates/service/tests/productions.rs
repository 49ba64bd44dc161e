//! Steps, processing passes, productions and their tasks on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Catalogue, file, lfns};
use sbk_api::*;
use sbk_model::{Missing, ProductionState, TaskState};
use sbk_service::{CallContext, Caller, Error};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn with(mut value: Value, more: Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

fn steps(steps: Value) -> DeclareSteps {
    from(json!({ "vo": "superb", "steps": steps }))
}

fn passes(passes: Value) -> DeclarePasses {
    from(json!({ "vo": "superb", "passes": passes }))
}

fn declared(answer: &DeclaredVersions) -> Vec<(u32, Outcome)> {
    answer.results.iter().map(|result| (result.version, result.outcome)).collect()
}

async fn create(catalogue: &Catalogue, production: Value) -> Result<Outcome, Error> {
    let call = from::<CreateProduction>(json!({ "vo": "superb", "production": production }));
    catalogue.call(call).await.map(|done| done.outcome)
}

async fn show(catalogue: &Catalogue, name: &str) -> Production {
    catalogue.call(from::<GetProduction>(json!({ "name": name }))).await.unwrap()
}

async fn progress(catalogue: &Catalogue, name: &str) -> ProductionProgress {
    catalogue.call(from::<GetProgress>(json!({ "name": name }))).await.unwrap()
}

async fn change(catalogue: &Catalogue, name: &str, what: Value) -> Result<Outcome, Error> {
    let call = with(json!({ "name": name, "reason": "a test" }), what);
    catalogue.call(from::<ChangeProduction>(call)).await.map(|done| done.outcome)
}

/// Extends a production in small steps until it is done.
async fn extend(catalogue: &Catalogue, name: &str, flush: bool) -> Extension {
    let mut sum = Extension::default();
    while !sum.done {
        let after = sum.next.take();
        let call = json!({ "name": name, "limit": 3, "after": after, "flush": flush });
        let step = catalogue.call(from::<ExtendProduction>(call)).await.unwrap();
        sum.done = step.done;
        sum.next = step.next;
        sum.inputs += step.inputs;
        sum.tasks += step.tasks;
    }
    sum
}

async fn take(catalogue: &Catalogue, name: &str, more: Value) -> Result<TakenTasks, Error> {
    catalogue.call(from::<TakeTasks>(with(json!({ "production": name }), more))).await
}

async fn set(catalogue: &Catalogue, tasks: &[u32], state: &str, more: Value) -> BulkResult {
    let call = json!({ "production": "p", "tasks": tasks, "state": state });
    catalogue.call(from::<SetTaskState>(with(call, more))).await.unwrap()
}

async fn tasks(catalogue: &Catalogue, name: &str, filter: Value) -> Vec<TaskSummary> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let call = json!({ "production": name, "limit": 2, "after": after });
        let page = catalogue.call(from::<ListTasks>(with(call, filter.clone()))).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn missing(catalogue: &Catalogue, name: &str, filter: Value) -> Vec<MissingInput> {
    let mut all = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let call = with(json!({ "name": name, "limit": 2, "after": after }), filter.clone());
        let page = catalogue.call(from::<ListMissingInputs>(call)).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

async fn completeness(catalogue: &Catalogue, name: &str) -> Completeness {
    catalogue.call(from::<GetCompleteness>(json!({ "name": name }))).await.unwrap()
}

async fn report(catalogue: &Catalogue, reports: Vec<Value>) -> ReportResult {
    let call = json!({ "vo": "superb", "reports": reports });
    catalogue.call(from::<ReportJob>(call)).await.unwrap()
}

/// What a worker reports that took a task: one output of 10 events for the first input.
fn job(name: &str, production: &str, task: &TakenTask, state: &str) -> Value {
    let inputs: Vec<_> = task.inputs.iter().map(|file| &file.lfn).collect();
    json!({
        "name": name, "production": production, "task": task.task, "attempt": task.attempt,
        "state": state, "site": "LCG.CNAF.it", "inputs": inputs, "events_written": 10,
        "outputs": [{
            "lfn": format!("/superb/{production}/out/{}-{}.dst", task.task, task.attempt),
            "size": 50, "events": 10, "file_type": "DST",
        }],
    })
}

/// A catalogue with input files `/superb/raw/0.raw` and so on, and a production on them.
async fn with_inputs(database: &TestDatabase, files: u32, per_task: u32) -> Catalogue {
    let catalogue = Catalogue::new(database).await;
    catalogue.add((0..files).map(|n| file(&format!("/superb/raw/{n:03}.raw"))).collect()).await;
    let input = json!({ "query": "lfn like '/superb/raw/%'", "files_per_task": per_task });
    create(&catalogue, json!({ "name": "p", "kind": "processing", "input": input })).await.unwrap();
    catalogue
}

/// What the kept counts of tasks should be, counted anew.
async fn counts_are_right(catalogue: &Catalogue, name: &str) {
    let kept = progress(catalogue, name).await;
    let mut counted: BTreeMap<TaskState, i64> = BTreeMap::new();
    let (mut events, mut inputs) = (0, 0);
    for task in tasks(catalogue, name, json!({})).await {
        *counted.entry(task.state).or_default() += 1;
        inputs += i64::from(task.inputs);
        if task.state.is_in_flight() {
            events += task.events.unwrap_or_default();
        }
    }
    let of = |state| counted.get(&state).copied().unwrap_or_default();
    let wanted = TaskCounts {
        created: of(TaskState::Created),
        submitted: of(TaskState::Submitted),
        running: of(TaskState::Running),
        done: of(TaskState::Done),
        failed: of(TaskState::Failed),
        abandoned: of(TaskState::Abandoned),
    };
    assert_eq!(kept.tasks, wanted);
    assert_eq!((kept.events_in_flight, kept.inputs_assigned), (events, inputs));
}

each_backend! {
    async fn a_step_that_is_used_never_changes_and_a_change_makes_a_version(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let gauss = json!({
            "name": "Gauss", "application": "Gauss", "version": "v49r1", "options": ["$O/a.py"],
            "conditions": { "CondDB": "sim-1" }, "platform": "x86_64-el9", "outputs": ["SIM"],
        });
        let other = with(gauss.clone(), json!({ "version": "v50" }));

        let first = catalogue.call(steps(json!([gauss]))).await.unwrap();
        let again = catalogue.call(steps(json!([gauss]))).await.unwrap();
        let changed = catalogue.call(steps(json!([other]))).await.unwrap();
        catalogue.call(passes(json!([{ "name": "Sim", "steps": ["Gauss"] }]))).await.unwrap();
        let version = catalogue.call(steps(json!([gauss]))).await.unwrap();
        let back = catalogue.call(steps(json!([other]))).await.unwrap();
        let forced = DeclareSteps { new_version: true, ..steps(json!([other])) };
        let forced = catalogue.call(forced).await.unwrap();

        assert_eq!(declared(&first), [(1, Outcome::Added)]);
        assert_eq!(declared(&again), [(1, Outcome::Unchanged)]);
        assert_eq!(declared(&changed), [(1, Outcome::Changed)], "nothing used it");
        assert_eq!(declared(&version), [(2, Outcome::Added)]);
        assert_eq!(declared(&back), [(1, Outcome::Unchanged)], "the first version says this");
        assert_eq!(declared(&forced), [(3, Outcome::Added)]);
        let get = |step: &str| from::<GetStep>(json!({ "step": step }));
        let one = catalogue.call(get("Gauss@1")).await.unwrap();
        assert_eq!(one.definition, from(other));
        assert!(one.summary.used);
        assert_eq!(one.versions.iter().map(|v| v.used).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(catalogue.call(get("Gauss")).await.unwrap().summary.version, 3);
        assert_eq!(catalogue.call(get("Gauss@9")).await.unwrap_err().code(), Code::NotFound);
        let listed = catalogue.call(ListSteps::default()).await.unwrap().items;
        assert_eq!(listed.iter().map(|s| s.summary.version).collect::<Vec<_>>(), [3]);
    }

    async fn a_pass_pins_its_steps_and_a_production_its_pass(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let step = |version: &str| json!([{
            "name": "Reco", "application": "Brunel", "version": version,
        }]);
        catalogue.call(steps(step("v1"))).await.unwrap();
        let pass = json!([{ "name": "Reco12", "steps": ["Reco"] }]);
        catalogue.call(passes(pass.clone())).await.unwrap();
        let production = json!({ "name": "p", "pass": "Reco12" });
        create(&catalogue, production.clone()).await.unwrap();

        catalogue.call(steps(step("v2"))).await.unwrap();
        let moved = catalogue.call(passes(pass)).await.unwrap();
        let repeat = create(&catalogue, production).await.unwrap();
        let unknown = catalogue.call(passes(json!([{ "name": "X", "steps": ["Nothing"] }]))).await;

        assert_eq!(declared(&moved), [(2, Outcome::Added)], "its step has a new version");
        assert_eq!(repeat, Outcome::Unchanged);
        assert_eq!(show(&catalogue, "p").await.definition.pass, Some(from(json!("Reco12@1"))));
        let get = |pass: &str| from::<GetPass>(json!({ "pass": pass }));
        let old = catalogue.call(get("Reco12@1")).await.unwrap();
        let new = catalogue.call(get("Reco12")).await.unwrap();
        assert_eq!(old.definition.steps[0].to_string(), "Reco@1");
        assert_eq!(new.definition.steps[0].to_string(), "Reco@2");
        assert!(old.summary.used && !new.summary.used);
        assert_eq!(Problem::from(unknown.unwrap_err()).field.as_deref(), Some("passes.0.steps"));
        let list = from::<ListProductions>(json!({ "vo": "superb", "pass": "Reco12@1" }));
        assert_eq!(catalogue.call(list).await.unwrap().items.len(), 1);
        let list = from::<ListProductions>(json!({ "vo": "superb", "pass": "Reco12@2" }));
        assert!(catalogue.call(list).await.unwrap().items.is_empty());
    }

    async fn a_production_is_created_once_and_says_how_another_differs(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add_dataset("dsts").await;
        let events = json!({ "events": 1050, "events_per_task": 100 });
        let production = json!({
            "name": "p", "events": events, "outputs": { "DST": "dsts" }, "request": "r1",
        });

        let new = create(&catalogue, production.clone()).await.unwrap();
        let again = create(&catalogue, production.clone()).await.unwrap();
        let other = create(&catalogue, with(production.clone(), json!({ "priority": 5 }))).await;

        assert_eq!((new, again), (Outcome::Added, Outcome::Unchanged));
        assert!(other.unwrap_err().to_string().contains("differs in: priority"));
        for (wrong, field) in [
            (json!({ "input": { "query": "run = 5" } }), "events"),
            (json!({ "steps": ["A"], "pass": "B" }), "steps"),
            (json!({ "outputs": { "DST": "nowhere" } }), "outputs.DST"),
            (json!({ "events": { "events": 5, "events_per_task": 0 } }), "events.events_per_task"),
            (json!({ "max_attempts": 0 }), "max_attempts"),
        ] {
            let wrong = with(with(production.clone(), json!({ "name": "q" })), wrong);
            let error = create(&catalogue, wrong).await.unwrap_err();
            assert_eq!(Problem::from(error).field.as_deref(), Some(field));
        }
        let wrong = json!({ "name": "q", "input": { "query": "nothing = 5" } });
        assert!(create(&catalogue, wrong).await.is_err());
        let of_request = from::<ListProductions>(json!({ "vo": "superb", "request": "r1" }));
        assert_eq!(catalogue.call(of_request).await.unwrap().items.len(), 1);
        let reader = Caller {
            permissions: [sbk_model::Permission::Read, sbk_model::Permission::Write].into(),
            vo: Some("other".parse().unwrap()),
            local: false,
            ..catalogue.caller.clone()
        };
        let get = from::<GetProduction>(json!({ "name": "p" }));
        let seen = catalogue.service.call(&reader, get, CallContext::default()).await;
        assert_eq!(seen.unwrap_err().code(), Code::NotFound, "it is another community's");
    }

    async fn event_ranges_and_seeds_never_overlap(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let events = json!({
            "events": 1050, "events_per_task": 100, "first_event": 1, "seed_base": 7000,
        });
        create(&catalogue, json!({ "name": "p", "events": events })).await.unwrap();

        let made = extend(&catalogue, "p", false).await;
        let again = extend(&catalogue, "p", false).await;
        let less = change(&catalogue, "p", json!({ "events": 1000 })).await;
        change(&catalogue, "p", json!({ "events": 1200 })).await.unwrap();
        let more = extend(&catalogue, "p", false).await;

        assert_eq!((made.tasks, again.tasks, more.tasks), (11, 0, 2));
        assert_eq!(Problem::from(less.unwrap_err()).field.as_deref(), Some("events"));
        let all = tasks(&catalogue, "p", json!({})).await;
        let mut next = 1;
        for (at, task) in all.iter().enumerate() {
            assert_eq!(task.task as usize, at + 1);
            assert_eq!(task.seed, Some(7000 + i64::from(task.task)));
            assert_eq!(task.first_event, Some(next));
            next += task.events.unwrap();
        }
        assert_eq!(next, 1201);
        assert_eq!(progress(&catalogue, "p").await.events_wanted, 1200);
        counts_are_right(&catalogue, "p").await;
    }

    async fn each_input_gets_one_task_and_new_ones_come_later(database: TestDatabase) {
        let catalogue = with_inputs(&database, 7, 2).await;
        let bad = SetFileStatus {
            lfns: lfns(&["/superb/raw/000.raw"]),
            status: sbk_model::FileStatus::Bad,
            reason: None,
        };
        catalogue.call(bad).await.unwrap();

        let first = extend(&catalogue, "p", false).await;
        let repeat = extend(&catalogue, "p", false).await;
        catalogue.add(vec![file("/superb/raw/late.raw")]).await;
        let later = extend(&catalogue, "p", false).await;
        let flushed = extend(&catalogue, "p", true).await;

        assert_eq!((first.inputs, first.tasks), (6, 3));
        assert_eq!((repeat.inputs, repeat.tasks), (0, 0));
        assert_eq!((later.inputs, later.tasks), (1, 0), "one waits for another");
        assert_eq!((flushed.inputs, flushed.tasks), (0, 1));
        let taken = take(&catalogue, "p", json!({ "limit": 10 })).await.unwrap().tasks;
        let mut given: Vec<_> = taken.iter().flat_map(|t| &t.inputs).map(|f| &f.lfn).collect();
        given.sort();
        let unique: BTreeSet<_> = given.iter().collect();
        assert_eq!((given.len(), unique.len()), (7, 7));
        assert_eq!(taken[0].inputs[0].replicas[0].se.as_str(), "CNAF-disk");
        let after = progress(&catalogue, "p").await;
        assert_eq!((after.inputs, after.inputs_assigned, after.inputs_processed), (7, 7, 0));
        assert_eq!((after.events_wanted, after.events_in_flight), (70, 70));
        counts_are_right(&catalogue, "p").await;
    }

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

    async fn jobs_that_reported_before_their_production_was_created_are_its_own(
        database: TestDatabase
    ) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add((0..4).map(|n| file(&format!("/superb/raw/{n}.raw"))).collect()).await;
        let early = |name: &str, production: &str, task: u32, input: &str| json!({
            "name": name, "production": production, "task": task, "inputs": [input],
            "events_written": 10,
            "outputs": [{ "lfn": format!("/superb/{name}"), "size": 1, "file_type": "DST" }],
        });
        let without = json!({
            "name": "e3", "production": "p", "inputs": ["/superb/raw/3.raw"],
            "outputs": [{ "lfn": "/superb/e3", "size": 1 }],
        });
        let reports = vec![
            early("e1", "p", 5, "/superb/raw/1.raw"), without,
            early("e2", "mc", 2, "/superb/raw/2.raw"),
        ];
        report(&catalogue, reports).await;

        let input = json!({ "query": "lfn like '/superb/raw/%'" });
        create(&catalogue, json!({ "name": "p", "input": input })).await.unwrap();
        let events = json!({ "events": 300, "events_per_task": 100 });
        create(&catalogue, json!({ "name": "mc", "events": events })).await.unwrap();
        let made = extend(&catalogue, "p", false).await;
        extend(&catalogue, "mc", false).await;

        assert_eq!((made.inputs, made.tasks), (4, 2));
        let numbers: Vec<_> =
            tasks(&catalogue, "p", json!({})).await.iter().map(|t| (t.task, t.inputs)).collect();
        assert_eq!(numbers, [(5, 1), (6, 1), (7, 1)]);
        let whole = completeness(&catalogue, "p").await;
        assert_eq!((whole.inputs, whole.good), (4, 2));
        let after = progress(&catalogue, "p").await;
        assert_eq!((after.inputs_processed, after.tasks.done), (2, 1));
        let mc = tasks(&catalogue, "mc", json!({})).await;
        assert_eq!((mc[1].state, mc[1].first_event, mc[1].events), (TaskState::Done, Some(101), Some(100)));
        counts_are_right(&catalogue, "mc").await;
    }

    async fn outputs_join_the_datasets_of_their_production(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for name in ["dsts", "special"] {
            catalogue.add_dataset(name).await;
        }
        create(&catalogue, json!({ "name": "p", "outputs": { "DST": "dsts" } })).await.unwrap();
        let reported = json!({
            "name": "j", "production": "p", "task": 1,
            "outputs": [
                { "lfn": "/superb/1.dst", "size": 1, "file_type": "DST" },
                { "lfn": "/superb/2.dst", "size": 1, "file_type": "DST", "dataset": "special" },
                { "lfn": "/superb/1.log", "size": 1, "file_type": "LOG" },
                { "lfn": "/superb/1", "size": 1 },
            ],
        });

        let result = report(&catalogue, vec![reported]).await;

        assert_eq!(result.recorded, 1, "{result:?}");
        assert_eq!(catalogue.show_dataset("dsts").await.files, Some(1));
        assert_eq!(catalogue.show_dataset("special").await.files, Some(1));
        assert!(catalogue.wrong_totals(false).await.is_empty());
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

    async fn a_closed_production_gives_nothing_out_and_loses_no_report(database: TestDatabase) {
        let catalogue = with_inputs(&database, 3, 1).await;
        extend(&catalogue, "p", false).await;
        let taken = take(&catalogue, "p", json!({})).await.unwrap().tasks.remove(0);

        let wrong = change(&catalogue, "p", json!({ "state": "archived" })).await;
        let paused = change(&catalogue, "p", json!({ "state": "paused" })).await.unwrap();
        let while_paused = take(&catalogue, "p", json!({})).await;
        change(&catalogue, "p", json!({ "state": "closed" })).await.unwrap();
        let repeat = change(&catalogue, "p", json!({ "state": "closed" })).await.unwrap();
        let extended = catalogue.call(from::<ExtendProduction>(json!({ "name": "p" }))).await;
        let by_hand = set(&catalogue, &[2], "submitted", json!({})).await;
        let late = report(&catalogue, vec![job("late", "p", &taken, "done")]).await;
        change(&catalogue, "p", json!({ "state": "archived" })).await.unwrap();
        let listed = catalogue.call(ListProductions::default()).await.unwrap().items;
        let archived = from::<ListProductions>(json!({ "state": "archived" }));
        let archived = catalogue.call(archived).await.unwrap().items;

        assert!(wrong.unwrap_err().to_string().contains("can become paused or closed"));
        assert_eq!((paused, repeat), (Outcome::Changed, Outcome::Unchanged));
        assert_eq!(while_paused.unwrap_err().code(), Code::Conflict);
        assert_eq!(extended.unwrap_err().code(), Code::Conflict);
        assert_eq!(by_hand.refused, 1);
        assert_eq!(late.results[0].standing, Some(Standing::Counts));
        assert!(listed.is_empty());
        assert_eq!(archived[0].state, ProductionState::Archived);
        assert_eq!(archived[0].progress.late_reports, 1);
        assert_eq!((archived[0].progress.tasks.done, archived[0].progress.events_made), (1, 10));
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

    async fn only_producers_of_the_community_change_anything(database: TestDatabase) {
        let catalogue = with_inputs(&database, 1, 1).await;
        let caller = |vo: &str, permissions: &[sbk_model::Permission]| Caller {
            vo: Some(vo.parse().unwrap()),
            ..Caller { local: false, ..Caller::with("eve", "people", permissions.iter().copied()) }
        };
        use sbk_model::Permission::{Produce, Read, Write};
        let reader = caller("superb", &[Read, Write]);
        let foreigner = caller("babar", &[Read, Write, Produce]);
        let codes = async |who: &Caller| {
            let production = json!({ "vo": "superb", "production": { "name": "mine" } });
            let steps = steps(json!([{ "name": "S", "application": "A" }]));
            let context = CallContext::default;
            let service = &catalogue.service;
            [
                service.call(who, from::<CreateProduction>(production), context()).await.map(drop),
                service.call(who, steps, context()).await.map(drop),
                service.call(who, from::<ExtendProduction>(json!({ "name": "p" })), context())
                    .await.map(drop),
                service.call(who, from::<TakeTasks>(json!({ "production": "p" })), context())
                    .await.map(drop),
            ]
            .map(|result| result.unwrap_err().code())
        };

        let reading = codes(&reader).await;
        let foreign = codes(&foreigner).await;
        let get = from::<GetProgress>(json!({ "name": "p" }));
        let seen = catalogue.service.call(&reader, get, CallContext::default()).await;
        let list = catalogue.service.call(&foreigner, ListProductions::default(), CallContext::default());

        use Code::{Forbidden, NotFound};
        assert_eq!(reading, [Forbidden; 4]);
        assert_eq!(foreign, [Forbidden, Forbidden, NotFound, NotFound]);
        assert!(seen.is_ok());
        assert!(list.await.unwrap().items.is_empty());
    }

    async fn productions_are_listed_by_name_in_pages(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for name in ["b", "a", "d", "c", "B"] {
            create(&catalogue, json!({ "name": name })).await.unwrap();
        }

        let mut names = Vec::new();
        let mut list = ListProductions::default();
        list.page.limit = Some(2);
        loop {
            let page = catalogue.call(list.clone()).await.unwrap();
            names.extend(page.items.iter().map(|p| p.definition.name.to_string()));
            match page.next {
                Some(next) => list.page.after = Some(next),
                None => break,
            }
        }

        assert_eq!(names, ["B", "a", "b", "c", "d"]);
    }

    async fn extending_at_once_gives_no_input_twice(database: TestDatabase) {
        let catalogue = with_inputs(&database, 30, 3).await;

        let mut writers = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let catalogue = catalogue.clone();
            writers.spawn(async move { extend(&catalogue, "p", false).await });
        }
        let made: u64 = writers.join_all().await.iter().map(|step| step.tasks).sum();

        assert_eq!(made, 10);
        let taken = take(&catalogue, "p", json!({ "limit": 100 })).await.unwrap().tasks;
        let inputs: BTreeSet<_> = taken.iter().flat_map(|t| &t.inputs).map(|f| &f.lfn).collect();
        assert_eq!((taken.len(), inputs.len()), (10, 30));
        assert_eq!(progress(&catalogue, "p").await.inputs, 30);
        counts_are_right(&catalogue, "p").await;
    }
}
