use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    AddDatasets, Atomicity, BulkResult, ChangeDataset, Code, Dataset, Declared, Done, GetDataset,
    GetDatasets, NewDataset, Outcome, Page, Problem, RemoveDataset,
};
use sbk_metadata::{Document, Entity};
use sbk_model::{DatasetKey, DatasetName, DatasetStatus, Events, SiteName, TermKey, Totals, Vo};
use sbk_store::{
    audit::Touched,
    dataset::{self, Stored},
    dialect::Cells,
    directory::Lock,
    member, promotion,
    total::{Deltas, Subject},
};

use crate::{
    Context, Error, Note, Run, cursor,
    file::{communities, results},
    metadata::{self, Community},
    query::{self, Asked},
    register::check_count,
};

impl Run for GetDatasets {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Dataset>, Error> {
        let (after, limit) = cursor::page::<(String, i64)>(&self.page)?;
        let after = after.as_ref().map(|(name, vo)| (name.as_str(), *vo));
        let asked = Asked::datasets(self.expr.as_deref(), self.vo.as_ref());
        let found = query::datasets(cx, &asked, after, limit).await?;
        let last = found.last().map(|s| cursor::encode(&(s.name.as_str(), s.vo)));
        let full = i64::try_from(found.len()).is_ok_and(|count| count >= limit);
        let items = dataset::present(&mut cx.session, found).await?;
        Ok(Page { items, next: last.filter(|_| full) })
    }
}

impl Run for GetDataset {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Dataset, Error> {
        let stored = cx.dataset(&self.name, self.vo.as_ref(), Lock::None).await?;
        let query = stored.query.clone();
        let mut shown = dataset::present(&mut cx.session, vec![stored]).await?;
        let mut shown =
            shown.pop().ok_or_else(|| Error::NotFound("the dataset went away".into()))?;
        if let Some(query) = query {
            let totals = query::count(cx, &Asked::files(&query, &shown.vo)).await?;
            shown.files = Some(totals.files);
            shown.bytes = Some(totals.bytes);
            shown.events = Some(totals.events.saturating_add(shown.unattributed_events));
        }
        Ok(shown)
    }
}

impl Run for AddDatasets {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("datasets", self.datasets.len(), 1000)?;
        let community = cx.community(&self.vo).await?;
        let sites = self.datasets.iter().flat_map(|new| new.sites.iter().cloned()).collect();
        check_sites(cx, &sites).await?;
        store_names(cx, self).await?;
        let keys = self.datasets.iter().map(|new| DatasetKey::of(&self.vo, &new.name));
        let known = dataset::find(&mut cx.session, keys, Lock::Share).await?;
        let mut drafts: Vec<Draft<'_>> = Vec::new();
        let mut outcomes = Vec::with_capacity(self.datasets.len());
        for new in &self.datasets {
            let key = DatasetKey::of(&self.vo, &new.name);
            let twice = drafts.iter().find(|draft| draft.stored.key == key);
            outcomes.push(match (known.get(&key), twice) {
                (Some(old), _) => compare(cx, &community, new, old).await?,
                (None, Some(first)) if first.new == new => Ok(Outcome::Unchanged),
                (None, Some(_)) => {
                    let text = "it is in this call twice, with different contents";
                    Err(Problem::new(Code::Conflict, text))
                }
                (None, None) => match draft(cx, &community, new, key).await {
                    Ok(draft) => {
                        drafts.push(draft);
                        Ok(Outcome::Added)
                    }
                    Err(error) => Err(Problem::from(error)),
                },
            });
        }
        let abandoned = self.atomicity == Atomicity::All && outcomes.iter().any(Result::is_err);
        let names = self.datasets.iter().map(|new| new.name.as_str());
        let result = results(names.zip(outcomes), abandoned);
        if abandoned {
            cx.abandon();
            return Ok(result);
        }
        insert(cx, &community, &drafts).await?;
        cx.note(Note {
            count: drafts.len() as u64,
            touched: drafts.iter().map(|draft| Touched::Dataset(draft.stored.key)).collect(),
            reason: None,
            detail: serde_json::json!({
                "vo": self.vo,
                "added": drafts.iter().take(100).map(|d| &d.new.name).collect::<Vec<_>>(),
            }),
        });
        Ok(result)
    }
}

