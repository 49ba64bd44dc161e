use std::process::ExitCode;

use sbk_api::Code;

use crate::failure::Failure;

/// How the program ended, as its exit code tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Success = 0,
    /// The service failed, or a file could not be read or written.
    Failure = 1,
    /// An argument is wrong.
    Usage = 2,
    /// Something named does not exist.
    NotFound = 3,
    /// What is there contradicts what was asked.
    Conflict = 4,
    /// A permission is missing.
    Forbidden = 5,
    /// The service is busy or away.
    Unavailable = 6,
    /// Something was refused, or a check found a difference.
    Refused = 7,
}

/// The exit codes, for the help.
pub const HELP: &str = "\
Exit codes:
  0  all was done
  1  the service failed, or a file could not be read or written
  2  an argument is wrong
  3  something named does not exist
  4  what is there contradicts what was asked
  5  a permission is missing
  6  the service is busy or away; try again later
  7  something was refused, or a check found a difference";

impl Exit {
    /// The exit code of a failure.
    pub fn of(failure: &Failure) -> Self {
        match failure {
            Failure::Problem(problem) => Self::of_code(problem.code),
            Failure::Usage(_) => Self::Usage,
            Failure::Local(_) => Self::Failure,
            Failure::Refused => Self::Refused,
            Failure::Forbidden => Self::Forbidden,
            Failure::Closed => Self::Success,
        }
    }

    /// The exit code of a problem that the service told.
    fn of_code(code: Code) -> Self {
        match code {
            Code::Invalid | Code::TooLarge => Self::Usage,
            Code::NotFound => Self::NotFound,
            Code::Conflict => Self::Conflict,
            Code::Forbidden => Self::Forbidden,
            Code::Busy | Code::Unavailable => Self::Unavailable,
            Code::Internal => Self::Failure,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use sbk_api::Problem;

    use super::*;

    #[test]
    fn the_help_explains_every_code_that_a_problem_can_give() {
        for code in Code::ALL {
            let exit = Exit::of(&Failure::Problem(Problem::new(*code, "")));

            assert!(HELP.contains(&format!("\n  {}  ", exit as u8)), "{code:?}");
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert_eq!(Exit::of(&Failure::Closed), Exit::Success);
    }
}
