use sbk_model::DatasetName;
use serde_json::Value;

use super::{Problem, Recid, json, quantities::after};

/// A step of the processing that made a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// What the step did, for instance `SIM` or `DIGI2RAW RECO`.
    pub kind: Option<String>,
    /// The dataset that it wrote.
    pub output: Option<DatasetName>,
    /// The release of the software.
    pub release: Option<String>,
    /// The conditions.
    pub global_tag: Option<String>,
    /// The generators.
    pub generators: Vec<String>,
}

/// Names a dataset that need not be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By its name.
    Name(DatasetName),
    /// By the number of its record.
    Record(Recid),
    /// By both.
    Both(DatasetName, Recid),
}

impl Reference {
    /// The name, if it is known.
    pub fn name(&self) -> Option<&DatasetName> {
        match self {
            Self::Name(name) | Self::Both(name, _) => Some(name),
            Self::Record(_) => None,
        }
    }

    /// The number of the record, if it is known.
    pub fn recid(&self) -> Option<Recid> {
        match self {
            Self::Record(recid) | Self::Both(_, recid) => Some(*recid),
            Self::Name(_) => None,
        }
    }
}

/// Where a parent was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentSource {
    /// In the steps of the processing.
    Step,
    /// In the relations of the record.
    Relation,
    /// In both.
    StepAndRelation,
}

/// A dataset that another was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The parent.
    pub reference: Reference,
    /// Where it was found.
    pub source: ParentSource,
}

/// What a related record is to the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// The record was made from it.
    Parent,
    /// It was made from the record, or is summed up by it.
    Child,
    /// It stands for the group that the record belongs to.
    Group,
    /// Something else, in the words of the record.
    Other(String),
}

/// An entry of the relations of a record, with its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// The number of the other record.
    pub recid: Recid,
    /// The title of the other record.
    pub title: Option<String>,
    /// What the other record is.
    pub relation: Relation,
    /// The data tier that the description names, for instance `MINIAOD`.
    tier: Option<String>,
}

/// What a record says of its ancestry.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    pub steps: Vec<Step>,
    pub relations: Vec<Related>,
    pub parents: Vec<Parent>,
}

impl Lineage {
    /// Reads the ancestry of a dataset.
    pub(super) fn read(record: &Value, name: &DatasetName, problems: &mut Vec<Problem>) -> Self {
        let mut steps = steps(record, problems);
        if steps.is_empty() {
            let prose = json::text(record, "/methodology/description").unwrap_or_default();
            steps = steps_in_prose(&prose, name);
        }
        let relations = relations(record, problems);
        let parents = parents(&steps, &relations, name);
        Self { steps, relations, parents }
    }
}

/// Reads the listed steps, oldest first.
fn steps(record: &Value, problems: &mut Vec<Problem>) -> Vec<Step> {
    let mut steps = Vec::new();
    for entry in json::list(record, "/methodology/steps") {
        let output = match json::text(entry, "/output_dataset").map(|name| name.parse()) {
            Some(Ok(name)) => Some(name),
            Some(Err(reason)) => {
                problems.push(Problem::of_record(&reason));
                None
            }
            None => None,
        };
        steps.push(Step {
            kind: json::text(entry, "/type"),
            output,
            release: json::text(entry, "/release"),
            global_tag: json::text(entry, "/global_tag"),
            generators: json::texts(entry, "/generators"),
        });
    }
    steps
}

/// Reads the steps that a description lists as HTML, and puts the oldest first.
///
/// Prose is no format: it counts only if the newest output is the dataset itself.
fn steps_in_prose(html: &str, name: &DatasetName) -> Vec<Step> {
    let step = |text: &str| Step {
        kind: word(text),
        output: after(text, "Output dataset:").and_then(word).and_then(|name| name.parse().ok()),
        release: after(text, "Release:").and_then(word),
        global_tag: after(text, "Global tag:").and_then(word),
        generators: Vec::new(),
    };
    let mut steps: Vec<Step> = html.split("<strong>Step ").skip(1).map(step).collect();
    if steps.first().and_then(|newest| newest.output.as_ref()) != Some(name) {
        return Vec::new();
    }
    steps.reverse();
    steps
}

