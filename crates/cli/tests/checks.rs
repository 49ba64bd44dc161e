//! What certificates and DIRAC configurations are told to be before a service meets them.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use common::{Answer, Sbk};
use sbk_testkit::pki::{Identity, TestPki};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A CA and a DIRAC configuration.
struct Site {
    work: TempDir,
    pki: TestPki,
    sbk: Sbk,
}

impl Site {
    fn new() -> Self {
        let work = tempfile::tempdir().unwrap();
        let pki = TestPki::new(work.path());
        let sbk = Sbk::on_empty_database("sqlite:unused.db");
        let site = Self { work, pki, sbk };
        fs::write(site.path("dirac.cfg"), include_str!("data/dirac.cfg")).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A user's proxy for a group.
    fn proxy(&self, user: &str, group: &str) -> Identity {
        self.pki.user(user).proxy().group(group).build()
    }

    /// Checks what the holder of a proxy or certificate would be.
    fn check(&self, identity: &Identity, arguments: &[&str]) -> Answer {
        identity.write_proxy(&self.path("x509up"));
        let directory = self.pki.directory();
        let vomsdir = self.pki.vomsdir();
        let (proxy, cfg) = (self.text("x509up"), self.text("dirac.cfg"));
        let fixed = [
            "pki",
            "check",
            &proxy,
            "--ca-directory",
            directory.to_str().unwrap(),
            "--vomsdir",
            vomsdir.to_str().unwrap(),
            "--dirac-cfg",
            &cfg,
        ];
        self.sbk.run(&[&fixed, arguments].concat())
    }

    /// The exit code, and the whole as a program gets it.
    fn report(&self, identity: &Identity, arguments: &[&str]) -> (i32, Value) {
        let answer = self.check(identity, &[arguments, &["--json"]].concat());
        let report = serde_json::from_str(&answer.text);
        (answer.code, report.unwrap_or_else(|error| panic!("{error}: {}", answer.errors)))
    }

    fn check_cfg(&self, text: &str) -> (Answer, Value) {
        fs::write(self.path("dirac.cfg"), text).unwrap();
        let file = self.text("dirac.cfg");
        let people = self.sbk.run(&["cfg", "check", &file]);
        let programs = self.sbk.run(&["cfg", "check", &file, "--json"]);
        assert_eq!(people.code, programs.code);
        (people, serde_json::from_str(&programs.text).unwrap())
    }
}

/// The step of a title.
fn step<'a>(report: &'a Value, title: &str) -> &'a Value {
    let mut steps = report["steps"].as_array().unwrap().iter();
    steps.find(|step| step["title"] == title).unwrap_or_else(|| panic!("{title}: {report:#}"))
}

/// The last step, at which the check ended.
fn last(report: &Value) -> (&str, &str, &str) {
    let last = report["steps"].as_array().unwrap().last().unwrap();
    let text = |key| last[key].as_str().unwrap_or_default();
    (text("title"), text("outcome"), text("detail"))
}

/// The steps that refuse somebody, as titles.
fn refusals(report: &Value) -> Vec<&str> {
    let steps = report["steps"].as_array().unwrap().iter();
    let refused = steps.filter(|step| step["outcome"] == "refused");
    refused.map(|step| step["title"].as_str().unwrap()).collect()
}

#[test]
fn a_good_proxy_is_let_in_and_told_what_it_can_do() {
    let site = Site::new();

    let (code, report) = site.report(&site.proxy("alice", "user"), &[]);
    let people = site.check(&site.proxy("alice", "user"), &[]);

    assert_eq!((code, &report["admitted"]), (0, &json!(true)), "{report:#}");
    assert_eq!(refusals(&report), Vec::<&str>::new());
    assert_eq!(report["identity"]["username"], "alice");
    assert_eq!(report["identity"]["vo"], "superb");
    assert_eq!(report["permissions"], json!(["read", "write"]));
    let purge = report["methods"].as_array().unwrap();
    let purge = purge.iter().find(|method| method["name"] == "purgeFiles").unwrap();
    assert_eq!(
        (&purge["admitted"], &purge["rule"]),
        (&json!(false), &json!("ServiceAdministrator"))
    );
    assert!(people.text.contains("\nnote     not allowed "), "{}", people.text);
    assert_eq!(people.code, 0);
    let mut lines = people.text.lines();
    assert!(lines.next().unwrap().starts_with("ok       file "), "{}", people.text);
    assert_eq!(lines.last().unwrap(), "The service would let the client in as alice@user.");
}

