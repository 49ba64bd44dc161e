use std::cell::Cell;

use sbk_metadata::{
    Field, Value,
    query::{Builtin, FieldRef, Op, Predicate, Target},
};
use sbk_model::Lfn;
use sea_query::{Condition, Expr, ExprTrait};

use super::leaf::{Fragment, Test, document_test, leaf};
use crate::{
    Error,
    dialect::Dialect,
    promotion::{Promoted, State},
};

/// Turns checked queries into conditions of the query builder.
///
/// Files are `f`, their directories `d`, datasets `s`.
#[derive(Debug)]
pub struct Compiler<'a> {
    dialect: Dialect,
    target: Target,
    promoted: &'a [Promoted],
    needs_directory: Cell<bool>,
}

impl<'a> Compiler<'a> {
    /// Makes a compiler that uses the columns of promoted fields that are ready.
    pub fn new(dialect: Dialect, target: Target, promoted: &'a [Promoted]) -> Self {
        Self { dialect, target, promoted, needs_directory: Cell::new(false) }
    }

    pub(super) fn dialect(&self) -> Dialect {
        self.dialect
    }

    pub(super) fn target(&self) -> Target {
        self.target
    }

    /// Passes text on that needs the directory beside the file.
    pub(super) fn with_directory(&self, sql: &str) -> String {
        self.needs_directory.set(true);
        sql.to_owned()
    }

    /// Whether what was compiled so far needs the directory beside the file.
    pub fn needs_directory(&self) -> bool {
        self.needs_directory.get()
    }

    /// The column of a declared field, if it has one that is ready.
    pub(super) fn column(&self, field: &Field) -> Option<String> {
        let kind = field.promoted()?;
        self.promoted
            .iter()
            .find(|p| {
                p.state == State::Ready
                    && p.entity == field.entity
                    && p.kind == kind
                    && p.field == field.name.as_str()
            })
            .map(Promoted::column)
    }

    /// The fields of a condition that have no index to start from.
    pub fn unindexed(&self, predicate: &Predicate) -> Vec<String> {
        let mut names = Vec::new();
        visit(predicate, &mut |field| {
            let slow = match field {
                FieldRef::Declared(field) => self.column(field).is_none(),
                FieldRef::Builtin(builtin) => !matches!(
                    (self.target, builtin),
                    (
                        Target::File,
                        Builtin::Lfn
                            | Builtin::Directory
                            | Builtin::Guid
                            | Builtin::Dataset
                            | Builtin::Se,
                    ) | (Target::Dataset, Builtin::Name | Builtin::Parent)
                ),
            };
            if slow && !names.iter().any(|name| name == field.name()) {
                names.push(field.name().to_owned());
            }
        });
        names
    }

    /// Compiles a condition.
    pub fn condition(&self, predicate: &Predicate) -> Result<Condition, Error> {
        Ok(match predicate {
            Predicate::All => Condition::all(),
            Predicate::And(parts) => parts.iter().try_fold(Condition::all(), |all, part| {
                Ok::<_, Error>(all.add(self.condition(part)?))
            })?,
            Predicate::Or(parts) => parts.iter().try_fold(Condition::any(), |any, part| {
                Ok::<_, Error>(any.add(self.condition(part)?))
            })?,
            // A comparison with a missing value is unknown in SQL and false in the language.
            Predicate::Not(inner) => {
                let inner: Expr = self.condition(inner)?.into();
                Condition::all()
                    .add(Expr::expr(sea_query::Func::coalesce([inner, Expr::cust("FALSE")])).not())
            }
            Predicate::Compare { field, op, value } => {
                self.leaf(field, Test::Compare(*op, value))?
            }
            Predicate::In { field, values, negated } => {
                self.leaf(field, Test::In(values, *negated))?
            }
            Predicate::Like { field, pattern, negated } => {
                self.leaf(field, Test::Like(pattern, *negated))?
            }
            Predicate::Between { field, low, high } => {
                self.leaf(field, Test::Between(low, high))?
            }
            Predicate::Exists { field } => self.leaf(field, Test::Exists)?,
            Predicate::InDataset { name } => {
                let field = FieldRef::Builtin(Builtin::Dataset);
                let value = Value::Text(name.to_string());
                self.leaf(&field, Test::Compare(Op::Eq, &value))?
            }
        })
    }

    fn leaf(&self, field: &FieldRef, test: Test<'_>) -> Result<Condition, Error> {
        let fragment = match (field, self.target) {
            (FieldRef::Builtin(Builtin::Lfn), Target::File) => self.lfn(test)?,
            (FieldRef::Declared(declared), _) => match document_test(self, declared, test) {
                Some(fragment) => fragment,
                None => leaf(self, field).test(self.dialect, test)?,
            },
            _ => leaf(self, field).test(self.dialect, test)?,
        };
        Ok(Condition::all().add(self.expr(fragment)))
    }

    /// A file's name is its key; a pattern with a fixed beginning is a range of directories.
    fn lfn(&self, test: Test<'_>) -> Result<Fragment, Error> {
        let field = FieldRef::Builtin(Builtin::Lfn);
        let key = |value: &Value| match value {
            Value::Text(text) => text.parse::<Lfn>().ok().map(|lfn| lfn.key()),
            _ => None,
        };
        let keyed = |values: &[Value]| -> Fragment {
            let keys: Vec<_> = values.iter().filter_map(key).collect();
            let sql = vec!["(f.dir = ? AND f.id = ?)"; keys.len()].join(" OR ");
            let params = keys.iter().flat_map(|k| [k.directory.0.into(), k.name.into()]).collect();
            (if sql.is_empty() { "1 = 0".into() } else { format!("({sql})") }, params)
        };
        match test {
            Test::Compare(Op::Eq, value) => Ok(keyed(std::slice::from_ref(value))),
            Test::In(values, false) => Ok(keyed(values)),
            Test::Like(pattern, false) => {
                let (mut sql, mut params) = leaf(self, &field).test(self.dialect, test)?;
                let (prefix, _) = pattern.prefix();
                if let Some((directory, _)) = prefix.rsplit_once('/') {
                    sql = format!("({sql} AND d.path >= ? AND d.path < ?)");
                    params.push(directory.into());
                    params.push(format!("{directory}0").into());
                }
                Ok((sql, params))
            }
            _ => leaf(self, &field).test(self.dialect, test),
        }
    }

    pub(super) fn expr(&self, (sql, params): Fragment) -> Expr {
        let sql = self.dialect.spell(&format!("({sql})"));
        if params.is_empty() {
            return Expr::cust(sql);
        }
        Expr::cust_with_values(sql, params.into_iter().map(sea_query::Value::from))
    }
}

/// Calls back for each field of a condition.
fn visit(predicate: &Predicate, each: &mut impl FnMut(&FieldRef)) {
    match predicate {
        Predicate::And(parts) | Predicate::Or(parts) => {
            for part in parts {
                visit(part, each);
            }
        }
        Predicate::Not(inner) => visit(inner, each),
        Predicate::Compare { field, .. }
        | Predicate::In { field, .. }
        | Predicate::Like { field, .. }
        | Predicate::Between { field, .. }
        | Predicate::Exists { field } => each(field),
        _ => {}
    }
}

/// Whether a condition says itself which states of files it is about.
pub(super) fn names_status(predicate: &Predicate) -> bool {
    let mut found = false;
    visit(predicate, &mut |field| found |= *field == FieldRef::Builtin(Builtin::Status));
    found
}
