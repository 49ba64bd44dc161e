//! The methods for DIRAC's clients, as plain data.

mod markdown;

use sbk_model::Permission;
use serde::Serialize;

use crate::rpc::{ArgumentKind, Method, Methods, Parameter, Standard, examples};

pub use markdown::methods_as_markdown;

/// What a method is for, what it takes, and who may call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MethodDescription {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The arguments that are given by their place.
    pub positional: Vec<Argument>,
    /// The arguments that are given by their name.
    pub options: Vec<Argument>,
    /// The permission that a caller needs; none for what every service of DIRAC has.
    pub permission: Option<Permission>,
    /// The rule that holds where the section `Authorization` has none of the method's name; the
    /// option `Default` of the section where there is none, either.
    pub rule: Option<&'static str>,
    /// Whether it changes anything.
    pub writes: bool,
    /// Whether its answer can be downloaded as a stream.
    pub downloads: bool,
    /// The argument that can be uploaded as a stream.
    pub uploads: Option<String>,
    /// A call of it in Python.
    pub example: String,
}

/// What a method takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// The types of Python that it may have; any when empty.
    pub types: Vec<&'static str>,
    /// The texts among which there is a choice; any when empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// What it is for.
    pub description: String,
}

impl Argument {
    /// What it may be, in words: `list | str`.
    pub fn types(&self) -> String {
        if self.types.is_empty() { "any".to_owned() } else { self.types.join(" | ") }
    }
}

/// All methods, by name.
pub fn methods() -> Vec<MethodDescription> {
    let own = Methods::new();
    let own = own.iter().map(operation);
    let mut all: Vec<_> = own.chain(Standard::ALL.iter().copied().map(standard)).collect();
    all.sort_by_key(|method| method.name);
    all
}

/// The names that a rule of the section `Authorization` may have: those of the methods, and of the
/// streams over HTTPS.
pub fn names_in_rules() -> Vec<&'static str> {
    let streams = ["streamFromClient", "streamToClient"];
    methods().into_iter().map(|method| method.name).chain(streams).collect()
}

fn operation(method: &Method) -> MethodDescription {
    let uploads = method.uploads().and_then(|at| method.positional().get(at));
    MethodDescription {
        name: method.name,
        summary: method.summary,
        positional: method.positional().iter().map(place).collect(),
        options: method.options().iter().map(option).collect(),
        permission: Some(method.requires),
        rule: None,
        writes: method.writes,
        downloads: method.streams(),
        uploads: uploads.map(|place| place.name.clone()),
        example: examples::python(method.name).unwrap_or_default(),
    }
}

fn standard(standard: Standard) -> MethodDescription {
    MethodDescription {
        name: standard.name(),
        summary: standard.summary(),
        positional: standard.parameter().iter().map(place).collect(),
        options: Vec::new(),
        permission: None,
        rule: standard.rule(),
        writes: false,
        downloads: false,
        uploads: None,
        example: examples::python(standard.name()).unwrap_or_default(),
    }
}

fn place(parameter: &Parameter) -> Argument {
    let mut types: Vec<_> = parameter.kinds.iter().map(|kind| kind.class()).collect();
    types.dedup();
    Argument {
        name: parameter.name.clone(),
        types,
        choices: parameter.choices.clone(),
        required: parameter.required,
        description: parameter.description.clone(),
    }
}

/// An option. Where a list has no place of its own, neither a name nor a dictionary stands for it.
fn option(parameter: &Parameter) -> Argument {
    let mut argument = place(parameter);
    if parameter.kinds.contains(&ArgumentKind::List) {
        argument.types = vec![ArgumentKind::List.class()];
    }
    // The service names the caller's community where none is given.
    if parameter.name == "vo" {
        argument.required = false;
        "The community; that of the caller's group when absent."
            .clone_into(&mut argument.description);
    }
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_of_a_method_has_a_type_and_a_meaning() {
        for method in methods() {
            assert!(!method.example.is_empty(), "{}", method.name);
            for argument in method.positional.iter().chain(&method.options) {
                let name = format!("{}: {}", method.name, argument.name);
                assert!(!argument.types.is_empty(), "{name} has no type");
                assert!(argument.description.ends_with('.'), "{name}: {}", argument.description);
            }
        }
    }

    #[test]
    fn the_client_in_python_has_every_method_with_its_options() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../python/src/SBKDIRAC/BookkeepingSystem/Client/SBKClient.py"
        );
        let client = std::fs::read_to_string(path).unwrap();
        for method in methods().iter().filter(|method| method.name != "refreshConfiguration") {
            let rest = client.split(&format!("    def {}(", method.name)).nth(1);
            let signature = rest.and_then(|rest| rest.split(") -> ").next()).expect(method.name);

            for option in &method.options {
                let named = format!("{}: ", option.name);
                assert!(signature.contains(&named), "{}: {}", method.name, option.name);
            }
        }
    }
}
