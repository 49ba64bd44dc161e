//! Event types, conditions, software, background frames and sets of metadata.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    BackgroundFrames, BulkResult, Conditions, DeclareBackgroundFrames, DeclareConditions,
    DeclareEventTypes, DeclareMetadataSets, DeclareSoftware, Definable, Defined, EventType,
    FramesName, ListBackgroundFrames, ListConditions, ListEventTypes, ListMetadataSets,
    ListSoftware, MetadataSet, Outcome, Page, PageArgs, Place, Release, SetFrameSites,
    SetInstalled, Site, Software,
};
use sbk_model::{Reason, SiteName, TermKey, Vo};
use sbk_store::{
    definition::{self, Filter, Kind, Stored},
    name_of, storage,
};

use crate::{
    Context, Error, Note, Run, cursor,
    declare::{Plan, all_new},
    file::results,
    register::check_count,
};

/// The greatest length of what is known of a thing, as JSON in bytes.
const MAX_DOCUMENT: usize = 1 << 16;

/// A kind of things that communities name.
trait Definition: Definable {
    const KIND: Kind;
    /// The argument that they come in.
    const FIELD: &'static str;
}

impl Definition for EventType {
    const KIND: Kind = Kind::EventType;
    const FIELD: &'static str = "event_types";
}

impl Definition for Conditions {
    const KIND: Kind = Kind::Conditions;
    const FIELD: &'static str = "conditions";
}

impl Definition for Software {
    const KIND: Kind = Kind::Software;
    const FIELD: &'static str = "software";
}

impl Definition for MetadataSet {
    const KIND: Kind = Kind::MetadataSet;
    const FIELD: &'static str = "sets";
}

impl Definition for BackgroundFrames {
    const KIND: Kind = Kind::BackgroundFrames;
    const FIELD: &'static str = "frames";
}

/// The greatest length of a name that is made of several.
const MAX_NAME: usize = 512;

fn document<T: Definition>(at: usize, thing: &T) -> Result<String, Error> {
    let name = thing.name();
    let refuse = |reason: String| Error::invalid(&format!("{}.{at}", T::FIELD), &name, reason);
    let text = serde_json::to_string(thing).map_err(|error| refuse(error.to_string()))?;
    if text.len() > MAX_DOCUMENT || name.len() > MAX_NAME {
        return Err(refuse(format!(
            "has a name of more than {MAX_NAME} bytes, or is more than {MAX_DOCUMENT} in all"
        )));
    }
    Ok(text)
}

fn parsed<T: Definition>(stored: &Stored) -> Result<T, Error> {
    let bad = |error: serde_json::Error| {
        sbk_store::Error::Internal(format!("a stored definition is not valid: {error}"))
    };
    Ok(serde_json::from_str(&stored.document).map_err(bad)?)
}

async fn declare<T: Definition>(
    cx: &mut Context<'_>,
    vo: &Vo,
    things: &[T],
    replace: bool,
    reason: Option<&Reason>,
) -> Result<BulkResult, Error> {
    check_count(T::FIELD, things.len(), 1000)?;
    let mut documents = HashMap::new();
    for (at, thing) in things.iter().enumerate() {
        documents.insert(thing.name(), document(at, thing)?);
    }
    let community = cx.community(vo).await?;
    cx.session.intern([vo.as_str()]).await?;
    let key = |name: &str| definition::key(community.key, T::KIND, name);
    let keys = documents.keys().map(|name| key(name)).collect();
    let stored = definition::find(&mut cx.session, &keys).await?;
    let mut known: BTreeMap<String, T> = BTreeMap::new();
    for old in stored.values() {
        known.insert(old.name.clone(), parsed(old)?);
    }
    let wanted = things.iter().map(|thing| (thing.name(), thing.clone()));
    let plan = Plan::new(wanted, &known, replace);
    if !plan.is_refused() {
        let row = |thing: &T| {
            let name = thing.name();
            let key = key(&name);
            let old = stored.get(&key);
            Stored {
                key,
                vo: community.key,
                created: old.map_or(cx.now, |old| old.created),
                modified: cx.now,
                audit: cx.audit,
                document: documents.get(&name).cloned().unwrap_or_default(),
                name,
            }
        };
        let mut new: Vec<Stored> = plan.new.iter().map(row).collect();
        new.sort_by_key(|thing| thing.key);
        let changed: Vec<Stored> = plan.changed.iter().map(row).collect();
        all_new(new.len(), definition::insert(&mut cx.session, T::KIND, &new).await?)?;
        definition::change(&mut cx.session, &changed).await?;
    }
    let detail = serde_json::json!({
        "vo": vo, T::FIELD: things.iter().take(100).map(Definable::name).collect::<Vec<_>>(),
        "changed": plan.changed.iter().take(100).collect::<Vec<_>>(),
    });
    Ok(plan.finish(cx, reason.map(ToString::to_string), detail))
}

