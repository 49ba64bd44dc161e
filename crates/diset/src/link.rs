use std::{io, time::Duration};

use sbk_wire::{
    DecodeError, EncodeError, Encoding, Frame, FrameError, FrameReader, KeepAlive, Limits, Value,
    decode, frame,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How many bytes are taken at a time.
const CHUNK: usize = 16 * 1024;

/// How many keep-alives may come for one message.
const MOST_KEEP_ALIVES: u32 = 1_000;

/// Why nothing came over a link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The other side closed the connection.
    #[error("the other side closed the connection")]
    Closed,
    /// Nothing came, or nothing was taken, for too long.
    #[error("the other side was silent for {0:?}")]
    Silent(Duration),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Failed(#[from] io::Error),
    /// What came is no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// What came is no value.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A value has no form in the encoding of the other side.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// More keep-alives came than anybody needs.
    #[error("more than {MOST_KEEP_ALIVES} keep-alives came without a message")]
    KeepAlives,
}

/// A stream that carries values, in frames.
#[derive(Debug)]
pub struct Link<S> {
    stream: S,
    frames: FrameReader,
    encoding: Encoding,
    limits: Limits,
    patience: Duration,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// Makes a link. Messages are written in JSON until one comes in another encoding; a wait for
    /// the other side ends when nothing moves for `patience`.
    pub fn new(stream: S, patience: Duration) -> Self {
        let frames = FrameReader::new(0);
        Self { stream, frames, encoding: Encoding::Json, limits: Limits::default(), patience }
    }

    /// The stream below.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Sets what may be decoded.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Receives a message of at most `limit` bytes, and decodes it. All that belongs to the
    /// message has to come within `within`.
    pub async fn receive(&mut self, limit: usize, within: Duration) -> Result<Value, LinkError> {
        let message = self.receive_bytes(limit, within).await?;
        let (value, encoding) = decode(&message, self.limits)?;
        self.encoding = encoding;
        Ok(value)
    }

    /// How long the message is that is about to come, once enough of it is here; 0 before.
    pub async fn receive_length(&mut self, limit: usize) -> Result<usize, LinkError> {
        self.frames.set_limit(limit);
        loop {
            if let Some(length) = self.frames.pending()? {
                return Ok(length);
            }
            self.fill().await?;
        }
    }

    /// Receives a message as it is.
    pub async fn receive_bytes(
        &mut self,
        limit: usize,
        within: Duration,
    ) -> Result<Vec<u8>, LinkError> {
        self.frames.set_limit(limit);
        let message = tokio::time::timeout(within, self.next_message());
        message.await.map_err(|_| LinkError::Silent(within))?
    }

    async fn next_message(&mut self) -> Result<Vec<u8>, LinkError> {
        for _ in 0..MOST_KEEP_ALIVES {
            let frame = loop {
                match self.frames.next()? {
                    Some(frame) => break frame,
                    None => self.fill().await?,
                }
            };
            match frame {
                Frame::Message(message) => return Ok(message),
                Frame::KeepAlive(message) => self.keep_alive(&message).await?,
            }
        }
        Err(LinkError::KeepAlives)
    }

    async fn fill(&mut self) -> Result<(), LinkError> {
        // A connection that waits for a short message holds a short buffer.
        let mut chunk = vec![0; self.frames.limit().clamp(512, CHUNK)];
        let read = tokio::time::timeout(self.patience, self.stream.read(&mut chunk)).await;
        match read.map_err(|_| LinkError::Silent(self.patience))?? {
            0 => Err(LinkError::Closed),
            count => {
                self.frames.push(chunk.get(..count).unwrap_or_default());
                Ok(())
            }
        }
    }

    async fn keep_alive(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let (question, encoding) = KeepAlive::decode(message)?;
        if !question.is_question {
            return Ok(());
        }
        let answer = KeepAlive { is_question: false, ..question };
        self.write(&answer.encode(encoding)).await
    }

    /// Sends a value in the encoding of the other side.
    pub async fn send(&mut self, value: &Value) -> Result<(), LinkError> {
        // One write, so that no part of a frame waits for an acknowledgement.
        self.write(&frame(&self.encoding.encode(value)?)).await
    }

    async fn write(&mut self, mut bytes: &[u8]) -> Result<(), LinkError> {
        let patience = self.patience;
        while !bytes.is_empty() {
            let written = tokio::time::timeout(patience, self.stream.write(bytes)).await;
            let count = written.map_err(|_| LinkError::Silent(patience))??;
            if count == 0 {
                return Err(LinkError::Closed);
            }
            bytes = bytes.get(count..).unwrap_or_default();
        }
        let flushed = tokio::time::timeout(patience, self.stream.flush()).await;
        Ok(flushed.map_err(|_| LinkError::Silent(patience))??)
    }

    /// Sets the encoding of what is sent.
    pub fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = encoding;
    }

    /// Says goodbye. The other side may be gone already.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(self.patience, self.stream.shutdown()).await;
    }
}
