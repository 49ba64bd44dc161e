use std::collections::BTreeMap;
use std::fmt::Write;

use super::layout::Layout;
use crate::bench::statistics::Summary;

/// What was measured, by measure and layout, at one number of rows.
#[derive(Debug, Default)]
pub struct Stage {
    rows: u64,
    measures: Vec<(&'static str, BTreeMap<Layout, Vec<f64>>)>,
}

impl Stage {
    pub fn new(rows: u64) -> Self {
        Self { rows, measures: Vec::new() }
    }

    /// Adds one value; a measure is shown where it came first.
    pub fn add(&mut self, measure: &'static str, layout: Layout, value: f64) {
        if !self.measures.iter().any(|(name, _)| *name == measure) {
            self.measures.push((measure, BTreeMap::new()));
        }
        let values = self.measures.iter_mut().find(|(name, _)| *name == measure);
        let (_, values) = values.expect("it was added if it was not there");
        values.entry(layout).or_default().push(value);
    }

    /// The medians as a Markdown table.
    pub fn markdown(&self) -> String {
        let mut text = format!("## {} files\n\n| measure |", grouped(self.rows));
        for layout in Layout::ALL {
            let _ = write!(text, " {} |", layout.title());
        }
        text.push_str("\n|---|---:|---:|---:|\n");
        for (name, values) in &self.measures {
            let _ = write!(text, "| {name} |");
            for layout in Layout::ALL {
                let values = values.get(&layout).map_or(&[][..], Vec::as_slice);
                let _ = write!(text, " {} |", cell(values));
            }
            text.push('\n');
        }
        text
    }
}

fn cell(values: &[f64]) -> String {
    match Summary::of(values) {
        None => String::new(),
        Some(summary) if values.len() == 1 => rounded(summary.median),
        Some(Summary { median, lower, upper }) => {
            format!("{} ({} to {})", rounded(median), rounded(lower), rounded(upper))
        }
    }
}

fn rounded(value: f64) -> String {
    match value {
        value if value >= 100.0 => {
            // Timings are far below the numbers that `f64` cannot hold.
            let whole = format!("{value:.0}").parse().unwrap_or_default();
            grouped(whole)
        }
        value if value >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_shows_medians_in_the_order_of_the_layouts() {
        let mut stage = Stage::new(1_000_000);
        for value in [1.0, 12345.0, 12346.2] {
            stage.add("rate", Layout::Derived, value);
        }

        let table = stage.markdown();

        assert!(table.starts_with("## 1,000,000 files\n"), "{table}");
        assert!(table.ends_with("| rate | 12,345 (1.00 to 12,345) |  |  |\n"), "{table}");
    }
}
