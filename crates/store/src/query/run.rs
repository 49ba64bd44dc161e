use sbk_metadata::query::{Checked, Target};
use sbk_model::{DirPath, TermKey, Totals};
use sea_query::{Alias, Expr, ExprTrait, Order, Query, SelectStatement};

use super::{
    Compiler, Position,
    compile::names_status,
    order::{SortKey, after, sort_keys},
};
use crate::{
    Error, Session, dataset,
    dialect::{Row, Statement},
    directory,
    file::{self, Stored},
    promotion::Promoted,
};

/// A file that a query found, with its place in the answer.
#[derive(Debug)]
pub struct Hit {
    /// The file.
    pub file: Stored,
    /// Where it stands.
    pub position: Position,
}

/// A query for files, ready to be run.
#[derive(Debug)]
pub struct FileQuery<'a> {
    /// The checked query.
    pub checked: &'a Checked,
    /// The fields that have columns.
    pub promoted: &'a [Promoted],
    /// The community, if only one is meant.
    pub vo: Option<TermKey>,
}

impl FileQuery<'_> {
    /// Runs the query for one page.
    pub async fn page(
        &self,
        session: &mut Session,
        position: Option<&Position>,
        limit: u64,
        with_meta: bool,
    ) -> Result<Vec<Hit>, Error> {
        let (select, keys) = self.select(session, position, limit, with_meta)?;
        let statement = session.dialect().build(&select)?;
        let first = file::width(with_meta);
        let read = |row: &Row| {
            let file = file::read(row, with_meta)?;
            let values: Result<Vec<_>, _> =
                keys.iter().enumerate().map(|(at, key)| key.read(row, first + at)).collect();
            Ok(Hit { position: Position { values: values?, key: file.key }, file })
        };
        session.read_rows(statement, read).await
    }

    /// Counts what the query finds.
    pub async fn count(&self, session: &mut Session) -> Result<Totals, Error> {
        let dialect = session.dialect();
        let compiler = Compiler::new(dialect, Target::File, self.promoted).within(self.vo);
        let mut select = self.filtered(&compiler)?;
        for sum in ["COUNT(*)", "COALESCE(SUM(f.size), 0)", "COALESCE(SUM(f.events), 0)"] {
            select.expr(Expr::cust(dialect.spell(&format!("CAST({sum} AS {{int}})"))));
        }
        let statement = dialect.build(&select)?;
        let rows = session.rows_of(statement).await?;
        let row = rows.first().ok_or_else(|| Error::Internal("a count has no row".into()))?;
        Ok(Totals { files: row.int(0)?, bytes: row.int(1)?, events: row.int(2)? })
    }

    /// The statement that gives the stored sections of each file that the query finds.
    pub fn sections(&self, session: &Session) -> Result<Statement, Error> {
        let dialect = session.dialect();
        let compiler = Compiler::new(dialect, Target::File, self.promoted).within(self.vo);
        let mut select = self.filtered(&compiler)?;
        select.expr(Expr::cust("f.sections"));
        dialect.build(&select)
    }

    /// How the database would run the query: its plan, and the number of files it expects.
    pub async fn plan(&self, session: &mut Session) -> Result<(Vec<String>, Option<i64>), Error> {
        let dialect = session.dialect();
        let compiler = Compiler::new(dialect, Target::File, self.promoted).within(self.vo);
        let mut select = self.filtered(&compiler)?;
        select.expr(Expr::cust("f.dir")).expr(Expr::cust("f.id"));
        let mut statement = dialect.build(&select)?;
        statement.sql.insert_str(0, dialect.explain());
        statement.keep = false;
        let rows = session.rows_of(statement).await?;
        let texts: Result<Vec<_>, _> =
            rows.iter().map(|row| row.text(dialect.plan_column())).collect();
        Ok(dialect.read_plan(&texts?))
    }

    /// Counts what the query finds, up to a bound.
    pub async fn count_up_to(&self, session: &mut Session, most: u64) -> Result<i64, Error> {
        let dialect = session.dialect();
        let compiler = Compiler::new(dialect, Target::File, self.promoted).within(self.vo);
        let mut inner = self.filtered(&compiler)?;
        inner.expr(Expr::cust("1")).limit(most);
        let mut select = Query::select();
        select.expr(Expr::cust("COUNT(*)")).from_subquery(inner, Alias::new("found"));
        let statement = dialect.build(&select)?;
        let rows = session.rows_of(statement).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The fields of the query that have no index to start from.
    pub fn unindexed(&self, session: &Session) -> Vec<String> {
        let compiler = Compiler::new(session.dialect(), Target::File, self.promoted);
        compiler.unindexed(&self.checked.filter)
    }

    fn filtered(&self, compiler: &Compiler<'_>) -> Result<SelectStatement, Error> {
        let condition = compiler.condition(&self.checked.filter)?;
        let mut select = Query::select();
        select.from_as(Alias::new("file"), Alias::new("f"));
        if compiler.needs_directory() {
            Self::join_directory(&mut select);
        }
        select.cond_where(condition);
        if !names_status(&self.checked.filter) {
            select.and_where(Expr::cust("f.status < 3"));
        }
        if let Some(vo) = self.vo {
            select.and_where(Expr::col((Alias::new("f"), Alias::new("vo"))).eq(vo.0));
        }
        Ok(select)
    }

    fn join_directory(select: &mut SelectStatement) {
        let matches = Expr::cust("d.dir = f.dir");
        select.join_as(
            sea_query::JoinType::InnerJoin,
            Alias::new("directory"),
            Alias::new("d"),
            matches,
        );
    }

    fn select(
        &self,
        session: &Session,
        position: Option<&Position>,
        limit: u64,
        with_meta: bool,
    ) -> Result<(SelectStatement, Vec<SortKey>), Error> {
        let dialect = session.dialect();
        let compiler = Compiler::new(dialect, Target::File, self.promoted).within(self.vo);
        // The order is compiled first: it may need the directory beside the file.
        let keys = sort_keys(&compiler, &self.checked.order);
        let mut select = self.filtered(&compiler)?;
        select.expr(Expr::cust(dialect.spell(&file::columns(with_meta))));
        for key in &keys {
            select.expr(Expr::cust(key.sql.clone()));
            let missing = Expr::cust(format!("(CASE WHEN {} IS NULL THEN 1 ELSE 0 END)", key.sql));
            select.order_by_expr(missing, Order::Asc);
            let order = if key.descending { Order::Desc } else { Order::Asc };
            select.order_by_expr(Expr::cust(key.sql.clone()), order);
        }
        if let Some(position) = position {
            select.and_where(compiler.expr(after(&compiler, &keys, position)));
        }
        select.order_by_expr(Expr::cust("f.dir"), Order::Asc);
        select.order_by_expr(Expr::cust("f.id"), Order::Asc);
        select.limit(limit);
        Ok((select, keys))
    }
}

