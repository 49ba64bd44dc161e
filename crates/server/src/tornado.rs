//! RPC over HTTPS, as DIRAC's Tornado services speak it: a form at the path of the service.
//!
//! Statuses are those of DIRAC 9.1.22 (`Core/Tornado/Server/private/BaseRequestHandler.py`), which
//! its client maps to errors (`Core/Tornado/Client/private/TornadoBaseClient.py`).

mod form;

use axum::{
    Extension, Router,
    body::Body,
    extract::{DefaultBodyLimit, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
    routing::post,
};
use futures::TryStreamExt;
use sbk_dirac::{Answer, catalog::FileCatalog};
use sbk_registry::Method;
use sbk_wire::{Encoding, Limits, Value};

use self::form::{Form, Pieces};
use crate::{
    app::Shared,
    authority::{Admitted, Peer},
    exchange::with_body,
    face::Face,
    http::Origin,
    rpc::{self, Failure, FileId, Standard, failed, ok},
};

/// Adds the paths of the service's names.
pub fn routes(router: Router<Shared>, app: &Shared) -> Router<Shared> {
    let config = &app.config;
    let names = config.dirac.names().chain(config.file_catalog.names());
    let unique: std::collections::BTreeSet<_> = names.collect();
    unique.into_iter().fold(router, |router, name| {
        let Some(face) = Face::find(config, name) else { return router };
        // The body is taken piece by piece, and bounded there.
        let serve = post(move |state, origin, query, headers, body| {
            call(face, state, origin, query, headers, body)
        });
        router.route(&format!("/{name}"), serve.layer(DefaultBodyLimit::disable()))
    })
}

/// What went wrong before there was a result.
struct Wrong {
    status: StatusCode,
    text: String,
}

impl Wrong {
    fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }
}

async fn call(
    face: Face,
    State(app): State<Shared>,
    Extension(origin): Extension<Origin>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match answer(&app, face, &origin, query.as_deref(), &headers, body).await {
        Ok(response) => response,
        Err(Wrong { status, text }) => with_body(status, "text/plain; charset=utf-8", text),
    }
}

