//! Records of the CERN Open Data portal (<https://opendata.cern.ch>): JSON lists of records, of
//! which those with `type.primary == "Dataset"` describe a dataset.
//!
//! [`read`] gives each record to a callback as an [`Item`], and holds one record at a time. No
//! record is lost: it becomes a [`Record`], or is skipped with a [`SkipReason`]. A part of a
//! record that cannot be taken, for instance a file with a bad checksum, is left out and named in
//! [`Record::problems`].
//!
//! # Files
//!
//! The URI `root://HOST//eos/…` is the physical name of a file, its path the logical one, and its
//! host the storage element. A file whose `type` is `index.json` or `index.txt` is a list of
//! files: it becomes a [`Document`], and is not counted. The records of CMS and ALICE list only
//! such indexes, so what they declare cannot be compared: [`Agreement::DeclaredOnly`]. Events are
//! declared for the dataset and never for a file.
//!
//! # Parents
//!
//! Three places of a record speak of ancestry, and they do not speak alike.
//!
//! * `methodology.steps[]` of simulated CMS datasets: the steps in the order in which they ran,
//!   each with its `output_dataset`. The last output is the record itself; what comes before an
//!   output is its parent.
//! * `methodology.description` of reprocessed CMS collision data: the same as HTML, the newest step
//!   first (`<strong>Step NANO </strong>… Release: … Global tag: … Output dataset: …`). It is read
//!   only if its first output is the record's own title.
//! * `relations[]`. Where the description begins with “The corresponding … dataset”, the type is
//!   the reverse of the lineage: a MINIAOD record `isChildOf` its NANOAOD record, which was made
//!   from it, and the NANOAOD record `isParentOf` its MINIAOD record. Such an `isParentOf` names
//!   the parent, such an `isChildOf` a child. An `isChildOf` for “citing” (ATLAS) names the group
//!   that a record belongs to. Any other type is taken at its word; the `isParentOf` of the DELPHI
//!   record `rawd_1` names the yearly datasets that it sums up.
//!
//! [`Record::parents`] has the direct parents, by name, by record number, or by both.
//! [`Record::steps`] has the whole chain. A parent need not be among the records that are read: it
//! stays an open reference.
//!
//! # Metadata
//!
//! [`Record::metadata`] has values for the fields that `examples/open-data.toml` declares: facts,
//! no prose. What is not taken over as it stands:
//!
//! * Energies are in `GeV`. `energy` is a single value (`13TeV` is 13000) or the precise energy in
//!   the description of simulated DELPHI data (`ecms=91.25`), and is absent where only a range is
//!   known. `energy_min` and `energy_max` are the stated range, or both the single value.
//! * `release` and `global_tag` are those of the steps that made the data, or the version of PXDST
//!   for DELPHI. The `system_details` recommend what to analyse the data with, and become
//!   `analysis_release` and `analysis_global_tag`.
//! * `generator` is what the steps say, or for DELPHI the directory below `simulated-data/LAB`
//!   where it begins with the name of a known generator; `hzha03pythia6156` names two.
//! * `run_period` of ALICE records, and their run number, stand only in paths:
//!   `/alice/2010/LHC10b/000117222/`. Records of LEP have none: they take the years of
//!   `date_created`, so that `run_period = "1994"` finds them.
//! * `collision_type` is written without the hyphen that some records put between nuclei (`PbPb`),
//!   and `collaboration` without that word.

mod facts;
mod files;
mod json;
mod lineage;
mod quantities;
mod read;
mod record;

pub use files::{Document, FileRecord, Listed};
pub use lineage::{Parent, ParentSource, Reference, Related, Relation, Step};
pub use read::{MAX_RECORD, ReadError, Summary, read};
pub use record::{
    Agreement, DataKind, Declared, Difference, Item, Problem, Quantity, Recid, Record, SkipReason,
};
