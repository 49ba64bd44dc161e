use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use openssl::{
    ec::{EcGroup, EcKey},
    nid::Nid,
    pkey::{PKey, Private},
    rsa::Rsa,
    x509::X509,
};

use super::ProxyBuilder;

/// A certificate or proxy with its key and the certificates that issued it.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: X509,
    /// Its key.
    pub key: PKey<Private>,
    /// What is presented after the certificate: for a proxy down to the user's certificate, for
    /// others the intermediate CAs.
    pub issuers: Vec<X509>,
}

impl Identity {
    /// Begins a proxy of this user or proxy.
    pub fn proxy(&self) -> ProxyBuilder<'_> {
        ProxyBuilder::new(self)
    }

    /// The chain as it is presented, in DER.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        self.certificates().map(|x509| x509.to_der().expect("a certificate has a DER")).collect()
    }

    /// The certificate and those that issued it, as PEM.
    pub fn certificate_pem(&self) -> Vec<u8> {
        self.certificates().flat_map(|x509| x509.to_pem().expect("it has a PEM")).collect()
    }

    /// The key, as PEM.
    pub fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().expect("a key has a PEM")
    }

    /// The file that DIRAC and Globus call a proxy: certificate, key, issuing certificates.
    pub fn proxy_pem(&self) -> Vec<u8> {
        let mut pem = self.certificate.to_pem().expect("a certificate has a PEM");
        pem.extend(self.key_pem());
        pem.extend(self.issuers.iter().flat_map(|x509| x509.to_pem().expect("it has a PEM")));
        pem
    }

    /// Writes the proxy file, readable to its owner only.
    pub fn write_proxy(&self, path: &Path) {
        write_private(path, &self.proxy_pem());
    }

    /// Writes certificate and key into two files.
    pub fn write(&self, certificate: &Path, key: &Path) {
        fs::write(certificate, self.certificate_pem()).expect("the test's directory is ours");
        write_private(key, &self.key_pem());
    }

    fn certificates(&self) -> impl Iterator<Item = &X509> {
        std::iter::once(&self.certificate).chain(&self.issuers)
    }
}

fn write_private(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("the test's directory is ours");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the file is ours");
}

pub(super) fn new_key() -> PKey<Private> {
    EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)
        .and_then(|group| EcKey::generate(&group))
        .and_then(PKey::from_ec_key)
        .expect("OpenSSL makes keys")
}

pub(super) fn new_rsa_key(bits: u32) -> PKey<Private> {
    Rsa::generate(bits).and_then(PKey::from_rsa).expect("OpenSSL makes keys")
}
