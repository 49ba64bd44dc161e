//! Runs, luminosity, quality and conditions on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Catalogue, file, files, lfns, vo};
use sbk_api::*;
use sbk_model::{Quality, RunNumber, RunSections};
use sbk_service::Error;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn mask(value: Value) -> RunSections {
    read(value)
}

fn bulk(result: &BulkResult) -> (u32, u32, u32, u32) {
    (result.added, result.changed, result.unchanged, result.refused)
}

async fn declare(catalogue: &Catalogue, runs: Value) -> BulkResult {
    catalogue.call::<DeclareRuns>(read(json!({ "vo": "superb", "runs": runs }))).await.unwrap()
}

async fn set_luminosity(catalogue: &Catalogue, unit: &str, runs: Value) -> BulkResult {
    let call = json!({ "vo": "superb", "unit": unit, "runs": runs });
    catalogue.call::<SetLuminosity>(read(call)).await.unwrap()
}

async fn set_sections(catalogue: &Catalogue, files: Value) -> BulkResult {
    catalogue.call::<SetSections>(read(json!({ "files": files }))).await.unwrap()
}

async fn luminosity(catalogue: &Catalogue, of: Value) -> Luminosity {
    let call = json!({ "vo": "superb", "of": of, "unit": "/nb" });
    catalogue.call::<GetLuminosity>(read(call)).await.unwrap()
}

async fn runs(catalogue: &Catalogue, filter: Value) -> Vec<u32> {
    let mut list: ListRuns = read(filter);
    list.vo = Some(vo());
    list.page.limit = Some(2);
    let mut numbers = Vec::new();
    loop {
        let page = catalogue.call(list.clone()).await.unwrap();
        numbers.extend(page.items.iter().map(|run| run.run.run.0));
        match page.next {
            Some(next) => list.page.after = Some(next),
            None => return numbers,
        }
    }
}

/// Two runs of 300 sections with 1 /nb recorded and 2 /nb delivered in each section.
async fn with_luminosity(catalogue: &Catalogue) {
    let sections = json!([[1, 300]]);
    let run = |number: u32| json!({ "run": number, "sections": sections });
    declare(catalogue, json!([run(98), run(99)])).await;
    let (recorded, delivered) = (vec![1.0; 300], vec![2.0; 300]);
    let said = |run: u32| json!({ "run": run, "recorded": recorded, "delivered": delivered });
    set_luminosity(catalogue, "/nb", json!([said(98), said(99)])).await;
}

async fn set_quality(catalogue: &Catalogue, call: Value) -> QualityChange {
    let mut whole = json!({ "vo": "superb", "reason": "the trackers were off" });
    whole.as_object_mut().unwrap().extend(call.as_object().unwrap().clone());
    catalogue.call::<SetQuality>(read(whole)).await.unwrap()
}

async fn quality(catalogue: &Catalogue, call: Value) -> Vec<(Quality, QualityOrigin)> {
    let mut whole = json!({ "vo": "superb" });
    whole.as_object_mut().unwrap().extend(call.as_object().unwrap().clone());
    let found = catalogue.call::<GetQuality>(read(whole)).await.unwrap();
    found.qualities.iter().map(|found| (found.quality, found.origin)).collect()
}

/// `raw` was made into `dst`, and that into `ntuple`; only `raw` and `other` have sections.
async fn with_generations(catalogue: &Catalogue) {
    let names = ["/superb/raw", "/superb/dst", "/superb/ntuple", "/superb/other"];
    catalogue.add(files(&names)).await;
    let parents = json!({ "vo": "superb", "parents": {
        "/superb/dst": ["/superb/raw"], "/superb/ntuple": ["/superb/dst"],
    }});
    catalogue.call::<SetParents>(read(parents)).await.unwrap();
    let sections = json!({
        "/superb/raw": { "98": [[1, 10]] }, "/superb/other": { "98": [[1, 1]], "99": [[1, 5]] },
    });
    set_sections(catalogue, sections).await;
}

