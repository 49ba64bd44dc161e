//! Which chains are taken, and why others are not.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use common::{ALICE, World, at, slices};
use sbk_pki::{Host, Refusal, Settings, TrustStore};
use sbk_testkit::pki::{Authority, Identity, Request, now};

const DAY: i64 = 86_400;

#[test]
fn a_user_certificate_is_its_user() {
    let world = World::new();

    let peer = world.verify(&world.pki.user("alice")).unwrap();

    assert_eq!((peer.dn.as_str(), peer.subject.as_str()), (ALICE, ALICE));
    assert_eq!(peer.issuer, "/C=ch/O=SBK/CN=Test CA");
    assert!(!peer.is_proxy && !peer.is_limited);
    assert_eq!(peer.group, None);
}

#[test]
fn a_host_certificate_is_its_host() {
    let world = World::new();

    assert_eq!(world.verify(&world.pki.host()).unwrap().dn, "/C=ch/O=SBK/CN=localhost");
}

#[test]
fn a_proxy_is_its_user_with_the_group() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().group("prod").build();

    let peer = world.verify(&proxy).unwrap();

    assert_eq!(peer.dn, ALICE);
    assert!(peer.subject.starts_with(&format!("{ALICE}/CN=")));
    assert_eq!(peer.issuer, ALICE);
    assert!(peer.is_proxy && !peer.is_limited);
    assert_eq!(peer.group.as_deref(), Some("prod"));
}

#[test]
fn the_group_of_the_first_generation_decides() {
    let world = World::new();
    let first = world.pki.user("alice").proxy().group("user").build();
    let second = first.proxy().group("admin").build();

    assert_eq!(world.verify(&second).unwrap().group.as_deref(), Some("user"));
}

#[test]
fn a_later_generation_may_choose_where_earlier_ones_did_not() {
    let world = World::new();
    let first = world.pki.user("alice").proxy().build();
    let second = first.proxy().group("prod").build();

    assert_eq!(world.verify(&second).unwrap().group.as_deref(), Some("prod"));
}

#[test]
fn a_group_that_cannot_be_read_is_refused() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().raw_group(&[0x16, 9, b'x']).build();
    let behind = proxy.proxy().group("prod").build();

    assert!(matches!(world.verify(&proxy), Err(Refusal::Group { .. })));
    assert!(matches!(world.verify(&behind), Err(Refusal::Group { .. })));
}

#[test]
fn two_group_extensions_in_one_proxy_are_refused() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().group("user").group("admin").build();

    assert!(matches!(world.verify(&proxy), Err(Refusal::Unreadable { .. })));
}

#[test]
fn a_limited_proxy_makes_the_peer_limited() {
    let world = World::new();
    let limited = world.pki.user("alice").proxy().limited().build();
    let further = limited.proxy().limited().build();

    assert!(world.verify(&limited).unwrap().is_limited);
    assert!(world.verify(&further).unwrap().is_limited);
}

#[test]
fn a_limited_proxy_may_come_of_a_full_one() {
    let world = World::new();
    let full = world.pki.user("alice").proxy().build();

    assert!(world.verify(&full.proxy().limited().build()).unwrap().is_limited);
}

#[test]
fn a_full_proxy_of_a_limited_one_is_refused() {
    let world = World::new();
    let limited = world.pki.user("alice").proxy().limited().build();

    assert!(matches!(world.verify(&limited.proxy().build()), Err(Refusal::FullFromLimited { .. })));
}

#[test]
fn an_unknown_or_independent_policy_is_refused() {
    let world = World::new();
    let independent = world.pki.user("alice").proxy().language("1.3.6.1.5.5.7.21.2").build();

    assert!(matches!(world.verify(&independent), Err(Refusal::ProxyPolicy { .. })));
}

#[test]
fn proxies_may_be_ten_generations_deep_and_no_deeper() {
    let world = World::new();
    let mut identity = world.pki.user("alice");
    for _ in 0..10 {
        identity = identity.proxy().build();
    }

    assert_eq!(world.verify(&identity).unwrap().dn, ALICE);
    assert!(matches!(
        world.verify(&identity.proxy().build()),
        Err(Refusal::TooDeep { depth: 11, limit: 10, .. })
    ));
}

#[test]
fn an_expired_proxy_is_refused() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().valid(now() - DAY, now() - 60).build();

    assert!(matches!(world.verify(&proxy), Err(Refusal::Expired { .. })));
}

