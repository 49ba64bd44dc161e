//! Schemas are checked when they are read, and documents against them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use sbk_metadata::{Document, Entity, Problem, Schema};
use serde_json::{Value, json};

fn field(rest: &str) -> String {
    format!("version = 1\n[[field]]\nname = \"x\"\nentity = \"file\"\n{rest}")
}

fn schema(text: &str) -> Schema {
    Schema::from_toml(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn canonical(schema: &Schema, document: &Value) -> Result<Document, Vec<Problem>> {
    schema.canonical(Entity::File, document.as_object().unwrap())
}

#[test]
fn a_wrong_declaration_names_the_field_and_the_line() {
    let cases = [
        ("kind = \"decimal\"", "scale"),
        ("kind = \"int\"\nscale = 2", "scale"),
        ("kind = \"decimal\"\nscale = 10", "9"),
        ("kind = \"list\"", "of"),
        ("kind = \"list\"\nof = \"list\"", "list of lists"),
        ("kind = \"enum\"", "values"),
        ("kind = \"enum\"\nvalues = []", "empty"),
        ("kind = \"enum\"\nvalues = [\"a\", \"a\"]", "twice"),
        ("kind = \"string\"\nvalues = [\"a\"]", "enumerations"),
        ("kind = \"string\"\nunit = \"GeV\"", "number"),
        ("kind = \"string\"\npattern = \"(\"", "regular expression"),
        ("kind = \"string\"\npattern = \"(a{1000}){1000}\"", "regular expression"),
        ("kind = \"int\"\npattern = \"a\"", "text"),
        ("kind = \"int\"\nmin = 3\nmax = 2", "more than"),
        ("kind = \"int\"\nmin = 1.5", "whole"),
        ("kind = \"bool\"\nmin = 1", "bool"),
        ("kind = \"int\"\nwhen = { y = 1 }", "`y`"),
        ("kind = \"int\"\nwhen = { x = 1 }", "itself"),
        ("kind = \"int\"\n[[field.case]]\nwhen = {}", "empty `when`"),
        ("kind = \"enum\"\nvalues = [\"a\"]\n[[field.case]]\nwhen = { x = \"a\" }", "itself"),
    ];

    for (rest, part) in cases {
        let error = Schema::from_toml(&field(rest)).unwrap_err().to_string();
        assert!(error.starts_with("line 2: field `x` of file: "), "{rest}: {error}");
        assert!(error.contains(part), "{rest}: {error}");
    }
}

#[test]
fn an_unknown_key_shows_its_line() {
    let error = Schema::from_toml(&field("kind = \"int\"\nminimum = 3")).unwrap_err().to_string();

    assert!(error.contains("minimum") && error.contains("line 6"), "{error}");
}

#[test]
fn names_that_a_query_knows_already_are_refused() {
    for name in ["size", "Status", "limit", "dataset", "AND", "parents", "where"] {
        let text = field("kind = \"int\"").replace("\"x\"", &format!("{name:?}"));
        let of = |entity| Schema::from_toml(&text.replace("\"file\"", &format!("{entity:?}")));
        assert!(of("dataset").is_err(), "{name}");
        // Those of files and directories are written with their entity.
        assert!(of("directory").is_ok(), "{name}");
    }
}

#[test]
fn one_name_may_be_declared_for_several_entities_but_once_for_each() {
    let two = |entity| {
        let second = format!("[[field]]\nname = \"X\"\nentity = {entity:?}\nkind = \"int\"\n");
        Schema::from_toml(&format!("{}\n{second}", field("kind = \"int\"")))
    };

    assert!(two("dataset").is_ok());
    assert!(two("file").unwrap_err().to_string().contains("twice"));
}

#[test]
fn a_schema_has_a_bounded_number_of_fields() {
    let one = |n| format!("[[field]]\nname = \"x{n}\"\nentity = \"file\"\nkind = \"int\"\n");
    let text = |count| format!("version = 1\n{}", (0..count).map(one).collect::<Vec<_>>().concat());

    assert!(Schema::from_toml(&text(256)).is_ok());
    assert!(Schema::from_toml(&text(257)).is_err());
}

#[test]
fn dates_and_units_in_rules_are_read() {
    let schema = schema(&format!(
        "{}[[field]]\nname = \"e\"\nentity = \"file\"\nkind = \"float\"\nunit = \"GeV\"\n\
         min = \"500 MeV\"\n",
        field("kind = \"date\"\nmin = 2026-01-01\nmax = \"2026-12-31\"\n")
    ));

    canonical(&schema, &json!({"x": "2026-05-01", "e": 0.5})).unwrap();
    let problems = canonical(&schema, &json!({"x": "2027-01-01", "e": "0.4 GeV"})).unwrap_err();

    assert_eq!(problems.len(), 2);
    assert!(problems[0].reason.contains("0.5 GeV"), "{}", problems[0]);
}

#[test]
fn values_are_written_in_their_canonical_form() {
    let schema = schema(
        "version = 1\nfields = [\n\
         { name = \"i\", entity = \"file\", kind = \"int\" },\n\
         { name = \"f\", entity = \"file\", kind = \"float\" },\n\
         { name = \"c\", entity = \"file\", kind = \"decimal\", scale = 4 },\n\
         { name = \"b\", entity = \"file\", kind = \"bool\" },\n\
         { name = \"t\", entity = \"file\", kind = \"datetime\" },\n\
         { name = \"l\", entity = \"file\", kind = \"list\", of = \"date\" }]",
    );
    let given = json!({
        "i": "5", "f": 5, "c": 1.25, "b": "true", "t": "2026-01-31T13:00:00+01:00",
        "l": ["2026-01-31"],
    });

    let document = canonical(&schema, &given).unwrap();

    let expected = json!({
        "i": 5, "f": 5.0, "c": "1.2500", "b": true, "t": "2026-01-31T12:00:00Z",
        "l": ["2026-01-31"],
    });
    assert_eq!(Value::Object(document.clone()), expected);
    assert_eq!(canonical(&schema, &Value::Object(document.clone())).unwrap(), document);
}

#[test]
fn a_document_is_bounded() {
    let one = |n| format!("[[field]]\nname = \"x{n}\"\nentity = \"file\"\nkind = \"string\"\n");
    let fields: Vec<String> = (0..20).map(one).collect();
    let schema = schema(&format!("version = 1\n{}", fields.concat()));
    let document = |count| {
        let values = (0..count).map(|n| (format!("x{n}"), json!("a".repeat(4096))));
        Value::Object(values.collect())
    };

    assert!(canonical(&schema, &document(15)).is_ok());
    assert!(canonical(&schema, &document(20)).unwrap_err()[0].reason.contains("65536"));
}

#[test]
fn a_value_of_another_entity_says_so() {
    let schema = schema(&field("kind = \"int\""));
    let document = json!({"x": 1});

    let problems = schema.canonical(Entity::Dataset, document.as_object().unwrap()).unwrap_err();

    assert!(problems[0].reason.contains("is a field of a file"), "{}", problems[0]);
}

#[test]
fn a_patch_removes_with_null_and_leaves_other_values_alone() {
    let schema = schema(&field("kind = \"int\"\nmax = 5"));
    let current = json!({"x": 9, "gone": "value of a field that was removed"});
    let patch = |patch: Value| {
        let current = current.as_object().unwrap();
        schema.canonical_patch(Entity::File, current, patch.as_object().unwrap())
    };

    assert_eq!(patch(json!({})).unwrap(), *current.as_object().unwrap());
    assert_eq!(Value::Object(patch(json!({"gone": null})).unwrap()), json!({"x": 9}));
    assert_eq!(patch(json!({"x": 4})).unwrap()["x"], 4);
    assert!(patch(json!({"x": 7})).is_err());
    assert!(patch(json!({"never": null})).is_err());
}

#[test]
fn ten_thousand_documents_are_checked_quickly() {
    let schema = schema(
        "version = 1\nfields = [\n\
         { name = \"run\", entity = \"file\", kind = \"int\", required = true },\n\
         { name = \"energy\", entity = \"file\", kind = \"float\", unit = \"GeV\" },\n\
         { name = \"tag\", entity = \"file\", kind = \"string\", pattern = \"[a-z]+-[0-9]+\" },\n\
         { name = \"lumi\", entity = \"file\", kind = \"float\", unit = \"/pb\" },\n\
         { name = \"stream\", entity = \"file\", kind = \"enum\", values = [\"a\", \"b\"] }]",
    );
    let document = json!({
        "run": 1994, "energy": "91.2 GeV", "tag": "zqq-12", "lumi": 1.5, "stream": "b",
    });

    let start = std::time::Instant::now();
    for _ in 0..10_000 {
        canonical(&schema, &document).unwrap();
    }

    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
}
