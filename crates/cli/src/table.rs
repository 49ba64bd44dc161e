use std::io::{self, Write};

use crate::cell::Cell;

/// How many rows are seen before the widths of the columns are chosen.
const SAMPLE: usize = 1000;

/// The widest that a column other than the first and the last may be.
const MAX_WIDTH: usize = 48;

/// A table whose columns are as wide as their first rows need.
///
/// It holds at most [`SAMPLE`] rows. A later row that is wider pushes the rest of its line on.
#[derive(Debug)]
pub struct Table {
    headings: &'static [&'static str],
    sample: Vec<Vec<Cell>>,
    columns: Option<Vec<Column>>,
}

/// How a column is laid out.
#[derive(Debug)]
struct Column {
    width: usize,
    right: bool,
}

impl Table {
    /// Begins a table.
    pub fn new(headings: &'static [&'static str]) -> Self {
        Self { headings, sample: Vec::new(), columns: None }
    }

    /// Adds a row.
    pub fn add(&mut self, writer: &mut impl Write, cells: &[Cell]) -> io::Result<()> {
        if let Some(columns) = &self.columns {
            return write_row(writer, columns, &texts(cells));
        }
        self.sample.push(cells.to_vec());
        if self.sample.len() >= SAMPLE { self.end(writer) } else { Ok(()) }
    }

    /// Writes what is not written yet. A table without rows has no headings, either.
    pub fn end(&mut self, writer: &mut impl Write) -> io::Result<()> {
        if self.columns.is_some() || self.sample.is_empty() {
            return Ok(());
        }
        let sample = std::mem::take(&mut self.sample);
        let columns: Vec<Column> = self
            .headings
            .iter()
            .enumerate()
            .map(|(at, heading)| column(heading, at, &sample))
            .collect();
        let headings: Vec<String> = self.headings.iter().map(ToString::to_string).collect();
        write_row(writer, &columns, &headings)?;
        for cells in &sample {
            write_row(writer, &columns, &texts(cells))?;
        }
        self.columns = Some(columns);
        Ok(())
    }
}

/// Lays a column out for its heading and the first rows.
fn column(heading: &str, at: usize, sample: &[Vec<Cell>]) -> Column {
    let cells = || sample.iter().filter_map(|row| row.get(at));
    let widest = cells().map(|cell| cell.human().chars().count()).max().unwrap_or_default();
    let right = cells().any(Cell::is_number)
        && cells().all(|cell| cell.is_number() || *cell == Cell::Missing);
    let bound = if at == 0 { usize::MAX } else { MAX_WIDTH };
    Column { width: widest.max(heading.chars().count()).min(bound), right }
}

/// The texts of a row.
fn texts(cells: &[Cell]) -> Vec<String> {
    cells.iter().map(Cell::human).collect()
}

/// Writes the texts of a row with two spaces between them, and none at its end.
fn write_row(writer: &mut impl Write, columns: &[Column], texts: &[String]) -> io::Result<()> {
    let mut line = String::new();
    let last = columns.len().saturating_sub(1);
    for (at, (column, text)) in columns.iter().zip(texts).enumerate() {
        let text = if at == 0 || at == last { text.clone() } else { shorten(text, column.width) };
        let gap = " ".repeat(column.width.saturating_sub(text.chars().count()));
        let (before, after) = if column.right { (gap.as_str(), "") } else { ("", gap.as_str()) };
        let between = if at == 0 { "" } else { "  " };
        line.extend([between, before, &text, after]);
    }
    writeln!(writer, "{}", line.trim_end())
}

/// The text, or as much of it as fits before an ellipsis.
fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_in_the_middle_are_shortened_and_names_are_not() {
        let long = "x".repeat(100);
        let mut table = Table::new(&["NAME", "TEXT", "N"]);
        let mut page = Vec::new();

        table.add(&mut page, &[Cell::text(&long), Cell::text(&long), Cell::Count(1)]).unwrap();
        table.end(&mut page).unwrap();

        let page = String::from_utf8(page).unwrap();
        let row = page.lines().nth(1).unwrap();
        assert!(row.starts_with(&format!("{long}  {}…  1", "x".repeat(MAX_WIDTH - 1))), "{row}");
    }

    #[test]
    fn rows_beyond_the_sample_are_written_at_once() {
        let mut table = Table::new(&["N"]);
        let mut page = Vec::new();
        for number in 0..=SAMPLE {
            let number = i64::try_from(number).unwrap();
            table.add(&mut page, &[Cell::Count(number)]).unwrap();
        }

        let lines = String::from_utf8(page).unwrap().lines().count();

        assert_eq!(lines, SAMPLE + 2);
    }
}
