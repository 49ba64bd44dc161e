//! The parameters of `SuperB` can be declared, and its rules hold.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sbk_metadata::{Document, Entity, Problem, Schema};
use serde_json::{Value, json};

const SUPERB: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/superb.toml"));

fn check(document: &Value) -> Result<Document, Vec<Problem>> {
    let schema = Schema::from_toml(SUPERB).unwrap();
    schema.canonical(Entity::Dataset, document.as_object().unwrap())
}

/// The one problem of a document that differs from a good one in some values.
fn problem(good: &Value, differs: &Value) -> Problem {
    let mut document = good.clone();
    for (name, value) in differs.as_object().unwrap() {
        match value {
            Value::Null => document.as_object_mut().unwrap().remove(name),
            value => document.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    let problems = check(&document).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].clone()
}

fn fastsim() -> Value {
    json!({
        "session": "fastsim",
        "prod_series": "2011_September",
        "evt_file": 20000,
        "analysis": "HadRecoil",
        "dg": "DG_4a",
        "generator": "B+B-_generic",
        "bkg_mixing": "NoPair",
    })
}

fn single_particle() -> Value {
    json!({
        "session": "fullsim",
        "sim_type": "Background",
        "generator": "singleparticle",
        "dg": "any geometry",
        "pl": "QGSP_BERT",
        "g4ver": "9.3",
        "opt_photons": "OFF",
        "pdg_code": -211,
        "theta_min": 10, "theta_max": "170 deg",
        "phi_min": 0, "phi_max": 360,
        "energy_min": "500 MeV", "energy_max": 2.5,
    })
}

fn bhabha() -> Value {
    json!({
        "session": "fullsim",
        "generator": "RadBhaBha",
        "dg": "any geometry",
        "pl": "QGSP",
        "min_energy_loss": 0.1,
    })
}

#[test]
fn a_good_dataset_of_each_session_is_accepted() {
    let analysis = json!({"session": "analysis", "analysis": "x".repeat(128)});

    for document in [fastsim(), single_particle(), bhabha(), analysis] {
        check(&document).unwrap();
    }
}

#[test]
fn a_partial_document_may_lack_values_and_has_none_that_are_wrong() {
    let schema = Schema::from_toml(SUPERB).unwrap();
    let partial =
        |document: Value| schema.canonical_partial(Entity::Dataset, document.as_object().unwrap());

    assert!(partial(json!({})).is_ok());
    assert!(partial(json!({"session": "fullsim", "energy_min": 1})).is_err(), "no place yet");
    let started = json!({"session": "fullsim", "generator": "singleparticle", "energy_min": 1});
    assert_eq!(partial(started).unwrap()["energy_min"], json!(1.0));
    let wrong = partial(json!({"session": "fastsim", "generator": "RadBhaBha", "dg": 5}));
    assert_eq!(wrong.unwrap_err()[0].field, "dg");
    let complete = schema.canonical(Entity::Dataset, fastsim().as_object().unwrap());
    assert_eq!(partial(fastsim()), complete);
}

#[test]
fn numbers_are_converted_to_the_declared_unit() {
    let document = check(&single_particle()).unwrap();

    assert_eq!(document["energy_min"], json!(0.5));
    assert_eq!(document["theta_max"], json!(170.0));
    assert_eq!(document["pdg_code"], json!(-211));
}

#[test]
fn theta_is_only_for_single_particles() {
    let refused = problem(&bhabha(), &json!({"theta_min": 5}));

    assert_eq!(refused.field, "theta_min");
    assert!(refused.reason.contains("generator = singleparticle"), "{refused}");
}

#[test]
fn a_single_particle_needs_its_ranges() {
    let refused = problem(&single_particle(), &json!({"theta_min": null}));

    assert_eq!(refused.field, "theta_min");
    assert!(refused.reason.contains("required"), "{refused}");
}

#[test]
fn radiative_bhabha_needs_a_minimum_energy_loss() {
    let refused = problem(&bhabha(), &json!({"min_energy_loss": null}));

    assert_eq!(refused.field, "min_energy_loss");
}

#[test]
fn an_unknown_physics_list_is_refused_with_the_nearest() {
    let refused = problem(&bhabha(), &json!({"pl": "QGSP_BRET"}));

    assert_eq!(refused.suggestion.as_deref(), Some("QGSP_BERT"));
}

#[test]
fn a_value_outside_an_open_list_is_accepted_in_its_session_only() {
    let mut document = fastsim();
    document["generator"] = json!("Bs_generic");
    check(&document).unwrap();

    let refused = problem(&bhabha(), &json!({"generator": "uds", "min_energy_loss": null}));
    assert!(refused.reason.contains("session = fullsim"), "{refused}");
}

#[test]
fn a_geometry_of_another_session_is_refused() {
    let refused = problem(&fastsim(), &json!({"dg": "DG_5"}));

    assert!(refused.reason.contains("DG_BaBar"), "{refused}");
    assert!(refused.suggestion.is_some());
}

#[test]
fn an_analysis_is_at_most_128_characters() {
    let good = json!({"session": "analysis", "analysis": "B -> K nu nu"});

    let refused = problem(&good, &json!({"analysis": "é".repeat(129)}));

    assert!(refused.reason.contains("128 characters"), "{refused}");
}

#[test]
fn an_analysis_has_no_parameters_of_a_simulation() {
    let good = json!({"session": "analysis", "analysis": "B -> K nu nu"});

    for (name, value) in [("dg", json!("DG_4")), ("pl", json!("QGSP")), ("evt_file", json!(1))] {
        assert_eq!(problem(&good, &json!({name: value})).field, name);
    }
}

#[test]
fn events_per_file_are_a_positive_whole_number() {
    for wrong in [json!(0), json!(1.5), json!("many"), json!(true)] {
        assert_eq!(problem(&fastsim(), &json!({"evt_file": wrong})).field, "evt_file");
    }
}

#[test]
fn a_dataset_without_session_is_refused() {
    let problems = check(&json!({})).unwrap_err();

    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].to_string(), "session: is required");
}

#[test]
fn an_unknown_parameter_suggests_the_nearest() {
    let refused = problem(&fastsim(), &json!({"bkg_mixin": "All"}));

    assert_eq!(refused.suggestion.as_deref(), Some("bkg_mixing"));
}

#[test]
fn a_patch_that_changes_the_generator_needs_what_goes_with_it() {
    let schema = Schema::from_toml(SUPERB).unwrap();
    let current = check(&bhabha()).unwrap();
    let patch = json!({"generator": "singleparticle"});

    let problems =
        schema.canonical_patch(Entity::Dataset, &current, patch.as_object().unwrap()).unwrap_err();

    let mut fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    fields.sort_unstable();
    assert_eq!(
        fields,
        [
            "energy_max",
            "energy_min",
            "min_energy_loss",
            "pdg_code",
            "phi_max",
            "phi_min",
            "theta_max",
            "theta_min"
        ]
    );
}

#[test]
fn the_schema_survives_toml_and_json() {
    let schema = Schema::from_toml(SUPERB).unwrap();

    let toml = schema.to_toml();
    assert_eq!(Schema::from_toml(&toml).unwrap(), schema);
    assert_eq!(Schema::from_toml(&toml).unwrap().to_toml(), toml);

    let json = serde_json::to_string(&schema).unwrap();
    assert_eq!(serde_json::from_str::<Schema>(&json).unwrap(), schema);
}
