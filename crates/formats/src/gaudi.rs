//! Gaudi XML summaries: what a program of the Gaudi framework says about one run of itself.
//!
//! A summary is good when it says `True`, came to the step `finalize`, and each of its files was
//! read or written in full. Otherwise [`Summary::flaw`] says why not, in words that are the same
//! for what is alike; of several reasons the first of this table counts, since the later ones
//! follow from it:
//!
//! | reason | what the summary says |
//! |---|---|
//! | `input cannot be read` | an input has the status `fail` |
//! | `input not opened` | an input has the status `none` |
//! | `stopped in execute` (or another step) | the step is not `finalize`: the program ended early |
//! | `output cannot be written` | an output has the status `fail` |
//! | `output not opened` | an output has the status `none` |
//! | `input read more than once` | an input has the status `mult` |
//! | `input read in part` | an input has the status `part` |
//! | `output written in part` | an output has the status `part` or `mult` |
//! | `input without events` | no event was read of an input that was read in full |
//! | `output without events` | no event was written to an output that was written in full |
//! | `status not known` | a file has a status that this table does not name |
//! | `not successful` | it says `False`, and nothing more |
//!
//! A summary that ends before its end (its program was killed) is no XML, and is [`Malformed`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    Malformed,
    xml::{self, Element},
};

/// What a program says about one run of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Whether it says that it did well.
    pub success: bool,
    /// The step that it came to: `initialize`, `execute` or `finalize`.
    pub step: String,
    /// What it used.
    pub usage: Vec<Usage>,
    /// What it read.
    pub inputs: Vec<File>,
    /// What it wrote.
    pub outputs: Vec<File>,
    /// Its counters; the second of one name has `#2` behind it.
    pub counters: BTreeMap<String, f64>,
    /// Counters whose value is no number.
    pub texts: BTreeMap<String, String>,
}

/// How much of something was used.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// Of what, for instance `MemoryMaximum`.
    pub of: String,
    /// The unit, for instance `KB`.
    pub unit: String,
    /// How much.
    pub amount: f64,
}

/// A file, as the program names it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct File {
    /// The name with its kind, for instance `PFN:00012479_00000543_1.sim`.
    pub name: String,
    /// Its id, when there is one.
    pub guid: Option<String>,
    /// What became of it: `full`, `part`, `mult`, `fail` or `none`.
    pub status: String,
    /// The events that were read or written.
    pub events: i64,
}

impl File {
    /// The logical name: that of an `LFN:` whose rest is an absolute path.
    pub fn logical_name(&self) -> Option<&str> {
        self.name.strip_prefix("LFN:").filter(|name| name.starts_with('/'))
    }
}

/// Reads a summary.
///
/// # Errors
/// When it is no XML, or ends early, or is another document, or a number in it is none.
pub fn read(text: &str) -> Result<Summary, Malformed> {
    let root = xml::read(text)?;
    if root.name != "summary" {
        let reason = format!("a Gaudi summary begins with <summary>, not <{}>", root.name);
        return Err(Malformed::new(root.line, reason));
    }
    let mut summary = Summary {
        success: success(&root)?,
        step: words(&root, "step")?.to_owned(),
        inputs: files(&root, "input")?,
        outputs: files(&root, "output")?,
        ..Summary::default()
    };
    for stat in root.all("usage").flat_map(|usage| usage.all("stat")) {
        summary.usage.push(Usage {
            of: stat.needed("useOf")?.to_owned(),
            unit: stat.attribute("unit").unwrap_or_default().to_owned(),
            amount: number(stat, "usage")?,
        });
    }
    for counter in root.all("counters").flat_map(|counters| counters.all("counter")) {
        summary.count("", counter)?;
    }
    for counter in root.all("lumiCounters").flat_map(|counters| counters.all("counter")) {
        summary.count("lumi.", counter)?;
    }
    Ok(summary)
}

fn words<'a>(root: &'a Element, name: &str) -> Result<&'a str, Malformed> {
    let found = root.first(name).map(Element::words).filter(|words| !words.is_empty());
    found.ok_or_else(|| Malformed::of(root.line, name, "is needed"))
}

fn success(root: &Element) -> Result<bool, Malformed> {
    match words(root, "success")?.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => {
            Err(Malformed::of(root.line, "success", format!("{other:?} is neither True nor False")))
        }
    }
}

fn number(element: &Element, field: &str) -> Result<f64, Malformed> {
    let words = element.words();
    let number = words.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| Malformed::of(element.line, field, format!("{words:?} is not a number")))
}

fn files(root: &Element, direction: &str) -> Result<Vec<File>, Malformed> {
    let files = root.all(direction).flat_map(|direction| direction.all("file"));
    let files = files.map(|file| {
        let words = file.words();
        let events = if words.is_empty() { Some(0) } else { words.parse().ok() };
        let events = events.filter(|events: &i64| *events >= 0).ok_or_else(|| {
            let field = format!("{direction}.file");
            Malformed::of(file.line, &field, format!("{words:?} is not a number of events"))
        })?;
        Ok(File {
            name: file.needed("name")?.to_owned(),
            guid: file.attribute("GUID").map(str::to_owned),
            status: file.needed("status")?.to_owned(),
            events,
        })
    });
    files.collect()
}

impl Summary {
    fn count(&mut self, prefix: &str, counter: &Element) -> Result<(), Malformed> {
        let name = format!("{prefix}{}", counter.needed("name")?);
        let taken = |name: &str| self.counters.contains_key(name) || self.texts.contains_key(name);
        let mut free = name.clone();
        for more in 2.. {
            if !taken(&free) {
                break;
            }
            free = format!("{name}#{more}");
        }
        match number(counter, "counter") {
            Ok(number) => drop(self.counters.insert(free, number)),
            Err(_) => drop(self.texts.insert(free, counter.words().to_owned())),
        }
        Ok(())
    }

