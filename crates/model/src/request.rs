use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Invalid, status::states};

/// How far a request for a sample is.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Being written by the requester; the only state in which it can be edited.
    #[default]
    Draft,
    /// Complete, and waiting for a decision.
    Submitted,
    /// To be produced.
    Accepted,
    /// Not to be produced as it is; can be made a draft again.
    Rejected,
    /// Being produced.
    Active,
    /// All that was asked for is there.
    Done,
    /// Given up.
    Cancelled,
}

states!(RequestState, "state", {
    Draft = "draft",
    Submitted = "submitted",
    Accepted = "accepted",
    Rejected = "rejected",
    Active = "active",
    Done = "done",
    Cancelled = "cancelled",
});

/// Who moves a request from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestMover {
    /// Only who asked for the sample.
    Requester,
    /// Only who manages productions.
    Manager,
    /// One of the two.
    Either,
}

impl RequestState {
    /// Who may move a request from this state to another; `None` where nobody may.
    pub fn mover(self, next: Self) -> Option<RequestMover> {
        use RequestState::{Accepted, Active, Cancelled, Done, Draft, Rejected, Submitted};
        match (self, next) {
            (Draft, Submitted) | (Submitted | Rejected, Draft) => Some(RequestMover::Requester),
            (Submitted, Accepted | Rejected) | (Accepted, Active) | (Active, Done) => {
                Some(RequestMover::Manager)
            }
            (Draft | Submitted | Accepted | Rejected | Active, Cancelled) => {
                Some(RequestMover::Either)
            }
            _ => None,
        }
    }

    /// The states that this one may be changed to.
    pub fn next(self) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |next| self.mover(*next).is_some())
    }

    /// Whether becoming so needs a reason.
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled)
    }

    /// Whether the request is agreed on: its events count as wanted.
    pub fn is_agreed(self) -> bool {
        matches!(self, Self::Accepted | Self::Active | Self::Done)
    }
}

/// How urgent a request is: 0 to 9, 9 the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(transparent)]
#[schema(value_type = u8, minimum = 0, maximum = 9)]
pub struct Priority(u8);

impl Priority {
    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self(5)
    }
}

impl TryFrom<i64> for Priority {
    type Error = Invalid;

    fn try_from(number: i64) -> Result<Self, Invalid> {
        match u8::try_from(number) {
            Ok(number @ 0..=9) => Ok(Self(number)),
            _ => Err(Invalid::new("priority", &number.to_string(), "is not between 0 and 9")),
        }
    }
}

impl FromStr for Priority {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let number: Result<i64, _> = text.parse();
        let bad = |_| Invalid::new("priority", text, "is not a number between 0 and 9");
        number.map_err(bad).and_then(Self::try_from)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Priority {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer)
            .and_then(|number| Self::try_from(number).map_err(de::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_done_or_cancelled_stays_so() {
        assert_eq!(RequestState::Done.next().count(), 0);
        assert_eq!(RequestState::Cancelled.next().count(), 0);
    }

    #[test]
    fn all_but_the_ends_can_be_cancelled_with_a_reason() {
        for state in RequestState::ALL {
            let ended = matches!(state, RequestState::Done | RequestState::Cancelled);
            let mover = state.mover(RequestState::Cancelled);

            assert_eq!(mover, (!ended).then_some(RequestMover::Either), "{state}");
        }
        assert!(RequestState::Cancelled.needs_reason());
    }

    #[test]
    fn nobody_decides_on_what_is_not_submitted() {
        for state in RequestState::ALL {
            let decided = state.mover(RequestState::Accepted).is_some();

            assert_eq!(decided, *state == RequestState::Submitted, "{state}");
        }
    }

    #[test]
    fn a_priority_is_one_digit() {
        assert_eq!("9".parse::<Priority>().unwrap().get(), 9);
        assert!("10".parse::<Priority>().is_err());
        assert!(serde_json::from_str::<Priority>("-1").is_err());
        assert_eq!(Priority::default().to_string(), "5");
    }
}
