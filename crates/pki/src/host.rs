use std::{fmt, net::IpAddr};

/// What a server's certificate must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A host's name.
    Name(String),
    /// An address.
    Address(IpAddr),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
        }
    }
}
