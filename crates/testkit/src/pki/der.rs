use openssl::asn1::Asn1Object;

/// One element of DER from the parts of its content.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    match digits.as_slice() {
        [] => bytes.push(0),
        [short] if *short < 0x80 => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).unwrap_or(u8::MAX));
            bytes.extend(long);
        }
    }
    bytes.extend(content);
    bytes
}

pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(0x30, parts)
}

pub(super) fn octets(content: &[u8]) -> Vec<u8> {
    element(0x04, &[content])
}

pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let object = Asn1Object::from_str(dotted).expect("tests name valid objects");
    element(0x06, &[object.as_slice()])
}
