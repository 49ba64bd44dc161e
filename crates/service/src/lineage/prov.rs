//! Writes chains as PROV-JSON: <https://www.w3.org/submissions/prov-json/>.
//!
//! Files are entities, steps of jobs are activities, sites are agents.

use sbk_api::{Chain, ChainStep};
use serde_json::{Map, Value, json};

const NAMESPACE: &str = "urn:sbk:";

/// The document of a chain.
pub fn document(chain: &Chain) -> Value {
    let mut entities = Map::new();
    for (name, file) in &chain.files {
        let mut entity = Map::new();
        entity.insert("prov:label".into(), name.clone().into());
        let status = file.status.map_or("absent", sbk_model::FileStatus::as_str);
        entity.insert("sbk:status".into(), status.into());
        if let Some(file_type) = &file.file_type {
            entity.insert("prov:type".into(), file_type.as_str().into());
        }
        if let Some(events) = file.events {
            entity.insert(
                "sbk:events".into(),
                json!({ "$": events.to_string(), "type": "xsd:long" }),
            );
        }
        entities.insert(file_id(name), entity.into());
    }
    let (mut activities, mut agents) = (Map::new(), Map::new());
    let (mut used, mut generated, mut associated) = (Map::new(), Map::new(), Map::new());
    for (at, step) in chain.steps.iter().enumerate() {
        let id = step_id(at, step);
        activities.insert(id.clone(), activity(step));
        for lfn in &step.used {
            let relation = json!({ "prov:activity": id, "prov:entity": file_id(lfn.as_str()) });
            used.insert(format!("_:u{}", used.len()), relation);
        }
        for lfn in &step.made {
            let relation = json!({ "prov:activity": id, "prov:entity": file_id(lfn.as_str()) });
            generated.insert(format!("_:g{}", generated.len()), relation);
        }
        if let Some(site) = &step.site {
            let agent = format!("sbk:site/{site}");
            let described = json!({ "prov:label": site, "prov:type": "sbk:Site" });
            agents.insert(agent.clone(), described);
            let relation = json!({ "prov:activity": id, "prov:agent": agent });
            associated.insert(format!("_:a{}", associated.len()), relation);
        }
    }
    json!({
        "prefix": { "sbk": NAMESPACE, "xsd": "http://www.w3.org/2001/XMLSchema#" },
        "entity": entities,
        "activity": activities,
        "agent": agents,
        "used": used,
        "wasGeneratedBy": generated,
        "wasAssociatedWith": associated,
    })
}

fn file_id(lfn: &str) -> String {
    format!("sbk:file{lfn}")
}

fn step_id(at: usize, step: &ChainStep) -> String {
    match &step.job {
        Some(job) => format!("sbk:job/{job}/{}", step.step),
        None => format!("sbk:declared/{at}"),
    }
}

fn activity(step: &ChainStep) -> Value {
    let mut activity = Map::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            activity.insert(name.into(), value.into());
        }
    };
    add("prov:label", step.application.as_ref().map(ToString::to_string));
    add("sbk:version", step.version.as_ref().map(ToString::to_string));
    add("sbk:production", step.production.as_ref().map(ToString::to_string));
    add("prov:startTime", step.started.map(|time| time.to_string()));
    add("prov:endTime", step.ended.map(|time| time.to_string()));
    activity.into()
}