    /// Why the run was not good; `None` when it was.
    pub fn flaw(&self) -> Option<String> {
        let is = |files: &[File], status: &str| files.iter().any(|file| file.status == status);
        let empty = |files: &[File]| files.iter().any(|f| f.status == "full" && f.events == 0);
        let known = |file: &File| {
            matches!(file.status.as_str(), "full" | "part" | "mult" | "fail" | "none")
        };
        let early = self.step != "finalize";
        let stopped = format!("stopped in {}", self.step.chars().take(50).collect::<String>());
        let flaws = [
            (is(&self.inputs, "fail"), "input cannot be read"),
            (is(&self.inputs, "none"), "input not opened"),
            (early, stopped.as_str()),
            (is(&self.outputs, "fail"), "output cannot be written"),
            (is(&self.outputs, "none"), "output not opened"),
            (is(&self.inputs, "mult"), "input read more than once"),
            (is(&self.inputs, "part"), "input read in part"),
            (is(&self.outputs, "part") || is(&self.outputs, "mult"), "output written in part"),
            (empty(&self.inputs), "input without events"),
            (empty(&self.outputs), "output without events"),
            (!self.inputs.iter().chain(&self.outputs).all(known), "status not known"),
            (!self.success, "not successful"),
        ];
        flaws.into_iter().find(|(holds, _)| *holds).map(|(_, flaw)| flaw.to_owned())
    }

    /// The events of all inputs.
    pub fn events_read(&self) -> i64 {
        self.inputs.iter().fold(0, |sum, file| sum.saturating_add(file.events))
    }

    /// The events of all outputs.
    pub fn events_written(&self) -> i64 {
        self.outputs.iter().fold(0, |sum, file| sum.saturating_add(file.events))
    }

    /// The greatest memory in bytes. Gaudi's `KB` are of 1,024 bytes, as the kernel counts them.
    pub fn memory(&self) -> Option<i64> {
        let used = self.usage.iter().find(|usage| usage.of == "MemoryMaximum")?;
        let unit = match used.unit.to_ascii_uppercase().as_str() {
            "B" | "" => 1.0,
            "KB" => 1024.0,
            "MB" => 1024.0 * 1024.0,
            "GB" => 1024.0 * 1024.0 * 1024.0,
            _ => return None,
        };
        let bytes = used.amount * unit;
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
        (0.0..1e15).contains(&bytes).then_some(bytes.round() as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(success: &str, step: &str, input: (&str, i64), output: (&str, i64)) -> Summary {
        let text = format!(
            "<summary version='1.0'><success>{success}</success><step>{step}</step>\
             <usage><stat unit='KB' useOf='MemoryMaximum'>1000.0</stat></usage>\
             <input><file GUID='' name='LFN:/lhcb/raw/1.raw' status='{}'>{}</file></input>\
             <output><file GUID='A' name='PFN:1.dst' status='{}'>{}</file></output>\
             <counters><counter name='a/#passed'>3</counter><counter name='a/#passed'>4</counter>\
             <counter name='b'>many</counter></counters><lumiCounters/></summary>",
            input.0, input.1, output.0, output.1
        );
        read(&text).unwrap()
    }

    #[test]
    fn a_summary_is_read_with_files_counters_and_memory() {
        let read = summary("True", "finalize", ("full", 20), ("full", 10));

        assert_eq!((read.events_read(), read.events_written()), (20, 10));
        assert_eq!(read.memory(), Some(1_024_000));
        assert_eq!(read.inputs[0].logical_name(), Some("/lhcb/raw/1.raw"));
        assert_eq!((read.inputs[0].guid.as_deref(), read.outputs[0].logical_name()), (None, None));
        assert_eq!(read.counters["a/#passed#2"].to_string(), "4");
        assert_eq!(read.texts["b"], "many");
        assert_eq!(read.flaw(), None);
    }

    #[test]
    fn what_is_not_good_has_one_reason() {
        let flaw = |success, step, input, output| summary(success, step, input, output).flaw();
        let cases = [
            (flaw("False", "execute", ("part", 5), ("fail", 3)), "stopped in execute"),
            (flaw("False", "finalize", ("part", 5), ("fail", 3)), "output cannot be written"),
            (flaw("False", "finalize", ("part", 1), ("full", 0)), "input read in part"),
            (flaw("False", "execute", ("fail", 0), ("full", 3)), "input cannot be read"),
            (flaw("True", "finalize", ("mult", 9), ("full", 3)), "input read more than once"),
            (flaw("True", "finalize", ("full", 0), ("full", 3)), "input without events"),
            (flaw("True", "finalize", ("full", 9), ("part", 3)), "output written in part"),
            (flaw("True", "finalize", ("full", 9), ("odd", 3)), "status not known"),
            (flaw("False", "finalize", ("full", 9), ("full", 3)), "not successful"),
        ];

        for (found, wanted) in cases {
            assert_eq!(found.as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_summary_is_refused_with_its_place() {
        let refused = |text: &str| read(text).unwrap_err().to_string();

        assert!(refused("").contains("empty"));
        assert!(refused("<Job/>").contains("<summary>"));
        assert!(refused("<summary><success>True</success>").contains("ends within <summary>"));
        assert!(refused("<summary><success>maybe</success></summary>").contains("success"));
        let events = "<summary><success>True</success><step>s</step>\n\
                      <input><file name='a' status='full'>ten</file></input></summary>";
        assert!(refused(events).contains("line 2: input.file: \"ten\""));
    }
}
