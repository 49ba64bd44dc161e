use std::collections::{HashMap, HashSet};

use openssl::x509::{X509, X509Ref};

use crate::certificate::Certificate;

/// The trusted CAs, found by OpenSSL's hash of their subject.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    by_subject: HashMap<u32, Vec<Anchor>>,
    count: usize,
}

/// A trusted CA, and the file that it stands in.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub x509: X509,
    pub file: String,
}

impl Anchors {
    /// Takes a CA in, and says whether it is new.
    pub fn add(&mut self, x509: X509, file: &str) -> bool {
        let same = self.by_subject.entry(x509.subject_name_hash()).or_default();
        if same.iter().any(|anchor| anchor.x509 == x509) {
            return false;
        }
        same.push(Anchor { x509, file: file.to_owned() });
        self.count += 1;
        true
    }

    pub fn len(&self) -> usize {
        self.count
    }

    /// The file in which this very certificate stands.
    pub fn file_of(&self, x509: &X509Ref) -> Option<&str> {
        let same = self.by_subject.get(&x509.subject_name_hash())?;
        same.iter().find(|anchor| &*anchor.x509 == x509).map(|anchor| anchor.file.as_str())
    }

    /// The CAs that may have issued one of these certificates, and those that may have issued them.
    pub fn for_chain(&self, presented: &[Certificate]) -> Vec<&X509> {
        let mut wanted: Vec<u32> =
            presented.iter().map(|certificate| certificate.x509.issuer_name_hash()).collect();
        wanted.extend(presented.iter().map(|certificate| certificate.x509.subject_name_hash()));
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while let Some(hash) = wanted.pop() {
            if !seen.insert(hash) {
                continue;
            }
            for anchor in self.by_subject.get(&hash).into_iter().flatten() {
                wanted.push(anchor.x509.issuer_name_hash());
                found.push(&anchor.x509);
            }
        }
        found
    }
}
