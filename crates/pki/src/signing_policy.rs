//! Files named `<hash>.signing_policy`: which names a CA may issue.
//!
//! ```text
//! access_id_CA  X509    '/C=ch/O=DIRAC/CN=CA'
//! pos_rights    globus  CA:sign
//! cond_subjects globus  '"/C=ch/O=DIRAC/*" "/C=ch/O=Other/*"'
//! ```

/// What one file says: for each CA that it names, the names that the CA may issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SigningPolicy {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    /// The CA, or nothing for any.
    ca: Option<String>,
    may_sign: bool,
    patterns: Vec<String>,
}

/// Why a file is no signing policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("line {line}: a quotation does not end")]
    Quotation { line: usize },
    #[error("line {line}: `{word}` is not known here")]
    Word { line: usize, word: String },
    #[error("line {line}: `{word}` lacks its two values")]
    Values { line: usize, word: String },
    #[error("line {line}: `{word}` stands before any `access_id_CA`")]
    NoCa { line: usize, word: String },
    #[error("line {line}: the right is not `CA:sign`")]
    Right { line: usize },
    #[error("it names no CA")]
    Empty,
}

impl SigningPolicy {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let words = words(text)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut rest = words.iter();
        while let Some(Word { line, text: word }) = rest.next() {
            let (line, word) = (*line, word.as_str());
            let missing = || PolicyError::Values { line, word: word.to_owned() };
            let authority = rest.next().ok_or_else(missing)?.text.as_str();
            let value = rest.next().ok_or_else(missing)?.text.as_str();
            let no_ca = || PolicyError::NoCa { line, word: word.to_owned() };
            match (word, authority) {
                ("access_id_CA", "X509") => {
                    entries.push(Entry { ca: Some(normal(value)), ..Entry::default() });
                }
                ("access_id_ANYBODY", _) => entries.push(Entry::default()),
                ("pos_rights", "globus") if value == "CA:sign" => {
                    entries.last_mut().ok_or_else(no_ca)?.may_sign = true;
                }
                ("pos_rights" | "neg_rights", _) => return Err(PolicyError::Right { line }),
                ("cond_subjects", "globus") => {
                    let entry = entries.last_mut().ok_or_else(no_ca)?;
                    entry.patterns.extend(patterns(value));
                }
                _ => return Err(PolicyError::Word { line, word: format!("{word} {authority}") }),
            }
        }
        if entries.is_empty() { Err(PolicyError::Empty) } else { Ok(Self { entries }) }
    }

    /// What stands for a file that cannot be read: no CA may issue anything.
    pub fn nothing() -> Self {
        Self { entries: Vec::new() }
    }

    /// Whether a CA may issue a name. A CA that the file does not name may issue none.
    pub fn allows(&self, ca: &str, subject: &str) -> bool {
        let (ca, subject) = (normal(ca), normal(subject));
        self.entries
            .iter()
            .filter(|entry| entry.may_sign && entry.ca.as_ref().is_none_or(|name| *name == ca))
            .flat_map(|entry| &entry.patterns)
            .any(|pattern| matches(pattern.as_bytes(), subject.as_bytes()))
    }
}

/// One word or quotation, and the line that it begins in.
struct Word {
    line: usize,
    text: String,
}

fn words(text: &str) -> Result<Vec<Word>, PolicyError> {
    let mut words = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        let begins = line;
        let mut word = String::new();
        match first {
            '\n' => line += 1,
            '#' => while rest.next_if(|letter| *letter != '\n').is_some() {},
            '\'' | '"' => {
                loop {
                    match rest.next() {
                        Some(letter) if letter == first => break,
                        Some(letter) => {
                            line += usize::from(letter == '\n');
                            word.push(letter);
                        }
                        None => return Err(PolicyError::Quotation { line: begins }),
                    }
                }
                words.push(Word { line: begins, text: word });
            }
            space if space.is_whitespace() => {}
            letter => {
                word.push(letter);
                while let Some(next) = rest.next_if(|next| !next.is_whitespace()) {
                    word.push(next);
                }
                words.push(Word { line: begins, text: word });
            }
        }
    }
    Ok(words)
}