/// Makes those of the datasets that are not there; the others stay as they are. Each comes with the
/// place of what wants it, and what cannot be made is given by place. The names of community,
/// caller and group were interned.
pub async fn make_missing(
    cx: &mut Context<'_>,
    community: &Community,
    wanted: &[(usize, &NewDataset)],
) -> Result<Result<Vec<DatasetKey>, BTreeMap<usize, Problem>>, Error> {
    let key = |new: &NewDataset| DatasetKey::of(&community.vo, &new.name);
    let known =
        dataset::find(&mut cx.session, wanted.iter().map(|(_, new)| key(new)), Lock::Share).await?;
    let mut refused = BTreeMap::new();
    let mut drafts: Vec<Draft<'_>> = Vec::new();
    for (at, new) in wanted {
        let key = key(new);
        if known.contains_key(&key) || drafts.iter().any(|draft| draft.stored.key == key) {
            continue;
        }
        match draft(cx, community, new, key).await {
            Ok(draft) => drafts.push(draft),
            Err(Error::Store(error)) => return Err(error.into()),
            Err(error) => drop(refused.insert(*at, Problem::from(error))),
        }
    }
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    if !drafts.is_empty() {
        insert(cx, community, &drafts).await?;
    }
    Ok(Ok(drafts.iter().map(|draft| draft.stored.key).collect()))
}

/// What becomes of a dataset that exists: unchanged when what is asked for is there.
async fn compare(
    cx: &mut Context<'_>,
    community: &Community,
    new: &NewDataset,
    old: &Stored,
) -> Result<Result<Outcome, Problem>, Error> {
    let conflict = |text: String| Ok(Err(Problem::new(Code::Conflict, text)));
    if old.name != new.name {
        return conflict(format!("its key is that of the dataset {:?}", old.name.as_str()));
    }
    let document = match community.schema.canonical(Entity::Dataset, &new.metadata) {
        Ok(document) => document,
        Err(problems) => return Ok(Err(Problem::from(metadata::refuse(&problems)))),
    };
    let shown = dataset::present(&mut cx.session, vec![old.clone()]).await?;
    let shown = &shown[0];
    let mut differences = Vec::new();
    let mut differ = |what: &str, differs: bool| {
        if differs {
            differences.push(what.to_owned());
        }
    };
    differ("kind", new.kind != old.kind);
    differ("description", new.description.is_some() && new.description != old.description);
    differ("origin", new.origin.is_some() && new.origin != shown.origin);
    differ("query", new.query.is_some() && new.query != old.query);
    differ("declared", !new.declared.is_empty() && new.declared != old.declared);
    let unattributed = new.unattributed_events;
    differ(
        "unattributed_events",
        unattributed.is_some_and(|events| events != old.unattributed_events),
    );
    let parents: BTreeSet<_> = new.parents.iter().collect();
    differ("parents", !parents.is_empty() && parents != shown.parents.iter().collect());
    let sites: BTreeSet<_> = new.sites.iter().collect();
    differ("sites", !sites.is_empty() && sites != shown.sites.iter().collect());
    differ("documents", !new.documents.is_empty() && new.documents != shown.documents);
    for (field, value) in &document {
        let name = format!("metadata.{field}");
        differ(&name, shown.metadata.get(field) != Some(value));
    }
    if differences.is_empty() {
        return Ok(Ok(Outcome::Unchanged));
    }
    conflict(format!("it exists, and differs in: {}", differences.join(", ")))
}

/// A dataset of the call on its way into the catalogue.
struct Draft<'a> {
    new: &'a NewDataset,
    stored: Stored,
    document: Document,
    vo: Vo,
}

async fn store_names(cx: &mut Context<'_>, call: &AddDatasets) -> Result<(), Error> {
    let mut names: BTreeSet<String> =
        [call.vo.to_string(), cx.caller.user.to_string(), cx.caller.group.to_string()].into();
    for new in &call.datasets {
        names.extend(new.owner.as_ref().map(ToString::to_string));
        names.extend(new.group.as_ref().map(ToString::to_string));
    }
    Ok(cx.session.intern(names.iter().map(String::as_str)).await?)
}

