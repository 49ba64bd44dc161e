//! The JSON form of a query: DIRAC's metadata dictionaries.

use serde_json::{Map, Value as Json, json};

use super::{
    ast::{At, Expr, FieldPath, Literal, Node, Op, Order, Place, Query, Step},
    error::QueryError,
};
use crate::problem::nearest;

impl Query {
    /// Reads the JSON form.
    ///
    /// It is a dictionary whose entries must all hold. A key is the name of a field, and its
    /// value is a value, a list of which one must match, or a dictionary of comparisons:
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `nin`, `like`, `nlike`, `between` (with two
    /// values) and `exists` (with true or false). The keys `$and`, `$or` (lists of
    /// dictionaries), `$not` (a dictionary) and `$dataset` (a name or a list of names) join
    /// conditions; `$parents`, `$children`, `$ancestors`, `$descendants` and `$producedBy` hold the
    /// conditions that a step of provenance begins at.
    ///
    /// A dictionary with the key `where`, `order` or `limit` holds the conditions in `where`,
    /// `[{"field": …, "descending": true}]` in `order` and a number in `limit`.
    ///
    /// ```
    /// use sbk_metadata::query::Query;
    ///
    /// let json = serde_json::json!({"energy": {">": 89}, "generator": ["a", "b"]});
    /// let query = Query::from_json(&json)?;
    /// assert_eq!(query.to_text(), "energy > 89 and generator in (a, b)");
    /// # Ok::<(), sbk_metadata::query::QueryError>(())
    /// ```
    pub fn from_json(json: &Json) -> Result<Self, QueryError> {
        let top = Cursor { pointer: String::new(), depth: 0 };
        let map = top.map(json)?;
        if !["where", "order", "limit"].iter().any(|key| map.contains_key(*key)) {
            return Ok(Self { filter: filter(&top, map)?, ..Self::default() });
        }
        let mut query = Self::default();
        for (key, value) in map {
            let at = top.key(key);
            match key.as_str() {
                "where" => query.filter = filter(&at, at.map(value)?)?,
                "order" => query.order = order(&at, value)?,
                "limit" => query.limit = Some(limit(&at, value)?),
                _ => {
                    let message =
                        format!("`{key}` has no place beside `where`, `order` and `limit`");
                    return at.fail(message, Some("where".to_owned()));
                }
            }
        }
        Ok(query)
    }

    /// Writes the JSON form; reading it gives the same query.
    pub fn to_json(&self) -> Json {
        let filter = self.filter.as_ref().map_or_else(|| json!({}), |expr| node_json(&expr.node));
        if self.order.is_empty() && self.limit.is_none() {
            return filter;
        }
        let mut map = Map::new();
        map.insert("where".to_owned(), filter);
        if !self.order.is_empty() {
            let order = self.order.iter().map(|order| {
                json!({"field": order.field.node.to_string(), "descending": order.descending})
            });
            map.insert("order".to_owned(), order.collect());
        }
        if let Some(limit) = &self.limit {
            map.insert("limit".to_owned(), json!(limit.node));
        }
        Json::Object(map)
    }
}

type Parsed<T> = Result<T, QueryError>;

/// A place in the dictionary, and how many dictionaries of conditions it is in.
struct Cursor {
    pointer: String,
    depth: usize,
}

impl Cursor {
    fn key(&self, key: &str) -> Self {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        Self { pointer: format!("{}/{escaped}", self.pointer), depth: self.depth }
    }

    fn at<T>(&self, node: T) -> At<T> {
        At::new(node, Place::Pointer(self.pointer.clone()))
    }

    fn fail<T>(&self, message: impl Into<String>, suggestion: Option<String>) -> Parsed<T> {
        let place = Place::Pointer(self.pointer.clone());
        Err(QueryError::new(message, place).suggest(suggestion))
    }

    fn map<'a>(&self, json: &'a Json) -> Parsed<&'a Map<String, Json>> {
        match json {
            Json::Object(map) => Ok(map),
            _ => self.fail("expected a dictionary of conditions", None),
        }
    }

    fn list<'a>(&self, json: &'a Json) -> Parsed<&'a [Json]> {
        match json {
            Json::Array(list) if list.is_empty() => self.fail("the list is empty", None),
            Json::Array(list) if list.len() > Query::MAX_VALUES => {
                self.fail(format!("the list has more than {} entries", Query::MAX_VALUES), None)
            }
            Json::Array(list) => Ok(list),
            _ => self.fail("expected a list", None),
        }
    }

    fn text<'a>(&self, json: &'a Json) -> Parsed<&'a str> {
        match json {
            Json::String(text) => Ok(text),
            _ => self.fail("expected a text", None),
        }
    }

    fn field(&self, name: &str) -> Parsed<At<FieldPath>> {
        match name.parse() {
            Ok(path) => Ok(self.at(path)),
            Err(message) => self.fail::<At<FieldPath>>(message, None),
        }
    }

    fn literal(&self, json: &Json) -> Parsed<At<Literal>> {
        match json {
            Json::String(text) => Ok(self.at(Literal::Text(text.clone()))),
            Json::Number(number) => Ok(self.at(Literal::Number(number.clone()))),
            Json::Bool(truth) => Ok(self.at(Literal::Bool(*truth))),
            Json::Null => self.fail("null is no value; ask with {\"exists\": false}", None),
            _ => self.fail("expected a text, a number, true or false", None),
        }
    }

    fn literals(&self, json: &Json) -> Parsed<Vec<At<Literal>>> {
        let list = self.list(json)?.iter().enumerate();
        list.map(|(at, value)| self.key(&at.to_string()).literal(value)).collect()
    }
}

