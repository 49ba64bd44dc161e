//! Makes reports of Gaudi summaries.
//!
//! A summary knows neither the job nor the program, so both are taken from the name that it is
//! given: `Brunel_00012448_00013484_1` is step 1 of task 13484 of the production 12448, run by
//! Brunel. Files keep the names that the program uses, with the step. An input with a logical name
//! is an input of the job; an output is never registered by a summary, since it says no size.

use sbk_api::{JobReport, Problem, StepFile, StepReport};
use sbk_formats::{
    WorkflowName,
    gaudi::{File, Summary},
};
use sbk_model::{Application, Events, JobName, JobState, Label, Lfn, ProductionName, Size};

use super::values::{parsed, wrong};

/// The report that a summary makes.
pub fn report(summary: &Summary, name: &JobName) -> Result<JobReport, Problem> {
    let mut report = JobReport::new(name.clone());
    name_parts(&mut report)?;
    if let Some(flaw) = summary.flaw() {
        report.state = JobState::Failed;
        report.reason = Some(parsed("reason", &flaw)?);
    }
    report.memory = summary.memory().and_then(|bytes| Size::try_from(bytes).ok());
    report.events_read = Some(events("input", summary.events_read())?);
    report.events_written = Some(events("output", summary.events_written())?);
    report.environment.insert("gaudi.step".into(), summary.step.clone());
    report.environment.insert("gaudi.success".into(), summary.success.to_string());
    for file in &summary.inputs {
        if let Some(lfn) = file.logical_name() {
            let lfn: Lfn = parsed("input.file", lfn)?;
            if !report.inputs.contains(&lfn) {
                report.inputs.push(lfn);
            }
        }
    }
    let step = step(summary, &mut report)?;
    report.steps.push(step);
    Ok(report)
}

/// Takes production, task and part from the name of a job of a workflow.
pub fn name_parts(report: &mut JobReport) -> Result<(), Problem> {
    if let Some(parts) = WorkflowName::of(report.name.as_str()) {
        let production: ProductionName = parsed("name", &parts.production.to_string())?;
        report.production.get_or_insert(production);
        report.task = Some(parts.task);
        report.part = Some(parts.step);
    }
    Ok(())
}

fn events(field: &str, count: i64) -> Result<Events, Problem> {
    Events::try_from(count).map_err(|error| wrong(field, &count.to_string(), error))
}

fn step(summary: &Summary, report: &mut JobReport) -> Result<StepReport, Problem> {
    let mut step = StepReport::new(application(&report.name)?);
    step.events_read = report.events_read;
    step.events_written = report.events_written;
    step.memory = report.memory;
    step.counters = summary.counters.clone();
    for usage in summary.usage.iter().filter(|usage| usage.of != "MemoryMaximum") {
        step.counters.insert(format!("usage.{} ({})", usage.of, usage.unit), usage.amount);
    }
    for (name, text) in &summary.texts {
        report.environment.insert(format!("gaudi.counter.{name}"), text.clone());
    }
    for (file, written) in summary
        .inputs
        .iter()
        .map(|file| (file, false))
        .chain(summary.outputs.iter().map(|file| (file, true)))
    {
        let guid = file.guid.as_ref().and_then(|guid| guid.parse().ok());
        if let Some(odd) = file.guid.as_ref().filter(|_| guid.is_none()) {
            report.environment.insert(format!("gaudi.guid.{}", file.name), odd.clone());
        }
        step.files.push(StepFile {
            name: file.name.clone(),
            guid,
            written,
            status: Some(status(file)?),
            events: Some(events("file", file.events)?),
        });
    }
    Ok(step)
}

fn status(file: &File) -> Result<Label, Problem> {
    parsed("file.status", &file.status)
}

/// The program: what stands before the numbers of a name, when there is something.
fn application(name: &JobName) -> Result<Application, Problem> {
    let first = name.as_str().split('_').next().unwrap_or_default();
    let is_word = first.starts_with(|c: char| c.is_ascii_alphabetic());
    parsed("name", if is_word && first.len() < name.as_str().len() { first } else { "Gaudi" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(success: &str, status: &str) -> Summary {
        let text = format!(
            "<summary><success>{success}</success><step>finalize</step>\
             <input><file GUID='' name='LFN:/lhcb/1.raw' status='{status}'>20</file></input>\
             <output><file GUID='x y' name='PFN:1.dst' status='full'>10</file></output></summary>"
        );
        sbk_formats::gaudi::read(&text).unwrap()
    }

    #[test]
    fn a_good_summary_becomes_a_good_job_of_its_production() {
        let name = "Brunel_00012448_00013484_1".parse().unwrap();

        let report = report(&summary("True", "full"), &name).unwrap();

        assert_eq!(report.state, JobState::Done);
        assert_eq!(report.production.as_ref().map(AsRef::as_ref), Some("12448"));
        assert_eq!((report.task, report.part), (Some(13484), Some(1)));
        assert_eq!(report.events_written.map(Events::get), Some(10));
        assert_eq!(report.inputs[0].as_str(), "/lhcb/1.raw");
        assert_eq!(report.steps[0].application.as_str(), "Brunel");
        assert_eq!(report.steps[0].files.len(), 2);
        assert_eq!(report.environment["gaudi.guid.PFN:1.dst"], "x y");
    }

    #[test]
    fn a_bad_one_becomes_a_failed_job_with_its_reason() {
        let report = report(&summary("False", "part"), &"mine".parse().unwrap()).unwrap();

        assert_eq!(report.state, JobState::Failed);
        assert_eq!(report.reason.unwrap().as_str(), "input read in part");
        assert_eq!((report.production, report.task), (None, None));
        assert_eq!(report.steps[0].application.as_str(), "Gaudi");
    }
}