async fn check_sites(cx: &mut Context<'_>, sites: &BTreeSet<SiteName>) -> Result<(), Error> {
    match dataset::unknown_sites(&mut cx.session, sites).await?.first() {
        None => Ok(()),
        Some(site) => {
            let reason = "is not declared; declare a storage element at it with `sbk se add`";
            Err(Error::invalid("sites", site.as_str(), reason))
        }
    }
}

/// Refuses a count that no dataset can have.
fn check_declared(field: &str, count: Option<i64>) -> Result<(), Error> {
    match count {
        Some(count) if !(0..=i64::MAX / 1024).contains(&count) => {
            Err(Error::invalid(field, &count.to_string(), "is not a count"))
        }
        _ => Ok(()),
    }
}

/// The longest description, in bytes.
const MAX_DESCRIPTION: usize = 4096;

/// Refuses a description that is too long.
fn check_description(text: Option<&str>) -> Result<(), Error> {
    match text {
        Some(text) if text.len() > MAX_DESCRIPTION => {
            let reason = format!("is longer than {MAX_DESCRIPTION} bytes");
            Err(Error::invalid("description", "", reason))
        }
        _ => Ok(()),
    }
}

/// What the maker of a dataset keeps, as it is stored.
fn origin(json: &serde_json::Value) -> Result<String, Error> {
    let text = json.to_string();
    if text.len() > 65_536 {
        return Err(Error::invalid("origin", "", "is longer than 64 KiB"));
    }
    Ok(text)
}

/// Refuses counts that no dataset can have.
fn check_all_declared(declared: &Declared) -> Result<(), Error> {
    check_declared("declared.files", declared.files)?;
    check_declared("declared.bytes", declared.bytes)?;
    check_declared("declared.events", declared.events)
}

/// Refuses a dataset that was made from itself.
fn check_parents(name: &DatasetName, parents: &[DatasetName]) -> Result<(), Error> {
    if parents.contains(name) {
        return Err(Error::invalid("parents", name.as_str(), "is the dataset itself"));
    }
    Ok(())
}

/// The dataset on its way into the catalogue, or why it cannot be taken.
async fn draft<'a>(
    cx: &mut Context<'_>,
    community: &Community,
    new: &'a NewDataset,
    key: DatasetKey,
) -> Result<Draft<'a>, Error> {
    if new.status == DatasetStatus::Frozen {
        let reason = "is reached by `freezeDataset`, which takes a snapshot";
        return Err(Error::invalid("status", "frozen", reason));
    }
    if let Some(text) = &new.query {
        query::check(cx, &Asked::files(text, &community.vo)).await?;
    }
    let document = community
        .schema
        .canonical(Entity::Dataset, &new.metadata)
        .map_err(|problems| metadata::refuse(&problems))?;
    let stored = row(cx, community, new, key, &document)?;
    cx.check_gives("owner", new.owner.as_ref().map(AsRef::as_ref))?;
    cx.check_changes_dataset(&stored).await?;
    Ok(Draft { new, stored, document, vo: community.vo.clone() })
}

/// Makes the row of a dataset, or says why it cannot be taken.
pub fn row(
    cx: &Context<'_>,
    community: &Community,
    new: &NewDataset,
    key: DatasetKey,
    document: &Document,
) -> Result<Stored, Error> {
    check_all_declared(&new.declared)?;
    if let Some(events) = new.unattributed_events {
        Events::try_from(events)?;
    }
    check_parents(&new.name, &new.parents)?;
    check_description(new.description.as_deref())?;
    let term = |name: &str| TermKey::of(name).0;
    let owner = new.owner.as_ref().unwrap_or(&cx.caller.user);
    let group = new.group.as_ref().unwrap_or(&cx.caller.group);
    let documents =
        if new.documents.is_empty() { None } else { serde_json::to_string(&new.documents).ok() };
    if documents.as_ref().is_some_and(|text| text.len() > 65_536) {
        return Err(Error::invalid("documents", "", "are longer than 64 KiB"));
    }
    Ok(Stored {
        key,
        name: new.name.clone(),
        vo: community.key,
        owner: term(owner.as_str()),
        group: term(group.as_str()),
        created: new.created.unwrap_or(cx.now),
        modified: cx.now,
        declared: new.declared,
        unattributed_events: new.unattributed_events.unwrap_or_default(),
        kind: new.kind,
        status: new.status,
        description: new.description.clone(),
        query: new.query.clone(),
        origin: new.origin.as_ref().map(origin).transpose()?,
        documents,
        meta: metadata::text(document),
        audit: cx.audit,
    })
}

