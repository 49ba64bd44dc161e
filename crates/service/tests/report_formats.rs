//! Reports in the formats of their producers, on every backend.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{Catalogue, file, file_with, vo};
use sbk_api::*;
use sbk_model::{JobState, Totals};
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::{Value, json};

const STEP1: &str = include_str!("../../formats/tests/data/lhcb-step1.xml");
const STEP2: &str = include_str!("../../formats/tests/data/lhcb-step2.xml");
const STEP3: &str = include_str!("../../formats/tests/data/lhcb-step3.xml");
const BLOCK: &str = include_str!("../../formats/tests/data/bulk-block.json");

/// The fields of files that are derived along a chain.
const FIELDS: &str = r#"
version = 2
[[field]]
name = "event_type"
entity = "file"
kind = "int"
[[field]]
name = "run"
entity = "file"
kind = "int"
searchable = true
[[field]]
name = "luminosity"
entity = "file"
kind = "float"
[[field]]
name = "data_tier_name"
entity = "dataset"
kind = "string"
[[field]]
name = "global_tag"
entity = "file"
kind = "string"
"#;

async fn send(catalogue: &Catalogue, format: ReportFormat, reports: Vec<Value>) -> ReportResult {
    catalogue
        .call(ReportJob { vo: vo(), reports, format, name: None, refuse: false })
        .await
        .unwrap()
}

async fn auto(catalogue: &Catalogue, text: &str) -> ReportResult {
    send(catalogue, ReportFormat::Auto, vec![text.into()]).await
}

async fn job(catalogue: &Catalogue, name: &str) -> Job {
    catalogue.call(GetJob { name: name.parse().unwrap(), vo: Some(vo()) }).await.unwrap()
}

async fn show(catalogue: &Catalogue, lfn: &str) -> File {
    catalogue.call(GetFile { lfn: lfn.parse().unwrap() }).await.unwrap()
}

async fn ancestors(catalogue: &Catalogue, lfn: &str) -> Vec<String> {
    let call = json!({ "lfns": [lfn], "depth": 100 });
    let call: GetAncestors = serde_json::from_value(call).unwrap();
    let found = serde_json::to_value(catalogue.call(call).await.unwrap()).unwrap();
    let items = found["items"].as_array().unwrap();
    items.iter().map(|item| item["lfn"].as_str().unwrap().to_owned()).collect()
}

async fn waiting(catalogue: &Catalogue) -> Vec<Quarantined> {
    let list = ListQuarantine { vo: Some(vo()), ..ListQuarantine::default() };
    catalogue.call(list).await.unwrap().items
}

fn sim(step: u8) -> String {
    let ending = ["sim", "digi", "dst"][usize::from(step) - 1];
    format!("/superb/sim/00099001_00000007_{step}.{ending}")
}

/// A step of LHCb's that read and made what is given.
fn step(name: &str, more: &str, inputs: &[&str], output: &str) -> String {
    let inputs: String = inputs.iter().map(|i| format!("<InputFile Name='{i}'/>")).collect();
    format!(
        "<Job ConfigName='c' ConfigVersion='1' Date='2026-01-31' Time='12:00'>\
         <TypedParameter Name='Name' Value='{name}'/>{more}{inputs}\
         <OutputFile Name='{output}' TypeName='DST' TypeVersion='1'>\
         <Parameter Name='FileSize' Value='10'/><Parameter Name='EventStat' Value='5'/>\
         </OutputFile></Job>"
    )
}

/// A file of the shared data; nothing where they are not there.
fn shared(place: &str) -> Option<PathBuf> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(place);
    if place.exists() {
        return Some(place);
    }
    eprintln!("SKIPPED: {} is not there", place.display());
    None
}

/// The summaries of a folder, each with the name of its job.
fn summaries(folder: &Path) -> Vec<Value> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let named = files.into_iter().map(|file| {
        let name = sbk_formats::of_file(file.to_str().unwrap()).unwrap();
        let text = std::fs::read(&file).unwrap();
        json!({ "name": name, "document": sbk_formats::decode(&text) })
    });
    named.collect()
}

