//! LHCb-style XML: reports of one step of a job each, and changes of replicas.
//!
//! The form is that of LHCb's `BookkeepingReport` and of what its receiver, `XMLFilesReaderManager`
//! of `LHCbDIRAC`, accepts: parameters may be missing or empty, times may have no seconds, and names
//! that are not known are kept as they are.

use serde::Serialize;

use crate::{
    Malformed,
    xml::{self, Element},
};

/// What a document is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Document {
    /// The report of a step of a job.
    Job(Box<Job>),
    /// Changes of replicas.
    Replicas(Vec<ReplicaChange>),
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Parameter {
    /// The name as the producer writes it.
    pub name: String,
    /// The value as text, without spaces around.
    pub value: String,
}

/// The report of a step of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Job {
    /// The configuration, for instance `MC`.
    pub config_name: Option<String>,
    /// The version of the configuration, for instance `2012`.
    pub config_version: Option<String>,
    /// The day of the report.
    pub date: Option<String>,
    /// The time of the report, with seconds or without.
    pub time: Option<String>,
    /// What is said of the job; of two values of one name both are kept.
    pub parameters: Vec<Parameter>,
    /// The names of its inputs.
    pub inputs: Vec<String>,
    /// What it made.
    pub outputs: Vec<Output>,
    /// The conditions that it simulated.
    pub simulation: Vec<Parameter>,
    /// The conditions under which its data were taken.
    pub data_taking: Vec<Parameter>,
}

/// A file that a step made.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its type, for instance `DST`.
    pub file_type: Option<String>,
    /// The version of the type.
    pub type_version: Option<String>,
    /// What is said of it.
    pub parameters: Vec<Parameter>,
    /// Its copies.
    pub replicas: Vec<Replica>,
    /// Its quality by group: `name` is the group, `value` the flag.
    pub quality: Vec<Parameter>,
}

/// A copy of an output.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Replica {
    /// The physical name.
    pub name: Option<String>,
    /// Where it is: a storage element, or `Web`.
    pub location: String,
}

/// What happens to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Action {
    /// It is there now.
    Add,
    /// It is gone.
    Delete,
}

/// A change of a replica.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplicaChange {
    /// The logical name.
    pub file: String,
    /// The physical name.
    pub name: Option<String>,
    /// The storage element.
    pub se: String,
    /// What happens.
    pub action: Action,
}

/// Reads a document.
///
/// # Errors
/// When it is no XML, or ends early, or is another document, or lacks a name that it needs.
pub fn read(text: &str) -> Result<Document, Malformed> {
    let root = xml::read(text)?;
    match root.name.as_str() {
        "Job" => Ok(Document::Job(Box::new(job(&root)?))),
        "Replicas" => {
            let changes: Result<Vec<_>, _> = root.all("Replica").map(change).collect();
            let changes = changes?;
            if changes.is_empty() {
                return Err(Malformed::new(root.line, "there is no <Replica>"));
            }
            Ok(Document::Replicas(changes))
        }
        other => {
            let reason = format!("an LHCb report begins with <Job> or <Replicas>, not <{other}>");
            Err(Malformed::new(root.line, reason))
        }
    }
}

fn job(root: &Element) -> Result<Job, Malformed> {
    let text = |name: &str| root.attribute(name).map(str::to_owned);
    let below = |name: &str| -> Result<Vec<Parameter>, Malformed> {
        root.children
            .iter()
            .filter(|child| child.name == name)
            .flat_map(|conditions| conditions.all("Parameter"))
            .map(parameter)
            .collect()
    };
    let inputs = root.all("InputFile").map(|input| Ok(logical(input.needed("Name")?)));
    Ok(Job {
        config_name: text("ConfigName"),
        config_version: text("ConfigVersion"),
        date: text("Date"),
        time: text("Time"),
        parameters: root.all("TypedParameter").map(parameter).collect::<Result<_, _>>()?,
        inputs: inputs.collect::<Result<_, Malformed>>()?,
        outputs: root.all("OutputFile").map(output).collect::<Result<_, _>>()?,
        simulation: below("SimulationCondition")?,
        data_taking: below("DataTakingConditions")?,
    })
}

/// A logical name without the `LFN:` that some producers put in front.
fn logical(name: &str) -> String {
    name.strip_prefix("LFN:").unwrap_or(name).to_owned()
}

fn parameter(element: &Element) -> Result<Parameter, Malformed> {
    let name = element.needed("Name")?.to_owned();
    let value = element.attribute("Value").unwrap_or_default().to_owned();
    Ok(Parameter { name, value })
}

