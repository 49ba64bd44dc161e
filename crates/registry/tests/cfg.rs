//! The syntax of `dirac.cfg`, with the answers of diraccfg 1.0.1 where it has one that is meant.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use sbk_registry::{Cfg, CfgErrorKind as Kind, read_hostile};

fn cfg(text: &str) -> Cfg {
    Cfg::parse(text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

fn error(text: &str) -> (usize, Kind) {
    let error = Cfg::parse(text).expect_err(text);
    (error.line, error.kind)
}

#[test]
fn options_and_sections_are_read_in_order() {
    let cfg = cfg("b = 1\nS\n{\n  x = y\n}\na = 2\nT {\n}\n");

    let names: Vec<&str> = cfg.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b", "S", "a", "T"]);
    assert_eq!(cfg.value("/S/x"), Some("y"));
    assert_eq!(cfg.value("S/x"), Some("y"));
    assert_eq!(cfg.value("S"), None);
    assert_eq!(cfg.value("S/x/z"), None);
    assert!(cfg.section("/T").unwrap().is_empty());
    assert!(cfg.section("b").is_none());
    assert_eq!(cfg.section("").unwrap(), &cfg);
}

#[test]
fn all_after_the_first_equals_sign_is_the_value() {
    let cfg = cfg("a = b = c\nd=#no comment {x} \n e =\nf g = h += i\n+ = 1");

    assert_eq!(cfg.value("a"), Some("b = c"));
    assert_eq!(cfg.value("d"), Some("#no comment {x}"));
    assert_eq!(cfg.value("e"), Some(""));
    assert_eq!(cfg.value("f g"), Some("h += i"));
    assert_eq!(cfg.value("+"), Some("1"));
}

#[test]
fn an_option_that_is_set_again_keeps_its_place_and_takes_the_later_value() {
    let cfg = cfg("a = 1\nb = 2\na = 3");

    assert_eq!(cfg.options().collect::<Vec<_>>(), [("a", "3"), ("b", "2")]);
}

#[test]
fn plus_equals_adds_to_the_list() {
    let cfg = cfg("a = 1\na += 2\na+=3+=4\nS\n{\nb =\n}\nS/b += x");

    assert_eq!(cfg.list("a"), ["1", "2", "3+=4"]);
    assert_eq!(cfg.value("a"), Some("1, 2, 3+=4"));
    assert_eq!(cfg.list("S/b"), ["x"]);
}

#[test]
fn plus_equals_needs_the_option_above_it() {
    assert_eq!(error("S\n{\na = 1\n}\na += 2"), (5, Kind::NoOption("a".into())));
    assert_eq!(error("S\n{\n}\nS += 2"), (4, Kind::NoOption("S".into())));
}

#[test]
fn braces_may_stand_anywhere_but_before_an_option() {
    let cfg = cfg("A { B { } C\n\n{\nx = 1\n} } D{\n}\nE\nF\n{\n}");

    assert_eq!(cfg.value("A/C/x"), Some("1"));
    assert!(cfg.section("A/B").is_some());
    assert!(cfg.section("D").is_some());
    assert!(cfg.section("EF").is_some(), "text is collected across lines, as in DIRAC");
    assert_eq!(error("A { x = 1\n}"), (1, Kind::Brace));
    assert_eq!(error("A\n{\n} x = 1"), (3, Kind::Brace));
}

#[test]
fn names_may_be_paths_into_sections_that_are_there() {
    let cfg = cfg("A\n{\n}\nA/B\n{\nx = 1\n}\nA / y = 2\n/z = 3");

    assert_eq!(cfg.value("A/B/x"), Some("1"));
    assert_eq!(cfg.value("A/y"), Some("2"));
    assert_eq!(cfg.value("z"), Some("3"));
    assert_eq!(error("A/x = 1"), (1, Kind::NoSection("A".into())));
    assert_eq!(error("A = 1\nA/B {\n}"), (2, Kind::NoSection("A".into())));
}

#[test]
fn what_is_taken_is_not_replaced_by_another_kind() {
    assert_eq!(error("A\n{\n}\nA\n{\n}"), (5, Kind::Taken("A".into())));
    assert_eq!(error("A = 1\nA\n{\n}"), (3, Kind::Taken("A".into())));
    assert_eq!(error("A\n{\n}\nA = 1"), (4, Kind::Taken("A".into())));
}

#[test]
fn every_brace_has_a_partner() {
    assert_eq!(error("A\n{\n}\n}"), (4, Kind::Unopened));
    assert_eq!(error("A\n{\nB\n{\n}"), (2, Kind::Unclosed("A".into())));
}

#[test]
fn a_name_is_not_empty_and_no_comment() {
    assert_eq!(error("a = 1\n = 2"), (2, Kind::Name("".into())));
    assert_eq!(error("{\n}"), (1, Kind::Name("".into())));
    assert_eq!(error("/ = 1"), (1, Kind::Name("/".into())));
    assert_eq!(error("A {}\nA/#b = 1"), (2, Kind::Name("A/#b".into())));
}

#[test]
fn text_that_is_nothing_is_found_where_it_begins() {
    assert_eq!(error("a = 1,\n  2, 3\n\nb = 1"), (2, Kind::Stray("2, 3".into())));
    assert_eq!(error("A\n{\nNormalUser\n}"), (3, Kind::Stray("NormalUser".into())));
    assert_eq!(error("\nend"), (2, Kind::Stray("end".into())));
}

#[test]
fn comments_stay_with_the_entry_below_and_are_written_again() {
    let text = "# first\n#\n ## second\na = 1\n# of S\nS\n{\n  # of x\n  x = 2\n}\n# nobody's\n";

    let written = cfg(text).to_text();

    assert_eq!(written, "# first\n# second\na = 1\n# of S\nS\n{\n  # of x\n  x = 2\n}\n");
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_do_not_matter() {
    assert_eq!(cfg("\u{feff}A\r\n{\r\n\tx = 1\u{a0}\r\n}\r\n"), cfg("A{\nx=1\n}"));
}

#[test]
fn values_are_read_as_dirac_reads_them() {
    let cfg = cfg("a = x,, y ,\nb = YES\nc = 1\nd = on\ne =");

    assert_eq!(cfg.list("a"), ["x", "y"]);
    assert_eq!(cfg.list("e"), [""; 0]);
    assert_eq!(cfg.list("missing"), [""; 0]);
    assert_eq!(cfg.boolean("b"), Some(true));
    assert_eq!(cfg.boolean("c"), Some(true));
    assert_eq!(cfg.boolean("d"), Some(false));
    assert_eq!(cfg.boolean("missing"), None);
}

#[test]
fn local_options_win_and_sections_are_merged() {
    let remote = cfg("a = 1\nb = 1\nS\n{\nx = 1\ny = 1\nT\n{\nz = 1\n}\n}\nO = 1\nP {\n}");
    let local = cfg("b = 2\nS\n{\ny = 2\nT\n{\nw = 2\n}\n}\nc = 2\nO {\n}\nP = 2");

    let merged = local.merge_over(&remote);

    assert_eq!(merged, cfg("a=1\nb=2\nS\n{\nx=1\ny=2\nT\n{\nz=1\nw=2\n}\n}\nO {\n}\nP = 2\nc=2"));
}

#[test]
fn order_is_part_of_a_configuration() {
    assert_ne!(cfg("a = 1\nb = 2"), cfg("b = 2\na = 1"));
}

#[test]
fn sections_have_a_greatest_depth_and_texts_a_greatest_length() {
    let deep = |depth: usize| "a {\n".repeat(depth) + &"}".repeat(depth);

    assert!(Cfg::parse(&deep(64)).is_ok());
    assert_eq!(error(&deep(65)), (65, Kind::TooDeep { limit: 64 }));
    let path = vec!["a"; 64].join("/");
    let text = deep(64) + "\n" + &path + "/b {\n}";
    assert_eq!(error(&text), (66, Kind::TooDeep { limit: 64 }));
    let long = " ".repeat(Cfg::MAX_TEXT + 1);
    assert_eq!(error(&long).1, Kind::TooLong { limit: Cfg::MAX_TEXT });
}

/// Texts of the letters that mean something.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "S",
        "T",
        " ",
        "\n",
        "\n",
        "=",
        " = ",
        "+=",
        "{",
        "}",
        "\n{\n",
        "\n}\n",
        "#",
        "/",
        ",",
        "+",
        "\r",
        "\t",
        "é",
        "\u{1c}",
        "a = 1\n",
        "S\n{\n",
        "S/a += 2\n",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Texts of configurations.
fn tree() -> impl Strategy<Value = String> {
    let name = "[A-Za-z][A-Za-z0-9 .:@+-]{0,8}[a-z]";
    let option = (name, "[ -~é]{0,20}").prop_map(|(name, value)| format!("{name} = {value}\n"));
    let leaf = prop::collection::vec(option, 0..4).prop_map(|options| options.concat());
    leaf.prop_recursive(5, 40, 4, move |inner| {
        prop::collection::btree_map(name, inner, 0..4).prop_map(|sections| {
            let section = |(name, text)| format!("# c {name}\n{name}\n{{\n{text}}}\n");
            sections.into_iter().map(section).collect()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_is_read_or_refused_and_reads_the_same_again(text in any_text()) {
        read_hostile(&text);
    }

    #[test]
    fn a_configuration_reads_the_same_from_its_text(text in tree()) {
        let cfg = Cfg::parse(&text).unwrap();
        prop_assert_eq!(Cfg::parse(&cfg.to_text()).unwrap(), cfg);
    }

    #[test]
    fn merging_over_itself_changes_nothing(text in tree()) {
        let cfg = Cfg::parse(&text).unwrap();
        prop_assert_eq!(cfg.merge_over(&cfg), cfg);
    }
}
