use sbk_api::{Code, Problem};
use sbk_model::{Invalid, Permission};

/// Why an operation failed. Knows no transport; [`Error::code`] is all that they need.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller lacks a permission.
    #[error("this needs the {0:?} permission, which {1} does not have")]
    Forbidden(Permission, String),
    /// A value is wrong.
    #[error("{0}")]
    Invalid(#[from] Invalid),
    /// Values of metadata fields are wrong.
    #[error("{text}")]
    Metadata {
        /// The first field that is wrong.
        field: String,
        /// What is wrong, field by field.
        text: String,
    },
    /// A query is wrong; the text shows where.
    #[error("{0}")]
    Query(String),
    /// Something named does not exist.
    #[error("{0}")]
    NotFound(String),
    /// What is there contradicts what is asked.
    #[error("{0}")]
    Conflict(String),
    /// The request is larger than allowed.
    #[error("{0}")]
    TooLarge(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sbk_store::Error),
}

impl Error {
    /// A wrong argument.
    pub fn invalid(field: &str, value: &str, reason: impl Into<String>) -> Self {
        Self::Invalid(Invalid::new(field, value, reason))
    }

    /// What the caller can do differently.
    pub fn code(&self) -> Code {
        match self {
            Self::Forbidden(..) => Code::Forbidden,
            Self::Invalid(_) | Self::Query(_) | Self::Metadata { .. } => Code::Invalid,
            Self::NotFound(_) => Code::NotFound,
            Self::Conflict(_) => Code::Conflict,
            Self::TooLarge(_) => Code::TooLarge,
            Self::Store(error) => match error {
                sbk_store::Error::Url | sbk_store::Error::OutOfRange(_) => Code::Invalid,
                sbk_store::Error::Collision(..) => Code::Conflict,
                sbk_store::Error::Contended(_) | sbk_store::Error::Busy => Code::Busy,
                sbk_store::Error::Unavailable(_) | sbk_store::Error::Full(_) => Code::Unavailable,
                sbk_store::Error::Migration(_) | sbk_store::Error::Internal(_) => Code::Internal,
            },
        }
    }

    /// What the caller is told: never the text of the database.
    fn detail(&self) -> String {
        match self {
            Self::Store(error) => match error {
                sbk_store::Error::Url
                | sbk_store::Error::Collision(..)
                | sbk_store::Error::Migration(_) => error.to_string(),
                sbk_store::Error::OutOfRange(_) => "a total would become too large".into(),
                sbk_store::Error::Contended(_) => {
                    "other writers were in the way several times; try again".into()
                }
                sbk_store::Error::Busy => {
                    "all connections to the database are in use; try again later".into()
                }
                sbk_store::Error::Unavailable(_) => {
                    "the database cannot be reached; try again later".into()
                }
                sbk_store::Error::Full(_) => {
                    "the database has no room left; an administrator must make some".into()
                }
                sbk_store::Error::Internal(_) => {
                    "the service failed; its log says more under the request's id".into()
                }
            },
            other => other.to_string(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        let field = match error {
            Error::Invalid(invalid) => Some(invalid.field.clone()),
            Error::Metadata { field, .. } => Some(field.clone()),
            Error::Query(_) => Some("expr".into()),
            _ => None,
        };
        Self { field, ..Self::new(error.code(), error.detail()) }
    }
}
