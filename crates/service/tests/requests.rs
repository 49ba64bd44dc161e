//! Requests and campaigns on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Catalogue, vo};
use sbk_api::*;
use sbk_model::{Permission, RequestMover, RequestState};
use sbk_service::{CallContext, Caller, Error, Run};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../../examples/superb-campaign/campaign.toml");
const SUPERB: &str = include_str!("../../../examples/superb.toml");

fn caller(user: &str, vo: &str, permissions: &[Permission]) -> Caller {
    Caller {
        user: user.parse().unwrap(),
        group: "people".parse().unwrap(),
        permissions: permissions.iter().copied().collect(),
        vo: Some(vo.parse().unwrap()),
        local: false,
    }
}

fn physicist(name: &str) -> Caller {
    caller(name, "superb", &[Permission::Read, Permission::Write])
}

fn manager() -> Caller {
    let may =
        [Permission::Read, Permission::Write, Permission::Produce, Permission::ManageDatasets];
    caller("manager", "superb", &may)
}

/// A community with SuperB's parameters.
async fn superb(database: &TestDatabase) -> Catalogue {
    let catalogue = Catalogue::empty(database).await;
    catalogue.call(DeclareCommunity { vo: vo() }).await.unwrap();
    catalogue.apply(SUPERB).await.unwrap();
    catalogue
}

async fn call<O: Run>(
    catalogue: &Catalogue,
    who: &Caller,
    operation: O,
) -> Result<O::Output, Error> {
    let catalogue = Catalogue { caller: who.clone(), ..catalogue.clone() };
    catalogue.call(operation).await
}

fn new(request: Value) -> NewRequest {
    serde_json::from_value(request).unwrap()
}

fn add(requests: Vec<Value>) -> AddRequests {
    let requests = requests.into_iter().map(new).collect();
    AddRequests { vo: vo(), requests, atomicity: Atomicity::All }
}

/// A complete request for a fast simulation.
fn fastsim(name: &str) -> Value {
    json!({
        "name": name, "event_type": "B0B0bar_generic", "events": 1000, "release": "V0.3.1",
        "parameters": {
            "session": "fastsim", "generator": "B0B0bar_generic", "dg": "DG_4",
            "prod_series": "2012_September", "bkg_mixing": "All",
        },
    })
}

fn state(name: &str, state: RequestState) -> SetRequestState {
    let reason = Some("it must be so".parse().unwrap());
    SetRequestState { name: name.parse().unwrap(), vo: Some(vo()), state, reason }
}

fn change(name: &str, changes: Value) -> ChangeRequest {
    ChangeRequest {
        name: name.parse().unwrap(),
        vo: Some(vo()),
        changes: serde_json::from_value(changes).unwrap(),
        remove: vec![],
        reason: None,
    }
}

fn clone_of(name: &str, new_name: Option<&str>, changes: Value) -> CloneRequest {
    CloneRequest {
        name: name.parse().unwrap(),
        vo: None,
        new_name: new_name.map(|name| name.parse().unwrap()),
        template: false,
        changes: serde_json::from_value(changes).unwrap(),
        remove: vec![],
    }
}

async fn show(catalogue: &Catalogue, name: &str) -> Request {
    catalogue.call(GetRequest { name: name.parse().unwrap(), vo: None }).await.unwrap()
}

async fn listed(catalogue: &Catalogue, who: &Caller, mut list: ListRequests) -> Vec<String> {
    list.page.limit = Some(2);
    let mut names = Vec::new();
    loop {
        let page = call(catalogue, who, list.clone()).await.unwrap();
        names.extend(page.items.into_iter().map(|request| request.name.to_string()));
        match page.next {
            Some(next) => list.page.after = Some(next),
            None => return names,
        }
    }
}

/// A request of Alice's in a state.
async fn in_state(catalogue: &Catalogue, name: &str, wanted: RequestState) {
    use RequestState::{Accepted, Active, Cancelled, Done, Draft, Rejected, Submitted};
    call(catalogue, &physicist("alice"), add(vec![fastsim(name)])).await.unwrap();
    let path: &[RequestState] = match wanted {
        Draft => &[],
        Submitted => &[Submitted],
        Accepted => &[Submitted, Accepted],
        Rejected => &[Submitted, Rejected],
        Active => &[Submitted, Accepted, Active],
        Done => &[Submitted, Accepted, Active, Done],
        Cancelled => &[Cancelled],
    };
    for step in path {
        let by_manager = matches!(step, Accepted | Rejected | Active | Done);
        let who = if by_manager { manager() } else { physicist("alice") };
        call(catalogue, &who, state(name, *step)).await.unwrap();
    }
}

fn denied<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(..)))
}

fn conflict<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict(..)))
}

fn campaign(name: &str) -> AddCampaigns {
    let campaigns = vec![NewCampaign { name: name.parse().unwrap(), description: None }];
    AddCampaigns { vo: vo(), campaigns, atomicity: Atomicity::All }
}

fn assign(name: &str, requests: &[&str], remove: bool) -> AssignRequests {
    AssignRequests {
        name: name.parse().unwrap(),
        vo: None,
        requests: requests.iter().map(|name| name.parse().unwrap()).collect(),
        remove,
        reason: None,
    }
}

fn close(name: &str, closed: bool) -> ChangeCampaign {
    ChangeCampaign {
        name: name.parse().unwrap(),
        vo: None,
        description: None,
        closed: Some(closed),
        reason: None,
    }
}

async fn show_campaign(catalogue: &Catalogue, name: &str) -> Campaign {
    catalogue.call(GetCampaign { name: name.parse().unwrap(), vo: Some(vo()) }).await.unwrap()
}

fn split(name: &str, productions: Vec<NewProduction>) -> SplitRequest {
    let name = name.parse().unwrap();
    SplitRequest { name, vo: Some(vo()), productions, attach: vec![], detach: vec![] }
}

/// A production of 50 events a task into the dataset `sample`.
fn production(name: &str, events: u64, seed_base: i64) -> NewProduction {
    serde_json::from_value(json!({
        "name": name, "outputs": { "ROOT": "sample" },
        "events": { "events": events, "events_per_task": 50, "seed_base": seed_base },
    }))
    .unwrap()
}

async fn report(catalogue: &Catalogue, report: Value) {
    let call = json!({ "vo": "superb", "reports": [report], "refuse": true });
    let call: ReportJob = serde_json::from_value(call).unwrap();
    let result = catalogue.call(call).await.unwrap();
    assert_eq!(result.recorded, 1, "{result:?}");
}

/// Makes the tasks of a production, takes one more than so many, and does so many.
async fn run_tasks(catalogue: &Catalogue, name: &str, done: usize) {
    let extend = json!({ "name": name, "vo": "superb" });
    let extend: ExtendProduction = serde_json::from_value(extend).unwrap();
    catalogue.call(extend).await.unwrap();
    let take = json!({ "production": name, "vo": "superb", "key": name, "limit": done + 1 });
    let take: TakeTasks = serde_json::from_value(take).unwrap();
    assert_eq!(catalogue.call(take).await.unwrap().tasks.len(), done + 1);
    for task in 1..=done {
        let job = json!({
            "name": format!("{name}-{task}"), "production": name, "task": task,
            "events_written": 50,
            "outputs": [{
                "lfn": format!("/superb/sample/{name}/{task}.root"), "size": 100, "events": 50,
                "file_type": "ROOT",
            }],
        });
        report(catalogue, job).await;
    }
}

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