#[test]
fn a_proxy_that_others_can_read_is_warned_of() {
    let site = Site::new();
    let proxy = site.text("x509open");
    fs::write(&proxy, site.proxy("alice", "user").proxy_pem()).unwrap();
    fs::set_permissions(&proxy, fs::Permissions::from_mode(0o644)).unwrap();
    let directory = site.pki.directory();
    let directory = directory.to_str().unwrap();
    let cfg = site.text("dirac.cfg");

    let check = ["pki", "check", &proxy, "--ca-directory", directory, "--dirac-cfg", &cfg];
    let report = site.sbk.json(&check);

    let step = step(&report, "file permissions");
    assert_eq!(step["outcome"], "warning");
    assert_eq!(step["advice"], format!("chmod 600 {proxy}"));
}

#[test]
fn certificates_that_are_refused_end_the_check_with_what_to_do() {
    let site = Site::new();
    let alice = site.pki.user("alice");
    let now = sbk_testkit::pki::now();
    let expired = alice.proxy().group("user").valid(now - 7200, now - 3600).build();
    let stranger = sbk_testkit::pki::Authority::root("Another CA");
    let stranger = stranger.issue(&sbk_testkit::pki::Request::user("alice"));
    let crossed = Identity { key: site.pki.user("bob").key, ..alice.clone() };

    let (code, report) = site.report(&expired, &[]);
    assert_eq!((code, &report["identity"]), (7, &Value::Null));
    assert!(last(&report).2.contains("expired at"), "{report:#}");

    let (code, report) = site.report(&stranger, &[]);
    assert_eq!(code, 7);
    assert!(last(&report).2.contains("neither a trusted CA"), "{report:#}");

    let (code, report) = site.report(&crossed, &[]);
    assert_eq!((code, last(&report).0), (7, "key"), "{report:#}");

    site.pki.install_crl(site.pki.ca(), &[&alice.certificate]);
    let (code, report) = site.report(&alice.proxy().group("user").build(), &[]);
    let (title, outcome, detail) = last(&report);
    assert_eq!((code, outcome), (7, "refused"));
    assert!(title.starts_with("revocation list of /C=ch/O=SBK/CN=Test CA"), "{title}");
    assert!(detail.contains("has been revoked"), "{detail}");
}

#[test]
fn those_whom_the_registry_refuses_learn_at_which_step() {
    let site = Site::new();

    let (code, report) = site.report(&site.proxy("carol", "user"), &[]);
    assert_eq!((code, last(&report).0), (5, "suspension"), "{report:#}");
    assert_eq!(step(&report, "user")["detail"], "carol");

    let (code, report) = site.report(&site.proxy("bob", "admin"), &[]);
    assert_eq!((code, last(&report).0), (5, "group"), "{report:#}");
    let advice = step(&report, "group")["advice"].as_str().unwrap();
    assert!(advice.ends_with("bob is in: readers, user"), "{advice}");

    let (code, report) = site.report(&site.proxy("alice", "admim"), &[]);
    assert_eq!((code, last(&report).0), (5, "group"), "{report:#}");
    assert!(step(&report, "group")["advice"].as_str().unwrap().contains("\"admin\""));

    let (code, report) = site.report(&site.pki.user("dave"), &[]);
    assert_eq!((code, last(&report).0), (5, "user"), "{report:#}");

    let (code, report) = site.report(&site.pki.host(), &[]);
    assert_eq!((code, last(&report).0), (5, "user"), "{report:#}");
    assert!(step(&report, "user")["advice"].as_str().unwrap().contains("--host"));
}

#[test]
fn a_host_and_a_group_that_is_asked_for_are_taken() {
    let site = Site::new();

    let (code, host) = site.report(&site.pki.host(), &["--host"]);
    let (_, plain) = site.report(&site.pki.user("alice"), &["--group", "admin"]);
    let (_, other) = site.report(&site.proxy("alice", "user"), &["--group", "admin"]);

    assert_eq!((code, &host["identity"]["kind"]), (0, &json!("host")), "{host:#}");
    assert_eq!(plain["identity"]["group"], "admin");
    assert!(plain["permissions"].as_array().unwrap().contains(&json!("administer")));
    assert_eq!(other["identity"]["group"], "user");
    assert_eq!(step(&other, "group")["outcome"], "warning");
}

