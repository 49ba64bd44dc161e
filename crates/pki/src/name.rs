//! Distinguished names as one line of text, as DIRAC compares them.

use openssl::{asn1::Asn1Object, nid::Nid, x509::X509NameRef};

use crate::der::{DerError, OID, Reader, SEQUENCE, SET, dotted};

/// The longest name, in bytes of DER.
const MAX_NAME: usize = 8 * 1024;

/// The text that OpenSSL's `X509_NAME_oneline` gives: a slash before each part, `+` between parts
/// of one set, bytes that are no printable ASCII as `\xC3`, and a backslash before `/` and `+`.
pub(crate) fn one_line(name: &X509NameRef) -> Result<String, DerError> {
    let der = name.to_der().map_err(|_| DerError::Value("a name cannot be read"))?;
    one_line_of(&der)
}

/// The same for a name's DER.
pub(crate) fn one_line_of(der: &[u8]) -> Result<String, DerError> {
    if der.len() > MAX_NAME {
        return Err(DerError::Value("a name is too long"));
    }
    let mut text = String::new();
    let mut parts = Reader::new(Reader::single(der, SEQUENCE)?.content);
    while !parts.is_empty() {
        let mut set = parts.enter(SET)?;
        let mut mark = '/';
        while !set.is_empty() {
            let mut pair = set.enter(SEQUENCE)?;
            let kind = dotted(pair.take(OID)?.content)?;
            let value = pair.any()?;
            pair.end()?;
            text.push(mark);
            text.push_str(&short_name(&kind));
            text.push('=');
            push_value(&mut text, value.content);
            mark = '+';
        }
    }
    Ok(text)
}

/// What OpenSSL calls an attribute type, else its number.
fn short_name(kind: &str) -> String {
    Asn1Object::from_str(kind)
        .ok()
        .map(|object| object.nid())
        .filter(|nid| *nid != Nid::UNDEF)
        .and_then(|nid| nid.short_name().ok().map(str::to_owned))
        .unwrap_or_else(|| kind.to_owned())
}

fn push_value(text: &mut String, value: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value {
        match byte {
            b'/' | b'+' => {
                text.push('\\');
                text.push(char::from(*byte));
            }
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                text.push_str("\\x");
                for digit in [byte >> 4, byte & 0x0f] {
                    text.push(HEX.get(usize::from(digit)).map_or('?', |hex| char::from(*hex)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use openssl::x509::X509Name;

    use super::*;

    fn name(parts: &[(&str, &str)]) -> String {
        let mut builder = X509Name::builder().unwrap();
        for (field, value) in parts {
            builder.append_entry_by_text(field, value).unwrap();
        }
        one_line(&builder.build()).unwrap()
    }

    #[test]
    fn parts_stand_in_the_order_of_the_certificate() {
        let text = name(&[("C", "ch"), ("O", "DIRAC"), ("OU", "DIRAC CI"), ("CN", "ciuser")]);

        assert_eq!(text, "/C=ch/O=DIRAC/OU=DIRAC CI/CN=ciuser");
    }

    #[test]
    fn short_names_are_those_of_openssl() {
        let text = name(&[
            ("DC", "ch"),
            ("ST", "s"),
            ("L", "l"),
            ("SN", "n"),
            ("UID", "u"),
            ("serialNumber", "1"),
            ("emailAddress", "a@b"),
        ]);

        assert_eq!(text, "/DC=ch/ST=s/L=l/SN=n/UID=u/serialNumber=1/emailAddress=a@b");
    }

    #[test]
    fn a_letter_outside_ascii_is_written_by_its_bytes() {
        assert_eq!(name(&[("CN", "Zo\u{eb}")]), "/CN=Zo\\xC3\\xAB");
    }

    #[test]
    fn a_slash_within_a_value_cannot_pass_for_a_part() {
        assert_eq!(name(&[("CN", "host/a.b"), ("CN", "a+b")]), "/CN=host\\/a.b/CN=a\\+b");
    }

    #[test]
    fn odd_names_read_as_openssl_3_0_writes_them() {
        let value = |set: &[u8]| [&[0x30, u8::try_from(set.len()).unwrap()], set].concat();
        let number = value(b"\x31\x0c\x30\x0a\x06\x03\x2a\x2a\x2b\x0c\x03x\\y");
        let pair = value(
            b"\x31\x14\x30\x08\x06\x03\x55\x04\x03\x0c\x01a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01b",
        );
        let wide = value(b"\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x1e\x04\0a\0b");

        assert_eq!(one_line_of(&number).as_deref(), Ok("/1.2.42.43=x\\y"));
        assert_eq!(one_line_of(&pair).as_deref(), Ok("/CN=a+O=b"));
        assert_eq!(one_line_of(&wide).as_deref(), Ok("/CN=\\x00a\\x00b"));
        assert_eq!(one_line_of(&value(b"")).as_deref(), Ok(""));
    }

    #[test]
    fn a_name_with_bytes_after_it_is_refused() {
        assert_eq!(one_line_of(&[0x30, 0x00, 0x00]), Err(DerError::Trailing));
    }
}
