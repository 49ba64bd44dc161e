use std::collections::BTreeMap;

use sbk_model::{DatasetName, Lfn, PassName, Quality, RunNumber, RunSections, Vo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{BulkResult, operation::operations};

/// Says which luminosity sections files hold events of, in place of what was said before.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSections {
    /// The sections of 1 to 10,000 files: `{"/lfn": {"run": [[first, last], …]}}`.
    #[schema(value_type = BTreeMap<String, RunSections>)]
    pub files: BTreeMap<Lfn, RunSections>,
    /// Whether files of which other sections were said are changed; they are refused when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
}

/// Shows which luminosity sections files hold events of.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetSections {
    /// The files, 1 to 10,000.
    #[schema(value_type = Vec<String>)]
    pub lfns: Vec<Lfn>,
}

/// The sections of files.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileSections {
    /// The sections of those that have any.
    #[schema(value_type = BTreeMap<String, RunSections>)]
    pub files: BTreeMap<Lfn, RunSections>,
    /// The files that are not in the catalogue.
    #[schema(value_type = Vec<String>)]
    pub missing: Vec<Lfn>,
}

/// Which sections are meant: those of files, runs or a mask. What is given together is cut: a
/// dataset with a mask means the sections of its files that the mask has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SectionSelection {
    /// The files of a dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<DatasetName>,
    /// The files that a query finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expr: Option<String>,
    /// The files that a query finds, as JSON.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub filter: Option<serde_json::Value>,
    /// These files, at most 10,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub lfns: Option<Vec<Lfn>>,
    /// These sections: `{"run": [[first, last], …]}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<RunSections>,
    /// All sections of these runs, from the first to the last number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<u32>>)]
    pub runs: Option<(RunNumber, RunNumber)>,
    /// Only sections of runs of one of these qualities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<Vec<Quality>>,
    /// The processing pass whose quality of runs is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processing_pass: Option<PassName>,
}

/// Sums the luminosity of sections up: each section once, however many files have it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetLuminosity {
    /// The community whose runs are meant.
    pub vo: Vo,
    /// Which sections.
    pub of: SectionSelection,
    /// The unit of the answer, `pb-1` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// The luminosity of sections. Each section counts once.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Luminosity {
    /// The unit of the luminosities.
    pub unit: String,
    /// What was recorded in the sections whose luminosity is known.
    pub recorded: f64,
    /// What was delivered in them; absent when that is not known of one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<f64>,
    /// Whether all of it is known.
    pub complete: bool,
    /// How many runs have a section.
    pub runs: u64,
    /// How many sections there are.
    pub sections: u64,
    /// How many of them have no known luminosity: it is not in the sum.
    pub sections_without_luminosity: u64,
    /// Runs of which some sections have no known luminosity, at most 1,000: they are not declared,
    /// their luminosity is not set, or it is known only of the whole run and this is a part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incomplete_runs: Vec<RunNumber>,
    /// How many files were looked at.
    pub files: u64,
    /// How many of them have no sections.
    pub files_without_sections: u64,
    /// How many sections more than one file has.
    pub overlap: u64,
}

/// Gives sections as a mask.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportMask {
    /// The community whose runs are meant.
    pub vo: Vo,
    /// Which sections.
    pub of: SectionSelection,
}

/// How masks are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaskRule {
    /// What is in one of them.
    Or,
    /// What is in all of them.
    And,
    /// What is in the first and in none of the others.
    Sub,
    /// What is in an odd number of them.
    Xor,
}

impl std::str::FromStr for MaskRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "or" => Ok(Self::Or),
            "and" => Ok(Self::And),
            "sub" => Ok(Self::Sub),
            "xor" => Ok(Self::Xor),
            _ => Err(format!("{text:?} is none of or, and, sub, xor")),
        }
    }
}

/// Puts the sections of several selections together.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CombineMasks {
    /// The community whose runs are meant.
    pub vo: Vo,
    /// How: `or`, `and`, `sub` or `xor`.
    pub rule: MaskRule,
    /// What, 1 to 100 of them, in order.
    pub of: Vec<SectionSelection>,
}

/// Sections as a mask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mask {
    /// How many runs have a section.
    pub runs: u64,
    /// How many sections there are.
    pub sections: u64,
    /// The sections: `{"run": [[first, last], …]}`.
    pub mask: RunSections,
}

operations! {
    SetSections = "setSections"(files), Post "/files/sections", Write, writes -> BulkResult;
    "Says which luminosity sections files hold events of."
    GetSections = "getSections"(lfns), Post "/files/sections/find", Read, reads -> FileSections;
    "Shows which luminosity sections files hold events of."
    GetLuminosity = "getLuminosity"(of), Post "/luminosity", Read, reads -> Luminosity;
    "Sums the luminosity of a dataset, a query, files, runs or a mask up, each section once."
    ExportMask = "exportMask"(of), Post "/masks", Read, reads -> Mask;
    "Gives the sections of a dataset, a query, files or runs of a quality as a mask."
    CombineMasks = "combineMasks"(rule, of), Post "/masks/combine", Read, reads -> Mask;
    "Puts masks, datasets, queries and runs together as sets of sections."
}
