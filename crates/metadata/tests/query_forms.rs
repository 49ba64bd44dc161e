//! The text and the JSON form of queries say the same and never break the reader.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use sbk_metadata::{
    Entity,
    query::{At, Expr, FieldPath, Literal, Node, Op, Order, Place, Query, Span, Step},
};
use serde_json::{Number, Value, json};

fn parse(text: &str) -> Query {
    Query::parse(text).unwrap_or_else(|error| panic!("{}", error.render(text)))
}

/// The canonical text of a query.
fn text(query: &str) -> String {
    parse(query).to_text()
}

fn error(query: &str) -> String {
    Query::parse(query).unwrap_err().render(query)
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let query = "run_period = \"1994\" and energy > 89 GeV and generator in (\"pythia5720\", \
                 \"jetset\") and not status = bad order by lfn desc limit 100";

    assert_eq!(
        text(query),
        "run_period = \"1994\" and energy > 89 GeV and generator in (pythia5720, jetset) and not \
         status = bad order by lfn desc limit 100"
    );
}

#[test]
fn each_form_is_read() {
    let cases = [
        ("", ""),
        ("  ", ""),
        ("limit 5", "limit 5"),
        ("ORDER BY a, b DESC, c asc", "order by a, b desc, c"),
        ("a=1", "a = 1"),
        ("a!=-1.5e3", "a != -1.5e3"),
        ("a >= 10%", "a >= 10%"),
        ("a < 5   pb-1 and b = 1", "a < 5 pb-1 and b = 1"),
        ("a < 5 /pb", "a < 5 /pb"),
        ("a = true or a = \"true\"", "a = true or a = \"true\""),
        ("a NOT IN (1, 2 GeV, x)", "a not in (1, 2 GeV, x)"),
        ("a like 'x%'", "a like \"x%\""),
        ("a not like \"x\\_%\"", "a not like \"x\\\\_%\""),
        ("a between 1 and 2 and b = 3", "a between 1 and 2 and b = 3"),
        ("a not between 1 and 2", "not a between 1 and 2"),
        ("exists a", "exists a"),
        ("exists(a)", "exists a"),
        ("a exists and b not exists", "exists a and not exists b"),
        ("not not a = 1", "not not a = 1"),
        ("a = 1 or b = 2 and c = 3", "a = 1 or (b = 2 and c = 3)"),
        ("(a = 1 or b = 2) and c = 3", "(a = 1 or b = 2) and c = 3"),
        ("a = 2026-01-31", "a = 2026-01-31"),
        ("a > '2026-01-31T12:00:00Z'", "a > 2026-01-31T12:00:00Z"),
        ("dataset.energy > 1", "dataset.energy > 1"),
        ("dataset(\"A\") union dataset(B)", "dataset(\"A\") or dataset(\"B\")"),
        ("lfn = /superb/a.root", "lfn = /superb/a.root"),
        ("generator = B+B-_generic", "generator = B+B-_generic"),
        ("g4ver = 9.3.2", "g4ver = 9.3.2"),
        ("adler32 = 0012", "adler32 = 0012"),
        ("a = \"order\"", "a = \"order\""),
        ("a = \"it\\\"s\\n\"", "a = \"it\\\"s\\n\""),
        ("descendants(lfn = /a/b, 3)", "descendants(lfn = /a/b, 3)"),
        ("PRODUCEDBY(a = 1)", "producedBy(a = 1)"),
    ];

    for (query, expected) in cases {
        assert_eq!(text(query), expected, "{query}");
    }
}

#[test]
fn set_algebra_binds_tighter_than_and_and_goes_from_left_to_right() {
    let set = |name: &str| format!("dataset({name})");
    let (a, b, c) = (set("A"), set("B"), set("C"));
    let cases = [
        (format!("{a} minus {b} minus {c}"), format!("{a} and not {b} and not {c}")),
        (format!("{a} union {b} minus {c}"), format!("({a} or {b}) and not {c}")),
        (format!("{a} union {b} intersect {c}"), format!("{a} or ({b} and {c})")),
        (format!("{a} union {b} and x = 1"), format!("({a} or {b}) and x = 1")),
        (format!("not {a} union {b}"), format!("not ({a} or {b})")),
    ];

    for (query, expected) in cases {
        assert_eq!(parse(&query), parse(&expected), "{query}");
    }
}

#[test]
fn an_error_shows_the_place_and_a_way_out() {
    let cases = [
        ("a == 1", "`=`"),
        ("a => 1", "`>=`"),
        ("a <> 1", "`!=`"),
        ("a = 1 && b = 2", "`and`"),
        ("a = 1 annd b = 2", "`and`"),
        ("a = 1 b = 2", "found `b`"),
        ("a = ", "expected a value, found the end of the query"),
        ("a", "a comparison"),
        ("a in 5", "after `in`"),
        ("a = limit", "\"limit\""),
        ("a = 'x", "closing"),
        ("(a = 1", "expected `)`"),
        ("a = 1)", "found `)`"),
        ("user.a = 1", "`file.`"),
        ("9a = 1", "not the name of a field"),
        ("a = $x", "quotes"),
        ("datset(\"A\")", "`dataset`"),
        ("a = 1 limit 0", "at least 1"),
        ("a = 1 limit -5", "at least 1"),
        ("a between 1 or 2", "expected `and`"),
        ("a not = 1", "after `not`"),
    ];

    for (query, part) in cases {
        let shown = error(query);
        assert!(shown.contains(part), "{query}: {shown}");
    }
}

