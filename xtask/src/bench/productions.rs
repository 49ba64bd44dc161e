//! How long it takes to say which inputs of a production lack a good output.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::Args;
use sbk_model::{DirKey, ProductionKey, ProductionName, TermKey, Vo};
use sbk_testkit::Backend;

use super::{
    machine,
    service::{
        database::Database,
        http::{Connection, Request},
        process::Server,
    },
    statistics::Summary,
};
use crate::interrupt::Interrupt;

const VO: &str = "bench";
/// The time that both answers may take together, in milliseconds.
const AIM_MS: f64 = 1000.0;
const ROUNDS: usize = 9;

/// Measures how complete a production is said to be, on PostgreSQL over REST.
#[derive(Debug, Args)]
pub struct Arguments {
    /// How many inputs the production has.
    #[arg(long, default_value_t = 100_000)]
    inputs: u64,

    /// How many other productions of the same size there are.
    #[arg(long, default_value_t = 4)]
    others: u64,

    /// One input in so many lacks a good output.
    #[arg(long, default_value_t = 50)]
    one_in: u64,
}

pub fn run(arguments: &Arguments) -> Result<()> {
    let interrupt = Interrupt::watch()?;
    let program = Server::build()?;
    let directory = tempfile::Builder::new().prefix("sbk-bench-").tempdir()?;
    let mut database = Database::start(Backend::Postgres, directory.path())?;
    let server = Server::start(&program, database.url(), &directory.path().join("service.log"))?;
    let mut connection = Connection::open(server.address)?;
    connection.send(&Request::put(&format!("/communities/{VO}"), "{}"))?;
    for number in 0..=arguments.others {
        interrupt.check()?;
        fill(&mut database, &mut connection, arguments, number)?;
    }
    database.settle()?;
    println!("{}", machine::describe());
    let (inputs, others) = (arguments.inputs, arguments.others);
    println!("{inputs} inputs beside {others} other productions, 1 in {} lacks", arguments.one_in);
    let summary = measure(&mut connection, "/productions/p0/completeness")?;
    let page = measure(&mut connection, "/productions/p0/missing?limit=100")?;
    let progress = measure(&mut connection, "/productions?limit=100")?;
    check(&mut connection, arguments)?;
    println!("how many, by reason: {summary:8.1} ms");
    println!("the first 100:       {page:8.1} ms");
    println!("progress of all:     {progress:8.1} ms");
    let together = summary + page;
    let verdict = if together <= AIM_MS { "met" } else { "MISSED" };
    println!("together {together:.1} ms, aim {AIM_MS} ms: {verdict}");
    Ok(())
}

/// The median of the milliseconds that an answer takes.
fn measure(connection: &mut Connection, path: &str) -> Result<f64> {
    let request = Request::get(path);
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        connection.send(&request)?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(Summary::of(&times).context("nothing was measured")?.median)
}

/// Compares the answer with what was filled in.
fn check(connection: &mut Connection, arguments: &Arguments) -> Result<()> {
    let answer = connection.send(&Request::get("/productions/p0/completeness"))?;
    let answer = String::from_utf8(answer)?;
    let missing = arguments.inputs / arguments.one_in;
    let wanted = format!("\"missing\":{missing},");
    ensure!(answer.contains(&wanted), "{wanted} is not in {answer}");
    Ok(())
}

/// Creates a production, and puts inputs, tasks, jobs, edges and outputs of it into the tables:
/// of the inputs without a good output, half are of tasks that failed, half have lost their output.
fn fill(
    database: &mut Database,
    connection: &mut Connection,
    arguments: &Arguments,
    number: u64,
) -> Result<()> {
    let name = format!("p{number}");
    let body = format!(
        r#"{{"vo":"{VO}","production":{{"name":"{name}","input":{{"query":"size > 1"}}}}}}"#
    );
    connection.send(&Request::post("/productions", &body))?;
    let vo: Vo = VO.parse()?;
    let production = ProductionKey::of(&vo, &name.parse::<ProductionName>()?).0;
    let (vo, count, one_in) = (TermKey::of(VO).0, arguments.inputs, arguments.one_in);
    let source = DirKey::of(&format!("/{VO}/{name}/in")).0;
    let target = DirKey::of(&format!("/{VO}/{name}/out")).0;
    // Numbers that are spread like the hashes that keys are.
    let spread = |salt: &str| format!("hashint8extended(n, hashtext('{salt} {number}'))");
    let (input, output, job) = (spread("input"), spread("output"), spread("job"));
    let numbers = format!("FROM generate_series(1::bigint, {count}) AS n");
    let lacks = format!("n % {one_in} = 0");
    let fails = format!("n % (2 * {one_in}) = 0");
    database.run(&format!(
        "INSERT INTO directory (dir, parent, path, vo, owner, owner_group, created, modified, \
           audit, mode) VALUES ({source}, 0, '/{VO}/{name}/in', {vo}, {vo}, {vo}, 1, 1, 1, 493), \
           ({target}, 0, '/{VO}/{name}/out', {vo}, {vo}, {vo}, 1, 1, 1, 493);\n\
         INSERT INTO file (dir, id, vo, owner, owner_group, size, created, modified, audit, status, \
           name) SELECT {source}, {input}, {vo}, {vo}, {vo}, 1000, 1, 1, 1, 0, n || '.raw' {numbers};\n\
         INSERT INTO file (dir, id, vo, owner, owner_group, size, created, modified, audit, status, \
           name) SELECT {target}, {output}, {vo}, {vo}, {vo}, 1000, 1, 1, 1, \
           CASE WHEN {lacks} THEN 2 ELSE 0 END, n || '.dst' {numbers} WHERE NOT {fails};\n\
         INSERT INTO production_input (production, dir, id, task, audit) \
           SELECT {production}, {source}, {input}, n, 1 {numbers};\n\
         INSERT INTO task (production, task, vo, job, inputs, created, modified, audit, attempts, \
           state) SELECT {production}, n, {vo}, {job}, 1, 1, 1, 1, 1, \
           CASE WHEN {fails} THEN 4 ELSE 3 END {numbers};\n\
         INSERT INTO job (job, vo, production, task, owner, received, digest, audit, outputs, \
           attempt, state, standing, name) SELECT {job}, {vo}, {production}, n, {vo}, n, 1, 1, 1, 1, \
           CASE WHEN {fails} THEN 1 ELSE 0 END, CASE WHEN {fails} THEN 3 ELSE 0 END, \
           '{name}_' || n {numbers};\n\
         INSERT INTO used (job, step, dir, id) SELECT {job}, 1, {source}, {input} {numbers};\n\
         INSERT INTO made (dir, id, job, step) SELECT {target}, {output}, {job}, 1 {numbers} \
           WHERE NOT {fails};\n\
         INSERT INTO task_total (production, state, slot, tasks, events, inputs) \
           VALUES ({production}, 3, 0, {count}, 0, {count});"
    ))?;
    Ok(())
}
