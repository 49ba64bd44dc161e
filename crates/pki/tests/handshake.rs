//! Handshakes of TLS 1.2 and 1.3 with certificates and proxies.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use common::{ALICE, World, at};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, ClientConnection, Error, HandshakeKind,
    ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use sbk_pki::{
    ClientVerifier, Credential, HostKey, ServerVerifier, TrustStore, client_config, server_config,
};
use sbk_testkit::pki::{Authority, Identity, Request, now};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

fn credential(world: &World, identity: &Identity) -> Credential {
    let path = world.directory.path().join("proxy.pem");
    identity.write_proxy(&path);
    Credential::from_proxy(&path).unwrap()
}

fn host_key(world: &World, identity: &Identity) -> Arc<HostKey> {
    let certificate = world.directory.path().join("hostcert.pem");
    let key = world.directory.path().join("hostkey.pem");
    identity.write(&certificate, &key);
    Arc::new(HostKey::open(certificate, key).unwrap())
}

fn server(world: &World, store: &Arc<TrustStore>, mandatory: bool) -> Arc<ServerConfig> {
    let verifier = Arc::new(ClientVerifier::new(Arc::clone(store), mandatory));
    server_config(verifier, host_key(world, &world.pki.host())).unwrap()
}

/// A client of one version of TLS that would resume sessions.
fn client(
    store: &Arc<TrustStore>,
    version: &'static SupportedProtocolVersion,
    credential: Option<Credential>,
) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(Arc::clone(store))));
    Arc::new(match credential {
        Some(credential) => builder.with_client_cert_resolver(Arc::new(credential)),
        None => builder.with_no_client_auth(),
    })
}

/// Shakes hands in memory; an error is the server's, else the client's.
fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    host: &'static str,
) -> Result<(ClientConnection, ServerConnection), Error> {
    let name = ServerName::try_from(host).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    loop {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            server.read_tls(&mut rest).unwrap();
            server.process_new_packets()?;
        }
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        let mut rest = answer.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets()?;
        }
        if bytes.is_empty() && answer.is_empty() {
            assert!(!client.is_handshaking() && !server.is_handshaking());
            return Ok((client, server));
        }
    }
}

#[test]
fn a_proxy_of_any_key_opens_both_versions_of_tls() {
    let world = World::new();
    let store = Arc::new(world.store());
    let alice = world.pki.user("alice");
    let rsa = alice.proxy().group("prod").rsa(2048).build();
    for proxy in [alice.proxy().group("prod").build().proxy().build(), rsa] {
        for version in VERSIONS {
            let client = client(&store, version, Some(credential(&world, &proxy)));

            let (_, server) = shake(&client, &server(&world, &store, true), "localhost").unwrap();

            let peer = store.peer_of(server.peer_certificates().unwrap(), at(now())).unwrap();
            assert_eq!((peer.dn.as_str(), peer.group.as_deref()), (ALICE, Some("prod")));
        }
    }
}

