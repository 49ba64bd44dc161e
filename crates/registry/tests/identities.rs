//! Who a caller is, for the registry of the DIRAC reference and its test identities.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use sbk_registry::{
    Cfg, Claim, Denial, ExtraCredentials, Identity, Kind, Method, Registry, Rules, Service, Step,
};

const KIT: &str = include_str!("kit.cfg");
const CIUSER: &str = "/C=ch/O=DIRAC/OU=DIRAC CI/CN=ciuser";
const TRIAL: &str = "/C=ch/O=DIRAC/OU=DIRAC CI/CN=trialUser";
const STRANGER: &str = "/C=ch/O=DIRAC/OU=DIRAC CI/CN=stranger";
const HOST: &str = "/C=ch/O=DIRAC/OU=DIRAC CI/CN=localhost";
const CATALOGUE: Service<'_> = Service { system: "DataManagement", component: "FileCatalog" };

fn registry(text: &str) -> Registry {
    Registry::from_cfg(&Cfg::parse(text).unwrap()).unwrap()
}

fn proxy<'a>(dn: &'a str, group: Option<&'a str>) -> Claim<'a> {
    Claim { dn: Some(dn), group, is_proxy: true, ..Claim::default() }
}

fn with<'a>(dn: &'a str, extra: ExtraCredentials<'a>) -> Claim<'a> {
    Claim { dn: Some(dn), extra, ..Claim::default() }
}

fn who(identity: &Identity) -> String {
    format!("{}:{}", identity.username, identity.group)
}

fn step(registry: &Registry, claim: Claim<'_>) -> Step {
    registry.identify(&claim).unwrap_err().step()
}

/// User and group as `whoami` shows them, which in DIRAC is open to everybody.
fn whoami(registry: &Registry, claim: Claim<'_>) -> String {
    let rules = Rules::default();
    let admission =
        registry.authorise(&rules, Method::Call("whoami"), Some("all"), &claim).unwrap();
    who(&admission.identity)
}

#[test]
fn the_identities_of_the_reference_are_taken_for_what_it_takes_them_for() {
    let kit = registry(KIT);
    let delegated = ExtraCredentials::Group("prod");

    for group in ["jenkins_user", "jenkins_fcadmin", "prod", "dirac_admin"] {
        assert_eq!(whoami(&kit, proxy(CIUSER, Some(group))), format!("ciuser:{group}"));
    }
    assert_eq!(whoami(&kit, proxy(CIUSER, None)), "ciuser:jenkins_user", "nogroup");
    let limited = Claim { is_limited: true, ..proxy(CIUSER, Some("jenkins_user")) };
    assert_eq!(whoami(&kit, limited), "ciuser:jenkins_user");
    assert_eq!(whoami(&kit, proxy(TRIAL, Some("jenkins_user"))), "trialUser:jenkins_user");
    let second = Claim { extra: delegated, ..proxy(CIUSER, Some("jenkins_user")) };
    assert_eq!(whoami(&kit, second), "ciuser:jenkins_user", "a proxy's group is not overruled");
    assert_eq!(whoami(&kit, proxy(CIUSER, Some("nosuchgroup"))), "anonymous:visitor");
    assert_eq!(whoami(&kit, proxy(STRANGER, Some("jenkins_user"))), "anonymous:visitor");
    assert_eq!(whoami(&kit, proxy(TRIAL, Some("prod"))), "anonymous:visitor");
    let leaf = format!("{CIUSER}/CN=123/CN=456");
    assert_eq!(whoami(&kit, with(&leaf, ExtraCredentials::None)), "anonymous:visitor");
    assert_eq!(whoami(&kit, with(HOST, ExtraCredentials::Hosts)), "localhost:hosts");
    assert_eq!(whoami(&kit, Claim::default()), "anonymous:visitor");
}

