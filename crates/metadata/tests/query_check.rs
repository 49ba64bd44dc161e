//! A query is checked against the fields, and its values are converted.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use sbk_metadata::{
    Schema, Value,
    query::{Builtin, Checked, FieldRef, Fields, Op, Predicate, Query, QueryError, Target},
};
use sbk_model::Timestamp;

const SCHEMA: &str = r#"
version = 1
vo = "superb"
fields = [
    { name = "energy", entity = "file", kind = "float", unit = "GeV" },
    { name = "energy", entity = "dataset", kind = "int", unit = "MeV" },
    { name = "run", entity = "file", kind = "int", searchable = true },
    { name = "tags", entity = "file", kind = "list", of = "string" },
    { name = "flag", entity = "file", kind = "bool" },
    { name = "day", entity = "file", kind = "date" },
    { name = "xsec", entity = "file", kind = "decimal", scale = 3, unit = "pb" },
    { name = "label", entity = "file", kind = "string" },
    { name = "stream", entity = "file", kind = "enum", values = ["physics", "calibration"] },
    { name = "campaign", entity = "directory", kind = "string" },
    { name = "generator", entity = "dataset", kind = "enum", values = ["uds"], open = true },
]
"#;

fn fields() -> Fields {
    Fields::new([Arc::new(Schema::from_toml(SCHEMA).unwrap())])
}

fn check(target: Target, query: &str) -> Result<Checked, Vec<QueryError>> {
    Query::parse(query).map_err(|error| vec![error])?.check(&fields(), target)
}

fn filter(query: &str) -> Predicate {
    check(Target::File, query).unwrap_or_else(|errors| panic!("{query}: {}", errors[0])).filter
}

fn errors(target: Target, query: &str) -> String {
    let errors = check(target, query).expect_err(query);
    errors.iter().map(|error| error.render(query)).collect::<Vec<_>>().join("\n")
}

/// The value and the field that one comparison ends up with.
fn compared(query: &str) -> (String, Op, Value) {
    match filter(query) {
        Predicate::Compare { field, op, value } => (field.name().to_owned(), op, value),
        other => panic!("{query}: {other:?}"),
    }
}

#[test]
fn values_have_the_kind_and_the_unit_of_their_field() {
    let moment = |text: &str| Value::DateTime(text.parse::<Timestamp>().unwrap());
    let text = |text: &str| Value::Text(text.to_owned());
    let cases = [
        ("size > 1 GiB", Value::Int(1 << 30)),
        ("size = 5", Value::Int(5)),
        ("size = '2 kB'", Value::Int(2000)),
        ("created > 2026-01-01", moment("2026-01-01T00:00:00Z")),
        ("created <= \"2026-01-01T01:00:00+01:00\"", moment("2026-01-01T00:00:00Z")),
        ("energy > 89000 MeV", Value::Float(89.0)),
        ("energy = 5", Value::Float(5.0)),
        ("xsec < 1.5", Value::Decimal { unscaled: 1500, scale: 3 }),
        ("xsec < 1 nb", Value::Decimal { unscaled: 1_000_000, scale: 3 }),
        ("flag = true", Value::Bool(true)),
        ("flag = 'false'", Value::Bool(false)),
        ("day >= 1970-01-02", Value::Date(1)),
        ("label = 1994", text("1994")),
        ("label = true", text("true")),
        ("status = bad", text("bad")),
        (
            "guid = 6e1bb6a6-3e3c-11e0-a8c9-003048d2bd1a",
            text("6E1BB6A6-3E3C-11E0-A8C9-003048D2BD1A"),
        ),
        ("adler32 = 1a2b", text("00001a2b")),
        ("adler32 = 0012", text("00000012")),
        ("directory = /a/b/", text("/a/b")),
        ("tags = x", text("x")),
    ];

    for (query, expected) in cases {
        assert_eq!(compared(query).2, expected, "{query}");
    }
}

