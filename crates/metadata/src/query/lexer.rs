//! Cuts the text of a query into tokens.

use serde_json::Number;

use super::{
    ast::{At, Literal, Op, Place, Span},
    error::QueryError,
};

/// The words of the language, which are written in quotes where they are values.
const KEYWORDS: &[&str] = &[
    "and",
    "or",
    "not",
    "in",
    "like",
    "between",
    "exists",
    "order",
    "by",
    "asc",
    "desc",
    "limit",
    "union",
    "intersect",
    "minus",
    "where",
    "true",
    "false",
];

/// Whether a text is a word of the language, in upper or lower case.
pub(crate) fn is_keyword(text: &str) -> bool {
    keyword(text).is_some()
}

/// The keyword that a text is.
fn keyword(text: &str) -> Option<&'static str> {
    KEYWORDS.iter().find(|keyword| keyword.eq_ignore_ascii_case(text)).copied()
}

/// A part of a query's text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A keyword, in lower case.
    Keyword(&'static str),
    /// A bare word: the name of a field, or a value.
    Word(String),
    /// A bare number.
    Number(Number),
    /// A text in quotes.
    Quoted(String),
    /// A comparison.
    Op(Op),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

impl Token {
    /// What the token is called in a message.
    pub fn describe(&self) -> String {
        match self {
            Self::Keyword(word) => format!("`{word}`"),
            Self::Word(word) => format!("`{word}`"),
            Self::Number(number) => format!("`{number}`"),
            Self::Quoted(_) => "a text in quotes".to_owned(),
            Self::Op(op) => format!("`{}`", op.as_str()),
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::Comma => "`,`".to_owned(),
        }
    }
}

/// Cuts a text into tokens.
pub(crate) fn tokens(source: &str) -> Result<Vec<At<Token>>, QueryError> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

/// Whether a text can be written bare and is then read as itself.
pub(crate) fn is_bare(text: &str) -> bool {
    match tokens(text).as_deref() {
        Ok([one]) => matches!(&one.node, Token::Word(word) if word == text),
        Ok([number, unit]) => match (&number.node, &unit.node) {
            (Token::Number(number), Token::Word(unit)) => {
                is_unit(unit) && format!("{number} {unit}") == text
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a word may be the unit of the number before it.
pub(crate) fn is_unit(word: &str) -> bool {
    word.parse::<crate::Unit>().is_ok()
}

/// Reads a bare word as the value that it stands for.
pub(crate) fn literal(token: Token) -> Option<Literal> {
    match token {
        Token::Word(text) | Token::Quoted(text) => Some(Literal::Text(text)),
        Token::Number(number) => Some(Literal::Number(number)),
        Token::Keyword("true") => Some(Literal::Bool(true)),
        Token::Keyword("false") => Some(Literal::Bool(false)),
        _ => None,
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn error<T>(
        &self,
        message: String,
        length: usize,
        help: Option<&str>,
    ) -> Result<T, QueryError> {
        let place = Place::Span(Span { start: self.at, end: self.at + length });
        Err(QueryError::new(message, place).suggest(help.map(str::to_owned)))
    }

    fn next(&mut self) -> Result<Option<At<Token>>, QueryError> {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
        let start = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(None) };
        let token = match first {
            '(' => self.take(1, Token::Open),
            ')' => self.take(1, Token::Close),
            ',' => self.take(1, Token::Comma),
            '"' | '\'' => self.quoted(first)?,
            '=' | '!' | '<' | '>' | '&' | '|' => self.operator()?,
            c if is_word_character(c) => self.word(),
            c => {
                let message = format!(
                    "the character {c:?} has no meaning here; a value with it \
                                       needs quotes"
                );
                return self.error(message, c.len_utf8(), None);
            }
        };
        Ok(Some(At::new(token, Place::Span(Span { start, end: self.at }))))
    }

    fn take(&mut self, length: usize, token: Token) -> Token {
        self.at += length;
        token
    }

    fn operator(&mut self) -> Result<Token, QueryError> {
        let rest = self.rest();
        let length = rest.bytes().take_while(|b| b"=!<>&|".contains(b)).count();
        let text = &rest[..length];
        if let Some(op) = Op::ALL.iter().find(|op| op.as_str() == text) {
            return Ok(self.take(length, Token::Op(*op)));
        }
        let help = match text {
            "==" => Some("="),
            "<>" | "!" | "=!" => Some("!="),
            "=<" => Some("<="),
            "=>" => Some(">="),
            "&" | "&&" => Some("and"),
            "|" | "||" => Some("or"),
            _ => None,
        };
        self.error(format!("`{text}` is no comparison"), length, help)
    }

    /// Reads up to the closing quote.
    fn quoted(&mut self, quote: char) -> Result<Token, QueryError> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' => match characters.next() {
                    Some((_, escaped)) => unescape(escaped, &mut text),
                    None => break,
                },
                c if c == quote => {
                    self.at += at + quote.len_utf8();
                    return Ok(Token::Quoted(text));
                }
                c => text.push(c),
            }
        }
        self.error(format!("this text lacks its closing {quote}"), quote.len_utf8(), None)
    }

    fn word(&mut self) -> Token {
        let rest = self.rest();
        let length = rest.find(|c| !is_word_character(c)).unwrap_or(rest.len());
        let word = &rest[..length];
        let token = match (keyword(word), number(word)) {
            (Some(keyword), _) => Token::Keyword(keyword),
            (None, Some(number)) => Token::Number(number),
            (None, None) => Token::Word(word.to_owned()),
        };
        self.take(length, token)
    }
}

/// Adds what a backslash and a character stand for.
fn unescape(escaped: char, text: &mut String) {
    match escaped {
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        '\\' | '"' | '\'' => text.push(escaped),
        other => text.extend(['\\', other]),
    }
}

/// Whether a character can be part of a bare word.
fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || "_.:/+-%@#~°^*".contains(c)
}

/// Reads a bare word as a number, if the number is written as JSON writes it.
///
/// Others, such as `007` or `+1`, stay texts, so that a text field finds them as written; a
/// number field reads a text too.
fn number(word: &str) -> Option<Number> {
    if !word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        return None;
    }
    let number = match (word.parse::<i64>(), word.parse::<u64>()) {
        (Ok(number), _) => Number::from(number),
        (_, Ok(number)) => Number::from(number),
        _ if word.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            Number::from_f64(word.parse().ok()?)?
        }
        _ => return None,
    };
    (number.to_string() == word).then_some(number)
}
