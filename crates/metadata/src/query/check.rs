//! Checks a query against the fields and gives its values their kinds.

use std::sync::Arc;

use sbk_model::DatasetName;
use serde_json::Value as Json;

use super::{
    ast::{At, Expr, FieldPath, Literal, Node, Op, Place, Query, Step},
    builtin::{Builtin, Target},
    error::QueryError,
    fields::{Fields, Found},
    predicate::{Checked, FieldRef, LikePattern, OrderBy, Predicate},
};
use crate::{Entity, Field, Kind, Unit, Value, problem::nearest};

impl Query {
    /// Checks the query: its fields exist, its comparisons suit them, and its values are
    /// converted to their kinds and units. All errors are reported at once.
    pub fn check(&self, fields: &Fields, target: Target) -> Result<Checked, Vec<QueryError>> {
        let communities = self.communities();
        let fields = fields.limited_to(communities.as_deref());
        let checker = Checker { fields, target };
        let mut errors = Vec::new();
        let filter = match &self.filter {
            Some(expr) => checker.predicate(expr, &mut errors),
            None => Predicate::All,
        };
        let mut order = Vec::new();
        for by in &self.order {
            match checker.sortable(&by.field) {
                Ok(field) => order.push(OrderBy { field, descending: by.descending }),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let limit = self.limit.as_ref().map(|limit| limit.node);
        Ok(Checked { target, filter, order, limit })
    }
}

type CheckedPart<T> = Result<T, QueryError>;

struct Checker {
    fields: Fields,
    target: Target,
}

/// A field with what its comparisons need.
struct Subject {
    field: FieldRef,
    path: At<FieldPath>,
    kind: Kind,
    unit: Option<Unit>,
    many: bool,
}

impl Checker {
    /// Checks a condition; one that is wrong is reported and holds always.
    fn predicate(&self, expr: &Expr, errors: &mut Vec<QueryError>) -> Predicate {
        let mut all = |parts: &[Expr]| -> Vec<Predicate> {
            parts.iter().map(|part| self.predicate(part, errors)).collect()
        };
        let checked = match &expr.node {
            Node::And(parts) => return Predicate::And(all(parts)),
            Node::Or(parts) => return Predicate::Or(all(parts)),
            Node::Not(inner) => return not(self.predicate(inner, errors)),
            Node::Compare { field, op, value } => self.compare(field, *op, value),
            Node::In { field, values, negated } => {
                self.subject(field).and_then(|subject| self.one_of(subject, values, *negated))
            }
            Node::Like { field, pattern, negated } => self.like(field, pattern, *negated),
            Node::Between { field, low, high } => self.between(field, low, high),
            Node::Exists(field) => {
                self.subject(field).map(|subject| Predicate::Exists { field: subject.field })
            }
            Node::Dataset(name) => self.in_dataset(name),
            Node::Step { step, of, depth } => {
                return self.step(*step, of, *depth, &expr.place, errors);
            }
        };
        checked.unwrap_or_else(|error| {
            errors.push(error);
            Predicate::All
        })
    }

    /// Checks a step of provenance; what it begins at may be about jobs.
    fn step(
        &self,
        step: Step,
        of: &Expr,
        depth: Option<u32>,
        place: &Place,
        errors: &mut Vec<QueryError>,
    ) -> Predicate {
        let mut fail = |message: String| errors.push(QueryError::new(message, place.clone()));
        if self.target != Target::File {
            let what = self.target.entity();
            fail(format!("`{}` finds files, and this looks for {what}s", step.as_str()));
            return Predicate::All;
        }
        match (step, depth) {
            (Step::Ancestors | Step::Descendants, Some(0)) => {
                fail(format!("`{}` needs a number of steps of at least 1", step.as_str()));
            }
            (Step::Ancestors | Step::Descendants, Some(depth)) if depth > Predicate::MAX_STEPS => {
                fail(format!("{depth} steps are more than {}", Predicate::MAX_STEPS));
            }
            (Step::Parents | Step::Children | Step::ProducedBy, Some(_)) => {
                fail(format!("`{}` takes no number of steps", step.as_str()));
            }
            _ => {}
        }
        let of = if step == Step::ProducedBy {
            let jobs = Self { fields: self.fields.clone(), target: Target::Job };
            jobs.predicate(of, errors)
        } else {
            self.predicate(of, errors)
        };
        let depth = depth.unwrap_or(Predicate::MAX_STEPS);
        Predicate::Step { step, of: Box::new(of), depth }
    }

    fn compare(&self, path: &At<FieldPath>, op: Op, value: &At<Literal>) -> CheckedPart<Predicate> {
        let subject = self.subject(path)?;
        match op {
            Op::Eq | Op::Ne if subject.many => {
                let values = std::slice::from_ref(value);
                return self.one_of(subject, values, op == Op::Ne);
            }
            Op::Eq | Op::Ne => {}
            Op::Lt | Op::Le | Op::Gt | Op::Ge => subject.demand_order(op.as_str())?,
        }
        let exact = matches!(op, Op::Eq | Op::Ne);
        let value = self.value(&subject, value, exact)?;
        Ok(Predicate::Compare { field: subject.field, op, value })
    }

    /// Is, or is not, one of several values.
    fn one_of(
        &self,
        subject: Subject,
        literals: &[At<Literal>],
        negated: bool,
    ) -> CheckedPart<Predicate> {
        let mut values: Vec<Value> = Vec::with_capacity(literals.len());
        for literal in literals {
            let value = self.value(&subject, literal, true)?;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if let FieldRef::Builtin(Builtin::Dataset) = subject.field {
            return Ok(opposite_if(negated, any_dataset(&values, literals)?));
        }
        let many = subject.many;
        let field = subject.field;
        Ok(match values.pop() {
            Some(value) if many && values.is_empty() => {
                opposite_if(negated, Predicate::Compare { field, op: Op::Eq, value })
            }
            last => {
                values.extend(last);
                let negated_here = negated && !many;
                let found = Predicate::In { field, values, negated: negated_here };
                opposite_if(negated && many, found)
            }
        })
    }

    fn like(
        &self,
        path: &At<FieldPath>,
        pattern: &At<String>,
        negated: bool,
    ) -> CheckedPart<Predicate> {
        let subject = self.subject(path)?;
        if !subject.kind.is_text() {
            let kind = subject.kind.element();
            return Err(subject.error(format!("`like` is for text, but `{}` is {kind}", path.node)));
        }
        let Some(text) = LikePattern::new(&pattern.node) else {
            let message = "the pattern ends within an escape, or has a NUL character; write \\\\ \
                           for a backslash";
            return Err(QueryError::new(message, pattern.place.clone()));
        };
        let field = subject.field;
        let like = Predicate::Like { field, pattern: text, negated: negated && !subject.many };
        Ok(opposite_if(negated && subject.many, like))
    }

    fn between(
        &self,
        path: &At<FieldPath>,
        low: &At<Literal>,
        high: &At<Literal>,
    ) -> CheckedPart<Predicate> {
        let subject = self.subject(path)?;
        subject.demand_order("between")?;
        let least = self.value(&subject, low, false)?;
        let greatest = self.value(&subject, high, false)?;
        if least.compare(&greatest).is_none_or(std::cmp::Ordering::is_gt) {
            let message = format!("nothing lies between {least} and {greatest}");
            let swapped = format!("between {greatest} and {least}");
            return Err(QueryError::new(message, low.place.clone()).suggest(Some(swapped)));
        }
        Ok(Predicate::Between { field: subject.field, low: least, high: greatest })
    }

    /// For a file that it is in a dataset, for a dataset that it is this one.
    fn in_dataset(&self, name: &At<String>) -> CheckedPart<Predicate> {
        let parsed = dataset_name(&name.node, &name.place)?;
        Ok(match self.target {
            Target::File => Predicate::InDataset { name: parsed },
            Target::Dataset => Predicate::Compare {
                field: FieldRef::Builtin(Builtin::Name),
                op: Op::Eq,
                value: Value::Text(parsed.into()),
            },
            Target::Job | Target::Directory => {
                let what = self.target.entity();
                let message = format!("`dataset` finds files, and this looks for {what}s");
                return Err(QueryError::new(message, name.place.clone()));
            }
        })
    }

    /// Reads a value as the field's kind; `exact` where it is not the bound of a range.
    fn value(&self, subject: &Subject, literal: &At<Literal>, exact: bool) -> CheckedPart<Value> {
        let kind = subject.kind.element();
        let json = match &literal.node {
            Literal::Text(text) => Json::String(text.clone()),
            Literal::Number(number) if kind.is_text() => Json::String(number.to_string()),
            Literal::Number(number) => Json::Number(number.clone()),
            Literal::Bool(truth) if kind.is_text() => Json::String(truth.to_string()),
            Literal::Bool(truth) => Json::Bool(*truth),
        };
        let refused = |reason: String, suggestion| {
            let message = format!("`{}`: {json} {reason}", subject.path.node);
            QueryError::new(message, literal.place.clone()).suggest(suggestion)
        };
        let value = kind
            .read(&json, subject.unit.as_ref())
            .map_err(|refusal| refused(refusal.reason, refusal.suggestion))?;
        match (&subject.field, value) {
            (FieldRef::Builtin(builtin), Value::Text(text)) if exact => {
                let canonical = builtin.canonical(self.target, &text);
                canonical.map(Value::Text).map_err(|invalid| refused(invalid.reason, None))
            }
            (_, value) => Ok(value),
        }
    }

    fn sortable(&self, path: &At<FieldPath>) -> CheckedPart<FieldRef> {
        let subject = self.subject(path)?;
        if subject.many {
            let message =
                format!("`{}` can have several values, so nothing can be ordered by it", path.node);
            return Err(subject.error(message));
        }
        Ok(subject.field)
    }

    /// Finds the field that a name stands for.
    fn subject(&self, path: &At<FieldPath>) -> CheckedPart<Subject> {
        let FieldPath { entity, name } = &path.node;
        let own = entity.is_none_or(|entity| entity == self.target.entity());
        let builtin = Builtin::find(self.target, name).filter(|_| own);
        let mut builtin = builtin.map(|builtin| Subject {
            field: FieldRef::Builtin(builtin),
            path: path.clone(),
            kind: builtin.kind(self.target),
            unit: builtin.unit(),
            many: builtin.is_many(self.target),
        });
        // With its entity, a name is first that of a declared field.
        if entity.is_none()
            && let Some(subject) = builtin.take()
        {
            return Ok(subject);
        }
        let reachable: &[Entity] = match self.target {
            Target::File => &[Entity::File, Entity::Directory, Entity::Dataset],
            Target::Dataset => &[Entity::Dataset],
            Target::Job => &[Entity::Job],
            Target::Directory => &[Entity::Directory],
        };
        for candidate in reachable {
            if entity.is_some_and(|entity| entity != *candidate) {
                continue;
            }
            match self.fields.find(*candidate, name) {
                Found::Nothing => {}
                Found::Field(field) => return Ok(self.declared(field, path)),
                Found::Differently(one, two) => {
                    let message = format!(
                        "`{name}` is declared differently by {one} and {two}; say vo = {one} or \
                         vo = {two}"
                    );
                    return Err(QueryError::new(message, path.place.clone()));
                }
            }
        }
        builtin.ok_or_else(|| self.unknown(path))
    }

    fn declared(&self, field: Arc<Field>, path: &At<FieldPath>) -> Subject {
        let across = self.target == Target::File && field.entity == Entity::Dataset;
        Subject {
            path: path.clone(),
            kind: field.kind.clone(),
            unit: field.unit.clone(),
            many: across || matches!(field.kind, Kind::List(_)),
            field: FieldRef::Declared(field),
        }
    }

    /// Says why a name stands for nothing.
    fn unknown(&self, path: &At<FieldPath>) -> QueryError {
        let FieldPath { entity, name } = &path.node;
        let error = |message: String| QueryError::new(message, path.place.clone());
        if self.target != Target::File {
            let elsewhere = [Entity::File, Entity::Directory].into_iter().find(|other| {
                let built_in =
                    *other == Entity::File && Builtin::find(Target::File, name).is_some();
                built_in || !matches!(self.fields.find(*other, name), Found::Nothing)
            });
            if let Some(other) = elsewhere {
                return error(format!(
                    "`{name}` is a field of a {other}, and this looks for {}s",
                    self.target.entity()
                ));
            }
        }
        if *entity == Some(Entity::Dataset)
            && self.target == Target::File
            && Builtin::find(Target::Dataset, name).is_some()
        {
            return error(format!(
                "`{}` is a built-in field of datasets, and this looks for files; name the dataset \
                 with dataset(\"…\")",
                path.node
            ));
        }
        let mut names: Vec<&str> = Builtin::of(self.target).map(Builtin::name).collect();
        names.extend(self.fields.names(self.target));
        error(format!("unknown field `{}`", path.node)).suggest(nearest(name, names))
    }
}

impl Subject {
    fn error(&self, message: String) -> QueryError {
        QueryError::new(message, self.path.place.clone())
    }

    fn demand_order(&self, sign: &str) -> CheckedPart<()> {
        if self.kind.is_ordered() {
            return Ok(());
        }
        let (path, kind) = (&self.path.node, self.kind.element());
        Err(self.error(format!("`{sign}` needs an order, but `{path}` is {kind}; use = or in")))
    }
}

fn not(predicate: Predicate) -> Predicate {
    Predicate::Not(Box::new(predicate))
}

fn opposite_if(negated: bool, predicate: Predicate) -> Predicate {
    if negated { not(predicate) } else { predicate }
}

fn dataset_name(name: &str, place: &Place) -> CheckedPart<DatasetName> {
    name.parse().map_err(|invalid: sbk_model::Invalid| {
        QueryError::new(format!("dataset {name:?} {}", invalid.reason), place.clone())
    })
}

/// Is in one of the datasets of these names.
fn any_dataset(values: &[Value], literals: &[At<Literal>]) -> CheckedPart<Predicate> {
    let place = literals.first().map_or(Place::Pointer(String::new()), |first| first.place.clone());
    let member = |value: &Value| {
        let name = dataset_name(&value.to_string(), &place)?;
        Ok(Predicate::InDataset { name })
    };
    let mut members = values.iter().map(member).collect::<CheckedPart<Vec<_>>>()?;
    Ok(match members.pop() {
        Some(only) if members.is_empty() => only,
        last => {
            members.extend(last);
            Predicate::Or(members)
        }
    })
}
