//! A graph of provenance: jobs that make five files each from three of jobs before them.

use std::time::Instant;

use anyhow::{Result, ensure};
use sbk_model::Lfn;

use crate::bench::keys::data::Random;
use crate::bench::service::database::Database;
use crate::bench::service::http::{Connection, Request};
use crate::interrupt::Interrupt;

/// How many files a job makes.
pub const OUTPUTS: u64 = 5;

/// How many files a job reads.
const INPUTS: u64 = 3;

/// How many files a walk begins at.
const STARTS: u64 = 100;

const BATCH: u64 = 100;

fn name(file: u64) -> String {
    format!("/graph/{:05}/{file:08}.root", file / 1000)
}

/// Reports all jobs of the graph.
pub fn fill(connection: &mut Connection, jobs: u64, interrupt: &Interrupt) -> Result<()> {
    connection.send(&Request::put("/communities/graph", "{}"))?;
    let mut random = Random::new(11);
    for first in (0..jobs).step_by(usize::try_from(BATCH)?) {
        interrupt.check()?;
        let reports: Vec<String> =
            (first..(first + BATCH).min(jobs)).map(|job| report(job, &mut random)).collect();
        let body = format!(r#"{{"vo":"graph","refuse":true,"reports":[{}]}}"#, reports.join(","));
        let answer = connection.send(&Request::post("/jobs", &body))?;
        let wanted = format!(r#"{{"recorded":{}"#, reports.len());
        ensure!(answer.starts_with(wanted.as_bytes()), "{}", String::from_utf8_lossy(&answer));
    }
    Ok(())
}

fn report(job: u64, random: &mut Random) -> String {
    let before = job * OUTPUTS;
    let inputs: Vec<String> = (0..INPUTS)
        .filter(|_| before > 0)
        .map(|_| format!("{:?}", name(random.below(before))))
        .collect();
    let outputs: Vec<String> = (0..OUTPUTS)
        .map(|output| format!(r#"{{"lfn":{:?},"size":1000}}"#, name(before + output)))
        .collect();
    format!(
        r#"{{"name":"j{job}","inputs":[{}],"steps":[{{"application":"Reco"}}],"outputs":[{}]}}"#,
        inputs.join(","),
        outputs.join(",")
    )
}

/// A walk from some files, as a request and as SQL.
pub fn walk(jobs: u64, round: u64) -> (Request, String) {
    let mut random = Random::new(100 + round);
    let names: Vec<String> = (0..STARTS).map(|_| name(random.below(jobs * OUTPUTS))).collect();
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let body = format!(r#"{{"lfns":[{}],"depth":5}}"#, quoted.join(","));
    let keys: Vec<String> = names
        .iter()
        .filter_map(|name| {
            let key = name.parse::<Lfn>().ok()?.key();
            Some(format!("({}::bigint, {}::bigint)", key.directory.0, key.name))
        })
        .collect();
    let query = format!(
        "WITH RECURSIVE w(sdir, sid, dir, id, depth) AS (\
           SELECT s.dir, s.id, s.dir, s.id, 0 FROM (VALUES {}) s(dir, id) \
           UNION \
           SELECT w.sdir, w.sid, u.dir, u.id, w.depth + 1 FROM w \
           JOIN made m ON m.dir = w.dir AND m.id = w.id \
           JOIN used u ON u.job = m.job AND u.step = m.step WHERE w.depth < 5) \
         SELECT w.sdir, w.sid, MIN(w.depth) AS depth, d.path, f.name, f.status FROM w \
         JOIN file f ON f.dir = w.dir AND f.id = w.id JOIN directory d ON d.dir = w.dir \
         WHERE w.depth > 0 GROUP BY w.sdir, w.sid, w.dir, w.id, d.path, f.name, f.status \
         ORDER BY depth, w.sdir, w.sid, w.dir, w.id;",
        keys.join(", ")
    );
    (Request::post_lines("/provenance/ancestors", &body), query)
}

/// How long a walk takes both ways, in milliseconds.
#[derive(Debug)]
pub struct Measured {
    pub lines: u64,
    pub service: f64,
    pub peer: f64,
}

/// Measures a walk.
pub fn measure(
    connection: &mut Connection,
    database: &mut Database,
    request: &Request,
    query: &str,
    round: u64,
) -> Result<Measured> {
    let mut peer = 0.0;
    if round.is_multiple_of(2) {
        database.run(query)?;
        peer = database.run(query)?;
    }
    let began = Instant::now();
    let (lines, _) = connection.count_lines(request)?;
    let service = began.elapsed().as_secs_f64() * 1000.0;
    if !round.is_multiple_of(2) {
        database.run(query)?;
        peer = database.run(query)?;
    }
    Ok(Measured { lines, service, peer })
}
