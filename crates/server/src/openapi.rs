//! The OpenAPI document, made from the operations, and the page to try them.

use std::collections::BTreeMap;

use axum::{Router, routing::get};
use sbk_api::{Listing, Operation, Problem, Verb};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Array, ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi,
        OpenApiBuilder, PathsBuilder, Ref, RefOr, Required, ResponseBuilder, ResponsesBuilder,
        path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, PathItem},
        request_body::RequestBodyBuilder,
        schema::Schema,
    },
};

use crate::{exchange, rest::BASE};

/// Schemas by name.
type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Gathers paths and schemas from operations.
#[derive(Default)]
struct Gathering {
    paths: PathsBuilder,
    schemas: Schemas,
}

/// The OpenAPI 3.1 document of all operations.
pub fn document() -> OpenApi {
    let mut gathering = Gathering::default();
    macro_rules! add {
        (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
            $(gathering.add_plain::<$plain>();)*
            $(gathering.add_listing::<$listing>();)*
        };
    }
    sbk_api::every_operation!(add);
    gathering.add_schema::<Problem>();
    let about = "Bookkeeping for experiments that run on DIRAC. Lists answer page by page, or \
                 as one JSON object a line with `Accept: application/x-ndjson`. Writes take an \
                 `Idempotency-Key`, and are safe to repeat.";
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("SBK")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(about))
                .build(),
        )
        .paths(gathering.paths.build())
        .components(Some(ComponentsBuilder::new().schemas_from_iter(gathering.schemas).build()))
        .build()
}

impl Gathering {
    fn add_schema<T: ToSchema>(&mut self) {
        let mut found = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut found);
        self.schemas.extend(found);
    }

    fn add_plain<O: Operation>(&mut self) {
        self.add_schema::<O::Output>();
        self.add::<O>(&O::Output::name(), false);
    }

    /// Adds a list, whose pages are named after their items: a generic type has one name.
    fn add_listing<L: Listing>(&mut self) {
        self.add_schema::<L::Item>();
        let name = format!("PageOf{}", L::Item::name());
        let items = Array::new(Ref::from_schema_name(L::Item::name()));
        let page = ObjectBuilder::new()
            .description(Some("One page of a list."))
            .property("items", items)
            .required("items")
            .property("next", String::schema());
        self.schemas.insert(name.clone(), page.build().into());
        self.add::<L>(&name, true);
    }

    /// Adds an operation whose answer has a name.
    fn add<O: Operation>(&mut self, answer: &str, streams: bool) {
        self.add_schema::<O>();
        let subject = O::PATH.trim_start_matches('/').split('/').next().unwrap_or("other");
        let mut operation = OperationBuilder::new()
            .operation_id(Some(O::NAME))
            .summary(Some(O::SUMMARY))
            .description(Some(format!("Needs the `{:?}` permission.", O::REQUIRES)))
            .tag(subject.to_owned())
            .responses(responses(answer, streams));
        for parameter in parameters::<O>() {
            operation = operation.parameter(parameter);
        }
        if matches!(O::VERB, Verb::Post | Verb::Put | Verb::Patch) {
            let mut body = RequestBodyBuilder::new()
                .content("application/json", content::<O>())
                .required(Some(Required::True));
            if exchange::takes_reports::<O>() {
                for (kind, _) in exchange::REPORT_TYPES {
                    let text = ContentBuilder::new().schema(Some(String::schema())).build();
                    body = body.content(*kind, text);
                }
            }
            operation = operation.request_body(Some(body.build()));
        }
        let method = match O::VERB {
            Verb::Get => HttpMethod::Get,
            Verb::Post => HttpMethod::Post,
            Verb::Put => HttpMethod::Put,
            Verb::Patch => HttpMethod::Patch,
            Verb::Delete => HttpMethod::Delete,
        };
        let paths = std::mem::take(&mut self.paths);
        self.paths =
            paths.path(format!("{BASE}{}", O::PATH), PathItem::new(method, operation.build()));
    }
}

fn content<T: ToSchema>() -> utoipa::openapi::Content {
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build()
}

