//! Puts small calls together that report jobs at the same time, so that they share one transaction.
//!
//! A call that finds no transaction of its kind in progress runs at once. One that finds fewer than
//! [`AT_ONCE`] runs, too, but first waits a moment until as many have come as usually share one:
//! those who were just answered come again. The rest wait, and are taken along by the next, or are
//! told to lead it. Who is left alone, because the call that took it along failed or was given up,
//! reports on its own: a report can be repeated.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sbk_api::{ReportFormat, ReportJob, ReportResult};
use sbk_model::Vo;
use tokio::sync::oneshot;

use crate::{Caller, Error, Service};

/// Calls with more reports are not put together with others.
const SMALL: usize = 10;

/// The most reports of calls that are put together.
const TOGETHER: usize = 100;

/// How many transactions of one kind are in progress at the same time: while one waits for the
/// disk, the other computes.
const AT_ONCE: usize = 2;

/// How often who does not run alone looks whether enough others have come, and how long it waits
/// in between: together less than a transaction takes.
const LOOKS: usize = 5;
const MOMENT: Duration = Duration::from_millis(1);

/// Calls that may share a transaction: of the same caller, about the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    caller: Caller,
    vo: Vo,
    format: ReportFormat,
    refuse: bool,
}

/// What a waiting call is told.
enum Turn {
    /// Its answer.
    Answer(ReportResult),
    /// To run what it wanted to, and what waits.
    Lead(ReportJob, Place),
}

struct Waiting {
    operation: ReportJob,
    turn: oneshot::Sender<Turn>,
}

#[derive(Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<Waiting>,
    /// How many calls shared the last transaction, and the one before.
    shared: [usize; AT_ONCE],
}

/// The calls that wait.
#[derive(Clone, Default)]
pub struct Gathering(Arc<Mutex<HashMap<Kind, Queue>>>);

/// Whether a call runs now.
enum Entry {
    /// Now, at once.
    Now(ReportJob, Place),
    /// Now, in a moment: others run.
    Soon(ReportJob, Place),
    /// When it is told.
    Later(oneshot::Receiver<Turn>),
}

/// The place of one that runs. Who gives it up, also unasked, lets the first of those that wait
/// lead.
struct Place {
    gathering: Gathering,
    kind: Kind,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(Waiting { operation, turn }) = self.gathering.leave(&self.kind) else { return };
        let place = Self { gathering: self.gathering.clone(), kind: self.kind.clone() };
        // Where the client went away, nobody takes the place, and so the next has it.
        let _ = turn.send(Turn::Lead(operation, place));
    }
}

impl Gathering {
    fn enter(&self, kind: &Kind, operation: ReportJob) -> Entry {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(kind.clone()).or_default();
        if queue.running < AT_ONCE {
            queue.running += 1;
            let place = Place { gathering: self.clone(), kind: kind.clone() };
            return match queue.running {
                1 => Entry::Now(operation, place),
                _ => Entry::Soon(operation, place),
            };
        }
        let (turn, told) = oneshot::channel();
        queue.waiting.push_back(Waiting { operation, turn });
        Entry::Later(told)
    }

    /// Waits until as many calls have come as usually share a transaction, but no longer than a
    /// moment.
    async fn fill(&self, kind: &Kind) {
        for _ in 0..LOOKS {
            if self.is_full(kind) {
                return;
            }
            tokio::time::sleep(MOMENT).await;
        }
    }

    fn is_full(&self, kind: &Kind) -> bool {
        let queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.get(kind).is_none_or(|queue| {
            let usual = queue.shared.iter().sum::<usize>().div_ceil(AT_ONCE);
            queue.waiting.len() + 1 >= usual
        })
    }

    /// Takes those along that wait.
    fn take(&self, kind: &Kind, mut room: usize) -> Vec<Waiting> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        let Some(queue) = queues.get_mut(kind) else { return taken };
        while let Some(next) = queue.waiting.front()
            && next.operation.reports.len() <= room
        {
            room -= next.operation.reports.len();
            taken.extend(queue.waiting.pop_front());
        }
        queue.shared.rotate_right(1);
        queue.shared[0] = taken.len() + 1;
        taken
    }

    /// Ends one that ran; gives the first of those that wait, who takes its place.
    fn leave(&self, kind: &Kind) -> Option<Waiting> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.get_mut(kind)?;
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.running = queue.running.saturating_sub(1);
            if queue.running == 0 {
                queues.remove(kind);
            }
        }
        next
    }
}

/// Reports jobs, together with others that do the same now.
pub async fn report(
    service: &Service,
    caller: &Caller,
    operation: ReportJob,
) -> Result<ReportResult, Error> {
    if operation.name.is_some() || operation.reports.len() > SMALL {
        return service.transact(caller, &operation, None).await;
    }
    let ReportJob { vo, format, refuse, .. } = &operation;
    let kind = Kind { caller: caller.clone(), vo: vo.clone(), format: *format, refuse: *refuse };
    match service.gathering().enter(&kind, operation.clone()) {
        Entry::Now(operation, place) => lead(service, caller, place, operation).await,
        Entry::Soon(operation, place) => {
            place.gathering.fill(&place.kind).await;
            lead(service, caller, place, operation).await
        }
        Entry::Later(told) => match told.await {
            Ok(Turn::Answer(result)) => Ok(result),
            Ok(Turn::Lead(operation, place)) => {
                place.gathering.fill(&place.kind).await;
                lead(service, caller, place, operation).await
            }
            Err(_) => service.transact(caller, &operation, None).await,
        },
    }
}

/// Runs a call with those that wait, and answers them.
async fn lead(
    service: &Service,
    caller: &Caller,
    place: Place,
    mut operation: ReportJob,
) -> Result<ReportResult, Error> {
    let own = operation.reports.len();
    let room = TOGETHER.saturating_sub(own);
    let mut along = Vec::new();
    for Waiting { operation: other, turn } in place.gathering.take(&place.kind, room) {
        along.push((other.reports.len(), turn));
        operation.reports.extend(other.reports);
    }
    let mut result = service.transact(caller, &operation, None).await?;
    let mut rest = result.results.split_off(own);
    for (number, turn) in along {
        let later = rest.split_off(number.min(rest.len()));
        // Nobody listens where the client went away.
        let _ = turn.send(Turn::Answer(ReportResult::of(rest)));
        rest = later;
    }
    Ok(ReportResult::of(result.results))
}
