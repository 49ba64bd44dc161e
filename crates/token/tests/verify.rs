//! What is believed of a token, and what not.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use common::{NOW, Server, Signer, at, key_set};
use jsonwebtoken::EncodingKey;
use sbk_token::{
    Algorithm, FetchError, GroupMapping, IssuerConfig, IssuerKind, Issuers, MAX_TOKEN, Refusal,
    http_client,
};
use serde_json::{Value, json};

fn wlcg(url: &str) -> IssuerConfig {
    IssuerConfig { audiences: vec!["sbk".into()], ..IssuerConfig::new(url, IssuerKind::Wlcg) }
}

fn believing(configs: Vec<IssuerConfig>) -> Issuers {
    Issuers::new(configs, http_client().unwrap()).unwrap()
}

fn claims(url: &str) -> Value {
    json!({
        "iss": url, "sub": "4b1d", "aud": "sbk", "exp": NOW + 600, "nbf": NOW, "iat": NOW,
        "scope": "openid storage.read:/", "wlcg.ver": "1.0",
    })
}

/// The claims of [`claims`] with one changed.
fn with(url: &str, name: &str, value: Value) -> Value {
    let mut claims = claims(url);
    claims[name] = value;
    claims
}

#[tokio::test]
async fn a_token_of_each_algorithm_is_taken() {
    let signers = [Signer::es256("e"), Signer::rs256("r"), Signer::eddsa("o")];
    let server = Server::start(&signers.iter().collect::<Vec<_>>()).await;
    let issuers = believing(vec![wlcg(&server.url)]);

    for signer in &signers {
        let token = signer.sign(&claims(&server.url));
        let verified = issuers.verify(&token, at(0)).await.unwrap();

        assert_eq!(verified.subject, "4b1d");
        assert_eq!(verified.dn, "/O=DIRAC/CN=4b1d");
        assert_eq!(verified.issuer, server.url);
        assert_eq!(verified.scopes, ["openid", "storage.read:/"]);
        assert_eq!(verified.expires, at(600));
        assert_eq!((verified.username, verified.group), (None, None));
    }
    assert_eq!(server.asked(), 1, "the keys are kept");
}

#[tokio::test]
async fn diracx_states_user_group_properties_and_vo() {
    let signer = Signer::eddsa("d");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![IssuerConfig::new(&server.url, IssuerKind::DiracX)]);
    let claims = json!({
        "iss": server.url, "sub": "lhcb:b824d4dc", "vo": "lhcb", "exp": NOW + 600,
        "jti": "1", "preferred_username": "anna", "dirac_group": "lhcb_user",
        "dirac_properties": ["NormalUser"], "dirac_policies": {},
    });

    let verified = issuers.verify(&signer.sign(&claims), at(0)).await.unwrap();

    assert_eq!(verified.username.as_deref(), Some("anna"));
    assert_eq!(verified.group.as_deref(), Some("lhcb_user"));
    assert_eq!(verified.properties, ["NormalUser"]);
    assert_eq!(verified.vo.as_deref(), Some("lhcb"));
    assert_eq!(verified.dn, "/O=DIRAC/CN=lhcb:b824d4dc");

    for (name, value, refused) in [
        ("dirac_group", Value::Null, Refusal::Claim("dirac_group")),
        ("dirac_properties", Value::Null, Refusal::Claim("dirac_properties")),
        ("preferred_username", json!(""), Refusal::Claim("preferred_username")),
        ("vo", json!("ilc"), Refusal::Claim("sub")),
        ("sub", json!("lhcb:"), Refusal::Claim("sub")),
        ("aud", json!("another"), Refusal::Audience),
    ] {
        let mut changed = claims.clone();
        changed[name] = value;
        let refusal = issuers.verify(&signer.sign(&changed), at(0)).await.unwrap_err();
        assert_eq!(refusal, refused, "{name}");
    }
}

