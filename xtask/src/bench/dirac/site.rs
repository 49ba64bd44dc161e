//! The two servers, and the stock client.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// The stock client's pings: prints the median in milliseconds.
const PINGS: &str = r#"
import statistics, sys, time
import DIRAC
DIRAC.gLogger.setLevel("FATAL")
from DIRAC.Core.Base.Script import Script
Script.disableCS()
Script.localCfg.disableParsingCommandLine()
Script.initialize(ignoreErrors=True)
from DIRAC.Core.Base.Client import Client
client = Client(url=sys.argv[1])
times = []
for count in range(60):
    began = time.perf_counter()
    result = client.ping()
    assert result["OK"], result
    times.append(time.perf_counter() - began)
print(1000 * statistics.median(times[10:]))
"#;

/// SBK and a real Configuration server, with the users of the testbed.
pub struct Site {
    pub diset: String,
    pub https: String,
    pub peer: String,
    pub peer_pid: u32,
    pub testbed: PathBuf,
    sbk: Child,
    cs: Child,
    work: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        for child in [&mut self.sbk, &mut self.cs] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Site {
    pub fn start() -> Result<Self> {
        let here = env::current_dir()?;
        let testbed =
            env::var_os("SBK_TESTBED").map_or_else(|| here.join("target/testbed"), PathBuf::from);
        let installed = Command::new("testbed/install.sh").env("SBK_TESTBED", &testbed).status()?;
        ensure!(installed.success(), "the DIRAC client cannot be installed");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built =
            Command::new(cargo).args(["build", "--quiet", "--release", "--bin=sbk"]).status()?;
        ensure!(built.success(), "the service cannot be built");
        let work = tempfile::Builder::new().prefix("sbk-bench-").tempdir()?;
        let (cs, peer) = configuration_server(&testbed, work.path())?;
        let (sbk, https, diset) = service(&testbed, work.path())?;
        let peer_pid = cs.id();
        Ok(Self { diset, https, peer, peer_pid, testbed, sbk, cs, work })
    }

    pub fn pid(&self) -> u32 {
        self.sbk.id()
    }

    /// The median of the stock client's pings, in milliseconds.
    pub fn stock_ping_ms(&self, url: &str) -> Result<f64> {
        let file = self.work.path().join("client.cfg");
        let python = self.testbed.join("venv/bin/python");
        let arguments = ["testbed/config.py", "client", "local", "--url", url, "-o"];
        let written = Command::new(&python)
            .args(arguments)
            .arg(&file)
            .env("SBK_TESTBED", &self.testbed)
            .status()?;
        ensure!(written.success(), "the client's configuration cannot be written");
        let output = Command::new(&python)
            .args(["-c", PINGS, url])
            .env("DIRACSYSCONFIG", &file)
            .env("DIRAC_NO_CFG", "1")
            .env("PYTHONWARNINGS", "ignore")
            .env("X509_CERT_DIR", self.testbed.join("pki/grid-security/certificates"))
            .env("X509_USER_PROXY", self.testbed.join("pki/proxies/user"))
            .env_remove("REQUESTS_CA_BUNDLE")
            .env_remove("CURL_CA_BUNDLE")
            .env_remove("SSL_CERT_FILE")
            .env_remove("SSL_CERT_DIR")
            .stderr(Stdio::inherit())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().context("the stock client printed nothing")?;
        last.trim().parse().with_context(|| format!("the stock client printed {last:?}"))
    }
}

fn configuration_server(testbed: &Path, work: &Path) -> Result<(Child, String)> {
    let mut child = Command::new(testbed.join("venv/bin/python"))
        .args(["testbed/cs.py", "run", "--dir"])
        .arg(work.join("cs"))
        .env("SBK_TESTBED", testbed)
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().context("the output was just redirected")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let ready = lines.find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
    Ok((child, ready.context("the Configuration server did not start")?))
}

fn service(testbed: &Path, work: &Path) -> Result<(Child, String, String)> {
    let pki = testbed.join("pki/grid-security");
    let file = work.join("sbk.toml");
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n[database]\nurl = 'sqlite:{work}/sbk.db'\n\
         [tls]\ncertificate = '{pki}/hostcert.pem'\nkey = '{pki}/hostkey.pem'\n\
         ca_directory = '{pki}/certificates'\n\
         [dirac]\ndiset = '127.0.0.1:0'\nconfiguration = '{work}/cs/client.cfg'\n",
        work = work.display(),
        pki = pki.display(),
    );
    std::fs::write(&file, config)?;
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let mut child = Command::new(Path::new(&target).join("release/sbk"))
        .args(["serve", "--config"])
        .arg(&file)
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take().context("the errors were just redirected")?;
    let mut lines = BufReader::new(errors).lines().map_while(Result::ok);
    let mut port = |start: &str| -> Result<String> {
        let line = lines.find(|line| line.contains(start)).context("the service did not start")?;
        let rest = line.split_once("127.0.0.1:").context("no port")?.1.to_owned();
        Ok(rest.chars().take_while(char::is_ascii_digit).collect())
    };
    let https = format!("https://localhost:{}/Bookkeeping/SBK", port("sbk listens on https://")?);
    let diset = format!("dips://localhost:{}/Bookkeeping/SBK", port("dips://")?);
    std::thread::spawn(move || lines.for_each(drop));
    Ok((child, https, diset))
}
