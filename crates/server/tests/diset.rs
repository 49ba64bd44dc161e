//! DISET, with honest clients and with others.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod dirac;

use std::time::{Duration, Instant};

use dirac::{Site, at, list};
use sbk_diset::{CallError, outcome};
use sbk_wire::{Encoding, Value};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const WITHIN: Duration = Duration::from_secs(10);

fn refusal(result: Result<Value, CallError>) -> (i64, String) {
    match result {
        Err(CallError::Refused { errno, message }) => (errno, message),
        other => panic!("{other:?}"),
    }
}

/// What comes until the other side closes.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(WITHIN, stream.read_to_end(&mut bytes)).await.expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn the_methods_of_every_service_answer() {
    let site = Site::new().await;
    let client = site.client(&site.proxy("alice", "user"));

    let ping = client.call("ping", vec![]).await.unwrap();
    let whoami = client.call("whoami", vec![]).await.unwrap();
    let echo = client.call("echo", vec!["hé".into()]).await.unwrap();

    assert_eq!(at(&ping, &["name"]), Some(&"Bookkeeping/SBK".into()));
    assert!(matches!(at(&ping, &["time"]), Some(Value::DateTime(_))));
    assert_eq!(at(&whoami, &["username"]), Some(&"alice".into()));
    assert_eq!(at(&whoami, &["group"]), Some(&"user".into()));
    assert_eq!(at(&whoami, &["VO"]), Some(&"superb".into()));
    assert_eq!(echo, "hé".into());
}

#[tokio::test]
async fn what_is_wrong_is_said_in_the_words_of_dirac() {
    let site = Site::new().await;
    let alice = site.proxy("alice", "user");
    let client = site.client(&alice);

    assert_eq!(refusal(client.call("nosuch", vec![]).await), (0, "Unknown method nosuch".into()));
    assert_eq!(
        refusal(client.call("getFile", vec![Value::Int(3)]).await),
        (0, "Type mismatch in parameter 0 (starting with param 0) Received <class 'int'>, expected \
             <class 'str'>".into())
    );
    assert_eq!(
        refusal(client.call("getFile", vec![]).await),
        (0, "Function getFile expects at least 1 arguments".into())
    );
    let (errno, message) = refusal(client.call("getFile", vec!["/superb/none".into()]).await);
    assert_eq!(
        (errno, message.as_str()),
        (2, "No such file or directory ( 2 : there is no file /superb/none)")
    );
    let refused = client.propose("Message", "x").await;
    let refused = refusal(refused.map(|_| Value::Null));
    assert_eq!(refused, (0, "Message is not a known action type".into()));
    let url = client.url().replace("SBK", "Other");
    let other = sbk_diset::Client::new(&url, site.tls_of(&alice)).unwrap();
    let refused = refusal(other.call("ping", vec![]).await);
    assert_eq!(refused, (0, "Bookkeeping/Other is not up in this server".into()));
}

#[tokio::test]
async fn a_group_that_is_not_ones_own_is_refused_before_and_after_an_honest_call() {
    let site = Site::new().await;
    let dishonest = site.client(&site.proxy("bob", "admin"));
    let honest = site.client(&site.proxy("bob", "user"));
    let unauthorised = (1111, "Unauthorized query ( 1111 : Unauthorized query)".to_owned());

    for _ in 0..2 {
        assert_eq!(refusal(dishonest.call("listSites", vec![]).await), unauthorised);
        honest.call("listSites", vec![]).await.unwrap();
    }
    let whoami = dishonest.call("whoami", vec![]).await.unwrap();
    assert_eq!(at(&whoami, &["group"]), Some(&"visitor".into()));
    assert_eq!(at(&whoami, &["properties"]), Some(&list(&[])));
    let suspended = site.client(&site.proxy("carol", "user"));
    assert_eq!(refusal(suspended.call("listSites", vec![]).await), unauthorised);
}

#[tokio::test]
async fn a_limited_proxy_is_refused_where_a_rule_forbids_it() {
    let site = Site::declared().await;
    let limited = site.pki.user("alice").proxy().group("user").limited().build();
    let client = site.client(&limited);

    client.call("listSites", vec![]).await.unwrap();
    let (errno, _) = refusal(client.call("addFiles", vec![Value::List(vec![])]).await);

    assert_eq!(errno, 1111);
}

