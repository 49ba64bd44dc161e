//! Shows jobs that have reported.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sbk_api::{
    Code, GetJob, Job, JobCount, JobCounts, JobReport, JobSummary, JobVerification, ListJobs,
    NewFile, OutputReport, Page, Problem, Standing, StepReport, SummarizeJobs, VerifyJobs, Worker,
    WrongJobCount,
};
use sbk_model::{
    FileKey, JobKey, JobName, Lfn, ProductionKey, RunNumber, RunSections, SiteName, TermKey, Vo,
};
use sbk_store::{
    Session, Terms,
    directory::Lock,
    file,
    job::{self, Filter, Stored},
    job_total::{self, Group, Sums},
    lineage, name_of, section, task,
};

use crate::{
    Context, Error, Note, Run, cursor, metadata,
    report::{Configuration, Rest, StepRest, seconds},
};

fn shown(standing: job::Standing) -> Standing {
    match standing {
        job::Standing::Counts => Standing::Counts,
        job::Standing::Surplus => Standing::Surplus,
        job::Standing::Superseded => Standing::Superseded,
        job::Standing::NotGood => Standing::NotGood,
    }
}

fn asked(standing: Standing) -> job::Standing {
    match standing {
        Standing::Counts => job::Standing::Counts,
        Standing::Surplus => job::Standing::Surplus,
        Standing::Superseded => job::Standing::Superseded,
        Standing::NotGood => job::Standing::NotGood,
    }
}

/// A stored count as the type of callers.
fn count<T: TryFrom<i64>>(number: Option<i64>) -> Option<T> {
    number.and_then(|number| T::try_from(number).ok())
}

fn parse<T: Default + serde::de::DeserializeOwned>(text: Option<&str>) -> Result<T, Error> {
    let bad = |error: serde_json::Error| {
        sbk_store::Error::Internal(format!("a stored document is not valid: {error}"))
    };
    Ok(text.map(serde_json::from_str).transpose().map_err(bad)?.unwrap_or_default())
}

/// The names that rows of jobs refer to.
async fn terms(session: &mut Session, jobs: &[Stored]) -> Result<Terms, Error> {
    let keys: BTreeSet<i64> = jobs
        .iter()
        .flat_map(|job| {
            let production = job.production.map(|key| key.0);
            [Some(job.vo), Some(job.owner), production, job.job_type, job.site, job.reason]
        })
        .flatten()
        .collect();
    Ok(session.terms(keys).await?)
}

fn named<T: std::str::FromStr>(terms: &Terms, key: Option<i64>) -> Result<Option<T>, Error> {
    Ok(key.map(|key| name_of(terms, key)).transpose()?)
}

fn job_name(job: &Stored) -> Result<JobName, Error> {
    let bad = |e: sbk_model::Invalid| sbk_store::Error::Internal(e.to_string());
    Ok(job.name.parse().map_err(bad)?)
}

/// Jobs as lists show them.
pub async fn summaries(session: &mut Session, jobs: Vec<Stored>) -> Result<Vec<JobSummary>, Error> {
    let terms = terms(session, &jobs).await?;
    jobs.iter().map(|job| summary(job, &terms)).collect()
}

fn summary(job: &Stored, terms: &Terms) -> Result<JobSummary, Error> {
    Ok(JobSummary {
        name: job_name(job)?,
        vo: name_of(terms, job.vo)?,
        job_type: named(terms, job.job_type)?,
        production: named(terms, job.production.map(|key| key.0))?,
        task: count(job.task),
        attempt: u16::try_from(job.attempt).unwrap_or(u16::MAX),
        dirac_id: job.dirac_id,
        state: job.state,
        reason: named(terms, job.reason)?,
        standing: shown(job.standing),
        site: named(terms, job.site)?,
        started: job.started,
        ended: job.ended,
        received: job.received,
        cpu_seconds: seconds(job.cpu_ms),
        memory: count(job.memory),
        events_read: count(job.events_read),
        events_written: count(job.events_written),
        outputs: u32::try_from(job.outputs).unwrap_or(u32::MAX),
    })
}