#[test]
fn an_empty_query_asks_for_everything() {
    let checked = check(Target::File, "order by created desc, run limit 7").unwrap();

    assert_eq!(checked.filter, Predicate::All);
    assert_eq!(checked.order[0].field, FieldRef::Builtin(Builtin::Created));
    assert!(checked.order[0].descending && !checked.order[1].descending);
    assert_eq!(checked.limit, Some(7));
}

#[test]
fn an_unknown_field_is_an_error_with_the_nearest() {
    let shown = errors(Target::File, "enrgy > 5");

    assert!(shown.contains("unknown field `enrgy`"), "{shown}");
    assert!(shown.contains("did you mean `energy`"), "{shown}");
    assert!(errors(Target::File, "order by lfm").contains("`lfn`"));
}

#[test]
fn all_errors_are_reported_at_once() {
    let errors = check(Target::File, "a = 1 or not (b = 2 and size > 5 GeV) order by c");

    assert_eq!(errors.unwrap_err().len(), 4);
}

#[test]
fn what_does_not_suit_a_field_is_an_error() {
    let cases = [
        ("size > 5 GeV", "GeV, which cannot be converted to B"),
        ("energy > 5 GV", "`GeV`"),
        ("run = 5 GeV", "the field has none"),
        ("run = 1.5", "whole"),
        ("run = many", "whole number"),
        ("run like '1%'", "`like` is for text"),
        ("flag > true", "needs an order"),
        ("status < good", "needs an order"),
        ("stream between a and b", "needs an order"),
        ("status = god", "did you mean `good`"),
        ("stream in (physics, calib)", "did you mean `calibration`"),
        ("day = 2026-02-30", "date"),
        ("created = yesterday", "moment"),
        ("lfn = relative", "absolute"),
        ("adler32 = xyz", "hexadecimal"),
        ("guid = \"a b\"", "printable"),
        ("run between 5 and 1", "between 1 and 5"),
        ("label like 'a\\\\'", "escape"),
        ("order by tags", "several values"),
        ("order by se", "several values"),
        ("dataset(\"\")", "is empty"),
        ("parents(run = 1, 2)", "`parents` takes no number of steps"),
        ("descendants(run = 1, 0)", "needs a number of steps of at least 1"),
        ("ancestors(run = 1, 101)", "101 steps are more than 100"),
        ("producedBy(adler32 = 1)", "adler32"),
        ("dataset.status = open", "built-in field of datasets"),
        ("directory.run = 5", "unknown field `directory.run`"),
    ];

    for (query, part) in cases {
        let shown = errors(Target::File, query);
        assert!(shown.contains(part), "{query}: {shown}");
    }
}

#[test]
fn a_value_outside_an_open_enumeration_can_be_asked_for() {
    let found = filter("generator = anything");

    assert!(matches!(found, Predicate::Compare { op: Op::Eq, .. }));
}

#[test]
fn a_bare_name_is_first_the_files_own() {
    let entity = |query: &str| match filter(query) {
        Predicate::Compare { field: FieldRef::Declared(field), value, .. } => {
            (field.entity.to_string(), value)
        }
        other => panic!("{other:?}"),
    };

    assert_eq!(entity("energy > 1"), ("file".into(), Value::Float(1.0)));
    assert_eq!(entity("dataset.energy > 1 GeV"), ("dataset".into(), Value::Int(1000)));
    assert_eq!(entity("campaign = x").0, "directory");
    assert_eq!(entity("directory.campaign = x").0, "directory");
    assert_eq!(compared("file.size = 1").0, "size");
}

#[test]
fn a_declared_field_with_a_built_in_name_is_written_with_its_entity() {
    let schema =
        "version = 1\n[[field]]\nname = \"size\"\nentity = \"directory\"\nkind = \"string\"\n";
    let schema = std::sync::Arc::new(Schema::from_toml(schema).unwrap());
    let fields = Fields::new([schema]);
    let is_built_in = |query: &str| {
        let checked = Query::parse(query).unwrap().check(&fields, Target::File).unwrap();
        matches!(checked.filter, Predicate::Compare { field: FieldRef::Builtin(_), .. })
    };

    assert!(is_built_in("size = 1"));
    assert!(is_built_in("file.size = 1"));
    assert!(!is_built_in("directory.size = big"));
}

