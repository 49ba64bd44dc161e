use std::fmt::Write as _;

use crate::bench::statistics::Summary;

/// Values by measure, stage after stage.
#[derive(Debug)]
pub struct Report {
    title: String,
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Stage {
    title: String,
    measures: Vec<Measure>,
}

#[derive(Debug)]
struct Measure {
    name: &'static str,
    values: Vec<f64>,
    /// Whether the mean is shown: the values are coarser than what is measured.
    mean: bool,
}

impl Report {
    pub fn new(title: &str) -> Self {
        let first = Stage { title: "no files".to_owned(), measures: Vec::new() };
        Self { title: title.to_owned(), stages: vec![first] }
    }

    pub fn stage(&mut self, rows: u64) {
        self.stage_named(&format!("{rows} files"));
    }

    pub fn stage_named(&mut self, title: &str) {
        eprintln!("{title}");
        let title = title.to_owned();
        self.stages.push(Stage { title, measures: Vec::new() });
    }

    pub fn add(&mut self, name: &'static str, value: f64) {
        self.put(name, value, false);
    }

    pub fn add_mean(&mut self, name: &'static str, value: f64) {
        self.put(name, value, true);
    }

    fn put(&mut self, name: &'static str, value: f64, mean: bool) {
        let Some(stage) = self.stages.last_mut() else { return };
        match stage.measures.iter_mut().find(|measure| measure.name == name) {
            Some(measure) => measure.values.push(value),
            None => stage.measures.push(Measure { name, values: vec![value], mean }),
        }
    }

    /// The medians with the middle half of the values, as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# {}\n", self.title);
        for stage in self.stages.iter().filter(|stage| !stage.measures.is_empty()) {
            let _ = writeln!(text, "\n## {}\n\n| measure | value |\n|---|---:|", stage.title);
            for measure in &stage.measures {
                let _ = writeln!(text, "| {} | {} |", measure.name, measure.cell());
            }
        }
        text
    }
}

impl Measure {
    fn cell(&self) -> String {
        let Some(Summary { median, lower, upper }) = Summary::of(&self.values) else {
            return String::new();
        };
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let mean = self.values.iter().sum::<f64>() / self.values.len() as f64;
        if self.mean {
            rounded(mean)
        } else if self.values.len() == 1 {
            rounded(median)
        } else {
            format!("{} ({} to {})", rounded(median), rounded(lower), rounded(upper))
        }
    }
}

fn rounded(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
