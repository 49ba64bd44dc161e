use std::{collections::HashMap, path::Path};

use sbk_model::{Checksums, FileType, Invalid, Lfn, Pfn, SeName, Size};
use serde_json::Value;

use super::{Problem, json};

/// The schemes of the URIs of files.
const SCHEMES: [&str; 8] = ["root", "roots", "xroot", "xroots", "http", "https", "dav", "davs"];

/// A file of data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The logical name: the path of the URI.
    pub lfn: Lfn,
    /// The physical name: the URI.
    pub pfn: Pfn,
    /// The storage element: the host of the URI.
    pub se: SeName,
    /// The size in bytes.
    pub size: Size,
    /// The checksums; none where the record has none.
    pub checksums: Checksums,
    /// What the file holds: the dataset's first format other than the container `root`, else the
    /// extension, in upper case.
    pub file_type: Option<FileType>,
    /// The description, which only some records have.
    pub description: Option<String>,
}

/// A file that is about the data, for instance a list of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it is.
    pub uri: String,
    /// The size in bytes.
    pub size: Option<Size>,
    /// The checksums.
    pub checksums: Checksums,
    /// What it is, for instance `index.json`.
    pub kind: String,
}

/// What a record lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    /// The number of files that were taken.
    pub files: i64,
    /// The sum of their sizes in bytes.
    pub bytes: i64,
    /// The number of files that were refused; the problems say why.
    pub refused: i64,
}

/// The files of a record, sorted into data and documents.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub files: Vec<FileRecord>,
    pub documents: Vec<Document>,
    pub listed: Listed,
    by_name: HashMap<Lfn, usize>,
}

impl Listing {
    /// Reads the files of a record of certain formats.
    pub(super) fn read(record: &Value, formats: &[String], problems: &mut Vec<Problem>) -> Self {
        let mut listing = Self::default();
        if record.get("files").is_some_and(|files| !files.is_array() && !files.is_null()) {
            problems.push(Problem::of_record("the files are not a list"));
        }
        for entry in json::list(record, "/files") {
            let uri = json::text(entry, "/uri").unwrap_or_default();
            match json::text(entry, "/type").filter(|kind| kind.starts_with("index")) {
                Some(kind) => listing.documents.push(document(entry, uri, kind, problems)),
                None => {
                    if let Err(reason) = listing.add(entry, &uri, formats) {
                        listing.listed.refused += 1;
                        problems.push(Problem::of_file(&uri, &reason));
                    }
                }
            }
        }
        listing
    }

    /// Adds a file of data, or says why it is refused.
    fn add(&mut self, entry: &Value, uri: &str, formats: &[String]) -> Result<(), Invalid> {
        let file = file(entry, uri, formats)?;
        if let Some(first) = self.by_name.get(&file.lfn).and_then(|at| self.files.get(*at)) {
            let same = first.size == file.size && first.checksums == file.checksums;
            let reason =
                if same { "is listed twice" } else { "is listed twice, with different contents" };
            return Err(Invalid::new("uri", uri, reason));
        }
        let too_much = || Invalid::new("size", &file.size.get().to_string(), "overflows the total");
        self.listed.bytes = self.listed.bytes.checked_add(file.size.get()).ok_or_else(too_much)?;
        self.listed.files += 1;
        self.by_name.insert(file.lfn.clone(), self.files.len());
        self.files.push(file);
        Ok(())
    }
}

/// Reads a file of data.
fn file(entry: &Value, uri: &str, formats: &[String]) -> Result<FileRecord, Invalid> {
    let (se, lfn) = location(uri)?;
    let size = size(entry)?.ok_or_else(|| Invalid::new("size", "", "is missing"))?;
    Ok(FileRecord {
        file_type: file_type(&lfn, formats),
        lfn,
        pfn: uri.parse()?,
        se,
        size,
        checksums: checksums(entry)?,
        description: json::text(entry, "/description"),
    })
}

