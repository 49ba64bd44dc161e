//! Campaigns, and productions of requests, on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{samples::*, vo};
use sbk_api::*;
use sbk_model::{Permission, RequestState};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

each_backend! {
    async fn a_campaign_sums_its_requests_up(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let (alice, manager) = (physicist("alice"), manager());
        assert!(denied(&call(&catalogue, &alice, campaign("2012")).await));
        let first = call(&catalogue, &manager, campaign("2012")).await.unwrap();
        let again = call(&catalogue, &manager, campaign("2012")).await.unwrap();
        assert_eq!((first.added, again.unchanged), (1, 1));
        for (name, wanted) in [
            ("a", RequestState::Draft), ("b", RequestState::Accepted), ("c", RequestState::Active),
            ("d", RequestState::Rejected), ("e", RequestState::Draft),
        ] {
            in_state(&catalogue, name, wanted).await;
        }
        let mut template = fastsim("t");
        template["template"] = json!(true);
        template["campaign"] = json!("2012");
        call(&catalogue, &alice, add(vec![template])).await.unwrap();

        let all = assign("2012", &["a", "b", "c", "d"], false);
        let put = call(&catalogue, &manager, all.clone()).await.unwrap();
        let again = call(&catalogue, &manager, all).await.unwrap();
        let edit = change("e", json!({ "campaign": "2012", "events": 50 }));
        call(&catalogue, &alice, edit).await.unwrap();
        call(&catalogue, &manager, assign("2012", &["a"], true)).await.unwrap();

        assert_eq!((put.changed, again.unchanged), (4, 4));
        let shown = show_campaign(&catalogue, "2012").await;
        let counts: Vec<_> =
            shown.summary.requests.iter().map(|c| (c.state, c.requests, c.events)).collect();
        assert_eq!(counts, [
            (RequestState::Draft, 1, 50),
            (RequestState::Accepted, 1, 1000),
            (RequestState::Rejected, 1, 1000),
            (RequestState::Active, 1, 1000),
        ]);
        assert_eq!(shown.progress.wanted, 2000);
        let of = ListRequests {
            vo: Some(vo()), campaign: Some("2012".parse().unwrap()), ..ListRequests::default()
        };
        assert_eq!(listed(&catalogue, &alice, of).await, ["b", "c", "d", "e"]);
        let last = show(&catalogue, "a").await.history.pop().unwrap();
        assert_eq!((last.actor.as_str(), &last.edits["campaign"]), ("manager", &Value::Null));
    }

    async fn a_request_is_split_and_shows_what_came_of_it(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let manager = manager();
        call(&catalogue, &manager, campaign("2012")).await.unwrap();
        in_state(&catalogue, "mine", RequestState::Submitted).await;
        call(&catalogue, &manager, assign("2012", &["mine"], false)).await.unwrap();
        let drafts = || split("mine", vec![production("p1", 600, 0), production("p2", 300, 100)]);
        let early = call(&catalogue, &manager, drafts()).await;
        call(&catalogue, &manager, state("mine", RequestState::Accepted)).await.unwrap();

        let denied_to = call(&catalogue, &physicist("alice"), drafts()).await;
        let first = call(&catalogue, &manager, drafts()).await.unwrap();
        let again = call(&catalogue, &manager, drafts()).await.unwrap();

        assert!(conflict(&early) && denied(&denied_to));
        assert_eq!(first.created.len(), 2);
        assert_eq!((first.planned, first.datasets.len()), (900, 1));
        assert!(first.warnings[0].contains("900") && first.warnings[0].contains("1000"));
        assert!(again.created.is_empty() && again.datasets.is_empty());
        let request = show(&catalogue, "mine").await;
        assert_eq!(request.summary.state, RequestState::Active);
        assert_eq!(request.history.last().unwrap().edits["productions.created"], json!("p1, p2"));
        assert_eq!(request.productions.len(), 2);
        assert_eq!(request.datasets[0].metadata["generator"], json!("B0B0bar_generic"));
        run_tasks(&catalogue, "p1", 2).await;
        let request = show(&catalogue, "mine").await;
        assert_eq!((request.progress.wanted, request.progress.made), (1000, 100));
        assert_eq!((request.progress.in_flight, request.progress.missing()), (50, 850));
        assert_eq!(request.datasets[0].events, Some(100));
        let shown = show_campaign(&catalogue, "2012").await;
        assert_eq!(shown.progress, request.progress);
        assert_eq!((shown.productions, shown.datasets), (2, 1));
        assert_eq!((shown.totals.files, shown.totals.events), (2, 100));
        let silent = SetRequestState { reason: None, ..state("mine", RequestState::Done) };
        let error = call(&catalogue, &manager, silent).await.unwrap_err();
        assert!(error.to_string().contains("100 of 1000"), "{error}");
        call(&catalogue, &manager, state("mine", RequestState::Done)).await.unwrap();
    }

    async fn productions_that_are_there_are_attached_to_one_request(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let manager = manager();
        in_state(&catalogue, "one", RequestState::Accepted).await;
        in_state(&catalogue, "two", RequestState::Accepted).await;
        let lone = serde_json::from_value(json!({
            "name": "p", "events": { "events": 1000, "events_per_task": 50 },
        })).unwrap();
        let lone = CreateProduction { vo: vo(), production: lone };
        call(&catalogue, &manager, lone).await.unwrap();
        let attach = |name: &str| SplitRequest {
            attach: vec!["p".parse().unwrap()], ..split(name, vec![])
        };
        let detach = || SplitRequest {
            detach: vec!["p".parse().unwrap()], ..split("one", vec![])
        };

        let first = call(&catalogue, &manager, attach("one")).await.unwrap();
        let again = call(&catalogue, &manager, attach("one")).await.unwrap();
        let other = call(&catalogue, &manager, attach("two")).await;
        let gone = call(&catalogue, &manager, detach()).await.unwrap();
        let moved = call(&catalogue, &manager, attach("two")).await.unwrap();
        let nothing = call(&catalogue, &manager, split("one", vec![])).await;
        let unknown = SplitRequest { attach: vec!["q".parse().unwrap()], ..split("one", vec![]) };
        let unknown = call(&catalogue, &manager, unknown).await;

        assert_eq!((first.attached.len(), again.attached.len()), (1, 0));
        assert!(first.warnings.is_empty(), "{:?}", first.warnings);
        assert!(conflict(&other));
        assert_eq!((gone.detached.len(), moved.attached.len()), (1, 1));
        assert!(show(&catalogue, "one").await.productions.is_empty());
        assert_eq!(show(&catalogue, "two").await.productions[0].name.as_str(), "p");
        assert!(nothing.is_err() && unknown.is_err());
    }

    async fn events_that_are_processed_again_are_not_counted_again(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let manager = manager();
        in_state(&catalogue, "mine", RequestState::Accepted).await;
        let merging = serde_json::from_value(json!({
            "name": "merge", "kind": "merging",
            "input": { "dataset": "sample", "files_per_task": 2 },
        })).unwrap();
        let same_seeds = production("p2", 500, 5);

        let drafts = vec![production("p1", 500, 0), same_seeds, merging];
        let result = call(&catalogue, &manager, split("mine", drafts)).await.unwrap();
        run_tasks(&catalogue, "p1", 2).await;
        let extend = json!({ "name": "merge", "vo": "superb", "flush": true });
        let extend: ExtendProduction = serde_json::from_value(extend).unwrap();
        call(&catalogue, &manager, extend).await.unwrap();
        let merged = json!({
            "name": "merge-1", "production": "merge", "task": 1, "events_written": 100,
            "inputs": ["/superb/sample/p1/1.root", "/superb/sample/p1/2.root"],
        });
        report(&catalogue, merged).await;

        assert_eq!(result.planned, 1000);
        assert_eq!(result.warnings.len(), 1);
        assert!(result.warnings[0].contains("\"p1\" and \"p2\" use the same seeds"));
        let request = show(&catalogue, "mine").await;
        assert_eq!(request.progress.made, 100);
        let counts: Vec<_> = request.productions.iter().map(|p| (p.name.as_str(), p.counts)).collect();
        assert_eq!(counts, [("merge", false), ("p1", true), ("p2", true)]);
        assert_eq!(request.productions[0].progress.events_made, 100);
    }

    async fn a_split_that_fails_leaves_nothing(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let manager = manager();
        in_state(&catalogue, "mine", RequestState::Accepted).await;
        let mut foreign = production("p2", 100, 0);
        foreign.request = Some("other".parse().unwrap());

        let drafts = vec![production("p1", 600, 0), foreign];
        let failed = call(&catalogue, &manager, split("mine", drafts)).await.unwrap_err();
        let unofficial = caller("writer", "superb", &[
            Permission::Read, Permission::Write, Permission::Produce,
        ]);
        let made = split("mine", vec![production("p1", 600, 0)]);
        let no_dataset = call(&catalogue, &unofficial, made).await.unwrap_err();

        assert_eq!(Problem::from(failed).field.as_deref(), Some("productions.request"));
        assert!(no_dataset.to_string().contains("ManageDatasets"), "{no_dataset}");
        let request = show(&catalogue, "mine").await;
        assert_eq!(request.summary.state, RequestState::Accepted);
        assert!(request.productions.is_empty());
        let name = "sample".parse().unwrap();
        assert!(catalogue.call(GetDataset { name, vo: None }).await.is_err());
    }

    async fn all_requests_of_the_example_can_be_submitted_and_its_template_completed(
        database: TestDatabase
    ) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        call(&catalogue, &manager(), campaign("2012_September")).await.unwrap();
        let example: toml::Table = toml::from_str(EXAMPLE).unwrap();
        let requests = serde_json::to_value(&example["request"]).unwrap();
        let requests: Vec<NewRequest> = serde_json::from_value(requests).unwrap();
        let call_add = AddRequests { requests: requests.clone(), ..add(vec![]) };
        let added = call(&catalogue, &alice, call_add).await.unwrap();
        assert_eq!(added.refused, 0, "{added:?}");

        for request in requests.iter().filter(|request| !request.template) {
            let name = request.name.clone().unwrap();
            call(&catalogue, &alice, state(name.as_str(), RequestState::Submitted)).await.unwrap();
        }
        let sessions: Vec<_> = requests.iter().map(|r| &r.sample.parameters["session"]).collect();
        assert!(sessions.contains(&&json!("fastsim")) && sessions.contains(&&json!("fullsim")));
        let complete = json!({ "generator": "tau+tau-_e-mu", "events": 5, "parameters": {
            "dg": "DG_BaBar",
        } });
        let made = clone_of("fastsim-template", Some("mine"), complete);
        call(&catalogue, &alice, made).await.unwrap();
        call(&catalogue, &alice, state("mine", RequestState::Submitted)).await.unwrap();
    }

    async fn a_closed_campaign_takes_no_requests_until_it_is_opened(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let manager = manager();
        call(&catalogue, &manager, campaign("2012")).await.unwrap();
        in_state(&catalogue, "in", RequestState::Draft).await;
        in_state(&catalogue, "out", RequestState::Draft).await;
        call(&catalogue, &manager, assign("2012", &["in"], false)).await.unwrap();
        let closed = call(&catalogue, &manager, close("2012", true)).await.unwrap();
        let again = call(&catalogue, &manager, close("2012", true)).await.unwrap();

        let assigned = call(&catalogue, &manager, assign("2012", &["out"], false)).await.unwrap();
        let alice = physicist("alice");
        let chosen = call(&catalogue, &alice, change("out", json!({ "campaign": "2012" }))).await;
        let inside = call(&catalogue, &alice, change("in", json!({ "events": 7 }))).await;
        let cloned = call(&catalogue, &alice, clone_of("in", None, json!({}))).await;

        assert_eq!((closed.outcome, again.outcome), (Outcome::Changed, Outcome::Unchanged));
        assert_eq!(assigned.refused, 1);
        assert!(conflict(&chosen) && conflict(&cloned));
        assert!(inside.is_ok(), "a request that is in it goes on");
        let only_open = ListCampaigns { open: true, ..ListCampaigns::default() };
        assert!(catalogue.call(only_open.clone()).await.unwrap().items.is_empty());
        call(&catalogue, &manager, close("2012", false)).await.unwrap();
        assert_eq!(catalogue.call(only_open).await.unwrap().items.len(), 1);
        call(&catalogue, &manager, assign("2012", &["out"], false)).await.unwrap();
    }
}
