//! Which rule speaks of a method, whom it admits, and what properties permit.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use sbk_model::Permission::{self, *};
use sbk_registry::{
    Cfg, Claim, Denial, Identity, Kind, Method, PermissionMap, Rule, Rules, Service, Severity,
    Step, check,
};

const KIT: &str = include_str!("kit.cfg");
const CATALOGUE: Service<'_> = Service { system: "DataManagement", component: "FileCatalog" };

/// A service's sections `Authorization` and `Permissions`.
fn service(authorization: &str, permissions: &str) -> Cfg {
    let sections =
        format!("Authorization {{\n{authorization}\n}}\nPermissions {{\n{permissions}\n}}");
    let text = format!(
        "Systems {{\nDataManagement {{\nServices {{\nFileCatalog {{\n{sections}\n}}\n}}\n}}\n}}"
    );
    Cfg::parse(&text).unwrap()
}

fn rules(authorization: &str) -> Rules {
    Rules::from_cfg(&service(authorization, ""), CATALOGUE)
}

fn member(group: &str, properties: &[&str]) -> Identity {
    Identity {
        kind: Kind::User,
        username: "anna".into(),
        group: group.into(),
        dn: "/CN=anna".into(),
        properties: properties.iter().map(|property| property.to_string()).collect(),
        vo: Some("lhcb".into()),
        limited: false,
        fqans: vec![],
        forwarded_by: None,
    }
}

fn visitor() -> Identity {
    Identity::visitor(&Claim { dn: Some("/CN=x"), ..Claim::default() })
}

fn admits(rule: &str, identity: &Identity) -> bool {
    let rules = Rules::default();
    let once = rules.allows(Method::Call("m"), Some(rule), identity).is_ok();
    let twice = rules.allows(Method::Call("m"), Some(rule), identity).is_ok();
    assert_eq!(once, twice, "a rule says the same each time (F3)");
    once
}

#[test]
fn no_rule_at_all_refuses_everybody() {
    for rules in [Rules::default(), rules(""), rules("other = any\nDefault =")] {
        for identity in [visitor(), member("prod", &["CSAdministrator"])] {
            let denial = rules.allows(Method::Call("m"), None, &identity).unwrap_err();
            assert!(matches!(denial, Denial::NoRule { .. }));
            assert_eq!((denial.step(), denial.may_visit()), (Step::Rule, false));
        }
    }
}

#[test]
fn the_named_option_goes_before_the_code_and_the_code_before_the_default() {
    let rules = rules("Default = any\nopened = any\nempty =");
    let anna = member("user", &["NormalUser"]);
    let allows = |method, coded| rules.allows(Method::Call(method), coded, &anna).is_ok();

    assert!(allows("opened", Some("CSAdministrator")));
    assert!(!allows("other", Some("CSAdministrator")));
    assert!(!allows("empty", Some("CSAdministrator")));
    assert!(allows("other", None));
    assert!(allows("other", Some(" , ")), "a coded rule without entries is none");
}

#[test]
fn transfers_have_rules_of_their_own() {
    let own = rules("Default = authenticated\nFileTransfer {\ntoClient = Operator\nDefault = X\n}");
    let fallback = rules("Default = authenticated");
    let anna = member("user", &["Operator"]);

    assert!(own.allows(Method::Transfer("toClient"), None, &anna).is_ok());
    assert!(own.allows(Method::Transfer("fromClient"), None, &anna).is_err());
    assert!(own.allows(Method::Call("addFile"), None, &anna).is_ok());
    assert!(fallback.allows(Method::Transfer("toClient"), None, &anna).is_ok());
    assert!(fallback.allows(Method::Transfer("toClient"), None, &visitor()).is_err());
}

#[test]
fn the_name_of_a_method_is_no_path() {
    let rules = rules("FileTransfer {\ntoClient = any\n}");

    assert!(rules.allows(Method::Call("FileTransfer/toClient"), None, &visitor()).is_err());
}

#[test]
fn any_and_all_admit_visitors_and_authenticated_does_not() {
    for rule in ["any", "All", "NormalUser, ALL"] {
        assert!(admits(rule, &visitor()), "{rule}");
    }
    for rule in ["authenticated", "Authenticated", "NormalUser", "visitor", "!limited"] {
        assert!(!admits(rule, &visitor()), "{rule}");
    }
    assert!(admits("AUTHENTICATED", &member("user", &[])));
}

