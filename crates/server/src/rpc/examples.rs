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
    ("removeFiles", r#"[["/superb/raw/00001.root"], "made by mistake"]"#, "{}"),
    (
        "changeFiles",
        r#"[[{"lfn": "/superb/raw/00001.root", "owner": "bob", "mode": "0755"}]]"#,
        r#"{"reason": "alice has left"}"#,
    ),
    ("findGuids", r#"[["6E1BB6A6-3E3C-11E0-A8C9-003048D2BD1A"]]"#, "{}"),
    // Replicas
    ("findReplicas", r#"[["/superb/raw/00001.root"]]"#, "{}"),
    (
        "moveReplicas",
        r#"[[{"lfn": "/superb/raw/00001.root", "se": "CNAF-disk", "to": "CNAF-tape"}]]"#,
        r#"{"reason": "the disk goes"}"#,
    ),
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
    ("findDirectories", r#"[["/superb/raw", "/superb/user"]]"#, "{}"),
    ("listSubdirectories", r#"["/superb"]"#, r#"{"recursive": true}"#),
    ("queryDirectories", r#"["period = 2026a"]"#, r#"{"below": "/superb", "metadata": true}"#),
    ("listFiles", r#"["/superb/raw"]"#, r#"{"replicas": true, "limit": 1000}"#),
    ("measureDirectories", r#"[["/superb/raw"]]"#, r#"{"storage": true}"#),
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
    ("listSnapshotFiles", r#"["raw", 1]"#, r#"{"limit": 1000}"#),
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
    (
        "reportJob",
        r#"[[{"name": "00012448_00000001_1", "production": "12448", "task": 1, "site": "LCG.CNAF.it", "steps": [{"application": "Gauss", "version": "v49r1"}], "inputs": ["/superb/gen/1.gen"], "outputs": [{"lfn": "/superb/dst/1.dst", "size": 1000, "events": 10, "replicas": [{"se": "CNAF-disk"}]}]}]]"#,
        "{}",
    ),
    ("getJob", r#"["00012448_00000001_1"]"#, "{}"),
    ("listJobs", "[]", r#"{"production": "12448", "state": "failed", "limit": 1000}"#),
    ("summarizeJobs", "[]", r#"{"production": "12448"}"#),
    ("listQuarantine", "[]", r#"{"limit": 1000}"#),
    ("getQuarantined", r#"["0123456789abcdef"]"#, "{}"),
    (
        "replayQuarantined",
        r#"["0123456789abcdef"]"#,
        r#"{"reason": "the storage element is declared now"}"#,
    ),
    ("dismissQuarantined", r#"["0123456789abcdef", "it was a test"]"#, "{}"),
    ("getAncestors", r#"[["/superb/dst/1.dst"], 5]"#, r#"{"limit": 1000}"#),
    ("getDescendants", r#"[["/superb/gen/1.gen"], 5]"#, r#"{"retired": true, "limit": 1000}"#),
    ("getSiblings", r#"[["/superb/dst/1.dst"]]"#, r#"{"limit": 1000}"#),
    ("getChain", r#"["/superb/dst/1.dst"]"#, r#"{"up": 5, "form": "svg"}"#),
    ("listOpenEdges", "[]", r#"{"limit": 1000}"#),
    ("setParents", r#"[{"/superb/dst/1.dst": ["/superb/gen/1.gen"]}]"#, "{}"),
    (
        "sendXMLBookkeepingReport",
        r#"["<Job ConfigName=\"MC\" ConfigVersion=\"2026\"> ... </Job>"]"#,
        "{}",
    ),
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
        "declareMetadataSets",
        r#"[[{"name": "upsilon4s", "values": {"energy": 10.58, "generic": true}}]]"#,
        "{}",
    ),
    ("listMetadataSets", "[]", "{}"),
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
    (
        "declareSteps",
        r#"[[{"name": "Gauss-2026", "application": "Gauss", "version": "v49r1",
              "options": ["$APPCONFIGOPTS/Gauss/Sim08.py"], "conditions": {"CondDB": "sim-1"},
              "platform": "x86_64-el9", "outputs": ["SIM"]}]]"#,
        r#"{"reason": "the new generator"}"#,
    ),
    ("getStep", r#"["Gauss-2026@1"]"#, "{}"),
    ("listSteps", "[]", "{}"),
    (
        "declarePasses",
        r#"[[{"name": "Sim08", "steps": ["Gauss-2026@1"], "comment": "for the winter"}]]"#,
        "{}",
    ),
    ("getPass", r#"["Sim08"]"#, "{}"),
    ("listPasses", "[]", "{}"),
    (
        "createProduction",
        r#"[{"name": "MC-2026-a", "kind": "simulation", "pass": "Sim08@1",
             "events": {"events": 1000000, "events_per_task": 500},
             "outputs": {"SIM": "mc-2026"}, "request": "B2Kpi", "priority": 5}]"#,
        "{}",
    ),
    ("getProduction", r#"["MC-2026-a"]"#, "{}"),
    ("listProductions", "[]", r#"{"state": "active", "limit": 1000}"#),
    (
        "changeProduction",
        r#"["MC-2026-a"]"#,
        r#"{"state": "paused", "reason": "the conditions are wrong"}"#,
    ),
    ("extendProduction", r#"["MC-2026-a"]"#, r#"{"flush": true}"#),
    ("getProgress", r#"["MC-2026-a"]"#, "{}"),
    ("getCompleteness", r#"["MC-2026-a"]"#, "{}"),
    ("listMissingInputs", r#"["MC-2026-a"]"#, r#"{"reason": "failed", "limit": 1000}"#),
    ("summarizeFailures", r#"["MC-2026-a"]"#, "{}"),
    (
        "takeTasks",
        r#"["MC-2026-a"]"#,
        r#"{"limit": 10, "site": "CNAF", "worker": "pilot-7", "lease_seconds": 3600, "key": "7-1"}"#,
    ),
    ("setTaskState", r#"["MC-2026-a", [1, 2], "running"]"#, r#"{"lease_seconds": 3600}"#),
    ("resetTasks", r#"["MC-2026-a", "the disk is back"]"#, r#"{"failed_for": "disk full"}"#),
    ("expireTasks", "[]", r#"{"vo": "superb"}"#),
    ("listTasks", r#"["MC-2026-a"]"#, r#"{"state": "failed", "limit": 1000}"#),
    ("getTask", r#"["MC-2026-a", 1]"#, "{}"),
    // Requests
    (
        "addRequests",
        r#"[[{"name": "B0-2012", "event_type": "B0B0bar_generic", "events": 1000000,
              "release": "V0.3.1", "deadline": "2026-12-24T00:00:00Z",
              "parameters": {"session": "fastsim", "dg": "DG_4"}}]]"#,
        "{}",
    ),
    ("changeRequest", r#"["B0-2012", {"events": 2000000}]"#, r#"{"remove": ["deadline"]}"#),
    ("setRequestState", r#"["B0-2012", "rejected"]"#, r#"{"reason": "use the newer geometry"}"#),
    ("cloneRequest", r#"["B0-2012"]"#, r#"{"new_name": "B0-2013", "changes": {"events": 500000}}"#),
    ("getRequest", r#"["B0-2012"]"#, "{}"),
    ("listRequests", "[]", r#"{"state": "submitted", "campaign": "2012_September"}"#),
    ("listRequestHistory", r#"["B0-2012"]"#, "{}"),
    (
        "splitRequest",
        r#"["B0-2012", [{"name": "mc-2012-a", "outputs": {"ROOT": "B0-2012"},
                         "events": {"events": 1000000, "events_per_task": 500}}]]"#,
        r#"{"attach": ["mc-2012-b"]}"#,
    ),
    ("addCampaigns", r#"[[{"name": "2012_September", "description": "for the TDR"}]]"#, "{}"),
    ("changeCampaign", r#"["2012_September"]"#, r#"{"closed": true, "reason": "complete"}"#),
    ("assignRequests", r#"["2012_September", ["B0-2012"]]"#, "{}"),
    ("getCampaign", r#"["2012_September"]"#, "{}"),
    ("listCampaigns", "[]", r#"{"open": true}"#),
    // Administration
    ("verifyTotals", "[]", r#"{"repair": true}"#),
    ("verifyJobs", "[]", r#"{"repair": true}"#),
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
    ("findStorageElements", r#"[["CNAF-disk"]]"#, "{}"),
    ("removeStorageElement", r#"["CNAF-disk"]"#, "{}"),
    ("listHoldings", "[]", r#"{"owner": "alice"}"#),
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
        if name == crate::rpc::xml_report::NAME {
            return Ok(());
        }
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
