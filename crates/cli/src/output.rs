use std::{
    io::{self, BufWriter, IsTerminal, Write},
    pin::pin,
};

use futures::{Stream, TryStreamExt};
use sbk_api::Problem;
use serde::Serialize;

use crate::{cell::Cell, failure::Failure, table::Table};

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// Tables and sentences for people.
    #[default]
    Human,
    /// Values with a tab between them, one thing a line, without headings.
    Plain,
    /// One JSON value; a list is an array.
    Json,
    /// One JSON value a line.
    Ndjson,
}

impl Format {
    /// Whether a person reads the results.
    pub fn is_human(self) -> bool {
        self == Self::Human
    }
}

/// A thing that can be a row of a table.
pub trait Row {
    /// The headings of the columns.
    const HEADINGS: &'static [&'static str];

    /// The values, one for each heading.
    fn cells(&self) -> Vec<Cell>;

    /// The values for programs.
    fn plain(&self) -> Vec<Cell> {
        self.cells()
    }
}

/// Where results are written to.
pub struct Output {
    writer: BufWriter<Box<dyn Write>>,
    format: Format,
    /// Whether every row is shown at once.
    live: bool,
}

impl Output {
    /// Writes to the standard output.
    pub fn standard(format: Format) -> Self {
        let live = io::stdout().is_terminal();
        Self { writer: BufWriter::with_capacity(1 << 16, Box::new(io::stdout())), format, live }
    }

    /// The format of the results.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Writes a list as it comes, and says how many items it had.
    pub async fn list<T: Row + Serialize>(
        &mut self,
        items: impl Stream<Item = Result<T, Problem>>,
    ) -> Result<u64, Failure> {
        let mut items = pin!(items);
        let mut list = List::begin::<T>(self.format);
        let mut number = 0;
        let ended = loop {
            match items.try_next().await {
                Ok(Some(item)) => {
                    list.add(&mut self.writer, &item).map_err(|error| Failure::output(&error))?;
                    number += 1;
                    if self.live && !self.format.is_human() {
                        self.flush()?;
                    }
                }
                Ok(None) => break Ok(number),
                Err(problem) => break Err(Failure::Problem(problem)),
            }
        };
        // What came before a failure is shown; only the end of an array tells that all came.
        list.end(&mut self.writer, ended.is_ok()).map_err(|error| Failure::output(&error))?;
        self.flush()?;
        ended
    }

    /// Writes one thing: its fields with their names for people, all of it for programs.
    pub fn show(&mut self, value: &impl Serialize, fields: &[(&str, Cell)]) -> Result<(), Failure> {
        match self.format {
            Format::Human => {
                let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
                for (name, cell) in fields.iter().filter(|(_, cell)| *cell != Cell::Missing) {
                    let mut name = *name;
                    for line in cell.lines() {
                        self.line(format_args!("{name:width$}  {line}"))?;
                        name = "";
                    }
                }
                self.flush()
            }
            Format::Plain => {
                for (name, cell) in fields {
                    self.line(format_args!("{name}\t{}", cell.plain()))?;
                }
                self.flush()
            }
            Format::Json | Format::Ndjson => self.json(value),
        }
    }

    /// Writes a value as JSON.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let written = match self.format {
            Format::Ndjson => serde_json::to_writer(&mut self.writer, value),
            _ => serde_json::to_writer_pretty(&mut self.writer, value),
        };
        written.map_err(|error| Failure::output(&error.into()))?;
        self.line("")?;
        self.flush()
    }

    /// Writes a line as it stands.
    pub fn line(&mut self, text: impl std::fmt::Display) -> Result<(), Failure> {
        writeln!(self.writer, "{text}").map_err(|error| Failure::output(&error))
    }

    /// Writes a text as it stands.
    pub fn text(&mut self, text: &str) -> Result<(), Failure> {
        self.writer.write_all(text.as_bytes()).map_err(|error| Failure::output(&error))?;
        self.flush()
    }

    /// Hands on what was written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.writer.flush().map_err(|error| Failure::output(&error))
    }
}

/// A list in the middle of being written.
struct List {
    format: Format,
    table: Table,
    first: bool,
}

