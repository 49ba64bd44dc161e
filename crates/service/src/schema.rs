use std::collections::BTreeMap;

use sbk_api::{
    ApplySchema, GetSchema, ListSchemaVersions, Page, SchemaChange, SchemaDocument, SchemaPlan,
};
use sbk_metadata::{Change, Document, Entity, Schema, convert};
use sbk_model::Vo;
use sbk_store::{
    dialect::Cells,
    promotion,
    schema::{self, Version},
};

use crate::{Context, Error, Note, Run, cursor, metadata, promotion::request};

/// How many documents are looked at a time.
const STEP: i64 = 5000;

fn present(version: Version) -> SchemaDocument {
    SchemaDocument {
        vo: version.vo,
        version: u32::try_from(version.version).unwrap_or(u32::MAX),
        toml: version.document,
        applied: Some(version.applied),
        actor: Some(version.actor),
    }
}

impl Run for GetSchema {
    async fn run(&self, cx: &mut Context<'_>) -> Result<SchemaDocument, Error> {
        cx.community(&self.vo).await?;
        Ok(match schema::current(&mut cx.session, &self.vo).await? {
            Some(version) => present(version),
            None => SchemaDocument {
                vo: self.vo.clone(),
                version: 0,
                toml: Schema::empty(Some(self.vo.clone())).to_toml(),
                applied: None,
                actor: None,
            },
        })
    }
}

impl Run for ListSchemaVersions {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<SchemaDocument>, Error> {
        let (below, limit) = cursor::page::<i64>(&self.page)?;
        cx.community(&self.vo).await?;
        let below = below.unwrap_or(i64::MAX);
        let found = schema::versions(&mut cx.session, &self.vo, below, limit).await?;
        let next = cursor::next(&found, limit, |v| cursor::encode(&v.version));
        Ok(Page { items: found.into_iter().map(present).collect(), next })
    }
}

/// Reads a schema from its TOML text.
pub fn read(text: &str, vo: &Vo) -> Result<Schema, Error> {
    let schema = Schema::from_toml(text).map_err(|error| Error::Metadata {
        field: "toml".into(),
        text: format!("the schema cannot be read: {error}"),
    })?;
    match schema.vo() {
        Some(named) if named != vo => {
            let reason = format!("is not the community {named} that the schema names");
            Err(Error::invalid("vo", vo.as_str(), reason))
        }
        _ => Ok(schema),
    }
}

impl Run for ApplySchema {
    async fn run(&self, cx: &mut Context<'_>) -> Result<SchemaPlan, Error> {
        let new = read(&self.toml, &self.vo)?;
        if !schema::lock(&mut cx.session, &self.vo).await? {
            // Says which community was probably meant.
            cx.community(&self.vo).await?;
        }
        let old = match schema::current(&mut cx.session, &self.vo).await? {
            Some(version) => read(&version.document, &self.vo)?,
            None => Schema::empty(Some(self.vo.clone())),
        };
        new.check_successor(&old)
            .map_err(|problem| metadata::refuse(std::slice::from_ref(&problem)))?;
        let changes = old.changes_to(&new);
        let mut review = Review { old: &old, new: &new, counts: BTreeMap::new() };
        for entity in Entity::ALL {
            if changes.iter().any(|c| c.entity == *entity && c.needs_check()) {
                review.look(cx, &self.vo, *entity, !self.dry_run).await?;
            }
        }
        let changes: Vec<_> = changes.iter().map(|change| review.describe(change)).collect();
        let lost: u64 = review.counts.values().map(|count| count.lost).sum();
        let mut plan = SchemaPlan {
            from: old.version(),
            to: new.version(),
            applied: false,
            changes,
            to_promote: 0,
        };
        if self.dry_run {
            cx.abandon();
            return Ok(plan);
        }
        if lost > 0 {
            return Err(review.refuse());
        }
        if new.version() == old.version() {
            cx.note(Note::default());
            return Ok(plan);
        }
        store(self, cx, &new).await?;
        plan.to_promote = request(cx, &new, &self.vo).await?;
        plan.applied = true;
        cx.note(Note {
            count: 1,
            touched: Vec::new(),
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "vo": self.vo, "from": plan.from, "to": plan.to,
                "changes": plan.changes.iter().map(|c| &c.description).collect::<Vec<_>>(),
            }),
        });
        cx.service.schemas().forget();
        Ok(plan)
    }
}

async fn store(call: &ApplySchema, cx: &mut Context<'_>, new: &Schema) -> Result<(), Error> {
    let version = Version {
        vo: call.vo.clone(),
        version: i64::from(new.version()),
        document: call.toml.clone(),
        applied: cx.now,
        actor: cx.caller.user.to_string(),
    };
    Ok(schema::add(&mut cx.session, &version).await?)
}

