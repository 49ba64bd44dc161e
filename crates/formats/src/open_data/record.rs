use std::fmt;

use sbk_model::{DatasetName, Invalid};
use serde_json::{Map, Value};

use super::{
    Document, FileRecord, Listed, Parent, Related, Step, facts, files::Listing, json,
    lineage::Lineage, quantities,
};

/// One record of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// The record of a dataset.
    Dataset(Box<Record>),
    /// Another record.
    Skipped {
        /// Its number, if it has one.
        recid: Option<Recid>,
        /// Its title, if it has one.
        title: Option<String>,
        /// Why it is skipped.
        reason: SkipReason,
    },
}

/// Why a record is skipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// The record is not a JSON object.
    #[error("is not a JSON object")]
    NotAnObject,
    /// The record describes something else; the text is its `type.primary`.
    #[error("describes no dataset: its type is {}", .0.as_deref().unwrap_or("missing"))]
    NotADataset(Option<String>),
    /// The record has no title, so that the dataset would have no name.
    #[error("has no title")]
    NoTitle,
    /// The title cannot be the name of a dataset.
    #[error("has a title that cannot be a name: {0}")]
    UnusableTitle(Invalid),
}

/// The number of a record on the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Recid(u32);

impl Recid {
    /// Makes the number of a record.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Reads a number that is written as a number or as a text.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let number = json::count("recid", Some(value)).ok()??;
        u32::try_from(number).ok().map(Self)
    }
}

impl fmt::Display for Recid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of data a dataset holds: the first `type.secondary`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataKind {
    /// Recorded collisions.
    Collision,
    /// Simulated collisions.
    Simulated,
    /// Data that was reduced or converted from other data.
    Derived,
    /// Something else, in the words of the record.
    Other(String),
}

impl DataKind {
    /// The text of the record.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Collision => "Collision",
            Self::Simulated => "Simulated",
            Self::Derived => "Derived",
            Self::Other(text) => text,
        }
    }

    /// Takes the text of a record.
    fn of(text: String) -> Self {
        [Self::Collision, Self::Simulated, Self::Derived]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .unwrap_or(Self::Other(text))
    }
}

/// What a record says that its dataset has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Declared {
    /// Number of files.
    pub files: Option<i64>,
    /// Sum of the sizes in bytes.
    pub bytes: Option<i64>,
    /// Number of events.
    pub events: Option<i64>,
}

/// A part of a record that was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The URI of the file, or `None` where the record itself has the problem.
    pub uri: Option<String>,
    /// What is wrong, as a sentence without a full stop.
    pub reason: String,
}

impl Problem {
    /// Describes a problem of a file.
    pub(super) fn of_file(uri: &str, reason: &Invalid) -> Self {
        Self { uri: Some(uri.to_owned()), reason: reason.to_string() }
    }

    /// Describes a problem of the record.
    pub(super) fn of_record(reason: &(impl ToString + ?Sized)) -> Self {
        Self { uri: None, reason: reason.to_string() }
    }
}

/// Which of the declared and listed quantities differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// The number of files.
    Files,
    /// The number of bytes.
    Bytes,
}

impl Quantity {
    /// The name of the quantity.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Bytes => "bytes",
        }
    }
}

/// A declared number that is not the listed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difference {
    /// What differs.
    pub what: Quantity,
    /// What the record declares.
    pub declared: i64,
    /// What its files sum up to.
    pub listed: i64,
}

/// How what a record declares compares with what it lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agreement {
    /// All that is declared is listed.
    Equal,
    /// The record lists no file of data, so there is nothing to compare.
    DeclaredOnly,
    /// The record declares neither files nor bytes.
    NothingDeclared,
    /// The numbers differ.
    Different(Vec<Difference>),
}

/// The record of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its number; absent only where the record has none.
    pub recid: Option<Recid>,
    /// The name: the title on one line.
    pub name: DatasetName,
    /// What kind of data it holds.
    pub kind: Option<DataKind>,
    /// The description as plain text.
    pub description: Option<String>,
    /// The years in which the data were taken or made for.
    pub years: Vec<i64>,
    /// What the record declares.
    pub declared: Declared,
    /// What the record lists.
    pub listed: Listed,
    /// The files of data.
    pub files: Vec<FileRecord>,
    /// The files about the data, such as lists of files.
    pub documents: Vec<Document>,
    /// The direct parents.
    pub parents: Vec<Parent>,
    /// All relations to other records.
    pub relations: Vec<Related>,
    /// The steps that made the data, oldest first.
    pub steps: Vec<Step>,
    /// The runs, in the order of the record.
    pub runs: Vec<i64>,
    /// Values for the fields that `examples/open-data.toml` declares.
    pub metadata: Map<String, Value>,
    /// What was left out.
    pub problems: Vec<Problem>,
}

