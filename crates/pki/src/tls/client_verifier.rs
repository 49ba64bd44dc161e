use std::{fmt, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use sbk_model::Timestamp;

use super::{chain, moment, signature};
use crate::{Peer, Refusal, TrustStore};

type Observer = dyn Fn(&Refusal) + Send + Sync;

/// Lets those clients in whose certificate or proxy the store takes.
pub struct ClientVerifier {
    store: Arc<TrustStore>,
    mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
    observer: Option<Box<Observer>>,
}

impl ClientVerifier {
    /// Makes a verifier. Where a certificate is not mandatory, a client may come without one; one
    /// that it presents must be good all the same.
    pub fn new(store: Arc<TrustStore>, mandatory: bool) -> Self {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Self { store, mandatory, algorithms, observer: None }
    }

    /// Has each refusal told to `observer`, such as a log: rustls keeps only its kind.
    #[must_use]
    pub fn on_refusal(mut self, observer: impl Fn(&Refusal) + Send + Sync + 'static) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }
}

impl TrustStore {
    /// Says who the peer of a connection is, whose certificates are those that rustls hands out
    /// after the handshake. A verification of a moment ago is not repeated.
    ///
    /// # Errors
    ///
    /// The chain is not taken any more.
    pub fn peer_of(
        &self,
        certificates: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<Arc<Peer>, Refusal> {
        let (first, others) = certificates.split_first().ok_or(Refusal::NoCertificate)?;
        self.verify(&chain(first, others), now)
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // A list of all CAs would be long, and clients have but one certificate to choose.
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.store.verify(&chain(end_entity, intermediates), moment(now)) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refusal) => {
                if let Some(observer) = &self.observer {
                    observer(&refusal);
                }
                Err(CertificateError::from(refusal).into())
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::verify_tls12(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        signature::verify_tls13(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl fmt::Debug for ClientVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientVerifier").field("mandatory", &self.mandatory).finish_non_exhaustive()
    }
}