/// Splits a URI into its storage element and its logical name.
fn location(uri: &str) -> Result<(SeName, Lfn), Invalid> {
    let form = || Invalid::new("uri", uri, "is not of the form root://HOST//PATH");
    let (scheme, rest) = uri.split_once("://").ok_or_else(form)?;
    let (host, path) = rest.split_once('/').ok_or_else(form)?;
    if !SCHEMES.contains(&scheme) || host.is_empty() {
        return Err(form());
    }
    // In `root://HOST//eos/a` the first slash ends the host, the second begins the path.
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    Ok((host.parse()?, format!("/{path}").parse()?))
}

/// The size of a file, if it is stated.
fn size(entry: &Value) -> Result<Option<Size>, Invalid> {
    json::count("size", entry.get("size"))?.map(Size::try_from).transpose()
}

/// The checksums of a file, written as `algorithm:digits`.
fn checksums(entry: &Value) -> Result<Checksums, Invalid> {
    let mut sums = Checksums::default();
    let text = match entry.get("checksum") {
        None | Some(Value::Null) => return Ok(sums),
        Some(Value::String(text)) => text.trim(),
        Some(other) => {
            return Err(Invalid::new("checksum", &other.to_string(), "is not a text"));
        }
    };
    let (algorithm, digits) = text
        .split_once(':')
        .ok_or_else(|| Invalid::new("checksum", text, "is not of the form adler32:DIGITS"))?;
    sums.insert(&algorithm.to_ascii_lowercase(), digits)?;
    Ok(sums)
}

/// What a file of a dataset of certain formats holds.
fn file_type(lfn: &Lfn, formats: &[String]) -> Option<FileType> {
    let format = formats.iter().find(|format| !format.eq_ignore_ascii_case("root"));
    let name = format.map(String::as_str).or_else(|| {
        let extension = Path::new(lfn.as_str()).extension()?.to_str()?;
        extension.bytes().any(|b| b.is_ascii_alphabetic()).then_some(extension)
    });
    name.or(formats.first().map(String::as_str))?.to_ascii_uppercase().parse().ok()
}

