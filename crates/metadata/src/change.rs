//! What changes from one version of a schema to the next, and whether values survive it.

use std::cmp::Ordering;

use sbk_model::FieldName;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::{
    Entity, Field, Kind, Problem, Rules, Schema, Value,
    number::Exact,
    problem::Refusal,
    value::{MICROS_PER_DAY, midnight},
};

/// One difference between two versions of a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Change {
    /// What carries the field.
    pub entity: Entity,
    /// The field.
    pub field: FieldName,
    /// What is different.
    #[serde(flatten)]
    pub what: What,
}

/// What is different about a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum What {
    /// The field is new.
    Added,
    /// The field is gone.
    Removed,
    /// The values are of another kind.
    Retyped {
        /// The old kind.
        from: String,
        /// The new kind.
        to: String,
    },
    /// The numbers have another unit.
    UnitChanged {
        /// The old unit.
        from: Option<String>,
        /// The new unit.
        to: Option<String>,
    },
    /// A rule is stricter or different, so existing values may break it.
    Constrained,
    /// Rules only became laxer.
    Relaxed,
    /// There must now be a value, everywhere or under a condition.
    BecameRequired,
    /// There need no longer be a value.
    BecameOptional,
    /// The field gets a column.
    Promoted,
    /// The field loses its column.
    Demoted,
    /// The label or the description says something else.
    DescriptionChanged,
}

impl Change {
    /// Says in a sentence what is different.
    pub fn describe(&self) -> String {
        let unit = |unit: &Option<String>| unit.clone().unwrap_or_else(|| "no unit".to_owned());
        let what = match &self.what {
            What::Added => "is added".to_owned(),
            What::Removed => "is removed".to_owned(),
            What::Retyped { from, to } => format!("changes from {from} to {to}"),
            What::UnitChanged { from, to } => {
                format!("changes its unit from {} to {}", unit(from), unit(to))
            }
            What::Constrained => "has stricter rules".to_owned(),
            What::Relaxed => "has laxer rules".to_owned(),
            What::BecameRequired => "becomes required".to_owned(),
            What::BecameOptional => "becomes optional".to_owned(),
            What::Promoted => "gets a column for searching".to_owned(),
            What::Demoted => "loses its column for searching".to_owned(),
            What::DescriptionChanged => "is described differently".to_owned(),
        };
        format!("field `{}` of {} {what}", self.field, self.entity)
    }

    /// Whether existing values must be looked at before the change can be made.
    pub fn needs_check(&self) -> bool {
        match self.what {
            What::Removed
            | What::Retyped { .. }
            | What::UnitChanged { .. }
            | What::Constrained
            | What::BecameRequired => true,
            What::Added
            | What::Relaxed
            | What::BecameOptional
            | What::Promoted
            | What::Demoted
            | What::DescriptionChanged => false,
        }
    }
}

impl Schema {
    /// The differences from this version to another, ordered by entity and field.
    pub fn changes_to(&self, new: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for entity in Entity::ALL {
            for old in self.fields_of(*entity) {
                match new.field(*entity, old.name.as_str()) {
                    Some(field) => changes.extend(changes_of(old, field)),
                    None => changes.push(change(old, What::Removed)),
                }
            }
            for field in new.fields_of(*entity) {
                if self.field(*entity, field.name.as_str()).is_none() {
                    changes.push(change(field, What::Added));
                    if field.is_required_somewhere() {
                        changes.push(change(field, What::BecameRequired));
                    }
                }
            }
        }
        changes
    }

