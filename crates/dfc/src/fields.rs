//! Metadata fields and their values.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_dirac::catalog::METASET;
use sbk_metadata::{Document, Entity, FieldSpec, KindName, Schema};
use sbk_model::{FieldName, Vo};
use serde_json::Value as Json;

use crate::{
    Error, Finding, Source,
    community::field_of,
    source::{PAGE, float, int, text},
    tables::{Column, signed},
};

/// The longest text that a field may hold, in bytes.
const MAX_LENGTH: u64 = 4096;

/// The most decimal places of a decimal.
const MAX_SCALE: u64 = 9;

/// How long a parameter is at most.
const PARAMETER: u32 = 128;

/// A field of the catalogue whose values are in a table of its own.
#[derive(Debug, Clone)]
struct Stored {
    /// The table.
    table: String,
    /// The name here.
    name: FieldName,
    /// Whose it is; of all, where nothing says it.
    vo: Option<Vo>,
    kind: KindName,
    length: Option<u32>,
    scale: Option<u8>,
    is_set: bool,
}

/// A parameter: a value that no field was declared for.
#[derive(Debug, Clone)]
struct Parameter {
    name: FieldName,
    vo: Option<Vo>,
}

/// The fields of one entity.
#[derive(Debug, Default)]
struct Of {
    fields: Vec<Stored>,
    parameters: BTreeMap<String, Parameter>,
}

/// The metadata fields of a catalogue.
#[derive(Debug, Default)]
pub struct Fields {
    directories: Of,
    files: Of,
    vos: BTreeSet<Vo>,
    schemas: HashMap<Vo, Schema>,
}

/// Values of directories or files by their numbers, each with the community that they are for.
pub type Values = HashMap<i64, Vec<(FieldName, Option<Vo>, Json)>>;

/// The number of what has values, and the tables that they are in.
struct Place {
    entity: Entity,
    names: &'static str,
    prefix: &'static str,
    id: &'static str,
    parameters: &'static str,
}

const DIRECTORIES: Place = Place {
    entity: Entity::Directory,
    names: "FC_MetaFields",
    prefix: "FC_Meta_",
    id: "DirID",
    parameters: "FC_DirMeta",
};

const FILES: Place = Place {
    entity: Entity::File,
    names: "FC_FileMetaFields",
    prefix: "FC_FileMeta_",
    id: "FileID",
    parameters: "FC_FileMeta",
};

impl Stored {
    /// The column of the value, so that every server gives it in one form.
    fn column(&self) -> String {
        match self.kind {
            KindName::Int => signed("Value"),
            KindName::Float => "CAST(Value AS DOUBLE)".into(),
            _ => "CAST(Value AS CHAR)".into(),
        }
    }
}

/// What a column can hold.
fn kind_of(column: &Column) -> Option<(KindName, Option<u32>, Option<u8>)> {
    let length = |most: u64| u32::try_from(most.clamp(1, MAX_LENGTH)).ok();
    Some(match column.kind.as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => {
            (KindName::Int, None, None)
        }
        "float" | "double" => (KindName::Float, None, None),
        "decimal" => match column.scale {
            Some(scale) if scale <= MAX_SCALE => {
                (KindName::Decimal, None, u8::try_from(scale).ok())
            }
            _ => (KindName::Float, None, None),
        },
        "date" => (KindName::Date, None, None),
        "datetime" | "timestamp" => (KindName::DateTime, None, None),
        "char" | "varchar" | "tinytext" | "text" | "enum" => {
            (KindName::String, column.length.and_then(length), None)
        }
        "time" => (KindName::String, Some(32), None),
        _ => return None,
    })
}

impl Source {
    /// Finds the metadata fields, and makes a schema for each community.
    ///
    /// # Errors
    /// [`Error::Fields`] when they are no schema, for instance because there are too many.
    pub async fn fields(&mut self) -> Result<Fields, Error> {
        let vos = self.communities.among(self.names.directories());
        let mut fields = Fields { vos, ..Fields::default() };
        fields.directories = self.fields_of(&DIRECTORIES, &fields.vos).await?;
        fields.files = self.fields_of(&FILES, &fields.vos).await?;
        for vo in &fields.vos {
            let mut specs = fields.directories.specs(Entity::Directory, vo);
            specs.extend(fields.files.specs(Entity::File, vo));
            let schema = Schema::new(1, Some(vo.clone()), specs)
                .map_err(|error| Error::Fields(error.to_string()))?;
            fields.schemas.insert(vo.clone(), schema);
        }
        Ok(fields)
    }

