//! Revocation lists, reloading, and what is remembered.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;

use common::{ALICE, World, at, slices};
use sbk_pki::{Crls, Outcome, Refusal, Settings, TrustStore};
use sbk_testkit::pki::{Authority, Request, now};

const DAY: i64 = 86_400;

fn require(world: &World) -> TrustStore {
    TrustStore::open(Settings { crls: Crls::Require, ..world.settings() }).unwrap()
}

#[test]
fn a_revoked_user_is_refused_with_and_without_a_proxy() {
    let world = World::new();
    let alice = world.pki.user("alice");
    world.pki.install_crl(world.pki.ca(), &[&alice.certificate]);

    for identity in [alice.clone(), alice.proxy().build()] {
        let refusal = world.verify(&identity).unwrap_err();
        assert!(matches!(refusal, Refusal::Revoked { ref subject, .. } if subject == ALICE));
    }
    assert!(world.verify(&world.pki.user("bob").proxy().build()).is_ok());
}

#[test]
fn a_user_of_a_revoked_intermediate_ca_is_refused() {
    let world = World::new();
    let below = world.pki.ca().intermediate(&Request::ca("Below", None));
    let alice = below.issue(&Request::user("alice"));
    assert!(world.verify(&alice).is_ok());

    world.pki.install_crl(world.pki.ca(), &[&below.identity.certificate]);

    assert!(matches!(world.verify(&alice), Err(Refusal::Revoked { .. })));
}

#[test]
fn a_list_of_an_intermediate_ca_is_used() {
    let world = World::new();
    let below = world.pki.ca().intermediate(&Request::ca("Below", None));
    let alice = below.issue(&Request::user("alice"));
    world.pki.install_crl(&below, &[&alice.certificate]);

    assert!(matches!(world.verify(&alice), Err(Refusal::Revoked { .. })));
}

#[test]
fn an_expired_list_refuses_its_ca() {
    let world = World::new();
    let until = now() - 60;
    let list = world.pki.ca().crl(&[], now() - DAY, until);
    world.pki.write_crl(world.pki.ca(), &list);

    let refusal = world.verify(&world.pki.user("alice")).unwrap_err();

    let issuer = world.pki.ca().dn();
    assert_eq!(refusal, Refusal::CrlExpired { issuer, since: at(until) });
}

#[test]
fn a_list_of_tomorrow_refuses_its_ca() {
    let world = World::new();
    let list = world.pki.ca().crl(&[], now() + DAY, now() + 2 * DAY);
    world.pki.write_crl(world.pki.ca(), &list);

    assert!(matches!(world.verify(&world.pki.user("alice")), Err(Refusal::CrlUnusable { .. })));
}

#[test]
fn a_list_that_the_ca_did_not_sign_refuses_it() {
    let world = World::new();
    let forged = Authority::root("Test CA").crl(&[], now() - 60, now() + DAY);
    world.pki.write_crl(world.pki.ca(), &forged);

    assert!(matches!(world.verify(&world.pki.user("alice")), Err(Refusal::CrlUnusable { .. })));
}

#[test]
fn a_list_that_cannot_be_read_refuses_its_ca_and_is_reported() {
    let world = World::new();
    let file = world.pki.write_crl(world.pki.ca(), b"half a list");

    assert_eq!(world.store().summary().problems[0].file, file);
    assert!(matches!(world.verify(&world.pki.user("alice")), Err(Refusal::CrlUnusable { .. })));
}

#[test]
fn files_under_the_old_hash_are_those_of_the_ca() {
    let world = World::new();
    let hash = world.pki.ca().hash();
    let directory = world.pki.directory();
    let output = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-subject_hash_old", "-in"])
        .arg(directory.join(format!("{hash}.0")))
        .output()
        .unwrap();
    let old = String::from_utf8(output.stdout).unwrap();
    let alice = world.pki.user("alice");

    fs::write(directory.join(format!("{}.signing_policy", old.trim())), "broken").unwrap();
    assert!(matches!(world.verify(&alice), Err(Refusal::Namespace { .. })));
    world.pki.install_policy(world.pki.ca(), "*");
    assert!(world.verify(&alice).is_ok());
    fs::write(directory.join(format!("{}.r0", old.trim())), "broken").unwrap();
    assert!(matches!(world.verify(&alice), Err(Refusal::CrlUnusable { .. })));
    world.pki.install_crl(world.pki.ca(), &[]);
    assert!(world.verify(&alice).is_ok());
}

#[test]
fn a_list_with_an_unknown_critical_extension_refuses_its_ca() {
    let world = World::new();
    let extension = Some(("1.2.3.4", &[5, 0][..]));
    let list = world.pki.ca().crl_with(&[], now() - 60, now() + DAY, extension);
    world.pki.write_crl(world.pki.ca(), &list);

    let refusal = world.verify(&world.pki.user("alice")).unwrap_err();

    assert!(refusal.to_string().contains("1.2.3.4"), "{refusal}");
}

#[test]
fn a_missing_list_refuses_only_where_lists_are_required() {
    let world = World::new();
    let chain = world.pki.user("alice").chain();

    assert!(world.verify_chain(&chain).is_ok());
    let refusal = require(&world).verify(&slices(&chain), at(now())).unwrap_err();
    assert_eq!(refusal, Refusal::CrlMissing { issuer: world.pki.ca().dn() });

    world.pki.install_crl(world.pki.ca(), &[]);

    assert!(require(&world).verify(&slices(&chain), at(now())).is_ok());
}

#[test]
fn lists_may_be_ignored() {
    let world = World::new();
    let alice = world.pki.user("alice");
    world.pki.install_crl(world.pki.ca(), &[&alice.certificate]);
    let store = TrustStore::open(Settings { crls: Crls::Ignore, ..world.settings() }).unwrap();

    assert!(store.verify(&slices(&alice.chain()), at(now())).is_ok());
}

