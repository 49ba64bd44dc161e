//! From a presented chain to a [`Peer`].

use sbk_model::Timestamp;

use crate::{
    Fingerprint, MAX_BYTES, MAX_CERTIFICATES, Peer, Refusal,
    certificate::Certificate,
    chain::Use,
    proxy::{Policy, read_group},
    trust::{Trust, verified},
    voms,
};

/// A peer, and until when the same chain gives the same peer.
pub(crate) struct Judged {
    pub peer: Peer,
    pub until: Timestamp,
}

/// Reads what was presented, within bounds.
pub(crate) fn read(chain: &[&[u8]]) -> Result<Vec<Certificate>, Refusal> {
    let bytes = chain.iter().map(|der| der.len()).sum();
    if chain.len() > MAX_CERTIFICATES || bytes > MAX_BYTES {
        return Err(Refusal::TooLong { certificates: chain.len(), bytes });
    }
    if chain.is_empty() {
        return Err(Refusal::NoCertificate);
    }
    let read_one = |(at, der): (usize, &&[u8])| {
        Certificate::from_der(der)
            .map_err(|reason| Refusal::Unreadable { position: at + 1, reason })
    };
    chain.iter().enumerate().map(read_one).collect()
}

/// Verifies a client's chain. All that the peer is comes from the verified chain, never from what
/// was presented.
pub(crate) fn judge(
    trust: &Trust<'_>,
    presented: &[&[u8]],
    now: Timestamp,
) -> Result<Judged, Refusal> {
    let shown = read(presented)?;
    let (chain, expires) = verified(trust, &shown, &Use::Client, now)?;
    check_strangers(&shown, &chain)?;
    let people = split(&chain)?;
    let is_limited = check_proxies(trust, &people)?;
    let group = group(&people)?;

    let mut peer = Peer {
        dn: people.user.subject.clone(),
        subject: people.leaf.subject.clone(),
        issuer: people.leaf.issuer.clone(),
        ca: people.user.issuer.clone(),
        is_proxy: !people.proxies.is_empty(),
        is_limited,
        group,
        expires,
        vo: None,
        fqans: Vec::new(),
        fqans_expire: None,
        voms_problem: None,
        fingerprint: Fingerprint::of(presented),
    };
    let until = add_attributes(trust, &people, &mut peer, now);
    Ok(Judged { peer, until })
}

/// Refuses certificates of users and proxies that are no part of the verified chain: nobody honest
/// presents them. Certificates of CAs may be sent in vain.
fn check_strangers(shown: &[Certificate], chain: &[Certificate]) -> Result<(), Refusal> {
    let is_stranger =
        |one: &&Certificate| !one.is_ca && !chain.iter().any(|other| other.x509 == one.x509);
    match shown.iter().find(is_stranger) {
        Some(stranger) => Err(Refusal::Stranger { subject: stranger.subject.clone() }),
        None => Ok(()),
    }
}

/// Who stands in a verified chain.
pub(crate) struct People<'a> {
    pub leaf: &'a Certificate,
    /// From the leaf to the user.
    pub proxies: &'a [Certificate],
    pub user: &'a Certificate,
}

/// Parts a verified chain into proxies and user, who is the first that is no proxy.
pub(crate) fn split(chain: &[Certificate]) -> Result<People<'_>, Refusal> {
    let leaf = chain.first().ok_or(Refusal::NoCertificate)?;
    let depth = chain.iter().take_while(|certificate| certificate.proxy.is_some()).count();
    let missing =
        || Refusal::MissingIssuer { subject: leaf.subject.clone(), issuer: leaf.issuer.clone() };
    let user = chain.get(depth).ok_or_else(missing)?;
    if user.is_ca {
        return Err(Refusal::IsACa { subject: user.subject.clone() });
    }
    Ok(People { leaf, proxies: chain.get(..depth).unwrap_or_default(), user })
}

/// Applies the rules that are not OpenSSL's, and says whether there is a limited proxy.
fn check_proxies(trust: &Trust<'_>, people: &People<'_>) -> Result<bool, Refusal> {
    let (depth, limit) = (people.proxies.len(), trust.settings.proxy_depth);
    if depth > limit {
        return Err(Refusal::TooDeep { subject: people.user.subject.clone(), depth, limit });
    }
    let mut is_limited = false;
    for proxy in people.proxies.iter().rev() {
        match &proxy.proxy {
            Some(Policy::Limited) => is_limited = true,
            Some(Policy::Full) if is_limited => {
                return Err(Refusal::FullFromLimited { subject: proxy.subject.clone() });
            }
            Some(Policy::Other(language)) => {
                return Err(Refusal::ProxyPolicy {
                    subject: proxy.subject.clone(),
                    language: language.clone(),
                });
            }
            Some(Policy::Full) | None => {}
        }
    }
    Ok(is_limited)
}

/// The group of the proxy nearest to the user that has one: a delegation cannot change it.
fn group(people: &People<'_>) -> Result<Option<String>, Refusal> {
    let first = people.proxies.iter().rev().find_map(|proxy| Some((proxy, proxy.group.as_ref()?)));
    let Some((proxy, bytes)) = first else { return Ok(None) };
    read_group(bytes).map(Some).map_err(|error| Refusal::Group {
        subject: proxy.subject.clone(),
        reason: error.to_string(),
    })
}

/// Verifies the VOMS attributes of the proxy nearest to the leaf that has some, and returns until
/// when the peer stays as it is.
fn add_attributes(
    trust: &Trust<'_>,
    people: &People<'_>,
    peer: &mut Peer,
    now: Timestamp,
) -> Timestamp {
    let Some(extension) = people.proxies.iter().find_map(|proxy| proxy.voms.as_ref()) else {
        return peer.expires;
    };
    match voms::verify(trust, extension, people.user, now) {
        Ok(attributes) => {
            peer.vo = Some(attributes.vo);
            peer.fqans = attributes.fqans;
            peer.fqans_expire = Some(attributes.until);
            peer.expires.min(attributes.until)
        }
        Err(problem) => {
            peer.voms_problem = Some(problem);
            // The problem may pass, as attributes begin to hold; a minute's delay is bearable.
            peer.expires.min(now.plus_seconds(60))
        }
    }
}