#[test]
fn properties_match_in_any_case_and_are_reduced_to_those_of_the_rule() {
    let anna = member("user", &["Operator", "normaluser", "CSAdministrator"]);
    let allows = |rule| Rules::default().allows(Method::Call("m"), Some(rule), &anna);

    assert_eq!(allows("NormalUser, OPERATOR, JobMonitor").unwrap(), ["OPERATOR", "NormalUser"]);
    assert_eq!(allows("authenticated, NormalUser").unwrap(), anna.properties);
    let Denial::NotAdmitted { rule, who, .. } = allows("JobMonitor").unwrap_err() else { panic!() };
    assert_eq!((rule.as_str(), who.as_str()), ("JobMonitor", "anna@user"));
}

#[test]
fn group_and_vo_restrict_whatever_else_the_rule_says_f3() {
    let anna = member("prod", &["NormalUser"]);

    for rule in
        ["group:prod", "vo:lhcb", "any, group:prod", "group:x, vo:lhcb", "NormalUser, group:prod"]
    {
        assert!(admits(rule, &anna), "{rule}");
        assert!(!admits(rule, &visitor()), "{rule}");
    }
    for rule in ["group:user", "vo:ilc", "any, group:user", "Operator, group:prod", "group:", "vo:"]
    {
        assert!(!admits(rule, &anna), "{rule}");
    }
    let host = Identity { kind: Kind::Host, group: "hosts".into(), vo: None, ..anna };
    assert!(admits("group:hosts", &host));
    assert!(!admits("vo:lhcb", &host));
}

#[test]
fn an_option_with_group_holds_each_time_f3() {
    let rules = rules("m = group:prod");

    for _ in 0..3 {
        assert!(rules.allows(Method::Call("m"), None, &member("user", &[])).is_err());
        assert!(rules.allows(Method::Call("m"), None, &member("prod", &[])).is_ok());
    }
}

#[test]
fn voms_attributes_and_limited_proxies_restrict() {
    let fqans = vec!["/lhcb/Role=NULL/Capability=NULL".into(), "/lhcb/Role=production".into()];
    let voms = Identity { fqans, ..member("prod", &[]) };
    let limited = Identity { limited: true, ..member("prod", &[]) };

    assert!(admits("fqan:/lhcb/Role=production", &voms));
    assert!(admits("fqan:/lhcb, fqan:/other", &voms));
    assert!(admits("fqan:/lhcb/Role=production/Capability=NULL", &voms));
    assert!(!admits("fqan:/lhcb/Role=lcgadmin", &voms));
    assert!(!admits("authenticated, fqan:/lhcb", &member("prod", &[])));
    assert!(!admits("!limited", &limited));
    assert!(!admits("any, !limited", &limited));
    assert!(admits("!limited", &voms));
    assert!(!admits("fqan:/lhcb", &Identity { kind: Kind::Visitor, ..voms }));
}

#[test]
fn an_entry_that_nobody_knows_admits_nobody() {
    for rule in ["any, grp:prod", "authenticated, !proxy", "Group:prod"] {
        assert!(!admits(rule, &member("prod", &[])), "{rule}");
        assert_eq!(Rule::parse(rule).unwrap().strange().len(), 1);
    }
}

fn permitted(map: &PermissionMap, properties: &[&str]) -> BTreeSet<Permission> {
    map.permissions(&member("prod", properties))
}

#[test]
fn properties_permit_by_default_what_they_stand_for() {
    let map = PermissionMap::default();

    assert_eq!(permitted(&map, &["NormalUser"]), BTreeSet::from([Read, Write]));
    assert_eq!(permitted(&map, &["Operator"]), BTreeSet::from([Read]));
    assert_eq!(permitted(&map, &["TrustedHost"]), BTreeSet::from([Read, AllCommunities]));
    for property in ["GenericPilot", "JobAdministrator", "jobadministrator"] {
        assert_eq!(permitted(&map, &[property]), BTreeSet::from([Read, Write, Produce]));
    }
    assert!(permitted(&map, &["ProductionManagement"]).contains(&ManageDatasets));
    assert!(permitted(&map, &["FileCatalogManagement"]).contains(&ManageSchema));
    assert!(!permitted(&map, &["FileCatalogManagement"]).contains(&Administer));
    for property in ["ServiceAdministrator", "CSAdministrator"] {
        assert_eq!(permitted(&map, &[property]), Permission::ALL.iter().copied().collect());
    }
    assert!(permitted(&map, &["PrivateLimitedDelegation", "Unheard"]).is_empty());
}

#[test]
fn a_visitor_is_permitted_nothing() {
    let lines = "group:visitor = administer";
    let map = PermissionMap::from_cfg(&service("", lines), CATALOGUE).unwrap();

    assert!(map.permissions(&visitor()).is_empty());
}

