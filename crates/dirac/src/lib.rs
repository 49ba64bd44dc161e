//! What DIRAC's clients are answered.
//!
//! [`Failure`] and [`Answer`] are results in DIRAC's form. [`catalog::FileCatalog`] answers the
//! methods of DIRAC's `DataManagement/FileCatalog` from the bookkeeping: it turns arguments into
//! operations and answers into the shapes that DIRAC's clients read, and decides who may do what as
//! the configured security model says. It keeps nothing of its own.

pub mod catalog;
mod failure;
mod python;
mod result;

pub use failure::{Failure, NO_SUCH_FILE};
pub use python::{class, repr, string};
pub use result::{Answer, failed, ok};
