//! Operations as REST.

use std::time::Instant;

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, RawPathParams, RawQuery, State,
        rejection::{BytesRejection, RawPathParamsRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::{MethodFilter, MethodRouter, get, on},
};
use futures::future::BoxFuture;
use sbk_api::{Code, Listing, Problem, Verb};
use sbk_model::IdempotencyKey;
use sbk_registry::Method;
use sbk_service::{Call, CallContext, Caller};
use sbk_wire::Value;
use tower_http::{compression::CompressionLayer, decompression::RequestDecompressionLayer};
use tracing::Instrument;

use crate::{
    Config,
    app::Shared,
    authority::{Admitted, Peer},
    exchange::{self, Arguments, REQUEST_ID},
    face::Face,
    http::Origin,
    openapi, stream, tornado,
};

/// The header in which somebody with a plain certificate names the group that they act for.
const GROUP: &str = "x-dirac-group";

/// Where REST begins.
pub const BASE: &str = "/api/v1";

/// All routes of the service.
pub fn router(app: &Shared) -> Router {
    let most = app.config.server.max_body_bytes;
    tornado::routes(operations(Router::new()), app)
        .route("/health", get(health))
        .route("/ready", get(ready))
        .route("/metrics", get(show_metrics))
        .merge(openapi::pages())
        .fallback(nothing_here)
        .method_not_allowed_fallback(other_method)
        .layer(DefaultBodyLimit::max(most))
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(CompressionLayer::new())
        .with_state(app.clone())
}

/// Adds a route for each operation.
fn operations(router: Router<Shared>) -> Router<Shared> {
    macro_rules! add {
        (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
            [
                $(Endpoint::new::<$plain>(plain::<$plain>),)*
                $(Endpoint::new::<$listing>(listing::<$listing>),)*
            ]
        };
    }
    let endpoints = sbk_api::every_operation!(add);
    endpoints.into_iter().fold(router, |router, endpoint| {
        let path = format!("{BASE}{}", endpoint.path);
        router.route(&path, endpoint.route())
    })
}

fn filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Delete => MethodFilter::DELETE,
    }
}

/// An answer in progress, through a pointer.
type Answer<'a> = BoxFuture<'a, Result<Response, Problem>>;

/// What REST knows of an operation. Only reading its arguments, calling it and writing its answer
/// depend on its type, so that little is compiled anew for each.
#[derive(Clone, Copy)]
struct Endpoint {
    name: &'static str,
    path: &'static str,
    verb: Verb,
    /// Whether the body may be a report in a producer's format.
    reports: bool,
    run: for<'a> fn(&'a Request, &'a Caller, Arguments) -> Answer<'a>,
}

impl Endpoint {
    fn new<O: sbk_api::Operation>(
        run: for<'a> fn(&'a Request, &'a Caller, Arguments) -> Answer<'a>,
    ) -> Self {
        let reports = exchange::takes_reports::<O>();
        Self { name: O::NAME, path: O::PATH, verb: O::VERB, reports, run }
    }

    fn route(self) -> MethodRouter<Shared> {
        let handler = async move |State(app): State<Shared>,
                                  Extension(origin): Extension<Origin>,
                                  path: Result<RawPathParams, RawPathParamsRejection>,
                                  RawQuery(query): RawQuery,
                                  headers: HeaderMap,
                                  body: Result<Bytes, BytesRejection>| {
            let request = Request { app, origin, path: owned(path), query, headers, body };
            answer(self, request).await
        };
        on(filter(self.verb), handler)
    }
}

/// What a request brought, as far as it could be read.
struct Request {
    app: Shared,
    origin: Origin,
    path: Option<Vec<(String, String)>>,
    query: Option<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
}

fn plain<'a, O: Call>(
    request: &'a Request,
    caller: &'a Caller,
    arguments: Arguments,
) -> Answer<'a> {
    Box::pin(async move {
        let operation = arguments.read::<O>()?;
        let context = CallContext { idempotency_key: idempotency_key(&request.headers)? };
        let output = request.app.service.call(caller, operation, context).await;
        Ok(exchange::json(&output.map_err(|error| logged(O::NAME, error))?))
    })
}

fn listing<'a, L: Listing + Call>(
    request: &'a Request,
    caller: &'a Caller,
    arguments: Arguments,
) -> Answer<'a> {
    Box::pin(async move {
        let operation = arguments.read::<L>()?;
        let service = &request.app.service;
        let answer = if exchange::wants_lines(&request.headers) {
            stream::lines(service.clone(), caller.clone(), operation).await
        } else {
            let page = service.call(caller, operation, CallContext::default()).await;
            page.map(|page| exchange::json(&page))
        };
        answer.map_err(|error| logged(L::NAME, error))
    })
}

/// The arguments in the path; `None` when they are not UTF-8.
fn owned(path: Result<RawPathParams, RawPathParamsRejection>) -> Option<Vec<(String, String)>> {
    let path = path.ok()?;
    Some(path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// Logs a failure of ours, once.
fn logged(operation: &'static str, error: sbk_service::Error) -> Problem {
    if matches!(error.code(), Code::Internal | Code::Unavailable) {
        tracing::error!(operation, %error, "a request failed");
    }
    Problem::from(error)
}

/// Waits for an answer as long as a request may take.
async fn limited(request: &Request, answer: Answer<'_>) -> Result<Response, Problem> {
    let limit = request.app.config.request_limit();
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        Err(Problem::new(
            Code::Unavailable,
            format!("this took longer than {} s; ask for less at a time", limit.as_secs()),
        ))
    })
}

