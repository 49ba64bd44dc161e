use openssl::{asn1::Asn1Time, hash::MessageDigest, sign::Signer};

use super::{
    Identity,
    der::{element, octets, oid, sequence},
    now,
};

const FQANS: &str = "1.3.6.1.4.1.8005.100.100.4";
const SIGNERS: &str = "1.3.6.1.4.1.8005.100.100.10";

/// A VOMS server, which signs attributes of users.
#[derive(Debug, Clone)]
pub struct VomsServer {
    /// Its certificate and key.
    pub identity: Identity,
    vo: String,
    host: String,
}

impl VomsServer {
    /// Makes a server of a VO. Where it is trusted is for others to say.
    pub fn new(identity: Identity, vo: &str, host: &str) -> Self {
        Self { identity, vo: vo.to_owned(), host: host.to_owned() }
    }

    /// Begins attributes of a user, which hold from a quarter of an hour ago for half a day.
    pub fn attributes<'a>(&'a self, holder: &'a Identity, fqans: &[&str]) -> AttributeBuilder<'a> {
        AttributeBuilder {
            server: self,
            holder,
            fqans: fqans.iter().map(|fqan| (*fqan).to_owned()).collect(),
            from: now() - 900,
            until: now() + 43_200,
            signer: &self.identity,
            digest: 256,
            critical: None,
            by_subject: false,
        }
    }
}

/// Attributes to be signed, good or hostile.
#[derive(Debug)]
pub struct AttributeBuilder<'a> {
    server: &'a VomsServer,
    holder: &'a Identity,
    fqans: Vec<String>,
    from: i64,
    until: i64,
    signer: &'a Identity,
    digest: u32,
    critical: Option<String>,
    by_subject: bool,
}

impl<'a> AttributeBuilder<'a> {
    /// For another time.
    #[must_use]
    pub fn valid(mut self, from: i64, until: i64) -> Self {
        (self.from, self.until) = (from, until);
        self
    }

    /// Signed with the key of another, although the server's certificate is attached.
    #[must_use]
    pub fn signed_by(mut self, other: &'a Identity) -> Self {
        self.signer = other;
        self
    }

    /// Signed with SHA-1.
    #[must_use]
    pub fn sha1(mut self) -> Self {
        self.digest = 1;
        self
    }

    /// With a critical extension of this number.
    #[must_use]
    pub fn critical(mut self, oid: &str) -> Self {
        self.critical = Some(oid.to_owned());
        self
    }

    /// With the holder's subject where its issuer should be, as some servers write it.
    #[must_use]
    pub fn by_subject(mut self) -> Self {
        self.by_subject = true;
        self
    }

    /// The content of a proxy's VOMS extension.
    pub fn build(self) -> Vec<u8> {
        let (number, digest) = match (self.digest, self.signer.key.rsa()) {
            (1, _) => ("1.2.840.10045.4.1", MessageDigest::sha1()),
            (_, Ok(_)) => ("1.2.840.113549.1.1.11", MessageDigest::sha256()),
            (_, Err(_)) => ("1.2.840.10045.4.3.2", MessageDigest::sha256()),
        };
        let algorithm = sequence(&[&oid(number)]);
        let info = self.info(&algorithm);
        let signature = Signer::new(digest, &self.signer.key)
            .and_then(|mut signer| signer.sign_oneshot_to_vec(&info))
            .expect("OpenSSL signs");
        let ac = sequence(&[&info, &algorithm, &element(0x03, &[&[0], &signature])]);
        sequence(&[&sequence(&[&ac])])
    }

    fn info(&self, algorithm: &[u8]) -> Vec<u8> {
        let user = &self.holder.certificate;
        let name = |name: &openssl::x509::X509NameRef| {
            sequence(&[&element(0xa4, &[&name.to_der().expect("a name has a DER")])])
        };
        let serial = user.serial_number().to_bn().expect("a serial number is a number").to_vec();
        let padding: &[u8] =
            if serial.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
        let serial = element(0x02, &[padding, &serial]);
        let named = if self.by_subject { user.subject_name() } else { user.issuer_name() };
        let holder = sequence(&[&element(0xa0, &[&name(named), &serial])]);
        let issuer = element(0xa0, &[&name(self.server.identity.certificate.subject_name())]);
        let validity = sequence(&[&time(self.from), &time(self.until)]);
        sequence(&[
            &element(0x02, &[&[1]]),
            &holder,
            &issuer,
            algorithm,
            &element(0x02, &[&[7]]),
            &validity,
            &self.statement(),
            &self.extensions(),
        ])
    }

    fn statement(&self) -> Vec<u8> {
        let address = format!("{}://{}:15000", self.server.vo, self.server.host);
        let authority = element(0xa0, &[&element(0x86, &[address.as_bytes()])]);
        let fqans: Vec<u8> = self.fqans.iter().flat_map(|fqan| octets(fqan.as_bytes())).collect();
        let syntax = sequence(&[&authority, &sequence(&[&fqans])]);
        sequence(&[&sequence(&[&oid(FQANS), &element(0x31, &[&syntax])])])
    }

    fn extensions(&self) -> Vec<u8> {
        let server = self.server.identity.chain().concat();
        let signers = octets(&sequence(&[&sequence(&[&server])]));
        let mut all = sequence(&[&oid(SIGNERS), &signers]);
        if let Some(critical) = &self.critical {
            let flag = element(0x01, &[&[0xff]]);
            all.extend(sequence(&[&oid(critical), &flag, &octets(&[5, 0])]));
        }
        sequence(&[&all])
    }
}

fn time(seconds: i64) -> Vec<u8> {
    // OpenSSL prints `Nov 24 01:02:03 2026 GMT`; attribute certificates want digits.
    let text = Asn1Time::from_unix(seconds).expect("tests use valid times").to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let [month, day, clock, year, ..] = words.as_slice() else {
        unreachable!("OpenSSL's own form")
    };
    let month = months.find(month).map_or(0, |at| at / 3 + 1);
    let digits = format!("{year}{month:02}{day:0>2}{}Z", clock.replace(':', ""));
    element(0x18, &[digits.as_bytes()])
}
