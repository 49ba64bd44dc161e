use std::{collections::BTreeSet, future::Future, pin::Pin, sync::Arc};

use sbk_api::{
    CountFiles, ExplainQuery, Explanation, File, FindFiles, Page, PageArgs, PostFindFiles,
    Selection,
};
use sbk_metadata::{
    Value,
    query::{Builtin, Checked, FieldRef, Fields, Op, Predicate, Query, QueryError, Step, Target},
};
use sbk_model::{DatasetName, DirPath, FileKey, TermKey, Totals, Vo, fingerprint};
use sbk_store::{
    community, dataset, directory,
    directory::Lock,
    file,
    promotion::Promoted,
    query::{self, FileQuery, Position},
};

use crate::{
    Context, Error, Run, cursor,
    file::{With, present},
};

/// How deep datasets that queries define may refer to one another.
const MAX_DEPTH: u32 = 8;

/// How far files are counted where the database does not estimate how many there are.
const COUNTED_AT_MOST: u64 = 100_000;

/// A query as it was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    text: Option<String>,
    json: Option<serde_json::Value>,
    vo: Option<Vo>,
    target: Target,
}

impl Asked {
    /// A query for files of one community.
    pub fn files(text: &str, vo: &Vo) -> Self {
        Self { text: Some(text.to_owned()), json: None, vo: Some(vo.clone()), target: Target::File }
    }

    /// A query for the files of a dataset, whether it lists them or a query defines them.
    pub fn members(dataset: &DatasetName, vo: &Vo) -> Self {
        let json = serde_json::json!({ "dataset": dataset });
        Self { text: None, json: Some(json), vo: Some(vo.clone()), target: Target::File }
    }

    /// A query for datasets.
    pub fn datasets(text: Option<&str>, vo: Option<&Vo>) -> Self {
        Self { text: text.map(str::to_owned), json: None, vo: vo.cloned(), target: Target::Dataset }
    }

    /// A query for files of one community, as a text or as JSON.
    pub fn either(text: Option<&String>, json: Option<&serde_json::Value>, vo: &Vo) -> Self {
        let vo = Some(vo.clone());
        Self { text: text.cloned(), json: json.cloned(), vo, target: Target::File }
    }

    fn selection(selection: &Selection) -> Self {
        Self {
            text: selection.expr.clone(),
            json: selection.filter.clone(),
            vo: selection.vo.clone(),
            target: Target::File,
        }
    }

    /// A query for directories.
    pub fn directories(selection: &Selection) -> Self {
        Self { target: Target::Directory, ..Self::selection(selection) }
    }

    fn parse(&self) -> Result<Query, Error> {
        match (&self.text, &self.json) {
            (Some(_), Some(_)) => {
                Err(Error::invalid("where", "", "stands beside `expr`; give one of the two"))
            }
            (Some(text), None) => Query::parse(text).map_err(|error| self.complain(&[error])),
            (None, Some(json)) => Query::from_json(json).map_err(|error| self.complain(&[error])),
            (None, None) => Ok(Query::default()),
        }
    }

    fn complain(&self, errors: &[QueryError]) -> Error {
        let source = self.text.as_deref().unwrap_or_default();
        let pictures: Vec<String> = errors.iter().map(|error| error.render(source)).collect();
        Error::Query(pictures.join("\n"))
    }
}

/// A query that was checked against the fields, ready to be run.
#[derive(Debug)]
pub struct Ready {
    query: Query,
    checked: Checked,
    promoted: Arc<Vec<Promoted>>,
    vo: Option<TermKey>,
}

impl Ready {
    /// Tells the query apart from others.
    fn fingerprint(&self) -> i64 {
        let vo = self.vo.map_or_else(String::new, |vo| vo.0.to_string());
        fingerprint("query", &[&self.query.to_text(), &vo])
    }

    fn files(&self) -> FileQuery<'_> {
        FileQuery { checked: &self.checked, promoted: &self.promoted, vo: self.vo }
    }
}

/// Parses a query and checks it against the fields of its community, or of all.
pub async fn check(cx: &mut Context<'_>, asked: &Asked) -> Result<Ready, Error> {
    check_nested(cx, asked, 0).await
}

