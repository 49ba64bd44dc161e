//! The table of methods, made from the operations.

use std::collections::HashMap;

use futures::future::BoxFuture;
use sbk_api::{Code, Listing, Operation, Problem};
use sbk_model::Permission;
use sbk_service::{Call, CallContext, Caller, Service};
use sbk_wire::Value;

use super::{
    Failure, answer, arguments,
    parameter::{Kind, Parameter, parameter},
    xml_report,
};
use crate::{
    exchange, openapi,
    stream::{self, Lines},
};

type Called = fn(Service, Caller, Value, CallContext) -> BoxFuture<'static, Result<Value, Failure>>;
type Streamed = fn(Service, Caller, Value) -> BoxFuture<'static, Result<Lines, Failure>>;

/// One method.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// The permission that a caller needs.
    pub requires: Permission,
    /// Whether it changes anything.
    pub writes: bool,
    pub(super) places: Vec<Parameter>,
    pub(super) options: Vec<Parameter>,
    pub(super) call: Called,
    pub(super) lines: Option<Streamed>,
}

impl Method {
    /// The arguments that are given by their place.
    pub fn positional(&self) -> &[Parameter] {
        &self.places
    }

    /// The arguments that are given in the dictionary at the end.
    pub fn options(&self) -> &[Parameter] {
        &self.options
    }

    /// Whether its answer can be streamed.
    pub fn streams(&self) -> bool {
        self.lines.is_some()
    }

    /// The place of the list that can be uploaded in pieces.
    pub fn uploads(&self) -> Option<usize> {
        let is_list = |name: &str| {
            matches!(
                name,
                "files" | "replicas" | "lfns" | "records" | "elements" | "datasets" | "directories"
            )
        };
        self.places.iter().position(|place| self.writes && is_list(&place.name))
    }

    /// Calls it with arguments in their places.
    pub async fn call(
        &self,
        service: Service,
        caller: Caller,
        given: Vec<Value>,
        context: CallContext,
    ) -> Result<Value, Failure> {
        let given = self.completed(arguments::named(self, given)?, &caller);
        (self.call)(service, caller, given, context).await
    }

    /// Calls it with arguments by their names.
    pub async fn call_named(
        &self,
        service: Service,
        caller: Caller,
        given: Value,
        context: CallContext,
    ) -> Result<Value, Failure> {
        let given = self.completed(given, &caller);
        (self.call)(service, caller, given, context).await
    }

    /// Begins to stream its answer.
    pub async fn stream(
        &self,
        service: Service,
        caller: Caller,
        given: Vec<Value>,
    ) -> Result<Lines, Failure> {
        let lines = self.lines.ok_or_else(|| {
            let text = format!("{} does not answer a list; call it as RPC", self.name);
            Failure::from(Problem::new(Code::Invalid, text))
        })?;
        let given = self.completed(arguments::named(self, given)?, &caller);
        lines(service, caller, given).await
    }

    /// Names the caller's community where the method takes one and none is given.
    pub(super) fn completed(&self, given: Value, caller: &Caller) -> Value {
        let Value::Dict(mut entries) = given else { return given };
        let takes_vo = self.places.iter().chain(&self.options).any(|p| p.name == "vo");
        let has_vo = entries.iter().any(|(name, _)| name.text() == Some("vo"));
        if takes_vo
            && !has_vo
            && let Some(vo) = &caller.vo
        {
            entries.push((Value::from("vo"), Value::from(vo.as_str())));
        }
        Value::Dict(entries)
    }
}

pub(super) fn read<O: Operation>(arguments: Value) -> Result<O, Failure> {
    exchange::located(arguments).map_err(|wrong| {
        // On these wires the text alone says which argument is meant.
        Failure::from(Problem { field: None, ..Problem::from(wrong) })
    })
}

pub(super) fn refused<O: Operation>(error: &sbk_service::Error) -> Failure {
    if matches!(error.code(), Code::Internal | Code::Unavailable) {
        tracing::error!(operation = O::NAME, %error, "a request failed");
    }
    Failure::from(Problem::from(error))
}