each_backend! {
    async fn the_steps_of_a_workflow_hang_together_and_count_once(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.apply(FIELDS).await.unwrap();

        let mut taken = Vec::new();
        for text in [STEP1, STEP2, STEP3] {
            taken.push(auto(&catalogue, text).await);
        }

        for result in &taken {
            assert_eq!((result.recorded, result.quarantined), (1, 0), "{result:?}");
            assert_eq!(result.results[0].standing, Some(Standing::Counts));
        }
        assert_eq!(ancestors(&catalogue, &sim(3)).await, [sim(2), sim(1)]);
        assert_eq!(show(&catalogue, &sim(3)).await.metadata.map()["event_type"], 11_104_127);
        let last = job(&catalogue, "00099001_00000007_3").await;
        assert_eq!((last.report.task, last.report.part), (Some(7), Some(3)));
        assert_eq!(last.attempts.len(), 2, "the other parts of the task");
        assert_eq!(last.report.events_read.unwrap().get(), 200);
        let again = send(&catalogue, ReportFormat::Lhcb, vec![STEP3.into(), STEP1.into()]).await;
        assert_eq!((again.recorded, again.repeated), (0, 2), "{again:?}");
        let first = ReportAnswer { repeated: true, ..taken[2].results[0].clone() };
        assert_eq!(again.results[0], first);
        let counts = catalogue.call(SummarizeJobs::default()).await.unwrap();
        assert_eq!(counts.groups.iter().map(|group| group.jobs).sum::<i64>(), 3);
        let root = catalogue.show_directory("/").await;
        assert_eq!(root.totals, Totals { files: 3, bytes: 6000, events: 550 });
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_chain_may_come_in_one_call_and_without_declared_fields(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let texts = [STEP1, STEP2, STEP3].map(Value::from).to_vec();

        let result = send(&catalogue, ReportFormat::Lhcb, texts).await;

        assert_eq!(result.recorded, 3, "{result:?}");
        assert_eq!(ancestors(&catalogue, &sim(3)).await.len(), 2);
        let first = job(&catalogue, "00099001_00000007_1").await.report;
        assert_eq!(first.environment[&format!("{}:EventTypeId", sim(1))], "11104127");
        assert_eq!(first.environment["SomethingNew"], "kept");
        let second = job(&catalogue, "00099001_00000007_2").await.report;
        assert_eq!(second.events_read.unwrap().get(), 200, "as the step before wrote them");
    }

    async fn run_luminosity_and_events_are_derived_from_all_inputs(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.apply(FIELDS).await.unwrap();
        let made = |lfn: &str, run: i64| {
            file_with(lfn, json!({ "run": run, "luminosity": 1.5, "event_type": 90 }))
        };
        catalogue.add(vec![made("/superb/r/1", 98), made("/superb/r/2", 98)]).await;
        catalogue.add(vec![made("/superb/r/3", 99), file("/superb/r/4")]).await;

        let same = step("j1", "", &["/superb/r/1", "/superb/r/2"], "/superb/d/1");
        let two = step("j2", "", &["/superb/r/1", "/superb/r/3"], "/superb/d/2");
        let open = step("j3", "", &["/superb/r/1", "/superb/not/there"], "/superb/d/3");
        let texts = vec![same.clone().into(), two.into(), open.into()];
        let result = send(&catalogue, ReportFormat::Lhcb, texts).await;

        assert_eq!(result.recorded, 3, "{result:?}");
        let of = async |n: u8| show(&catalogue, &format!("/superb/d/{n}")).await.metadata.map().into_owned();
        let (first, second, third) = (of(1).await, of(2).await, of(3).await);
        assert_eq!((&first["run"], &first["luminosity"]), (&json!(98), &json!(3.0)));
        assert_eq!((second.get("run"), &second["luminosity"]), (None, &json!(3.0)));
        assert_eq!((third.get("run"), third.get("luminosity")), (None, None));
        assert_eq!(third["event_type"], 90, "the first input is there");
        let job = job(&catalogue, "j1").await.report;
        assert_eq!((job.run.unwrap().0, job.events_read.unwrap().get()), (98, 20));
        // The derived facts may change; the document is a repeat all the same.
        let call = json!({ "files": { "/superb/r/1": { "luminosity": 9.5 } } });
        let call: SetMetadata = serde_json::from_value(call).unwrap();
        catalogue.call(call).await.unwrap();
        assert_eq!(auto(&catalogue, &same).await.repeated, 1);
    }

    async fn what_cannot_be_read_is_kept_corrected_and_replayed(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        let cut = &STEP1[..STEP1.len() / 2];

        let result = auto(&catalogue, cut).await;
        let empty = auto(&catalogue, "").await;

        assert_eq!((result.quarantined, empty.quarantined), (1, 1));
        let entry = result.results[0].entry.clone().unwrap();
        let waiting = waiting(&catalogue).await;
        assert_eq!(waiting.len(), 2);
        assert!(waiting[0].problem.detail.contains("line "), "{:?}", waiting[0].problem);
        assert!(waiting[1].problem.detail.contains("empty"));
        let kept = catalogue.call(GetQuarantined { entry: entry.clone() }).await.unwrap();
        assert_eq!((kept.body.as_deref(), kept.format), (Some(cut), ReportFormat::Lhcb));
        let replay = |report: Option<Value>| ReplayQuarantined {
            entry: entry.clone(), report, name: None, reason: None,
        };
        assert_eq!(catalogue.call(replay(None)).await.unwrap().quarantined, 1);
        let taken = catalogue.call(replay(Some(STEP1.into()))).await.unwrap();
        assert_eq!(taken.recorded, 1, "{taken:?}");
        assert_eq!(show(&catalogue, &sim(1)).await.events.unwrap().get(), 200);
        assert_eq!(self::waiting(&catalogue).await.len(), 1);
    }

    async fn replicas_change_all_or_none(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.add(vec![file("/superb/a"), file("/superb/b")]).await;
        let text = "<Replicas>\
            <Replica File='/superb/a' Name='root://t/a' SE='CNAF-tape' Action='Add'/>\
            <Replica File='LFN:/superb/b' Name='' Location='CNAF-disk' Action='Delete'/></Replicas>";

        let result = auto(&catalogue, text).await;
        let again = auto(&catalogue, text).await;
        let wrong = auto(&catalogue, &text.replace("CNAF-disk", "CNAF-tape").replace("'/superb/a'", "'/superb/none'")).await;

        let changed = result.results[0].replicas.clone().unwrap();
        assert_eq!((result.recorded, changed.added, changed.removed), (1, 1, 1), "{result:?}");
        assert_eq!((again.recorded, again.repeated), (0, 1), "{again:?}");
        assert_eq!(again.results[0].replicas.as_ref().unwrap().unchanged, 2);
        assert_eq!(wrong.quarantined, 1, "{wrong:?}");
        assert!(wrong.results[0].problem.as_ref().unwrap().detail.contains("/superb/none"));
        assert_eq!(show(&catalogue, "/superb/a").await.replicas.len(), 2);
        assert!(show(&catalogue, "/superb/b").await.replicas.is_empty());
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_bulk_block_comes_with_dataset_sections_and_parents(database: TestDatabase) {
        let catalogue = Catalogue::new(&database).await;
        catalogue.apply(FIELDS).await.unwrap();
        let elsewhere = BLOCK.replace("CNAF-disk", "T2_Unknown");

        let result = auto(&catalogue, BLOCK).await;
        let object: Value = serde_json::from_str(BLOCK).unwrap();
        let again = send(&catalogue, ReportFormat::Auto, vec![object]).await;
        let unknown = auto(&catalogue, &elsewhere.replace("#1", "#2").replace("reco", "other")).await;

        assert_eq!((result.recorded, result.results[0].outputs), (1, 2), "{result:?}");
        assert_eq!(again.repeated, 1, "{again:?}");
        assert!(unknown.results[0].problem.as_ref().unwrap().detail.contains("sbk se add"));
        let dataset = catalogue.show_dataset("/Prim/Era-v1/RECO").await;
        assert_eq!((dataset.files, dataset.events), (Some(2), Some(211)));
        assert_eq!(dataset.parents[0].as_str(), "/Prim/Era-v1/RAW");
        assert_eq!(dataset.metadata["data_tier_name"], "RECO");
        assert_eq!(ancestors(&catalogue, "/store/reco/0.root").await, ["/store/raw/0.root"]);
        let first = show(&catalogue, "/store/reco/0.root").await;
        assert_eq!(first.metadata.map()["global_tag"], "tag_2");
        assert_eq!(first.replicas[0].se.as_str(), "CNAF-disk");
        assert_eq!(show(&catalogue, "/store/reco/1.root").await.status.as_str(), "bad");
        assert!(catalogue.wrong_totals(false).await.is_empty());
    }

    async fn a_block_that_is_refused_leaves_no_dataset_until_it_is_replayed(
        database: TestDatabase
    ) {
        let catalogue = Catalogue::new(&database).await;
        let block = BLOCK.replace("CNAF-disk", "T2_New");
        let result = auto(&catalogue, &block).await;
        let entry = result.results[0].entry.clone().unwrap();
        let name = "/Prim/Era-v1/RECO".parse().unwrap();
        let missing = catalogue.call(GetDataset { name, vo: Some(vo()) }).await;

        let element = json!({ "elements": [{ "name": "T2_New", "site": "T2_New" }] });
        let element: DeclareStorageElements = serde_json::from_value(element).unwrap();
        catalogue.call(element).await.unwrap();
        let replay = ReplayQuarantined { entry, report: None, name: None, reason: None };
        let taken = catalogue.call(replay).await.unwrap();

        assert!(missing.is_err());
        assert_eq!(taken.recorded, 1, "{taken:?}");
        assert_eq!(catalogue.show_dataset("/Prim/Era-v1/RECO").await.files, Some(2));
    }

    async fn all_gaudi_summaries_are_read_and_none_is_lost(database: TestDatabase) {
        let Some(place) = shared("gaudi-xml-summaries") else { return };
        let catalogue = Catalogue::new(&database).await;
        let ok = [summaries(&place.join("DataReconstruction/ok")), summaries(&place.join("MCSimulation/ok"))].concat();
        let nok = summaries(&place.join("DataReconstruction/nok"));
        let fail = summaries(&place.join("DataReconstruction/fail"));

        let good = send(&catalogue, ReportFormat::Auto, ok).await;
        let bad = send(&catalogue, ReportFormat::Auto, nok).await;
        let unread = send(&catalogue, ReportFormat::Auto, fail).await;

        assert_eq!((good.recorded, good.quarantined), (31, 0), "{good:?}");
        assert!(good.results.iter().all(|answer| answer.standing == Some(Standing::Counts)));
        let shown = job(&catalogue, "Brunel_00012448_00013484_1").await.report;
        assert_eq!((shown.events_read.unwrap().get(), shown.events_written.unwrap().get()), (16591, 12446));
        assert_eq!(shown.memory.unwrap().get(), 1_872_784 * 1024);
        assert_eq!(shown.inputs[0].as_str(), "/lhcb/data/2011/RAW/FULL/LHCb/COLLISION11/102888/102888_0000000044.raw");
        assert_eq!(bad.recorded, 6, "{bad:?}");
        let mut reasons = Vec::new();
        for answer in &bad.results {
            let job = job(&catalogue, answer.job.as_ref().unwrap().as_str()).await.report;
            assert_eq!(job.state, JobState::Failed);
            let task = job.task.unwrap();
            reasons.push((task, job.reason.unwrap().to_string(), job.events_written.unwrap().get()));
        }
        let wanted = [
            (1050, "output cannot be written", 69),
            (9745, "stopped in execute", 28876),
            (14180, "output cannot be written", 857),
            (14591, "stopped in execute", 1462),
            (14870, "stopped in execute", 0),
            (15180, "input read in part", 0),
        ];
        assert_eq!(reasons, wanted.map(|(task, reason, events)| (task, reason.to_owned(), events)));
        assert_eq!(unread.quarantined, 1);
        let kept = waiting(&catalogue).await;
        assert_eq!(kept[0].job.as_deref(), Some("Brunel_00012448_00013935_1"));
        assert!(kept[0].problem.detail.contains("empty"));
    }

    async fn the_shared_bulk_block_comes_as_a_whole(database: TestDatabase) {
        let Some(place) = shared("dbs-bulkblocks/bulkblocks.json") else { return };
        let catalogue = Catalogue::new(&database).await;
        let element = json!({ "elements": [{ "name": "cmssrm.fnal.gov" }] });
        let element: DeclareStorageElements = serde_json::from_value(element).unwrap();
        catalogue.call(element).await.unwrap();

        let result = auto(&catalogue, &std::fs::read_to_string(place).unwrap()).await;

        assert_eq!((result.recorded, result.results[0].outputs), (1, 5), "{result:?}");
        let dataset = catalogue.show_dataset("/unittest_web_primary_ds_name_207/acq_era_207-v207/GEN-SIM-RAW").await;
        assert_eq!((dataset.files, dataset.events), (Some(5), Some(1005)));
        assert_eq!(dataset.parents.len(), 1);
    }
}
