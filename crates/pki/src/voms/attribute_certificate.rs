//! The layout of VOMS attribute certificates, RFC 5755 and GFD 182.

use openssl::asn1::Asn1Time;
use sbk_model::Timestamp;

use crate::{
    certificate::moment,
    der::{
        BIT_STRING, BOOLEAN, DerError, Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID,
        Reader, SEQUENCE, SET, UTF8_STRING, dotted,
    },
    name::one_line_of,
};

const FQANS: &str = "1.3.6.1.4.1.8005.100.100.4";
const SIGNERS: &str = "1.3.6.1.4.1.8005.100.100.10";
/// What VOMS puts there as critical and that asks for nothing: tags, signers, no revocation.
const UNDERSTOOD: [&str; 4] = ["1.3.6.1.4.1.8005.100.100.11", SIGNERS, "2.5.29.56", "2.5.29.35"];

/// A constructed element of the number 0 or 4 within a choice, and a primitive one of the number 6.
const CHOICE_0: u8 = 0xa0;
const CHOICE_4: u8 = 0xa4;
const CHOICE_6: u8 = 0x86;

const MAX_CERTIFICATES: usize = 16;
const MAX_FQANS: usize = 512;
const MAX_FQAN: usize = 1024;
const MAX_SIGNERS: usize = 8;

/// An attribute certificate as it stands, nothing of it verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeCertificate {
    /// The issuer of the holder's certificate, or, from some servers, its subject.
    pub holder_name: String,
    /// The serial number of the holder's certificate, as its DER has it.
    pub holder_serial: Vec<u8>,
    /// The subject of the signer.
    pub issuer: String,
    /// When it begins to hold.
    pub from: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// The VO.
    pub vo: String,
    /// The VO's VOMS server.
    pub host: String,
    /// Groups and roles within the VO, the primary first.
    pub fqans: Vec<String>,
    /// The signer's certificate and those that issued it.
    pub certificates: Vec<Vec<u8>>,
    /// A critical extension that is not understood.
    pub not_understood: Option<String>,
    /// The number of the signature's algorithm.
    pub algorithm: String,
    /// The bytes that are signed.
    pub signed: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

/// Reads the content of a proxy's VOMS extension.
///
/// # Errors
///
/// The bytes are not laid out as a sequence of a sequence of attribute certificates, or have more
/// parts than is sensible.
pub fn read_attribute_certificates(bytes: &[u8]) -> Result<Vec<AttributeCertificate>, DerError> {
    let mut outer = Reader::new(Reader::single(bytes, SEQUENCE)?.content);
    let mut inner = outer.enter(SEQUENCE)?;
    outer.end()?;
    let mut found = Vec::new();
    while !inner.is_empty() {
        if found.len() == MAX_CERTIFICATES {
            return Err(DerError::Value("there are too many attribute certificates"));
        }
        found.push(certificate(inner.enter(SEQUENCE)?)?);
    }
    Ok(found)
}

fn certificate(mut reader: Reader<'_>) -> Result<AttributeCertificate, DerError> {
    let signed = reader.take(SEQUENCE)?;
    let algorithm = reader.take(SEQUENCE)?;
    let signature = reader.take(BIT_STRING)?.content;
    reader.end()?;
    let (unused, signature) = signature.split_first().ok_or(DerError::Truncated)?;
    if *unused != 0 {
        return Err(DerError::Value("a signature is not made of whole bytes"));
    }

    let mut info = Reader::new(signed.content);
    if info.take(INTEGER)?.content != [1] {
        return Err(DerError::Value("an attribute certificate is not of version 2"));
    }
    let (holder_name, holder_serial) = holder(info.enter(SEQUENCE)?)?;
    let issuer = directory_name(info.enter(CHOICE_0)?.enter(SEQUENCE)?)?;
    if info.take(SEQUENCE)?.whole != algorithm.whole {
        return Err(DerError::Value("the two signature algorithms differ"));
    }
    info.take(INTEGER)?;
    let mut validity = info.enter(SEQUENCE)?;
    let from = time(validity.take(GENERALIZED_TIME)?)?;
    let until = time(validity.take(GENERALIZED_TIME)?)?;
    validity.end()?;
    let Statement { vo, host, fqans } = attributes(info.enter(SEQUENCE)?)?;
    info.optional(BIT_STRING)?;
    let extensions = info.optional(SEQUENCE)?;
    info.end()?;
    let (certificates, not_understood) = match extensions {
        Some(extensions) => read_extensions(Reader::new(extensions.content))?,
        None => (Vec::new(), None),
    };
    Ok(AttributeCertificate {
        holder_name,
        holder_serial,
        issuer,
        from,
        until,
        vo,
        host,
        fqans,
        certificates,
        not_understood,
        algorithm: dotted(Reader::new(algorithm.content).take(OID)?.content)?,
        signed: signed.whole.to_vec(),
        signature: signature.to_vec(),
    })
}

