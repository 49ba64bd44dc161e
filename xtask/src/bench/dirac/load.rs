//! A load generator that speaks both protocols, so that no Python client hides the server.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use rustls::{
    ClientConfig,
    client::Resumption,
    crypto::{CryptoProvider, aws_lc_rs},
};
use sbk_diset::Client;
use sbk_pki::{Credential, ServerVerifier, Settings, TrustStore};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::site::Site;

/// What a round did.
#[derive(Debug, Default)]
pub struct Measured {
    waits: Vec<f64>,
    pub failed: usize,
    seconds: f64,
}

impl Measured {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    pub fn count(&self) -> f64 {
        self.waits.len() as f64
    }

    pub fn rate(&self) -> f64 {
        self.count() / self.seconds
    }

    pub fn median_ms(&self) -> f64 {
        super::median(&self.waits) * 1000.0
    }
}

/// Calls with the proxy of a user of the testbed.
pub struct Load {
    tls: Arc<ClientConfig>,
}

impl Load {
    pub fn new(site: &Site) -> Result<Self> {
        let pki = site.testbed.join("pki");
        let trust = TrustStore::open(Settings::new(pki.join("grid-security/certificates")))?;
        let credential = Credential::from_proxy(&pki.join("proxies/user"))?;
        let verifier = Arc::new(ServerVerifier::new(Arc::new(trust)));
        // The stock client's OpenSSL 3.0 knows no post-quantum key exchange, which rustls prefers.
        let provider = aws_lc_rs::default_provider();
        let provider = CryptoProvider { kx_groups: vec![aws_lc_rs::kx_group::X25519], ..provider };
        let mut tls = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(credential));
        tls.resumption = Resumption::disabled();
        Ok(Self { tls: Arc::new(tls) })
    }

    /// Pings over DISET, each on a connection of its own, for a time.
    pub async fn diset(&self, url: &str, clients: usize, time: Duration) -> Result<Measured> {
        let client = Client::new(url, self.tls.clone()).context("a URL of DISET")?;
        let began = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    let mut done = Measured::default();
                    while began.elapsed() < time {
                        let start = Instant::now();
                        match client.call("ping", Vec::new()).await {
                            Ok(_) => done.waits.push(start.elapsed().as_secs_f64()),
                            Err(_) => done.failed += 1,
                        }
                    }
                    done
                })
            })
            .collect();
        gather(tasks, began).await
    }

    /// Pings over HTTPS on kept connections, for a time.
    pub async fn https(&self, url: &str, connections: usize, time: Duration) -> Result<Measured> {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(self.connect(url).await?);
        }
        let began = Instant::now();
        let tasks: Vec<_> = open
            .into_iter()
            .map(|mut connection| {
                tokio::spawn(async move {
                    let mut done = Measured::default();
                    while began.elapsed() < time {
                        let start = Instant::now();
                        if ask(&mut connection).await.is_err() {
                            done.failed += 1;
                            break;
                        }
                        done.waits.push(start.elapsed().as_secs_f64());
                    }
                    done
                })
            })
            .collect();
        gather(tasks, began).await
    }

    /// A connection for HTTPS.
    pub async fn connect(&self, url: &str) -> Result<TlsStream<TcpStream>> {
        let port = url.rsplit_once(':').and_then(|(_, rest)| rest.split('/').next());
        let port: u16 = port.context("a port")?.parse()?;
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let name = "localhost".try_into()?;
        Ok(TlsConnector::from(self.tls.clone()).connect(name, stream).await?)
    }

    /// One ping on a connection.
    pub async fn ping(&self, connection: &mut TlsStream<TcpStream>) -> Result<()> {
        ask(connection).await
    }
}

async fn gather(tasks: Vec<tokio::task::JoinHandle<Measured>>, began: Instant) -> Result<Measured> {
    let mut all = Measured::default();
    for task in tasks {
        let done = task.await?;
        all.waits.extend(done.waits);
        all.failed += done.failed;
    }
    all.seconds = began.elapsed().as_secs_f64();
    Ok(all)
}

const REQUEST: &[u8] = b"POST /Bookkeeping/SBK HTTP/1.1\r\nHost: localhost\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 47\r\n\r\n\
    method=ping&args=%5B%5D&clientVO=x&clientSetup=";

async fn ask(connection: &mut TlsStream<TcpStream>) -> Result<()> {
    connection.write_all(REQUEST).await?;
    let mut answer = [0; 4096];
    let mut length = 0;
    loop {
        let read = connection.read(answer.get_mut(length..).unwrap_or_default()).await?;
        ensure!(read > 0, "the connection ended");
        length += read;
        let came = answer.get(..length).unwrap_or_default();
        let Some(head) = came.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = str::from_utf8(came.get(..head).unwrap_or_default())?;
        ensure!(text.starts_with("HTTP/1.1 200"), "{text}");
        let body: usize = text
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
            .context("no length")?;
        if length >= head + 4 + body {
            return Ok(());
        }
    }
}
