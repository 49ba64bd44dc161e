//! Text to configuration.

use super::{Cfg, CfgError, CfgErrorKind as Kind, Entry, Item, is_blank, parts, trim};

impl Cfg {
    /// Reads a configuration.
    ///
    /// Takes what DIRAC takes, but for what DIRAC reads other than it was meant: an option that
    /// shares its line with a brace, an option that replaces a section, a text without `=` or `{`,
    /// a path into a section that is not there.
    pub fn parse(text: &str) -> Result<Self, CfgError> {
        if text.len() > Self::MAX_TEXT {
            return Err(CfgError { line: 1, kind: Kind::TooLong { limit: Self::MAX_TEXT } });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut parser = Parser::default();
        for (index, line) in text.split('\n').enumerate() {
            parser.number = index + 1;
            parser.line(trim(line)).map_err(|kind| parser.error(kind))?;
        }
        parser.finish()
    }
}

/// A section that is open.
struct Open {
    section: Cfg,
    /// Where it belongs within the section around it.
    path: Vec<String>,
    comment: Vec<String>,
    line: usize,
    depth: usize,
}

#[derive(Default)]
struct Parser {
    root: Cfg,
    open: Vec<Open>,
    comment: Vec<String>,
    /// Text that is not yet known to be the name of a section, and the line of its first letter.
    pending: String,
    pending_line: usize,
    number: usize,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), Kind> {
        if line.starts_with('#') {
            let comment = trim(line.trim_start_matches(|c| c == '#' || is_blank(c)));
            if !comment.is_empty() {
                self.comment.push(comment.to_owned());
            }
            return Ok(());
        }
        if let Some(at) = line.find('=')
            && !line[..at].contains(['{', '}'])
        {
            return self.option(&line[..at], trim(&line[at + 1..]));
        }
        for c in line.chars() {
            match c {
                '{' => self.open()?,
                '}' => self.close()?,
                '=' => return Err(Kind::Brace),
                c => self.collect(c),
            }
        }
        Ok(())
    }

    fn collect(&mut self, c: char) {
        if self.pending.is_empty() {
            if is_blank(c) {
                return;
            }
            self.pending_line = self.number;
        }
        self.pending.push(c);
    }

    fn option(&mut self, name: &str, value: &str) -> Result<(), Kind> {
        self.no_pending()?;
        let (name, adds) = match name.strip_suffix('+') {
            Some(name) => (name, true),
            None => (name, false),
        };
        let path = path(name)?;
        let comment = std::mem::take(&mut self.comment);
        let section = descend(self.current(), &path)?;
        let name = last(&path);
        match (section.entries.get_mut(name), adds) {
            (Some(Entry { item: Item::Value(old), .. }), true) => {
                old.push_str(", ");
                old.push_str(value);
                // What would be blank at the end of the line that writes it is no part of it.
                old.truncate(old.trim_end_matches(is_blank).len());
            }
            (_, true) => return Err(Kind::NoOption(name.to_owned())),
            (Some(Entry { item: Item::Section(_), .. }), false) => {
                return Err(Kind::Taken(name.to_owned()));
            }
            (Some(entry), false) => *entry = Entry { comment, item: Item::Value(value.to_owned()) },
            (None, false) => {
                let entry = Entry { comment, item: Item::Value(value.to_owned()) };
                section.entries.insert(name.to_owned(), entry);
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), Kind> {
        let path = path(&std::mem::take(&mut self.pending))?;
        let depth = self.open.last().map_or(0, |open| open.depth) + path.len();
        if depth > Cfg::MAX_DEPTH {
            return Err(Kind::TooDeep { limit: Cfg::MAX_DEPTH });
        }
        let name = last(&path);
        if descend(self.current(), &path)?.entries.contains_key(name) {
            return Err(Kind::Taken(name.to_owned()));
        }
        let comment = std::mem::take(&mut self.comment);
        let line = self.number;
        self.open.push(Open { section: Cfg::default(), path, comment, line, depth });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Kind> {
        self.no_pending()?;
        let Open { section, path, comment, .. } = self.open.pop().ok_or(Kind::Unopened)?;
        let entry = Entry { comment, item: Item::Section(section) };
        descend(self.current(), &path)?.entries.insert(last(&path).to_owned(), entry);
        Ok(())
    }

    fn finish(mut self) -> Result<Cfg, CfgError> {
        if let Err(kind) = self.no_pending() {
            return Err(self.error(kind));
        }
        match self.open.last() {
            None => Ok(self.root),
            Some(open) => {
                Err(CfgError { line: open.line, kind: Kind::Unclosed(open.path.join("/")) })
            }
        }
    }

    fn current(&mut self) -> &mut Cfg {
        self.open.last_mut().map_or(&mut self.root, |open| &mut open.section)
    }

    fn no_pending(&mut self) -> Result<(), Kind> {
        match trim(&self.pending) {
            "" => Ok(()),
            text => Err(Kind::Stray(text.to_owned())),
        }
    }

    fn error(&self, kind: Kind) -> CfgError {
        let line = match kind {
            Kind::Stray(_) => self.pending_line,
            _ => self.number,
        };
        CfgError { line, kind }
    }
}

/// The names in the name of an entry, which may be a path; at least one.
fn path(name: &str) -> Result<Vec<String>, Kind> {
    let path: Vec<String> = parts(name).map(str::to_owned).collect();
    if path.is_empty() || path.iter().any(|part| part.starts_with('#')) {
        return Err(Kind::Name(trim(name).to_owned()));
    }
    Ok(path)
}

fn last(path: &[String]) -> &str {
    path.last().map_or("", String::as_str)
}

/// The section that the last name of a path belongs into.
fn descend<'a>(section: &'a mut Cfg, path: &[String]) -> Result<&'a mut Cfg, Kind> {
    let parents = path.split_last().map_or(&[][..], |(_, parents)| parents);
    parents.iter().try_fold(section, |section, name| match section.entries.get_mut(name) {
        Some(Entry { item: Item::Section(section), .. }) => Ok(section),
        _ => Err(Kind::NoSection(name.clone())),
    })
}
