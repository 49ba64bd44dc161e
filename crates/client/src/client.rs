use reqwest::{Method, Response, Url, header, redirect};
use sbk_api::{Code, Operation, Problem, Verb};

use crate::{Options, failure::Failure, request::Request};

/// The media type of an answer in one piece.
pub(crate) const JSON: &str = "application/json";

/// A client of one server. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    /// The server's address without a closing slash.
    server: String,
    options: Options,
}

impl Client {
    /// Makes a client of the server at an address such as `http://127.0.0.1:8642`.
    pub fn new(url: &str, options: Options) -> Result<Self, Problem> {
        let invalid = |reason: &str| {
            let detail = format!("server: {url:?} {reason}; give for instance http://HOST:8642");
            Problem { field: Some("server".to_owned()), ..Problem::new(Code::Invalid, detail) }
        };
        let parsed = Url::parse(url).map_err(|_| invalid("is no URL"))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
            return Err(invalid("is no address of a server over http or https"));
        }
        let mut http = reqwest::Client::builder()
            .connect_timeout(options.connect_timeout)
            .read_timeout(options.read_timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("sbk/", env!("CARGO_PKG_VERSION")));
        if let Some(tls) = &options.tls {
            http = http.tls_backend_preconfigured(tls.as_ref().clone());
        }
        if let Some(token) = &options.token {
            if parsed.scheme() != "https" {
                return Err(invalid("would send the token in clear text"));
            }
            let header = header::HeaderValue::from_str(&format!("Bearer {}", token.0));
            let mut header = header.map_err(|_| invalid("cannot be sent this token"))?;
            header.set_sensitive(true);
            http = http.default_headers([(header::AUTHORIZATION, header)].into_iter().collect());
        }
        let http = http.build().map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
        Ok(Self { http, server: url.trim_end_matches('/').to_owned(), options })
    }

    /// The server's address.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// Calls an operation, again where the server is busy or away.
    pub async fn call<O: Operation>(&self, operation: &O) -> Result<O::Output, Problem> {
        let request = Request::of(operation)?;
        let key = self.key(&request);
        let body = self.repeat(|| self.send_and_read(&request, key.as_deref())).await?;
        decode::<O>(body.as_ref())
    }

    /// Begins an answer in a media type that comes piece by piece.
    pub(crate) async fn open(&self, request: &Request, accept: &str) -> Result<Response, Problem> {
        let key = self.key(request);
        self.repeat(|| self.send(request, key.as_deref(), accept)).await
    }

    /// The idempotency key of a request that writes.
    fn key(&self, request: &Request) -> Option<String> {
        request.writes.then(|| self.options.idempotency_key())
    }

    /// Tries until it succeeds, fails for good, or was tried often enough.
    async fn repeat<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Problem>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut failed = 0;
        loop {
            let failure = match attempt().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            failed += 1;
            if failed >= self.options.attempts || !failure.problem.code.is_temporary() {
                return Err(failure.problem);
            }
            tokio::time::sleep(self.options.pause(failed, failure.retry_after)).await;
        }
    }

    /// Sends a request once, and reads the whole answer.
    async fn send_and_read(
        &self,
        request: &Request,
        key: Option<&str>,
    ) -> Result<impl AsRef<[u8]> + use<>, Failure> {
        let response = self.send(request, key, JSON).await?;
        let body = response.bytes().await;
        body.map_err(|error| Failure::of_transport(&self.server, &error))
    }

    /// Sends a request once and takes only success for an answer.
    async fn send(
        &self,
        request: &Request,
        key: Option<&str>,
        accept: &str,
    ) -> Result<Response, Failure> {
        let url = format!("{}{}", self.server, request.path);
        let mut builder =
            self.http.request(method(request.verb), url).header(header::ACCEPT, accept);
        if !request.query.is_empty() {
            builder = builder.query(&request.query);
        }
        if let Some(key) = key {
            builder = builder.header("Idempotency-Key", key);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let sent = builder.send().await;
        let response = sent.map_err(|error| Failure::of_transport(&self.server, &error))?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(Failure::of_response(response).await)
        }
    }
}

/// The HTTP method of a verb.
fn method(verb: Verb) -> Method {
    match verb {
        Verb::Get => Method::GET,
        Verb::Post => Method::POST,
        Verb::Put => Method::PUT,
        Verb::Patch => Method::PATCH,
        Verb::Delete => Method::DELETE,
    }
}

/// Reads an answer.
pub(crate) fn decode<O: Operation>(body: &[u8]) -> Result<O::Output, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the answer to {} cannot be read: {error}", O::NAME);
        Problem::new(Code::Internal, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_with_the_fix() {
        for url in ["localhost:8642", "ftp://host", ""] {
            let problem = Client::new(url, Options::default()).unwrap_err();

            assert_eq!(problem.field.as_deref(), Some("server"), "{url}");
            assert!(problem.detail.contains("http://HOST:8642"), "{url}");
        }
    }
}
