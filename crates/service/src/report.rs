//! Takes the reports of jobs.

mod draft;
mod edges;
mod gather;
mod outputs;
pub mod provenance;
mod read;
mod replace;
mod take;

pub use draft::{Configuration, Rest, StepRest, seconds};
pub use gather::Gathering;

use sbk_api::{
    Code, DismissQuarantined, Done, JobReport, Outcome, Problem, ReplayQuarantined, ReportAnswer,
    ReportFormat, ReportJob, ReportOutcome, ReportResult, Standing,
};
use sbk_model::{JobName, fingerprint};
use sbk_store::{job, quarantine};
use take::Verdict;

use crate::{
    CallContext, Caller, Context, Error, Note, Run, Service, metadata::Community,
    quarantine as kept, register::check_count,
};

/// The most reports of one call.
const MAX_REPORTS: usize = 1000;

/// A report as it came, with what could be read of it.
struct Arrived {
    body: String,
    report: Result<JobReport, Problem>,
}

impl Run for ReportJob {
    /// A repeat is known by the name of its job.
    const REMEMBERED: bool = false;

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
        let mut arrived = Vec::with_capacity(self.reports.len());
        for document in &self.reports {
            let reports =
                read::read(cx, &community, self.format, document, self.name.as_ref()).await?;
            let body = || read::body(document);
            match reports {
                Ok(reports) => arrived.extend(
                    reports.into_iter().map(|report| Arrived { body: body(), report: Ok(report) }),
                ),
                Err(problem) => arrived.push(Arrived { body: body(), report: Err(problem) }),
            }
        }
        let (bodies, reports): (Vec<_>, Vec<_>) =
            arrived.into_iter().map(|arrived| (arrived.body, arrived.report)).unzip();
        let verdicts = take::take(cx, &community, &reports).await?;
        let mut result = answers(&reports, &verdicts);
        if !self.refuse {
            let failed = reports.iter().zip(&bodies).zip(&verdicts);
            let entries = failed.filter_map(|((report, body), verdict)| {
                let problem = verdict.as_ref().err()?;
                Some(entry(cx, &community, self.format, report.as_ref().ok(), body, problem))
            });
            let entries: Vec<_> = entries.collect();
            quarantine::keep(&mut cx.session, &entries).await?;
            let mut entries = entries.iter();
            for answer in result.results.iter_mut().filter(|answer| answer.problem.is_some()) {
                answer.outcome = ReportOutcome::Quarantined;
                answer.entry = entries.next().map(|entry| kept::name(entry.entry));
            }
            result.quarantined = std::mem::take(&mut result.refused);
        }
        cx.note(Note {
            count: u64::from(result.recorded + result.quarantined),
            touched: Vec::new(),
            reason: None,
            detail: serde_json::json!({
                "vo": self.vo,
                "recorded": result.recorded,
                "repeated": result.repeated,
                "quarantined": result.quarantined,
                "first": result.results.first().and_then(|answer| answer.job.as_ref()),
            }),
        });
        Ok(result)
    }
}

/// The answers to reports. What could not be taken counts as refused.
fn answers(reports: &[Result<JobReport, Problem>], verdicts: &[Verdict]) -> ReportResult {
    let answer = |(report, verdict): (&Result<JobReport, Problem>, &Verdict)| {
        let name = report.as_ref().ok().map(|report| report.name.clone());
        match verdict {
            Ok(taken) => recorded(name, taken),
            Err(problem) => ReportAnswer {
                job: name,
                outcome: ReportOutcome::Refused,
                standing: None,
                received: None,
                outputs: 0,
                entry: None,
                problem: Some(problem.clone()),
                repeated: false,
            },
        }
    };
    ReportResult::of(reports.iter().zip(verdicts).map(answer).collect())
}

/// The answer to a report that is kept: the same whenever it comes.
fn recorded(name: Option<JobName>, taken: &take::Taken) -> ReportAnswer {
    let job = &taken.job;
    let standing = match job.standing {
        // It counted when it was taken.
        job::Standing::Counts | job::Standing::Superseded => Standing::Counts,
        job::Standing::Surplus => Standing::Surplus,
        job::Standing::NotGood => Standing::NotGood,
    };
    ReportAnswer {
        job: name,
        outcome: ReportOutcome::Recorded,
        standing: Some(standing),
        received: Some(job.received),
        outputs: u32::try_from(job.outputs).unwrap_or(u32::MAX),
        entry: None,
        problem: None,
        repeated: taken.repeated,
    }
}

/// The quarantine's entry for a report that could not be taken.
fn entry(
    cx: &Context<'_>,
    community: &Community,
    format: ReportFormat,
    report: Option<&JobReport>,
    body: &str,
    problem: &Problem,
) -> quarantine::Stored {
    let name = report.map(|report| report.name.to_string());
    let parts = [community.vo.as_str(), format.as_str(), body, name.as_deref().unwrap_or_default()];
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
        body: Some(body.to_owned()),
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
        let (format, document) = if let Some(report) = &self.report {
            (ReportFormat::Json, report.clone())
        } else {
            let format = kept::format(&stored)?;
            (format, read::document(format, stored.body.as_deref().unwrap_or_default()))
        };
        let read = read::read(cx, &community, format, &document, self.name.as_ref()).await?;
        let mut reports: Vec<Result<JobReport, Problem>> = match read {
            Ok(reports) => reports.into_iter().map(Ok).collect(),
            Err(problem) => vec![Err(problem)],
        };
        if self.report.is_none() && stored.job.is_some() {
            // A document with several reports: only the one that this entry is about.
            reports.retain(|report| {
                report.as_ref().map_or(true, |r| stored.job.as_deref() == Some(r.name.as_str()))
            });
        }
        let verdicts = take::take(cx, &community, &reports).await?;
        let mut result = answers(&reports, &verdicts);
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
            touched: Vec::new(),
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
