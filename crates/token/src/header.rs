//! The parts of a token, before anything in it is believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::{Algorithm, Refusal};

/// The longest name of a key that is looked up.
const MAX_KID: usize = 256;

/// A token in its three parts.
pub(crate) struct Parts<'a> {
    pub header: Header,
    /// Header and claims as they are signed.
    pub signed: &'a str,
    pub signature: &'a str,
    payload: Vec<u8>,
}

/// What a token says of its signature. Addresses and keys in it are passed over.
#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    pub kid: Option<String>,
    typ: Option<String>,
    crit: Option<serde_json::Value>,
}

impl<'a> Parts<'a> {
    /// Takes a token apart.
    pub fn of(token: &'a str) -> Result<Self, Refusal> {
        let malformed = Refusal::Malformed("it does not have three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or_else(|| malformed.clone())?;
        let (header, payload) = signed.split_once('.').ok_or_else(|| malformed.clone())?;
        if payload.contains('.') {
            return Err(malformed);
        }
        let header: Header = json(&decoded(header)?).ok_or(Refusal::Malformed("its header"))?;
        if header.crit.is_some() {
            return Err(Refusal::Malformed("it wants extensions that are not known"));
        }
        if !header.is_access_token() {
            return Err(Refusal::Malformed("it is no access token"));
        }
        if header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID) {
            return Err(Refusal::Malformed("the name of its key is too long"));
        }
        Ok(Self { header, signed, signature, payload: decoded(payload)? })
    }

    /// The claims, or some of them.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        json(&self.payload).ok_or(Refusal::Malformed("its claims"))
    }
}

impl Header {
    /// The algorithm of the signature, if it is one of those believed.
    pub fn algorithm(&self, believed: &[Algorithm]) -> Result<Algorithm, Refusal> {
        let algorithm = match self.alg.as_str() {
            "RS256" => Some(Algorithm::Rs256),
            "ES256" => Some(Algorithm::Es256),
            "EdDSA" => Some(Algorithm::EdDsa),
            _ => None,
        };
        (algorithm.filter(|algorithm| believed.contains(algorithm)))
            .ok_or_else(|| Refusal::Algorithm(shortened(&self.alg)))
    }

    fn is_access_token(&self) -> bool {
        let types = ["jwt", "at+jwt", "application/at+jwt"];
        self.typ.as_ref().is_none_or(|typ| types.iter().any(|own| typ.eq_ignore_ascii_case(own)))
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed("a part is no base64url"))
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    serde_json::from_slice(bytes).ok()
}

/// A text of somebody who is not believed, fit for a message.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}
