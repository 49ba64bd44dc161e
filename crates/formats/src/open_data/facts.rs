//! The metadata of a record: values for the fields that `examples/open-data.toml` declares.

use serde_json::{Map, Value};

use super::{
    Problem, Record, json,
    quantities::{self, EnergyRange, after},
    record::year,
};

/// The longest text, in bytes.
const MAX_TEXT: usize = 4096;
/// The longest list.
const MAX_LIST: usize = 256;
/// The longest list of runs; of more, only the first, the last and their number are facts.
const MAX_RUNS: usize = 200;
/// The most bytes of all values as JSON, somewhat below the 64 KiB that a document may have.
const MAX_DOCUMENT: usize = 60 << 10;

/// The generators that the directories of simulated DELPHI data begin with.
const GENERATORS: [&str; 7] = ["hzha", "kk2f", "pythia", "wphact", "excal", "koralz", "apacic"];

/// Fills the metadata of a record.
pub(super) fn add(record: &mut Record, value: &Value) {
    let mut facts = Facts::default();
    add_origin(&mut facts, record, value);
    add_physics(&mut facts, value);
    add_periods(&mut facts, record, value);
    add_processing(&mut facts, record, value);
    record.problems.append(&mut facts.problems);
    record.metadata = facts.values;
}

/// Adds who made the data, and how it is published.
fn add_origin(facts: &mut Facts, record: &Record, value: &Value) {
    let text = |pointer| json::text(value, pointer);
    let experiments = json::texts(value, "/experiment");
    facts.text("experiment", Some(experiments.join(", ")));
    facts.text("collaboration", text("/collaboration/name").map(|name| community(&name)));
    facts.text("accelerator", text("/accelerator"));
    facts.text("data_kind", record.kind.as_ref().map(|kind| kind.as_str().to_owned()));
    facts.list("data_format", json::texts(value, "/distribution/formats"));
    facts.int("recid", record.recid.map(|recid| i64::from(recid.get())));
    facts.text("doi", text("/doi"));
    facts.int("published", text("/date_published").and_then(|date| year(&date)));
    facts.int("reprocessed", text("/date_reprocessed").and_then(|date| year(&date)));
    facts.text("title_additional", text("/title_additional"));
    facts.list("collection", json::texts(value, "/collections"));
    facts.list("keyword", json::texts(value, "/keywords"));
    facts.text("license", text("/license/attribution"));
}

/// The name of a collaboration without that word, of which records vary the case.
fn community(name: &str) -> String {
    let shortened = name.strip_suffix("ollaboration").and_then(|name| {
        name.strip_suffix('C').or_else(|| name.strip_suffix('c')).map(str::trim_end)
    });
    shortened.filter(|name| !name.is_empty()).unwrap_or(name).to_owned()
}

/// Adds what collided and what is looked for.
fn add_physics(facts: &mut Facts, value: &Value) {
    let description = json::text(value, "/abstract/description").unwrap_or_default();
    let kind = json::text(value, "/collision_information/type");
    facts.text("collision_type", kind.map(|kind| collision_type(&kind)));
    add_energy(facts, value, &description);
    let mut categories = json::texts(value, "/categories/primary");
    categories.extend(json::texts(value, "/categories/secondary"));
    facts.list("category", json::unique(categories));
    let cross_section = match json::float(value, "/cross_section/total_value") {
        Some(total) => {
            let error = json::float(value, "/cross_section/total_value_error");
            Some((total, error.filter(|error| *error >= 0.0)))
        }
        None => quantities::cross_section(&description).map(|(total, error)| (total, Some(error))),
    };
    facts.float("cross_section", cross_section.map(|(total, _)| total));
    facts.float("cross_section_error", cross_section.and_then(|(_, error)| error));
    facts.float("filter_efficiency", json::float(value, "/cross_section/filter_efficiency"));
    facts.float("matching_efficiency", json::float(value, "/cross_section/matching_efficiency"));
}

/// Adds the energy, its range, or the words for it.
fn add_energy(facts: &mut Facts, value: &Value, description: &str) {
    let stated = json::text(value, "/collision_information/energy");
    let range = stated.as_deref().and_then(quantities::energy_range);
    let precise = quantities::precise_energy(description);
    let single = range.filter(|range| range.max <= range.min).map(|range| range.min);
    let energy = precise.or(single);
    let range = range.or(energy.map(|energy| EnergyRange { min: energy, max: energy }));
    facts.float("energy", energy);
    facts.float("energy_min", range.map(|range| range.min));
    facts.float("energy_max", range.map(|range| range.max));
    if range.is_none() {
        facts.text("energy_text", stated);
    }
}

