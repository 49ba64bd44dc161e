//! Who calls, and whether they may.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use sbk_dirac::catalog::{People, Principal};
use sbk_model::{Permission, Timestamp};
use sbk_pki::Peer as Certified;
use sbk_registry::{Cfg, Claim, Denial, ExtraCredentials, Identity, Kind, Method, Step};
use sbk_service::Caller;
use sbk_token::Verified;
use sbk_wire::Value;

use crate::{
    Config, Error,
    app::App,
    face::Face,
    rulebook::{Rulebook, claim},
};

/// Who is at the other end of a connection, as far as the connection proves it.
#[derive(Debug, Clone)]
pub enum Peer {
    /// Somebody on this machine, where there is no TLS.
    Local,
    /// Somebody who showed no certificate.
    Nobody,
    /// The holder of a certificate or proxy that was verified.
    Certified(Arc<Certified>),
    /// The bearer of a token that was verified.
    Bearer(Arc<Verified>),
}

/// A caller who may call what they ask for.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Who it is, for the service.
    pub caller: Caller,
    /// What `whoami` answers.
    pub credentials: Value,
    /// The properties that the rule left.
    properties: Vec<String>,
    /// Who there is, as the Registry says.
    people: Arc<People>,
}

impl Admitted {
    /// Whether it is somebody whom the Registry does not know.
    pub fn is_visitor(&self) -> bool {
        self.caller.group.as_str() == Identity::VISITOR && !self.caller.local
    }

    /// Who it is for the FileCatalog.
    pub fn principal(&self, app: &App) -> Principal {
        let wanted = &app.config.file_catalog.admin_property;
        let is_admin = self.properties.iter().any(|property| property == wanted);
        let administers = self.caller.permissions.contains(&Permission::Administer);
        Principal {
            is_admin: is_admin || (self.caller.local && administers),
            caller: self.caller.clone(),
            people: self.people.clone(),
        }
    }
}

/// Why somebody is not let in; for the log, never for the caller.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The token is not taken.
    #[error("the token: {0}")]
    Token(#[from] sbk_token::Refusal),
    /// The certificate has ended while the connection went on.
    #[error("the certificate of {0:?} has expired")]
    Expired(String),
    /// The registry or a rule says no.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// A name of the registry cannot be one here.
    #[error("the registry's {0}")]
    Name(sbk_model::Invalid),
}

/// Decides who callers are, and whether they may call.
#[derive(Debug)]
pub struct Authority {
    local: Caller,
    /// Nothing where callers are whoever is on this machine.
    state: Option<RwLock<Arc<Rulebook>>>,
    config: Config,
    calls: Arc<Mutex<HashMap<String, usize>>>,
    most_calls: usize,
}

impl Authority {
    /// Makes one for a configuration; without a registry, everybody is local.
    pub fn new(config: &Config, cfg: Option<&Cfg>) -> Result<Self, Error> {
        let identity = &config.identity;
        let permissions = identity.local_permissions.iter().copied();
        let state = cfg.map(|cfg| Rulebook::of(cfg, config)).transpose()?;
        Ok(Self {
            local: Caller::with(&identity.local_user, &identity.local_group, permissions),
            state: state.map(|state| RwLock::new(Arc::new(state))),
            config: config.clone(),
            calls: Arc::default(),
            most_calls: config.connections.max_requests_per_caller,
        })
    }

    /// Goes on with another content of the configuration; the former stays where it is wrong.
    pub fn replace(&self, cfg: &Cfg) -> Result<(), Error> {
        let Some(state) = &self.state else { return Ok(()) };
        let new = Rulebook::of(cfg, &self.config)?;
        *state.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(())
    }

    fn state(&self) -> Option<Arc<Rulebook>> {
        let state = self.state.as_ref()?;
        Some(state.read().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Whether connections from an address are refused.
    pub fn is_banned(&self, address: IpAddr) -> bool {
        self.state().is_some_and(|state| state.registry.is_banned(address))
    }

    /// Says who calls, and whether they may.
    pub fn admit(
        &self,
        face: Face,
        peer: &Peer,
        extra: &Value,
        method: Method<'_>,
        coded: Option<&str>,
        now: Timestamp,
    ) -> Result<Admitted, Refused> {
        let state = match (peer, self.state()) {
            (Peer::Local, _) | (_, None) => return Ok(self.admit_local()),
            (_, Some(state)) => state,
        };
        let certified = match peer {
            Peer::Certified(certified) => Some(&**certified),
            Peer::Local | Peer::Nobody => None,
            Peer::Bearer(token) => return state.admit_bearer(face, token, method, coded, now),
        };
        if let Some(ended) = certified.filter(|peer| !peer.is_valid_at(now)) {
            return Err(Refused::Expired(ended.dn.clone()));
        }
        let claim = claim(certified, extra_credentials(extra), now);
        let rules = state.rules_of(face);
        let admission = state.registry.authorise(rules, method, coded, &claim)?;
        let caller = state.caller(&admission.identity).map_err(Refused::Name)?;
        let credentials =
            credentials(certified, &admission.identity, &admission.properties, extra, now);
        let properties = admission.properties;
        Ok(Admitted { caller, credentials, properties, people: state.people.clone() })
    }

    fn admit_local(&self) -> Admitted {
        let credentials = Value::dict([
            ("username", Value::from(self.local.user.as_str())),
            ("group", Value::from(self.local.group.as_str())),
            ("properties", Value::List(Vec::new())),
        ]);
        Admitted {
            caller: self.local.clone(),
            credentials,
            properties: Vec::new(),
            people: Arc::default(),
        }
    }

    /// Counts a call of a caller until the place is dropped; `None` when too many are in progress.
    pub fn place(&self, caller: &Caller) -> Option<Place> {
        let name = format!("{}@{}", caller.user, caller.group);
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let count = calls.entry(name.clone()).or_default();
        if *count >= self.most_calls && !caller.local {
            return None;
        }
        *count += 1;
        Some(Place { calls: self.calls.clone(), name })
    }
}

/// A caller's place among the calls in progress.
#[derive(Debug)]
pub struct Place {
    calls: Arc<Mutex<HashMap<String, usize>>>,
    name: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = calls.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                calls.remove(&self.name);
            }
        }
    }
}

