//! Distinguished names as one line of text, as DIRAC compares them.

use openssl::{asn1::Asn1Object, nid::Nid, x509::X509NameRef};

use crate::der::{DerError, GENERAL_STRING, OID, Reader, SEQUENCE, SET, dotted};

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
            push_value(&mut text, value.tag, value.content);
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

fn push_value(text: &mut String, tag: u8, value: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let wide = tag == GENERAL_STRING && is_wide(value);
    for (at, byte) in value.iter().enumerate() {
        if wide && at % 4 != 3 {
            continue;
        }
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

/// OpenSSL takes a general string for text of four bytes a letter if all but the last are 0.
fn is_wide(value: &[u8]) -> bool {
    value.len().is_multiple_of(4) && value.chunks(4).all(|four| matches!(four, [0, 0, 0, _]))
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
    fn an_unknown_attribute_keeps_its_number() {
        let der =
            [0x30, 0x0c, 0x31, 0x0a, 0x30, 0x08, 0x06, 0x03, 0x2a, 0x2a, 0x2b, 0x0c, 0x01, b'x'];

        assert_eq!(one_line_of(&der).as_deref(), Ok("/1.2.42.43=x"));
    }

    #[test]
    fn a_name_with_bytes_after_it_is_refused() {
        assert_eq!(one_line_of(&[0x30, 0x00, 0x00]), Err(DerError::Trailing));
    }
}