#[test]
fn one_method_is_held_against_its_rule_and_its_permission() {
    let site = Site::new();
    let limited = site.pki.user("alice").proxy().group("user").limited().build();
    let reader = site.proxy("bob", "readers");
    let alice = site.proxy("alice", "user");

    let cases: [(&Identity, &str, i32, &str); 7] = [
        (&alice, "addFiles", 0, "the permission write is there"),
        (&limited, "addFiles", 5, "the proxy is a limited one"),
        (&limited, "findFiles", 0, "the rule `authenticated` admits"),
        (&reader, "findFiles", 0, "the permission read is there"),
        (&reader, "addFiles", 5, "the permission write is missing"),
        (&alice, "purgeFiles", 5, "ServiceAdministrator"),
        (&alice, "FileTransfer/toClient", 0, "the rule `authenticated` admits"),
    ];
    for (identity, method, expected, detail) in cases {
        let (code, report) = site.report(identity, &["--method", method]);

        assert_eq!(code, expected, "{method}: {report:#}");
        assert!(last(&report).2.contains(detail), "{method}: {report:#}");
    }

    let (code, visitor) = site.report(&site.pki.user("dave"), &["--method", "ping"]);
    assert_eq!((code, &visitor["identity"]["kind"]), (0, &json!("visitor")), "{visitor:#}");
    assert_eq!(step(&visitor, "user")["outcome"], "warning");
}

#[test]
fn a_method_that_there_is_not_is_answered_with_the_nearest() {
    let site = Site::new();

    let checked = site.check(&site.proxy("alice", "user"), &["--method", "addFile"]);
    let shown = site.sbk.run(&["methods", "addfiles"]);

    for answer in [checked, shown] {
        assert_eq!(answer.code, 3);
        assert!(answer.errors.contains("did you mean \"addFiles\"?"), "{}", answer.errors);
    }
}

#[test]
fn voms_attributes_are_verified() {
    let site = Site::new();
    let server = site.pki.voms_server("superb", "voms.example");
    let alice = site.pki.user("alice");
    let attributes = server.attributes(&alice, &["/superb/Role=production"]).build();
    let proxy = alice.proxy().group("user").attributes(&attributes).build();

    let (code, report) = site.report(&proxy, &[]);

    assert_eq!((code, &report["identity"]["fqans"]), (0, &json!(["/superb/Role=production"])));
    assert_eq!(step(&report, "VOMS attributes")["outcome"], "good");
}

#[test]
fn the_configuration_of_the_service_says_what_to_check_against() {
    let site = Site::new();
    site.pki.host().write(&site.path("hostcert.pem"), &site.path("hostkey.pem"));
    // Whoever checks a proxy need not be able to read the key of the host.
    fs::remove_file(site.path("hostkey.pem")).unwrap();
    site.proxy("alice", "user").write_proxy(&site.path("x509up"));
    let config = format!(
        "[tls]\ncertificate = '{0}/hostcert.pem'\nkey = '{0}/hostkey.pem'\n\
         ca_directory = '{0}/certificates'\n[dirac]\nconfiguration = '{0}/dirac.cfg'\n",
        site.work.path().display()
    );
    fs::write(site.path("sbk.toml"), config).unwrap();
    let config = site.text("sbk.toml");
    let proxy = site.text("x509up");

    let checked = site.sbk.run(&["pki", "check", &proxy, "--config", &config]);
    let cfg = site.sbk.run(&["cfg", "check", "--config", &config]);
    let nothing = site.sbk.run(&["cfg", "check"]);

    assert_eq!(checked.code, 0, "{}{}", checked.text, checked.errors);
    assert_eq!(cfg.code, 0, "{}{}", cfg.text, cfg.errors);
    assert_eq!(nothing.code, 2);
    assert!(nothing.errors.contains("dirac.configuration"), "{}", nothing.errors);
}

