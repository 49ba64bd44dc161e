//! The form of a call: short fields in memory, a long list of arguments on disk.
//!
//! DIRAC's client sends a whole file as one argument, in base64, percent-encoded. Such a form is
//! kept in a temporary file when it is longer than a few megabytes, and read from there in pieces.

use std::io::{BufReader, Read, Seek, SeekFrom, Write};

use axum::{body::Body, http::StatusCode};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use futures::TryStreamExt;
use sbk_wire::{Encoding, Limits, Value};
use tempfile::SpooledTempFile;

use super::Wrong;
use crate::rpc::Failure;

/// How much of a form is kept in memory, in bytes.
const IN_MEMORY: usize = 4 << 20;

/// The longest form with a file in it, in bytes.
const LONGEST: u64 = 2 << 30;

/// The longest field but the arguments, and the longest beginning of arguments with a file, in bytes.
const FIELD: usize = 1 << 20;

/// How much of a file is given at a time, in characters of base64.
const PIECE: usize = 1 << 20;

/// The fields of a form.
pub struct Form {
    /// The method.
    pub method: Option<String>,
    /// The arguments; absent where the method takes a file.
    pub arguments: Option<String>,
    /// What is sent beside the certificate.
    pub extra: Option<String>,
    /// Whether the answer is to be nothing but content.
    pub is_raw: bool,
    spooled: Option<SpooledTempFile>,
}

fn disk(error: &std::io::Error) -> Wrong {
    tracing::error!(%error, "a form cannot be kept on disk");
    Wrong::new(StatusCode::SERVICE_UNAVAILABLE, "the form cannot be kept; try again later")
}

fn bad(text: impl Into<String>) -> Wrong {
    Wrong::new(StatusCode::BAD_REQUEST, text)
}

