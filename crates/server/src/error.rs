/// Why the service could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong; the text names the section and the key.
    #[error("{0}")]
    Config(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        reason: std::io::Error,
    },
    /// The bookkeeping cannot be opened.
    #[error(transparent)]
    Service(#[from] sbk_service::Error),
    /// Logs or traces cannot be written.
    #[error("cannot set logs up: {0}")]
    Logs(String),
}
