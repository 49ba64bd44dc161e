use std::{collections::VecDeque, mem};

use futures::{Stream, stream};
use reqwest::{Response, header};
use sbk_api::{Listing, Page, PageArgs, Problem};

use crate::{
    Client,
    client::{JSON, decode},
    lines::Lines,
    request::Request,
};

/// The media type of an answer with one item a line.
const NDJSON: &str = "application/x-ndjson";

/// The size of the pages where the server does not stream.
const PAGE: u32 = 1000;

impl Client {
    /// Gives all items of a list, one after the other, from the page that is asked for on.
    ///
    /// The server streams them; one that does not is asked page by page. After an error there is
    /// no further item.
    pub fn stream<L: Listing>(
        &self,
        listing: L,
    ) -> impl Stream<Item = Result<L::Item, Problem>> + Send + use<L> {
        let start = State { client: self.clone(), listing, source: Source::Start };
        stream::try_unfold(start, async |mut state| {
            Ok(state.next().await?.map(|item| (item, state)))
        })
    }
}

/// A list that is being read.
struct State<L: Listing> {
    client: Client,
    listing: L,
    source: Source<L::Item>,
}

/// Where the next item comes from.
enum Source<T> {
    /// Nothing was asked yet.
    Start,
    /// An answer that is streamed.
    Lines(Lines),
    /// The items of a page, and whether a page follows.
    Page(VecDeque<T>, bool),
}

impl<L: Listing> State<L> {
    /// The next item, or `None` at the end.
    async fn next(&mut self) -> Result<Option<L::Item>, Problem> {
        loop {
            match &mut self.source {
                Source::Start => self.source = self.begin().await?,
                Source::Lines(lines) => return lines.next().await,
                Source::Page(items, more) => match items.pop_front() {
                    Some(item) => return Ok(Some(item)),
                    None if !*more => return Ok(None),
                    None => {
                        let page = self.client.call(&self.listing).await?;
                        self.source = self.turn(page);
                    }
                },
            }
        }
    }

    /// Asks for a stream, and takes a page for an answer, too.
    async fn begin(&mut self) -> Result<Source<L::Item>, Problem> {
        let request = Request::of(&self.listing)?;
        let accept = format!("{NDJSON}, {JSON};q=0.5");
        let response = self.client.open(&request, &accept).await?;
        if is_ndjson(&response) {
            return Ok(Source::Lines(Lines::new(response)));
        }
        let body = response.bytes().await.map_err(|error| {
            Problem::new(sbk_api::Code::Unavailable, format!("the answer broke off: {error}"))
        })?;
        let page = decode::<L>(&body)?;
        Ok(self.turn(page))
    }

    /// Takes a page, and notes where the next one begins.
    fn turn(&mut self, mut page: Page<L::Item>) -> Source<L::Item> {
        let more = page.next.is_some();
        let limit = self.listing.page().limit.or(Some(PAGE));
        *self.listing.page() = PageArgs { after: page.next, limit };
        Source::Page(mem::take(&mut page.items).into(), more)
    }
}

/// Whether an answer has one item a line.
fn is_ndjson(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| kind.starts_with(NDJSON))
}
