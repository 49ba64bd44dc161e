use std::{sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use sbk_wire::Value;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{CallError, Link, outcome};

/// The longest answer, in bytes.
const MOST: usize = 256 << 20;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// A client of one DISET service. It makes a connection for each call, as DIRAC's own does.
#[derive(Clone)]
pub struct Client {
    host: String,
    port: u16,
    service: String,
    tls: Arc<rustls::ClientConfig>,
    extra: Value,
    patience: Duration,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("url", &self.url()).finish_non_exhaustive()
    }
}

/// A connection whose proposal was taken.
pub type Call = Link<TlsStream<TcpStream>>;

impl Client {
    /// Makes a client of a URL such as `dips://host:9135/Configuration/Server`; `None` when it is
    /// no such URL.
    pub fn new(url: &str, tls: Arc<rustls::ClientConfig>) -> Option<Self> {
        let rest = url.trim().strip_prefix("dips://")?;
        let (address, service) = rest.split_once('/')?;
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = port.parse().ok()?;
        let extra = Value::from("");
        let patience = Duration::from_mins(2);
        Some(Self { host, port, service: service.to_owned(), tls, extra, patience })
    }

    /// The URL of the service.
    pub fn url(&self) -> String {
        format!("dips://{}:{}/{}", self.host, self.port, self.service)
    }

    /// Sends extra credentials: `hosts`, a group, or a list of a DN and a group.
    #[must_use]
    pub fn with_extra_credentials(self, extra: Value) -> Self {
        Self { extra, ..self }
    }

    /// Waits at most as long for each answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Makes a connection on which nothing was said yet.
    pub async fn connect(&self) -> Result<Call, CallError> {
        let address = format!("{}:{}", self.host, self.port);
        let failed = |reason: String| CallError::Connect { address: address.clone(), reason };
        let name = ServerName::try_from(self.host.clone()).map_err(|e| failed(e.to_string()))?;
        let connection = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(self.tls.clone()).connect(name, stream).await
        };
        let stream = tokio::time::timeout(CONNECT, connection)
            .await
            .map_err(|_| failed(format!("nothing came for {CONNECT:?}")))?
            .map_err(|error| failed(error.to_string()))?;
        Ok(Link::new(stream, self.patience))
    }

    /// Makes a connection and proposes an action.
    pub async fn propose(&self, action: &str, method: &str) -> Result<Call, CallError> {
        let mut link = self.connect().await?;
        let list = |texts: &[&str]| Value::List(texts.iter().map(|t| Value::from(*t)).collect());
        let proposal = Value::List(vec![
            list(&[&self.service, "None", "unknown"]),
            list(&[action, method]),
            self.extra.clone(),
            Value::from(concat!("sbk ", env!("CARGO_PKG_VERSION"))),
        ]);
        link.send(&ok(proposal)).await?;
        outcome(link.receive(MOST, self.patience).await?)?;
        Ok(link)
    }

    /// Calls a method, and gives its value.
    pub async fn call(&self, method: &str, arguments: Vec<Value>) -> Result<Value, CallError> {
        outcome(self.result(method, arguments).await?)
    }

    /// Calls a method, and gives its result as it came, also when it says that the call failed.
    pub async fn result(&self, method: &str, arguments: Vec<Value>) -> Result<Value, CallError> {
        let mut link = self.propose("RPC", method).await?;
        link.send(&ok(Value::List(arguments))).await?;
        let answer = link.receive(MOST, self.patience).await;
        link.close().await;
        Ok(answer?)
    }
}

fn ok(value: Value) -> Value {
    Value::dict([("OK", Value::Bool(true)), ("Value", value)])
}