impl Form {
    /// Takes the form from the body of a request, and its short fields from the query, too.
    /// Arguments may be `most` bytes long, unless they hold a file.
    pub async fn read(query: Option<&str>, body: Body, most: usize) -> Result<Self, Wrong> {
        let mut spooled = SpooledTempFile::new(IN_MEMORY);
        let mut stream = body.into_data_stream();
        let mut length = 0;
        while let Some(bytes) = stream.try_next().await.map_err(|e| bad(e.to_string()))? {
            length += bytes.len() as u64;
            if length > LONGEST {
                let text = format!("the form is longer than {LONGEST} bytes; send less at a time");
                return Err(Wrong::new(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            spooled.write_all(&bytes).map_err(|error| disk(&error))?;
        }
        let mut form =
            Self { method: None, arguments: None, extra: None, is_raw: false, spooled: None };
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            // Arguments in the URL would end up in logs.
            if name != "args" {
                form.set(&name, value.into_owned());
            }
        }
        spooled.rewind().map_err(|error| disk(&error))?;
        let mut fields = Fields::new(&mut spooled);
        let mut is_long = false;
        while let Some(name) = fields.name().map_err(|error| disk(&error))? {
            let limit = if name == "args" { most } else { FIELD };
            match fields.value(limit).map_err(|error| disk(&error))? {
                Some(value) => form.set(&name, value),
                None if name == "args" => is_long = true,
                None => return Err(bad(format!("{name}: is longer than {FIELD} bytes"))),
            }
        }
        let is_upload = form.method.as_deref() == Some("streamFromClient");
        if is_long && !is_upload {
            let text = format!("args: is longer than {most} bytes; split the call");
            return Err(Wrong::new(StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        if is_upload {
            form.arguments = None;
            form.spooled = Some(spooled);
        }
        Ok(form)
    }

    fn set(&mut self, name: &str, value: String) {
        match name {
            "method" => self.method = Some(value),
            "args" => self.arguments = Some(value),
            "extraCredentials" => self.extra = Some(value),
            "rawContent" => self.is_raw = value == "True",
            // `clientVO` and `clientSetup` say nothing that the certificate does not.
            _ => {}
        }
    }

    /// The file that the arguments of `streamFromClient` hold: an id, a token, a size, and bytes.
    pub fn pieces(&mut self) -> Result<Pieces, Wrong> {
        let mut spooled = self.spooled.take().ok_or_else(|| bad("args: holds no file"))?;
        spooled.seek(SeekFrom::Start(0)).map_err(|error| disk(&error))?;
        let mut fields = Fields::new(spooled);
        loop {
            match fields.name().map_err(|error| disk(&error))? {
                None => return Err(bad("args: is not given")),
                Some(name) if name == "args" => return Pieces::begin(fields),
                Some(_) => {
                    fields.value(FIELD).map_err(|error| disk(&error))?;
                }
            }
        }
    }
}

/// Reads a form field by field.
struct Fields<R: Read> {
    reader: BufReader<R>,
    /// Whether the value that is read has ended.
    ended: bool,
}

impl<R: Read> Fields<R> {
    fn new(reader: R) -> Self {
        Self { reader: BufReader::new(reader), ended: true }
    }

    fn raw(&mut self) -> std::io::Result<Option<u8>> {
        let mut byte = [0];
        Ok((self.reader.read(&mut byte)? == 1).then_some(byte[0]))
    }

    /// The name of the next field; `None` after the last.
    fn name(&mut self) -> std::io::Result<Option<String>> {
        while self.byte()?.is_some() {}
        self.ended = false;
        let mut name = Vec::new();
        loop {
            match self.raw()? {
                None if name.is_empty() => return Ok(None),
                None => {
                    self.ended = true;
                    break;
                }
                Some(b'=') => break,
                Some(byte) if name.len() < 256 => name.push(byte),
                Some(_) => {}
            }
        }
        Ok(Some(String::from_utf8_lossy(&name).into_owned()))
    }

    /// The next byte of the value, decoded; `None` at its end.
    fn byte(&mut self) -> std::io::Result<Option<u8>> {
        if self.ended {
            return Ok(None);
        }
        Ok(match self.raw()? {
            None | Some(b'&') => {
                self.ended = true;
                None
            }
            Some(b'+') => Some(b' '),
            Some(b'%') => {
                let mut digit = || -> std::io::Result<u8> {
                    let digit = self.raw()?.map(char::from).and_then(|d| d.to_digit(16));
                    Ok(digit.and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default())
                };
                Some((digit()? << 4) | digit()?)
            }
            byte => byte,
        })
    }

    /// The value; `None` when it is longer than `most` bytes.
    fn value(&mut self, most: usize) -> std::io::Result<Option<String>> {
        let mut value = Vec::new();
        while let Some(byte) = self.byte()? {
            if value.len() >= most {
                return Ok(None);
            }
            value.push(byte);
        }
        Ok(Some(String::from_utf8_lossy(&value).into_owned()))
    }
}

/// A file within arguments, piece by piece.
pub struct Pieces {
    fields: Fields<SpooledTempFile>,
    file_id: String,
    rest: Vec<u8>,
    ended: bool,
}

impl Pieces {
    /// Reads the arguments as far as the bytes of the file:
    /// `["id", "token", 5, {"__dCls": "b64", "obj": "`.
    fn begin(mut fields: Fields<SpooledTempFile>) -> Result<Self, Wrong> {
        let wrong = || bad("args: is not a list of an id, a token, a size and bytes");
        let mut head: Vec<u8> = Vec::new();
        loop {
            if is_open(&head) {
                break;
            }
            match fields.byte().map_err(|error| disk(&error))? {
                Some(byte) if head.len() < FIELD => head.push(byte),
                _ => return Err(wrong()),
            }
        }
        head.extend_from_slice(b"\"}]");
        let arguments = Encoding::Json.decode(&head, Limits { depth: 8, values: 64 });
        let arguments = arguments.map_err(|_| wrong())?;
        match arguments.items() {
            Some([Value::Text(file_id), _, _, Value::Bytes(_)]) => {
                Ok(Self { file_id: file_id.clone(), fields, rest: Vec::new(), ended: false })
            }
            _ => Err(wrong()),
        }
    }

    /// The id of the file.
    pub fn file_id(&self) -> &str {
        &self.file_id
    }

    /// The next piece; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let wrong = |text: &str| Failure::plain(format!("the content of the file {text}"));
        while !self.ended && self.rest.len() < PIECE {
            match self.fields.byte().map_err(|error| wrong(&error.to_string()))? {
                Some(b'"') => self.ended = true,
                Some(byte) => self.rest.push(byte),
                None => return Err(wrong("ends early")),
            }
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let piece = BASE64.decode(&self.rest).map_err(|_| wrong("is not base64"))?;
        self.rest.clear();
        Ok(Some(piece))
    }
}

/// Whether the bytes of a file come next.
fn is_open(head: &[u8]) -> bool {
    let Some(before) = head.strip_suffix(b"\"") else { return false };
    let before = before.trim_ascii_end();
    let Some(before) = before.strip_suffix(b":") else { return false };
    before.trim_ascii_end().ends_with(b"\"obj\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn form(text: &str) -> Form {
        Form::read(None, Body::from(text.to_owned()), 1 << 20).await.ok().unwrap()
    }

    #[tokio::test]
    async fn fields_are_decoded() {
        let form = form("method=a%62c&args=%5B%22+x%26%22%5D&other=1").await;

        assert_eq!(form.method.as_deref(), Some("abc"));
        assert_eq!(form.arguments.as_deref(), Some("[\" x&\"]"));
    }

    #[tokio::test]
    async fn a_file_within_the_arguments_comes_in_pieces() {
        let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let args = format!(
            "[\"the id\", \"\", {}, {{\"__dCls\": \"b64\", \"obj\": \"{}\"}}]",
            content.len(),
            BASE64.encode(&content)
        );
        let args: String = form_urlencoded::byte_serialize(args.as_bytes()).collect();
        let mut form = form(&format!("method=streamFromClient&args={args}&clientVO=x")).await;

        let mut pieces = form.pieces().ok().unwrap();
        let mut back = Vec::new();
        while let Some(piece) = pieces.next().unwrap() {
            assert!(piece.len() <= PIECE);
            back.extend(piece);
        }

        assert_eq!(pieces.file_id(), "the id");
        assert!(back == content);
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_file_is_refused() {
        let long = format!("method=echo&args=[\"{}\"]", "x".repeat(2 << 20));
        let long = Form::read(None, Body::from(long), 1 << 20).await;
        let mut none = form("method=streamFromClient&args=[1,2]").await;

        assert_eq!(long.err().unwrap().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert!(none.pieces().is_err());
    }
}