    async fn fields_of(&mut self, place: &Place, vos: &BTreeSet<Vo>) -> Result<Of, Error> {
        let mut of = Of::default();
        if self.tables.name(place.names).is_some() {
            let sql = format!("SELECT MetaName, MetaType FROM {} ORDER BY MetaName", place.names);
            for row in &self.rows("metadata fields", &sql, &[]).await? {
                let (stored, kind) = (text(row, 0).unwrap_or_default(), text(row, 1));
                match self.field(place, &stored, kind.as_deref(), vos) {
                    Some(field) => of.fields.push(field),
                    None => self.findings.note(Finding::Field, || stored),
                }
            }
        }
        if self.tables.name(place.parameters).is_some() {
            let sql = format!("SELECT DISTINCT MetaKey FROM {}", place.parameters);
            for row in &self.rows("parameters", &sql, &[]).await? {
                let stored = text(row, 0).unwrap_or_default();
                let (bare, vo) = field_of(&stored, vos);
                match bare.parse::<FieldName>() {
                    Ok(name) => {
                        self.findings.note(Finding::Parameter, || stored.clone());
                        of.parameters.insert(stored, Parameter { name, vo });
                    }
                    Err(_) => self.findings.note(Finding::Field, || stored),
                }
            }
        }
        Ok(of)
    }

    fn field(
        &self,
        place: &Place,
        stored: &str,
        declared: Option<&str>,
        vos: &BTreeSet<Vo>,
    ) -> Option<Stored> {
        let is_plain = stored.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_plain {
            return None;
        }
        let table = self.tables.name(&format!("{}{stored}", place.prefix))?.to_owned();
        let (kind, length, scale) = kind_of(self.tables.column(&table, "Value")?)?;
        let (bare, vo) = field_of(stored, vos);
        let name = bare.parse().ok()?;
        let is_set = place.entity == Entity::Directory && declared == Some(METASET);
        Some(Stored { table, name, vo, kind, length, scale, is_set })
    }

    /// The values of the directories or files of a range of numbers.
    async fn values(
        &mut self,
        place: &Place,
        of: &Of,
        from: i64,
        to: i64,
    ) -> Result<Values, Error> {
        let mut values = Values::new();
        for field in &of.fields {
            let sql = format!(
                "SELECT {}, {} FROM `{}` WHERE {id} > ? AND {id} <= ?",
                signed(place.id),
                field.column(),
                field.table,
                id = place.id,
            );
            for row in &self.rows("metadata values", &sql, &[from, to]).await? {
                let value = match field.kind {
                    KindName::Int => int(row, 1).map(Json::from),
                    KindName::Float => float(row, 1).map(shortest).map(Json::from),
                    KindName::DateTime => text(row, 1).map(|text| moment(&text)),
                    _ => text(row, 1).map(Json::String),
                };
                let (Some(id), Some(value)) = (int(row, 0), value) else { continue };
                values.entry(id).or_default().push((field.name.clone(), field.vo.clone(), value));
            }
        }
        if !of.parameters.is_empty() {
            let sql = format!(
                "SELECT {}, MetaKey, MetaValue FROM {} WHERE {id} > ? AND {id} <= ?",
                signed(place.id),
                place.parameters,
                id = place.id
            );
            for row in &self.rows("parameters", &sql, &[from, to]).await? {
                let (Some(id), Some(key), Some(value)) = (int(row, 0), text(row, 1), text(row, 2))
                else {
                    continue;
                };
                if let Some(Parameter { name, vo }) = of.parameters.get(&key) {
                    let value = (name.clone(), vo.clone(), Json::String(value));
                    values.entry(id).or_default().push(value);
                }
            }
        }
        Ok(values)
    }

    /// The values of the directories of a range of numbers.
    pub(crate) async fn directory_values(
        &mut self,
        fields: &Fields,
        from: i64,
        to: i64,
    ) -> Result<Values, Error> {
        self.values(&DIRECTORIES, &fields.directories, from, to).await
    }

