//! What a request says, and how an answer is written.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use sbk_api::{Code, Operation, Problem, ReportFormat, ReportJob, Verb};
use serde_json::{Map, Value};

/// The header that carries the id of a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The status that stands for a failure.
pub fn status(code: Code) -> StatusCode {
    match code {
        Code::Invalid => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Conflict => StatusCode::CONFLICT,
        Code::Forbidden => StatusCode::FORBIDDEN,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Busy => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes a failure as `application/problem+json` (RFC 9457).
pub fn problem(problem: &Problem) -> Response {
    problem_with(status(problem.code), problem)
}

/// Writes a failure of HTTP itself, whose status no code stands for.
pub fn problem_with(status: StatusCode, problem: &Problem) -> Response {
    let mut body = serde_json::to_value(problem).unwrap_or_default();
    if let Some(map) = body.as_object_mut() {
        map.insert("type".into(), "about:blank".into());
        map.insert("status".into(), status.as_u16().into());
        map.insert("title".into(), status.canonical_reason().unwrap_or("").into());
    }
    let mut response = with_body(status, "application/problem+json", body.to_string());
    if problem.code.is_temporary() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// Refuses a body that is packed in a way that we cannot unpack: what we can, is unpacked before,
/// and its header is gone.
pub fn unknown_encoding(encoding: &HeaderValue) -> Problem {
    let shown = encoding.to_str().unwrap_or("of this request");
    let text = format!("the body's encoding {shown:?} is not known; send it as it is, or use gzip");
    Problem { field: Some("Content-Encoding".into()), ..Problem::new(Code::Invalid, text) }
}

/// Writes an answer as JSON.
pub fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => with_body(StatusCode::OK, "application/json", body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            self::problem(&Problem::new(Code::Internal, "the answer cannot be written"))
        }
    }
}

/// A response of one type.
pub fn with_body(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// Whether the caller asks for one item a line.
pub fn wants_lines(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("ndjson"))
}

/// The types of bodies that are a report in a producer's format, and not arguments in JSON. Which
/// format an XML document has, its first element says.
pub const REPORT_TYPES: &[(&str, ReportFormat)] = &[
    ("application/vnd.lhcb.job+xml", ReportFormat::Lhcb),
    ("application/xml", ReportFormat::Auto),
    ("text/xml", ReportFormat::Auto),
    ("application/vnd.cms.dbs.block+json", ReportFormat::BulkBlock),
];

/// Whether an operation takes bodies of [`REPORT_TYPES`].
pub fn takes_reports<O: Operation>() -> bool {
    O::NAME == ReportJob::NAME
}

/// The body of a request as arguments in JSON: a report in a producer's format is put into them.
pub fn body<O: Operation>(headers: &HeaderMap, body: &Bytes) -> Bytes {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let format = REPORT_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind));
    let Some((_, format)) = format.filter(|_| takes_reports::<O>()) else { return body.clone() };
    let text = sbk_formats::decode(body);
    serde_json::json!({ "reports": [text], "format": format }).to_string().into()
}

/// Reads the arguments of an operation from path, query string and body.
pub fn arguments<O: Operation>(
    path: Vec<(String, String)>,
    query: Option<&str>,
    body: &Bytes,
) -> Result<O, Problem> {
    let has_body = matches!(O::VERB, Verb::Post | Verb::Put | Verb::Patch);
    if has_body && path.is_empty() && query.is_none_or(str::is_empty) {
        let body: &[u8] = if body.is_empty() { b"{}" } else { body };
        return serde_json::from_slice(body).map_err(|_| explain::<O>(body));
    }
    let mut map = Map::new();
    if has_body && !body.is_empty() {
        map = serde_json::from_slice(body).map_err(|error| {
            Problem::new(Code::Invalid, format!("the body is not a JSON object: {error}"))
        })?;
    }
    for (name, value) in pairs(query)? {
        let value = match name.as_str() {
            "where" => serde_json::from_str(&value).map_err(|error| Problem {
                field: Some(name.clone()),
                ..Problem::new(Code::Invalid, format!("where: is not JSON: {error}"))
            })?,
            _ => Value::String(value),
        };
        map.insert(name, value);
    }
    map.extend(path.into_iter().map(|(name, value)| (name, Value::String(value))));
    let value = Value::Object(map);
    serde_path_to_error::deserialize(value).map_err(|error| complain(&error))
}

/// The pairs of a query string.
fn pairs(query: Option<&str>) -> Result<Vec<(String, String)>, Problem> {
    let query = query.unwrap_or_default();
    let uri: axum::http::Uri = format!("/?{query}").parse().map_err(|_| bad_query())?;
    axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri)
        .map(|pairs| pairs.0)
        .map_err(|_| bad_query())
}

fn bad_query() -> Problem {
    Problem::new(Code::Invalid, "the query string cannot be read; percent-encode its values")
}

/// Reads a body again, slowly, to say where it is wrong.
fn explain<O: Operation>(body: &[u8]) -> Problem {
    let mut reader = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize::<_, O>(&mut reader) {
        Err(error) => complain(&error),
        Ok(_) => Problem::new(Code::Invalid, "the body has something after its end"),
    }
}

fn complain<E: std::fmt::Display>(error: &serde_path_to_error::Error<E>) -> Problem {
    let path = error.path().to_string();
    let inner = error.inner().to_string();
    if path == "." {
        return Problem::new(Code::Invalid, inner);
    }
    let detail = format!("{path}: {inner}");
    Problem { field: Some(path), ..Problem::new(Code::Invalid, detail) }
}
