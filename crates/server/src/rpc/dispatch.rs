//! One call, from its method to its result.

use std::time::{Duration, Instant};

use sbk_api::{Code, Problem};
use sbk_service::CallContext;
use sbk_wire::Value;
use tracing::Instrument;

use sbk_dirac::{Answer, catalog::Method as CatalogMethod};

use super::{Failure, Standard, standard::started};
use crate::{app::Shared, authority::Admitted, face::Face};

/// A call that was admitted.
#[derive(Debug)]
pub struct Incoming<'a> {
    /// The service that is called.
    pub face: Face,
    /// Who calls.
    pub admitted: Admitted,
    /// The method.
    pub method: &'a str,
    /// Its arguments, by their places.
    pub arguments: Vec<Value>,
    /// The URL under which the service was called.
    pub url: &'a str,
    /// `diset` or `https`.
    pub wire: &'static str,
}

/// What takes a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request, which ends soon.
    Request,
    /// A transfer, which lasts as long as its list is.
    Transfer,
}

/// How long a transfer may take.
const TRANSFER: Duration = Duration::from_hours(24);

/// Says that the service has too much to do.
fn busy(text: &str) -> Failure {
    Failure::from(Problem::new(Code::Busy, text))
}

/// Runs something of a caller, when there is a place for it, no longer than a request may take.
/// What comes of it is logged and counted.
pub async fn placed<T>(
    app: &Shared,
    admitted: &Admitted,
    name: &str,
    wire: &'static str,
    kind: Kind,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let began = Instant::now();
    let id = app.request_id();
    let user = admitted.caller.user.as_str();
    let span = tracing::info_span!("request", request_id = %id, operation = name, user, wire);
    let result = async {
        let _own = app.authority.place(&admitted.caller).ok_or_else(|| {
            busy("you have too many requests in progress; wait for one of them to end")
        })?;
        let (places, limit) = match kind {
            Kind::Request => (&app.requests, app.config.request_limit()),
            Kind::Transfer => (&app.transfers, TRANSFER),
        };
        let _place = places
            .try_acquire()
            .map_err(|_| busy("the service has too much to do; try again later"))?;
        tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            let text = format!("this took longer than {} s; ask for less", limit.as_secs());
            Err(Failure::from(Problem::new(Code::Unavailable, text)))
        })
    }
    .instrument(span.clone())
    .await;
    let elapsed = began.elapsed();
    let errno = result.as_ref().map_or_else(|failure| failure.errno, |_| 0);
    let status = match (&result, errno) {
        (Ok(_), _) => "ok".to_owned(),
        (Err(_), 0) => "refused".to_owned(),
        (Err(_), errno) => errno.to_string(),
    };
    // Names that callers make up must not fill the memory.
    let of_catalog = || CatalogMethod::find(name).map(|entry| entry.name);
    let known = app.methods.find(name).map(|method| method.name).or_else(of_catalog);
    let known = known.unwrap_or("other");
    metrics::counter!("sbk_requests_total", "operation" => known, "status" => status.clone())
        .increment(1);
    metrics::histogram!("sbk_request_seconds", "operation" => known).record(elapsed);
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(status, elapsed_ms, "answered"));
    result.map_err(|failure| match failure.errno {
        // The log says more under the id.
        5 => Failure { message: format!("{}; request {id}", failure.message), ..failure },
        _ => failure,
    })
}

/// Runs a call, and gives what the method answers.
pub async fn dispatch(app: &Shared, incoming: Incoming<'_>) -> Result<Answer, Failure> {
    let Incoming { face, admitted, method, arguments, url, wire } = incoming;
    if let Some(standard) = Standard::find(method) {
        return answer_standard(app, face, standard, &admitted, arguments, url).map(Answer::from);
    }
    let work = async {
        let caller = admitted.caller.clone();
        match face {
            Face::Bookkeeping => {
                let unknown = || Failure::plain(format!("Unknown method {method}"));
                let method = app.methods.find(method).ok_or_else(unknown)?;
                let service = app.service.clone();
                let called = method.call(service, caller, arguments, CallContext::default());
                called.await.map(Answer::from)
            }
            Face::FileCatalog => {
                let who = admitted.principal(app);
                let given = app.shadow.as_ref().map(|shadow| (shadow, arguments.clone()));
                let own = app.catalog.call(&who, method, arguments, wire == "diset");
                match given {
                    Some((shadow, given)) => {
                        Box::pin(shadow.call(&admitted, method, &given, own)).await
                    }
                    None => own.await,
                }
            }
        }
    };
    placed(app, &admitted, method, wire, Kind::Request, work).await
}

fn answer_standard(
    app: &Shared,
    face: Face,
    standard: Standard,
    admitted: &Admitted,
    mut arguments: Vec<Value>,
    url: &str,
) -> Result<Value, Failure> {
    let (name, takes) = (standard.name(), usize::from(standard.parameter().is_some()));
    if arguments.len() < takes {
        return Err(Failure::plain(format!("Function {name} expects at least {takes} arguments")));
    }
    if arguments.len() > takes {
        let text = format!("Server error while serving {name}: it takes {takes} arguments");
        return Err(Failure::plain(text));
    }
    match standard {
        Standard::Ping => Ok(started(face.name(&app.config), url, app.started, app.now())),
        Standard::Whoami => Ok(admitted.credentials.clone()),
        Standard::Echo => match arguments.pop().unwrap_or(Value::Null) {
            text @ Value::Text(_) => Ok(text),
            other => Err(Failure::mismatch(0, &other, "<class 'str'>")),
        },
        Standard::RefreshConfiguration => match arguments.pop().unwrap_or(Value::Null) {
            Value::Bool(_) => {
                app.refresh.notify_one();
                Ok(Value::Null)
            }
            other => Err(Failure::mismatch(0, &other, "<class 'bool'>")),
        },
    }
}
