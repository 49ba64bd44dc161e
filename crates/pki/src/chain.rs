//! The chain from a certificate to a trusted CA, as OpenSSL builds and verifies it.

use openssl::{
    error::ErrorStack,
    stack::Stack,
    x509::{
        X509, X509PurposeId, X509StoreContext, X509StoreContextRef, X509VerifyResult,
        store::{X509Store, X509StoreBuilder},
        verify::{X509CheckFlags, X509VerifyFlags, X509VerifyParam},
    },
};
use openssl_sys as codes;
use sbk_model::Timestamp;

use crate::{Host, Refusal, anchors::Anchors, certificate::Certificate};

/// Missing from `openssl-sys`: a proxy is not named after its issuer.
const PROXY_SUBJECT_NAME_VIOLATION: i32 = 72;

/// OpenSSL's level 2: keys and signatures of 112 bits of security, RSA of 2048 bits, no SHA-1.
const SECURITY_LEVEL: i32 = 2;

/// What a certificate is to be used for.
#[derive(Debug, Clone)]
pub(crate) enum Use {
    /// A TLS client, perhaps with proxies.
    Client,
    /// The TLS server of this name.
    Server(Host),
    /// Signing attribute certificates.
    Attributes,
}

/// The chain from the first of `presented` to a trusted CA, the others being helpers.
///
/// Only what is returned was verified; `presented` may hold certificates that have no part in it.
pub(crate) fn build(
    anchors: &Anchors,
    presented: &[Certificate],
    usage: &Use,
    now: Timestamp,
) -> Result<Vec<Certificate>, Refusal> {
    let (leaf, others) = presented.split_first().ok_or(Refusal::NoCertificate)?;
    let internal = |error: ErrorStack| Refusal::Other {
        subject: leaf.subject.clone(),
        reason: error.to_string(),
    };
    let store = store(anchors, presented, usage, now).map_err(internal)?;
    let mut untrusted = Stack::new().map_err(internal)?;
    for other in others {
        untrusted.push(other.x509.clone()).map_err(internal)?;
    }

    let mut context = X509StoreContext::new().map_err(internal)?;
    context
        .init(&store, &leaf.x509, &untrusted, |context| {
            let verified = context.verify_cert()?;
            Ok(if verified { read_chain(context) } else { Err(refusal(context, leaf, usage)) })
        })
        .map_err(internal)?
}

/// A store with those trusted CAs that may have a part in the chain.
///
/// The time belongs to the store, so that each verification has one of its own; it holds few
/// certificates, for OpenSSL sorts a store anew for each that it takes.
fn store(
    anchors: &Anchors,
    presented: &[Certificate],
    usage: &Use,
    now: Timestamp,
) -> Result<X509Store, ErrorStack> {
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(now.micros().div_euclid(1_000_000));
    parameters.set_auth_level(SECURITY_LEVEL);
    match usage {
        Use::Client => {
            parameters.set_flags(X509VerifyFlags::ALLOW_PROXY_CERTS)?;
            parameters.set_purpose(X509PurposeId::SSL_CLIENT)?;
        }
        Use::Server(host) => {
            parameters.set_purpose(X509PurposeId::SSL_SERVER)?;
            parameters.set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            match host {
                Host::Name(name) => parameters.set_host(name)?,
                Host::Address(address) => parameters.set_ip(*address)?,
            }
        }
        Use::Attributes => parameters.set_purpose(X509PurposeId::ANY)?,
    }
    let mut store = X509StoreBuilder::new()?;
    store.set_param(&parameters)?;
    for anchor in anchors.for_chain(presented) {
        store.add_cert(anchor.clone())?;
    }
    Ok(store.build())
}

fn read_chain(context: &X509StoreContextRef) -> Result<Vec<Certificate>, Refusal> {
    let chain = context.chain().ok_or(Refusal::NoCertificate)?;
    chain.iter().enumerate().map(|(at, x509)| read(at, &x509.to_owned())).collect()
}

fn read(at: usize, x509: &X509) -> Result<Certificate, Refusal> {
    Certificate::of(x509).map_err(|reason| Refusal::Unreadable { position: at + 1, reason })
}

/// What OpenSSL's verdict says to the one concerned.
fn refusal(context: &X509StoreContextRef, leaf: &Certificate, usage: &Use) -> Refusal {
    let result = context.error();
    let concerned = context
        .current_cert()
        .and_then(|x509| Certificate::of(&x509.to_owned()).ok())
        .unwrap_or_else(|| leaf.clone());
    translate(result, concerned, usage)
}

fn translate(result: X509VerifyResult, concerned: Certificate, usage: &Use) -> Refusal {
    let is_self_issued = concerned.is_self_issued();
    let Certificate { subject, issuer, .. } = concerned;
    match result.as_raw() {
        codes::X509_V_ERR_CERT_HAS_EXPIRED => Refusal::Expired { subject, since: concerned.until },
        codes::X509_V_ERR_CERT_NOT_YET_VALID => {
            Refusal::NotYetValid { subject, from: concerned.from }
        }
        codes::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
        | codes::X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        | codes::X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE
        | codes::X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
        | codes::X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN => {
            if concerned.proxy.is_some() && is_self_issued {
                Refusal::ProxyName { subject, issuer }
            } else if concerned.proxy.is_some() {
                Refusal::MissingIssuer { subject, issuer }
            } else {
                Refusal::UnknownCa { subject, issuer }
            }
        }
        codes::X509_V_ERR_CERT_SIGNATURE_FAILURE
        | codes::X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE
        | codes::X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY => {
            Refusal::BadSignature { subject, issuer }
        }
        codes::X509_V_ERR_PATH_LENGTH_EXCEEDED
        | codes::X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED
        | codes::X509_V_ERR_CERT_CHAIN_TOO_LONG => Refusal::PathLength { subject },
        codes::X509_V_ERR_INVALID_CA
        | codes::X509_V_ERR_INVALID_NON_CA
        | codes::X509_V_ERR_KEYUSAGE_NO_CERTSIGN
        | codes::X509_V_ERR_KEYUSAGE_NO_DIGITAL_SIGNATURE => Refusal::NotACa { subject },
        PROXY_SUBJECT_NAME_VIOLATION => Refusal::ProxyName { subject, issuer },
        codes::X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION | codes::X509_V_ERR_INVALID_EXTENSION => {
            Refusal::Extension { subject }
        }
        codes::X509_V_ERR_INVALID_PURPOSE
        | codes::X509_V_ERR_CERT_UNTRUSTED
        | codes::X509_V_ERR_CERT_REJECTED
        | codes::X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED => Refusal::Purpose { subject },
        codes::X509_V_ERR_EE_KEY_TOO_SMALL
        | codes::X509_V_ERR_CA_KEY_TOO_SMALL
        | codes::X509_V_ERR_CA_MD_TOO_WEAK => Refusal::Weak { subject },
        codes::X509_V_ERR_PERMITTED_VIOLATION | codes::X509_V_ERR_EXCLUDED_VIOLATION => {
            Refusal::Namespace { subject, issuer, reason: "its name constraints".to_owned() }
        }
        codes::X509_V_ERR_HOSTNAME_MISMATCH | codes::X509_V_ERR_IP_ADDRESS_MISMATCH => {
            let host = match usage {
                Use::Server(host) => host.to_string(),
                Use::Client | Use::Attributes => String::new(),
            };
            Refusal::WrongHost { subject, host }
        }
        _ => Refusal::Other { subject, reason: result.error_string().to_owned() },
    }
}
