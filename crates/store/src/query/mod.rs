//! Queries of the language, compiled to the query builder.

mod compile;
mod leaf;
mod order;
mod run;

pub use compile::Compiler;
pub use order::Position;
pub use run::{FileQuery, Hit, datasets, directories};
