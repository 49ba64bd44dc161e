//! Metadata fields, as DIRAC's catalogue declares and shows them.

use std::sync::Arc;

use sbk_api::ApplySchema;
use sbk_metadata::{Entity, Field, FieldSpec, Kind, KindName, Schema};
use sbk_model::{FieldName, Vo};
use sbk_wire::Value;

use super::{call::Call, changes::reason, query::is_reserved};
use crate::{Answer, Failure};

/// The longest text of a field whose declaration does not say how long it may be.
const USUAL_LENGTH: u32 = 128;

/// The type of a field in the words of DIRAC, which are those of MySQL.
pub fn type_of(field: &Field) -> String {
    match &field.kind {
        Kind::Int => "INT".into(),
        Kind::Float => "FLOAT".into(),
        Kind::Bool => "BOOL".into(),
        Kind::Date => "DATE".into(),
        Kind::DateTime => "DATETIME".into(),
        Kind::Decimal { scale } => format!("DECIMAL(18,{scale})"),
        _ if is_set(field) => METASET.into(),
        Kind::String | Kind::Enum { .. } | Kind::List(_) => {
            format!("VARCHAR({})", field.rules.max_length.unwrap_or(USUAL_LENGTH))
        }
    }
}

/// The type of fields of directories whose values are names of metadata sets.
pub const METASET: &str = "MetaSet";

/// Whether the values of a field are names of metadata sets.
pub fn is_set(field: &Field) -> bool {
    field.entity == Entity::Directory
        && matches!(field.kind, Kind::String)
        && field.label.as_deref() == Some(METASET)
}

/// The kind that a type stands for, and how long its texts may be.
fn kind_of(text: &str) -> Option<(KindName, Option<u32>)> {
    let lower = text.to_ascii_lowercase();
    let (word, size) = match lower.split_once('(') {
        None => (lower.trim(), None),
        Some((word, rest)) => {
            let inner = rest.trim_end().strip_suffix(')')?;
            (word.trim(), Some(inner.split(',').next()?.trim().parse::<u32>().ok()?))
        }
    };
    Some(match word {
        "float" | "double" | "real" => (KindName::Float, None),
        "bool" | "boolean" => (KindName::Bool, None),
        "date" | "datetime" | "timestamp" => (KindName::DateTime, None),
        "string" | "metaset" => (KindName::String, Some(USUAL_LENGTH)),
        "varchar" | "char" => (KindName::String, Some(size?)),
        "smallint" | "bigint" | "tinyint" | "year" => (KindName::Int, None),
        word if word.starts_with("int") => (KindName::Int, None),
        _ => return None,
    })
}

impl Call<'_> {
    /// The community whose fields the caller sees.
    pub fn own_vo(&self) -> Option<&Vo> {
        self.who.caller.vo.as_ref().or(self.settings().vo.as_ref())
    }

    /// The fields of the caller's community: none where it has not written yet.
    pub async fn schema(&self) -> Result<Arc<Schema>, Failure> {
        let vo = self.own_vo();
        let known = match vo {
            Some(vo) => self.known_schema(vo).await?,
            None => None,
        };
        Ok(known.unwrap_or_else(|| Arc::new(Schema::empty(vo.cloned()))))
    }

    /// `getMetadataFields`.
    pub async fn fields(&self) -> Result<Answer, Failure> {
        let schema = self.schema().await?;
        let types = |entity| {
            let fields = schema.fields_of(entity);
            Value::dict(
                fields
                    .map(|field| (field.name.to_string(), Value::Text(type_of(field))))
                    .collect::<Vec<_>>(),
            )
        };
        Ok(Value::dict([
            ("DirectoryMetaFields", types(Entity::Directory)),
            ("FileMetaFields", types(Entity::File)),
        ])
        .into())
    }

    /// `addMetadataField`.
    pub async fn add_field(
        &self,
        name: &Value,
        type_text: &Value,
        level: &Value,
    ) -> Result<Answer, Failure> {
        let text = |value: &Value| value.text().unwrap_or_default().to_owned();
        let (name, type_text, level) = (text(name), text(type_text), text(level));
        let (entity, other) = match level.to_ascii_lowercase().as_str() {
            "-d" => (Entity::Directory, Entity::File),
            "-f" => (Entity::File, Entity::Directory),
            _ => return Err(Failure::plain(format!("Unknown metadata type {level}"))),
        };
        if is_reserved(&name) {
            return Err(Failure::plain("Illegal use of reserved metafield name"));
        }
        let vo = self.community().await?;
        let schema = self.schema().await?;
        if schema.field(other, &name).is_some() {
            let whose = if other == Entity::File { "Files" } else { "Directories" };
            return Err(Failure::plain(format!(
                "The metadata {name} is already defined for {whose}"
            )));
        }
        let kind = kind_of(&type_text);
        if let Some(known) = schema.field(entity, &name) {
            let stored = type_of(known);
            let is_same = kind.is_some_and(|(kind, length)| {
                kind == KindName::of(&known.kind) && length == known.rules.max_length
            });
            return if is_same {
                Ok(Value::from("Already exists").into())
            } else {
                Err(Failure::plain(format!(
                    "Attempt to add an existing metadata with different type: {type_text}/{stored}"
                )))
            };
        }
        let (kind, max_length) =
            kind.ok_or_else(|| Failure::plain(format!("Invalid parameter type: {type_text}")))?;
        let name: FieldName =
            name.parse().map_err(|_| Failure::plain(format!("Invalid parameter name: {name}")))?;
        let mut specs: Vec<FieldSpec> =
            schema.fields().iter().map(|field| FieldSpec::from(&**field)).collect();
        specs.push(FieldSpec {
            label: (type_text == METASET).then(|| METASET.to_owned()),
            searchable: true,
            max_length,
            ..FieldSpec::new(name, entity, kind)
        });
        let number = specs.len();
        self.apply(&vo, &schema, specs).await?;
        Ok(Value::Text(format!("Added new metadata: {number}")).into())
    }

    /// Applies the fields of a community under the next version.
    async fn apply(&self, vo: &Vo, old: &Schema, specs: Vec<FieldSpec>) -> Result<(), Failure> {
        let new = Schema::new(old.version() + 1, Some(vo.clone()), specs)
            .map_err(|error| Failure::invalid(&error.to_string()))?;
        let apply = ApplySchema {
            vo: vo.clone(),
            toml: new.to_toml(),
            dry_run: false,
            reason: Some(reason()),
        };
        self.ask(apply).await?;
        Ok(())
    }

    /// `deleteMetadataField`: the number of file fields that went. A field that has values stays.
    pub async fn delete_field(&self, name: &Value) -> Result<Answer, Failure> {
        self.check_admin("Permission denied")?;
        let name = name.text().unwrap_or_default();
        let schema = self.schema().await?;
        let goes = |field: &Field| {
            field.name.as_str() == name && matches!(field.entity, Entity::File | Entity::Directory)
        };
        if !schema.fields().iter().any(|field| goes(field)) {
            return Ok(Value::Int(0).into());
        }
        let vo = self.community().await?;
        let kept = schema.fields().iter().filter(|field| !goes(field));
        let specs = kept.map(|field| FieldSpec::from(&**field)).collect();
        let of_files = schema.field(Entity::File, name).is_some();
        self.apply(&vo, &schema, specs).await?;
        Ok(Value::Int(i64::from(of_files)).into())
    }
}

