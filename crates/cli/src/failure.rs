use std::{fmt, io};

use sbk_api::{Code, Problem};
use sbk_model::Invalid;

/// Why a command ended early, or not with success.
#[derive(Debug)]
pub enum Failure {
    /// The service said no.
    Problem(Problem),
    /// An argument is wrong; the text names it and the fix.
    Usage(String),
    /// A file could not be read or written.
    Local(String),
    /// Something was refused or differs, and was told already.
    Refused,
    /// Somebody lacks a right, which was told already.
    Forbidden,
    /// Nobody reads the output any more.
    Closed,
}

impl Failure {
    /// A failure to read or write something.
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::Local(format!("{what}: {error}"))
    }

    /// A failure to write to the standard output.
    pub fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::io("the standard output", error),
        }
    }

    /// What is told to the user, unless it was told already.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => Some(describe(problem)),
            Self::Usage(text) | Self::Local(text) => Some(format!("error: {text}")),
            Self::Refused | Self::Forbidden | Self::Closed => None,
        }
    }
}

/// Describes a problem. A picture of several lines, as for a wrong query, stays as it is.
fn describe(problem: &Problem) -> String {
    let Problem { code, detail, field, request_id } = problem;
    if detail.contains('\n') {
        return detail.clone();
    }
    let field = field.as_deref().filter(|field| !detail.contains(field));
    let field = field.map(|field| format!("{field}: ")).unwrap_or_default();
    let log = match (code, request_id) {
        (Code::Internal, Some(id)) => format!(" (the service's log tells more under {id})"),
        _ => String::new(),
    };
    format!("error: {field}{detail}{log}")
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<sbk_server::Error> for Failure {
    fn from(error: sbk_server::Error) -> Self {
        match error {
            sbk_server::Error::Config(text) => Self::Usage(text),
            sbk_server::Error::Service(error) => Self::Problem(error.into()),
            error @ (sbk_server::Error::Listen { .. } | sbk_server::Error::Logs(_)) => {
                Self::Local(error.to_string())
            }
        }
    }
}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Usage(invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_field_once() {
        let problem =
            Problem { field: Some("lfn".into()), ..Problem::new(Code::Invalid, "is not absolute") };
        let named = Problem { detail: "lfn: is not absolute".into(), ..problem.clone() };

        for problem in [problem, named] {
            let message = Failure::Problem(problem).message();

            assert_eq!(message.as_deref(), Some("error: lfn: is not absolute"));
        }
    }

    #[test]
    fn a_picture_of_a_wrong_query_stays_as_it_is() {
        let picture = "energy >> 3\n        ^ expected a value";

        let message = Failure::Problem(Problem::new(Code::Invalid, picture)).message();

        assert_eq!(message.as_deref(), Some(picture));
    }
}
