//! Shows requests with their history, and what came of them.

use std::collections::BTreeSet;

use sbk_api::{
    GetRequest, ListRequestHistory, ListRequests, Page, Request, RequestChange, RequestSummary,
    Sample,
};
use sbk_model::{AuditId, CampaignKey, Events, RequestKey, TermKey};
use sbk_store::{
    Session, campaign,
    directory::Lock,
    name_of,
    request::{self, Change, Filter, Stored},
};

use super::{find, outcome};
use crate::{Context, Error, Run, cursor, metadata};

/// How many changes are shown with a request.
const SHOWN_CHANGES: i64 = 100;

/// Requests as lists show them: keys become names.
pub async fn summaries(
    session: &mut Session,
    stored: Vec<Stored>,
) -> Result<Vec<RequestSummary>, Error> {
    let keys: BTreeSet<i64> = stored
        .iter()
        .flat_map(|q| {
            let labels = [q.event_type, q.generator, q.conditions, q.software];
            [q.vo, q.owner].into_iter().chain(labels.into_iter().flatten())
        })
        .collect();
    let terms = session.terms(keys).await?;
    let campaigns: BTreeSet<CampaignKey> = stored.iter().filter_map(|q| q.campaign).collect();
    let campaigns = campaign::find(session, campaigns, Lock::None).await?;
    let sources: BTreeSet<RequestKey> = stored.iter().filter_map(|q| q.source).collect();
    let sources = request::find(session, sources, Lock::None).await?;
    let label = |key: Option<i64>| key.map(|key| name_of(&terms, key)).transpose();
    stored
        .into_iter()
        .map(|q| {
            let campaign = q.campaign.and_then(|key| campaigns.get(&key));
            Ok(RequestSummary {
                vo: name_of(&terms, q.vo)?,
                requester: name_of(&terms, q.owner)?,
                state: q.state,
                template: q.template,
                created: q.created,
                modified: q.modified,
                cloned_from: q.source.and_then(|key| Some(sources.get(&key)?.name.clone())),
                sample: Sample {
                    event_type: label(q.event_type)?,
                    generator: label(q.generator)?,
                    events: q.events.and_then(|events| Events::try_from(events).ok()),
                    conditions: label(q.conditions)?,
                    release: label(q.software)?,
                    priority: Some(q.priority),
                    deadline: q.deadline,
                    comment: q.remark,
                    campaign: campaign.map(|campaign| campaign.name.clone()),
                    parameters: metadata::parse(q.meta.as_deref())?,
                },
                name: q.name,
            })
        })
        .collect()
}

/// One request as lists show it.
async fn summary(session: &mut Session, stored: Stored) -> Result<RequestSummary, Error> {
    let shown = summaries(session, vec![stored]).await?.pop();
    shown.ok_or_else(|| Error::NotFound("the request went away".into()))
}

/// What a request asks for.
pub async fn sample(cx: &mut Context<'_>, stored: &Stored) -> Result<Sample, Error> {
    Ok(summary(&mut cx.session, stored.clone()).await?.sample)
}

/// Changes as callers see them.
async fn changes(session: &mut Session, stored: Vec<Change>) -> Result<Vec<RequestChange>, Error> {
    let terms = session.terms(stored.iter().map(|change| change.actor)).await?;
    let changes = stored.into_iter().map(|change| {
        Ok(RequestChange {
            time: change.time,
            actor: name_of(&terms, change.actor)?,
            from: change.from,
            to: change.to,
            reason: change.reason,
            edits: metadata::parse(change.edits.as_deref())?,
        })
    });
    changes.collect()
}

impl Run for GetRequest {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Request, Error> {
        let (stored, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::None).await?;
        let last = request::last_changes(&mut cx.session, stored.key, SHOWN_CHANGES).await?;
        let history = changes(&mut cx.session, last).await?;
        let parts = outcome::parts(cx, &[stored.key]).await?;
        Ok(Request {
            progress: outcome::progress(stored.events.unwrap_or_default(), &parts),
            datasets: outcome::datasets(cx, &vo, &parts).await?,
            productions: outcome::shown(parts),
            summary: summary(&mut cx.session, stored).await?,
            history,
        })
    }
}

impl Run for ListRequests {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<RequestSummary>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let campaign = match (&self.campaign, &self.vo) {
            (None, _) => None,
            (Some(name), Some(vo)) => Some(CampaignKey::of(vo, name)),
            (Some(_), None) => {
                let reason = "is needed beside `campaign`; name the campaign's community";
                return Err(Error::invalid("vo", "", reason));
            }
        };
        let filter = Filter {
            vo: cx.listed_community(self.vo.as_ref())?,
            state: self.state,
            owner: self.requester.as_ref().map(|user| TermKey::of(user.as_str()).0),
            campaign,
            event_type: self.event_type.as_ref().map(|label| TermKey::of(label.as_str()).0),
            template: self.templates,
        };
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        let stored = request::list(&mut cx.session, &filter, after, limit).await?;
        let position = |q: &Stored| cursor::encode(&(q.created.micros(), q.key.0));
        let next = cursor::next(&stored, limit, position);
        Ok(Page { items: summaries(&mut cx.session, stored).await?, next })
    }
}

impl Run for ListRequestHistory {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<RequestChange>, Error> {
        let (after, limit) = cursor::page::<i64>(&self.page)?;
        let (stored, _) = find(cx, &self.name, self.vo.as_ref(), Lock::None).await?;
        let after = AuditId(after.unwrap_or(i64::MIN));
        let found = request::history(&mut cx.session, stored.key, after, limit).await?;
        let next = cursor::next(&found, limit, |change: &Change| cursor::encode(&change.audit.0));
        Ok(Page { items: changes(&mut cx.session, found).await?, next })
    }
}
