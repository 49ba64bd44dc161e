//! Event ranges and seeds of tasks, which never overlap.

use sbk_api::{EventRanges, NewProduction};
use sbk_store::production::Stored;

use crate::Error;

/// The most tasks of one production.
const MAX_TASKS: u64 = 100_000_000;

/// What one task makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The number of the task.
    pub task: i64,
    /// Its seed.
    pub seed: i64,
    /// The number of its first event.
    pub first_event: i64,
    /// How many events it makes.
    pub events: i64,
}

/// Refuses ranges that cannot be.
pub fn check(events: &EventRanges) -> Result<(), Error> {
    let wanted = wanted(events)?;
    let per_task = events.events_per_task;
    if per_task == 0 {
        return Err(Error::invalid("events.events_per_task", "0", "is not 1 or more"));
    }
    let tasks = events.events.div_ceil(per_task);
    if tasks > MAX_TASKS {
        let reason = format!("makes {tasks} tasks, more than {MAX_TASKS}");
        return Err(Error::invalid("events.events_per_task", &per_task.to_string(), reason));
    }
    if events.first_event.checked_add(wanted).is_none() {
        let reason = "is too great: the last event would have no number";
        return Err(Error::invalid("events.first_event", &events.first_event.to_string(), reason));
    }
    if events.seed_base.checked_add(i64::MAX >> 31).is_none() {
        let reason = "is too great: the last task would have no seed";
        return Err(Error::invalid("events.seed_base", &events.seed_base.to_string(), reason));
    }
    Ok(())
}

/// The events that are wanted, as they are kept.
pub fn wanted(events: &EventRanges) -> Result<i64, Error> {
    let count = i64::try_from(events.events).ok().filter(|count| (1..=1 << 49).contains(count));
    let text = events.events.to_string();
    count.ok_or_else(|| Error::invalid("events.events", &text, "is not between 1 and 2^49"))
}

/// The events that a production wants from now on.
pub fn extended(old: &Stored, definition: &mut NewProduction, events: u64) -> Result<i64, Error> {
    let Some(ranges) = &mut definition.events else {
        let reason = "cannot be set: the production has no event ranges";
        return Err(Error::invalid("events", &events.to_string(), reason));
    };
    ranges.events = events;
    check(ranges)?;
    let wanted = wanted(ranges)?;
    if wanted < old.events_planned {
        let reason = format!("is less than the {} events of its tasks", old.events_planned);
        return Err(Error::invalid("events", &events.to_string(), reason));
    }
    Ok(wanted)
}

/// The next tasks of a production of which some events have tasks already, at most `limit`: each
/// begins where the one before it ends, and the last makes what is left.
pub fn split(
    ranges: &EventRanges,
    wanted: i64,
    planned: i64,
    tasks: i64,
    limit: i64,
) -> Vec<Range> {
    let per_task = i64::try_from(ranges.events_per_task).unwrap_or(i64::MAX).max(1);
    let (mut planned, mut made) = (planned, Vec::new());
    for number in 1..=limit {
        let events = per_task.min(wanted - planned);
        if events <= 0 {
            break;
        }
        let task = tasks + number;
        let (seed, first_event) = (ranges.seed_base + task, ranges.first_event + planned);
        made.push(Range { task, seed, first_event, events });
        planned += events;
    }
    made
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranges(events: u64, per_task: u64, first_event: i64, seed_base: i64) -> EventRanges {
        EventRanges { events, events_per_task: per_task, first_event, seed_base }
    }

    /// All tasks, made in steps, with an extension in the middle.
    fn all(ranges: &EventRanges, wanted: i64, more: i64, limit: i64) -> Vec<Range> {
        let (mut planned, mut made) = (0, Vec::new());
        for wanted in [wanted, wanted + more] {
            loop {
                let tasks = i64::try_from(made.len()).unwrap();
                let step = split(ranges, wanted, planned, tasks, limit);
                if step.is_empty() {
                    break;
                }
                planned += step.iter().map(|range| range.events).sum::<i64>();
                made.extend(step);
            }
        }
        made
    }

    proptest! {
        #[test]
        fn ranges_cover_all_events_once_and_seeds_differ(
            wanted in 1_i64..5000, per_task in 1_u64..200, first in -1000_i64..1000,
            more in 0_i64..1000, limit in 1_i64..50, seed in -100_i64..100,
        ) {
            let ranges = ranges(wanted.unsigned_abs(), per_task, first, seed);

            let made = all(&ranges, wanted, more, limit);

            let mut next = first;
            for (at, range) in made.iter().enumerate() {
                let number = i64::try_from(at + 1).unwrap();
                prop_assert_eq!((range.task, range.seed), (number, seed + number));
                prop_assert_eq!(range.first_event, next);
                prop_assert!((1..=i64::try_from(per_task).unwrap()).contains(&range.events));
                next += range.events;
            }
            prop_assert_eq!(next, first + wanted + more);
        }
    }

    #[test]
    fn ranges_that_cannot_be_are_refused() {
        assert!(check(&ranges(10, 3, 1, 0)).is_ok());
        for (wrong, field) in [
            (ranges(0, 1, 1, 0), "events.events"),
            (ranges(1, 0, 1, 0), "events.events_per_task"),
            (ranges(1 << 48, 1, 1, 0), "events.events_per_task"),
            (ranges(10, 1, i64::MAX - 5, 0), "events.first_event"),
            (ranges(10, 1, 1, i64::MAX - 5), "events.seed_base"),
        ] {
            let error = sbk_api::Problem::from(check(&wrong).unwrap_err());
            assert_eq!(error.field.as_deref(), Some(field));
        }
    }
}
