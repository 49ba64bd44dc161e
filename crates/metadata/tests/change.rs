//! The differences between two versions of a schema, and the conversion of values.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sbk_metadata::{Entity, Schema, What, convert};
use serde_json::{Value, json};

fn schema(version: u32, rest: &str) -> Schema {
    let text = format!("version = {version}\n[[field]]\nname = \"x\"\nentity = \"file\"\n{rest}");
    Schema::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn changes(old: &str, new: &str) -> Vec<What> {
    let changes = schema(1, old).changes_to(&schema(2, new));
    for change in &changes {
        assert!(change.describe().starts_with("field `x` of file "), "{}", change.describe());
    }
    changes.into_iter().map(|change| change.what).collect()
}

fn converted(old: &str, new: &str, value: &Value) -> Result<Value, String> {
    let (old, new) = (schema(1, old), schema(2, new));
    let (old, new) = (old.field(Entity::File, "x").unwrap(), new.field(Entity::File, "x").unwrap());
    convert(new, old, value).map_err(|problem| problem.to_string())
}

#[test]
fn each_difference_is_named() {
    let enumeration = |values: &str| format!("kind = \"enum\"\nvalues = [{values}]");
    let (a, ab) = (enumeration("\"a\""), enumeration("\"a\", \"b\""));
    let cases: &[(&str, &str, &[What])] = &[
        ("kind = \"int\"", "kind = \"int\"", &[]),
        (&ab, &a, &[What::Constrained]),
        (&a, &ab, &[What::Relaxed]),
        ("kind = \"int\"", "kind = \"int\"\nmax = 5", &[What::Constrained]),
        ("kind = \"int\"\nmax = 5", "kind = \"int\"\nmax = 6", &[What::Relaxed]),
        ("kind = \"int\"\nmin = 5", "kind = \"int\"\nmin = 6", &[What::Constrained]),
        ("kind = \"int\"", "kind = \"int\"\nrequired = true", &[What::BecameRequired]),
        ("kind = \"int\"\nrequired = true", "kind = \"int\"", &[What::BecameOptional]),
        ("kind = \"int\"", "kind = \"int\"\nsearchable = true", &[What::Promoted]),
        ("kind = \"int\"\nsearchable = true", "kind = \"int\"", &[What::Demoted]),
        ("kind = \"int\"", "kind = \"int\"\nlabel = \"X\"", &[What::DescriptionChanged]),
        ("kind = \"string\"", "kind = \"string\"\npattern = \"a\"", &[What::Constrained]),
        (
            "kind = \"int\"",
            "kind = \"float\"",
            &[What::Retyped { from: "int".into(), to: "float".into() }],
        ),
        (
            "kind = \"int\"\nunit = \"B\"",
            "kind = \"int\"\nunit = \"kB\"",
            &[What::UnitChanged { from: Some("B".into()), to: Some("kB".into()) }],
        ),
    ];

    for (old, new, expected) in cases {
        let found = changes(old, new);
        assert_eq!(found, *expected, "{old} -> {new}");
    }
}

#[test]
fn only_what_can_break_values_needs_a_check() {
    let (old, new) = (schema(1, "kind = \"int\""), schema(2, "kind = \"int\"\nmax = 5"));

    assert!(old.changes_to(&new)[0].needs_check());
    assert!(!new.changes_to(&old)[0].needs_check());
    assert!(!Schema::empty(None).changes_to(&old)[0].needs_check());
    assert!(old.changes_to(&Schema::empty(None))[0].needs_check());
}

#[test]
fn values_are_converted_where_nothing_is_lost() {
    let decimal = "kind = \"decimal\"\nscale = 2";
    let list = "kind = \"list\"\nof = \"int\"";
    let cases = [
        ("kind = \"int\"", "kind = \"float\"", json!(5), json!(5.0)),
        ("kind = \"int\"", "kind = \"string\"", json!(5), json!("5")),
        ("kind = \"string\"", "kind = \"int\"", json!("5"), json!(5)),
        ("kind = \"float\"", "kind = \"int\"", json!(5.0), json!(5)),
        ("kind = \"float\"", decimal, json!(1.25), json!("1.25")),
        (decimal, "kind = \"float\"", json!("1.25"), json!(1.25)),
        ("kind = \"bool\"", "kind = \"int\"", json!(true), json!(1)),
        ("kind = \"int\"", "kind = \"bool\"", json!(0), json!(false)),
        ("kind = \"bool\"", "kind = \"string\"", json!(true), json!("true")),
        (
            "kind = \"date\"",
            "kind = \"datetime\"",
            json!("2026-01-31"),
            json!("2026-01-31T00:00:00Z"),
        ),
        (
            "kind = \"datetime\"",
            "kind = \"date\"",
            json!("2026-01-31T00:00:00Z"),
            json!("2026-01-31"),
        ),
        ("kind = \"string\"", "kind = \"enum\"\nvalues = [\"a\"]", json!("a"), json!("a")),
        ("kind = \"int\"", list, json!(5), json!([5])),
        (list, "kind = \"int\"", json!([5]), json!(5)),
        ("kind = \"int\"\nunit = \"B\"", "kind = \"int\"\nunit = \"kB\"", json!(5000), json!(5)),
        (
            "kind = \"float\"\nunit = \"MeV\"",
            "kind = \"float\"\nunit = \"GeV\"",
            json!(91200.0),
            json!(91.2),
        ),
        ("kind = \"int\"", "kind = \"int\"\nunit = \"GeV\"", json!(5), json!(5)),
    ];

    for (old, new, value, expected) in cases {
        assert_eq!(converted(old, new, &value), Ok(expected), "{old} -> {new}");
    }
}

#[test]
fn values_that_would_lose_something_are_refused() {
    let cases = [
        ("kind = \"int\"", "kind = \"float\"", json!((1_i64 << 53) + 1)),
        ("kind = \"float\"", "kind = \"int\"", json!(5.5)),
        ("kind = \"float\"", "kind = \"decimal\"\nscale = 1", json!(1.25)),
        ("kind = \"string\"", "kind = \"int\"", json!("many")),
        ("kind = \"int\"", "kind = \"bool\"", json!(2)),
        ("kind = \"datetime\"", "kind = \"date\"", json!("2026-01-31T12:00:00Z")),
        ("kind = \"string\"", "kind = \"enum\"\nvalues = [\"a\"]", json!("b")),
        ("kind = \"list\"\nof = \"int\"", "kind = \"int\"", json!([1, 2])),
        ("kind = \"int\"\nunit = \"B\"", "kind = \"int\"\nunit = \"kB\"", json!(5001)),
        ("kind = \"float\"\nunit = \"GeV\"", "kind = \"float\"\nunit = \"m\"", json!(1.0)),
        ("kind = \"int\"", "kind = \"int\"\nmax = 4", json!(5)),
    ];

    for (old, new, value) in cases {
        assert!(converted(old, new, &value).is_err(), "{old} -> {new}");
    }
}

#[test]
fn the_version_increases_when_something_changes() {
    let one = schema(1, "kind = \"int\"");

    assert!(schema(2, "kind = \"float\"").check_successor(&one).is_ok());
    assert!(one.check_successor(&one).is_ok());
    let error = schema(1, "kind = \"float\"").check_successor(&one).unwrap_err();
    assert!(error.reason.contains("version = 2"), "{error}");
    assert!(one.check_successor(&schema(2, "kind = \"int\"")).is_err());
}
