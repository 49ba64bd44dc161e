//! Lists as one JSON object a line, page after page.

use std::{convert::Infallible, pin::Pin};

use axum::{body::Body, http::StatusCode, response::Response};
use futures::future::BoxFuture;
use sbk_api::{Listing, PageArgs, Problem};
use sbk_service::{Call, CallContext, Caller, Service};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};

use crate::exchange::with_body;

/// How many items are read at a time.
const STEP: u32 = 5_000;

/// How many pages may wait for a slow reader.
const AHEAD: usize = 2;

/// Lines of JSON, in pieces of some thousand items.
pub type Lines = Pin<Box<dyn Stream<Item = Result<Vec<u8>, Problem>> + Send>>;

/// Answers a list line by line.
pub async fn lines<L: Listing + Call>(
    service: Service,
    caller: Caller,
    operation: L,
) -> Result<Response, sbk_service::Error> {
    let stream = pages(service, caller, operation).await?.map(|part| {
        Ok::<_, Infallible>(part.unwrap_or_else(|problem| {
            format!("{}\n", serde_json::json!({ "problem": problem })).into_bytes()
        }))
    });
    Ok(with_body(StatusCode::OK, "application/x-ndjson", Body::from_stream(stream)))
}

/// The pages of a list, each as lines of JSON. The next page is read while the one before is
/// written and sent, by the task of the connection; the first page is read before the answer
/// begins, so that a failure has its status. A later failure is the last part.
pub async fn pages<L: Listing + Call>(
    service: Service,
    caller: Caller,
    mut operation: L,
) -> Result<Lines, sbk_service::Error> {
    let mut left = operation.page().limit.map(u64::from);
    operation.page().limit = Some(step(left));
    let first = service.call(&caller, operation.clone(), CallContext::default()).await?;
    let (sender, receiver) = mpsc::channel::<Result<Box<dyn Items>, Problem>>(AHEAD);
    let reading: BoxFuture<'static, ()> = Box::pin(async move {
        let mut page = first;
        loop {
            left = left.map(|left| left.saturating_sub(page.items.len() as u64));
            let next = page.next.take();
            if sender.send(Ok(Box::new(page.items))).await.is_err() {
                return;
            }
            let Some(next) = next.filter(|_| left != Some(0)) else { return };
            *operation.page() = PageArgs { after: Some(next), limit: Some(step(left)) };
            match service.call(&caller, operation.clone(), CallContext::default()).await {
                Ok(next) => page = next,
                Err(error) => {
                    tracing::warn!(operation = L::NAME, %error, "a stream was cut short");
                    let _ = sender.send(Err(Problem::from(error))).await;
                    return;
                }
            }
        }
    });
    tokio::spawn(reading);
    Ok(Box::pin(ReceiverStream::new(receiver).map(|part| part.map(|items| items.lines()))))
}

fn step(left: Option<u64>) -> u32 {
    left.and_then(|left| u32::try_from(left).ok()).map_or(STEP, |left| left.clamp(1, STEP))
}

/// The items of a page, of any type: the channel is compiled once.
trait Items: Send {
    /// One JSON object a line.
    fn lines(&self) -> Vec<u8>;
}

impl<T: serde::Serialize + Send> Items for Vec<T> {
    fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::with_capacity(self.len() * 512);
        for item in self {
            if serde_json::to_writer(&mut lines, item).is_ok() {
                lines.push(b'\n');
            }
        }
        lines
    }
}
