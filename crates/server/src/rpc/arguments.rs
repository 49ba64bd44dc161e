//! Arguments that are given by their place.

use sbk_wire::Value;

use super::{Failure, Method, parameter::Kind};

/// Puts arguments under their names: those that have a place, and the dictionary of options that
/// may follow them.
pub fn named(method: &Method, arguments: Vec<Value>) -> Result<Value, Failure> {
    let places = method.positional();
    for (at, (argument, parameter)) in arguments.iter().zip(places).enumerate() {
        if !parameter.takes(argument) {
            return Err(mismatch(at, argument, &parameter.kinds));
        }
    }
    if arguments.len() < places.len() {
        let (name, count) = (method.name, places.len());
        return Err(Failure::plain(format!("Function {name} expects at least {count} arguments")));
    }
    let mut arguments = arguments.into_iter();
    let mut entries = Vec::new();
    for (parameter, argument) in places.iter().zip(arguments.by_ref()) {
        entries.push(entry(parameter.name.as_str(), &parameter.kinds, argument));
    }
    match arguments.next() {
        None | Some(Value::Null) => {}
        Some(Value::Dict(options)) => entries.extend(options),
        Some(other) => return Err(mismatch(places.len(), &other, &[Kind::Dict])),
    }
    if arguments.next().is_some() {
        let (name, most) = (method.name, places.len() + 1);
        return Err(Failure::plain(format!(
            "Server error while serving {name}: it takes at most {most} arguments, the last being \
             a dictionary of options"
        )));
    }
    Ok(Value::Dict(entries))
}

/// One argument under its name, in the form that the operation reads.
fn entry(name: &str, kinds: &[Kind], argument: Value) -> (Value, Value) {
    match argument {
        Value::Text(_) if name == "query" => (Value::from("expr"), argument),
        _ if name == "query" => (Value::from("where"), argument),
        // One name for a list of one, and a dictionary for its names, as DIRAC's catalogue takes.
        Value::Text(_) if kinds.contains(&Kind::List) => {
            (Value::from(name), Value::List(vec![argument]))
        }
        Value::Dict(entries) if kinds.contains(&Kind::Names) => {
            (Value::from(name), Value::List(entries.into_iter().map(|(key, _)| key).collect()))
        }
        other => (Value::from(name), other),
    }
}

fn mismatch(at: usize, received: &Value, expected: &[Kind]) -> Failure {
    let mut classes: Vec<_> = expected.iter().map(|kind| kind.class()).collect();
    classes.dedup();
    let expected = match classes.as_slice() {
        [one] => format!("<class '{one}'>"),
        many => {
            let many: Vec<_> = many.iter().map(|class| format!("<class '{class}'>")).collect();
            format!("[{}]", many.join(", "))
        }
    };
    Failure::mismatch(at, received, &expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::Methods;

    fn read(method: &str, arguments: Vec<Value>) -> Result<Value, Failure> {
        named(Methods::new().find(method).unwrap(), arguments)
    }

    #[test]
    fn arguments_and_options_come_under_their_names() {
        let options = Value::dict([("replicas", true)].map(|(k, v)| (k, Value::Bool(v))));

        let read = read("getFiles", vec![Value::from("/a/b"), options]).unwrap();

        assert_eq!(read.get("lfns"), Some(&Value::List(vec![Value::from("/a/b")])));
        assert_eq!(read.get("replicas"), Some(&Value::Bool(true)));
    }

    #[test]
    fn a_dictionary_of_names_is_a_list_of_them() {
        let names = Value::dict([("/a/b", Value::Bool(false))]);

        let read = read("getFiles", vec![names]).unwrap();

        assert_eq!(read.get("lfns"), Some(&Value::List(vec![Value::from("/a/b")])));
    }

    #[test]
    fn a_query_is_a_text_or_a_dictionary() {
        let text = read("findFiles", vec![Value::from("run = 5")]).unwrap();
        let dict = read("findFiles", vec![Value::dict([("run", Value::Int(5))])]).unwrap();

        assert_eq!(text.get("expr"), Some(&Value::from("run = 5")));
        assert!(dict.get("where").is_some());
    }

    #[test]
    fn wrong_arguments_are_refused_in_the_words_of_dirac() {
        let message = |arguments| read("setFileStatus", arguments).unwrap_err().message;

        assert_eq!(
            message(vec![Value::Int(5)]),
            "Type mismatch in parameter 0 (starting with param 0) Received <class 'int'>, \
             expected [<class 'list'>, <class 'str'>, <class 'dict'>]"
        );
        assert_eq!(
            message(vec![Value::List(vec![])]),
            "Function setFileStatus expects at least 2 arguments"
        );
        assert!(message(vec![Value::from("/a"), Value::from("bad"), Value::Int(1)]).contains('2'));
    }
}