/// The one job of a name that the caller sees.
pub async fn find(cx: &mut Context<'_>, name: &JobName, vo: Option<&Vo>) -> Result<Stored, Error> {
    let access = cx.access();
    let key = vo.map(|vo| TermKey::of(vo.as_str()).0);
    let mut found = job::named(&mut cx.session, Some(name.as_str()), None).await?;
    found.retain(|job| access.sees(job.vo) && key.is_none_or(|key| key == job.vo));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::NotFound(format!("there is no job {:?}", name.as_str()))),
        _ => {
            let reason = format!("is needed: several communities have a job {:?}", name.as_str());
            Err(Error::invalid("vo", "", reason))
        }
    }
}

/// What a job reported, put together again.
struct Assembled {
    report: JobReport,
    registered: Vec<Lfn>,
    open: Vec<Lfn>,
}

async fn assemble(session: &mut Session, job: &Stored) -> Result<Assembled, Error> {
    let terms = terms(session, std::slice::from_ref(job)).await?;
    let rest: Rest = parse(job.document.as_deref())?;
    let used = lineage::used_by(session, [job.key]).await?;
    let made = lineage::made_by(session, [job.key]).await?;
    let files =
        file::find(session, used.iter().chain(&made).map(|edge| edge.file), true, Lock::None)
            .await?;
    let shown = file::present(session, files.into_values().collect()).await?;
    let shown: HashMap<FileKey, sbk_api::File> =
        shown.into_iter().map(|file| (file.lfn.key(), file)).collect();
    let missing = used.iter().map(|e| e.file).filter(|key| !shown.contains_key(key));
    let absent = lineage::absent_names(session, missing).await?;
    let made_keys: BTreeSet<FileKey> = made.iter().map(|edge| edge.file).collect();
    let name = |key: &FileKey| {
        shown.get(key).map(|file| file.lfn.clone()).or_else(|| absent.get(key).cloned())
    };
    let inputs: BTreeSet<Lfn> = used
        .iter()
        .filter(|edge| !made_keys.contains(&edge.file))
        .filter_map(|edge| name(&edge.file))
        .chain(rest.inputs.iter().cloned())
        .collect();
    let mut sections = section::of(session, made.iter().map(|edge| edge.file)).await?;
    let mut outputs: Vec<OutputReport> = made
        .iter()
        .filter_map(|edge| {
            let sections = sections.remove(&edge.file).unwrap_or_default();
            Some(OutputReport { sections, ..output(shown.get(&edge.file)?, edge.step) })
        })
        .collect();
    outputs.sort_by(|a, b| (a.step, &a.file.lfn).cmp(&(b.step, &b.file.lfn)));
    let registered = outputs.iter().map(|output| output.file.lfn.clone()).collect();
    outputs.extend(rest.outputs);
    let steps = steps(session, job.key).await?;
    let report = JobReport {
        name: job_name(job)?,
        dirac_id: job.dirac_id,
        job_type: named(&terms, job.job_type)?,
        production: named(&terms, job.production.map(|key| key.0))?,
        task: count(job.task),
        part: rest.part,
        attempt: u16::try_from(job.attempt).unwrap_or(u16::MAX),
        supersedes: rest.supersedes,
        state: job.state,
        reason: named(&terms, job.reason)?,
        exit_code: count(job.exit_code),
        site: named::<SiteName>(&terms, job.site)?,
        submitted: job.submitted,
        started: job.started,
        ended: job.ended,
        cpu_seconds: seconds(job.cpu_ms),
        wall_seconds: seconds(job.wall_ms),
        memory: count(job.memory),
        events_read: count(job.events_read),
        events_written: count(job.events_written),
        first_event: job.first_event,
        run: count::<u32>(job.run).map(RunNumber),
        seeds: rest.seeds,
        log: rest.log,
        worker: if rest.worker.is_empty() { Worker::default() } else { rest.worker },
        environment: rest.environment,
        inputs: inputs.into_iter().collect(),
        steps,
        outputs,
        metadata: metadata::parse(job.meta.as_deref())?,
    };
    let open: BTreeSet<Lfn> = absent.into_values().collect();
    Ok(Assembled { report, registered, open: open.into_iter().collect() })
}

