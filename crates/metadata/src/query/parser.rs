//! Reads the text form of a query.

use super::{
    ast::{At, Expr, FieldPath, Literal, Node, Order, Place, Query, Span, Step},
    error::QueryError,
    lexer::{self, Token},
};
use crate::problem::nearest;

impl Query {
    /// The greatest length of a query, in bytes.
    pub const MAX_TEXT: usize = 16 << 10;
    /// How deep conditions can be within each other.
    pub const MAX_DEPTH: usize = 64;
    /// The most values of one `in`.
    pub const MAX_VALUES: usize = 1000;

    /// Reads the text form, which the [module](super) describes.
    ///
    /// ```
    /// use sbk_metadata::query::Query;
    ///
    /// let query = Query::parse("energy > 89 GeV order by lfn limit 10")?;
    /// assert_eq!(query.to_text(), "energy > 89 GeV order by lfn limit 10");
    /// # Ok::<(), sbk_metadata::query::QueryError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > Self::MAX_TEXT {
            let place = Place::Span(Span { start: 0, end: 0 });
            let message = format!("the query is longer than {} bytes", Self::MAX_TEXT);
            return Err(QueryError::new(message, place));
        }
        let end = Span { start: text.len(), end: text.len() };
        let mut parser = Parser { tokens: lexer::tokens(text)?, at: 0, depth: 0, end };
        parser.query()
    }
}

/// What `and`, `or` and their set forms do to two conditions.
#[derive(Clone, Copy, PartialEq)]
enum Join {
    And,
    Or,
    Minus,
}

struct Parser {
    tokens: Vec<At<Token>>,
    at: usize,
    depth: usize,
    end: Span,
}

type Parsed<T> = Result<T, QueryError>;

impl Parser {
    fn query(&mut self) -> Parsed<Query> {
        let ends =
            |token: Option<&Token>| matches!(token, None | Some(Token::Keyword("order" | "limit")));
        let filter = if ends(self.peek()) { None } else { Some(self.any()?) };
        let order = if self.accept("order") { self.order()? } else { Vec::new() };
        let limit = if self.accept("limit") { Some(self.limit()?) } else { None };
        match self.peek() {
            None => Ok(Query { filter, order, limit }),
            Some(Token::Word(word)) => {
                let word = word.to_lowercase();
                let help = nearest(&word, ["and", "or", "order", "limit"]);
                self.fail("`and`, `or`, `order by`, `limit` or the end", help)
            }
            Some(_) => self.fail("`and`, `or`, `order by`, `limit` or the end", None),
        }
    }

    fn order(&mut self) -> Parsed<Vec<Order>> {
        self.expect("by")?;
        let mut order = Vec::new();
        loop {
            let field = self.field()?;
            let descending = self.accept("desc");
            if !descending {
                self.accept("asc");
            }
            order.push(Order { field, descending });
            if !self.accept_token(&Token::Comma) {
                return Ok(order);
            }
        }
    }

    fn limit(&mut self) -> Parsed<At<u64>> {
        let place = self.place();
        match self.peek() {
            Some(Token::Number(number)) if number.as_u64().is_some_and(|number| number > 0) => {
                let number = number.as_u64().unwrap_or_default();
                self.at += 1;
                Ok(At::new(number, place))
            }
            _ => self.fail("a number of at least 1 after `limit`", None),
        }
    }

    /// `a or b or c`
    fn any(&mut self) -> Parsed<Expr> {
        self.chain(Self::all, |token| (*token == Token::Keyword("or")).then_some(Join::Or))
    }

    /// `a and b and c`
    fn all(&mut self) -> Parsed<Expr> {
        self.chain(Self::not, |token| (*token == Token::Keyword("and")).then_some(Join::And))
    }

    /// `not a`
    fn not(&mut self) -> Parsed<Expr> {
        let start = self.place();
        if !self.accept("not") {
            return self.unions();
        }
        let inner = self.deeper(Self::not)?;
        let place = span_of(&start, &inner.place);
        Ok(At::new(Node::Not(Box::new(inner)), place))
    }

    /// `a union b minus c`
    fn unions(&mut self) -> Parsed<Expr> {
        self.chain(Self::intersections, |token| match token {
            Token::Keyword("union") => Some(Join::Or),
            Token::Keyword("minus") => Some(Join::Minus),
            _ => None,
        })
    }

    /// `a intersect b`
    fn intersections(&mut self) -> Parsed<Expr> {
        self.chain(Self::single, |token| {
            (*token == Token::Keyword("intersect")).then_some(Join::And)
        })
    }