#[test]
fn each_refusal_says_at_which_step_it_was_decided_and_what_to_do() {
    let kit = registry(KIT);

    assert_eq!(step(&kit, Claim::default()), Step::Name);
    assert_eq!(step(&kit, proxy("  ", Some("prod"))), Step::Name);
    assert_eq!(step(&kit, proxy(STRANGER, None)), Step::User);
    assert_eq!(step(&kit, proxy(CIUSER, Some("nosuchgroup"))), Step::Group);
    assert_eq!(step(&kit, with(CIUSER, ExtraCredentials::Hosts)), Step::Host);
    let denial = kit.identify(&proxy(TRIAL, Some("prod"))).unwrap_err();
    assert_eq!(denial, Denial::NotMember { username: "trialUser".into(), group: "prod".into() });
    assert_eq!(denial.to_string(), "the user \"trialUser\" is not a member of the group \"prod\"");
    assert!(denial.advice().contains("/Registry/Groups/prod/Users"));
}

#[test]
fn a_wrong_group_after_an_honest_call_is_refused_and_the_honest_call_still_works_f1() {
    let kit = registry(KIT);
    let honest = proxy(TRIAL, Some("jenkins_user"));
    let wrong = proxy(TRIAL, Some("prod"));

    for _ in 0..3 {
        assert_eq!(who(&kit.identify(&honest).unwrap()), "trialUser:jenkins_user");
        assert_eq!(kit.identify(&wrong).unwrap_err().step(), Step::Group);
    }
}

#[test]
fn a_visitor_has_no_properties_whatever_group_was_claimed_f2() {
    let kit = registry(KIT);
    let claims = [
        proxy(STRANGER, Some("prod")),
        proxy(TRIAL, Some("prod")),
        with(STRANGER, ExtraCredentials::Group("prod")),
        with(STRANGER, ExtraCredentials::Hosts),
    ];

    for claim in claims {
        let admission =
            kit.authorise(&Rules::default(), Method::Call("whoami"), Some("all"), &claim).unwrap();

        assert_eq!(admission.identity.kind, Kind::Visitor);
        assert!(admission.identity.properties.is_empty() && admission.properties.is_empty());
        assert_eq!(admission.identity.vo, None);
    }
}

#[test]
fn an_identity_has_the_groups_properties_in_order_and_its_vo() {
    let identity = registry(KIT).identify(&proxy(CIUSER, Some("jenkins_fcadmin"))).unwrap();

    assert_eq!(identity.properties, ["FileCatalogManagement", "NormalUser"]);
    assert_eq!(identity.vo.as_deref(), Some("Jenkins"));
    assert!(identity.has("normaluser"));
}

#[test]
fn a_group_without_vo_has_that_of_the_installation() {
    let kit = registry(KIT);

    assert_eq!(kit.vo_of_group("dirac_admin"), Some("Jenkins"));
    assert_eq!(registry("Registry\n{\n}").vo_of_group("x"), None);
}

#[test]
fn a_trusted_host_speaks_for_users_and_nobody_else_does() {
    let kit = registry(KIT);
    let extra = ExtraCredentials::Delegated { dn: CIUSER, group: "prod" };

    let fqans = ["/dteam/Role=NULL".to_owned()];
    let identity = kit.identify(&Claim { fqans: &fqans, ..with(HOST, extra) }).unwrap();
    assert_eq!(who(&identity), "ciuser:prod");
    assert_eq!(identity.forwarded_by.as_deref(), Some("localhost"));
    assert_eq!(identity.dn, CIUSER);
    assert!(identity.fqans.is_empty(), "the host's attributes are not the user's");

    for dn in [CIUSER, TRIAL, STRANGER] {
        assert_eq!(step(&kit, with(dn, extra)), Step::Delegation);
    }
    let untrusted = registry(&KIT.replace("TrustedHost, ", ""));
    assert_eq!(step(&untrusted, with(HOST, extra)), Step::Delegation);
}

#[test]
fn credentials_forwarded_by_somebody_else_are_refused_even_where_everybody_is_admitted() {
    let extra = ExtraCredentials::Delegated { dn: CIUSER, group: "prod" };

    let denial = registry(KIT)
        .authorise(&Rules::default(), Method::Call("whoami"), Some("all"), &with(TRIAL, extra))
        .unwrap_err();

    assert_eq!(denial.step(), Step::Delegation);
}