fn output(file: &sbk_api::File, step: i64) -> OutputReport {
    OutputReport {
        file: NewFile {
            lfn: file.lfn.clone(),
            size: file.size,
            guid: file.guid,
            checksums: file.checksums.clone(),
            events: file.events,
            file_type: file.file_type.clone(),
            status: file.status,
            owner: None,
            group: None,
            mode: None,
            created: Some(file.created),
            replicas: Vec::new(),
            metadata: file.metadata.map().into_owned(),
        },
        step: count(Some(step).filter(|step| *step > 0)),
        dataset: None,
        transient: false,
        parents: None,
        sections: RunSections::default(),
    }
}

async fn steps(session: &mut Session, job: JobKey) -> Result<Vec<StepReport>, Error> {
    let stored = job::steps(session, [job]).await?.remove(&job).unwrap_or_default();
    let keys: BTreeSet<i64> = stored.iter().filter_map(|step| step.configuration).collect();
    let configurations = job::configurations(session, &keys).await?;
    let names: BTreeSet<i64> = stored
        .iter()
        .flat_map(|step| [Some(step.application), step.version, step.platform])
        .flatten()
        .collect();
    let terms = session.terms(names).await?;
    let shown = stored.into_iter().map(|step| {
        let rest: StepRest = parse(step.document.as_deref())?;
        let text = step.configuration.and_then(|key| configurations.get(&key));
        let configuration: Configuration = parse(text.map(String::as_str))?;
        Ok(StepReport {
            application: name_of(&terms, step.application)?,
            version: named(&terms, step.version)?,
            step: rest.step,
            platform: named(&terms, step.platform)?,
            options: configuration.options,
            conditions: configuration.conditions,
            inputs: rest.inputs,
            events_read: count(step.events_read),
            events_written: count(step.events_written),
            cpu_seconds: seconds(step.cpu_ms),
            wall_seconds: seconds(step.wall_ms),
            memory: count(step.memory),
            exit_code: count(step.exit_code),
            files: rest.files,
            counters: rest.counters,
        })
    });
    shown.collect()
}

impl Run for GetJob {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Job, Error> {
        let stored = find(cx, &self.name, self.vo.as_ref()).await?;
        let terms = terms(&mut cx.session, std::slice::from_ref(&stored)).await?;
        let Assembled { report, registered, open } = assemble(&mut cx.session, &stored).await?;
        let attempts = match stored.production.zip(stored.task) {
            None => Vec::new(),
            Some(task) => {
                let mut jobs = task::jobs(&mut cx.session, task).await?;
                jobs.retain(|job| job.key != stored.key);
                summaries(&mut cx.session, jobs).await?
            }
        };
        Ok(Job {
            vo: name_of(&terms, stored.vo)?,
            owner: name_of(&terms, stored.owner)?,
            received: stored.received,
            standing: shown(stored.standing),
            attempts,
            report,
            registered,
            open,
        })
    }
}

