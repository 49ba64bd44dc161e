//! Takes the reports of jobs.

mod bulk_block;
mod derive;
mod draft;
mod edges;
mod gather;
mod gaudi;
mod lhcb;
mod outputs;
pub mod provenance;
mod read;
mod replace;
mod replicas;
mod take;
mod values;

pub use draft::{Configuration, Rest, StepRest, seconds};
pub use gather::Gathering;

use read::{Arrived, Content, Read};
use sbk_api::{
    BulkResult, Code, DismissQuarantined, Done, Outcome, Problem, ReplayQuarantined, ReportAnswer,
    ReportFormat, ReportJob, ReportOutcome, ReportResult, Standing,
};
use sbk_model::{JobName, fingerprint};
use sbk_store::{audit::Touched, job, quarantine};
use take::Taken;

use crate::{
    CallContext, Caller, Context, Error, Note, Run, Service, metadata::Community,
    quarantine as kept, register::check_count,
};

/// The most reports of one call.
const MAX_REPORTS: usize = 1000;

/// What became of a document.
enum Settled {
    /// It is about a job.
    Job(Box<Taken>),
    /// It is about replicas.
    Replicas(BulkResult),
}

/// What became of the documents of a call.
struct Settlement {
    /// One per document.
    verdicts: Vec<Result<Settled, Problem>>,
    /// What they changed, beside files and jobs that are new.
    touched: Vec<Touched>,
}

impl Run for ReportJob {
    /// A repeat is known by the name of its job, whatever `Idempotency-Key` it comes under.
    async fn enter(
        self,
        service: &Service,
        caller: &Caller,
        _: CallContext,
    ) -> Result<ReportResult, Error> {
        gather::report(service, caller, self).await
    }

    async fn run(&self, cx: &mut Context<'_>) -> Result<ReportResult, Error> {
        check_count("reports", self.reports.len(), MAX_REPORTS)?;
        let community = cx.community(&self.vo).await?;
        let name = self.name.as_ref();
        let arrived = read::read(cx, &community, self.format, &self.reports, name).await?;
        let Settlement { verdicts, touched } = settle(cx, &community, &arrived).await?;
        let mut result = answers(&arrived, &verdicts);
        if !self.refuse {
            let failed = arrived.iter().zip(&verdicts);
            let entries = failed.filter_map(|(arrived, verdict)| {
                Some(entry(cx, &community, arrived, verdict.as_ref().err()?))
            });
            let entries: Vec<_> = entries.collect();
            quarantine::keep(&mut cx.session, &entries).await?;
            let mut entries = entries.iter();
            for answer in result.results.iter_mut().filter(|answer| answer.problem.is_some()) {
                answer.outcome = ReportOutcome::Quarantined;
                answer.entry = entries.next().map(|entry| kept::name(entry.entry));
            }
        }
        cx.note(Note {
            count: u64::from(result.recorded + result.quarantined),
            touched,
            reason: None,
            detail: serde_json::json!({
                "vo": self.vo,
                "format": self.format,
                "recorded": result.recorded,
                "repeated": result.repeated,
                "quarantined": result.quarantined,
                "first": result.results.first().and_then(|answer| answer.job.as_ref()),
            }),
        });
        Ok(result)
    }
}

