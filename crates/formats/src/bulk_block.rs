//! Bulk blocks of CMS DBS: a block of files with its dataset, configurations, luminosity sections
//! and parents, as `insertBulkBlock` takes it.
//!
//! What DBS writes as `NOTSET` counts as absent. Values that have no place of their own are kept
//! by their names in [`Block::facts`].

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::Malformed;

/// A block of files.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Block {
    /// The name of the block: that of the dataset, `#` and an id.
    pub name: String,
    /// Where it was made.
    pub origin: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// The name of the dataset.
    pub dataset: String,
    /// When the dataset was made, in seconds since 1970.
    pub dataset_created: Option<i64>,
    /// The datasets that the dataset was made from.
    pub dataset_parents: Vec<String>,
    /// How files were made; those without a name hold for the whole dataset.
    pub configurations: Vec<Configuration>,
    /// The files.
    pub files: Vec<File>,
    /// Everything else that is said of dataset, block, primary dataset and eras, by the names of
    /// DBS: `dataset.data_tier_name`, `acquisition_era.acquisition_era_name`.
    pub facts: BTreeMap<String, Value>,
}

/// How files were made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Configuration {
    /// The file; all of the dataset when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lfn: Option<String>,
    /// The program.
    #[serde(deserialize_with = "set")]
    pub app_name: Option<String>,
    /// Its version.
    #[serde(deserialize_with = "set")]
    pub release_version: Option<String>,
    /// The hash of its parameters.
    #[serde(deserialize_with = "set")]
    pub pset_hash: Option<String>,
    /// The name of its parameters.
    #[serde(deserialize_with = "set")]
    pub pset_name: Option<String>,
    /// The output module.
    #[serde(deserialize_with = "set")]
    pub output_module_label: Option<String>,
    /// The tag of the conditions.
    #[serde(deserialize_with = "set")]
    pub global_tag: Option<String>,
}

/// A file of the block.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct File {
    /// Its logical name.
    pub name: String,
    /// Its size in bytes.
    pub size: i64,
    /// Its events.
    pub events: Option<i64>,
    /// Its type, for instance `EDM`.
    pub file_type: Option<String>,
    /// Its checksum as `cksum` makes it, a decimal number.
    pub check_sum: Option<String>,
    /// Its adler32.
    pub adler32: Option<String>,
    /// Its MD5.
    pub md5: Option<String>,
    /// Whether it may be used.
    pub is_valid: bool,
    /// When it was made, in seconds since 1970.
    pub created: Option<i64>,
    /// Its luminosity sections.
    pub sections: Vec<Section>,
    /// The files that it was made from.
    pub parents: Vec<String>,
    /// What else is said of it, by the names of DBS.
    pub facts: BTreeMap<String, Value>,
}

/// A luminosity section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Section {
    /// The run.
    pub run_num: u32,
    /// The number of the section in the run.
    pub lumi_section_num: u32,
    /// Its events in this file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_count: Option<i64>,
}

/// A text or a number as text; `None` when it says nothing.
fn set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(plain(&Value::deserialize(deserializer)?))
}

/// A text or a number as text; `None` when it says nothing.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
    .filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("notset"))
}

/// The document as DBS names its parts.
#[derive(Deserialize)]
struct Raw {
    block: Map<String, Value>,
    dataset: Map<String, Value>,
    files: Vec<RawFile>,
    #[serde(default)]
    primds: Map<String, Value>,
    #[serde(default)]
    acquisition_era: Map<String, Value>,
    #[serde(default)]
    processing_era: Map<String, Value>,
    #[serde(default)]
    dataset_conf_list: Vec<Configuration>,
    #[serde(default)]
    file_conf_list: Vec<Configuration>,
    #[serde(default)]
    file_parent_list: Vec<Parent>,
    #[serde(default, alias = "ds_parent_list")]
    dataset_parent_list: Vec<Named>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
struct RawFile {
    logical_file_name: String,
    file_size: i64,
    #[serde(default)]
    event_count: Option<i64>,
    #[serde(default)]
    file_lumi_list: Vec<Section>,
    #[serde(default)]
    file_parent_list: Vec<Named>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// A file and one that it was made from.
#[derive(Deserialize)]
struct Parent {
    #[serde(alias = "this_logical_file_name")]
    logical_file_name: String,
    parent_logical_file_name: String,
}

/// A name, alone or as the only value of an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named {
    Name(String),
    Object(BTreeMap<String, String>),
}

impl Named {
    fn name(self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name),
            Self::Object(object) => object.into_values().next(),
        }
    }
}

/// Takes a text out of an object.
fn take(object: &mut Map<String, Value>, name: &str) -> Option<String> {
    object.remove(name).and_then(|value| plain(&value))
}

fn take_int(object: &mut Map<String, Value>, name: &str) -> Option<i64> {
    object.remove(name).and_then(|value| value.as_i64())
}

/// Reads a block.
///
/// # Errors
/// When it is no JSON, or lacks a member that it needs, or a member has another kind.
pub fn read(text: &str) -> Result<Block, Malformed> {
    if text.len() > crate::xml::MAX_LENGTH {
        let reason = format!("the block is longer than {} bytes", crate::xml::MAX_LENGTH);
        return Err(Malformed::new(None, reason));
    }
    let raw: Raw = serde_json::from_str(text).map_err(|error| {
        Malformed::new(Some(error.line() as u64), format!("is not a bulk block: {error}"))
    })?;
    block(raw)
}

