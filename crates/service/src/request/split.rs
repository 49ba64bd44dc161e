//! Splits requests into productions.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    AddDatasets, Atomicity, CreateProduction, Declared, NewDataset, NewProduction, Outcome, Split,
    SplitRequest,
};
use sbk_model::{
    DatasetKey, DatasetKind, DatasetName, DatasetStatus, ProductionKey, ProductionName,
    RequestState, Vo,
};
use sbk_store::{
    audit::Touched,
    dataset,
    directory::Lock,
    production::{self, Stored as StoredProduction},
    request::{self, Change, Stored},
};

use super::{find, moved, outcome, show};
use crate::{
    Context, Error, Note, Run,
    production::{definition, document},
};

/// The most productions that one call creates.
const MAX_CREATED: usize = 100;
/// The most productions that one call attaches or detaches.
const MAX_ATTACHED: usize = 1000;

impl Run for SplitRequest {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Split, Error> {
        check_counts(self)?;
        let (old, vo) = find(cx, &self.name, self.vo.as_ref(), Lock::Update).await?;
        check_state(&old)?;
        let mut split =
            Split { datasets: make_datasets(cx, self, &old, &vo).await?, ..Split::default() };
        for draft in &self.productions {
            if create(cx, self, &vo, draft).await? {
                split.created.push(draft.name.clone());
            }
        }
        split.attached = attach(cx, self, &old, &vo, true).await?;
        split.detached = attach(cx, self, &old, &vo, false).await?;
        let parts = outcome::parts(cx, &[old.key]).await?;
        split.planned = outcome::planned(&parts);
        split.warnings = warnings(&old, &parts);
        let changed = split.created.len() + split.attached.len() + split.detached.len();
        if changed > 0 {
            remember(cx, &old, &split).await?;
        }
        let made = split.datasets.iter().map(|name| Touched::Dataset(DatasetKey::of(&vo, name)));
        cx.note(Note {
            count: (changed + split.datasets.len()) as u64,
            touched: made.collect(),
            reason: None,
            detail: serde_json::json!({
                "vo": vo, "request": self.name, "created": split.created,
                "attached": split.attached, "detached": split.detached,
                "datasets": split.datasets,
            }),
        });
        Ok(split)
    }
}

fn check_counts(call: &SplitRequest) -> Result<(), Error> {
    let counts = [
        ("productions", call.productions.len(), MAX_CREATED),
        ("attach", call.attach.len(), MAX_ATTACHED),
        ("detach", call.detach.len(), MAX_ATTACHED),
    ];
    for (field, count, most) in counts {
        if count > most {
            let reason = format!("items are more than {most}; split the call");
            return Err(Error::invalid(field, &count.to_string(), reason));
        }
    }
    if counts.iter().all(|(_, count, _)| *count == 0) {
        let reason = "are none, and `attach` and `detach` name none; say into what to split";
        return Err(Error::invalid("productions", "", reason));
    }
    Ok(())
}

fn check_state(old: &Stored) -> Result<(), Error> {
    if matches!(old.state, RequestState::Accepted | RequestState::Active) {
        return Ok(());
    }
    Err(Error::Conflict(format!(
        "the request {:?} is {}, and only one that is accepted or active is split",
        old.name.as_str(),
        old.state
    )))
}

/// Makes the datasets that outputs of new productions name and that are not there.
async fn make_datasets(
    cx: &mut Context<'_>,
    call: &SplitRequest,
    old: &Stored,
    vo: &Vo,
) -> Result<Vec<DatasetName>, Error> {
    let names: BTreeSet<&DatasetName> =
        call.productions.iter().flat_map(|draft| draft.outputs.values()).collect();
    let keys = names.iter().map(|name| DatasetKey::of(vo, name));
    let known = dataset::find(&mut cx.session, keys, Lock::None).await?;
    let missing: Vec<&DatasetName> =
        names.into_iter().filter(|name| !known.contains_key(&DatasetKey::of(vo, name))).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let metadata = show::sample(cx, old).await?.parameters;
    let datasets = missing.iter().map(|name| NewDataset {
        name: (*name).clone(),
        kind: DatasetKind::Official,
        status: DatasetStatus::Open,
        owner: None,
        group: None,
        created: None,
        query: None,
        description: None,
        origin: None,
        declared: Declared::default(),
        unattributed_events: None,
        parents: Vec::new(),
        sites: Vec::new(),
        documents: Vec::new(),
        metadata: metadata.clone(),
    });
    let datasets = datasets.collect();
    let result =
        AddDatasets { vo: vo.clone(), datasets, atomicity: Atomicity::All }.run(cx).await?;
    let refused = result.results.into_iter().find_map(|item| Some((item.name, item.problem?)));
    match refused {
        None => Ok(missing.into_iter().cloned().collect()),
        Some((name, problem)) => {
            Err(Error::Conflict(format!("the dataset {name:?} cannot be made: {problem}")))
        }
    }
}

