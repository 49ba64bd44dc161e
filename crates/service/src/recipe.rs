//! Steps and processing passes: versions that never change once something uses them.

use std::collections::{BTreeMap, BTreeSet};

use sbk_api::{
    DeclarePasses, DeclareSteps, DeclaredVersion, DeclaredVersions, GetPass, GetStep, ListPasses,
    ListSteps, NewPass, NewStep, Outcome, Page, PageArgs, Pass, PassRef, Step, StepRef,
    VersionSummary,
};
use sbk_model::{RecipeKey, UserName, Vo, fingerprint};
use sbk_store::{
    Terms,
    directory::Lock,
    name_of,
    recipe::{self, Kind, Stored},
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Context, Error, Note, Run, cursor, metadata::Community, register::check_count};

/// The greatest length of what a version says, in bytes.
const MAX_DOCUMENT: usize = 1 << 20;

/// Something that is declared in versions.
trait Recipe: Serialize + DeserializeOwned + PartialEq {
    /// The name of the argument that holds several.
    const FIELD: &'static str;

    /// Its name.
    fn name(&self) -> &str;

    /// The key that all its versions share.
    fn key(&self, vo: &Vo) -> RecipeKey;
}

impl Recipe for NewStep {
    const FIELD: &'static str = "steps";

    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn key(&self, vo: &Vo) -> RecipeKey {
        RecipeKey::of_step(vo, &self.name)
    }
}

impl Recipe for NewPass {
    const FIELD: &'static str = "passes";

    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn key(&self, vo: &Vo) -> RecipeKey {
        RecipeKey::of_pass(vo, &self.name)
    }
}

/// The number of a version as callers see it.
fn number(version: i64) -> u32 {
    u32::try_from(version).unwrap_or(u32::MAX)
}

/// A name that ends with `@` and digits would be taken for one with a version.
fn check_name(field: &str, name: &str) -> Result<(), Error> {
    let versioned = name.parse::<StepRef>().is_ok_and(|reference| reference.version.is_some());
    if versioned || name.parse::<StepRef>().is_err() {
        let reason = "ends with @ and digits, which stand for a version";
        return Err(Error::invalid(field, name, reason));
    }
    Ok(())
}

/// What a call changes.
#[derive(Default)]
struct Changes {
    added: Vec<Stored>,
    changed: Vec<Stored>,
}

/// Declares recipes, all or none of them, and says which versions they are.
async fn declare<R: Recipe>(
    cx: &mut Context<'_>,
    community: &Community,
    recipes: &[R],
    new_version: bool,
) -> Result<(DeclaredVersions, Changes), Error> {
    check_count(R::FIELD, recipes.len(), 1000)?;
    let keys: BTreeSet<RecipeKey> = recipes.iter().map(|r| r.key(&community.vo)).collect();
    if keys.len() < recipes.len() {
        return Err(Error::invalid(R::FIELD, "", "holds one name twice; declare each once"));
    }
    let mut known: BTreeMap<RecipeKey, Vec<Stored>> = BTreeMap::new();
    for version in recipe::find(&mut cx.session, keys, Lock::Update).await? {
        known.entry(version.key).or_default().push(version);
    }
    let (mut declared, mut changes) = (DeclaredVersions::default(), Changes::default());
    for (at, recipe) in recipes.iter().enumerate() {
        check_name(&format!("{}.{at}.name", R::FIELD), recipe.name())?;
        let versions = known.remove(&recipe.key(&community.vo)).unwrap_or_default();
        let draft = draft(cx, community, recipe, &format!("{}.{at}", R::FIELD))?;
        let (version, outcome) = decide(draft, &versions, new_version, &mut changes)?;
        let name = recipe.name().to_owned();
        declared.results.push(DeclaredVersion { name, version: number(version), outcome });
    }
    Ok((declared, changes))
}

