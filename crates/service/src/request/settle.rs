//! What a sample becomes: values checked against the community's schema, each in one place.

use sbk_api::{Metadata, RequestField, Sample};
use sbk_metadata::{Entity, Field, Kind, Schema};
use sbk_model::Label;
use serde_json::Value;

use crate::{Error, metadata};

/// The most bytes of a comment.
const MAX_COMMENT: usize = 4096;

/// The parts of a sample that a community may declare as fields of datasets.
const SHARED: [RequestField; 4] = [
    RequestField::EventType,
    RequestField::Generator,
    RequestField::Conditions,
    RequestField::Release,
];

/// The place of a part that is a label.
fn label(sample: &mut Sample, part: RequestField) -> Option<&mut Option<Label>> {
    match part {
        RequestField::EventType => Some(&mut sample.event_type),
        RequestField::Generator => Some(&mut sample.generator),
        RequestField::Conditions => Some(&mut sample.conditions),
        RequestField::Release => Some(&mut sample.release),
        RequestField::Events
        | RequestField::Deadline
        | RequestField::Comment
        | RequestField::Campaign => None,
    }
}

/// Changes a sample, and checks what is there; what is required may come later.
///
/// Where the community declares a dataset field with the name of a part, the two are one: the
/// part is written into the parameters, and shows what is there.
pub fn settle(
    schema: &Schema,
    mut sample: Sample,
    changes: &Sample,
    remove: &[RequestField],
) -> Result<Sample, Error> {
    for part in remove {
        clear(&mut sample, *part);
        sample.parameters.remove(part.as_str());
    }
    for (name, value) in patch(schema, changes)? {
        if value.is_null() {
            sample.parameters.remove(&name);
        } else {
            sample.parameters.insert(name, value);
        }
    }
    overlay(&mut sample, changes);
    check_comment(sample.comment.as_deref())?;
    sample.parameters = schema
        .canonical_partial(Entity::Dataset, &sample.parameters)
        .map_err(|problems| refuse(&problems))?;
    for part in SHARED {
        if schema.field(Entity::Dataset, part.as_str()).is_some() {
            let shown = sample.parameters.get(part.as_str()).map(shown);
            let shown = shown.map(|text| parse(part, &text)).transpose()?;
            if let Some(place) = label(&mut sample, part) {
                *place = shown;
            }
        }
    }
    Ok(sample)
}

/// Refuses a sample that lacks what is needed to produce it.
pub fn check_complete(schema: &Schema, sample: &Sample) -> Result<(), Error> {
    if sample.events.is_none_or(|events| events.get() == 0) {
        let reason = "is needed before the request can be submitted; say how many events";
        return Err(Error::invalid("events", "", reason));
    }
    match schema.canonical(Entity::Dataset, &sample.parameters) {
        Ok(_) => Ok(()),
        Err(problems) => Err(refuse(&problems)),
    }
}

/// Gives all problems of parameters as one.
fn refuse(problems: &[sbk_metadata::Problem]) -> Error {
    match metadata::refuse(problems) {
        Error::Metadata { field, text } => {
            Error::Metadata { field: field.replacen("metadata", "parameters", 1), text }
        }
        other => other,
    }
}

/// The changes of the parameters, with those parts that are fields of the community.
fn patch(schema: &Schema, changes: &Sample) -> Result<Metadata, Error> {
    let mut patch = changes.parameters.clone();
    let mut changes = changes.clone();
    for part in SHARED {
        let given = label(&mut changes, part).and_then(Option::take);
        let field = schema.field(Entity::Dataset, part.as_str());
        let (Some(given), Some(field)) = (given, field) else { continue };
        let value = value_of(field, &given);
        match patch.get(part.as_str()) {
            Some(other) if *other != value => {
                let text = format!("is {} in the parameters; give it once", shown(other));
                return Err(Error::invalid(part.as_str(), given.as_str(), text));
            }
            _ => drop(patch.insert(part.as_str().to_owned(), value)),
        }
    }
    Ok(patch)
}

/// A label as a value of a field.
fn value_of(field: &Field, given: &Label) -> Value {
    let text = || Value::from(given.as_str());
    match &field.kind {
        Kind::List(_) => Value::from(vec![text()]),
        kind if kind.is_text() => text(),
        _ => serde_json::from_str(given.as_str()).unwrap_or_else(|_| text()),
    }
}

/// A value of a field as a label shows it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn parse(part: RequestField, text: &str) -> Result<Label, Error> {
    text.parse().map_err(|error: sbk_model::Invalid| {
        Error::invalid(part.as_str(), &error.value, error.reason)
    })
}

fn clear(sample: &mut Sample, part: RequestField) {
    match part {
        RequestField::Events => sample.events = None,
        RequestField::Deadline => sample.deadline = None,
        RequestField::Comment => sample.comment = None,
        RequestField::Campaign => sample.campaign = None,
        RequestField::EventType
        | RequestField::Generator
        | RequestField::Conditions
        | RequestField::Release => {
            if let Some(place) = label(sample, part) {
                *place = None;
            }
        }
    }
}

/// Takes what is given over what is there; parameters apart.
fn overlay(sample: &mut Sample, changes: &Sample) {
    fn take<T: Clone>(there: &mut Option<T>, given: Option<&T>) {
        if let Some(given) = given {
            *there = Some(given.clone());
        }
    }
    take(&mut sample.event_type, changes.event_type.as_ref());
    take(&mut sample.generator, changes.generator.as_ref());
    take(&mut sample.events, changes.events.as_ref());
    take(&mut sample.conditions, changes.conditions.as_ref());
    take(&mut sample.release, changes.release.as_ref());
    take(&mut sample.priority, changes.priority.as_ref());
    take(&mut sample.deadline, changes.deadline.as_ref());
    take(&mut sample.comment, changes.comment.as_ref());
    take(&mut sample.campaign, changes.campaign.as_ref());
}

/// Refuses a comment that is too long, or would upset a terminal.
fn check_comment(comment: Option<&str>) -> Result<(), Error> {
    check_words("comment", comment)
}

/// Refuses words of several lines that are too long, or would upset a terminal.
pub fn check_words(field: &str, words: Option<&str>) -> Result<(), Error> {
    let Some(words) = words else { return Ok(()) };
    if words.len() > MAX_COMMENT {
        let reason = format!("is longer than {MAX_COMMENT} bytes");
        return Err(Error::invalid(field, words, reason));
    }
    match words.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        Some(_) => Err(Error::invalid(field, words, "has a control character")),
        None => Ok(()),
    }
}

/// What differs between two samples: by name what is new, `null` for nothing.
pub fn edits(old: &Sample, new: &Sample) -> Metadata {
    let (old, new) = (flat(old), flat(new));
    let mut edits: Metadata = new
        .iter()
        .filter(|(name, value)| old.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    edits.extend(gone.map(|name| (name.clone(), Value::Null)));
    edits
}

/// The values of a sample by name; parameters as `parameters.NAME`.
fn flat(sample: &Sample) -> Metadata {
    let mut values = match serde_json::to_value(sample) {
        Ok(Value::Object(values)) => values,
        _ => Metadata::new(),
    };
    values.remove("parameters");
    let parameters = sample.parameters.iter();
    values.extend(parameters.map(|(name, value)| (format!("parameters.{name}"), value.clone())));
    values
}