async fn insert(
    cx: &mut Context<'_>,
    community: &Community,
    drafts: &[Draft<'_>],
) -> Result<(), Error> {
    let mut sorted: Vec<&Draft<'_>> = drafts.iter().collect();
    sorted.sort_by_key(|draft| draft.stored.key);
    let promoted = cx.promoted().await?;
    let documents = sorted.iter().map(|draft| (&*community.schema, &draft.document));
    let columns = metadata::columns(&promoted, Entity::Dataset, documents);
    let rows: Vec<_> = sorted.iter().map(|draft| draft.stored.clone()).collect();
    let new = dataset::insert(&mut cx.session, &rows, columns).await?;
    if new < rows.len() as u64 {
        return Err(sbk_store::Error::Contended("a dataset was made elsewhere".into()).into());
    }
    let parents = drafts.iter().flat_map(|draft| {
        let keyed =
            |name: &DatasetName| (draft.stored.key, DatasetKey::of(&draft.vo, name), name.clone());
        draft.new.parents.iter().map(keyed)
    });
    dataset::add_parents(&mut cx.session, &parents.collect()).await?;
    let sites =
        drafts.iter().flat_map(|d| d.new.sites.iter().map(|site| (d.stored.key, site.clone())));
    dataset::add_sites(&mut cx.session, &sites.collect()).await?;
    let mut deltas = Deltas::default();
    for draft in drafts {
        let events = draft.stored.unattributed_events;
        let totals = Totals { events, ..Totals::default() };
        deltas.add(Subject::Dataset(draft.stored.key), totals)?;
    }
    cx.count(deltas).await
}

impl Run for ChangeDataset {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let old = cx.dataset(&self.name, self.vo.as_ref(), Lock::Update).await?;
        let is_frozen = old.status == DatasetStatus::Frozen;
        if is_frozen && (self.parents.is_some() || !self.metadata.is_empty()) {
            let text = format!("the dataset {:?} is frozen and never changes", old.name.as_str());
            return Err(Error::Conflict(text));
        }
        cx.check_changes_dataset(&old).await?;
        let mut new = old.clone();
        if let Some(status) = self.status.filter(|status| *status != old.status) {
            check_transition(&old, status)?;
            new.status = status;
        }
        if let Some(owner) = &self.owner {
            cx.check_gives("owner", Some(owner.as_str()))?;
            cx.session.intern([owner.as_str()]).await?;
            new.owner = TermKey::of(owner.as_str()).0;
        }
        describe(self, &mut new)?;
        let patched = patch(self, cx, &old).await?;
        let related = change_related(self, cx, &old).await?;
        let changed = new != old || patched || related;
        if changed {
            new.modified = cx.now;
            new.audit = cx.audit;
            dataset::change(&mut cx.session, &new).await?;
        }
        cx.note(Note {
            count: u64::from(changed),
            touched: vec![Touched::Dataset(old.key)],
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "dataset": self.name, "from": old.status, "status": self.status,
                "owner": self.owner, "description": self.description,
                "declared": self.declared, "parents": self.parents, "sites": self.sites,
                "metadata": self.metadata,
            }),
        });
        Ok(Done { outcome: if changed { Outcome::Changed } else { Outcome::Unchanged } })
    }
}

/// Takes over what a call says of a dataset's record.
fn describe(call: &ChangeDataset, new: &mut Stored) -> Result<(), Error> {
    check_description(call.description.as_deref())?;
    if let Some(text) = &call.description {
        new.description = Some(text.clone()).filter(|text| !text.is_empty());
    }
    if let Some(declared) = call.declared {
        check_all_declared(&declared)?;
        new.declared = declared;
    }
    if let Some(kept) = &call.origin {
        new.origin = Some(origin(kept)?);
    }
    Ok(())
}

