use std::sync::Arc;

use rustls::{CertificateError, OtherError};

use crate::Refusal;

impl From<Refusal> for CertificateError {
    /// The error whose alert tells the peer most: certificate expired, unknown CA, decrypt error,
    /// certificate revoked, bad or unsupported certificate, or certificate unknown.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unreadable { .. } | Refusal::NoCertificate => Self::BadEncoding,
            Refusal::Expired { .. } => Self::Expired,
            Refusal::NotYetValid { .. } => Self::NotValidYet,
            Refusal::UnknownCa { .. } | Refusal::MissingIssuer { .. } => Self::UnknownIssuer,
            Refusal::BadSignature { .. } => Self::BadSignature,
            Refusal::Revoked { .. } => Self::Revoked,
            Refusal::CrlMissing { .. } | Refusal::CrlUnusable { .. } => {
                Self::UnknownRevocationStatus
            }
            Refusal::CrlExpired { .. } => Self::ExpiredRevocationList,
            Refusal::Extension { .. } => Self::UnhandledCriticalExtension,
            Refusal::Purpose { .. } => Self::InvalidPurpose,
            Refusal::WrongHost { .. } => Self::NotValidForName,
            Refusal::TooLong { .. }
            | Refusal::TooDeep { .. }
            | Refusal::PathLength { .. }
            | Refusal::NotACa { .. }
            | Refusal::IsACa { .. }
            | Refusal::ProxyName { .. }
            | Refusal::ProxyPolicy { .. }
            | Refusal::FullFromLimited { .. }
            | Refusal::Group { .. }
            | Refusal::Namespace { .. }
            | Refusal::Stranger { .. }
            | Refusal::Weak { .. }
            | Refusal::Other { .. } => Self::Other(OtherError(Arc::new(refusal))),
        }
    }
}