/// Reads a document; what is wrong with it is a problem, and no reason to leave it out.
fn document(entry: &Value, uri: String, kind: String, problems: &mut Vec<Problem>) -> Document {
    let size = size(entry).unwrap_or_else(|reason| {
        problems.push(Problem::of_file(&uri, &reason));
        None
    });
    let checksums = checksums(entry).unwrap_or_else(|reason| {
        problems.push(Problem::of_file(&uri, &reason));
        Checksums::default()
    });
    Document { uri, size, checksums, kind }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const URI: &str = "root://eospublic.cern.ch//eos/opendata/delphi/Y1/Y1.2.al";

    fn listing(files: &Value, formats: &[&str]) -> (Listing, Vec<Problem>) {
        let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();
        let mut problems = Vec::new();
        let listing = Listing::read(&json!({ "files": files }), &formats, &mut problems);
        (listing, problems)
    }

    #[test]
    fn a_uri_is_the_physical_name_and_its_path_the_logical_one() {
        let (listing, problems) =
            listing(&json!([{"uri": URI, "size": 5, "checksum": "adler32:1"}]), &["SHORT"]);

        let file = &listing.files[0];
        assert_eq!(file.pfn.as_str(), URI);
        assert_eq!(file.lfn.as_str(), "/eos/opendata/delphi/Y1/Y1.2.al");
        assert_eq!(file.se.as_str(), "eospublic.cern.ch");
        assert_eq!(file.file_type.as_ref().unwrap().as_str(), "SHORT");
        assert!(problems.is_empty());
    }

    #[test]
    fn the_lost_zeros_of_a_checksum_are_put_back() {
        let (listing, _) =
            listing(&json!([{"uri": URI, "size": 5, "checksum": "adler32:b87ddd"}]), &[]);

        assert_eq!(listing.files[0].checksums.adler32.unwrap().to_string(), "00b87ddd");
    }

    #[test]
    fn an_index_is_a_document_and_not_counted() {
        let (listing, problems) = listing(
            &json!([
                {"uri": URI, "size": 5, "checksum": "adler32:1", "type": "index.json"},
                {"uri": URI, "size": -5, "checksum": "odd", "type": "index.txt"},
            ]),
            &[],
        );

        assert_eq!(listing.listed, Listed::default());
        let kinds: Vec<&str> = listing.documents.iter().map(|doc| doc.kind.as_str()).collect();
        assert_eq!(kinds, ["index.json", "index.txt"]);
        assert_eq!(listing.documents[1].size, None);
        assert_eq!(problems.len(), 2);
    }

    #[test]
    fn a_refused_file_is_counted_and_explained_and_the_others_stay() {
        let bad = [
            json!({"uri": URI, "size": 5, "checksum": "adler32:123456789"}),
            json!({"uri": URI, "size": 5, "checksum": "adler32"}),
            json!({"uri": URI, "size": 5, "checksum": 17}),
            json!({"uri": URI, "size": -1}),
            json!({"uri": URI, "size": Size::MAX + 1}),
            json!({"uri": URI, "size": u64::MAX}),
            json!({"uri": URI}),
            json!({"uri": "eos/a", "size": 5}),
            json!({"uri": "root://host", "size": 5}),
            json!({"uri": "root:////eos/a", "size": 5}),
            json!({"uri": "file://host//eos/a", "size": 5}),
            json!({"uri": "root://host//eos/../a", "size": 5}),
            json!({"uri": "root://ho st//eos/a", "size": 5}),
            json!({"uri": ["root://host//eos/a"], "size": 5}),
            json!({"size": 5}),
            json!("root://host//eos/a"),
            json!(null),
        ];
        for entry in bad {
            let good = json!({"uri": "root://host//eos/good", "size": "7"});

            let (listing, problems) = listing(&json!([entry, good]), &[]);

            assert_eq!(listing.listed, Listed { files: 1, bytes: 7, refused: 1 }, "{entry}");
            assert_eq!(problems.len(), 1, "{entry}");
        }
    }

    #[test]
    fn a_file_that_is_listed_twice_counts_once() {
        let (listing, problems) = listing(
            &json!([
                {"uri": URI, "size": 5},
                {"uri": URI, "size": 5},
                {"uri": URI.replace("ch//", "ch/"), "size": 6},
            ]),
            &[],
        );

        assert_eq!(listing.listed, Listed { files: 1, bytes: 5, refused: 2 });
        assert!(problems[0].reason.ends_with("is listed twice"), "{}", problems[0].reason);
        assert!(problems[1].reason.contains("different"), "{}", problems[1].reason);
    }

    #[test]
    fn sizes_beyond_the_greatest_total_are_refused() {
        let many: Vec<Value> = (0..20_000)
            .map(|n| json!({"uri": format!("root://h//eos/{n}"), "size": Size::MAX}))
            .collect();

        let (listing, problems) = listing(&Value::Array(many), &[]);

        assert_eq!(listing.listed.files, 16_383);
        assert_eq!(listing.listed.files + listing.listed.refused, 20_000);
        assert!(problems[0].reason.contains("total"));
    }

    #[test]
    fn files_that_are_no_list_are_a_problem_and_missing_ones_are_none() {
        assert_eq!(listing(&json!({"uri": URI}), &[]).1.len(), 1);
        assert!(listing(&json!(null), &[]).1.is_empty());
    }

    #[test]
    fn the_type_of_a_file_is_a_format_before_it_is_an_extension() {
        let cases: [(&[&str], &str, Option<&str>); 6] = [
            (&["miniaod", "root"], "/a/b.root", Some("MINIAOD")),
            (&["root", "raw"], "/a/b.root", Some("RAW")),
            (&["root"], "/a/b.root", Some("ROOT")),
            (&[], "/a/b.sdst", Some("SDST")),
            (&["root"], "/a/b.1", Some("ROOT")),
            (&[], "/a/b", None),
        ];
        for (formats, lfn, expected) in cases {
            let formats: Vec<String> = formats.iter().map(|&format| format.to_owned()).collect();

            let found = file_type(&lfn.parse().unwrap(), &formats);

            assert_eq!(found.as_ref().map(FileType::as_str), expected, "{lfn}");
        }
    }
}
