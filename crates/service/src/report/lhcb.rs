//! Makes reports of LHCb-style XML.
//!
//! A document is about one step of a job, so a workflow of three steps makes three jobs here, each
//! a *part* of its task ([`JobReport::part`]), which hang together by their files. The name of
//! the step, `00012448_00013484_1`, gives production, task and part.
//!
//! Values go to the member of the report that means the same. These go to the field in the second
//! column where the community declares it (for files, then for jobs), else to the job's
//! environment under their own name:
//!
//! | in the document | field |
//! |---|---|
//! | `ConfigName`, `ConfigVersion` | `config_name`, `config_version` |
//! | `RunNumber`, `FillNumber` | `run`, `fill` |
//! | `Tck`, `HLT2Tck` | `tck`, `hlt2_tck` |
//! | `SimulationCondition` `SimDescription` | `simulation_condition` |
//! | `DataTakingConditions` `Description` | `data_taking_condition` |
//! | `TotalLuminosity`, `StatisticsRequested` | `total_luminosity`, `statistics_requested` |
//! | `EventTypeId`, `FullStat`, `TypeVersion` | `event_type`, `full_events`, `type_version` |
//! | `Luminosity`, `InstLuminosity` | `luminosity`, `inst_luminosity` |
//! | `VisibilityFlag`, `QualityId` or `Quality` | `visible`, `quality` |
//!
//! The last three rows are of outputs; in the environment their names begin with the file's name
//! and a colon. What is derived from the inputs is in [`super::derive`].

use sbk_api::{JobReport, Metadata, NewFile, OutputReport, Problem, Replica, StepReport, Worker};
use sbk_formats::lhcb::{self, Job, Output, Parameter};
use sbk_metadata::{Entity, Schema};
use sbk_model::{
    Checksums, Events, FileStatus, JobName, Lfn, Pfn, ReplicaStatus, RunNumber, SeName, Size,
    Timestamp,
};

use super::{
    gaudi::name_parts,
    values::{self, counted, parsed, wrong},
};

/// Parameters of a job that have a place of their own.
const PLACED: &[&str] = &[
    "CPUTIME",
    "ExecTime",
    "WNMODEL",
    "WorkerNode",
    "NumberOfProcessors",
    "Production",
    "Name",
    "DiracJobId",
    "JobStart",
    "JobEnd",
    "Location",
    "JobType",
    "ProgramName",
    "ProgramVersion",
    "FirstEventNumber",
    "StepID",
    "NumberOfEvents",
    "EventInputStat",
    "CondDB",
    "DDDB",
];

/// Parameters of a job for which a community may declare a field.
const JOB_FIELDS: &[(&str, &str)] = &[
    ("RunNumber", "run"),
    ("FillNumber", "fill"),
    ("Tck", "tck"),
    ("HLT2Tck", "hlt2_tck"),
    ("TotalLuminosity", "total_luminosity"),
    ("StatisticsRequested", "statistics_requested"),
];

/// Parameters of an output for which a community may declare a field.
const OUTPUT_FIELDS: &[(&str, &str)] = &[
    ("EventTypeId", "event_type"),
    ("FullStat", "full_events"),
    ("Luminosity", "luminosity"),
    ("InstLuminosity", "inst_luminosity"),
    ("VisibilityFlag", "visible"),
    ("QualityId", "quality"),
];

/// Parameters of an output that have a place of their own.
const OUTPUT_PLACED: &[&str] =
    &["EventStat", "FileSize", "CreationDate", "MD5Sum", "Adler32", "Guid"];

/// Where a producer says that something is on the web and not at a storage element.
const WEB: &str = "Web";

/// The report that a document makes, before anything is derived.
pub fn report(job: &Job, schema: &Schema, name: Option<&JobName>) -> Result<JobReport, Problem> {
    let own = job.parameter("Name").map(|text| parsed("Name", text)).transpose()?;
    let name: Option<JobName> = own.or_else(|| name.cloned());
    let name = name.ok_or_else(|| wrong("Name", "", "is needed: the name of the job"))?;
    let mut report = JobReport::new(name);
    let production = job.parameter("Production").map(|text| {
        let plain = text.trim_start_matches('0');
        parsed("Production", if plain.is_empty() { text } else { plain })
    });
    report.production = production.transpose()?;
    name_parts(&mut report)?;
    placed(job, &mut report)?;
    times(job, &mut report)?;
    report.worker = worker(job, &mut report)?;
    report.steps = step(job)?.into_iter().collect();
    for input in &job.inputs {
        let lfn: Lfn = parsed("InputFile", input)?;
        if !report.inputs.contains(&lfn) {
            report.inputs.push(lfn);
        }
    }
    for file in &job.outputs {
        let output = output(file, schema, &mut report)?;
        report.outputs.push(output);
    }
    general(job, schema, &mut report);
    Ok(report)
}