/// The colliding particles without a hyphen between two nuclei.
fn collision_type(text: &str) -> String {
    let nuclei = text.split_once('-').filter(|(left, right)| {
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic());
        is_name(left) && is_name(right)
    });
    nuclei.map_or_else(|| text.to_owned(), |(left, right)| format!("{left}{right}"))
}

/// Adds when the data were taken.
fn add_periods(facts: &mut Facts, record: &Record, value: &Value) {
    facts.ints("year", &record.years);
    let mut periods = json::texts(value, "/run_period");
    if periods.is_empty() {
        periods.extend(alice_run(value).map(|(period, _)| period));
    }
    if periods.is_empty() && json::text(value, "/accelerator").as_deref() == Some("CERN-LEP") {
        periods = json::texts(value, "/date_created");
    }
    facts.list("run_period", periods);
    let description = json::text(value, "/abstract/description").unwrap_or_default();
    let range = quantities::run_range(&description);
    let first = record.runs.iter().min().copied().or(range.map(|(first, _)| first));
    let last = record.runs.iter().max().copied().or(range.map(|(_, last)| last));
    facts.int("run_first", first);
    facts.int("run_last", last);
    let runs = Some(record.runs.len()).filter(|runs| *runs > 0);
    facts.int("run_count", runs.and_then(|runs| i64::try_from(runs).ok()));
    if record.runs.len() <= MAX_RUNS {
        facts.ints("run_number", &record.runs);
    }
}

/// The run period and the run number in the path of an ALICE file: `/alice/2010/LHC10b/000117222/`.
pub(super) fn alice_run(value: &Value) -> Option<(String, i64)> {
    let uri = json::text(json::list(value, "/files").first()?, "/uri")?;
    let mut parts = after(&uri, "/alice/")?.split('/').skip(1);
    let period = parts.next().filter(|period| period.starts_with("LHC"))?;
    let run = parts.next().filter(|run| run.len() == 9)?.parse().ok().filter(|run| *run > 0)?;
    Some((period.to_owned(), run))
}

/// Adds what software made the data, and what it should be analysed with.
fn add_processing(facts: &mut Facts, record: &Record, value: &Value) {
    let steps = || record.steps.iter();
    let mut releases: Vec<String> = steps().filter_map(|step| step.release.clone()).collect();
    if releases.is_empty() {
        let methodology = json::text(value, "/methodology/description").unwrap_or_default();
        releases.extend(pxdst_version(&methodology));
    }
    facts.list("release", json::unique(releases));
    let global_tags = steps().filter_map(|step| step.global_tag.clone()).collect();
    facts.list("global_tag", json::unique(global_tags));
    let mut generators: Vec<String> =
        steps().flat_map(|step| step.generators.iter().cloned()).collect();
    if let (true, Some(file)) = (generators.is_empty(), record.files.first()) {
        generators = delphi_generators(file.lfn.as_str());
    }
    facts.list("generator", json::unique(generators));
    facts.text("analysis_release", json::text(value, "/system_details/release"));
    facts.text("analysis_global_tag", json::text(value, "/system_details/global_tag"));
    facts.list("pileup", pileup(value));
}

/// The version in “the physics DST program PXDST (Version v94c2)”.
fn pxdst_version(methodology: &str) -> Option<String> {
    let (version, _) = after(methodology, "PXDST (Version ")?.split_once(')')?;
    Some(version.trim().to_owned())
}

/// The generators in the path of a simulated DELPHI file: `/simulated-data/LAB/hzha03pythia6156/`.
fn delphi_generators(lfn: &str) -> Vec<String> {
    let directory = after(lfn, "/delphi/simulated-data/").and_then(|path| path.split('/').nth(1));
    let Some(directory) = directory else { return Vec::new() };
    let mut starts: Vec<usize> =
        GENERATORS.iter().filter_map(|generator| directory.find(generator)).collect();
    starts.sort_unstable();
    if starts.first() != Some(&0) {
        return Vec::new();
    }
    let ends = starts.iter().skip(1).copied().chain([directory.len()]);
    starts
        .iter()
        .zip(ends)
        .filter_map(|(&from, to)| directory.get(from..to))
        .map(str::to_owned)
        .collect()
}

