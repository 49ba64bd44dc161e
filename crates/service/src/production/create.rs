//! Creates productions.

use sbk_api::{CreateProduction, Done, InputSelection, NewProduction, Outcome};
use sbk_model::{DatasetKey, ProductionKey, ProductionState, RequestKey, TermKey, fingerprint};
use sbk_store::{
    directory::Lock,
    production::{self, Stored},
    recipe, task,
};

use super::range;
use crate::{
    Context, Error, Note, Run,
    metadata::Community,
    query::{self, Asked},
    recipe::{pin_pass, pin_steps},
    register::check_count,
};

/// The greatest length of what a production is, in bytes.
const MAX_DOCUMENT: usize = 1 << 16;
/// The most files that one task gets.
pub const MAX_FILES_PER_TASK: u32 = 1000;

/// What a production is, as it is kept.
pub fn document(definition: &NewProduction) -> Result<String, Error> {
    let bad = |error: serde_json::Error| Error::invalid("production", "", error.to_string());
    let document = serde_json::to_string(definition).map_err(bad)?;
    if document.len() > MAX_DOCUMENT {
        let reason = format!("is {} bytes long, more than {MAX_DOCUMENT}", document.len());
        return Err(Error::invalid("production", definition.name.as_str(), reason));
    }
    Ok(document)
}

impl Run for CreateProduction {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let community = cx.community(&self.vo).await?;
        let asked = &self.production;
        let key = ProductionKey::of(&self.vo, &asked.name);
        let digest = fingerprint("production as asked", &[&document(asked)?]);
        let known = production::find(&mut cx.session, [key], Lock::None).await?;
        if let Some(old) = known.get(&key) {
            compare(old, asked, digest)?;
            cx.note(Note::default());
            return Ok(Done { outcome: Outcome::Unchanged });
        }
        check(asked)?;
        check_outputs(cx, &community, asked).await?;
        if let Some(input) = &asked.input {
            check_input(cx, &community, input).await?;
        }
        let (definition, pass, used) = pinned(cx, &community, asked).await?;
        let (user, vo) = (cx.caller.user.to_string(), self.vo.as_str());
        cx.session.intern([user.as_str(), vo]).await?;
        cx.session.intern_keyed([(key.0, asked.name.as_str())]).await?;
        recipe::mark_used(&mut cx.session, &used).await?;
        let tasks =
            if asked.events.is_some() { 0 } else { task::last(&mut cx.session, key).await? };
        let new = Stored {
            key,
            name: asked.name.to_string(),
            vo: community.key,
            owner: TermKey::of(&user).0,
            request: asked.request.as_ref().map(|name| RequestKey::of(&self.vo, name)),
            pass,
            priority: i64::from(asked.priority),
            events_wanted: asked.events.as_ref().map(range::wanted).transpose()?,
            events_planned: 0,
            tasks,
            digest,
            created: cx.now,
            modified: cx.now,
            audit: cx.audit,
            kind: asked.kind,
            state: ProductionState::Active,
            document: document(&definition)?,
        };
        if !production::insert(&mut cx.session, &new).await? {
            let text = "the production was created elsewhere";
            return Err(sbk_store::Error::Contended(text.into()).into());
        }
        cx.note(Note {
            count: 1,
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({ "vo": self.vo, "production": definition }),
        });
        Ok(Done { outcome: Outcome::Added })
    }
}

