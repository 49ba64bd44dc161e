//! What a request says, and how an answer is written.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use sbk_api::{Code, Operation, Problem, ReportFormat, ReportJob, Verb};
use serde::de::DeserializeOwned;
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
fn unwrapped(headers: &HeaderMap, body: &Bytes) -> Bytes {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    let format = REPORT_TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(kind));
    let Some((_, format)) = format else { return body.clone() };
    let text = sbk_formats::decode(body);
    serde_json::json!({ "reports": [text], "format": format }).to_string().into()
}

/// The arguments of an operation, not yet read.
pub enum Arguments {
    /// All are in the body.
    Body(Bytes),
    /// From path, query string and body together.
    Gathered(Map<String, Value>),
}

impl Arguments {
    /// Gathers them from a request for an operation with a verb; `reports` says that the body may
    /// be a report in a producer's format.
    pub fn gather(
        verb: Verb,
        reports: bool,
        path: Vec<(String, String)>,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Self, Problem> {
        let body = if reports { unwrapped(headers, body) } else { body.clone() };
        let has_body = matches!(verb, Verb::Post | Verb::Put | Verb::Patch);
        if has_body && path.is_empty() && query.is_none_or(str::is_empty) {
            let is_empty = body.is_empty();
            return Ok(Self::Body(if is_empty { Bytes::from_static(b"{}") } else { body }));
        }
        let mut map = Map::new();
        if has_body && !body.is_empty() {
            map = serde_json::from_slice(&body).map_err(|error| {
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
        Ok(Self::Gathered(map))
    }

    /// Reads them.
    pub fn read<O: Operation>(self) -> Result<O, Problem> {
        match self {
            // Bodies can be long: they are read without a detour, and again to say what is wrong.
            Self::Body(body) => serde_json::from_slice(&body).map_err(|_| explain::<O>(&body)),
            Self::Gathered(map) => located(Value::Object(map)).map_err(Problem::from),
        }
    }
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
    match located::<O, _>(&mut reader) {
        Err(error) => Problem::from(error),
        Ok(_) => Problem::new(Code::Invalid, "the body has something after its end"),
    }
}

/// What is wrong with arguments, and where.
pub struct Misread {
    path: String,
    text: String,
}

impl From<Misread> for Problem {
    fn from(Misread { path, text }: Misread) -> Self {
        if path == "." {
            return Self::new(Code::Invalid, text);
        }
        let detail = format!("{path}: {text}");
        Self { field: Some(path), ..Self::new(Code::Invalid, detail) }
    }
}

/// Reads arguments and says where they are wrong. They are read through a pointer, so that there
/// is one reader of each operation for all that arguments come from.
pub fn located<'de, O, D>(given: D) -> Result<O, Misread>
where
    O: DeserializeOwned,
    D: serde::Deserializer<'de>,
{
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(given, &mut track);
    let mut erased = <dyn erased_serde::Deserializer>::erase(tracked);
    let read = erased_serde::deserialize::<O>(&mut erased).map_err(|error| error.to_string());
    drop(erased);
    read.map_err(|text| Misread { path: track.path().to_string(), text })
}
