//! VOMS attributes: who vouches for which groups and roles.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use common::{World, at, slices};
use sbk_pki::Peer;
use sbk_testkit::pki::{Authority, Identity, Request, VomsServer, now};

const HOST: &str = "voms.example.org";
const FQANS: [&str; 2] = ["/lhcb/Role=production/Capability=NULL", "/lhcb"];

fn peer(world: &World, alice: &Identity, attributes: &[u8]) -> Arc<Peer> {
    world.verify(&alice.proxy().attributes(attributes).build()).unwrap()
}

fn problem(world: &World, alice: &Identity, attributes: &[u8]) -> String {
    let peer = peer(world, alice, attributes);
    assert_eq!((peer.vo.as_ref(), peer.fqans.as_slice()), (None, [].as_slice()));
    peer.voms_problem.clone().unwrap()
}

#[test]
fn attributes_that_the_vo_s_server_signed_are_the_peer_s() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");

    let peer = peer(&world, &alice, &server.attributes(&alice, &FQANS).build());

    assert_eq!(peer.voms_problem, None);
    assert_eq!(peer.vo.as_deref(), Some("lhcb"));
    assert_eq!(peer.fqans, FQANS);
}

#[test]
fn a_server_with_an_rsa_key_and_one_that_names_the_holder_s_subject_are_believed() {
    let world = World::new();
    world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let request = Request { rsa_bits: Some(2048), ..Request::host(HOST) };
    let server = VomsServer::new(world.pki.ca().issue(&request), "lhcb", HOST);

    let peer = peer(&world, &alice, &server.attributes(&alice, &FQANS).by_subject().build());

    assert_eq!((peer.fqans.as_slice(), &peer.voms_problem), (&FQANS.map(String::from)[..], &None));
}

#[test]
fn attributes_hold_in_later_generations() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let first = alice.proxy().attributes(&server.attributes(&alice, &FQANS).build()).build();

    assert_eq!(world.verify(&first.proxy().build()).unwrap().fqans, FQANS);
}

#[test]
fn attributes_end_before_the_proxy_does() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let until = now() + 600;
    let attributes = server.attributes(&alice, &FQANS).valid(now() - 60, until).build();
    let store = world.store();
    let chain = alice.proxy().attributes(&attributes).build().chain();
    let peer = store.verify(&slices(&chain), at(now())).unwrap();
    assert_eq!(peer.fqans_at(at(until - 1)), FQANS);
    assert!(peer.fqans_at(at(until)).is_empty());

    let later = store.verify(&slices(&chain), at(until)).unwrap();

    assert!(later.fqans.is_empty());
    assert!(later.voms_problem.is_some());
}

#[test]
fn attributes_of_another_user_are_ignored() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let bob = world.pki.user("bob");
    let attributes = server.attributes(&bob, &FQANS).build();

    assert!(problem(&world, &world.pki.user("alice"), &attributes).contains("another user"));
}

#[test]
fn attributes_signed_by_another_key_are_ignored() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let attributes = server.attributes(&alice, &FQANS).signed_by(&alice).build();

    assert!(problem(&world, &alice, &attributes).contains("signature"));
}

#[test]
fn attributes_signed_with_sha_1_are_ignored() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let attributes = server.attributes(&alice, &FQANS).sha1().build();

    assert!(problem(&world, &alice, &attributes).contains("algorithm"));
}

#[test]
fn attributes_of_yesterday_and_tomorrow_are_ignored() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let old = server.attributes(&alice, &FQANS).valid(now() - 900, now() - 60).build();
    let early = server.attributes(&alice, &FQANS).valid(now() + 60, now() + 900).build();

    assert!(problem(&world, &alice, &old).contains("expired"));
    assert!(problem(&world, &alice, &early).contains("not valid before"));
}

#[test]
fn attributes_of_an_unknown_server_or_vo_are_ignored() {
    let world = World::new();
    let known = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    for (vo, host) in [("lhcb", "other.example.org"), ("atlas", HOST), ("../lhcb", HOST)] {
        let server = VomsServer::new(known.identity.clone(), vo, host);
        let attributes = server.attributes(&alice, &[&format!("/{vo}")]).build();

        assert!(problem(&world, &alice, &attributes).contains(".lsc"));
    }
}

#[test]
fn attributes_signed_by_a_host_that_is_no_voms_server_are_ignored() {
    let world = World::new();
    world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let impostor = VomsServer::new(world.pki.host(), "lhcb", HOST);

    let attributes = impostor.attributes(&alice, &FQANS).build();

    assert!(problem(&world, &alice, &attributes).contains("may not sign"));
}

#[test]
fn attributes_signed_by_a_server_of_a_foreign_ca_are_ignored() {
    let world = World::new();
    world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let foreign = Authority::root("Foreign CA").issue(&Request::host(HOST));

    let attributes = VomsServer::new(foreign, "lhcb", HOST).attributes(&alice, &FQANS).build();

    assert!(problem(&world, &alice, &attributes).contains("signer"));
}

#[test]
fn attributes_signed_by_a_revoked_server_are_ignored() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    world.pki.install_crl(world.pki.ca(), &[&server.identity.certificate]);

    let attributes = server.attributes(&alice, &FQANS).build();

    assert!(problem(&world, &alice, &attributes).contains("revoked"));
}

#[test]
fn a_vo_cannot_vouch_for_groups_of_another() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    for fqan in ["/atlas/Role=production", "/lhcb2/Role=x", "lhcb"] {
        let attributes = server.attributes(&alice, &["/lhcb", fqan]).build();

        assert!(problem(&world, &alice, &attributes).contains("not one of the VO"));
    }
}

#[test]
fn an_unknown_critical_extension_makes_attributes_ignored() {
    let world = World::new();
    let server = world.pki.voms_server("lhcb", HOST);
    let alice = world.pki.user("alice");
    let attributes = server.attributes(&alice, &FQANS).critical("2.5.29.55").build();

    assert!(problem(&world, &alice, &attributes).contains("2.5.29.55"));
}

#[test]
fn garbage_in_place_of_attributes_is_ignored() {
    let world = World::new();
    let alice = world.pki.user("alice");
    let server = world.pki.voms_server("lhcb", HOST);
    let whole = server.attributes(&alice, &FQANS).build();

    assert!(problem(&world, &alice, b"garbage").contains("cannot be read"));
    assert!(problem(&world, &alice, &whole[..whole.len() - 1]).contains("cannot be read"));
    assert!(problem(&world, &alice, &[0x30, 2, 0x30, 0]).contains("no attribute certificate"));
}
