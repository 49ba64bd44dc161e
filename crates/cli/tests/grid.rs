//! Commands over HTTPS, with a proxy.
#![allow(clippy::pedantic)]
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use sbk_server::Config;
use sbk_testkit::pki::TestPki;

const CFG: &str = "
Registry
{
  Users
  {
    alice
    {
      DN = /C=ch/O=SBK/CN=alice
    }
  }
  Groups
  {
    admin
    {
      Users = alice
      Properties = ServiceAdministrator
      VO = superb
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
        }
      }
    }
  }
}
";

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_the_proxy_of_whoever_runs_them() {
    let work = tempfile::tempdir().unwrap();
    let file = |name: &str| work.path().join(name);
    let pki = TestPki::new(work.path());
    pki.host().write(&file("hostcert.pem"), &file("hostkey.pem"));
    std::fs::write(file("dirac.cfg"), CFG).unwrap();
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.database.url = format!("sqlite:{}", file("sbk.db").display());
    config.tls.certificate = file("hostcert.pem");
    config.tls.key = file("hostkey.pem");
    config.tls.ca_directory = pki.directory();
    config.dirac.configuration = file("dirac.cfg");
    let running = sbk_server::start(&config).await.unwrap();
    let server = format!("https://localhost:{}", running.address().port());
    let alice = pki.user("alice");
    alice.proxy().group("admin").build().write_proxy(&file("alice"));
    pki.user("mallory").proxy().group("admin").build().write_proxy(&file("mallory"));
    let run = async |proxy: &str, arguments: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sbk"));
        command
            .args(["--server", &server])
            .args(arguments)
            .env("X509_USER_PROXY", file(proxy))
            .env("X509_CERT_DIR", pki.directory());
        for name in ["SBK_SERVER", "SBK_DATABASE", "SBK_VO", "SBK_CONFIG", "SBK_TOKEN"] {
            command.env_remove(name);
        }
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    };

    let declared = run("alice", &["community", "declare", "superb"]).await;
    let listed = run("alice", &["community", "list", "--plain"]).await;
    let refused = run("mallory", &["community", "list"]).await;
    let absent = run("nobody", &["community", "list"]).await;

    assert!(declared.status.success(), "{declared:?}");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("superb"), "{listed:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not known"), "{refused:?}");
    assert!(String::from_utf8_lossy(&absent.stderr).contains("X509_USER_PROXY"), "{absent:?}");
}
