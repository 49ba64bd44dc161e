//! Lists as one JSON object a line, page after page.

use axum::{body::Body, http::StatusCode, response::Response};
use sbk_api::{Listing, PageArgs, Problem};
use sbk_service::{CallContext, Caller, Run, Service};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;

use crate::exchange::with_body;

/// How many items are read at a time.
const STEP: u32 = 5_000;

/// How many pages may wait for a slow reader.
const AHEAD: usize = 2;

/// Answers a list line by line. The next page is read while the one before is written and sent,
/// by the task of the connection; the first page is read before the answer begins, so that a
/// failure has its status.
pub async fn lines<L: Listing + Run>(
    service: Service,
    caller: Caller,
    mut operation: L,
) -> Result<Response, sbk_service::Error> {
    let mut left = operation.page().limit.map(u64::from);
    operation.page().limit = Some(step(left));
    let first = service.call(&caller, operation.clone(), CallContext::default()).await?;
    let (sender, receiver) = mpsc::channel::<Part<L::Item>>(AHEAD);
    tokio::spawn(async move {
        let mut page = first;
        loop {
            left = left.map(|left| left.saturating_sub(page.items.len() as u64));
            let next = page.next.take();
            if sender.send(Part::Items(page.items)).await.is_err() {
                return;
            }
            let Some(next) = next.filter(|_| left != Some(0)) else { return };
            *operation.page() = PageArgs { after: Some(next), limit: Some(step(left)) };
            match service.call(&caller, operation.clone(), CallContext::default()).await {
                Ok(next) => page = next,
                Err(error) => {
                    tracing::warn!(operation = L::NAME, %error, "a stream was cut short");
                    let _ = sender.send(Part::Failure(Problem::from(error))).await;
                    return;
                }
            }
        }
    });
    let stream = tokio_stream::wrappers::ReceiverStream::new(receiver)
        .map(|part| Ok::<_, std::convert::Infallible>(part.encode()));
    Ok(with_body(StatusCode::OK, "application/x-ndjson", Body::from_stream(stream)))
}

fn step(left: Option<u64>) -> u32 {
    left.and_then(|left| u32::try_from(left).ok()).map_or(STEP, |left| left.clamp(1, STEP))
}

/// A part of a stream.
enum Part<T> {
    /// A page.
    Items(Vec<T>),
    /// Why no more comes.
    Failure(Problem),
}

impl<T: serde::Serialize> Part<T> {
    fn encode(self) -> Vec<u8> {
        match self {
            Self::Failure(problem) => {
                format!("{}\n", serde_json::json!({ "problem": problem })).into_bytes()
            }
            Self::Items(items) => {
                let mut lines = Vec::with_capacity(items.len() * 512);
                for item in items {
                    if serde_json::to_writer(&mut lines, &item).is_ok() {
                        lines.push(b'\n');
                    }
                }
                lines
            }
        }
    }
}