/// The first word of an HTML text.
fn word(html: &str) -> Option<String> {
    let text = html.trim_start();
    let end = text.find(|c: char| c.is_whitespace() || c == '<').unwrap_or(text.len());
    text.get(..end).filter(|word| !word.is_empty()).map(str::to_owned)
}

/// Reads the relations.
fn relations(record: &Value, problems: &mut Vec<Problem>) -> Vec<Related> {
    let mut relations = Vec::new();
    for entry in json::list(record, "/relations") {
        let description = json::text(entry, "/description").unwrap_or_default();
        let kind = json::text(entry, "/type").unwrap_or_default();
        let Some(recid) = entry.get("recid").and_then(Recid::of) else {
            problems.push(Problem::of_record(&format!("the relation {kind:?} names no record")));
            continue;
        };
        relations.push(Related {
            recid,
            title: json::text(entry, "/title"),
            relation: relation(&kind, &description),
            tier: corresponding_tier(&description),
        });
    }
    relations
}

/// Judges a relation by its type and its description.
fn relation(kind: &str, description: &str) -> Relation {
    // “The corresponding NANOAOD dataset:” stands with the reverse of the lineage.
    let reversed = corresponding_tier(description).is_some();
    match kind {
        "isChildOf" if reversed => Relation::Child,
        "isParentOf" if reversed => Relation::Parent,
        "isChildOf" if description.contains("citing") => Relation::Group,
        "isChildOf" => Relation::Parent,
        "isParentOf" => Relation::Child,
        _ => Relation::Other(kind.to_owned()),
    }
}

/// The data tier in “The corresponding MINIAOD dataset:”.
fn corresponding_tier(description: &str) -> Option<String> {
    let (tier, _) = description.strip_prefix("The corresponding ")?.split_once(" dataset")?;
    Some(tier.to_owned())
}

/// Gathers the direct parents: the output before the dataset's own, and the related parents.
fn parents(steps: &[Step], relations: &[Related], name: &DatasetName) -> Vec<Parent> {
    let outputs: Vec<&DatasetName> = steps.iter().filter_map(|step| step.output.as_ref()).collect();
    let own = outputs.iter().rposition(|output| *output == name).unwrap_or(outputs.len());
    let before = outputs.iter().take(own).rev().find(|output| **output != name);
    let mut parents: Vec<Parent> = before
        .map(|output| Parent {
            reference: Reference::Name((*output).clone()),
            source: ParentSource::Step,
        })
        .into_iter()
        .collect();
    for related in relations.iter().filter(|related| related.relation == Relation::Parent) {
        match parents.iter_mut().find(|parent| is_same(parent, related)) {
            Some(parent) => join(parent, related.recid),
            None => parents.push(Parent {
                reference: match related.title.as_deref().map(str::parse) {
                    Some(Ok(name)) => Reference::Both(name, related.recid),
                    _ => Reference::Record(related.recid),
                },
                source: ParentSource::Relation,
            }),
        }
    }
    parents
}

/// Whether a parent by name is the related record: of that title, or the only one of that tier.
fn is_same(parent: &Parent, related: &Related) -> bool {
    let Reference::Name(name) = &parent.reference else {
        return parent.reference.recid() == Some(related.recid);
    };
    let tier = name.as_str().rsplit_once('/').map(|(_, tier)| tier);
    related.title.as_deref() == Some(name.as_str())
        || (tier.is_some() && tier == related.tier.as_deref())
}