#[test]
fn a_trusted_host_cannot_put_a_user_into_a_group_that_is_not_his() {
    let kit = registry(KIT);
    let delegated = |dn, group| with(HOST, ExtraCredentials::Delegated { dn, group });

    assert_eq!(step(&kit, delegated(TRIAL, "prod")), Step::Group);
    assert_eq!(step(&kit, delegated(STRANGER, "prod")), Step::User);
    assert_eq!(step(&kit, delegated(CIUSER, "")), Step::Group);
    assert_eq!(step(&kit, delegated(CIUSER, "hosts")), Step::Host);
    assert_eq!(step(&kit, delegated("", "prod")), Step::Name);
}

#[test]
fn somebody_unknown_for_whom_a_host_speaks_is_the_visitor_and_not_the_host() {
    let extra = ExtraCredentials::Delegated { dn: STRANGER, group: "prod" };

    let admission = registry(KIT)
        .authorise(&Rules::default(), Method::Call("whoami"), Some("all"), &with(HOST, extra))
        .unwrap();

    assert_eq!(who(&admission.identity), "anonymous:visitor");
    assert_eq!(admission.identity.dn, STRANGER);
    let nobody = Claim { extra, ..Claim::default() };
    assert_eq!(Identity::visitor(&nobody).dn, "", "nothing is proven without a certificate");
}

#[test]
fn a_rule_with_a_group_holds_for_those_for_whom_a_host_speaks() {
    // The reference loses `group:` and `vo:` on the way.
    let extra = ExtraCredentials::Delegated { dn: CIUSER, group: "prod" };
    let call = |rule| {
        registry(KIT).authorise(
            &Rules::default(),
            Method::Call("m"),
            Some(rule),
            &with(HOST, extra),
        )
    };

    assert!(call("group:prod").is_ok());
    assert_eq!(call("group:jenkins_user").unwrap_err().step(), Step::Rule);
    assert_eq!(call("Operator, vo:lhcb").unwrap_err().step(), Step::Rule);
}

#[test]
fn a_group_beside_a_plain_certificate_counts_and_is_verified() {
    let kit = registry(KIT);
    let asks = |dn, group| with(dn, ExtraCredentials::Group(group));

    assert_eq!(who(&kit.identify(&asks(CIUSER, "prod")).unwrap()), "ciuser:prod");
    assert_eq!(step(&kit, asks(TRIAL, "prod")), Step::Group);
    assert_eq!(who(&kit.identify(&asks(HOST, "hosts")).unwrap()), "localhost:hosts");
}

#[test]
fn a_host_that_does_not_say_so_is_no_user() {
    assert_eq!(step(&registry(KIT), with(HOST, ExtraCredentials::None)), Step::User);
}

#[test]
fn hosts_and_visitor_are_no_groups_of_the_registry() {
    let text = format!("{KIT}Registry/Groups/visitor\n{{\nUsers = ciuser\n}}\n")
        + "Registry/Groups/hosts\n{\nUsers = ciuser\n}\n";
    let kit = registry(&text);

    assert_eq!(step(&kit, proxy(CIUSER, Some("visitor"))), Step::Group);
    assert_eq!(step(&kit, proxy(CIUSER, Some("hosts"))), Step::Host);
}

/// Users and groups of several virtual organisations.
const SEVERAL: &str = "
Registry {
DefaultGroup = nothing, common
Users {
  anna {
    DN = /CN=anna, /CN=anna 2
    DefaultGroup = none, b_lhcb
    Suspended = ilc
    Email = anna@example.org
  }
  bert {
    DN = /CN=bert, /CN=shared
  }
  carl {
    DN = /CN=carl,/CN=shared
  }
  dora {
    DN = /CN=dora
  }
}
Groups {
  z_group {
    Users = bert, carl
  }
  b_lhcb {
    Users = anna
    VO = lhcb
  }
  a_ilc {
    Users = anna, carl
    VO = ilc
  }
  common {
    Users = carl, bert, nobody
  }
}
BannedIPs = 192.0.2.1, 2001:db8::1
}";

