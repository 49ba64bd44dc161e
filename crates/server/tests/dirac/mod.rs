//! A service with certificates and a registry, and clients of it.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test program uses a part")]

use std::{path::PathBuf, sync::Arc};

use sbk_diset::Client;
use sbk_pki::{Credential, ServerVerifier, Settings, TrustStore, client_config};
use sbk_server::{Config, Running};
use sbk_testkit::pki::{Identity, TestPki};
use sbk_wire::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The registry and the rules of the tests.
pub const CFG: &str = r"
DIRAC
{
  VirtualOrganization = superb
}
Registry
{
  DefaultGroup = user
  Users
  {
    alice
    {
      DN = /C=ch/O=SBK/CN=alice
    }
    bob
    {
      DN = /C=ch/O=SBK/CN=bob
    }
    carol
    {
      DN = /C=ch/O=SBK/CN=carol
      Suspended = superb
    }
  }
  Groups
  {
    user
    {
      Users = alice, bob, carol
      Properties = NormalUser
      VO = superb
    }
    admin
    {
      Users = alice
      Properties = NormalUser, ServiceAdministrator, CSAdministrator
      VO = superb
    }
    babar
    {
      Users = bob
      Properties = NormalUser
      VO = babar
    }
  }
  Hosts
  {
    localhost
    {
      DN = /C=ch/O=SBK/CN=localhost
      Properties = TrustedHost
    }
  }
}
Systems
{
  Bookkeeping
  {
    Services
    {
      SBK
      {
        Authorization
        {
          Default = authenticated
          addFiles = authenticated, !limited
        }
      }
    }
  }
}
";

/// A service with certificates and a registry.
pub struct Site {
    pub work: tempfile::TempDir,
    pub pki: TestPki,
    pub config: Config,
    pub running: Running,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let work = tempfile::tempdir().unwrap();
        let pki = TestPki::new(work.path());
        pki.host().write(&work.path().join("hostcert.pem"), &work.path().join("hostkey.pem"));
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".parse().unwrap();
        config.database.url = format!("sqlite:{}", work.path().join("sbk.db").display());
        config.tls.certificate = work.path().join("hostcert.pem");
        config.tls.key = work.path().join("hostkey.pem");
        config.tls.ca_directory = pki.directory();
        config.tls.reload_seconds = 1;
        config.dirac.diset = "127.0.0.1:0".into();
        config.dirac.configuration = work.path().join("dirac.cfg");
        change(&mut config);
        std::fs::write(&config.dirac.configuration, CFG).unwrap();
        let running = sbk_server::start(&config).await.unwrap();
        Self { work, pki, config, running }
    }

    /// A site whose community and storage element are declared.
    pub async fn declared() -> Self {
        let site = Self::new().await;
        let admin = site.client(&site.proxy("alice", "admin"));
        admin.call("declareCommunity", vec!["superb".into()]).await.unwrap();
        let element = Value::dict([("name", Value::from("CNAF-disk"))]);
        admin.call("declareStorageElements", vec![Value::List(vec![element])]).await.unwrap();
        site
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    pub fn proxy(&self, user: &str, group: &str) -> Identity {
        self.pki.user(user).proxy().group(group).build()
    }

    pub fn tls_of(&self, identity: &Identity) -> Arc<rustls::ClientConfig> {
        self.tls(Some(identity))
    }

    fn tls(&self, identity: Option<&Identity>) -> Arc<rustls::ClientConfig> {
        let trust = TrustStore::open(Settings::new(self.pki.directory())).unwrap();
        let verifier = Arc::new(ServerVerifier::new(Arc::new(trust)));
        let file = self.file("x509up");
        let credential = identity.map(|identity| {
            identity.write_proxy(&file);
            Credential::from_proxy(&file).unwrap()
        });
        client_config(verifier, credential.as_ref()).unwrap()
    }

    /// The native client, with somebody's proxy.
    pub fn client(&self, identity: &Identity) -> Client {
        let port = self.running.diset_address().unwrap().port();
        let url = format!("dips://localhost:{port}/Bookkeeping/SBK");
        Client::new(&url, self.tls(Some(identity))).unwrap()
    }

    /// A connection to the port of DISET, or of HTTPS.
    pub async fn connect(&self, identity: Option<&Identity>, diset: bool) -> TlsStream<TcpStream> {
        let address =
            if diset { self.running.diset_address().unwrap() } else { self.running.address() };
        let stream = TcpStream::connect(address).await.unwrap();
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(self.tls(identity)).connect(name, stream).await.unwrap()
    }

    /// Asks over HTTPS, and gives status, headers and body.
    pub async fn ask(
        &self,
        identity: Option<&Identity>,
        head: &str,
        body: &[u8],
    ) -> (u16, String, Vec<u8>) {
        let mut stream = self.connect(identity, false).await;
        let head = format!(
            "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        // Who is refused in the handshake learns of it here.
        let _ = stream.read_to_end(&mut answer).await;
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(0);
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        (status, head, answer[(end + 4).min(answer.len())..].to_vec())
    }

    /// Calls a method over HTTPS.
    pub async fn form(
        &self,
        identity: Option<&Identity>,
        fields: &[(&str, &str)],
    ) -> (u16, String, Vec<u8>) {
        let mut body = String::new();
        for (name, value) in fields {
            let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            body.push_str(&format!("{name}={value}&"));
        }
        let head = "POST /Bookkeeping/SBK HTTP/1.1\r\n\
                    Content-Type: application/x-www-form-urlencoded";
        self.ask(identity, head, body.trim_end_matches('&').as_bytes()).await
    }
}

/// A list of texts.
pub fn list(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::from(*text)).collect())
}

/// The text of a value within dictionaries.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}
