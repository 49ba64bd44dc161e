//! Checks what a schema declares and makes its fields.

use std::collections::BTreeMap;

use sbk_model::FieldName;
use serde_json::Value as Json;

use crate::{
    Case, CaseSpec, Condition, Entity, Field, FieldSpec, Kind, Pattern, Rules, Scalar, Unit, Value,
    query, spec::KindName,
};

/// The most values of one enumeration.
const MAX_VALUES: usize = 1024;
/// The most cases of one field.
const MAX_CASES: usize = 64;
/// The most other fields, and values of each, that one condition looks at.
const MAX_CONDITION: usize = 64;
/// The greatest length of a label, in bytes.
const MAX_LABEL: usize = 128;
/// The greatest length of a description, in bytes.
const MAX_DESCRIPTION: usize = 2048;

/// The kinds and units of all fields of a schema, which conditions are read with.
pub(crate) type Kinds = BTreeMap<(Entity, FieldName), (Kind, Option<Unit>)>;

/// Finds the kind of a field, before conditions can be read.
pub(crate) fn kind_of(spec: &FieldSpec) -> Result<Kind, String> {
    check_words(spec)?;
    if spec.of.is_some() != (spec.kind == KindName::List) {
        return Err("`of` belongs to the kind list, and a list needs it".into());
    }
    let element = spec.of.unwrap_or(spec.kind);
    if spec.scale.is_some() != (element == KindName::Decimal) {
        return Err("`scale` belongs to the kind decimal, and a decimal number needs it".into());
    }
    let kind = match element {
        KindName::Int => Kind::Int,
        KindName::Float => Kind::Float,
        KindName::Decimal => Kind::Decimal { scale: scale_of(spec)? },
        KindName::String => Kind::String,
        KindName::Bool => Kind::Bool,
        KindName::Date => Kind::Date,
        KindName::DateTime => Kind::DateTime,
        KindName::Enum => enum_of(spec)?,
        KindName::List => return Err("a list of lists is not possible".into()),
    };
    if spec.unit.is_some() && !kind.is_numeric() {
        return Err(format!("has a unit, but {kind} is no kind of number"));
    }
    Ok(if spec.kind == KindName::List { Kind::List(Box::new(kind)) } else { kind })
}

/// Makes a field whose kind is known.
pub(crate) fn field_of(spec: &FieldSpec, kind: Kind, kinds: &Kinds) -> Result<Field, String> {
    if spec.cases.len() > MAX_CASES {
        return Err(format!("has more than {MAX_CASES} cases"));
    }
    let written = Written {
        min: spec.min.as_ref(),
        max: spec.max.as_ref(),
        pattern: spec.pattern.as_deref(),
        max_length: spec.max_length,
        values: spec.values.as_ref(),
        open: spec.open,
        required: spec.required,
    };
    let rules = written.read(&kind, spec.unit.as_ref())?;
    let when =
        if spec.when.is_empty() { None } else { Some(condition_of(spec, &spec.when, kinds)?) };
    let cases = spec
        .cases
        .iter()
        .map(|case| case_of(spec, case, &kind, kinds))
        .collect::<Result<_, _>>()?;
    Ok(Field {
        name: spec.name.clone(),
        entity: spec.entity,
        kind,
        unit: spec.unit.clone(),
        label: spec.label.clone(),
        description: spec.description.clone(),
        searchable: spec.searchable,
        when,
        rules,
        cases,
    })
}

/// Refuses a name that means something else in a query, and texts that are too long.
///
/// Fields of files and directories may have such names, since other systems have them: a query names
/// them with their entity, as in `directory.site`.
fn check_words(spec: &FieldSpec) -> Result<(), String> {
    let needs_own = matches!(spec.entity, Entity::Dataset | Entity::Job);
    if needs_own && query::is_reserved(spec.entity, spec.name.as_str()) {
        let what = if spec.entity == Entity::Job { "job" } else { "file or dataset" };
        return Err(format!(
            "is a word of the query language or a field that every {what} has; choose another name"
        ));
    }
    if spec.label.as_ref().is_some_and(|label| label.len() > MAX_LABEL) {
        return Err(format!("has a label of more than {MAX_LABEL} bytes"));
    }
    if spec.description.as_ref().is_some_and(|text| text.len() > MAX_DESCRIPTION) {
        return Err(format!("has a description of more than {MAX_DESCRIPTION} bytes"));
    }
    Ok(())
}

fn scale_of(spec: &FieldSpec) -> Result<u8, String> {
    match spec.scale {
        Some(scale) if scale <= Kind::MAX_SCALE => Ok(scale),
        _ => Err(format!("`scale` is more than {}", Kind::MAX_SCALE)),
    }
}

/// Makes an enumeration of the field's own values, or of those of its cases.
fn enum_of(spec: &FieldSpec) -> Result<Kind, String> {
    if let Some(values) = &spec.values {
        return Ok(Kind::Enum { values: values.clone(), open: spec.open });
    }
    let mut all = Vec::<String>::new();
    for value in spec.cases.iter().filter_map(|case| case.values.as_ref()).flatten() {
        if !all.contains(value) {
            all.push(value.clone());
        }
    }
    let open = spec.open || spec.cases.iter().any(|case| case.open);
    if all.is_empty() && !open {
        return Err("is an enumeration without `values`".into());
    }
    Ok(Kind::Enum { values: all, open })
}

