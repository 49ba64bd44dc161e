use std::cell::Cell;

use sbk_metadata::{
    Field, Value,
    query::{Builtin, FieldRef, Op, Predicate, Step, Target},
};
use sbk_model::{Lfn, TermKey};
use sea_query::{
    CommonTableExpression, Condition, Expr, ExprTrait, JoinType, Query, SelectStatement, UnionType,
    WithClause,
};

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
    vo: Option<TermKey>,
    needs_directory: Cell<bool>,
}

impl<'a> Compiler<'a> {
    /// Makes a compiler that uses the columns of promoted fields that are ready.
    pub fn new(dialect: Dialect, target: Target, promoted: &'a [Promoted]) -> Self {
        Self { dialect, target, promoted, vo: None, needs_directory: Cell::new(false) }
    }

    /// Limits what steps of provenance begin at to one community.
    #[must_use]
    pub fn within(self, vo: Option<TermKey>) -> Self {
        Self { vo, ..self }
    }

    /// The condition that a file is some steps of provenance away from what is found.
    fn step(&self, step: Step, of: &Predicate, depth: u32) -> Result<Condition, Error> {
        let key = Expr::tuple([Expr::cust("f.dir"), Expr::cust("f.id")]);
        let begin = match step {
            Step::ProducedBy => self.jobs(of)?,
            _ => self.files(of)?,
        };
        let found = match step {
            Step::ProducedBy => begin,
            Step::Parents => one_step(begin, UP),
            Step::Children => one_step(begin, DOWN),
            Step::Ancestors => many_steps(begin, UP, depth),
            Step::Descendants => many_steps(begin, DOWN, depth),
        };
        Ok(Condition::all().add(key.in_subquery(found)))
    }

    /// The keys of the files that a condition finds.
    fn files(&self, of: &Predicate) -> Result<SelectStatement, Error> {
        let compiler = Self::new(self.dialect, Target::File, self.promoted).within(self.vo);
        let condition = compiler.condition(of)?;
        let mut select = Query::select();
        select
            .expr_as(Expr::cust("f.dir"), "dir")
            .expr_as(Expr::cust("f.id"), "id")
            .from_as("file", "f")
            .cond_where(condition);
        if compiler.needs_directory() {
            select.join_as(JoinType::InnerJoin, "directory", "d", Expr::cust("d.dir = f.dir"));
        }
        if !names_status(of) {
            select.and_where(Expr::cust("f.status < 3"));
        }
        if let Some(vo) = self.vo {
            select.and_where(Expr::cust(format!("f.vo = {}", vo.0)));
        }
        Ok(select)
    }

    /// The keys of the files that the jobs made which a condition finds.
    fn jobs(&self, of: &Predicate) -> Result<SelectStatement, Error> {
        let compiler = Self::new(self.dialect, Target::Job, self.promoted).within(self.vo);
        let mut select = Query::select();
        select
            .expr(Expr::cust("m.dir"))
            .expr(Expr::cust("m.id"))
            .from_as("job", "j")
            .join_as(JoinType::InnerJoin, "made", "m", Expr::cust("m.job = j.job"))
            .cond_where(compiler.condition(of)?);
        if let Some(vo) = self.vo {
            select.and_where(Expr::cust(format!("j.vo = {}", vo.0)));
        }
        Ok(select)
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
            Predicate::Step { step, of, depth } => self.step(*step, of, *depth)?,
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
                let (prefix, is_all) = pattern.prefix();
                match prefix.rsplit_once('/') {
                    // All below a directory: its path says it, and no name has to be looked at.
                    Some((directory, "")) if is_all => {
                        "(d.path = ? OR (d.path >= ? AND d.path < ?))".clone_into(&mut sql);
                        params = vec![
                            directory.into(),
                            format!("{directory}/").into(),
                            format!("{directory}0").into(),
                        ];
                    }
                    Some((directory, _)) => {
                        sql = format!("({sql} AND d.path >= ? AND d.path < ?)");
                        params.push(directory.into());
                        params.push(format!("{directory}0").into());
                    }
                    None => {}
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

/// How a step of provenance goes on from a file `w`: the tables, and the key that it comes to.
type Way = [&'static str; 5];

const UP: Way =
    ["made", "w.dir = m.dir AND w.id = m.id", "used", "u.job = m.job AND u.step = m.step", "u"];
const DOWN: Way =
    ["used", "w.dir = u.dir AND w.id = u.id", "made", "m.job = u.job AND m.step = u.step", "m"];

/// Adds the tables of a step to a statement that has files as `w`.
fn join_way(select: &mut SelectStatement, way: Way) {
    let [first, meets, second, shares, _] = way;
    let alias = |table: &str| table[..1].to_owned();
    select.join_as(JoinType::InnerJoin, first, alias(first), Expr::cust(meets));
    select.join_as(JoinType::InnerJoin, second, alias(second), Expr::cust(shares));
}

fn one_step(begin: SelectStatement, way: Way) -> SelectStatement {
    let mut select = Query::select();
    select
        .expr(Expr::cust(format!("{}.dir", way[4])))
        .expr(Expr::cust(format!("{}.id", way[4])))
        .from_subquery(begin, "w");
    join_way(&mut select, way);
    select
}

fn many_steps(begin: SelectStatement, way: Way, depth: u32) -> SelectStatement {
    let mut first = Query::select();
    first
        .expr(Expr::cust("b.dir"))
        .expr(Expr::cust("b.id"))
        .expr(Expr::cust("0"))
        .from_subquery(begin, "b");
    let mut next = Query::select();
    next.expr(Expr::cust(format!("{}.dir", way[4])))
        .expr(Expr::cust(format!("{}.id", way[4])))
        .expr(Expr::cust("w.depth + 1"))
        .from("w")
        .and_where(Expr::cust(format!("w.depth < {depth}")));
    join_way(&mut next, way);
    first.union(UnionType::Distinct, next);
    let walk = CommonTableExpression::new()
        .query(first)
        .columns(["dir", "id", "depth"])
        .table_name("w")
        .to_owned();
    let mut select = Query::select();
    select
        .with_cte(WithClause::new().recursive(true).cte(walk).to_owned())
        .expr(Expr::cust("w.dir"))
        .expr(Expr::cust("w.id"))
        .from("w")
        .and_where(Expr::cust("w.depth > 0"));
    select
}

/// Calls back for each field of a condition, but not for those of steps within it.
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
