//! Campaigns: declared, closed, filled with requests, summed up.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    AddCampaigns, AssignRequests, Atomicity, BulkResult, Campaign, CampaignSummary, ChangeCampaign,
    Code, Done, GetCampaign, ListCampaigns, Metadata, Outcome, Page, Problem, RequestCount,
};
use sbk_model::{CampaignKey, CampaignName, RequestKey, TermKey, Vo};
use sbk_store::{
    Session,
    campaign::{self, Counts, Stored},
    directory::Lock,
    name_of, request,
};

use crate::{
    Context, Error, Note, Run, cursor,
    file::results,
    register::check_count,
    request::{Sums, check_words},
};

/// The campaigns of names, with the reason why one takes no requests.
pub async fn open(
    cx: &mut Context<'_>,
    vo: &Vo,
    names: &BTreeSet<CampaignName>,
) -> Result<BTreeMap<CampaignName, Result<CampaignKey, Problem>>, Error> {
    let keys = names.iter().map(|name| CampaignKey::of(vo, name));
    let found = campaign::find(&mut cx.session, keys, Lock::Share).await?;
    let checked = names.iter().map(|name| {
        let key = CampaignKey::of(vo, name);
        let missing = || {
            let text = format!("{vo} has no campaign {:?}", name.as_str());
            Problem::new(Code::NotFound, text)
        };
        let stored = found.get(&key).filter(|stored| stored.name == *name).ok_or_else(missing);
        (name.clone(), stored.and_then(check_open).map(|()| key))
    });
    Ok(checked.collect())
}

fn check_open(stored: &Stored) -> Result<(), Problem> {
    if stored.closed {
        let text = format!("the campaign {:?} is closed", stored.name.as_str());
        return Err(Problem::new(Code::Conflict, text));
    }
    Ok(())
}

/// The one campaign of a name that the caller sees, with its community.
async fn find(
    cx: &mut Context<'_>,
    name: &CampaignName,
    vo: Option<&Vo>,
    lock: Lock,
) -> Result<(Stored, Vo), Error> {
    if let Some(vo) = vo {
        cx.check_sees(vo)?;
    }
    let access = cx.access();
    let key = vo.map(|vo| TermKey::of(vo.as_str()).0);
    let mut found = campaign::named(&mut cx.session, name, lock).await?;
    found.retain(|stored| access.sees(stored.vo) && key.is_none_or(|key| key == stored.vo));
    match found.len() {
        1 => {
            let stored = found.remove(0);
            let terms = cx.session.terms([stored.vo]).await?;
            let vo = name_of(&terms, stored.vo)?;
            Ok((stored, vo))
        }
        0 => Err(Error::NotFound(format!("there is no campaign {:?}", name.as_str()))),
        _ => {
            let text =
                format!("is needed: several communities have a campaign {:?}", name.as_str());
            Err(Error::invalid("vo", "", text))
        }
    }
}

impl Run for AddCampaigns {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("campaigns", self.campaigns.len(), 1000)?;
        let community = cx.community(&self.vo).await?;
        let keys = self.campaigns.iter().map(|new| CampaignKey::of(&self.vo, &new.name));
        let known = campaign::find(&mut cx.session, keys, Lock::Share).await?;
        let mut drafts: BTreeMap<CampaignKey, Stored> = BTreeMap::new();
        let mut outcomes = Vec::with_capacity(self.campaigns.len());
        for new in &self.campaigns {
            let key = CampaignKey::of(&self.vo, &new.name);
            let there = known.get(&key).or_else(|| drafts.get(&key));
            outcomes.push(match (check_words("description", new.description.as_deref()), there) {
                (Err(error), _) => Err(Problem::from(error)),
                (Ok(()), Some(old)) if old.name != new.name => {
                    let text = format!("its key is that of the campaign {:?}", old.name.as_str());
                    Err(Problem::new(Code::Conflict, text))
                }
                (Ok(()), Some(old))
                    if new.description.is_none() || new.description == old.description =>
                {
                    Ok(Outcome::Unchanged)
                }
                (Ok(()), Some(_)) => {
                    let text = "it exists, and differs in: description";
                    Err(Problem::new(Code::Conflict, text))
                }
                (Ok(()), None) => {
                    let draft = Stored {
                        key,
                        name: new.name.clone(),
                        vo: community.key,
                        owner: TermKey::of(cx.caller.user.as_str()).0,
                        created: cx.now,
                        modified: cx.now,
                        audit: cx.audit,
                        closed: false,
                        description: new.description.clone(),
                    };
                    drafts.insert(key, draft);
                    Ok(Outcome::Added)
                }
            });
        }
        let abandoned = self.atomicity == Atomicity::All && outcomes.iter().any(Result::is_err);
        let names = self.campaigns.iter().map(|new| new.name.as_str());
        let result = results(names.zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        cx.session.intern([self.vo.as_str(), cx.caller.user.as_str()]).await?;
        let drafts: Vec<Stored> = drafts.into_values().collect();
        if campaign::insert(&mut cx.session, &drafts).await? < drafts.len() as u64 {
            let text = "a campaign was declared elsewhere".into();
            return Err(sbk_store::Error::Contended(text).into());
        }
        cx.note(Note {
            count: drafts.len() as u64,
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({
                "vo": self.vo,
                "campaigns": drafts.iter().take(100).map(|draft| &draft.name).collect::<Vec<_>>(),
            }),
        });
        Ok(result)
    }
}

