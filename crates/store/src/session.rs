use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{TryStreamExt, stream::BoxStream};

use crate::{
    Error, Store,
    dialect::{Batch, Conflict, Connection, Dialect, Param, Row, Statement},
    pool::{Lease, Pool},
};

/// A connection in use: one transaction, or reads without one.
///
/// Store functions take it and never commit. A session that is dropped in a transaction closes
/// its connection, which rolls back.
#[derive(Debug)]
pub struct Session {
    lease: Option<Lease>,
    pool: Pool,
    dialect: Dialect,
    open: bool,
    pub(crate) store: Store,
    pub(crate) new_terms: BTreeMap<i64, Arc<str>>,
    /// Keys of rows that never change, and that this transaction has made sure of.
    pub(crate) new_keys: BTreeSet<i64>,
}

impl Session {
    pub(crate) fn new(store: Store, pool: Pool, lease: Lease) -> Self {
        let dialect = lease.connection.dialect();
        Self {
            lease: Some(lease),
            pool,
            dialect,
            open: false,
            store,
            new_terms: BTreeMap::new(),
            new_keys: BTreeSet::new(),
        }
    }

    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        self.open = true;
        let sql = self.dialect.begin_write().to_owned();
        self.control(sql).await
    }

    async fn control(&mut self, sql: String) -> Result<(), Error> {
        let result = self.connection()?.run_script(sql).await;
        self.watch(result)
    }

    /// Makes all changes durable.
    pub async fn commit(mut self) -> Result<(), Error> {
        self.control("COMMIT".into()).await?;
        self.open = false;
        self.store.remember_terms(std::mem::take(&mut self.new_terms));
        self.store.remember_keys(std::mem::take(&mut self.new_keys));
        Ok(())
    }

    /// Undoes all changes.
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.control("ROLLBACK".into()).await?;
        self.open = false;
        Ok(())
    }

    /// Makes the changes so far durable and goes on without a transaction, for changes of tables.
    pub async fn leave(&mut self) -> Result<(), Error> {
        self.control("COMMIT".into()).await?;
        self.open = false;
        let terms = std::mem::take(&mut self.new_terms);
        self.store.remember_terms(terms);
        Ok(())
    }

    /// Begins a transaction after [`Session::leave`].
    pub async fn enter(&mut self) -> Result<(), Error> {
        self.begin().await
    }

    /// Marks a place in the transaction that [`Session::undo`] goes back to. Names that are
    /// interned after it may be lost; they are to be interned before.
    pub async fn mark(&mut self) -> Result<(), Error> {
        self.control("SAVEPOINT mark".into()).await
    }

    /// Undoes what was done since the last [`Session::mark`].
    pub async fn undo(&mut self) -> Result<(), Error> {
        self.new_keys.clear();
        self.control("ROLLBACK TO mark".into()).await
    }

    fn connection(&mut self) -> Result<&mut Connection, Error> {
        let lease = self.lease.as_mut().ok_or_else(|| Error::Internal("no connection".into()))?;
        Ok(&mut lease.connection)
    }

    /// Gives up all idle connections when one was lost.
    fn watch<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if matches!(result, Err(Error::Unavailable(_))) {
            self.pool.forget();
        }
        result
    }

    /// What differs between databases.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The slot of the totals that this connection writes.
    pub(crate) fn slot(&self) -> i64 {
        self.lease.as_ref().map_or(0, |lease| lease.slot)
    }

    /// Whether no transaction is open, so that what is read is durable.
    pub(crate) fn is_reading(&self) -> bool {
        !self.open
    }

    /// Runs one common SQL text, and returns how many rows it touched.
    pub async fn execute(&mut self, sql: &str, params: Vec<Param>) -> Result<u64, Error> {
        let statement = self.dialect.statement(sql, params);
        self.run(statement).await
    }

    /// Runs a statement that the dialect made.
    pub async fn run(&mut self, statement: Statement) -> Result<u64, Error> {
        let result = self.connection()?.execute(statement).await;
        self.watch(result)
    }

    /// Inserts a batch, and returns how many rows are new (or were added to).
    pub async fn insert(
        &mut self,
        table: &str,
        batch: Batch,
        conflict: Conflict<'_>,
    ) -> Result<u64, Error> {
        let rows = batch.rows();
        let mut touched = 0;
        for statement in self.dialect.insert(table, batch, conflict) {
            if self.open
                && let Some(hope) = self.dialect.hope(&statement, rows)
            {
                self.script("SAVEPOINT hope".into()).await?;
                match self.run(hope).await {
                    Err(Error::Contended(_)) => self.script("ROLLBACK TO hope".into()).await?,
                    result => {
                        touched += result?;
                        continue;
                    }
                }
            }
            touched += self.run(statement).await?;
        }
        Ok(touched)
    }

    /// Sets the columns `sets` of the rows whose `keys` are in the batch.
    pub async fn update(
        &mut self,
        table: &str,
        batch: Batch,
        keys: &[&str],
        sets: &[&str],
    ) -> Result<u64, Error> {
        if batch.rows() == 0 {
            return Ok(0);
        }
        let statement = self.dialect.update(table, batch, keys, sets);
        self.run(statement).await
    }

    /// Deletes the rows whose keys are in the batch.
    pub async fn delete(&mut self, table: &str, batch: Batch) -> Result<u64, Error> {
        if batch.rows() == 0 {
            return Ok(0);
        }
        let statement = self.dialect.delete(table, batch);
        self.run(statement).await
    }

    /// Runs a query whose answer is bounded.
    pub async fn rows(&mut self, sql: &str, params: Vec<Param>) -> Result<Vec<Row>, Error> {
        let statement = self.dialect.statement(sql, params);
        self.rows_of(statement).await
    }

    /// Runs a query that the dialect made, whose answer is bounded.
    pub async fn rows_of(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        let result = self.connection()?.fetch_all(statement).await;
        self.watch(result)
    }

    /// Runs a query whose answer is bounded, and reads each row as it comes, while the database
    /// makes the next.
    pub async fn read_rows<T>(
        &mut self,
        statement: Statement,
        mut read: impl FnMut(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let result = async {
            let mut rows = self.connection()?.fetch(statement)?;
            let mut all = Vec::new();
            while let Some(row) = rows.try_next().await? {
                all.push(read(&row)?);
            }
            Ok(all)
        };
        let result = result.await;
        self.watch(result)
    }

    /// Runs a query that answers at most one row.
    pub async fn row(&mut self, sql: &str, params: Vec<Param>) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Runs a query that joins the batch as `r`: `{rows}` in the text stands for it, and must
    /// come before all other values.
    pub async fn rows_with(
        &mut self,
        sql: &str,
        batch: Batch,
        params: Vec<Param>,
    ) -> Result<Vec<Row>, Error> {
        if batch.rows() == 0 {
            return Ok(Vec::new());
        }
        let statement = self.dialect.with_rows(sql, batch, params);
        self.rows_of(statement).await
    }

    /// Runs a query, and gives its rows one by one.
    pub fn stream(
        &mut self,
        sql: &str,
        params: Vec<Param>,
    ) -> Result<BoxStream<'_, Result<Row, Error>>, Error> {
        let statement = self.dialect.statement(sql, params);
        self.connection()?.fetch(statement)
    }

    /// Runs SQL text as it is.
    pub(crate) async fn script(&mut self, sql: String) -> Result<(), Error> {
        self.control(sql).await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.open
            && let Some(lease) = self.lease.take()
        {
            drop(Lease::take(lease));
        }
    }
}