#[tokio::test]
async fn verified_voms_attributes_count_in_rules() {
    let site = Site::with(|config| {
        config.tls.vomsdir = config.tls.ca_directory.parent().unwrap().join("vomsdir");
    })
    .await;
    let cfg = dirac::CFG.replace("!limited", "fqan:/superb/Role=production");
    std::fs::write(&site.config.dirac.configuration, cfg).unwrap();
    let server = site.pki.voms_server("superb", "voms.example.org");
    let alice = site.pki.user("alice");
    let attributes = server.attributes(&alice, &["/superb/Role=production"]).build();
    let role = alice.proxy().group("user").attributes(&attributes).build();
    let other = sbk_testkit::pki::TestPki::new(&site.file("elsewhere"));
    let forged = other.voms_server("superb", "voms.example.org");
    let forged = forged.attributes(&alice, &["/superb/Role=production"]).build();
    let forged = alice.proxy().group("user").attributes(&forged).build();
    let add = || vec![Value::List(vec![])];
    tokio::time::sleep(Duration::from_millis(2500)).await;

    let with = refusal(site.client(&role).call("addFiles", add()).await);
    let without = refusal(site.client(&site.proxy("alice", "user")).call("addFiles", add()).await);
    let forged = refusal(site.client(&forged).call("addFiles", add()).await);

    // The one with the role comes as far as its empty list.
    assert_eq!((with.0, without.0, forged.0), (22, 1111, 1111), "{with:?}");
}

#[tokio::test]
async fn a_community_does_not_see_another() {
    let site = Site::declared().await;
    let admin = site.client(&site.proxy("alice", "admin"));
    let file = Value::dict([("lfn", "/superb/a".into()), ("size", Value::Int(5))]);
    admin.call("addFiles", vec![Value::List(vec![file])]).await.unwrap();

    let ours = site.client(&site.proxy("bob", "user"));
    let theirs = site.client(&site.proxy("bob", "babar"));
    let seen = ours.call("getFiles", vec!["/superb/a".into()]).await.unwrap();
    let unseen = theirs.call("getFiles", vec!["/superb/a".into()]).await.unwrap();

    assert_eq!(at(&seen, &["Successful", "/superb/a", "size"]), Some(&Value::Int(5)));
    assert_eq!(at(&unseen, &["Failed", "/superb/a"]), Some(&"No such file or directory".into()));
}

#[tokio::test]
async fn an_answer_comes_in_the_encoding_of_the_question() {
    let site = Site::new().await;
    let client = site.client(&site.proxy("alice", "user"));
    let mut link = client.connect().await.unwrap();
    link.set_encoding(Encoding::DEncode);
    let tuple = |texts: &[&str]| Value::Tuple(texts.iter().map(|t| Value::from(*t)).collect());
    let proposal =
        Value::Tuple(vec![tuple(&["Bookkeeping/SBK", "None", "x"]), tuple(&["RPC", "ping"])]);
    let ok = |value| Value::dict([("OK", Value::Bool(true)), ("Value", value)]);

    link.send(&ok(proposal)).await.unwrap();
    let acknowledged = link.receive_bytes(1024, WITHIN).await.unwrap();
    link.send(&ok(Value::Tuple(vec![]))).await.unwrap();
    let answer = link.receive_bytes(4096, WITHIN).await.unwrap();

    assert_eq!(acknowledged[0], b'd');
    assert_eq!(answer[0], b'd');
}