async fn answer(
    app: &Shared,
    face: Face,
    origin: &Origin,
    query: Option<&str>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Wrong> {
    let bad = |text: &str| Wrong::new(StatusCode::BAD_REQUEST, text);
    let peer = origin.peer_with(headers, app).await.map_err(|refused| {
        app.security.refused(origin.address, "token", &refused);
        unauthorised()
    })?;
    if matches!(peer, Peer::Nobody) {
        // Not even what is open to all is open to somebody who shows nothing.
        app.security.refused(origin.address, "https", &"neither a certificate nor a token");
        return Err(unauthorised());
    }
    let origin = &Origin { peer, address: origin.address };
    let mut form = Form::read(query, body, app.config.server.max_body_bytes).await?;
    let method = form.method.take().ok_or_else(|| bad("method: is not given"))?;
    let method = method.as_str();
    let extra = match &form.extra {
        None => Value::Null,
        Some(text) => {
            let limits = Limits { depth: 4, values: 16 };
            let extra = Encoding::Json.decode(text.as_bytes(), limits);
            extra.map_err(|error| bad(&format!("extraCredentials: {error}")))?
        }
    };
    let coded = match Standard::find(method) {
        Some(Standard::Whoami) => Some("authenticated"),
        other => other.and_then(Standard::rule),
    };
    let is_transfer = matches!(method, "streamToClient" | "streamFromClient");
    let is_known = match face {
        Face::Bookkeeping => app.methods.find(method).is_some(),
        Face::FileCatalog => FileCatalog::knows(method),
    };
    if Standard::find(method).is_none() && !is_transfer && !is_known {
        return Err(Wrong::new(StatusCode::NOT_IMPLEMENTED, format!("Unknown method {method}")));
    }
    let admitted = admit(app, face, origin, &extra, method, coded)?;
    if method == "streamFromClient" && face == Face::FileCatalog {
        return Err(bad("the FileCatalog takes no files"));
    }
    if method == "streamFromClient" {
        let pieces = form.pieces()?;
        let result = upload(app, origin, &extra, admitted, pieces).await?;
        return json(&result.map_or_else(|failure| failed(&failure), ok));
    }
    let arguments = match &form.arguments {
        None => Vec::new(),
        Some(text) => match Encoding::Json.decode(text.as_bytes(), Limits::default()) {
            Ok(Value::List(arguments)) => arguments,
            Ok(_) => return Err(bad("args: is no list")),
            Err(error) => {
                return Err(Wrong::new(StatusCode::BAD_REQUEST, format!("args: {error}")));
            }
        },
    };
    if method == "streamToClient" && face == Face::FileCatalog {
        return dump(app, &admitted, &arguments).await;
    }
    if method == "streamToClient" {
        return download(app, origin, &extra, admitted, &arguments).await;
    }
    if form.is_raw {
        return Err(bad("rawContent: is for streamToClient only"));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let url = format!("https://{}/{}", host.unwrap_or_default(), face.name(&app.config));
    let incoming = rpc::Incoming { face, admitted, method, arguments, url: &url, wire: "https" };
    let result = rpc::dispatch(app, incoming).await;
    json(&result.map_or_else(|failure| failed(&failure), Answer::result))
}

fn json(value: &Value) -> Result<Response, Wrong> {
    match Encoding::Json.encode(value) {
        Ok(body) => Ok(with_body(StatusCode::OK, "application/json", body)),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written");
            Err(Wrong::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written"))
        }
    }
}

fn unauthorised() -> Wrong {
    Wrong::new(StatusCode::UNAUTHORIZED, "Unauthorized query")
}

fn admit(
    app: &Shared,
    face: Face,
    origin: &Origin,
    extra: &Value,
    method: &str,
    coded: Option<&str>,
) -> Result<Admitted, Wrong> {
    let (method_called, now) = (Method::Call(method), app.now());
    let admitted = app.authority.admit(face, &origin.peer, extra, method_called, coded, now);
    admitted.map_err(|refused| {
        app.security.refused(origin.address, method, &refused);
        unauthorised()
    })
}

/// The file id of a transfer, whose method has to be admitted, too.
fn file_id(
    app: &Shared,
    origin: &Origin,
    extra: &Value,
    arguments: &[Value],
) -> Result<FileId, Wrong> {
    let text = arguments.first().and_then(Value::text).unwrap_or_default();
    let file_id = FileId::read(text).map_err(|failure| wrong(&failure))?;
    admit(app, Face::Bookkeeping, origin, extra, file_id.method(), None)?;
    Ok(file_id)
}

/// A failure as a status. The client of DIRAC raises on it, where it would take a result with
/// status 200 for the content of the file.
fn wrong(failure: &Failure) -> Wrong {
    let status = match failure.errno {
        13 | 1111 => StatusCode::FORBIDDEN,
        2 => StatusCode::NOT_FOUND,
        11 => StatusCode::SERVICE_UNAVAILABLE,
        5 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    };
    Wrong::new(status, failure.message.clone())
}

async fn download(
    app: &Shared,
    origin: &Origin,
    extra: &Value,
    admitted: Admitted,
    arguments: &[Value],
) -> Result<Response, Wrong> {
    let file_id = file_id(app, origin, extra, arguments)?;
    let name = file_id.method().to_owned();
    let caller = admitted.caller.clone();
    let work = file_id.download(&app.methods, app.service.clone(), caller);
    let lines = rpc::placed(app, &admitted, &name, "https", rpc::Kind::Transfer, work).await;
    let lines = lines.map_err(|failure| wrong(&failure))?;
    // A failure on the way breaks the connection off, so that the client cannot take a part for
    // the whole.
    let body = Body::from_stream(lines.map_err(|problem| std::io::Error::other(problem.detail)));
    Ok(with_body(StatusCode::OK, "application/octet-stream", body))
}

/// Sends the replicas at storage elements.
async fn dump(app: &Shared, admitted: &Admitted, arguments: &[Value]) -> Result<Response, Wrong> {
    let names = arguments.first().and_then(Value::text).unwrap_or_default();
    let work = async { app.catalog.dump(&admitted.principal(app), names) };
    let rows = rpc::placed(app, admitted, "getSEDump", "https", rpc::Kind::Transfer, work).await;
    let rows = rows.map_err(|failure| wrong(&failure))?;
    let body = Body::from_stream(rows.map_err(|problem| std::io::Error::other(problem.detail)));
    Ok(with_body(StatusCode::OK, "application/octet-stream", body))
}

async fn upload(
    app: &Shared,
    origin: &Origin,
    extra: &Value,
    admitted: Admitted,
    mut pieces: Pieces,
) -> Result<Result<Value, Failure>, Wrong> {
    let file_id = file_id(app, origin, extra, &[Value::from(pieces.file_id())])?;
    let name = file_id.method().to_owned();
    let caller = admitted.caller.clone();
    let work = async {
        let mut upload = file_id.upload(&app.methods, app.service.clone(), caller)?;
        while let Some(piece) = pieces.next()? {
            upload.push(&piece).await?;
        }
        upload.finish().await
    };
    Ok(rpc::placed(app, &admitted, &name, "https", rpc::Kind::Transfer, work).await)
}