/// The first version of a recipe.
fn draft<R: Recipe>(
    cx: &Context<'_>,
    community: &Community,
    recipe: &R,
    field: &str,
) -> Result<Stored, Error> {
    let bad = |error: serde_json::Error| Error::invalid(field, "", error.to_string());
    let document = serde_json::to_string(recipe).map_err(bad)?;
    if document.len() > MAX_DOCUMENT {
        let reason = format!("is {} bytes long, more than {MAX_DOCUMENT}", document.len());
        return Err(Error::invalid(field, recipe.name(), reason));
    }
    Ok(Stored {
        key: recipe.key(&community.vo),
        version: 1,
        vo: community.key,
        digest: fingerprint("recipe", &[&document]),
        created: cx.now,
        audit: cx.audit,
        used: false,
        actor: cx.caller.user.to_string(),
        name: recipe.name().to_owned(),
        document,
    })
}

/// Decides what becomes of a draft: what says the same as a version is that version; what differs
/// takes the place of the newest, unless something uses that, or a new version is wanted.
fn decide(
    draft: Stored,
    versions: &[Stored],
    new_version: bool,
    changes: &mut Changes,
) -> Result<(i64, Outcome), Error> {
    let Some(newest) = versions.last() else {
        changes.added.push(draft);
        return Ok((1, Outcome::Added));
    };
    if newest.name != draft.name {
        return Err(sbk_store::Error::Collision(newest.name.clone(), draft.name).into());
    }
    let same = versions.iter().rev().find(|version| version.digest == draft.digest);
    match same {
        Some(same) if same.version == newest.version || !new_version => {
            return Ok((same.version, Outcome::Unchanged));
        }
        _ => {}
    }
    if newest.used || new_version {
        let version = newest.version + 1;
        changes.added.push(Stored { version, ..draft });
        return Ok((version, Outcome::Added));
    }
    let version = newest.version;
    changes.changed.push(Stored { version, ..draft });
    Ok((version, Outcome::Changed))
}

/// Writes what a call changes, and notes it.
async fn keep(
    cx: &mut Context<'_>,
    kind: Kind,
    community: &Community,
    changes: Changes,
    reason: Option<String>,
) -> Result<(), Error> {
    cx.session.intern([community.vo.as_str()]).await?;
    let new = recipe::insert(&mut cx.session, kind, &changes.added).await?;
    if new < changes.added.len() as u64 {
        return Err(sbk_store::Error::Contended("a version was declared elsewhere".into()).into());
    }
    recipe::change(&mut cx.session, &changes.changed).await?;
    let names = |list: &[Stored]| {
        list.iter().take(100).map(|s| format!("{}@{}", s.name, s.version)).collect::<Vec<_>>()
    };
    cx.note(Note {
        count: (changes.added.len() + changes.changed.len()) as u64,
        touched: Vec::new(),
        reason,
        detail: serde_json::json!({
            "vo": community.vo,
            "added": names(&changes.added), "changed": names(&changes.changed),
        }),
    });
    Ok(())
}

impl Run for DeclareSteps {
    async fn run(&self, cx: &mut Context<'_>) -> Result<DeclaredVersions, Error> {
        let community = cx.community(&self.vo).await?;
        let (declared, changes) = declare(cx, &community, &self.steps, self.new_version).await?;
        let reason = self.reason.as_ref().map(ToString::to_string);
        keep(cx, Kind::Step, &community, changes, reason).await?;
        Ok(declared)
    }
}

