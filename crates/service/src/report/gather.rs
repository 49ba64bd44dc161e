//! Puts small calls together that report jobs at the same time, so that they share one transaction.
//!
//! A call that finds fewer than [`AT_ONCE`] transactions of its kind in progress runs at once, with
//! what waits. Others wait, and are taken along by the next; or they are told to lead. Who is left
//! alone, because the call that took it along failed or was given up, reports on its own: a report
//! can be repeated.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
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
    Lead(ReportJob),
}

struct Waiting {
    operation: ReportJob,
    turn: oneshot::Sender<Turn>,
}

#[derive(Default)]
struct Queue {
    running: usize,
    waiting: VecDeque<Waiting>,
}

/// The calls that wait.
#[derive(Default)]
pub struct Gathering(Mutex<HashMap<Kind, Queue>>);

/// Whether a call runs now.
enum Entry {
    Now(ReportJob),
    Later(oneshot::Receiver<Turn>),
}

impl Gathering {
    fn enter(&self, kind: &Kind, operation: ReportJob) -> Entry {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(kind.clone()).or_default();
        if queue.running < AT_ONCE {
            queue.running += 1;
            return Entry::Now(operation);
        }
        let (turn, told) = oneshot::channel();
        queue.waiting.push_back(Waiting { operation, turn });
        Entry::Later(told)
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
        taken
    }

    /// Ends one that ran, and lets the first of those that wait lead.
    fn leave(&self, kind: &Kind) {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = queues.get_mut(kind) else { return };
        while let Some(Waiting { operation, turn }) = queue.waiting.pop_front() {
            // One whose client went away is passed over.
            if turn.send(Turn::Lead(operation)).is_ok() {
                return;
            }
        }
        queue.running = queue.running.saturating_sub(1);
        if queue.running == 0 {
            queues.remove(kind);
        }
    }
}

/// Ends one that runs, also when it is given up.
struct Running<'a> {
    gathering: &'a Gathering,
    kind: &'a Kind,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.gathering.leave(self.kind);
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
    let gathering = service.gathering();
    match gathering.enter(&kind, operation.clone()) {
        Entry::Now(operation) => lead(service, caller, &kind, operation).await,
        Entry::Later(told) => match told.await {
            Ok(Turn::Answer(result)) => Ok(result),
            Ok(Turn::Lead(operation)) => lead(service, caller, &kind, operation).await,
            Err(_) => service.transact(caller, &operation, None).await,
        },
    }
}

/// Runs a call with those that wait, and answers them.
async fn lead(
    service: &Service,
    caller: &Caller,
    kind: &Kind,
    mut operation: ReportJob,
) -> Result<ReportResult, Error> {
    let gathering = service.gathering();
    let _running = Running { gathering, kind };
    let own = operation.reports.len();
    let mut along = Vec::new();
    for Waiting { operation: other, turn } in gathering.take(kind, TOGETHER.saturating_sub(own)) {
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