#[test]
fn an_expired_user_below_a_fresh_proxy_is_refused() {
    let world = World::new();
    let old = world.pki.ca().issue(&Request::user("alice").valid(now() - DAY, now() - 60));

    let refusal = world.verify(&old.proxy().build()).unwrap_err();

    assert_eq!(refusal, Refusal::Expired { subject: ALICE.into(), since: at(now() - 60) });
}

#[test]
fn a_proxy_of_tomorrow_is_refused() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().valid(now() + DAY, now() + 2 * DAY).build();

    assert!(matches!(world.verify(&proxy), Err(Refusal::NotYetValid { .. })));
}

#[test]
fn a_peer_expires_with_the_first_of_its_certificates() {
    let world = World::new();
    let until = now() + 600;
    let first = world.pki.user("alice").proxy().valid(now() - 60, until).build();
    let second = first.proxy().build();

    let peer = world.verify(&second).unwrap();

    assert_eq!(peer.expires, at(until));
    assert!(peer.is_valid_at(at(until - 1)) && !peer.is_valid_at(at(until)));
}

#[test]
fn a_user_of_a_foreign_ca_is_refused() {
    let world = World::new();
    let foreign = Authority::root("Foreign CA").issue(&Request::user("alice"));

    assert!(matches!(world.verify(&foreign), Err(Refusal::UnknownCa { .. })));
    assert!(matches!(world.verify(&foreign.proxy().build()), Err(Refusal::UnknownCa { .. })));
}

#[test]
fn a_foreign_ca_that_sends_itself_is_refused() {
    let world = World::new();
    let foreign = Authority::root("Foreign CA");
    let mut chain = foreign.issue(&Request::user("alice")).chain();
    chain.extend(foreign.identity.chain());

    assert!(matches!(world.verify_chain(&chain), Err(Refusal::UnknownCa { .. })));
}

#[test]
fn a_foreign_ca_of_the_same_name_is_refused() {
    let world = World::new();
    let twin = Authority::root("Test CA").issue(&Request::user("alice"));

    assert!(world.verify(&twin).is_err());
}

#[test]
fn a_proxy_without_its_user_s_certificate_is_refused() {
    let world = World::new();
    let chain = world.pki.user("alice").proxy().build().chain();

    assert!(matches!(world.verify_chain(&chain[..1]), Err(Refusal::MissingIssuer { .. })));
}

#[test]
fn a_proxy_signed_by_another_key_is_refused() {
    let world = World::new();
    let bob = world.pki.user("bob");
    let proxy = world.pki.user("alice").proxy().signed_by(&bob).build();

    assert!(matches!(world.verify(&proxy), Err(Refusal::BadSignature { .. })));
}

#[test]
fn a_proxy_must_be_named_after_its_issuer() {
    let world = World::new();
    let alice = world.pki.user("alice");
    for subject in [
        &[("C", "ch"), ("O", "SBK"), ("CN", "bob"), ("CN", "1")][..],
        &[("C", "ch"), ("O", "SBK"), ("CN", "bob")],
        &[("C", "ch"), ("O", "SBK"), ("CN", "alice")],
        &[("C", "ch"), ("O", "SBK"), ("CN", "alice"), ("OU", "1")],
        &[("C", "ch"), ("O", "SBK"), ("CN", "alice"), ("CN", "1"), ("CN", "2")],
    ] {
        let refusal = world.verify(&alice.proxy().subject(subject).build()).unwrap_err();

        assert!(matches!(refusal, Refusal::ProxyName { .. }), "{subject:?}: {refusal}");
    }
}

#[test]
fn a_proxy_beyond_the_path_length_is_refused() {
    let world = World::new();
    let last = world.pki.user("alice").proxy().path_length(0).build();

    assert!(world.verify(&last).is_ok());
    assert!(matches!(world.verify(&last.proxy().build()), Err(Refusal::PathLength { .. })));
}

#[test]
fn a_user_of_an_intermediate_ca_is_taken_if_that_is_sent_or_installed() {
    let world = World::new();
    let below = world.pki.ca().intermediate(&Request::ca("Below", Some(0)));
    let alice = below.issue(&Request::user("alice"));
    assert_eq!(world.verify(&alice).unwrap().dn, ALICE);
    let alone = &alice.chain()[..1];
    assert!(matches!(world.verify_chain(alone), Err(Refusal::UnknownCa { .. })));

    world.pki.install(&below);

    assert_eq!(world.verify_chain(alone).unwrap().dn, ALICE);
}

