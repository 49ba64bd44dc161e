//! Requests on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::samples::*;
use sbk_api::*;
use sbk_model::{RequestMover, RequestState};
use sbk_service::{CallContext, Caller, Error};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

each_backend! {
    async fn every_move_is_made_by_who_may_make_it_and_no_other_is(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let (alice, bob, manager) = (physicist("alice"), physicist("bob"), manager());

        for from in RequestState::ALL {
            for to in RequestState::ALL.iter().filter(|to| *to != from) {
                let name = format!("{from} to {to}");
                in_state(&catalogue, &name, *from).await;
                let others = call(&catalogue, &bob, state(&name, *to)).await;
                let (by, wrong) = match from.mover(*to) {
                    Some(RequestMover::Requester) => (&alice, Some(&manager)),
                    Some(RequestMover::Manager) => (&manager, Some(&alice)),
                    Some(RequestMover::Either) if *from < RequestState::Accepted => (&alice, None),
                    Some(RequestMover::Either) => (&manager, None),
                    None => {
                        assert!(conflict(&others), "{name}");
                        assert!(conflict(&call(&catalogue, &manager, state(&name, *to)).await));
                        assert!(conflict(&call(&catalogue, &alice, state(&name, *to)).await));
                        assert_eq!(show(&catalogue, &name).await.summary.state, *from);
                        continue;
                    }
                };

                assert!(denied(&others), "{name}");
                if let Some(wrong) = wrong {
                    assert!(denied(&call(&catalogue, wrong, state(&name, *to)).await), "{name}");
                }
                let before = show(&catalogue, &name).await;
                let done = call(&catalogue, by, state(&name, *to)).await.unwrap();
                let again = call(&catalogue, by, state(&name, *to)).await.unwrap();

                assert_eq!((done.outcome, again.outcome), (Outcome::Changed, Outcome::Unchanged));
                let after = show(&catalogue, &name).await;
                assert_eq!((before.summary.state, after.summary.state), (*from, *to), "{name}");
                assert_eq!(after.history.len(), before.history.len() + 1, "{name}");
                let last = after.history.last().unwrap();
                assert_eq!((last.from, last.to), (Some(*from), *to));
                assert_eq!(last.actor, by.user);
                assert_eq!(last.reason.as_deref(), Some("it must be so"));
            }
        }
    }

    async fn rejecting_and_cancelling_need_a_reason(database: TestDatabase) {
        let catalogue = superb(&database).await;
        in_state(&catalogue, "mine", RequestState::Submitted).await;

        for wanted in [RequestState::Rejected, RequestState::Cancelled] {
            let silent = SetRequestState { reason: None, ..state("mine", wanted) };
            let error = call(&catalogue, &manager(), silent).await.unwrap_err();

            assert_eq!(Problem::from(error).field.as_deref(), Some("reason"));
        }
        let silent = SetRequestState { reason: None, ..state("mine", RequestState::Accepted) };
        assert!(call(&catalogue, &manager(), silent).await.is_ok());
    }

    async fn a_draft_may_be_incomplete_but_is_right_and_what_is_submitted_is_complete(
        database: TestDatabase
    ) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        let incomplete = json!({
            "name": "mine", "parameters": { "session": "fullsim", "generator": "singleparticle" },
        });
        call(&catalogue, &alice, add(vec![incomplete])).await.unwrap();

        let no_events = call(&catalogue, &alice, state("mine", RequestState::Submitted)).await;
        let wrong = change("mine", json!({ "parameters": { "min_energy_loss": 1.0 } }));
        let wrong = call(&catalogue, &alice, wrong).await.unwrap_err();
        call(&catalogue, &alice, change("mine", json!({ "events": 10 }))).await.unwrap();
        let no_angles = call(&catalogue, &alice, state("mine", RequestState::Submitted)).await;
        let full = json!({ "parameters": {
            "dg": "DG_4", "pl": "QGSP", "pdg_code": 11, "theta_min": "0.1 rad", "theta_max": 150,
            "phi_min": 0, "phi_max": 360, "energy_min": "500 MeV", "energy_max": 2,
        } });
        call(&catalogue, &alice, change("mine", full)).await.unwrap();
        call(&catalogue, &alice, state("mine", RequestState::Submitted)).await.unwrap();

        let field = |error: Error| Problem::from(error).field.unwrap();
        assert_eq!(field(no_events.unwrap_err()), "events");
        assert!(wrong.to_string().contains("generator is \"RadBhaBha\"")
            || wrong.to_string().contains("RadBhaBha"), "{wrong}");
        let text = no_angles.unwrap_err().to_string();
        assert!(text.contains("pdg_code") && text.contains("is required where"), "{text}");
        let request = show(&catalogue, "mine").await;
        assert_eq!(request.summary.sample.parameters["energy_min"], json!(0.5));
        assert_eq!(request.summary.sample.generator.unwrap().as_str(), "singleparticle");
    }

    async fn a_part_that_the_community_declares_is_one_with_its_field(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        let mut request = fastsim("mine");
        request["parameters"].as_object_mut().unwrap().remove("generator");
        request["generator"] = json!("uds");
        call(&catalogue, &alice, add(vec![request])).await.unwrap();

        let shown = show(&catalogue, "mine").await.summary.sample;
        assert_eq!(shown.parameters["generator"], json!("uds"));
        let twice = json!({ "generator": "uds", "parameters": { "generator": "ccbar" } });
        let twice = call(&catalogue, &alice, change("mine", twice)).await.unwrap_err();
        assert_eq!(Problem::from(twice).field.as_deref(), Some("generator"));
        let patch = json!({ "parameters": { "generator": "ccbar" } });
        call(&catalogue, &alice, change("mine", patch)).await.unwrap();
        assert_eq!(show(&catalogue, "mine").await.summary.sample.generator.unwrap().as_str(), "ccbar");
        let remove = vec![RequestField::Generator, RequestField::Release];
        let take_out = ChangeRequest { remove, ..change("mine", json!({})) };
        call(&catalogue, &alice, take_out).await.unwrap();
        let shown = show(&catalogue, "mine").await.summary.sample;
        assert_eq!((shown.generator, shown.release), (None, None));
        assert!(!shown.parameters.contains_key("generator"));
    }

    async fn only_the_requester_edits_and_only_a_draft_with_a_history(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        in_state(&catalogue, "mine", RequestState::Draft).await;
        let edit = || change("mine", json!({
            "events": 2000, "comment": "for the paper\nof 2012", "deadline": "2027-01-01T00:00:00Z",
            "priority": 9, "parameters": { "dg": "DG_4a", "bkg_mixing": null },
        }));

        for other in [physicist("bob"), manager()] {
            assert!(denied(&call(&catalogue, &other, edit()).await));
        }
        let first = call(&catalogue, &alice, edit()).await.unwrap();
        let again = call(&catalogue, &alice, edit()).await.unwrap();

        assert_eq!((first.outcome, again.outcome), (Outcome::Changed, Outcome::Unchanged));
        let request = show(&catalogue, "mine").await;
        assert_eq!(request.history.len(), 2, "{:?}", request.history);
        assert_eq!(request.history[1].edits["events"], json!(2000));
        assert_eq!(request.history[1].edits["parameters.dg"], json!("DG_4a"));
        assert_eq!(request.history[1].edits["parameters.bkg_mixing"], Value::Null);
        assert!(!request.history[1].edits.contains_key("release"));
        let back = change("mine", json!({ "parameters": { "bkg_mixing": "All" } }));
        call(&catalogue, &alice, back).await.unwrap();
        call(&catalogue, &alice, state("mine", RequestState::Submitted)).await.unwrap();
        let late = call(&catalogue, &alice, change("mine", json!({ "events": 5 }))).await;
        assert!(conflict(&late));
        let list = ListRequestHistory {
            name: "mine".parse().unwrap(), vo: None, page: PageArgs { after: None, limit: Some(3) },
        };
        let page = catalogue.call(list.clone()).await.unwrap();
        let page_args = PageArgs { after: page.next.clone(), limit: Some(3) };
        let rest = catalogue.call(ListRequestHistory { page: page_args, ..list }).await.unwrap();
        let all = [page.items, rest.items].concat();
        assert_eq!(all, show(&catalogue, "mine").await.history);
        let times: Vec<_> = all.iter().map(|change| change.time).collect();
        assert!(times.is_sorted());
    }

    async fn a_repeated_call_asks_for_nothing_twice(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        let mut nameless = fastsim("x");
        nameless.as_object_mut().unwrap().remove("name");
        let both = || add(vec![fastsim("named"), nameless.clone()]);

        let first = call(&catalogue, &alice, both()).await.unwrap();
        let again = call(&catalogue, &alice, both()).await.unwrap();
        let of_bob = call(&catalogue, &physicist("bob"), add(vec![nameless.clone()])).await.unwrap();
        let mut other = fastsim("named");
        other["events"] = json!(7);
        let different = call(&catalogue, &alice, add(vec![other])).await.unwrap();

        assert_eq!((first.added, again.added, again.unchanged), (2, 0, 2));
        assert!(first.results[1].name.starts_with("B0B0bar_generic-"));
        assert_eq!(first.results[1].name, again.results[1].name);
        assert_ne!(first.results[1].name, of_bob.results[0].name);
        let problem = different.results[0].problem.clone().unwrap();
        assert!(problem.detail.ends_with("differs in: events"), "{problem}");
        assert_eq!(show(&catalogue, "named").await.history.len(), 1);
        let audit = ListAudit { operation: Some("addRequests".into()), ..ListAudit::default() };
        assert_eq!(catalogue.call(audit).await.unwrap().items.len(), 2);
    }

    async fn requests_of_a_call_are_taken_together_or_one_by_one(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        let mut wrong = fastsim("wrong");
        wrong["parameters"]["dg"] = json!("DG_5");
        let mut nowhere = fastsim("nowhere");
        nowhere["campaign"] = json!("2012_September");
        let three = || add(vec![fastsim("good"), wrong.clone(), nowhere.clone()]);

        let together = call(&catalogue, &alice, three()).await.unwrap();
        let each = AddRequests { atomicity: Atomicity::Each, ..three() };
        let each = call(&catalogue, &alice, each).await.unwrap();

        assert_eq!((together.skipped, together.refused), (1, 2));
        assert_eq!((each.added, each.refused), (1, 2));
        let problem = each.results[1].problem.clone().unwrap();
        assert_eq!(problem.field.as_deref(), Some("parameters.dg"));
        assert_eq!(each.results[2].problem.clone().unwrap().code, Code::NotFound);
    }

    async fn a_template_is_cloned_and_never_submitted(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let (alice, bob) = (physicist("alice"), physicist("bob"));
        let mut template = fastsim("fastsim template");
        template["template"] = json!(true);
        template.as_object_mut().unwrap().remove("events");
        call(&catalogue, &alice, add(vec![template])).await.unwrap();

        let submitted =
            call(&catalogue, &alice, state("fastsim template", RequestState::Submitted)).await;
        let changes = json!({ "events": 500, "parameters": { "dg": "DG_BaBar" } });
        let make = || clone_of("fastsim template", None, changes.clone());
        let first = call(&catalogue, &bob, make()).await.unwrap();
        let again = call(&catalogue, &bob, make()).await.unwrap();

        assert!(conflict(&submitted));
        assert_eq!((first.outcome, again.outcome), (Outcome::Added, Outcome::Unchanged));
        assert_eq!(first.name, again.name);
        let made = show(&catalogue, first.name.as_str()).await.summary;
        assert_eq!(made.requester, bob.user);
        assert_eq!(made.cloned_from.unwrap().as_str(), "fastsim template");
        assert_eq!(made.sample.parameters["dg"], json!("DG_BaBar"));
        assert_eq!(made.sample.parameters["bkg_mixing"], json!("All"));
        let submit = state(first.name.as_str(), RequestState::Submitted);
        call(&catalogue, &bob, submit).await.unwrap();
        let templates = ListRequests { templates: true, ..ListRequests::default() };
        assert_eq!(listed(&catalogue, &bob, templates).await, ["fastsim template"]);
        let others = listed(&catalogue, &bob, ListRequests::default()).await;
        assert_eq!(others, [first.name.as_str()]);
        let cancel = state("fastsim template", RequestState::Cancelled);
        call(&catalogue, &alice, cancel).await.unwrap();
    }

    async fn a_clone_of_what_was_done_starts_anew(database: TestDatabase) {
        let catalogue = superb(&database).await;
        in_state(&catalogue, "done", RequestState::Done).await;
        let bob = physicist("bob");

        let made = call(&catalogue, &bob, clone_of("done", Some("more"), json!({}))).await.unwrap();
        let itself = call(&catalogue, &bob, clone_of("done", Some("done"), json!({}))).await;
        let other = json!({ "events": 5 });
        let other = call(&catalogue, &bob, clone_of("done", Some("more"), other)).await;

        assert_eq!(made.outcome, Outcome::Added);
        let more = show(&catalogue, "more").await;
        assert_eq!((more.summary.state, more.history.len()), (RequestState::Draft, 1));
        assert_eq!(more.summary.sample, show(&catalogue, "done").await.summary.sample);
        assert!(itself.is_err());
        assert!(conflict(&other));
    }

    async fn requests_are_listed_by_what_they_are(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let (alice, bob) = (physicist("alice"), physicist("bob"));
        for name in ["a1", "a2", "a3"] {
            in_state(&catalogue, name, RequestState::Draft).await;
        }
        in_state(&catalogue, "a4", RequestState::Submitted).await;
        let mut other = fastsim("b1");
        other["event_type"] = json!("uds");
        call(&catalogue, &bob, add(vec![other])).await.unwrap();

        let all = listed(&catalogue, &alice, ListRequests::default()).await;
        let drafts = ListRequests { state: Some(RequestState::Draft), ..ListRequests::default() };
        let of_bob = ListRequests { requester: Some(bob.user.clone()), ..ListRequests::default() };
        let uds = ListRequests { event_type: Some("uds".parse().unwrap()), ..ListRequests::default() };
        let no_vo = ListRequests { campaign: Some("x".parse().unwrap()), ..ListRequests::default() };

        assert_eq!(all, ["a1", "a2", "a3", "a4", "b1"]);
        assert_eq!(listed(&catalogue, &alice, drafts).await, ["a1", "a2", "a3", "b1"]);
        assert_eq!(listed(&catalogue, &alice, of_bob).await, ["b1"]);
        assert_eq!(listed(&catalogue, &alice, uds).await, ["b1"]);
        assert!(call(&catalogue, &alice, no_vo).await.is_err());
    }

    async fn another_community_sees_and_changes_nothing(database: TestDatabase) {
        let catalogue = superb(&database).await;
        catalogue.call(DeclareCommunity { vo: "babar".parse().unwrap() }).await.unwrap();
        in_state(&catalogue, "mine", RequestState::Submitted).await;
        call(&catalogue, &manager(), campaign("2012")).await.unwrap();
        let eve = Caller { vo: Some("babar".parse().unwrap()), ..manager() };

        let all = listed(&catalogue, &eve, ListRequests::default()).await;
        let shown = GetRequest { name: "mine".parse().unwrap(), vo: None };
        let shown = call(&catalogue, &eve, shown).await;
        let accept = SetRequestState { vo: None, ..state("mine", RequestState::Accepted) };
        let accept = call(&catalogue, &eve, accept).await;
        let cloned = call(&catalogue, &eve, clone_of("mine", Some("stolen"), json!({}))).await;
        let named = call(&catalogue, &eve, state("mine", RequestState::Accepted)).await;
        let added = call(&catalogue, &eve, add(vec![fastsim("foreign")])).await;
        let campaigns = call(&catalogue, &eve, ListCampaigns::default()).await.unwrap();
        let closed = call(&catalogue, &eve, close("2012", true)).await;

        assert!(all.is_empty() && campaigns.items.is_empty());
        for missing in [shown.map(drop), accept.map(drop), cloned.map(drop), closed.map(drop)] {
            assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
        }
        assert!(denied(&named) && denied(&added));
        assert_eq!(show(&catalogue, "mine").await.summary.state, RequestState::Submitted);
    }

    async fn hostile_input_is_refused_with_the_field(database: TestDatabase) {
        let catalogue = superb(&database).await;
        let alice = physicist("alice");
        let long = "x".repeat(5000);
        let cases = [
            (json!({ "comment": long }), "comment"),
            (json!({ "comment": "a\u{1b}[2J" }), "comment"),
            (json!({ "comment": "a\u{0}b" }), "comment"),
            (json!({ "parameters": { "nonsense": 1 } }), "parameters.nonsense"),
            (json!({ "parameters": { "evt_file": 0, "session": "fastsim" } }), "parameters.evt_file"),
            (json!({ "generator": "x'; DROP TABLE request; --",
                     "parameters": { "session": "fullsim" } }), "parameters.generator"),
        ];

        for (request, field) in cases {
            let result = call(&catalogue, &alice, add(vec![request])).await.unwrap();
            let problem = result.results[0].problem.clone().unwrap();
            assert_eq!(problem.field.as_deref(), Some(field), "{problem}");
        }
        for wrong in [
            json!({ "nonsense": 1 }), json!({ "events": -1 }), json!({ "priority": 10 }),
            json!({ "name": "" }), json!({ "name": "a\nb" }), json!({ "state": "accepted" }),
            json!({ "event_type": "x".repeat(300) }), json!({ "template": "yes" }), json!([]),
        ] {
            assert!(serde_json::from_value::<NewRequest>(wrong.clone()).is_err(), "{wrong}");
        }
        assert!(call(&catalogue, &alice, add(vec![])).await.is_err());
        let strange = "'; DROP TABLE request; -- \u{202e} ?{rows}";
        let mut request = fastsim(strange);
        request["event_type"] = json!(strange);
        call(&catalogue, &alice, add(vec![request])).await.unwrap();
        assert_eq!(show(&catalogue, strange).await.summary.sample.event_type.unwrap().as_str(), strange);
        let cursor = PageArgs { after: Some("e30".into()), limit: None };
        let list = ListRequests { page: cursor, ..ListRequests::default() };
        assert!(call(&catalogue, &alice, list).await.is_err());
    }

    async fn two_managers_decide_once(database: TestDatabase) {
        let catalogue = superb(&database).await;
        in_state(&catalogue, "mine", RequestState::Submitted).await;
        let (one, two) = (manager(), Caller { user: "other".parse().unwrap(), ..manager() });
        let context = CallContext::default;

        let accept = catalogue.service.call(&one, state("mine", RequestState::Accepted), context());
        let reject = catalogue.service.call(&two, state("mine", RequestState::Rejected), context());
        let (accept, reject) = tokio::join!(accept, reject);

        assert_eq!(u8::from(accept.is_ok()) + u8::from(reject.is_ok()), 1);
        assert_eq!(show(&catalogue, "mine").await.history.len(), 3);
    }
}
