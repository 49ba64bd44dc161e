//! Writes a schema as TOML, each key in its place and each rule on its line.

use std::{collections::BTreeMap, fmt::Write};

use sbk_model::FieldName;
use serde_json::Value as Json;

use crate::{CaseSpec, FieldSpec, Scalar, Schema};

/// Writes a schema.
pub(crate) fn write(schema: &Schema) -> String {
    let mut out = Text(format!("version = {}\n", schema.version()));
    out.text("vo", schema.vo().map(AsRef::as_ref));
    for field in schema.fields() {
        out.field(&FieldSpec::from(field.as_ref()));
    }
    out.0
}

/// TOML that is being written.
struct Text(String);

impl Text {
    fn line(&mut self, key: &str, value: &str) {
        // A String takes all that is written to it.
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(key, &quoted(value));
        }
    }

    fn truth(&mut self, key: &str, value: bool) {
        if value {
            self.line(key, "true");
        }
    }

    fn scalar(&mut self, key: &str, value: Option<&Scalar>) {
        if let Some(Scalar(json)) = value {
            self.line(key, &json_value(json));
        }
    }

    fn condition(&mut self, when: &BTreeMap<FieldName, Scalar>) {
        if !when.is_empty() {
            let pair =
                |(name, value): (&FieldName, &Scalar)| format!("{name} = {}", json_value(&value.0));
            let pairs: Vec<String> = when.iter().map(pair).collect();
            self.line("when", &format!("{{ {} }}", pairs.join(", ")));
        }
    }

    fn values(&mut self, values: Option<&Vec<String>>) {
        if let Some(values) = values {
            let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
            self.line("values", &format!("[{}]", values.join(", ")));
        }
    }

    fn field(&mut self, spec: &FieldSpec) {
        self.0.push_str("\n[[field]]\n");
        self.text("name", Some(spec.name.as_str()));
        self.text("entity", Some(spec.entity.as_str()));
        self.text("label", spec.label.as_deref());
        self.text("description", spec.description.as_deref());
        self.text("kind", Some(spec.kind.as_str()));
        self.text("of", spec.of.map(crate::KindName::as_str));
        self.scalar("scale", spec.scale.map(|scale| Scalar(Json::from(scale))).as_ref());
        self.text("unit", spec.unit.as_ref().map(crate::Unit::as_str));
        self.truth("searchable", spec.searchable);
        self.truth("required", spec.required);
        self.condition(&spec.when);
        self.values(spec.values.as_ref());
        self.truth("open", spec.open);
        self.scalar("min", spec.min.as_ref());
        self.scalar("max", spec.max.as_ref());
        self.text("pattern", spec.pattern.as_deref());
        self.scalar("max_length", spec.max_length.map(|max| Scalar(Json::from(max))).as_ref());
        for case in &spec.cases {
            self.case(case);
        }
    }

    fn case(&mut self, case: &CaseSpec) {
        self.0.push_str("[[field.case]]\n");
        self.condition(&case.when);
        self.truth("required", case.required);
        self.values(case.values.as_ref());
        self.truth("open", case.open);
        self.scalar("min", case.min.as_ref());
        self.scalar("max", case.max.as_ref());
        self.text("pattern", case.pattern.as_deref());
        self.scalar("max_length", case.max_length.map(|max| Scalar(Json::from(max))).as_ref());
    }
}

/// Writes a text as a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Writes a scalar or a list of scalars.
fn json_value(json: &Json) -> String {
    match json {
        Json::String(text) => quoted(text),
        Json::Array(values) => {
            let values: Vec<String> = values.iter().map(json_value).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}
