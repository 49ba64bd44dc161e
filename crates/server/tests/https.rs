//! DIRAC's form protocol and REST over HTTPS.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod dirac;
#[path = "../../token/tests/common/mod.rs"]
#[allow(dead_code, reason = "the tests of tokens use more")]
mod issuer;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use dirac::Site;
use serde_json::{Value, json};

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(body)))
}

const REST: &str = "GET /api/v1/sites HTTP/1.1";

#[tokio::test]
async fn calls_are_answered_as_results() {
    let site = Site::declared().await;
    let alice = site.proxy("alice", "user");

    let (status, head, body) = site.form(Some(&alice), &[("method", "ping")]).await;
    let (_, _, echo) =
        site.form(Some(&alice), &[("method", "echo"), ("args", r#"["h\u00e9"]"#)]).await;
    let args = r#"["/superb/none"]"#;
    let (_, _, files) = site.form(Some(&alice), &[("method", "getFiles"), ("args", args)]).await;
    let (_, _, wrong) = site.form(Some(&alice), &[("method", "getFile"), ("args", "[3]")]).await;

    assert_eq!(status, 200);
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    assert_eq!(json(&body)["Value"]["name"], "Bookkeeping/SBK");
    assert_eq!(echo, br#"{"OK": true, "Value": "h\u00e9"}"#);
    assert_eq!(json(&files)["Value"]["Failed"]["/superb/none"], "No such file or directory");
    assert_eq!(json(&wrong)["OK"], false);
    assert!(json(&wrong)["Message"].as_str().unwrap().starts_with("Type mismatch"));
}

#[tokio::test]
async fn statuses_are_those_of_dirac() {
    let site = Site::new().await;
    let alice = site.proxy("alice", "user");
    let stranger = site.proxy("stranger", "user");
    let status = async |who, fields: &[(&str, &str)]| site.form(who, fields).await.0;

    assert_eq!(status(None, &[("method", "ping")]).await, 401);
    assert_eq!(status(Some(&stranger), &[("method", "listSites")]).await, 401);
    assert_eq!(status(Some(&stranger), &[("method", "whoami")]).await, 401);
    assert_eq!(status(Some(&stranger), &[("method", "ping")]).await, 200);
    assert_eq!(status(Some(&alice), &[("args", "[]")]).await, 400);
    assert_eq!(status(Some(&alice), &[("method", "nosuch")]).await, 501);
    assert_eq!(status(Some(&alice), &[("method", "echo"), ("args", "[")]).await, 400);
    let (other, _, _) = site.ask(Some(&alice), "POST /Bookkeeping/Other HTTP/1.1", b"").await;
    assert_eq!(other, 404);
    let (get, _, _) = site.ask(Some(&alice), "GET /Bookkeeping/SBK HTTP/1.1", b"").await;
    assert_eq!(get, 405);
}

#[tokio::test]
async fn long_answers_are_packed_for_those_who_ask() {
    let site = Site::new().await;
    let head = "POST /Bookkeeping/SBK HTTP/1.1\r\nAccept-Encoding: gzip\r\n\
                Content-Type: application/x-www-form-urlencoded";
    let args = format!("[\"{}\"]", "x".repeat(5000));
    let body = format!("method=echo&args={args}");

    let alice = site.proxy("alice", "user");
    let (status, head, body) = site.ask(Some(&alice), head, body.as_bytes()).await;

    assert_eq!(status, 200);
    assert!(head.to_lowercase().contains("content-encoding: gzip"), "{head}");
    assert!(body.len() < 1000);
}

#[tokio::test]
async fn lists_go_up_and_come_back_and_failures_are_no_content() {
    let site = Site::declared().await;
    let admin = site.proxy("alice", "admin");
    let lines: String =
        (0..1500).map(|n| format!("{{\"lfn\": \"/superb/d/{n:04}\", \"size\": {n}}}\n")).collect();
    let id = r#"{"method": "addFiles"}"#;
    let args =
        json!([id, "", lines.len(), {"__dCls": "b64", "obj": BASE64.encode(&lines)}]).to_string();

    let fields = [("method", "streamFromClient"), ("args", args.as_str())];
    let (status, _, done) = site.form(Some(&admin), &fields).await;
    let download = async |query: &str| {
        let id = json!({"method": "findFiles", "args": [query]}).to_string();
        let args = json!([id]).to_string();
        let fields =
            [("method", "streamToClient"), ("args", args.as_str()), ("rawContent", "True")];
        site.form(Some(&admin), &fields).await
    };
    let (good, head, content) = download("directory = \"/superb/d\" order by lfn").await;
    let (bad, _, reason) = download("no_such_field = 1").await;

    assert_eq!(status, 200);
    assert_eq!(json(&done)["Value"]["SuccessfulCount"], 1500, "{}", json(&done));
    assert_eq!(good, 200);
    assert!(head.to_lowercase().contains("application/octet-stream"));
    let text = String::from_utf8_lossy(&content);
    assert_eq!(text.matches("\"lfn\"").count(), 1500);
    assert_eq!(bad, 400);
    assert!(String::from_utf8_lossy(&reason).contains("no_such_field"));
}

#[tokio::test]
async fn rest_knows_who_calls() {
    let site = Site::declared().await;
    let alice = site.proxy("alice", "user");
    let stranger = site.proxy("stranger", "user");
    let plain = site.pki.user("alice");

    assert_eq!(site.ask(Some(&alice), REST, b"").await.0, 200);
    assert_eq!(site.ask(None, REST, b"").await.0, 401);
    assert_eq!(site.ask(Some(&stranger), REST, b"").await.0, 403);
    let declare =
        |group: &str| format!("PUT /api/v1/communities/other HTTP/1.1\r\nX-DIRAC-Group: {group}");
    assert_eq!(site.ask(Some(&plain), &declare("user"), b"").await.0, 403);
    assert_eq!(site.ask(Some(&plain), &declare("admin"), b"").await.0, 200);
    assert_eq!(site.ask(Some(&alice), &declare("admin"), b"").await.0, 403);
    assert_eq!(site.ask(None, "GET /health HTTP/1.1", b"").await.0, 200);
}

#[tokio::test]
async fn a_certificate_that_is_revoked_does_not_live_on_in_a_kept_connection() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let site = Site::new().await;
    let bob = site.pki.user("bob");
    let mut kept = site.connect(Some(&bob.proxy().group("user").build()), false).await;
    let mut ask = async || {
        let request = b"GET /api/v1/sites HTTP/1.1\r\nHost: localhost\r\n\r\n";
        let mut answer = [0; 4096];
        kept.write_all(request).await.ok()?;
        match kept.read(&mut answer).await {
            Ok(length) if length > 0 => Some(answer[..length].to_vec()),
            _ => None,
        }
    };
    assert!(ask().await.unwrap().starts_with(b"HTTP/1.1 200"));

    site.pki.install_crl(site.pki.ca(), &[&bob.certificate]);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let mut ended = false;
    while !ended && std::time::Instant::now() < until {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        ended = ask().await.is_none();
    }

    assert!(ended);
}

#[tokio::test]
async fn a_revoked_or_expired_certificate_ends_the_handshake() {
    let site = Site::new().await;
    let now = sbk_testkit::pki::now();
    let expired =
        site.pki.user("alice").proxy().group("user").valid(now - 7200, now - 3600).build();
    let future = site.pki.user("alice").proxy().group("user").valid(now + 3600, now + 7200).build();

    for refused in [expired, future] {
        assert_eq!(site.ask(Some(&refused), REST, b"").await.0, 0);
    }
}

#[tokio::test]
async fn the_bearer_of_a_token_is_known_by_it() {
    let signer = issuer::Signer::es256("one");
    let server = issuer::Server::start(&[&signer]).await;
    let url = server.url.clone();
    let site = Site::with(|config| {
        let mut trusted = sbk_token::IssuerConfig::new(&url, sbk_token::IssuerKind::DiracX);
        trusted.audiences = vec!["sbk".into()];
        config.tokens.issuers = vec![trusted];
    })
    .await;
    let claims = |change: Value| {
        let now = sbk_testkit::pki::now();
        let mut claims = json!({
            "iss": url, "aud": "sbk", "sub": "superb:1234", "vo": "superb",
            "preferred_username": "dora", "dirac_group": "user",
            "dirac_properties": ["NormalUser"], "iat": now, "nbf": now, "exp": now + 600,
        });
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    };
    let rest = async |token: &str, verb: &str| {
        let head = format!("{verb} HTTP/1.1\r\nAuthorization: Bearer {token}");
        site.ask(None, &head, b"").await.0
    };
    let read = "GET /api/v1/sites";

    let good = signer.sign(&claims(json!({})));
    let body = b"method=whoami".as_slice();
    let head = format!(
        "POST /Bookkeeping/SBK HTTP/1.1\r\nAuthorization: Bearer {good}\r\n\
         Content-Type: application/x-www-form-urlencoded"
    );
    let (status, _, whoami) = site.ask(None, &head, body).await;

    assert_eq!(rest(&good, read).await, 200);
    assert_eq!(rest(&good, "PUT /api/v1/communities/other").await, 403);
    assert_eq!(status, 200);
    let whoami = &json(&whoami)["Value"];
    assert_eq!(
        (whoami["username"].as_str(), whoami["group"].as_str()),
        (Some("dora"), Some("user"))
    );
    assert_eq!(whoami["VO"], "superb");
    let other = issuer::Signer::es256("one");
    let mut none = good.split('.').map(str::to_owned).collect::<Vec<_>>();
    none[0] = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    none[2].clear();
    for bad in [
        signer.sign(&claims(json!({"iss": "https://elsewhere.example.org"}))),
        signer.sign(&claims(json!({"aud": "another"}))),
        signer.sign(&claims(json!({"exp": 1}))),
        other.sign(&claims(json!({}))),
        none.join("."),
        "nonsense".to_owned(),
    ] {
        assert_eq!(rest(&bad, read).await, 401, "{bad}");
    }
}