/// A value as a document of the bookkeeping holds it, as far as it can be one of the field.
pub fn to_json(field: &Field, value: &Value) -> serde_json::Value {
    let plain = || sbk_wire::from_value(value.clone()).unwrap_or(serde_json::Value::Null);
    match (&field.kind, value) {
        (Kind::Int, Value::Text(text)) => {
            text.trim().parse::<i64>().map_or_else(|_| plain(), serde_json::Value::from)
        }
        (Kind::Int, Value::Bool(truth)) => i64::from(*truth).into(),
        #[expect(clippy::cast_precision_loss, reason = "the field holds doubles")]
        (Kind::Float, Value::Int(number)) => (*number as f64).into(),
        (Kind::Float, Value::Text(text)) => {
            text.trim().parse::<f64>().map_or_else(|_| plain(), serde_json::Value::from)
        }
        (Kind::Bool, Value::Int(number)) => (*number != 0).into(),
        (Kind::String, Value::Int(number)) => number.to_string().into(),
        (Kind::String, Value::Float(number)) => format!("{number:?}").into(),
        (Kind::String, Value::Bool(truth)) => if *truth { "True" } else { "False" }.into(),
        (Kind::DateTime, Value::DateTime(moment)) => format!("{moment}Z").into(),
        (Kind::DateTime, Value::Text(text)) => moment_text(text).into(),
        (Kind::Date, Value::Date(day)) => day.to_string().into(),
        _ => plain(),
    }
}

/// A moment as MySQL writes it, as RFC 3339 has it; UTC where nothing is said.
fn moment_text(text: &str) -> String {
    let text = text.trim();
    match text.len() {
        10 => format!("{text}T00:00:00Z"),
        19 => format!("{}Z", text.replace(' ', "T")),
        _ => text.to_owned(),
    }
}

/// A stored value as DIRAC's clients read it.
pub fn from_json(field: Option<&Field>, json: &serde_json::Value) -> Value {
    let parsed = match (field.map(|field| &field.kind), json) {
        (Some(Kind::DateTime), serde_json::Value::String(text)) => {
            text.trim_end_matches('Z').parse().ok().map(Value::DateTime)
        }
        (Some(Kind::Date), serde_json::Value::String(text)) => text.parse().ok().map(Value::Date),
        _ => None,
    };
    parsed.unwrap_or_else(|| sbk_wire::to_value(json).unwrap_or(Value::Null))
}

/// Whether a value is a name for any value, or for none.
pub fn wildcard(value: &Value) -> Option<bool> {
    match value.text() {
        Some(text) if text.eq_ignore_ascii_case("any") => Some(true),
        Some(text) if text.eq_ignore_ascii_case("missing") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_mysql() {
        assert_eq!(kind_of("INT"), Some((KindName::Int, None)));
        assert_eq!(kind_of("integer"), Some((KindName::Int, None)));
        assert_eq!(kind_of("int(11)"), Some((KindName::Int, None)));
        assert_eq!(kind_of("VARCHAR(32)"), Some((KindName::String, Some(32))));
        assert_eq!(kind_of("string"), Some((KindName::String, Some(128))));
        assert_eq!(kind_of("date"), Some((KindName::DateTime, None)));
        assert_eq!(kind_of("VARCHAR"), None);
        assert_eq!(kind_of("TEXT"), None);
        assert_eq!(kind_of("VARCHAR(a)"), None);
    }

    #[test]
    fn moments_are_written_as_either_side_does() {
        assert_eq!(moment_text("2026-01-31 12:00:00"), "2026-01-31T12:00:00Z");
        assert_eq!(moment_text("2026-01-31"), "2026-01-31T00:00:00Z");
        assert_eq!(moment_text("soon"), "soon");
    }
}
