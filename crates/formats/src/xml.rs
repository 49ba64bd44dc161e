//! Small XML documents as trees, within bounds. Nothing outside the document is looked at, and
//! document types, which could define entities, are refused.

use std::collections::BTreeMap;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};

use crate::Malformed;

/// The greatest length of a document, in bytes.
pub const MAX_LENGTH: usize = 16 << 20;
/// How deep elements may be within one another.
const MAX_DEPTH: usize = 16;
/// How many elements a document may have.
const MAX_ELEMENTS: usize = 200_000;
/// How many attributes an element may have.
const MAX_ATTRIBUTES: usize = 32;

/// An element with what is in it.
#[derive(Debug, Default, PartialEq)]
pub struct Element {
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// The text that is directly in it.
    pub text: String,
    /// The elements that are directly in it, in order.
    pub children: Vec<Element>,
    /// The line where it begins.
    pub line: u64,
}

impl Element {
    /// An attribute; one that is empty counts as absent.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// An attribute that must be there.
    pub fn needed(&self, name: &str) -> Result<&str, Malformed> {
        let absent = || Malformed::of(self.line, &format!("{}.{name}", self.name), "is needed");
        self.attribute(name).ok_or_else(absent)
    }

    /// The elements of a name that are directly in it.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first element of a name that is directly in it.
    pub fn first(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Its text without spaces around.
    pub fn words(&self) -> &str {
        self.text.trim()
    }
}

/// A tree while it is read.
struct Tree<'a> {
    text: &'a str,
    /// How far lines were counted, and how many.
    counted: (usize, u64),
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

/// Reads a document, and gives its root.
pub fn read(text: &str) -> Result<Element, Malformed> {
    if text.len() > MAX_LENGTH {
        let reason = format!("the document is longer than {MAX_LENGTH} bytes");
        return Err(Malformed::new(None, reason));
    }
    if text.trim().is_empty() {
        return Err(Malformed::new(None, "the document is empty"));
    }
    let mut reader = Reader::from_str(text);
    let mut tree = Tree { text, counted: (0, 1), open: Vec::new(), root: None, elements: 0 };
    loop {
        let event = reader.read_event();
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match event {
            Ok(Event::Eof) => return tree.finish(),
            Ok(event) => tree.take(event, at)?,
            Err(error) => {
                let at = usize::try_from(reader.error_position()).unwrap_or(at);
                return Err(Malformed::new(tree.line(at), format!("is not XML: {error}")));
            }
        }
    }
}

impl Tree<'_> {
    /// The line of a place in the document; places come in order, or the line is approximate.
    fn line(&mut self, at: usize) -> u64 {
        let (from, line) = self.counted;
        let passed = self.text.get(from..at.min(self.text.len())).unwrap_or_default();
        let more = passed.matches('\n').count() as u64;
        self.counted = (from + passed.len(), line + more);
        self.counted.1
    }

    fn take(&mut self, event: Event<'_>, at: usize) -> Result<(), Malformed> {
        match event {
            Event::Start(start) => {
                let element = self.element(&start, at)?;
                if self.open.len() >= MAX_DEPTH {
                    let reason = format!("elements are more than {MAX_DEPTH} deep");
                    return Err(Malformed::new(element.line, reason));
                }
                self.open.push(element);
            }
            Event::Empty(start) => {
                let element = self.element(&start, at)?;
                self.close(element)?;
            }
            // That names agree was checked by the reader.
            Event::End(_) => {
                if let Some(element) = self.open.pop() {
                    self.close(element)?;
                }
            }
            Event::Text(text) => {
                let text = text.xml10_content();
                self.add(&text, at)?;
            }
            Event::CData(text) => {
                let text = text.xml10_content();
                self.add(&text, at)?;
            }
            Event::GeneralRef(reference) => {
                let character = self.resolve(&reference, at)?;
                self.add(character.encode_utf8(&mut [0; 4]), at)?;
            }
            Event::DocType(_) => {
                let reason = "document types are not read; leave <!DOCTYPE …> out";
                return Err(Malformed::new(self.line(at), reason));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>, at: usize) -> Result<Element, Malformed> {
        let line = self.line(at);
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            let reason = format!("there are more than {MAX_ELEMENTS} elements");
            return Err(Malformed::new(line, reason));
        }
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute =
                attribute.map_err(|error| Malformed::new(line, format!("is not XML: {error}")))?;
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| Malformed::new(line, format!("is not XML: {error}")))?;
            attributes.insert(attribute.key.into_inner().to_owned(), value.into_owned());
            if attributes.len() > MAX_ATTRIBUTES {
                let reason = format!("an element has more than {MAX_ATTRIBUTES} attributes");
                return Err(Malformed::new(line, reason));
            }
        }
        let name = start.name().into_inner().to_owned();
        Ok(Element { name, attributes, line, ..Element::default() })
    }

    fn close(&mut self, element: Element) -> Result<(), Malformed> {
        if let Some(above) = self.open.last_mut() {
            above.children.push(element);
            return Ok(());
        }
        if self.root.is_some() {
            return Err(Malformed::new(element.line, "there is something after the end"));
        }
        self.root = Some(element);
        Ok(())
    }

    fn add(&mut self, text: &str, at: usize) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => {
                return Err(Malformed::new(self.line(at), "is not XML: text outside elements"));
            }
        }
        Ok(())
    }

    /// The character that a reference stands for: one of the five that XML has, or a number.
    fn resolve(&mut self, reference: &BytesRef<'_>, at: usize) -> Result<char, Malformed> {
        let name: &str = reference;
        let known = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => reference.resolve_char_ref().ok().flatten(),
        };
        known.ok_or_else(|| {
            Malformed::new(self.line(at), format!("&{name}; is not known; entities are not read"))
        })
    }

    fn finish(mut self) -> Result<Element, Malformed> {
        let end = self.line(self.text.len());
        if let Some(element) = self.open.last() {
            let reason =
                format!("the document ends within <{}> of line {}", element.name, element.line);
            return Err(Malformed::new(end, reason));
        }
        self.root.ok_or_else(|| Malformed::new(end, "there is no element"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn a_document_becomes_a_tree() {
        let root =
            read("<?xml version='1.0'?>\n<a b='1 &amp; 2'>\n x <c/>&lt;y<d>z</d></a>").unwrap();

        assert_eq!((root.name.as_str(), root.line), ("a", 2));
        assert_eq!(root.attribute("b"), Some("1 & 2"));
        assert_eq!(root.words(), "x <y");
        assert_eq!(root.children.len(), 2);
        assert_eq!(root.first("d").unwrap().words(), "z");
    }

    #[test]
    fn what_is_broken_is_refused_with_its_line() {
        assert!(refused("<a>\n<b>\n").contains("line 3: the document ends within <b> of line 2"));
        assert!(refused("<a>\n</b>").contains("line 2"));
        assert!(refused("  \n").contains("empty"));
        assert!(refused("<a/><b/>").contains("after the end"));
        assert!(refused("hello").contains("text outside"));
        assert!(refused("<a b=1/>").contains("not XML"));
    }

    #[test]
    fn entities_and_depth_are_bounded() {
        let bomb = "<!DOCTYPE a [<!ENTITY b 'x'>]><a>&b;</a>";
        let outside = "<a>&file;</a>";
        let deep = "<a>".repeat(40);

        assert!(refused(bomb).contains("document types"));
        assert!(refused(outside).contains("&file;"));
        assert!(refused(&deep).contains("deep"));
        assert!(read(&"x".repeat(MAX_LENGTH + 1)).is_err());
    }
}