/// What becomes of the values of one field.
#[derive(Debug, Default)]
struct Count {
    values: u64,
    lost: u64,
    example: Option<String>,
}

/// A look at all values, whether they survive the change of the schema.
struct Review<'a> {
    old: &'a Schema,
    new: &'a Schema,
    counts: BTreeMap<(Entity, String), Count>,
}

impl Review<'_> {
    fn describe(&self, change: &Change) -> SchemaChange {
        let key = (change.entity, change.field.to_string());
        let (values, lost) =
            self.counts.get(&key).map_or((0, 0), |count| (count.values, count.lost));
        let checked = change.needs_check();
        SchemaChange {
            entity: change.entity.to_string(),
            field: change.field.to_string(),
            description: change.describe(),
            values: if checked { values } else { 0 },
            lost: if checked { lost } else { 0 },
        }
    }

    fn refuse(&self) -> Error {
        let lost: Vec<String> = self
            .counts
            .iter()
            .filter(|(_, count)| count.lost > 0)
            .map(|((entity, field), count)| {
                let example = count.example.as_deref().unwrap_or("the field goes");
                format!("{} values of `{field}` of {entity}s ({example})", count.lost)
            })
            .collect();
        Error::Conflict(format!(
            "the schema was not applied, since it would lose {}; mend the values first, and look \
             with a dry run",
            lost.join(", ")
        ))
    }

    /// Looks at all documents of an entity of the community, and rewrites those that convert.
    async fn look(
        &mut self,
        cx: &mut Context<'_>,
        vo: &Vo,
        entity: Entity,
        rewrite: bool,
    ) -> Result<(), Error> {
        let wanted = sbk_model::TermKey::of(vo.as_str()).0;
        let mut after = None;
        loop {
            let session = &mut cx.session;
            let found = promotion::documents(session, entity, after, STEP, rewrite).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.key);
            let mut changed = Vec::new();
            for stored in found.iter().filter(|stored| stored.vo == wanted) {
                let before = metadata::parse(stored.document.as_deref())?;
                let converted = self.convert(entity, &before);
                let own = metadata::parse(stored.own.as_deref())?;
                let own_converted = self.convert_silently(entity, &own);
                if converted != before || own_converted != own {
                    changed.push((stored.key, converted, own_converted));
                }
            }
            if rewrite {
                self.rewrite(cx, entity, &changed).await?;
            }
        }
    }

    async fn rewrite(
        &self,
        cx: &mut Context<'_>,
        entity: Entity,
        changed: &[((i64, i64), Document, Document)],
    ) -> Result<(), Error> {
        let promoted = cx.promoted().await?;
        let documents = changed.iter().map(|(_, document, _)| (self.new, document));
        let mut columns = metadata::columns(&promoted, entity, documents);
        if entity == Entity::Directory {
            let texts = changed.iter().map(|(_, document, _)| metadata::text(document)).collect();
            columns.push(("effective".into(), Cells::Json(texts)));
        }
        let texts = changed.iter().map(|(_, _, own)| metadata::text(own)).collect();
        columns.push(("meta".into(), Cells::Json(texts)));
        let keys: Vec<_> = changed.iter().map(|(key, ..)| *key).collect();
        Ok(promotion::replace(&mut cx.session, entity, &keys, columns).await?)
    }

    fn convert_silently(&self, entity: Entity, before: &Document) -> Document {
        let mut quiet = Review { old: self.old, new: self.new, counts: BTreeMap::new() };
        quiet.convert(entity, before)
    }

    /// Converts one document, and counts what is lost.
    fn convert(&mut self, entity: Entity, before: &Document) -> Document {
        let mut after = Document::new();
        for (name, value) in before {
            let count = self.counts.entry((entity, name.clone())).or_default();
            count.values += 1;
            let fields = self.old.field(entity, name).zip(self.new.field(entity, name));
            match fields.map(|(old, new)| convert(new, old, value)) {
                Some(Ok(converted)) => drop(after.insert(name.clone(), converted)),
                Some(Err(problem)) => {
                    count.lost += 1;
                    count.example.get_or_insert_with(|| problem.to_string());
                }
                None => count.lost += 1,
            }
        }
        if let Err(problems) = self.new.canonical(entity, &after) {
            for problem in problems {
                let field = problem.field.clone();
                let count = self.counts.entry((entity, field)).or_default();
                count.lost += 1;
                count.example.get_or_insert_with(|| problem.to_string());
            }
        }
        after
    }
}