fn call<O: Call>(
    service: Service,
    caller: Caller,
    arguments: Value,
    context: CallContext,
) -> BoxFuture<'static, Result<Value, Failure>> {
    Box::pin(async move {
        let operation = read::<O>(arguments)?;
        let output = service.call(&caller, operation, context).await;
        let output = output.map_err(|error| refused::<O>(&error))?;
        Ok(answer::shaped(&output)?)
    })
}

fn lines<L: Listing + Call>(
    service: Service,
    caller: Caller,
    arguments: Value,
) -> BoxFuture<'static, Result<Lines, Failure>> {
    Box::pin(async move {
        let operation = read::<L>(arguments)?;
        let pages = stream::pages(service, caller, operation).await;
        pages.map_err(|error| refused::<L>(&error))
    })
}

/// All methods, by name.
pub struct Methods {
    list: Vec<Method>,
    by_name: HashMap<&'static str, usize>,
}

impl Methods {
    /// Makes the table.
    pub fn new() -> Self {
        let mut list = Vec::new();
        macro_rules! add {
            (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
                $(list.extend(method::<$plain>(None));)*
                $(list.extend(method::<$listing>(Some(lines::<$listing>)));)*
            };
        }
        sbk_api::every_operation!(add);
        list.push(xml_report::method());
        list.sort_by_key(|method| method.name);
        let by_name = list.iter().enumerate().map(|(at, method)| (method.name, at)).collect();
        Self { list, by_name }
    }

    /// The method of a name.
    pub fn find(&self, name: &str) -> Option<&Method> {
        self.list.get(*self.by_name.get(name)?)
    }

    /// All of them, by name.
    pub fn iter(&self) -> std::slice::Iter<'_, Method> {
        self.list.iter()
    }
}

impl<'a> IntoIterator for &'a Methods {
    type Item = &'a Method;
    type IntoIter = std::slice::Iter<'a, Method>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Default for Methods {
    fn default() -> Self {
        Self::new()
    }
}

fn method<O: Call>(lines: Option<Streamed>) -> Option<Method> {
    let positional = O::POSITIONAL?;
    let mut schemas = vec![];
    O::schemas(&mut schemas);
    let schemas: HashMap<_, _> = schemas.into_iter().collect();
    let properties = openapi::properties::<O>().into_iter();
    let mut options: Vec<_> = properties.map(|property| parameter(property, &schemas)).collect();
    let mut take = |name: &str| {
        if name == "query" {
            options.retain(|option| !matches!(option.name.as_str(), "expr" | "where"));
            return query();
        }
        let at = options.iter().position(|option| option.name == name);
        options.remove(at.expect("a place has the name of an argument, as a test checks"))
    };
    let places = positional.iter().map(|name| take(name)).collect();
    Some(Method {
        name: O::NAME,
        summary: O::SUMMARY,
        requires: O::REQUIRES,
        writes: O::WRITES,
        places,
        options,
        call: call::<O>,
        lines,
    })
}

/// What stands for `expr` and `where`.
fn query() -> Parameter {
    Parameter {
        name: "query".into(),
        kinds: vec![Kind::Text, Kind::Dict],
        required: true,
        choices: Vec::new(),
        description: "A text in the query language, or a dictionary of conditions.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_but_the_one_of_rest_alone_is_a_method() {
        macro_rules! count {
            (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
                [$(<$plain>::NAME,)* $(<$listing>::NAME,)*].len()
            };
        }

        let methods = Methods::new();

        // One operation is for REST alone, and one method is none: `sendXMLBookkeepingReport`.
        assert_eq!(methods.iter().count(), sbk_api::every_operation!(count));
        assert!(methods.find("addFiles").is_some_and(|method| !method.streams()));
        assert!(methods.find("findFiles").is_some_and(Method::streams));
        assert!(methods.find("postFindFiles").is_none());
    }
}