/// Takes documents: first those about jobs, then those about replicas.
async fn settle(
    cx: &mut Context<'_>,
    community: &Community,
    arrived: &[Arrived<'_>],
) -> Result<Settlement, Error> {
    let reports: Vec<Result<&Read, Problem>> = arrived
        .iter()
        .filter_map(|arrived| match &arrived.content {
            Ok(Content::Job(read)) => Some(Ok(&**read)),
            Ok(Content::Replicas(_)) => None,
            Err(problem) => Some(Err(problem.clone())),
        })
        .collect();
    let take::Outcomes { verdicts, datasets } = take::take(cx, community, &reports).await?;
    let mut touched: Vec<Touched> = datasets.into_iter().map(Touched::Dataset).collect();
    let mut jobs = verdicts.into_iter();
    let mut verdicts = Vec::with_capacity(arrived.len());
    for arrived in arrived {
        verdicts.push(match &arrived.content {
            Ok(Content::Replicas(changes)) => {
                replicas::apply(cx, changes, &mut touched).await?.map(Settled::Replicas)
            }
            _ => jobs.next().unwrap_or_else(take::lost).map(|taken| Settled::Job(Box::new(taken))),
        });
    }
    Ok(Settlement { verdicts, touched })
}

/// The answers to documents. What could not be taken counts as refused.
fn answers(arrived: &[Arrived<'_>], verdicts: &[Result<Settled, Problem>]) -> ReportResult {
    let answer = |(arrived, verdict): (&Arrived<'_>, &Result<Settled, Problem>)| {
        let answer = match verdict {
            Ok(Settled::Job(taken)) => recorded(taken),
            Ok(Settled::Replicas(changed)) => ReportAnswer {
                repeated: changed.added + changed.removed == 0,
                replicas: Some(changed.clone()),
                ..answer(ReportOutcome::Recorded)
            },
            Err(problem) => {
                ReportAnswer { problem: Some(problem.clone()), ..answer(ReportOutcome::Refused) }
            }
        };
        ReportAnswer { job: arrived.name.clone(), ..answer }
    };
    ReportResult::of(arrived.iter().zip(verdicts).map(answer).collect())
}

/// An answer that says no more than what became of a document.
fn answer(outcome: ReportOutcome) -> ReportAnswer {
    ReportAnswer {
        job: None,
        outcome,
        standing: None,
        received: None,
        outputs: 0,
        replicas: None,
        entry: None,
        problem: None,
        repeated: false,
    }
}

/// The answer to a report that is kept: the same whenever it comes.
fn recorded(taken: &Taken) -> ReportAnswer {
    let job = &taken.job;
    let standing = match job.standing {
        // It counted when it was taken.
        job::Standing::Counts | job::Standing::Superseded => Standing::Counts,
        job::Standing::Surplus => Standing::Surplus,
        job::Standing::NotGood => Standing::NotGood,
    };
    ReportAnswer {
        standing: Some(standing),
        received: Some(job.received),
        outputs: u32::try_from(job.outputs).unwrap_or(u32::MAX),
        repeated: taken.repeated,
        ..answer(ReportOutcome::Recorded)
    }
}

/// The quarantine's entry for a report that could not be taken.
fn entry(
    cx: &Context<'_>,
    community: &Community,
    arrived: &Arrived<'_>,
    problem: &Problem,
) -> quarantine::Stored {
    let Arrived { format, name, .. } = arrived;
    let body = arrived.body();
    let name = name.as_ref().map(ToString::to_string);
    let parts =
        [community.vo.as_str(), format.as_str(), &body, name.as_deref().unwrap_or_default()];
    quarantine::Stored {
        entry: fingerprint("quarantine", &parts),
        vo: community.key,
        received: cx.now,
        last_tried: cx.now,
        tries: 1,
        state: quarantine::State::Waiting,
        format: format.as_str().into(),
        code: kept::code_name(problem.code),
        actor: cx.caller.user.to_string(),
        job: name,
        field: problem.field.as_ref().map(|field| field.chars().take(200).collect()),
        reason: problem.detail.clone(),
        body: Some(body),
    }
}

impl Run for ReplayQuarantined {
    async fn run(&self, cx: &mut Context<'_>) -> Result<ReportResult, Error> {
        let (stored, vo) = kept::find(cx, &self.entry).await?;
        if stored.state == quarantine::State::Dismissed {
            let text = format!("the report {} was dismissed", self.entry);
            return Err(Error::Conflict(text));
        }
        let community = cx.community(&vo).await?;
        let format = kept::format(&stored)?;
        let (format, document) = match &self.report {
            Some(text @ serde_json::Value::String(_)) => (format, text.clone()),
            Some(object) => (ReportFormat::Auto, object.clone()),
            None => (format, read::document(format, stored.body.as_deref().unwrap_or_default())),
        };
        let documents = [document];
        let known = stored.job.as_deref().and_then(|name| name.parse().ok());
        let name: Option<JobName> = self.name.clone().or(known);
        let arrived = read::read(cx, &community, format, &documents, name.as_ref()).await?;
        let Settlement { verdicts, touched } = settle(cx, &community, &arrived).await?;
        let mut result = answers(&arrived, &verdicts);
        let problem = verdicts.iter().find_map(|verdict| verdict.as_ref().err());
        for answer in &mut result.results {
            answer.entry = Some(self.entry.clone());
            if answer.problem.is_some() {
                answer.outcome = ReportOutcome::Quarantined;
            }
        }
        result.quarantined = std::mem::take(&mut result.refused);
        if let Some(problem) = problem {
            let again = quarantine::Stored {
                last_tried: cx.now,
                code: kept::code_name(problem.code),
                field: problem.field.clone(),
                reason: problem.detail.clone(),
                ..stored
            };
            quarantine::keep(&mut cx.session, &[again]).await?;
        } else {
            let taken = quarantine::State::Taken;
            quarantine::set_state(&mut cx.session, stored.entry, taken, cx.now).await?;
        }
        cx.note(Note {
            count: 1,
            touched,
            reason: self.reason.as_ref().map(ToString::to_string),
            detail: serde_json::json!({
                "entry": self.entry,
                "corrected": self.report.is_some(),
                "recorded": result.recorded,
                "repeated": result.repeated,
            }),
        });
        Ok(result)
    }
}

impl Run for DismissQuarantined {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Done, Error> {
        let (stored, _) = kept::find(cx, &self.entry).await?;
        let outcome = match stored.state {
            quarantine::State::Dismissed => Outcome::Unchanged,
            quarantine::State::Taken => {
                let text = format!("the report {} was taken already", self.entry);
                return Err(Error::Conflict(text));
            }
            quarantine::State::Waiting => {
                let state = quarantine::State::Dismissed;
                quarantine::set_state(&mut cx.session, stored.entry, state, cx.now).await?;
                Outcome::Changed
            }
        };
        cx.note(Note {
            count: u64::from(outcome == Outcome::Changed),
            touched: Vec::new(),
            reason: Some(self.reason.to_string()),
            detail: serde_json::json!({ "entry": self.entry, "job": stored.job }),
        });
        Ok(Done { outcome })
    }
}

/// A failure that a report meets before it is looked at.
fn refused(field: &str, text: impl Into<String>) -> Problem {
    Problem { field: Some(field.to_owned()), ..Problem::new(Code::Invalid, text) }
}