/// Finds datasets by name, then by community, after a position.
pub async fn datasets(
    session: &mut Session,
    checked: &Checked,
    promoted: &[Promoted],
    vo: Option<TermKey>,
    after: Option<(&str, i64)>,
    limit: u64,
) -> Result<Vec<dataset::Stored>, Error> {
    let dialect = session.dialect();
    let compiler = Compiler::new(dialect, Target::Dataset, promoted);
    let mut select = Query::select();
    select
        .expr(Expr::cust(dialect.spell(dataset::COLUMNS)))
        .from_as(Alias::new("dataset"), Alias::new("s"))
        .cond_where(compiler.condition(&checked.filter)?);
    if let Some(vo) = vo {
        select.and_where(Expr::col((Alias::new("s"), Alias::new("vo"))).eq(vo.0));
    }
    if let Some((name, vo)) = after {
        let params = vec![name.into(), name.into(), vo.into()];
        select.and_where(compiler.expr(("s.name > ? OR (s.name = ? AND s.vo > ?)".into(), params)));
    }
    select
        .order_by_expr(Expr::cust("s.name"), Order::Asc)
        .order_by_expr(Expr::cust("s.vo"), Order::Asc)
        .limit(limit);
    let statement = dialect.build(&select)?;
    let rows = session.rows_of(statement).await?;
    rows.iter().map(dataset::read).collect()
}

/// Finds directories by path, at a directory or below it, after a path.
pub async fn directories(
    session: &mut Session,
    checked: &Checked,
    promoted: &[Promoted],
    vo: Option<TermKey>,
    top: &DirPath,
    after: Option<&DirPath>,
    limit: u64,
) -> Result<Vec<directory::Stored>, Error> {
    let dialect = session.dialect();
    let compiler = Compiler::new(dialect, Target::Directory, promoted);
    let mut select = Query::select();
    select
        .expr(Expr::cust(dialect.spell(directory::COLUMNS)))
        .from_as(Alias::new("directory"), Alias::new("d"))
        .cond_where(compiler.condition(&checked.filter)?);
    if let Some(vo) = vo {
        select.and_where(Expr::col((Alias::new("d"), Alias::new("vo"))).eq(vo.0));
    }
    if !top.is_root() {
        // `0` is the character after `/`.
        let params = vec![
            top.key().0.into(),
            format!("{}/", top.prefix()).into(),
            format!("{}0", top.prefix()).into(),
        ];
        let within = "d.dir = ? OR (d.path >= ? AND d.path < ?)";
        select.and_where(compiler.expr((within.into(), params)));
    }
    if let Some(after) = after {
        select.and_where(compiler.expr(("d.path > ?".into(), vec![after.prefix().into()])));
    }
    select.order_by_expr(Expr::cust("d.path"), Order::Asc).limit(limit);
    let statement = dialect.build(&select)?;
    let rows = session.rows_of(statement).await?;
    rows.iter().map(directory::read).collect()
}
