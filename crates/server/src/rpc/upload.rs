//! Lists of any length that come in pieces, one JSON value a line.

use sbk_api::{Code, Problem};
use sbk_service::{CallContext, Caller, Service};
use sbk_wire::{Encoding, Limits, Value};

use super::{Failure, Lines, Method, Methods};

/// How many lines are written in one transaction.
const BATCH: usize = 1_000;

/// The longest line, in bytes.
const LINE: usize = 1 << 20;

/// The most failures that are told one by one.
const TOLD: usize = 1_000;

/// What a file id says: a method, its arguments and options.
#[derive(Debug)]
pub struct FileId {
    method: String,
    arguments: Vec<Value>,
    options: Vec<(Value, Value)>,
}

impl FileId {
    /// Reads one: `{"method": "findFiles", "args": ["run = 5", {"metadata": true}]}`.
    pub fn read(text: &str) -> Result<Self, Failure> {
        let limits = Limits { depth: 16, values: 100_000 };
        let value = Encoding::Json.decode(text.as_bytes(), limits).ok();
        let method = value.as_ref().and_then(|value| value.get("method")).and_then(Value::text);
        let (Some(value), Some(method)) = (&value, method) else {
            return Err(invalid(
                "the file id is not a JSON dictionary such as {\"method\": \"findFiles\", \
                 \"args\": [\"run = 5\"]}",
            ));
        };
        let arguments = match value.get("args") {
            None | Some(Value::Null) => Vec::new(),
            Some(args) => args.items().ok_or_else(|| invalid("args: is not a list"))?.to_vec(),
        };
        let options = match value.get("options") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Dict(options)) => options.clone(),
            Some(_) => return Err(invalid("options: is not a dictionary")),
        };
        Ok(Self { method: method.to_owned(), arguments, options })
    }

    /// The method that it names, for the rules.
    pub fn method(&self) -> &str {
        &self.method
    }

    fn find<'a>(&self, methods: &'a Methods) -> Result<&'a Method, Failure> {
        let unknown = || Failure::plain(format!("Unknown method {}", self.method));
        methods.find(&self.method).ok_or_else(unknown)
    }

    /// Begins the download that it describes.
    pub async fn download(
        mut self,
        methods: &Methods,
        service: Service,
        caller: Caller,
    ) -> Result<Lines, Failure> {
        let method = self.find(methods)?;
        if !self.options.is_empty() {
            self.arguments.push(Value::Dict(self.options));
        }
        method.stream(service, caller, self.arguments).await
    }

    /// Begins the upload that it describes.
    pub fn upload(
        self,
        methods: &Methods,
        service: Service,
        caller: Caller,
    ) -> Result<Upload<'_>, Failure> {
        let method = self.find(methods)?;
        let places = method.positional();
        let Some(item) = method.uploads() else {
            let text =
                format!("{} takes no list that could be uploaded; use addFiles", method.name);
            return Err(invalid(&text));
        };
        let others = places.iter().enumerate().filter(|(at, _)| *at != item).map(|(_, p)| p);
        let mut named = self.options;
        if self.arguments.len() != others.clone().count() {
            let others: Vec<_> = others.map(|p| p.name.as_str()).collect();
            let text = format!("args: has to be {others:?} for {}", method.name);
            return Err(invalid(&text));
        }
        named.extend(others.map(|p| Value::from(p.name.as_str())).zip(self.arguments));
        let takes = |name: &str| method.options().iter().any(|option| option.name == name);
        if takes("atomicity") && !named.iter().any(|(key, _)| key.text() == Some("atomicity")) {
            named.push((Value::from("atomicity"), Value::from("each")));
        }
        Ok(Upload {
            method,
            service,
            caller,
            list: places.get(item).map(|p| p.name.as_str()).unwrap_or_default(),
            named,
            rest: Vec::new(),
            items: Vec::new(),
            lines: 0,
            successful: 0,
            failed: 0,
            told: Vec::new(),
        })
    }
}

fn invalid(text: &str) -> Failure {
    Failure::from(Problem::new(Code::Invalid, text))
}

/// A list that comes in pieces, and is written a thousand lines at a time.
pub struct Upload<'a> {
    method: &'a Method,
    service: Service,
    caller: Caller,
    list: &'a str,
    named: Vec<(Value, Value)>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    items: Vec<Value>,
    lines: u64,
    successful: u64,
    failed: u64,
    told: Vec<(Value, Value)>,
}

impl Upload<'_> {
    /// Takes the next bytes.
    pub async fn push(&mut self, mut bytes: &[u8]) -> Result<(), Failure> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, after) = bytes.split_at(end);
            self.extend(line)?;
            bytes = after.get(1..).unwrap_or_default();
            self.line().await?;
        }
        self.extend(bytes)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.rest.len() + bytes.len() > LINE {
            let text = format!("line {}: is longer than {LINE} bytes", self.lines + 1);
            return Err(Failure::from(Problem::new(Code::TooLarge, text)));
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    async fn line(&mut self) -> Result<(), Failure> {
        self.lines += 1;
        let line = std::mem::take(&mut self.rest);
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        // A bare name needs no quotes.
        let item = if line.starts_with(b"/") {
            String::from_utf8(line.to_vec()).ok().map(Value::Text)
        } else {
            let limits = Limits { depth: 32, values: 100_000 };
            Encoding::Json.decode(line, limits).ok()
        };
        let Some(item) = item else {
            let done = self.successful + self.failed;
            let text = format!("line {}: is not JSON; {done} lines before it are done", self.lines);
            return Err(invalid(&text));
        };
        self.items.push(item);
        if self.items.len() >= BATCH { self.write().await } else { Ok(()) }
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let mut named = self.named.clone();
        named.push((Value::from(self.list), Value::List(std::mem::take(&mut self.items))));
        let (service, caller) = (self.service.clone(), self.caller.clone());
        let call =
            self.method.call_named(service, caller, Value::Dict(named), CallContext::default());
        let value = call.await.map_err(|failure| Failure {
            message: format!(
                "{} (in the lines up to {}; {} lines before them are done)",
                failure.message,
                self.lines,
                self.successful + self.failed
            ),
            ..failure
        })?;
        if let Some(Value::Dict(successful)) = value.get("Successful") {
            self.successful += successful.len() as u64;
        }
        if let Some(Value::Dict(failed)) = value.get("Failed") {
            self.failed += failed.len() as u64;
            let room = TOLD.saturating_sub(self.told.len());
            self.told.extend(failed.iter().take(room).cloned());
        }
        Ok(())
    }

    /// Writes what is left, and says what was done.
    pub async fn finish(mut self) -> Result<Value, Failure> {
        if !self.rest.is_empty() {
            self.line().await?;
        }
        if !self.items.is_empty() {
            self.write().await?;
        }
        let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        Ok(Value::dict([
            ("Lines", number(self.lines)),
            ("SuccessfulCount", number(self.successful)),
            ("FailedCount", number(self.failed)),
            ("Failed", Value::Dict(self.told)),
        ]))
    }
}