#[test]
fn the_default_group_is_the_users_then_the_registrys_then_the_first_of_the_alphabet() {
    let registry = registry(SEVERAL);

    assert_eq!(registry.default_group("anna"), Some("b_lhcb"));
    assert_eq!(registry.default_group("bert"), Some("common"));
    assert_eq!(registry.default_group("dora"), None);
    let text = SEVERAL.replace("nothing, common", "nothing").replace("none, b_lhcb", "none");
    let other = self::registry(&text);
    assert_eq!(other.default_group("anna"), Some("a_ilc"));
    assert_eq!(other.default_group("bert"), Some("common"));
    let without = self::registry(&text.replace("DefaultGroup", "Other"));
    assert_eq!(without.default_groups(), ["user"]);
}

#[test]
fn a_user_without_a_group_is_a_visitor() {
    assert_eq!(step(&registry(SEVERAL), proxy("/CN=dora", None)), Step::Group);
}

#[test]
fn a_suspended_user_is_refused_in_groups_of_that_vo_only() {
    let registry = registry(SEVERAL);

    let denial = registry.identify(&proxy("/CN=anna", Some("a_ilc"))).unwrap_err();
    assert_eq!((denial.step(), denial.may_visit()), (Step::Suspension, true));
    assert_eq!(who(&registry.identify(&proxy("/CN=anna 2", None)).unwrap()), "anna:b_lhcb");
}

#[test]
fn a_dn_of_two_users_is_the_one_that_the_group_lists_first() {
    let registry = registry(SEVERAL);
    let shared = |group| who(&registry.identify(&proxy("/CN=shared", Some(group))).unwrap());

    assert_eq!(registry.users_of_dn(" /CN=shared "), ["bert", "carl"]);
    assert_eq!(shared("common"), "carl:common");
    assert_eq!(shared("z_group"), "bert:z_group");
    assert_eq!(shared("a_ilc"), "carl:a_ilc");
}

#[test]
fn a_dn_is_compared_letter_by_letter() {
    assert_eq!(step(&registry(SEVERAL), proxy("/CN=Anna", None)), Step::User);
    assert_eq!(step(&registry(SEVERAL), proxy("/CN=anna/CN=x", None)), Step::User);
}

#[test]
fn addresses_are_banned_one_by_one() {
    let registry = registry(SEVERAL);

    assert!(registry.is_banned("192.0.2.1".parse().unwrap()));
    assert!(registry.is_banned("::ffff:192.0.2.1".parse().unwrap()));
    assert!(registry.is_banned("2001:db8:0::1".parse().unwrap()));
    assert!(!registry.is_banned("192.0.2.2".parse().unwrap()));
}

#[test]
fn a_configuration_without_a_registry_is_refused() {
    let refused = |text| Registry::from_cfg(&Cfg::parse(text).unwrap()).unwrap_err();

    assert_eq!(refused("DIRAC\n{\n}")[0].path, "/Registry");
    assert_eq!(refused("Registry\n{\nUsers = anna\n}")[0].path, "/Registry/Users");
}

#[test]
fn the_kits_rules_admit_registered_callers_and_nobody_else() {
    let cfg = Cfg::parse(KIT).unwrap();
    let (registry, rules) = (Registry::from_cfg(&cfg).unwrap(), Rules::from_cfg(&cfg, CATALOGUE));
    let call = |claim| registry.authorise(&rules, Method::Call("addFile"), None, &claim);

    assert!(call(proxy(CIUSER, None)).is_ok());
    assert!(call(with(HOST, ExtraCredentials::Hosts)).is_ok());
    assert_eq!(call(proxy(STRANGER, None)).unwrap_err().step(), Step::User);
    assert_eq!(call(proxy(TRIAL, Some("prod"))).unwrap_err().step(), Step::Group);
    assert_eq!(call(Claim::default()).unwrap_err().step(), Step::Name);
}
