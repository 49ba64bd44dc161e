use reqwest::Response;
use sbk_api::{Code, Problem};
use serde::{Deserialize, de::DeserializeOwned};

/// The longest line that is taken, in bytes.
const MAX_LINE: usize = 64 << 20;

/// The items of an answer of the media type `application/x-ndjson`: one JSON value a line.
///
/// A failure in the middle is told by a last line `{"problem": …}`.
#[derive(Debug)]
pub(crate) struct Lines {
    response: Response,
    buffer: Vec<u8>,
    /// Where the first line that was not given yet begins.
    start: usize,
}

/// The last line of an answer that failed.
#[derive(Debug, Deserialize)]
struct Failed {
    problem: Problem,
}

impl Lines {
    /// Reads the items of an answer.
    pub(crate) fn new(response: Response) -> Self {
        Self { response, buffer: Vec::new(), start: 0 }
    }

    /// The next item, or `None` at the end.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Problem> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            if let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                let line = &rest[..length];
                self.start += length + 1;
                if !line.trim_ascii().is_empty() {
                    return item(line).map(Some);
                }
            } else if !self.fill().await? {
                let rest = self.buffer.split_off(self.start.min(self.buffer.len()));
                self.buffer.clear();
                self.start = 0;
                return if rest.trim_ascii().is_empty() { Ok(None) } else { item(&rest).map(Some) };
            }
        }
    }

    /// Reads on; whether there was more.
    async fn fill(&mut self) -> Result<bool, Problem> {
        self.buffer.drain(..self.start);
        self.start = 0;
        if self.buffer.len() > MAX_LINE {
            return Err(Problem::new(Code::Internal, "a line of the answer is too long"));
        }
        let chunk = self.response.chunk().await.map_err(|error| {
            let detail = format!("the connection broke off in the middle of the answer: {error}");
            Problem::new(Code::Unavailable, detail)
        })?;
        if let Some(chunk) = &chunk {
            self.buffer.extend_from_slice(chunk);
        }
        Ok(chunk.is_some())
    }
}

/// Reads a line: an item, or the problem that ends the answer.
fn item<T: DeserializeOwned>(line: &[u8]) -> Result<T, Problem> {
    if line.starts_with(b"{\"problem\":")
        && let Ok(failed) = serde_json::from_slice::<Failed>(line)
    {
        return Err(failed.problem);
    }
    serde_json::from_slice(line).map_err(|error| {
        Problem::new(Code::Internal, format!("a line of the answer cannot be read: {error}"))
    })
}