#[test]
fn an_error_points_at_its_line_and_column() {
    let shown = error("énergie = 1\n  and b > 2");

    assert_eq!(
        shown,
        "error: `énergie` is not the name of a field\n  --> line 1, column 1\n  | énergie = 1\n  | ^^^^^^^"
    );
    let shown = error("a = 1\n  and b => 2");
    assert_eq!(
        shown,
        "error: `=>` is no comparison\n  --> line 2, column 9\n  |   and b => 2\n  |         ^^\n  \
         help: did you mean `>=`?"
    );
}

#[test]
fn a_long_or_deep_query_is_an_error() {
    assert!(error(&"a".repeat(16 * 1024 + 1)).contains("16384"));
    assert!(error(&"(".repeat(5000)).contains("64 levels"));
    assert!(error(&"not ".repeat(4000)).contains("64 levels"));
    let mixed = format!("dataset(A){}", " union dataset(B) minus dataset(C)".repeat(300));
    assert!(error(&mixed).contains("64 levels"));
    let values = vec!["1"; 1001].join(",");
    assert!(error(&format!("a in ({values})")).contains("1000"));
    let chain = vec!["a=1"; 2000].join(" or ");
    assert!(Query::parse(&chain).is_ok());
}

#[test]
fn dictionaries_are_read_as_dirac_writes_them() {
    let cases = [
        (json!({}), ""),
        (json!({"x": 5}), "x = 5"),
        (
            json!({"energy": {">": 89}, "generator": ["a", "b"]}),
            "energy > 89 and generator in (a, b)",
        ),
        (json!({"run": {">=": 1, "<": 9}}), "run >= 1 and run < 9"),
        (json!({"f": {"in": [1]}}), "f in (1)"),
        (json!({"f": {"nin": ["a"]}}), "f not in (a)"),
        (json!({"f": {"!=": "5 GeV"}}), "f != 5 GeV"),
        (json!({"f": {"like": "a%"}}), "f like \"a%\""),
        (json!({"f": {"between": [1, 2]}}), "f between 1 and 2"),
        (json!({"f": {"exists": false}}), "not exists f"),
        (json!({"$or": [{"a": 1}, {"b": 2, "c": 3}]}), "a = 1 or (b = 2 and c = 3)"),
        (json!({"$not": {"a": true}}), "not a = true"),
        (json!({"$dataset": ["A", "B"]}), "dataset(\"A\") or dataset(\"B\")"),
        (json!({"$parents": {"a": 1}}), "parents(a = 1)"),
        (
            json!({"where": {"a": 1}, "order": [{"field": "lfn", "descending": true}], "limit": 10}),
            "a = 1 order by lfn desc limit 10",
        ),
        (json!({"limit": 10}), "limit 10"),
    ];

    for (json, expected) in cases {
        let query = Query::from_json(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
        let expected = parse(expected);
        // The order of a dictionary's entries is not part of it.
        let sorted = |query: &Query| {
            let mut text: Vec<_> = query.to_text().split(" and ").map(str::to_owned).collect();
            text.sort();
            text
        };
        assert_eq!(sorted(&query), sorted(&expected), "{json}");
    }
}

#[test]
fn an_error_in_a_dictionary_has_a_pointer() {
    let cases = [
        (json!([]), "", "dictionary"),
        (json!({"a": null}), "/a", "exists"),
        (json!({"a": {">": [1]}}), "/a/>", "expected"),
        (json!({"a": {"==": 1}}), "/a/==", "no comparison"),
        (json!({"a": {}}), "/a", "empty"),
        (json!({"a": []}), "/a", "empty"),
        (json!({"a": [1, null]}), "/a/1", "null"),
        (json!({"$and": [{"a": 1}, {"b/c": 1}]}), "/$and/1/b~1c", "not the name"),
        (json!({"$ro": []}), "/$ro", "no meaning"),
        (json!({"$not": {}}), "/$not", "empty"),
        (json!({"where": {}, "lmit": 5}), "/lmit", "no place"),
        (json!({"limit": 0}), "/limit", "at least 1"),
        (json!({"order": [{"field": 5}]}), "/order/0", "text"),
    ];

    for (json, pointer, part) in cases {
        let error = Query::from_json(&json).unwrap_err();
        assert_eq!(error.place, Place::Pointer(pointer.to_owned()), "{json}: {error}");
        assert!(error.to_string().contains(part), "{json}: {error}");
    }
}

#[test]
fn a_deep_dictionary_is_an_error() {
    let mut deep = json!({"a": 1});
    for _ in 0..200 {
        deep = json!({"$not": deep});
    }

    assert!(Query::from_json(&deep).unwrap_err().message.contains("levels"));
}

fn at<T>(node: T) -> At<T> {
    At::new(node, Place::Span(Span::default()))
}

fn field() -> impl Strategy<Value = At<FieldPath>> {
    let entity = prop_oneof![
        3 => Just(None),
        1 => prop::sample::select(Entity::ALL).prop_map(Some),
    ];
    (entity, "x[a-zA-Z0-9_]{0,6}").prop_map(|(entity, name)| at(FieldPath { entity, name }))
}

fn literal() -> impl Strategy<Value = At<Literal>> {
    let value = prop_oneof![
        ".{0,8}".prop_map(Literal::Text),
        "[a-z0-9./_%-]{1,8}".prop_map(Literal::Text),
        "[0-9]{1,3} (GeV|/pb|%|in|and)".prop_map(Literal::Text),
        Just(Literal::Text("Limit".to_owned())),
        any::<i64>().prop_map(|number| Literal::Number(number.into())),
        any::<u64>().prop_map(|number| Literal::Number(number.into())),
        any::<f64>().prop_filter_map("finite", Number::from_f64).prop_map(Literal::Number),
        any::<bool>().prop_map(Literal::Bool),
    ];
    value.prop_map(at)
}

fn leaf() -> impl Strategy<Value = Expr> {
    let several = || prop::collection::vec(literal(), 1..4);
    let node = prop_oneof![
        (field(), prop::sample::select(Op::ALL), literal())
            .prop_map(|(field, op, value)| Node::Compare { field, op, value }),
        (field(), several(), any::<bool>()).prop_map(|(field, values, negated)| Node::In {
            field,
            values,
            negated
        }),
        (field(), ".{0,8}".prop_map(at), any::<bool>())
            .prop_map(|(field, pattern, negated)| Node::Like { field, pattern, negated }),
        (field(), literal(), literal()).prop_map(|(field, low, high)| Node::Between {
            field,
            low,
            high
        }),
        field().prop_map(Node::Exists),
        ".{0,8}".prop_map(|name| Node::Dataset(at(name))),
    ];
    node.prop_map(at)
}

fn expr() -> impl Strategy<Value = Expr> {
    leaf().prop_recursive(6, 40, 4, |inner| {
        let several = || prop::collection::vec(inner.clone(), 2..4);
        let depth = prop::option::of(any::<u32>());
        prop_oneof![
            several().prop_map(|parts| at(Node::And(parts))),
            several().prop_map(|parts| at(Node::Or(parts))),
            inner.clone().prop_map(|expr| at(Node::Not(Box::new(expr)))),
            (prop::sample::select(Step::ALL), inner.clone(), depth)
                .prop_map(|(step, of, depth)| at(Node::Step { step, of: Box::new(of), depth })),
        ]
    })
}

fn query() -> impl Strategy<Value = Query> {
    let order =
        (field(), any::<bool>()).prop_map(|(field, descending)| Order { field, descending });
    let limit = prop::option::of((1..=u64::MAX).prop_map(at));
    (prop::option::of(expr()), prop::collection::vec(order, 0..3), limit)
        .prop_map(|(filter, order, limit)| Query { filter, order, limit })
}

/// JSON of some depth, with keys that mean something.
fn dictionary() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[$]?[a-z<>=!.]{0,6}",
        prop::sample::select(
            &[
                "$and", "$or", "$not", "$dataset", "$parents", "of", "depth", "where", "order",
                "limit", "in", "nin", "like", "between", "exists", ">", "=", "a",
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_text_of_a_query_is_the_query(query in query()) {
        let text = query.to_text();

        let again = Query::parse(&text).map_err(|error| TestCaseError::fail(error.render(&text)))?;

        prop_assert_eq!(again, query);
    }

    #[test]
    fn the_json_of_a_query_is_the_query(query in query()) {
        let json = query.to_json();

        let again = Query::from_json(&json).map_err(|error| TestCaseError::fail(error.to_string()))?;

        prop_assert_eq!(again, query);
    }

    #[test]
    fn any_text_is_a_query_or_an_error_that_can_be_drawn(text in any::<String>()) {
        if let Err(error) = Query::parse(&text) {
            error.render(&text);
        }
    }

    #[test]
    fn words_in_any_order_are_a_query_or_an_error(words in prop::collection::vec(
        prop::sample::select(&[
            "a", "b", "=", "<", "!=", "in", "not", "and", "or", "(", ")", ",", "like", "between",
            "exists", "1", "2 GeV", "'x'", "\"", "é", "order", "by", "limit", "desc", "union",
            "minus", "intersect", "dataset", "parents", "dataset.a", "true", "-", ".", "\\", "\n",
        ][..]), 0..20))
    {
        let text = words.join(" ");
        match Query::parse(&text) {
            Ok(query) => prop_assert_eq!(Query::parse(&query.to_text()).ok(), Some(query)),
            Err(error) => { error.render(&text); }
        }
    }

    #[test]
    fn any_json_is_a_query_or_an_error(json in dictionary()) {
        if let Ok(query) = Query::from_json(&json) {
            prop_assert_eq!(Query::from_json(&query.to_json()).ok(), Some(query));
        }
    }
}
