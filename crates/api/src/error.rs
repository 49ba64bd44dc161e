use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What kind of failure a caller met, and so what to do differently.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The arguments are wrong; the message names the field and the fix.
    Invalid,
    /// Something named does not exist.
    NotFound,
    /// What is there contradicts what is asked.
    Conflict,
    /// The caller lacks a permission.
    Forbidden,
    /// The request is larger than allowed.
    TooLarge,
    /// The service has too much to do; try again later.
    Busy,
    /// The database is away; try again later.
    Unavailable,
    /// A failure of the service; its log says more under the request's id.
    Internal,
}

impl Code {
    /// All codes.
    pub const ALL: &[Self] = &[
        Self::Invalid,
        Self::NotFound,
        Self::Conflict,
        Self::Forbidden,
        Self::TooLarge,
        Self::Busy,
        Self::Unavailable,
        Self::Internal,
    ];

    /// Whether the same request may succeed later.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

/// A failure as it is told to a caller, in the shape of RFC 9457 (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema, thiserror::Error)]
#[error("{detail}")]
pub struct Problem {
    /// The kind of failure.
    pub code: Code,
    /// What is wrong, and what to do about it.
    pub detail: String,
    /// The argument that is wrong, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The id under which the service's log tells more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// Describes a failure.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), field: None, request_id: None }
    }
}
