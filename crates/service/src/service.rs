use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use sbk_api::Operation;
use sbk_model::{AuditId, IdempotencyKey, fingerprint};
use sbk_store::{Store, audit, idempotency};

use crate::{
    Caller, Context, Environment, Error, Note, SystemEnvironment, lineage::Walks,
    metadata::Schemas, report::Gathering,
};

/// How often a transaction is run again when others were in its way.
const ATTEMPTS: u32 = 10;

/// How long an answer is kept for a client that repeats its write, in seconds.
const ANSWERS_KEPT_SECONDS: i64 = 24 * 3600;

/// An operation that the service can run.
pub trait Run: Operation {
    /// Applies the rules of the operation within the transaction of the context.
    fn run(&self, cx: &mut Context<'_>)
    -> impl Future<Output = Result<Self::Output, Error>> + Send;

    /// Brings the operation into a transaction: one of its own, unless calls of its kind share one.
    /// The caller's permission was checked.
    fn enter(
        self,
        service: &Service,
        caller: &Caller,
        context: CallContext,
    ) -> impl Future<Output = Result<Self::Output, Error>> + Send {
        async move {
            let key = context.idempotency_key.filter(|_| Self::WRITES);
            service.transact(caller, &self, key.as_ref()).await
        }
    }
}

/// Work in progress, called through a pointer.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// An operation that the service can be called with: each that it can [`Run`].
///
/// What is generic is compiled where it is used. So an operation is begun by code of its own, here
/// and once, or each wire would compile all that all operations do.
pub trait Call: Run {
    /// Begins the operation for a caller.
    fn begin<'a>(
        self,
        service: &'a Service,
        caller: &'a Caller,
        context: CallContext,
    ) -> Boxed<'a, Self::Output>;
}

macro_rules! calls {
    (plain: $($plain:ty),*; listing: $($listing:ty),*;) => {
        $(calls!(@ $plain);)*
        $(calls!(@ $listing);)*
    };
    (@ $operation:ty) => {
        impl Call for $operation {
            fn begin<'a>(
                self,
                service: &'a Service,
                caller: &'a Caller,
                context: CallContext,
            ) -> Boxed<'a, Self::Output> {
                Box::pin(service.admit(caller, self, context))
            }
        }
    };
}
sbk_api::every_operation!(calls);

/// How the service is set up.
#[derive(Clone)]
pub struct Options {
    /// How the store uses its database.
    pub store: sbk_store::Options,
    /// Time and randomness.
    pub environment: Arc<dyn Environment>,
}

impl Default for Options {
    fn default() -> Self {
        Self { store: sbk_store::Options::default(), environment: Arc::new(SystemEnvironment) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("store", &self.store).finish_non_exhaustive()
    }
}

/// What a wire knows of a call beside its arguments.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// The client's own name for the write.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// The bookkeeping. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    schemas: Schemas,
    walks: Walks,
    gathering: Gathering,
    environment: Arc<dyn Environment>,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("store", &self.inner.store).finish_non_exhaustive()
    }
}