/// The holder, named by issuer and serial number.
fn holder(mut reader: Reader<'_>) -> Result<(String, Vec<u8>), DerError> {
    let mut base = reader.enter(CHOICE_0)?;
    reader.end()?;
    let name = directory_name(base.enter(SEQUENCE)?)?;
    let serial = base.take(INTEGER)?.content.to_vec();
    base.optional(BIT_STRING)?;
    base.end()?;
    Ok((name, serial))
}

/// The one name of a list of general names.
fn directory_name(mut names: Reader<'_>) -> Result<String, DerError> {
    let mut choice = names.enter(CHOICE_4)?;
    names.end()?;
    let name = choice.take(SEQUENCE)?;
    choice.end()?;
    one_line_of(name.whole)
}

fn time(element: Element<'_>) -> Result<Timestamp, DerError> {
    const INVALID: DerError = DerError::Value("a time is not valid");

    let text = std::str::from_utf8(element.content).map_err(|_| INVALID)?;
    let digits = text.strip_suffix('Z').ok_or(INVALID)?;
    if digits.len() != 14 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(INVALID);
    }
    let time = Asn1Time::from_str(text).map_err(|_| INVALID)?;
    moment(&time).map_err(|_| INVALID)
}

struct Statement {
    vo: String,
    host: String,
    fqans: Vec<String>,
}

fn attributes(mut reader: Reader<'_>) -> Result<Statement, DerError> {
    let mut found = None;
    while !reader.is_empty() {
        let mut attribute = reader.enter(SEQUENCE)?;
        let kind = dotted(attribute.take(OID)?.content)?;
        let mut values = attribute.enter(SET)?;
        attribute.end()?;
        if kind != FQANS {
            continue;
        }
        let statement = statement(values.enter(SEQUENCE)?)?;
        values.end()?;
        if found.replace(statement).is_some() {
            return Err(DerError::Value("the FQANs stand twice"));
        }
    }
    found.ok_or(DerError::Value("there are no FQANs"))
}

fn statement(mut syntax: Reader<'_>) -> Result<Statement, DerError> {
    let mut authority = syntax.enter(CHOICE_0)?;
    let address = text(authority.take(CHOICE_6)?)?;
    authority.end()?;
    let (vo, server) = address
        .split_once("://")
        .ok_or(DerError::Value("the policy authority is not VO://host:port"))?;
    let host = server.rsplit_once(':').map_or(server, |(host, _)| host);
    let mut values = syntax.enter(SEQUENCE)?;
    syntax.end()?;
    let mut fqans = Vec::new();
    while !values.is_empty() {
        let value = values.any()?;
        if fqans.len() == MAX_FQANS || value.content.len() > MAX_FQAN {
            return Err(DerError::Value("there are too many or too long FQANs"));
        }
        if value.tag != OCTET_STRING && value.tag != UTF8_STRING {
            return Err(DerError::Tag { expected: OCTET_STRING, found: value.tag });
        }
        fqans.push(text(value)?);
    }
    Ok(Statement { vo: vo.to_owned(), host: host.to_owned(), fqans })
}

/// Text that can stand in a message or a query: printable ASCII.
fn text(element: Element<'_>) -> Result<String, DerError> {
    const INVALID: DerError = DerError::Value("a text is empty or not printable ASCII");

    if element.content.is_empty() || !element.content.iter().all(u8::is_ascii_graphic) {
        return Err(INVALID);
    }
    String::from_utf8(element.content.to_vec()).map_err(|_| INVALID)
}

type Extensions = (Vec<Vec<u8>>, Option<String>);

fn read_extensions(mut reader: Reader<'_>) -> Result<Extensions, DerError> {
    let mut certificates = Vec::new();
    let mut not_understood = None;
    while !reader.is_empty() {
        let mut extension = reader.enter(SEQUENCE)?;
        let kind = dotted(extension.take(OID)?.content)?;
        let critical = extension.optional(BOOLEAN)?.is_some_and(|flag| flag.content != [0]);
        let content = extension.take(OCTET_STRING)?.content;
        extension.end()?;
        if kind == SIGNERS {
            certificates = signers(content)?;
        } else if critical && !UNDERSTOOD.contains(&kind.as_str()) {
            not_understood = Some(kind);
        }
    }
    Ok((certificates, not_understood))
}

fn signers(bytes: &[u8]) -> Result<Vec<Vec<u8>>, DerError> {
    let mut outer = Reader::new(Reader::single(bytes, SEQUENCE)?.content);
    let mut list = outer.enter(SEQUENCE)?;
    outer.end()?;
    let mut found = Vec::new();
    while !list.is_empty() {
        if found.len() == MAX_SIGNERS {
            return Err(DerError::Value("there are too many certificates of the signer"));
        }
        found.push(list.take(SEQUENCE)?.whole.to_vec());
    }
    Ok(found)
}
