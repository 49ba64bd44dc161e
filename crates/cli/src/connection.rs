use std::env;

use futures::{
    StreamExt,
    future::LocalBoxFuture,
    stream::{self, LocalBoxStream},
};
use sbk_api::{Code, Listing, Page, PageArgs, Problem};
use sbk_client::Client;
use sbk_server::LogSection;
pub use sbk_service::Call;
use sbk_service::{CallContext, Caller, Options, Service};

use crate::{failure::Failure, grid};

/// Where a server listens when nothing is said.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8642";

/// The size of the pages that are asked of a database.
const PAGE: u32 = 1000;

/// What commands work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The server at an address.
    Server(String),
    /// A database, without a server.
    Database(String),
    /// Nothing was said: the server on this machine.
    Default,
}

impl Target {
    /// Chooses: what the command line names comes before what the environment names.
    pub fn choose(
        server: Option<String>,
        database: Option<String>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Failure> {
        let named = |variables: (Option<String>, Option<String>), names: [&str; 2]| match variables
        {
            (Some(_), Some(_)) => Err(Failure::Usage(format!(
                "{} and {} are both given; choose the server or the database",
                names[0], names[1]
            ))),
            (Some(server), None) => Ok(Some(Self::Server(server))),
            (None, Some(database)) => Ok(Some(Self::Database(database))),
            (None, None) => Ok(None),
        };
        let environment = || {
            let given = |name| variable(name).filter(|value| !value.is_empty());
            let variables = (given("SBK_SERVER"), given("SBK_DATABASE"));
            named(variables, ["SBK_SERVER", "SBK_DATABASE"])
        };
        match named((server, database), ["--server", "--database"])? {
            Some(target) => Ok(target),
            None => Ok(environment()?.unwrap_or(Self::Default)),
        }
    }
}

/// A way to call operations: a server, or a database directly.
#[derive(Debug, Clone)]
pub enum Connection {
    /// Through a server; whether it is the one that nobody named.
    Server(Client, bool),
    /// In this process.
    Database(Service, Caller),
}

impl Connection {
    /// Connects to a target.
    pub async fn open(target: &Target) -> Result<Self, Failure> {
        let client =
            |url: &str| -> Result<Client, Failure> { Ok(Client::new(url, grid::options(url)?)?) };
        Ok(match target {
            Target::Server(url) => Self::Server(client(url)?, false),
            Target::Default => Self::Server(client(DEFAULT_SERVER)?, true),
            Target::Database(url) => {
                let service = open_current(url).await?;
                Self::Database(service, Caller::local(&user()))
            }
        })
    }

    /// Calls an operation; through a pointer, so that callers do not hold all that it holds.
    pub fn call<'a, O: Call + 'a>(
        &'a self,
        operation: O,
    ) -> LocalBoxFuture<'a, Result<O::Output, Problem>> {
        Box::pin(async move {
            match self {
                Self::Server(client, unnamed) => {
                    client.call(&operation).await.map_err(|problem| advise(problem, *unnamed))
                }
                Self::Database(service, caller) => {
                    let context = CallContext::default();
                    service.call(caller, operation, context).await.map_err(Problem::from)
                }
            }
        })
    }

    /// Gives all items of a list one after the other, or the first of them.
    pub fn stream<L: Listing + Call>(
        &self,
        mut listing: L,
        limit: Option<usize>,
    ) -> LocalBoxStream<'static, Result<L::Item, Problem>> {
        let items = match self {
            Self::Server(client, unnamed) => {
                let unnamed = *unnamed;
                // A server that streams ends there, too; a greater number it would take for wrong.
                listing.page().limit = limit
                    .and_then(|limit| u32::try_from(limit).ok())
                    .filter(|limit| (1..=PageArgs::MAX_LIMIT).contains(limit));
                let items = client.stream(listing);
                items
                    .map(move |item| item.map_err(|problem| advise(problem, unnamed)))
                    .boxed_local()
            }
            Self::Database(..) => self.clone().pages(listing, limit),
        };
        match limit {
            Some(limit) => items.take(limit).boxed_local(),
            None => items,
        }
    }

    /// Gives the items of a list page by page.
    fn pages<L: Listing + Call>(
        self,
        mut listing: L,
        limit: Option<usize>,
    ) -> LocalBoxStream<'static, Result<L::Item, Problem>> {
        let limit = limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(PAGE);
        listing.page().limit = Some(limit.clamp(1, PAGE));
        let pages = stream::try_unfold(Some((self, listing)), async |state| {
            let Some((connection, mut listing)) = state else { return Ok::<_, Problem>(None) };
            let Page { items, next } = connection.call(listing.clone()).await?;
            let limit = listing.page().limit;
            let state = next.map(|next| {
                *listing.page() = PageArgs { after: Some(next), limit };
                (connection, listing)
            });
            Ok(Some((items, state)))
        });
        pages
            .flat_map(|page| match page {
                Ok(items) => stream::iter(items).map(Ok).left_stream(),
                Err(problem) => stream::iter([Err(problem)]).right_stream(),
            })
            .boxed_local()
    }
}

/// Opens a database whose tables are of this version.
async fn open_current(url: &str) -> Result<Service, Failure> {
    // There is no log elsewhere; a second start of the logs changes nothing.
    let level = "error".to_owned();
    let _ = sbk_server::start_logs(&LogSection { level, ..LogSection::default() });
    let service = open_database(url).await?;
    let pending = service.pending_migrations().await.map_err(Problem::from)?;
    if pending.is_empty() {
        return Ok(service);
    }
    let detail = format!(
        "the database lacks {}; run `sbk db migrate` with the same --database first",
        pending.join(", ")
    );
    Err(Problem::new(Code::Conflict, detail).into())
}

/// Opens a database as it is.
pub async fn open_database(url: &str) -> Result<Service, Failure> {
    Ok(Service::open(url, Options::default()).await.map_err(Problem::from)?)
}

/// Who works on a database directly.
fn user() -> String {
    let name = env::var("USER").unwrap_or_default();
    if name.is_empty() { "local".to_owned() } else { name }
}

/// Says what to do when the server that nobody named is away.
fn advise(problem: Problem, unnamed: bool) -> Problem {
    if !unnamed || problem.code != Code::Unavailable {
        return problem;
    }
    let advice = "start it with `sbk serve`, or name another with --server, or a database with \
                  --database";
    Problem { detail: format!("{}; {advice}", problem.detail), ..problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(
        arguments: [Option<&str>; 2],
        environment: [Option<&str>; 2],
    ) -> Result<Target, Failure> {
        let [server, database] = arguments.map(|value| value.map(str::to_owned));
        Target::choose(server, database, |name| {
            let value = if name == "SBK_SERVER" { environment[0] } else { environment[1] };
            value.map(str::to_owned)
        })
    }

    #[test]
    fn the_command_line_comes_before_the_environment() {
        let from_both = choose([None, Some("sqlite:a")], [Some("http://b"), None]).unwrap();
        let from_environment = choose([None, None], [Some("http://b"), Some("")]).unwrap();

        assert_eq!(from_both, Target::Database("sqlite:a".into()));
        assert_eq!(from_environment, Target::Server("http://b".into()));
        assert_eq!(choose([None, None], [None, None]).unwrap(), Target::Default);
    }

    #[test]
    fn two_places_at_once_are_refused() {
        for (arguments, environment) in
            [([Some("a"), Some("b")], [None, None]), ([None, None], [Some("a"), Some("b")])]
        {
            assert!(matches!(choose(arguments, environment), Err(Failure::Usage(_))));
        }
    }
}