/// Reads the dictionary at the top, which may be empty.
fn filter(at: &Cursor, map: &Map<String, Json>) -> Parsed<Option<Expr>> {
    if map.is_empty() { Ok(None) } else { dictionary(at, map).map(Some) }
}

/// Reads a dictionary whose entries must all hold.
fn dictionary(at: &Cursor, map: &Map<String, Json>) -> Parsed<Expr> {
    let at = &Cursor { pointer: at.pointer.clone(), depth: at.depth + 1 };
    if at.depth >= Query::MAX_DEPTH {
        return at.fail(format!("the query is more than {} levels deep", Query::MAX_DEPTH), None);
    }
    let mut parts = Vec::new();
    for (key, value) in map {
        let here = at.key(key);
        match key.strip_prefix('$') {
            Some(word) => parts.push(joined(&here, word, value)?),
            None => conditions(&here, key, value, &mut parts)?,
        }
    }
    join(at, parts, Node::And)
}

/// Makes one condition of several; a single one stays as it is.
fn join(at: &Cursor, mut parts: Vec<Expr>, node: fn(Vec<Expr>) -> Node) -> Parsed<Expr> {
    match parts.pop() {
        None => at.fail("the dictionary is empty", None),
        Some(only) if parts.is_empty() => Ok(only),
        Some(last) => {
            parts.push(last);
            Ok(at.at(node(parts)))
        }
    }
}

/// Reads the value of `$and`, `$or`, `$not`, `$dataset` or a step.
fn joined(at: &Cursor, word: &str, json: &Json) -> Parsed<Expr> {
    match word {
        "and" => join(at, dictionaries(at, json)?, Node::And),
        "or" => join(at, dictionaries(at, json)?, Node::Or),
        "not" => Ok(at.at(Node::Not(Box::new(dictionary(at, at.map(json)?)?)))),
        "dataset" => datasets(at, json),
        _ => {
            if let Some(step) = Step::ALL.iter().find(|step| step.as_str() == word) {
                return step_of(at, *step, json);
            }
            let known = Step::ALL.iter().map(|step| step.as_str());
            let help = nearest(word, known.chain(["and", "or", "not", "dataset"]));
            at.fail(format!("`${word}` has no meaning"), help.map(|word| format!("${word}")))
        }
    }
}

fn dictionaries(at: &Cursor, json: &Json) -> Parsed<Vec<Expr>> {
    let read = |(index, value): (usize, &Json)| {
        let here = at.key(&index.to_string());
        dictionary(&here, here.map(value)?)
    };
    at.list(json)?.iter().enumerate().map(read).collect()
}

fn datasets(at: &Cursor, json: &Json) -> Parsed<Expr> {
    if !json.is_array() {
        return Ok(at.at(Node::Dataset(at.at(at.text(json)?.to_owned()))));
    }
    let read = |(index, value): (usize, &Json)| {
        let here = at.key(&index.to_string());
        Ok(here.at(Node::Dataset(here.at(here.text(value)?.to_owned()))))
    };
    let parts = at.list(json)?.iter().enumerate().map(read).collect::<Parsed<_>>()?;
    join(at, parts, Node::Or)
}

/// Reads `{…}`, or `{"of": {…}, "depth": n}`.
fn step_of(at: &Cursor, step: Step, json: &Json) -> Parsed<Expr> {
    let map = at.map(json)?;
    let (of, depth) = match map.get("of") {
        Some(of) => {
            let here = at.key("of");
            (dictionary(&here, here.map(of)?)?, map.get("depth"))
        }
        None => (dictionary(at, map)?, None),
    };
    let depth = match depth {
        None => None,
        Some(number) => match number.as_u64().and_then(|number| u32::try_from(number).ok()) {
            Some(number) => Some(number),
            None => return at.key("depth").fail("expected a number of steps", None),
        },
    };
    Ok(at.at(Node::Step { step, of: Box::new(of), depth }))
}

