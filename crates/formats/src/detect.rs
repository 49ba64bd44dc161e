use quick_xml::{Reader, events::Event};

/// The formats of reports that a document can be told to have by its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JSON of any sort.
    Json,
    /// [`lhcb`](crate::lhcb): the root is `Job` or `Replicas`.
    Lhcb,
    /// [`gaudi`](crate::gaudi): the root is `summary`.
    Gaudi,
}

/// How many events of XML are looked at before the root.
const MAX_EVENTS: usize = 100;

/// Tells the format of a document by how it begins.
pub fn kind(text: &str) -> Option<Kind> {
    match text.trim_start().chars().next()? {
        '{' | '[' => return Some(Kind::Json),
        '<' => {}
        _ => return None,
    }
    let mut reader = Reader::from_str(text);
    for _ in 0..MAX_EVENTS {
        match reader.read_event() {
            Ok(Event::Start(root) | Event::Empty(root)) => {
                return match root.name().into_inner() {
                    "Job" | "Replicas" => Some(Kind::Lhcb),
                    "summary" => Some(Kind::Gaudi),
                    _ => None,
                };
            }
            Ok(Event::Eof) | Err(_) => return None,
            Ok(_) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_told_by_its_root() {
        assert_eq!(kind("<?xml version='1.0'?>\n<!-- a -->\n<Job a='1'>"), Some(Kind::Lhcb));
        assert_eq!(kind("<Replicas/>"), Some(Kind::Lhcb));
        assert_eq!(kind(" <summary>"), Some(Kind::Gaudi));
        assert_eq!(kind("{}"), Some(Kind::Json));
        assert_eq!(kind("<html>"), None);
        assert_eq!(kind(""), None);
        assert_eq!(kind("<Jo"), None);
    }
}