#[tokio::test]
async fn scopes_groups_and_entitlements_lead_to_groups() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let mapping = |group: &str| GroupMapping { group: group.into(), ..GroupMapping::default() };
    let list = |text: &str| vec![text.to_owned()];
    let issuers = believing(vec![IssuerConfig {
        vo: Some("lhcb".into()),
        groups: vec![
            GroupMapping { scopes: list("wlcg.groups:/none"), ..mapping("none") },
            GroupMapping {
                wlcg_groups: list("/lhcb/production"),
                scopes: list("openid"),
                ..mapping("prod")
            },
            GroupMapping { entitlements: list("urn:x"), ..mapping("entitled") },
            GroupMapping { wlcg_groups: list("/lhcb"), ..mapping("prod") },
        ],
        ..wlcg(&server.url)
    }]);
    let mut claims = claims(&server.url);
    claims["wlcg.groups"] = json!(["/lhcb", "/lhcb/production"]);
    claims["eduperson_entitlement"] = json!("urn:x");

    let verified = issuers.verify(&signer.sign(&claims), at(0)).await.unwrap();

    assert_eq!(verified.group.as_deref(), Some("prod"));
    assert_eq!(verified.groups, ["prod", "entitled"]);
    assert_eq!(verified.vo.as_deref(), Some("lhcb"));
}

#[tokio::test]
async fn claims_are_held_against_the_configuration_and_the_time() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let cases = [
        ("aud", json!("other"), Err(Refusal::Audience)),
        ("aud", json!([]), Err(Refusal::Audience)),
        ("aud", Value::Null, Err(Refusal::Audience)),
        ("aud", json!(["other", "sbk"]), Ok(())),
        ("exp", json!(NOW - 60), Err(Refusal::Expired)),
        ("exp", json!(NOW - 59), Ok(())),
        ("exp", json!(NOW as f64 + 0.5), Ok(())),
        ("exp", json!(-1), Err(Refusal::Claim("exp"))),
        ("exp", json!(1e300), Err(Refusal::Claim("exp"))),
        ("exp", Value::Null, Err(Refusal::Claim("exp"))),
        ("exp", json!("soon"), Err(Refusal::Malformed("its claims"))),
        ("nbf", json!(NOW + 61), Err(Refusal::NotYetValid)),
        ("nbf", json!(NOW + 60), Ok(())),
        ("nbf", Value::Null, Ok(())),
        ("iat", json!(NOW + 61), Err(Refusal::NotYetValid)),
        ("sub", Value::Null, Err(Refusal::Claim("sub"))),
        ("sub", json!(""), Err(Refusal::Claim("sub"))),
        ("sub", json!("a\nb"), Err(Refusal::Claim("sub"))),
        ("sub", json!("x".repeat(256)), Err(Refusal::Claim("sub"))),
        (
            "iss",
            json!("https://else.example"),
            Err(Refusal::UnknownIssuer("https://else.example".into())),
        ),
        (
            "iss",
            json!(format!("{}/", server.url)),
            Err(Refusal::UnknownIssuer(format!("{}/", server.url))),
        ),
    ];

    for (name, value, expected) in cases {
        let token = signer.sign(&with(&server.url, name, value.clone()));
        let taken = issuers.verify(&token, at(0)).await.map(|_| ());
        assert_eq!(taken, expected, "{name} {value}");
    }
}

#[tokio::test]
async fn only_the_issuers_signature_is_believed() {
    let (signer, forger) = (Signer::es256("k"), Signer::es256("k"));
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let good = signer.sign(&claims(&server.url));
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = signed.split_once('.').unwrap();
    let other = URL_SAFE_NO_PAD.encode(with(&server.url, "sub", json!("root")).to_string());

    for token in [
        forger.sign(&claims(&server.url)),
        format!("{header}.{other}.{signature}"),
        format!("{signed}."),
        format!("{signed}.AAAA"),
        format!("{good}="),
    ] {
        let refusal = issuers.verify(&token, at(0)).await.unwrap_err();
        assert_eq!(refusal, Refusal::Signature(server.url.clone()));
    }
}

