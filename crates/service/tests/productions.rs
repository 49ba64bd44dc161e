//! Steps, processing passes and productions on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;
#[path = "common/production.rs"]
mod production;

use std::collections::BTreeSet;

use common::{Catalogue, file, lfns};
use production::*;
use sbk_api::*;
use sbk_model::{ProductionState, TaskState};
use sbk_service::{CallContext, Caller};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

fn steps(steps: Value) -> DeclareSteps {
    from(json!({ "vo": "superb", "steps": steps }))
}

fn passes(passes: Value) -> DeclarePasses {
    from(json!({ "vo": "superb", "passes": passes }))
}

fn declared(answer: &DeclaredVersions) -> Vec<(u32, Outcome)> {
    answer.results.iter().map(|result| (result.version, result.outcome)).collect()
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
