use std::collections::BTreeMap;

use sbk_testkit::Backend;

/// How many tests passed on each backend, by the last part of their names.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<Backend, usize>);

impl Counts {
    /// Reads the report that nextest writes.
    pub fn from_junit(report: &str) -> Self {
        let mut counts = Self::default();
        for case in report.split("<testcase ").skip(1) {
            let passed = !["<failure", "<error", "<skipped"].iter().any(|tag| case.contains(tag));
            let name = case.strip_prefix("name=\"").and_then(|rest| rest.split('"').next());
            if let (true, Some(name)) = (passed, name) {
                counts.add(name);
            }
        }
        counts
    }

    /// Reads one line that `cargo test` prints.
    pub fn add_cargo_line(&mut self, line: &str) {
        let name = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... ok"));
        if let Some(name) = name {
            self.add(name);
        }
    }

    /// The number for one backend.
    pub fn of(&self, backend: Backend) -> usize {
        self.0.get(&backend).copied().unwrap_or_default()
    }

    /// Whether all of the backends passed the same number of tests, and any.
    pub fn are_equal_and_some(&self, backends: &[Backend]) -> bool {
        let mut counts = backends.iter().map(|backend| self.of(*backend));
        let first = counts.next().unwrap_or_default();
        first > 0 && counts.all(|count| count == first)
    }

    fn add(&mut self, name: &str) {
        let backend = name.rsplit_once("::").and_then(|(_, last)| last.parse::<Backend>().ok());
        if let Some(backend) = backend {
            *self.0.entry(backend).or_default() += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = r#"
        <testcase name="a::sqlite" classname="x" time="0.1"></testcase>
        <testcase name="a::postgres" classname="x" time="0.1"/>
        <testcase name="a::mariadb" classname="x"><failure type="x"/></testcase>
        <testcase name="a_plain_one" classname="sqlite" time="0.1"/>"#;

    #[test]
    fn a_report_counts_the_tests_that_passed() {
        let counts = Counts::from_junit(REPORT);

        assert_eq!(Backend::ALL.map(|backend| counts.of(backend)), [1, 1, 0]);
        assert!(!counts.are_equal_and_some(&Backend::ALL));
        assert!(counts.are_equal_and_some(&[Backend::Sqlite, Backend::Postgres]));
    }

    #[test]
    fn lines_of_cargo_count_the_tests_that_passed() {
        let mut counts = Counts::default();

        counts.add_cargo_line("test a::sqlite ... ok");
        counts.add_cargo_line("test b::sqlite ... FAILED");

        assert_eq!(counts.of(Backend::Sqlite), 1);
    }
}