async fn list<T: Definition>(
    cx: &mut Context<'_>,
    vo: Option<&Vo>,
    prefix: Option<&String>,
    site: Option<&SiteName>,
    page: &PageArgs,
) -> Result<Page<Defined<T>>, Error> {
    let (after, limit) = cursor::page::<(i64, String)>(page)?;
    let filter = Filter {
        vo: cx.listed_community(vo)?,
        prefix: prefix.cloned(),
        site: site.map(|site| TermKey::of(site.as_str()).0),
    };
    let after = after.as_ref().map(|(vo, name)| (*vo, name.as_str()));
    let found = definition::list(&mut cx.session, T::KIND, &filter, after, limit).await?;
    let next = cursor::next(&found, limit, |thing| cursor::encode(&(thing.vo, &thing.name)));
    let keys = found.iter().map(|thing| thing.key).collect();
    let mut places = places(cx, &keys).await?;
    let vos: BTreeSet<i64> = found.iter().map(|thing| thing.vo).collect();
    let terms = cx.session.terms(vos).await?;
    let items = found.into_iter().map(|thing| {
        Ok(Defined {
            vo: name_of(&terms, thing.vo)?,
            defined: parsed(&thing)?,
            places: places.remove(&thing.key).unwrap_or_default(),
            created: thing.created,
            modified: thing.modified,
        })
    });
    Ok(Page { items: items.collect::<Result<_, Error>>()?, next })
}

/// Where things are, in order.
pub async fn places(
    cx: &mut Context<'_>,
    keys: &BTreeSet<i64>,
) -> Result<BTreeMap<i64, Vec<Place>>, Error> {
    let found = definition::places(&mut cx.session, keys).await?;
    let parts = found.values().flatten().flat_map(|(site, activity)| [*site, *activity]);
    let names: BTreeSet<i64> = parts.filter(|key| *key != 0).collect();
    let terms = cx.session.terms(names).await?;
    let mut places: BTreeMap<i64, Vec<Place>> = BTreeMap::new();
    for (key, (site, activity)) in
        found.iter().flat_map(|(key, all)| all.iter().map(move |place| (*key, *place)))
    {
        let activity = (activity != 0).then(|| name_of(&terms, activity)).transpose()?;
        places.entry(key).or_default().push(Place { site: name_of(&terms, site)?, activity });
    }
    for places in places.values_mut() {
        places.sort();
    }
    Ok(places)
}

/// Refuses a document that is not that of a thing of a kind and name.
pub fn check(kind: Kind, name: &str, defined: &serde_json::Value) -> Result<(), Error> {
    match kind {
        Kind::EventType => check_one::<EventType>(name, defined),
        Kind::Conditions => check_one::<Conditions>(name, defined),
        Kind::Software => check_one::<Software>(name, defined),
        Kind::BackgroundFrames => check_one::<BackgroundFrames>(name, defined),
        Kind::MetadataSet => check_one::<MetadataSet>(name, defined),
    }
}

fn check_one<T: Definition>(name: &str, defined: &serde_json::Value) -> Result<(), Error> {
    let refuse = |reason: String| Error::invalid(T::FIELD, name, reason);
    let thing: T = serde_json::from_value(defined.clone()).map_err(|e| refuse(e.to_string()))?;
    if thing.name() != name {
        return Err(refuse(format!("is not the name of its document, {:?}", thing.name())));
    }
    document(0, &thing).map(drop)
}

macro_rules! run_definitions {
    ($($declare:ident . $items:ident, $list:ident -> $item:ty;)*) => {$(
        impl Run for $declare {
            async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
                declare(cx, &self.vo, &self.$items, self.replace, self.reason.as_ref()).await
            }
        }

        impl Run for $list {
            async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Defined<$item>>, Error> {
                let (vo, site) = (self.vo.as_ref(), self.site.as_ref());
                list(cx, vo, self.prefix.as_ref(), site, &self.page).await
            }
        }
    )*};
}

