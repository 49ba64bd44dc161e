//! An issuer on this machine, with real keys.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair,
};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// When the tests take place, in seconds since 1970.
pub const NOW: u64 = 1_800_000_000;

/// A moment some seconds after the beginning.
pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW + seconds)
}

/// A key of an issuer.
#[derive(Clone)]
pub struct Signer {
    pub kid: String,
    pub algorithm: Algorithm,
    pub key: EncodingKey,
}

impl Signer {
    pub fn es256(kid: &str) -> Self {
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self::new(kid, Algorithm::ES256, EncodingKey::from_ec_der(key.as_ref()))
    }

    pub fn rs256(kid: &str) -> Self {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
        // The key itself, without the PKCS #8 around it.
        let der: &[u8] = &(*der).as_ref()[26..];
        Self::new(kid, Algorithm::RS256, EncodingKey::from_rsa_der(der))
    }

    pub fn eddsa(kid: &str) -> Self {
        let key = Ed25519KeyPair::generate_pkcs8v1(&SystemRandom::new()).unwrap();
        Self::new(kid, Algorithm::EdDSA, EncodingKey::from_ed_der(key.as_ref()))
    }

    fn new(kid: &str, algorithm: Algorithm, key: EncodingKey) -> Self {
        Self { kid: kid.to_owned(), algorithm, key }
    }

    pub fn header(&self) -> Header {
        Header { kid: Some(self.kid.clone()), ..Header::new(self.algorithm) }
    }

    pub fn sign(&self, claims: &Value) -> String {
        jsonwebtoken::encode(&self.header(), claims, &self.key).unwrap()
    }

    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.clone());
        serde_json::to_value(jwk).unwrap()
    }
}

/// The key set of some keys.
pub fn key_set(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() })
}

/// What the issuer answers, and how often it was asked for its keys.
#[derive(Default)]
pub struct Answers {
    pub metadata: String,
    pub keys: String,
    pub status: StatusCode,
    pub asked: usize,
}

/// An issuer that listens on this machine.
pub struct Server {
    pub url: String,
    pub answers: Arc<Mutex<Answers>>,
}

type Shared = State<Arc<Mutex<Answers>>>;

async fn metadata(State(answers): Shared) -> Response {
    let answers = answers.lock().unwrap();
    (answers.status, [(LOCATION, "/keys")], answers.metadata.clone()).into_response()
}

async fn keys(State(answers): Shared) -> Response {
    let mut answers = answers.lock().unwrap();
    answers.asked += 1;
    (answers.status, answers.keys.clone()).into_response()
}

impl Server {
    pub async fn start(signers: &[&Signer]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let document = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let answers = Arc::new(Mutex::new(Answers {
            metadata: document.to_string(),
            keys: key_set(signers).to_string(),
            ..Answers::default()
        }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .with_state(answers.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, answers }
    }

    pub fn set(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap());
    }

    pub fn asked(&self) -> usize {
        self.answers.lock().unwrap().asked
    }
}
