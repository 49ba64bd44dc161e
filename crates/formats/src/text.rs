use std::borrow::Cow;

/// How far into a document its declaration is looked for.
const DECLARATION: usize = 200;

/// The text of a document, of which nothing is lost.
///
/// A document that declares ISO-8859-1 or its relatives is read so, others as UTF-8; what is not
/// UTF-8 is read as ISO-8859-1, which has a character for every byte.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    if !declares_latin(bytes)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Cow::Borrowed(text);
    }
    Cow::Owned(bytes.iter().copied().map(char::from).collect())
}

/// Whether an XML declaration names one of the encodings that have a byte for each character.
fn declares_latin(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(bytes.get(..DECLARATION).unwrap_or(bytes));
    let Some(declaration) = start.trim_start().strip_prefix("<?xml") else { return false };
    let declaration = declaration.split("?>").next().unwrap_or_default().to_ascii_lowercase();
    let Some((_, encoding)) = declaration.split_once("encoding") else { return false };
    ["iso-8859-1", "iso_8859-1", "latin-1", "latin1", "windows-1252"]
        .iter()
        .any(|name| encoding.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_in_the_encoding_that_it_declares() {
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a b='M\xfcller'/>";
        let utf8 = "<?xml version='1.0' encoding='UTF-8'?><a b='Müller'/>".as_bytes();

        assert!(decode(latin).contains("Müller"));
        assert!(decode(utf8).contains("Müller"));
    }

    #[test]
    fn bytes_that_are_no_text_are_kept_one_character_each() {
        assert_eq!(decode(b"\xff\x00a").chars().count(), 3);
    }
}