#[test]
fn the_configuration_changes_what_is_permitted() {
    let lines = "NormalUser = read\noperator =\ngroup:prod = produce\nhost:vobox = write";
    let map = PermissionMap::from_cfg(&service("", lines), CATALOGUE).unwrap();
    let host = |name: &str| Identity {
        kind: Kind::Host,
        username: name.into(),
        ..member("hosts", &["TrustedHost"])
    };

    assert_eq!(permitted(&map, &["NormalUser"]), BTreeSet::from([Read, Produce]));
    assert!(map.permissions(&member("user", &["Operator"])).is_empty());
    assert_eq!(map.permissions(&host("vobox")), BTreeSet::from([Read, Write, AllCommunities]));
    assert_eq!(map.permissions(&host("other")), BTreeSet::from([Read, AllCommunities]));
}

#[test]
fn an_unknown_permission_is_found_with_its_line_and_the_nearest_name() {
    let lines = "NormalUser = read, wirte\nuser:anna = read\nOperator = x";
    let problems = PermissionMap::from_cfg(&service("", lines), CATALOGUE).unwrap_err();

    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let section = "error: /Systems/DataManagement/Services/FileCatalog/Permissions";
    assert_eq!(
        texts[0],
        format!("{section}/NormalUser: `wirte` is no permission; did you mean `write`?")
    );
    assert!(texts[1].starts_with(&format!("{section}/user:anna: ")));
    assert!(texts[2].contains("permissions are read, write, produce"));
}

/// What the check finds, but for notes: each path and its text.
fn found(text: &str) -> Vec<String> {
    check(&Cfg::parse(text).unwrap(), CATALOGUE, &["addFile", "ping"])
        .into_iter()
        .filter(|finding| finding.severity > Severity::Note)
        .map(|finding| finding.to_string())
        .collect()
}

#[test]
fn the_check_finds_nothing_in_the_kit() {
    assert_eq!(found(KIT), [""; 0]);
}

#[test]
fn the_check_finds_what_was_not_meant() {
    let cases = [
        ("Users = ciuser\n", "Users = ciuserr\n", "did you mean `ciuser`?"),
        ("DN = /C=ch/O=DIRAC/OU=DIRAC CI/CN=trialUser\n", "", "the user has no DN"),
        ("CN=trialUser\n", "CN=Trial, User\n", "`User` is no DN"),
        ("CN=trialUser\n", "CN=ciuser\n", "is the DN of user ciuser, user trialUser"),
        ("CN=localhost\n", "CN=ciuser\n", "is the DN of user ciuser, host localhost"),
        ("Properties = Operator,", "Properties = Operatr,", "did you mean `Operator`?"),
        ("CN=trialUser\n", "CN=trialUser\nSuspended = jenkins\n", "did you mean `Jenkins`?"),
        ("CN=trialUser\n", "CN=trialUser\nDefaultGroup = prod\n", "not in the group `prod`"),
        ("VirtualOrganization = Jenkins", "VirtualOrganization = jenkinss", "there is no VO"),
        ("Default = authenticated", "Default = any", "not in the registry"),
        ("Default = authenticated", "addFiles = authenticated", "did you mean `addFile`?"),
        ("Default = authenticated", "addFile = authenticated", "there is no Default"),
        ("Default = authenticated", "", "there are no rules"),
        ("Default = authenticated", "Default = NormlUser", "did you mean `NormalUser`?"),
        ("Default = authenticated", "Default = group:prd", "did you mean `prod`?"),
        ("Default = authenticated", "Default = vo:lhcb", "no group has the VO `lhcb`"),
        ("Default = authenticated", "Default = any, grp:x", "nobody knows what `grp:x` means"),
        ("DefaultGroup = jenkins_user", "BannedIPs = 10.0.0.0/8", "is no IP address"),
    ];
    for (from, to, expected) in cases {
        let text = KIT.replacen(from, to, 1).replace(from, to);
        assert_ne!(text, KIT, "{from}");
        let found = found(&text);
        assert!(found.iter().any(|finding| finding.contains(expected)), "{to}: {found:#?}");
    }
}

#[test]
fn the_check_wants_a_vo_for_each_group_where_there_are_several() {
    let text = KIT.replace("VirtualOrganization = Jenkins", "")
        + "Registry/VO/other\n{\nVOMSName = other\n}\n";

    let found = found(&text);

    assert_eq!(found.len(), 1);
    assert!(found[0].contains("/Registry/Groups/dirac_admin: the group has no VO"));
}

#[test]
fn the_check_names_a_missing_registry_and_bad_permissions_first() {
    let cfg = service("Default = authenticated", "NormalUser = all");
    let findings = check(&cfg, CATALOGUE, &[]);

    assert_eq!(findings.iter().filter(|finding| finding.severity == Severity::Error).count(), 2);
    assert_eq!(findings[0].path, "/Registry");
}
