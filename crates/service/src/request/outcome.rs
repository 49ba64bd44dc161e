//! What came of requests: their productions, how far these are, and the datasets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{Dataset, NewProduction, ProductionProgress, RequestProduction, SampleProgress};
use sbk_model::{DatasetKey, DatasetName, ProductionKey, RequestKey, Totals, Vo};
use sbk_store::{
    dataset,
    directory::Lock,
    production::{self, Stored},
    request::{self, Filter},
    total::{self, Subject},
};

use crate::{
    Context, Error,
    production::{definition, progress_of},
};

/// How many datasets are shown with a request.
const SHOWN_DATASETS: usize = 1000;
/// How many requests of a campaign are summed up at a time.
const STEP: i64 = 500;

/// A production that serves a request.
#[derive(Debug)]
pub struct Part {
    stored: Stored,
    /// What it is.
    pub definition: NewProduction,
    /// How far it is.
    pub progress: ProductionProgress,
    /// Whether its events count for the request.
    pub counts: bool,
}

impl Part {
    fn request(&self) -> Option<RequestKey> {
        self.stored.request
    }
}

/// The productions that serve requests.
///
/// Where some productions of a request make events, those that work on files of others do not
/// count: they would count the same events again.
pub async fn parts(cx: &mut Context<'_>, requests: &[RequestKey]) -> Result<Vec<Part>, Error> {
    let found = production::of_requests(&mut cx.session, requests.iter().copied()).await?;
    let keys: Vec<ProductionKey> = found.iter().map(|stored| stored.key).collect();
    let mut progress = progress_of(cx, &keys).await?;
    let mut parts = Vec::with_capacity(found.len());
    for stored in found {
        let definition = definition(&stored)?;
        let progress = progress.remove(&stored.key).unwrap_or_default();
        parts.push(Part { stored, definition, progress, counts: true });
    }
    let makers: BTreeSet<Option<RequestKey>> =
        parts.iter().filter(|part| part.definition.events.is_some()).map(Part::request).collect();
    for part in &mut parts {
        part.counts = part.definition.events.is_some() || !makers.contains(&part.request());
    }
    Ok(parts)
}

/// How far the productions of requests are that want so many events.
pub fn progress(wanted: i64, parts: &[Part]) -> SampleProgress {
    let mut sums = SampleProgress { wanted, ..SampleProgress::default() };
    for part in parts.iter().filter(|part| part.counts) {
        sums.made = sums.made.saturating_add(part.progress.events_made);
        sums.in_flight = sums.in_flight.saturating_add(part.progress.events_in_flight);
    }
    sums
}

/// How many events the productions of a request are to make.
pub fn planned(parts: &[Part]) -> i64 {
    let counting = parts.iter().filter(|part| part.counts);
    counting.map(|part| part.progress.events_wanted).fold(0, i64::saturating_add)
}

/// Productions as callers see them.
pub fn shown(parts: Vec<Part>) -> Vec<RequestProduction> {
    let shown = parts.into_iter().map(|part| RequestProduction {
        name: part.definition.name,
        kind: part.stored.kind,
        state: part.stored.state,
        counts: part.counts,
        progress: part.progress,
    });
    shown.collect()
}

/// The names of the datasets that outputs of productions join.
fn output_names(parts: &[Part]) -> BTreeSet<&DatasetName> {
    parts.iter().flat_map(|part| part.definition.outputs.values()).collect()
}

/// The datasets that outputs of productions join.
pub async fn datasets(
    cx: &mut Context<'_>,
    vo: &Vo,
    parts: &[Part],
) -> Result<Vec<Dataset>, Error> {
    let names = output_names(parts);
    let keys = names.iter().take(SHOWN_DATASETS).map(|name| DatasetKey::of(vo, name));
    let found = dataset::find(&mut cx.session, keys, Lock::None).await?;
    let mut found: Vec<_> = found.into_values().collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(dataset::present(&mut cx.session, found).await?)
}

/// The sums over the requests of a campaign that are agreed on.
#[derive(Debug, Default)]
pub struct Sums {
    /// How far they are.
    pub progress: SampleProgress,
    /// How many productions serve them.
    pub productions: i64,
    /// How many datasets the outputs of these join.
    pub datasets: i64,
    /// The files of these datasets.
    pub totals: Totals,
}

/// Sums the requests of a filter up that are agreed on, in bounded steps.
pub async fn sums(cx: &mut Context<'_>, vo: &Vo, filter: &Filter) -> Result<Sums, Error> {
    let mut sums = Sums::default();
    let mut names: BTreeMap<DatasetKey, DatasetName> = BTreeMap::new();
    let mut after = (i64::MIN, i64::MIN);
    loop {
        let requests = request::list(&mut cx.session, filter, after, STEP).await?;
        let Some(last) = requests.last() else { break };
        after = (last.created.micros(), last.key.0);
        let agreed: Vec<_> = requests.iter().filter(|q| q.state.is_agreed()).collect();
        let wanted = agreed.iter().filter_map(|q| q.events).fold(0, i64::saturating_add);
        let keys: Vec<RequestKey> = agreed.iter().map(|q| q.key).collect();
        let parts = parts(cx, &keys).await?;
        let step = progress(wanted, &parts);
        sums.progress.wanted = sums.progress.wanted.saturating_add(step.wanted);
        sums.progress.made = sums.progress.made.saturating_add(step.made);
        sums.progress.in_flight = sums.progress.in_flight.saturating_add(step.in_flight);
        sums.productions += i64::try_from(parts.len()).unwrap_or(i64::MAX);
        let outputs = output_names(&parts).into_iter();
        names.extend(outputs.map(|name| (DatasetKey::of(vo, name), name.clone())));
    }
    let found = dataset::find(&mut cx.session, names.keys().copied(), Lock::None).await?;
    let subjects: Vec<Subject> = found.keys().map(|key| Subject::Dataset(*key)).collect();
    let totals: HashMap<i64, Totals> = total::of(&mut cx.session, &subjects).await?;
    sums.datasets = i64::try_from(found.len()).unwrap_or(i64::MAX);
    for key in found.keys() {
        let of_dataset = totals.get(&key.0).copied().unwrap_or_default();
        sums.totals = sums.totals.checked_add(of_dataset).unwrap_or(sums.totals);
    }
    Ok(sums)
}