impl List {
    /// Begins a list.
    fn begin<T: Row>(format: Format) -> Self {
        Self { format, table: Table::new(T::HEADINGS), first: true }
    }

    /// Writes an item, or keeps it until the widths are known.
    fn add<T: Row + Serialize>(&mut self, writer: &mut impl Write, item: &T) -> io::Result<()> {
        match self.format {
            Format::Human => return self.table.add(writer, &item.cells()),
            Format::Plain => {
                let values: Vec<String> = item.plain().iter().map(Cell::plain).collect();
                return writeln!(writer, "{}", values.join("\t"));
            }
            Format::Json => writer.write_all(if self.first { b"[\n" } else { b",\n" })?,
            Format::Ndjson => {}
        }
        self.first = false;
        serde_json::to_writer(&mut *writer, item)?;
        if self.format == Format::Ndjson { writeln!(writer) } else { Ok(()) }
    }

    /// Ends the list.
    fn end(&mut self, writer: &mut impl Write, complete: bool) -> io::Result<()> {
        match self.format {
            Format::Human => self.table.end(writer),
            Format::Json if !complete => writeln!(writer),
            Format::Json if self.first => writeln!(writer, "[]"),
            Format::Json => writeln!(writer, "\n]"),
            Format::Plain | Format::Ndjson => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use futures::stream;
    use sbk_api::Code;

    use super::*;

    #[derive(Serialize)]
    struct Thing {
        name: &'static str,
        size: i64,
    }

    impl Row for Thing {
        const HEADINGS: &'static [&'static str] = &["NAME", "SIZE"];

        fn cells(&self) -> Vec<Cell> {
            vec![Cell::text(self.name), Cell::Bytes(self.size)]
        }
    }

    #[derive(Clone, Default)]
    struct Page(Rc<RefCell<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn write(format: Format, write: impl FnOnce(&mut Output)) -> String {
        let page = Page::default();
        let writer = BufWriter::new(Box::new(page.clone()) as Box<dyn Write>);
        let mut output = Output { writer, format, live: false };
        write(&mut output);
        drop(output);
        String::from_utf8(page.0.take()).unwrap()
    }

    fn written(format: Format, things: Vec<Result<Thing, Problem>>) -> String {
        write(format, |output| {
            let _ = futures::executor::block_on(output.list(stream::iter(things)));
        })
    }

    fn things() -> Vec<Result<Thing, Problem>> {
        vec![Ok(Thing { name: "a", size: 5 }), Ok(Thing { name: "long", size: 4096 })]
    }

    #[test]
    fn people_get_aligned_columns() {
        let expected = "NAME      SIZE\na          5 B\nlong  4.00 KiB\n";

        assert_eq!(written(Format::Human, things()), expected);
        assert_eq!(written(Format::Human, vec![]), "");
    }

    #[test]
    fn programs_get_tabs_an_array_or_a_value_a_line() {
        let objects = [r#"{"name":"a","size":5}"#, r#"{"name":"long","size":4096}"#];

        assert_eq!(written(Format::Plain, things()), "a\t5\nlong\t4096\n");
        assert_eq!(written(Format::Json, things()), format!("[\n{}\n]\n", objects.join(",\n")));
        assert_eq!(written(Format::Json, vec![]), "[]\n");
        assert_eq!(written(Format::Ndjson, things()), format!("{}\n", objects.join("\n")));
    }

    #[test]
    fn people_get_the_fields_of_a_thing_with_each_value_of_a_list_on_a_line() {
        let fields = [
            ("name", Cell::text("a")),
            ("size", Cell::Missing),
            ("parents", Cell::list(["b", "c"])),
        ];
        let show = |output: &mut Output| output.show(&1, &fields).unwrap();

        assert_eq!(write(Format::Human, show), "name     a\nparents  b\n         c\n");
        assert_eq!(write(Format::Plain, show), "name\ta\nsize\t\nparents\tb, c\n");
        assert_eq!(write(Format::Json, show), "1\n");
    }

    #[test]
    fn an_array_that_failed_midway_is_not_closed() {
        let mut items = things();
        items.push(Err(Problem::new(Code::Unavailable, "away")));

        assert!(!written(Format::Json, items).contains(']'));
    }
}