#[tokio::test]
async fn no_algorithm_and_algorithms_with_a_secret_key_are_refused() {
    let signer = Signer::rs256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let payload = URL_SAFE_NO_PAD.encode(claims(&server.url).to_string());
    let unsigned = |alg: &str| {
        let header = URL_SAFE_NO_PAD.encode(json!({ "alg": alg, "kid": "k" }).to_string());
        format!("{header}.{payload}.")
    };
    // Whoever takes the public key for a secret one lets everybody sign.
    let modulus = URL_SAFE_NO_PAD.decode(signer.jwk()["n"].as_str().unwrap()).unwrap();
    let mut header = signer.header();
    header.alg = jsonwebtoken::Algorithm::HS256;
    let secret = EncodingKey::from_secret(&modulus);
    let confused = jsonwebtoken::encode(&header, &claims(&server.url), &secret).unwrap();

    for (token, alg) in [
        (unsigned("none"), "none"),
        (unsigned("None"), "None"),
        (unsigned("RS512"), "RS512"),
        (confused, "HS256"),
    ] {
        let refusal = issuers.verify(&token, at(0)).await.unwrap_err();
        assert_eq!(refusal, Refusal::Algorithm(alg.into()));
    }
    let refusal = issuers.verify(&unsigned("RS256"), at(0)).await.unwrap_err();
    assert_eq!(refusal, Refusal::Signature(server.url.clone()));
}

#[tokio::test]
async fn an_algorithm_that_the_configuration_leaves_out_is_refused() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let config = IssuerConfig { algorithms: vec![Algorithm::Rs256], ..wlcg(&server.url) };

    let refusal = believing(vec![config])
        .verify(&signer.sign(&claims(&server.url)), at(0))
        .await
        .unwrap_err();

    assert_eq!(refusal, Refusal::Algorithm("ES256".into()));
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let issuers = believing(vec![wlcg("https://iam.example")]);
    let header = |header: Value| {
        let claims = URL_SAFE_NO_PAD.encode(claims("https://iam.example").to_string());
        format!("{}.{claims}.AAAA", URL_SAFE_NO_PAD.encode(header.to_string()))
    };

    for token in [
        String::new(),
        ".".into(),
        "..".into(),
        "a.b.c.d".into(),
        "é.é.é".into(),
        header(json!({ "alg": "ES256", "crit": ["b64"] })),
        header(json!({ "alg": "ES256", "typ": "logout+jwt" })),
        header(json!({ "alg": "ES256", "kid": "k".repeat(257) })),
        header(json!({ "kid": "k" })),
        header(json!(["ES256"])),
    ] {
        let refusal = issuers.verify(&token, at(0)).await.unwrap_err();
        assert!(matches!(refusal, Refusal::Malformed(_)), "{token}: {refusal}");
    }
    let long = "a".repeat(MAX_TOKEN + 1);
    assert_eq!(issuers.verify(&long, at(0)).await.unwrap_err(), Refusal::TooLong);
}

#[tokio::test]
async fn a_token_of_one_issuer_is_not_taken_for_one_of_another() {
    let (one, two) = (Signer::es256("k"), Signer::es256("k"));
    let (first, second) = (Server::start(&[&one]).await, Server::start(&[&two]).await);
    let issuers = believing(vec![
        wlcg(&first.url),
        IssuerConfig { dn_prefix: "/O=two/CN=".into(), ..wlcg(&second.url) },
    ]);

    let refusal = issuers.verify(&two.sign(&claims(&first.url)), at(0)).await.unwrap_err();
    assert_eq!(refusal, Refusal::Signature(first.url.clone()));
    let verified = issuers.verify(&two.sign(&claims(&second.url)), at(0)).await.unwrap();
    assert_eq!(verified.dn, "/O=two/CN=4b1d");
}

#[tokio::test]
async fn new_keys_are_found_by_their_name_and_keys_that_are_gone_are_forgotten() {
    let (old, new) = (Signer::es256("old"), Signer::es256("new"));
    let server = Server::start(&[&old]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    issuers.verify(&old.sign(&claims(&server.url)), at(0)).await.unwrap();

    server.set(|answers| answers.keys = key_set(&[&new]).to_string());
    issuers.verify(&new.sign(&claims(&server.url)), at(40)).await.unwrap();

    let refusal = issuers.verify(&old.sign(&claims(&server.url)), at(41)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownKey { kid, .. } if kid == "old"));
}

