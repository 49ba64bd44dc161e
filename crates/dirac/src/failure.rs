use sbk_api::{Code, Problem};
use sbk_wire::Value;

use crate::class;

/// Why a call failed, as DIRAC's clients are told.
///
/// The codes and the form of the message are those of `DIRACCommon/Core/Utilities/DErrno.py` and
/// `ReturnValues.py`: clients compare either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code: the operating system's below 1000, DIRAC's from there on, 0 for none.
    pub errno: i64,
    /// The whole message.
    pub message: String,
}

/// What clients look for when an LFN is not in the catalogue.
pub const NO_SUCH_FILE: &str = "No such file or directory";

/// What the operating system and DIRAC say to a code.
fn strerror(errno: i64) -> &'static str {
    match errno {
        2 => NO_SUCH_FILE,
        5 => "Input/output error",
        7 => "Argument list too long",
        11 => "Resource temporarily unavailable",
        13 => "Permission denied",
        17 => "File exists",
        22 => "Invalid argument",
        1111 => "Unauthorized query",
        _ => "Unknown error",
    }
}

impl Failure {
    /// A failure with a code.
    pub fn with(errno: i64, detail: &str) -> Self {
        Self { errno, message: format!("{} ( {errno} : {detail})", strerror(errno)) }
    }

    /// A failure without one.
    pub fn plain(message: impl Into<String>) -> Self {
        Self { errno: 0, message: message.into() }
    }

    /// Nobody is told more than that.
    pub fn unauthorised() -> Self {
        Self::with(1111, "Unauthorized query")
    }

    /// Says that an argument cannot be what it is.
    pub fn invalid(detail: &str) -> Self {
        Self::with(22, detail)
    }

    /// Says that an argument has a type that it cannot have, in the words of DIRAC.
    pub fn mismatch(at: usize, received: &Value, expected: &str) -> Self {
        Self::plain(format!(
            "Type mismatch in parameter {at} (starting with param 0) Received <class '{}'>, \
             expected {expected}",
            class(received)
        ))
    }
}

/// The code that stands for a kind of failure.
fn errno(code: Code) -> i64 {
    match code {
        Code::Invalid => 22,
        Code::NotFound => 2,
        Code::Conflict => 17,
        Code::Forbidden => 13,
        Code::TooLarge => 7,
        Code::Busy | Code::Unavailable => 11,
        Code::Internal => 5,
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let detail = match problem.request_id {
            Some(id) => format!("{}; request {id}", problem.detail),
            None => problem.detail,
        };
        Self::with(errno(problem.code), &detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_its_code_and_text_in_the_message() {
        let failure = Failure::from(Problem::new(Code::NotFound, "there is no dataset \"x\""));

        assert_eq!(failure.errno, 2);
        let expected = "No such file or directory ( 2 : there is no dataset \"x\")";
        assert_eq!(failure.message, expected);
    }
}
