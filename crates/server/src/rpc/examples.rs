//! One example for each method, as people would call it.

use sbk_wire::{Encoding, Limits, Value};

/// Method, arguments in their places, options; the latter two as JSON.
type Example = (&'static str, &'static str, &'static str);

const EXAMPLES: &[Example] = &[
    // Every service has these.
    ("ping", "[]", "{}"),
    ("whoami", "[]", "{}"),
    ("echo", r#"["hello"]"#, "{}"),
    ("refreshConfiguration", "[true]", "{}"),
    // Files
    (
        "addFiles",
        r#"[[{"lfn": "/superb/raw/00001.root", "size": 1048576,
              "checksums": {"adler32": "0a0b0c0d"}, "events": 100,
              "replicas": [{"se": "CNAF-disk"}], "metadata": {"run": 5}}]]"#,
        r#"{"dataset": "raw"}"#,
    ),
    ("getFiles", r#"[["/superb/raw/00001.root"]]"#, r#"{"replicas": true}"#),
    ("getFile", r#"["/superb/raw/00001.root"]"#, "{}"),
    ("setMetadata", r#"[{"/superb/raw/00001.root": {"run": 6, "comment": null}}]"#, "{}"),
    (
        "setFileStatus",
        r#"[["/superb/raw/00001.root"], "bad"]"#,
        r#"{"reason": "it cannot be read"}"#,
    ),
    ("retireFiles", r#"[["/superb/raw/00001.root"], "wrong calibration"]"#, r#"{"preview": true}"#),
    ("restoreFiles", r#"[["/superb/raw/00001.root"], "the calibration was right"]"#, "{}"),
    ("purgeFiles", "[]", r#"{"limit": 1000}"#),
    // Replicas
    ("addReplicas", r#"[[{"lfn": "/superb/raw/00001.root", "se": "CNAF-disk"}]]"#, "{}"),
    (
        "setReplicaStatus",
        r#"[[{"lfn": "/superb/raw/00001.root", "se": "CNAF-disk"}], "bad"]"#,
        r#"{"reason": "the disk is broken"}"#,
    ),
    (
        "removeReplicas",
        r#"[[{"lfn": "/superb/raw/00001.root", "se": "CNAF-disk"}], "the disk is broken"]"#,
        "{}",
    ),
    // Directories
    (
        "createDirectories",
        r#"[[{"path": "/superb/raw", "mode": "0755", "metadata": {"period": "2026a"}}]]"#,
        "{}",
    ),
    ("getDirectory", r#"["/superb/raw"]"#, "{}"),
    ("listDirectory", r#"["/superb/raw"]"#, r#"{"limit": 1000}"#),
    ("setDirectoryMetadata", r#"["/superb/raw", {"period": "2026b"}]"#, "{}"),
    ("changeDirectory", r#"["/superb/raw"]"#, r#"{"owner": "bob", "recursive": true}"#),
    ("moveDirectory", r#"["/superb/raw", "/superb/raw-2026"]"#, r#"{"reason": "a new scheme"}"#),
    (
        "removeDirectory",
        r#"["/superb/raw", "made by mistake"]"#,
        r#"{"recursive": true, "preview": true}"#,
    ),
    // Datasets
    ("getDatasets", "[]", r#"{"expr": "status = open"}"#),
    ("getDataset", r#"["raw"]"#, "{}"),
    ("addDatasets", r#"[[{"name": "raw", "metadata": {"period": "2026a"}}]]"#, "{}"),
    ("changeDataset", r#"["raw"]"#, r#"{"status": "closed", "reason": "all runs are in"}"#),
    ("removeDataset", r#"["raw"]"#, r#"{"reason": "made by mistake"}"#),
    ("addMembers", r#"["raw", ["/superb/raw/00001.root"]]"#, "{}"),
    ("removeMembers", r#"["raw", ["/superb/raw/00001.root"]]"#, r#"{"reason": "it is a test"}"#),
    ("listMembers", r#"["raw"]"#, r#"{"limit": 1000}"#),
    ("freezeDataset", r#"["raw"]"#, r#"{"reason": "for the paper"}"#),
    ("listSnapshots", r#"["raw"]"#, "{}"),
    ("compareSnapshots", r#"["raw", 1, 2]"#, "{}"),
    // Schemas
    ("getSchema", "[]", r#"{"vo": "superb"}"#),
    ("listSchemaVersions", "[]", r#"{"vo": "superb"}"#),
    (
        "applySchema",
        r#"["version = 1\n\n[[field]]\nname = \"run\"\nentity = \"file\"\nkind = \"int\"\n"]"#,
        r#"{"dry_run": true}"#,
    ),
    ("promoteFields", "[]", "{}"),
    // Queries
    ("findFiles", r#"["run = 5 order by lfn"]"#, r#"{"replicas": true, "limit": 1000}"#),
    ("countFiles", r#"[{"run": 5, "size": {">": 1000000}}]"#, "{}"),
    ("explainQuery", r#"["run = 5 and size > 1 MB"]"#, "{}"),
    // Jobs and provenance
    // Runs, quality, conditions
    (
        "declareRuns",
        r#"[[{"run": 98, "fill": 7, "started": "2026-01-31T10:00:00Z", "conditions": "Y4S",
              "events": 1000000, "sections": [[1, 600]]}]]"#,
        r#"{"replace": true}"#,
    ),
    ("getRun", "[98]", r#"{"unit": "/nb"}"#),
    (
        "listRuns",
        "[]",
        r#"{"fill": 7, "quality": "ok", "processing_pass": "Reco12", "limit": 1000}"#,
    ),
    ("declareFills", r#"[[{"fill": 7, "started": "2026-01-31T09:00:00Z"}]]"#, "{}"),
    ("listFills", "[]", "{}"),
    (
        "setLuminosity",
        r#"[[{"run": 98, "first": 1, "recorded": [230.1, null, 229.8],
              "delivered": [240, null, 239]}], "/nb"]"#,
        r#"{"reason": "the final calibration"}"#,
    ),
    ("getRunLuminosity", "[98]", r#"{"unit": "/nb", "totals": true}"#),
    (
        "setSections",
        r#"[{"/superb/raw/00001.root": {"98": [[1, 300], [310, 600]]}}]"#,
        r#"{"replace": true}"#,
    ),
    ("getSections", r#"[["/superb/raw/00001.root"]]"#, "{}"),
    ("getLuminosity", r#"[{"dataset": "raw", "quality": ["ok"]}]"#, r#"{"unit": "fb-1"}"#),
    (
        "exportMask",
        r#"[{"runs": [98, 120], "quality": ["ok"], "processing_pass": "Reco12"}]"#,
        "{}",
    ),
    ("combineMasks", r#"["sub", [{"mask": {"98": [[1, 600]]}}, {"dataset": "raw"}]]"#, "{}"),
    (
        "setQuality",
        r#"["bad", "the trackers were off"]"#,
        r#"{"runs": [98], "descendants": true, "preview": true}"#,
    ),
    ("getQuality", "[]", r#"{"lfns": ["/superb/raw/00001.root"], "runs": [98]}"#),
    ("listQualityHistory", "[]", r#"{"run": 98}"#),
    (
        "declareEventTypes",
        r#"[[{"name": "90000000", "description": "no bias"}]]"#,
        r#"{"reason": "for the run of 2026"}"#,
    ),
    ("listEventTypes", "[]", r#"{"prefix": "9"}"#),
    (
        "declareConditions",
        r#"[[{"name": "Sim10-MagUp", "kind": "simulation", "parameters": {"magnet": "up"}}]]"#,
        "{}",
    ),
    ("listConditions", "[]", "{}"),
    (
        "declareSoftware",
        r#"[[{"application": "Brunel", "version": "v50r0", "platform": "x86_64-el9"}]]"#,
        "{}",
    ),
    ("listSoftware", "[]", r#"{"prefix": "Brunel", "site": "LCG.CNAF.it"}"#),
    (
        "setInstalled",
        r#"[[{"application": "Brunel", "version": "v50r0", "platform": "x86_64-el9"}],
            [{"site": "LCG.CNAF.it", "activity": "fullsim"}]]"#,
        r#"{"removed": true}"#,
    ),
    (
        "declareBackgroundFrames",
        r#"[[{"series": "2026_January", "directory": "/superb/bkg/2026", "valid": true}]]"#,
        r#"{"replace": true}"#,
    ),
    ("listBackgroundFrames", "[]", r#"{"site": "LCG.CNAF.it"}"#),
    (
        "setFrameSites",
        r#"[[{"series": "2026_January", "directory": "/superb/bkg/2026"}], ["LCG.CNAF.it"]]"#,
        "{}",
    ),
    // Productions
    // Requests
    // Administration
    ("verifyTotals", "[]", r#"{"repair": true}"#),
    ("listAudit", "[]", r#"{"lfn": "/superb/raw/00001.root"}"#),
    ("exportRecords", "[]", r#"{"vo": "superb", "limit": 1000}"#),
    ("importRecords", r#"[[{"record": "site", "name": "CNAF"}]]"#, "{}"),
    ("listCommunities", "[]", "{}"),
    ("declareCommunity", r#"["superb"]"#, "{}"),
    ("listStorageElements", "[]", "{}"),
    (
        "declareStorageElements",
        r#"[[{"name": "CNAF-disk", "site": "CNAF", "pfn_prefix": "root://cnaf.example/data"}]]"#,
        "{}",
    ),
    ("removeStorageElement", r#"["CNAF-disk"]"#, "{}"),
    ("listSites", "[]", "{}"),
];

/// Options by their names.
type Options = Vec<(Value, Value)>;

/// The arguments of a method's example, and its options.
pub fn arguments(method: &str) -> Option<(Vec<Value>, Options)> {
    let (_, arguments, options) = EXAMPLES.iter().find(|(name, ..)| *name == method)?;
    let read = |json: &str| Encoding::Json.decode(json.as_bytes(), Limits::default()).ok();
    match (read(arguments)?, read(options)?) {
        (Value::List(arguments), Value::Dict(options)) => Some((arguments, options)),
        _ => None,
    }
}

/// The example of a method as Python has it: `SBKClient().getFile("/superb/a")`.
pub fn python(method: &str) -> Option<String> {
    let (arguments, options) = arguments(method)?;
    let option = |(name, value): &(Value, Value)| {
        format!("{}={}", name.text().unwrap_or_default(), literal(value))
    };
    let given: Vec<_> = arguments.iter().map(literal).chain(options.iter().map(option)).collect();
    Some(format!("SBKClient().{method}({})", given.join(", ")))
}

/// A value as a literal of Python.
fn literal(value: &Value) -> String {
    let list = |values: &[Value]| values.iter().map(literal).collect::<Vec<_>>().join(", ");
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        // Python reads the escapes of JSON.
        Value::Text(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::List(values) | Value::Tuple(values) => format!("[{}]", list(values)),
        Value::Dict(entries) => {
            let entry =
                |(key, value): &(Value, Value)| format!("{}: {}", literal(key), literal(value));
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
        }
        // The examples are JSON, which has no other values.
        _ => "None".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use sbk_api::Operation;
    use sbk_service::Caller;

    use super::*;
    use crate::rpc::{Failure, Methods, Standard, arguments::named, methods::read};

    /// Reads arguments as the operation of a name.
    fn operation(name: &str, arguments: Value) -> Result<(), Failure> {
        macro_rules! try_each {
            (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
                $(if name == <$plain>::NAME { return read::<$plain>(arguments).map(drop); })*
                $(if name == <$listing>::NAME { return read::<$listing>(arguments).map(drop); })*
            };
        }
        sbk_api::every_operation!(try_each);
        panic!("there is no operation {name}");
    }

    #[test]
    fn every_example_is_taken_by_its_method_and_read_by_its_operation() {
        let caller = Caller { vo: Some("superb".parse().unwrap()), ..Caller::local("alice") };
        for method in &Methods::new() {
            let (mut given, options) = arguments(method.name).expect(method.name);
            for (option, _) in &options {
                let known = method.options().iter().any(|known| option.text() == Some(&known.name));
                assert!(known, "{}: {option:?}", method.name);
            }
            if !options.is_empty() {
                given.push(Value::Dict(options));
            }

            let taken = named(method, given).map(|given| method.completed(given, &caller));
            let read = taken.and_then(|given| operation(method.name, given));

            assert!(read.is_ok(), "{}: {}", method.name, read.unwrap_err().message);
        }
    }

    #[test]
    fn every_example_is_that_of_a_method() {
        let methods = Methods::new();
        for (name, ..) in EXAMPLES {
            assert!(methods.find(name).is_some() || Standard::find(name).is_some(), "{name}");
        }
        assert_eq!(EXAMPLES.len(), methods.iter().count() + Standard::ALL.len());
        for standard in Standard::ALL {
            let (given, _) = arguments(standard.name()).unwrap();
            assert_eq!(given.len(), usize::from(standard.parameter().is_some()));
        }
    }

    #[test]
    fn an_example_is_a_call_in_python() {
        assert_eq!(
            python("setMetadata").as_deref(),
            Some(
                "SBKClient().setMetadata({\"/superb/raw/00001.root\": \
                 {\"run\": 6, \"comment\": None}})"
            )
        );
        assert_eq!(
            python("findFiles").as_deref(),
            Some("SBKClient().findFiles(\"run = 5 order by lfn\", replicas=True, limit=1000)")
        );
    }
}
