//! DISET: one call or one transfer per connection.
//!
//! The order of what is said, and what is said when something is wrong, are those of DIRAC 9.1.22
//! (`Core/DISET/private/Service.py`, `Core/DISET/RequestHandler.py`), without the call stacks.

mod proposal;
mod transfer;

use std::{net::SocketAddr, time::Duration};

use sbk_api::{Code, Problem};
use sbk_dirac::Answer;
use sbk_diset::{Link, LinkError};
use sbk_registry::Method;
use sbk_wire::{Limits, Value};
use tokio::sync::SemaphorePermit;

use crate::{
    app::{App, Shared},
    authority::{Admitted, Peer},
    face::Face,
    listen::{Connection, Stream},
    rpc::{self, Failure, Standard, failed, ok},
};
use proposal::{Action, Proposal};

/// The longest proposal, in bytes: that of DIRAC.
const PROPOSAL: usize = 1024;

/// What a proposal may hold.
const PROPOSAL_LIMITS: Limits = Limits { depth: 8, values: 64 };

/// How long the arguments of a call may take to come, however much moves meanwhile.
const ARGUMENTS: Duration = Duration::from_mins(10);

/// A call or transfer that may go on.
struct Judged {
    proposal: Proposal,
    face: Face,
    admitted: Admitted,
}

/// A connection in progress.
struct Session {
    app: Shared,
    link: Link<Box<dyn Stream>>,
    peer: Peer,
    address: SocketAddr,
}

/// Serves the one call of a connection.
pub async fn serve(connection: Connection, app: Shared) {
    let Connection { stream, peer, address, _place } = connection;
    let link = Link::new(stream, app.idle());
    let mut session = Session { app, link, peer, address };
    if let Err(error) = session.run().await {
        match error {
            LinkError::Frame(_) | LinkError::Decode(_) | LinkError::KeepAlives => {
                session.app.security.refused(address, "message", &error);
            }
            LinkError::Closed | LinkError::Failed(_) | LinkError::Silent(_) => {
                tracing::debug!(%address, %error, "a connection ended early");
            }
            LinkError::Encode(_) => tracing::error!(%error, "an answer cannot be written"),
        }
    }
    session.link.close().await;
}

impl Session {
    async fn run(&mut self) -> Result<(), LinkError> {
        self.link.set_limits(PROPOSAL_LIMITS);
        let within = self.app.idle();
        let received = self.link.receive(PROPOSAL, within).await;
        let proposal = match received {
            Ok(value) => Proposal::read(&value),
            Err(error @ (LinkError::Frame(_) | LinkError::Decode(_))) => {
                self.link.send(&failed(&Failure::plain("Invalid action proposal"))).await?;
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        let judged = match proposal.and_then(|proposal| self.judge(proposal)) {
            Ok(judged) => judged,
            Err(failure) => return self.link.send(&failed(&failure)).await,
        };
        self.link.send(&ok(Value::Null)).await?;
        self.link.set_limits(Limits::default());
        match &judged.proposal.action {
            Action::Rpc(method) => self.rpc(method, &judged).await,
            Action::Transfer(direction) => transfer::run(self, direction, &judged).await,
        }
    }

    /// Whether the service is ours, and the caller may do what is proposed.
    fn judge(&self, proposal: Proposal) -> Result<Judged, Failure> {
        let face = Face::find(&self.app.config, &proposal.service).ok_or_else(|| {
            Failure::plain(format!("{} is not up in this server", proposal.service))
        })?;
        let (method, coded) = match &proposal.action {
            Action::Rpc(method) => {
                (Method::Call(method), Standard::find(method).and_then(Standard::rule))
            }
            Action::Transfer(direction) => (Method::Transfer(direction), None),
        };
        let admitted = self.admit(face, &proposal, method, coded)?;
        Ok(Judged { proposal, face, admitted })
    }

    /// Whether the caller may call a method.
    fn admit(
        &self,
        face: Face,
        proposal: &Proposal,
        method: Method<'_>,
        coded: Option<&str>,
    ) -> Result<Admitted, Failure> {
        let (app, now) = (&self.app, self.app.now());
        let admitted = app.authority.admit(face, &self.peer, &proposal.extra, method, coded, now);
        admitted.map_err(|refused| {
            app.security.refused(self.address, proposal.action.name(), &refused);
            Failure::unauthorised()
        })
    }

    async fn rpc(&mut self, method: &str, judged: &Judged) -> Result<(), LinkError> {
        let app = self.app.clone();
        let Judged { proposal, face, admitted } = judged;
        let result = match self.arguments(&app, judged).await? {
            Err(failure) => Err(failure),
            Ok((arguments, _room)) => {
                let url = format!("dips://{}/{}", app.config.dirac.diset, proposal.service);
                let incoming = rpc::Incoming {
                    face: *face,
                    admitted: admitted.clone(),
                    method,
                    arguments,
                    url: &url,
                    wire: "diset",
                };
                rpc::dispatch(&app, incoming).await
            }
        };
        let result = result.map_or_else(|failure| failed(&failure), Answer::result);
        self.link.send(&result).await
    }

    /// Receives the arguments, when there is room for them.
    async fn arguments<'a>(
        &mut self,
        app: &'a App,
        judged: &Judged,
    ) -> Result<Result<(Vec<Value>, Option<SemaphorePermit<'a>>), Failure>, LinkError> {
        // Who may do nothing sends little.
        let may_do = match judged.face {
            Face::Bookkeeping => !judged.admitted.caller.permissions.is_empty(),
            // What somebody may do there is decided path by path.
            Face::FileCatalog => !judged.admitted.is_visitor(),
        };
        let limit = if may_do { app.config.dirac.max_message_bytes } else { App::FREE_BYTES };
        let length = match self.link.receive_length(limit).await {
            Ok(length) => length,
            Err(LinkError::Frame(_)) => {
                let text = format!("the arguments are longer than {limit} bytes; split the call");
                return Ok(Err(Failure::from(Problem::new(Code::TooLarge, text))));
            }
            Err(error) => return Err(error),
        };
        let mut room = None;
        if length > App::FREE_BYTES {
            let kib = u32::try_from(length / 1024 + 1).unwrap_or(u32::MAX);
            let places = tokio::time::timeout(app.idle(), app.kib.acquire_many(kib)).await;
            let Ok(Ok(places)) = places else {
                let text = "too many long messages come in; try again later";
                return Ok(Err(Failure::from(Problem::new(Code::Busy, text))));
            };
            room = Some(places);
        }
        let received = self.link.receive(limit, ARGUMENTS).await?;
        let arguments = match received {
            Value::Dict(entries) => entries
                .into_iter()
                .rev()
                .find(|(key, _)| key.text() == Some("Value"))
                .map(|(_, value)| value),
            _ => None,
        };
        Ok(match arguments {
            Some(Value::List(arguments) | Value::Tuple(arguments)) => Ok((arguments, room)),
            _ => Err(Failure::plain("Error while receiving arguments: they are no list")),
        })
    }
}
