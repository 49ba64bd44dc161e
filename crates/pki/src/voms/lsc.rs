//! Files named `<vo>/<host>.lsc`: the names in the certificate chain of a VOMS server.

/// The chains of one file. Each begins with the server's subject, then its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lsc {
    chains: Vec<Vec<String>>,
}

/// Why a file is no list of chains.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LscError {
    #[error("line {line}: a name begins with a slash")]
    Name { line: usize },
    #[error("a chain has fewer than two names")]
    Short,
}

impl Lsc {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, LscError> {
        let mut chains = vec![Vec::new()];
        for (at, line) in text.lines().map(str::trim).enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with("---") {
                chains.push(Vec::new());
                continue;
            }
            if !line.starts_with('/') {
                return Err(LscError::Name { line: at + 1 });
            }
            if let Some(chain) = chains.last_mut() {
                chain.push(plain(line));
            }
        }
        chains.retain(|chain| !chain.is_empty());
        if chains.is_empty() || chains.iter().any(|chain| chain.len() < 2) {
            return Err(LscError::Short);
        }
        Ok(Self { chains })
    }

    /// Whether a chain of names begins with one of the file's.
    pub fn allows(&self, names: &[&str]) -> bool {
        let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
        self.chains.iter().any(|chain| names.starts_with(chain))
    }
}

/// A name as these files have it: slashes within values stand bare.
fn plain(name: &str) -> String {
    name.replace("\\/", "/").replace("\\+", "+").replace("/Email=", "/emailAddress=")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_begins_with_the_server_and_its_issuer() {
        let lsc = Lsc::parse("/C=ch/CN=host/voms.a.b\n/C=ch/CN=CA\n").unwrap();

        assert!(lsc.allows(&["/C=ch/CN=host\\/voms.a.b", "/C=ch/CN=CA", "/C=ch/CN=root"]));
        assert!(!lsc.allows(&["/C=ch/CN=host\\/voms.a.b", "/C=ch/CN=other"]));
        assert!(!lsc.allows(&["/C=ch/CN=host\\/voms.a.b"]));
    }

    #[test]
    fn one_of_several_chains_suffices() {
        let lsc = Lsc::parse("/CN=a\n/CN=b\n------ NEXT CHAIN ------\n/CN=c\n/CN=d\n").unwrap();

        assert!(lsc.allows(&["/CN=c", "/CN=d"]));
        assert!(!lsc.allows(&["/CN=a", "/CN=d"]));
    }

    #[test]
    fn a_chain_of_one_name_is_refused() {
        assert_eq!(Lsc::parse("/CN=a\n"), Err(LscError::Short));
        assert_eq!(Lsc::parse(""), Err(LscError::Short));
        assert_eq!(Lsc::parse("/CN=a\nCN=b\n"), Err(LscError::Name { line: 2 }));
    }
}