#[tokio::test]
async fn a_list_goes_up_and_comes_back_in_pieces() {
    let site = Site::declared().await;
    let admin = site.client(&site.proxy("alice", "admin"));
    let ok = |value| Value::dict([("OK", Value::Bool(true)), ("Value", value)]);
    let piece = |more, content| ok(Value::List(vec![Value::Bool(more), content]));
    let content: String =
        (0..2500).map(|n| format!("{{\"lfn\": \"/superb/d/{n:04}\", \"size\": {n}}}\n")).collect();
    let send = async |content: &str, sum: &str| {
        let mut link = admin.propose("FileTransfer", "FromClient").await.unwrap();
        link.send(&ok(list(&[r#"{"method": "addFiles"}"#, "", "0"]))).await.unwrap();
        link.receive(4096, WITHIN).await.unwrap();
        for part in content.as_bytes().chunks(40_000) {
            link.send(&piece(true, Value::Bytes(part.to_vec()))).await.unwrap();
            outcome(link.receive(4096, WITHIN).await.unwrap()).unwrap();
        }
        link.send(&piece(false, sum.into())).await.unwrap();
        outcome(link.receive(1 << 20, WITHIN).await.unwrap())
    };

    let sum = "d41d8cd98f00b204e9800998ecf8427e";
    let wrong = refusal(send("{}", sum).await);
    let done = send(&content, &md5(content.as_bytes())).await.unwrap();
    let mut link = admin.propose("FileTransfer", "ToClient").await.unwrap();
    let id = r#"{"method": "findFiles", "args": ["directory = \"/superb/d\" order by lfn"]}"#;
    link.send(&ok(list(&[id, ""]))).await.unwrap();
    assert_eq!(outcome(link.receive(4096, WITHIN).await.unwrap()).unwrap(), "Accepted".into());
    let mut back = Vec::new();
    let sum = loop {
        let parts = outcome(link.receive(4 << 20, WITHIN).await.unwrap()).unwrap();
        match parts.items().unwrap() {
            [Value::Bool(true), Value::Bytes(bytes)] => back.extend_from_slice(bytes),
            [Value::Bool(false), sum] => break sum.text().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
        link.send(&ok(Value::Null)).await.unwrap();
    };

    assert_eq!(wrong, (0, "Error in the file CRC".into()));
    assert_eq!(at(&done, &["SuccessfulCount"]), Some(&Value::Int(2500)));
    assert_eq!(sum, md5(&back));
    let lines: Vec<_> = back.split(|b| *b == b'\n').filter(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 2500);
    assert!(lines[7].starts_with(b"{\"lfn\":\"/superb/d/0007\""));
}

fn md5(bytes: &[u8]) -> String {
    use md5::{Digest, Md5};
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn hostile_frames_end_their_connection_and_nothing_else() {
    let site = Site::with(|config| config.connections.idle_seconds = 2).await;
    let alice = site.proxy("alice", "user");
    let deep = "l".repeat(900);
    let texts: Vec<Vec<u8>> = vec![
        b"99999999999999999999999:{}".to_vec(),
        b"-5:{}".to_vec(),
        b":{}".to_vec(),
        b" 12:{}".to_vec(),
        b"1_0:0123456789".to_vec(),
        b"1025:".to_vec(),
        b"2000000000:x".to_vec(),
        format!("{}:d{deep}", deep.len() + 1).into_bytes(),
        b"12:s99999999:ab".to_vec(),
        b"12:ds999999:abc".to_vec(),
        b"5:dQxyz".to_vec(),
        b"5:[1,2]".to_vec(),
        b"13:{\"OK\": truex}".to_vec(),
        b"dka5:{\"a\":".to_vec(),
        vec![0; 2000],
        vec![0xFF; 100],
    ];

    for text in &texts {
        let mut stream = site.connect(Some(&alice), true).await;
        stream.write_all(text).await.unwrap();

        let said = rest(&mut stream).await;

        let shown = String::from_utf8_lossy(&text[..text.len().min(30)]).into_owned();
        assert!(said.is_empty() || said.contains("Invalid action proposal"), "{shown}: {said}");
    }
    site.client(&alice).call("ping", vec![]).await.unwrap();
}

#[tokio::test]
async fn frames_that_come_byte_by_byte_are_understood() {
    let site = Site::new().await;
    let mut stream = site.connect(Some(&site.proxy("alice", "user")), true).await;
    let proposal = r#"{"OK": true, "Value": [["Bookkeeping/SBK"], ["RPC", "echo"]]}"#;
    let arguments = r#"{"OK": true, "Value": ["x"]}"#;
    let text = format!("{}:{proposal}{}:{arguments}", proposal.len(), arguments.len());

    for byte in text.as_bytes() {
        stream.write_all(&[*byte]).await.unwrap();
        stream.flush().await.unwrap();
    }

    assert!(rest(&mut stream).await.ends_with(r#"{"OK": true, "Value": "x"}"#));
}

#[tokio::test]
async fn arguments_that_are_too_long_are_refused_before_they_come() {
    let site = Site::with(|config| config.dirac.max_message_bytes = 1 << 21).await;
    let ok = |value| Value::dict([("OK", Value::Bool(true)), ("Value", value)]);
    for (user, group, limit) in [("alice", "user", 1 << 21), ("stranger", "user", 1 << 20)] {
        let client = site.client(&site.proxy(user, group));
        let mut link = client.propose("RPC", "ping").await.unwrap();
        let long = "x".repeat(limit + 1);

        let _ = link.send(&ok(list(&[&long]))).await;
        let answer = link.receive(4096, WITHIN).await.map(outcome);

        // What was sent in vain may reset the connection before the answer is read.
        if let Ok(Err(error)) = answer {
            assert!(error.to_string().contains("Argument list too long"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_slow_sender_is_not_waited_for() {
    let site = Site::with(|config| config.connections.idle_seconds = 1).await;
    let alice = site.proxy("alice", "user");
    let began = Instant::now();
    let mut silent = site.connect(Some(&alice), true).await;
    let mut slow = site.connect(Some(&alice), true).await;

    slow.write_all(b"100:{\"OK\"").await.unwrap();
    let mut dripping = site.connect(Some(&alice), true).await;
    let drip = async {
        for _ in 0..40 {
            if dripping.write_all(b"1").await.is_err() || dripping.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::join!(rest(&mut silent), rest(&mut slow), drip);

    assert!(began.elapsed() < Duration::from_secs(8));
    site.client(&alice).call("ping", vec![]).await.unwrap();
}

#[tokio::test]
async fn a_good_client_is_served_while_ten_thousand_never_finish_the_handshake() {
    let site = Site::new().await;
    let address = site.running.diset_address().unwrap();
    let client = site.client(&site.proxy("alice", "user"));
    let mut half_open = Vec::new();
    for count in 0..10_000 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The beginning of a handshake record, whose rest never comes.
        let _ = stream.write_all(&[22, 3, 1, 2, 0, 1]).await;
        half_open.push(stream);
        if count % 2_500 == 0 {
            client.call("ping", vec![]).await.unwrap();
        }
    }

    client.call("ping", vec![]).await.unwrap();

    assert_eq!(half_open.len(), 10_000);
}

#[tokio::test]
async fn who_shows_no_certificate_or_a_foreign_one_is_refused_in_the_handshake() {
    let site = Site::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = sbk_testkit::pki::TestPki::new(elsewhere.path());
    let foreign = foreign.user("alice").proxy().group("admin").build();

    let refused = site.client(&foreign).call("ping", vec![]).await;
    let mut nobody = site.connect(None, true).await;

    assert!(matches!(refused, Err(CallError::Link(_) | CallError::Connect { .. })), "{refused:?}");
    let _ = nobody.write_all(b"2:{}").await;
    assert_eq!(rest(&mut nobody).await, "");
}

#[tokio::test]
async fn changes_of_the_registry_and_of_revocation_lists_hold_without_a_restart() {
    let site = Site::new().await;
    let bob = site.pki.user("bob");
    let client = site.client(&bob.proxy().group("user").build());
    client.call("listSites", vec![]).await.unwrap();

    let cfg = dirac::CFG.replace("Users = alice, bob, carol", "Users = alice, carol");
    std::fs::write(&site.config.dirac.configuration, cfg).unwrap();
    let until = Instant::now() + WITHIN;
    while client.call("listSites", vec![]).await.is_ok() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let (errno, _) = refusal(client.call("listSites", vec![]).await);
    // A file that is wrong changes nothing.
    std::fs::write(&site.config.dirac.configuration, "Registry\n{\n").unwrap();
    let alice = site.client(&site.proxy("alice", "user"));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    alice.call("listSites", vec![]).await.unwrap();
    site.pki.install_crl(site.pki.ca(), &[&bob.certificate]);
    while client.call("whoami", vec![]).await.is_ok() && Instant::now() < until + WITHIN {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    assert_eq!(errno, 1111);
    assert!(matches!(
        client.call("whoami", vec![]).await,
        Err(CallError::Link(_) | CallError::Connect { .. })
    ));
    alice.call("listSites", vec![]).await.unwrap();
}
