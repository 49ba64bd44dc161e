use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context, Result, bail, ensure};

/// A request, ready to be sent any number of times.
#[derive(Debug, Clone)]
pub struct Request(Vec<u8>);

impl Request {
    /// A request with a JSON body.
    pub fn post(path: &str, body: &str) -> Self {
        Self::with_body("POST", path, body)
    }

    /// A request with a JSON body.
    pub fn put(path: &str, body: &str) -> Self {
        Self::with_body("PUT", path, body)
    }

    fn with_body(verb: &str, path: &str, body: &str) -> Self {
        let length = body.len();
        let text = format!(
            "{verb} /api/v1{path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        Self(text.into_bytes())
    }

    /// A request with a JSON body for a list, one item a line.
    pub fn post_lines(path: &str, body: &str) -> Self {
        let length = body.len();
        let text = format!(
            "POST /api/v1{path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n\
             accept: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        Self(text.into_bytes())
    }

    /// A request for a list, one item a line.
    pub fn lines(path: &str) -> Self {
        let text = format!(
            "GET /api/v1{path} HTTP/1.1\r\nhost: bench\r\naccept: application/x-ndjson\r\n\r\n"
        );
        Self(text.into_bytes())
    }
}

/// One connection that is kept open, with as little work for the client as can be: what it does
/// takes time from the server beside it.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream) })
    }

    /// Sends a request, and gives the body of the answer, which must be good.
    pub fn send(&mut self, request: &Request) -> Result<Vec<u8>> {
        self.stream.get_mut().write_all(&request.0)?;
        let head = self.head()?;
        let mut body = Vec::new();
        match head.length {
            Some(length) => {
                body.resize(length, 0);
                self.stream.read_exact(&mut body)?;
            }
            None => self.chunks(|chunk| body.extend_from_slice(chunk))?,
        }
        ensure!(head.status == 200, "{}: {}", head.status, String::from_utf8_lossy(&body));
        Ok(body)
    }

    /// Sends a request for lines, and gives the number of lines and of bytes of the answer.
    pub fn count_lines(&mut self, request: &Request) -> Result<(u64, u64)> {
        self.stream.get_mut().write_all(&request.0)?;
        let head = self.head()?;
        ensure!(head.status == 200 && head.length.is_none(), "not a stream: {head:?}");
        let (mut lines, mut bytes) = (0, 0);
        self.chunks(|chunk| {
            bytes += chunk.len() as u64;
            lines += chunk.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        })?;
        Ok((lines, bytes))
    }

    fn head(&mut self) -> Result<Head> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).context("the server closed the connection")?;
        let mut head = Head { status: status.parse()?, length: None };
        loop {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the server closed the connection");
            if line == "\r\n" {
                return Ok(head);
            }
            if let Some(length) = line.strip_prefix("content-length: ") {
                head.length = Some(length.trim_end().parse()?);
            }
        }
    }

    fn chunks(&mut self, mut each: impl FnMut(&[u8])) -> Result<()> {
        let mut chunk = Vec::new();
        let mut line = String::new();
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Ok(length) = usize::from_str_radix(line.trim_end(), 16) else {
                bail!("the answer was cut short");
            };
            chunk.resize(length + 2, 0);
            self.stream.read_exact(&mut chunk)?;
            if length == 0 {
                return Ok(());
            }
            each(&chunk[..length]);
        }
    }
}

#[derive(Debug)]
struct Head {
    status: u16,
    length: Option<usize>,
}