#[test]
fn a_ca_beyond_its_issuer_s_path_length_is_refused() {
    let world = World::new();
    let below = world.pki.ca().intermediate(&Request::ca("Below", Some(0)));
    let deeper = below.intermediate(&Request::ca("Deeper", None));

    let refusal = world.verify(&deeper.issue(&Request::user("alice"))).unwrap_err();

    assert!(matches!(refusal, Refusal::PathLength { .. }), "{refusal}");
}

#[test]
fn a_user_cannot_issue_certificates() {
    let world = World::new();
    let bob = Authority { identity: world.pki.user("bob") };
    let alice = bob.issue(&Request::user("alice"));

    let refusal = world.verify(&alice).unwrap_err();

    assert!(matches!(refusal, Refusal::NotACa { .. }), "{refusal}");
}

#[test]
fn a_proxy_cannot_issue_certificates() {
    let world = World::new();
    let proxy = Authority { identity: world.pki.user("bob").proxy().build() };

    assert!(world.verify(&proxy.issue(&Request::user("alice"))).is_err());
}

#[test]
fn a_ca_is_no_user() {
    let world = World::new();

    let refusal = world.verify(&world.pki.ca().identity).unwrap_err();
    assert!(matches!(refusal, Refusal::IsACa { .. } | Refusal::Purpose { .. }), "{refusal}");
    let proxy = world.pki.ca().identity.proxy().build();
    assert!(world.verify(&proxy).is_err());
}

#[test]
fn another_s_certificate_in_the_chain_is_refused() {
    let world = World::new();
    let bob = world.pki.user("bob");
    let bobs_proxy = bob.proxy().group("admin").build();
    let alice = world.pki.user("alice").proxy().group("user").build().proxy().build();
    for foreign in [bob.chain(), bobs_proxy.chain()].concat() {
        for position in 1..=alice.chain().len() {
            let mut chain = alice.chain();
            chain.insert(position, foreign.clone());

            let refusal = world.verify_chain(&chain).unwrap_err();

            assert!(matches!(refusal, Refusal::Stranger { .. }), "{refusal}");
        }
    }
}

#[test]
fn another_s_certificate_in_place_of_one_s_own_is_refused() {
    let world = World::new();
    let bob = world.pki.user("bob").chain().remove(0);
    let proxy = world.pki.user("alice").proxy().build().proxy().build();
    for position in 1..proxy.chain().len() {
        let mut chain = proxy.chain();
        chain[position] = bob.clone();

        let refusal = world.verify_chain(&chain).unwrap_err();

        assert!(matches!(refusal, Refusal::MissingIssuer { .. }), "{refusal}");
    }
}

#[test]
fn a_certificate_of_the_same_name_but_another_key_does_not_vouch_for_a_proxy() {
    let world = World::new();
    let twin = world.pki.user("alice");
    let proxy = world.pki.user("alice").proxy().build();
    let chain = [proxy.chain().remove(0), twin.chain().remove(0)];

    assert!(world.verify_chain(&chain).is_err());
}

#[test]
fn the_order_of_what_follows_the_leaf_does_not_matter() {
    let world = World::new();
    let below = world.pki.ca().intermediate(&Request::ca("Below", None));
    let alice = below.issue(&Request::user("alice"));
    let mut chain = alice.proxy().group("a").build().proxy().build().chain();
    chain[1..].reverse();

    let peer = world.verify_chain(&chain).unwrap();

    assert_eq!((peer.dn.as_str(), peer.group.as_deref()), (ALICE, Some("a")));
}

#[test]
fn too_many_certificates_are_not_read() {
    let world = World::new();
    let one = world.pki.user("alice").chain().remove(0);

    assert!(world.verify_chain(&vec![one.clone(); 16]).is_ok());
    assert!(matches!(world.verify_chain(&vec![one; 17]), Err(Refusal::TooLong { .. })));
}

#[test]
fn too_many_bytes_are_not_read() {
    let world = World::new();
    let chain = [world.pki.user("alice").chain().remove(0), vec![0x30; 64 * 1024]];

    assert!(matches!(world.verify_chain(&chain), Err(Refusal::TooLong { .. })));
}

#[test]
fn nothing_is_nobody() {
    let world = World::new();

    assert_eq!(world.verify_chain(&[]), Err(Refusal::NoCertificate));
}

#[test]
fn bytes_after_a_certificate_are_refused() {
    let world = World::new();
    let mut chain = world.pki.user("alice").chain();
    chain[0].push(0);

    assert!(matches!(world.verify_chain(&chain), Err(Refusal::Unreadable { position: 1, .. })));
}