/// Makes the rules of one case.
fn case_of(spec: &FieldSpec, case: &CaseSpec, kind: &Kind, kinds: &Kinds) -> Result<Case, String> {
    if case.when.is_empty() {
        return Err("has a case with an empty `when`".into());
    }
    let written = Written {
        min: case.min.as_ref(),
        max: case.max.as_ref(),
        pattern: case.pattern.as_deref(),
        max_length: case.max_length,
        values: case.values.as_ref(),
        open: case.open,
        required: case.required,
    };
    let rules = written.read(kind, spec.unit.as_ref())?;
    if let (Some(own), Some(here)) = (&spec.values, &case.values)
        && !spec.open
        && let Some(other) = here.iter().find(|value| !own.contains(value))
    {
        return Err(format!("has a case with the value {other:?} that `values` does not list"));
    }
    Ok(Case { when: condition_of(spec, &case.when, kinds)?, rules })
}

/// Reads a condition with the kinds of the fields that it names.
fn condition_of(
    spec: &FieldSpec,
    written: &BTreeMap<FieldName, Scalar>,
    kinds: &Kinds,
) -> Result<Condition, String> {
    if written.len() > MAX_CONDITION {
        return Err(format!("has a condition on more than {MAX_CONDITION} fields"));
    }
    let mut wanted = BTreeMap::new();
    for (name, scalar) in written {
        if *name == spec.name {
            return Err("has a condition on itself".into());
        }
        let Some((kind, unit)) = kinds.get(&(spec.entity, name.clone())) else {
            let entity = spec.entity;
            return Err(format!("has a condition on `{name}`, which is no field of a {entity}"));
        };
        if matches!(kind, Kind::List(_)) {
            return Err(format!("has a condition on `{name}`, which is a list"));
        }
        let several = match &scalar.0 {
            Json::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        if several.is_empty() || several.len() > MAX_CONDITION {
            return Err(format!("has a condition on `{name}` with no or too many values"));
        }
        let read = |json| match kind.read(json, unit.as_ref()) {
            Ok(value) => Ok(value.to_json()),
            Err(refusal) => {
                Err(format!("has the condition {name} = {json}: the value {}", refusal.reason))
            }
        };
        let several = several.iter().map(read).collect::<Result<_, _>>()?;
        wanted.insert(name.clone(), several);
    }
    Ok(Condition { wanted })
}

/// Rules as a field or a case writes them.
struct Written<'a> {
    min: Option<&'a Scalar>,
    max: Option<&'a Scalar>,
    pattern: Option<&'a str>,
    max_length: Option<u32>,
    values: Option<&'a Vec<String>>,
    open: bool,
    required: bool,
}

impl Written<'_> {
    /// Reads the rules of a field of some kind.
    fn read(&self, kind: &Kind, unit: Option<&Unit>) -> Result<Rules, String> {
        let element = kind.element();
        let rules = Rules {
            min: bound("min", self.min, element, unit)?,
            max: bound("max", self.max, element, unit)?,
            pattern: match self.pattern {
                Some(text) => Some(Pattern::new(text).map_err(|why| format!("`pattern` {why}"))?),
                None => None,
            },
            max_length: self.max_length,
            values: self.values.cloned(),
            open: self.open,
            required: self.required,
        };
        if (rules.pattern.is_some() || rules.max_length.is_some()) && !element.is_text() {
            return Err(format!("`pattern` and `max_length` are for text, not for {element}"));
        }
        self.check_values(element)?;
        match (&rules.min, &rules.max) {
            (Some(min), Some(max)) if min.compare(max).is_none_or(std::cmp::Ordering::is_gt) => {
                Err(format!("`min` ({min}) is more than `max` ({max})"))
            }
            _ => Ok(rules),
        }
    }

    fn check_values(&self, kind: &Kind) -> Result<(), String> {
        let is_enum = matches!(kind, Kind::Enum { .. });
        if !is_enum && (self.values.is_some() || self.open) {
            return Err(format!("`values` and `open` are for enumerations, not for {kind}"));
        }
        let Some(values) = self.values else { return Ok(()) };
        if values.is_empty() && !self.open {
            return Err("`values` is empty".into());
        }
        if values.len() > MAX_VALUES {
            return Err(format!("`values` has more than {MAX_VALUES} values"));
        }
        for (at, value) in values.iter().enumerate() {
            Kind::String
                .read(&Json::String(value.clone()), None)
                .map_err(|refusal| format!("the value {value:?} {}", refusal.reason))?;
            if values.iter().take(at).any(|earlier| earlier == value) {
                return Err(format!("`values` has {value:?} twice"));
            }
        }
        Ok(())
    }
}

/// Reads the least or the greatest value.
fn bound(
    name: &str,
    written: Option<&Scalar>,
    kind: &Kind,
    unit: Option<&Unit>,
) -> Result<Option<Value>, String> {
    let Some(Scalar(json)) = written else { return Ok(None) };
    if !kind.is_ordered() || kind.is_text() {
        return Err(format!("`{name}` is for numbers, dates and moments, not for {kind}"));
    }
    match kind.read(json, unit) {
        Ok(value) => Ok(Some(value)),
        Err(refusal) => Err(format!("`{name}` ({json}) {}", refusal.reason)),
    }
}