run_definitions! {
    DeclareEventTypes.event_types, ListEventTypes -> EventType;
    DeclareConditions.conditions, ListConditions -> Conditions;
    DeclareSoftware.software, ListSoftware -> Software;
    DeclareBackgroundFrames.frames, ListBackgroundFrames -> BackgroundFrames;
    DeclareMetadataSets.sets, ListMetadataSets -> MetadataSet;
}

/// Says that things are at places, or not any more.
async fn set_places(
    cx: &mut Context<'_>,
    vo: &Vo,
    (kind, names): (Kind, &[String]),
    places: &[Place],
    removed: bool,
) -> Result<BulkResult, Error> {
    let community = cx.community(vo).await?;
    let keys: BTreeMap<&String, i64> =
        names.iter().map(|name| (name, definition::key(community.key, kind, name))).collect();
    let stored = definition::find(&mut cx.session, &keys.values().copied().collect()).await?;
    if let Some((missing, _)) = keys.iter().find(|(_, key)| !stored.contains_key(key)) {
        let text = format!("the community {vo} has not declared {missing:?}; declare it first");
        return Err(Error::NotFound(text));
    }
    let sites: Vec<Site> = places.iter().map(|place| Site { name: place.site.clone() }).collect();
    storage::add_sites(&mut cx.session, &sites).await?;
    let activities: Vec<&str> =
        places.iter().filter_map(|place| place.activity.as_ref().map(AsRef::as_ref)).collect();
    cx.session.intern(activities).await?;
    let place = |place: &Place| {
        let activity = place.activity.as_ref().map_or(0, |name| TermKey::of(name.as_str()).0);
        (TermKey::of(place.site.as_str()).0, activity)
    };
    let wanted: BTreeSet<definition::Place> = places.iter().map(place).collect();
    let known = definition::places(&mut cx.session, &keys.values().copied().collect()).await?;
    let none = BTreeSet::new();
    let (mut setting, mut outcomes) = (BTreeSet::new(), Vec::with_capacity(names.len()));
    for name in names {
        let key = keys.get(name).copied().unwrap_or_default();
        let old = known.get(&key).unwrap_or(&none);
        let differs = |place: &&definition::Place| old.contains(place) == removed;
        let count = setting.len();
        setting.extend(wanted.iter().filter(differs).map(|place| (key, *place)));
        let outcome = match (setting.len() > count, removed) {
            (false, _) => Outcome::Unchanged,
            (true, true) => Outcome::Removed,
            (true, false) => Outcome::Added,
        };
        outcomes.push((name.as_str(), Ok(outcome)));
    }
    let result = results(outcomes, false);
    if removed {
        definition::remove_places(&mut cx.session, &setting).await?;
    } else {
        definition::add_places(&mut cx.session, &setting, cx.now, cx.audit).await?;
    }
    cx.note(Note {
        count: setting.len() as u64,
        detail: serde_json::json!({
            "vo": vo, "names": names.iter().take(100).collect::<Vec<_>>(),
            "places": places.iter().take(100).collect::<Vec<_>>(), "removed": removed,
        }),
        ..Note::default()
    });
    Ok(result)
}

impl Run for SetInstalled {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("releases", self.releases.len(), 1000)?;
        check_count("places", self.places.len(), 1000)?;
        check_count("places", self.releases.len() * self.places.len(), 100_000)?;
        let names: Vec<String> = self.releases.iter().map(Release::name).collect();
        set_places(cx, &self.vo, (Kind::Software, &names), &self.places, self.removed).await
    }
}

impl Run for SetFrameSites {
    async fn run(&self, cx: &mut Context<'_>) -> Result<BulkResult, Error> {
        check_count("frames", self.frames.len(), 1000)?;
        check_count("sites", self.sites.len(), 1000)?;
        check_count("sites", self.frames.len() * self.sites.len(), 100_000)?;
        let names: Vec<String> = self.frames.iter().map(FramesName::name).collect();
        let at = |site: &SiteName| Place { site: site.clone(), activity: None };
        let places: Vec<Place> = self.sites.iter().map(at).collect();
        set_places(cx, &self.vo, (Kind::BackgroundFrames, &names), &places, self.removed).await
    }
}
