//! The signature with which a peer shows in the handshake that it holds the key.
//!
//! rustls would read the certificate for it with webpki, which refuses proxies; so only the key is
//! taken from the certificate. Whether the certificate is to be trusted is judged elsewhere.

use rustls::{
    CertificateError, DigitallySignedStruct, Error, PeerMisbehaved,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::{CertificateDer, SubjectPublicKeyInfoDer},
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::der::{BIT_STRING, Reader, SEQUENCE};

const ENCODING: Error = Error::InvalidCertificate(CertificateError::BadEncoding);
const SIGNATURE: Error = Error::InvalidCertificate(CertificateError::BadSignature);

pub(super) fn verify_tls12(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = public_key(certificate)?;
    let mut parts =
        Reader::single(key, SEQUENCE).map(|all| Reader::new(all.content)).map_err(|_| ENCODING)?;
    let kind = parts.take(SEQUENCE).map_err(|_| ENCODING)?.content;
    let bits = parts.take(BIT_STRING).map_err(|_| ENCODING)?.content;
    let Some((0, bits)) = bits.split_first() else { return Err(ENCODING) };

    let (_, candidates) = algorithms
        .mapping
        .iter()
        .find(|(scheme, _)| *scheme == signed.scheme)
        .ok_or(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme)?;
    // In TLS 1.2 a scheme does not name the curve: any algorithm for such keys may be meant.
    let valid = candidates
        .iter()
        .filter(|algorithm| algorithm.public_key_alg_id().as_ref() == kind)
        .any(|algorithm| algorithm.verify_signature(bits, message, signed.signature()).is_ok());
    if valid { Ok(HandshakeSignatureValid::assertion()) } else { Err(SIGNATURE) }
}

pub(super) fn verify_tls13(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let key = SubjectPublicKeyInfoDer::from(public_key(certificate)?);
    verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
}

/// The `SubjectPublicKeyInfo` of a certificate.
pub(super) fn public_key<'a>(certificate: &'a CertificateDer<'_>) -> Result<&'a [u8], Error> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| ENCODING)?;
    Ok(parsed.tbs_certificate.subject_pki.raw)
}
