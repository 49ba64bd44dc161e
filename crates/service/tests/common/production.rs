//! What the tests of productions and of tasks share.
#![allow(clippy::pedantic)]
#![allow(dead_code, missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;

use sbk_api::*;
use sbk_model::TaskState;
use sbk_service::Error;
use sbk_testkit::TestDatabase;
use serde_json::{Value, json};

use crate::common::{Catalogue, file};

pub fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

pub fn with(mut value: Value, more: Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

pub async fn create(catalogue: &Catalogue, production: Value) -> Result<Outcome, Error> {
    let call = from::<CreateProduction>(json!({ "vo": "superb", "production": production }));
    catalogue.call(call).await.map(|done| done.outcome)
}

pub async fn show(catalogue: &Catalogue, name: &str) -> Production {
    catalogue.call(from::<GetProduction>(json!({ "name": name }))).await.unwrap()
}

pub async fn progress(catalogue: &Catalogue, name: &str) -> ProductionProgress {
    catalogue.call(from::<GetProgress>(json!({ "name": name }))).await.unwrap()
}

pub async fn change(catalogue: &Catalogue, name: &str, what: Value) -> Result<Outcome, Error> {
    let call = with(json!({ "name": name, "reason": "a test" }), what);
    catalogue.call(from::<ChangeProduction>(call)).await.map(|done| done.outcome)
}

/// Extends a production in small steps until it is done.
pub async fn extend(catalogue: &Catalogue, name: &str, flush: bool) -> Extension {
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

pub async fn take(catalogue: &Catalogue, name: &str, more: Value) -> Result<TakenTasks, Error> {
    catalogue.call(from::<TakeTasks>(with(json!({ "production": name }), more))).await
}

pub async fn set(catalogue: &Catalogue, tasks: &[u32], state: &str, more: Value) -> BulkResult {
    let call = json!({ "production": "p", "tasks": tasks, "state": state });
    catalogue.call(from::<SetTaskState>(with(call, more))).await.unwrap()
}

pub async fn tasks(catalogue: &Catalogue, name: &str, filter: Value) -> Vec<TaskSummary> {
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

pub async fn missing(catalogue: &Catalogue, name: &str, filter: Value) -> Vec<MissingInput> {
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

pub async fn completeness(catalogue: &Catalogue, name: &str) -> Completeness {
    catalogue.call(from::<GetCompleteness>(json!({ "name": name }))).await.unwrap()
}

pub async fn report(catalogue: &Catalogue, reports: Vec<Value>) -> ReportResult {
    let call = json!({ "vo": "superb", "reports": reports });
    catalogue.call(from::<ReportJob>(call)).await.unwrap()
}

/// What a worker reports that took a task: one output of 10 events for the first input.
pub fn job(name: &str, production: &str, task: &TakenTask, state: &str) -> Value {
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
pub async fn with_inputs(database: &TestDatabase, files: u32, per_task: u32) -> Catalogue {
    let catalogue = Catalogue::new(database).await;
    catalogue.add((0..files).map(|n| file(&format!("/superb/raw/{n:03}.raw"))).collect()).await;
    let input = json!({ "query": "lfn like '/superb/raw/%'", "files_per_task": per_task });
    create(&catalogue, json!({ "name": "p", "kind": "processing", "input": input })).await.unwrap();
    catalogue
}

/// What the kept counts of tasks should be, counted anew.
pub async fn counts_are_right(catalogue: &Catalogue, name: &str) {
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