async fn check_nested(cx: &mut Context<'_>, asked: &Asked, depth: u32) -> Result<Ready, Error> {
    let query = asked.parse()?;
    let own = cx.only_community()?.cloned();
    if let Some(vo) = &asked.vo {
        cx.check_sees(vo)?;
    }
    let asked = &Asked { vo: asked.vo.clone().or(own), ..asked.clone() };
    let communities = match &asked.vo {
        Some(vo) => vec![vo.clone()],
        None => community::list(&mut cx.session).await?.into_iter().map(|c| c.vo).collect(),
    };
    let mut schemas = Vec::with_capacity(communities.len());
    for vo in &communities {
        schemas.push(cx.community(vo).await?.schema.clone());
    }
    let fields = Fields::new(schemas);
    let mut checked =
        query.check(&fields, asked.target).map_err(|errors| asked.complain(&errors))?;
    if asked.target == Target::File {
        checked.filter = expand(cx, checked.filter, depth).await?;
    }
    let promoted = cx.promoted().await?;
    let vo = asked.vo.as_ref().map(|vo| TermKey::of(vo.as_str()));
    Ok(Ready { query, checked, promoted, vo })
}

type Expanded<'f> = Pin<Box<dyn Future<Output = Result<Predicate, Error>> + Send + 'f>>;

/// Puts the query of a dataset that is defined by one in the place of its name.
fn expand<'f>(cx: &'f mut Context<'_>, predicate: Predicate, depth: u32) -> Expanded<'f> {
    Box::pin(async move {
        let name = match &predicate {
            Predicate::InDataset { name } => Some(name.clone()),
            Predicate::Compare {
                field: FieldRef::Builtin(Builtin::Dataset),
                op: Op::Eq,
                value: Value::Text(text),
            } => Some(text.parse::<DatasetName>()?),
            _ => None,
        };
        if let Some(name) = name {
            return by_name(cx, predicate, &name, depth).await;
        }
        Ok(match predicate {
            Predicate::And(parts) => Predicate::And(expand_all(cx, parts, depth).await?),
            Predicate::Or(parts) => Predicate::Or(expand_all(cx, parts, depth).await?),
            Predicate::Not(inner) => Predicate::Not(Box::new(expand(cx, *inner, depth).await?)),
            Predicate::Step { step, of, depth: steps } if step != Step::ProducedBy => {
                let of = Box::new(expand(cx, *of, depth).await?);
                Predicate::Step { step, of, depth: steps }
            }
            other => other,
        })
    })
}

async fn expand_all(
    cx: &mut Context<'_>,
    parts: Vec<Predicate>,
    depth: u32,
) -> Result<Vec<Predicate>, Error> {
    let mut expanded = Vec::with_capacity(parts.len());
    for part in parts {
        expanded.push(expand(cx, part, depth).await?);
    }
    Ok(expanded)
}

async fn by_name(
    cx: &mut Context<'_>,
    explicit: Predicate,
    name: &DatasetName,
    depth: u32,
) -> Result<Predicate, Error> {
    let mut found = dataset::named(&mut cx.session, name, None, Lock::None).await?;
    let access = cx.access();
    found.retain(|dataset| access.sees(dataset.vo));
    let defined: Vec<_> = found.into_iter().filter_map(|s| Some((s.vo, s.query?))).collect();
    if defined.is_empty() {
        return Ok(explicit);
    }
    if depth >= MAX_DEPTH {
        let text = "datasets that queries define refer to one another too deeply, or in a circle";
        return Err(Error::Conflict(text.into()));
    }
    let keys: BTreeSet<i64> = defined.iter().map(|(vo, _)| *vo).collect();
    let terms = cx.session.terms(keys).await?;
    let mut alternatives = vec![explicit];
    for (vo, text) in defined {
        let vo: Vo = sbk_store::name_of(&terms, vo)?;
        let inner = Box::pin(check_nested(cx, &Asked::files(&text, &vo), depth + 1)).await?;
        let own = Predicate::Compare {
            field: FieldRef::Builtin(Builtin::Vo),
            op: Op::Eq,
            value: Value::Text(vo.to_string()),
        };
        alternatives.push(Predicate::And(vec![own, inner.checked.filter]));
    }
    Ok(Predicate::Or(alternatives))
}

/// Where in the answer to a query the next page begins.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Next {
    position: Position,
    /// How many files came before; a query may limit them.
    seen: u64,
    /// Which query it belongs to.
    query: i64,
}