#[test]
fn a_short_key_or_sha_1_is_refused() {
    let world = World::new();
    let short = Request { rsa_bits: Some(1024), ..Request::user("alice") };
    let sha1 = Request { sha1: true, ..Request::user("alice") };

    assert!(matches!(world.verify(&world.pki.ca().issue(&short)), Err(Refusal::Weak { .. })));
    assert!(matches!(world.verify(&world.pki.ca().issue(&sha1)), Err(Refusal::Weak { .. })));
}

#[test]
fn a_root_s_own_signature_may_be_weak_for_nobody_relies_on_it() {
    let world = World::new();
    let old = Authority::root_from(&Request { sha1: true, ..Request::ca("Old CA", None) });
    world.pki.install(&old);

    assert!(world.verify(&old.issue(&Request::user("alice"))).is_ok());
}

#[test]
fn a_name_outside_the_ca_s_signing_policy_is_refused() {
    let world = World::new();
    world.pki.install_policy(world.pki.ca(), "/C=ch/O=SBK/CN=a*");

    assert!(world.verify(&world.pki.user("alice").proxy().build()).is_ok());
    assert!(matches!(world.verify(&world.pki.user("bob")), Err(Refusal::Namespace { .. })));
}

#[test]
fn a_signing_policy_that_cannot_be_read_allows_nothing() {
    let world = World::new();
    let file = world.pki.install_policy(world.pki.ca(), "*");
    std::fs::write(&file, "access_id_CA").unwrap();

    assert_eq!(world.store().summary().problems[0].file, file);
    assert!(matches!(world.verify(&world.pki.user("alice")), Err(Refusal::Namespace { .. })));
}

#[test]
fn a_server_must_have_the_name_or_address_that_it_was_called_by() {
    let world = World::new();
    let store = world.store();
    let chain = world.pki.host().chain();
    let verify = |host| store.verify_server(&slices(&chain), &host, at(now()));

    assert_eq!(verify(Host::Name("localhost".into())), Ok(()));
    assert_eq!(verify(Host::Address("127.0.0.1".parse().unwrap())), Ok(()));
    assert!(matches!(verify(Host::Name("other".into())), Err(Refusal::WrongHost { .. })));
    assert!(verify(Host::Name(String::new())).is_err());
    let address = Host::Address("127.0.0.2".parse().unwrap());
    assert!(matches!(verify(address), Err(Refusal::WrongHost { .. })));
}

#[test]
fn a_server_with_a_proxy_is_refused() {
    let world = World::new();
    let chain = world.pki.host().proxy().build().chain();
    let host = Host::Name("localhost".into());

    let refusal = world.store().verify_server(&slices(&chain), &host, at(now())).unwrap_err();

    assert!(!matches!(refusal, Refusal::Other { .. }), "{refusal}");
}

#[test]
fn the_newer_of_two_cas_of_one_name_and_key_is_found() {
    let world = World::new();
    let key = world.pki.ca().identity.key.clone();
    let old = Request { key: Some(key), ..Request::ca("Test CA", None) };
    let old = Authority::root_from(&old.valid(now() - 2 * DAY, now() - DAY));
    let hash = old.hash();
    let directory = world.pki.directory();
    std::fs::rename(directory.join(format!("{hash}.0")), directory.join(format!("{hash}.1")))
        .unwrap();
    world.pki.install(&old);

    assert!(world.verify(&world.pki.user("alice")).is_ok());
}

#[test]
fn a_directory_without_a_ca_cannot_be_opened() {
    let directory = tempfile::tempdir().unwrap();

    assert!(TrustStore::open(Settings::new(directory.path())).is_err());
    assert!(TrustStore::open(Settings::new("/nonexistent")).is_err());
}

#[test]
fn every_refusal_names_the_certificate_and_gives_advice() {
    let world = World::new();
    let old = world.pki.ca().issue(&Request::user("alice").valid(now() - DAY, now() - 60));
    let mallory: Identity = world.pki.user("mallory");
    let forged = mallory.proxy().signed_by(&old).build();

    for (identity, name) in [(old, ALICE), (forged, "/C=ch/O=SBK/CN=mallory/CN=")] {
        let refusal = world.verify(&identity).unwrap_err();
        assert!(refusal.to_string().contains(name), "{refusal}");
        assert!(!refusal.advice().is_empty());
    }
}
