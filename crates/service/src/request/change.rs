//! Edits drafts, and clones requests and templates.

use sbk_api::{ChangeRequest, CloneRequest, Cloned, Done, NewRequest, Outcome, Sample};
use sbk_model::{Permission, RequestState, TermKey, UserName};
use sbk_store::{
    directory::Lock,
    name_of,
    request::{self, Change, Stored},
};

use super::{Campaigns, derived_name, differences, fill, find, insert, moved, row, settle, show};
use crate::{Context, Error, Note, Run, campaign, metadata::Community};

/// The campaigns that a sample names; one that it had before need not be open.
async fn campaigns(
    cx: &mut Context<'_>,
    community: &Community,
    old: Option<(&Stored, &Sample)>,
    sample: &Sample,
) -> Result<Campaigns, Error> {
    if let Some((stored, before)) = old
        && before.campaign == sample.campaign
    {
        let kept = sample.campaign.clone().zip(stored.campaign);
        return Ok(kept.map(|(name, key)| (name, Ok(key))).into_iter().collect());
    }
    campaign::open(cx, &community.vo, &sample.campaign.iter().cloned().collect()).await
}

/// Refuses a request that somebody else asks for.
pub async fn check_owns(cx: &mut Context<'_>, stored: &Stored) -> Result<(), Error> {
    let user = cx.caller.user.clone();
    let administers = cx.caller.permissions.contains(&Permission::Administer);
    if administers || stored.owner == TermKey::of(user.as_str()).0 {
        return Ok(());
    }
    let terms = cx.session.terms([stored.owner]).await?;
    let owner: UserName = name_of(&terms, stored.owner)?;
    let text = format!("{user} (the request is {owner}'s, who can do this)");
    Err(Error::Forbidden(Permission::Administer, text))
}

impl Run for ChangeRequest {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let (old, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::Update).await?;
        check_owns(cx, &old).await?;
        let community = cx.community(&vo).await?;
        let before = show::sample(cx, &old).await?;
        let sample =
            settle::settle(&community.schema, before.clone(), &self.changes, &self.remove)?;
        let edits = settle::edits(&before, &sample);
        if edits.is_empty() {
            cx.note(Note::default());
            return Ok(Done { outcome: Outcome::Unchanged });
        }
        if old.state != RequestState::Draft {
            return Err(Error::Conflict(format!(
                "the request {:?} is {}, and only a draft can be edited{}",
                old.name.as_str(),
                old.state,
                match old.state {
                    RequestState::Submitted | RequestState::Rejected =>
                        "; make it a draft again first",
                    _ => "; clone it",
                }
            )));
        }
        super::store_names(cx, &vo, std::iter::once(&sample)).await?;
        let campaigns = campaigns(cx, &community, Some((&old, &before)), &sample).await?;
        let filled = fill(&old, &sample, &campaigns).map_err(problem)?;
        let new = Stored { modified: cx.now, audit: cx.audit, ..filled };
        request::change(&mut cx.session, std::slice::from_ref(&new)).await?;
        let change = Change {
            edits: serde_json::to_string(&edits).ok(),
            ..moved(cx, Some(old.state), &new, self.reason.as_ref())
        };
        request::remember(&mut cx.session, &[change]).await?;
        cx.note(Note {
            count: 1,
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({ "vo": vo, "request": self.name, "edits": edits }),
        });
        Ok(Done { outcome: Outcome::Changed })
    }
}

/// The failure of a call about one thing.
fn problem(problem: sbk_api::Problem) -> Error {
    match problem.code {
        sbk_api::Code::NotFound => Error::NotFound(problem.detail),
        _ => Error::Conflict(problem.detail),
    }
}

impl Run for CloneRequest {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Cloned, Error> {
        let (source, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::Share).await?;
        let community = cx.community(&vo).await?;
        let before = show::sample(cx, &source).await?;
        let sample = settle::settle(&community.schema, before, &self.changes, &self.remove)?;
        super::store_names(cx, &vo, std::iter::once(&sample)).await?;
        let campaigns = campaigns(cx, &community, None, &sample).await?;
        let derived = || derived_name(&cx.caller.user, self.template, &sample);
        let name = self.new_name.clone().unwrap_or_else(derived);
        if name == source.name {
            let reason = "is the request itself; give the clone another name";
            return Err(Error::invalid("new_name", name.as_str(), reason));
        }
        let new = row(cx, &community, name.clone(), &sample, &campaigns).map_err(problem)?;
        let new = Stored { source: Some(source.key), template: self.template, ..new };
        let known = request::find(&mut cx.session, [new.key], Lock::Share).await?;
        if let Some(old) = known.get(&new.key) {
            let asked = NewRequest { name: None, template: self.template, sample };
            let mut differences = differences(old, &new, &asked);
            differences.extend((old.source != new.source).then_some("what it was cloned from"));
            if old.name != name || !differences.is_empty() {
                return Err(Error::Conflict(format!(
                    "the request {:?} exists, and differs in: {}",
                    old.name.as_str(),
                    differences.join(", ")
                )));
            }
            cx.note(Note::default());
            return Ok(Cloned { name, outcome: Outcome::Unchanged });
        }
        insert(cx, std::slice::from_ref(&new)).await?;
        cx.note(Note {
            count: 1,
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({ "vo": vo, "request": name, "cloned_from": self.name }),
        });
        Ok(Cloned { name, outcome: Outcome::Added })
    }
}