/// The patterns of one value: those within double quotes, or else the whole.
fn patterns(value: &str) -> Vec<String> {
    if value.contains('"') {
        value.split('"').skip(1).step_by(2).map(normal).collect()
    } else {
        vec![normal(value.trim())]
    }
}

/// One spelling for the attributes that programs spell differently.
fn normal(name: &str) -> String {
    name.replace("/Email=", "/emailAddress=")
        .replace("/E=", "/emailAddress=")
        .replace("/USERID=", "/UID=")
}

/// Whether a pattern, in which `*` is any text and `?` any byte, fits the whole of a name.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while of < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, of));
                at += 1;
            }
            Some(letter) if *letter == b'?' || name.get(of) == Some(letter) => {
                at += 1;
                of += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    at = after;
                    of = from + 1;
                    star = Some((after, of));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|letter| *letter == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CA: &str = "/C=ch/O=DIRAC/CN=CA";

    fn policy(conditions: &str) -> SigningPolicy {
        let text = format!(
            "# of the test\n access_id_CA X509 '{CA}'\npos_rights globus CA:sign\ncond_subjects globus {conditions}\n"
        );
        SigningPolicy::parse(&text).unwrap()
    }

    #[test]
    fn names_within_the_namespace_may_be_issued_and_others_not() {
        let policy = policy("'\"/C=ch/O=DIRAC/*\"'");

        assert!(policy.allows(CA, "/C=ch/O=DIRAC/CN=alice"));
        assert!(!policy.allows(CA, "/C=ch/O=DIRACX/CN=alice"));
        assert!(!policy.allows(CA, "/C=ch"));
    }

    #[test]
    fn several_patterns_may_stand_in_one_value_over_several_lines() {
        let policy = policy("'\"/C=ch/*\"\n   \"/C=fr/O=CNRS/*\"'");

        assert!(policy.allows(CA, "/C=ch/CN=a"));
        assert!(policy.allows(CA, "/C=fr/O=CNRS/CN=a"));
        assert!(!policy.allows(CA, "/C=fr/O=other/CN=a"));
    }

    #[test]
    fn a_pattern_may_stand_without_inner_quotes() {
        assert!(policy("\"/C=ch/O=A b/*\"").allows(CA, "/C=ch/O=A b/CN=x"));
    }

    #[test]
    fn a_ca_that_the_file_does_not_name_may_issue_nothing() {
        assert!(!policy("'\"*\"'").allows("/C=ch/CN=other", "/C=ch/CN=a"));
    }

    #[test]
    fn a_ca_without_the_right_may_issue_nothing() {
        let policy =
            SigningPolicy::parse("access_id_CA X509 '/CN=a'\ncond_subjects globus '\"*\"'");

        assert!(!policy.unwrap().allows("/CN=a", "/CN=b"));
    }

    #[test]
    fn the_spellings_of_an_address_are_one() {
        assert!(policy("'\"/C=ch/*/Email=*\"'").allows(CA, "/C=ch/CN=x/emailAddress=a@b"));
    }

    #[test]
    fn wildcards_fit_anywhere_and_do_not_run_away() {
        assert!(matches(b"*a*b?", b"xxaxxbc"));
        assert!(!matches(b"*a*b?", b"xxaxxb"));
        assert!(!matches(&b"*a".repeat(50), &b"a".repeat(49)));
    }

    #[test]
    fn errors_name_the_line() {
        let read = |text| SigningPolicy::parse(text).unwrap_err();

        assert_eq!(read(""), PolicyError::Empty);
        assert_eq!(read("\naccess_id_CA X509 '/CN=a"), PolicyError::Quotation { line: 2 });
        assert_eq!(
            read("pos_rights globus CA:sign"),
            PolicyError::NoCa { line: 1, word: "pos_rights".to_owned() }
        );
        assert_eq!(
            read("access_id_CA X509 /CN=a\nneg_rights globus CA:sign"),
            PolicyError::Right { line: 2 }
        );
        assert_eq!(
            read("access_id_CA X509"),
            PolicyError::Values { line: 1, word: "access_id_CA".to_owned() }
        );
        assert!(matches!(read("hello X509 /CN=a"), PolicyError::Word { line: 1, .. }));
    }
}