fn responses(answer: &str, streams: bool) -> utoipa::openapi::Responses {
    let answer = ContentBuilder::new().schema(Some(Ref::from_schema_name(answer))).build();
    let mut good = ResponseBuilder::new().description("Done.").content("application/json", answer);
    if streams {
        let lines = ContentBuilder::new().schema(Some(String::schema())).build();
        good = good.content("application/x-ndjson", lines);
    }
    let mut responses = ResponsesBuilder::new().response("200", good.build());
    for code in sbk_api::Code::ALL {
        let status = exchange::status(*code);
        let bad = ResponseBuilder::new()
            .description(status.canonical_reason().unwrap_or("Failed"))
            .content("application/problem+json", content::<Problem>());
        responses = responses.response(status.as_str(), bad.build());
    }
    responses.build()
}

/// The arguments that stand in the query string beside a report in a producer's format.
const REPORT_PARAMETERS: &[&str] = &["vo", "name"];

/// Arguments in the path and, for operations without a body, in the query string.
fn parameters<O: Operation>() -> Vec<utoipa::openapi::path::Parameter> {
    let in_query = matches!(O::VERB, Verb::Get | Verb::Delete);
    properties::<O>()
        .into_iter()
        .filter_map(|(name, schema, required)| {
            let in_path = O::PATH.contains(&format!("{{{name}}}"));
            // A report in a producer's format leaves no place in the body for these.
            let beside_report =
                exchange::takes_reports::<O>() && REPORT_PARAMETERS.contains(&&*name);
            if !in_path && !in_query && !beside_report {
                return None;
            }
            let place = if in_path { ParameterIn::Path } else { ParameterIn::Query };
            let needed =
                if in_path || (required && in_query) { Required::True } else { Required::False };
            let parameter = ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .required(needed)
                .schema(Some(schema));
            Some(parameter.build())
        })
        .collect()
}

/// The arguments of an operation: name, schema, whether it must be given.
pub fn properties<O: Operation>() -> Vec<(String, RefOr<Schema>, bool)> {
    let mut schemas = vec![];
    O::schemas(&mut schemas);
    let schemas: Schemas = schemas.into_iter().collect();
    let mut properties = Vec::new();
    collect(&O::schema(), &schemas, &mut properties);
    properties
}

/// The properties of an object, those of flattened parts included.
fn collect(
    schema: &RefOr<Schema>,
    schemas: &Schemas,
    properties: &mut Vec<(String, RefOr<Schema>, bool)>,
) {
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            if let Some(target) = schemas.get(name) {
                collect(target, schemas, properties);
            }
        }
        RefOr::T(Schema::Object(object)) => {
            properties.extend(object.properties.iter().map(|(name, schema)| {
                (name.clone(), schema.clone(), object.required.contains(name))
            }));
        }
        RefOr::T(Schema::AllOf(all)) => {
            all.items.iter().for_each(|part| collect(part, schemas, properties));
        }
        RefOr::T(_) => {}
    }
}

/// The document as JSON, and the page that shows it.
pub fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let place = format!("{BASE}/openapi.json");
    let page = utoipa_swagger_ui::SwaggerUi::new(format!("{BASE}/docs")).url(place, document());
    let home = async || axum::response::Redirect::temporary(&format!("{BASE}/docs"));
    Router::new().route("/", get(home)).merge(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_openapi_document_in_docs_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        let mut text = document().to_pretty_json().unwrap();
        text.push('\n');

        if std::env::var_os("SBK_UPDATE").is_some() {
            std::fs::write(path, &text).unwrap();
        }

        let kept = std::fs::read_to_string(path).unwrap();
        assert!(kept == text, "run SBK_UPDATE=1 cargo test -p sbk-server openapi");
    }

    #[test]
    fn the_document_names_every_operation_and_all_that_it_refers_to() {
        macro_rules! count {
            (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
                [$(<$plain>::NAME,)* $(<$listing>::NAME,)*].len()
            };
        }
        let text = document().to_pretty_json().unwrap();

        let value: serde_json::Value = serde_json::from_str(&text).unwrap();

        assert!(value["openapi"].as_str().unwrap().starts_with("3.1"));
        let schemas = value["components"]["schemas"].as_object().unwrap();
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name} is not described");
        }
        let operations: usize = value["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|p| p.as_object().unwrap().len())
            .sum();
        assert_eq!(operations, sbk_api::every_operation!(count));
    }
}
