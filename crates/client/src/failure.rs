use std::time::Duration;

use reqwest::{Response, StatusCode, header};
use sbk_api::{Code, Problem};

/// The most bytes of an error's body that are read.
const MAX_PROBLEM: usize = 1 << 20;

/// Why one attempt failed, and how long the server wants to be left alone.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What is told to the caller if there is no further attempt.
    pub problem: Problem,
    /// What the server's `Retry-After` says.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure without advice about repeating it.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { problem: Problem::new(code, detail), retry_after: None }
    }

    /// A failure to reach the server, or to hear its answer.
    pub(crate) fn of_transport(server: &str, error: &reqwest::Error) -> Self {
        let code = if error.is_builder() { Code::Invalid } else { Code::Unavailable };
        let what = if error.is_connect() { "cannot be reached" } else { "did not answer" };
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Self::new(code, format!("the server {server} {what}: {cause}"))
    }

    /// What an answer other than success says.
    pub(crate) async fn of_response(mut response: Response) -> Self {
        let status = response.status();
        let retry_after = retry_after(&response);
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_PROBLEM {
                break;
            }
        }
        let problem = serde_json::from_slice(&body).unwrap_or_else(|_| foreign(status, &body));
        Self { problem, retry_after }
    }
}

/// The pause that an answer asks for, where it is given in seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// The problem behind an answer that is not the service's own, for instance of a proxy before it.
fn foreign(status: StatusCode, body: &[u8]) -> Problem {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().next().unwrap_or_default().trim();
    let shown: String = line.chars().take(200).collect();
    let separator = if shown.is_empty() { "" } else { ": " };
    Problem::new(code(status), format!("the server answered {status}{separator}{shown}"))
}

/// The code that is nearest to a status.
fn code(status: StatusCode) -> Code {
    match status.as_u16() {
        401 | 403 => Code::Forbidden,
        404 | 410 => Code::NotFound,
        409 | 412 => Code::Conflict,
        413 => Code::TooLarge,
        429 => Code::Busy,
        502..=504 => Code::Unavailable,
        400..=499 => Code::Invalid,
        _ => Code::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_a_proxy_becomes_a_problem() {
        let problem = foreign(StatusCode::BAD_GATEWAY, b"<h1>down</h1>\nmore");

        assert_eq!(problem.code, Code::Unavailable);
        assert_eq!(problem.detail, "the server answered 502 Bad Gateway: <h1>down</h1>");
        assert_eq!(foreign(StatusCode::TOO_MANY_REQUESTS, b"").code, Code::Busy);
    }
}
