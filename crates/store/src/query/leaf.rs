use sbk_metadata::{
    ColumnType, ColumnValue, Entity, Field, Kind, Value,
    query::{Builtin, FieldRef, LikePattern, Op, Target},
};
use sbk_model::{DirPath, FileStatus, SeKey, TermKey};

use super::Compiler;
use crate::{
    Error, dataset,
    dialect::{Dialect, Param},
    file, job, replica,
};

/// What is asked of one field.
#[derive(Debug, Clone, Copy)]
pub enum Test<'a> {
    /// A comparison.
    Compare(Op, &'a Value),
    /// Membership in a list of values.
    In(&'a [Value], bool),
    /// A pattern.
    Like(&'a LikePattern, bool),
    /// A closed range.
    Between(&'a Value, &'a Value),
    /// Presence.
    Exists,
}

/// SQL text with its values.
pub type Fragment = (String, Vec<Param>);

/// Makes the key of a name.
type KeyOf = fn(&str) -> i64;

/// How the values of a field are found and compared in SQL.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The expression whose values are compared.
    pub value: String,
    /// The type of the expression.
    pub kind: ColumnType,
    /// The expression of a key that is compared for equality in place of the value.
    key: Option<(String, KeyOf)>,
    /// The states that a code stands for, where the value is a state.
    states: Option<Vec<(&'static str, i64)>>,
    /// Where the field can have several values: SQL in which `{}` stands for the comparison.
    wrap: Option<String>,
}

impl Leaf {
    fn scalar(value: impl Into<String>, kind: ColumnType) -> Self {
        Self { value: value.into(), kind, key: None, states: None, wrap: None }
    }

    fn term(column: &str) -> Self {
        let value = format!("(SELECT n.name FROM term n WHERE n.id = {column})");
        let key: KeyOf = |text| TermKey::of(text).0;
        Self { key: Some((column.to_owned(), key)), ..Self::scalar(value, ColumnType::Text) }
    }

    fn states(column: &str, states: Vec<(&'static str, i64)>) -> Self {
        Self { states: Some(states), ..Self::scalar(column, ColumnType::Int) }
    }

    fn wrapped(self, wrap: impl Into<String>) -> Self {
        Self { wrap: Some(wrap.into()), ..self }
    }

    /// The condition that a test of this field holds.
    pub fn test(&self, dialect: Dialect, test: Test<'_>) -> Result<Fragment, Error> {
        let (sql, params) = self.inner(dialect, test)?;
        Ok(match &self.wrap {
            Some(wrap) => (wrap.replace("{}", &sql), params),
            None => (sql, params),
        })
    }

    fn inner(&self, dialect: Dialect, test: Test<'_>) -> Result<Fragment, Error> {
        if let Some(states) = &self.states {
            return Ok(self.test_states(states, test));
        }
        Ok(match test {
            Test::Compare(op @ (Op::Eq | Op::Ne), value) => {
                let (left, param) = self.equal_sides(value)?;
                (format!("{left} {} ?", sign(op)), vec![param])
            }
            Test::Compare(op, value) => {
                (format!("{} {} ?", self.value, sign(op)), vec![Self::param(value)?])
            }
            Test::In(values, negated) => {
                let sides: Result<Vec<_>, _> = values.iter().map(|v| self.equal_sides(v)).collect();
                let sides = sides?;
                let left = sides.first().map_or("NULL", |(left, _)| left.as_str());
                let marks = vec!["?"; sides.len()].join(", ");
                let word = if negated { "NOT IN" } else { "IN" };
                let sql = format!("{left} {word} ({marks})");
                (sql, sides.into_iter().map(|(_, param)| param).collect())
            }
            Test::Like(pattern, negated) => {
                let like = dialect.like(&self.value);
                let sql = if negated { format!("NOT ({like})") } else { like };
                (sql, vec![pattern.as_str().into()])
            }
            Test::Between(low, high) => (
                format!("{0} >= ? AND {0} <= ?", self.value),
                vec![Self::param(low)?, Self::param(high)?],
            ),
            Test::Exists => {
                let value = self.key.as_ref().map_or(&self.value, |(key, _)| key);
                (format!("{value} IS NOT NULL"), vec![])
            }
        })
    }

    fn equal_sides(&self, value: &Value) -> Result<(String, Param), Error> {
        match (&self.key, value) {
            (Some((column, key)), Value::Text(text)) => Ok((column.clone(), key(text).into())),
            _ => Ok((self.value.clone(), Self::param(value)?)),
        }
    }

    fn param(value: &Value) -> Result<Param, Error> {
        match value.column() {
            Some(ColumnValue::Int(number)) => Ok(number.into()),
            Some(ColumnValue::Float(number)) => Ok(number.into()),
            Some(ColumnValue::Text(text)) => Ok(text.into()),
            None => Err(Error::Internal("a list cannot be compared".into())),
        }
    }

    fn test_states(&self, states: &[(&'static str, i64)], test: Test<'_>) -> Fragment {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            other => other.to_json().to_string(),
        };
        let holds = |state: &str| match test {
            Test::Compare(op, value) => {
                let order = state.cmp(text(value).as_str());
                match op {
                    Op::Eq => order.is_eq(),
                    Op::Ne => order.is_ne(),
                    Op::Lt => order.is_lt(),
                    Op::Le => order.is_le(),
                    Op::Gt => order.is_gt(),
                    Op::Ge => order.is_ge(),
                }
            }
            Test::In(values, negated) => values.iter().any(|v| text(v) == state) != negated,
            Test::Like(pattern, negated) => {
                let (prefix, open) = pattern.prefix();
                let matches = if open { state.starts_with(&prefix) } else { state == prefix };
                matches != negated
            }
            Test::Between(low, high) => state >= text(low).as_str() && state <= text(high).as_str(),
            Test::Exists => true,
        };
        let codes: Vec<String> =
            states.iter().filter(|(s, _)| holds(s)).map(|(_, code)| code.to_string()).collect();
        if codes.is_empty() {
            ("1 = 0".into(), vec![])
        } else {
            (format!("{} IN ({})", self.value, codes.join(", ")), vec![])
        }
    }
}

fn sign(op: Op) -> &'static str {
    if op == Op::Ne { "<>" } else { op.as_str() }
}

const IN_DATASET: &str = "(f.dir, f.id) IN (SELECT m.dir, m.id FROM member m \
                          JOIN dataset s ON s.dataset = m.dataset WHERE {})";

/// The leaf of a field.
pub fn leaf(compiler: &Compiler<'_>, field: &FieldRef) -> Leaf {
    match field {
        FieldRef::Builtin(builtin) => match compiler.target() {
            Target::File => file_leaf(compiler, *builtin),
            Target::Dataset => dataset_leaf(*builtin),
            Target::Job => job_leaf(*builtin),
            Target::Directory => directory_leaf(*builtin),
        },
        FieldRef::Declared(field) => declared_leaf(compiler, field),
    }
}

fn file_leaf(compiler: &Compiler<'_>, builtin: Builtin) -> Leaf {
    use ColumnType::{Int, Text};
    match builtin {
        Builtin::Lfn => Leaf::scalar(compiler.with_directory(compiler.dialect().lfn()), Text),
        Builtin::Directory => Leaf {
            key: Some(("f.dir".into(), |text| {
                text.parse::<DirPath>().map_or(0, |path| path.key().0)
            })),
            ..Leaf::scalar(compiler.with_directory("d.path"), Text)
        },
        Builtin::Size => Leaf::scalar("f.size", Int),
        Builtin::Events => Leaf::scalar("f.events", Int),
        Builtin::Created => Leaf::scalar("f.created", Int),
        Builtin::Modified => Leaf::scalar("f.modified", Int),
        Builtin::FileType => Leaf::term("f.file_type"),
        Builtin::Owner => Leaf::term("f.owner"),
        Builtin::Group => Leaf::term("f.owner_group"),
        Builtin::Vo => Leaf::term("f.vo"),
        Builtin::Guid => Leaf::scalar("f.guid", Text),
        Builtin::Md5 => Leaf::scalar("f.md5", Text),
        Builtin::Adler32 => Leaf {
            key: Some(("f.adler32".into(), |text| i64::from_str_radix(text, 16).unwrap_or(-1))),
            ..Leaf::scalar("f.adler32", Int)
        },
        Builtin::Status => Leaf::states(
            "f.status",
            FileStatus::ALL
                .iter()
                .flat_map(|s| file::status_codes(*s).iter().map(|code| (s.as_str(), *code)))
                .collect(),
        ),
        Builtin::Se => Leaf {
            key: Some(("c.se".into(), |text| text.parse().map_or(0, |name| SeKey::of(&name).0))),
            ..Leaf::scalar("(SELECT e.name FROM storage_element e WHERE e.se = c.se)", Text)
        }
        .wrapped(format!(
            "EXISTS (SELECT 1 FROM replica c WHERE c.dir = f.dir AND c.id = f.id \
             AND c.status <> {} AND {{}})",
            replica::RETIRED
        )),
        Builtin::Site => Leaf::term("e.site").wrapped(format!(
            "EXISTS (SELECT 1 FROM replica c JOIN storage_element e ON e.se = c.se \
             WHERE c.dir = f.dir AND c.id = f.id AND c.status <> {} AND {{}})",
            replica::RETIRED
        )),
        Builtin::Dataset => Leaf::scalar("s.name", Text).wrapped(IN_DATASET),
        _ => Leaf::scalar("f.name", Text),
    }
}

fn job_leaf(builtin: Builtin) -> Leaf {
    use ColumnType::{Int, Text};
    let of_step = "EXISTS (SELECT 1 FROM job_step p WHERE p.job = j.job AND {})";
    match builtin {
        Builtin::Production => Leaf::scalar("n.name", Text)
            .wrapped("j.production IN (SELECT n.id FROM term n WHERE {})"),
        Builtin::Task => Leaf::scalar("j.task", Int),
        Builtin::Attempt => Leaf::scalar("j.attempt", Int),
        Builtin::JobType => Leaf::term("j.job_type"),
        Builtin::Site => Leaf::term("j.site"),
        Builtin::Reason => Leaf::term("j.reason"),
        Builtin::Owner => Leaf::term("j.owner"),
        Builtin::Vo => Leaf::term("j.vo"),
        Builtin::State => Leaf::states(
            "j.state",
            sbk_model::JobState::ALL.iter().map(|s| (s.as_str(), job::state_code(*s))).collect(),
        ),
        Builtin::DiracId => Leaf::scalar("j.dirac_id", Int),
        Builtin::Run => Leaf::scalar("j.run", Int),
        Builtin::Started => Leaf::scalar("j.started", Int),
        Builtin::Ended => Leaf::scalar("j.ended", Int),
        Builtin::CpuTime => Leaf::scalar("(j.cpu_ms / 1000.0)", ColumnType::Float),
        Builtin::EventsRead => Leaf::scalar("j.events_read", Int),
        Builtin::EventsWritten => Leaf::scalar("j.events_written", Int),
        Builtin::Application => Leaf::term("p.application").wrapped(of_step),
        Builtin::Version => Leaf::term("p.version").wrapped(of_step),
        _ => Leaf::scalar("j.name", Text),
    }
}

fn directory_leaf(builtin: Builtin) -> Leaf {
    use ColumnType::{Int, Text};
    match builtin {
        Builtin::Owner => Leaf::term("d.owner"),
        Builtin::Group => Leaf::term("d.owner_group"),
        Builtin::Vo => Leaf::term("d.vo"),
        Builtin::Created => Leaf::scalar("d.created", Int),
        Builtin::Modified => Leaf::scalar("d.modified", Int),
        _ => Leaf {
            key: Some(("d.dir".into(), |text| {
                text.parse::<DirPath>().map_or(0, |path| path.key().0)
            })),
            ..Leaf::scalar("d.path", Text)
        },
    }
}

fn dataset_leaf(builtin: Builtin) -> Leaf {
    use ColumnType::{Int, Text};
    let total = |column: &str| {
        Leaf::scalar(
            format!(
                "(SELECT COALESCE(SUM(t.{column}), 0) FROM total t \
                 WHERE t.kind = 1 AND t.subject = s.dataset)"
            ),
            Int,
        )
    };
    match builtin {
        Builtin::Files => total("files"),
        Builtin::Bytes => total("bytes"),
        Builtin::Events => total("events"),
        Builtin::Created => Leaf::scalar("s.created", Int),
        Builtin::Modified => Leaf::scalar("s.modified", Int),
        Builtin::Owner => Leaf::term("s.owner"),
        Builtin::Group => Leaf::term("s.owner_group"),
        Builtin::Vo => Leaf::term("s.vo"),
        Builtin::Status => Leaf::states(
            "s.status",
            sbk_model::DatasetStatus::ALL
                .iter()
                .map(|s| (s.as_str(), dataset::status_code(*s)))
                .collect(),
        ),
        Builtin::Kind => Leaf::states(
            "s.kind",
            sbk_model::DatasetKind::ALL
                .iter()
                .map(|k| (k.as_str(), dataset::kind_code(*k)))
                .collect(),
        ),
        Builtin::Parent => Leaf::scalar("p.parent_name", Text)
            .wrapped("EXISTS (SELECT 1 FROM dataset_parent p WHERE p.dataset = s.dataset AND {})"),
        Builtin::Site => Leaf::term("p.site")
            .wrapped("EXISTS (SELECT 1 FROM dataset_site p WHERE p.dataset = s.dataset AND {})"),
        _ => Leaf::scalar("s.name", Text),
    }
}

/// Where the values of a declared field are: its own table's alias, and the document there.
fn home(compiler: &Compiler<'_>, entity: Entity) -> (&'static str, String) {
    match entity {
        Entity::File => ("f", "f.meta".into()),
        Entity::Directory => ("d", compiler.with_directory("d.effective")),
        Entity::Dataset => ("s", "s.meta".into()),
        Entity::Job => ("j", "j.meta".into()),
    }
}

fn declared_leaf(compiler: &Compiler<'_>, field: &Field) -> Leaf {
    let dialect = compiler.dialect();
    let (alias, document) = home(compiler, field.entity);
    let name = field.name.as_str();
    let element = field.kind.element();
    let kind = element.column_type().unwrap_or(ColumnType::Text);
    let letter = letter(element);
    let leaf = if let Some(column) = compiler.column(field) {
        Leaf::scalar(format!("{alias}.{column}"), kind)
    } else if let Kind::List(_) = field.kind {
        let elements = dialect.json_elements(&document, name);
        Leaf::scalar(dialect.element(letter), kind)
            .wrapped(format!("EXISTS (SELECT 1 FROM {elements} WHERE {{}})"))
    } else {
        let value = match element {
            Kind::Decimal { scale } => dialect.json_scaled(&document, name, *scale),
            _ => dialect.json_scalar(&document, name, letter),
        };
        Leaf::scalar(value, kind)
    };
    if field.entity == Entity::Dataset && compiler.target() == Target::File {
        let inner = leaf.wrap.clone().unwrap_or_else(|| "{}".into());
        leaf.wrapped(IN_DATASET.replace("{}", &inner))
    } else {
        leaf
    }
}

/// The form in which a JSON document holds values of a kind: number, double or text.
fn letter(kind: &Kind) -> char {
    match kind {
        Kind::Int => 'i',
        Kind::Float => 'f',
        _ => 's',
    }
}

/// The condition on a declared field that a document holds, where it is not promoted: equality
/// by containment, which PostgreSQL's index on documents serves, and moments, truth values and
/// dates in the form in which documents have them. `None` where the general form serves.
pub fn document_test(compiler: &Compiler<'_>, field: &Field, test: Test<'_>) -> Option<Fragment> {
    if compiler.column(field).is_some() {
        return None;
    }
    let dialect = compiler.dialect();
    let (_, document) = home(compiler, field.entity);
    let name = field.name.as_str();
    let is_list = matches!(field.kind, Kind::List(_));
    let equals = |value: &Value| dialect.json_equals(&document, name, &value.to_json(), is_list);
    let (sql, params) = match test {
        Test::Compare(Op::Eq, value) => equals(value),
        Test::In(values, false) => {
            let parts: Vec<Fragment> = values.iter().map(equals).collect();
            let sql: Vec<_> = parts.iter().map(|(sql, _)| sql.as_str()).collect();
            let sql = format!("({})", sql.join(" OR "));
            (sql, parts.into_iter().flat_map(|(_, params)| params).collect())
        }
        Test::Compare(Op::Ne, value) => {
            let (sql, params) = equals(value);
            let has = dialect.json_has(&document, name);
            (format!("({has} AND NOT {sql})"), params)
        }
        Test::In(values, true) => {
            let (sql, params) = document_test(compiler, field, Test::In(values, false))?;
            let has = dialect.json_has(&document, name);
            return Some((format!("({has} AND NOT {sql})"), params));
        }
        Test::Exists => (dialect.json_has(&document, name), vec![]),
        Test::Compare(op, value) => {
            let (value_sql, param) = text_form(compiler, field, value)?;
            (format!("{value_sql} {} ?", sign(op)), vec![param])
        }
        Test::Between(low, high) => {
            let (value_sql, low) = text_form(compiler, field, low)?;
            let (_, high) = text_form(compiler, field, high)?;
            (format!("{value_sql} >= ? AND {value_sql} <= ?"), vec![low, high])
        }
        Test::Like(..) => return None,
    };
    if field.entity == Entity::Dataset && compiler.target() == Target::File {
        Some((IN_DATASET.replace("{}", &sql), params))
    } else {
        Some((sql, params))
    }
}

/// How a document holds dates and moments: as text that sorts by time, but for the closing `Z`.
fn text_form(compiler: &Compiler<'_>, field: &Field, value: &Value) -> Option<(String, Param)> {
    let json = value.to_json();
    match (&field.kind, json.as_str()) {
        (Kind::Date | Kind::DateTime, Some(text)) => {
            let (_, document) = home(compiler, field.entity);
            let stored = compiler.dialect().json_scalar(&document, field.name.as_str(), 's');
            Some((format!("REPLACE({stored}, 'Z', '')"), text.replace('Z', "").into()))
        }
        _ => None,
    }
}
