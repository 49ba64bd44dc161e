//! Makes reports of CMS bulk blocks.
//!
//! A block is taken as one job of the type `dbs_block`, named as the block: its files are the
//! outputs, one step stands for each configuration, and files keep the parents that they name, so
//! the block comes in once and as a whole. The dataset is made when it is not there. The origin is
//! the job's site, and the storage element of one replica of each file; it must be declared.
//!
//! What DBS says of a file or dataset under a name that the community declares as a field
//! (`auto_cross_section`, `global_tag`, `data_tier_name`, `physics_group_name`, ...) becomes its
//! value. All that is said of dataset, block and eras is kept with the job as `dbs.…`. The events
//! of single sections are not kept; those of the file are.

use std::collections::BTreeMap;

use sbk_api::{
    JobReport, Metadata, NewDataset, NewFile, OutputReport, Problem, Replica, StepReport,
};
use sbk_formats::bulk_block::{Block, Configuration, File};
use sbk_metadata::{Entity, Schema};
use sbk_model::{
    Application, Checksums, DatasetKind, DatasetName, DatasetStatus, Events, FileStatus, Intervals,
    JobName, JobState, Lfn, ReplicaStatus, RunNumber, RunSections, SeName, Size, Timestamp,
    fingerprint,
};
use serde_json::Value;

use super::values::{self, parsed, wrong};

/// The report that a block makes, and its dataset.
pub fn report(
    block: &Block,
    schema: &Schema,
    kind: DatasetKind,
) -> Result<(JobReport, NewDataset), Problem> {
    let mut report = JobReport::new(job_name(&block.name)?);
    report.job_type = Some(parsed("job_type", "dbs_block")?);
    report.state = JobState::Done;
    report.ended = moment(block.created);
    let facts = block.facts.iter();
    report.environment = facts.map(|(n, v)| (format!("dbs.{n}"), values::plain(v))).collect();
    report.environment.insert("dbs.block.block_name".into(), block.name.clone());
    let se: Option<SeName> =
        block.origin.as_deref().map(|o| parsed("block.origin_site_name", o)).transpose()?;
    report.site =
        se.as_ref().map(|se| parsed("block.origin_site_name", se.as_str())).transpose()?;
    let dataset = dataset(block, schema, kind)?;
    let mut steps: BTreeMap<Configuration, u16> = BTreeMap::new();
    for file in &block.files {
        let configuration = block.configuration(&file.name).cloned().unwrap_or_default();
        let configuration = Configuration { lfn: None, ..configuration };
        let next = u16::try_from(steps.len() + 1).unwrap_or(u16::MAX);
        let step = *steps.entry(configuration.clone()).or_insert(next);
        if step == next {
            report.steps.push(made_by(&configuration)?);
        }
        let mut output = output(file, se.as_ref(), &configuration, schema, &mut report)?;
        output.step = Some(step);
        output.dataset = Some(dataset.name.clone());
        report.outputs.push(output);
    }
    let events = block.files.iter().filter_map(|file| file.events);
    let events = events.fold(0_i64, i64::saturating_add);
    report.events_written = Some(counted("files.event_count", events)?);
    Ok((report, dataset))
}

/// The job's name: the block's. DBS takes longer names than we do; they end with a hash.
fn job_name(block: &str) -> Result<JobName, Problem> {
    if block.len() <= JobName::MAX_LEN {
        return parsed("block.block_name", block);
    }
    let mut end = JobName::MAX_LEN - 20;
    while !block.is_char_boundary(end) {
        end -= 1;
    }
    let (start, _) = block.split_at(end);
    parsed("block.block_name", &format!("{start}~{:016x}", fingerprint("block", &[block])))
}

fn moment(seconds: Option<i64>) -> Option<Timestamp> {
    seconds.map(|seconds| Timestamp::from_micros(0).plus_seconds(seconds))
}

fn counted<T>(field: &str, number: i64) -> Result<T, Problem>
where
    T: TryFrom<i64>,
    T::Error: std::fmt::Display,
{
    T::try_from(number).map_err(|error| wrong(field, &number.to_string(), error))
}

fn dataset(block: &Block, schema: &Schema, kind: DatasetKind) -> Result<NewDataset, Problem> {
    let parents = block.dataset_parents.iter().map(|name| parsed("dataset_parent_list", name));
    let mut metadata = Metadata::new();
    // The dataset's own facts come last, so that they win over others of the same name.
    let (own, others): (Vec<_>, Vec<_>) =
        block.facts.iter().partition(|(name, _)| name.starts_with("dataset."));
    for (name, value) in others.into_iter().chain(own) {
        if let Some((_, field)) = name.split_once('.') {
            values::put(schema, Entity::Dataset, &mut metadata, field, &values::plain(value));
        }
    }
    Ok(NewDataset {
        name: parsed::<DatasetName>("dataset.dataset", &block.dataset)?,
        kind,
        status: DatasetStatus::Open,
        owner: None,
        group: None,
        created: moment(block.dataset_created),
        query: None,
        description: None,
        origin: None,
        declared: sbk_api::Declared::default(),
        unattributed_events: None,
        parents: parents.collect::<Result<_, _>>()?,
        sites: Vec::new(),
        documents: Vec::new(),
        metadata,
    })
}