/// Which jobs a call asks for.
fn filter(call: &ListJobs, vo: Option<i64>) -> Result<Filter, Error> {
    let term = |name: Option<&str>| name.map(|name| TermKey::of(name).0);
    let production = match (&call.production, &call.vo) {
        (None, _) => None,
        (Some(name), Some(vo)) => Some(ProductionKey::of(vo, name)),
        (Some(_), None) => {
            return Err(Error::invalid("vo", "", "is needed beside `production`"));
        }
    };
    if call.task.is_some() && production.is_none() {
        return Err(Error::invalid("production", "", "is needed beside `task`"));
    }
    Ok(Filter {
        vo,
        production,
        task: call.task.map(i64::from),
        site: term(call.site.as_ref().map(AsRef::as_ref)),
        reason: term(call.reason.as_ref().map(AsRef::as_ref)),
        state: call.state,
        standing: call.standing.map(asked),
        dirac_id: call.dirac_id,
        since: call.since,
    })
}

impl Run for ListJobs {
    async fn run(&self, cx: &mut Context<'_>) -> Result<Page<JobSummary>, Error> {
        let (after, limit) = cursor::page::<(i64, i64)>(&self.page)?;
        let vo = cx.listed_community(self.vo.as_ref())?;
        let filter = filter(self, vo)?;
        let after = after.unwrap_or((i64::MIN, i64::MIN));
        let found = job::list(&mut cx.session, &filter, after, limit).await?;
        let position = |job: &Stored| cursor::encode(&(job.received.micros(), job.key.0));
        let next = cursor::next(&found, limit, position);
        Ok(Page { items: summaries(&mut cx.session, found).await?, next })
    }
}

impl Run for SummarizeJobs {
    async fn run(&self, cx: &mut Context<'_>) -> Result<JobCounts, Error> {
        let vo = cx.listed_community(self.vo.as_ref())?;
        let production = match (&self.production, &self.vo) {
            (None, _) => None,
            (Some(name), Some(vo)) => Some(ProductionKey::of(vo, name)),
            (Some(_), None) => {
                return Err(Error::invalid("vo", "", "is needed beside `production`"));
            }
        };
        let groups = job_total::of(&mut cx.session, vo, production).await?;
        Ok(JobCounts { groups: counts(cx, &groups).await? })
    }
}

/// Counts of jobs with the names that they refer to.
async fn counts(cx: &mut Context<'_>, groups: &[(Group, Sums)]) -> Result<Vec<JobCount>, Error> {
    let some = |key: i64| Some(key).filter(|key| *key != 0);
    let keys: BTreeSet<i64> = groups
        .iter()
        .flat_map(|(g, _)| [Some(g.vo), some(g.production), some(g.site), some(g.reason)])
        .flatten()
        .collect();
    let terms = cx.session.terms(keys).await?;
    let groups = groups.iter().map(|(group, sums)| {
        Ok(JobCount {
            vo: name_of(&terms, group.vo)?,
            production: named(&terms, some(group.production))?,
            site: named(&terms, some(group.site))?,
            reason: named(&terms, some(group.reason))?,
            state: group.state()?,
            standing: shown(group.standing()?),
            jobs: sums.jobs,
            events_read: sums.events_read,
            events_written: sums.events_written,
            cpu_seconds: seconds(Some(sums.cpu_ms)).unwrap_or_default(),
            wall_seconds: seconds(Some(sums.wall_ms)).unwrap_or_default(),
        })
    });
    groups.collect()
}

impl Run for VerifyJobs {
    async fn run(&self, cx: &mut Context<'_>) -> Result<JobVerification, Error> {
        let after = self.after.as_deref().map(cursor::decode::<i64>).transpose()?;
        let after = after.unwrap_or(i64::MIN);
        let production = job_total::next_production(&mut cx.session, after).await?;
        let Some(production) = production else {
            cx.note(Note::default());
            return Ok(JobVerification::default());
        };
        let compared = job_total::compared(&mut cx.session, production).await?;
        let checked = compared.len() as u64;
        let wrong: Vec<_> =
            compared.into_iter().filter(|(_, (kept, counted))| kept != counted).collect();
        if self.repair {
            let mut deltas = job_total::Deltas::default();
            for (group, (kept, counted)) in &wrong {
                deltas.correct(*group, *kept, *counted);
            }
            job_total::add(&mut cx.session, &deltas).await?;
        }
        cx.note(Note {
            count: if self.repair { wrong.len() as u64 } else { 0 },
            reason: Some("repair of counts of jobs".into()),
            detail: serde_json::json!({ "production": production }),
            ..Note::default()
        });
        let side = |counted: bool| -> Vec<(Group, Sums)> {
            let of = |(group, sums): &(Group, (Sums, Sums))| {
                (*group, if counted { sums.1 } else { sums.0 })
            };
            wrong.iter().map(of).collect()
        };
        let kept = counts(cx, &side(false)).await?;
        let counted = counts(cx, &side(true)).await?;
        let wrong = kept.into_iter().zip(counted).map(|(kept, counted)| WrongJobCount {
            kept,
            counted,
            repaired: self.repair,
        });
        let next = Some(cursor::encode(&production));
        Ok(JobVerification { checked, wrong: wrong.collect(), next })
    }
}