/// Reads what one field must fulfil.
fn conditions(at: &Cursor, name: &str, json: &Json, parts: &mut Vec<Expr>) -> Parsed<()> {
    let field = at.field(name)?;
    match json {
        Json::Object(map) if map.is_empty() => at.fail("the dictionary is empty", None),
        Json::Object(map) => {
            for (sign, value) in map {
                parts.push(comparison(&at.key(sign), field.clone(), sign, value)?);
            }
            Ok(())
        }
        Json::Array(_) => {
            let values = at.literals(json)?;
            parts.push(at.at(Node::In { field, values, negated: false }));
            Ok(())
        }
        single => {
            let value = at.literal(single)?;
            parts.push(at.at(Node::Compare { field, op: Op::Eq, value }));
            Ok(())
        }
    }
}

fn comparison(at: &Cursor, field: At<FieldPath>, sign: &str, json: &Json) -> Parsed<Expr> {
    if let Some(op) = Op::ALL.iter().find(|op| op.as_str() == sign) {
        return Ok(at.at(Node::Compare { field, op: *op, value: at.literal(json)? }));
    }
    let node = match sign {
        "in" | "nin" => Node::In { field, values: at.literals(json)?, negated: sign == "nin" },
        "like" | "nlike" => {
            let pattern = at.at(at.text(json)?.to_owned());
            Node::Like { field, pattern, negated: sign == "nlike" }
        }
        "between" => match at.literals(json)?.as_slice() {
            [low, high] => Node::Between { field, low: low.clone(), high: high.clone() },
            _ => return at.fail("`between` needs a list of two values", None),
        },
        "exists" => match json {
            Json::Bool(true) => Node::Exists(field),
            Json::Bool(false) => Node::Not(Box::new(at.at(Node::Exists(field)))),
            _ => return at.fail("`exists` needs true or false", None),
        },
        _ => {
            let words = ["in", "nin", "like", "nlike", "between", "exists"];
            let help = match sign {
                "==" => Some("=".to_owned()),
                "<>" => Some("!=".to_owned()),
                _ => nearest(sign, words),
            };
            return at.fail(format!("`{sign}` is no comparison"), help);
        }
    };
    Ok(at.at(node))
}

fn order(at: &Cursor, json: &Json) -> Parsed<Vec<Order>> {
    let list = at.list(json)?;
    let read = |(index, value): (usize, &Json)| {
        let here = at.key(&index.to_string());
        let map = here.map(value)?;
        if let Some(other) = map.keys().find(|key| !matches!(key.as_str(), "field" | "descending"))
        {
            return here.key(other).fail(format!("`{other}` has no meaning here"), None);
        }
        let name = here.text(map.get("field").unwrap_or(&Json::Null))?;
        let descending = match map.get("descending") {
            None => false,
            Some(Json::Bool(descending)) => *descending,
            Some(_) => return here.key("descending").fail("expected true or false", None),
        };
        Ok(Order { field: here.key("field").field(name)?, descending })
    };
    list.iter().enumerate().map(read).collect()
}

fn limit(at: &Cursor, json: &Json) -> Parsed<At<u64>> {
    match json.as_u64() {
        Some(number) if number > 0 => Ok(at.at(number)),
        _ => at.fail("expected a number of at least 1", None),
    }
}

/// Writes a condition as a dictionary.
fn node_json(node: &Node) -> Json {
    let one = |key: &str, value: Json| {
        let mut map = Map::new();
        map.insert(key.to_owned(), value);
        Json::Object(map)
    };
    let field_json =
        |field: &At<FieldPath>, sign: &str, value| one(&field.node.to_string(), one(sign, value));
    let all = |parts: &[Expr]| parts.iter().map(|part| node_json(&part.node)).collect::<Json>();
    let values = |values: &[At<Literal>]| values.iter().map(literal_json).collect::<Json>();
    match node {
        Node::And(parts) => one("$and", all(parts)),
        Node::Or(parts) => one("$or", all(parts)),
        Node::Not(inner) => one("$not", node_json(&inner.node)),
        Node::Compare { field, op: Op::Eq, value } => {
            one(&field.node.to_string(), literal_json(value))
        }
        Node::Compare { field, op, value } => field_json(field, op.as_str(), literal_json(value)),
        Node::In { field, values: several, negated } => {
            field_json(field, if *negated { "nin" } else { "in" }, values(several))
        }
        Node::Like { field, pattern, negated } => {
            field_json(field, if *negated { "nlike" } else { "like" }, json!(pattern.node))
        }
        Node::Between { field, low, high } => {
            field_json(field, "between", json!([literal_json(low), literal_json(high)]))
        }
        Node::Exists(field) => field_json(field, "exists", json!(true)),
        Node::Dataset(name) => one("$dataset", json!(name.node)),
        Node::Step { step, of, depth } => {
            let mut map = Map::new();
            map.insert("of".to_owned(), node_json(&of.node));
            if let Some(depth) = depth {
                map.insert("depth".to_owned(), json!(depth));
            }
            one(&format!("${}", step.as_str()), Json::Object(map))
        }
    }
}

fn literal_json(literal: &At<Literal>) -> Json {
    match &literal.node {
        Literal::Text(text) => json!(text),
        Literal::Number(number) => Json::Number(number.clone()),
        Literal::Bool(truth) => json!(truth),
    }
}
