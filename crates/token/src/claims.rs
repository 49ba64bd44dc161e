//! What a token states, and what is made of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use crate::{GroupMapping, IssuerConfig, IssuerKind, Refusal, Verified};

/// The longest subject that is taken.
const MAX_SUBJECT: usize = 255;

/// The one claim that is read before the signature is verified.
#[derive(Deserialize)]
pub(crate) struct Issued {
    pub iss: String,
}

/// The claims that mean something here.
#[derive(Deserialize)]
pub(crate) struct Claims {
    sub: Option<String>,
    aud: Option<Several>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    scope: Option<String>,
    vo: Option<String>,
    preferred_username: Option<String>,
    dirac_group: Option<String>,
    dirac_properties: Option<Vec<String>>,
    #[serde(rename = "wlcg.groups")]
    wlcg_groups: Option<Several>,
    eduperson_entitlement: Option<Several>,
}

/// One text or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Several {
    One(String),
    Many(Vec<String>),
}

impl Several {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Many(texts) => texts,
        }
    }
}

impl Claims {
    /// Holds the claims against the configuration and the time.
    pub fn verified(self, config: &IssuerConfig, now: SystemTime) -> Result<Verified, Refusal> {
        self.is_for(&config.audiences)?;
        let expires = self.valid_at(now, config.skew_s)?;
        let subject =
            self.sub.as_ref().filter(|sub| is_subject(sub)).ok_or(Refusal::Claim("sub"))?;
        let verified = Verified {
            issuer: config.url.clone(),
            dn: format!("{}{subject}", config.dn_prefix),
            subject: subject.clone(),
            username: None,
            group: None,
            groups: Vec::new(),
            properties: Vec::new(),
            vo: config.vo.clone(),
            scopes: self.scopes(),
            expires,
        };
        match config.kind {
            IssuerKind::DiracX => self.diracx(verified),
            IssuerKind::Wlcg => Ok(self.wlcg(verified, &config.groups)),
        }
    }

    /// Without audiences in the configuration, tokens that name one are refused: they are meant for
    /// somebody else.
    fn is_for(&self, audiences: &[String]) -> Result<(), Refusal> {
        let named = self.aud.as_ref().map_or(&[][..], Several::as_slice);
        let nobody = named.is_empty() && audiences.is_empty();
        if nobody || named.iter().any(|name| audiences.contains(name)) {
            Ok(())
        } else {
            Err(Refusal::Audience)
        }
    }

    /// When the token's time is over, if it is not.
    fn valid_at(&self, now: SystemTime, skew_s: u64) -> Result<SystemTime, Refusal> {
        let skew = Duration::from_secs(skew_s);
        let expires = time(self.exp, "exp")?.ok_or(Refusal::Claim("exp"))?;
        if expires.checked_add(skew).is_none_or(|end| end <= now) {
            return Err(Refusal::Expired);
        }
        let latest = now.checked_add(skew).unwrap_or(now);
        for begins in [time(self.nbf, "nbf")?, time(self.iat, "iat")?].into_iter().flatten() {
            if begins > latest {
                return Err(Refusal::NotYetValid);
            }
        }
        Ok(expires)
    }

    fn scopes(&self) -> Vec<String> {
        self.scope.iter().flat_map(|scope| scope.split_whitespace()).map(str::to_owned).collect()
    }

    /// All of DiracX's claims have to be there: its other tokens, for refreshing, lack them.
    fn diracx(self, verified: Verified) -> Result<Verified, Refusal> {
        let vo = present(self.vo, "vo")?;
        let group = present(self.dirac_group, "dirac_group")?;
        let of_vo = verified.subject.strip_prefix(&vo).and_then(|rest| rest.strip_prefix(':'));
        if of_vo.is_none_or(str::is_empty) {
            return Err(Refusal::Claim("sub"));
        }
        Ok(Verified {
            username: Some(present(self.preferred_username, "preferred_username")?),
            groups: vec![group.clone()],
            group: Some(group),
            properties: self.dirac_properties.ok_or(Refusal::Claim("dirac_properties"))?,
            vo: Some(vo),
            ..verified
        })
    }

    fn wlcg(&self, verified: Verified, mappings: &[GroupMapping]) -> Verified {
        let mut groups: Vec<String> = Vec::new();
        for mapping in mappings.iter().filter(|mapping| self.has(mapping, &verified.scopes)) {
            if !groups.contains(&mapping.group) {
                groups.push(mapping.group.clone());
            }
        }
        Verified { group: groups.first().cloned(), groups, ..verified }
    }

    fn has(&self, mapping: &GroupMapping, scopes: &[String]) -> bool {
        let of = |several: &'_ Option<Several>, wanted: &[String]| {
            let own = several.as_ref().map_or(&[][..], Several::as_slice);
            wanted.iter().all(|entry| own.contains(entry))
        };
        mapping.scopes.iter().all(|scope| scopes.contains(scope))
            && of(&self.wlcg_groups, &mapping.wlcg_groups)
            && of(&self.eduperson_entitlement, &mapping.entitlements)
    }
}

fn present(claim: Option<String>, name: &'static str) -> Result<String, Refusal> {
    claim.filter(|text| !text.is_empty()).ok_or(Refusal::Claim(name))
}

fn is_subject(subject: &str) -> bool {
    let readable = !subject.chars().any(char::is_control) && subject.trim() == subject;
    readable && !subject.is_empty() && subject.len() <= MAX_SUBJECT
}

/// A time in seconds, which may have a fraction.
fn time(seconds: Option<f64>, name: &'static str) -> Result<Option<SystemTime>, Refusal> {
    let Some(seconds) = seconds else { return Ok(None) };
    let since = Duration::try_from_secs_f64(seconds).ok();
    let time = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    time.map(Some).ok_or(Refusal::Claim(name))
}