/// The datasets of pile-up events, by title or by record number.
fn pileup(value: &Value) -> Vec<String> {
    let links = json::list(value, "/pileup/links");
    let name = |link| json::text(link, "/title").or_else(|| json::text(link, "/recid"));
    json::unique(links.iter().filter_map(name).collect())
}

/// Metadata that stays within the limits of a document.
#[derive(Default)]
struct Facts {
    values: Map<String, Value>,
    bytes: usize,
    problems: Vec<Problem>,
}

impl Facts {
    /// Adds a text that is not empty.
    fn text(&mut self, field: &str, text: Option<String>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        if text.len() > MAX_TEXT {
            let reason = format!("{field} is left out: it is longer than {MAX_TEXT} bytes");
            self.problems.push(Problem::of_record(&reason));
        } else {
            self.insert(field, text.into());
        }
    }

    /// Adds the texts that are short enough; none at all where there are too many.
    fn list(&mut self, field: &str, mut texts: Vec<String>) {
        let given = texts.len();
        texts.retain(|text| text.len() <= MAX_TEXT);
        if texts.len() < given {
            let reason = format!("{field} lacks the values that are longer than {MAX_TEXT} bytes");
            self.problems.push(Problem::of_record(&reason));
        }
        self.values(field, texts);
    }

    /// Adds numbers.
    fn ints(&mut self, field: &str, numbers: &[i64]) {
        self.values(field, numbers.to_vec());
    }

    /// Adds a list that is not empty.
    fn values<T: Into<Value>>(&mut self, field: &str, values: Vec<T>) {
        if values.len() > MAX_LIST {
            let reason = format!("{field} is left out: it has more than {MAX_LIST} values");
            self.problems.push(Problem::of_record(&reason));
        } else if !values.is_empty() {
            self.insert(field, values.into());
        }
    }

