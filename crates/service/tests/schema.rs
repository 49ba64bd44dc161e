//! How a community's schema changes while values exist.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{Catalogue, SCHEMA, dataset, file_with, vo};
use sbk_api::*;
use sbk_testkit::{TestDatabase, each_backend};
use serde_json::json;

/// The schema of the fixture as a new version, with one text in the place of another.
fn edited(version: u32, from: &str, to: &str) -> String {
    assert!(SCHEMA.contains(from), "{from}");
    SCHEMA.replace(from, to).replace("version = 1", &format!("version = {version}"))
}

const RUN: &str = "name = \"run\"\nentity = \"file\"\nkind = \"int\"";

async fn with_values(database: &TestDatabase) -> Catalogue {
    let catalogue = Catalogue::new(database).await;
    let value = |n: i64| json!({ "run": n, "energy": n as f64, "stream": "hot" });
    let new = (0..5).map(|n| file_with(&format!("/s/{n}"), value(n))).collect();
    catalogue.add(new).await;
    catalogue
}

async fn plan(catalogue: &Catalogue, toml: String) -> SchemaPlan {
    let call = ApplySchema { vo: vo(), toml, dry_run: true, reason: None };
    catalogue.call(call).await.unwrap()
}

async fn metadata(catalogue: &Catalogue, lfn: &str) -> Metadata {
    catalogue.call(GetFile { lfn: lfn.parse().unwrap() }).await.unwrap().metadata.map().into_owned()
}

async fn version(catalogue: &Catalogue) -> u32 {
    catalogue.call(GetSchema { vo: vo() }).await.unwrap().version
}

