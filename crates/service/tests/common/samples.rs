//! What the tests of requests and campaigns share.
#![allow(clippy::pedantic)]
#![allow(dead_code, missing_docs, clippy::unwrap_used, clippy::needless_pass_by_value)]

use sbk_api::*;
use sbk_model::{Permission, RequestState};
use sbk_service::{Call, Caller, Error};
use sbk_testkit::TestDatabase;
use serde_json::{Value, json};

use super::{Catalogue, vo};

pub const EXAMPLE: &str = include_str!("../../../../examples/superb-campaign/campaign.toml");
pub const SUPERB: &str = include_str!("../../../../examples/superb.toml");

pub fn caller(user: &str, vo: &str, permissions: &[Permission]) -> Caller {
    Caller {
        user: user.parse().unwrap(),
        group: "people".parse().unwrap(),
        permissions: permissions.iter().copied().collect(),
        vo: Some(vo.parse().unwrap()),
        local: false,
    }
}

pub fn physicist(name: &str) -> Caller {
    caller(name, "superb", &[Permission::Read, Permission::Write])
}

pub fn manager() -> Caller {
    let may =
        [Permission::Read, Permission::Write, Permission::Produce, Permission::ManageDatasets];
    caller("manager", "superb", &may)
}

/// A community with SuperB's parameters.
pub async fn superb(database: &TestDatabase) -> Catalogue {
    let catalogue = Catalogue::empty(database).await;
    catalogue.call(DeclareCommunity { vo: vo() }).await.unwrap();
    catalogue.apply(SUPERB).await.unwrap();
    catalogue
}

pub async fn call<O: Call>(
    catalogue: &Catalogue,
    who: &Caller,
    operation: O,
) -> Result<O::Output, Error> {
    let catalogue = Catalogue { caller: who.clone(), ..catalogue.clone() };
    catalogue.call(operation).await
}

pub fn new(request: Value) -> NewRequest {
    serde_json::from_value(request).unwrap()
}

pub fn add(requests: Vec<Value>) -> AddRequests {
    let requests = requests.into_iter().map(new).collect();
    AddRequests { vo: vo(), requests, atomicity: Atomicity::All }
}

/// A complete request for a fast simulation.
pub fn fastsim(name: &str) -> Value {
    json!({
        "name": name, "event_type": "B0B0bar_generic", "events": 1000, "release": "V0.3.1",
        "parameters": {
            "session": "fastsim", "generator": "B0B0bar_generic", "dg": "DG_4",
            "prod_series": "2012_September", "bkg_mixing": "All",
        },
    })
}

pub fn state(name: &str, state: RequestState) -> SetRequestState {
    let reason = Some("it must be so".parse().unwrap());
    SetRequestState { name: name.parse().unwrap(), vo: Some(vo()), state, reason }
}

pub fn change(name: &str, changes: Value) -> ChangeRequest {
    ChangeRequest {
        name: name.parse().unwrap(),
        vo: Some(vo()),
        changes: serde_json::from_value(changes).unwrap(),
        remove: vec![],
        reason: None,
    }
}

pub fn clone_of(name: &str, new_name: Option<&str>, changes: Value) -> CloneRequest {
    CloneRequest {
        name: name.parse().unwrap(),
        vo: None,
        new_name: new_name.map(|name| name.parse().unwrap()),
        template: false,
        changes: serde_json::from_value(changes).unwrap(),
        remove: vec![],
    }
}

pub async fn show(catalogue: &Catalogue, name: &str) -> Request {
    catalogue.call(GetRequest { name: name.parse().unwrap(), vo: None }).await.unwrap()
}

pub async fn listed(catalogue: &Catalogue, who: &Caller, mut list: ListRequests) -> Vec<String> {
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
pub async fn in_state(catalogue: &Catalogue, name: &str, wanted: RequestState) {
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

pub fn denied<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Forbidden(..)))
}

pub fn conflict<T>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict(..)))
}

pub fn campaign(name: &str) -> AddCampaigns {
    let campaigns = vec![NewCampaign { name: name.parse().unwrap(), description: None }];
    AddCampaigns { vo: vo(), campaigns, atomicity: Atomicity::All }
}

pub fn assign(name: &str, requests: &[&str], remove: bool) -> AssignRequests {
    AssignRequests {
        name: name.parse().unwrap(),
        vo: None,
        requests: requests.iter().map(|name| name.parse().unwrap()).collect(),
        remove,
        reason: None,
    }
}

pub fn close(name: &str, closed: bool) -> ChangeCampaign {
    ChangeCampaign {
        name: name.parse().unwrap(),
        vo: None,
        description: None,
        closed: Some(closed),
        reason: None,
    }
}

pub async fn show_campaign(catalogue: &Catalogue, name: &str) -> Campaign {
    catalogue.call(GetCampaign { name: name.parse().unwrap(), vo: Some(vo()) }).await.unwrap()
}

pub fn split(name: &str, productions: Vec<NewProduction>) -> SplitRequest {
    let name = name.parse().unwrap();
    SplitRequest { name, vo: Some(vo()), productions, attach: vec![], detach: vec![] }
}

/// A production of 50 events a task into the dataset `sample`.
pub fn production(name: &str, events: u64, seed_base: i64) -> NewProduction {
    serde_json::from_value(json!({
        "name": name, "outputs": { "ROOT": "sample" },
        "events": { "events": events, "events_per_task": 50, "seed_base": seed_base },
    }))
    .unwrap()
}

pub async fn report(catalogue: &Catalogue, report: Value) {
    let call = json!({ "vo": "superb", "reports": [report], "refuse": true });
    let call: ReportJob = serde_json::from_value(call).unwrap();
    let result = catalogue.call(call).await.unwrap();
    assert_eq!(result.recorded, 1, "{result:?}");
}

/// Makes the tasks of a production, takes one more than so many, and does so many.
pub async fn run_tasks(catalogue: &Catalogue, name: &str, done: usize) {
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
