//! What a proxy certificate says of itself: its policy, and the DIRAC group.

use crate::der::{DerError, IA5_STRING, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, dotted};

/// The extension that makes a certificate a proxy, RFC 3820.
pub(crate) const PROXY_CERT_INFO: &str = "1.3.6.1.5.5.7.1.14";
/// The extension in which DIRAC keeps the group.
pub(crate) const DIRAC_GROUP: &str = "1.2.42.42";

const INHERIT_ALL: &str = "1.3.6.1.5.5.7.21.1";
const LIMITED: &str = "1.3.6.1.4.1.3536.1.1.1.9";

/// The longest group that is taken.
const MAX_GROUP: usize = 128;

/// What a proxy may do on behalf of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Policy {
    /// All that the user may.
    Full,
    /// All that the user may but for starting jobs.
    Limited,
    /// Something that nobody here can judge.
    Other(String),
}

/// Reads a `proxyCertInfo` extension.
pub(crate) fn policy(bytes: &[u8]) -> Result<Policy, DerError> {
    let mut info = Reader::new(Reader::single(bytes, SEQUENCE)?.content);
    info.optional(INTEGER)?;
    let mut policy = info.enter(SEQUENCE)?;
    info.end()?;
    let language = dotted(policy.take(OID)?.content)?;
    let terms = policy.optional(OCTET_STRING)?;
    policy.end()?;
    Ok(match (language.as_str(), terms) {
        (INHERIT_ALL, None) => Policy::Full,
        (LIMITED, None) => Policy::Limited,
        _ => Policy::Other(language),
    })
}

/// Reads the content of DIRAC's group extension: the text of an `IA5String`.
///
/// # Errors
///
/// The bytes are no such string, or its text is no printable ASCII, empty or too long.
pub fn read_group(bytes: &[u8]) -> Result<String, DerError> {
    let content = Reader::single(bytes, IA5_STRING)?.content;
    if content.is_empty() || content.len() > MAX_GROUP {
        return Err(DerError::Value("a group is empty or too long"));
    }
    if !content.iter().all(u8::is_ascii_graphic) {
        return Err(DerError::Value("a group is not printable ASCII"));
    }
    String::from_utf8(content.to_vec()).map_err(|_| DerError::Value("a group is not ASCII"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_read_as_dirac_writes_it() {
        assert_eq!(read_group(&[0x16, 4, b'p', b'r', b'o', b'd']).as_deref(), Ok("prod"));
    }

    #[test]
    fn another_kind_of_string_is_no_group() {
        assert!(read_group(&[0x0c, 4, b'p', b'r', b'o', b'd']).is_err());
    }

    #[test]
    fn an_empty_group_and_bytes_after_it_are_refused() {
        assert!(read_group(&[0x16, 0]).is_err());
        assert!(read_group(&[0x16, 1, b'p', 0]).is_err());
        assert!(read_group(&[0x16, 2, b'p', 0]).is_err());
    }

    #[test]
    fn terms_beside_a_known_language_make_it_unknown() {
        let plain = [0x30, 0x0c, 0x30, 0x0a, 0x06, 8, 0x2b, 6, 1, 5, 5, 7, 21, 1];
        let terms = [0x30, 0x0f, 0x30, 0x0d, 0x06, 8, 0x2b, 6, 1, 5, 5, 7, 21, 1, 4, 1, b'x'];

        assert_eq!(policy(&plain), Ok(Policy::Full));
        assert_eq!(policy(&terms), Ok(Policy::Other(INHERIT_ALL.to_owned())));
    }
}