    /// The values of the files of a range of numbers.
    pub(crate) async fn file_values(
        &mut self,
        fields: &Fields,
        from: i64,
        to: i64,
    ) -> Result<Values, Error> {
        self.values(&FILES, &fields.files, from, to).await
    }

    /// The document of something, without what its schema does not take.
    pub(crate) fn document(
        &mut self,
        fields: &Fields,
        entity: Entity,
        vo: &Vo,
        values: Option<Vec<(FieldName, Option<Vo>, Json)>>,
        whose: impl Fn() -> String,
    ) -> Document {
        let Some(schema) = fields.schemas.get(vo) else { return Document::new() };
        let mut document = Document::new();
        for (name, of, value) in values.unwrap_or_default() {
            if of.as_ref().is_none_or(|of| of == vo) {
                document.insert(name.to_string(), value);
            }
        }
        if let Ok(document) = schema.canonical_partial(entity, &document) {
            return document;
        }
        document.retain(|name, value| {
            let one = Document::from_iter([(name.clone(), value.clone())]);
            let fits = schema.canonical_partial(entity, &one).is_ok();
            if !fits {
                self.findings.note(Finding::Value, || format!("{}: {name}", whose()));
            }
            fits
        });
        document
    }
}

impl Of {
    fn specs(&self, entity: Entity, vo: &Vo) -> Vec<FieldSpec> {
        let is_of = |of: &Option<Vo>| of.as_ref().is_none_or(|of| of == vo);
        let mut names = BTreeSet::new();
        let mut specs = Vec::new();
        for field in self.fields.iter().filter(|field| is_of(&field.vo)) {
            if names.insert(&field.name) {
                specs.push(FieldSpec {
                    label: field.is_set.then(|| METASET.to_owned()),
                    scale: field.scale,
                    max_length: field.length,
                    searchable: true,
                    ..FieldSpec::new(field.name.clone(), entity, field.kind)
                });
            }
        }
        for parameter in self.parameters.values().filter(|parameter| is_of(&parameter.vo)) {
            if names.insert(&parameter.name) {
                specs.push(FieldSpec {
                    max_length: Some(PARAMETER),
                    ..FieldSpec::new(parameter.name.clone(), entity, KindName::String)
                });
            }
        }
        specs
    }
}

impl Fields {
    /// The communities with their schemas.
    pub fn schemas(&self) -> impl Iterator<Item = (&Vo, &Schema)> {
        self.vos.iter().filter_map(|vo| Some((vo, self.schemas.get(vo)?)))
    }
}

/// The shortest number that a single-precision column holds as the same.
///
/// MySQL's FLOAT has 24 bits: of 10.58 it gives 10.579999923706055.
#[expect(clippy::float_cmp, reason = "it is the same number or another one")]
fn shortest(number: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "it is one that single precision holds")]
    let single = number as f32;
    if f64::from(single) == number { single.to_string().parse().unwrap_or(number) } else { number }
}

/// A moment as MySQL writes it, in UTC, as RFC 3339 has it.
fn moment(text: &str) -> Json {
    let text = text.split_once('.').map_or(text, |(whole, _)| whole);
    format!("{}Z", text.replace(' ', "T")).into()
}

/// The page of a list that comes last is not full.
pub fn is_last(rows: usize) -> bool {
    (rows as u64) < PAGE.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_kinds() {
        let kind =
            |kind: &str, length, scale| kind_of(&Column { kind: kind.into(), length, scale });
        assert_eq!(kind("bigint", None, Some(0)), Some((KindName::Int, None, None)));
        assert_eq!(kind("varchar", Some(32), None), Some((KindName::String, Some(32), None)));
        assert_eq!(kind("decimal", None, Some(2)), Some((KindName::Decimal, None, Some(2))));
        assert_eq!(kind("decimal", None, Some(20)), Some((KindName::Float, None, None)));
        assert_eq!(kind("blob", None, None), None);
    }

    #[test]
    fn numbers_and_moments_are_as_they_were_meant() {
        assert_eq!(shortest(f64::from(10.58_f32)).to_string(), "10.58");
        assert_eq!(shortest(10.58).to_string(), "10.58");
        assert_eq!(moment("2026-01-31 12:00:00.5"), Json::from("2026-01-31T12:00:00Z"));
    }
}