/// The step that stands for a configuration. It says of itself that it read nothing: the files
/// say what they were made from.
fn made_by(configuration: &Configuration) -> Result<StepReport, Problem> {
    let application = configuration.app_name.as_deref().unwrap_or("unknown");
    let mut step = StepReport::new(parsed::<Application>("app_name", application)?);
    let version = configuration.release_version.as_deref();
    step.version = version.map(|version| parsed("release_version", version)).transpose()?;
    step.conditions =
        configuration.global_tag.iter().map(|tag| ("GlobalTag".into(), tag.clone())).collect();
    for (name, value) in [
        ("pset_hash", &configuration.pset_hash),
        ("pset_name", &configuration.pset_name),
        ("output_module_label", &configuration.output_module_label),
    ] {
        step.options.extend(value.as_ref().map(|value| format!("{name}={value}")));
    }
    step.inputs = Some(Vec::new());
    Ok(step)
}

fn output(
    file: &File,
    se: Option<&SeName>,
    configuration: &Configuration,
    schema: &Schema,
    report: &mut JobReport,
) -> Result<OutputReport, Problem> {
    let lfn: Lfn = parsed("files.logical_file_name", &file.name)?;
    let parents: Result<Vec<Lfn>, _> =
        file.parents.iter().map(|parent| parsed("file_parent_list", parent)).collect();
    let parents = parents?;
    let file_type = file.file_type.as_deref();
    let events = file.events.map(|events| counted::<Events>("files.event_count", events));
    let new = NewFile {
        size: counted::<Size>("files.file_size", file.size)?,
        guid: None,
        checksums: checksums(file)?,
        events: events.transpose()?,
        file_type: file_type.map(|name| parsed("files.file_type", name)).transpose()?,
        status: if file.is_valid { FileStatus::Good } else { FileStatus::Bad },
        owner: None,
        group: None,
        mode: None,
        created: moment(file.created),
        replicas: se.map(replica).into_iter().collect(),
        metadata: metadata(file, &lfn, configuration, schema, report),
        lfn,
    };
    let mut output = OutputReport::from(new);
    output.parents = Some(parents).filter(|parents| !parents.is_empty());
    output.sections = sections(file)?;
    Ok(output)
}

fn replica(se: &SeName) -> Replica {
    Replica { se: se.clone(), pfn: None, status: ReplicaStatus::default() }
}

fn checksums(file: &File) -> Result<Checksums, Problem> {
    let mut sums = Checksums::default();
    for (algorithm, value) in
        [("adler32", &file.adler32), ("md5", &file.md5), ("cksum", &file.check_sum)]
    {
        if let Some(value) = value {
            let field = format!("files.{algorithm}");
            sums.insert(algorithm, value).map_err(|error| wrong(&field, value, error))?;
        }
    }
    Ok(sums)
}

fn metadata(
    file: &File,
    lfn: &Lfn,
    configuration: &Configuration,
    schema: &Schema,
    report: &mut JobReport,
) -> Metadata {
    let mut metadata = Metadata::new();
    for (name, value) in &file.facts {
        let text = values::plain(value);
        if !values::put(schema, Entity::File, &mut metadata, name, &text) {
            report.environment.insert(format!("{lfn}:{name}"), text);
        }
    }
    // These are kept with the step in any case.
    if let Ok(Value::Object(known)) = serde_json::to_value(configuration) {
        for (name, value) in known.iter().filter(|(_, value)| !value.is_null()) {
            values::put(schema, Entity::File, &mut metadata, name, &values::plain(value));
        }
    }
    metadata
}

fn sections(file: &File) -> Result<RunSections, Problem> {
    let mut runs: BTreeMap<RunNumber, Vec<(u32, u32)>> = BTreeMap::new();
    for section in &file.sections {
        let number = section.lumi_section_num;
        runs.entry(RunNumber(section.run_num)).or_default().push((number, number));
    }
    let mut sets = BTreeMap::new();
    for (run, numbers) in runs {
        let set = Intervals::new(numbers)
            .map_err(|error| wrong("file_lumi_list", &run.to_string(), error))?;
        sets.insert(run, set);
    }
    Ok(RunSections::new(sets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_becomes_a_report_with_sections_parents_and_its_dataset() {
        let text = include_str!("../../../formats/tests/data/bulk-block.json");
        let block = sbk_formats::bulk_block::read(text).unwrap();
        let schema = Schema::empty(None);

        let (report, dataset) = report(&block, &schema, DatasetKind::Official).unwrap();

        assert_eq!(report.name.as_str(), "/Prim/Era-v1/RECO#1");
        assert_eq!(dataset.parents[0].as_str(), "/Prim/Era-v1/RAW");
        assert_eq!((report.outputs.len(), report.steps.len()), (2, 2));
        let first = &report.outputs[0];
        assert_eq!(serde_json::to_string(&first.sections).unwrap(), r#"{"98":[[1,3]]}"#);
        assert_eq!(first.parents.as_ref().unwrap()[0].as_str(), "/store/raw/0.root");
        assert_eq!(first.file.checksums.others["cksum"], "1504266448");
        assert_eq!(report.outputs[1].file.status, FileStatus::Bad);
        assert_eq!(report.steps[0].conditions["GlobalTag"], "tag_2");
        assert_eq!(report.environment["/store/reco/0.root:auto_cross_section"], "0.5");
        assert_eq!(report.environment["dbs.dataset.data_tier_name"], "RECO");
        assert_eq!(report.events_written.map(Events::get), Some(211));
    }

    #[test]
    fn a_name_that_is_too_long_ends_with_a_hash() {
        let long = format!("/{}#1", "é".repeat(200));

        let name = job_name(&long).unwrap();

        assert!(name.as_str().len() <= JobName::MAX_LEN);
        assert_ne!(job_name(&format!("{long}2")).unwrap(), name);
    }
}
