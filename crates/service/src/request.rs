//! Requests for samples: written as drafts, edited, decided on, cloned.

mod change;
mod outcome;
mod settle;
mod show;
mod split;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{AddRequests, Atomicity, BulkResult, Code, NewRequest, Outcome, Problem, Sample};
use sbk_model::{
    CampaignKey, CampaignName, RequestKey, RequestName, RequestState, TermKey, UserName, Vo,
    fingerprint,
};
use sbk_store::{
    directory::Lock,
    name_of,
    request::{self, Change, Stored},
};

pub use outcome::{Sums, sums};
pub use settle::check_words;

use crate::{
    Context, Error, Note, Run, campaign, file::results, metadata, metadata::Community,
    register::check_count,
};

/// The one request of a name that the caller sees, with its community.
pub async fn find(
    cx: &mut Context<'_>,
    name: &RequestName,
    vo: Option<&Vo>,
    lock: Lock,
) -> Result<(Stored, Vo), Error> {
    if let Some(vo) = vo {
        cx.check_sees(vo)?;
    }
    let access = cx.access();
    let key = vo.map(|vo| TermKey::of(vo.as_str()).0);
    let mut found = request::named(&mut cx.session, name, lock).await?;
    found.retain(|stored| access.sees(stored.vo) && key.is_none_or(|key| key == stored.vo));
    match found.len() {
        1 => {
            let stored = found.remove(0);
            let terms = cx.session.terms([stored.vo]).await?;
            let vo = name_of(&terms, stored.vo)?;
            Ok((stored, vo))
        }
        0 => Err(Error::NotFound(format!("there is no request {:?}", name.as_str()))),
        _ => {
            let text = format!("is needed: several communities have a request {:?}", name.as_str());
            Err(Error::invalid("vo", "", text))
        }
    }
}

/// The campaigns of samples, with the reason why one takes no request.
type Campaigns = BTreeMap<CampaignName, Result<CampaignKey, Problem>>;

/// Makes the row of a draft, whose names are stored.
fn row(
    cx: &Context<'_>,
    community: &Community,
    name: RequestName,
    sample: &Sample,
    campaigns: &Campaigns,
) -> Result<Stored, Problem> {
    let blank = Stored {
        key: RequestKey::of(&community.vo, &name),
        name,
        vo: community.key,
        owner: TermKey::of(cx.caller.user.as_str()).0,
        campaign: None,
        source: None,
        event_type: None,
        generator: None,
        conditions: None,
        software: None,
        events: None,
        deadline: None,
        created: cx.now,
        modified: cx.now,
        audit: cx.audit,
        priority: sbk_model::Priority::default(),
        state: RequestState::Draft,
        template: false,
        remark: None,
        meta: None,
    };
    fill(&blank, sample, campaigns)
}

/// A request with another sample.
fn fill(stored: &Stored, sample: &Sample, campaigns: &Campaigns) -> Result<Stored, Problem> {
    let campaign = match &sample.campaign {
        None => None,
        Some(name) => Some(campaigns.get(name).cloned().unwrap_or_else(|| {
            Err(Problem::new(Code::Internal, "the campaign was not looked for"))
        })?),
    };
    let term = |label: &Option<sbk_model::Label>| {
        label.as_ref().map(|label| TermKey::of(label.as_str()).0)
    };
    Ok(Stored {
        campaign,
        event_type: term(&sample.event_type),
        generator: term(&sample.generator),
        conditions: term(&sample.conditions),
        software: term(&sample.release),
        events: sample.events.map(sbk_model::Events::get),
        deadline: sample.deadline,
        priority: sample.priority.unwrap_or_default(),
        remark: sample.comment.clone(),
        meta: metadata::text(&sample.parameters),
        ..stored.clone()
    })
}

/// Stores the names that rows of samples refer to.
async fn store_names<'a>(
    cx: &mut Context<'_>,
    vo: &Vo,
    samples: impl Iterator<Item = &'a Sample>,
) -> Result<(), Error> {
    let mut names: BTreeSet<String> = [vo.to_string(), cx.caller.user.to_string()].into();
    for sample in samples {
        let labels = [&sample.event_type, &sample.generator, &sample.conditions, &sample.release];
        names.extend(labels.into_iter().flatten().map(ToString::to_string));
    }
    Ok(cx.session.intern(names.iter().map(String::as_str)).await?)
}

/// The name of a request that was given none: the same for the same sample of the same requester,
/// so that a call that is repeated asks for nothing twice.
fn derived_name(requester: &UserName, template: bool, sample: &Sample) -> RequestName {
    let text = serde_json::to_string(sample).unwrap_or_default();
    let kind = if template { "template" } else { "request" };
    let hash = fingerprint("name of a request", &[requester.as_str(), kind, &text]);
    let stem = sample.event_type.as_ref().or(sample.generator.as_ref());
    let stem: String = stem.map_or(kind, AsRef::as_ref).chars().take(48).collect();
    #[expect(clippy::cast_sign_loss, reason = "the bits are written")]
    let name = format!("{}-{:010x}", stem.trim_end(), hash as u64 >> 24);
    name.parse().unwrap_or_else(|_| kind.parse().expect("the kind is a valid name"))
}