    /// Adds a whole number.
    fn int(&mut self, field: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.insert(field, number.into());
        }
    }

    /// Adds a number.
    fn float(&mut self, field: &str, number: Option<f64>) {
        if let Some(number) = number {
            self.insert(field, number.into());
        }
    }

    /// Adds a value if the document has room for it.
    fn insert(&mut self, field: &str, value: Value) {
        // The quotes, the colon and the comma of one member.
        let bytes = field.len() + value.to_string().len() + 4;
        if self.bytes + bytes > MAX_DOCUMENT {
            let reason = format!("{field} is left out: the metadata would become too large");
            self.problems.push(Problem::of_record(&reason));
            return;
        }
        self.bytes += bytes;
        self.values.insert(field.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::open_data::{Item, record::item};

    fn record(mut value: Value) -> Record {
        value["title"] = json!("a");
        value["recid"] = json!("7");
        value["type"] = json!({"primary": "Dataset", "secondary": ["Simulated"]});
        match item(&value) {
            Item::Dataset(record) => *record,
            other @ Item::Skipped { .. } => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_single_energy_is_its_own_range() {
        let facts =
            record(json!({"collision_information": {"energy": "13TeV", "type": "pp"}})).metadata;

        assert_eq!(facts["energy"], json!(13_000.0));
        assert_eq!(
            (&facts["energy_min"], &facts["energy_max"]),
            (&json!(13_000.0), &json!(13_000.0))
        );
        assert!(!facts.contains_key("energy_text"));
    }

    #[test]
    fn a_range_has_no_single_energy_unless_the_description_is_precise() {
        let information = json!({"energy": "89-94 GeV", "type": "e+e-"});
        let range = record(json!({"collision_information": information})).metadata;
        let precise = record(json!({
            "collision_information": information,
            "abstract": {"description": "simulation 94c2 done at ecms=91.25 , CERN"},
        }))
        .metadata;

        assert!(!range.contains_key("energy"));
        assert_eq!(precise["energy"], json!(91.25));
        assert_eq!((&precise["energy_min"], &precise["energy_max"]), (&json!(89.0), &json!(94.0)));
        assert_eq!(precise["collision_type"], "e+e-");
    }

    #[test]
    fn an_energy_that_cannot_be_read_stays_a_text() {
        let facts = record(json!({"collision_information": {"energy": "fixed target"}})).metadata;

        assert_eq!(facts["energy_text"], "fixed target");
    }

    #[test]
    fn spellings_that_vary_become_one() {
        assert_eq!(collision_type("Pb-Pb"), "PbPb");
        assert_eq!(collision_type("e+e-"), "e+e-");
        for name in ["CMS Collaboration", "CMS collaboration", "CMS"] {
            assert_eq!(community(name), "CMS");
        }
        assert_eq!(community("Collaboration"), "Collaboration");
    }

    #[test]
    fn lep_records_have_their_years_as_run_period() {
        let lep = record(json!({"accelerator": "CERN-LEP", "date_created": ["1994"]})).metadata;
        let lhc = record(json!({"accelerator": "CERN-LHC", "date_created": ["2015"]})).metadata;

        assert_eq!(lep["run_period"], json!(["1994"]));
        assert_eq!(lep["year"], json!([1994]));
        assert!(!lhc.contains_key("run_period"));
    }

    #[test]
    fn alice_records_have_run_and_period_in_their_paths() {
        let uri = "root://h//eos/opendata/alice/2010/LHC10b/000117222/ESD/file-indexes/a.json";
        let record = record(json!({"files": [{"uri": uri, "size": 1, "type": "index.json"}]}));

        assert_eq!(record.runs, [117_222]);
        assert_eq!(record.metadata["run_period"], json!(["LHC10b"]));
        assert_eq!(record.metadata["run_number"], json!([117_222]));
    }

    #[test]
    fn many_runs_are_counted_and_not_listed() {
        let runs: Vec<String> = (1..=201).rev().map(|run| run.to_string()).collect();

        let record = record(json!({"run_numbers": runs}));

        assert_eq!(record.runs.len(), 201);
        assert_eq!(record.metadata["run_count"], 201);
        assert_eq!(record.metadata["run_first"], 1);
        assert_eq!(record.metadata["run_last"], 201);
        assert!(!record.metadata.contains_key("run_number"));
    }

    #[test]
    fn only_directories_of_known_generators_name_them() {
        let path = |directory: &str| {
            format!("/eos/opendata/delphi/simulated-data/cern/{directory}/v94c/a.sdst")
        };

        assert_eq!(delphi_generators(&path("hzha03pythia6156")), ["hzha03", "pythia6156"]);
        assert_eq!(delphi_generators(&path("kk2f4146")), ["kk2f4146"]);
        assert!(delphi_generators(&path("Y22669")).is_empty());
        assert!(delphi_generators(&path("xpythia")).is_empty());
        assert!(delphi_generators("/eos/opendata/delphi/collision-data/Y1/a.al").is_empty());
    }

    #[test]
    fn the_releases_that_made_the_data_are_not_those_to_analyse_it_with() {
        let facts = record(json!({
            "methodology": {"steps": [
                {"release": "CMSSW_4_1", "global_tag": "G1", "generators": ["pythia6"]},
                {"release": "CMSSW_4_2", "global_tag": "G1"},
            ]},
            "system_details": {"release": "CMSSW_5_3", "global_tag": "G3"},
        }))
        .metadata;

        assert_eq!(facts["release"], json!(["CMSSW_4_1", "CMSSW_4_2"]));
        assert_eq!(facts["global_tag"], json!(["G1"]));
        assert_eq!(facts["generator"], json!(["pythia6"]));
        assert_eq!(facts["analysis_release"], "CMSSW_5_3");
    }

    #[test]
    fn values_beyond_the_limits_are_left_out_and_named() {
        let many: Vec<String> = (0..257).map(|n| n.to_string()).collect();
        let large: Vec<String> = (0..20).map(|n| format!("{n}{}", "k".repeat(4000))).collect();

        let record = record(json!({
            "doi": "d".repeat(4097),
            "collections": many,
            "keywords": large,
            "license": {"attribution": "CC0-1.0"},
        }));

        assert_eq!(record.problems.len(), 3, "{:?}", record.problems);
        assert!(Value::Object(record.metadata.clone()).to_string().len() < 64 << 10);
        assert_eq!(record.metadata["license"], "CC0-1.0");
    }
}