/// Creates a production for the request, and says whether it is new.
async fn create(
    cx: &mut Context<'_>,
    call: &SplitRequest,
    vo: &Vo,
    draft: &NewProduction,
) -> Result<bool, Error> {
    if draft.request.as_ref().is_some_and(|request| *request != call.name) {
        let reason = "is not the request that is split; leave it out";
        let other = draft.request.as_ref().map_or("", AsRef::as_ref);
        return Err(Error::invalid("productions.request", other, reason));
    }
    let production = NewProduction { request: Some(call.name.clone()), ..draft.clone() };
    let done = CreateProduction { vo: vo.clone(), production }.run(cx).await?;
    Ok(done.outcome == Outcome::Added)
}

/// Lets productions that are there serve the request, or serve it no longer; gives those that
/// changed.
async fn attach(
    cx: &mut Context<'_>,
    call: &SplitRequest,
    old: &Stored,
    vo: &Vo,
    serve: bool,
) -> Result<Vec<ProductionName>, Error> {
    let names = if serve { &call.attach } else { &call.detach };
    let names: BTreeMap<ProductionKey, &ProductionName> =
        names.iter().map(|name| (ProductionKey::of(vo, name), name)).collect();
    let found = production::find(&mut cx.session, names.keys().copied(), Lock::Update).await?;
    let mut changed = Vec::new();
    for (key, name) in names {
        let stored = found.get(&key).filter(|stored| stored.name == name.as_str());
        let stored = stored.ok_or_else(|| {
            Error::NotFound(format!("{vo} has no production {:?}", name.as_str()))
        })?;
        match (stored.request, serve) {
            (Some(request), true) if request != old.key => {
                let other = definition(stored)?.request;
                return Err(Error::Conflict(format!(
                    "the production {:?} serves the request {:?}; detach it there first",
                    name.as_str(),
                    other.as_ref().map_or("", AsRef::as_ref),
                )));
            }
            (None, true) => {
                serve_request(cx, stored, Some(old)).await?;
                changed.push(name.clone());
            }
            (Some(request), false) if request == old.key => {
                serve_request(cx, stored, None).await?;
                changed.push(name.clone());
            }
            _ => {}
        }
    }
    Ok(changed)
}

async fn serve_request(
    cx: &mut Context<'_>,
    stored: &StoredProduction,
    request: Option<&Stored>,
) -> Result<(), Error> {
    let mut definition = definition(stored)?;
    definition.request = request.map(|request| request.name.clone());
    let new = StoredProduction {
        request: request.map(|request| request.key),
        document: document(&definition)?,
        modified: cx.now,
        audit: cx.audit,
        ..stored.clone()
    };
    Ok(production::change(&mut cx.session, &new).await?)
}

/// Makes the request active, and writes into its history what was done.
async fn remember(cx: &mut Context<'_>, old: &Stored, split: &Split) -> Result<(), Error> {
    let state = RequestState::Active;
    let new = Stored { state, modified: cx.now, audit: cx.audit, ..old.clone() };
    cx.session.intern([cx.caller.user.as_str()]).await?;
    request::change(&mut cx.session, std::slice::from_ref(&new)).await?;
    let mut edits = sbk_api::Metadata::new();
    for (name, productions) in
        [("created", &split.created), ("attached", &split.attached), ("detached", &split.detached)]
    {
        if !productions.is_empty() {
            let names: Vec<&str> = productions.iter().take(100).map(AsRef::as_ref).collect();
            edits.insert(format!("productions.{name}"), names.join(", ").into());
        }
    }
    let change = Change {
        edits: serde_json::to_string(&edits).ok(),
        ..moved(cx, Some(old.state), &new, None)
    };
    Ok(request::remember(&mut cx.session, &[change]).await?)
}

/// What is probably not meant.
fn warnings(old: &Stored, parts: &[outcome::Part]) -> Vec<String> {
    let mut warnings = Vec::new();
    let (wanted, planned) = (old.events.unwrap_or_default(), outcome::planned(parts));
    if planned != wanted {
        warnings.push(format!(
            "the productions are to make {planned} events, and the request asks for {wanted}"
        ));
    }
    let mut seeds: Vec<(i64, i64, &ProductionName)> = parts
        .iter()
        .filter_map(|part| {
            let events = part.definition.events.as_ref()?;
            let tasks = events.events.div_ceil(events.events_per_task.max(1));
            let tasks = i64::try_from(tasks).unwrap_or(i64::MAX);
            let last = events.seed_base.saturating_add(tasks);
            Some((events.seed_base.saturating_add(1), last, &part.definition.name))
        })
        .collect();
    seeds.sort_unstable();
    for pair in seeds.windows(2) {
        if let [(_, last, one), (first, _, other)] = pair
            && first <= last
        {
            warnings.push(format!(
                "the productions {:?} and {:?} use the same seeds; set their seed_base further apart",
                one.as_str(),
                other.as_str()
            ));
        }
    }
    warnings
}
