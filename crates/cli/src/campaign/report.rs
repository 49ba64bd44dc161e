//! The documents that a campaign sends.

use serde_json::{Value, json};

use super::plan::{End, Job, KINDS, Plan, size};

/// Why jobs fail.
const REASONS: [&str; 4] =
    ["application crash", "input not found", "output upload failed", "out of memory"];

/// The moment at which the first job begins: 2026-01-01, in seconds since 1970.
const BEGIN: i64 = 1_767_225_600;

/// The name of a job.
pub fn name(plan: &Plan, job: Job) -> String {
    format!("{}_{:09}_{}", plan.production, job.task, job.attempt)
}

/// The task and attempt of a name that [`name`] made.
pub fn parse_name(plan: &Plan, name: &str) -> Option<(u64, u8)> {
    let rest = name.strip_prefix(plan.production.as_str())?.strip_prefix('_')?;
    let (task, attempt) = rest.split_once('_')?;
    Some((task.parse().ok()?, attempt.parse().ok()?))
}

/// The report of a job.
pub fn report(plan: &Plan, job: Job) -> Value {
    let events = plan.events(job.task);
    let started = BEGIN + i64::try_from(job.task).unwrap_or_default();
    let mut chance = plan.chance("times", job.task * 4 + u64::from(job.attempt));
    let seconds = 3600 + chance.below(7200);
    let (state, reason, written) = match job.end {
        End::Failed(reason) => ("failed", REASONS.get(usize::from(reason)), 0),
        End::Good | End::Lost(_) => ("done", None, events),
    };
    let mut report = json!({
        "name": name(plan, job),
        "production": plan.production,
        "task": job.task + 1,
        "attempt": job.attempt,
        "job_type": "Simulation",
        "state": state,
        "site": Plan::site(job.site),
        "dirac_id": job.task * 4 + u64::from(job.attempt),
        "started": moment(started),
        "ended": moment(started + i64::try_from(seconds).unwrap_or_default()),
        "cpu_seconds": seconds - 60,
        "wall_seconds": seconds,
        "memory": 2_000_000_000 + chance.below(1_000_000_000),
        "events_read": events,
        "events_written": written,
        "first_event": job.task * 1000 + 1,
        "seeds": { "generator": job.task + 1 },
        "worker": { "node": format!("wn{:04}", chance.below(10_000)), "cores": 8 },
        "inputs": plan.inputs(job.task),
        "steps": [
            step("Gauss", "v56r2", events),
            step("Boole", "v45r0", events),
            step("Brunel", "v63r1", events),
        ],
    });
    if let Some(reason) = reason {
        report["reason"] = (*reason).into();
    } else {
        report["outputs"] = (0..KINDS.len()).map(|kind| output(plan, job, kind)).collect();
    }
    report
}

fn moment(seconds: i64) -> String {
    let time = sbk_model::Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    time.to_string()
}

fn step(application: &str, version: &str, events: u64) -> Value {
    json!({
        "application": application, "version": version, "platform": "x86_64_v2-el9-gcc13-opt",
        "options": ["$APPCONFIG/production.py"],
        "conditions": { "DDDB": "dddb-2026", "CondDB": "sim-2026" },
        "events_read": events, "events_written": events,
    })
}

fn output(plan: &Plan, job: Job, kind: usize) -> Value {
    let name = KINDS[kind];
    json!({
        "lfn": plan.output(job.task, name),
        "size": size(job.task, kind),
        "events": plan.events(job.task),
        "step": kind + 1,
        "file_type": name.to_uppercase(),
        "checksums": { "adler32": format!("{:08x}", job.task * 4 + kind as u64) },
        "replicas": [{ "se": format!("{}-disk", Plan::site(job.site)) }],
        "dataset": dataset(plan, name),
        "metadata": {
            "sim_run": job.task / 100 + 1,
            "energy": 91.25,
            "generator": "pythia8",
            "polarity": if job.task.is_multiple_of(2) { "up" } else { "down" },
            "pass": "Sim10a",
        },
    })
}

/// The dataset of a type of files.
pub fn dataset(plan: &Plan, kind: &str) -> String {
    format!("{}/{kind}", plan.production)
}

/// The report of a job with other content.
pub fn contradiction(plan: &Plan, job: Job) -> Value {
    let mut report = report(plan, job);
    report["exit_code"] = 42.into();
    report["events_written"] = (plan.events(job.task) + 1).into();
    report
}
