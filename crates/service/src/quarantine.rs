//! Shows reports that could not be taken.

use sbk_api::{
    Code, GetQuarantined, ListQuarantine, Page, Problem, QuarantineState, Quarantined, ReportFormat,
};
use sbk_model::Vo;
use sbk_store::{
    name_of,
    quarantine::{self, State, Stored},
};

use crate::{Context, Error, Run, cursor};

/// The name of an entry: its key in hexadecimal digits.
#[expect(clippy::cast_sign_loss, reason = "the bits are written")]
pub fn name(entry: i64) -> String {
    format!("{:016x}", entry as u64)
}

#[expect(clippy::cast_possible_wrap, reason = "the bits are read")]
fn key(name: &str) -> Result<i64, Error> {
    let bad = |_| {
        let reason = "is not an entry of the quarantine; `sbk job quarantine` lists them";
        Error::invalid("entry", name, reason)
    };
    u64::from_str_radix(name, 16).map(|bits| bits as i64).map_err(bad)
}

/// The name of a code as it is kept.
pub fn code_name(code: Code) -> String {
    serde_json::to_value(code)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// The format of an entry.
pub fn format(stored: &Stored) -> Result<ReportFormat, Error> {
    stored.format.parse().map_err(|text| sbk_store::Error::Internal(text).into())
}

/// An entry that the caller may see, locked, with its community.
pub async fn find(cx: &mut Context<'_>, entry: &str) -> Result<(Stored, Vo), Error> {
    let access = cx.access();
    let found = quarantine::find(&mut cx.session, key(entry)?).await?;
    let stored = found
        .filter(|stored| access.sees(stored.vo))
        .ok_or_else(|| Error::NotFound(format!("the quarantine has no entry {entry:?}")))?;
    let terms = cx.session.terms([stored.vo]).await?;
    let vo = name_of(&terms, stored.vo)?;
    Ok((stored, vo))
}

async fn present(cx: &mut Context<'_>, stored: Vec<Stored>) -> Result<Vec<Quarantined>, Error> {
    let terms = cx.session.terms(stored.iter().map(|entry| entry.vo)).await?;
    let entries = stored.into_iter().map(|entry| {
        let code = serde_json::from_value(entry.code.clone().into()).unwrap_or(Code::Invalid);
        Ok(Quarantined {
            entry: name(entry.entry),
            vo: name_of(&terms, entry.vo)?,
            state: match entry.state {
                State::Waiting => QuarantineState::Waiting,
                State::Taken => QuarantineState::Taken,
                State::Dismissed => QuarantineState::Dismissed,
            },
            format: format(&entry)?,
            problem: Problem { field: entry.field, ..Problem::new(code, entry.reason) },
            job: entry.job,
            actor: entry.actor,
            received: entry.received,
            last_tried: entry.last_tried,
            tries: entry.tries,
            body: entry.body,
        })
    });
    entries.collect()
}

impl Run for ListQuarantine {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Quarantined>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let vo = cx.listed_community(self.vo.as_ref())?;
        let state = match self.state {
            None | Some(QuarantineState::Waiting) => State::Waiting,
            Some(QuarantineState::Taken) => State::Taken,
            Some(QuarantineState::Dismissed) => State::Dismissed,
        };
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        let stored = quarantine::list(&mut cx.session, vo, Some(state), after, limit).await?;
        let position = |entry: &Stored| cursor::encode(&(entry.received.micros(), entry.entry));
        let next = cursor::next(&stored, limit, position);
        Ok(Page { items: present(cx, stored).await?, next })
    }
}

impl Run for GetQuarantined {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Quarantined, Error> {
        let (stored, _) = find(cx, &self.entry).await?;
        let mut shown = present(cx, vec![stored]).await?;
        Ok(shown.remove(0))
    }
}