impl Record {
    /// Compares what the record declares with what it lists.
    ///
    /// Events are declared for the dataset and never for a file, so they are not compared.
    pub fn agreement(&self) -> Agreement {
        let Declared { files, bytes, .. } = self.declared;
        if files.is_none() && bytes.is_none() {
            return Agreement::NothingDeclared;
        }
        let nothing_listed = self.listed.files == 0 && self.listed.refused == 0;
        if nothing_listed && (files, bytes) != (Some(0), Some(0)) {
            return Agreement::DeclaredOnly;
        }
        let pairs = [
            (Quantity::Files, files, self.listed.files),
            (Quantity::Bytes, bytes, self.listed.bytes),
        ];
        let differences: Vec<Difference> = pairs
            .into_iter()
            .filter_map(|(what, declared, listed)| {
                let declared = declared.filter(|declared| *declared != listed)?;
                Some(Difference { what, declared, listed })
            })
            .collect();
        if differences.is_empty() { Agreement::Equal } else { Agreement::Different(differences) }
    }

    /// The declared numbers that differ from the listed ones; none where nothing is listed.
    pub fn differences(&self) -> Vec<Difference> {
        match self.agreement() {
            Agreement::Different(differences) => differences,
            Agreement::Equal | Agreement::DeclaredOnly | Agreement::NothingDeclared => Vec::new(),
        }
    }
}

/// Reads one record.
pub(super) fn item(value: &Value) -> Item {
    match dataset(value) {
        Ok(record) => Item::Dataset(Box::new(record)),
        Err(reason) => Item::Skipped {
            recid: value.get("recid").and_then(Recid::of),
            title: json::text(value, "/title"),
            reason,
        },
    }
}

/// Reads the record of a dataset, or says why it is none.
fn dataset(value: &Value) -> Result<Record, SkipReason> {
    let name = name(value)?;
    let mut problems = Vec::new();
    let formats = json::texts(value, "/distribution/formats");
    let listing = Listing::read(value, &formats, &mut problems);
    let lineage = Lineage::read(value, &name, &mut problems);
    let mut record = Record {
        recid: value.get("recid").and_then(Recid::of),
        name,
        kind: json::texts(value, "/type/secondary").into_iter().next().map(DataKind::of),
        description: json::text(value, "/abstract/description").map(|html| plain(&html)),
        years: years(value),
        declared: declared(value, &mut problems),
        listed: listing.listed,
        files: listing.files,
        documents: listing.documents,
        parents: lineage.parents,
        relations: lineage.relations,
        steps: lineage.steps,
        runs: runs(value, &mut problems),
        metadata: Map::new(),
        problems,
    };
    if record.recid.is_none() {
        record.problems.push(Problem::of_record("the record has no number"));
    }
    facts::add(&mut record, value);
    Ok(record)
}

/// The name of the dataset that a record describes, or why it describes none.
fn name(value: &Value) -> Result<DatasetName, SkipReason> {
    if !value.is_object() {
        return Err(SkipReason::NotAnObject);
    }
    let primary = json::texts(value, "/type/primary");
    if !primary.iter().any(|primary| primary == "Dataset") {
        return Err(SkipReason::NotADataset(primary.into_iter().next()));
    }
    let title = json::text(value, "/title").ok_or(SkipReason::NoTitle)?;
    title.parse().map_err(SkipReason::UnusableTitle)
}

/// Reads what a record declares; what is not a count becomes a problem.
fn declared(value: &Value, problems: &mut Vec<Problem>) -> Declared {
    let mut count = |field: &str| {
        let found = value.pointer("/distribution").and_then(|distribution| distribution.get(field));
        json::count(&format!("distribution.{field}"), found).unwrap_or_else(|reason| {
            problems.push(Problem::of_record(&reason));
            None
        })
    };
    Declared { files: count("number_files"), bytes: count("size"), events: count("number_events") }
}

/// The years with which the entries of `date_created` begin.
fn years(value: &Value) -> Vec<i64> {
    let dates = json::texts(value, "/date_created");
    dates.iter().filter_map(|date| year(date)).collect()
}

/// The year that a date begins with.
pub(super) fn year(date: &str) -> Option<i64> {
    date.get(..4)?.parse().ok().filter(|year| (1000..=9999).contains(year))
}

/// The run numbers: those listed, else the single run that the paths or the description name.
fn runs(value: &Value, problems: &mut Vec<Problem>) -> Vec<i64> {
    let mut runs = Vec::new();
    for run in json::list(value, "/run_numbers") {
        match json::count("run_numbers", Some(run)) {
            Ok(run) => runs.extend(run),
            Err(reason) => problems.push(Problem::of_record(&reason)),
        }
    }
    if runs.is_empty() {
        let description = json::text(value, "/abstract/description").unwrap_or_default();
        let range = quantities::run_range(&description).filter(|(first, last)| first == last);
        runs.extend(facts::alice_run(value).map(|(_, run)| run).or(range.map(|(run, _)| run)));
    }
    runs
}