    /// Checks that this schema may follow another: its version is greater, unless nothing
    /// changes.
    pub fn check_successor(&self, old: &Self) -> Result<(), Problem> {
        let wrong = |reason: String| {
            Err(Refusal::from(reason).about("version", &Json::from(self.version())))
        };
        if let (Some(one), Some(two)) = (old.vo(), self.vo())
            && one != two
        {
            return Err(Problem::field("vo", format!("is {two}, but the schema is that of {one}")));
        }
        let same = old.fields() == self.fields();
        match self.version().cmp(&old.version()) {
            Ordering::Greater => Ok(()),
            Ordering::Equal if same => Ok(()),
            Ordering::Equal => wrong(format!(
                "is the version in use, but the fields differ; write version = {}",
                old.version().saturating_add(1)
            )),
            Ordering::Less => wrong(format!("is older than {}, the version in use", old.version())),
        }
    }
}

impl Field {
    /// Whether there must be a value, everywhere or under a condition.
    fn is_required_somewhere(&self) -> bool {
        self.rules.required || self.cases.iter().any(|case| case.rules.required)
    }
}

fn change(field: &Field, what: What) -> Change {
    Change { entity: field.entity, field: field.name.clone(), what }
}

/// The differences between two versions of one field.
fn changes_of(old: &Field, new: &Field) -> Vec<Change> {
    let mut found = Vec::new();
    if !old.kind.same_type(&new.kind) {
        found.push(What::Retyped { from: old.kind.to_string(), to: new.kind.to_string() });
    }
    if old.unit != new.unit {
        let text = |field: &Field| field.unit.as_ref().map(ToString::to_string);
        found.push(What::UnitChanged { from: text(old), to: text(new) });
    }
    found.extend(rules_change(old, new));
    if requires_more(old, new) {
        found.push(What::BecameRequired);
    } else if requires_more(new, old) {
        found.push(What::BecameOptional);
    }
    match (old.promoted(), new.promoted()) {
        (None, Some(_)) => found.push(What::Promoted),
        (Some(_), None) => found.push(What::Demoted),
        _ => {}
    }
    if (&old.label, &old.description) != (&new.label, &new.description) {
        found.push(What::DescriptionChanged);
    }
    found.into_iter().map(|what| change(new, what)).collect()
}

/// Whether a document can be complete under the old field and lack a value under the new one.
fn requires_more(old: &Field, new: &Field) -> bool {
    if old.rules.required && (old.when == new.when || old.when.is_none()) {
        return false;
    }
    if new.rules.required {
        return true;
    }
    new.cases
        .iter()
        .filter(|case| case.rules.required)
        .any(|case| !old.cases.iter().any(|other| other.rules.required && other.when == case.when))
}

/// Whether the rules of a field became stricter, laxer, or neither.
fn rules_change(old: &Field, new: &Field) -> Option<What> {
    let whens =
        |field: &Field| field.cases.iter().map(|case| case.when.clone()).collect::<Vec<_>>();
    let narrowed = (old.when != new.when && new.when.is_some())
        || is_narrower(&old.rules, &new.rules)
        || whens(old) != whens(new) && !new.cases.is_empty()
        || old.cases.iter().zip(&new.cases).any(|(a, b)| is_narrower(&a.rules, &b.rules))
        || kind_is_narrower(&old.kind, &new.kind);
    let optional = |rules: &Rules| Rules { required: false, ..rules.clone() };
    let all = |field: &Field| {
        let cases = field.cases.iter().map(|case| optional(&case.rules)).collect::<Vec<_>>();
        (field.when.clone(), optional(&field.rules), whens(field), cases)
    };
    if narrowed {
        Some(What::Constrained)
    } else if all(old) != all(new) {
        Some(What::Relaxed)
    } else {
        None
    }
}

/// Whether an enumeration accepts fewer values than before.
fn kind_is_narrower(old: &Kind, new: &Kind) -> bool {
    match (old.element(), new.element()) {
        (Kind::Enum { values: old, open: was_open }, Kind::Enum { values: new, open }) => {
            !open && (*was_open || old.iter().any(|value| !new.contains(value)))
        }
        _ => false,
    }
}