#[test]
fn a_configuration_server_that_is_away_is_told() {
    let site = Site::new();
    site.pki.host().write(&site.path("hostcert.pem"), &site.path("hostkey.pem"));
    site.proxy("alice", "user").write_proxy(&site.path("x509up"));
    let config = format!(
        "[tls]\ncertificate = '{0}/hostcert.pem'\nkey = '{0}/hostkey.pem'\n\
         ca_directory = '{0}/certificates'\n[dirac]\nconfiguration = '{0}/dirac.cfg'\n\
         servers = ['dips://localhost:1/Configuration/Server']\n",
        site.work.path().display()
    );
    fs::write(site.path("sbk.toml"), config).unwrap();
    let config = site.text("sbk.toml");

    let mut command = site.sbk.command(&["pki", "check", "--json", "--config", &config]);
    let checked = command.env("X509_USER_PROXY", site.path("x509up")).output().unwrap();
    let cfg = site.sbk.run(&["cfg", "check", "--config", &config]);

    let report: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((checked.status.code(), last(&report).0), (Some(5), "DIRAC configuration"));
    assert!(last(&report).2.contains("dips://localhost:1/"), "{report:#}");
    assert!(cfg.errors.contains("dips://localhost:1/"), "{}", cfg.errors);
}

#[test]
fn a_good_dirac_configuration_is_summed_up() {
    let site = Site::new();

    let (people, report) = site.check_cfg(include_str!("data/dirac.cfg"));

    assert_eq!(people.code, 0, "{}", people.text);
    let summary = json!({ "users": 3, "groups": 3, "hosts": 1, "vos": 1, "rules": 3 });
    assert_eq!(report["summary"], summary);
    let end = "3 users, 3 groups, 1 host, 1 VO, 3 rules; 0 errors, 0 warnings, 0 notes\n";
    assert!(people.text.ends_with(end), "{}", people.text);
}

#[test]
fn a_line_that_is_no_configuration_is_shown() {
    let site = Site::new();

    let (people, report) = site.check_cfg("Registry\n{\n  Users\n  {\n    alice =\n    bob\n");

    assert_eq!(people.code, 7);
    assert_eq!(report["syntax"]["line"], 6, "{report:#}");
    assert!(people.text.contains("dirac.cfg:6"), "{}", people.text);
    assert!(people.text.contains("the line is `bob`"), "{}", people.text);
}

#[test]
fn mistakes_of_a_dirac_configuration_are_found_with_their_fix() {
    let site = Site::new();
    let text = include_str!("data/dirac.cfg")
        .replace("addFiles =", "adFiles =")
        .replace("Users = alice\n", "Users = alise\n")
        .replace("= ServiceAdministrator", "= !nobody");

    let (people, report) = site.check_cfg(&text);

    assert_eq!(people.code, 7, "{}", people.text);
    let found = report["findings"].as_array().unwrap();
    let fix = |path: &str| {
        let at = found.iter().find(|finding| finding["path"].as_str().unwrap().ends_with(path));
        at.unwrap_or_else(|| panic!("{path}: {report:#}"))["fix"].as_str().unwrap()
    };
    assert_eq!(fix("/adFiles"), "did you mean `addFiles`?");
    assert_eq!(fix("/admin/Users"), "did you mean `alice`?");
    assert_eq!(found[0]["severity"], "error");
    assert!(people.text.starts_with("refused  "), "{}", people.text);
}

#[test]
fn methods_are_listed_shown_and_written_as_a_page() {
    let site = Site::new();

    let list = site.sbk.json(&["methods"]);
    let table = site.sbk.ok(&["methods"]);
    let one = site.sbk.ok(&["methods", "addFiles"]);
    let page = site.sbk.ok(&["methods", "--markdown"]);

    let list = list.as_array().unwrap();
    let has = |name: &str| list.iter().any(|method| method["name"] == name);
    assert!(
        has("ping") && has("addFiles") && has("sendXMLBookkeepingReport") && !has("postFindFiles")
    );
    assert!(table.starts_with("METHOD "), "{table}");
    assert!(one.contains("SBKClient().addFiles([{"), "{one}");
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/methods.md");
    assert_eq!(page, fs::read_to_string(kept).unwrap());
}