#[tokio::test]
async fn names_of_keys_that_nobody_has_do_not_hammer_the_issuer() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);

    for second in 0..60 {
        let stranger = Signer { kid: format!("hostile {second}"), ..signer.clone() };
        let token = stranger.sign(&claims(&server.url));
        let refusal = issuers.verify(&token, at(second)).await.unwrap_err();
        assert!(matches!(refusal, Refusal::UnknownKey { .. }));
        issuers.verify(&signer.sign(&claims(&server.url)), at(second)).await.unwrap();
    }

    assert_eq!(server.asked(), 2);
}

#[tokio::test]
async fn callers_who_come_at_once_share_one_fetch() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = std::sync::Arc::new(believing(vec![wlcg(&server.url)]));
    let token = signer.sign(&claims(&server.url));

    let callers: Vec<_> = (0..20)
        .map(|_| {
            let (issuers, token) = (issuers.clone(), token.clone());
            tokio::spawn(async move { issuers.verify(&token, at(0)).await.map(|_| ()) })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), Ok(()));
    }

    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn the_last_good_keys_are_kept_while_the_issuer_is_away() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let token = signer.sign(&with(&server.url, "exp", json!(NOW + 100_000)));
    issuers.verify(&token, at(0)).await.unwrap();

    for change in ["not json", r#"{"keys": []}"#, r#"{"keys": [{"kty": "oct", "k": "AAAA"}]}"#] {
        server.set(|answers| answers.keys = change.to_owned());
        assert_eq!(issuers.refresh(at(3700)).await.len(), 1);
        issuers.verify(&token, at(3700)).await.unwrap();
    }
    server.set(|answers| answers.status = axum::http::StatusCode::INTERNAL_SERVER_ERROR);
    issuers.verify(&token, at(7400)).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_was_never_there_is_away_and_tried_again_later() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    server.set(|answers| answers.status = axum::http::StatusCode::NOT_FOUND);
    let issuers = believing(vec![wlcg(&server.url)]);
    let token = signer.sign(&claims(&server.url));

    let refusal = issuers.verify(&token, at(0)).await.unwrap_err();
    assert_eq!(refusal, Refusal::IssuerAway(server.url.clone()));
    assert!(refusal.may_pass());
    server.set(|answers| answers.status = axum::http::StatusCode::OK);
    assert!(issuers.verify(&token, at(1)).await.is_err());
    issuers.verify(&token, at(31)).await.unwrap();
}

#[tokio::test]
async fn documents_that_lead_elsewhere_or_are_too_long_are_refused() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let document =
        |issuer: &str, keys: &str| json!({ "issuer": issuer, "jwks_uri": keys }).to_string();

    let keys = format!("{}/keys", server.url);
    for (metadata, expected) in [
        (document("https://else.example", &keys), "describes the issuer \"https://else.example\""),
        (document(&server.url, "http://else.example/keys"), "which is no https address"),
        (document(&server.url, "file:///etc/passwd"), "which is no https address"),
        (document(&server.url, "https://user:secret@else.example/"), "which is no https address"),
        (json!({ "issuer": server.url }).to_string(), "does not answer with its metadata"),
        (" ".repeat(300 << 10), "more than 262144 bytes"),
    ] {
        server.set(|answers| answers.metadata = metadata);
        let failed = issuers.refresh(at(0)).await;
        assert!(failed[0].1.to_string().contains(expected), "{}", failed[0].1);
    }
    assert_eq!(server.asked(), 0);
    let refusal = issuers.verify(&signer.sign(&claims(&server.url)), at(1)).await.unwrap_err();
    assert_eq!(refusal, Refusal::IssuerAway(server.url.clone()));
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    server.set(|answers| answers.status = axum::http::StatusCode::FOUND);

    let issuers = believing(vec![wlcg(&server.url)]);
    let failed = issuers.refresh(at(0)).await;

    assert!(matches!(failed[0].1, FetchError::Away { .. }));
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn keys_may_come_from_a_file() {
    let signer = Signer::es256("k");
    let path = std::env::temp_dir().join(format!("sbk-token-{}.json", std::process::id()));
    std::fs::write(&path, key_set(&[&signer]).to_string()).unwrap();
    let config = IssuerConfig { jwks_file: Some(path.clone()), ..wlcg("https://iam.example/") };
    let issuers = believing(vec![config]);

    let token = signer.sign(&claims("https://iam.example/"));
    let taken = issuers.verify(&token, at(0)).await;
    std::fs::remove_file(&path).unwrap();

    assert_eq!(taken.unwrap().subject, "4b1d");
    assert!(matches!(issuers.refresh(at(1)).await[0].1, FetchError::File { .. }));
    issuers.verify(&token, at(2)).await.unwrap();
}

