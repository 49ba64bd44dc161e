//! Certificate authorities, users, hosts and proxies for tests.
//!
//! ```no_run
//! # let directory = tempfile::tempdir().expect("a temporary directory");
//! let pki = sbk_testkit::pki::TestPki::new(directory.path());
//! let alice = pki.user("alice");
//! let proxy = alice.proxy().group("prod").limited().build();
//! proxy.write_proxy(&directory.path().join("x509up"));
//! ```
//!
//! Certificates are valid from an hour ago for a month unless told otherwise, and keys are P-256,
//! which are made at once. Times are seconds since 1970.

mod authority;
mod der;
mod identity;
mod proxy;
mod voms;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

pub use authority::{Authority, Request};
pub use identity::Identity;
pub use openssl::x509::X509;
pub use proxy::ProxyBuilder;
pub use voms::{AttributeBuilder, VomsServer};

/// The seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// A CA and a directory in which it is trusted.
#[derive(Debug)]
pub struct TestPki {
    root: PathBuf,
    ca: Authority,
}

impl TestPki {
    /// Makes a CA, `/C=ch/O=SBK/CN=Test CA`, and below `root` the directories `certificates`, in
    /// which it is trusted, and `vomsdir`.
    pub fn new(root: &Path) -> Self {
        let pki = Self { root: root.to_owned(), ca: Authority::root("Test CA") };
        for directory in [pki.directory(), pki.vomsdir()] {
            fs::create_dir_all(directory).expect("the test's directory is ours");
        }
        pki.install(&pki.ca);
        pki
    }

    /// The CA directory.
    pub fn directory(&self) -> PathBuf {
        self.root.join("certificates")
    }

    /// The directory of VOMS servers, at first empty.
    pub fn vomsdir(&self) -> PathBuf {
        self.root.join("vomsdir")
    }

    /// The CA.
    pub fn ca(&self) -> &Authority {
        &self.ca
    }

    /// A user, `/C=ch/O=SBK/CN=<name>`, whose certificate the CA issued.
    pub fn user(&self, name: &str) -> Identity {
        self.ca.issue(&Request::user(name))
    }

    /// The host localhost with the addresses `127.0.0.1` and `::1`.
    pub fn host(&self) -> Identity {
        self.ca.issue(&Request::host("localhost"))
    }

    /// Trusts a CA: writes `<hash>.0`.
    pub fn install(&self, authority: &Authority) -> PathBuf {
        self.write(&format!("{}.0", authority.hash()), &authority.certificate_pem())
    }

    /// Writes a CA's `<hash>.r0`, which lists `revoked` and holds for a week from an hour ago.
    pub fn install_crl(&self, authority: &Authority, revoked: &[&X509]) -> PathBuf {
        let now = now();
        self.write_crl(authority, &authority.crl(revoked, now - 3600, now + 7 * 86_400))
    }

    /// Writes a CA's `<hash>.r0` with any content.
    pub fn write_crl(&self, authority: &Authority, content: &[u8]) -> PathBuf {
        self.write(&format!("{}.r0", authority.hash()), content)
    }

    /// Writes a CA's `<hash>.signing_policy`, which lets it issue names that fit `pattern`.
    pub fn install_policy(&self, authority: &Authority, pattern: &str) -> PathBuf {
        let text = format!(
            "access_id_CA X509 '{}'\npos_rights globus CA:sign\ncond_subjects globus '\"{pattern}\"'\n",
            authority.dn()
        );
        self.write(&format!("{}.signing_policy", authority.hash()), text.as_bytes())
    }

    /// Makes a VOMS server whose certificate the CA issued, and writes its `<vo>/<host>.lsc`.
    pub fn voms_server(&self, vo: &str, host: &str) -> VomsServer {
        let server = VomsServer::new(self.ca.issue(&Request::host(host)), vo, host);
        let directory = self.vomsdir().join(vo);
        fs::create_dir_all(&directory).expect("the test's directory is ours");
        let text = format!("/C=ch/O=SBK/CN={host}\n{}\n", self.ca.dn());
        fs::write(directory.join(format!("{host}.lsc")), text)
            .expect("the test's directory is ours");
        server
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.directory().join(name);
        fs::write(&path, content).expect("the test's directory is ours");
        path
    }
}
