//! Arguments in the forms that DIRAC's catalogue takes.

use indexmap::IndexMap;
use sbk_wire::Value;

use crate::{Failure, python};

/// Paths in their normal form, each with the value that came with it, in their order.
pub type Paths = IndexMap<String, Value>;

/// Reads one path, a list of paths, or paths with values.
///
/// As DIRAC's `checkArgumentFormat` (`Resources/Catalog/Utilities.py`): of two spellings of one path
/// the last one's value holds; empty paths are left out.
pub fn paths(argument: Value) -> Result<Paths, Failure> {
    if !python::is_true(&argument) {
        return Err(empty(&argument));
    }
    let given: Vec<(Value, Value)> = match argument {
        text @ Value::Text(_) => vec![(text, Value::Bool(true))],
        Value::List(items) | Value::Tuple(items) => {
            items.into_iter().map(|item| (item, Value::Bool(true))).collect()
        }
        Value::Dict(entries) => entries,
        _ => {
            let text = "Utils.checkArgumentFormat: Supplied path is not of the correct format.";
            return Err(Failure::invalid(text));
        }
    };
    let mut paths = Paths::with_capacity(given.len());
    for (path, value) in given {
        match path {
            Value::Text(path) if path.is_empty() => {}
            Value::Text(path) => drop(paths.insert(normal(&path), value)),
            other if !python::is_true(&other) => {}
            other => {
                let text = format!("a path is a {} and not a str", python::class(&other));
                return Err(Failure::invalid(&text));
            }
        }
    }
    Ok(paths)
}

/// Says that there is nothing to do.
fn empty(argument: &Value) -> Failure {
    let shown = match argument {
        Value::Null => "None",
        Value::Bool(_) => "False",
        Value::Int(_) => "0",
        Value::Float(_) => "0.0",
        Value::List(_) => "[]",
        Value::Tuple(_) => "()",
        Value::Dict(_) => "{}",
        _ => "",
    };
    Failure::invalid(&format!("Empty input: {shown}"))
}

/// The normal form of a path.
///
/// `lfn:` goes, and so does `/grid` at the beginning; then it is what POSIX paths become: no `.`, `..`,
/// repeated or closing slashes. Two slashes at the beginning stay two, as POSIX has it.
pub fn normal(path: &str) -> String {
    let is_prefixed = path.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("lfn:"));
    let path = if is_prefixed { path.get(4..).unwrap_or_default() } else { path };
    let path = match path.strip_prefix("/grid/") {
        Some(_) => path.get(5..).unwrap_or_default(),
        None => path,
    };
    let slashes = match path.bytes().take_while(|byte| *byte == b'/').count() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&"..") => parts.push(part),
                Some(_) => drop(parts.pop()),
                None if slashes.is_empty() => parts.push(part),
                None => {}
            },
            part => parts.push(part),
        }
    }
    let joined = format!("{slashes}{}", parts.join("/"));
    if joined.is_empty() { ".".into() } else { joined }
}

/// The directory that holds a path, as POSIX's `dirname` has it.
pub fn parent(path: &str) -> String {
    match path.rsplit_once('/') {
        None => String::new(),
        Some(("", _)) => "/".into(),
        Some((above, _)) => above.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_a_normal_form() {
        for (given, expected) in [
            ("/a//b/", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("a//b/", "a/b"),
            ("a/../..", ".."),
            ("lfn:/a", "/a"),
            ("LFN:/grid/a", "/a"),
            ("/grid/a", "/a"),
            ("/grid", "/grid"),
            ("/gridka/a", "/gridka/a"),
            ("lfn:", "."),
            ("//a", "//a"),
            ("///a", "/a"),
            ("/", "/"),
            ("é", "é"),
        ] {
            assert_eq!(normal(given), expected, "{given}");
        }
    }

    #[test]
    fn all_forms_of_arguments_are_read() {
        let read = |value| paths(value).map(|paths| paths.into_iter().collect::<Vec<_>>());
        let yes = Value::Bool(true);

        assert_eq!(read(Value::from("/a/")).unwrap(), [("/a".to_owned(), yes.clone())]);
        let list = Value::List(vec![Value::from("/a"), Value::from(""), Value::from("/a/")]);
        assert_eq!(read(list).unwrap(), [("/a".to_owned(), yes)]);
        let dict =
            Value::dict([("/a", Value::Int(1)), ("/b", Value::Null), ("/a/", Value::Int(2))]);
        let expected = [("/a".to_owned(), Value::Int(2)), ("/b".to_owned(), Value::Null)];
        assert_eq!(read(dict).unwrap(), expected);
        assert!(read(Value::List(vec![Value::from("")])).unwrap().is_empty());
    }

    #[test]
    fn empty_and_strange_arguments_are_refused_in_the_words_of_dirac() {
        let message = |value| paths(value).unwrap_err().message;

        assert_eq!(message(Value::from("")), "Invalid argument ( 22 : Empty input: )");
        assert_eq!(message(Value::List(vec![])), "Invalid argument ( 22 : Empty input: [])");
        assert_eq!(message(Value::Dict(vec![])), "Invalid argument ( 22 : Empty input: {})");
        assert!(message(Value::Int(5)).contains("Supplied path is not of the correct format."));
        assert!(message(Value::List(vec![Value::Int(5)])).contains("a path is a int"));
    }

    #[test]
    fn a_path_is_in_a_directory() {
        assert_eq!(parent("/a/b"), "/a");
        assert_eq!(parent("/a"), "/");
        assert_eq!(parent("/"), "/");
        assert_eq!(parent("a"), "");
    }
}
