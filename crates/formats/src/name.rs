use sbk_model::JobName;

/// The parts of a name as LHCb's production jobs have: `00012448_00013484_2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowName {
    /// The number of the production.
    pub production: u32,
    /// The task of the production, from 1.
    pub task: u32,
    /// The step of the workflow, from 1.
    pub step: u16,
}

impl WorkflowName {
    /// The parts of a name that ends so: eight digits, eight digits and the step.
    pub fn of(name: &str) -> Option<Self> {
        let mut parts = name.rsplitn(4, '_');
        let step = parts.next()?.parse().ok()?;
        let task = eight(parts.next()?)?;
        let production = eight(parts.next()?)?;
        (task > 0 && step > 0).then_some(Self { production, task, step })
    }
}

/// A number of exactly eight digits.
fn eight(text: &str) -> Option<u32> {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The name of the job that a file with a report is about: what the file is called, without
/// endings and without the word `summary` in front. `summaryBrunel_00012448_00013484_1.xml` is
/// about `Brunel_00012448_00013484_1`.
pub fn of_file(file: &str) -> Option<JobName> {
    let base = file.rsplit('/').next().unwrap_or(file);
    let base = base.strip_suffix(".gz").unwrap_or(base);
    let base = base.strip_suffix(".xml").unwrap_or(base);
    let base = base.strip_prefix("summary").unwrap_or(base);
    base.trim_start_matches(['_', '-']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_a_workflow_gives_production_task_and_step() {
        let parts = WorkflowName::of("Brunel_00012448_00013484_2").unwrap();

        assert_eq!((parts.production, parts.task, parts.step), (12448, 13484, 2));
        assert_eq!(WorkflowName::of("00012448_00013484_2"), Some(parts));
        assert_eq!(WorkflowName::of("my_job_2"), None);
        assert_eq!(WorkflowName::of("00012448_00000000_2"), None);
        assert_eq!(WorkflowName::of(""), None);
    }

    #[test]
    fn a_file_is_named_after_its_job() {
        let name = of_file("/tmp/summaryBrunel_00012448_00013484_1.xml.gz").unwrap();

        assert_eq!(name.as_str(), "Brunel_00012448_00013484_1");
        assert_eq!(of_file("summary.xml"), None);
    }
}