/// The text of an HTML fragment: tags become spaces, runs of spaces become one.
///
/// Only `<` before a letter or `/` begins a tag, so that `e+e- --> tau+ tau-` and `a < b` stay.
fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, from)) = rest.split_once('<') {
        text.push_str(before);
        let is_tag = from.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
        if let Some((_, behind)) = from.split_once('>').filter(|_| is_tag) {
            text.push(' ');
            rest = behind;
        } else {
            text.push('<');
            rest = from;
        }
    }
    text.push_str(rest);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: &Value) -> Record {
        match item(value) {
            Item::Dataset(record) => *record,
            other @ Item::Skipped { .. } => panic!("{other:?}"),
        }
    }

    fn skipped(value: &Value) -> SkipReason {
        match item(value) {
            Item::Skipped { reason, .. } => reason,
            Item::Dataset(record) => panic!("{record:?}"),
        }
    }

    #[test]
    fn a_record_that_is_no_dataset_is_skipped_with_the_reason() {
        let dataset = json!({"primary": "Dataset"});
        let cases = [
            (json!(17), "is not a JSON object"),
            (json!({"title": "a"}), "describes no dataset: its type is missing"),
            (
                json!({"title": "a", "type": {"primary": "Documentation"}}),
                "describes no dataset: its type is Documentation",
            ),
            (json!({"type": dataset}), "has no title"),
            (json!({"title": " \n", "type": dataset}), "has no title"),
            (json!({"title": ["a"], "type": dataset}), "has no title"),
        ];
        for (value, reason) in cases {
            assert_eq!(skipped(&value).to_string(), reason);
        }
        let long = json!({"title": "a".repeat(513), "type": dataset});
        assert!(matches!(skipped(&long), SkipReason::UnusableTitle(_)));
    }

    #[test]
    fn a_skipped_record_keeps_its_number_and_title() {
        let value = json!({"recid": "5", "title": "News", "type": {"primary": "News"}});

        assert_eq!(
            item(&value),
            Item::Skipped {
                recid: Some(Recid::new(5)),
                title: Some("News".into()),
                reason: SkipReason::NotADataset(Some("News".into())),
            }
        );
    }

    #[test]
    fn the_least_dataset_has_a_type_and_a_title() {
        let record = record(&json!({"type": {"primary": "Dataset"}, "title": " a\tb\n"}));

        assert_eq!(record.name.as_str(), "a b");
        assert_eq!(record.declared, Declared::default());
        assert_eq!(record.agreement(), Agreement::NothingDeclared);
        assert_eq!(record.problems, [Problem::of_record("the record has no number")]);
    }

    #[test]
    fn parts_of_the_wrong_type_do_not_lose_the_record() {
        let record = record(&json!({
            "recid": "12a",
            "title": "a",
            "type": {"primary": ["Dataset"], "secondary": "Collision"},
            "abstract": "text",
            "date_created": "2016-05",
            "distribution": {"number_files": "3", "size": -1, "number_events": [], "formats": 7},
            "files": {},
            "methodology": {"steps": "none"},
            "relations": [1, {"recid": {}}],
            "run_numbers": ["1", "x", 2, null],
            "collision_information": [],
        }));

        assert_eq!(record.kind, Some(DataKind::Collision));
        assert_eq!(record.years, [2016]);
        assert_eq!(record.runs, [1, 2]);
        assert_eq!(record.declared, Declared { files: Some(3), ..Declared::default() });
        assert_eq!(record.problems.len(), 7, "{:?}", record.problems);
    }

    #[test]
    fn declared_and_listed_numbers_are_compared_and_both_kept() {
        let with = |distribution: Value, files: Value| {
            record(&json!({
                "recid": 1,
                "title": "a",
                "type": {"primary": "Dataset"},
                "distribution": distribution,
                "files": files,
            }))
        };
        let files = json!([{"uri": "root://h//a/b", "size": 5}]);
        let index = json!([{"uri": "root://h//a/b", "size": 5, "type": "index.txt"}]);

        let equal = with(json!({"number_files": 1, "size": 5, "number_events": 9}), files.clone());
        let different = with(json!({"number_files": 1, "size": 6}), files.clone());
        let declared_only = with(json!({"number_files": 3, "size": 6}), index);
        let refused = with(json!({"number_files": 1}), json!([{"uri": "root://h//a/b"}]));
        let empty = with(json!({"number_files": 0, "size": 0}), json!([]));

        assert_eq!(equal.agreement(), Agreement::Equal);
        assert_eq!(
            different.differences(),
            [Difference { what: Quantity::Bytes, declared: 6, listed: 5 }]
        );
        assert_eq!(declared_only.agreement(), Agreement::DeclaredOnly);
        assert!(declared_only.differences().is_empty());
        assert_eq!(declared_only.documents.len(), 1);
        assert_eq!(refused.differences().len(), 1);
        assert_eq!(empty.agreement(), Agreement::Equal);
    }

    #[test]
    fn tags_leave_a_description_and_arrows_stay() {
        assert_eq!(plain("<p>At  least <b>7</b> GeV.</p><p>See</p>"), "At least 7 GeV. See");
        assert_eq!(plain("Z0 --> tau+ tau-, a < b <b"), "Z0 --> tau+ tau-, a < b <b");
    }
}