fn block(mut raw: Raw) -> Result<Block, Malformed> {
    let needed = |name: &str, value: Option<String>| {
        value.ok_or_else(|| Malformed::of(None, name, "is needed"))
    };
    let name = needed("block.block_name", take(&mut raw.block, "block_name"))?;
    let dataset = needed("dataset.dataset", take(&mut raw.dataset, "dataset"))?;
    let mut parents: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for parent in raw.file_parent_list {
        parents.entry(parent.logical_file_name).or_default().push(parent.parent_logical_file_name);
    }
    let files = raw.files.into_iter().map(|file| {
        let listed = parents.remove(&file.logical_file_name).unwrap_or_default();
        self::file(file, listed)
    });
    let files: Vec<File> = files.collect();
    if let Some(lost) = parents.keys().next() {
        let reason = format!("{lost} has a parent, and is not among the files");
        return Err(Malformed::of(None, "file_parent_list", reason));
    }
    let origin = take(&mut raw.block, "origin_site_name")
        .filter(|site| !site.eq_ignore_ascii_case("unknown"));
    let created = take_int(&mut raw.block, "creation_date");
    let dataset_created = take_int(&mut raw.dataset, "creation_date");
    let mut configurations = raw.file_conf_list;
    configurations.extend(raw.dataset_conf_list);
    let mut facts = BTreeMap::new();
    for (part, values) in [
        ("block", raw.block),
        ("dataset", raw.dataset),
        ("primds", raw.primds),
        ("acquisition_era", raw.acquisition_era),
        ("processing_era", raw.processing_era),
    ] {
        facts.extend(values.into_iter().map(|(name, value)| (format!("{part}.{name}"), value)));
    }
    facts.extend(raw.others);
    facts.retain(|_, value| !value.is_null());
    Ok(Block {
        name,
        origin,
        created,
        dataset,
        dataset_created,
        dataset_parents: raw.dataset_parent_list.into_iter().filter_map(Named::name).collect(),
        configurations,
        files,
        facts,
    })
}

fn file(raw: RawFile, mut parents: Vec<String>) -> File {
    let mut others = raw.others;
    parents.extend(raw.file_parent_list.into_iter().filter_map(Named::name));
    parents.sort_unstable();
    parents.dedup();
    let is_valid = match others.remove("is_file_valid") {
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::Bool(valid)) => valid,
        _ => true,
    };
    File {
        name: raw.logical_file_name,
        size: raw.file_size,
        events: raw.event_count,
        file_type: take(&mut others, "file_type"),
        check_sum: take(&mut others, "check_sum"),
        adler32: take(&mut others, "adler32"),
        md5: take(&mut others, "md5"),
        is_valid,
        created: take_int(&mut others, "creation_date"),
        sections: raw.file_lumi_list,
        parents,
        // A cross section of zero says that there is none.
        facts: others
            .into_iter()
            .filter(|(_, value)| !value.is_null() && value.as_f64() != Some(0.0))
            .collect(),
    }
}

impl Block {
    /// How a file was made: as is said of it, or else of the whole dataset.
    pub fn configuration(&self, file: &str) -> Option<&Configuration> {
        let of =
            |lfn: Option<&str>| self.configurations.iter().find(|made| made.lfn.as_deref() == lfn);
        of(Some(file)).or_else(|| of(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: &str = include_str!("../tests/data/bulk-block.json");

    #[test]
    fn a_block_is_read_with_files_sections_and_parents() {
        let block = read(BLOCK).unwrap();

        assert_eq!(block.name, "/Prim/Era-v1/RECO#1");
        assert_eq!(block.origin.as_deref(), Some("CNAF-disk"));
        assert_eq!(block.dataset_parents, ["/Prim/Era-v1/RAW"]);
        assert_eq!(block.files[0].parents, ["/store/raw/0.root"]);
        assert_eq!(block.files[0].sections.len(), 3);
        assert_eq!(block.files[0].adler32, None, "it is NOTSET");
        assert!(!block.files[1].is_valid);
        assert_eq!(block.facts["dataset.data_tier_name"], "RECO");
        assert_eq!(block.facts["processing_era.processing_version"], 170);
    }

    #[test]
    fn a_file_is_made_as_its_own_configuration_says_or_that_of_the_dataset() {
        let block = read(BLOCK).unwrap();

        let own = block.configuration("/store/reco/0.root").unwrap();
        let general = block.configuration("/store/reco/1.root").unwrap();

        assert_eq!(own.release_version.as_deref(), Some("CMSSW_2"));
        assert_eq!(general.release_version.as_deref(), Some("CMSSW_1"));
    }

    #[test]
    fn what_is_no_block_is_refused() {
        assert!(read("{").unwrap_err().line.is_some());
        assert!(read("{}").unwrap_err().reason.contains("block"));
        let lost = BLOCK.replace(
            "\"logical_file_name\": \"/store/reco/0.root\", \"parent",
            "\"logical_file_name\": \"/x\", \"parent",
        );
        assert!(read(&lost).unwrap_err().to_string().contains("/x"));
    }
}
