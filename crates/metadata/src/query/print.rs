//! Writes a query as text.

use std::fmt::{self, Display, Formatter};

use super::{
    ast::{At, Expr, Literal, Node, Query},
    lexer::is_bare,
};

impl Query {
    /// Writes the text form; reading it gives the same query.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut space = "";
        if let Some(filter) = &self.filter {
            write!(f, "{}", filter.node)?;
            space = " ";
        }
        for (at, order) in self.order.iter().enumerate() {
            let before = if at == 0 { format!("{space}order by ") } else { ", ".to_owned() };
            let after = if order.descending { " desc" } else { "" };
            write!(f, "{before}{}{after}", order.field.node)?;
            space = " ";
        }
        match &self.limit {
            Some(limit) => write!(f, "{space}limit {}", limit.node),
            None => Ok(()),
        }
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match self {
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Not(inner) => {
                f.write_str("not ")?;
                part(f, inner)
            }
            Self::Compare { field, op, value } => {
                write!(f, "{} {} {}", field.node, op.as_str(), value.node)
            }
            Self::In { field, values, negated } => {
                write!(f, "{} {}in (", field.node, not(negated))?;
                for (at, value) in values.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", value.node)?;
                }
                f.write_str(")")
            }
            Self::Like { field, pattern, negated } => {
                write!(f, "{} {}like {}", field.node, not(negated), quoted(&pattern.node))
            }
            Self::Between { field, low, high } => {
                write!(f, "{} between {} and {}", field.node, low.node, high.node)
            }
            Self::Exists(field) => write!(f, "exists {}", field.node),
            Self::Dataset(name) => write!(f, "dataset({})", quoted(&name.node)),
            Self::Step { step, of, depth } => {
                write!(f, "{}({}", step.as_str(), of.node)?;
                match depth {
                    Some(depth) => write!(f, ", {depth})"),
                    None => f.write_str(")"),
                }
            }
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) if is_bare(text) => f.write_str(text),
            Self::Text(text) => f.write_str(&quoted(text)),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
        }
    }
}

/// Writes conditions with a word between them.
fn joined(f: &mut Formatter<'_>, parts: &[At<Node>], word: &str) -> fmt::Result {
    for (at, expr) in parts.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { word })?;
        part(f, expr)?;
    }
    Ok(())
}

/// Writes a condition within another, in parentheses where it is joined of several.
fn part(f: &mut Formatter<'_>, expr: &Expr) -> fmt::Result {
    match &expr.node {
        Node::And(_) | Node::Or(_) => write!(f, "({})", expr.node),
        node => write!(f, "{node}"),
    }
}

/// Writes a text in quotes.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