fn output(element: &Element) -> Result<Output, Malformed> {
    let text = |name: &str| element.attribute(name).map(str::to_owned);
    let replicas = element.all("Replica").map(|replica| {
        let location = replica.attribute("Location").or_else(|| replica.attribute("SE"));
        let location = location
            .ok_or_else(|| Malformed::of(replica.line, "Replica.Location", "is needed"))?
            .to_owned();
        Ok(Replica { name: replica.attribute("Name").map(str::to_owned), location })
    });
    let quality = element.all("Quality").map(|quality| {
        let value = quality.attribute("Flag").unwrap_or_default().to_owned();
        Ok(Parameter { name: quality.needed("Group")?.to_owned(), value })
    });
    Ok(Output {
        name: logical(element.needed("Name")?),
        file_type: text("TypeName"),
        type_version: text("TypeVersion"),
        parameters: element.all("Parameter").map(parameter).collect::<Result<_, _>>()?,
        replicas: replicas.collect::<Result<_, Malformed>>()?,
        quality: quality.collect::<Result<_, Malformed>>()?,
    })
}

fn change(element: &Element) -> Result<ReplicaChange, Malformed> {
    let se = element.attribute("SE").or_else(|| element.attribute("Location"));
    let action = match element.needed("Action")?.to_ascii_lowercase().as_str() {
        "add" => Action::Add,
        "delete" => Action::Delete,
        other => {
            let reason = format!("{other:?} is neither Add nor Delete");
            return Err(Malformed::of(element.line, "Replica.Action", reason));
        }
    };
    Ok(ReplicaChange {
        file: logical(element.needed("File")?),
        name: element.attribute("Name").map(str::to_owned),
        se: se.ok_or_else(|| Malformed::of(element.line, "Replica.SE", "is needed"))?.to_owned(),
        action,
    })
}

impl Job {
    /// The value of a parameter; one that is empty counts as absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        value(&self.parameters, name)
    }
}

impl Output {
    /// The value of a parameter; one that is empty counts as absent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        value(&self.parameters, name)
    }
}

/// The value of a name; one that is empty counts as absent. Of two the last counts, as it does for
/// LHCb's receiver.
pub fn value<'a>(parameters: &'a [Parameter], name: &str) -> Option<&'a str> {
    let found = parameters.iter().rev().find(|parameter| parameter.name == name);
    found.map(|parameter| parameter.value.as_str()).filter(|value| !value.is_empty())
}

/// Writes a day and a time as RFC 3339 in UTC: `2026-11-26` with `14:05` or `14:05:59`.
pub fn moment(date: &str, time: &str) -> Option<String> {
    let (date, time) = (date.trim(), time.trim().trim_end_matches('Z'));
    let seconds = if time.matches(':').count() == 1 { ":00" } else { "" };
    let is_date = date.len() == 10 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    is_date.then(|| format!("{date}T{time}{seconds}Z"))
}

/// Writes a moment of one text, `2026-11-26 14:05[:59]`, as RFC 3339 in UTC.
pub fn moment_of(text: &str) -> Option<String> {
    let (date, time) = text.trim().split_once([' ', 'T'])?;
    moment(date, time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_with_all_that_it_says() {
        let text = include_str!("../tests/data/lhcb-step1.xml");

        let Document::Job(job) = read(text).unwrap() else { panic!("it is a job") };

        assert_eq!(job.config_name.as_deref(), Some("MC"));
        assert_eq!(job.parameter("Name"), Some("00099001_00000007_1"));
        assert_eq!(job.parameter("SomethingNew"), Some("kept"));
        assert_eq!(job.parameter("RunNumber"), None, "it is empty");
        assert_eq!(job.outputs[0].parameter("EventStat"), Some("200"));
        assert_eq!(job.outputs[0].replicas[0].location, "CNAF-disk");
        assert_eq!(job.simulation[0].name, "SimDescription");
    }

    #[test]
    fn changes_of_replicas_are_read() {
        let text = "<Replicas><Replica File='LFN:/a/b' Name='root://x/b' SE='X' Action='Add'/>\
                    <Replica File='/a/b' Location='Y' Action='delete'/></Replicas>";

        let Document::Replicas(changes) = read(text).unwrap() else { panic!("they are replicas") };

        assert_eq!((changes[0].file.as_str(), changes[0].action), ("/a/b", Action::Add));
        assert_eq!((changes[1].se.as_str(), changes[1].action), ("Y", Action::Delete));
        assert!(read("<Replicas/>").is_err());
        assert!(read("<Replicas><Replica File='/a' SE='X' Action='Move'/></Replicas>").is_err());
    }

    #[test]
    fn times_come_with_seconds_or_without() {
        assert_eq!(moment("2026-11-26", "14:05").unwrap(), "2026-11-26T14:05:00Z");
        assert_eq!(moment_of("2026-11-26 14:05:59").unwrap(), "2026-11-26T14:05:59Z");
        assert_eq!(moment_of("yesterday"), None);
    }
}