#[test]
fn our_own_client_and_server_understand_one_another() {
    let world = World::new();
    let store = Arc::new(world.store());
    let verifier = Arc::new(ServerVerifier::new(Arc::clone(&store)));
    let credential = credential(&world, &world.pki.user("alice").proxy().build());
    let client = client_config(verifier, Some(&credential)).unwrap();

    let (_, server) = shake(&client, &server(&world, &store, true), "127.0.0.1").unwrap();

    assert_eq!(server.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
}

#[test]
fn a_client_with_a_proxy_but_another_key_is_refused() {
    let world = World::new();
    let alice = world.pki.user("alice");
    let mut stolen = alice.proxy().build();
    stolen.key = world.pki.user("mallory").key;
    let path = world.directory.path().join("stolen.pem");
    stolen.write_proxy(&path);

    assert!(Credential::from_proxy(&path).is_err());
}

#[test]
fn a_signature_by_another_key_than_the_proxy_s_is_refused() {
    let world = World::new();
    let store = Arc::new(world.store());
    let proxy = world.pki.user("alice").proxy().build();
    let chain = proxy.chain().into_iter().map(Into::into).collect();
    let thief = world.pki.user("mallory").key.private_key_to_pkcs8().unwrap();
    for version in VERSIONS {
        let key = aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(rustls::pki_types::PrivatePkcs8KeyDer::from(thief.clone()).into())
            .unwrap();
        let stolen = rustls::sign::CertifiedKey::new(Clone::clone(&chain), key);
        let mut client = ClientConfig::clone(&client(&store, version, None));
        client.client_auth_cert_resolver = Arc::new(rustls::sign::SingleCertAndKey::from(stolen));

        let error = shake(&Arc::new(client), &server(&world, &store, true), "localhost");

        let expected = Error::InvalidCertificate(CertificateError::BadSignature);
        assert_eq!(error.err(), Some(expected));
    }
}

#[test]
fn a_certificate_is_needed_only_where_it_is_mandatory() {
    let world = World::new();
    let store = Arc::new(world.store());
    for version in VERSIONS {
        let client = client(&store, version, None);

        assert_eq!(
            shake(&client, &server(&world, &store, true), "localhost").err(),
            Some(Error::NoCertificatesPresented)
        );
        let (_, server) = shake(&client, &server(&world, &store, false), "localhost").unwrap();
        assert!(server.peer_certificates().is_none());
    }
}

#[test]
fn a_bad_certificate_is_refused_even_where_none_is_needed() {
    let world = World::new();
    let store = Arc::new(world.store());
    let old = world.pki.user("alice").proxy().valid(now() - 900, now() - 60).build();
    let client = client(&store, &TLS13, Some(credential(&world, &old)));

    let error = shake(&client, &server(&world, &store, false), "localhost").err();

    assert_eq!(error, Some(Error::InvalidCertificate(CertificateError::Expired)));
}

#[test]
fn each_refusal_has_the_error_that_tells_the_client_most_and_is_observed() {
    let world = World::new();
    let revoked = world.pki.user("revoked");
    world.pki.install_crl(world.pki.ca(), &[&revoked.certificate]);
    let store = Arc::new(world.store());
    let alice = world.pki.user("alice");
    let cases = [
        (alice.proxy().signed_by(&revoked).build(), CertificateError::BadSignature),
        (Authority::root("Other").issue(&Request::user("a")), CertificateError::UnknownIssuer),
        (revoked.proxy().build(), CertificateError::Revoked),
        (alice.proxy().valid(now() + 900, now() + 999).build(), CertificateError::NotValidYet),
    ];
    for (identity, expected) in cases {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let verifier = ClientVerifier::new(Arc::clone(&store), true)
            .on_refusal(move |refusal| log.lock().unwrap().push(refusal.to_string()));
        let server =
            server_config(Arc::new(verifier), host_key(&world, &world.pki.host())).unwrap();
        let client = client(&store, &TLS12, Some(credential(&world, &identity)));

        let error = shake(&client, &server, "localhost").err();

        assert_eq!(error, Some(Error::InvalidCertificate(expected)));
        assert_eq!(seen.lock().unwrap().len(), 1);
    }
}

#[test]
fn the_alerts_are_those_of_openssl() {
    let alert = |error: CertificateError| AlertDescription::from(error);

    assert_eq!(alert(CertificateError::Expired), AlertDescription::CertificateExpired);
    assert_eq!(alert(CertificateError::UnknownIssuer), AlertDescription::UnknownCA);
    assert_eq!(alert(CertificateError::BadSignature), AlertDescription::DecryptError);
    assert_eq!(alert(CertificateError::Revoked), AlertDescription::CertificateRevoked);
}

#[test]
fn a_server_of_another_name_or_ca_is_refused() {
    let world = World::new();
    let store = Arc::new(world.store());
    for version in VERSIONS {
        let client = client(&store, version, None);
        let right = server(&world, &store, false);
        assert!(shake(&client, &right, "localhost").is_ok());

        let wrong_name = shake(&client, &right, "other.example.org").err();

        let expected = Error::InvalidCertificate(CertificateError::NotValidForName);
        assert_eq!(wrong_name, Some(expected));
        let foreign = Authority::root("Other").issue(&Request::host("localhost"));
        let verifier = Arc::new(ClientVerifier::new(Arc::clone(&store), false));
        let foreign = server_config(verifier, host_key(&world, &foreign)).unwrap();
        let expected = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert_eq!(shake(&client, &foreign, "localhost").err(), Some(expected));
    }
}

#[test]
fn no_session_is_resumed() {
    let world = World::new();
    let store = Arc::new(world.store());
    let server = server(&world, &store, true);
    let proxy = world.pki.user("alice").proxy().build();
    for version in VERSIONS {
        let client = client(&store, version, Some(credential(&world, &proxy)));
        for _ in 0..3 {
            let (client, server) = shake(&client, &server, "localhost").unwrap();

            assert_eq!(client.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
            assert_eq!(client.tls13_tickets_received(), 0);
        }
    }
}

#[test]
fn a_new_host_key_is_used_after_a_reload_and_a_broken_one_is_not() {
    let world = World::new();
    let store = Arc::new(world.store());
    let key = host_key(&world, &world.pki.host());
    let verifier = Arc::new(ClientVerifier::new(Arc::clone(&store), false));
    let server = server_config(verifier, Arc::clone(&key)).unwrap();
    let client = client(&store, &TLS13, None);
    let presented = || {
        let (client, _) = shake(&client, &server, "localhost").unwrap();
        client.peer_certificates().unwrap()[0].as_ref().to_vec()
    };
    let first = presented();
    host_key(&world, &world.pki.host());
    assert_eq!(presented(), first);

    key.reload().unwrap();

    let second = presented();
    assert_ne!(second, first);
    std::fs::write(world.directory.path().join("hostkey.pem"), "no key").unwrap();
    assert!(key.reload().is_err());
    assert_eq!(presented(), second);
}

/// Has `openssl s_client` shake hands with our server, and returns what it printed and the peer.
fn s_client(world: &World, identity: &Identity, version: &str) -> (String, Option<String>) {
    let store = Arc::new(world.store());
    let config = server(world, &store, true);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let leaf = world.directory.path().join("leaf.pem");
    std::fs::write(&leaf, identity.certificate.to_pem().unwrap()).unwrap();
    let key = world.directory.path().join("key.pem");
    std::fs::write(&key, identity.key_pem()).unwrap();
    let chain = world.directory.path().join("chain.pem");
    std::fs::write(&chain, identity.certificate_pem()).unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &format!("localhost:{port}"), version]);
    command.args(["-verify_return_error", "-verify_hostname", "localhost", "-CApath"]);
    command.arg(world.pki.directory()).arg("-cert").arg(leaf).arg("-key").arg(key);
    command.arg("-cert_chain").arg(chain);
    let output = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = output.spawn().unwrap();

    let (mut socket, _) = listener.accept().unwrap();
    let mut connection = ServerConnection::new(config).unwrap();
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    let peer = if stream.write_all(b"welcome\n").and_then(|()| stream.flush()).is_ok() {
        process.stdin.take().unwrap().write_all(b"hello\n").unwrap();
        let mut heard = [0; 6];
        stream.read_exact(&mut heard).unwrap();
        connection.send_close_notify();
        connection.write_tls(&mut socket).unwrap();
        let presented = connection.peer_certificates().unwrap();
        store.peer_of(presented, at(now())).map(|peer| peer.dn.clone()).ok()
    } else {
        None
    };
    drop(socket);
    let output = process.wait_with_output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&text).into_owned(), peer)
}

#[test]
fn openssl_s_client_gets_in_with_a_proxy() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().build().proxy().build();
    for version in ["-tls1_2", "-tls1_3"] {
        let (text, peer) = s_client(&world, &proxy, version);

        assert_eq!(peer.as_deref(), Some(ALICE), "{text}");
        assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
        assert!(text.contains("welcome"), "{text}");
        assert!(!text.contains("TLS session ticket:"), "{text}");
    }
}

#[test]
fn openssl_s_client_is_told_that_its_proxy_has_expired() {
    let world = World::new();
    let proxy = world.pki.user("alice").proxy().valid(now() - 900, now() - 60).build();

    let (text, peer) = s_client(&world, &proxy, "-tls1_2");

    assert_eq!(peer, None);
    assert!(text.contains("alert certificate expired"), "{text}");
}