impl Run for DeclarePasses {
    async fn run(&self, cx: &mut Context<'_>) -> Result<DeclaredVersions, Error> {
        check_count("passes", self.passes.len(), 1000)?;
        let community = cx.community(&self.vo).await?;
        let mut passes = Vec::with_capacity(self.passes.len());
        let mut used = BTreeSet::new();
        for (at, pass) in self.passes.iter().enumerate() {
            check_count(&format!("passes.{at}.steps"), pass.steps.len(), 100)?;
            let field = format!("passes.{at}.steps");
            let steps = pin_steps(cx, &community.vo, &pass.steps, &field).await?;
            used.extend(steps.iter().map(|(_, key)| *key));
            let steps = steps.into_iter().map(|(step, _)| step).collect();
            passes.push(NewPass { steps, ..pass.clone() });
        }
        let (declared, changes) = declare(cx, &community, &passes, self.new_version).await?;
        if !changes.added.is_empty() || !changes.changed.is_empty() {
            let used: Vec<_> = used.into_iter().collect();
            recipe::mark_used(&mut cx.session, &used).await?;
        }
        let reason = self.reason.as_ref().map(ToString::to_string);
        keep(cx, Kind::Pass, &community, changes, reason).await?;
        Ok(declared)
    }
}

/// A reference with its version, and what that is the key of.
type Pinned<R> = (R, (RecipeKey, i64));

/// Gives each reference to a step its version, the newest where it names none, and locks it.
pub async fn pin_steps(
    cx: &mut Context<'_>,
    vo: &Vo,
    steps: &[StepRef],
    field: &str,
) -> Result<Vec<Pinned<StepRef>>, Error> {
    let keys = steps.iter().map(|step| RecipeKey::of_step(vo, &step.name));
    let found = recipe::find(&mut cx.session, keys, Lock::Update).await?;
    let pinned = steps.iter().map(|step| {
        let key = RecipeKey::of_step(vo, &step.name);
        let version = pin(&found, key, step.version, field, &step.to_string())?;
        Ok((StepRef { version: Some(number(version)), ..step.clone() }, (key, version)))
    });
    pinned.collect()
}

/// Gives a reference to a processing pass its version, and locks it.
pub async fn pin_pass(
    cx: &mut Context<'_>,
    vo: &Vo,
    pass: &PassRef,
) -> Result<Pinned<PassRef>, Error> {
    let key = RecipeKey::of_pass(vo, &pass.name);
    let found = recipe::find(&mut cx.session, [key], Lock::Update).await?;
    let version = pin(&found, key, pass.version, "pass", &pass.to_string())?;
    Ok((PassRef { version: Some(number(version)), ..pass.clone() }, (key, version)))
}

fn pin(
    found: &[Stored],
    key: RecipeKey,
    version: Option<u32>,
    field: &str,
    text: &str,
) -> Result<i64, Error> {
    let mut versions = found.iter().filter(|stored| stored.key == key);
    let pinned = match version {
        Some(version) => versions.find(|stored| stored.version == i64::from(version)),
        None => versions.max_by_key(|stored| stored.version),
    };
    let undeclared = || Error::invalid(field, text, "is not declared; declare it first");
    pinned.map(|stored| stored.version).ok_or_else(undeclared)
}

/// All versions of the one recipe of a name that the caller sees, oldest first.
async fn find(
    cx: &mut Context<'_>,
    kind: Kind,
    name: &str,
    vo: Option<&Vo>,
) -> Result<Vec<Stored>, Error> {
    let access = cx.access();
    let key = vo.map(|vo| sbk_model::TermKey::of(vo.as_str()).0);
    let what = match kind {
        Kind::Step => "step",
        Kind::Pass => "processing pass",
    };
    let mut found = recipe::named(&mut cx.session, kind, name).await?;
    found.retain(|stored| access.sees(stored.vo) && key.is_none_or(|key| key == stored.vo));
    let communities: BTreeSet<i64> = found.iter().map(|stored| stored.vo).collect();
    match communities.len() {
        1 => Ok(found),
        0 => Err(Error::NotFound(format!("there is no {what} {name:?}"))),
        _ => {
            let reason = format!("is needed: several communities have a {what} {name:?}");
            Err(Error::invalid("vo", "", reason))
        }
    }
}

