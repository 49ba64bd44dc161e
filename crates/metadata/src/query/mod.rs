//! The query language: its text form, its JSON form, and the check against the fields.
//!
//! # Text
//!
//! ```text
//! run_period = "1994" and energy > 89 GeV and generator in (pythia5720, "jetset")
//!     and not status = bad order by lfn desc limit 100
//! ```
//!
//! | form | meaning |
//! |---|---|
//! | `f = v`, `!=`, `<`, `<=`, `>`, `>=` | compares a field with a value |
//! | `f in (v, w)`, `f not in (v, w)` | is, or is not, one of several values |
//! | `f like 'a%'`, `f not like 'a_'` | `%` stands for any text, `_` for one character, `\` takes the next as it is |
//! | `f between v and w` | both ends belong to it |
//! | `exists f`, `f exists` | has a value |
//! | `dataset("A")` | is in a dataset |
//! | `A union B`, `A intersect B`, `A minus B` | set algebra: the same as `or`, `and`, `and not` |
//! | `not`, `and`, `or`, parentheses | |
//! | `order by f desc, g`, `limit n` | at the end |
//!
//! From loosest to tightest: `or`, `and`, `not`, `union` and `minus` (from left to right),
//! `intersect`. Keywords may be written in upper case. An empty query asks for everything.
//!
//! A value may be bare or in quotes; both mean the same, and the field's kind decides how it is
//! read. A number may be followed by a unit, and a date stands for its midnight in UTC where a
//! moment is asked for. Values with spaces or brackets, and keywords, need quotes. In quotes,
//! `\"`, `\'`, `\\`, `\n`, `\r` and `\t` are escapes; before another character the backslash
//! stays.
//!
//! # Missing and several values
//!
//! A comparison with a missing value is false, also with `!=`; `not` is the plain opposite. So
//! `f != 1` finds what has another value, and `not f = 1` also what has none.
//!
//! A field with several values (a list, `se`, `site`, `dataset`, or a field of the datasets that
//! a file is in) fulfils a comparison if one of them does; `!=`, `not in` and `not like` demand
//! that none does.
//!
//! # Names
//!
//! For files a bare name is, in this order, a built-in field, a declared field of the file, of
//! its directory (with what it inherits), of a dataset that it is in. `file.f`, `directory.f`
//! and `dataset.f` choose. For datasets it is a built-in or a declared field of the dataset.
//!
//! # JSON
//!
//! The JSON form is that of DIRAC's metadata dictionaries; see [`Query::from_json`].

mod ast;
mod builtin;
mod check;
mod error;
mod fields;
mod json;
mod lexer;
mod parser;
mod predicate;
mod print;

pub use ast::{At, Expr, FieldPath, Literal, Node, Op, Order, Place, Query, Span, Step};
pub use builtin::{Builtin, Target};
pub use error::QueryError;
pub use fields::Fields;
pub use predicate::{Checked, FieldRef, LikePattern, OrderBy, Predicate};

pub(crate) use builtin::is_reserved;
pub(crate) use lexer::is_keyword;
