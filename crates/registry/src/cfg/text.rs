//! Configuration to text.

use std::fmt::Write as _;

use super::{Cfg, Entry, Item};

impl Cfg {
    /// Writes the configuration so that [`Cfg::parse`], and DIRAC, read the same from it.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        write_section(&mut text, self, 0);
        text
    }
}

fn write_section(text: &mut String, section: &Cfg, depth: usize) {
    let pad = depth * 2;
    for (name, Entry { comment, item }) in &section.entries {
        for line in comment {
            let _ = writeln!(text, "{:pad$}# {line}", "");
        }
        match item {
            Item::Value(value) => {
                let _ = writeln!(text, "{:pad$}{name} = {value}", "");
            }
            Item::Section(section) => {
                let _ = writeln!(text, "{:pad$}{name}\n{:pad$}{{", "", "");
                write_section(text, section, depth + 1);
                let _ = writeln!(text, "{:pad$}}}", "");
            }
        }
    }
}

/// Reads a text that anybody may have written, as a fuzzer does, and everything that is made of
/// one.
///
/// # Panics
///
/// If a configuration does not read the same from its own text.
pub fn read_hostile(text: &str) {
    let Ok(cfg) = Cfg::parse(text) else { return };
    let again = Cfg::parse(&cfg.to_text());
    assert_eq!(again.as_ref(), Ok(&cfg), "the text of a configuration reads differently");
    let service = crate::Service { system: "DataManagement", component: "FileCatalog" };
    let _ = crate::check(&cfg, service, &["ping"]);
    if let Ok(registry) = crate::Registry::from_cfg(&cfg) {
        let rules = crate::Rules::from_cfg(&cfg, service);
        let claim = crate::Claim { dn: Some("/CN=x"), ..crate::Claim::default() };
        let _ = registry.authorise(&rules, crate::Method::Call("ping"), None, &claim);
    }
}
