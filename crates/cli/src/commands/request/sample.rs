//! What is asked for, as arguments.

use std::str::FromStr;

use clap::Args;
use sbk_api::RequestField;
use sbk_model::{CampaignName, Events, Label, Priority};

use crate::input::{self, Assignment, Moment};

/// What is asked for.
#[derive(Debug, Args)]
pub struct Sample {
    /// What happens in the events
    #[arg(long, value_name = "TYPE")]
    event_type: Option<Label>,
    /// What generates the events
    #[arg(long)]
    generator: Option<Label>,
    /// How many events
    #[arg(long, value_name = "N", value_parser = events)]
    events: Option<Events>,
    /// The simulation conditions
    #[arg(long)]
    conditions: Option<Label>,
    /// The release of the software
    #[arg(long)]
    release: Option<Label>,
    /// How urgent it is: 0 to 9, 9 the most urgent; 5 without it
    #[arg(long)]
    priority: Option<Priority>,
    /// When it is needed, for instance 2026-12-24 or 2026-12-24T12:00:00Z
    #[arg(long, value_name = "TIME")]
    deadline: Option<Moment>,
    /// What else should be known
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// The campaign that it belongs to
    #[arg(long)]
    campaign: Option<CampaignName>,
    /// A parameter of the datasets that shall come out; null removes one. What is JSON is taken as
    /// such, all else is text
    #[arg(long = "field", value_name = "FIELD=VALUE")]
    fields: Vec<Assignment>,
}

fn events(text: &str) -> Result<Events, String> {
    let number: i64 = text.parse().map_err(|_| "is not a whole number".to_owned())?;
    Events::try_from(number).map_err(|error| error.reason)
}

impl From<Sample> for sbk_api::Sample {
    fn from(given: Sample) -> Self {
        Self {
            event_type: given.event_type,
            generator: given.generator,
            events: given.events,
            conditions: given.conditions,
            release: given.release,
            priority: given.priority,
            deadline: given.deadline.map(|moment| moment.0),
            comment: given.comment,
            campaign: given.campaign,
            parameters: input::metadata(given.fields),
        }
    }
}

/// What is taken out.
#[derive(Debug, Args)]
pub struct Removed {
    /// Take this out: `event_type`, generator, events, conditions, release, deadline, comment or
    /// campaign
    #[arg(long, value_name = "PART")]
    remove: Vec<Part>,
}

/// A part that can be taken out.
#[derive(Debug, Clone, Copy)]
struct Part(RequestField);

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = RequestField::ALL.iter().copied().find(|part| part.as_str() == text);
        found.map(Self).ok_or_else(|| {
            let all: Vec<_> = RequestField::ALL.iter().map(|part| part.as_str()).collect();
            format!("is none of {}", all.join(", "))
        })
    }
}

impl From<Removed> for Vec<RequestField> {
    fn from(given: Removed) -> Self {
        given.remove.into_iter().map(|part| part.0).collect()
    }
}
