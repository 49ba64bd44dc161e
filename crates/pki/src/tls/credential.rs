use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::signature::public_key;
use crate::Error;

/// A certificate or proxy with its key, to be presented to servers.
#[derive(Debug, Clone)]
pub struct Credential(Arc<CertifiedKey>);

impl Credential {
    /// Reads a certificate, followed by those that issued it, and its key, both as PEM.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or the key is encrypted or is not that of the certificate.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, Error> {
        read(certificate, key).map(Self)
    }

    /// Reads a proxy file: the proxy, its key, and the certificates that issued it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or the key is not that of the proxy.
    pub fn from_proxy(file: &Path) -> Result<Self, Error> {
        read(file, file).map(Self)
    }
}

/// Reads the certificates in a PEM file, in DER and in their order, whatever else it holds.
///
/// # Errors
///
/// The file cannot be read, or holds no certificate.
pub fn read_certificates(file: &Path) -> Result<Vec<Vec<u8>>, Error> {
    Ok(certificates(file)?.iter().map(|certificate| certificate.to_vec()).collect())
}

impl ResolvesClientCert for Credential {
    fn resolve(
        &self,
        _root_hint_subjects: &[&[u8]],
        _sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A server's certificate and key, which can be read anew while connections go on.
#[derive(Debug)]
pub struct HostKey {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl HostKey {
    /// Reads a certificate, followed by those that issued it, and its key, both as PEM.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or the key is encrypted or is not that of the certificate.
    pub fn open(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Error> {
        let (certificate, key) = (certificate.into(), key.into());
        let current = RwLock::new(read(&certificate, &key)?);
        Ok(Self { certificate, key, current })
    }

    /// Reads the files anew, for connections to come. If that fails, the former stay in use.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn reload(&self) -> Result<(), Error> {
        let read = read(&self.certificate, &self.key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }
}

impl ResolvesServerCert for HostKey {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn failed(path: &Path, reason: String) -> Error {
    Error::Credential { path: path.to_owned(), reason }
}

fn pem(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| failed(path, error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| failed(path, error.to_string()))?;
    if chain.is_empty() {
        return Err(failed(path, "it holds no certificate".to_owned()));
    }
    Ok(chain)
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Error> {
    let chain = certificates(certificate)?;
    let first =
        chain.first().ok_or_else(|| failed(certificate, "it holds no certificate".to_owned()))?;
    let private = PrivateKeyDer::from_pem_slice(&pem(key)?)
        .map_err(|_| failed(key, "it holds no key, or an encrypted one".to_owned()))?;
    let signer = aws_lc_rs::default_provider()
        .key_provider
        .load_private_key(private)
        .map_err(|error| failed(key, error.to_string()))?;
    // rustls would compare the two by reading the certificate with webpki, which refuses proxies.
    let theirs = public_key(first).map_err(|error| failed(certificate, error.to_string()))?;
    if signer.public_key().is_none_or(|ours| ours.as_ref() != theirs) {
        return Err(failed(key, "it is not the key of the certificate".to_owned()));
    }
    Ok(Arc::new(CertifiedKey::new(chain, signer)))
}