fn placed(job: &Job, report: &mut JobReport) -> Result<(), Problem> {
    let get = |name| job.parameter(name);
    let events = |name| get(name).map(|text| counted::<Events>(name, text)).transpose();
    report.dirac_id = get("DiracJobId").map(|text| parsed("DiracJobId", text)).transpose()?;
    report.job_type = get("JobType").map(|text| parsed("JobType", text)).transpose()?;
    report.site = get("Location").map(|text| parsed("Location", text)).transpose()?;
    report.cpu_seconds = get("CPUTIME").map(|text| parsed("CPUTIME", text)).transpose()?;
    report.wall_seconds = get("ExecTime").map(|text| parsed("ExecTime", text)).transpose()?;
    report.first_event =
        get("FirstEventNumber").map(|text| parsed("FirstEventNumber", text)).transpose()?;
    report.events_written = events("NumberOfEvents")?;
    report.events_read = events("EventInputStat")?;
    report.run =
        get("RunNumber").map(|text| parsed("RunNumber", text).map(RunNumber)).transpose()?;
    Ok(())
}

fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let form = "is not a time such as 2026-01-31 12:00:00";
    let written = lhcb::moment_of(text).ok_or_else(|| wrong(name, text, form))?;
    written.parse().map_err(|_| wrong(name, text, form))
}

fn times(job: &Job, report: &mut JobReport) -> Result<(), Problem> {
    let get = |name| job.parameter(name).map(|text| moment(name, text)).transpose();
    report.started = get("JobStart")?;
    report.ended = get("JobEnd")?;
    if let (None, Some(date), Some(time)) = (report.ended, &job.date, &job.time) {
        // The report is written when the step ends; its time may lack the seconds.
        let written = moment("Date", &format!("{date} {time}"))?;
        report.ended = Some(report.started.map_or(written, |started| written.max(started)));
    }
    Ok(())
}

/// The machine. What cannot be read of it is kept as it is: no job is refused for its cache.
fn worker(job: &Job, report: &mut JobReport) -> Result<Worker, Problem> {
    let mut worker = Worker {
        node: job.parameter("WorkerNode").map(|text| parsed("WorkerNode", text)).transpose()?,
        cpu_model: job.parameter("WNMODEL").map(|text| parsed("WNMODEL", text)).transpose()?,
        cores: job
            .parameter("NumberOfProcessors")
            .map(|text| parsed("NumberOfProcessors", text))
            .transpose()?,
        ..Worker::default()
    };
    let number = |text: &str| text.split_whitespace().next()?.parse::<f64>().ok();
    #[expect(clippy::cast_possible_truncation, reason = "the size is checked")]
    let kilobytes =
        |text: &str| number(text).and_then(|kb| Size::try_from((kb * 1024.0) as i64).ok());
    for name in ["WNCPUPOWER", "WNCPUHS06", "WNCACHE", "WNMEMORY"] {
        let Some(text) = job.parameter(name) else { continue };
        let read = match name {
            "WNCPUPOWER" => number(text).map(|mhz| worker.cpu_mhz = Some(mhz)),
            "WNCPUHS06" => number(text).map(|power| worker.cpu_power = Some(power)),
            "WNCACHE" => kilobytes(text).map(|size| worker.cache = Some(size)),
            _ => kilobytes(text).map(|size| worker.memory = Some(size)),
        };
        if read.is_none() {
            report.environment.insert(name.to_owned(), text.to_owned());
        }
    }
    Ok(worker)
}

fn step(job: &Job) -> Result<Option<StepReport>, Problem> {
    let Some(program) = job.parameter("ProgramName") else { return Ok(None) };
    let mut step = StepReport::new(parsed("ProgramName", program)?);
    let get = |name| job.parameter(name);
    step.version = get("ProgramVersion").map(|text| parsed("ProgramVersion", text)).transpose()?;
    step.step = get("StepID").map(|text| parsed("StepID", text)).transpose()?;
    for name in ["CondDB", "DDDB", "Tck", "HLT2Tck"] {
        step.conditions.extend(get(name).map(|tag| (name.to_owned(), tag.to_owned())));
    }
    Ok(Some(step))
}

