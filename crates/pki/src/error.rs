use std::{io, path::PathBuf};

/// Why certificates, keys or directories of our own cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A directory cannot be read.
    #[error("cannot read the directory {}: {source}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The CA directory holds no CA.
    #[error("{} holds no CA certificate named <hash>.0", path.display())]
    NoCa {
        /// The directory.
        path: PathBuf,
    },
    /// A file with a certificate or key cannot be used.
    #[error("{}: {reason}", path.display())]
    Credential {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The TLS library refuses the configuration.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}
