use crate::{Error, Session, Store};

/// A numbered change of the tables, in the common spelling; immutable once released.
#[derive(Debug)]
pub struct Migration {
    /// Its number and name, for instance `0001_catalogue`.
    pub name: &'static str,
    /// Its statements, separated by `;` at the end of a line.
    pub sql: &'static str,
}

/// All migrations, oldest first.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_catalogue", sql: include_str!("migrations/0001_catalogue.sql") },
    Migration { name: "0002_jobs", sql: include_str!("migrations/0002_jobs.sql") },
    Migration { name: "0003_runs", sql: include_str!("migrations/0003_runs.sql") },
    Migration { name: "0004_productions", sql: include_str!("migrations/0004_productions.sql") },
    Migration { name: "0005_requests", sql: include_str!("migrations/0005_requests.sql") },
    Migration { name: "0006_steps", sql: include_str!("migrations/0006_steps.sql") },
    Migration { name: "0007_file_catalog", sql: include_str!("migrations/0007_file_catalog.sql") },
];

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS migration (
    name {name 64} NOT NULL PRIMARY KEY,
    applied {bigint} NOT NULL
) {clustered}";

impl Store {
    /// Brings the tables to the newest version, and returns the migrations that were applied.
    ///
    /// Safe to run from several processes at once: one wins, the others find nothing to do.
    pub async fn migrate(&self, now: sbk_model::Timestamp) -> Result<Vec<String>, Error> {
        let mut session = self.write_unbound().await?;
        let (lock, keep, undo) = self.dialect().migration_lock();
        session.script(lock.to_owned()).await?;
        let result = apply(&mut session, now).await;
        let unlock = if result.is_ok() { keep } else { undo };
        session.script(unlock.to_owned()).await?;
        result
    }

    /// The migrations that the database lacks.
    ///
    /// # Errors
    /// [`Error::Migration`] when the database has one that this program does not know.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        let mut session = self.read().await?;
        let columns = session.rows(self.dialect().columns_of(), vec!["migration".into()]).await?;
        let applied = if columns.is_empty() { Vec::new() } else { applied(&mut session).await? };
        pending(&applied).map(|list| list.iter().map(|m| m.name.to_owned()).collect())
    }
}

async fn applied(session: &mut Session) -> Result<Vec<String>, Error> {
    let rows = session.rows("SELECT name FROM migration ORDER BY name", vec![]).await?;
    rows.iter().map(|row| row.text(0)).collect()
}

fn pending(applied: &[String]) -> Result<Vec<&'static Migration>, Error> {
    if let Some(unknown) = applied.iter().find(|name| MIGRATIONS.iter().all(|m| m.name != *name)) {
        return Err(Error::Migration(format!(
            "the database has the migration {unknown}, which this version of sbk does not know; \
             use a newer sbk"
        )));
    }
    Ok(MIGRATIONS.iter().filter(|m| !applied.iter().any(|name| name == m.name)).collect())
}

async fn apply(session: &mut Session, now: sbk_model::Timestamp) -> Result<Vec<String>, Error> {
    let history = session.dialect().spell(HISTORY);
    session.script(history).await?;
    let mut done = Vec::new();
    for migration in pending(&applied(session).await?)? {
        let dialect = session.dialect();
        for sql in dialect.split_migration(migration.sql) {
            session.script(sql).await?;
        }
        let sql = "INSERT INTO migration (name, applied) VALUES (?, ?)";
        session.execute(sql, vec![migration.name.into(), now.micros().into()]).await?;
        done.push(migration.name.to_owned());
    }
    Ok(done)
}