#[test]
fn fields_of_files_are_not_fields_of_datasets() {
    assert!(errors(Target::Dataset, "run = 5").contains("is a field of a file"));
    assert!(errors(Target::Dataset, "lfn = /a").contains("is a field of a file"));
    assert!(errors(Target::Dataset, "campaign = x").contains("is a field of a directory"));
    assert!(errors(Target::Dataset, "kind = offical").contains("`official`"));
    check(Target::Dataset, "energy = 5 and kind = personal and status = frozen").unwrap();
    check(Target::Dataset, "parent = A and dataset(\"B\") order by files desc").unwrap();
}

#[test]
fn none_of_several_values_is_the_opposite_of_one() {
    let opposite = |query: &str| match filter(query) {
        Predicate::Not(inner) => *inner,
        other => panic!("{query}: {other:?}"),
    };

    assert_eq!(opposite("tags != x"), filter("tags = x"));
    assert_eq!(opposite("se not in (A, B)"), filter("se in (A, B)"));
    assert_eq!(opposite("tags not like 'a%'"), filter("tags like 'a%'"));
    assert_eq!(opposite("generator != uds"), filter("generator = uds"));
    assert!(matches!(filter("run != 5"), Predicate::Compare { op: Op::Ne, .. }));
}

#[test]
fn a_file_is_in_a_dataset_however_it_is_asked() {
    let member = filter("dataset(\"A\")");

    assert!(matches!(&member, Predicate::InDataset { name } if name.as_str() == "A"));
    assert_eq!(filter("dataset = A"), member);
    assert_eq!(filter("dataset in (A)"), member);
    assert_eq!(filter("dataset in (A, B)"), filter("dataset(A) union dataset(B)"));
    assert_eq!(filter("dataset != A"), filter("not dataset(A)"));
}

#[test]
fn equal_values_are_asked_for_once() {
    let Predicate::In { values, .. } = filter("run in (1, 1.0, '1', 2)") else { panic!() };

    assert_eq!(values, [Value::Int(1), Value::Int(2)]);
}

#[test]
fn communities_that_declare_a_field_differently_must_be_told_apart() {
    let schema = |vo: &str, kind: &str| {
        let text =
            format!("version = 1\nvo = {vo:?}\n[[field]]\nname = \"x\"\nentity = \"file\"\n{kind}");
        Arc::new(Schema::from_toml(&text).unwrap())
    };
    let fields = Fields::new([
        schema("a", "kind = \"int\"\nunit = \"GeV\""),
        schema("b", "kind = \"int\"\nunit = \"MeV\""),
    ]);
    let check = |query: &str| Query::parse(query).unwrap().check(&fields, Target::File);

    let error = check("x = 5").unwrap_err().remove(0);
    assert_eq!(error.message, "`x` is declared differently by a and b; say vo = a or vo = b");
    assert!(check("vo = a and x = 5").is_ok());
    assert!(check("vo in (a, b) and x = 5").is_err());
    assert!(check("not vo = b and x = 5").is_err());
}

#[test]
fn communities_may_list_other_values() {
    let schema = |vo: &str, value: &str| {
        let text = format!(
            "version = 1\nvo = {vo:?}\n[[field]]\nname = \"x\"\nentity = \"file\"\nkind = \"enum\"\n\
             values = [{value:?}]"
        );
        Arc::new(Schema::from_toml(&text).unwrap())
    };
    let fields = Fields::new([schema("a", "one"), schema("b", "two")]);
    let check = |query: &str| Query::parse(query).unwrap().check(&fields, Target::File);

    assert!(check("x in (one, two)").is_ok());
    assert!(check("x = three").is_err());
    assert!(check("x = two and vo = a").is_err());
}

#[test]
fn an_error_in_a_dictionary_keeps_its_pointer() {
    let json = serde_json::json!({"$or": [{"run": 5}, {"size": {">": "5 GeV"}}]});

    let errors = Query::from_json(&json).unwrap().check(&fields(), Target::File).unwrap_err();

    assert!(errors[0].to_string().contains("(at /$or/1/size/>)"), "{}", errors[0]);
}