/// What is said of the job and holds for its files.
fn general(job: &Job, schema: &Schema, report: &mut JobReport) {
    let pairs = [
        ("ConfigName", "config_name", job.config_name.as_deref()),
        ("ConfigVersion", "config_version", job.config_version.as_deref()),
    ];
    for (name, field, value) in pairs {
        if let Some(value) = value {
            keep(schema, report, name, Some(field), value);
        }
    }
    for Parameter { name, value } in &job.parameters {
        let has_member = PLACED.contains(&name.as_str()) || name == "RunNumber";
        let field = JOB_FIELDS.iter().find(|(known, _)| known == name).map(|(_, field)| *field);
        let is_read = name.starts_with("WN") && !name.starts_with("WNMJF");
        if value.is_empty() || is_read || (has_member && field.is_none()) {
            continue;
        }
        keep(schema, report, name, field, value);
    }
    for (part, main, field, conditions) in [
        ("SimulationCondition", "SimDescription", "simulation_condition", &job.simulation),
        ("DataTakingConditions", "Description", "data_taking_condition", &job.data_taking),
    ] {
        for Parameter { name, value } in conditions {
            let field = (name == main).then_some(field);
            keep(schema, report, &format!("{part}.{name}"), field, value);
        }
    }
}

/// Puts a value of the job under a field of its files, or of the job, or into its environment.
fn keep(schema: &Schema, report: &mut JobReport, name: &str, field: Option<&str>, value: &str) {
    let mut is_kept = name == "RunNumber";
    if let Some(field) = field {
        for output in &mut report.outputs {
            is_kept |= values::put(schema, Entity::File, &mut output.file.metadata, field, value);
        }
        is_kept |= values::put(schema, Entity::Job, &mut report.metadata, field, value);
    }
    if !is_kept {
        report.environment.insert(name.to_owned(), value.to_owned());
    }
}

fn output(file: &Output, schema: &Schema, report: &mut JobReport) -> Result<OutputReport, Problem> {
    let lfn: Lfn = parsed("OutputFile.Name", &file.name)?;
    let get = |name| file.parameter(name);
    let field = |name: &str| format!("{lfn} {name}");
    let size = get("FileSize").ok_or_else(|| wrong(&field("FileSize"), "", "is needed"))?;
    let size: Size = counted(&field("FileSize"), size)?;
    let mut new = NewFile {
        size,
        guid: get("Guid").map(|text| parsed(&field("Guid"), text)).transpose()?,
        checksums: checksums(file, &lfn)?,
        events: get("EventStat").map(|text| counted(&field("EventStat"), text)).transpose()?,
        file_type: file.file_type.as_deref().map(|t| parsed("TypeName", t)).transpose()?,
        status: FileStatus::Good,
        owner: None,
        group: None,
        mode: None,
        created: get("CreationDate").map(|text| moment("CreationDate", text)).transpose()?,
        replicas: replicas(file, report)?,
        metadata: Metadata::new(),
        lfn,
    };
    describe(file, schema, report, &mut new);
    Ok(OutputReport::from(new))
}

fn checksums(file: &Output, lfn: &Lfn) -> Result<Checksums, Problem> {
    let mut sums = Checksums::default();
    for (name, algorithm) in [("Adler32", "adler32"), ("MD5Sum", "md5")] {
        if let Some(value) = file.parameter(name) {
            let field = format!("{lfn} {name}");
            sums.insert(algorithm, value).map_err(|error| wrong(&field, value, error))?;
        }
    }
    Ok(sums)
}

/// The copies at storage elements; one on the web is where the log is.
fn replicas(file: &Output, report: &mut JobReport) -> Result<Vec<Replica>, Problem> {
    let mut replicas = Vec::new();
    for replica in &file.replicas {
        let pfn = replica.name.as_deref().map(|name| parsed::<Pfn>("Replica.Name", name));
        let pfn = pfn.transpose()?;
        if replica.location == WEB {
            report.log = pfn;
            continue;
        }
        let se: SeName = parsed("Replica.Location", &replica.location)?;
        replicas.push(Replica { se, pfn, status: ReplicaStatus::default() });
    }
    Ok(replicas)
}

