//! What was made from what, on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;

use common::{Catalogue, file, files, lfns, vo};
use sbk_api::*;
use sbk_model::Lfn;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

async fn report(catalogue: &Catalogue, reports: Vec<Value>) {
    let format = ReportFormat::Json;
    let call = ReportJob { vo: vo(), reports, format, name: None, refuse: true };
    let result = catalogue.call(call).await.unwrap();
    assert_eq!(result.refused, 0, "{result:?}");
}

fn job(name: &str, inputs: &[&str], outputs: &[&str]) -> Value {
    let outputs: Vec<Value> =
        outputs.iter().map(|lfn| json!({ "lfn": lfn, "size": 1, "events": 1 })).collect();
    json!({ "name": name, "inputs": inputs, "outputs": outputs, "site": "CNAF",
            "steps": [{ "application": "Brunel", "version": "v1" }] })
}

/// raw1, raw2 → dst → mdst1, mdst2; mdst1 → ntuple
async fn chain(catalogue: &Catalogue) {
    report(
        catalogue,
        vec![
            job("reco", &["/s/raw1", "/s/raw2"], &["/s/dst"]),
            job("strip", &["/s/dst"], &["/s/mdst1", "/s/mdst2"]),
            job("user", &["/s/mdst1"], &["/s/ntuple"]),
        ],
    )
    .await;
}

async fn up(catalogue: &Catalogue, names: &[&str], depth: u32) -> Vec<String> {
    let mut call = GetAncestors {
        lfns: lfns(names),
        depth: Some(depth),
        retired: true,
        page: PageArgs::default(),
    };
    call.page.limit = Some(2);
    let mut all = Vec::new();
    loop {
        let page = catalogue.call(call.clone()).await.unwrap();
        all.extend(page.items.iter().map(|r| format!("{}<{}:{}", r.of, r.lfn, r.depth)));
        match page.next {
            Some(next) => call.page.after = Some(next),
            None => break,
        }
    }
    all.sort();
    all
}

async fn down(catalogue: &Catalogue, names: &[&str], depth: u32, retired: bool) -> Vec<String> {
    let call = GetDescendants {
        lfns: lfns(names),
        depth: Some(depth),
        retired,
        page: PageArgs::default(),
    };
    let page = catalogue.call(call).await.unwrap();
    let mut all: Vec<_> = page.items.iter().map(|r| format!("{}:{}", r.lfn, r.depth)).collect();
    all.sort();
    all
}

async fn open(catalogue: &Catalogue) -> Vec<String> {
    let list = ListOpenEdges { vo: Some(vo()), ..ListOpenEdges::default() };
    let mut names: Vec<_> =
        catalogue.call(list).await.unwrap().items.iter().map(|e| e.lfn.to_string()).collect();
    names.sort();
    names
}

async fn found(catalogue: &Catalogue, expr: &str) -> Vec<String> {
    let find: FindFiles = serde_json::from_value(json!({ "expr": expr, "vo": "superb" })).unwrap();
    let page = catalogue.call(find).await.unwrap_or_else(|error| panic!("{expr}: {error}"));
    let mut names: Vec<_> = page.items.iter().map(|file| file.lfn.to_string()).collect();
    names.sort();
    names
}

async fn retire(catalogue: &Catalogue, names: &[&str]) {
    let retire: RetireFiles = serde_json::from_value(json!({
        "lfns": names, "reason": "test", "grace_seconds": 1,
    }))
    .unwrap();
    catalogue.call(retire).await.unwrap();
}