/// What differs between a request that is there and one that is asked for.
fn differences(old: &Stored, new: &Stored, asked: &NewRequest) -> Vec<&'static str> {
    let differs = [
        ("requester", old.owner != new.owner),
        ("template", old.template != asked.template),
        ("campaign", new.campaign.is_some() && old.campaign != new.campaign),
        ("event_type", new.event_type.is_some() && old.event_type != new.event_type),
        ("generator", new.generator.is_some() && old.generator != new.generator),
        ("conditions", new.conditions.is_some() && old.conditions != new.conditions),
        ("release", new.software.is_some() && old.software != new.software),
        ("events", new.events.is_some() && old.events != new.events),
        ("priority", asked.sample.priority.is_some() && old.priority != new.priority),
        ("deadline", new.deadline.is_some() && old.deadline != new.deadline),
        ("comment", new.remark.is_some() && old.remark != new.remark),
        ("parameters", !same_parameters(old, new)),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// Whether what is asked for is there; a database may write a document in another order.
fn same_parameters(old: &Stored, new: &Stored) -> bool {
    match (metadata::parse(old.meta.as_deref()), metadata::parse(new.meta.as_deref())) {
        (Ok(old), Ok(new)) => new.iter().all(|(name, value)| old.get(name) == Some(value)),
        _ => false,
    }
}

impl Run for AddRequests {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("requests", self.requests.len(), 1000)?;
        let community = cx.community(&self.vo).await?;
        let settled: Vec<Result<Sample, Problem>> = self
            .requests
            .iter()
            .map(|new| settle::settle(&community.schema, Sample::default(), &new.sample, &[]))
            .map(|sample| sample.map_err(Problem::from))
            .collect();
        let samples = || settled.iter().filter_map(|sample| sample.as_ref().ok());
        store_names(cx, &self.vo, samples()).await?;
        let wanted = samples().filter_map(|sample| sample.campaign.clone()).collect();
        let campaigns = campaign::open(cx, &self.vo, &wanted).await?;
        let mut names = Vec::with_capacity(self.requests.len());
        let mut rows = Vec::with_capacity(self.requests.len());
        for (new, sample) in self.requests.iter().zip(settled) {
            let derive = |sample: &Sample| derived_name(&cx.caller.user, new.template, sample);
            let derived = || sample.as_ref().map_or_else(|_| derive(&new.sample), derive);
            let name = new.name.clone().unwrap_or_else(derived);
            names.push(name.clone());
            rows.push(sample.and_then(|sample| {
                let stored = row(cx, &community, name, &sample, &campaigns)?;
                Ok(Stored { template: new.template, ..stored })
            }));
        }
        let (outcomes, drafts) = decide(cx, self, rows).await?;
        let abandoned = self.atomicity == Atomicity::All && outcomes.iter().any(Result::is_err);
        let result = results(names.iter().map(AsRef::as_ref).zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        insert(cx, &drafts).await?;
        cx.note(Note {
            count: drafts.len() as u64,
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({
                "vo": self.vo,
                "requests": drafts.iter().take(100).map(|draft| &draft.name).collect::<Vec<_>>(),
            }),
        });
        Ok(result)
    }
}

/// What becomes of each request of a call, and those that are new.
async fn decide(
    cx: &mut Context<'_>,
    call: &AddRequests,
    rows: Vec<Result<Stored, Problem>>,
) -> Result<(Vec<Result<Outcome, Problem>>, Vec<Stored>), Error> {
    let keys = rows.iter().filter_map(|row| Some(row.as_ref().ok()?.key));
    let known = request::find(&mut cx.session, keys, Lock::Share).await?;
    let mut drafts: BTreeMap<RequestKey, Stored> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(rows.len());
    for (asked, row) in call.requests.iter().zip(rows) {
        outcomes.push(row.and_then(|new| {
            let Some(old) = known.get(&new.key).or_else(|| drafts.get(&new.key)) else {
                drafts.insert(new.key, new);
                return Ok(Outcome::Added);
            };
            if old.name != new.name {
                let text = format!("its key is that of the request {:?}", old.name.as_str());
                return Err(Problem::new(Code::Conflict, text));
            }
            let differences = differences(old, &new, asked);
            if differences.is_empty() {
                return Ok(Outcome::Unchanged);
            }
            let text = format!("it exists, and differs in: {}", differences.join(", "));
            Err(Problem::new(Code::Conflict, text))
        }));
    }
    Ok((outcomes, drafts.into_values().collect()))
}

/// Writes drafts that are new, each with the beginning of its history.
async fn insert(cx: &mut Context<'_>, drafts: &[Stored]) -> Result<(), Error> {
    let new = request::insert(&mut cx.session, drafts).await?;
    if new < drafts.len() as u64 {
        return Err(sbk_store::Error::Contended("a request was written elsewhere".into()).into());
    }
    let changes: Vec<Change> = drafts.iter().map(|draft| moved(cx, None, draft, None)).collect();
    Ok(request::remember(&mut cx.session, &changes).await?)
}

/// The entry in the history of a request that stands for what the call does.
fn moved(
    cx: &Context<'_>,
    from: Option<RequestState>,
    new: &Stored,
    reason: Option<&sbk_model::Reason>,
) -> Change {
    Change {
        request: new.key,
        audit: cx.audit,
        time: cx.now,
        actor: TermKey::of(cx.caller.user.as_str()).0,
        from,
        to: new.state,
        reason: reason.map(ToString::to_string),
        edits: None,
    }
}
