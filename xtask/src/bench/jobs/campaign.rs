use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// How campaigns are played against a server.
#[derive(Debug)]
pub struct Campaign<'a> {
    program: &'a Path,
    address: SocketAddr,
    /// Whether something goes wrong.
    rough: bool,
}

/// What the program says of a campaign.
#[derive(Debug)]
pub struct Played {
    pub jobs: u64,
    pub rate: f64,
    pub first_ms: f64,
    pub last_ms: f64,
}

impl<'a> Campaign<'a> {
    /// Each job reports once, and does well.
    pub fn calm(program: &'a Path, address: SocketAddr) -> Self {
        Self { program, address, rough: false }
    }

    /// Jobs fail, workers are lost, reports repeat, come late and contradict one another.
    pub fn rough(program: &'a Path, address: SocketAddr) -> Self {
        Self { program, address, rough: true }
    }

    /// Plays a campaign, which is proved at its end.
    pub fn play(&self, name: &str, jobs: u64, batch: u32, connections: u32) -> Result<Played> {
        let mut command = Command::new(self.program);
        command
            .args(["simulate", "campaign", "--json", "--production", name])
            .args(["--server", &format!("http://{}", self.address)])
            .args(["--jobs", &jobs.to_string(), "--batch", &batch.to_string()])
            .args(["--connections", &connections.to_string()]);
        if !self.rough {
            for share in ["--repeated", "--late", "--conflicting", "--lost", "--failing"] {
                command.args([share, "0"]);
            }
        }
        let output = command.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        ensure!(output.status.success(), "the campaign {name} failed: {text}");
        let value: serde_json::Value = serde_json::from_str(&text)?;
        let number = |name: &str| value[name].as_f64().with_context(|| format!("no {name}"));
        Ok(Played {
            jobs: value["jobs"].as_u64().context("no jobs")?,
            rate: number("rate")?,
            first_ms: number("first_ms")?,
            last_ms: number("last_ms")?,
        })
    }
}