each_backend! {
    async fn the_sessions_of_superb_are_kept_and_found(database: TestDatabase) {
        let catalogue = Catalogue::empty(&database).await;
        catalogue.call(DeclareCommunity { vo: vo() }).await.unwrap();
        let toml = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/superb.toml"));
        catalogue.apply(toml).await.unwrap();
        catalogue.promote().await;
        let fullsim = json!({
            "session": "fullsim", "sim_type": "Background", "generator": "singleparticle",
            "dg": "any geometry", "pl": "QGSP_BERT", "g4ver": "9.3", "opt_photons": "OFF",
            "pdg_code": -211, "theta_min": 10, "theta_max": "170 deg", "phi_min": 0,
            "phi_max": 360, "energy_min": "500 MeV", "energy_max": 2.5,
        });
        let bhabha = json!({
            "session": "fullsim", "generator": "RadBhaBha", "dg": "any geometry", "pl": "QGSP",
            "theta_min": 10,
        });
        let add = async |name: &str, metadata: &serde_json::Value| {
            let metadata = metadata.as_object().unwrap().clone();
            let datasets = vec![NewDataset { metadata, ..dataset(name) }];
            let call = AddDatasets { vo: vo(), datasets, atomicity: Atomicity::Each };
            catalogue.call(call).await.unwrap()
        };

        assert_eq!(add("single", &fullsim).await.added, 1);
        let refused = add("bhabha", &bhabha).await;

        let problem = refused.results[0].problem.as_ref().unwrap();
        assert!(problem.detail.contains("theta_min"), "{problem:?}");
        let find = |expr: &str| {
            let expr = Some(expr.to_owned());
            GetDatasets { vo: Some(vo()), expr, page: PageArgs::default() }
        };
        let query = "session = fullsim and energy_min <= 0.5 GeV and theta_max > 1 rad";
        let found = catalogue.call(find(query)).await.unwrap().items;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].metadata["energy_min"], json!(0.5));
        assert_eq!(catalogue.call(find("theta_min > 10 deg")).await.unwrap().items.len(), 0);
    }

    async fn a_dry_run_says_what_changes_and_changes_nothing(database: TestDatabase) {
        let catalogue = with_values(&database).await;

        let plan = plan(&catalogue, edited(2, RUN, &RUN.replace("int", "float"))).await;

        assert_eq!((plan.from, plan.to, plan.applied), (1, 2, false));
        assert_eq!((plan.changes[0].field.as_str(), plan.changes[0].values), ("run", 5));
        assert_eq!(version(&catalogue).await, 1);
        assert_eq!(metadata(&catalogue, "/s/3").await["run"], json!(3));
    }

    async fn a_schema_that_would_lose_values_is_refused(database: TestDatabase) {
        let catalogue = with_values(&database).await;
        let stream = "name = \"stream\"\nentity = \"file\"\nkind = \"string\"";
        let cases = [
            edited(2, "name = \"stream\"", "name = \"stream2\""),
            edited(2, stream, &stream.replace("\"string\"", "\"int\"")),
            edited(2, stream, &format!("{}\nvalues = [\"cold\"]", stream.replace("string", "enum"))),
            edited(2, RUN, &format!("{RUN}\nmax = 3")),
            edited(2, "unit = \"GeV\"", "unit = \"s\""),
        ];
        for toml in cases {
            let error = catalogue.apply(&toml).await.expect_err(&toml);

            assert_eq!(error.code(), Code::Conflict, "{error}");
            let plan = plan(&catalogue, toml.clone()).await;
            assert!(plan.changes.iter().any(|change| change.lost > 0), "{toml}");
        }
        assert_eq!(version(&catalogue).await, 1);
        assert_eq!(metadata(&catalogue, "/s/3").await["stream"], json!("hot"));
    }

    async fn values_convert_with_their_kind_and_unit(database: TestDatabase) {
        let catalogue = with_values(&database).await;
        catalogue.promote().await;

        catalogue.apply(&edited(2, RUN, &RUN.replace("int", "float"))).await.unwrap();
        let float = metadata(&catalogue, "/s/3").await["run"].clone();
        let by_float = catalogue.query("run > 2.5").await.unwrap().len();
        catalogue.promote().await;
        let by_column = catalogue.query("run > 2.5").await.unwrap().len();
        let toml = edited(3, RUN, &RUN.replace("int", "string"))
            .replace("unit = \"GeV\"", "unit = \"MeV\"");
        catalogue.apply(&toml).await.unwrap();
        catalogue.promote().await;

        assert_eq!(float.as_f64(), Some(3.0));
        assert_eq!((by_float, by_column), (2, 2));
        let shown = metadata(&catalogue, "/s/3").await;
        assert!(shown["run"].as_str().unwrap().starts_with('3'), "{shown:?}");
        assert_eq!(shown["energy"].as_f64(), Some(3000.0));
        assert_eq!(catalogue.query("energy > 2.5 GeV").await.unwrap().len(), 2);
        let call = ListSchemaVersions { vo: vo(), page: PageArgs::default() };
        let versions = catalogue.call(call).await.unwrap().items;
        assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), [3, 2, 1]);
    }

    async fn a_field_can_lose_its_column_and_get_it_again(database: TestDatabase) {
        let catalogue = with_values(&database).await;
        catalogue.promote().await;
        let searchable = format!("{RUN}\nsearchable = true");

        catalogue.apply(&edited(2, &searchable, RUN)).await.unwrap();
        catalogue.wait(3);
        catalogue.add(vec![file_with("/s/9", json!({ "run": 9 }))]).await;
        let without = catalogue.query("run > 2").await.unwrap().len();
        catalogue.apply(&edited(3, RUN, RUN)).await.unwrap();
        catalogue.wait(3);
        let before = catalogue.query("run > 2").await.unwrap().len();
        catalogue.promote().await;
        let after = catalogue.query("run > 2").await.unwrap().len();

        assert_eq!((without, before, after), (3, 3, 3));
    }

    async fn two_communities_may_declare_a_field_of_different_kinds(database: TestDatabase) {
        let catalogue = with_values(&database).await;
        let belle: sbk_model::Vo = "belle".parse().unwrap();
        catalogue.call(DeclareCommunity { vo: belle.clone() }).await.unwrap();
        let toml = edited(1, RUN, &RUN.replace("int", "string"));
        let call = ApplySchema { vo: belle.clone(), toml, dry_run: false, reason: None };
        catalogue.call(call).await.unwrap();
        let new = vec![file_with("/b/1", json!({ "run": "seven" }))];
        let call = AddFiles { vo: belle.clone(), files: new, dataset: None, atomicity: Atomicity::All, only_new: false, unique_guids: false };
        assert_eq!(catalogue.call(call).await.unwrap().added, 1);
        catalogue.promote().await;

        let select = |vo: &sbk_model::Vo, expr: &str| Selection {
            expr: Some(expr.into()), vo: Some(vo.clone()), filter: None,
        };

        assert_eq!(catalogue.select(select(&belle, "run = seven")).await.unwrap(), ["/b/1"]);
        assert_eq!(catalogue.select(select(&vo(), "run = 3")).await.unwrap(), ["/s/3"]);
    }

    async fn the_rules_of_superb_hold_for_datasets(database: TestDatabase) {
        let catalogue = Catalogue::empty(&database).await;
        catalogue.call(DeclareCommunity { vo: vo() }).await.unwrap();
        catalogue.apply(include_str!("../../../examples/superb.toml")).await.unwrap();
        let add = |metadata: serde_json::Value| {
            let mut new = dataset("d");
            new.metadata = serde_json::from_value(metadata).unwrap();
            AddDatasets { vo: vo(), datasets: vec![new], atomicity: Atomicity::All }
        };

        let wrong = catalogue.call(add(json!({ "session": "slowsim" }))).await.unwrap();

        assert_eq!(wrong.refused, 1, "{wrong:?}");
    }
}
