//! Bytes that nobody would send are refused, whatever they are, and quickly.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::OnceLock;

use common::{World, at, slices};
use proptest::prelude::*;
use sbk_pki::{read_attribute_certificates, read_group};
use sbk_testkit::pki::now;

struct Samples {
    world: World,
    chain: Vec<Vec<u8>>,
    attributes: Vec<u8>,
}

fn samples() -> &'static Samples {
    static SAMPLES: OnceLock<Samples> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let world = World::new();
        let alice = world.pki.user("alice");
        let server = world.pki.voms_server("lhcb", "voms.example.org");
        let attributes = server.attributes(&alice, &["/lhcb"]).build();
        let chain = alice.proxy().group("prod").attributes(&attributes).build().chain();
        Samples { world, chain, attributes }
    })
}

proptest! {
    #[test]
    fn any_bytes_are_no_chain(chain in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4)) {
        prop_assert!(samples().world.verify_chain(&chain).is_err());
    }

    #[test]
    fn any_bytes_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_group(&bytes);
        let _ = read_attribute_certificates(&bytes);
    }

    #[test]
    fn a_chain_with_a_changed_byte_is_refused_or_is_still_alice(
        certificate in 0_usize..2,
        at_byte in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut chain = samples().chain.clone();
        let index = at_byte.index(chain[certificate].len());
        chain[certificate][index] = value;

        if let Ok(peer) = samples().world.verify_chain(&chain) {
            prop_assert_eq!(&peer.dn, "/C=ch/O=SBK/CN=alice");
            prop_assert_eq!(peer.group.as_deref(), Some("prod"));
        }
        samples().world.store().explain(&slices(&chain), at(now()));
    }

    #[test]
    fn attributes_with_a_changed_byte_read_without_a_panic(
        at_byte in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut bytes = samples().attributes.clone();
        let index = at_byte.index(bytes.len());
        bytes[index] = value;

        let _ = read_attribute_certificates(&bytes);
    }
}