impl Service {
    /// Opens the database of a URL; connections are made when they are needed.
    #[expect(clippy::unused_async, reason = "opening will look at the database")]
    pub async fn open(url: &str, options: Options) -> Result<Self, Error> {
        let store = Store::new(url, &options.store)?;
        let inner = Inner {
            store,
            schemas: Schemas::default(),
            walks: Walks::default(),
            gathering: Gathering::default(),
            environment: options.environment,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Brings the tables to the newest version, and returns the migrations that were applied.
    pub async fn migrate(&self) -> Result<Vec<String>, Error> {
        Ok(self.inner.store.migrate(self.inner.environment.now()).await?)
    }

    /// Makes the tables of a database that has none yet; one that has some stays as it is.
    pub async fn prepare_if_new(&self) -> Result<Vec<String>, Error> {
        let pending = self.pending_migrations().await?;
        if pending.len() < sbk_store::MIGRATIONS.len() {
            return Ok(Vec::new());
        }
        self.migrate().await
    }

    /// The migrations that the database lacks.
    pub async fn pending_migrations(&self) -> Result<Vec<String>, Error> {
        Ok(self.inner.store.pending_migrations().await?)
    }

    /// The store below.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Time and randomness.
    pub fn environment(&self) -> &dyn Environment {
        &*self.inner.environment
    }

    /// The schema of a community as it was a few seconds ago at most; none where the community is not
    /// declared.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn schema(
        &self,
        vo: &sbk_model::Vo,
    ) -> Result<Option<Arc<sbk_metadata::Schema>>, Error> {
        let now = self.inner.environment.now();
        let schemas = self.schemas();
        if let Some(known) = schemas.known(vo, now) {
            return Ok(Some(known.schema.clone()));
        }
        let mut session = self.inner.store.read().await?;
        match schemas.community(&mut session, vo, now).await {
            Ok(known) => Ok(Some(known.schema.clone())),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn schemas(&self) -> &Schemas {
        &self.inner.schemas
    }

    pub(crate) fn gathering(&self) -> &Gathering {
        &self.inner.gathering
    }

    pub(crate) fn walks(&self) -> &Walks {
        &self.inner.walks
    }

    /// Runs an operation for a caller: checks the permission, opens the transaction, runs,
    /// audits, commits. A transaction that met another is run again.
    pub async fn call<O: Call>(
        &self,
        caller: &Caller,
        operation: O,
        context: CallContext,
    ) -> Result<O::Output, Error> {
        operation.begin(self, caller, context).await
    }

    async fn admit<O: Run>(
        &self,
        caller: &Caller,
        operation: O,
        context: CallContext,
    ) -> Result<O::Output, Error> {
        if !caller.permissions.contains(&O::REQUIRES) {
            return Err(Error::Forbidden(O::REQUIRES, caller.user.to_string()));
        }
        operation.enter(self, caller, context).await
    }

    /// Runs an operation in a transaction, and again when another was in its way.
    pub(crate) async fn transact<O: Run>(
        &self,
        caller: &Caller,
        operation: &O,
        key: Option<&IdempotencyKey>,
    ) -> Result<O::Output, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let result = self.attempt(caller, operation, key).await;
            match &result {
                Err(Error::Store(error)) if attempt < ATTEMPTS && may_help(error, attempt) => {
                    tracing::debug!(operation = O::NAME, attempt, %error, "trying again");
                    self.pause(attempt).await;
                }
                _ => return result,
            }
        }
    }

    async fn pause(&self, attempt: u32) {
        let most = 4_u64 << attempt.min(7);
        let ms = 1 + self.inner.environment.random() % most;
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    async fn attempt<O: Run>(
        &self,
        caller: &Caller,
        operation: &O,
        key: Option<&IdempotencyKey>,
    ) -> Result<O::Output, Error> {
        let now = self.inner.environment.now();
        #[expect(clippy::cast_possible_truncation, reason = "22 of the bits are used")]
        let audit = AuditId::at(now, self.inner.environment.random() as u32);
        let store = &self.inner.store;
        let session = if O::WRITES { store.begin().await? } else { store.read().await? };
        let mut cx =
            Context { session, caller, now, audit, service: self, note: None, abandoned: false };
        if !O::WRITES {
            return operation.run(&mut cx).await;
        }
        let result = write(&mut cx, operation, key).await;
        let keep = result.is_ok() && !cx.abandoned;
        if keep {
            cx.session.commit().await?;
        } else if let Err(error) = cx.session.rollback().await {
            tracing::debug!(%error, "a rollback failed; the connection was closed");
        }
        result
    }
}

/// Whether running the same transaction again may help. Every write is safe to repeat.
fn may_help(error: &sbk_store::Error, attempt: u32) -> bool {
    match error {
        sbk_store::Error::Contended(_) => true,
        // The idle connections were given up; one more try finds whether the database is back.
        sbk_store::Error::Unavailable(_) => attempt == 1,
        _ => false,
    }
}

async fn write<O: Run>(
    cx: &mut Context<'_>,
    operation: &O,
    key: Option<&IdempotencyKey>,
) -> Result<O::Output, Error> {
    let ids = match key {
        None => None,
        Some(key) => {
            let body = serde_json::to_string(operation).unwrap_or_default();
            let id = fingerprint("idempotency", &[cx.caller.user.as_str(), O::NAME, key.as_str()]);
            let request = fingerprint("request", &[&body]);
            if let Some(answer) = replay::<O>(cx, id, request).await? {
                return Ok(answer);
            }
            Some((id, request))
        }
    };
    let output = operation.run(cx).await?;
    let note = cx.note.take().ok_or_else(|| {
        sbk_store::Error::Internal(format!("{} did not say what it changed", O::NAME))
    })?;
    if note.count > 0 {
        record(cx, O::NAME, &note).await?;
    }
    if let Some((id, request)) = ids {
        let answer = serde_json::to_string(&output).unwrap_or_default();
        let recorded = idempotency::Recorded { request, answer };
        if !idempotency::record(&mut cx.session, id, recorded, cx.now).await? {
            return Err(sbk_store::Error::Contended("the same call runs elsewhere".into()).into());
        }
    }
    Ok(output)
}

async fn replay<O: Run>(
    cx: &mut Context<'_>,
    id: i64,
    request: i64,
) -> Result<Option<O::Output>, Error> {
    let Some(recorded) = idempotency::find(&mut cx.session, id).await? else {
        return Ok(None);
    };
    if recorded.request != request {
        return Err(Error::Conflict(
            "this Idempotency-Key was used for another request; choose a new one".into(),
        ));
    }
    cx.note(Note::default());
    let answer = serde_json::from_str(&recorded.answer).map_err(|error| {
        sbk_store::Error::Internal(format!("a recorded answer cannot be read: {error}"))
    })?;
    Ok(Some(answer))
}

async fn record(cx: &mut Context<'_>, operation: &str, note: &Note) -> Result<(), Error> {
    let entry = audit::NewEntry {
        id: cx.audit,
        time: cx.now,
        actor: cx.caller.user.as_str(),
        operation,
        reason: note.reason.as_deref(),
        count: i64::try_from(note.count).unwrap_or(i64::MAX),
        detail: note.detail.clone(),
    };
    Ok(audit::add(&mut cx.session, entry, &note.touched).await?)
}

impl Service {
    /// Forgets answers to repeated writes that are older than a day, in one bounded step.
    pub async fn forget_answers(&self) -> Result<u64, Error> {
        let mut session = self.inner.store.begin().await?;
        let before = self.inner.environment.now().plus_seconds(-ANSWERS_KEPT_SECONDS);
        let gone = idempotency::forget(&mut session, before, 1000).await?;
        session.commit().await?;
        Ok(gone)
    }
}