#[test]
fn a_peer_expires_with_the_list_that_was_used() {
    let world = World::new();
    let until = now() + 600;
    let list = world.pki.ca().crl(&[], now() - 60, until);
    world.pki.write_crl(world.pki.ca(), &list);

    assert_eq!(world.verify(&world.pki.user("alice")).unwrap().expires, at(until));
}

#[test]
fn a_remembered_proxy_is_nobody_without_its_chain() {
    let world = World::new();
    let store = world.store();
    let chain = world.pki.user("alice").proxy().build().chain();
    store.verify(&slices(&chain), at(now())).unwrap();
    assert_eq!(store.cached_chains(), 1);

    let alone = store.verify(&slices(&chain[..1]), at(now()));

    assert!(matches!(alone, Err(Refusal::MissingIssuer { .. })));
    let joined = [chain.concat()];
    assert!(store.verify(&slices(&joined), at(now())).is_err());
}

#[test]
fn what_is_remembered_ends_with_the_certificates() {
    let world = World::new();
    let store = world.store();
    let until = now() + 600;
    let proxy = world.pki.user("alice").proxy().valid(now() - 60, until).build();
    let chain = proxy.chain();
    let verify = |seconds| store.verify(&slices(&chain), at(seconds));
    verify(now()).unwrap();

    assert!(verify(until - 1).is_ok());
    assert!(matches!(verify(until), Err(Refusal::Expired { .. })));
    assert!(matches!(verify(now() - DAY), Err(Refusal::NotYetValid { .. })));
}

#[test]
fn what_is_remembered_ends_with_a_reload() {
    let world = World::new();
    let store = world.store();
    let alice = world.pki.user("alice");
    let chain = alice.chain();
    store.verify(&slices(&chain), at(now())).unwrap();
    world.pki.install_crl(world.pki.ca(), &[&alice.certificate]);
    assert!(store.verify(&slices(&chain), at(now())).is_ok(), "still remembered");

    let summary = store.reload().unwrap();

    assert_eq!((summary.certificates, summary.crls), (1, 1));
    assert!(matches!(store.verify(&slices(&chain), at(now())), Err(Refusal::Revoked { .. })));
}

#[test]
fn no_more_chains_are_remembered_than_set() {
    let world = World::new();
    let store = TrustStore::open(Settings { cached_chains: 2, ..world.settings() }).unwrap();
    for name in ["a", "b", "c", "d"] {
        store.verify(&slices(&world.pki.user(name).chain()), at(now())).unwrap();
    }

    assert_eq!(store.cached_chains(), 2);
}

#[test]
fn a_refusal_is_not_remembered() {
    let world = World::new();
    let store = world.store();
    let chain = Authority::root("Other").issue(&Request::user("alice")).chain();
    assert!(store.verify(&slices(&chain), at(now())).is_err());

    assert_eq!(store.cached_chains(), 0);
}

#[test]
fn a_failed_reload_leaves_what_was_read_before() {
    let world = World::new();
    let store = world.store();
    for entry in fs::read_dir(world.pki.directory()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }

    assert!(store.reload().is_err());

    assert!(store.verify(&slices(&world.pki.user("alice").chain()), at(now())).is_ok());
}

#[test]
fn a_broken_file_is_reported_and_does_no_harm() {
    let world = World::new();
    let broken = world.pki.directory().join("01234567.0");
    fs::write(&broken, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    fs::write(world.pki.directory().join("README"), "not for us").unwrap();

    let summary = world.store().summary();

    assert_eq!(summary.certificates, 1);
    assert_eq!(summary.problems.len(), 1);
    assert_eq!(summary.problems[0].file, broken);
    assert!(world.verify(&world.pki.user("alice")).is_ok());
}

#[test]
fn a_changed_directory_is_noticed() {
    let world = World::new();
    let store = world.store();
    assert!(!store.changed().unwrap());

    world.pki.install_crl(world.pki.ca(), &[]);
    assert!(store.changed().unwrap());

    store.reload().unwrap();
    assert!(!store.changed().unwrap());
}

#[test]
fn an_explanation_ends_with_the_identity() {
    let world = World::new();
    world.pki.install_crl(world.pki.ca(), &[]);
    let chain = world.pki.user("alice").proxy().group("prod").build().chain();

    let steps = world.store().explain(&slices(&chain), at(now()));

    assert!(steps.iter().all(|step| step.outcome == Outcome::Good), "{steps:#?}");
    let last = steps.last().unwrap();
    assert_eq!(last.title, "identity");
    assert!(last.detail.starts_with(ALICE));
    assert!(steps.iter().any(|step| step.detail.contains("DIRAC group: prod")));
    assert!(steps.iter().any(|step| step.detail.contains("trusted by")));
}

#[test]
fn an_explanation_of_a_refusal_ends_with_what_to_do() {
    let world = World::new();
    let alice = world.pki.user("alice");
    world.pki.install_crl(world.pki.ca(), &[&alice.certificate]);

    let steps = world.store().explain(&slices(&alice.chain()), at(now()));

    let last = steps.last().unwrap();
    assert_eq!(last.outcome, Outcome::Refused);
    assert_eq!(last.title, "revocation list of /C=ch/O=SBK/CN=Test CA");
    assert_eq!(last.advice.as_deref(), Some("Ask the CA for a new certificate."));
}

#[test]
fn an_explanation_of_garbage_says_so() {
    let world = World::new();

    let steps = world.store().explain(&[b"garbage"], at(now()));

    assert_eq!(steps.last().unwrap().outcome, Outcome::Refused);
}
