use std::collections::{BTreeMap, BTreeSet};

use sbk_model::{DirPath, Vo};

/// Between the name of a field and that of its community, where several share a catalogue
/// (`MultiVODirectoryMetadata.py`).
const MARK: &str = "___";

/// Which community something belongs to.
#[derive(Debug, Clone)]
pub struct Communities {
    /// Where nothing else says it.
    pub usual: Vo,
    /// Whether the first part of a path is the name of its community.
    pub by_path: bool,
}

impl Communities {
    /// The community of a path.
    pub fn of(&self, path: &DirPath) -> Vo {
        let first = path.as_str().split('/').nth(1).filter(|_| self.by_path);
        first.and_then(|name| name.parse().ok()).unwrap_or_else(|| self.usual.clone())
    }

    /// The communities of paths.
    pub fn among<'p>(&self, paths: impl Iterator<Item = &'p DirPath>) -> BTreeSet<Vo> {
        let mut all: BTreeSet<Vo> = paths.map(|path| self.of(path)).collect();
        all.insert(self.usual.clone());
        all
    }
}

/// The bare name of a field and whose it is; of all, where nothing says it.
pub fn field_of<'n>(stored: &'n str, known: &BTreeSet<Vo>) -> (&'n str, Option<Vo>) {
    let Some((bare, suffix)) = stored.rsplit_once(MARK) else { return (stored, None) };
    let of: BTreeMap<String, &Vo> =
        known.iter().map(|vo| (vo.as_str().replace(['-', '.'], "_"), vo)).collect();
    match of.get(suffix) {
        Some(vo) => (bare.trim_end_matches(&format!("{MARK}{suffix}")), Some((*vo).clone())),
        None => (stored, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_suffix_names_its_community() {
        let vo = |name: &str| name.parse::<Vo>().unwrap();
        let by_path = Communities { usual: vo("gridpp"), by_path: true };
        assert_eq!(by_path.of(&"/na62.vo/a".parse().unwrap()), vo("na62.vo"));
        assert_eq!(by_path.of(&DirPath::root()), vo("gridpp"));

        let known = [vo("na62.vo"), vo("t2k")].into();
        assert_eq!(field_of("run___na62_vo", &known), ("run", Some(vo("na62.vo"))));
        // Parameters of directories have it twice.
        assert_eq!(field_of("run___t2k___t2k", &known), ("run", Some(vo("t2k"))));
        assert_eq!(field_of("run___other", &known), ("run___other", None));
        assert_eq!(field_of("run", &known), ("run", None));
    }
}