/// Takes a request from its arguments to its response: place, id, log, metrics.
async fn answer(endpoint: Endpoint, request: Request) -> Response {
    let began = Instant::now();
    let id = request_id(&request);
    let span = tracing::info_span!("request", request_id = %id, operation = endpoint.name);
    let admitted = match admitted(endpoint.name, &request).await {
        Ok(admitted) => admitted,
        Err(response) => return response,
    };
    let caller = &admitted.caller;
    let result = async {
        let _own = request.app.authority.place(caller).ok_or_else(|| {
            let text = "you have too many requests in progress; wait for one of them to end";
            Problem::new(Code::Busy, text)
        })?;
        let _place = request.app.requests.try_acquire().map_err(|_| {
            Problem::new(Code::Busy, "the service has too much to do; try again later")
        })?;
        if let Some(encoding) = request.headers.get(header::CONTENT_ENCODING)
            && encoding != "identity"
        {
            return Err(exchange::unknown_encoding(encoding));
        }
        let body = match &request.body {
            Ok(body) => body,
            Err(rejection) => return Err(bad_body(rejection, &request.app.config)),
        };
        let path = request.path.clone().ok_or_else(|| {
            Problem::new(Code::Invalid, "the path is not UTF-8 when its %XX are decoded")
        })?;
        let Endpoint { verb, reports, run, .. } = endpoint;
        let query = request.query.as_deref();
        let arguments = Arguments::gather(verb, reports, path, query, &request.headers, body)?;
        limited(&request, run(&request, caller, arguments)).await
    }
    .instrument(span.clone())
    .await;
    let mut response = match result {
        Ok(response) => response,
        Err(problem) => exchange::problem(&Problem { request_id: Some(id.clone()), ..problem }),
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let elapsed = began.elapsed();
    let status = response.status().as_u16();
    let code = response.status().as_str().to_owned();
    metrics::counter!("sbk_requests_total", "operation" => endpoint.name, "status" => code)
        .increment(1);
    metrics::histogram!("sbk_request_seconds", "operation" => endpoint.name).record(elapsed);
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(status, elapsed_ms, "answered"));
    response
}

/// Says who calls, or answers that they may not: 401 to somebody who showed nothing, 403 to
/// others.
async fn admitted(operation: &'static str, request: &Request) -> Result<Admitted, Response> {
    let Request { app, origin, headers, .. } = request;
    let method = Method::Call(operation);
    let group = headers.get(GROUP).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let extra = Value::from(group);
    let admitted = match origin.peer_with(headers, app).await {
        Ok(peer) => app.authority.admit(Face::Bookkeeping, &peer, &extra, method, None, app.now()),
        Err(refused) => Err(refused),
    };
    admitted.map_err(|refused| {
        app.security.refused(origin.address, operation, &refused);
        let (status, text) = match origin.peer {
            Peer::Nobody => {
                let text = "who calls is not known; use a certificate, a proxy or a token";
                (StatusCode::UNAUTHORIZED, text)
            }
            Peer::Local | Peer::Certified(_) | Peer::Bearer(_) => {
                (StatusCode::FORBIDDEN, "you are not known here, or may not do this")
            }
        };
        exchange::problem_with(status, &Problem::new(Code::Forbidden, text))
    })
}

fn bad_body(rejection: &BytesRejection, config: &Config) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let most = config.server.max_body_bytes;
        let text = format!("the body is longer than {most} bytes; split the call");
        return Problem::new(Code::TooLarge, text);
    }
    Problem::new(Code::Invalid, "the body ended early or cannot be unpacked")
}

/// The caller's id for the request, or a new one.
fn request_id(request: &Request) -> String {
    request
        .headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<sbk_model::RequestId>().ok())
        .map_or_else(|| request.app.request_id(), |id| id.to_string())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or_else(|| Problem {
        field: Some("Idempotency-Key".into()),
        ..Problem::new(Code::Invalid, "Idempotency-Key: is not 1 to 128 printable characters")
    })
}

/// Says that the process lives.
async fn health() -> Response {
    exchange::json(&serde_json::json!({ "status": "ok" }))
}

/// Says whether requests can be answered: the database is there, and its tables are current.
async fn ready(State(app): State<Shared>) -> Response {
    match app.service.pending_migrations().await {
        Ok(pending) if pending.is_empty() => {
            exchange::json(&serde_json::json!({ "status": "ready" }))
        }
        Ok(pending) => {
            let text = format!("the database lacks {}; run `sbk db migrate`", pending.join(", "));
            exchange::problem(&Problem::new(Code::Unavailable, text))
        }
        Err(error) => exchange::problem(&Problem::from(error)),
    }
}

async fn show_metrics(State(app): State<Shared>) -> Response {
    let (open, used) = app.service.store().connections();
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    {
        metrics::gauge!("sbk_database_connections").set(open as f64);
        metrics::gauge!("sbk_database_connections_in_use").set(used as f64);
    }
    exchange::with_body(StatusCode::OK, "text/plain; version=0.0.4", app.metrics.render())
}

async fn nothing_here(uri: axum::http::Uri) -> Response {
    let text = format!("there is nothing at {}; see {BASE}/docs", uri.path());
    exchange::problem(&Problem::new(Code::NotFound, text))
}

async fn other_method(method: axum::http::Method, uri: axum::http::Uri) -> Response {
    let text = format!("{} does not take {method}; see {BASE}/docs", uri.path());
    let problem = Problem::new(Code::Invalid, text);
    exchange::problem_with(StatusCode::METHOD_NOT_ALLOWED, &problem)
}
