//! Reads the database of a DIRAC FileCatalog, whose tables are of MySQL or MariaDB, as records of the
//! bookkeeping.
//!
//! Both families of tables are read: those of `FileCatalogDB.sql` with a tree of levels, and those of
//! `FileCatalogWithFkAndPsDB.sql` with a closure (DIRAC 9.1.22, `DataManagementSystem/DB`). Which
//! tables have to be joined is decided by the columns that there are, so that older mixtures are read,
//! too. Nothing is written, and one transaction sees one moment.
//!
//! What a catalogue may hold that is not valid (files without a directory, states without a name) is
//! told as a [`Finding`] and left out, or read as what DIRAC shows.

mod ancestors;
mod community;
mod datasets;
mod directories;
mod error;
mod fields;
mod files;
mod finding;
mod literal;
mod names;
mod source;
mod tables;

pub use community::Communities;
pub use datasets::Dataset;
pub use error::Error;
pub use fields::Fields;
pub use files::{FilePage, Files};
pub use finding::{Finding, Findings, Found};
pub use literal::literal;
pub use names::Names;
pub use source::{Counts, Source};
