//! Which outputs of a job were made from which files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{Code, JobReport, OutputReport, Problem};
use sbk_model::{FileKey, Lfn};

/// What a job used and made, by step. Files that were only handed from step to step are replaced
/// by what they were made from.
#[derive(Debug, Default, PartialEq)]
pub struct Edges<'a> {
    /// Which files a step used.
    pub used: BTreeSet<(i64, &'a Lfn)>,
    /// Which step made an output, by the output's place in the report.
    pub made: Vec<(i64, usize)>,
    /// The inputs that other jobs made.
    pub inputs: BTreeSet<&'a Lfn>,
}

/// The most edges of one report.
const MAX_EDGES: usize = 100_000;

fn invalid(field: impl Into<String>, text: String) -> Problem {
    Problem { field: Some(field.into()), ..Problem::new(Code::Invalid, text) }
}

/// Works out what each step used.
struct Work<'a> {
    report: &'a JobReport,
    /// The outputs by name.
    outputs: HashMap<&'a Lfn, &'a OutputReport>,
    /// What each step read, transient files replaced; the first is that of the job as a whole.
    sources: Vec<BTreeSet<&'a Lfn>>,
}

impl<'a> Work<'a> {
    /// The step that made an output, from 1; 0 when the job names no steps.
    fn step_of(&self, output: &OutputReport) -> usize {
        output.step.map_or(self.report.steps.len(), usize::from)
    }

    /// Replaces a file that is only handed from step to step by what it was made from.
    fn resolve(&self, lfn: &'a Lfn, before: usize, field: &str) -> Result<Vec<&'a Lfn>, Problem> {
        let Some(output) = self.outputs.get(lfn) else { return Ok(vec![lfn]) };
        if self.step_of(output) >= before {
            let text = format!("{lfn} is an output of the same or a later step");
            return Err(invalid(field, text));
        }
        if !output.transient {
            return Ok(vec![lfn]);
        }
        match &output.parents {
            Some(parents) => {
                let before = self.step_of(output);
                let parts: Result<Vec<_>, _> =
                    parents.iter().map(|parent| self.resolve(parent, before, field)).collect();
                Ok(parts?.concat())
            }
            None => Ok(self.sources[self.step_of(output)].iter().copied().collect()),
        }
    }

    /// What a step read that does not say so: what the step before made, or else read.
    fn inherited(&self, step: usize) -> Result<BTreeSet<&'a Lfn>, Problem> {
        let before = step - 1;
        let mut sources = BTreeSet::new();
        let mut any = false;
        for output in self.report.outputs.iter().filter(|o| before > 0 && self.step_of(o) == before)
        {
            any = true;
            sources.extend(self.resolve(&output.file.lfn, step, "outputs")?);
        }
        Ok(if any { sources } else { self.sources[before].clone() })
    }
}

/// Gives the edges of a report, or says what in it contradicts itself.
pub fn edges(report: &JobReport) -> Result<Edges<'_>, Problem> {
    let steps = report.steps.len();
    let mut outputs = HashMap::new();
    let mut keys: HashMap<FileKey, &Lfn> = HashMap::new();
    for (at, output) in report.outputs.iter().enumerate() {
        let lfn = &output.file.lfn;
        if keys.insert(lfn.key(), lfn).is_some() {
            return Err(invalid(format!("outputs.{at}.lfn"), format!("{lfn} is an output twice")));
        }
        if output.step.is_some_and(|step| step == 0 || usize::from(step) > steps) {
            let text = format!("{lfn} is of a step that is not among the {steps} of the job");
            return Err(invalid(format!("outputs.{at}.step"), text));
        }
        outputs.insert(lfn, output);
    }
    if let Some(lfn) = report.inputs.iter().find(|lfn| outputs.contains_key(lfn)) {
        return Err(invalid("inputs", format!("{lfn} is an input and an output of the job")));
    }
    let mut work = Work { report, outputs, sources: vec![report.inputs.iter().collect()] };
    for (at, step) in report.steps.iter().enumerate() {
        let sources = match &step.inputs {
            None => work.inherited(at + 1)?,
            Some(inputs) => {
                let field = format!("steps.{at}.inputs");
                let parts: Result<Vec<_>, _> =
                    inputs.iter().map(|lfn| work.resolve(lfn, at + 1, &field)).collect();
                parts?.concat().into_iter().collect()
            }
        };
        work.sources.push(sources);
    }
    collect(&work)
}