/// One page of the answer to a query.
pub async fn page(
    cx: &mut Context<'_>,
    asked: &Asked,
    args: &PageArgs,
    with: With,
    with_meta: bool,
) -> Result<Page<File>, Error> {
    let (after, limit) = cursor::page::<Next>(args)?;
    let ready = check(cx, asked).await?;
    if let Some(after) = &after
        && after.query != ready.fingerprint()
    {
        let reason = "is a cursor of another query; begin without one";
        return Err(Error::invalid("after", "", reason));
    }
    let seen = after.as_ref().map_or(0, |next| next.seen);
    let left = ready.checked.limit.map_or(u64::MAX, |most| most.saturating_sub(seen));
    let limit = u64::try_from(limit).unwrap_or_default().min(left);
    if limit == 0 {
        return Ok(Page { items: Vec::new(), next: None });
    }
    let position = after.as_ref().map(|next| &next.position);
    let mut hits = ready.files().page(&mut cx.session, position, limit, with_meta).await?;
    let count = hits.len() as u64;
    let more = count == limit && limit < left;
    let last = if more { hits.pop() } else { None };
    let next = last.as_ref().map(|hit| {
        let (position, seen) = (hit.position.clone(), seen + count);
        cursor::encode(&Next { position, seen, query: ready.fingerprint() })
    });
    let stored = hits.into_iter().chain(last).map(|hit| hit.file).collect();
    Ok(Page { items: present(&mut cx.session, stored, with).await?, next })
}

/// The files of a query in the order of their keys, after a key.
pub async fn files_after(
    cx: &mut Context<'_>,
    asked: &Asked,
    after: Option<FileKey>,
    limit: i64,
) -> Result<Vec<file::Stored>, Error> {
    let mut ready = check(cx, asked).await?;
    ready.checked.order.clear();
    let position = after.map(|key| Position { values: Vec::new(), key });
    let limit = u64::try_from(limit).unwrap_or_default();
    let hits = ready.files().page(&mut cx.session, position.as_ref(), limit, false).await?;
    Ok(hits.into_iter().map(|hit| hit.file).collect())
}

/// What gives the stored sections of the files that a query finds.
pub async fn sections(
    cx: &mut Context<'_>,
    asked: &Asked,
) -> Result<sbk_store::section::Selected, Error> {
    let ready = check(cx, asked).await?;
    if ready.checked.limit.is_some() {
        return Err(Error::invalid("expr", "limit", "has no meaning here; leave the limit out"));
    }
    let statement = ready.files().sections(&cx.session)?;
    Ok(sbk_store::section::Selected::Query(statement))
}

/// Counts what a query finds.
pub async fn count(cx: &mut Context<'_>, asked: &Asked) -> Result<Totals, Error> {
    let ready = check(cx, asked).await?;
    Ok(ready.files().count(&mut cx.session).await?)
}

/// Finds directories by path, at a directory or below it, after a path.
pub async fn directories(
    cx: &mut Context<'_>,
    asked: &Asked,
    top: &DirPath,
    after: Option<&DirPath>,
    limit: i64,
) -> Result<Vec<directory::Stored>, Error> {
    let Ready { checked, promoted, vo, .. } = check(cx, asked).await?;
    if !checked.order.is_empty() || checked.limit.is_some() {
        let reason = "has no meaning here; directories come by path, page by page";
        return Err(Error::invalid("expr", "order by, limit", reason));
    }
    let limit = u64::try_from(limit).unwrap_or_default();
    let session = &mut cx.session;
    Ok(query::directories(session, &checked, &promoted, vo, top, after, limit).await?)
}

/// Finds datasets by name, after a position.
pub async fn datasets(
    cx: &mut Context<'_>,
    asked: &Asked,
    after: Option<(&str, i64)>,
    limit: i64,
) -> Result<Vec<dataset::Stored>, Error> {
    let ready = check(cx, asked).await?;
    let limit = u64::try_from(limit).unwrap_or_default();
    let (checked, promoted) = (&ready.checked, &ready.promoted);
    Ok(query::datasets(&mut cx.session, checked, promoted, ready.vo, after, limit).await?)
}

impl Run for FindFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<File>, Error> {
        let with = With { replicas: self.replicas, ..With::default() };
        page(cx, &Asked::selection(&self.selection), &self.page, with, self.metadata).await
    }
}

impl Run for PostFindFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<File>, Error> {
        self.0.run(cx).await
    }
}

impl Run for CountFiles {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Totals, Error> {
        count(cx, &Asked::selection(&self.selection)).await
    }
}

impl Run for ExplainQuery {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Explanation, Error> {
        let ready = check(cx, &Asked::selection(&self.selection)).await?;
        let files = ready.files();
        let warnings = files
            .unindexed(&cx.session)
            .into_iter()
            .map(|field| {
                format!(
                    "`{field}` has no index: alone it makes the database read every file; \
                     declare it `searchable = true`, or add a condition on a field that has one"
                )
            })
            .collect();
        let (plan, mut estimated_files) = files.plan(&mut cx.session).await?;
        if estimated_files.is_none() {
            // SQLite does not estimate; counting a bounded number is quick.
            estimated_files = Some(files.count_up_to(&mut cx.session, COUNTED_AT_MOST).await?);
        }
        Ok(Explanation { query: ready.query.to_text(), estimated_files, plan, warnings })
    }
}
