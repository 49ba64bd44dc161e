//! The declared fields that a query may name.

use std::{collections::BTreeSet, sync::Arc};

use super::builtin::Target;
use crate::{Entity, Field, Kind, Schema};

/// The fields of one or several communities.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    schemas: Vec<Arc<Schema>>,
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum Found {
    /// No community declares it.
    Nothing,
    /// All that declare it agree.
    Field(Arc<Field>),
    /// Two communities declare it differently.
    Differently(String, String),
}

impl Fields {
    /// Takes the fields of schemas.
    pub fn new(schemas: impl IntoIterator<Item = Arc<Schema>>) -> Self {
        Self { schemas: schemas.into_iter().collect() }
    }

    /// The fields of those of some communities, and of schemas that name none.
    pub(crate) fn limited_to(&self, communities: Option<&[&str]>) -> Self {
        let wanted = |schema: &&Arc<Schema>| match (communities, schema.vo()) {
            (Some(communities), Some(vo)) => communities.contains(&vo.as_str()),
            _ => true,
        };
        Self { schemas: self.schemas.iter().filter(wanted).cloned().collect() }
    }

    /// Finds a field. Enumerations that several communities declare are joined.
    pub(crate) fn find(&self, entity: Entity, name: &str) -> Found {
        let mut declared = self
            .schemas
            .iter()
            .filter_map(|schema| schema.field(entity, name).map(|field| (schema, field)));
        let Some((first, field)) = declared.next() else { return Found::Nothing };
        let mut joined = Arc::clone(field);
        for (schema, field) in declared {
            if !joined.kind.same_type(&field.kind) || joined.unit != field.unit {
                return Found::Differently(name_of(first), name_of(schema));
            }
            if joined.kind != field.kind || joined.searchable != field.searchable {
                joined = Arc::new(join(&joined, field));
            }
        }
        Found::Field(joined)
    }

    /// The names that can be used without an entity.
    pub(crate) fn names(&self, target: Target) -> BTreeSet<&str> {
        (self.schemas.iter())
            .flat_map(|schema| schema.fields())
            .filter(|field| match target {
                Target::File => field.entity != Entity::Job,
                Target::Dataset => field.entity == Entity::Dataset,
                Target::Job => field.entity == Entity::Job,
                Target::Directory => field.entity == Entity::Directory,
            })
            .map(|field| field.name.as_str())
            .collect()
    }
}

/// The community of a schema, for a message.
fn name_of(schema: &Schema) -> String {
    schema.vo().map_or("the common schema".to_owned(), ToString::to_string)
}

/// A field that accepts what either of two accepts.
fn join(one: &Field, two: &Field) -> Field {
    let mut joined = one.clone();
    joined.searchable = one.searchable && two.searchable;
    joined.kind = join_kinds(&one.kind, &two.kind);
    joined
}

fn join_kinds(one: &Kind, two: &Kind) -> Kind {
    match (one, two) {
        (Kind::Enum { values, open }, Kind::Enum { values: others, open: also }) => {
            let mut values = values.clone();
            values.extend(
                others.iter().filter(|value| !values.contains(value)).cloned().collect::<Vec<_>>(),
            );
            Kind::Enum { values, open: *open || *also }
        }
        (Kind::List(one), Kind::List(two)) => Kind::List(Box::new(join_kinds(one, two))),
        _ => one.clone(),
    }
}