each_backend! {
    async fn a_run_is_declared_once_and_changed_only_when_asked(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let run = json!({
            "run": 98, "fill": 7, "started": "2026-01-31T10:00:00Z",
            "ended": "2026-01-31T12:00:00Z", "conditions": "Y4S", "events": 1000,
            "sections": [[1, 600]], "streams": { "physics": 900 },
            "details": { "magnet": "up" },
        });

        let first = declare(&catalogue, json!([run])).await;
        let again = declare(&catalogue, json!([run])).await;
        let mut other = run.clone();
        other["events"] = json!(2000);
        let refused = declare(&catalogue, json!([{ "run": 100 }, other])).await;
        let call = json!({ "vo": "superb", "runs": [other], "replace": true });
        let replaced = catalogue.call::<DeclareRuns>(read(call)).await.unwrap();

        assert_eq!(bulk(&first), (1, 0, 0, 0));
        assert_eq!(bulk(&again), (0, 0, 1, 0));
        assert_eq!((refused.refused, refused.skipped), (1, 1));
        assert_eq!(bulk(&replaced), (0, 1, 0, 0));
        let get = GetRun { vo: vo(), run: RunNumber(98), unit: None };
        let shown = catalogue.call(get).await.unwrap();
        assert_eq!(serde_json::to_value(&shown.run).unwrap(), other);
        assert_eq!((shown.recorded, shown.quality), (None, Quality::Unchecked));
        let missing = GetRun { vo: vo(), run: RunNumber(100), unit: None };
        assert!(matches!(catalogue.call(missing).await, Err(Error::NotFound(_))));
    }

    async fn runs_are_listed_by_fill_time_conditions_and_quality(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let run = |number: u32| {
            let started = format!("2026-01-0{number}T00:00:00Z");
            json!({ "run": number, "fill": number / 2, "started": started,
                    "conditions": if number > 3 { "Y4S" } else { "off" } })
        };
        declare(&catalogue, json!((1..=5).map(run).collect::<Vec<_>>())).await;
        set_quality(&catalogue, json!({ "runs": [2, 4], "quality": "bad" })).await;
        set_quality(&catalogue, json!({ "runs": [4], "processing_pass": "Reco2", "quality": "ok" })).await;

        assert_eq!(runs(&catalogue, json!({})).await, [1, 2, 3, 4, 5]);
        assert_eq!(runs(&catalogue, json!({ "fill": 1 })).await, [2, 3]);
        assert_eq!(runs(&catalogue, json!({ "conditions": "Y4S" })).await, [4, 5]);
        assert_eq!(runs(&catalogue, json!({ "first": "2", "last": 3 })).await, [2, 3]);
        let time = json!({ "since": "2026-01-02T00:00:00Z", "until": "2026-01-04T00:00:00Z" });
        assert_eq!(runs(&catalogue, time).await, [2, 3]);
        assert_eq!(runs(&catalogue, json!({ "quality": "bad" })).await, [2, 4]);
        assert_eq!(runs(&catalogue, json!({ "quality": "unchecked" })).await, [1, 3, 5]);
        let pass = json!({ "quality": "bad", "processing_pass": "Reco2" });
        assert_eq!(runs(&catalogue, pass).await, [2]);
    }

    async fn fills_are_declared_and_listed(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let fills = json!({ "vo": "superb", "fills": [
            { "fill": 8 }, { "fill": 7, "started": "2026-01-31T10:00:00Z" },
        ]});

        let declared = catalogue.call::<DeclareFills>(read(fills.clone())).await.unwrap();
        let again = catalogue.call::<DeclareFills>(read(fills)).await.unwrap();

        assert_eq!((declared.added, again.unchanged), (2, 2));
        let listed = catalogue.call(ListFills::default()).await.unwrap();
        let numbers: Vec<u32> = listed.items.iter().map(|fill| fill.fill.fill).collect();
        assert_eq!(numbers, [7, 8]);
    }

    async fn wrong_runs_are_refused_with_the_field(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let field = |error: Error| Problem::from(error).field.unwrap_or_default();

        let backwards = json!({ "vo": "superb", "runs": [
            { "run": 1, "started": "2026-01-02T00:00:00Z", "ended": "2026-01-01T00:00:00Z" },
        ]});
        let error = catalogue.call::<DeclareRuns>(read(backwards)).await.unwrap_err();
        assert_eq!(field(error), "runs.0.ended");
        declare(&catalogue, json!([{ "run": 1 }])).await;
        for (unit, said, wanted) in [
            ("pb", json!({ "run": 1 }), "unit"),
            ("/pb", json!({ "run": 1, "recorded": [1.0, -1.0] }), "runs.0.recorded"),
            ("/pb", json!({ "run": 1, "recorded": [1.0], "delivered": [1.0, 1.0] }), "runs.0.delivered"),
            ("/pb", json!({ "run": 1, "recorded": [1.0], "recorded_total": 1.0 }), "runs.0.recorded_total"),
        ] {
            let call = json!({ "vo": "superb", "unit": unit, "runs": [said] });
            let error = catalogue.call::<SetLuminosity>(read(call)).await.unwrap_err();
            assert_eq!(field(error), wanted);
        }
        let call = json!({ "vo": "superb", "unit": "/pb", "runs": [{ "run": 2 }] });
        let error = catalogue.call::<SetLuminosity>(read(call)).await.unwrap_err();
        assert!(matches!(error, Error::NotFound(_)), "{error}");
        assert!(serde_json::from_value::<RunSections>(json!({ "1": [[2, 1]] })).is_err());
    }

    async fn the_luminosity_of_files_counts_each_section_once(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_luminosity(&catalogue).await;
        catalogue.add_dataset("data").await;
        let names = ["/superb/a", "/superb/b", "/superb/c", "/superb/none"];
        catalogue.add_to(Some("data"), files(&names)).await;
        let sections = json!({
            "/superb/a": { "98": [[1, 100]] },
            "/superb/b": { "98": [[51, 150], [200, 200]] },
            "/superb/c": { "98": [[290, 310]], "99": [[1, 300]] },
        });

        let set = set_sections(&catalogue, sections.clone()).await;
        let again = set_sections(&catalogue, sections).await;
        let found = luminosity(&catalogue, json!({ "dataset": "data" })).await;

        assert_eq!((bulk(&set), bulk(&again)), ((3, 0, 0, 0), (0, 0, 3, 0)));
        assert_eq!((found.files, found.files_without_sections, found.overlap), (4, 1, 50));
        assert_eq!((found.runs, found.sections), (2, 150 + 1 + 21 + 300));
        assert_eq!(found.recorded, f64::from(150 + 1 + 11 + 300));
        assert_eq!(found.delivered, Some(2.0 * found.recorded));
        assert_eq!(found.sections_without_luminosity, 10);
        assert_eq!((found.complete, found.incomplete_runs), (false, vec![RunNumber(98)]));
    }

    async fn a_selection_can_be_cut_by_query_mask_runs_and_quality(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_luminosity(&catalogue).await;
        catalogue.add(files(&["/superb/x/a", "/superb/y/b"])).await;
        let sections = json!({
            "/superb/x/a": { "98": [[1, 100]], "99": [[1, 10]] }, "/superb/y/b": { "99": [[1, 5]] },
        });
        set_sections(&catalogue, sections).await;
        set_quality(&catalogue, json!({ "runs": [99], "quality": "ok" })).await;
        let recorded = async |of| luminosity(&catalogue, of).await.recorded;

        let query = json!({ "expr": "directory = \"/superb/x\"" });
        assert_eq!(recorded(query).await, 110.0);
        assert_eq!(recorded(json!({ "where": { "directory": "/superb/y" } })).await, 5.0);
        assert_eq!(recorded(json!({ "lfns": ["/superb/y/b"] })).await, 5.0);
        let cut = json!({ "lfns": ["/superb/x/a"], "mask": { "98": [[91, 200]] } });
        assert_eq!(recorded(cut).await, 10.0);
        let good = json!({ "lfns": ["/superb/x/a"], "quality": ["ok"] });
        assert_eq!(recorded(good).await, 10.0);
        assert_eq!(recorded(json!({ "runs": [98, 99] })).await, 600.0);
        assert_eq!(recorded(json!({ "quality": ["ok", "maybe"] })).await, 300.0);
        assert_eq!(recorded(json!({ "mask": { "98": [[128, 128]], "7": [[1, 1]] } })).await, 1.0);
        let all = json!({ "vo": "superb", "of": {} });
        assert!(catalogue.call::<GetLuminosity>(read(all)).await.is_err());
    }

    async fn of_a_run_with_only_a_total_a_part_is_unknown(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        declare(&catalogue, json!([{ "run": 5, "sections": [[1, 100]] }, { "run": 6 }])).await;
        let total = json!([{ "run": 5, "recorded_total": 0.25 }, { "run": 6, "recorded_total": 1 }]);
        set_luminosity(&catalogue, "/ub", total).await;

        let whole = luminosity(&catalogue, json!({ "runs": [5, 6] })).await;
        let part = luminosity(&catalogue, json!({ "mask": { "5": [[1, 99]], "6": [[1, 1]] } })).await;

        assert!((whole.recorded - 0.00125).abs() < 1e-15, "{whole:?}");
        assert_eq!((whole.complete, whole.delivered), (true, None));
        assert!((part.recorded - 0.001).abs() < 1e-15);
        assert_eq!(part.sections_without_luminosity, 99);
        assert_eq!((part.complete, part.incomplete_runs), (false, vec![RunNumber(5)]));
    }

    async fn luminosity_by_section_is_kept_exactly_and_shown_again(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        declare(&catalogue, json!([{ "run": 1, "sections": [[1, 400]] }])).await;
        let recorded: Vec<Option<f64>> =
            (0..400).map(|at| (at % 7 != 3).then(|| f64::from(at) + 0.125)).collect();
        let said = json!([{ "run": 1, "first": 100, "recorded": recorded }]);

        let first = set_luminosity(&catalogue, "ub-1", said.clone()).await;
        let again = set_luminosity(&catalogue, "ub-1", said).await;

        assert_eq!((bulk(&first), bulk(&again)), ((1, 0, 0, 0), (0, 0, 1, 0)));
        let get = GetRunLuminosity {
            vo: vo(), run: RunNumber(1), unit: Some("/ub".into()), totals: false,
        };
        let shown = catalogue.call(get).await.unwrap();
        assert_eq!((shown.first, &shown.recorded), (Some(100), &recorded));
        assert!(shown.delivered.is_empty());
        for (first, last) in [(1, 99), (100, 100), (103, 103), (120, 260), (127, 128), (499, 600)] {
            let found = luminosity(&catalogue, json!({ "mask": { "1": [[first, last]] } })).await;
            let values = (first..=last)
                .filter_map(|section: usize| recorded.get(section.checked_sub(100)?).copied()?);
            let wanted: f64 = values.clone().sum::<f64>() / 1000.0;
            assert!((found.recorded - wanted).abs() < 1e-9, "{first} {last} {found:?}");
            let unknown = (last - first + 1 - values.count()) as u64;
            assert_eq!(found.sections_without_luminosity, unknown, "{first} {last}");
        }
        let less = set_luminosity(&catalogue, "/ub", json!([{ "run": 1, "recorded_total": 3 }])).await;
        assert_eq!(less.changed, 1);
        assert_eq!(luminosity(&catalogue, json!({ "mask": { "1": [[100, 100]] } })).await.recorded, 0.0);
    }

    async fn sections_follow_their_files(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/superb/old/a", "/superb/old/b"])).await;
        let sections = json!({
            "/superb/old/a": { "98": [[1, 10]], "99": [[1, 5]] }, "/superb/old/b": { "99": [[6, 6]] },
        });
        set_sections(&catalogue, sections).await;
        set_quality(&catalogue, json!({ "lfns": ["/superb/old/a"], "quality": "maybe" })).await;
        let from = json!({ "from": "/superb/old", "to": "/superb/new" });

        catalogue.call::<MoveDirectory>(read(from)).await.unwrap();

        let get = GetSections { lfns: lfns(&["/superb/new/a", "/superb/old/a"]) };
        let found = catalogue.call(get).await.unwrap();
        let wanted = mask(json!({ "98": [[1, 10]], "99": [[1, 5]] }));
        assert!(found.files.into_values().eq([wanted.clone()]));
        assert_eq!(found.missing, lfns(&["/superb/old/a"]));
        let moved = json!({ "lfns": ["/superb/new/a"] });
        assert_eq!(quality(&catalogue, moved.clone()).await, [(Quality::Maybe, QualityOrigin::Own)]);
        let bad = json!({ "runs": [99], "quality": "bad", "descendants": true, "preview": true });
        assert_eq!(set_quality(&catalogue, bad.clone()).await.passed_on, 2);
        let lfn = "/superb/new/a".parse().unwrap();
        assert_eq!(catalogue.call(GetFile { lfn }).await.unwrap().sections, wanted);

        let retire = json!({ "lfns": ["/superb/new/a"], "reason": "wrong", "grace_seconds": 0 });
        catalogue.call::<RetireFiles>(read(retire)).await.unwrap();
        assert_eq!(set_quality(&catalogue, bad).await.passed_on, 1);
        catalogue.wait(10);
        catalogue.call(PurgeFiles { limit: None }).await.unwrap();
        catalogue.add(vec![file("/superb/new/a")]).await;
        assert_eq!(quality(&catalogue, moved).await, [(Quality::Unchecked, QualityOrigin::Nothing)]);
    }

    async fn other_sections_of_a_file_are_refused_unless_replaced(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(files(&["/superb/a", "/superb/b"])).await;
        set_sections(&catalogue, json!({ "/superb/a": { "1": [[1, 2]], "2": [[1, 1]] } })).await;
        let other = json!({ "/superb/a": { "3": [[1, 2]] }, "/superb/b": { "1": [[1, 1]] } });

        let refused = set_sections(&catalogue, other.clone()).await;
        let call = json!({ "files": other, "replace": true });
        let replaced = catalogue.call::<SetSections>(read(call)).await.unwrap();

        assert_eq!((refused.refused, refused.skipped), (1, 1));
        assert_eq!(bulk(&replaced), (1, 1, 0, 0));
        let bad = json!({ "runs": [2], "quality": "bad", "descendants": true, "preview": true });
        assert_eq!(set_quality(&catalogue, bad).await.passed_on, 0);
        let unknown = set_sections(&catalogue, json!({ "/superb/x": { "1": [[1, 1]] } })).await;
        assert_eq!(unknown.refused, 1);
    }

    async fn a_job_report_brings_the_sections_of_its_outputs(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_luminosity(&catalogue).await;
        let output = |lfn: &str, sections: Value| json!({
            "lfn": lfn, "size": 1, "checksums": { "adler32": "1a2b" }, "sections": sections,
        });
        let report = json!({ "vo": "superb", "reports": [{ "name": "j1", "outputs": [
            output("/superb/j/1", json!({ "98": [[1, 60]] })),
            output("/superb/j/2", json!({ "98": [[51, 70]], "99": [[3, 3]] })),
            output("/superb/j/3", json!({})),
        ]}]});

        let first = catalogue.call::<ReportJob>(read(report.clone())).await.unwrap();
        let again = catalogue.call::<ReportJob>(read(report)).await.unwrap();

        assert_eq!((first.recorded, again.repeated), (1, 1), "{first:?} {again:?}");
        let found = luminosity(&catalogue, json!({ "expr": "directory = \"/superb/j\"" })).await;
        assert_eq!((found.recorded, found.overlap, found.files), (71.0, 10, 3));
        let get = GetJob { name: "j1".parse().unwrap(), vo: Some(vo()) };
        let job = catalogue.call(get).await.unwrap();
        assert_eq!(job.report.outputs[1].sections, mask(json!({ "98": [[51, 70]], "99": [[3, 3]] })));
    }

    async fn masks_are_taken_given_and_combined(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_luminosity(&catalogue).await;
        set_quality(&catalogue, json!({ "runs": [98], "quality": "ok" })).await;
        catalogue.add_dataset("data").await;
        catalogue.add_to(Some("data"), files(&["/superb/a"])).await;
        set_sections(&catalogue, json!({ "/superb/a": { "98": [[1, 50]] } })).await;
        let combine = async |rule: &str, of: Value| {
            let call = json!({ "vo": "superb", "rule": rule, "of": of });
            catalogue.call::<CombineMasks>(read(call)).await.unwrap()
        };

        let of = json!({ "vo": "superb", "of": { "quality": ["ok"] } });
        let good = catalogue.call::<ExportMask>(read(of)).await.unwrap();
        assert_eq!(good.mask, mask(json!({ "98": [[1, 300]] })));
        assert_eq!((good.runs, good.sections), (1, 300));
        let left = combine("sub", json!([{ "quality": ["ok"] }, { "dataset": "data" }])).await;
        assert_eq!(left.mask, mask(json!({ "98": [[51, 300]] })));
        let two = json!([{ "mask": { "1": [[1, 5]] } }, { "mask": { "1": [[4, 9]], "2": [[1, 1]] } }]);
        assert_eq!(combine("or", two.clone()).await.mask, mask(json!({ "1": [[1, 9]], "2": [[1, 1]] })));
        assert_eq!(combine("and", two.clone()).await.mask, mask(json!({ "1": [[4, 5]] })));
        let odd = mask(json!({ "1": [[1, 3], [6, 9]], "2": [[1, 1]] }));
        assert_eq!(combine("xor", two).await.mask, odd);
    }

    async fn quality_is_that_of_the_file_else_of_its_pass_else_of_its_runs(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_generations(&catalogue).await;
        let both = json!({ "lfns": ["/superb/raw", "/superb/other"] });

        set_quality(&catalogue, json!({ "runs": [98], "quality": "ok" })).await;
        let (ok, bad) = ((Quality::Ok, QualityOrigin::Run), (Quality::Bad, QualityOrigin::Run));
        let unknown = (Quality::Unchecked, QualityOrigin::Nothing);
        assert_eq!(quality(&catalogue, both.clone()).await, [ok, unknown]);

        set_quality(&catalogue, json!({ "runs": [99], "quality": "bad" })).await;
        set_quality(&catalogue, json!({ "runs": [98], "processing_pass": "P", "quality": "maybe" })).await;
        assert_eq!(quality(&catalogue, both.clone()).await, [ok, bad]);
        let pass = json!({ "lfns": ["/superb/raw"], "runs": [98], "processing_pass": "P" });
        let maybe = (Quality::Maybe, QualityOrigin::Pass);
        assert_eq!(quality(&catalogue, pass).await, [maybe, maybe]);

        set_quality(&catalogue, json!({ "lfns": ["/superb/other"], "quality": "ok" })).await;
        assert_eq!(quality(&catalogue, both.clone()).await, [ok, (Quality::Ok, QualityOrigin::Own)]);
        set_quality(&catalogue, json!({ "lfns": ["/superb/other"], "quality": "unchecked" })).await;
        assert_eq!(quality(&catalogue, both).await, [ok, bad]);
    }

    async fn every_flag_stays_in_the_history(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        for flag in ["ok", "ok", "bad"] {
            set_quality(&catalogue, json!({ "runs": [98], "quality": flag })).await;
        }
        set_quality(&catalogue, json!({ "runs": [98], "processing_pass": "P", "quality": "maybe" })).await;

        let mut list: ListQualityHistory = read(json!({ "vo": "superb", "run": "98", "limit": 2 }));
        let first = catalogue.call(list.clone()).await.unwrap();
        list.page.after = first.next;
        let rest = catalogue.call(list).await.unwrap();

        let flags: Vec<_> = first.items.iter().chain(&rest.items).map(|e| e.quality).collect();
        assert_eq!(flags, [Quality::Ok, Quality::Bad, Quality::Maybe]);
        assert_eq!(rest.items[0].processing_pass.as_ref().unwrap().as_str(), "P");
        assert_eq!(first.items[0].actor, "tester");
        assert_eq!(first.items[0].reason.as_deref(), Some("the trackers were off"));
    }

    async fn a_flag_is_passed_on_to_descendants_after_a_preview(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_generations(&catalogue).await;
        let all = json!({ "lfns": ["/superb/raw", "/superb/dst", "/superb/ntuple", "/superb/other"] });
        let bad = json!({ "runs": [98], "quality": "bad", "descendants": true });
        let mut preview = bad.clone();
        preview["preview"] = json!(true);

        let would = set_quality(&catalogue, preview).await;
        let before = quality(&catalogue, all.clone()).await;
        let did = set_quality(&catalogue, bad.clone()).await;
        let again = set_quality(&catalogue, bad).await;

        assert!(before.iter().all(|found| found.0 == Quality::Unchecked));
        assert_eq!((would.passed_on, would.preview, did.preview), (4, true, false));
        assert_eq!(would.descendants, did.descendants);
        assert_eq!((again.passed_on, again.bulk.unchanged), (0, 1));
        assert_eq!(quality(&catalogue, all).await, [(Quality::Bad, QualityOrigin::Passed); 4]);
        let list = json!({ "vo": "superb", "lfn": "/superb/ntuple" });
        let history = catalogue.call::<ListQualityHistory>(read(list)).await.unwrap();
        assert_eq!(history.items[0].origin.as_deref(), Some("run 98"));
    }

    async fn what_was_said_of_a_descendant_itself_is_only_made_worse(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_generations(&catalogue).await;
        set_quality(&catalogue, json!({ "lfns": ["/superb/dst"], "quality": "maybe" })).await;
        let raw = |flag: &str| json!({ "lfns": ["/superb/raw"], "quality": flag, "descendants": true });
        let two = json!({ "lfns": ["/superb/dst", "/superb/ntuple"] });
        let (own, passed) = (QualityOrigin::Own, QualityOrigin::Passed);

        let good = set_quality(&catalogue, raw("ok")).await;
        assert_eq!((good.passed_on, good.kept), (1, 1));
        assert_eq!(
            quality(&catalogue, two.clone()).await,
            [(Quality::Maybe, own), (Quality::Ok, passed)]
        );
        set_quality(&catalogue, raw("bad")).await;
        assert_eq!(quality(&catalogue, two).await, [(Quality::Bad, passed); 2]);
    }

    async fn event_types_and_conditions_are_declared_once(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let types = |text: &str| json!({ "vo": "superb", "event_types": [
            { "name": "90000000", "description": text }, { "name": "B0B0bar_generic" },
        ]});
        let conditions = json!({ "vo": "superb", "conditions": [{
            "name": "Sim10-MagUp", "kind": "simulation", "parameters": { "energy": 6.5, "geometry": "DG_4" },
        }]});

        let first = catalogue.call::<DeclareEventTypes>(read(types("no bias"))).await.unwrap();
        let again = catalogue.call::<DeclareEventTypes>(read(types("no bias"))).await.unwrap();
        let other = catalogue.call::<DeclareEventTypes>(read(types("else"))).await.unwrap();
        let declared = catalogue.call::<DeclareConditions>(read(conditions)).await.unwrap();

        assert_eq!((first.added, again.unchanged, other.refused), (2, 2, 1));
        assert_eq!(declared.added, 1);
        let list = ListEventTypes { prefix: Some("9".into()), ..ListEventTypes::default() };
        let listed = catalogue.call(list).await.unwrap();
        assert_eq!(listed.items.len(), 1);
        assert_eq!(listed.items[0].defined.description.as_deref(), Some("no bias"));
        let listed = catalogue.call(ListConditions::default()).await.unwrap();
        assert_eq!(listed.items[0].defined.parameters["geometry"], "DG_4");
    }

    async fn software_and_frames_are_found_by_site(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let release = |version: &str| json!({ "application": "FastSim", "version": version });
        let software = json!({ "vo": "superb", "software": [release("V0.3.1"), release("V0.3.2")] });
        catalogue.call::<DeclareSoftware>(read(software)).await.unwrap();
        let installed = |removed: bool| json!({
            "vo": "superb", "releases": [release("V0.3.1")], "removed": removed,
            "places": [{ "site": "CNAF", "activity": "fastsim" }, { "site": "RAL" }],
        });
        let frames = json!({ "vo": "superb", "frames": [{
            "series": "2010_July", "directory": "/superb/bkg/2010", "valid": true,
            "validated": "2010-07-01T00:00:00Z",
        }]});
        catalogue.call::<DeclareBackgroundFrames>(read(frames)).await.unwrap();
        let at = json!({ "vo": "superb", "sites": ["CNAF"], "frames": [
            { "series": "2010_July", "directory": "/superb/bkg/2010" },
        ]});
        let at_cnaf = || ListSoftware { site: Some("CNAF".parse().unwrap()), ..ListSoftware::default() };

        let first = catalogue.call::<SetInstalled>(read(installed(false))).await.unwrap();
        let again = catalogue.call::<SetInstalled>(read(installed(false))).await.unwrap();
        let held = catalogue.call::<SetFrameSites>(read(at)).await.unwrap();

        assert_eq!((first.added, again.unchanged, held.added), (1, 1, 1));
        let listed = catalogue.call(at_cnaf()).await.unwrap();
        assert_eq!(listed.items.len(), 1);
        assert_eq!(listed.items[0].defined.version.as_str(), "V0.3.1");
        assert_eq!(listed.items[0].places.len(), 2);
        assert_eq!(listed.items[0].places[0].activity.as_ref().unwrap().as_str(), "fastsim");
        let listed = catalogue.call(ListBackgroundFrames::default()).await.unwrap();
        assert_eq!(listed.items[0].places[0].site.as_str(), "CNAF");
        catalogue.call::<SetInstalled>(read(installed(true))).await.unwrap();
        assert!(catalogue.call(at_cnaf()).await.unwrap().items.is_empty());
        let unknown = json!({ "vo": "superb", "releases": [release("V9")], "places": [{ "site": "RAL" }] });
        assert!(catalogue.call::<SetInstalled>(read(unknown)).await.is_err());
    }

    async fn runs_of_another_community_are_not_seen(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_luminosity(&catalogue).await;
        set_quality(&catalogue, json!({ "runs": [98], "quality": "ok" })).await;
        catalogue.call(DeclareCommunity { vo: "other".parse().unwrap() }).await.unwrap();
        let mut stranger = catalogue.clone();
        stranger.caller.vo = Some("other".parse().unwrap());
        stranger.caller.local = false;
        stranger.caller.permissions = [sbk_model::Permission::Read].into();

        let get = GetRun { vo: vo(), run: RunNumber(98), unit: None };
        assert!(matches!(stranger.call(get).await, Err(Error::Forbidden(..))));
        assert!(stranger.call(ListRuns::default()).await.unwrap().items.is_empty());
        let of = json!({ "vo": "superb", "of": { "runs": [98, 99] } });
        assert!(stranger.call::<GetLuminosity>(read(of)).await.is_err());
        let history = json!({ "vo": "superb", "run": 98 });
        assert!(stranger.call::<ListQualityHistory>(read(history)).await.is_err());
    }

    async fn all_of_it_survives_export_and_import(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        with_luminosity(&catalogue).await;
        let more = json!([{ "run": 100, "fill": 7, "conditions": "Y4S", "details": { "a": "b" } }]);
        declare(&catalogue, more).await;
        set_luminosity(&catalogue, "/ub", json!([{ "run": 100, "recorded_total": 1.5 }])).await;
        let fills = json!({ "vo": "superb", "fills": [{ "fill": 7 }] });
        catalogue.call::<DeclareFills>(read(fills)).await.unwrap();
        catalogue.add(files(&["/superb/a"])).await;
        set_sections(&catalogue, json!({ "/superb/a": { "98": [[1, 60]], "99": [[2, 2]] } })).await;
        set_quality(&catalogue, json!({ "runs": [98], "processing_pass": "P", "quality": "ok" })).await;
        set_quality(&catalogue, json!({ "runs": [99], "quality": "maybe" })).await;
        set_quality(&catalogue, json!({ "lfns": ["/superb/a"], "quality": "bad" })).await;
        let release = json!({ "application": "FastSim", "version": "V1" });
        let software = json!({ "vo": "superb", "software": [release] });
        catalogue.call::<DeclareSoftware>(read(software)).await.unwrap();
        let installed = json!({
            "vo": "superb", "releases": [release],
            "places": [{ "site": "CNAF", "activity": "fastsim" }],
        });
        catalogue.call::<SetInstalled>(read(installed)).await.unwrap();
        let other = TestDatabase::create(database.backend());
        let copy = Catalogue::empty(&other).await;

        let records = exported(&catalogue).await;
        let first = copy.call(ImportRecords { records: records.clone() }).await.unwrap();
        let again = copy.call(ImportRecords { records: records.clone() }).await.unwrap();

        assert_eq!((first.refused, first.unchanged), (0, 0), "{first:?}");
        assert_eq!((again.refused, again.added, again.changed), (0, 0, 0), "{again:?}");
        let text = |records: &[Record]| {
            let mut lines = Vec::new();
            for record in records {
                let mut value = serde_json::to_value(record).unwrap();
                value.as_object_mut().unwrap().remove("audit");
                lines.push(value.to_string());
            }
            lines
        };
        assert_eq!(text(&exported(&copy).await), text(&records));
        let of = json!({ "lfns": ["/superb/a"] });
        assert_eq!(luminosity(&copy, of.clone()).await, luminosity(&catalogue, of).await);
    }
}

async fn exported(catalogue: &Catalogue) -> Vec<Record> {
    let page = PageArgs { after: None, limit: Some(3) };
    let mut call = ExportRecords { vo: None, page };
    let mut records = Vec::new();
    loop {
        let page = catalogue.call(call.clone()).await.unwrap();
        records.extend(page.items);
        match page.next {
            Some(next) => call.page.after = Some(next),
            None => return records,
        }
    }
}