fn summary(stored: &Stored) -> Result<VersionSummary, Error> {
    let bad = |e: sbk_model::Invalid| sbk_store::Error::Internal(e.to_string());
    Ok(VersionSummary {
        version: number(stored.version),
        created: stored.created,
        actor: stored.actor.parse::<UserName>().map_err(bad)?,
        used: stored.used,
    })
}

fn parse<R: DeserializeOwned>(stored: &Stored) -> Result<R, Error> {
    let bad = |error: serde_json::Error| {
        sbk_store::Error::Internal(format!("a stored step or pass is not valid: {error}"))
    };
    Ok(serde_json::from_str(&stored.document).map_err(bad)?)
}

/// The version of a number among all of a recipe; the newest without one.
fn version<'a>(all: &'a [Stored], wanted: Option<u32>, text: &str) -> Result<&'a Stored, Error> {
    let found = match wanted {
        Some(wanted) => all.iter().find(|stored| number(stored.version) == wanted),
        None => all.last(),
    };
    let newest = all.last().map_or(0, |stored| stored.version);
    found.ok_or_else(|| {
        Error::NotFound(format!("there is no version {text:?}; the newest is {newest}"))
    })
}

fn step(stored: &Stored, terms: &Terms, versions: Vec<VersionSummary>) -> Result<Step, Error> {
    let (vo, summary) = (name_of(terms, stored.vo)?, summary(stored)?);
    Ok(Step { vo, summary, definition: parse(stored)?, versions })
}

fn pass(stored: &Stored, terms: &Terms, versions: Vec<VersionSummary>) -> Result<Pass, Error> {
    let (vo, summary) = (name_of(terms, stored.vo)?, summary(stored)?);
    Ok(Pass { vo, summary, definition: parse(stored)?, versions })
}

impl Run for GetStep {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Step, Error> {
        let name = self.step.name.as_str();
        let all = find(cx, Kind::Step, name, self.vo.as_ref()).await?;
        let wanted = version(&all, self.step.version, &self.step.to_string())?;
        let terms = cx.session.terms([wanted.vo]).await?;
        step(wanted, &terms, all.iter().map(summary).collect::<Result<_, _>>()?)
    }
}

impl Run for GetPass {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Pass, Error> {
        let name = self.pass.name.as_str();
        let all = find(cx, Kind::Pass, name, self.vo.as_ref()).await?;
        let wanted = version(&all, self.pass.version, &self.pass.to_string())?;
        let terms = cx.session.terms([wanted.vo]).await?;
        pass(wanted, &terms, all.iter().map(summary).collect::<Result<_, _>>()?)
    }
}

/// One page of the newest versions, with the names that they refer to.
async fn list(
    cx: &mut Context<'_>,
    kind: Kind,
    vo: Option<&Vo>,
    page: &PageArgs,
) -> Result<(Vec<Stored>, Terms, Option<String>), Error> {
    let (after, limit) = cursor::page::<(String, i64)>(page)?;
    let vo = cx.listed_community(vo)?;
    let after = after.as_ref().map(|(name, key)| (name.as_str(), *key));
    let found = recipe::newest(&mut cx.session, kind, vo, after, limit).await?;
    let next = cursor::next(&found, limit, |s| cursor::encode(&(s.name.as_str(), s.key.0)));
    let terms = cx.session.terms(found.iter().map(|stored| stored.vo)).await?;
    Ok((found, terms, next))
}

impl Run for ListSteps {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Step>, Error> {
        let (found, terms, next) = list(cx, Kind::Step, self.vo.as_ref(), &self.page).await?;
        let items: Result<Vec<_>, _> = found.iter().map(|s| step(s, &terms, Vec::new())).collect();
        Ok(Page { items: items?, next })
    }
}

impl Run for ListPasses {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<Pass>, Error> {
        let (found, terms, next) = list(cx, Kind::Pass, self.vo.as_ref(), &self.page).await?;
        let items: Result<Vec<_>, _> = found.iter().map(|s| pass(s, &terms, Vec::new())).collect();
        Ok(Page { items: items?, next })
    }
}
