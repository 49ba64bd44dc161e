//! The public keys of an issuer.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use serde::Deserialize;

use crate::Algorithm;
use crate::header::Parts;

/// The most keys that are read of one issuer.
const MAX_KEYS: usize = 64;

/// The public keys of an issuer that may verify tokens.
#[derive(Default)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

struct Key {
    kid: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a key set. Keys of other kinds are passed over; without any that is of use, there is
    /// none.
    pub fn read(text: &[u8]) -> Option<Self> {
        let set: KeySet = serde_json::from_slice(text).ok()?;
        let keys: Vec<Key> = (set.keys.into_iter().take(MAX_KEYS))
            .filter_map(|value| Key::of(&serde_json::from_value(value).ok()?))
            .collect();
        if keys.is_empty() { None } else { Some(Self { keys }) }
    }

    /// Whether a token is signed with a key of a name; `None` if there is no such key.
    ///
    /// A token that does not name its key is taken if there is but one for its algorithm.
    pub fn verify(&self, parts: &Parts<'_>, algorithm: Algorithm) -> Option<bool> {
        let mut suitable = self.keys.iter().filter(|key| {
            let named = parts.header.kid.is_none() || key.kid == parts.header.kid;
            key.algorithm == algorithm && named
        });
        let key = suitable.next()?;
        if suitable.next().is_some() {
            return None;
        }
        let signed = parts.signed.as_bytes();
        let algorithm = algorithm.into();
        let verified =
            jsonwebtoken::crypto::verify(parts.signature, signed, &key.public, algorithm);
        Some(verified.unwrap_or(false))
    }
}

impl Key {
    fn of(jwk: &Jwk) -> Option<Self> {
        if matches!(&jwk.common.public_key_use, Some(usage) if *usage != PublicKeyUse::Signature) {
            return None;
        }
        let (algorithm, name) = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => (Algorithm::Rs256, KeyAlgorithm::RS256),
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                (Algorithm::Es256, KeyAlgorithm::ES256)
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                (Algorithm::EdDsa, KeyAlgorithm::EdDSA)
            }
            _ => return None,
        };
        if jwk.common.key_algorithm.is_some_and(|stated| stated != name) {
            return None;
        }
        let public = DecodingKey::from_jwk(jwk).ok()?;
        Some(Self { kid: jwk.common.key_id.clone(), algorithm, public })
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Rs256 => Self::RS256,
            Algorithm::Es256 => Self::ES256,
            Algorithm::EdDsa => Self::EdDSA,
        }
    }
}