impl Run for ChangeCampaign {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        check_words("description", self.description.as_deref())?;
        let (old, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::Update).await?;
        let mut new = old.clone();
        new.closed = self.closed.unwrap_or(old.closed);
        new.description = self.description.clone().or(old.description.clone());
        let changed = new != old;
        if changed {
            new.modified = cx.now;
            new.audit = cx.audit;
            campaign::change(&mut cx.session, &new).await?;
        }
        cx.note(Note {
            count: u64::from(changed),
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "vo": vo, "campaign": self.name, "closed": self.closed,
                "description": self.description,
            }),
        });
        Ok(Done { outcome: if changed { Outcome::Changed } else { Outcome::Unchanged } })
    }
}

impl Run for AssignRequests {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("requests", self.requests.len(), 1000)?;
        let (stored, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::Share).await?;
        let wanted = if self.remove { None } else { Some(stored.key) };
        let keys = self.requests.iter().map(|name| RequestKey::of(&vo, name));
        let found = request::find(&mut cx.session, keys, Lock::Update).await?;
        let mut changed: BTreeMap<RequestKey, request::Stored> = BTreeMap::new();
        let outcomes: Vec<_> = self
            .requests
            .iter()
            .map(|name| {
                let key = RequestKey::of(&vo, name);
                let Some(old) = found.get(&key).filter(|old| old.name == *name) else {
                    return Err(Problem::new(Code::NotFound, format!("{vo} has no such request")));
                };
                let there = old.campaign == Some(stored.key);
                if changed.contains_key(&key) || there != self.remove {
                    return Ok(Outcome::Unchanged);
                }
                if !self.remove {
                    check_open(&stored)?;
                }
                let new = request::Stored {
                    campaign: wanted,
                    modified: cx.now,
                    audit: cx.audit,
                    ..old.clone()
                };
                changed.insert(key, new);
                Ok(Outcome::Changed)
            })
            .collect();
        let abandoned = outcomes.iter().any(Result::is_err);
        let result = results(self.requests.iter().map(AsRef::as_ref).zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        let changed: Vec<request::Stored> = changed.into_values().collect();
        remember(cx, self, &changed).await?;
        cx.note(Note {
            count: changed.len() as u64,
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "vo": vo, "campaign": self.name, "removed": self.remove,
                "requests": changed.iter().take(100).map(|q| &q.name).collect::<Vec<_>>(),
            }),
        });
        Ok(result)
    }
}

/// Writes requests whose campaign is another, and what was done into their histories.
async fn remember(
    cx: &mut Context<'_>,
    call: &AssignRequests,
    changed: &[request::Stored],
) -> Result<(), Error> {
    cx.session.intern([cx.caller.user.as_str()]).await?;
    request::change(&mut cx.session, changed).await?;
    let campaign = if call.remove { None } else { Some(call.name.as_str()) };
    let edits: Metadata = [("campaign".to_owned(), campaign.into())].into_iter().collect();
    let edits = serde_json::to_string(&edits).ok();
    let changes: Vec<request::Change> = changed
        .iter()
        .map(|q| request::Change {
            request: q.key,
            audit: cx.audit,
            time: cx.now,
            actor: TermKey::of(cx.caller.user.as_str()).0,
            from: Some(q.state),
            to: q.state,
            reason: call.reason.as_ref().map(ToString::to_string),
            edits: edits.clone(),
        })
        .collect();
    Ok(request::remember(&mut cx.session, &changes).await?)
}

/// Campaigns as lists show them.
async fn summaries(
    session: &mut Session,
    stored: Vec<Stored>,
) -> Result<Vec<CampaignSummary>, Error> {
    let terms = session.terms(stored.iter().flat_map(|c| [c.vo, c.owner])).await?;
    let mut counts = campaign::counts(session, stored.iter().map(|c| c.key)).await?;
    stored
        .into_iter()
        .map(|c| {
            Ok(CampaignSummary {
                vo: name_of(&terms, c.vo)?,
                owner: name_of(&terms, c.owner)?,
                description: c.description,
                closed: c.closed,
                created: c.created,
                modified: c.modified,
                requests: shown(&counts.remove(&c.key).unwrap_or_default()),
                name: c.name,
            })
        })
        .collect()
}

fn shown(counts: &Counts) -> Vec<RequestCount> {
    let count = |(state, (requests, events)): (&_, &(i64, i64))| RequestCount {
        state: *state,
        requests: *requests,
        events: *events,
    };
    counts.iter().map(count).collect()
}

impl Run for GetCampaign {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Campaign, Error> {
        let (stored, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::None).await?;
        let filter = request::Filter { campaign: Some(stored.key), ..request::Filter::default() };
        let Sums { progress, productions, datasets, totals } =
            crate::request::sums(cx, &vo, &filter).await?;
        let mut shown = summaries(&mut cx.session, vec![stored]).await?;
        let summary =
            shown.pop().ok_or_else(|| Error::NotFound("the campaign went away".into()))?;
        Ok(Campaign { summary, progress, productions, datasets, totals })
    }
}

impl Run for ListCampaigns {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<CampaignSummary>, Error> {
        let (after, limit) = cursor::page::<(String, i64)>(&self.page)?;
        let after = after.as_ref().map_or(("", i64::MIN), |(name, key)| (name.as_str(), *key));
        let vo = cx.listed_community(self.vo.as_ref())?;
        let stored = campaign::list(&mut cx.session, vo, self.open, after, limit).await?;
        let position = |c: &Stored| cursor::encode(&(c.name.as_str(), c.key.0));
        let next = cursor::next(&stored, limit, position);
        Ok(Page { items: summaries(&mut cx.session, stored).await?, next })
    }
}