fn check_transition(old: &Stored, status: DatasetStatus) -> Result<(), Error> {
    if status == DatasetStatus::Frozen {
        let reason = "is reached by `freezeDataset`, which takes a snapshot";
        return Err(Error::invalid("status", "frozen", reason));
    }
    if old.status.may_become(status) {
        return Ok(());
    }
    let next: Vec<_> = old.status.next().map(DatasetStatus::as_str).collect();
    let next = if next.is_empty() { "nothing else".into() } else { next.join(", ") };
    let text = format!(
        "the dataset {:?} is {} and may become {next}, not {status}",
        old.name.as_str(),
        old.status
    );
    Err(Error::Conflict(text))
}

async fn patch(call: &ChangeDataset, cx: &mut Context<'_>, old: &Stored) -> Result<bool, Error> {
    if call.metadata.is_empty() {
        return Ok(false);
    }
    let communities = communities(cx, [old.vo]).await?;
    let schema = &communities[&old.vo].schema;
    let current = metadata::parse(old.meta.as_deref())?;
    let document = schema
        .canonical_patch(Entity::Dataset, &current, &call.metadata)
        .map_err(|problems| metadata::refuse(&problems))?;
    if document == current {
        return Ok(false);
    }
    let promoted = cx.promoted().await?;
    let with_schema = std::iter::once((&**schema, &document));
    let mut columns = metadata::columns(&promoted, Entity::Dataset, with_schema);
    columns.push(("meta".into(), Cells::Json(vec![metadata::text(&document)])));
    let keys = [(old.key.0, 0)];
    promotion::replace(&mut cx.session, Entity::Dataset, &keys, columns).await?;
    Ok(true)
}

async fn change_related(
    call: &ChangeDataset,
    cx: &mut Context<'_>,
    old: &Stored,
) -> Result<bool, Error> {
    let shown = dataset::present(&mut cx.session, vec![old.clone()]).await?;
    let shown = &shown[0];
    let mut changed = false;
    if let Some(parents) = &call.parents {
        check_parents(&old.name, parents)?;
        let wanted: BTreeSet<_> = parents.iter().collect();
        if wanted != shown.parents.iter().collect() {
            dataset::clear_parents(&mut cx.session, old.key).await?;
            let keyed =
                parents.iter().map(|name| (old.key, DatasetKey::of(&shown.vo, name), name.clone()));
            dataset::add_parents(&mut cx.session, &keyed.collect()).await?;
            changed = true;
        }
    }
    if let Some(sites) = &call.sites {
        let wanted: BTreeSet<_> = sites.iter().cloned().collect();
        if wanted != shown.sites.iter().cloned().collect() {
            check_sites(cx, &wanted).await?;
            dataset::clear_sites(&mut cx.session, old.key).await?;
            let keyed = wanted.into_iter().map(|site| (old.key, site));
            dataset::add_sites(&mut cx.session, &keyed.collect()).await?;
            changed = true;
        }
    }
    Ok(changed)
}

impl Run for RemoveDataset {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let old = cx.dataset(&self.name, self.vo.as_ref(), Lock::Update).await?;
        cx.check_changes_dataset(&old).await?;
        let empty = !member::exists(&mut cx.session, old.key).await?;
        let early = matches!(old.status, DatasetStatus::Temp | DatasetStatus::Prepared);
        let lists_nothing = old.query.is_some() && old.status != DatasetStatus::Frozen;
        if !empty || !(early || lists_nothing) {
            return Err(Error::Conflict(format!(
                "the dataset {:?} is {}{}; only one that is temp or prepared and lists no files, or \
                 that a query defines and that is not frozen, can be removed",
                old.name.as_str(),
                old.status,
                if empty { "" } else { " and lists files" },
            )));
        }
        dataset::remove(&mut cx.session, old.key).await?;
        cx.note(Note {
            count: 1,
            touched: vec![Touched::Dataset(old.key)],
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({ "dataset": self.name }),
        });
        Ok(Done { outcome: Outcome::Removed })
    }
}