fn collect<'a>(work: &Work<'a>) -> Result<Edges<'a>, Problem> {
    let report = work.report;
    let mut edges = Edges { inputs: report.inputs.iter().collect(), ..Edges::default() };
    let mut groups: BTreeMap<&[Lfn], i64> = BTreeMap::new();
    for (at, output) in report.outputs.iter().enumerate().filter(|(_, o)| !o.transient) {
        let step = work.step_of(output);
        let Some(parents) = &output.parents else {
            let number = i64::try_from(step).unwrap_or(i64::MAX);
            edges.used.extend(work.sources[step].iter().map(|lfn| (number, *lfn)));
            edges.made.push((number, at));
            continue;
        };
        let next = i64::try_from(report.steps.len() + 1 + groups.len()).unwrap_or(i64::MAX);
        let number = *groups.entry(parents).or_insert(next);
        if number == next {
            let field = format!("outputs.{at}.parents");
            for parent in parents {
                let sources = work.resolve(parent, step.max(1), &field)?;
                edges.used.extend(sources.into_iter().map(|lfn| (number, lfn)));
            }
        }
        edges.made.push((number, at));
    }
    for sources in &work.sources {
        edges.inputs.extend(sources.iter().filter(|lfn| !work.outputs.contains_key(*lfn)));
    }
    edges.inputs.extend(
        edges.used.iter().map(|(_, lfn)| *lfn).filter(|lfn| !work.outputs.contains_key(lfn)),
    );
    if edges.used.len() > MAX_EDGES || edges.inputs.len() > MAX_EDGES {
        return Err(invalid("inputs", format!("the report has more than {MAX_EDGES} edges")));
    }
    if edges.made.is_empty() {
        edges.used = edges.inputs.iter().map(|lfn| (0, *lfn)).collect();
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(value: serde_json::Value) -> JobReport {
        serde_json::from_value(value).unwrap()
    }

    fn used(edges: &Edges<'_>) -> Vec<(i64, String)> {
        edges.used.iter().map(|(step, lfn)| (*step, lfn.to_string())).collect()
    }

    #[test]
    fn a_step_that_says_nothing_reads_what_the_step_before_made() {
        let report = report(json!({
            "name": "j", "inputs": ["/a/raw"],
            "steps": [{"application": "Reco"}, {"application": "Strip"}],
            "outputs": [
                {"lfn": "/a/dst", "size": 1, "step": 1},
                {"lfn": "/a/mdst", "size": 1, "step": 2},
            ],
        }));

        let edges = edges(&report).unwrap();

        assert_eq!(used(&edges), [(1, "/a/raw".into()), (2, "/a/dst".into())]);
        assert_eq!(edges.made, [(1, 0), (2, 1)]);
    }

    #[test]
    fn a_transient_file_is_replaced_by_what_it_was_made_from() {
        let report = report(json!({
            "name": "j", "inputs": ["/a/gen"],
            "steps": [{"application": "Sim"}, {"application": "Digi"}, {"application": "Reco"}],
            "outputs": [
                {"lfn": "/a/sim", "size": 1, "step": 1, "transient": true},
                {"lfn": "/a/digi", "size": 1, "step": 2, "transient": true},
                {"lfn": "/a/dst", "size": 1},
            ],
        }));

        let edges = edges(&report).unwrap();

        assert_eq!(used(&edges), [(3, "/a/gen".into())]);
        assert_eq!(edges.made, [(3, 2)]);
    }

    #[test]
    fn outputs_with_parents_of_their_own_are_grouped() {
        let report = report(json!({
            "name": "j",
            "outputs": [
                {"lfn": "/a/1", "size": 1, "parents": ["/p/1"]},
                {"lfn": "/a/2", "size": 1, "parents": ["/p/1"]},
                {"lfn": "/a/3", "size": 1, "parents": ["/p/2"]},
            ],
        }));

        let edges = edges(&report).unwrap();

        assert_eq!(used(&edges), [(1, "/p/1".into()), (2, "/p/2".into())]);
        assert_eq!(edges.made, [(1, 0), (1, 1), (2, 2)]);
        assert_eq!(edges.inputs.len(), 2);
    }

    #[test]
    fn what_a_job_reads_it_cannot_make() {
        let twice = report(json!({
            "name": "j", "inputs": ["/a/1"], "outputs": [{"lfn": "/a/1", "size": 1}],
        }));
        let later = report(json!({
            "name": "j", "steps": [{"application": "A", "inputs": ["/a/1"]}],
            "outputs": [{"lfn": "/a/1", "size": 1}],
        }));

        assert!(edges(&twice).unwrap_err().detail.contains("input and an output"));
        assert_eq!(edges(&later).unwrap_err().field.as_deref(), Some("steps.0.inputs"));
    }
}