#[tokio::test]
async fn a_token_that_names_no_key_is_taken_if_there_is_but_one() {
    let (one, two) = (Signer::es256("one"), Signer::es256("two"));
    let server = Server::start(&[&one]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let header = jsonwebtoken::Header::new(one.algorithm);
    let token = jsonwebtoken::encode(&header, &claims(&server.url), &one.key).unwrap();

    issuers.verify(&token, at(0)).await.unwrap();
    server.set(|answers| answers.keys = key_set(&[&one, &two]).to_string());
    assert!(issuers.refresh(at(1)).await.is_empty());
    let refusal = issuers.verify(&token, at(2)).await.unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownKey { .. }));
}

#[tokio::test]
async fn no_part_of_a_token_is_in_a_refusal() {
    let signer = Signer::es256("k");
    let server = Server::start(&[&signer]).await;
    let issuers = believing(vec![wlcg(&server.url)]);
    let token = signer.sign(&with(&server.url, "exp", json!(1)));

    let refusal = issuers.verify(&token, at(0)).await.unwrap_err();

    let told = format!("{refusal} {refusal:?} {issuers:?}");
    for part in token.split('.') {
        assert!(!told.contains(part));
    }
}

#[test]
fn a_configuration_that_would_take_too_much_is_refused() {
    let refused =
        |config: IssuerConfig| Issuers::new(vec![config], http_client().unwrap()).is_err();
    let good = wlcg("https://iam.example/");

    assert!(!refused(good.clone()));
    assert!(refused(IssuerConfig { url: "http://iam.example/".into(), ..good.clone() }));
    assert!(refused(IssuerConfig { url: "https://iam.example/?a".into(), ..good.clone() }));
    assert!(refused(IssuerConfig { url: "iam.example".into(), ..good.clone() }));
    assert!(refused(IssuerConfig { audiences: vec![], ..good.clone() }));
    assert!(refused(IssuerConfig { algorithms: vec![], ..good.clone() }));
    let void = GroupMapping { group: "prod".into(), ..GroupMapping::default() };
    assert!(refused(IssuerConfig { groups: vec![void], ..good.clone() }));
    let twice = Issuers::new(vec![good.clone(), good], http_client().unwrap());
    assert_eq!(twice.unwrap_err().reason, "it is there twice");
}

#[test]
fn the_configuration_is_read_with_its_defaults() {
    let text = r#"{"url": "https://iam.example/", "kind": "diracx", "algorithms": ["EdDSA"]}"#;
    let config: IssuerConfig = serde_json::from_str(text).unwrap();

    assert_eq!((config.skew_s, config.refresh_s), (60, 3600));
    assert_eq!((config.kind, config.algorithms), (IssuerKind::DiracX, vec![Algorithm::EdDsa]));
    for text in [
        r#"{"url": "https://iam.example/", "kind": "diracx", "algorithms": ["HS256"]}"#,
        r#"{"url": "https://iam.example/", "kind": "diracx", "audience": "x"}"#,
    ] {
        assert!(serde_json::from_str::<IssuerConfig>(text).is_err());
    }
}