each_backend! {
    async fn walks_go_by_generation_in_both_directions(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        chain(&catalogue).await;

        assert_eq!(up(&catalogue, &["/s/ntuple"], 1).await, ["/s/ntuple</s/mdst1:1"]);
        assert_eq!(up(&catalogue, &["/s/ntuple", "/s/mdst2"], 100).await, [
            "/s/mdst2</s/dst:1", "/s/mdst2</s/raw1:2", "/s/mdst2</s/raw2:2",
            "/s/ntuple</s/dst:2", "/s/ntuple</s/mdst1:1", "/s/ntuple</s/raw1:3",
            "/s/ntuple</s/raw2:3",
        ]);
        assert_eq!(
            down(&catalogue, &["/s/raw1"], 2, false).await,
            ["/s/dst:1", "/s/mdst1:2", "/s/mdst2:2"]
        );
        assert_eq!(down(&catalogue, &["/s/ntuple"], 5, false).await, [""; 0]);
        let siblings = GetSiblings { lfns: lfns(&["/s/mdst1"]), ..GetSiblings::default() };
        let siblings = catalogue.call(siblings).await.unwrap().items;
        assert_eq!(siblings[0].lfn.to_string(), "/s/mdst2");
        let wrong = GetAncestors { lfns: lfns(&["/s/dst"]), depth: Some(101), ..Default::default() };
        assert!(catalogue.call(wrong).await.unwrap_err().to_string().contains("depth"));
    }

    async fn a_walk_that_begins_anew_shows_what_came_since(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        // More than fits a page that is not worth remembering.
        let raw: Vec<String> = (0..150).map(|n| format!("/s/raw{n}")).collect();
        let raw: Vec<&str> = raw.iter().map(String::as_str).collect();
        report(&catalogue, vec![job("reco", &raw, &["/s/dst"])]).await;
        assert_eq!(up(&catalogue, &["/s/dst"], 5).await.len(), 150);

        report(&catalogue, vec![job("daq", &["/s/hits"], &["/s/raw7"])]).await;

        let walk = up(&catalogue, &["/s/dst"], 5).await;
        assert_eq!(walk.len(), 151);
        assert!(walk.contains(&"/s/dst</s/hits:2".to_owned()));
    }

    async fn pages_of_a_walk_skip_and_repeat_nothing_when_others_walk_anew(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let raw: Vec<String> = (0..150).map(|n| format!("/s/raw{n}")).collect();
        let raw: Vec<&str> = raw.iter().map(String::as_str).collect();
        report(&catalogue, vec![job("strip", &["/s/a", "/s/b"], &["/s/c"])]).await;
        report(&catalogue, vec![job("reco", &raw, &["/s/a"])]).await;
        let page = |after| GetAncestors {
            lfns: lfns(&["/s/c"]),
            depth: Some(5),
            retired: true,
            page: PageArgs { after, limit: Some(100) },
        };
        let first = catalogue.call(page(None)).await.unwrap();
        // More comes into the part that was shown, and somebody else looks.
        let new: Vec<String> = (0..40).map(|n| format!("/s/new{n}")).collect();
        let new: Vec<&str> = new.iter().map(String::as_str).collect();
        report(&catalogue, vec![job("daq", &new, &["/s/b"])]).await;
        up(&catalogue, &["/s/c"], 5).await;

        let mut names: Vec<String> = first.items.iter().map(|r| r.lfn.to_string()).collect();
        let mut next = first.next;
        while let Some(after) = next {
            let more = catalogue.call(page(Some(after))).await.unwrap();
            names.extend(more.items.iter().map(|r| r.lfn.to_string()));
            next = more.next;
        }

        names.sort();
        let repeated: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(repeated.is_empty(), "{repeated:?}");
        let skipped: Vec<_> =
            raw.iter().filter(|lfn| !names.iter().any(|name| name == *lfn)).collect();
        assert!(skipped.is_empty(), "{skipped:?}");
    }

    async fn a_parent_that_comes_late_closes_its_edge(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        report(&catalogue, vec![job("strip", &["/s/dst", "/s/other"], &["/s/mdst"])]).await;
        assert_eq!(open(&catalogue).await, ["/s/dst", "/s/other"]);

        report(&catalogue, vec![job("reco", &["/s/raw"], &["/s/dst"])]).await;
        assert_eq!(open(&catalogue).await, ["/s/other", "/s/raw"]);
        catalogue.add(files(&["/s/other", "/s/raw"])).await;

        assert_eq!(open(&catalogue).await, [""; 0]);
        assert_eq!(up(&catalogue, &["/s/mdst"], 5).await, [
            "/s/mdst</s/dst:1", "/s/mdst</s/other:1", "/s/mdst</s/raw:2",
        ]);
    }

    async fn retired_purged_and_moved_files_keep_their_relatives(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        chain(&catalogue).await;
        retire(&catalogue, &["/s/dst"]).await;

        let without = down(&catalogue, &["/s/raw1"], 2, false).await;
        let with = down(&catalogue, &["/s/raw1"], 2, true).await;
        catalogue.wait(10);
        catalogue.call(PurgeFiles { limit: None }).await.unwrap();
        let purged = up(&catalogue, &["/s/ntuple"], 3).await;

        assert_eq!(without, ["/s/mdst1:2", "/s/mdst2:2"]);
        assert_eq!(with, ["/s/dst:1", "/s/mdst1:2", "/s/mdst2:2"]);
        assert!(purged.contains(&"/s/ntuple</s/dst:2".to_owned()), "{purged:?}");
        assert_eq!(open(&catalogue).await, ["/s/dst", "/s/raw1", "/s/raw2"]);
        let step: MoveDirectory =
            serde_json::from_value(json!({ "from": "/s", "to": "/t" })).unwrap();
        while !catalogue.call(step.clone()).await.unwrap().done {}
        assert_eq!(down(&catalogue, &["/t/mdst1"], 1, false).await, ["/t/ntuple:1"]);
    }

    async fn a_chain_is_shown_and_drawn(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        chain(&catalogue).await;
        let call = |form| GetChain {
            lfn: "/s/mdst1".parse().unwrap(), up: None, down: Some(1), form,
        };

        let graph = catalogue.call(call(ChainForm::Graph)).await.unwrap();
        let svg = catalogue.call(call(ChainForm::Svg)).await.unwrap().text.unwrap();
        let dot = catalogue.call(call(ChainForm::Dot)).await.unwrap().text.unwrap();
        let prov = catalogue.call(call(ChainForm::Prov)).await.unwrap().prov.unwrap();

        let depths: BTreeMap<_, _> =
            graph.files.iter().map(|(name, file)| (name.as_str(), file.depth)).collect();
        assert_eq!(depths, BTreeMap::from([
            ("/s/raw1", -2), ("/s/raw2", -2), ("/s/dst", -1), ("/s/mdst1", 0), ("/s/ntuple", 1),
        ]));
        let jobs: Vec<_> = graph.steps.iter().map(|s| s.job.clone().unwrap().to_string()).collect();
        assert_eq!(jobs, ["reco", "strip", "user"]);
        assert_eq!(graph.steps[0].application.as_ref().unwrap().as_str(), "Brunel");
        assert!(svg.starts_with("<svg") && svg.contains("raw1") && svg.contains("Brunel v1"));
        assert!(dot.contains("\"/s/dst\" -> step"), "{dot}");
        assert_eq!(prov["used"].as_object().unwrap().len(), 4);
        assert_eq!(prov["wasGeneratedBy"].as_object().unwrap().len(), 3);
        assert!(prov["entity"]["sbk:file/s/raw1"].is_object());
    }

    async fn parents_can_be_declared_without_a_job(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        chain(&catalogue).await;
        catalogue.add(vec![file("/s/a"), file("/s/b")]).await;
        let set = |child: &str, parents: &[&str]| {
            let child: Lfn = child.parse().unwrap();
            SetParents { vo: vo(), parents: [(child, lfns(parents))].into() }
        };

        let first = catalogue.call(set("/s/a", &["/s/dst", "/s/later"])).await.unwrap();
        let again = catalogue.call(set("/s/a", &["/s/later"])).await.unwrap();
        let cycle = catalogue.call(set("/s/a", &["/s/b"])).await.unwrap();
        let closed = catalogue.call(set("/s/b", &["/s/a"])).await.unwrap();
        let made = catalogue.call(set("/s/mdst1", &["/s/raw1"])).await.unwrap();
        let nothing = catalogue.call(set("/s/nothing", &["/s/raw1"])).await.unwrap();

        assert_eq!((first.changed, again.unchanged, cycle.changed), (1, 1, 1));
        assert_eq!((closed.refused, made.refused, nothing.refused), (1, 1, 1));
        assert!(made.results[0].problem.as_ref().unwrap().detail.contains("a job made it"));
        assert_eq!(up(&catalogue, &["/s/a"], 1).await, [
            "/s/a</s/b:1", "/s/a</s/dst:1", "/s/a</s/later:1",
        ]);
    }

    async fn queries_follow_provenance(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/s/raw1", "/s/raw2"])).await;
        chain(&catalogue).await;
        let mut late = job("late", &["/s/raw2"], &["/s/late"]);
        late["production"] = json!("mc26");
        late["cpu_seconds"] = json!(7.5);
        report(&catalogue, vec![late]).await;

        let cases: &[(&str, &[&str])] = &[
            ("parents(lfn = \"/s/ntuple\")", &["/s/mdst1"]),
            ("children(name = raw2)", &["/s/dst", "/s/late"]),
            ("ancestors(name = ntuple)", &["/s/dst", "/s/mdst1", "/s/raw1", "/s/raw2"]),
            ("ancestors(name = ntuple, 2)", &["/s/dst", "/s/mdst1"]),
            ("descendants(name = raw1, 2)", &["/s/dst", "/s/mdst1", "/s/mdst2"]),
            ("descendants(name = raw1) and name like \"m%\"", &["/s/mdst1", "/s/mdst2"]),
            ("children(children(name = raw1))", &["/s/mdst1", "/s/mdst2"]),
            ("not children(name = raw1) and name like \"%dst%\"", &["/s/mdst1", "/s/mdst2"]),
            ("producedBy(job.name = strip)", &["/s/mdst1", "/s/mdst2"]),
            ("producedBy(production = mc26 and cpu_time > 7 s)", &["/s/late"]),
            ("producedBy(application = Brunel and version = v1 and name != late and site = CNAF)",
             &["/s/dst", "/s/mdst1", "/s/mdst2", "/s/ntuple"]),
            ("producedBy(state = failed)", &[]),
            ("parents(producedBy(name = user))", &["/s/mdst1"]),
        ];
        for (expr, expected) in cases {
            assert_eq!(found(&catalogue, expr).await, *expected, "{expr}");
        }
        for (wrong, why) in [
            ("producedBy(lfn = \"/s/dst\")", "lfn"),
            ("descendants(name = raw1, 101)", "101"),
            ("parents(name = raw1, 2)", "takes no number"),
            ("ancestors(name = raw1, 0)", "at least 1"),
        ] {
            let find: FindFiles = serde_json::from_value(json!({ "expr": wrong })).unwrap();
            let error = catalogue.call(find).await.unwrap_err().to_string();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }
}