    /// Reads conditions that are joined by words of one rank, from left to right.
    fn chain(
        &mut self,
        part: fn(&mut Self) -> Parsed<Expr>,
        join_of: fn(&Token) -> Option<Join>,
    ) -> Parsed<Expr> {
        let mut joined = part(self)?;
        let mut last = None;
        let mut nested = 0;
        while let Some(join) = self.peek().and_then(join_of) {
            self.at += 1;
            let next = part(self)?;
            if last.is_some_and(|last| last != join) {
                nested += 1;
                self.check_depth(nested)?;
            }
            joined = join_two(joined, join, next, last == Some(join));
            last = Some(join);
        }
        Ok(joined)
    }

    fn single(&mut self) -> Parsed<Expr> {
        let start = self.place();
        match self.peek() {
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.deeper(Self::any)?;
                self.close()?;
                Ok(inner)
            }
            Some(Token::Keyword("exists")) => {
                self.at += 1;
                let bracket = self.accept_token(&Token::Open);
                let field = self.field()?;
                if bracket {
                    self.close()?;
                }
                let place = span_of(&start, &field.place);
                Ok(At::new(Node::Exists(field), place))
            }
            Some(Token::Word(word)) if self.peek_at(1) == Some(&Token::Open) => {
                let word = word.clone();
                self.call(&word, &start)
            }
            _ => self.comparison(),
        }
    }

    /// `dataset("A")` or a step.
    fn call(&mut self, word: &str, start: &Place) -> Parsed<Expr> {
        let step = Step::ALL.iter().find(|step| step.as_str().eq_ignore_ascii_case(word));
        let is_dataset = word.eq_ignore_ascii_case("dataset");
        if step.is_none() && !is_dataset {
            let known = Step::ALL.iter().map(|step| step.as_str()).chain(["dataset"]);
            let error =
                QueryError::new(format!("`{word}` cannot be followed by `(`"), start.clone());
            return Err(error.suggest(nearest(word, known)));
        }
        self.at += 2;
        let node = match step {
            Some(step) => {
                let of = Box::new(self.deeper(Self::any)?);
                let depth =
                    if self.accept_token(&Token::Comma) { Some(self.steps()?) } else { None };
                Node::Step { step: *step, of, depth }
            }
            None => Node::Dataset(self.text("the name of a dataset")?),
        };
        let end = self.close()?;
        Ok(At::new(node, span_of(start, &end)))
    }

    fn steps(&mut self) -> Parsed<u32> {
        let depth = match self.peek() {
            Some(Token::Number(number)) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        };
        let Some(depth) = depth else { return self.fail("a number of steps", None) };
        self.at += 1;
        Ok(depth)
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let field = self.field()?;
        let start = field.place.clone();
        let place = self.place();
        let node = match self.peek().cloned() {
            Some(Token::Op(op)) => {
                self.at += 1;
                Node::Compare { field, op, value: self.value()? }
            }
            Some(Token::Keyword("not")) => {
                self.at += 1;
                self.negated(field)?
            }
            Some(Token::Keyword(word @ ("in" | "like" | "between" | "exists"))) => {
                self.at += 1;
                self.word_comparison(word, field, false)?
            }
            _ => {
                let expected = "a comparison such as `=`, `<`, `in`, `like`, `between` or `exists`";
                return self.fail(expected, None);
            }
        };
        let end = self.previous().unwrap_or(place);
        Ok(At::new(node, span_of(&start, &end)))
    }

    /// `f not in`, `f not like`, `f not between`, `f not exists`
    fn negated(&mut self, field: At<FieldPath>) -> Parsed<Node> {
        let Some(Token::Keyword(word @ ("in" | "like" | "between" | "exists"))) =
            self.peek().cloned()
        else {
            return self.fail("`in`, `like`, `between` or `exists` after `not`", None);
        };
        self.at += 1;
        let place = field.place.clone();
        let node = self.word_comparison(word, field, true)?;
        Ok(match node {
            Node::In { .. } | Node::Like { .. } => node,
            other => Node::Not(Box::new(At::new(other, place))),
        })
    }

    fn word_comparison(&mut self, word: &str, field: At<FieldPath>, negated: bool) -> Parsed<Node> {
        Ok(match word {
            "in" => Node::In { field, values: self.values()?, negated },
            "like" => Node::Like { field, pattern: self.text("a pattern")?, negated },
            "between" => {
                let low = self.value()?;
                self.expect("and")?;
                Node::Between { field, low, high: self.value()? }
            }
            _ => Node::Exists(field),
        })
    }

    fn values(&mut self) -> Parsed<Vec<At<Literal>>> {
        if !self.accept_token(&Token::Open) {
            return self.fail("`(` and the values after `in`", None);
        }
        let mut values = vec![self.value()?];
        while self.accept_token(&Token::Comma) {
            if values.len() >= Query::MAX_VALUES {
                let message = format!("`in` has more than {} values", Query::MAX_VALUES);
                return Err(QueryError::new(message, self.place()));
            }
            values.push(self.value()?);
        }
        self.close()?;
        Ok(values)
    }

    /// A value; a number takes the unit that follows it.
    fn value(&mut self) -> Parsed<At<Literal>> {
        let place = self.place();
        let Some(literal) = self.peek().cloned().and_then(lexer::literal) else {
            let help = match self.peek() {
                Some(Token::Keyword(word)) => Some(format!("\"{word}\"")),
                _ => None,
            };
            return self.fail("a value", help);
        };
        self.at += 1;
        let unit = match self.peek() {
            Some(Token::Word(word)) if lexer::is_unit(word) && !self.begins_comparison() => {
                Some(word.clone())
            }
            _ => None,
        };
        match (&literal, unit) {
            (Literal::Number(number), Some(unit)) => {
                let text = format!("{number} {unit}");
                let place = span_of(&place, &self.place());
                self.at += 1;
                Ok(At::new(Literal::Text(text), place))
            }
            _ => Ok(At::new(literal, place)),
        }
    }

    /// Whether the next word is followed by a comparison, so that an `and` was forgotten.
    fn begins_comparison(&self) -> bool {
        let word = |word| matches!(word, "in" | "like" | "between" | "not" | "exists");
        match self.peek_at(1) {
            Some(Token::Op(_)) => true,
            Some(Token::Keyword(keyword)) => word(*keyword),
            _ => false,
        }
    }

    /// A value that is always a text.
    fn text(&mut self, expected: &str) -> Parsed<At<String>> {
        let place = self.place();
        let text = match self.peek() {
            Some(Token::Word(text) | Token::Quoted(text)) => text.clone(),
            Some(Token::Number(number)) => number.to_string(),
            _ => return self.fail(expected, None),
        };
        self.at += 1;
        Ok(At::new(text, place))
    }

    fn field(&mut self) -> Parsed<At<FieldPath>> {
        let place = self.place();
        match self.peek() {
            Some(Token::Word(word)) => {
                let path =
                    word.parse().map_err(|why: String| QueryError::new(why, place.clone()))?;
                self.at += 1;
                Ok(At::new(path, place))
            }
            _ => self.fail("the name of a field", None),
        }
    }

    /// Reads a part that is within another.
    fn deeper(&mut self, part: fn(&mut Self) -> Parsed<Expr>) -> Parsed<Expr> {
        self.depth += 1;
        self.check_depth(0)?;
        let inner = part(self)?;
        self.depth -= 1;
        Ok(inner)
    }

    fn check_depth(&self, more: usize) -> Parsed<()> {
        if self.depth + more <= Query::MAX_DEPTH {
            return Ok(());
        }
        let message = format!("the query is more than {} levels deep", Query::MAX_DEPTH);
        Err(QueryError::new(message, self.place()))
    }

    fn peek(&self) -> Option<&Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|token| &token.node)
    }

    /// The place of the next token, or the end.
    fn place(&self) -> Place {
        self.tokens.get(self.at).map_or(Place::Span(self.end), |token| token.place.clone())
    }

    /// The place of the token before.
    fn previous(&self) -> Option<Place> {
        let token = self.tokens.get(self.at.checked_sub(1)?)?;
        Some(token.place.clone())
    }

    fn accept(&mut self, keyword: &'static str) -> bool {
        self.accept_token(&Token::Keyword(keyword))
    }

    fn accept_token(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, keyword: &'static str) -> Parsed<()> {
        if self.accept(keyword) { Ok(()) } else { self.fail(&format!("`{keyword}`"), None) }
    }

    fn close(&mut self) -> Parsed<Place> {
        let place = self.place();
        if self.accept_token(&Token::Close) { Ok(place) } else { self.fail("`)`", None) }
    }

    fn fail<T>(&self, expected: &str, help: Option<String>) -> Parsed<T> {
        let found = self.peek().map_or("the end of the query".to_owned(), Token::describe);
        let message = format!("expected {expected}, found {found}");
        Err(QueryError::new(message, self.place()).suggest(help))
    }
}

/// Joins two conditions; one that this chain made already grows.
fn join_two(left: Expr, join: Join, right: Expr, grows: bool) -> Expr {
    let place = span_of(&left.place, &right.place);
    let right = match join {
        Join::Minus => At::new(Node::Not(Box::new(right.clone())), right.place),
        Join::And | Join::Or => right,
    };
    let mut parts = match left.node {
        Node::And(parts) if grows && join != Join::Or => parts,
        Node::Or(parts) if grows && join == Join::Or => parts,
        node => vec![At::new(node, left.place)],
    };
    parts.push(right);
    At::new(if join == Join::Or { Node::Or(parts) } else { Node::And(parts) }, place)
}

/// From the beginning of one place to the end of another.
fn span_of(from: &Place, to: &Place) -> Place {
    match (from, to) {
        (Place::Span(from), Place::Span(to)) => {
            Place::Span(Span { start: from.start, end: to.end })
        }
        _ => from.clone(),
    }
}