/// Adds the number of its record to a parent.
fn join(parent: &mut Parent, recid: Recid) {
    if let Reference::Name(name) = &parent.reference {
        parent.reference = Reference::Both(name.clone(), recid);
        parent.source = ParentSource::StepAndRelation;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lineage(record: &Value, name: &str) -> Lineage {
        Lineage::read(record, &name.parse().unwrap(), &mut Vec::new())
    }

    #[test]
    fn the_parent_is_the_output_before_the_datasets_own() {
        let record = json!({"methodology": {"steps": [
            {"type": "LHE", "output_dataset": "/A/x/GEN", "generators": ["madgraph"]},
            {"type": "SIM", "output_dataset": "/A/x/GEN-SIM", "release": "CMSSW_4"},
            {"type": "RECO", "output_dataset": "/A/y/AODSIM"},
        ]}});

        let lineage = lineage(&record, "/A/y/AODSIM");

        assert_eq!(lineage.steps.len(), 3);
        assert_eq!(lineage.parents.len(), 1);
        assert_eq!(lineage.parents[0].reference.name().unwrap().as_str(), "/A/x/GEN-SIM");
        assert_eq!(lineage.parents[0].source, ParentSource::Step);
    }

    #[test]
    fn a_dataset_of_one_step_has_no_parent() {
        let record = json!({"methodology": {"steps": [{"output_dataset": "/A/x/GEN"}, {}, 3]}});

        assert!(lineage(&record, "/A/x/GEN").parents.is_empty());
    }

    #[test]
    fn a_chain_in_prose_and_the_reversed_relation_name_one_parent() {
        let prose = "<p>…</p><strong>Step NANO </strong><br/>Release: R2<br/>Global tag: G2\n \
            <br/>Output dataset: /A/n/NANOAOD\n </p><strong>Step PAT </strong><br/>Release: R1\
            <br/>Global tag: G1<br/>Output dataset: /A/m/MINIAOD</p>";
        let record = json!({
            "methodology": {"description": prose},
            "relations": [{
                "type": "isParentOf",
                "recid": "30501",
                "description": "The corresponding MINIAOD dataset:",
            }],
        });

        let lineage = lineage(&record, "/A/n/NANOAOD");

        let releases: Vec<_> = lineage.steps.iter().filter_map(|s| s.release.as_deref()).collect();
        assert_eq!(releases, ["R1", "R2"]);
        assert_eq!(
            lineage.parents,
            [Parent {
                reference: Reference::Both("/A/m/MINIAOD".parse().unwrap(), Recid::new(30_501)),
                source: ParentSource::StepAndRelation,
            }]
        );
    }

    #[test]
    fn prose_about_another_dataset_is_not_believed() {
        let prose = "<strong>Step PAT </strong>Output dataset: /A/m/MINIAOD";
        let record = json!({"methodology": {"description": prose}});

        assert!(lineage(&record, "/B/m/MINIAOD").steps.is_empty());
    }

    #[test]
    fn relations_are_judged_by_their_description() {
        let cases = [
            ("isChildOf", "The corresponding NANOAOD dataset:", Relation::Child),
            ("isParentOf", "The corresponding MINIAOD dataset:", Relation::Parent),
            ("isChildOf", "For citing all the Open Data, please see", Relation::Group),
            ("isChildOf", "", Relation::Parent),
            ("isParentOf", "RAW data of ALL events; 1993 data", Relation::Child),
            ("isRelatedTo", "", Relation::Other("isRelatedTo".into())),
        ];
        for (kind, description, expected) in cases {
            assert_eq!(relation(kind, description), expected, "{kind} {description}");
        }
    }

    #[test]
    fn a_related_parent_stays_an_open_reference() {
        let record = json!({"relations": [
            {"type": "isChildOf", "recid": 7},
            {"type": "isChildOf", "recid": "7"},
            {"type": "isChildOf", "recid": "8", "title": "/A/raw/RAW"},
            {"type": "isChildOf", "recid": "none"},
        ]});
        let mut problems = Vec::new();

        let lineage = Lineage::read(&record, &"/A/x/AOD".parse().unwrap(), &mut problems);

        let recids: Vec<_> = lineage.parents.iter().map(|p| p.reference.recid().unwrap()).collect();
        assert_eq!(recids, [Recid::new(7), Recid::new(8)]);
        assert_eq!(lineage.parents[1].reference.name().unwrap().as_str(), "/A/raw/RAW");
        assert_eq!(problems.len(), 1);
    }
}