/// Refuses a production that is there and was created as something else.
fn compare(old: &Stored, asked: &NewProduction, digest: i64) -> Result<(), Error> {
    if old.name != asked.name.as_str() {
        let (old, new) = (old.name.clone(), asked.name.to_string());
        return Err(sbk_store::Error::Collision(old, new).into());
    }
    if old.digest == digest {
        return Ok(());
    }
    let (was, is) = (super::definition(old)?, asked);
    let differences: Vec<&str> = [
        ("kind", was.kind != is.kind),
        ("pass", was.pass != is.pass),
        ("steps", was.steps != is.steps),
        ("input", was.input != is.input),
        ("events", was.events != is.events),
        ("outputs", was.outputs != is.outputs),
        ("request", was.request != is.request),
        ("priority", was.priority != is.priority),
        ("max_attempts", was.max_attempts != is.max_attempts),
        ("comment", was.comment != is.comment),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect();
    Err(Error::Conflict(format!(
        "the production {:?} exists, and differs in: {}; choose another name, or change it",
        old.name,
        differences.join(", ")
    )))
}

/// Refuses what contradicts itself.
fn check(asked: &NewProduction) -> Result<(), Error> {
    if asked.pass.is_some() && !asked.steps.is_empty() {
        return Err(Error::invalid("steps", "", "stand beside `pass`; give one of the two"));
    }
    if asked.input.is_some() && asked.events.is_some() {
        return Err(Error::invalid("events", "", "stand beside `input`; give one of the two"));
    }
    if !asked.steps.is_empty() {
        check_count("steps", asked.steps.len(), 100)?;
    }
    if let Some(input) = &asked.input
        && !(1..=MAX_FILES_PER_TASK).contains(&input.files_per_task)
    {
        let (files, reason) =
            (input.files_per_task, format!("is not between 1 and {MAX_FILES_PER_TASK}"));
        return Err(Error::invalid("input.files_per_task", &files.to_string(), reason));
    }
    if let Some(events) = &asked.events {
        range::check(events)?;
    }
    match asked.max_attempts {
        Some(most) if !(1..=1000).contains(&most) => {
            Err(Error::invalid("max_attempts", &most.to_string(), "is not between 1 and 1000"))
        }
        _ => Ok(()),
    }
}

/// Refuses output datasets that are not there or take no files.
async fn check_outputs(
    cx: &mut Context<'_>,
    community: &Community,
    asked: &NewProduction,
) -> Result<(), Error> {
    for (kind, name) in &asked.outputs {
        let key = DatasetKey::of(&community.vo, name);
        let found = sbk_store::dataset::find(&mut cx.session, [key], Lock::None).await?;
        let field = format!("outputs.{kind}");
        let Some(dataset) = found.get(&key).filter(|dataset| dataset.name == *name) else {
            let reason = "is not a dataset; create it with `sbk dataset create` first";
            return Err(Error::invalid(&field, name.as_str(), reason));
        };
        if dataset.query.is_some() || !dataset.status.takes_files() {
            let reason = format!("takes no files: it is {}, or a query defines it", dataset.status);
            return Err(Error::invalid(&field, name.as_str(), reason));
        }
    }
    Ok(())
}

/// Refuses a selection that is wrong, or a dataset that is not there.
async fn check_input(
    cx: &mut Context<'_>,
    community: &Community,
    input: &InputSelection,
) -> Result<(), Error> {
    query::check(cx, &selection(input, community)?).await?;
    let Some(name) = &input.dataset else { return Ok(()) };
    let key = DatasetKey::of(&community.vo, name);
    let found = sbk_store::dataset::find(&mut cx.session, [key], Lock::None).await?;
    match found.get(&key).filter(|dataset| dataset.name == *name) {
        Some(_) => Ok(()),
        None => Err(Error::invalid("input.dataset", name.as_str(), "is not a dataset")),
    }
}

/// The query for the files that a production works on.
pub fn selection(input: &InputSelection, community: &Community) -> Result<Asked, Error> {
    match (&input.query, &input.dataset) {
        (Some(query), None) => Ok(Asked::files(query, &community.vo)),
        (None, Some(dataset)) => Ok(Asked::members(dataset, &community.vo)),
        _ => Err(Error::invalid("input", "", "has not one of `query` and `dataset`")),
    }
}

/// A version of a recipe.
type Version = (sbk_model::RecipeKey, i64);

/// What a production is, with the versions of its pass and steps; and those.
async fn pinned(
    cx: &mut Context<'_>,
    community: &Community,
    asked: &NewProduction,
) -> Result<(NewProduction, Option<Version>, Vec<Version>), Error> {
    let mut definition = asked.clone();
    let steps = pin_steps(cx, &community.vo, &asked.steps, "steps").await?;
    let mut used: Vec<Version> = steps.iter().map(|(_, version)| *version).collect();
    used.sort_unstable();
    used.dedup();
    definition.steps = steps.into_iter().map(|(step, _)| step).collect();
    let Some(pass) = &asked.pass else { return Ok((definition, None, used)) };
    let (pass, version) = pin_pass(cx, &community.vo, pass).await?;
    definition.pass = Some(pass);
    used.push(version);
    Ok((definition, Some(version), used))
}