/// Takes what has no member of its own.
fn describe(file: &Output, schema: &Schema, report: &mut JobReport, new: &mut NewFile) {
    let mut said: Vec<(String, Option<&str>, &str)> = Vec::new();
    let type_version = file.type_version.as_deref();
    said.extend(type_version.map(|value| ("TypeVersion".into(), Some("type_version"), value)));
    for Parameter { name, value } in &file.parameters {
        let agrees = name == "GotReplica"
            && value.to_ascii_lowercase().starts_with('y') != file.replicas.is_empty();
        if !value.is_empty() && !agrees && !OUTPUT_PLACED.contains(&name.as_str()) {
            let field = OUTPUT_FIELDS.iter().find(|(known, _)| known == name);
            said.push((name.clone(), field.map(|(_, field)| *field), value));
        }
    }
    for Parameter { name, value } in &file.quality {
        let field = (file.quality.len() == 1).then_some("quality");
        said.push((format!("Quality.{name}"), field, value));
    }
    for (name, field, value) in said {
        let is_put = field.is_some_and(|field| {
            values::put(schema, Entity::File, &mut new.metadata, field, value)
        });
        if !is_put {
            report.environment.insert(format!("{}:{name}", new.lfn), value.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: &str = include_str!("../../../formats/tests/data/lhcb-step1.xml");

    fn job(text: &str) -> Job {
        match lhcb::read(text).unwrap() {
            lhcb::Document::Job(job) => *job,
            lhcb::Document::Replicas(_) => panic!("it is a job"),
        }
    }

    #[test]
    fn a_document_becomes_a_report_and_nothing_is_lost() {
        let report = report(&job(STEP), &Schema::empty(None), None).unwrap();

        assert_eq!(report.name.as_str(), "00099001_00000007_1");
        assert_eq!(report.production.as_ref().map(AsRef::as_ref), Some("99001"));
        assert_eq!((report.task, report.part), (Some(7), Some(1)));
        assert_eq!(report.started.unwrap().to_string(), "2026-01-31T10:00:00Z");
        assert_eq!(report.worker.cache.map(Size::get), Some(1024 * 1024));
        assert_eq!(report.steps[0].conditions["CondDB"], "sim-2026");
        assert_eq!(report.environment["SomethingNew"], "kept");
        assert_eq!(report.environment["ConfigName"], "MC");
        assert_eq!(report.environment["SimulationCondition.BeamEnergy"], "4000 GeV");
        let file = &report.outputs[0].file;
        assert_eq!(file.checksums.adler32.unwrap().to_string(), "0a0b0c0d");
        assert_eq!(report.environment[&format!("{}:EventTypeId", file.lfn)], "11104127");
        assert_eq!(file.replicas[0].se.as_str(), "CNAF-disk");
        for parameter in &job(STEP).parameters {
            let known = PLACED.contains(&parameter.name.as_str());
            let is_read = parameter.name.starts_with("WN");
            let kept = report.environment.get(&parameter.name) == Some(&parameter.value);
            assert!(known || is_read || kept || parameter.value.is_empty(), "{parameter:?}");
        }
    }

    #[test]
    fn declared_fields_take_the_values() {
        let field = |name: &str, kind: &str| {
            format!("[[field]]\nname = \"{name}\"\nentity = \"file\"\nkind = \"{kind}\"\n")
        };
        let toml = format!(
            "version = 1\n{}{}{}{}",
            field("event_type", "int"),
            field("config_name", "string"),
            field("visible", "bool"),
            field("quality", "string"),
        );
        let schema = Schema::from_toml(&toml).unwrap();

        let report = report(&job(STEP), &schema, None).unwrap();

        let metadata = &report.outputs[0].file.metadata;
        assert_eq!(metadata["event_type"], 11_104_127);
        assert_eq!(metadata["visible"], false);
        assert_eq!(metadata["quality"], "OK");
        assert_eq!(metadata["config_name"], "MC");
        assert!(!report.environment.contains_key("ConfigName"));
    }

    #[test]
    fn what_a_report_needs_is_named_when_it_is_missing() {
        let report = |text: &str| report(&job(text), &Schema::empty(None), None);

        let nameless = report("<Job/>").unwrap_err();
        let odd = STEP.replace("2026-01-31 10:00", "yesterday");
        let sizeless = STEP.replace("FileSize", "Size");

        assert_eq!(nameless.field.as_deref(), Some("Name"));
        assert_eq!(report(&odd).unwrap_err().field.as_deref(), Some("JobStart"));
        assert!(report(&sizeless).unwrap_err().detail.contains("FileSize"));
    }
}