/// The most differences that a message names.
const MAX_DIFFERENCES: usize = 20;

/// Says in what a report differs from the one that was taken.
pub async fn contradiction(
    cx: &mut Context<'_>,
    job: &Stored,
    report: &JobReport,
) -> Result<Problem, Error> {
    if job.name != report.name.as_str() {
        let text = format!("its key is that of the job {:?}; choose another name", job.name);
        return Ok(Problem::new(Code::Conflict, text));
    }
    let known = assemble(&mut cx.session, job).await?;
    let (old, new) = (facts(&known.report), facts(report));
    let empty = serde_json::Value::Null;
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let (was, is) = (old.get(name).unwrap_or(&empty), new.get(name).unwrap_or(&empty));
        if was != is {
            differences.push(format!("{name} was {was}, not {is}"));
        }
    }
    let more = differences.len().saturating_sub(MAX_DIFFERENCES);
    differences.truncate(MAX_DIFFERENCES);
    if more > 0 {
        differences.push(format!("and {more} more"));
    }
    if differences.is_empty() {
        differences.push("in replicas, datasets, sections or owners of its outputs".into());
    }
    let field =
        differences.first().and_then(|text| text.split_once(" was ")).map(|(f, _)| f.into());
    let text = format!(
        "the job reported before, at {}, and differs: {}",
        job.received,
        differences.join("; ")
    );
    Ok(Problem { field, ..Problem::new(Code::Conflict, text) })
}

/// What a report says, by path. Of outputs only what cannot change later.
fn facts(report: &JobReport) -> BTreeMap<String, serde_json::Value> {
    let mut facts = BTreeMap::new();
    let mut plain = report.clone();
    let outputs = std::mem::take(&mut plain.outputs);
    plain.inputs.sort_unstable();
    // What a job leaves out is taken from its steps.
    plain.events_written =
        plain.events_written.or(plain.steps.iter().rev().find_map(|step| step.events_written));
    plain.events_read = plain.events_read.or(plain.steps.iter().find_map(|step| step.events_read));
    flatten("", &serde_json::to_value(&plain).unwrap_or_default(), &mut facts);
    for output in outputs {
        let file = &output.file;
        let name = format!("outputs.{}", file.lfn);
        facts.insert(format!("{name}.size"), file.size.get().into());
        let sums = serde_json::to_value(&file.checksums).unwrap_or_default();
        flatten(&format!("{name}.checksums"), &sums, &mut facts);
        if let Some(events) = file.events {
            facts.insert(format!("{name}.events"), events.get().into());
        }
    }
    facts
}

fn flatten(path: &str, value: &serde_json::Value, facts: &mut BTreeMap<String, serde_json::Value>) {
    let below = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
    match value {
        serde_json::Value::Object(map) => {
            for (name, value) in map {
                flatten(&below(name), value, facts);
            }
        }
        serde_json::Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                flatten(&below(&at.to_string()), value, facts);
            }
        }
        other => drop(facts.insert(path.to_owned(), other.clone())),
    }
}
