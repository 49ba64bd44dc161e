//! Moves requests from state to state.

use sbk_api::{Done, Outcome, SetRequestState};
use sbk_model::{Permission, RequestMover, RequestState, TermKey};
use sbk_store::{
    directory::Lock,
    request::{self, Stored},
};

use super::{change::check_owns, find, moved, outcome, settle, show};
use crate::{Context, Error, Note, Run};

impl Run for SetRequestState {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let (old, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::Update).await?;
        if old.state == self.state {
            cx.note(Note::default());
            return Ok(Done { outcome: Outcome::Unchanged });
        }
        check_move(cx, &old, self.state).await?;
        if self.state.needs_reason() && self.reason.is_none() {
            let reason = format!("is needed: say why the request is {}", self.state);
            return Err(Error::invalid("reason", "", reason));
        }
        if self.state == RequestState::Submitted {
            let community = cx.community(&vo).await?;
            let sample = show::sample(cx, &old).await?;
            settle::check_complete(&community.schema, &sample)?;
        }
        if self.state == RequestState::Done && self.reason.is_none() {
            check_made(cx, &old).await?;
        }
        let new = Stored { state: self.state, modified: cx.now, audit: cx.audit, ..old.clone() };
        cx.session.intern([cx.caller.user.as_str()]).await?;
        request::change(&mut cx.session, std::slice::from_ref(&new)).await?;
        let change = moved(cx, Some(old.state), &new, self.reason.as_ref());
        request::remember(&mut cx.session, &[change]).await?;
        cx.note(Note {
            count: 1,
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "vo": vo, "request": self.name, "from": old.state, "to": self.state,
            }),
        });
        Ok(Done { outcome: Outcome::Changed })
    }
}

/// Refuses a move that there is not, or that is not the caller's to make.
async fn check_move(cx: &mut Context<'_>, old: &Stored, next: RequestState) -> Result<(), Error> {
    if old.template && next != RequestState::Cancelled {
        let text = format!(
            "the request {:?} is a template, which is only cloned; clone it and submit the clone",
            old.name.as_str()
        );
        return Err(Error::Conflict(text));
    }
    let owns = old.owner == TermKey::of(cx.caller.user.as_str()).0;
    match old.state.mover(next) {
        None => Err(no_move(old, next)),
        Some(RequestMover::Requester) => check_owns(cx, old).await,
        Some(RequestMover::Either) if owns => Ok(()),
        Some(RequestMover::Either | RequestMover::Manager) if cx.access().is_official() => Ok(()),
        Some(RequestMover::Either | RequestMover::Manager) => {
            let text = format!("{} (to make the request {next})", cx.caller.user);
            Err(Error::Forbidden(Permission::Produce, text))
        }
    }
}

/// Refuses to call a request done that lacks events.
async fn check_made(cx: &mut Context<'_>, old: &Stored) -> Result<(), Error> {
    let parts = outcome::parts(cx, &[old.key]).await?;
    let progress = outcome::progress(old.events.unwrap_or_default(), &parts);
    if progress.made >= progress.wanted {
        return Ok(());
    }
    let reason = format!(
        "is needed: {} of {} events are made; say why that is enough",
        progress.made, progress.wanted
    );
    Err(Error::invalid("reason", "", reason))
}

fn no_move(old: &Stored, next: RequestState) -> Error {
    let possible: Vec<_> = old.state.next().map(RequestState::as_str).collect();
    let possible = if possible.is_empty() { "nothing else".into() } else { possible.join(" or ") };
    Error::Conflict(format!(
        "the request {:?} is {} and may become {possible}, not {next}",
        old.name.as_str(),
        old.state
    ))
}