/// Whether rules refuse a value that others accept.
fn is_narrower(old: &Rules, new: &Rules) -> bool {
    let beyond = |old: &Option<Value>, new: &Option<Value>, narrower: Ordering| match (old, new) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new.compare(old).is_none_or(|order| order == narrower),
    };
    let values = match (&old.values, &new.values) {
        (_, None) => false,
        (None, Some(_)) => !new.open,
        (Some(a), Some(b)) => !new.open && (old.open || a.iter().any(|value| !b.contains(value))),
    };
    beyond(&old.min, &new.min, Ordering::Greater)
        || beyond(&old.max, &new.max, Ordering::Less)
        || new.pattern.is_some() && new.pattern != old.pattern
        || new.max_length.is_some_and(|new| old.max_length.is_none_or(|old| new < old))
        || values
}

/// Converts a canonical value of the old field into one of the new field.
///
/// Nothing is lost silently: a number that is not exact in the new kind, or a moment that is
/// no midnight, is a problem. A unit that only one of the fields has is taken as a statement
/// about the numbers as they are.
pub fn convert(new: &Field, old: &Field, json: &Json) -> Result<Json, Problem> {
    let name = new.name.as_str();
    let value = old.kind.read(json, old.unit.as_ref()).map_err(|why| why.about(name, json))?;
    let converted = convert_value(new, old, &value).map_err(|why| why.about(name, json))?;
    new.rules.check(&converted, new.unit.as_ref()).map_err(|why| why.about(name, json))?;
    Ok(converted.to_json())
}

/// Converts a value, a list element by element.
fn convert_value(new: &Field, old: &Field, value: &Value) -> Result<Value, Refusal> {
    match (&new.kind, value) {
        (Kind::List(_), Value::List(values)) => {
            let converted = values.iter().map(|value| convert_single(new, old, value));
            converted.collect::<Result<_, _>>().map(Value::List)
        }
        (Kind::List(_), single) => Ok(Value::List(vec![convert_single(new, old, single)?])),
        (_, Value::List(values)) => match values.as_slice() {
            [single] => convert_single(new, old, single),
            _ => Err(format!("has {} elements, not one", values.len()).into()),
        },
        (_, single) => convert_single(new, old, single),
    }
}

/// Converts a value that is no list.
fn convert_single(new: &Field, old: &Field, value: &Value) -> Result<Value, Refusal> {
    let kind = new.kind.element();
    let written = match (value, kind) {
        (Value::Int(0 | 1), Kind::Bool) => json!(*value == Value::Int(1)),
        (Value::Bool(truth), Kind::Int) => json!(i64::from(*truth)),
        (Value::Date(days), Kind::DateTime) => json!(midnight(*days).to_string()),
        (Value::DateTime(moment), Kind::Date) => {
            return match moment.micros() {
                micros if micros % MICROS_PER_DAY == 0 => {
                    let days = i32::try_from(micros / MICROS_PER_DAY);
                    days.map(Value::Date).map_err(|_| "is too far away".into())
                }
                _ => Err("is not the beginning of a day in UTC".into()),
            };
        }
        (Value::Int(_) | Value::Float(_) | Value::Decimal { .. }, _) if kind.is_numeric() => {
            return convert_number(new, old, value);
        }
        _ => Json::String(value.to_string()),
    };
    kind.read(&written, new.unit.as_ref())
}

/// Converts a number and its unit.
fn convert_number(new: &Field, old: &Field, value: &Value) -> Result<Value, Refusal> {
    let digits = value.to_string();
    let (Some(from), Some(to)) = (&old.unit, &new.unit) else {
        return check_exact(&digits, new.kind.element().read(&json!(digits), None)?);
    };
    if from == to {
        return check_exact(&digits, new.kind.element().read(&json!(digits), None)?);
    }
    new.kind.element().read(&json!(format!("{digits} {from}")), Some(to))
}

/// Accepts a number whose digits are those that it was read from.
fn check_exact(digits: &str, value: Value) -> Result<Value, Refusal> {
    let same = Exact::parse(digits) == Exact::parse(&value.to_string());
    if same { Ok(value) } else { Err("cannot be a floating-point number without rounding".into()) }
}
