//! The syntax tree that both forms of a query are read into.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::Entity;

/// A part of a query's text, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// Where a part of a query stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In the text.
    Span(Span),
    /// In the JSON form, as a JSON pointer (RFC 6901).
    Pointer(String),
}

/// A part of a query with its place. Two parts are equal wherever they stand.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// The part.
    pub node: T,
    /// Its place.
    pub place: Place,
}

impl<T> At<T> {
    /// Puts a part at a place.
    pub fn new(node: T, place: Place) -> Self {
        Self { node, place }
    }
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.node == other.node
    }
}

/// A query as it was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// What must hold; everything is found if absent.
    pub filter: Option<Expr>,
    /// What the answer is ordered by.
    pub order: Vec<Order>,
    /// The most results.
    pub limit: Option<At<u64>>,
}

/// A field that the answer is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The field.
    pub field: At<FieldPath>,
    /// Whether the greatest value comes first.
    pub descending: bool,
}

/// The name of a field, with the entity where it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    /// Whose field it is.
    pub entity: Option<Entity>,
    /// The name.
    pub name: String,
}

/// A condition with its place.
pub type Expr = At<Node>;

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// All of two or more hold.
    And(Vec<Expr>),
    /// One of two or more holds.
    Or(Vec<Expr>),
    /// The opposite holds.
    Not(Box<Expr>),
    /// A field compares with a value.
    Compare {
        /// The field.
        field: At<FieldPath>,
        /// How it compares.
        op: Op,
        /// The value.
        value: At<Literal>,
    },
    /// A field has one of several values.
    In {
        /// The field.
        field: At<FieldPath>,
        /// The values.
        values: Vec<At<Literal>>,
        /// Whether it must have none of them.
        negated: bool,
    },
    /// A text matches a pattern.
    Like {
        /// The field.
        field: At<FieldPath>,
        /// The pattern.
        pattern: At<String>,
        /// Whether it must not match.
        negated: bool,
    },
    /// A field lies between two values, or is one of them.
    Between {
        /// The field.
        field: At<FieldPath>,
        /// The least value.
        low: At<Literal>,
        /// The greatest value.
        high: At<Literal>,
    },
    /// A field has a value.
    Exists(At<FieldPath>),
    /// It is in a dataset of this name.
    Dataset(At<String>),
    /// It is a number of steps away from what a condition finds.
    Step {
        /// In which direction.
        step: Step,
        /// What the steps begin at.
        of: Box<Expr>,
        /// The most steps, where several are made.
        depth: Option<u32>,
    },
}

/// How a field compares with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Is equal.
    Eq,
    /// Has another value.
    Ne,
    /// Is less.
    Lt,
    /// Is less or equal.
    Le,
    /// Is greater.
    Gt,
    /// Is greater or equal.
    Ge,
}

impl Op {
    /// All comparisons.
    pub const ALL: &[Self] = &[Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge];

    /// The sign.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }
}

/// A step from a file to another, by provenance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To what a file was made from.
    Parents,
    /// To what was made from a file.
    Children,
    /// To parents, their parents, and so on.
    Ancestors,
    /// To children, their children, and so on.
    Descendants,
    /// To what a production made.
    ProducedBy,
}

impl Step {
    /// All steps.
    pub const ALL: &[Self] =
        &[Self::Parents, Self::Children, Self::Ancestors, Self::Descendants, Self::ProducedBy];

    /// The word for the step.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Parents => "parents",
            Self::Children => "children",
            Self::Ancestors => "ancestors",
            Self::Descendants => "descendants",
            Self::ProducedBy => "producedBy",
        }
    }
}

/// A value as it was written. The kind of the field decides what it means.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A text, bare or in quotes; also a number with a unit, a date or a moment.
    Text(String),
    /// A number without unit.
    Number(Number),
    /// True or false.
    Bool(bool),
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entity {
            Some(entity) => write!(f, "{entity}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl std::str::FromStr for FieldPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (entity, name) = match text.split_once('.') {
            None => (None, text),
            Some((prefix, name)) => {
                let entity = Entity::ALL.iter().find(|entity| entity.as_str() == prefix);
                let entity = entity.ok_or_else(|| {
                    format!("`{prefix}.` is none of `file.`, `directory.`, `dataset.` and `job.`")
                })?;
                (Some(*entity), name)
            }
        };
        match name.parse::<sbk_model::FieldName>() {
            Ok(_) if !super::is_keyword(name) => Ok(Self { entity, name: name.to_owned() }),
            _ => Err(format!("`{name}` is not the name of a field")),
        }
    }
}

impl Query {
    /// The communities that the query is limited to by `vo = a` or `vo in (a, b)`, if it is.
    pub fn communities(&self) -> Option<Vec<&str>> {
        let filter = self.filter.as_ref()?;
        match &filter.node {
            Node::And(parts) => parts.iter().find_map(communities_of),
            _ => communities_of(filter),
        }
    }
}

/// The communities that one condition demands.
fn communities_of(expr: &Expr) -> Option<Vec<&str>> {
    let is_vo = |field: &At<FieldPath>| field.node.name == "vo";
    let values = match &expr.node {
        Node::Compare { field, op: Op::Eq, value } if is_vo(field) => std::slice::from_ref(value),
        Node::In { field, values, negated: false } if is_vo(field) => values.as_slice(),
        _ => return None,
    };
    let text = |value| match value {
        &At { node: Literal::Text(ref text), .. } => Some(text.as_str()),
        _ => None,
    };
    values.iter().map(text).collect()
}
