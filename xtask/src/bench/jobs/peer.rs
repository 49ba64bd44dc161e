//! The rows that job reports leave, loaded by the database's own means.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::bench::psql;
use crate::bench::service::database::Database;

/// How many batches are loaded.
const BATCHES: usize = 100;

/// The tables that a report writes, with the condition that selects the rows of one call.
const TABLES: &[(&str, &str)] = &[
    ("job", "x.audit = $"),
    ("job_step", "x.job IN (SELECT job FROM job WHERE audit = $)"),
    ("used", "x.job IN (SELECT job FROM job WHERE audit = $)"),
    ("made", "x.job IN (SELECT job FROM job WHERE audit = $)"),
    ("task", "x.audit = $"),
    ("file", "x.audit = $"),
    ("replica", "x.audit = $"),
    ("member", "x.audit = $"),
    ("audit", "x.audit = $"),
];

/// Loads the last batches of a production into tables like those of the service that hold all else,
/// each batch in one transaction, and gives how many reports a second that is.
pub fn rate(database: &mut Database, production: &str) -> Result<f64> {
    let url = database.url().to_owned();
    let query = format!(
        "SELECT j.audit, COUNT(*) FROM job j JOIN term n ON n.id = j.production \
         WHERE n.name = '{production}' GROUP BY j.audit ORDER BY j.audit DESC LIMIT {BATCHES}"
    );
    let mut calls = Vec::new();
    for row in psql::rows(&url, &query)? {
        let (audit, jobs) = row.split_once('|').context("two columns")?;
        calls.push((audit.parse::<i64>()?, jobs.parse::<u32>()?));
    }
    let audits: Vec<String> = calls.iter().map(|(audit, _)| audit.to_string()).collect();
    let directory = tempfile::tempdir()?;
    for (table, _) in TABLES {
        database.run(&format!("CREATE TABLE peer_{table} (LIKE {table} INCLUDING ALL);"))?;
    }
    for (table, condition) in TABLES {
        for (number, audit) in audits.iter().enumerate() {
            let condition = condition.replace('$', audit);
            let file = directory.path().join(format!("{table}-{number}.tsv"));
            database.run(&format!(
                "\\copy (SELECT x.* FROM {table} x WHERE {condition}) to '{}'",
                file.display()
            ))?;
        }
        let condition = condition.replace("= $", &format!("IN ({})", audits.join(",")));
        database.run(&format!(
            "INSERT INTO peer_{table} SELECT x.* FROM {table} x WHERE NOT ({condition});"
        ))?;
    }
    database.settle()?;
    let mut jobs = 0.0;
    let mut ms = 0.0;
    for (number, (_, count)) in calls.iter().enumerate() {
        let mut statements = String::from("BEGIN;\n");
        for (table, _) in TABLES {
            let file = directory.path().join(format!("{table}-{number}.tsv"));
            writeln!(statements, "\\copy peer_{table} from '{}'", file.display())?;
        }
        statements.push_str("COMMIT;");
        ms += database.run(&statements)?;
        jobs += f64::from(*count);
    }
    Ok(jobs * 1000.0 / ms)
}