impl Rulebook {
    /// Says who bears a token. A user whom the registry knows by the token's DN is judged as
    /// with a certificate; for others the issuer's word holds.
    fn admit_bearer(
        &self,
        face: Face,
        token: &Verified,
        method: Method<'_>,
        coded: Option<&str>,
        now: Timestamp,
    ) -> Result<Admitted, Refused> {
        let claim =
            Claim { dn: Some(&token.dn), group: token.group.as_deref(), ..Claim::default() };
        let identity = match (self.registry.identify(&claim), &token.group) {
            (Err(denial), Some(group)) if denial.step() == Step::User => {
                self.on_the_issuer_s_word(token, group, &claim)
            }
            (identified, _) => identified?,
        };
        let properties = self.rules_of(face).allows(method, coded, &identity)?;
        let caller = self.caller(&identity).map_err(Refused::Name)?;
        let credentials = credentials(None, &identity, &properties, &Value::Null, now);
        Ok(Admitted { caller, credentials, properties, people: self.people.clone() })
    }

    fn on_the_issuer_s_word(&self, token: &Verified, group: &str, claim: &Claim<'_>) -> Identity {
        let known = self.registry.group(group);
        let properties = if token.properties.is_empty() {
            known.map(|group| group.properties.clone()).unwrap_or_default()
        } else {
            token.properties.clone()
        };
        Identity {
            kind: Kind::User,
            username: token.username.clone().unwrap_or_else(|| token.subject.clone()),
            group: group.to_owned(),
            properties,
            vo: token.vo.clone(),
            ..Identity::visitor(claim)
        }
    }
}

/// What a client sent beside its certificate.
fn extra_credentials(extra: &Value) -> ExtraCredentials<'_> {
    match extra {
        Value::Text(text) if text == "hosts" => ExtraCredentials::Hosts,
        Value::Text(text) if !text.is_empty() => ExtraCredentials::Group(text),
        Value::List(items) | Value::Tuple(items) => match items.as_slice() {
            [Value::Text(dn), Value::Text(group)] => ExtraCredentials::Delegated { dn, group },
            [Value::Text(group)] => ExtraCredentials::Group(group),
            _ => ExtraCredentials::None,
        },
        _ => ExtraCredentials::None,
    }
}

/// What `whoami` answers, with the keys that DIRAC's services have.
fn credentials(
    certified: Option<&Certified>,
    identity: &Identity,
    properties: &[String],
    extra: &Value,
    now: Timestamp,
) -> Value {
    let text = |text: &str| Value::from(text);
    let mut entries = Vec::new();
    if let Some(peer) = certified {
        let left = (peer.expires.micros() - now.micros()).max(0) / 1_000_000;
        entries.extend([
            ("subject", text(&peer.subject)),
            ("issuer", text(&peer.issuer)),
            ("secondsLeft", Value::Int(left)),
            ("isProxy", Value::Bool(peer.is_proxy)),
            ("isLimitedProxy", Value::Bool(peer.is_limited)),
            ("validDN", Value::Bool(false)),
            ("validGroup", Value::Bool(false)),
            ("DN", text(&identity.dn)),
        ]);
        if peer.is_proxy {
            entries.push(("identity", text(&identity.dn)));
        }
        if !peer.fqans_at(now).is_empty() {
            let fqans = peer.fqans_at(now).iter().map(|fqan| text(fqan)).collect();
            entries.push(("VOMS", Value::List(fqans)));
        }
    }
    entries.push(("group", text(&identity.group)));
    if let Some(vo) = &identity.vo {
        entries.push(("VO", text(vo)));
    }
    entries.push(("properties", Value::List(properties.iter().map(|p| text(p)).collect())));
    entries.push(("username", text(&identity.username)));
    if !matches!(extra, Value::Null) && extra.text() != Some("") {
        entries.push(("extraCredentials", extra.clone()));
    }
    Value::dict(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_so_many_places_and_no_more() {
        let mut config = Config::default();
        config.connections.max_requests_per_caller = 1;
        let authority = Authority::new(&config, None).unwrap();
        let alice = Caller { local: false, ..Caller::with("alice", "user", []) };
        let bob = Caller { local: false, ..Caller::with("bob", "user", []) };

        let first = authority.place(&alice);

        assert!(first.is_some());
        assert!(authority.place(&alice).is_none());
        assert!(authority.place(&bob).is_some());
        drop(first);
        assert!(authority.place(&alice).is_some());
    }
}
